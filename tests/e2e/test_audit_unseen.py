"""pganchor audit: what it does not see is never told as good, and it leaves nothing behind: not by a pooler either."""

import json
import os
import subprocess

import pytest

from anchoring import own, service
from certificates import make_root
from poolers import start_pooler
from postgres import HBA, USER
from services import environment, pin_files
from test_audit import found, session, sql

ROOT = make_root("Looked At Root CA")
NULL = "ECDHE-ECDSA-NULL-SHA:ECDHE-RSA-NULL-SHA:@SECLEVEL=0"
# No TLS for the plain role's sessions, and names in no encoding.
SETTINGS = {"ssl_ciphers": f"HIGH:{NULL}", "ssl_max_protocol_version": "TLSv1.2"}


RULES = """
host all plain 127.0.0.1/32 trust
hostssl all all 10.9.0.0/16 ident map=m
hostssl all all 10.8.0.0/16 trust clientcert=verify-full
"""


@pytest.fixture(scope="module")
def server(clusters, session_directory):
    server = clusters.start(*ROOT.issue(session_directory, "localhost"), hba=HBA + RULES, settings=SETTINGS)
    sql(server, f"ALTER ROLE {USER} SUPERUSER", "CREATE ROLE plain LOGIN", "CREATE EXTENSION postgres_fdw", dbname=USER)
    yield server
    server.stop()


@pytest.fixture
def audit(home, server):
    pin_files(home, ("company", ROOT, "*", "scoped"))
    names = []

    def run(*words, user=USER, port=None, host="localhost", dbname=USER, status=None):
        name = f"prod{len(names)}"
        names.append(name)
        service(home, name, host, home / own("company"), more=f"port={port or server.port}\nuser={user}\ndbname={dbname}\n")
        done = home.pganchor("audit", name, *words, env={**environment(home), "PGPASSWORD": server.password})
        assert status is None or done.returncode == status, (done.stdout, done.stderr)
        return json.loads(done.stdout)["servers"][0] if "--json" in words else done.stdout

    return run


def test_a_session_that_is_not_encrypted_though_it_has_tls(home, server, audit):
    (home / "openssl.cnf").write_text(f"openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nCipherString = {NULL}\n")
    env = {**os.environ, "OPENSSL_CONF": str(home / "openssl.cnf")}
    client = subprocess.Popen(["psql", "-XqAt", "-d", server.conninfo(sslmode="require")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True, env=env)
    client.stdin.write("SELECT pg_backend_pid();\n")
    client.stdin.flush()
    pid = client.stdout.readline().strip()
    seen = audit("--json", status=3)
    client.communicate(timeout=60)
    assert found(seen, "session-cipher-weak") == [(pid, "error")]
    assert found(seen, "server-ciphers-weak") == [("ssl_ciphers", "warning")]
    assert "NULL-SHA" in next(each for each in seen["findings"] if each["id"] == "server-ciphers-weak")["message"]


def test_who_does_not_see_the_sessions_is_not_told_that_there_are_none(server, audit):
    with session(server.conninfo(sslmode="disable")) as pid:
        text = audit("--terminate-unencrypted", "--yes", user="plain", status=1)
        assert "of 1 server not all sessions are seen: none of those is ended\nno session without encryption is to be ended\n" in text
        assert "more of which that is not seen" in text
        # It is there still.
        assert pid in audit("--terminate-unencrypted", "--dry-run")


def test_not_all_of_it_was_seen(home, audit):
    unseen = {each["what"]: each["why"] for each in audit("--json", host="localhost,localhost")["unseen"]}
    assert unseen["the other servers of this service"].startswith("one of them was audited: localhost,localhost, port ")
    ini = home / "pgbouncer.ini"
    ini.write_text("[databases]\napp = host=db.example.com\n[pgbouncer]\nserver_tls_sslmode = verify-full\nserver_tls_ca_file = /r\n"
                   "auth_type = hba\nauth_hba_file = /nowhere\n")
    ini.chmod(0o600)
    done = home.pganchor("audit", "--pgbouncer", ini)
    assert done.returncode == 0 and done.stdout.endswith("\n  nothing that was seen is weak; 1 thing was not seen\n")


def test_what_it_connects_to_is_judged_as_it_is_there(home, server, audit):
    """allow-weak is of this machine, where localhost is another one; there is no gate that would lock what is left open; and what
    this libpq does not know may be stronger."""
    (home / ".config/pganchor").mkdir(parents=True, exist_ok=True)
    (home / ".config/pganchor/policy.conf").write_text("allow-weak = localhost\n")
    verified = "host 'db.example.com', sslmode 'verify-full', sslrootcert '/r', gssencmode 'disable'"
    options = {"near": "host 'localhost', sslmode 'disable'", "good": verified, "gss": verified.replace("disable", "prefer"),
               "old": f"{verified}, ssl_min_protocol_version 'TLSv1'"}
    sql(server, *[f"CREATE SERVER {name} FOREIGN DATA WRAPPER postgres_fdw OPTIONS ({said})" for name, said in options.items()], dbname=USER)
    try:
        assert found(audit("--json", status=3), "foreign-server-weak") == [("gss", "note"), ("near", "error"), ("old", "warning")]
    finally:
        sql(server, *[f"DROP SERVER {name}" for name in options], dbname=USER)


def test_a_name_in_no_encoding_hides_no_other(server, audit):
    sql(server, "CREATE DATABASE ascii ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    sql(server, r"""DO $$BEGIN EXECUTE format('CREATE ROLE %I LOGIN', convert_from('\x6dfc6c6c6572', 'SQL_ASCII')); END$$""", dbname="ascii")
    try:
        with session(server.conninfo(sslmode="disable")) as pid:
            for dbname in (USER, "ascii"):
                seen = audit("--json", dbname=dbname)
                assert pid in [str(each["pid"]) for each in seen["sessions"]], seen["unseen"]
    finally:
        sql(server, r"""DO $$BEGIN EXECUTE format('DROP ROLE %I', convert_from('\x6dfc6c6c6572', 'SQL_ASCII')); END$$""", dbname="ascii")


@pytest.fixture
def pooler(server, session_directory):
    """PgBouncer before the server, whose one session its clients have for a transaction each."""
    directory = session_directory / "pooler"
    port, daemon = start_pooler(server, directory, *ROOT.issue(session_directory, "localhost"))
    yield port
    daemon.stop()


def test_a_pooler_is_said_and_its_clients_find_their_session_as_it_was(server, audit, pooler):
    conninfo = server.conninfo(port=pooler, sslmode="require")

    def ask():
        return subprocess.run(["psql", "-XqAt", "-d", conninfo, "-c", "SELECT current_setting('search_path'), current_setting('transaction_read_only'), pg_backend_pid()"],
                              capture_output=True, text=True, check=True).stdout

    before = ask()
    seen = audit("--json", port=pooler)
    assert "how clients, and the server, are connected to the pooler" in [each["what"] for each in seen["unseen"]]
    assert ask() == before
    with session(server.conninfo(sslmode="disable")) as pid:
        text = audit("--terminate-unencrypted", "--yes", port=pooler, status=1)
        assert f"process {pid}: not ended: a connection pooler is before the server" in text


def test_a_corrected_line_is_one_that_the_server_takes(audit):
    """Options of the old method are refused beside another one; and a certificate that is for the role is no trust."""
    hints = {each["detail"]: each["hint"] for each in audit("--json", status=3)["findings"] if each["id"] == "rule-trust"}
    assert hints == {"hostssl all all 10.9.0.0/16 ident map=m": "hostssl all all 10.9.0.0/16 scram-sha-256"}


def test_a_name_with_a_line_end_passes_for_no_line_of_the_report(server, audit):
    sql(server, 'CREATE DATABASE "x\n  nothing is weak\nother: PostgreSQL 15, fine"')
    try:
        lines = audit(status=3).splitlines()
    finally:
        sql(server, 'DROP DATABASE "x\n  nothing is weak\nother: PostgreSQL 15, fine"')
    assert any("fine" in line for line in lines) and not any(line.startswith(("other", "  nothing")) for line in lines)


@pytest.mark.parametrize("name, value", [("ssl_ciphers", "'NOSUCH'"), ("ssl_min_protocol_version", "'TLSv1.3'")])
def test_settings_that_the_next_start_does_not_take(server, audit, name, value):
    sql(server, f"ALTER SYSTEM SET {name} = {value}", "SELECT pg_reload_conf()")
    try:
        server.daemon.wait_for(f'parameter "{name}" changed')
        assert found(audit("--json", status=3), "server-start-fails") == [(name, "error")]
    finally:
        sql(server, f"ALTER SYSTEM RESET {name}", "SELECT pg_reload_conf()")


def test_files_that_the_server_has_not_loaded(server, audit):
    """Rules are told as they are in the file."""
    hba = server.directory / "data/pg_hba.conf"
    before = hba.read_text()
    assert found(audit("--json"), "server-files-newer") == []
    hba.write_text(before + "# later\n")
    later = hba.stat().st_mtime + 60
    os.utime(hba, (later, later))
    try:
        assert found(audit("--json"), "server-files-newer") == [("pg_hba.conf", "warning")]
    finally:
        hba.write_text(before)
        os.utime(hba, (1, 1))


def test_how_passwords_are_stored_is_not_of_the_session_that_asks_alone(server, audit):
    """A role, a database and a function can each have a setting of their own; and the one that asks can, in the place of the server's."""
    weak = "SET password_encryption = 'md5'"
    sql(server, f"ALTER ROLE plain {weak}", f"ALTER DATABASE postgres {weak}", f'CREATE ROLE "the ""old"; ALTER ROLE "the ""old" IN DATABASE {USER} {weak}',
        f"ALTER ROLE {USER} SET password_encryption = 'scram-sha-256'", f"ALTER SYSTEM {weak}", "SELECT pg_reload_conf()")
    sql(server, f"CREATE FUNCTION keeps() RETURNS int LANGUAGE sql {weak} AS 'SELECT 1'", dbname=USER)
    try:
        server.daemon.wait_for('parameter "password_encryption" changed')
        seen = audit("--json")
        unseen = audit("--json", user="plain", dbname="postgres")
        mends = {each["object"]: each["hint"] for each in seen["findings"] if each["id"] == "server-md5"}
        sql(server, *mends.values(), dbname=USER)
        assert found(audit("--json"), "server-md5") == []
    finally:
        sql(server, "ALTER ROLE plain RESET ALL", f"ALTER ROLE {USER} RESET ALL", "ALTER DATABASE postgres RESET ALL",
            "ALTER SYSTEM RESET password_encryption", "SELECT pg_reload_conf()", 'DROP ROLE "the ""old"')
        sql(server, "DROP FUNCTION keeps()", dbname=USER)
    assert set(mends) == {"password_encryption", "role plain", "database postgres", f'role the "old in database {USER}', "function public.keeps()"}, seen["unseen"]
    assert {each["name"]: each["value"] for each in seen["settings"]}["password_encryption"] == "md5"
    assert "the server's own password_encryption" in [each["what"] for each in unseen["unseen"]]
