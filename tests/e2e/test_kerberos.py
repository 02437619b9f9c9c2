"""A Kerberos ticket at hand and a server that offers GSSAPI encryption: libpq takes it instead of TLS, and the gate does not let it."""

import pytest

from gated import PYTHON, REFUSED, run_gated
from home import Home
from kerberos import kerberos, kerberos_postgres  # noqa: F401
from machines import LIBPQS
from services import policy as write_policy

pytestmark = pytest.mark.plain_build

QUERY = "SELECT s.ssl, g.encrypted FROM pg_stat_ssl s JOIN pg_stat_gssapi g USING (pid) WHERE pid = pg_backend_pid()"
PSYCOPG2 = f"""
import sys, psycopg2
cursor = psycopg2.connect(sys.argv[1]).cursor()
cursor.execute("{QUERY}")
print("|".join("t" if value else "f" for value in cursor.fetchone()))
"""
CLIENTS = {"psql": ["psql", "-XAtc", QUERY], "psycopg2": [PYTHON, "-c", PSYCOPG2]}
TLS, GSS = "t|f\n", "f|t\n"


@pytest.fixture(params=LIBPQS, ids=lambda version: f"libpq{version}")
def home(request, pganchor, tmp_path, stepca):
    """A home that trusts the CA of the server."""
    made = Home(tmp_path / "home", pganchor) if request.param == 15 else request.getfixturevalue("rooted_home")(request.param)
    (made / ".postgresql").mkdir()
    (made / ".postgresql/root.crt").write_text(stepca.root_pem)
    return made


@pytest.fixture
def ticket(home, kerberos):
    return kerberos.log_in(home)


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
def test_a_ticket_does_not_take_the_place_of_tls(home, ticket, kerberos_postgres, relay, client):
    middle = relay(kerberos_postgres.port)
    conninfo = kerberos_postgres.conninfo(sslmode="verify-full", port=middle.port)
    assert home.run([*client, conninfo], env=ticket).stdout == GSS, "without the gate, libpq takes GSSAPI encryption"
    assert run_gated(home, [*client, conninfo], env=ticket).stdout == TLS
    middle.finish()
    assert [int.from_bytes(sent[4:8], "big") for sent in middle.sent] == [80877104, 80877103]  # GSSENCRequest, SSLRequest


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
@pytest.mark.parametrize("settings", [{"gssencmode": "require"}, {"gssencmode": "require", "sslmode": "verify-full"}])
def test_asked_for_it_is_refused(home, ticket, kerberos_postgres, client, settings):
    argv = [*client, kerberos_postgres.conninfo(**settings)]
    seen = kerberos_postgres.connections()
    done = run_gated(home, argv, env=ticket)
    assert REFUSED in done.stderr
    assert "gssencmode=require (conninfo) takes GSSAPI encryption instead of TLS" in done.stderr
    assert kerberos_postgres.connections() == seen
    assert home.run(argv, env=ticket).stdout == GSS, "without the gate it must succeed"


def test_where_nothing_could_be_locked_it_is_refused(home, ticket, kerberos_postgres, compile_program):
    program = compile_program("connect.c", ["libpq"])
    authorized = kerberos_postgres.daemon.text().count("connection authorized")
    done = run_gated(home, [program, "raw", kerberos_postgres.conninfo(sslmode="verify-full")], env=ticket)
    assert "status bad" in done.stdout and "pganchor refused" in done.stdout and "GSSAPI" in done.stdout, done.stdout
    assert kerberos_postgres.daemon.text().count("connection authorized") == authorized


def test_the_policy_may_allow_it(home, ticket, kerberos_postgres):
    write_policy(home, "gss-encryption = allow\n")
    for settings in ({"sslmode": "verify-full"}, {"sslmode": "verify-full", "gssencmode": "require"}):
        done = run_gated(home, [*CLIENTS["psql"], kerberos_postgres.conninfo(**settings)], env=ticket)
        assert done.stdout == GSS, done.stderr


def test_in_audit_mode_it_is_taken_as_without_the_gate(home, ticket, kerberos_postgres):
    argv = [*CLIENTS["psql"], kerberos_postgres.conninfo(sslmode="verify-full")]
    assert run_gated(home, argv, env=ticket).stdout == TLS, "enforced, it is not taken"
    write_policy(home, "mode = audit\n")
    assert run_gated(home, argv, env=ticket).stdout == GSS
    weak = kerberos_postgres.conninfo(sslmode="verify-full", gssencmode="disable")
    assert run_gated(home, [*CLIENTS["psql"], weak], env=ticket).stdout == TLS
