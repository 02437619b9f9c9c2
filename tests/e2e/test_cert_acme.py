"""pganchor cert issue --acme, through a real lego, against a real step-ca: in a network of its own, where port 80 is free."""

import json
import os

import pytest

from certs import Pair
from stepca import SCRIPT, call

# The CA's port is anybody's there.
SERVE = r"""
ip link set lo up
"$1" run "$2" >"$2.log" 2>&1 &
running=$!
trap 'kill "$running"' EXIT
until curl -s --cacert "$2/certs/root_ca.crt" https://localhost:9443/health >/dev/null; do :; done
ca=https://localhost:9443 acme=https://localhost:9443/acme/acme/directory
pganchor bootstrap --ca-url "$ca" --fingerprint "$3" >/dev/null
"""


@pytest.fixture
def network(home, tmp_path):
    """network(script) runs it where the CA is $ca and its ACME directory $acme."""
    call("init", tmp_path / "ca", "--address", "127.0.0.1:9443")
    fingerprint = home.run(["openssl", "x509", "-in", tmp_path / "ca/certs/root_ca.crt", "-noout", "-fingerprint", "-sha256"]).stdout
    alone = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]

    def run(script):
        return home.run([*alone, "sh", "-euc", SERVE + script, "sh", SCRIPT, tmp_path / "ca", fingerprint.split("=")[1].strip()],
                        env={"PGANCHOR_TEST_CACHE": os.environ.get("PGANCHOR_TEST_CACHE", "")})

    return run


ISSUE = 'pganchor cert issue localhost --for server --acme "$acme" --out-cert server.crt --out-key server.key --owner root '


def test_a_server_by_its_port_80(home, network):
    """Issued, and renewed with the same key; and lego never sees it."""
    done = network(ISSUE + "--http-01 127.0.0.1:80 --json >issued\ncp server.crt first.crt\ncp server.key first.key\n"
                   "pganchor cert renew localhost --force --json >renewed")
    assert done.returncode == 0, done.stderr
    report = json.loads((home / "issued").read_text())
    assert report["written"] and report["ca"].endswith("/directory") and report["anchor"] == "localhost" and report["provisioner"] is None
    first, now = Pair(home / "first.crt", home / "first.key"), Pair(home / "server.crt", home / "server.key")
    assert first.matches() and now.matches() and first.names() == now.names() == ["localhost"]
    assert first.certificate.read_bytes() != now.certificate.read_bytes() and first.key.read_bytes() == now.key.read_bytes()
    assert len(now.chain()) == 2
    account = home / ".config/pganchor/acme/localhost"
    assert account.stat().st_mode & 0o777 == 0o700 and not (account / "certificates/localhost.crt").exists()
    left = home.pganchor("uninstall", "--yes")
    assert "it has lego's accounts with ACME CAs" in left.stdout and account.exists() and now.matches(), left.stderr
    secret = now.key.read_text().split("\n")[1]
    assert not [path for path in account.rglob("*") if path.is_file() and secret in path.read_text()]


def test_a_server_by_the_directory_of_a_web_server(home, network):
    (home / "www").mkdir()
    done = network("(cd www && exec python3 -m http.server --bind 127.0.0.1 80) >/dev/null 2>&1 &\nweb=$!\n"
                   "until curl -s http://localhost/ >/dev/null; do :; done\n" + ISSUE + '--http-01 "$PWD/www"\nkill "$web"')
    assert done.returncode == 0, done.stderr
    assert Pair(home / "server.crt", home / "server.key").matches()


@pytest.mark.parametrize("script, says", [
    ('acme=$ca/acme/none/directory\n' + ISSUE + "--http-01 127.0.0.1:80", "none/directory: "),
    ('acme=https://localhost:1/directory\n' + ISSUE + "--http-01 127.0.0.1:80", "connection refused"),
    (ISSUE + "--dns-01 nobody", "lego dnshelp"),
    ("PATH=/nowhere:${PATH%%:*}\n" + ISSUE + "--http-01 127.0.0.1:80", "apt install lego"),
])
def test_what_does_not_work_changes_nothing(home, network, script, says):
    done = network(script)
    assert done.returncode == 1 and says in done.stderr, done.stderr
    assert not (home / "server.crt").exists() and not (home / "server.key").exists()
    assert not (home / ".config/pganchor/certs.conf").exists()


@pytest.mark.parametrize("words, says", [
    (["--acme", "https://ca.example/directory", "--http-01", ":80"], "--acme is for servers"),
    (["--acme", "https://ca.example/directory", "--for", "server"], "how is the CA to see whose name it is"),
    (["--acme", "https://ca.example/directory", "--for", "server", "--http-01", ":80", "--dns-01", "x"], "how is the CA to see"),
    (["--acme", "http://ca.example/directory", "--for", "server", "--http-01", ":80"], "not an https address"),
    (["--acme", "https://ca.example/directory", "--for", "server", "--http-01", ":80", "--lifetime", "8h"], "are not for --acme"),
    (["--http-01", ":80"], "go with --acme"),
])
def test_words_that_are_none(home, words, says):
    done = home.pganchor("cert", "issue", "db.example", *words)
    assert done.returncode == 2 and says in done.stderr, done.stderr
