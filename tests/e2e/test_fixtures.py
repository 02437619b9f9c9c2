"""The fixtures are what they say they are; the program under test takes no part."""

import json
import os
import ssl
import urllib.request

import pytest

from tracing import internet

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
