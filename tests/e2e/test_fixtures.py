"""The fixtures are what they say they are; the program under test takes no part."""

import datetime
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import pytest

import certificates
from conftest import beyond_the_share, of_other_days
from hostile import HANG, Cut, Drip, close_at_once, close_in_handshake, endless, hang, huge, redirect, reply, speak
from hostile import stepca_answers
from tracing import internet

# The tool has no part in it.
pytestmark = pytest.mark.no_instruments

SSL_IN_USE = "SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


def psql(home, conninfo, *, query=SSL_IN_USE, **kwargs):
    return home.run(["psql", "-X", "-A", "-t", "-c", query, conninfo], **kwargs)


def get(url, ca_file):
    with urllib.request.urlopen(url, context=ssl.create_default_context(cafile=ca_file)) as answer:
        return json.load(answer)


def test_stepca_answers_health_over_verified_tls(stepca):
    for host in ("localhost", "127.0.0.1"):
        assert get(f"https://{host}:{stepca.port}/health", stepca.root) == {"status": "ok"}


def test_stepca_hands_out_its_root_by_fingerprint(stepca):
    answer = get(f"{stepca.url}/root/{stepca.fingerprint}", stepca.root)
    assert answer["ca"] == stepca.root_pem


def test_stepca_has_a_jwk_and_an_acme_provisioner(stepca):
    answer = get(f"{stepca.url}/provisioners", stepca.root)
    assert {provisioner["type"] for provisioner in answer["provisioners"]} == {"JWK", "ACME"}


def test_the_two_stepcas_do_not_trust_each_other(stepca, other_stepca):
    assert stepca.fingerprint != other_stepca.fingerprint
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        get(f"{other_stepca.url}/health", stepca.root)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "db.example.test"])
def test_verify_full_with_the_root_shows_tls(bare_home, postgres, stepca, host):
    done = psql(bare_home, postgres.conninfo(host=host, hostaddr="127.0.0.1", sslmode="verify-full", sslrootcert=stepca.root))
    assert (done.returncode, done.stdout) == (0, "t|TLSv1.3\n"), done.stderr


def test_without_any_setting_psql_connects_and_checks_nothing(bare_home, postgres, impostor_postgres):
    for server in (postgres, impostor_postgres):
        done = psql(bare_home, server.conninfo())
        assert (done.returncode, done.stdout) == (0, "t|TLSv1.3\n"), done.stderr


def test_weak_connections_succeed_without_the_gate(bare_home, postgres, plain_postgres):
    for server, settings in ((postgres, {"sslmode": "disable"}), (plain_postgres, {"sslmode": "prefer"}),
                             (postgres, {"host": postgres.socket_dir})):
        done = psql(bare_home, server.conninfo(**settings))
        assert (done.returncode, done.stdout) == (0, "f|\n"), done.stderr


def test_a_wrong_password_is_refused_everywhere(bare_home, postgres):
    for settings in ({"sslmode": "disable"}, {"host": postgres.socket_dir}):
        done = psql(bare_home, postgres.conninfo(password="wrong", **settings))
        assert done.returncode == 2 and "password authentication failed" in done.stderr


def test_verify_full_refuses_the_impostor(bare_home, impostor_postgres, stepca):
    done = psql(bare_home, impostor_postgres.conninfo(sslmode="verify-full", sslrootcert=stepca.root))
    assert done.returncode == 2 and "certificate verify failed" in done.stderr


def test_servers_do_not_run_as_root(postgres):
    assert os.stat(f"/proc/{postgres.daemon.pid}").st_uid != 0


def test_clean_environment(bare_home, monkeypatch):
    for name in ("PGHOST", "PGSSLMODE", "XDG_CONFIG_HOME", "LD_PRELOAD", "https_proxy", "SSL_CERT_FILE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, "")
    seen = {line.partition("=")[0] for line in bare_home.run(["env"]).stdout.splitlines()}
    assert seen <= {"PATH", "HOME", "LANG", "LC_ALL", "TZ", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "_"}


def test_signals_are_as_at_a_terminal(bare_home):
    ignored = int(re.search(r"SigIgn:\t(\w+)", bare_home.run(["cat", "/proc/self/status"]).stdout)[1], 16)
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGCHLD, signal.SIGHUP):
        assert not ignored & 1 << number - 1, number


def test_signals_that_the_run_was_started_with_ignored_are_no_matter():
    """As in the background of a script, under nohup, and in many a CI."""
    done = subprocess.run(["env", "--ignore-signal=INT,QUIT,CHLD,HUP", sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
                           f"{__file__}::test_signals_are_as_at_a_terminal"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout + done.stderr


def test_run_tty_is_a_terminal_that_answers(bare_home):
    script = 'test -t 0 && test -t 1 && test -t 2 && printf "name? " >/dev/tty && read name && echo "hello $name" && exit 7'
    shown = bare_home.run_tty(["sh", "-c", script], [("name[?] $", "world")])
    assert shown.returncode == 7 and "hello world\n" in shown.output


def test_run_has_no_terminal(bare_home):
    assert bare_home.run(["sh", "-c", ": </dev/tty"]).returncode != 0


def test_strace_sees_the_sockets_of_psql(bare_home, postgres):
    done, calls = bare_home.strace_sockets(["psql", "-X", "-c", "SELECT 1", postgres.conninfo(host="127.0.0.1")])
    assert done.returncode == 0, done.stderr
    assert ("connect", "127.0.0.1", postgres.port) in [(c.name, c.address, c.port) for c in internet(calls)]
    done, calls = bare_home.strace_sockets(["psql", "--version"])
    assert done.returncode == 0 and internet(calls) == []


def test_run_ordinary_is_held_to_file_modes(bare_home):
    (bare_home / "file").write_text("")
    (bare_home / "file").chmod(0o400)
    assert bare_home.run(["sh", "-c", "echo >>file"], ordinary=True).returncode != 0
    (bare_home / "file").chmod(0o600)
    assert bare_home.run(["sh", "-c", "echo >>file"], ordinary=True).returncode == 0


def test_full_disk_takes_names_and_no_bytes(bare_home):
    (bare_home / "directory").mkdir(mode=0o750)
    (bare_home / "directory" / "file").write_text("before")
    before = bare_home.snapshot()
    done = bare_home.run(["sh", "-c", "cat /proc/version >new; echo $?; mv directory/file directory/f; mv directory/f directory/file; rm -f new; exit 5"],
                         full_disk=True)
    assert done.returncode == 5 and done.stdout == "1\n" and "No space left" in done.stderr, done
    assert bare_home.snapshot() == before
    done = bare_home.run(["sh", "-c", "touch new"], full_disk=True)
    assert done.returncode == 0 and (bare_home / "new").exists()


def test_snapshot_sees_every_kind_of_change(bare_home):
    file, link = bare_home / "file", bare_home / "link"
    file.write_text("a")
    link.symlink_to("file")
    (bare_home / "directory").mkdir()
    before = bare_home.snapshot()
    assert set(before) == {"file", "link", "directory"} and bare_home.snapshot() == before
    for change in (lambda: file.write_text("b"), lambda: file.chmod(0o400), lambda: os.utime(file, ns=(0, 1)),
                   lambda: (link.unlink(), link.symlink_to("directory")), lambda: (bare_home / "directory").chmod(0o700),
                   lambda: (bare_home / "directory" / "new").touch()):
        (bare_home / "file").chmod(0o600)
        before = bare_home.snapshot()
        change()
        assert bare_home.snapshot() != before


def curl(home, server, path="/", *options):
    return home.run(["curl", "-sSk", "--max-time", "20", *options, server.url + path])


def test_https_ca_answers_and_records(bare_home, https_ca, impostor_ca):
    server = https_ca({**stepca_answers(impostor_ca, prefix="/pki"), "/moved": redirect("http://localhost/")})
    assert curl(bare_home, server, "/pki/health").stdout == '{"status":"ok"}\n'
    assert json.loads(curl(bare_home, server, f"/pki/root/{impostor_ca.fingerprint}").stdout) == {"ca": impostor_ca.pem}
    assert curl(bare_home, server, "/other", "-w", "%{http_code}", "-o", "/dev/null").stdout == "404"
    assert curl(bare_home, server, "/moved", "-w", "%{redirect_url}").stdout == "http://localhost/"
    assert [request.path for request in server.requests] == [
        "/pki/health", f"/pki/root/{impostor_ca.fingerprint}", "/other", "/moved"]
    assert server.requests[0].method == "GET" and server.requests[0].headers["host"] == f"localhost:{server.port}"


def test_https_ca_can_know_the_root_of_the_real_ca_without_its_key(https_ca, stepca, impostor_ca, tmp_path):
    server = https_ca(stepca_answers(stepca))
    root = impostor_ca.write_root(tmp_path / "root.pem")
    assert get(f"{server.url}/root/{stepca.fingerprint}", root) == {"ca": stepca.root_pem}
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        get(f"{server.url}/health", stepca.root)


def test_https_ca_has_the_certificate_of_ones_choice(https_ca, impostor_ca, stepca, tmp_path):
    good = https_ca({"/": reply("{}")}, issued=stepca.issue("localhost"))
    assert get(good.url, stepca.root) == {}
    for server, why in ((https_ca({}), "unable to get local issuer"),
                        (https_ca({}, authority=impostor_ca, names=["elsewhere.test"]), "Hostname mismatch"),
                        (https_ca({}, issued=impostor_ca.issue(tmp_path, "localhost", days=certificates.EXPIRED)), "expired")):
        root = stepca.root if "issuer" in why else impostor_ca.write_root(tmp_path / "root.pem")
        with pytest.raises(urllib.error.URLError, match=why):
            get(server.url, root)
        assert server.requests == [] and server.connections == 1


# curl's exit statuses: 18 partial file, 28 timeout, 35 TLS handshake, 63 too large
@pytest.mark.parametrize("answer, status, at_least", [
    (huge(), 63, 1), (endless(), 28, 10**6), (HANG, 28, 0), (Drip(reply(b"{", length=9999)), 28, 1), (Cut(reply(b"{", length=99)), 18, 1)],
    ids=["huge", "endless", "hang", "drip", "cut"])
def test_https_ca_misbehaves(bare_home, https_ca, answer, status, at_least):
    server = https_ca({"/": answer})
    done = bare_home.run(["curl", "-sSk", "-o", "/dev/null", "--max-time", "4", "--max-filesize", "1000000", server.url])
    assert done.returncode == status, done.stderr
    # Only then has it counted all that it sent.
    server.stop()
    assert server.sent >= at_least and len(server.requests) == 1


@pytest.mark.parametrize("before_tls, status", [(close_at_once, 35), (close_in_handshake, 35), (hang, 28), (speak(b"SSH-2.0-x\r\n"), 35)],
                         ids=["close_at_once", "close_in_handshake", "hang", "speak"])
def test_https_ca_has_no_tls(bare_home, https_ca, before_tls, status):
    server = https_ca(before_tls=before_tls)
    done = bare_home.run(["curl", "-sSk", "--max-time", "2", server.url])
    assert (done.returncode, server.connections, server.requests) == (status, 1, []), done.stderr


def conninfo(server, **settings):
    settings = {"host": "localhost", "port": server.port, "user": "app", "password": "s3cret-word", **settings}
    return " ".join(f"{key}={value}" for key, value in settings.items())


def test_recording_server_lures_the_password_out_of_a_weak_client(bare_home, recording_server, impostor_ca, tmp_path):
    plain, tls = recording_server(), recording_server(b"S", impostor_ca.issue(tmp_path, "localhost"))
    for server in (plain, tls):
        assert psql(bare_home, conninfo(server)).returncode == 2
    record, = plain.finish()
    assert record.requests == ["ssl", "startup", "password"] and b"s3cret-word" in record.plain and not record.tls
    record, downgraded = tls.finish()
    assert record.requests == ["ssl", "startup", "password"] and b"s3cret-word" in record.inside and record.tls
    assert len(record.plain) == 8
    # sslmode=prefer: the same again without TLS, as the server did not like it with TLS.
    assert downgraded.requests == ["startup", "password"] and b"s3cret-word" in downgraded.plain


def test_recording_server_learns_nothing_from_verify_full(bare_home, recording_server, impostor_ca, stepca, tmp_path):
    plain, tls = recording_server(), recording_server(b"S", impostor_ca.issue(tmp_path, "localhost"))
    injecting, nobody = recording_server(b"S" + bytes(20), impostor_ca.issue(tmp_path, "localhost")), recording_server()
    for server in (plain, tls, injecting):
        assert psql(bare_home, conninfo(server, sslmode="verify-full", sslrootcert=stepca.root)).returncode == 2
        record, = server.finish()
        assert record.requests == ["ssl"] and len(record.everything) == 8 and not record.tls
    assert nobody.finish() == []


def test_make_postgres_takes_settings(bare_home, make_postgres, stepca):
    server = make_postgres(*stepca.issue("localhost"), settings={"ssl_max_protocol_version": "TLSv1.2"})
    done = psql(bare_home, server.conninfo(sslmode="verify-full", sslrootcert=stepca.root))
    assert done.stdout == "t|TLSv1.2\n", done.stderr
    assert server.connections() == 1


def text_of(issued):
    return subprocess.run(["openssl", "x509", "-in", issued, "-noout", "-text"], check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("kind, wanted", [
    ({"key": "rsa1024"}, "Public-Key: (1024 bit)"), ({"key": "p224"}, "secp224r1"), ({"key": "p192"}, "prime192v1"),
    ({"key": "ed25519"}, "ED25519"), ({"key": "rsa2048", "digest": "md5"}, "md5WithRSAEncryption"), ({"digest": "sha1"}, "ecdsa-with-SHA1"),
    ({"ca": False}, "CA:FALSE"), ({"usage": ("digital_signature",)}, "Digital Signature\n")], ids=str)
def test_make_root_makes_what_it_is_told(tmp_path, kind, wanted):
    root = certificates.make_root(**kind)
    assert wanted in text_of(root.write_root(tmp_path / "root.pem"))


def test_roots_that_are_wrong(tmp_path, impostor_ca):
    def verify(root):
        path = root.write_root(tmp_path / "root.pem")
        return subprocess.run(["openssl", "verify", "-check_ss_sig", "-CAfile", path, path], capture_output=True, text=True).stderr

    assert verify(certificates.make_root()) == ""
    assert "expired" in verify(certificates.make_root(days=certificates.EXPIRED))
    assert "not yet valid" in verify(certificates.make_root(days=certificates.NOT_YET_VALID))
    assert "signature failure" in verify(certificates.make_root(signed_by=impostor_ca.key))
    assert "Version: 1 " in text_of(certificates.make_v1_root(tmp_path).write_root(tmp_path / "v1.pem"))


def test_a_chain_through_an_intermediate_verifies(tmp_path, impostor_ca):
    chain, _ = impostor_ca.intermediate().issue(tmp_path, "localhost", key="rsa2048")
    root = impostor_ca.write_root(tmp_path / "root.pem")
    done = subprocess.run(["openssl", "verify", "-CAfile", root, "-untrusted", chain, "-verify_hostname", "localhost", chain],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_stepca_authority_signs_what_stepca_would_not(tmp_path, stepca, make_postgres, bare_home):
    for days, status in ((certificates.VALID, 0), (certificates.EXPIRED, 2)):
        server = make_postgres(*stepca.authority().issue(tmp_path, "localhost", days=days))
        done = psql(bare_home, server.conninfo(sslmode="verify-full", sslrootcert=stepca.root))
        assert done.returncode == status, done.stderr


def test_within_days_each_test_runs_with_all_of_its_parameters():
    """Each day at least once, and all of them where its file was changed."""
    def item(name, parameter, file="test_a.py"):
        return SimpleNamespace(module=SimpleNamespace(__name__=file), path=Path(file), originalname=name, what=(name, parameter))

    build = item("test_out_of_tree_with_destdir", None, "test_build.py")
    items = [build, *(item("many", number) for number in range(7)), item("two", 0), item("two", 1), item("alone", None)]
    changed = [item("changed", number, "test_b.py") for number in range(4)]
    for least in (0, 1):
        days = []
        for day in range(3):
            others = list(of_other_days([*items, *changed], 3, ["tests/e2e/test_b.py"], least, datetime.date.fromordinal(738000 + day)))
            days.append({each.what for each in items if each not in others})
            assert not set(map(id, others)) & set(map(id, changed)) and others
        assert set.union(*days) == {each.what for each in items}
        assert [sum(name == "many" for name, _ in day) for day in days].count(2) == 2
        assert [("alone", None) in day for day in days].count(True) == (3 if least else 1)
        assert [build.what in day for day in days].count(True) == 1
    assert not list(of_other_days([build], 3, ["packaging/debian/rules"], 1, datetime.date.fromordinal(738002)))
    assert list(of_other_days([build], 3, ["packaging/dependencies.sh"], 1, datetime.date.fromordinal(738002)))


def test_each_test_has_its_share_of_the_libpqs():
    """And all of them have one of each module's."""
    def item(name, libpq, how=None):
        module = SimpleNamespace(__name__="module", SHARE=("libpq", 2))
        return SimpleNamespace(module=module, originalname=name, callspec=SimpleNamespace(params={"libpq": libpq, "how": how}),
                               what=(name, how, libpq))

    items = [item(name, libpq, how) for libpq in range(5) for name, how in (("one", "a"), ("one", "b"), ("other", None))]
    alone = SimpleNamespace(module=SimpleNamespace(__name__="another"), originalname="alone")
    beyond = list(beyond_the_share([*items, alone]))
    left = [each.what for each in items if each not in beyond]
    assert alone not in beyond and sorted(left) == sorted(set(left))
    assert sorted({what[:2] for what in left}, key=str) == [("one", "a"), ("one", "b"), ("other", None)] and len(left) == 6
    assert {libpq for _, _, libpq in left} == set(range(5))
