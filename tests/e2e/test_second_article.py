"""The article "Enabling SSL in PostgreSQL", with pganchor in the place of each step that it does by hand, on every PostgreSQL: a server
with a standby, a subscriber, a foreign server, and clients that keep their sessions. What is so is asked of the server, not of pganchor.
"""

import contextlib
import json
import time

import psycopg2
import pytest

from local_cas import data, pin_of, state
from machines import HERE, LIBPQS
from postgres import SUPERUSER, USER
from services import write
from test_server_enable_tls import asked_for_tls

pytestmark = pytest.mark.plain_build

RULES = f"""\
local all {SUPERUSER} peer map=tests
# The clients, and those that replicate.
host all {USER} 0.0.0.0/0 scram-sha-256
host\treplication {USER} all scram-sha-256 # the standby's
host all auditor all scram-sha-256
"""
REQUIRED = RULES.replace("\nhost ", "\nhostssl ").replace("\nhost\t", "\nhostssl\t")
LOCAL = f"local all {SUPERUSER} peer map=tests\n"
SECONDS = 120
# Whoever lost its connection comes back at once, and not in 5 s.
AGAIN = {"wal_level": "logical", "wal_retrieve_retry_interval": "100ms"}


def sql(server, text, dbname=USER):
    with contextlib.closing(psycopg2.connect(f"{server.superuser} dbname={dbname}")) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(text)
            return cursor.fetchall() if cursor.description else None


def eventually(server, text, wanted):
    """Wait until this is the server's answer."""
    end = time.monotonic() + SECONDS
    while (answer := sql(server, text)) != wanted:
        assert time.monotonic() < end, f"{text}: {answer}, and never {wanted}\n{server.daemon.text()[-3000:]}"
        sql(server, "SELECT pg_sleep(0.05)")


class Client:
    """A session that stays."""

    def __init__(self, server, sslmode):
        self.connection = psycopg2.connect(server.conninfo(sslmode=sslmode, sslrootcert=None, gssencmode="disable"))
        self.connection.autocommit = True
        self.pid = self.connection.get_backend_pid()

    def encrypted(self):
        """What the server says of this session, asked in it."""
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            return cursor.fetchone()[0]

    def ended(self):
        with pytest.raises(psycopg2.OperationalError):
            self.encrypted()
        return True


def let_in(server, sslmode):
    """Whether a new connection is, and then whether it is encrypted."""
    try:
        client = Client(server, sslmode)
    except psycopg2.OperationalError:
        return None
    with contextlib.closing(client.connection):
        return client.encrypted()


# Sessions of clients; those that have just ended may be there for a moment.
PLAIN = ("SELECT count(*) FROM pg_stat_activity JOIN pg_stat_ssl USING (pid) "
         "WHERE backend_type = 'client backend' AND client_addr IS NOT NULL AND NOT ssl")
SENDERS = "SELECT application_name, ssl FROM pg_stat_replication JOIN pg_stat_ssl USING (pid) WHERE state = 'streaming' ORDER BY 1"


class Town:
    """The server, and those that connect to it: the standby by libpq's default, the subscriber without TLS, a foreign server by the
    default, too."""

    def __init__(self, clusters, ends):
        self.server = self.start(ends, clusters, hba=RULES, settings=AGAIN)
        sql(self.server, f"ALTER ROLE {USER} REPLICATION", "postgres")
        sql(self.server, f"CREATE ROLE auditor LOGIN SUPERUSER PASSWORD '{self.server.password}'", "postgres")
        sql(self.server, "CREATE TABLE t (i int); GRANT SELECT ON t TO app")
        sql(self.server, "CREATE PUBLICATION p FOR TABLE t")
        sql(self.server, "CREATE VIEW me AS SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid(); GRANT SELECT ON me TO app")
        self.standby = self.start(ends, clusters, hba=LOCAL, settings=AGAIN, copy=clusters.base_backup(
            self.server.conninfo(dbname=None, application_name="standby", gssencmode="disable")))
        self.other = self.start(ends, clusters, hba=LOCAL, settings=AGAIN)
        sql(self.other, "CREATE TABLE t (i int)")
        sql(self.other, f"CREATE SUBSCRIPTION s CONNECTION '{self.way('disable')}' PUBLICATION p")
        sql(self.other, "CREATE EXTENSION postgres_fdw")
        sql(self.other, "CREATE SERVER f FOREIGN DATA WRAPPER postgres_fdw "
            f"OPTIONS (host 'localhost', port '{self.server.port}', dbname '{USER}')")
        sql(self.other, f"CREATE USER MAPPING FOR PUBLIC SERVER f OPTIONS (user '{USER}', password '{self.server.password}')")
        sql(self.other, "CREATE FOREIGN TABLE far (ssl bool) SERVER f OPTIONS (table_name 'me')")

    @staticmethod
    def start(ends, clusters, **settings):
        server = clusters.start(**settings)
        ends.callback(server.stop)
        return server

    def way(self, sslmode):
        return self.server.conninfo(sslmode=sslmode, gssencmode="disable").replace("'", "''")

    def replicated(self, number):
        """A row gets to the standby and to the subscriber."""
        sql(self.server, f"INSERT INTO t VALUES ({number})")
        for server in self.standby, self.other:
            eventually(server, f"SELECT count(*) FROM t WHERE i = {number}", [(1,)])

    def far(self):
        """Whether the foreign server's own new connection is encrypted."""
        return sql(self.other, "SELECT ssl FROM far")[0][0]


@pytest.fixture
def make_town(postgres_of):
    with contextlib.ExitStack() as ends:
        yield lambda version: Town(postgres_of(version), ends)


def run(home, server, command, *words, exit=0):
    done = home.pganchor("server", command, "--data-dir", data(server), "--user", SUPERUSER, *words)
    assert done.returncode == exit, (done.stdout, done.stderr)
    return done


def step(command, home, server, *words):
    """A step of pganchor's, and what it has told of it."""
    done = home.pganchor("server", command, "--data-dir", data(server), "--user", SUPERUSER, "--json", *words)
    assert done.returncode == 0, (done.stdout, done.stderr)
    return json.loads(done.stdout)


def audited(home, service="prod"):
    """What audit finds: {id: [what of]}."""
    done = home.pganchor("audit", service, "--json", env={"PGSYSCONFDIR": home / "machine"})
    (seen,) = json.loads(done.stdout)["servers"]
    assert seen["audited"], seen
    found = {}
    for finding in seen["findings"]:
        found.setdefault(finding["id"], []).append(finding["object"])
    return found


def services(home, town):
    """prod is the server over the network; the two others by their sockets."""
    local = "".join(f"[{name}]\nhost={server.socket_dir}\nport={server.port}\nuser={SUPERUSER}\ndbname={USER}\n"
                    for name, server in (("standby", town.standby), ("other", town.other)))
    write(home, f"[prod]\nhost=localhost\nport={town.server.port}\nuser=auditor\ndbname={USER}\npassword={town.server.password}\n"
          f"sslmode=verify-full\nsslrootcert={home.path}/.config/pganchor/anchors/local.crt\ngssencmode=disable\n{local}")


def switch_on(home, town, clients):
    server = town.server
    # The article's first try, without a certificate: here nothing is changed by it.
    before = state(server)
    done = home.pganchor("server", "enable-tls", "--data-dir", data(server), "--user", SUPERUSER, "--yes")
    assert done.returncode == 1 and "server.crt" in done.stderr and state(server) == before, done.stderr
    for words in ("create",), ("issue", "localhost", "127.0.0.1", "-o", home / "own"):
        done = home.pganchor("ca", "local", *words)
        assert done.returncode == 0, done.stderr
    report = step("enable-tls", home, server, "--cert", home / "own.crt", "--key", home / "own.key", "--host", "localhost", "--yes")
    assert report["proved"] and report["served"] == asked_for_tls(server) == pin_of(home / "own.crt")
    # Nobody has to use it yet, and nobody does who came before.
    assert [let_in(server, mode) for mode in ("require", "prefer", "disable")] == [True, True, False]
    assert not any(client.encrypted() for client in clients)
    assert sql(server, SENDERS) == [("s", False), ("standby", False)]
    assert town.far() is True


def require(home, town, clients):
    server = town.server
    eventually(server, PLAIN, [(len(clients),)])
    told = step("require-tls", home, server, "--dry-run")
    assert sorted((one["kind"], one["application"]) for one in told["locked_out"]) == [
        ("client backend", ""), ("client backend", ""), ("walsender", "s"), ("walsender", "standby")]
    assert {one["pid"] for one in told["locked_out"]} >= {client.pid for client in clients}
    assert (data(server) / "pg_hba.conf").read_text() == RULES
    assert step("require-tls", home, server, "--yes")["proved"]
    assert (data(server) / "pg_hba.conf").read_text() == REQUIRED
    assert [let_in(server, mode) for mode in ("require", "prefer", "disable")] == [True, True, None]
    assert town.far() is True
    # A reload ends nobody.
    assert not any(client.encrypted() for client in clients)
    assert sql(server, SENDERS) == [("s", False), ("standby", False)]
    town.replicated(1)


def look_and_end(home, town, clients):
    server = town.server
    services(home, town)
    # What connects to it is seen where that is set up.
    # pg_basebackup -R of newer ones writes what this machine's libpq may not know.
    assert {"receiver-weak", "outward-not-judged"} & audited(home, "standby").keys()
    assert [audited(home, "other")[finding] for finding in ("subscription-weak", "foreign-server-weak")] == [["s"], ["f"]]
    eventually(server, PLAIN, [(len(clients),)])
    with contextlib.closing(Client(server, "require").connection) as encrypted:
        found = audited(home)
        assert sorted(found["session-without-tls"]) == sorted(str(client.pid) for client in clients)
        assert len(found["standby-without-tls"]) == 2 and "rule-without-tls" not in found
        done = home.pganchor("audit", "prod", "--terminate-unencrypted", "--yes", env={"PGSYSCONFDIR": home / "machine"})
        assert all(f"process {client.pid}: ended\n" in done.stdout and client.ended() for client in clients), (done.stdout, done.stderr)
        assert encrypted.closed == 0 and sql(server, f"SELECT ssl FROM pg_stat_ssl WHERE pid = {encrypted.get_backend_pid()}") == [(True,)]
    # The standby comes back as libpq prefers it, and the subscriber not, until it is told to use TLS.
    eventually(server, SENDERS, [("standby", True)])
    town.other.daemon.wait_for("could not connect to the publisher: .*pg_hba.conf")
    sql(town.other, f"ALTER SUBSCRIPTION s CONNECTION '{town.way('require')}'")
    eventually(server, SENDERS, [("s", True), ("standby", True)])
    town.replicated(2)
    assert not {"session-without-tls", "standby-without-tls", "rule-without-tls"} & audited(home).keys()


def switch_off(home, town, before):
    """In the article's order: nobody is locked out in between, and at last all is as it was."""
    server = town.server
    with contextlib.closing(Client(server, "prefer").connection) as stays:
        report = step("disable-tls", home, server, "--yes")
        assert (report["proved"], report["tls"]) == (True, False) and asked_for_tls(server) is None
        assert (data(server) / "pg_hba.conf").read_text() == RULES
        assert [let_in(server, mode) for mode in ("require", "prefer", "disable")] == [None, False, False]
        assert stays.closed == 0 and sql(server, f"SELECT ssl FROM pg_stat_ssl WHERE pid = {stays.get_backend_pid()}") == [(True,)]
    step("undo", home, server, "--yes")
    assert asked_for_tls(server) == pin_of(home / "own.crt")
    assert [let_in(server, mode) for mode in ("require", "disable")] == [True, False]
    step("undo", home, server, "--yes")
    assert asked_for_tls(server) is None and let_in(server, "disable") is False
    assert state(server) == before
    sql(town.other, f"ALTER SUBSCRIPTION s CONNECTION '{town.way('disable')}'")
    town.replicated(3)


@pytest.mark.parametrize("version", [
    pytest.param(version, marks=[] if release == HERE else pytest.mark.whole) for version, release in LIBPQS.items()])
def test_on_required_audited_and_off_again(home, make_town, version):
    town = make_town(version)
    assert sql(town.server, "SELECT current_setting('server_version_num')::int / 10000") == [(version,)]
    before = state(town.server)
    clients = [Client(town.server, mode) for mode in ("prefer", "disable")]
    town.replicated(0)
    assert town.far() is False and asked_for_tls(town.server) is None
    switch_on(home, town, clients)
    require(home, town, clients)
    look_and_end(home, town, clients)
    switch_off(home, town, before)
