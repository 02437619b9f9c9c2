"""cert renew at a real step-ca: what is due is renewed, and whatever comes in its place, a pair that matches is there."""

import json
import os
import re
import socket

import pytest
from cryptography import x509

from certs import cert_postgres  # noqa: F401
from hostile import reply
from own_certificates import (CERTS_CONF, CRT, DUE, EXPIRED, KEY, at, cert, changed, connects, have, known, leaf, match, renew, serial,
                              start_lenient_stepca, status)
from services import bootstrap


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


@pytest.mark.parametrize("names, words", [(["app"], []), (["app", "app.example.test"], ["--provisioner", "tests"]),
                                          (["db.example.test", "localhost", "127.0.0.1"], ["--for", "server"])])
def test_what_is_to_be_typed_then_does_it(home, strict_stepca, names, words):
    """The command is there with all of its words: the same names, in the same files, from the same CA."""
    bootstrap(home, strict_stepca)
    crt, key = have(home, strict_stepca, *names, crt="it's db/server.crt", key="it's db/server.key")
    assert cert(home, "add", "db", *words, "--cert", crt, "--key", key).returncode == 0
    at(strict_stepca, crt, EXPIRED)
    old = leaf(crt)
    done = cert(home, "renew")
    command = re.search(r"no allowRenewalAfterExpiry: (pganchor cert issue .*)", done.stderr)
    assert done.returncode == 1 and command, done.stderr
    again = home.run(["sh", "-c", f"{command[1]} --force --password-file '{strict_stepca.directory / 'password'}'"])
    assert again.returncode == 0, f"{command[1]}\n{again.stderr}"
    assert match(crt, key) and status(home)[0] == 0
    san = x509.SubjectAlternativeName
    assert leaf(crt).subject == old.subject
    assert set(leaf(crt).extensions.get_extension_for_class(san).value) == set(old.extensions.get_extension_for_class(san).value)


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


def test_what_a_killed_run_has_not_told_is_told_by_the_next(home, stepca):
    known(home, stepca, "app", words=("--exec", "touch told"))
    conf = home / CERTS_CONF
    conf.write_text(conf.read_text() + "untold = yes\n")
    code, item = renew(home)
    assert (code, item["change"], item["reloaded"]) == (0, "told", True) and (home / "told").exists()
    (home / "told").unlink()
    assert renew(home)[1]["change"] == "not-due" and not (home / "told").exists()
