"""What the gate does holds with libpq 17, 18 and 19 as it does with this machine's: the same tests, run there; and what only
these have."""

import json
import re

import pytest

import test_gate
import test_ways
from gated import CLIENTS, run_gated, write_anchor
from libpqs import RELEASES
from services import policy as write_policy
from test_gate import (  # noqa: F401
    test_a_refused_object_is_safe_to_poll_reset_and_finish, test_a_refused_ping_makes_no_attempt_and_says_why,
    test_a_verified_object_can_be_reset, test_every_reason_is_told_with_its_origin, test_however_the_weakness_is_said,
    test_libpqs_own_refusals_stay_word_for_word, test_the_message_is_one_error_with_its_way_out,
    test_what_is_allowed_and_not_locked_is_what_libpq_does_alone)
from test_gate_policy import (  # noqa: F401
    test_a_cancel_in_clear_can_be_refused, test_a_pinned_root_is_let_through,
    test_a_root_of_another_ca_in_root_crt_is_not_enough_once_something_is_pinned,
    test_a_server_refused_after_the_handshake_leaves_a_safe_object,
    test_a_server_whose_root_is_not_pinned_gets_no_startup_packet, test_an_anchor_vouches_for_its_hosts_alone,
    test_an_unreadable_policy_refuses_everything, test_exempt_hosts_may_be_weak_and_an_address_counts_before_the_name,
    test_explain_says_what_is_weak, test_explain_shows_value_origin_and_verdict, test_gss_encryption_is_locked_out,
    test_malformed_pins_refuse_everything, test_min_tls_is_held, test_min_tls_is_held_where_nothing_could_be_locked,
    test_trust_verified_needs_no_pin)
from test_ways import (  # noqa: F401
    test_however_an_extension_is_opened, test_however_it_is_opened_the_session_is_looked_at)

pytestmark = pytest.mark.plain_build
SHARE = ("libpq", 1)

# pgbench comes with the server, which these machines have not.
there = pytest.mark.parametrize("client", ["psql", "pg_dump", "pg_isready", "psycopg2"], indirect=True)


@pytest.fixture(params=RELEASES, ids=[f"libpq{version}" for version in RELEASES])
def libpq(request):
    return request.param


@pytest.fixture
def home(rooted_home, libpq):
    return rooted_home(libpq)


def test_it_is_that_libpq(home, libpq):
    assert home.run(["psql", "--version"]).stdout.startswith(f"psql (PostgreSQL) {libpq}")


@there
def test_a_weak_connection_is_refused(anchored, postgres, client):
    test_gate.test_a_weak_connection_is_refused(anchored, postgres, client)


@there
def test_a_verified_connection_works(anchored, postgres, client):
    test_gate.test_a_verified_connection_works(anchored, postgres, client)


@there
def test_an_impostor_is_refused_in_libpqs_own_words(anchored, impostor_postgres, client):
    test_gate.test_an_impostor_is_refused_in_libpqs_own_words_and_the_reason_is_told(anchored, impostor_postgres, client)


def test_what_is_found_by_ctypes(anchored, postgres):
    test_ways.test_a_language(anchored, postgres, "python-ctypes")


# ---- what libpq 16 to 19 have besides

SSL_REQUEST = bytes.fromhex("0000000804d2162f")
CANCEL_REQUEST = bytes.fromhex("0000001004d2162e")


def encrypted(sent):
    """Whether a client has sent a request for TLS and then TLS records alone, to the end."""
    if not sent.startswith(SSL_REQUEST):
        return False
    rest = sent[len(SSL_REQUEST):]
    while rest:
        if rest[0] not in (20, 21, 22, 23) or rest[1] != 3:
            return False
        rest = rest[5 + int.from_bytes(rest[3:5], "big"):]
    return True


@pytest.mark.parametrize("how", ["blocking", "poll"])
def test_a_cancel_is_encrypted(anchored, postgres, relay, compile_program, how):
    middle = relay(postgres.port)
    write_policy(anchored, "cancel = refuse\n")
    program = compile_program("cancel.c", ["libpq"])
    done = run_gated(anchored, [program, how, postgres.conninfo(sslmode="verify-full", port=middle.port)])
    assert done.stdout == "sent\nstate 57014\n", done.stdout + done.stderr
    middle.finish()
    assert len(middle.sent) == 2 and all(map(encrypted, middle.sent))


@pytest.mark.parametrize("how", ["blocking", "poll"])
def test_a_cancel_passes_pqconnectpoll(anchored, postgres, relay, compile_program, how):
    """The connection stands; then another root is pinned. The cancel that comes next is refused, after its handshake."""
    middle = relay(postgres.port)
    later, pins = anchored / "later.conf", anchored / ".config/pganchor/anchors.conf"
    write_anchor(anchored, "other", "0" * 64)
    pins.rename(later)
    program = compile_program("cancel.c", ["libpq"])
    seen, cancelled = postgres.connections(), postgres.daemon.text().count("canceling statement")
    done = run_gated(anchored, [program, how, postgres.conninfo(sslmode="verify-full", port=middle.port), later, pins])
    # PQcancelErrorMessage() is not the gate's: where libpq hides the poll, it tells how the gate's words came to the object.
    assert re.match('not sent (unrecognized password encryption algorithm ")?'
                    "pganchor refused the server localhost: its certificate chain ends in a root", done.stdout), done.stdout + done.stderr
    middle.finish()
    # The connection, and the cancel that was tried twice.
    assert len(middle.sent) == 3 and all(map(encrypted, middle.sent))
    assert postgres.connections() == seen + 3
    assert postgres.daemon.text().count("canceling statement") == cancelled


@pytest.mark.parametrize("how", ["old", "request"])
def test_the_cancel_in_clear_can_be_refused(anchored, postgres, relay, compile_program, how):
    middle = relay(postgres.port)
    program = compile_program("cancel.c", ["libpq"])
    argv = [program, how, postgres.conninfo(sslmode="verify-full", port=middle.port)]
    assert run_gated(anchored, argv).stdout == "sent\nstate 57014\n"
    write_policy(anchored, "cancel = refuse\n")
    refused = run_gated(anchored, argv).stdout
    assert refused.startswith("not sent pganchor refused to cancel: the policy (cancel = refuse)")
    middle.finish()
    assert [bytes(sent).startswith(CANCEL_REQUEST) for sent in middle.sent] == [False, True, False]


def direct(conninfo):
    return f"{conninfo} sslnegotiation=direct"


def test_direct_tls_works_with_a_server_that_speaks_it(anchored, stepca, recording_server):
    """PostgreSQL 15 does not, so the server is a false one that does."""
    server = recording_server(issued=stepca.issue("localhost"))
    conninfo = direct(f"host=localhost port={server.port} user=app password=hunter2 sslmode=verify-full")
    done = run_gated(anchored, ["psql", "-XAtc", "SELECT 1", conninfo])
    assert "password authentication failed" in done.stderr
    (seen,) = server.finish()
    assert seen.requests == ["direct-tls", "startup", "password"] and seen.plain == b""


def test_direct_tls_is_looked_at_too(anchored, stepca, recording_server):
    write_anchor(anchored, "other", "0" * 64)
    server = recording_server(issued=stepca.issue("localhost"))
    conninfo = direct(f"host=localhost port={server.port} user=app password=hunter2 sslmode=verify-full")
    done = run_gated(anchored, ["psql", "-XAtc", "SELECT 1", conninfo])
    assert "pganchor refused the server localhost: its certificate chain ends in a root that is not pinned" in done.stderr
    (seen,) = server.finish()
    assert seen.requests == ["direct-tls"] and seen.tls and seen.everything == b""


@pytest.mark.parametrize("sslmode", ["require", "verify-ca"])
def test_weak_direct_tls_is_refused(anchored, recording_server, sslmode):
    server = recording_server()
    conninfo = direct(f"host=localhost port={server.port} user=app password=hunter2 sslmode={sslmode}")
    done = run_gated(anchored, ["psql", "-XAtc", "SELECT 1", conninfo])
    assert f"sslmode={sslmode} (conninfo) is weaker than verify-full" in done.stderr
    assert server.finish() == []


def test_public_cas_are_as_the_policy_says(anchored, impostor_postgres):
    """libpq 16 and newer take verify-full where sslrootcert=system is set and sslmode is not."""
    argv = CLIENTS["psql"](impostor_postgres.conninfo(sslrootcert="system"))
    seen = impostor_postgres.connections()
    assert "certificate verify failed" in run_gated(anchored, argv).stderr
    assert impostor_postgres.connections() == seen + 1
    write_policy(anchored, "public-ca = refuse\n")
    assert "sslrootcert=system (conninfo) trusts every public CA, which the policy refuses" in run_gated(anchored, argv).stderr
    env = {"PGSSLROOTCERT": "system"}
    argv = CLIENTS["psql"](impostor_postgres.conninfo(sslmode="verify-full"))
    assert "sslrootcert=system (environment PGSSLROOTCERT) trusts every public CA" in run_gated(anchored, argv, env=env).stderr
    assert impostor_postgres.connections() == seen + 1


def test_a_file_of_the_sessions_keys_is_refused(anchored, postgres, libpq):
    keys = anchored / "keys.log"
    argv = CLIENTS["psql"](postgres.conninfo(sslmode="verify-full", sslkeylogfile=keys))
    if libpq < 18:
        assert 'invalid connection option "sslkeylogfile"' in run_gated(anchored, argv).stderr
        return
    assert anchored.run(argv).stdout == "t\n" and "TRAFFIC_SECRET" in keys.read_text()
    keys.unlink()
    done = run_gated(anchored, argv)
    assert f"sslkeylogfile={keys} (conninfo) writes the session's keys to a file" in done.stderr
    assert not keys.exists()


# ---- OAuth, of libpq 18 and 19

def refuses(home, argv, words, **kwargs):
    done = run_gated(home, argv, **kwargs)
    assert done.returncode != 0 and f"pganchor refused this connection: {words}" in done.stderr, done.stderr


UNSAFE = "PGOAUTHDEBUG=UNSAFE (environment) lets OAuth's secrets go over plain HTTP, and prints them"


@pytest.mark.parametrize("value", ["UNSAFE", "UNSAFE:", "UNSAFE:http", "UNSAFE:call-count,trace"])
def test_oauth_without_tls_is_refused(anchored, postgres, libpq, value):
    """libpq 18 takes the one word, 19 a list behind it too; an older one has no OAuth."""
    argv = CLIENTS["psql"](postgres.conninfo(sslmode="verify-full"))
    if libpq < 18:
        assert run_gated(anchored, argv, env={"PGOAUTHDEBUG": value}).stdout == "t\n"
        return
    seen = postgres.connections()
    refuses(anchored, argv, UNSAFE, env={"PGOAUTHDEBUG": value})
    # Whoever is reached by a socket can ask for OAuth too.
    refuses(anchored, CLIENTS["psql"](f"host={postgres.socket_dir}"), UNSAFE, env={"PGOAUTHDEBUG": value})
    assert postgres.connections() == seen
    explained = anchored.pganchor("explain", postgres.conninfo(sslmode="verify-full"), env={"PGOAUTHDEBUG": value})
    assert explained.returncode == 3
    assert f"    {UNSAFE}\nwhat to change:\n    environment PGOAUTHDEBUG: unset PGOAUTHDEBUG\n" in explained.stdout


@pytest.mark.parametrize("value", ["", "unsafe", "UNSAFER", " UNSAFE", "call-count,plugin-errors", "http"])
def test_what_debugs_oauth_and_gives_nothing_away_is_allowed(anchored, postgres, value):
    argv = CLIENTS["psql"](postgres.conninfo(sslmode="verify-full"))
    assert run_gated(anchored, argv, env={"PGOAUTHDEBUG": value}).stdout == "t\n"


def test_an_exempt_host_may_debug_oauth(anchored, postgres):
    write_policy(anchored, "allow-weak = localhost\n")
    assert run_gated(anchored, CLIENTS["psql"](postgres.conninfo()), env={"PGOAUTHDEBUG": "UNSAFE"}).returncode == 0


@pytest.mark.parametrize("by", ["conninfo", "environment PGOAUTHCAFILE"])
def test_who_vouches_for_the_oauth_issuer(anchored, postgres, libpq, by):
    """libpq 19: until then it takes an OAuth issuer at the word of the system's CAs alone."""
    more, env = ({"oauth_ca_file": "/own.crt"}, {}) if by == "conninfo" else ({}, {"PGOAUTHCAFILE": "/own.crt"})
    argv = CLIENTS["psql"](postgres.conninfo(sslmode="verify-full", **more))
    if libpq >= 19:
        refuses(anchored, argv, f"oauth_ca_file=/own.crt ({by}) names the roots of the OAuth issuer", env=env)
        sockets = CLIENTS["psql"](" ".join([f"host={postgres.socket_dir}", *[f"{key}={value}" for key, value in more.items()]]))
        refuses(anchored, sockets, f"oauth_ca_file=/own.crt ({by}) names the roots of the OAuth issuer", env=env)
    elif by == "conninfo":
        assert 'invalid connection option "oauth_ca_file"' in run_gated(anchored, argv).stderr
    else:
        assert run_gated(anchored, argv, env=env).stdout == "t\n"


# ---- options

def test_a_service_of_another_file(anchored, postgres, libpq):
    """libpq 19 takes the service file in the connection string too."""
    (anchored / "other.conf").write_text(f"[prod]\nhost=localhost\nport={postgres.port}\nsslmode=require\n")
    (anchored / ".pg_service.conf").write_text("[prod]\nhost=elsewhere.example.test\nsslmode=verify-full\n")
    words = f"service=prod servicefile={anchored / 'other.conf'}"
    refused = run_gated(anchored, CLIENTS["psql"](words)).stderr
    if libpq < 19:
        assert 'invalid connection option "servicefile"' in refused
        return
    origin = f"service prod in {anchored / 'other.conf'}"
    assert f"pganchor refused this connection: sslmode=require ({origin}) is weaker than verify-full\n" \
           f"    write sslmode=verify-full into service prod of {anchored / 'other.conf'}; " \
           f"\"pganchor explain '{words}'\" says what to change\n" in refused, refused
    explained = anchored.pganchor("explain", words).stdout
    assert f"    {origin}: write sslmode=verify-full\n" in explained
    # The variable is what it was before: then the words that explain it need not name the file.
    done = run_gated(anchored, CLIENTS["psql"]("service=prod"), env={"PGSERVICEFILE": anchored / "other.conf"})
    assert f"sslmode=require ({origin})" in done.stderr and '"pganchor explain service=prod"' in done.stderr
    # A service that the named file has not is the machine's.
    (anchored / "empty.conf").write_text("")
    (anchored / "pg_service.conf").write_text("[prod]\nhost=localhost\nsslmode=prefer\n")
    done = run_gated(anchored, CLIENTS["psql"](f"service=prod servicefile={anchored / 'empty.conf'}"), env={"PGSYSCONFDIR": anchored.path})
    assert f"sslmode=prefer (service prod in {anchored / 'pg_service.conf'})" in done.stderr


OPTIONS = """
import ctypes
class Option(ctypes.Structure):
    _fields_ = [(name, ctypes.c_char_p) for name in ("keyword", "envvar", "compiled", "val", "label", "dispchar")] + [("size", ctypes.c_int)]
pq = ctypes.CDLL("libpq.so.5")
pq.PQconndefaults.restype = ctypes.POINTER(Option)
option = pq.PQconndefaults()
for i in range(1000):
    if not option[i].keyword:
        break
    print(option[i].keyword.decode())
"""


def test_each_option_of_libpq_has_been_reviewed(home, libpq):
    """Where this fails, libpq has an option that nobody has looked at: it belongs into src/policy/options.c, and where it can weaken
    a connection or give something away, into a rule."""
    options = home.run(["/usr/bin/python3", "-c", OPTIONS]).stdout.split()
    assert {"host", "sslmode", "sslrootcert"} < set(options)
    assert ("sslkeylogfile" in options, "oauth_ca_file" in options) == (libpq >= 18, libpq >= 19)
    explained = home.pganchor("explain", "host=db.example.test sslmode=verify-full")
    assert "does not know" not in explained.stdout
    report = json.loads(home.pganchor("explain", "--json", "host=db.example.test sslmode=verify-full").stdout)
    assert [note for note in report["notes"] if "root certificate file" not in note] == []
