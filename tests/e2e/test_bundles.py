"""Files of many roots: the one that a server needs, the one that is chosen, or all of them; and every root of Debian's ca-certificates."""

import configparser
import hashlib
import json
import re
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from bootstrapping import PROMPT
from certificates import EXPIRED, make_root
from gated import run_gated

CONF = ".config/pganchor/anchors.conf"
ROOT_CRT = ".postgresql/root.crt"
NUMBER = r"Which one\? Type its number: $"
ALL = r"Trust all of them for PostgreSQL\? Type yes: $"
OTHERS = [make_root(f"Root {number} of others") for number in range(5)]
GONE = make_root("Root that is gone", days=EXPIRED)


@pytest.fixture(scope="module")
def root():
    return make_root("Root of a database")


@pytest.fixture
def server(make_postgres, root, tmp_path):
    return make_postgres(*root.intermediate().issue(tmp_path, "localhost", "127.0.0.1"))


def written(home, *authorities, name="bundle.pem"):
    (home / name).write_text("".join(authority.pem for authority in authorities))
    return str(home / name)


def pins(home):
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string((home / CONF).read_text() if (home / CONF).exists() else "")
    return {name: parser[name]["pin"] for name in parser.sections()}


def add(home, source, *words, **kwargs):
    return home.pganchor("anchor", "add", source, *words, **kwargs)


def at(server, host="localhost"):
    return ("--host", f"{host}:{server.port}")


def fails(home, done, *words, status=1):
    assert done.returncode == status, (done.stdout, done.stderr)
    for word in words:
        assert word in done.stderr, done.stderr
    assert len(done.stderr.splitlines()) >= 2 and pins(home) == {} and not (home / ROOT_CRT).exists()


# ---- the root that a server needs ----

@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_by_a_server(home, root, server, host):
    bundle = written(home, *OTHERS[:3], root, GONE, *OTHERS[3:], root)
    shown = home.pganchor_tty("anchor", "add", bundle, *at(server, host), answers=[(PROMPT, "yes")])
    assert shown.returncode == 0, shown.output
    assert pins(home) == {"root-of-a-database": root.fingerprint}
    assert "6 other certificates are left out" in shown.output
    assert (home / ROOT_CRT).read_text() == f"# pganchor anchor root-of-a-database\n{root.pem}"
    psql = home.run(["psql", "-XAtc", "select 1", server.conninfo(sslmode="verify-full")])
    assert psql.stdout == "1\n", psql.stderr


def test_by_a_server_and_the_fingerprint(home, root, server):
    bundle = written(home, *OTHERS, root)
    done = add(home, bundle, "--fingerprint", root.fingerprint, *at(server), "--json")
    assert done.returncode == 0 and pins(home) == {"root-of-a-database": root.fingerprint}, done.stderr
    assert json.loads(done.stdout)["kind"] == "file"
    # The handshake has to agree.
    (home / CONF).unlink()
    (home / ROOT_CRT).unlink()
    done = add(home, bundle, "--fingerprint", OTHERS[0].fingerprint, *at(server))
    fails(home, done, "the server is not verified by", "Nothing was pinned")


def test_no_answer_proves_nothing(home, root, server):
    """The handshake finds the root; the user says whether it is the right one."""
    bundle = written(home, *OTHERS, root)
    shown = home.pganchor_tty("anchor", "add", bundle, *at(server), answers=[(PROMPT, "no")])
    assert shown.returncode == 1 and root.fingerprint in shown.output and pins(home) == {}
    fails(home, add(home, bundle, *at(server)), "--fingerprint is missing", status=2)


def test_a_server_of_another_ca(home, server):
    shown = home.pganchor_tty("anchor", "add", written(home, *OTHERS), *at(server))
    assert shown.returncode == 1 and "the server is not verified by any of the 5 roots" in shown.output, shown.output


def test_a_server_of_another_name(home, root, make_postgres, tmp_path):
    server = make_postgres(*root.issue(tmp_path, "localhost"))
    shown = home.pganchor_tty("anchor", "add", written(home, *OTHERS, root), *at(server, "127.0.0.1"))
    assert shown.returncode == 1 and "not for this host name" in re.sub(r"\s+", " ", shown.output), shown.output


def test_a_server_without_tls(home, root, plain_postgres):
    shown = home.pganchor_tty("anchor", "add", written(home, *OTHERS, root), *at(plain_postgres))
    assert shown.returncode == 1 and "no TLS with the server" in shown.output and "ssl = on" in shown.output, shown.output


def test_a_server_that_is_not_there(home, root):
    done = add(home, written(home, *OTHERS, root), "--fingerprint", root.fingerprint, "--host", "localhost:1")
    fails(home, done, "the server could not be asked", "--host")


def test_what_the_shell_has_set_does_not_count(home, root, server):
    env = {"PGHOSTADDR": "192.0.2.1", "PGPORT": "1", "PGSSLMODE": "disable", "PGSERVICE": "none", "PGSSLROOTCERT": "/none", "PGSSLCRL": "/none"}
    done = add(home, written(home, *OTHERS, root), "--fingerprint", root.fingerprint, *at(server), env=env)
    assert done.returncode == 0, done.stderr


def test_many_roots_of_one_name(home, root, server):
    """OpenSSL looks for an issuer by its name."""
    bundle = written(home, *[make_root("Root of a database") for _ in range(4)], root, make_root("Root of a database"))
    shown = home.pganchor_tty("anchor", "add", bundle, *at(server), answers=[(PROMPT, "yes")])
    assert shown.returncode == 0 and list(pins(home).values()) == [root.fingerprint], shown.output


def test_two_roots_with_one_key(home, root, server):
    twin = root.twin(days=(-2, 60))
    bundle = written(home, *OTHERS, twin, root)
    shown = home.pganchor_tty("anchor", "add", bundle, *at(server), answers=[(PROMPT, "yes")])
    assert shown.returncode == 0 and list(pins(home).values())[0] in (root.fingerprint, twin.fingerprint), shown.output


def test_under_the_gate(home, root, server):
    """Which refuses every server whose root is not pinned yet."""
    assert add(home, written(home, OTHERS[0], name="one.pem"), "--fingerprint", OTHERS[0].fingerprint).returncode == 0
    bundle = written(home, *OTHERS, root)
    done = run_gated(home, ["pganchor", "anchor", "add", bundle, "--fingerprint", root.fingerprint, *at(server)])
    assert done.returncode == 0 and root.fingerprint in pins(home).values(), done.stderr


# ---- the root that is chosen ----

def test_by_its_number(home, root):
    bundle = written(home, *OTHERS[:2], root, GONE)
    shown = home.pganchor_tty("anchor", "add", bundle, answers=[(NUMBER, "3"), (PROMPT, "yes")])
    assert shown.returncode == 0 and list(pins(home).values()) == [root.fingerprint], shown.output
    assert "holds 3 roots:" in shown.output and "Root that is gone" not in shown.output
    assert re.search(r"   3  CN=Root of a database,O=Test PKI\s+until \d{4}-\d\d-\d\d, SHA-256 " + root.fingerprint, shown.output)


def test_by_its_fingerprint_on_the_terminal(home, root):
    bundle = written(home, *OTHERS, root)
    shown = home.pganchor_tty("anchor", "add", bundle, answers=[(NUMBER, root.fingerprint), (PROMPT, "yes")])
    assert shown.returncode == 0 and list(pins(home).values()) == [root.fingerprint], shown.output


@pytest.mark.parametrize("answer", ["0", "7", "", "x", "-1", "99999999", "1 2", "ab" * 32])
def test_numbers_that_are_none(home, root, answer):
    bundle = written(home, *OTHERS, root)
    shown = home.pganchor_tty("anchor", "add", bundle, answers=[(NUMBER, answer)])
    assert shown.returncode == 1 and "none of the 6 roots was chosen; nothing was pinned" in shown.output, shown.output
    assert pins(home) == {}


def test_by_the_fingerprint(home, root):
    bundle = written(home, *OTHERS, root)
    assert add(home, bundle, "--fingerprint", root.fingerprint).returncode == 0
    assert add(home, bundle, "--fingerprint", OTHERS[2].fingerprint).returncode == 0
    assert set(pins(home).values()) == {root.fingerprint, OTHERS[2].fingerprint}
    # That of the whole file is told from one that nothing has.
    said = add(home, bundle, "--fingerprint", digest(bundle))
    assert said.returncode == 1 and "that is the SHA-256 of the whole file, and not of a certificate in it\n    --all pins" in said.stderr
    # One of a bundle says nothing of another one.
    shown = home.pganchor_tty("anchor", "add", bundle, answers=[(NUMBER, "1"), (PROMPT, "yes")])
    assert shown.returncode == 0 and "attack" not in shown.output and len(pins(home)) == 3, shown.output


def test_the_only_one_that_can_be_an_anchor(home, root):
    bundle = written(home, GONE, root, make_root("No CA", ca=False))
    shown = home.pganchor_tty("bootstrap", bundle, answers=[(PROMPT, "yes")])
    assert shown.returncode == 0 and list(pins(home).values()) == [root.fingerprint], shown.output


# ---- all of them ----

def digest(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def test_all(home, root):
    (home / ".postgresql").mkdir()
    (home / ROOT_CRT).write_text(f"a note\n{OTHERS[0].pem.rstrip()}")
    bundle = written(home, *OTHERS, root, GONE, root, make_root("Root of a database"))
    before = home.snapshot()
    dry = add(home, bundle, "--all", "--fingerprint", digest(bundle), "--dry-run", "--json")
    assert dry.returncode == 0 and home.snapshot() == before, dry.stderr
    done = add(home, bundle, "--all", "--fingerprint", digest(bundle), "--json")
    said = json.loads(done.stdout)
    assert done.returncode == 0 and said == {**json.loads(dry.stdout), "dry_run": False, "warnings": said["warnings"]}, done.stderr
    assert said["kind"] == "file" and said["changed"] and not any(anchor["already_pinned"] for anchor in said["anchors"])
    assert [(left["pin"], left["why"].startswith("it expired at")) for left in said["left_out"]] == [(GONE.fingerprint, True)]
    assert {anchor["anchor"]: anchor["pin"] for anchor in said["anchors"]} == pins(home) and len(pins(home)) == 7
    for name, pin in pins(home).items():
        own = (home / f".config/pganchor/anchors/{name}.crt").read_text()
        assert hashlib.sha256(x509.load_pem_x509_certificate(own.encode()).public_bytes(serialization.Encoding.DER)).hexdigest() == pin
        assert (home / ROOT_CRT).read_text().count(own.strip()) == 1
    assert re.search(r"\[root-of-a-database-[0-9a-f]{8}\]", (home / CONF).read_text())
    before = home.snapshot()
    again = add(home, bundle, "--all", "--fingerprint", digest(bundle))
    assert again.returncode == 0 and "7 roots are pinned already" in again.stdout and "Nothing was changed" in again.stdout
    assert home.snapshot() == before
    # What is missing comes back.
    (home / ROOT_CRT).write_text("")
    (home / ".config/pganchor/anchors/root-of-a-database.crt").unlink()
    again = add(home, bundle, "--all", "--fingerprint", digest(bundle))
    assert again.returncode == 0 and "Nothing was changed" not in again.stdout, again.stderr
    assert (home / ROOT_CRT).read_text().count("BEGIN") == 7 and (home / ".config/pganchor/anchors/root-of-a-database.crt").exists()


def test_all_scoped_for_some_hosts(home, root):
    bundle = written(home, *OTHERS, root)
    done = add(home, bundle, "--all", "--fingerprint", digest(bundle), "--scoped", "--hosts", "*.example.com")
    assert done.returncode == 0 and not (home / ROOT_CRT).exists(), done.stderr
    text = (home / CONF).read_text()
    assert text.count("hosts = *.example.com\n") == 6 and text.count("scope = scoped\n") == 6


def test_all_is_asked_about(home, root):
    bundle = written(home, *OTHERS, root)
    shown = home.pganchor_tty("anchor", "add", bundle, "--all", answers=[(ALL, "no")])
    assert shown.returncode == 1 and "not trusted by you; nothing was pinned" in shown.output and pins(home) == {}
    shown = home.pganchor_tty("anchor", "add", bundle, "--all", answers=[(ALL, "yes")])
    assert shown.returncode == 0 and len(pins(home)) == 6, shown.output


def test_what_is_wrong_with_a_file_comes_first(home, root):
    """Before the fingerprint that is missing, where there is no terminal."""
    (home / "text").write_text("no certificate")
    for file, why in (("/nowhere/root.pem", "no such file"), (home / "text", "no certificate in it"),
                      (GONE, "cannot be an anchor"), (root, "--fingerprint is missing")):
        done = add(home, written(home, file) if file in (GONE, root) else file)
        assert done.returncode == 2 and why in done.stderr, done.stderr


def test_all_without_proof(home, root):
    bundle = written(home, *OTHERS, root)
    fails(home, add(home, bundle, "--all"), "--fingerprint is missing", "sha256sum", status=2)
    fails(home, add(home, bundle, "--all", "--yes"), "--fingerprint is missing", status=2)
    fails(home, add(home, bundle, "--all", "--fingerprint", root.fingerprint), "the fingerprint is that of one root")
    fails(home, add(home, bundle, "--all", "--fingerprint", "ab" * 32), "another file than the fingerprint means")
    fails(home, add(home, written(home, GONE), "--all", "--fingerprint", digest(written(home, GONE))), "it expired at")


def test_all_or_none(home, root):
    """What stands in the way of one keeps all of them out."""
    bundle = written(home, *OTHERS, root)
    (home / ".config/pganchor/anchors").mkdir(parents=True)
    (home / ".config/pganchor/anchors/root-of-a-database.crt").write_text("mine")
    before = home.snapshot()
    done = add(home, bundle, "--all", "--fingerprint", digest(bundle))
    fails(home, done, "there is such a file, and it is no anchor's")
    assert home.snapshot() == before


# ---- Debian's ----

DEBIAN = sorted(Path("/usr/share/ca-certificates/mozilla").glob("*.crt"))


def test_every_root_of_debian(home):
    """In one file; each is judged as OpenSSL judges it, but for keys that are weak."""
    certificates = {}
    for path in DEBIAN:
        cert = x509.load_pem_x509_certificate(path.read_bytes())
        certificates[hashlib.sha256(cert.public_bytes(serialization.Encoding.DER)).hexdigest()] = cert
    assert len(certificates) > 100
    bundle = home / "debian.pem"
    bundle.write_text("".join(path.read_text() for path in DEBIAN))
    done = add(home, str(bundle), "--all", "--fingerprint", digest(bundle), "--json")
    said = json.loads(done.stdout)
    left_out = {left["pin"]: left["why"] for left in said["left_out"]}
    assert done.returncode == 0 and set(pins(home).values()) | set(left_out) == set(certificates), done.stderr
    assert set(pins(home).values()) & set(left_out) == set()
    for pin, why in left_out.items():
        assert "it expired at" in why, (certificates[pin].subject, why)
    expired = openssls_expired(home, bundle)
    assert set(left_out) == expired
    assert len(set(pins(home))) == len(certificates) - len(left_out)


def openssls_expired(home, bundle):
    """The pins of those that OpenSSL does not verify as roots, each by itself."""
    script = r"""
    mkdir certs && cd certs && awk '/-----BEGIN/ {n++} {print > (n ".pem")}' "$1"
    for root in *.pem; do
        openssl verify -CAfile "$root" "$root" >/dev/null 2>&1 || openssl x509 -noout -fingerprint -sha256 -in "$root"
    done
    """
    done = home.run(["sh", "-c", script, "sh", str(bundle)], cwd=home.path)
    return {line.split("=")[1].replace(":", "").lower() for line in done.stdout.splitlines() if "=" in line}
