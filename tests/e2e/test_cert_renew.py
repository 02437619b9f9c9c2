"""cert renew, cert revoke: at a real step-ca, for real servers. Whatever fails, a pair that matches is there."""

import json
import os
import re
import shutil
import socket
import ssl
import struct
from concurrent.futures import ThreadPoolExecutor

import pytest

from certs import cert_postgres  # noqa: F401
from hostile import reply
from own_certificates import CERTS_CONF, CRT, DUE, EXPIRED, KEY, at, cert, have, known, leaf, match, serial, start_lenient_stepca, status
from services import bootstrap
from test_out_of_memory import failing_malloc, run_failing, without_wrapper  # noqa: F401

WRITES = "openat,rename,renameat,renameat2,symlinkat,linkat,unlinkat,mkdirat,write,fsync,fchmod,fchown,unlink,mkdir"


def changed(before, after):
    return {name for name in {*before, *after} if before.get(name) != after.get(name)}


def renew(home, *args, **kwargs):
    """(exit status, what --json says of the one certificate)."""
    done = cert(home, "renew", "--json", *args, **kwargs)
    assert done.stdout, done.stderr
    item, = json.loads(done.stdout)["certificates"]
    return done.returncode, item


def test_what_is_not_due_is_left_alone(home, stepca):
    known(home, stepca, "app")
    before = home.snapshot()
    done = cert(home, "renew")
    assert done.returncode == 0 and re.match(r"client: not due yet; it is renewed in 1\dd", done.stdout) and home.snapshot() == before
    assert cert(home, "renew", "--quiet").stdout == ""
    assert cert(home, "renew", "nobody").returncode == 1


def test_one_that_is_due(home, stepca):
    crt, key = known(home, stepca, "app", days=DUE)
    old, before = leaf(crt), home.snapshot()
    done = cert(home, "renew", "--dry-run")
    assert done.returncode == 0 and done.stdout == "client: would be renewed\n" and home.snapshot() == before
    done = cert(home, "renew")
    assert done.returncode == 0 and f"client: renewed, serial {serial(crt)}; it ends 20" in done.stdout, done.stderr
    # The certificate alone is another, of the same names and the same lifetime, with its chain behind it.
    assert changed(before, home.snapshot()) == {CRT, CERTS_CONF}
    new = leaf(crt)
    assert match(crt, key) and new.serial_number != old.serial_number and new.subject == old.subject
    assert abs((new.not_valid_after - new.not_valid_before) - (old.not_valid_after - old.not_valid_before)).total_seconds() < 120
    assert crt.read_text().count("BEGIN CERTIFICATE") == 2 and crt.stat().st_mode & 0o777 == 0o644
    code, items = status(home)
    assert code == 0 and items["client"]["renewed"] is not None
    assert cert(home, "renew").stdout.startswith("client: not due yet")


def test_when_is_for_the_user_to_say(home, stepca):
    crt, _ = known(home, stepca, "app")
    first = serial(crt)
    assert renew(home, "--expires-in", "28d")[1]["change"] == "not-due" and serial(crt) == first
    assert renew(home, "--expires-in", "30d")[1]["change"] == "renewed"
    second = serial(crt)
    assert second != first and renew(home, "--force")[1]["change"] == "renewed" and serial(crt) != second
    assert cert(home, "renew", "--expires-in", "soon").returncode == 2


def test_postgresql_takes_what_was_renewed(home, stepca, cert_postgres):  # noqa: F811
    """libpq wants the chain behind the certificate, and the key as it was."""
    known(home, stepca, cert_postgres.user, days=DUE)
    assert renew(home)[1]["change"] == "renewed"
    done = home.run(["psql", "-XAtc", "select current_user", cert_postgres.conninfo(password=None, sslmode="verify-full")])
    assert (done.stdout, done.stderr) == (f"{cert_postgres.user}\n", "")


def connects(home, conninfo):
    def connect():
        done = home.run(["psql", "-XAtc", "select 1", conninfo])
        return done.stderr if done.returncode != 0 else None
    return connect


def test_no_connection_fails_while_it_is_renewed(home, stepca, cert_postgres, connecting):  # noqa: F811
    crt, _ = known(home, stepca, cert_postgres.user)
    all_along = connecting(connects(home, cert_postgres.conninfo(password=None, sslmode="verify-full")))
    seen = {serial(crt)}
    for _ in range(6):
        assert cert(home, "renew", "--force").returncode == 0
        seen.add(serial(crt))
        all_along.some_more(1)
    assert all_along.stop() == [] and len(seen) == 7


def test_another_key_by_choice(home, stepca):
    crt, key = known(home, stepca, "app")
    before, old = home.snapshot(), key.read_bytes()
    code, item = renew(home, "--force", "--rekey")
    assert code == 0 and item["rekeyed"] and match(crt, key) and key.read_bytes() != old, item
    assert changed(before, home.snapshot()) <= {CRT, KEY, CERTS_CONF, ".config/pganchor/manifest"}
    assert key.stat().st_mode & 0o777 == 0o600 and not crt.is_symlink() and not key.is_symlink()


def test_a_ca_that_is_down(home, stepca):
    crt, _ = known(home, stepca, "app", days=DUE)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        conf = home / ".config/pganchor/anchors.conf"
        text = conf.read_text()
        conf.write_text(text.replace(f"localhost:{stepca.port}", f"localhost:{taken.getsockname()[1]}"))
        files = home / ".config/pganchor/certs.conf"
        before = crt.read_bytes()
        done = cert(home, "renew")
        assert done.returncode == 1 and crt.read_bytes() == before
        assert "client: not renewed: " in done.stderr and "could not connect" in done.stderr
        assert f"the old one is as before, and ends {status(home)[1]['client']['not_after']}" in done.stderr
        item = status(home)[1]["client"]
        assert item["failures"] == 1 and "could not connect" in item["why"] and item["next_try"] > item["tried"]
        # Until then it is not tried again, unless somebody wants it.
        done = cert(home, "renew")
        assert done.returncode == 1 and "the next try is in" in done.stderr and status(home)[1]["client"]["failures"] == 1
        assert "not renewed, 1 time, last" in cert(home, "status").stdout
        assert cert(home, "renew", "--force").returncode == 1 and status(home)[1]["client"]["failures"] == 2
    conf.write_text(text)
    assert cert(home, "renew", "--force").returncode == 0
    item = status(home)[1]["client"]
    assert (item["failures"], item["why"]) == (0, None) and "why" not in files.read_text()


@pytest.fixture(scope="module")
def lenient_stepca(tmp_path_factory):
    """A step-ca that renews what has expired."""
    ca = start_lenient_stepca(tmp_path_factory.mktemp("ca") / "lenient")
    yield ca
    ca.daemon.stop()


def test_one_that_has_expired(home, stepca, lenient_stepca):
    crt, key = known(home, lenient_stepca, "app")
    at(lenient_stepca, crt, EXPIRED)
    code, item = renew(home)
    assert (code, item["change"], item["expired"]) == (0, "renewed", True), item["why"]
    assert match(crt, key) and status(home)[0] == 0


@pytest.fixture
def strict_stepca(tmp_path):
    """One that is as old, and does not."""
    ca = start_lenient_stepca(tmp_path / "strict", allowRenewalAfterExpiry=False)
    yield ca
    ca.daemon.stop()


def test_one_that_has_expired_where_the_ca_does_not_allow_it(home, strict_stepca):
    crt, _ = known(home, strict_stepca, "app")
    at(strict_stepca, crt, EXPIRED)
    before = crt.read_bytes()
    done = cert(home, "renew")
    assert done.returncode == 1 and crt.read_bytes() == before
    assert "does not renew it (HTTP 401" in done.stderr and "allowRenewalAfterExpiry" in done.stderr and "has ended 20" in done.stderr


def test_a_pair_that_does_not_match_is_not_renewed(home, stepca):
    known(home, stepca, "app", days=DUE)
    have(home, stepca, "other", crt="other.crt", key="other.key")
    os.replace(home / "other.key", home / KEY)
    done = cert(home, "renew")
    assert done.returncode == 1 and "do not belong together" in done.stderr


@pytest.mark.parametrize("answer, said", [
    (reply('{"crt": "x"}', status="201 Created"), "."),
    (reply("hello", status="201 Created"), "."),
    (reply('{"message": "no \\u001b[31m"}', status="403 Forbidden"), "does not renew it \\(HTTP 403"),
    (reply("", status="500 Internal Server Error"), "HTTP status 500"),
])
def test_what_a_ca_says_that_is_no_certificate(home, stepca, https_ca, answer, said):
    crt, _ = known(home, stepca, "app", days=DUE)
    odd = https_ca({"/1.0/renew": answer}, issued=stepca.issue("localhost", "127.0.0.1"))
    conf = home / ".config/pganchor/anchors.conf"
    conf.write_text(conf.read_text().replace(stepca.url, odd.url))
    before = crt.read_bytes()
    done = cert(home, "renew")
    assert done.returncode == 1 and re.search(said, done.stderr) and "\x1b[31m" not in done.stderr and crt.read_bytes() == before
    assert "Traceback" not in done.stderr and status(home)[1]["client"]["failures"] == 1


def other_certificate(home, stepca, *names):
    """A /renew answer with a certificate for another key."""
    chain, _ = stepca.issue(*names, directory=home.path)
    first, second = re.findall(r"-----BEGIN.*?END CERTIFICATE-----\n", chain.read_text(), re.S)
    return reply(json.dumps({"crt": first, "ca": second, "certChain": [first, second]}), status="201 Created")


def test_a_certificate_for_another_key_is_not_taken(home, stepca, https_ca):
    crt, key = known(home, stepca, "app", days=DUE)
    odd = https_ca({"/1.0/renew": other_certificate(home, stepca, "app")}, issued=stepca.issue("localhost", "127.0.0.1"))
    conf = home / ".config/pganchor/anchors.conf"
    conf.write_text(conf.read_text().replace(stepca.url, odd.url))
    before = crt.read_bytes()
    assert cert(home, "renew").returncode == 1 and crt.read_bytes() == before and match(crt, key)


def test_a_full_disk_leaves_the_old_one(home, stepca):
    crt, key = known(home, stepca, "app", days=DUE)
    before = crt.read_bytes()
    done = cert(home, "renew", full_disk=True)
    assert done.returncode == 1 and crt.read_bytes() == before and match(crt, key)
    assert cert(home, "renew", "--force").returncode == 0


def traced(home, log, words, *expressions):
    program = home.program.binary.with_name("pganchor.real")
    program = program if program.exists() else home.program.binary
    return home.run(["strace", "-qqq", "-f", "-o", log, *(word for one in expressions for word in ("-e", one)), "--", program, "cert", "renew", *words])


@pytest.mark.parametrize("words", [["--force"], ["--force", "--rekey"]], ids=["same-key", "another-key"])
def test_killed_at_every_call_the_pair_matches(home, stepca, tmp_path, words):
    """And the next run finishes, with nothing left behind."""
    crt, key = known(home, stepca, "app")
    log = tmp_path / "trace"
    clean = set(home.snapshot())
    done = traced(home, log, words, f"trace={WRITES}")
    assert done.returncode == 0, done.stderr
    lines = [re.sub(r"^\d+ +", "", line) for line in log.read_text().splitlines()]
    lines = [line for line in lines if re.match(r"\w+\(", line)]
    calls = [line.split("(")[0] for line in lines]
    first = next(at for at, line in enumerate(lines) if ".pganchor" in line)
    names = [(name, calls[:at + 1].count(name)) for at, name in enumerate(calls) if at >= first]
    assert len(names) > 10
    for name, number in names[::1 if os.environ.get("PGANCHOR_TESTS_WHOLE") else 3]:
        killed = traced(home, log, words, f"trace={WRITES}", f"inject={name}:signal=SIGKILL:when={number}")
        assert killed.returncode == -9, (name, number, killed.stderr)
        assert match(crt, key), (name, number)
    assert cert(home, "renew", "--force").returncode == 0
    assert match(crt, key) and not crt.is_symlink() and not key.is_symlink()
    assert set(home.snapshot()) == clean


@pytest.mark.parametrize("words", [[], ["--rekey"]], ids=["same-key", "another-key"])
@pytest.mark.parametrize("on", [False, True], ids=["once", "from then on"])
def test_without_memory_it_is_renewed_or_as_before(home, stepca, failing_malloc, on, words):  # noqa: F811
    """And it says which."""
    crt, key = known(home, stepca, "app")
    program, gate = without_wrapper(home)
    argv = [program, "cert", "renew", "--force", *words]
    good, count = run_failing(home, failing_malloc, argv, 0, preload=gate)
    assert good.returncode == 0 and count > 100, good.stderr
    ends = set()
    for number in range(1 + 7 * on, count + 1, max(1, count // (400 if os.environ.get("PGANCHOR_TESTS_WHOLE") else 30))):
        before = crt.read_bytes()
        done, _ = run_failing(home, failing_malloc, argv, number, on, preload=gate)
        assert done.returncode in (0, 1) and match(crt, key), (number, done.stderr)
        if done.returncode == 0:
            assert crt.read_bytes() != before and "client: renewed" in done.stdout, (number, done.stderr)
        else:
            assert crt.read_bytes() == before and "pganchor: " in done.stderr, (number, done.stdout, done.stderr)
        ends.add(done.returncode)
    assert 1 in ends


def test_several_at_once(home, stepca):
    """Who finds that another was faster leaves it at that."""
    crt, key = known(home, stepca, "app")
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda words: cert(home, "renew", "--force", *words), [[], ["--rekey"], [], []]))
    assert {one.returncode for one in done} == {0}, [one.stderr for one in done]
    assert match(crt, key) and not crt.is_symlink() and status(home)[0] == 0
    assert all(re.match("client: (renewed|somebody else has just renewed it)", one.stdout) for one in done)


def test_what_a_killed_run_has_not_told_is_told_by_the_next(home, stepca):
    known(home, stepca, "app", words=("--exec", "touch told"))
    conf = home / CERTS_CONF
    conf.write_text(conf.read_text() + "untold = yes\n")
    code, item = renew(home)
    assert (code, item["change"], item["reloaded"]) == (0, "told", True) and (home / "told").exists()
    (home / "told").unlink()
    assert renew(home)[1]["change"] == "not-due" and not (home / "told").exists()


# ---- a server's, told and seen ----


def shown(port):
    """The serial number that a PostgreSQL server shows."""
    with socket.create_connection(("127.0.0.1", port)) as raw:
        raw.sendall(struct.pack("!ii", 8, 80877103))
        assert raw.recv(1) == b"S"
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with context.wrap_socket(raw, server_hostname="localhost") as session:
            from cryptography import x509
            digits = f"{x509.load_der_x509_certificate(session.getpeercert(True)).serial_number:x}"
            return digits.rjust(len(digits) + len(digits) % 2, "0")


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
    (["--exec", "true"], "still shows the certificate with the serial number"),
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


@pytest.mark.parametrize("text", ["", "hello\n", "0\n", "1\n", "-5\n", "99999999999\n", "4194303 x\n"])
def test_what_is_no_number_of_a_process(home, stepca, text):
    crt, _ = known(home, stepca, "app", days=DUE)
    before = crt.read_bytes()
    (home / "x.pid").write_text(text)
    done = cert(home, "renew", "--signal", f"HUP:{home / 'x.pid'}")
    assert done.returncode == 1 and ("not the number of a process" in done.stderr or "no process has the number" in done.stderr)
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


# ---- revoke ----


def test_revoked_is_not_renewed(home, stepca):
    crt, key = known(home, stepca, "app", days=DUE)
    before = crt.read_bytes()
    done = cert(home, "revoke", "client")
    assert done.returncode == 1 and "--yes" in done.stderr and status(home)[0] == 3
    assert "Would have client revoked" in cert(home, "revoke", "client", "-n").stdout and status(home)[0] == 3
    assert cert(home, "revoke", "client", "--reason", "because").returncode == 2
    done = cert(home, "revoke", "client", "--yes", "--reason", "key-compromise")
    assert done.returncode == 0 and "revoked" in done.stdout, done.stderr
    code, items = status(home)
    assert code == 1 and items["client"]["state"] == "broken" and "revoked" in items["client"]["fault"]
    assert cert(home, "renew", "--force").returncode == 1 and crt.read_bytes() == before and key.exists()
    # The CA itself says no as well.
    conf = home / CERTS_CONF
    conf.write_text("".join(line for line in conf.read_text().splitlines(True) if not line.startswith(("revoked", "failures", "tried", "why"))))
    done = cert(home, "renew", "--force")
    assert done.returncode == 1 and "it may have been revoked" in done.stderr, done.stderr


def test_a_person_is_asked_before(home, stepca):
    known(home, stepca, "app")
    done = home.pganchor_tty("cert", "revoke", "client", answers=[("Type yes", "no")])
    assert done.returncode == 1 and "nothing was changed" in done.output
    done = home.pganchor_tty("cert", "revoke", "client", answers=[("Type yes", "yes")])
    assert done.returncode == 0 and status(home)[0] == 1
