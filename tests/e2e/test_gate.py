"""The gate in real clients: what is weaker than verify-full is refused with its reason, and all else works as without."""

import os
import re
import socket
import subprocess
import ssl

import pytest

import tracing
from gated import CLIENTS, PSYCOPG2, PYTHON, REFUSED, WEAK, run_gated
from services import policy as write_policy

pytestmark = pytest.mark.no_instruments


def every_client(function):
    return pytest.mark.parametrize("client", CLIENTS, indirect=True)(function)


def unlocked(how):
    """Settings for what begins past the entry points, where the gate can lock nothing."""
    return {"gssencmode": "disable"} if how.startswith("raw") else {}


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
