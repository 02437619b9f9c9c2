"""pganchor server enable-tls, disable-tls and undo of a SERVICE: the server is verified or reached by a socket, and no file of it is written."""

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import threading

import psycopg2
import pytest

from certificates import make_root
from enabling import without_asan
from loading import hurried, without_loading  # noqa: F401
from local_cas import data, openssl, pin_of, state
from postgres import HBA, SUPERUSER, USER
from services import USER as SERVICES
from services import pin_files, write
from tracing import NO_LEAKS

COMPANY, OTHER = make_root("Company"), make_root("Other company")
RECORD = ".config/pganchor/servers.json"


class Place:
    """The server of all tests here, and pairs in its data directory that it can use: own, next and foreign."""

    def __init__(self, clusters, directory):
        self.server = clusters.start()
        for name, authority, names in (("own", COMPANY, ("localhost", "127.0.0.1")), ("next", COMPANY, ("localhost",)),
                                       ("unnamed", COMPANY, ("db.example.test",)), ("foreign", OTHER, ("localhost",))):
            (directory / name).mkdir()
            for path, end in zip(authority.issue(directory / name, *names), ("crt", "key")):
                shutil.copy(path, data(self.server) / f"{name}.{end}")
                clusters.give(data(self.server) / f"{name}.{end}", 0o600)
        self.sql(f"ALTER ROLE {USER} SUPERUSER")
        self.untouched = state(self.server)

    def sql(self, *commands):
        connection = psycopg2.connect(self.server.superuser)
        connection.autocommit = True
        cursor = connection.cursor()
        for command in commands:
            cursor.execute(command)
        found = cursor.fetchall() if cursor.description else None
        connection.close()
        return found

    def hba(self, text):
        (data(self.server) / "pg_hba.conf").write_text(text)
        self.sql("SELECT pg_reload_conf()")

    def pin(self, name):
        return pin_of(data(self.server) / f"{name}.crt")

    def pair(self, name):
        return ["--cert", f"{name}.crt", "--key", data(self.server) / f"{name}.key"]

    def shown(self):
        """What it shows to whoever asks for TLS; None where there is none."""
        done = openssl("s_client", "-starttls", "postgres", "-connect", f"127.0.0.1:{self.server.port}")
        if "-----BEGIN" not in done.stdout:
            return None
        return leaf_of(done.stdout)


def leaf_of(text):
    done = subprocess.run(["openssl", "x509", "-noout", "-fingerprint", "-sha256"], input=text, capture_output=True, text=True, check=True)
    return done.stdout.split("=")[1].strip().replace(":", "").lower()


@pytest.fixture(scope="module")
def place(clusters, tmp_path_factory):
    place = Place(clusters, tmp_path_factory.mktemp("pairs"))
    yield place
    place.server.stop()


@pytest.fixture
def server(home, place):
    """The server as it was at first, with the service "adm" by its socket, and "prod" by TLS."""
    place.sql("ALTER SYSTEM RESET ALL")
    place.hba(HBA)
    root = home / ".postgresql/root.crt"
    pin_files(home, ("company", COMPANY, "localhost", "root.crt"))
    write(home, f"[adm]\nhost={place.server.socket_dir}\nport={place.server.port}\nuser={SUPERUSER}\ndbname=postgres\n\n"
          f"[prod]\nhost=localhost\nport={place.server.port}\nuser={USER}\ndbname={USER}\npassword={place.server.password}\n"
          f"sslmode=verify-full\nsslrootcert={root}\ngssencmode=disable\n")
    return place


def change(home, command, *words, env=None):
    return home.pganchor("server", command, *words, "--yes", env=env)


def by_directory(server):
    return ["--data-dir", data(server.server), "--user", SUPERUSER]


def told(home, command, *words):
    done = change(home, command, *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def settings(server):
    lines = (data(server.server) / "postgresql.auto.conf").read_text().splitlines()
    return dict(line.split(" = ", 1) for line in lines if not line.startswith("#"))


def refuse(home, server, command, *words, env=None):
    """What is said where nothing is changed."""
    before, shown = state(server.server), server.shown()
    done = change(home, command, *words, env=env)
    assert done.returncode == 1, done.stdout
    after = state(server.server)
    assert after == before and server.shown() == shown
    return done.stderr


def test_on_by_a_socket_and_off_by_undo(home, server):
    before = state(server.server)
    shown = home.pganchor("server", "enable-tls", "adm", *server.pair("own"), "--dry-run")
    assert shown.returncode == 0 and shown.stdout.endswith("This was a dry run: nothing was changed.\n"), shown.stderr
    assert state(server.server) == before and not (home / RECORD).exists()
    report = told(home, "enable-tls", "adm", *server.pair("own"), "--host", "127.0.0.1")
    assert (report["service"], report["changed"], report["proved"], report["served_before"], report["served"]) == (
        "adm", True, True, None, server.pin("own"))
    assert settings(server) == {"ssl": "'on'", "ssl_cert_file": "'own.crt'", "ssl_key_file": f"'{data(server.server)}/own.key'"}
    assert server.shown() == server.pin("own")
    (entry,) = json.loads((home / RECORD).read_text())["servers"]
    assert (entry["service"], entry["directory"], len(entry["changes"])) == ("adm", str(data(server.server)), 1)
    by_adm = "service adm is by which pganchor server has changed something there. This undoes it:\n    pganchor server undo adm\n"
    assert home.pganchor("server", "undo", "prod", "--yes").stdout == f"There is nothing to undo by this service: {by_adm}"
    assert change(home, "undo", *by_directory(server)).stdout == f"There is nothing to undo by --data-dir: {by_adm}"
    nothing = told(home, "undo", *by_directory(server))
    assert (nothing["changed"], nothing["tls"], nothing["served"]) == (False, True, server.pin("own"))
    report = told(home, "undo", "adm")
    assert (report["changed"], report["tls"], server.shown()) == (True, False, None)
    assert state(server.server) == before and not (home / RECORD).exists()
    assert home.pganchor("server", "undo", "adm").stdout == "There is nothing to undo: no change by this service is recorded there.\n"


def test_what_was_changed_by_the_data_directory_is_not_denied_by_a_service(home, server):
    def nothing(name):
        report = told(home, "undo", "adm")
        assert (report["changed"], report["tls"]) == (False, True)
        done = change(home, "undo", "adm")
        assert (done.returncode, done.stdout) == (0, f"There is nothing to undo by this service; but {name} in its data directory tells of a change by "
                                                     f"--data-dir. On the server, this undoes it:\n    pganchor server undo --data-dir {data(server.server)}\n")
    way = by_directory(server)
    told(home, "enable-tls", *way, "--cert", data(server.server) / "own.crt", "--key", data(server.server) / "own.key")
    nothing("pganchor-server.json")
    rules = f"{HBA}host all all 10.0.0.0/8 md5\n"
    server.hba(rules)
    done = change(home, "require-tls", *way, "--lock-out")
    assert done.returncode == 0, done
    nothing("pganchor-hba.before")
    told(home, "undo", *way)
    assert (data(server.server) / "pg_hba.conf").read_text() == rules
    assert told(home, "undo", *way)["tls"] is False
    assert change(home, "undo", *way).stdout == "There is nothing to undo: no change by --data-dir is recorded there.\n"


def test_off_by_a_service_that_wants_tls_names_the_ways_back(home, server):
    told(home, "enable-tls", "adm", *server.pair("own"))
    done = change(home, "disable-tls", "prod", "--lock-out")
    back = f"pganchor server enable-tls --data-dir {data(server.server)}"
    assert done.returncode == 0 and done.stdout.endswith(f"    pganchor server enable-tls SERVICE\n    {back}\n") and "server undo" not in done.stdout, done
    assert server.shown() is None and "prod" in refuse(home, server, "undo", "prod")
    assert change(home, "enable-tls", "adm").returncode == 0 and server.shown() == server.pin("own")
    assert change(home, "disable-tls", "prod", "--lock-out").returncode == 0
    done = home.pganchor(*back.split()[1:], "--user", SUPERUSER, "--yes")
    assert done.returncode == 0 and server.shown() == server.pin("own"), done


def test_by_a_service_that_is_verified_another_pair(home, server):
    told(home, "enable-tls", "adm", *server.pair("own"))
    done = change(home, "enable-tls", "prod", *server.pair("next"))
    assert done.returncode == 0 and done.stdout.endswith("    pganchor server require-tls --dry-run prod\n  as it was before:\n    pganchor server undo prod\n"), done
    assert server.shown() == server.pin("next")
    assert told(home, "undo", "prod")["served"] == server.shown() == server.pin("own")


def test_a_service_that_would_not_get_in_again_puts_it_back(home, server):
    told(home, "enable-tls", "adm", *server.pair("own"))
    said = refuse(home, server, "enable-tls", "prod", *server.pair("unnamed"))
    assert "unnamed.crt: it does not name localhost" in said
    said = refuse(home, server, "enable-tls", "prod", *server.pair("foreign"))
    assert "the server of service prod is not what it should be after the change: a new connection does not get in: " in said
    assert "all was put back as it was" in said
    assert [entry["service"] for entry in json.loads((home / RECORD).read_text())["servers"]] == ["adm"]


def test_what_is_not_at_the_server_is_said_with_what_to_type(home, server):
    said = refuse(home, server, "enable-tls", "adm")
    directory = data(server.server)
    assert "server.crt at the server of service adm: " in said and "No such file" in said
    assert f"at the server: sudo install -m 0600 server.crt {directory}/server.crt && sudo chown --reference={directory} {directory}/server.crt\n" in said
    said = refuse(home, server, "enable-tls", "adm", "--cert", "own.crt", "--key", "no's.key")
    assert "no's.key at the server of service adm: it is not there" in said
    assert not (home / RECORD).exists()


def test_what_only_the_handshake_shows_is_put_back(home, server):
    """Another certificate's key: it cannot be seen from here, and no byte of it is asked for."""
    said = refuse(home, server, "enable-tls", "adm", "--cert", "own.crt", "--key", "next.key")
    assert "it does not use TLS" in said and "all was put back as it was" in said and not (home / RECORD).exists()


def test_a_server_that_ends_idle_sessions_does_not_end_the_way_back(home, server):
    """The session is idle while the handshakes are tried: by the clock of the server, for longer than this role's may be."""
    told(home, "enable-tls", "adm", *server.pair("own"))
    server.sql(f"ALTER ROLE {SUPERUSER} SET idle_session_timeout = '1s'")
    try:
        said = refuse(home, server, "enable-tls", "adm", "--cert", "next.crt", "--key", "own.key")
    finally:
        server.sql(f"ALTER ROLE {SUPERUSER} RESET idle_session_timeout")
    assert "it shows another certificate" in said and "all was put back as it was" in said


def test_what_cannot_be_put_back_is_said_with_the_way(home, server):
    """Somebody ends the session while the handshakes are tried."""
    told(home, "enable-tls", "adm", *server.pair("own"))
    before = settings(server)
    with subprocess.Popen([home.program.binary, "server", "enable-tls", "adm", "--cert", "next.crt", "--key", "own.key", "--yes"], env=home.environment(),
                          stderr=subprocess.PIPE, text=True) as changing:
        while settings(server).get("ssl_cert_file") != "'next.crt'" or settings(server)["ssl"] != "'on'":
            assert changing.poll() is None
        changing.send_signal(signal.SIGSTOP)
        server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pganchor'")
        changing.send_signal(signal.SIGCONT)
        said = changing.communicate()[1]
    assert changing.returncode == 1 and ", which pganchor server undo adm puts back. " in said, said
    told(home, "undo", "adm")
    assert settings(server) == before and server.shown() == server.pin("own")


def test_a_configuration_that_is_not_loaded_is_left_alone(home, server):
    """Behind an error, the server shows nothing of what ALTER SYSTEM has set, and loads nothing of it."""
    told(home, "enable-tls", "adm", *server.pair("own"))
    directory = data(server.server)
    conf = directory / "postgresql.conf"
    before = conf.read_text()
    words = (("enable-tls", *server.pair("next")), ("enable-tls", "--min-version", "TLSv1.3"), ("disable-tls",), ("undo",), ("require-tls",))
    conf.write_text(before + "this is = wrong = here\n")
    try:
        number = before.count("\n") + 1
        for command, *options in words:
            for way in (["prod" if command == "require-tls" else "adm"], ["--data-dir", directory, "--user", SUPERUSER]):
                if command == "undo" and "--user" in way:
                    continue  # it was by a service
                more = options
                if command == "require-tls" and way == ["prod"]:
                    more = ["--write-by-sql"]
                if "--user" in way and options[:1] == ["--cert"]:
                    more = ["--cert", directory / "next.crt", "--key", directory / "next.key"]
                said = refuse(home, server, command, *way, *more)
                assert f"{conf}, line {number}: the server says: syntax error" in said and "nothing was changed" in said, (command, way, said)
        # What is for the server's start alone is in the way of nothing.
        conf.write_text(before + "max_connections = 77\n")
        told(home, "enable-tls", "adm", "--min-version", "TLSv1.3")
    finally:
        conf.write_text(before)
        server.sql("SELECT pg_reload_conf()")


def relay(connection, address):
    """To the server there, until either ends it."""
    with socket.create_connection(address) as server:
        other = {connection: server, server: connection}
        while True:
            for one in select.select(list(other), [], [])[0]:
                said = one.recv(65536)
                if not said:
                    return
                other[one].sendall(said)


@contextlib.contextmanager
def without_tls_at(address, port, begins=lambda: True):
    """Another server there, which answers that it has no TLS; until it begins to, the one that is meant."""
    with socket.create_server((address, port)) as listening:
        def answer():
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    if begins():
                        connection.recv(8)
                        connection.sendall(b"N")
                    else:
                        relay(connection, ("127.0.0.1", port))

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_another_server_that_answers_there_proves_nothing(home, server):
    told(home, "enable-tls", "adm", *server.pair("own"))
    with without_tls_at("127.0.0.9", server.server.port):
        said = refuse(home, server, "disable-tls", "adm", "--host", "127.0.0.9")
        # Of undo, which is the way back of a pair that was not loaded, too, it is a warning.
        shown = home.pganchor("server", "undo", "adm", "--host", "127.0.0.9", "--dry-run").stdout
        server.hba(HBA + "hostssl all alice 10.0.0.0/8 scram-sha-256\n")
        assert "pg_hba.conf, line 6)" in refuse(home, server, "undo", "adm", "--host", "127.0.0.9")
        server.hba(HBA)
    assert f"127.0.0.9, port {server.server.port}, shows no certificate, and not the one that the server of service adm has in own.crt" in said
    assert "shows no certificate, and not the one that the server has in own.crt: is it this server that answers there?\n" in shown, shown
    assert told(home, "disable-tls", "adm")["tls"] is False


@without_asan
def test_what_the_server_says_to_have_loaded_is_held_against_what_was_wanted(home, server, hurried):  # noqa: F811
    told(home, "enable-tls", "adm", *server.pair("own"))
    with without_loading(f"{server.server.superuser} dbname=postgres", but_it_says_so=True):
        said = refuse(home, server, "enable-tls", "adm", "--min-version", "TLSv1.3", env=hurried)
        assert "its ssl_min_protocol_version is 'TLSv1.2' as before, and not 'TLSv1.3'" in said and "all was put back as it was" in said, said
        # Nobody proves who says that there is no TLS.
        with without_tls_at("127.0.0.9", server.server.port, lambda: settings(server)["ssl"] == "'off'"):
            said = refuse(home, server, "disable-tls", "adm", "--host", "127.0.0.9", env=hurried)
        assert "its setting ssl is still on" in said and "all was put back as it was" in said, said


def test_undo_of_a_pair_that_would_not_load_is_none(home, server):
    """What it shows already would prove nothing of the pair that comes back."""
    told(home, "enable-tls", "adm", *server.pair("own"))
    told(home, "enable-tls", "adm", *server.pair("next"))
    directory = data(server.server)
    crt, key, foreign = directory / "own.crt", directory / "own.key", directory / "foreign.key"
    other = directory / "other.key"
    crt.rename(directory / "own.gone")
    said = refuse(home, server, "undo", "adm")
    (directory / "own.gone").rename(crt)
    assert "own.crt at the server of service adm: " in said and "No such file" in said, said
    server.sql("ALTER SYSTEM SET ssl_ca_file = 'PG_VERSION'", "SELECT pg_reload_conf()")
    said = refuse(home, server, "undo", "adm")
    server.sql("ALTER SYSTEM RESET ssl_ca_file", "SELECT pg_reload_conf()")
    assert "ssl_ca_file is PG_VERSION: there is no certificate in it" in said, said
    before = crt.read_bytes()
    crt.write_bytes((directory / "unnamed.crt").read_bytes())
    shown = home.pganchor("server", "undo", "adm", "--dry-run")
    crt.write_bytes(before)
    assert f"is another than it has shown before enable-tls ({server.pin('own')[:16]}" in shown.stdout, shown
    key.rename(other)
    foreign.rename(key)
    said = refuse(home, server, "undo", "adm")
    key.rename(foreign)
    other.rename(key)
    assert "it shows another certificate" in said and "all was put back as it was" in said, said
    report = told(home, "undo", "adm")
    assert report["served"] == server.shown() == server.pin("own")


def test_undo_by_the_data_directory_looks_at_the_pair_that_comes_back(home, server):
    directory = data(server.server)
    way = ("--data-dir", directory, "--user", SUPERUSER)
    for name in "own", "next":
        told(home, "enable-tls", *way, "--cert", directory / f"{name}.crt", "--key", directory / f"{name}.key")
    (directory / "own.key").chmod(0o644)
    said = refuse(home, server, "undo", *way)
    (directory / "own.key").chmod(0o600)
    assert "own.key" in said, said
    server.sql("ALTER SYSTEM SET ssl_ca_file = 'PG_VERSION'", "SELECT pg_reload_conf()")
    said = refuse(home, server, "undo", *way)
    server.sql("ALTER SYSTEM RESET ssl_ca_file", "SELECT pg_reload_conf()")
    assert "ssl_ca_file is PG_VERSION: " in said, said
    assert told(home, "undo", *way)["served"] == server.shown() == server.pin("own")
    assert told(home, "undo", *way)["tls"] is False


def test_nobody_is_locked_out(home, server):
    told(home, "enable-tls", "adm", *server.pair("own"))
    assert "service prod itself would not get in any more" in refuse(home, server, "disable-tls", "prod")
    server.hba(HBA + "hostssl all alice 10.0.0.0/8 scram-sha-256\n")
    for command in "disable-tls", "undo":
        assert "pg_hba.conf, line 6)" in refuse(home, server, command, "adm"), command
    server.hba(HBA)
    assert told(home, "disable-tls", "adm")["tls"] is False and server.shown() is None
    said = refuse(home, server, "enable-tls", "prod")
    assert "the server of prod is not verified" in said and "Unix-domain socket" in said
    assert told(home, "undo", "adm")["served"] == server.shown() == server.pin("own")
    assert told(home, "undo", "adm")["tls"] is False and not (home / RECORD).exists()


def test_who_may_not(home, server):
    told(home, "enable-tls", "adm", *server.pair("own"))
    knocks = server.server.connections()
    text = (home / SERVICES).read_text()
    write(home, text.replace("verify-full", "require"))
    assert "weaker than verify-full" in change(home, "enable-tls", "prod").stderr
    assert server.server.connections() == knocks
    write(home, text)
    server.sql(f"ALTER ROLE {USER} NOSUPERUSER")
    try:
        assert f"user {USER} of service prod is no superuser" in refuse(home, server, "enable-tls", "prod", *server.pair("next"))
    finally:
        server.sql(f"ALTER ROLE {USER} SUPERUSER")
    for words in (["--data-dir", data(server.server), "adm"], ["--user", SUPERUSER, "adm"], []):
        assert home.pganchor("server", "disable-tls", *words).returncode == 2


def test_two_at_once(home, server):
    held = psycopg2.connect(server.server.superuser + " dbname=postgres")
    held.cursor().execute("SELECT pg_advisory_lock(7377830441)")
    assert "another pganchor changes the server of service adm just now" in refuse(home, server, "enable-tls", "adm", *server.pair("own"))
    for command in ("disable-tls", "require-tls"):
        done = home.pganchor("server", command, "--data-dir", data(server.server), "--user", SUPERUSER, "--yes")
        assert done.returncode == 1 and f"another pganchor changes the server of {data(server.server)} just now" in done.stderr, done
    held.close()


def test_a_record_that_is_none_is_left_alone(home, server):
    write(home, "{", RECORD)
    assert "servers.json: line 1: " in refuse(home, server, "enable-tls", "adm", *server.pair("own"))
    assert (home / RECORD).read_text() == "{"


def test_a_key_that_no_handshake_would_show(home, server):
    told(home, "enable-tls", "adm", *server.pair("own"))
    said = refuse(home, server, "enable-tls", "adm", "--cert", "own.crt", "--key", "next.key")
    assert "the server shows this very certificate already" in said
    report = told(home, "enable-tls", "adm")
    assert (report["changed"], report["served"]) == (False, server.pin("own"))
    assert "whether it would again, as it does at its next start, is not known" in json.dumps(report["plan"])


def test_it_is_gone_with_pganchor(home, server):
    told(home, "enable-tls", "adm", *server.pair("own"))
    done = home.pganchor("uninstall", "--yes")
    assert done.returncode == 0 and not (home / RECORD).exists(), done.stderr
    assert server.shown() == server.pin("own")


# Where it is killed: at each of these calls with --whole, else at each so-many-th. That of sendto is what it asks the server.
KILLS = [("rename,renameat,renameat2", 1, 1), ("sendto", 1, 1) if os.environ.get("PGANCHOR_TESTS_WHOLE") else ("sendto", 12, 4)]


@pytest.mark.parametrize("call, first, step", KILLS, ids=[kill[0].split(",")[0] for kill in KILLS])
def test_killed_anywhere_undo_is_the_way_back(home, server, call, first, step):
    told(home, "enable-tls", "adm", *server.pair("own"))
    before, record = settings(server), (home / RECORD).read_text()
    words = ["server", "enable-tls", "adm", *map(str, server.pair("next")), "--yes"]
    killed = 0
    real = home.program.binary.with_name("pganchor.real")
    program = real if real.exists() else home.program.binary
    for number in range(first, 2000, step):
        done = home.run(["strace", "-f", "-qqq", "-o", home / "trace", "-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL:when={number}",
                         "--", program, *words], env=NO_LEAKS)
        now = settings(server)
        if {now["ssl_cert_file"], now["ssl_key_file"].rsplit("/", 1)[1]} not in ({"'own.crt'", "own.key'"}, {"'next.crt'", "next.key'"}):
            assert now["ssl"] == "'off'", number
        if (home / RECORD).read_text() != record:
            assert change(home, "undo", "adm").returncode == 0, number
        assert (server.shown(), settings(server), (home / RECORD).read_text()) == (server.pin("own"), before, record), number
        if done.returncode == 0:
            break
        killed += 1
    assert killed > 0 and done.returncode == 0


def test_by_a_host_that_the_policy_exempts(home, server):
    """It comes without TLS, with TLS while there is some, and once more without."""
    write(home, "allow-weak = localhost\n", ".config/pganchor/policy.conf")
    text = (home / SERVICES).read_text()
    write(home, text.replace("[prod]", "[plain]").replace("sslmode=verify-full", "sslmode=prefer"))
    report = told(home, "enable-tls", "plain", *server.pair("own"))
    assert report["served"] == server.shown() == server.pin("own")
    report = told(home, "undo", "plain")
    assert (report["tls"], server.shown()) == (False, None) and not (home / RECORD).exists()
