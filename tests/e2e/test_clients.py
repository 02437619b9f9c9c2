"""Real clients of many languages, each against a weak connection, a strong one, an impostor and an expired certificate.

docs/evidence.md has the table of them.
"""

import contextlib
import re
import shlex
import sysconfig
from pathlib import Path

import psycopg2
import pytest

from certificates import EXPIRED
from gated import CLIENTS as GATE_CLIENTS
from gated import PYTHON, WEAK, run_gated
from home import Home
from languages import LANGUAGES
from postgres import NAMES

pytestmark = pytest.mark.plain_build

QUERY = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
EVIDENCE = Path(__file__).resolve().parent.parent.parent / "docs" / "evidence.md"

PSYCOPG3 = f"""
import sys, psycopg
try:
    with psycopg.connect(sys.argv[1]) as connection:
        print("t" if connection.execute("{QUERY}").fetchone()[0] else "f")
except psycopg.Error as error:
    sys.exit(f"bad: {{error}}")
"""
PSYCOPG3_ASYNC = f"""
import asyncio, sys, psycopg
async def main():
    async with await psycopg.AsyncConnection.connect(sys.argv[1]) as connection:
        print("t" if (await (await connection.execute("{QUERY}")).fetchone())[0] else "f")
try:
    asyncio.run(main())
except psycopg.Error as error:
    sys.exit(f"bad: {{error}}")
"""
PERL = (f'use DBI; my $c = DBI->connect("dbi:Pg:$ARGV[0]", undef, undef, {{PrintError => 0}}) or die "bad: $DBI::errstr\\n"; '
        f'print $c->selectrow_array("{QUERY}") ? "t\\n" : "f\\n";')
LUA = (f'local c, why = require("luasql.postgres").postgres():connect(arg[1]); if not c then print("bad: " .. why) os.exit(1) end '
       f'print(c:execute("{QUERY}"):fetch())')
TCL = ("package require Pgtcl\n"
       "if {[catch {set c [pg_connect -conninfo [lindex $argv 0]]} why]} {puts \"bad: $why\"; exit 1}\n"
       f"puts [pg_result [pg_exec $c {{{QUERY}}}] -getTuple 0]\n")

R = (f'c <- tryCatch(DBI::dbConnect(RPostgreSQL::PostgreSQL(), dbname = commandArgs(TRUE)), error = function(e) {{ '
     f'message("bad: ", conditionMessage(e)); quit(status = 1) }}); cat(if (DBI::dbGetQuery(c, "{QUERY}")[1, 1]) "t\\n" else "f\\n")')
QT = f"""
import shlex, sys
from PyQt5.QtSql import QSqlDatabase
database = QSqlDatabase.addDatabase("QPSQL")
settings = dict(word.split("=", 1) for word in shlex.split(sys.argv[1]))
database.setHostName(settings.pop("host"))
database.setPort(int(settings.pop("port")))
database.setUserName(settings.pop("user"))
database.setPassword(settings.pop("password"))
database.setDatabaseName(settings.pop("dbname"))
database.setConnectOptions(";".join(f"{{key}}={{value}}" for key, value in settings.items()))
if not database.open():
    sys.exit("bad: " + database.lastError().text())
query = database.exec("{QUERY}")
query.next()
print("t" if query.value(0) else "f")
"""

NODE = (f"const c = new (require('libpq'))(); try {{ c.connectSync(process.argv[1]); c.exec('{QUERY}'); console.log(c.getvalue(0, 0)) }} "
        "catch (e) { console.error('bad: ' + e.message); process.exit(1) }")
NODE_ASYNC = (f"const c = new (require('libpq'))(); c.connect(process.argv[1], e => {{ "
              "if (e) { console.error('bad: ' + e.message); process.exit(1) } "
              f"c.exec('{QUERY}'); console.log(c.getvalue(0, 0)); c.finish() }})")

# What ODBC calls libpq's keywords.
ODBC = {"host": "Servername", "port": "Port", "user": "Username", "dbname": "Database", "password": "Password",
        "sslmode": "SSLmode"}


def odbc(conninfo, directory):
    settings = dict(word.split("=", 1) for word in shlex.split(conninfo))
    # libpq's default has to be said: the driver's own is "disable".
    settings.setdefault("sslmode", "prefer")
    return ["isql", "-v", "-b", "-k", "Driver=PostgreSQL Unicode;" + ";".join(f"{ODBC[key]}={value}" for key, value in settings.items())]


def lua(conninfo, directory):
    (directory / "connect.lua").write_text(LUA)
    return ["lua5.3", directory / "connect.lua", conninfo]


def tcl(conninfo, directory):
    (directory / "connect.tcl").write_text(TCL)
    return ["tclsh", directory / "connect.tcl", conninfo]


def node(script):
    """Without /proc, as in the root directory that it runs in, Node.js does not find its modules by itself."""
    modules = f"/usr/share/nodejs:/usr/lib/{sysconfig.get_config_var('MULTIARCH')}/nodejs"
    return language(["env", f"NODE_PATH={modules}", "node", "-e", script])


def language(argv):
    return lambda conninfo, directory: [*argv, conninfo]


# The name in the table of docs/evidence.md: the command that connects with a connection string, given a directory of its own.
CLIENTS = {
    **{name: lambda conninfo, directory, argv=argv: argv(conninfo) for name, argv in GATE_CLIENTS.items()},
    "pg_restore": lambda conninfo, directory: ["pg_restore", "-d", conninfo, directory / "archive"],
    "pg_basebackup": lambda conninfo, directory: ["pg_basebackup", "-d", conninfo, "-D", directory / "copy", "-X", "none", "-c", "fast"],
    "pg_receivewal": lambda conninfo, directory: ["pg_receivewal", "-d", conninfo, "--slot=tests", "--create-slot", "--if-not-exists"],
    "vacuumdb": lambda conninfo, directory: ["vacuumdb", "--table=pg_class", conninfo],
    "PHP pgsql": language(LANGUAGES["php-pgsql"]),
    "PHP PDO": language(LANGUAGES["php-pdo"]),
    "Ruby pg": language(LANGUAGES["ruby-pg"]),
    "Python ctypes": language(LANGUAGES["python-ctypes"]),
    "psycopg 3": language([PYTHON, "-c", PSYCOPG3]),
    "psycopg 3 async": language([PYTHON, "-c", PSYCOPG3_ASYNC]),
    "Perl DBD::Pg": language(["perl", "-e", PERL]),
    "Lua luasql": lua,
    "Tcl Pgtcl": tcl,
    "psqlODBC": odbc,
    "R RPostgreSQL": language(["Rscript", "-e", R]),
    "Qt QPSQL": language([PYTHON, "-c", QT]),
    "Node libpq": node(NODE),
    "Node libpq async": node(NODE_ASYNC),
    "GDAL": lambda conninfo, directory: ["ogrinfo", "-sql", QUERY, f"PG:{conninfo}"],
    "C++ libpqxx": None,
}


@pytest.fixture(scope="module", autouse=True)
def replication(postgres):
    """Two of the clients copy the whole server: its user may do so while these tests run."""
    with contextlib.closing(psycopg2.connect(postgres.superuser)) as connection:
        connection.autocommit = True
        connection.cursor().execute(f"ALTER ROLE {postgres.user} REPLICATION")
        yield
        connection.cursor().execute(f"ALTER ROLE {postgres.user} NOREPLICATION")


@pytest.fixture(params=[pytest.param(name, marks=[pytest.mark.whole] if name.startswith("Node") else []) for name in CLIENTS])
def name(request):
    return request.param


@pytest.fixture
def home(request, name, pganchor, tmp_path):
    """Node.js is in a Debian of its own, with libpq 17."""
    return request.getfixturevalue("rooted_home")(17) if name.startswith("Node") else Home(tmp_path / "home", pganchor)


@pytest.fixture
def client(name, tmp_path, anchored, postgres, compile_program):
    """Factory client(conninfo) -> the command."""
    def command(conninfo):
        if name == "C++ libpqxx":
            return [compile_program("connect.cc", ["libpqxx"], compiler="g++"), conninfo]
        # pg_basebackup wants a directory that is not there yet.
        directory = tmp_path / f"client-{len(list(tmp_path.glob('client-*')))}"
        directory.mkdir()
        if name == "pg_restore":
            conn = postgres.conninfo(host=postgres.socket_dir)
            done = anchored.run(["pg_dump", "-Fc", "--schema-only", "-f", directory / "archive", "-d", conn])
            assert done.returncode == 0, done.stderr
        return CLIENTS[name](conninfo, directory)

    return command


@pytest.fixture(scope="session")
def expired_postgres(clusters, stepca, session_directory):
    """A server of ours whose certificate has expired."""
    server = clusters.start(*stepca.authority().issue(session_directory, *NAMES, days=EXPIRED))
    yield server
    server.stop()


def verified_by_server(server):
    """How many connections came to the end of authentication by TLS."""
    server.settle()
    return len(re.findall(r"connection authorized: .* SSL enabled", server.daemon.text()))


def test_weak(anchored, postgres, name, client):
    command = client(postgres.conninfo())
    seen = postgres.connections()
    done = run_gated(anchored, command, input="SELECT 1;")
    assert done.returncode != 0
    # Some hand libpq's own default to libpq as if it had been asked for.
    said = re.sub(r"sslmode=prefer \(conninfo\)", "sslmode=prefer (libpq's default)", done.stdout + done.stderr)
    # psycopg 3 takes away what stands before the first colon of any message of libpq's.
    assert (WEAK.partition(": ")[2] if name.startswith("psycopg 3") else WEAK) in said, said
    assert postgres.connections() == seen
    done = anchored.run(command, input="SELECT 1;")
    assert done.returncode == 0, "without the gate it must succeed: " + done.stdout + done.stderr


def test_strong(anchored, postgres, name, client):
    command = client(postgres.conninfo(sslmode="verify-full"))
    seen = verified_by_server(postgres)
    done = run_gated(anchored, command, input=QUERY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "pganchor" not in done.stdout + done.stderr
    # Some print what the server knows of the connection; pg_isready hangs up before the server has authorised it.
    if re.search("^[tf]$", done.stdout, re.MULTILINE):
        assert done.stdout.strip() == "t"
    if name != "pg_isready":
        assert verified_by_server(postgres) > seen


@pytest.mark.parametrize("which", ["impostor_postgres", "expired_postgres"])
def test_a_server_that_does_not_verify(request, anchored, postgres, which, name, client):
    server = request.getfixturevalue(which)
    command = client(server.conninfo(sslmode="verify-full"))
    seen = server.daemon.text().count("connection auth")
    done = run_gated(anchored, command, input=QUERY)
    if name == "pg_isready":
        # It asks only whether somebody answers, and has no message to give.
        assert done.returncode == anchored.run(command).returncode
    else:
        assert done.returncode != 0
        assert "certificate verify failed" in done.stdout + done.stderr, done.stdout + done.stderr
    assert server.daemon.text().count("connection auth") == seen


def test_the_documentation_says_what_was_tested():
    table = EVIDENCE.read_text().partition("## Clients")[2].partition("\n## ")[0]
    rows = {row.split("|")[1].strip() for row in table.splitlines() if row.startswith("| ")}
    assert {word.strip() for row in rows for word in row.split(",")} >= set(CLIENTS)
