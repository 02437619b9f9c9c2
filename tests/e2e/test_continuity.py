"""continuity: the gate remembers the keys that servers have shown. A second key for the same name, signed by the very CA that is
trusted and pinned, as somebody gets it who has broken into the CA, connects under plain verify-full and not under the gate."""

import json
import os
import re
import subprocess
import threading

import pytest

from audited import PYTHON, audited  # noqa: F401
from certificates import make_root
from gated import anchored, run_gated, write_anchor  # noqa: F401
from policies import open_to_all
from postgres import PASSWORD
from recording import Relay

KNOWN = ".config/pganchor/known_servers.conf"
CHANGED = "its certificate is for another key than before"
FORGOT = "its key could not be remembered (continuity): "
SSL = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
OTHER = "0" * 64


@pytest.fixture
def policy(anchored):
    def write(text):
        directory = anchored / ".config/pganchor"
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "policy.conf").write_text(text)

    return write


@pytest.fixture
def server(relay, postgres):
    """The good server, behind a port that can be another's tomorrow."""
    return relay(postgres.port)


@pytest.fixture
def conninfo(server, postgres):
    return postgres.conninfo(port=server.port, sslmode="verify-full")


def psql(home, conninfo, **kwargs):
    return run_gated(home, ["psql", "-XAtc", SSL, conninfo], **kwargs)


def key_of(certificate):
    """The SHA-256 of its SubjectPublicKeyInfo, as openssl has it."""
    der = subprocess.run("openssl x509 -noout -pubkey | openssl pkey -pubin -outform der", shell=True, check=True,
                         input=certificate.read_bytes(), stdout=subprocess.PIPE).stdout
    return subprocess.run(["openssl", "dgst", "-sha256", "-r"], check=True, input=der, stdout=subprocess.PIPE).stdout.decode().split()[0]


def lines(home):
    file = home / KNOWN
    return [line for line in file.read_text().splitlines() if not line.startswith("#")] if file.exists() else []


def states(home):
    return [line.split()[0] for line in lines(home)]


@pytest.fixture
def take_over(server, stepca, recording_server, tmp_path):
    """take_over(issued or authority): somebody whom the CA has signed another key for the server's name; from now on at its port."""
    def make(authority=None, issued=None):
        issued = issued or (authority or stepca.authority()).issue(tmp_path, "localhost", "127.0.0.1")
        other = recording_server(b"S", issued=issued)
        server.target = other.port
        other.certificate = issued[0]
        return other

    return make


@pytest.fixture
def seen(anchored, policy, conninfo):
    """The home, where the policy requires continuity and the server's key has been seen."""
    policy("continuity = require\n")
    done = psql(anchored, conninfo)
    assert (done.stdout, states(anchored)) == ("t\n", ["seen"]), done.stderr
    return anchored


def asked_for_password(other):
    return [record.requests for record in other.finish()]


# ---- the CVEs in small ----

@pytest.mark.parametrize("trust", ["pinned", "verified"])
def test_a_second_key_of_the_same_ca_gets_nothing(anchored, policy, stepca, conninfo, take_over, trust):
    policy(f"trust = {trust}\ncontinuity = require\n")
    write_anchor(anchored, "test", stepca.fingerprint, hosts="localhost")
    assert psql(anchored, conninfo).stdout == "t\n"
    other = take_over()
    refused = psql(anchored, conninfo)
    assert refused.returncode == 2 and CHANGED in refused.stderr and "pganchor anchor accept localhost:" in refused.stderr
    anchored.run(["psql", "-XAtc", SSL, conninfo])
    gated, plain = other.finish()
    assert gated.requests == ["ssl"] and gated.inside == b"", "something of PostgreSQL went to it"
    assert "password" in plain.requests and PASSWORD.encode() in plain.inside, "plain verify-full believes it"


def second_key_in(home, stepca, postgres, relay, recording_server, tmp_path):
    """What comes of it in this home, whose programs have a libpq of its own."""
    server = relay(postgres.port)
    (home / ".postgresql").mkdir()
    (home / ".postgresql/root.crt").write_text(stepca.root_pem)
    (home / ".config/pganchor").mkdir(parents=True)
    (home / ".config/pganchor/policy.conf").write_text("continuity = require\n")
    conninfo = postgres.conninfo(port=server.port, sslmode="verify-full")
    assert psql(home, conninfo).stdout == "t\n"
    other = recording_server(b"S", issued=stepca.authority().issue(tmp_path, "localhost"))
    server.target = other.port
    assert CHANGED in psql(home, conninfo).stderr
    assert asked_for_password(other) == [["ssl"]]


@pytest.mark.no_instruments
@pytest.mark.parametrize("version", [17, 18, 19])
def test_with_every_libpq(rooted_home, stepca, postgres, relay, recording_server, tmp_path, version):
    second_key_in(rooted_home(version), stepca, postgres, relay, recording_server, tmp_path)


@pytest.mark.no_instruments
def test_with_calls_that_cannot_be_seen(built_home, stepca, postgres, relay, recording_server, tmp_path):
    second_key_in(built_home("bsymbolic"), stepca, postgres, relay, recording_server, tmp_path)


# ---- what is remembered ----

def test_the_first_key_is_remembered_as_openssl_calls_it(anchored, policy, conninfo, server, postgres):
    policy("continuity = require\n")
    for _ in range(3):
        assert psql(anchored, conninfo).stdout == "t\n"
    first, *others = lines(anchored)
    assert others == []
    assert re.fullmatch(rf'seen host="localhost" port="{server.port}" key="{key_of(postgres.cert)}" issuer="[0-9a-f]{{64}}" '
                        r'time="[0-9]{10}" program="psql"', first)
    assert (anchored / KNOWN).stat().st_mode & 0o777 == 0o600


def test_nothing_is_remembered_where_the_policy_does_not_ask(anchored, conninfo, take_over):
    assert psql(anchored, conninfo).stdout == "t\n"
    other = take_over()
    psql(anchored, conninfo)
    assert "password" in asked_for_password(other)[0]
    assert not (anchored / KNOWN).exists()


def test_each_host_and_port_is_a_server_of_its_own(seen, relay, postgres, stepca, recording_server, tmp_path):
    other = recording_server(b"S", issued=stepca.authority().issue(tmp_path, "localhost", "127.0.0.1"))
    for host, port in (("localhost", other.port), ("127.0.0.1", other.port), ("127.0.0.1", postgres.port)):
        psql(seen, postgres.conninfo(host=host, port=port, sslmode="verify-full"))
    assert states(seen) == ["seen"] * 4
    assert all("password" in requests for requests in asked_for_password(other))


@pytest.mark.parametrize("host", ["LOCALHOST", "LocalHost"])
def test_letters_case_makes_no_other_server(seen, conninfo, take_over, host):
    other = take_over()
    assert CHANGED in psql(seen, conninfo.replace("host='localhost'", f"host={host}")).stderr
    assert asked_for_password(other) == [["ssl"]]


# ---- renewal ----

def issue_anew(authority, directory, key=None):
    return authority.issue(directory, "localhost", private=key)


@pytest.fixture
def chain(tmp_path):
    """A root, and two CAs below it: the second is the issuer of tomorrow, or somebody else's."""
    root = make_root("Corporate Root")
    (tmp_path / "ca").mkdir()
    return root, root.intermediate("Issuer 1"), root.intermediate("Issuer 2")


@pytest.mark.parametrize("kept, other, key, expected", [
    ("server", 0, True, True), ("server", 0, False, False), ("server", 1, True, True), ("server", 1, False, False),
    ("issuer", 0, True, True), ("issuer", 0, False, True), ("issuer", 1, True, True), ("issuer", 1, False, False),
])
def test_what_is_a_renewal(anchored, policy, chain, recording_server, relay, postgres, tmp_path, kept, other, key, expected):
    """By its own key or by that of its issuer: as the policy's continuity-key says."""
    root, *issuers = chain
    root.write_root(anchored / ".postgresql/root.crt")
    policy(f"continuity = require\ncontinuity-key = {kept}\n")
    first = issue_anew(issuers[0], tmp_path)
    second = issue_anew(issuers[other], tmp_path / "ca", first[1] if key else None)
    server = relay(recording_server(b"S", issued=first).port)
    conninfo = postgres.conninfo(port=server.port, sslmode="verify-full")
    assert "password authentication failed" in psql(anchored, conninfo).stderr
    renewed = recording_server(b"S", issued=second)
    server.target = renewed.port
    done = psql(anchored, conninfo)
    assert ("password" in asked_for_password(renewed)[0]) == expected
    assert (CHANGED in done.stderr) != expected
    if not expected:
        assert f"signed by {'another' if other else 'the same'} CA key" in done.stderr
        assert key_of(second[0]) in done.stderr


# ---- warn ----

def test_warn_lets_through_and_logs(audited, home, stepca, postgres, relay, recording_server, tmp_path):
    (home / ".postgresql").mkdir()
    (home / ".postgresql/root.crt").write_text(stepca.root_pem)
    (home / ".config/pganchor/policy.conf").write_text("continuity = warn\n")
    server = relay(postgres.port)
    conninfo = postgres.conninfo(port=server.port, sslmode="verify-full")
    done, log = audited("psql", "-XAtc", SSL, conninfo)
    assert (done.stdout, log) == ("t\n", "")
    other = recording_server(b"S", issued=stepca.authority().issue(tmp_path, "localhost"))
    server.target = other.port
    for _ in range(2):
        done, log = audited("psql", "-XAtc", SSL, conninfo)
        assert "password authentication failed" in done.stderr and CHANGED in log and PASSWORD not in log
        assert "pganchor let through the server localhost: " in log and "refused" not in log
    assert all("password" in requests for requests in asked_for_password(other))
    assert states(home) == ["seen", "changed"], "a change is noted once"


def test_audit_mode_refuses_nothing(anchored, policy, conninfo, take_over):
    policy("continuity = require\nmode = audit\n")
    assert psql(anchored, conninfo).stdout == "t\n"
    other = take_over()
    assert CHANGED not in psql(anchored, conninfo).stderr
    assert "password" in asked_for_password(other)[0]


# ---- accept, forget, status ----

@pytest.fixture
def changed(seen, conninfo, take_over):
    """The home, with a second key that waits; home.key is that."""
    other = take_over()
    assert CHANGED in psql(seen, conninfo).stderr
    assert states(seen) == ["seen", "changed"]
    seen.key = key_of(other.certificate)
    return seen


def findings(home):
    report = json.loads(home.pganchor("status", "--json").stdout)
    return [finding for finding in report["findings"] if finding["id"] == "server-key-changed"]


def test_status_tells_of_it_until_it_is_accepted(changed, server, conninfo):
    found, = findings(changed)
    assert found["severity"] == "warning" and changed.key in found["detail"] and "psql" in found["detail"]
    assert f"pganchor anchor accept localhost:{server.port}" in found["hint"]
    assert f"localhost:{server.port} has shown another key than before" in changed.pganchor("status", "--all").stdout
    done = changed.pganchor("anchor", "accept", f"localhost:{server.port}", "--key", changed.key)
    assert (done.returncode, done.stdout) == (0, f"accepted localhost, port {server.port}: key {changed.key}\n")
    assert findings(changed) == [] and states(changed) == ["seen", "changed", "accepted"]
    assert CHANGED not in psql(changed, conninfo).stderr


def test_the_key_that_was_known_stays_good(changed, server, postgres, conninfo):
    """One name may have several servers."""
    assert changed.pganchor("anchor", "accept", "localhost", "--yes").returncode == 0
    assert CHANGED not in psql(changed, conninfo).stderr
    server.target = postgres.port
    assert psql(changed, conninfo).stdout == "t\n"


def test_only_takes_the_other_keys_out(changed, server, postgres, conninfo):
    done = changed.pganchor("anchor", "accept", "localhost", "--yes", "--only", "--json")
    report = json.loads(done.stdout)
    assert [key["is"] for key in report["keys"]] == ["accepted", "forgotten"] and report["file"] == str(changed / KNOWN)
    assert CHANGED not in psql(changed, conninfo).stderr
    server.target = postgres.port
    assert CHANGED in psql(changed, conninfo).stderr


@pytest.mark.parametrize("typed, accepted", [("yes", True), ("KEY", True), ("no", False), ("y", False), (OTHER, False), ("", False)])
def test_it_is_asked_for(changed, typed, accepted):
    before = changed.snapshot()
    done = changed.pganchor_tty("anchor", "accept", "localhost", answers=[("Type yes, or the key: ", typed.replace("KEY", changed.key))])
    assert changed.key in done.output and "signed by" in done.output and "known key" in done.output
    assert (done.returncode == 0) == accepted
    assert (changed.snapshot() != before) == accepted


def test_without_a_terminal_nothing_is_accepted(changed):
    before = changed.snapshot()
    done = changed.pganchor("anchor", "accept", "localhost")
    assert done.returncode == 1 and "could not ask on the terminal" in done.stderr and "--key HEX" in done.stderr
    assert changed.pganchor("anchor", "accept", "localhost", "--dry-run").stdout.startswith("would accept localhost, port ")
    assert changed.snapshot() == before


def test_nothing_waits_there(changed):
    before = changed.snapshot()
    for words in (["db.example.test", "--yes"], ["localhost:1", "--yes"]):
        done = changed.pganchor("anchor", "accept", *words)
        assert done.returncode == 1 and "pganchor status lists" in done.stderr, words
    assert changed.snapshot() == before


def test_a_key_that_is_to_come_is_accepted_before_anybody_has_seen_it(seen, server, conninfo, take_over, stepca, tmp_path):
    issued = stepca.authority().issue(tmp_path, "localhost")
    where = f"localhost:{server.port}"
    done = seen.pganchor("anchor", "accept", where, "--key", key_of(issued[0]), "--json")
    key, = json.loads(done.stdout)["keys"]
    assert (done.returncode, key["key"], key["issuer"], key["port"]) == (0, key_of(issued[0]), None, server.port)
    take_over(issued=issued)
    assert CHANGED not in psql(seen, conninfo).stderr
    take_over()
    assert CHANGED in psql(seen, conninfo).stderr


def test_a_server_that_is_known_before_it_is_met(anchored, policy, server, conninfo, postgres, take_over):
    policy("continuity = require\n")
    done = anchored.pganchor("anchor", "accept", f"localhost:{server.port}", "--key", key_of(postgres.cert))
    assert done.returncode == 0
    other = take_over()
    assert CHANGED in psql(anchored, conninfo).stderr, "nobody is believed the first time"
    server.target = postgres.port
    assert psql(anchored, conninfo).stdout == "t\n"
    assert asked_for_password(other) == [["ssl"]]


def test_of_two_keys_the_user_says_which(changed, take_over, conninfo, server):
    other = take_over()
    psql(changed, conninfo)
    before = changed.snapshot()
    done = changed.pganchor("anchor", "accept", "localhost", "--yes")
    assert done.returncode == 1 and "more keys than one" in done.stderr
    assert changed.key in done.stderr and key_of(other.certificate) in done.stderr
    assert changed.snapshot() == before
    assert changed.pganchor("anchor", "accept", "localhost", "--key", key_of(other.certificate)).returncode == 0
    assert CHANGED not in psql(changed, conninfo).stderr
    assert [changed.key in finding["detail"] for finding in findings(changed)] == [True]


def test_a_key_that_was_none_of_the_servers_is_forgotten(changed, conninfo, server, take_over):
    assert changed.pganchor("anchor", "forget", "localhost", "--key", changed.key).returncode == 0
    assert findings(changed) == []
    assert CHANGED in psql(changed, conninfo).stderr, "it is no more known than before"
    assert states(changed) == ["seen", "changed", "forgotten", "changed"]


def test_a_server_that_was_made_anew(changed, conninfo):
    done = changed.pganchor("anchor", "forget", "localhost", "--json")
    assert len(json.loads(done.stdout)["keys"]) == 2
    assert CHANGED not in psql(changed, conninfo).stderr
    assert states(changed)[-1] == "seen"


def test_status_counts_what_is_known(seen, relay, postgres):
    psql(seen, postgres.conninfo(port=relay(postgres.port).port, sslmode="verify-full"))
    assert f"keys of servers: 0 of the system, 2 of yours ({seen / KNOWN})\n" in seen.pganchor("status", "--all").stdout
    assert json.loads(seen.pganchor("status", "--json").stdout)["known_servers"] == {"system": 0, "user": 2}


def test_nothing_to_accept(seen):
    done = seen.pganchor("anchor", "accept", "localhost")
    assert done.returncode == 0 and done.stdout == "nothing to accept: localhost has shown no key but those that are known\n"


def test_a_policy_without_continuity_is_told(changed, policy):
    policy("")
    done = changed.pganchor("anchor", "accept", "localhost", "--yes")
    assert done.returncode == 0 and "continuity = off" in done.stderr
    assert changed.pganchor("status", "--all").stdout.count("another key") == 0


@pytest.mark.parametrize("word", ["", ":5432", "localhost:", "localhost:0", "localhost:65536", "localhost:x", "[::1", "[::1]x", "[]:5", "*", "*.example.com", "a b", "service=prod", "a,b"])
def test_what_is_no_server(seen, word):
    before = seen.snapshot()
    for command in ("accept", "forget"):
        done = seen.pganchor("anchor", command, word)
        assert done.returncode == 2 and "HOST:PORT" in done.stderr, (command, done.stderr)
    assert seen.snapshot() == before


def test_the_last_step_of_a_rotation(changed, server, postgres, conninfo):
    """--only forgets the others also where the key has been accepted before."""
    assert changed.pganchor("anchor", "accept", "localhost", "--key", changed.key).returncode == 0
    done = changed.pganchor("anchor", "accept", "localhost", "--key", changed.key, "--only")
    assert done.returncode == 0 and [line.split()[0] for line in done.stdout.splitlines()] == ["accepted", "forgot"]
    server.target = postgres.port
    assert CHANGED in psql(changed, conninfo).stderr


def test_of_two_good_keys_only_one_can_be_the_only_one(changed):
    assert changed.pganchor("anchor", "accept", "localhost", "--key", changed.key).returncode == 0
    done = changed.pganchor("anchor", "accept", "localhost", "--only", "--yes")
    assert done.returncode == 1 and "more keys than one" in done.stderr


def test_a_key_as_people_have_it(changed):
    """As sha256sum prints it; not a certificate's fingerprint, and one at a time."""
    before = changed.snapshot()
    for words in (["--key", f"SHA256 Fingerprint={changed.key}"], ["--key", changed.key[:40]], ["--key", changed.key, "--key", OTHER]):
        done = changed.pganchor("anchor", "accept", "localhost", *words)
        assert done.returncode == 2 and ("openssl pkey -pubin" in done.stderr or "one key at a time" in done.stderr), done.stderr
    assert changed.snapshot() == before
    assert changed.pganchor("anchor", "accept", "localhost", "--key", f"{changed.key}  -").returncode == 0


def test_a_key_that_is_not_the_one_that_waits_is_said_to_be_none(changed, server):
    done = changed.pganchor("anchor", "accept", "localhost", "--key", OTHER)
    assert done.returncode == 0 and f"it has shown {changed.key}, which still waits" in done.stderr
    assert f"port {server.port}" in done.stdout, "the port that is known, where none is named"


# ---- service add --check ----

@pytest.mark.parametrize("mode, status, written", [("continuity = require", 3, False), ("continuity = warn", 0, True), ("continuity = off", 0, True),
                                                    ("continuity = require\nmode = audit", 0, True),
                                                    ("continuity = require\nallow-weak = localhost", 0, True)])
def test_what_the_gate_would_refuse_is_no_service(changed, policy, server, mode, status, written):
    policy(f"{mode}\n")
    done = changed.pganchor("service", "add", "prod", "--host", "localhost", "--port", str(server.port), "--check", "--json")
    report = json.loads(done.stdout)
    ids = {finding["id"]: finding for finding in report["findings"]}
    assert (done.returncode, report["written"]) == (status, written), done.stderr
    assert (changed / ".pg_service.conf").exists() == written
    assert report["check"][0]["key_sha256"] == changed.key
    told = "off" not in mode and "allow-weak" not in mode
    assert ("server-key-changed" in ids) == told
    if told:
        assert ids["server-key-changed"]["severity"] == ("error" if status else "warning")
        assert f"pganchor anchor accept localhost:{server.port} --key {changed.key}\n" in done.stderr
    assert changed.pganchor("anchor", "accept", f"localhost:{server.port}", "--key", changed.key).returncode == 0
    assert changed.pganchor("service", "add", "other", "--host", "localhost", "--port", str(server.port), "--check").returncode == 0


def test_a_damaged_file_is_told_there_too(seen, server):
    with open(seen / KNOWN, "a") as file:
        file.write("noise\n")
    done = seen.pganchor("service", "add", "prod", "--host", "localhost", "--port", str(server.port), "--check", "--json")
    assert done.returncode == 3 and [finding["id"] for finding in json.loads(done.stdout)["findings"]] == ["known-servers-unreadable"]
    assert not (seen / ".pg_service.conf").exists()


# ---- the system's ----

@pytest.fixture
def for_all(system, pganchor):
    """The system's files, whose known_servers.conf is gone when the test ends, too."""
    system("continuity = require\n")
    yield pganchor.prefix / "etc/pganchor/known_servers.conf"
    (pganchor.prefix / "etc/pganchor/known_servers.conf").unlink(missing_ok=True)


def test_the_system_knows_a_server_for_every_user(anchored, for_all, server, conninfo, postgres, take_over, stepca):
    """Also where a key could not be remembered: for a user without a home."""
    where, root = f"localhost:{server.port}", anchored / "root.crt"
    root.write_text(stepca.root_pem)
    assert psql(anchored, conninfo).stdout == "t\n"
    done = anchored.pganchor("anchor", "accept", "--system", where, "--yes")
    assert (done.returncode, done.stdout) == (0, f"accepted localhost, port {server.port}: key {key_of(postgres.cert)}\n")
    assert for_all.stat().st_mode & 0o777 == 0o644
    (anchored / KNOWN).unlink()
    homeless = {"env": {"HOME": "/nonexistent/home"}}
    assert psql(anchored, conninfo).stdout == "t\n" and not (anchored / KNOWN).exists()
    assert psql(anchored, f"{conninfo} sslrootcert={root}", **homeless).stdout == "t\n"
    other = take_over()
    for settings in ({}, homeless):
        done = psql(anchored, f"{conninfo} sslrootcert={root}", **settings)
        assert CHANGED in done.stderr and f"pganchor anchor accept --system {where} --key {key_of(other.certificate)}\n" in done.stderr
    assert asked_for_password(other) == [["ssl"]] * 2
    # The user's own word changes nothing, and says so.
    done = anchored.pganchor("anchor", "accept", where, "--yes")
    assert done.returncode == 1 and "the system's files have its keys" in done.stderr
    assert f"sudo pganchor anchor accept --system {where} --key {key_of(other.certificate)}\n" in done.stderr
    done = anchored.pganchor("anchor", "accept", "--system", where, "--yes", "--only")
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["accepted", "forgot"] and findings(anchored) == []
    assert CHANGED not in psql(anchored, conninfo).stderr
    server.target = postgres.port
    assert CHANGED in psql(anchored, conninfo).stderr
    assert anchored.pganchor("anchor", "forget", "--system", where).returncode == 0
    assert CHANGED in psql(anchored, conninfo).stderr, "it waits there"
    assert anchored.pganchor("anchor", "forget", where).returncode == 0
    assert psql(anchored, conninfo).stdout == "t\n" and "seen" in states(anchored)


def test_others_cannot_say_what_the_system_knows(anchored, for_all, conninfo):
    for_all.write_text("")
    for_all.chmod(0o666)
    done = psql(anchored, conninfo)
    assert done.returncode == 2 and "known_servers.conf" in done.stderr and "the system's keys of servers" in done.stderr, done.stderr


def test_a_users_broken_file_is_no_matter_of_what_the_system_knows(anchored, for_all, server, conninfo, postgres, take_over):
    where = f"localhost:{server.port}"
    assert anchored.pganchor("anchor", "accept", "--system", where, "--key", key_of(postgres.cert)).returncode == 0
    (anchored / KNOWN).parent.mkdir(parents=True, exist_ok=True)
    (anchored / KNOWN).write_text("noise\n")
    assert psql(anchored, conninfo).stdout == "t\n"
    other = take_over()
    assert CHANGED in psql(anchored, conninfo).stderr
    assert asked_for_password(other) == [["ssl"]]


def test_service_add_says_who_can_accept_it(anchored, for_all, server, postgres, take_over):
    where = f"localhost:{server.port}"
    assert anchored.pganchor("anchor", "accept", "--system", where, "--key", key_of(postgres.cert)).returncode == 0
    other = take_over()
    done = anchored.pganchor("service", "add", "prod", "--host", "localhost", "--port", str(server.port), "--check")
    assert done.returncode == 3
    assert f"sudo pganchor anchor accept --system {where} --key {key_of(other.certificate)}\n" in done.stderr


def test_what_another_file_of_the_systems_says_is_changed_there(anchored, for_all, server, system):
    line = f'accepted host="localhost" port="{server.port}" key="{OTHER}" time="1"\n'
    system(line, name="known_servers.d/50-company.conf")
    done = anchored.pganchor("anchor", "forget", "--system", "localhost")
    assert done.returncode == 1 and "known_servers.d says something else" in done.stderr
    assert not for_all.exists() or for_all.read_bytes() == b""


def test_only_root_accepts_for_every_user(seen, for_all, server, pganchor):
    before = sorted((pganchor.prefix / "etc/pganchor").iterdir())
    done = seen.run([*open_to_all(pganchor.prefix), "setpriv", "--reuid=4711", "--clear-groups", "--", seen.program.binary, "anchor",
                     "accept", "--system", "localhost", "--key", OTHER], env={"HOME": "/nonexistent"}, cwd="/")
    assert done.returncode == 1 and "run it as root, such as with sudo; nothing was changed" in done.stderr, done.stderr
    assert sorted((pganchor.prefix / "etc/pganchor").iterdir()) == before


# ---- what can go wrong ----

DAMAGES = {
    "noise": "what is this\n",
    "cut": 'seen host="localhost" port="54',
    "no state": 'host="a" port="1" key="' + OTHER + '" issuer="' + OTHER + '" time="1"\n',
    "a short key": 'seen host="a" port="1" key="00" issuer="' + OTHER + '" time="1"\n',
    "capitals": 'seen host="a" port="1" key="' + "A" * 64 + '" issuer="' + OTHER + '" time="1"\n',
    "no host": 'seen host="" port="1" key="' + OTHER + '" issuer="' + OTHER + '" time="1"\n',
    "no port": 'seen host="a" key="' + OTHER + '" issuer="' + OTHER + '" time="1"\n',
    "a port too high": 'seen host="a" port="65536" key="' + OTHER + '" issuer="' + OTHER + '" time="1"\n',
    "a word twice": 'seen host="a" host="b" port="1" key="' + OTHER + '" issuer="' + OTHER + '" time="1"\n',
    "an unknown word": 'seen host="a" port="1" key="' + OTHER + '" issuer="' + OTHER + '" time="1" hosts="b"\n',
    "a NUL": "\0\n",
    "bytes": "\udcff\udcfe\n",
}


@pytest.mark.parametrize("mode", ["require", "warn"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file(seen, policy, conninfo, damage, mode):
    policy(f"continuity = {mode}\n")
    with open(seen / KNOWN, "a", errors="surrogateescape") as file:
        file.write(DAMAGES[damage])
    before = seen.snapshot()
    done = psql(seen, conninfo)
    where = f"{KNOWN}, line 3: not a line about the key of a server"
    assert (where in done.stderr) == (mode == "require") and (done.stdout == "t\n") == (mode == "warn")
    status = seen.pganchor("status", "--json")
    found, = (finding for finding in json.loads(status.stdout)["findings"] if finding["id"] == "known-servers-unreadable")
    assert found["severity"] == ("error" if mode == "require" else "warning") and where in found["detail"]
    for command in ("accept", "forget"):
        done = seen.pganchor("anchor", command, "localhost")
        assert done.returncode == 1 and where in done.stderr and "remove the line" in done.stderr
    assert seen.snapshot() == before


def test_a_last_line_without_its_end_is_kept(seen, relay, postgres):
    file = seen / KNOWN
    file.write_bytes(file.read_bytes()[:-1])
    before = file.read_bytes()
    other = relay(postgres.port)
    assert psql(seen, postgres.conninfo(port=other.port, sslmode="verify-full")).stdout == "t\n"
    assert file.read_bytes().startswith(before + b"\nseen host=")


def test_comments_and_blank_lines_say_nothing(seen, conninfo):
    file = seen / KNOWN
    file.write_text("\n# mine\n\n" + file.read_text() + "\n# the end")
    before = file.read_text()
    assert psql(seen, conninfo).stdout == "t\n"
    assert file.read_text() == before


def blocked(home, how):
    directory = home / ".config/pganchor"
    if how == "read-only directory":
        directory.chmod(0o500)
    elif how == "read-only file":
        (home / KNOWN).write_text("")
        (home / KNOWN).chmod(0o400)
    elif how == "a directory in its place":
        (home / KNOWN).mkdir()
    elif how == "a link to nothing":
        (home / KNOWN).symlink_to(home / "nowhere/file")
    return {"full disk": {"full_disk": True}, "no home": {"env": {"HOME": "/nonexistent/home"}}}.get(how, {"ordinary": True})


@pytest.mark.parametrize("how", ["read-only directory", "read-only file", "a directory in its place", "a link to nothing", "full disk", "no home"])
def test_a_key_that_cannot_be_remembered(anchored, policy, system, conninfo, stepca, how):
    """What cannot be known next time is not believed this time; with warn, it is."""
    policy("")
    root = anchored / "root.crt"
    root.write_text(stepca.root_pem)
    system("continuity = require\n")
    words = f"{conninfo} sslrootcert={root}"
    settings = blocked(anchored, how)
    before = anchored.snapshot()
    done = psql(anchored, words, **settings)
    assert done.returncode == 2 and PASSWORD not in done.stderr
    assert FORGOT in done.stderr or "not a line about the key" in done.stderr or "not a regular file" in done.stderr, done.stderr
    assert {path: entry for path, entry in anchored.snapshot().items() if entry.kind == "file" and entry.content} \
        == {path: entry for path, entry in before.items() if entry.kind == "file" and entry.content}
    system("continuity = warn\n")
    assert psql(anchored, words, **settings).stdout == "t\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can have another user's home")
def test_root_leaves_nothing_in_another_users_home(anchored, policy, conninfo):
    policy("continuity = require\n")
    for path in (anchored.path, anchored / ".config", anchored / ".config/pganchor", anchored / ".config/pganchor/policy.conf"):
        os.chown(path, 4711, 4711)
    before = anchored.snapshot()
    done = psql(anchored, conninfo)
    assert FORGOT in done.stderr and "belongs to another user" in done.stderr
    assert anchored.snapshot() == before


HOLD = """
import fcntl, sys
file = open(sys.argv[1], "a")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def test_who_holds_the_lock_for_ever_stops_nobody(seen, relay, postgres, conninfo):
    """What is known needs no lock; what is new is refused, after a second."""
    new = postgres.conninfo(port=relay(postgres.port).port, sslmode="verify-full")
    with subprocess.Popen([PYTHON, "-c", HOLD, seen / KNOWN], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        before = (seen / KNOWN).read_bytes()
        assert psql(seen, conninfo).stdout == "t\n"
        assert FORGOT in psql(seen, new).stderr
        assert (seen / KNOWN).read_bytes() == before
        holder.stdin.close()
    assert psql(seen, new).stdout == "t\n"


MANY = """
import sys, threading, psycopg2
start, outcomes = threading.Barrier(32), []
def connect():
    start.wait()
    try:
        psycopg2.connect(sys.argv[1]).close()
        outcomes.append("connected")
    except psycopg2.OperationalError as error:
        outcomes.append("changed" if "another key than before" in str(error) else "password" if "password auth" in str(error) else str(error))
threads = [threading.Thread(target=connect) for _ in range(32)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(*sorted(set(outcomes)), sep="\\n")
"""


def test_many_meet_a_server_at_once(anchored, policy, conninfo):
    """Threads and processes; the key is remembered once."""
    policy("continuity = require\n")
    done = []
    threads = [threading.Thread(target=lambda: done.append(run_gated(anchored, [PYTHON, "-c", MANY, conninfo]))) for _ in range(3)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert [one.stdout for one in done] == ["connected\n"] * 3, [one.stderr for one in done]
    assert states(anchored) == ["seen"]


class Alternating(Relay):
    """Every second connection is somebody else's."""

    def __init__(self, *ports):
        self.ports = ports
        self.count = 0
        super().__init__(ports[0])

    def serve(self, sock, number):
        self.target = self.ports[number % 2]
        super().serve(sock, number)


def test_two_keys_that_come_at_once_are_not_both_the_first(anchored, policy, stepca, postgres, recording_server, tmp_path):
    policy("continuity = require\n")
    other = recording_server(b"S", issued=stepca.authority().issue(tmp_path, "localhost"))
    both = Alternating(postgres.port, other.port)
    try:
        done = run_gated(anchored, [PYTHON, "-c", MANY, postgres.conninfo(port=both.port, sslmode="verify-full")])
    finally:
        both.stop()
    assert done.stdout.split() in (["changed", "connected"], ["changed", "password"]), done.stdout + done.stderr
    assert sorted(states(anchored)) == ["changed", "seen"]


# ---- what others have found ----

def test_a_key_that_waits_goes_on_waiting(changed, postgres, conninfo, server):
    """Also once the key is forgotten that it was held against."""
    known = key_of(postgres.cert)
    assert changed.pganchor("anchor", "forget", "localhost", "--key", known).returncode == 0
    assert CHANGED in psql(changed, conninfo).stderr and len(findings(changed)) == 1
    server.target = postgres.port
    assert psql(changed, conninfo).stdout == "t\n"


def test_a_key_that_was_forgotten_is_good_for_nobodys_sake(changed, policy, conninfo):
    """Though the same issuer has signed it as one that is known."""
    policy("continuity = require\ncontinuity-key = issuer\n")
    assert findings(changed) == [] and CHANGED not in psql(changed, conninfo).stderr
    assert changed.pganchor("anchor", "forget", "localhost", "--key", changed.key).returncode == 0
    assert CHANGED in psql(changed, conninfo).stderr


CLOSED = """
import os, sys, threading, psycopg2
def shout():
    while not done:
        for descriptor in (0, 1, 2):
            try:
                os.write(descriptor, b"\\nlost\\n")
            except OSError:
                pass
done = []
noise = open(os.environ["NOISE"], "w")
for descriptor in (0, 1, 2):
    os.close(descriptor)
thread = threading.Thread(target=shout)
thread.start()
try:
    psycopg2.connect(sys.argv[1]).close()
    print("connected", file=noise, flush=True)
except Exception as error:
    print(error, file=noise, flush=True)
done.append(True)
thread.join()
"""


def test_what_a_program_says_into_closed_descriptors_is_no_line(seen, postgres, relay):
    """The socket may be one of them, and is its own; the file of the keys never is."""
    before = (seen / KNOWN).read_bytes()
    for _ in range(3):
        conninfo = postgres.conninfo(port=relay(postgres.port).port, sslmode="verify-full")
        run_gated(seen, [PYTHON, "-c", CLOSED, conninfo], env={"NOISE": str(seen / "noise")})
    assert b"lost" not in (seen / KNOWN).read_bytes() and (seen / KNOWN).read_bytes().startswith(before)


def test_a_file_that_may_not_grow_ends_nobody(anchored, policy, conninfo):
    for mode, status in (("require", 2), ("warn", 0)):
        policy(f"continuity = {mode}\n")
        done = run_gated(anchored, ["bash", "-c", 'ulimit -f 0; psql -XAtc "SELECT 1" "$1" | cat; exit ${PIPESTATUS[0]}', "sh", conninfo])
        assert done.returncode == status, (mode, done)
        assert lines(anchored) == []


REPLACED = """
import os, sys, fcntl
path = sys.argv[1]
file = open(path, "r+")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.readline()
with open(path + ".new", "w") as new:
    new.write("# edited\\n" + file.read())
os.rename(path + ".new", path)
"""


def test_a_file_that_an_editor_replaces_meanwhile(seen, postgres, relay):
    """The line goes into the file that is there then."""
    conninfo = postgres.conninfo(port=relay(postgres.port).port, sslmode="verify-full")
    with subprocess.Popen([PYTHON, "-c", REPLACED, seen / KNOWN], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as editor:
        assert editor.stdout.readline() == b"held\n"
        os.mkfifo(seen / "trace")
        words = ["strace", "-f", "-qq", "-e", "trace=flock", "-o", seen / "trace", "psql", "-XAtc", SSL, conninfo]
        with subprocess.Popen([seen.program.binary, "run", "--", *words], env=seen.environment(), stdout=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, text=True) as client, open(seen / "trace") as trace:
            assert any("EAGAIN" in line for line in trace), "the client has not waited for the lock"
            editor.stdin.write(b"\n")
            editor.stdin.close()
            assert client.communicate(timeout=60)[0] == "t\n"
    assert (seen / KNOWN).read_text().startswith("# edited\n") and states(seen) == ["seen", "seen"]


def test_a_name_that_a_program_gives_itself_is_not_kept(anchored, policy, conninfo, postgres):
    policy("continuity = require\n")
    script = f'$0 = "sync postgres://app:{PASSWORD}@db"; use DBI; DBI->connect("dbi:Pg:" . $ARGV[0]) or die'
    done = run_gated(anchored, ["perl", "-e", script, conninfo.replace("' ", "';")])
    assert states(anchored) == ["seen"], done.stderr
    assert PASSWORD not in (anchored / KNOWN).read_text() and 'program="perl"' in lines(anchored)[0]


def test_no_line_of_the_screen_is_somebody_elses(seen, server):
    """Hosts and programs are written as anybody likes; a shell reads a hint back as it was meant."""
    host, program = "::1", "p\n    key        good\x1b[31m"
    wrong = "".join(f"\\x{byte:02X}" if chr(byte) in "\n\x1b" else chr(byte) for byte in program.encode())
    with open(seen / KNOWN, "a") as file:
        for state, key in (("seen", "1"), ("changed", "2"), ("changed", "3")):
            file.write(f'{state} host="{host}" port="5432" key="{key * 64}" issuer="{OTHER}" time="1" program="{wrong}"\n')
    done = seen.pganchor("anchor", "accept", host, "--yes")
    assert done.returncode == 1 and "\n    key        good" not in done.stderr and "\x1b" not in done.stderr
    hint = next(finding["hint"] for finding in findings(seen) if "2" * 64 in finding["hint"])
    done = seen.run(["bash", "-c", hint.partition("if not: ")[2]])
    assert done.returncode == 0 and "'[::1]:5432'" in hint
    assert not any("2" * 64 in finding["hint"] for finding in findings(seen))


@pytest.mark.parametrize("mask", ["0777", "0022"])
def test_the_umask_takes_nothing_from_the_owner(anchored, policy, conninfo, mask):
    policy("continuity = require\n")
    done = run_gated(anchored, ["sh", "-c", 'umask "$1"; shift; exec "$@"', "sh", mask, "psql", "-XAtc", SSL, conninfo])
    assert done.stdout == "t\n" and (anchored / KNOWN).stat().st_mode & 0o777 == 0o600


def test_audit_mode_and_exempt_hosts_are_not_said_to_refuse(changed, policy):
    policy("continuity = require\nmode = audit\n")
    assert "lets it through" in findings(changed)[0]["detail"]
    policy("continuity = require\nallow-weak = localhost\n")
    assert findings(changed) == []
