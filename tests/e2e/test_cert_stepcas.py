"""A certificate's whole life at step-ca of bookworm, 0.19, and with --whole at sid's, 0.30, whose words for a refusal are others."""

import pytest

from certs import begin, make_token, owned_by, pair, signs
from crl_stepca import build_program
from own_certificates import DUE, EXPIRED, at, cert, start_lenient_stepca, status
from services import bootstrap


@pytest.fixture(scope="module", params=["0.19", pytest.param("sid", marks=pytest.mark.whole)])
def any_stepca(request, session_directory, tmp_path_factory):
    """Lenient with what has expired: its certificates begin long ago."""
    newer = {}
    if request.param == "sid":
        newer = {"program": build_program(tmp_path_factory.mktemp("sid")), "database": "bbolt"}
    ca = start_lenient_stepca(session_directory / f"lives-{request.param}", **newer)
    yield ca
    ca.daemon.stop()


def issue(home, *words):
    return cert(home, "issue", "app", "--password-file", "password", *words)


def serial_of(home):
    return pair(home).chain()[0].serial_number


def test_its_life(home, any_stepca):
    """Issued, renewed in time and after it, with another key and without, and revoked, in this order."""
    ca = any_stepca
    begin(home, ca)
    done = issue(home, "--san", "app", "--san", "app@example.test", "--lifetime", "12h")
    assert done.returncode == 0, done.stderr
    mine = pair(home)
    assert mine.matches() and mine.names() == ["app", "app@example.test"] and len(mine.chain()) == 2
    key, serials = mine.key.read_bytes(), [serial_of(home)]

    at(ca, mine.certificate, DUE)
    assert status(home)[0] == 3
    done = cert(home, "renew")
    assert done.returncode == 0 and mine.matches() and mine.key.read_bytes() == key and status(home)[0] == 0, done.stderr
    serials.append(serial_of(home))

    done = cert(home, "renew", "--rekey", "--force")
    assert done.returncode == 0 and mine.matches() and mine.key.read_bytes() != key, done.stderr
    key = mine.key.read_bytes()
    serials.append(serial_of(home))

    at(ca, mine.certificate, EXPIRED)
    assert status(home)[0] == 1
    done = cert(home, "renew")
    assert done.returncode == 0 and mine.matches() and mine.key.read_bytes() == key and status(home)[0] == 0, done.stderr
    assert mine.names() == ["app", "app@example.test"]
    serials.append(serial_of(home))
    assert len(set(serials)) == 4

    done = cert(home, "revoke", "client", "--reason", "superseded", "--yes")
    assert done.returncode == 0, done.stderr
    # The CA itself knows, too: one who has not noted it is refused.
    conf = home / ".config/pganchor/certs.conf"
    conf.write_text("".join(line for line in conf.read_text().splitlines(True) if not line.startswith("revoked")))
    done = cert(home, "renew", "--force")
    assert done.returncode == 1 and "does not renew it (HTTP 40" in done.stderr and "it may have been revoked" in done.stderr, done.stderr
    assert mine.matches() and mine.key.read_bytes() == key
    done = cert(home, "revoke", "client", "--yes")
    assert done.returncode == 0 and "\nrevoked = " in conf.read_text(), done.stderr


def test_what_it_refuses(home, any_stepca):
    """Each for its own reason, as far as that can be known here; and a password that is wrong never comes near it."""
    ca = any_stepca
    begin(home, ca)
    before, asked = home.snapshot(), signs(ca)
    done = cert(home, "issue", "app", "--password-file", "-", input="rosebud\n")
    assert done.returncode == 1 and "not the password of provisioner tests" in done.stderr and signs(ca) == asked, done.stderr
    done = issue(home, "--provisioner", "nobody")
    assert done.returncode == 1 and "it has no provisioner nobody; it has: tests (JWK), acme (ACME)" in done.stderr, done.stderr
    done = issue(home, "--lifetime", "100000h")
    assert done.returncode == 1 and ("at the most" in done.stderr or "lifetime" in done.stderr), done.stderr
    assert home.snapshot() == before
    (home / "token").write_text(make_token(ca, "app"))
    assert cert(home, "issue", "app", "--token", "token").returncode == 0
    done = cert(home, "issue", "app", "--token", "token", "--force")
    assert done.returncode == 1 and "used" in done.stderr, done.stderr
    assert pair(home).matches()


def test_a_server(home, any_stepca):
    bootstrap(home, any_stepca)
    (home / "password").write_bytes((any_stepca.directory / "password").read_bytes())
    (home / "password").chmod(0o600)
    done = cert(home, "issue", "--for", "server", "db.example.test", "--san", "127.0.0.1", "--password-file", "password", "--key", "rsa",
                "--out-cert", "server.crt", "--out-key", "server.key", *owned_by("root"), "--as", "db")
    assert done.returncode == 0, done.stderr
    done = cert(home, "renew", "db", "--force")
    assert done.returncode == 0, done.stderr
    code, known = status(home)
    assert code == 0 and known["db"]["way"] == "step-ca"
