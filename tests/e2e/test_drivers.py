"""What each driver does when it meets an impostor, by the word for sslmode, with a root.crt and without: the table of docs/drivers.md."""

import json
import os
import re
from pathlib import Path

import pytest

from registered import at_home

PAGE = Path(__file__).resolve().parent.parent.parent / "docs/drivers.md"
PYTHON = "/usr/bin/python3"
# None: nobody says it.
MODES = [None, "require", "verify-full"]

pytestmark = [pytest.mark.plain_build, pytest.mark.no_gate]

QUERY = "select ssl from pg_stat_ssl where pid = pg_backend_pid()"
# Each is told the port and the modes, tries them in turn, and says true or false for TLS, or null where it did not connect.
PSYCOPG2 = f"""
import json, sys, psycopg2
for mode in json.loads(sys.argv[2]):
    try:
        conn = psycopg2.connect(f"host=localhost port={{sys.argv[1]}} user=app dbname=app" + (f" sslmode={{mode}}" if mode else ""))
        cursor = conn.cursor()
        cursor.execute("{QUERY}")
        print(json.dumps(cursor.fetchone()[0]))
    except psycopg2.OperationalError as error:
        assert "certificate" in str(error), error
        print("null")
"""
ASYNCPG = f"""
import asyncio, json, ssl, sys, asyncpg
async def main():
    for mode in json.loads(sys.argv[2]):
        try:
            conn = await asyncpg.connect(f"postgres://app@localhost:{{sys.argv[1]}}/app" + (f"?sslmode={{mode}}" if mode else ""))
            print(json.dumps(await conn.fetchval("{QUERY}")))
            await conn.close()
        except ssl.SSLCertVerificationError:
            print("null")
asyncio.run(main())
"""
# BeanShell gives a script its arguments in bsh.args.
JDBC = f"""
import java.sql.*;
String[] modes = bsh.args[1].replaceAll("[^a-z,-]", "").split(",");
for (int i = 0; i < modes.length; i++) {{
    try {{
        Connection conn = DriverManager.getConnection("jdbc:postgresql://localhost:" + bsh.args[0] + "/app?user=app"
            + (modes[i].equals("null") ? "" : "&sslmode=" + modes[i]));
        ResultSet row = conn.createStatement().executeQuery("{QUERY}");
        row.next();
        System.out.println(row.getBoolean(1));
    }} catch (SQLException error) {{
        if (!error.getMessage().contains("SSL error"))
            throw error;
        System.out.println("null");
    }}
}}
"""
JAVA = ["java", "-cp", "/usr/share/java/bsh.jar:/usr/share/java/postgresql.jar", "bsh.Interpreter"]
DRIVERS = {
    "libpq (psycopg2)": ("ask.py", PSYCOPG2, [PYTHON]),
    "asyncpg": ("ask.py", ASYNCPG, [PYTHON]),
    "pgjdbc": ("Ask.java", JDBC, JAVA),
    "pgx": None,
    "lib/pq": None,
}
# A compiler that begins with nothing takes ten seconds.
LATER = {"pgx", "lib/pq"}
WORDS = {True: "by TLS", False: "in clear", None: "refused"}


@pytest.fixture
def command(home, build, driver):
    """The words before the port and the modes."""
    if driver in LATER:
        return [*at_home(home), build("go", "drivers.go"), driver]
    name, program, argv = DRIVERS[driver]
    (home / name).write_text(program)
    return [*(at_home(home) if argv is JAVA else []), *argv, home / name]


def met(home, command, port, modes):
    """What comes of each mode, in words."""
    done = home.run([*command, str(port), json.dumps(modes), home / ".postgresql/root.crt"])
    said = re.findall(r"^(?:true|false|null)$", done.stdout, re.MULTILINE)
    assert done.returncode == 0 and len(said) == len(modes), done.stdout + done.stderr
    return [WORDS[json.loads(word)] for word in said]


def row(driver):
    """The line of the table, and what it says."""
    found = re.search(rf"^\| {re.escape(driver)}[^|]*\|(.*)\|$", PAGE.read_text(), re.MULTILINE)
    return [word.strip() for word in found[1].split("|")] if found else None


@pytest.mark.parametrize("driver", [pytest.param(name, marks=[pytest.mark.whole] if name in LATER else []) for name in DRIVERS])
def test_the_table_says_what_came_of_it(home, stepca, impostor_postgres, driver, command):
    server = impostor_postgres
    (home / ".pgpass").write_text(f"*:*:*:{server.user}:{server.password}\n")
    (home / ".pgpass").chmod(0o600)
    nobody, require = met(home, command, server.port, MODES[:2])
    (home / ".postgresql").mkdir()
    (home / ".postgresql/root.crt").write_text(stepca.root_pem)
    rooted_nobody, rooted_require, verify_full = met(home, command, server.port, MODES)
    told = [nobody, rooted_nobody, require, rooted_require, verify_full]
    if os.environ.get("PGANCHOR_WRITE_TRANSCRIPTS") == "yes":
        print(f"| {driver} | {' | '.join(told)} |")
    assert row(driver) == told
