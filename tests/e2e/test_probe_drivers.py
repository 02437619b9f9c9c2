"""Which drivers connect to servers whose certificates are odd in one way each: what pganchor probe says of it, and what they do. A driver
connects where its startup packet comes through TLS."""

import json

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from anchoring import add
from certificates import KEYS, build, make_root, pem, sign, subject, write_issued
from recording import WRONG_PASSWORD
from registered import at_home
from services import environment

pytestmark = [pytest.mark.plain_build, pytest.mark.no_gate]

LIBPQ = """
import sys, psycopg2
try:
    psycopg2.connect(f"host={sys.argv[1]} port={sys.argv[2]} user=app dbname=app sslmode=verify-full")
except psycopg2.OperationalError as error:
    print(error)
"""
ASYNCPG = """
import asyncio, sys, asyncpg
async def main():
    try:
        await asyncpg.connect(f"postgres://app@{sys.argv[1]}:{sys.argv[2]}/app?sslmode=verify-full")
    except Exception as error:
        print(error)
asyncio.run(main())
"""
JDBC = """
import java.sql.*;
try {
    DriverManager.getConnection("jdbc:postgresql://" + bsh.args[0] + ":" + bsh.args[1] + "/app?user=app&password=x&sslmode=verify-full");
} catch (SQLException error) {
    System.out.println(error + " " + error.getCause());
}
"""
PYTHON = "/usr/bin/python3"
JAVA = ["java", "-cp", "/usr/share/java/bsh.jar:/usr/share/java/postgresql.jar", "bsh.Interpreter"]


def odd(directory, authority, names, usage=(ExtendedKeyUsageOID.SERVER_AUTH,)):
    private = KEYS["p256"]()
    builder = build(subject("server"), private.public_key(), authority.cert.subject, (-1, 30))
    builder = builder.add_extension(x509.SubjectAlternativeName(names), False).add_extension(x509.ExtendedKeyUsage(usage), False)
    return write_issued(pem(sign(builder, authority.key, "sha256")), private, directory)


ODDITIES = {
    "none": ("localhost", lambda root, at: root.issue(at, "localhost")),
    "common name": ("localhost", lambda root, at: root.issue(at, common_name="localhost")),
    "address as DNS name": ("127.0.0.1", lambda root, at: odd(at, root, [x509.DNSName("127.0.0.1")])),
    "for clients alone": ("localhost", lambda root, at: odd(at, root, [x509.DNSName("localhost")], [ExtendedKeyUsageOID.CLIENT_AUTH])),
    "missing intermediate": ("localhost", lambda root, at: root.intermediate().issue(at, "localhost", chain=False)),
    "RSA 1024": ("localhost", lambda root, at: root.issue(at, "localhost", key="rsa1024")),
    "SHA-1": ("localhost", lambda root, at: root.issue(at, "localhost", digest="sha1")),
}


@pytest.fixture(scope="module")
def company():
    return make_root("Company Root CA", key="rsa2048", days=(-1, 400))


@pytest.fixture
def attempt(home, build, driver):
    """Has the driver try host and port."""
    if driver in ("lib/pq", "pgx"):
        program = build("go", "drivers.go")
        return lambda host, port: home.run([*at_home(home), program, driver, f"{port} host={host}", '["verify-full"]', home / ".postgresql/root.crt"])
    name, text, argv = {"libpq": ("ask.py", LIBPQ, [PYTHON]), "asyncpg": ("ask.py", ASYNCPG, [PYTHON]),
                        "pgjdbc": ("Ask.java", JDBC, [*at_home(home), *JAVA])}[driver]
    (home / name).write_text(text)
    return lambda host, port: home.run([*argv, home / name, host, str(port)])


def said(home, host, port, driver):
    result = home.pganchor("probe", "--json", f"{host}:{port}", env=environment(home))
    server, = json.loads(result.stdout)["servers"]
    known = {one["driver"]: (one["connects"], one["known"]) for one in server["drivers"]}
    return known["lib/pq, pgx" if driver in ("lib/pq", "pgx") else driver]


# A compiler that begins with nothing takes ten seconds.
@pytest.mark.parametrize("driver", ["libpq", "asyncpg", "pgjdbc", *(pytest.param(name, marks=pytest.mark.whole) for name in ("lib/pq", "pgx"))])
def test_drivers_do_what_is_said_of_them(home, recording_server, tmp_path, company, driver, attempt):
    add(home, "company", company)
    done, predicted = {}, {}
    for oddity, (host, issue) in ODDITIES.items():
        issued = issue(company, tmp_path)
        server = recording_server(b"S", issued=issued, ask=WRONG_PASSWORD)
        result = attempt(host, server.port)
        done[oddity] = any(record.tls and b"user\0app" in record.inside for record in server.finish()), result.stdout + result.stderr
        predicted[oddity], known = said(home, host, recording_server(b"S", issued=issued, ask=WRONG_PASSWORD).port, driver)
        assert known == "tried"
    assert {oddity: connects for oddity, (connects, _) in done.items()} == predicted, done
