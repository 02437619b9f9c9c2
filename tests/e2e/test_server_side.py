"""libpq inside the server: postgres_fdw, dblink, a standby's walreceiver and a subscription, with the gate in the postmaster.

The server loads each of them by dlopen(RTLD_NOW | RTLD_GLOBAL). The policy is that of the user that the server runs as.
"""

import re
import shutil
import signal

import psycopg2
import pytest

from postgres import NAMES

pytestmark = pytest.mark.plain_build

REFUSED = "pganchor refused this connection: "
WEAK = {None: "sslmode=prefer (libpq's default)", "disable": "sslmode=disable (conninfo)", "require": "sslmode=require (conninfo)",
        "verify-ca": "sslmode=verify-ca (conninfo)"}
ME = "SELECT ssl, version FROM me"


class Session:
    """One session of a server's superuser, straight from this process, which has no gate."""

    def __init__(self, server):
        self.connection = psycopg2.connect(server.superuser)
        self.connection.autocommit = True
        self.cursor = self.connection.cursor()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def __call__(self, text, *values):
        self.cursor.execute(text, values)
        return self.cursor.fetchall() if self.cursor.description else None


def sql(server, text, *values):
    with Session(server) as session:
        return session(text, *values)


@pytest.fixture(scope="module")
def target(clusters, stepca):
    """The server that others connect to: TLS, logical decoding, and waiting for a standby where a session asks for it."""
    server = clusters.start(*stepca.issue(*NAMES), settings={"wal_level": "logical", "synchronous_standby_names": "standby, sub"})
    sql(server, f"ALTER ROLE {server.user} REPLICATION")
    sql(server, "CREATE VIEW me AS SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    sql(server, f"GRANT SELECT ON me TO {server.user}")
    sql(server, "CREATE TABLE told (word text); CREATE PUBLICATION everything FOR TABLE told")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def make_home(clusters, stepca):
    """Factory make_home() -> a home of the user that the servers run as, with the CA's root where libpq looks."""
    def make():
        directory = clusters.make_directory()
        for name in (".postgresql", ".config", ".config/pganchor"):
            (directory / name).mkdir()
            clusters.give(directory / name, 0o755)
        shutil.copy(stepca.root, directory / ".postgresql/root.crt")
        clusters.give(directory / ".postgresql/root.crt", 0o644)
        return directory

    return make


@pytest.fixture(scope="module")
def server_home(make_home):
    return make_home()


def start(clusters, home, preload, **kwargs):
    server = clusters.start(env={"HOME": str(home), **({"LD_PRELOAD": str(preload)} if preload else {})}, **kwargs)
    for extension in ("postgres_fdw", "dblink"):
        sql(server, f"CREATE EXTENSION {extension}")
    return server


@pytest.fixture(scope="module")
def gated(clusters, server_home, pganchor):
    server = start(clusters, server_home, pganchor.module)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def alone(clusters, server_home):
    """The same server without the gate."""
    server = start(clusters, server_home, None)
    yield server
    server.stop()


@pytest.fixture
def write(clusters, server_home):
    """write("policy.conf", text): a file of the server user's, gone after the test."""
    written = set()

    def make(name, text):
        path = server_home / ".config/pganchor" / name
        written.add(path)
        path.write_text(text)
        clusters.give(path, 0o644)

    yield make
    for path in written:
        path.unlink()


def by_fdw(session, conninfo):
    options = ", ".join(f"{word} %s" for word in conninfo if word not in ("user", "password"))
    session("BEGIN")
    session(f"CREATE SERVER other FOREIGN DATA WRAPPER postgres_fdw OPTIONS ({options})",
            *[str(value) for word, value in conninfo.items() if word not in ("user", "password")])
    session("CREATE USER MAPPING FOR CURRENT_USER SERVER other OPTIONS (user %s, password %s)",
            conninfo["user"], conninfo["password"])
    session("CREATE FOREIGN TABLE me (ssl bool, version text) SERVER other")
    return session(ME)


def as_string(conninfo):
    return " ".join("{}='{}'".format(word, value) for word, value in conninfo.items())


def by_dblink(session, conninfo):
    return session("SELECT * FROM dblink(%s, %s) AS (ssl bool, version text)", as_string(conninfo), ME)


def by_dblink_connect(session, conninfo, function="dblink_connect"):
    session(f"SELECT {function}('other', %s)", as_string(conninfo))
    return session("SELECT * FROM dblink('other', %s) AS (ssl bool, version text)", ME)


def by_dblink_connect_u(session, conninfo):
    return by_dblink_connect(session, conninfo, "dblink_connect_u")


WAYS = [by_fdw, by_dblink, by_dblink_connect, by_dblink_connect_u]


def settings(server, **more):
    """What a client says to reach this server."""
    everything = {"host": "localhost", "port": server.port, "dbname": server.dbname, "user": server.user,
                  "password": server.password, **more}
    return {word: value for word, value in everything.items() if value is not None}


def ask(server, way, conninfo):
    with Session(server) as session:
        return way(session, conninfo)


def fail(server, way, conninfo):
    with pytest.raises(psycopg2.OperationalError) as failed:
        ask(server, way, conninfo)
    return str(failed.value)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("sslmode", WEAK)
def test_a_weak_connection_of_the_server_is_refused(gated, alone, target, way, sslmode):
    conninfo = settings(target, sslmode=sslmode)
    assert ask(alone, way, conninfo) == [(sslmode != "disable", None if sslmode == "disable" else "TLSv1.3")]
    seen = target.connections()
    assert f"{REFUSED}{WEAK[sslmode]} is weaker than verify-full\n" in fail(gated, way, conninfo)
    assert target.connections() == seen


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("root", [False, True], ids=["root.crt", "sslrootcert"])
def test_a_verified_connection_of_the_server_works(gated, target, stepca, way, root):
    conninfo = settings(target, sslmode="verify-full", sslrootcert=stepca.root if root else None)
    assert ask(gated, way, conninfo) == [(True, "TLSv1.3")]


@pytest.mark.parametrize("way", WAYS)
def test_an_impostor_gets_nothing_of_the_server(gated, impostor_ca, recording_server, tmp_path, way):
    impostor = recording_server(b"S", issued=impostor_ca.issue(tmp_path, "localhost"))
    conninfo = {"host": "localhost", "port": impostor.port, "dbname": "app", "user": "app", "password": "hunter2",
                "sslmode": "verify-full"}
    assert "certificate verify failed" in fail(gated, way, conninfo)
    (seen,) = impostor.finish()
    assert (seen.requests, seen.tls, seen.inside) == (["ssl"], False, b"")


@pytest.mark.parametrize("way", WAYS)
def test_the_pins_of_the_servers_user_hold(gated, stepca, recording_server, write, way):
    write("anchors.conf", "[other]\npin = " + "0" * 64 + "\n")
    server = recording_server(b"S", issued=stepca.issue("localhost"))
    conninfo = {"host": "localhost", "port": server.port, "dbname": "app", "user": "app", "password": "hunter2",
                "sslmode": "verify-full"}
    message = fail(gated, way, conninfo)
    assert "pganchor refused the server localhost: its certificate chain ends in a root that is not pinned" in message
    (seen,) = server.finish()
    assert (seen.requests, seen.tls, seen.inside) == (["ssl"], True, b"")


def test_the_policy_of_the_servers_user_holds_in_sessions_that_run(gated, target, write):
    """In its HOME; and read again by a session that has asked before."""
    conninfo = settings(target, sslmode="require")
    with Session(gated) as session:
        with pytest.raises(psycopg2.OperationalError, match="weaker than verify-full"):
            by_dblink(session, conninfo)
        write("policy.conf", "allow-weak = localhost\n")
        assert by_dblink(session, conninfo) == [(True, "TLSv1.3")]
        write("policy.conf", "allow-weak\n")
        with pytest.raises(psycopg2.OperationalError, match="policy.conf, line 1: not a line of the form"):
            by_dblink(session, settings(target, sslmode="verify-full"))


def test_the_systems_policy_holds_in_the_server(gated, system):
    local = settings(gated, host=gated.socket_dir)
    assert ask(gated, lambda session, conninfo: session("SELECT * FROM dblink(%s, 'SELECT 1') AS (one int)",
                                                        as_string(conninfo)), local) == [(1,)]
    system("unix-socket = refuse\n", "policy.d/20-server.conf")
    assert f"host={gated.socket_dir} (conninfo) is a Unix-domain socket, which the policy refuses" in fail(
        gated, by_dblink, local)


def test_xdg_config_home_of_the_postmaster_counts(clusters, make_home, pganchor, target):
    home, other = make_home(), make_home()
    (other / ".config/pganchor/policy.conf").write_text("allow-weak = localhost\n")
    (other / ".config/pganchor/policy.conf").chmod(0o644)
    server = clusters.start(env={"HOME": str(home), "XDG_CONFIG_HOME": str(other / ".config"), "LD_PRELOAD": str(pganchor.module)})
    try:
        sql(server, "CREATE EXTENSION dblink")
        assert ask(server, by_dblink, settings(target, sslmode="require")) == [(True, "TLSv1.3")]
        assert REFUSED in fail(server, by_dblink, settings(target, sslmode="require", host="127.0.0.1"))
    finally:
        server.stop()


# ---- replication ----

def standby_of(clusters, target, home, pganchor, *, to=None, **words):
    """A standby that pg_basebackup -R has made, under the gate; its primary_conninfo leads `to` another port."""
    copy = clusters.base_backup(as_string(settings(target, application_name="standby", dbname=None, **words)))

    def copy_and_lead(data):
        copy(data)
        conf = data / "postgresql.auto.conf"
        assert f"port={target.port}" in conf.read_text()
        conf.write_text(conf.read_text().replace(f"port={target.port}", f"port={to or target.port}"))

    return clusters.start(env={"HOME": str(home), "LD_PRELOAD": str(pganchor.module)}, copy=copy_and_lead)


def test_a_standby_with_a_weak_primary_conninfo_gets_nowhere(clusters, target, server_home, pganchor):
    standby = standby_of(clusters, target, server_home, pganchor)
    try:
        seen = target.connections()
        standby.daemon.wait_for(re.escape(f"could not connect to the primary server: {REFUSED}sslmode=prefer (conninfo) is weaker"))
        assert target.connections() == seen
        assert sql(standby, "SELECT pg_is_in_recovery()") == [(True,)]
    finally:
        standby.stop()
    assert standby.daemon.process.returncode == 0


def test_a_standby_that_verifies_replicates(clusters, target, server_home, pganchor, stepca):
    root = server_home / ".postgresql/root.crt"
    standby = standby_of(clusters, target, server_home, pganchor, sslmode="verify-full", sslrootcert=root)
    try:
        # Returns once the standby has it.
        sql(target, "SET synchronous_commit = remote_apply; INSERT INTO told VALUES ('to the standby')")
        assert sql(standby, "SELECT count(*) FROM told WHERE word = 'to the standby'") == [(1,)]
        assert sql(target, "SELECT ssl FROM pg_stat_replication JOIN pg_stat_ssl USING (pid)") == [(True,)]
        assert "pganchor" not in standby.daemon.text()
    finally:
        standby.stop()
    assert standby.daemon.process.returncode == 0


def test_a_standby_tells_an_impostor_nothing(clusters, target, server_home, pganchor, impostor_ca, recording_server, tmp_path):
    impostor = recording_server(b"S", issued=impostor_ca.issue(tmp_path, "localhost"))
    standby = standby_of(clusters, target, server_home, pganchor, to=impostor.port, sslmode="verify-full",
                         sslrootcert=server_home / ".postgresql/root.crt")
    try:
        standby.daemon.wait_for("connection to server at .*certificate verify failed")
    finally:
        standby.stop()
    seen = impostor.finish()
    # The server may be stopped when it has just begun another attempt.
    assert ["ssl"] in [one.requests for one in seen]
    assert all(one.requests in (["ssl"], []) and (one.tls, one.inside) == (False, b"") for one in seen)


def subscribe(server, conninfo):
    sql(server, f"CREATE SUBSCRIPTION sub CONNECTION '{conninfo}' PUBLICATION everything WITH (copy_data = false)")


def test_a_subscription(gated, target, impostor_ca, recording_server, tmp_path):
    def words(server, **more):
        return as_string(settings(server, **more)).replace("'", "''")

    sql(gated, "CREATE TABLE told (word text)")
    seen = target.connections()
    with pytest.raises(psycopg2.OperationalError) as failed:
        subscribe(gated, words(target, sslmode="require"))
    assert f"could not connect to the publisher: {REFUSED}sslmode=require (conninfo) is weaker" in str(failed.value)
    assert target.connections() == seen

    impostor = recording_server(b"S", issued=impostor_ca.issue(tmp_path, "localhost"))
    with pytest.raises(psycopg2.OperationalError, match="certificate verify failed"):
        subscribe(gated, words(target, sslmode="verify-full", port=impostor.port))
    (record,) = impostor.finish()
    assert (record.requests, record.tls, record.inside) == (["ssl"], False, b"")

    subscribe(gated, words(target, sslmode="verify-full"))
    try:
        sql(target, "SET synchronous_commit = remote_apply; INSERT INTO told VALUES ('to the subscriber')")
        assert sql(gated, "SELECT count(*) FROM told WHERE word = 'to the subscriber'") == [(1,)]
        # A worker that runs by now is a background worker: refused, it says so in the log.
        sql(gated, f"ALTER SUBSCRIPTION sub CONNECTION '{words(target, sslmode='require')}'")
        gated.daemon.wait_for(re.escape(f"could not connect to the publisher: {REFUSED}sslmode=require (conninfo) is weaker"))
    finally:
        sql(gated, f"ALTER SUBSCRIPTION sub CONNECTION '{words(target, sslmode='verify-full')}'")
        sql(gated, "DROP SUBSCRIPTION sub")


# ---- all else ----

def exercise(server):
    """What a server does besides; its answers."""
    answers = []
    with Session(server) as session:
        for text in (
                "CREATE TABLE t AS SELECT i, md5(i::text) AS m FROM generate_series(1, 20000) i",
                "CREATE INDEX ON t (m); VACUUM ANALYZE t",
                "SET min_parallel_table_scan_size = 0; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0",
                "SELECT count(*), sum(i), min(m) FROM t",
                "EXPLAIN (COSTS off) SELECT sum(i) FROM t",
                "SET jit_above_cost = 0; SET jit_inline_above_cost = 0; SET jit_optimize_above_cost = 0",
                "SELECT pg_jit_available(), sum(i * 2) FROM t",
                "CREATE EXTENSION hstore; CREATE EXTENSION pgcrypto; CREATE EXTENSION \"uuid-ossp\"",
                "SELECT 'a=>1'::hstore -> 'a', encode(digest('x', 'sha256'), 'hex'), uuid_nil()::text",
                "CREATE TABLE p (n int); COPY p FROM PROGRAM 'echo 7'; SELECT n FROM p",
                "DO $$ BEGIN PERFORM 1 / 0; EXCEPTION WHEN division_by_zero THEN NULL; END $$",
                "CHECKPOINT", "SELECT pg_switch_wal() IS NOT NULL", "SELECT pg_reload_conf()"):
            try:
                # Some of them allow no transaction around them.
                for one in text.split("; ") if "$$" not in text else [text]:
                    answers.append(session(one))
            except psycopg2.Error as error:
                answers.append(str(error))
        session("SET statement_timeout = 1")
        with pytest.raises(psycopg2.errors.QueryCanceled):
            session("SELECT pg_sleep(300)")
    return answers


def said(server):
    """The kinds of lines in a server's log."""
    return {re.sub(r"[0-9A-F]*\d[0-9A-F]*", "N", line) for line in server.daemon.text().replace(str(server.directory), "").splitlines()}


def test_nothing_else_of_the_server_is_any_different(clusters, make_home, pganchor):
    home = make_home()
    answers, lines, status = [], [], []
    for env in ({}, {"LD_PRELOAD": str(pganchor.module)}):
        server = clusters.start(env={"HOME": str(home), **env})
        try:
            answers.append(exercise(server))
        finally:
            # Smart shutdown: a session that is about to end still ends by itself.
            server.daemon.stop(signal.SIGTERM)
        lines.append(said(server))
        status.append(server.daemon.process.returncode)
    assert answers[0] == answers[1]
    assert any("Workers Planned" in str(answer) for answer in answers[1]) and not any("ERROR" in str(one) for one in answers[1])
    assert lines[0] == lines[1]
    assert status == [0, 0]
