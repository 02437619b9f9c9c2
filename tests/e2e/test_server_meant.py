"""pganchor server … where what answers is not the server that is meant, or not it alone: a pooler, another's directory, a FIFO."""

import os
import shutil
import subprocess

import pytest

from local_cas import data
from poolers import start_pooler
from postgres import NAMES, SUPERUSER, USER
from services import bootstrap, write
from test_server_require_tls import LOCAL, NETWORK, ask

COMMANDS = {"enable-tls": ["--min-version", "TLSv1.3"], "require-tls": ["--write-by-sql"], "disable-tls": []}


@pytest.fixture(scope="module")
def server(clusters, stepca):
    server = clusters.start(*stepca.issue(*NAMES), hba=LOCAL + NETWORK)
    ask(server, f"ALTER ROLE {USER} SUPERUSER")
    yield server
    server.stop()


@pytest.mark.parametrize("by_socket", [False, True], ids=["tcp", "socket"])
@pytest.mark.parametrize("server_tls", ["disable", "require"])
def test_nothing_is_changed_through_a_pooler(home, stepca, server, session_directory, server_tls, by_socket):
    """Where it has TLS on both of its sides, too: what it hands out was let in long ago."""
    bootstrap(home, stepca)
    directory = session_directory / f"pooler-{server_tls}-{by_socket}"
    port, daemon = start_pooler(server, directory, *stepca.issue(*NAMES), server_tls=server_tls)
    try:
        write(home, f"[prod]\nhost={directory if by_socket else 'localhost'}\nport={port}\nuser={USER}\ndbname={USER}\n"
              f"password={server.password}\nsslmode=verify-full\ngssencmode=disable\n")
        files = {path: path.read_bytes() for path in (data(server) / "pg_hba.conf", data(server) / "postgresql.auto.conf")}
        for command, words in COMMANDS.items():
            done = home.pganchor("server", command, "prod", *words, "--yes")
            if command == "require-tls" and by_socket:
                assert done.returncode == 1 and "weaker than verify-full" in done.stderr, (command, done.stdout, done.stderr)
            else:
                assert done.returncode == 1 and "service prod leads to a pooler" in done.stderr, (command, done.stdout, done.stderr)
            assert {path: path.read_bytes() for path in files} == files, command
    finally:
        daemon.stop()


def test_what_the_server_notices_is_not_for_the_terminal(home, server):
    """Of --data-dir, whose log in is root's: whoever owns the directory says what it notices."""
    ask(server, f"ALTER ROLE {SUPERUSER} SET client_min_messages = debug5")
    try:
        done = home.pganchor("server", "require-tls", "--data-dir", data(server), "--user", SUPERUSER, "--dry-run")
    finally:
        ask(server, f"ALTER ROLE {SUPERUSER} RESET ALL")
    assert done.returncode == 0 and "DEBUG" not in done.stderr, done.stderr


@pytest.mark.parametrize("command", [["require-tls"], ["enable-tls", "--min-version", "TLSv1.3"], ["disable-tls", "--lock-out"]], ids=lambda words: words[0])
def test_a_copy_of_the_directory_leads_to_no_other_server(home, server, command):
    """Its postmaster.pid names the socket of the other, and a process that is there: in a container each number is somebody else's."""
    copy = server.directory / f"copy-{command[0]}"
    shutil.copytree(data(server), copy, symlinks=True, ignore=shutil.ignore_patterns("base", "pg_wal"))
    copy.chmod(0o700)
    pid = copy / "postmaster.pid"
    rest = pid.read_text().split("\n", 1)[1]
    for path in (copy, *copy.rglob("*")):
        os.chown(path, data(server).stat().st_uid, data(server).stat().st_gid)
    files = {path: path.read_bytes() for path in (data(server) / "pg_hba.conf", data(server) / "postgresql.auto.conf")}
    with subprocess.Popen(["cat"], cwd=copy, stdin=subprocess.PIPE) as there:
        pid.write_text(f"{there.pid}\n{rest}")
        os.utime(pid, (1, 1))  # the server may have been started in this very second
        done = home.pganchor("server", *command, "--data-dir", copy, "--user", SUPERUSER, "--yes")
        there.stdin.close()
    assert done.returncode == 1 and f"leads to has its data elsewhere, in {data(server)}\n" in done.stderr, (done.stdout, done.stderr)
    assert {path: path.read_bytes() for path in files} == files
    assert not list(data(server).glob("pganchor-*")) and not list(copy.glob("pganchor-*"))


def test_a_certificate_that_has_no_end_is_not_waited_for(home, server, tmp_path):
    os.mkfifo(tmp_path / "fifo.crt")
    done = home.pganchor("server", "enable-tls", "--data-dir", data(server), "--user", SUPERUSER, "--cert", tmp_path / "fifo.crt",
                         "--key", tmp_path / "fifo.crt", "--yes")
    assert done.returncode == 1 and "fifo.crt: " in done.stderr and "no regular file" in done.stderr, (done.stdout, done.stderr)


@pytest.mark.parametrize("env", [{"PGHOSTADDR": "127.0.0.1"}, {"PGSERVICE": "elsewhere"}], ids=["PGHOSTADDR", "PGSERVICE"])
def test_no_address_of_the_environment_comes_before_the_socket(home, server, env):
    """libpq would go there by TCP."""
    services = home / "services"
    services.write_text("[elsewhere]\nhostaddr=127.0.0.1\n")
    services.chmod(0o644)
    before = server.connections()
    done = home.pganchor("server", "require-tls", "--data-dir", data(server), "--user", SUPERUSER, "--dry-run",
                         env={"PGSERVICEFILE": services, **env})
    assert done.returncode == 1 and "the service of PGSERVICE, has the address 127.0.0.1" in done.stderr and "unset them" in done.stderr, done.stderr
    assert server.connections() == before
