"""pg_hba.conf as five distributions' packages and two operators make it, and such as nobody should have, through require-tls and audit.
What the rules mean is asked of the server, by whoever comes."""

import itertools
import json
import random
import time

import psycopg2
import pytest

from hba_files import BEFORE, FAR, HORRORS, MADE, NEAR, NOT_WIDER, SHUT_OUT, WIDER, come, is_refused, network, rules_by_chance  # noqa: F401
from local_cas import data
from machines import HERE, LIBPQS
from postgres import NAMES, PASSWORD, SUPERUSER, USER
from services import bootstrap, write

pytestmark = pytest.mark.plain_build

# By TLS, which takes time, from one of the addresses of each kind.
COMERS = [(address, user, database, tls) for address, user, database, tls in itertools.product(
    NEAR + FAR, (USER, "other"), (USER, "replication"), (False, True)) if not tls or address in (NEAR[0], FAR[0])]


@pytest.fixture(scope="module", params=[
    pytest.param(version, marks=[] if release == HERE else pytest.mark.whole) for version, release in LIBPQS.items()])
def servers(request, postgres_of):
    """Clusters of a version of the server."""
    return postgres_of(request.param)


@pytest.fixture(scope="module")
def server(servers, stepca, network):
    server = servers.start(*stepca.issue(*NAMES), hba=BEFORE, settings={"listen_addresses": "127.0.0.1, ::1"}, before=network)
    for words in (f"CREATE ROLE auditor LOGIN SUPERUSER PASSWORD '{PASSWORD}'", "CREATE ROLE other LOGIN", "CREATE ROLE grp",
                  f"GRANT grp TO {USER}"):
        sql(server, words)
    (data(server) / "names").write_text(f"{USER}, \"postgres\"\n")
    yield server
    server.stop()


@pytest.fixture
def auditor(home, stepca, server):
    bootstrap(home, stepca)
    write(home, f"[prod]\nhost=localhost\nhostaddr=127.0.0.1\nport={server.port}\nuser=auditor\ndbname=postgres\npassword={PASSWORD}\nsslmode=verify-full\n"
          "gssencmode=disable\n")
    return home


def sql(server, words):
    connection = psycopg2.connect(f"{server.superuser} dbname=postgres")
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(words)
            return cursor.fetchall() if cursor.description else None
    finally:
        connection.close()


def load(server, text):
    (data(server) / "pg_hba.conf").write_bytes(text.encode())
    assert sql(server, "SELECT line_number, error FROM pg_hba_file_rules WHERE error IS NOT NULL") == []
    before = sql(server, "SELECT pg_conf_load_time()")
    sql(server, "SELECT pg_reload_conf()")
    end = time.monotonic() + 120
    while sql(server, "SELECT pg_conf_load_time()") == before:
        assert time.monotonic() < end


def run_require(home, network, server, *words):
    return home.run([*network, home.program.binary, "server", "require-tls", "--data-dir", data(server), "--user", SUPERUSER, *words])


def require(home, network, server, *words):
    done = run_require(home, network, server, *words)
    assert done.returncode == 0, (done.stdout, done.stderr)
    return json.loads(done.stdout)


def rules_without_tls(home, network):
    done = home.run([*network, home.program.binary, "audit", "prod", "--json"], env={"PGSYSCONFDIR": home / "machine"})
    (seen,) = json.loads(done.stdout)["servers"]
    assert seen["audited"], (seen, done.stderr)
    return {int(one["object"].rsplit(":")[-1]) for one in seen["findings"] if one["id"] == "rule-without-tls"}


def is_well(comer, before, after):
    """Whoever has TLS is answered as before. Who has not, and comes from far away, gets in no more; from here not easier than before."""
    address, _, _, tls = comer
    return after == before if tls else is_refused(after) or (address in NEAR and (after != "trust" or before == "trust"))


def walk(home, network, server, text):
    """The numbers of the lines that let somebody in without TLS, by audit, and of those that require-tls changes; all else is looked at
    on the way."""
    path = data(server) / "pg_hba.conf"
    before = come(network, server, COMERS)
    weak = rules_without_tls(home, network)
    told = require(home, network, server, "--yes", "--json")
    after = come(network, server, COMERS)
    assert [one for one in COMERS if not is_well(one, before[one], after[one])] == [], path.read_text()
    assert rules_without_tls(home, network) == set()
    changed = {one["line"] for one in told["changes"]}
    assert weak <= changed
    if changed:
        assert require(home, network, server, "--undo", "--json")["left"] == 0
    assert path.read_bytes() == text.encode()
    return weak, changed


OPENED = f"host all {USER} 10.0.0.0/8 scram-sha-256\nhost replication {USER} 2001:db8::/32 md5\n"


@pytest.mark.parametrize("maker", MADE)
def test_as_it_is_made(auditor, network, server, servers, maker):
    """And with what an administrator adds for clients and standbys."""
    make, without_tls = MADE[maker]
    text = BEFORE + make((servers.template() / "pg_hba.conf").read_text())
    lines = text.splitlines()
    load(server, text)
    changes = require(auditor, network, server, "--dry-run", "--json")["changes"]
    assert [one["before"] for one in changes] == without_tls
    load(server, text + OPENED)
    weak, changed = walk(auditor, network, server, text + OPENED)
    added = {len(lines) + 1, len(lines) + 2}
    assert changed == {one["line"] for one in changes} | added
    # Where all the world is let in, or refused without TLS, nobody gets to the clients' own rule.
    assert weak == changed - ({len(lines) + 1} if without_tls or maker == "spilo" else set())


@pytest.mark.parametrize("horror", HORRORS)
def test_horrors(auditor, network, server, horror):
    text, without_tls, *hidden = HORRORS[horror]
    load(server, BEFORE + text)
    weak, changed = walk(auditor, network, server, BEFORE + text)
    assert changed == without_tls and weak == changed.difference(hidden)


def test_nobody_gets_in_easier_than_before(home, network, server):
    for text in WIDER.values():
        load(server, BEFORE + text)
        done = run_require(home, network, server, "--yes")
        assert done.returncode == 1 and "pg_hba.conf, line 4: who comes from this machine without TLS would get in by its " in done.stderr, (text, done)
        assert (data(server) / "pg_hba.conf").read_text() == BEFORE + text
    for text, changed in NOT_WIDER.values():
        load(server, BEFORE + text)
        before = come(network, server, COMERS)
        assert {one["line"] for one in require(home, network, server, "--yes", "--json")["changes"]} == changed
        after = come(network, server, COMERS)
        assert all(is_well(one, before[one], after[one]) for one in COMERS), text


def test_whoever_has_no_other_way_than_without_tls_is_told(home, network, server):
    for text, lines in SHUT_OUT.values():
        load(server, BEFORE + text)
        assert [one["line"] for one in require(home, network, server, "--dry-run", "--json", "--lock-out")["shut_out"]] == lines, text
        done = run_require(home, network, server, "--dry-run")
        assert (done.returncode, "--lock-out" in done.stderr) == ((1, True) if lines else (0, False)), (text, done)


# By all ways, to one's own database and to others.
EVERYBODY = list(itertools.product(NEAR + FAR, (USER, "other"), (USER, "postgres", "replication"), (False, True)))


def is_let_in(answers, address, user, database, tls):
    return not is_refused(answers[address, user, database, tls])


@pytest.mark.parametrize("seed", range(6))
def test_whoever_is_locked_out_was_told_of(home, network, server, seed):
    """By rules made by chance: whoever gets in without TLS before, and afterwards neither with it nor without, comes by a rule that is
    told; and where all are told, one of these is a client, or somebody else, who is."""
    chance = random.Random(seed)
    for _ in range(3):
        text = BEFORE + rules_by_chance(chance, 6)
        load(server, text)
        told = run_require(home, network, server, "--dry-run", "--json", "--lock-out")
        if told.returncode != 0:  # nobody is to get in easier than before
            assert "would get in by its" in told.stderr, (text, told)
            continue
        rules = json.loads(told.stdout)["shut_out"]
        before = come(network, server, EVERYBODY)
        require(home, network, server, "--yes", "--json", "--lock-out")
        after = come(network, server, EVERYBODY)
        out = [one[:3] for one in EVERYBODY if not one[3] and is_let_in(before, *one) and not is_let_in(after, *one)
               and not is_let_in(after, *one[:3], True)]
        assert not out or rules, (text, out)
        named = [(rule["address"], rule["user"], rule["database"]) for rule in rules]
        assert [one for one in named if (*one, False) in before and one not in out] == [], (text, named, out)
        if json.loads(told.stdout)["changes"]:
            require(home, network, server, "--undo", "--json")
