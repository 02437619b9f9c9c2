"""The gate in real clients: what is weaker than verify-full is refused with its reason, and all else works as without."""

import json
import os
import re
import socket
import subprocess
import ssl

import pytest

import tracing
from certificates import make_root

pytestmark = pytest.mark.no_instruments

REFUSED = "pganchor refused this connection: "
WEAK = REFUSED + "sslmode=prefer (libpq's default) is weaker than verify-full"
PYTHON = "/usr/bin/python3"
PSYCOPG2 = """
import sys, psycopg2
connection = psycopg2.connect(sys.argv[1])
cursor = connection.cursor()
cursor.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
print("tls", cursor.fetchone()[0])
"""

# Each client as a command that connects with one connection string.
CLIENTS = {
    "psql": lambda conninfo: ["psql", "-XAtc", "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", conninfo],
    "pg_dump": lambda conninfo: ["pg_dump", "-d", conninfo],
    "pg_isready": lambda conninfo: ["pg_isready", "-d", conninfo],
    "pgbench": lambda conninfo: ["pgbench", "-n", "-t", "1", "-f", "/dev/stdin", conninfo],
    "psycopg2": lambda conninfo: [PYTHON, "-c", PSYCOPG2, conninfo],
}


@pytest.fixture
def client(request):
    return CLIENTS[request.param]


def every_client(function):
    return pytest.mark.parametrize("client", CLIENTS, indirect=True)(function)


@pytest.fixture
def anchored(home, stepca):
    """The home with the CA's root where libpq looks, and nothing pinned."""
    directory = home / ".postgresql"
    directory.mkdir()
    (directory / "root.crt").write_text(stepca.root_pem)
    return home


def run_gated(home, argv, **kwargs):
    return home.pganchor("run", "--", *argv, **kwargs)


def run_gated_until(home, argv, ready, timeout):
    """The same for a program that waits for a line of its input: it gets one once ready() has returned."""
    process = subprocess.Popen([home.program.binary, "run", "--", *argv], env=home.environment(), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        ready()
        stdout, stderr = process.communicate("\n", timeout=timeout)
    finally:
        process.kill()
        process.wait()
    return subprocess.CompletedProcess(argv, process.returncode, stdout, stderr)


def unlocked(how):
    """Settings for what begins past the entry points, where the gate can lock nothing."""
    return {"gssencmode": "disable"} if how.startswith("raw") else {}


def write_policy(home, text):
    directory = home / ".config/pganchor"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "policy.conf").write_text(text)


def write_anchor(home, name, fingerprint, hosts=None):
    directory = home / ".config/pganchor"
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / "anchors.conf", "a") as file:
        file.write(f"[{name}]\npin = {fingerprint}\nsource = https://ca.example.test\n")
        if hosts is not None:
            file.write(f"hosts = {hosts}\n")


@every_client
def test_a_weak_connection_is_refused(anchored, postgres, client):
    argv = client(postgres.conninfo())
    assert anchored.run(argv, input="SELECT 1;").returncode == 0, "without the gate, it must succeed"
    seen = postgres.connections()
    done = run_gated(anchored, argv, input="SELECT 1;")
    assert done.returncode != 0
    assert WEAK in done.stderr
    assert postgres.connections() == seen, "the server saw a connection"


@every_client
def test_a_verified_connection_works(anchored, postgres, client):
    done = run_gated(anchored, client(postgres.conninfo(sslmode="verify-full")), input="SELECT 1;")
    assert done.returncode == 0, done.stderr
    assert "pganchor" not in done.stderr
    if client in (CLIENTS["psql"], CLIENTS["psycopg2"]):
        assert done.stdout.strip() in ("t", "tls True")


@every_client
def test_an_impostor_is_refused_in_libpqs_own_words_and_the_reason_is_told(anchored, impostor_postgres, client):
    argv = client(impostor_postgres.conninfo(sslmode="verify-full"))
    alone = anchored.run(argv, input="SELECT 1;")
    reason = "    pganchor: the certificate of localhost: unable to get local issuer certificate\n"
    # pg_isready asks only whether somebody answers, and says so with the handshake refused.
    if client is CLIENTS["pg_isready"]:
        reason = ""
    gated = run_gated(anchored, argv, input="SELECT 1;")
    assert gated.returncode == alone.returncode != 0 and gated.stdout == alone.stdout
    assert reason == "" or "certificate verify failed\n" + reason in gated.stderr
    assert gated.stderr.replace(reason, "") == alone.stderr
    # In audit mode a program sees what it would see without the gate.
    write_policy(anchored, "mode = audit\n")
    assert run_gated(anchored, argv, input="SELECT 1;").stderr == alone.stderr


@pytest.mark.parametrize("sslmode", ["prefer", "require"])
def test_a_certificate_that_nobody_asked_for_is_no_reason(anchored, stepca, recording_server, sslmode):
    """Of a host that is exempt, the handshake failed for want of a client's certificate; in prefer, libpq goes on without."""
    write_policy(anchored, "allow-weak = localhost\n")
    server = recording_server(b"S", issued=stepca.issue("localhost"), tls={
        "maximum_version": ssl.TLSVersion.TLSv1_2, "verify_mode": ssl.CERT_REQUIRED})
    argv = ["psql", f"host=localhost port={server.port} user=app password=x sslmode={sslmode} sslrootcert=/nowhere/root.crt"]
    alone = anchored.run(argv)
    assert "handshake failure" in alone.stderr
    assert run_gated(anchored, argv).stderr == alone.stderr


def test_the_reason_goes_with_the_attempt_that_it_belongs_to(anchored, impostor_postgres, impostor_ca):
    """An object that is reset into success, and then fails for another reason, tells that reason alone."""
    script = """
import sys
from ctypes import CDLL, c_char_p, c_void_p
pq = CDLL("libpq.so.5")
for name, answer in (("PQconnectdb", c_void_p), ("PQerrorMessage", c_char_p), ("PQreset", None), ("PQexec", c_void_p)):
    getattr(pq, name).restype = answer
conn = c_void_p(pq.PQconnectdb(sys.argv[1].encode()))
first = pq.PQerrorMessage(conn)
assert pq.PQerrorMessage(conn) == first and b"pganchor: the certificate of localhost: unable" in first, first
with open(sys.argv[2], "a") as roots:
    roots.write(open(sys.argv[3]).read())
pq.PQreset(conn)
assert pq.PQstatus(conn) == 0 and pq.PQerrorMessage(conn) == b"", pq.PQerrorMessage(conn)
pq.PQexec(conn, b"SELECT no_such_column")
assert b"no_such_column" in pq.PQerrorMessage(conn) and b"pganchor" not in pq.PQerrorMessage(conn)
"""
    root = impostor_ca.write_root(anchored / "impostor.crt")
    argv = [PYTHON, "-c", script, impostor_postgres.conninfo(sslmode="verify-full"), anchored / ".postgresql/root.crt", root]
    done = run_gated(anchored, argv)
    assert done.returncode == 0, done.stderr


def test_the_message_is_one_error_with_its_way_out(anchored, postgres):
    done = run_gated(anchored, ["psql", "host=localhost dbname=app password=hunter2"])
    assert done.returncode == 2
    assert done.stderr == (
        "psql: error: pganchor refused this connection: sslmode=prefer (libpq's default) is weaker than verify-full\n"
        "    use a service of \"pganchor service list\", or sslmode=verify-full; "
        "\"pganchor explain 'host=localhost'\" says what to change\n")


def test_every_reason_is_told_with_its_origin(anchored, postgres):
    service = anchored / ".pg_service.conf"
    service.write_text("[weak]\nhost=localhost\nsslmode=require\n")
    done = run_gated(anchored, ["psql", "service=weak"], env={"PGGSSENCMODE": "require"})
    assert f"sslmode=require (service weak in {service}) is weaker than verify-full" in done.stderr
    assert "gssencmode=require (environment PGGSSENCMODE) takes GSSAPI encryption instead of TLS" in done.stderr


@pytest.mark.parametrize("env, conninfo, reason", [
    ({"PGSSLMODE": "require"}, "host=localhost", "sslmode=require (environment PGSSLMODE)"),
    ({}, "host=localhost sslmode=verify-ca", "sslmode=verify-ca (conninfo)"),
    ({}, "postgresql://localhost/app?sslmode=disable", "sslmode=disable (conninfo)"),
    ({"PGREQUIRESSL": "1"}, "host=localhost", "sslmode=require (environment PGREQUIRESSL)"),
    ({"PGHOST": "localhost"}, "dbname=app", "sslmode=prefer (libpq's default)"),
    ({"PGHOSTADDR": "127.0.0.1"}, "host=/tmp", "sslmode=prefer (libpq's default)"),
    ({}, "host=/tmp hostaddr=127.0.0.1", "sslmode=prefer (libpq's default)"),
    ({}, "host=/tmp,localhost", "sslmode=prefer (libpq's default)"),
    ({}, "host=,localhost", "sslmode=prefer (libpq's default)"),
    ({}, "hostaddr=127.0.0.1", "sslmode=prefer (libpq's default)"),
])
def test_however_the_weakness_is_said(anchored, postgres, env, conninfo, reason):
    env = {"PGPORT": postgres.port, "PGUSER": postgres.user, **env}
    seen = postgres.connections()
    done = run_gated(anchored, ["psql", "-XAtc", "SELECT 1", conninfo], env=env)
    assert done.returncode == 2
    assert REFUSED in done.stderr and reason in done.stderr
    assert postgres.connections() == seen


HOW = ["connectdb", "connectdbParams", "setdbLogin", "start", "startParams", "found", "foundStart", "raw"]


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("then", ["", "+reset", "+resetStart"])
def test_a_refused_object_is_safe_to_poll_reset_and_finish(anchored, postgres, compile_program, how, then):
    program = compile_program("connect.c", ["libpq"])
    seen = postgres.connections()
    done = run_gated(anchored, [program, how + then, postgres.conninfo(**unlocked(how))])
    assert done.returncode == 0, done.stderr
    assert "status ok" not in done.stdout and "status other" not in done.stdout
    assert done.stdout.count("status bad") == (2 if then else 1)
    assert "poll failed" in done.stdout
    assert "socket open" not in done.stdout
    assert done.stdout.count(f"host localhost\nport {postgres.port}\npassword readable\nneeded 0\n") == (2 if then else 1)
    assert re.search(r"^message .*pganchor refused this connection: .*sslmode=prefer", done.stdout, re.M)
    assert postgres.connections() == seen


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("then", ["", "+reset", "+resetStart"])
def test_a_verified_object_can_be_reset(anchored, postgres, compile_program, how, then):
    program = compile_program("connect.c", ["libpq"])
    conninfo = postgres.conninfo(sslmode="verify-full", **unlocked(how))
    done = run_gated(anchored, [program, how + then, conninfo])
    assert done.stdout == "status ok\ntls 1\nsocket open\n" * (2 if then else 1), done.stdout + done.stderr


@pytest.mark.parametrize("how", ["ping", "pingParams"])
def test_a_refused_ping_makes_no_attempt_and_says_why(anchored, postgres, compile_program, how):
    program = compile_program("connect.c", ["libpq"])
    seen = postgres.connections()
    done = run_gated(anchored, [program, how, postgres.conninfo()])
    assert done.stdout == "ping 3\n"  # PQPING_NO_ATTEMPT
    assert WEAK in done.stderr
    assert postgres.connections() == seen
    assert run_gated(anchored, [program, how, postgres.conninfo(sslmode="verify-full")]).stdout == "ping 0\n"


@pytest.mark.parametrize("where", ["file", "pipe", "gone", "full", "socket", "closed"])
def test_a_refused_ping_writes_into_nothing_that_is_not_read(anchored, postgres, compile_program, where):
    """Descriptor 2 may be anything by now. libpq's own PQping would write nothing, and raise no signal."""
    done = run_gated(anchored, [compile_program("pinger.c", ["libpq"]), where, postgres.conninfo()])
    assert (done.returncode, done.stdout) == (0, "ping 3, 0 bytes, quiet\n"), done.stderr


def test_a_refused_ping_says_why_on_a_terminal_and_to_the_journal(anchored, postgres):
    argv = [anchored.program.binary, "run", "--", "pg_isready", "-d", postgres.conninfo()]
    shown = anchored.run_tty(argv)
    assert shown.returncode == 3 and WEAK in shown.output
    journal, stream = socket.socketpair()
    with journal, stream:
        stat = os.fstat(stream.fileno())
        for told in (f"{stat.st_dev}:{stat.st_ino}", f"{stat.st_dev}:1"):
            done = subprocess.run(argv, env=anchored.environment({"JOURNAL_STREAM": told}), stdout=subprocess.PIPE, stderr=stream)
            assert done.returncode == 3
        stream.shutdown(socket.SHUT_WR)
        assert journal.makefile().read().count(WEAK) == 1


@pytest.mark.parametrize("client", ["psql", "pg_isready", "psycopg2"], indirect=True)
def test_a_refused_connection_opens_no_socket(anchored, postgres, client):
    argv = client(postgres.conninfo())
    _, free = anchored.strace_sockets(argv)
    assert tracing.internet(free), "without the gate a socket must be seen"
    done, calls = anchored.strace_sockets([anchored.program.binary, "run", "--", *argv])
    assert WEAK in done.stderr
    assert not tracing.internet(calls)
    # libpq itself may ask the C library for the user's name, which asks the name service cache.
    assert not [call for call in calls if call.name != "socket" and "/nscd/" not in (call.address or "")]


@pytest.mark.parametrize("conninfo", ["sslmode=bogus host=localhost", "nonsense=1", "host=localhost port=99999",
                                      "host='unfinished", "justaword", "service=nosuch", "postgresql://%zz"])
def test_libpqs_own_refusals_stay_word_for_word(anchored, conninfo):
    env = {"PGSERVICEFILE": str(anchored / "none"), "PGCONNECT_TIMEOUT": "5"}
    argv = [PYTHON, "-c", PSYCOPG2, conninfo]
    alone = anchored.run(argv, env=env)
    gated = run_gated(anchored, argv, env=env)
    if "sslmode" not in conninfo and "port" not in conninfo:
        assert gated.stderr == alone.stderr
    else:
        assert gated.returncode == alone.returncode != 0


def test_what_is_allowed_and_not_locked_is_what_libpq_does_alone(anchored, postgres):
    settings = "SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) FROM pg_settings WHERE name IN " \
               "('application_name', 'client_encoding', 'search_path')"
    conninfo = postgres.conninfo(sslmode="verify-full", application_name="it's", options="-c search_path=x")
    argv = ["psql", "-XAtc", settings, conninfo]
    assert run_gated(anchored, argv).stdout == anchored.run(argv).stdout != ""


# ---- the session ----

def test_a_server_whose_root_is_not_pinned_gets_no_startup_packet(anchored, stepca, recording_server):
    other = "0" * 63 + "1"
    write_anchor(anchored, "other", other)
    server = recording_server(b"S", issued=stepca.issue("localhost"))
    conninfo = f"host=localhost port={server.port} user=app password=hunter2 sslmode=verify-full"
    done = run_gated(anchored, ["psql", "-XAtc", "SELECT 1", conninfo])
    assert done.returncode == 2
    assert "pganchor refused the server localhost: its certificate chain ends in a root that is not pinned" in done.stderr
    assert stepca.fingerprint in done.stderr
    (seen,) = server.finish()
    assert seen.tls and seen.requests == ["ssl"]
    assert seen.inside == b""


@pytest.mark.parametrize("how", ["connectdb", "start", "found", "foundStart", "raw", "connectdb+reset", "start+resetStart",
                                 "found+reset", "foundStart+resetStart", "raw+reset"])
def test_a_server_refused_after_the_handshake_leaves_a_safe_object(anchored, stepca, recording_server, compile_program, how):
    write_anchor(anchored, "other", "0" * 64)
    server = recording_server(b"S", issued=stepca.issue("localhost"))
    conninfo = f"host=localhost port={server.port} user=app password=hunter2 sslmode=verify-full gssencmode=disable"
    done = run_gated(anchored, [compile_program("connect.c", ["libpq"]), how, conninfo])
    assert done.returncode == 0, done.stderr
    times = 2 if "+" in how else 1
    assert done.stdout.count("status bad\n") == times, done.stdout
    assert done.stdout.count("pganchor refused the server localhost: its certificate chain ends in a root") == times
    assert "poll failed" in done.stdout and "host localhost\n" in done.stdout
    records = server.finish()
    assert len(records) == times
    assert all(record.tls and record.requests == ["ssl"] and record.inside == b"" for record in records)


def test_a_pinned_root_is_let_through(anchored, stepca, postgres):
    write_anchor(anchored, "work", stepca.fingerprint, hosts="localhost *.example.test")
    done = run_gated(anchored, CLIENTS["psql"](postgres.conninfo(sslmode="verify-full")))
    assert done.stdout == "t\n", done.stderr


def test_an_anchor_vouches_for_its_hosts_alone(anchored, stepca, recording_server):
    write_anchor(anchored, "work", stepca.fingerprint, hosts="*.example.test")
    server = recording_server(b"S", issued=stepca.issue("localhost", "db.example.test"))
    base = f"port={server.port} hostaddr=127.0.0.1 user=app password=hunter2 sslmode=verify-full"
    refused = run_gated(anchored, ["psql", f"host=localhost {base}"])
    assert "ends in anchor work, which is not valid for this host (hosts = *.example.test)" in refused.stderr
    command = "pganchor bootstrap --ca-url URL --fingerprint HEX --name work --hosts PATTERNS --replace"
    assert f"    if it should: {command}\n" in refused.stderr
    passed = run_gated(anchored, ["psql", f"host=db.example.test {base}"])
    assert "password authentication failed" in passed.stderr
    first, second = server.finish()
    assert first.inside == b"" and second.requests == ["ssl", "startup", "password"]


def test_trust_verified_needs_no_pin(anchored, stepca, postgres):
    write_anchor(anchored, "other", "0" * 64)
    write_policy(anchored, "trust = verified\n")
    assert run_gated(anchored, CLIENTS["psql"](postgres.conninfo(sslmode="verify-full"))).stdout == "t\n"


def test_gss_encryption_is_locked_out(anchored, stepca, recording_server):
    server = recording_server(b"N")
    run_gated(anchored, ["psql", f"host=localhost port={server.port} sslmode=verify-full"])
    (seen,) = server.finish()
    assert seen.requests == ["ssl"]


def test_gss_encryption_that_cannot_be_locked_out_is_refused(anchored, recording_server, compile_program):
    server = recording_server(b"S")
    conninfo = f"host=localhost port={server.port} sslmode=verify-full"
    done = run_gated(anchored, [compile_program("connect.c", ["libpq"]), "raw", conninfo])
    assert "gssencmode=prefer (the program's, or libpq's default) can take GSSAPI encryption instead of TLS" in done.stdout
    assert server.finish() == []


def test_rules_that_could_not_be_read_are_read_again(anchored, postgres, compile_program):
    program = compile_program("connect.c", ["libpq"])
    done = run_gated(anchored, [program, "starved", postgres.conninfo(sslmode="verify-full")])
    assert done.stdout.startswith("status bad\nmessage pganchor refused this connection: could not open"), done.stdout
    assert "Too many open files" in done.stdout
    assert done.stdout.endswith("status ok\ntls 1\nsocket open\n")


def test_libpqs_warnings_come_once(anchored, postgres):
    (anchored / ".pgpass").write_text("")
    (anchored / ".pgpass").chmod(0o644)
    for sslmode in ("verify-full", "prefer"):
        argv = ["psql", "-wXAtc", "SELECT 1", postgres.conninfo(sslmode=sslmode, password=None)]
        done = run_gated(anchored, argv)
        assert done.stderr.count("has group or world access") == 1, done.stderr


# ---- the policy ----

def test_a_unix_socket_is_allowed_unless_the_policy_refuses(anchored, postgres):
    argv = CLIENTS["psql"](postgres.conninfo(host=postgres.socket_dir))
    assert run_gated(anchored, argv).stdout == "f\n"
    write_policy(anchored, "unix-socket = refuse\n")
    done = run_gated(anchored, argv)
    assert f"host={postgres.socket_dir} (conninfo) is a Unix-domain socket, which the policy refuses" in done.stderr


def test_min_tls_is_held(anchored, stepca, make_postgres):
    server = make_postgres(*stepca.issue("localhost"), settings={"ssl_max_protocol_version": "TLSv1.2"})
    argv = CLIENTS["psql"](server.conninfo(sslmode="verify-full"))
    assert run_gated(anchored, argv).stdout == "t\n"
    write_policy(anchored, "min-tls = 1.3\n")
    done = run_gated(anchored, argv)
    assert done.returncode == 2 and "version" in done.stderr
    found = server.conninfo(sslmode="verify-full", ssl_min_protocol_version="TLSv1.2")
    assert run_gated(anchored, CLIENTS["psql"](found)).returncode == 2
    capped = server.conninfo(sslmode="verify-full", ssl_max_protocol_version="TLSv1.2")
    assert ("ssl_max_protocol_version=TLSv1.2 (conninfo) is older than TLSv1.3, the least that the policy takes"
            in run_gated(anchored, CLIENTS["psql"](capped)).stderr)


def test_min_tls_is_held_where_nothing_could_be_locked(anchored, stepca, make_postgres, compile_program):
    server = make_postgres(*stepca.issue("localhost"), settings={"ssl_max_protocol_version": "TLSv1.2"})
    write_policy(anchored, "min-tls = 1.3\n")
    conninfo = server.conninfo(sslmode="verify-full", gssencmode="disable")
    done = run_gated(anchored, [compile_program("connect.c", ["libpq"]), "raw", conninfo])
    assert "its TLS is older than TLSv1.3, the least that the policy takes" in done.stdout


def test_audit_lets_through_and_enforce_wins(anchored, postgres, system):
    write_policy(anchored, "mode = audit\nlog = off\n")
    argv = CLIENTS["psql"](postgres.conninfo())
    assert run_gated(anchored, argv).stdout == "t\n"
    system("# the floor\nmode = enforce\n")
    assert WEAK in run_gated(anchored, argv).stderr


def test_the_systems_policy_is_a_floor(anchored, postgres, system):
    write_policy(anchored, "unix-socket = allow\nallow-weak = *\n")
    weak = CLIENTS["psql"](postgres.conninfo())
    local = CLIENTS["psql"](postgres.conninfo(host=postgres.socket_dir))
    assert run_gated(anchored, weak).returncode == 0
    system("unix-socket = refuse\nallow-weak = nowhere.example.test\n", "policy.d/10-company.conf")
    assert "the policy refuses" in run_gated(anchored, local).stderr
    assert WEAK in run_gated(anchored, weak).stderr


@pytest.mark.parametrize("text, complaint", [
    ("mode = sometimes\n", "line 1: not a value of this key: mode = sometimes\n    correct"),
    ("# one\n\nmodes = audit\n", "line 3: no such key: modes"),
    ("mode audit\r\n", "line 1: not a line of the form key = value: mode audit\n    correct"),
    ("mode = audit\nmode = audit\n", "line 2: set twice in one file: mode"),
    ("[mode]\n", "line 1: not a line of the form key = value"),
    ("allow-weak = *\0.example.test\n", None),
    ("allow-weak = localhost db*\n", "line 1: neither *, *.DOMAIN, a host name nor an address: db*"),
    ("allow-weak = *.*.example.test\n", "line 1: neither *, *.DOMAIN, a host name nor an address: *.*.example.test"),
])
def test_a_malformed_policy_refuses_everything(anchored, postgres, text, complaint):
    write_policy(anchored, text)
    done = run_gated(anchored, CLIENTS["psql"](postgres.conninfo(sslmode="verify-full")))
    assert done.returncode == 2
    path = anchored / ".config/pganchor/policy.conf"
    assert REFUSED + (f"{path}, {complaint}" if complaint else f"{path}: holds a NUL byte") in done.stderr


def test_an_unreadable_policy_refuses_everything(anchored, postgres):
    write_policy(anchored, "mode = audit\n")
    (anchored / ".config/pganchor/policy.conf").chmod(0)
    done = run_gated(anchored, CLIENTS["psql"](postgres.conninfo(sslmode="verify-full")), ordinary=True)
    assert REFUSED + "could not open" in done.stderr


def test_malformed_pins_refuse_everything(anchored, postgres):
    write_anchor(anchored, "work", "not a pin")
    done = run_gated(anchored, CLIENTS["psql"](postgres.conninfo(sslmode="verify-full")))
    assert done.returncode == 2 and REFUSED in done.stderr and "anchors.conf" in done.stderr


def test_exempt_hosts_may_be_weak_and_an_address_counts_before_the_name(anchored, postgres):
    write_policy(anchored, "allow-weak = localhost\n")
    assert run_gated(anchored, CLIENTS["psql"](postgres.conninfo())).stdout == "t\n"
    done = run_gated(anchored, CLIENTS["psql"](postgres.conninfo(hostaddr="127.0.0.1")))
    assert WEAK in done.stderr


def test_a_cancel_in_clear_can_be_refused(anchored, postgres):
    script = ("import sys, psycopg2\nc = psycopg2.connect(sys.argv[1])\n"
              "try:\n    c.cancel(); print('sent')\nexcept psycopg2.Error as e:\n    print(e)\n")
    argv = [PYTHON, "-c", script, postgres.conninfo(sslmode="verify-full")]
    assert run_gated(anchored, argv).stdout == "sent\n"
    write_policy(anchored, "cancel = refuse\n")
    assert "pganchor refused to cancel" in run_gated(anchored, argv).stdout


def test_a_refused_cancel_is_told_by_its_connection(anchored, postgres, compile_program):
    write_policy(anchored, "cancel = refuse\n")
    done = run_gated(anchored, [compile_program("cancel.c", ["libpq"]), "request", postgres.conninfo(sslmode="verify-full")])
    assert done.stdout == ("not sent pganchor refused to cancel: the policy (cancel = refuse) lets no cancel key go in clear\n\n")


def test_no_server_speaks_for_the_gate(anchored, postgres, compile_program):
    argv = [compile_program("cancel.c", ["libpq"]), "imitate", postgres.conninfo(sslmode="verify-full")]
    alone = anchored.run(argv).stdout
    assert alone.startswith("ERROR:  pganchor refused to cancel: ") and "\nCONTEXT:  " in alone
    assert run_gated(anchored, argv).stdout == alone


# ---- pganchor explain ----

def test_explain_shows_value_origin_and_verdict(home):
    (home / ".pg_service.conf").write_text("[prod]\nhost=db.example.test\nsslmode=verify-full\npassword=hunter2\n")
    done = home.pganchor("explain", "--all", "service=prod port=7", env={"PGUSER": "me"})
    rows = {line.split()[0]: line for line in done.stdout.splitlines() if line.strip()}
    assert done.returncode == 0
    assert rows["host"].split(maxsplit=2)[1:] == ["db.example.test", f"service prod in {home / '.pg_service.conf'}"]
    assert rows["port"].split(maxsplit=2)[1:] == ["7", "conninfo"]
    assert rows["user"].split(maxsplit=2)[1:] == ["me", "environment PGUSER"]
    assert rows["target_session_attrs"].split(maxsplit=2)[1:] == ["any", "libpq's default"]
    assert "hunter2" not in done.stdout and "********" in rows["password"]
    assert done.stdout.partition("next:\n")[0].endswith("/.postgresql/root.crt does not exist; the gate locks gssencmode=disable\n")
    (home / ".postgresql").mkdir()
    make_root("A root").write_root(home / ".postgresql/root.crt")
    assert home.pganchor("explain", "service=prod port=7").stdout.startswith("allowed; the gate locks gssencmode=disable\n")


def test_explain_says_what_is_weak(home):
    done = home.pganchor("explain", "host=db.example.test", "--json")
    assert done.returncode == 3
    report = json.loads(done.stdout)
    assert report["verdict"] == "refused"
    assert report["reasons"] == ["sslmode=prefer (libpq's default) is weaker than verify-full"]
    assert {"keyword": "host", "value": "db.example.test", "origin": "conninfo"} in report["settings"]


SERVICE_LIST = ', or use a service of "pganchor service list"'


@pytest.mark.parametrize("conninfo, env, changes", [
    ("host=db.example.test", {}, ["conninfo: write sslmode=verify-full" + SERVICE_LIST]),
    ("host=db.example.test", {"PGSSLMODE": "require"}, ["environment PGSSLMODE: set PGSSLMODE=verify-full" + SERVICE_LIST]),
    ("host=db.example.test", {"PGREQUIRESSL": "1"}, ["environment PGREQUIRESSL: set PGSSLMODE=verify-full" + SERVICE_LIST]),
    ("service=weak", {}, ["service weak in {home}/.pg_service.conf: write sslmode=verify-full",
                          "service weak in {home}/.pg_service.conf: write gssencmode=disable"]),
    ("host=db.example.test sslmode=verify-full ssl_max_protocol_version=TLSv1.2", {}, ["conninfo: leave ssl_max_protocol_version out"]),
    ("host=db.example.test sslmode=verify-full", {"PGSSLMAXPROTOCOLVERSION": "TLSv1.2"},
     ["environment PGSSLMAXPROTOCOLVERSION: unset PGSSLMAXPROTOCOLVERSION"]),
    ("host=/tmp", {}, ["conninfo: name a server that is reached by TCP"]),
    ("host=db.example.test sslmode=verify-full", {}, []),
])
def test_explain_says_what_to_change(home, conninfo, env, changes):
    write_policy(home, "min-tls = 1.3\nunix-socket = refuse\n")
    (home / ".pg_service.conf").write_text("[weak]\nhost=db.example.test\nsslmode=allow\ngssencmode=require\n")
    changes = [change.format(home=home.path) for change in changes]
    done = home.pganchor("explain", conninfo, "--json", env=env)
    assert (done.returncode, json.loads(done.stdout)["changes"]) == (3 if changes else 0, changes)
    shown = home.pganchor("explain", conninfo, env=env).stdout
    assert shown.partition("what to change:\n")[2].partition("\n\n")[0] == "\n".join(f"    {change}" for change in changes)


def test_explain_says_why_it_is_allowed_without_tls_or_let_through(home):
    write_policy(home, "mode = audit\nallow-weak = 127.0.0.1\n")
    assert home.pganchor("explain", "host=/tmp").stdout.startswith("allowed; a Unix-domain socket, which has no TLS\n")
    assert home.pganchor("explain", "host=127.0.0.1").stdout.startswith("allowed; allow-weak exempts a host\n")
    done = home.pganchor("explain", "host=db.example.test gssencmode=disable")
    assert done.returncode == 3 and done.stdout.startswith("refused, but mode = audit lets it through\n")


@pytest.mark.parametrize("words", ["application_name", "sslkeylogfile"])
def test_a_value_passes_for_no_line_of_explain(home, words):
    """Also where it is quoted in a reason, on a libpq that has the setting."""
    done = home.pganchor("explain", f"host=db.example.test {words}='a\n\nallowed\n\x1b[31m'")
    if words == "sslkeylogfile" and done.returncode == 1:
        assert 'invalid connection option "sslkeylogfile"' in done.stderr
        return
    assert done.returncode == 3 and "a\\x0A\\x0Aallowed\\x0A\\x1B[31m" in done.stdout
    assert "allowed" not in done.stdout.splitlines() and "\x1b" not in done.stdout


def test_explain_knows_what_the_pins_will_refuse(home):
    strong = "host=127.0.0.1,db.example.test,other.example.test sslmode=verify-full"
    assert home.pganchor("explain", strong).stderr == ""
    write_anchor(home, "corp", "0" * 64, "db.example.test")
    write_policy(home, "allow-weak = 127.0.0.1\n")
    told = home.pganchor("explain", strong).stderr
    assert told.startswith("pganchor: warning: no anchor is pinned for other.example.test: the gate will refuse the server")
    write_policy(home, "trust = verified\n")
    assert home.pganchor("explain", strong).stderr == ""
    (home / ".config/pganchor/anchors.conf").write_text("[a]\npin = 12\n")
    done = home.pganchor("explain", strong)
    assert (done.returncode, done.stdout) == (1, "") and "anchors.conf, line" in done.stderr


def test_explain_names_an_option_that_nobody_has_reviewed(home, second_libpq):
    """A libpq of tomorrow: this one, with another name for one of its options."""
    known = ["explain", "host=db.example.test sslmode=verify-full"]
    assert "does not know" not in home.pganchor(*known).stdout
    directory = home / "lib"
    directory.mkdir()
    content = second_libpq.read_bytes()
    assert b"\0krbsrvname\0" in content
    (directory / "libpq.so.5").write_bytes(content.replace(b"\0krbsrvname\0", b"\0sslrubbish\0"))
    done = home.pganchor(*known, env={"LD_LIBRARY_PATH": directory})
    assert done.returncode == 0
    assert done.stdout.partition("next:\n")[0].endswith("\nlibpq has an option that pganchor does not know: sslrubbish\n")


def test_explain_tells_bytes_that_are_no_text(home):
    done = home.pganchor("explain", "host=db\udcff.example.test", "--json")
    settings = {setting["keyword"]: setting["value"] for setting in json.loads(done.stdout)["settings"]}
    assert done.returncode == 3 and settings["host"] == "db\\xFF.example.test"


def test_explain_tells_libpqs_own_error(home):
    done = home.pganchor("explain", "nonsense=1")
    assert done.returncode == 1
    assert done.stderr == 'pganchor: invalid connection option "nonsense"\n'


def test_a_root_of_another_ca_in_root_crt_is_not_enough_once_something_is_pinned(anchored, stepca, tmp_path, make_postgres):
    """A tampered root.crt: the attacker's root was added, and the attacker's server is verified by it."""
    attacker = make_root("Somebody else")
    with open(anchored / ".postgresql/root.crt", "a") as file:
        file.write(attacker.pem)
    server = make_postgres(*attacker.issue(tmp_path, "localhost"))
    argv = CLIENTS["psql"](server.conninfo(sslmode="verify-full"))
    assert anchored.run(argv).returncode == 0, "libpq alone believes it"
    write_anchor(anchored, "work", stepca.fingerprint)
    assert "ends in a root that is not pinned" in run_gated(anchored, argv).stderr


def test_a_program_that_leaves_libpq_by_longjmp(anchored, postgres, recording_server, compile_program):
    """As a time limit in Perl does. What the gate knew of that call is nothing that a later one may go by."""
    stalling = recording_server(None)
    argv = [compile_program("jumper.c", ["libpq"]), f"host=localhost hostaddr=127.0.0.1 port={stalling.port} user=app sslmode=verify-full",
            postgres.conninfo(sslmode="verify-full"), postgres.conninfo()]
    assert anchored.run(argv).stdout == "connected\n" * 24
    done = run_gated(anchored, argv)
    assert done.stdout.splitlines() == ["connected", "connected", WEAK, WEAK] * 6, done.stderr


def test_a_cancel_of_nothing(anchored):
    program = ('import ctypes; pq = ctypes.CDLL("libpq.so.5"); said = ctypes.create_string_buffer(100)\n'
               'print(pq.PQcancel(None, said, 100), said.value, pq.PQcancel(None, said, 9), said.value, pq.PQcancel(None, None, 0))')
    alone = anchored.run(["/usr/bin/python3", "-c", program]).stdout
    assert "no cancel object" in alone
    assert run_gated(anchored, ["/usr/bin/python3", "-c", program]).stdout == alone
