"""cert renew of a server's certificate: what uses it is told, and has to show the new one, or the old one comes back."""

import os
import shutil

import pytest

from own_certificates import DUE, cert, connects, have, known, match, renew, serial, shown, status
from services import bootstrap


@pytest.fixture
def served(home, stepca, make_postgres):
    """A server with a certificate that is due, known as "db": (server, path of the certificate, of the key)."""
    bootstrap(home, stepca)
    crt, key = have(home, stepca, "localhost", days=DUE, crt="db/server.crt", key="db/server.key")
    server = make_postgres(crt, key)
    data = server.directory / "data"
    done = cert(home, "add", "db", "--for", "server", "--cert", data / "server.crt", "--key", data / "server.key")
    assert done.returncode == 0, done.stderr
    return server, data / "server.crt", data / "server.key"


def test_a_server_is_told_and_shows_it(home, served):
    server, crt, key = served
    old, owner = serial(crt), crt.stat()
    assert shown(server.port) == old
    code, item = renew(home, "--signal", f"HUP:{server.directory}/data/postmaster.pid", "--prove", f"localhost:{server.port}")
    assert (code, item["change"], item["reloaded"], item["proved"]) == (0, "renewed", True, True), item
    assert shown(server.port) == serial(crt) != old and match(crt, key)
    assert (crt.stat().st_uid, crt.stat().st_mode) == (owner.st_uid, owner.st_mode)


def test_no_connection_fails_while_a_servers_is_renewed(home, served, connecting):
    server, crt, _ = served
    all_along = connecting(connects(home, server.conninfo(sslmode="verify-full")))
    for _ in range(4):
        code, item = renew(home, "--force", "--signal", f"HUP:{server.directory}/data/postmaster.pid", "--prove", f"localhost:{server.port}")
        assert (code, item["proved"]) == (0, True), item
        all_along.some_more(1)
    assert all_along.stop() == []


@pytest.mark.parametrize("words, said", [
    # It is waited for as long as it may take; a new key below is waited for, too.
    pytest.param(["--exec", "true"], "still shows the certificate with the serial number", marks=pytest.mark.whole),
    (["--exec", "sh -c 'echo out of order >&2; exit 3'"], "sh: ended with status 3: out of order"),
    (["--exec", "/nowhere/program"], "could not start /nowhere/program"),
    (["--signal", "HUP:/nowhere/x.pid"], "/nowhere/x.pid"),
])
def test_where_the_server_does_not_show_it_the_old_one_comes_back(home, served, words, said):
    server, crt, key = served
    before = crt.read_bytes(), key.read_bytes()
    done = cert(home, "renew", "--prove", f"localhost:{server.port}", *words)
    assert done.returncode == 1 and said in done.stderr, done.stderr
    assert (crt.read_bytes(), key.read_bytes()) == before and shown(server.port) == serial(crt)
    assert status(home)[1]["db"]["failures"] == 1


def test_a_new_key_is_taken_back_with_its_certificate(home, served):
    server, crt, key = served
    before = crt.read_bytes()
    code, item = renew(home, "--rekey", "--exec", "true", "--prove", f"localhost:{server.port}")
    assert code == 1 and item["taken_back"] and crt.read_bytes() == before and match(crt, key), item
    assert "still shows the certificate with the serial number" in item["why"] and shown(server.port) == serial(crt)


def test_a_server_that_does_not_run_has_it_when_it_starts(home, served):
    server, crt, key = served
    server.stop()
    old = serial(crt)
    done = cert(home, "renew", "--exec", "true", "--prove", f"localhost:{server.port}")
    assert done.returncode == 0 and "could not be seen in use" in done.stderr.replace("\n    ", " "), done.stderr
    assert serial(crt) != old and match(crt, key)


def test_what_is_done_is_remembered(home, served):
    server, crt, _ = served
    done = cert(home, "add", "db", "--signal", f"HUP:{server.directory}/data/postmaster.pid", "--prove", f"localhost:{server.port}")
    assert done.returncode == 0
    done = cert(home, "renew")
    assert done.returncode == 0 and "what uses it was told, and shows it" in done.stdout, done.stderr
    assert shown(server.port) == serial(crt)


def test_systemd_is_asked_to_reload(home, stepca):
    known(home, stepca, "app", days=DUE)
    (home / "bin").mkdir()
    (home / "bin/systemctl").write_text(f'#!/bin/sh\necho "$@" >> {home / "asked"}\n')
    (home / "bin/systemctl").chmod(0o755)
    env = {"PATH": f"{home / 'bin'}:{home.environment()['PATH']}"}
    done = cert(home, "renew", "--reload", "pgbouncer.service", env=env)
    assert done.returncode == 0 and "whether it shows it is not seen: --prove" in done.stdout
    user = "" if os.geteuid() == 0 else "--user "
    assert (home / "asked").read_text() == f"{user}try-reload-or-restart -- pgbouncer.service\n"
    # Several by one call.
    assert cert(home, "renew", "--force", "--reload", " postgresql.service  pgbouncer.service", env=env).returncode == 0
    assert (home / "asked").read_text().splitlines()[1] == f"{user}try-reload-or-restart -- postgresql.service pgbouncer.service"
    for odd in ("--now", "a.service -b", "a/b", " ", "a\tb", "a " * 9):
        assert cert(home, "renew", "--force", "--reload", odd, env=env).returncode != 0, odd


def test_no_shell_reads_the_words(home, stepca):
    known(home, stepca, "app", days=DUE)
    words = r"""touch 'a b' "c\"d" e\ f '$HOME' """
    assert cert(home, "renew", "--exec", words).returncode == 0
    assert {"a b", 'c"d', "e f", "$HOME"} <= {path.name for path in home.path.iterdir()}


def test_whose_process_it_is_not_is_not_signalled(home, stepca):
    if os.geteuid() != 0:
        pytest.skip("root alone could signal others")
    known(home, stepca, "app", days=DUE)
    pid = home / "x.pid"
    pid.write_text(f"{os.getpid()}\n")
    shutil.chown(pid, 65534)
    done = cert(home, "renew", "--signal", f"HUP:{pid}")
    assert done.returncode == 1 and "is not of the user that the file belongs to" in done.stderr


@pytest.mark.parametrize("text", ["", "hello\n", "0\n", "1\n", "-5\n", "99999999999\n"])
def test_what_is_no_number_of_a_process(home, stepca, text):
    crt, _ = known(home, stepca, "app", days=DUE)
    before = crt.read_bytes()
    (home / "x.pid").write_text(text)
    done = cert(home, "renew", "--signal", f"HUP:{home / 'x.pid'}")
    assert done.returncode == 1 and "not the number of a process" in done.stderr
    assert crt.read_bytes() == before


def test_somebody_elses_link_to_a_number_is_not_followed(home, stepca):
    if os.geteuid() != 0:
        pytest.skip("root alone could signal others")
    known(home, stepca, "app", days=DUE)
    (home / "real.pid").write_text(f"{os.getpid()}\n")
    theirs = home / "theirs"
    theirs.mkdir()
    (theirs / "x.pid").symlink_to(home / "real.pid")
    os.chown(theirs, 65534, 65534)
    os.chown(theirs / "x.pid", 65534, 65534, follow_symlinks=False)
    done = cert(home, "renew", "--signal", f"HUP:{theirs / 'x.pid'}")
    assert done.returncode == 1 and "x.pid" in done.stderr and "could not signal" not in done.stderr
