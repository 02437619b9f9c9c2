"""What doctor says of the CA of ca local, and that what its hint says mends it."""

import datetime
import os
import shutil

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from doctors import found, mend, one
from local_cas import CA, openssl, own_ca, shown  # noqa: F401


def found_all(home, **kwargs):
    ids = ("broken", "ends", "not-pinned", "not-scoped", "in-system-store", "has-not-signed")
    return [finding for name in ids for finding in found(home, f"local-ca-{name}", **kwargs)]


def test_nothing_where_there_is_none_and_where_all_is_well(home):
    assert found_all(home) == []
    assert home.pganchor("ca", "local", "issue").returncode == 0
    assert found_all(home) == []


def unconstrained(place):
    """With the same key."""
    openssl("req", "-x509", "-new", "-key", place / "ca.key", "-subj", "/CN=CA", "-addext", "basicConstraints=critical,CA:TRUE,pathlen:0",
            "-addext", "nameConstraints=permitted;DNS:localhost", "-out", place / "ca.crt")


@pytest.mark.parametrize("spoil, why", [
    (lambda place: os.chmod(place / "ca.key", 0o640), "others than its owner can read the CA's key"),
    (lambda place: (place / "ca.key").unlink(), "it is missing"),
    (unconstrained, "it has to be a CA with pathlen 0 and name constraints")])
def test_one_that_cannot_be_used(own_ca, spoil, why):  # noqa: F811
    spoil(own_ca / CA)
    finding = one(own_ca, "local-ca-broken", own_ca / CA / "ca.key")
    assert finding["severity"] == "error" and why in finding["detail"]
    mend(own_ca, finding)
    assert found_all(own_ca) == []


@pytest.mark.parametrize("days, severity, says", [(1, "warning", "is to be signed anew"), (-1, "error", "ended")])
def test_one_that_is_to_be_signed_anew(own_ca, days, severity, says):  # noqa: F811
    """The same, a hundred days before."""
    old = x509.load_pem_x509_certificate((own_ca / CA / "ca.crt").read_bytes())
    key = load_pem_private_key((own_ca / CA / "ca.key").read_bytes(), None)
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder(old.subject, old.subject, old.public_key(), x509.random_serial_number(), now - datetime.timedelta(days=100),
                                      now + datetime.timedelta(days=days), list(old.extensions))
    (own_ca / CA / "ca.crt").write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    finding = one(own_ca, "local-ca-ends")
    assert finding["severity"] == severity and says in finding["message"]
    mend(own_ca, finding)
    assert found_all(own_ca) == []


def test_one_that_is_not_pinned(own_ca):  # noqa: F811
    assert own_ca.pganchor("anchor", "remove", "local", "--yes").returncode == 0
    mend(own_ca, one(own_ca, "local-ca-not-pinned"))
    assert found_all(own_ca) == []


def test_one_for_all_servers(home):
    assert home.pganchor("ca", "local", "--unscoped").returncode == 0
    finding = one(home, "local-ca-not-scoped", "local")
    assert finding["severity"] == "note"
    mend(home, finding)
    assert found_all(home) == []


def test_one_that_the_whole_machine_trusts(own_ca):  # noqa: F811
    (own_ca / "system.crt").write_bytes((own_ca / CA / "ca.crt").read_bytes())
    finding = one(own_ca, "local-ca-in-system-store", env={"SSL_CERT_FILE": str(own_ca / "system.crt")})
    assert finding["severity"] == "warning"
    assert found_all(own_ca) == []


def test_what_it_has_not_signed(own_ca):  # noqa: F811
    """And cert status says that somebody has exchanged it."""
    assert own_ca.pganchor("ca", "local", "issue").returncode == 0
    assert "somebody has exchanged it" not in own_ca.pganchor("cert", "status").stdout
    openssl("req", "-x509", "-new", "-key", own_ca / "localhost.key", "-subj", "/CN=localhost", "-days", "90", "-out", own_ca / "localhost.crt")
    finding = one(own_ca, "local-ca-has-not-signed", "localhost")
    assert finding["severity"] == "warning"
    done = own_ca.pganchor("cert", "status")
    assert done.returncode == 0 and "localhost: another certificate is there than pganchor has put there: somebody has exchanged it" in done.stdout
    mend(own_ca, finding)
    assert found_all(own_ca) == []


def test_one_of_its_own_that_was_exchanged_by_hand(own_ca):  # noqa: F811
    assert own_ca.pganchor("ca", "local", "issue").returncode == 0
    assert own_ca.pganchor("ca", "local", "issue", "-o", own_ca / "other").returncode == 0
    for end in "crt", "key":
        shutil.copyfile(own_ca / f"other.{end}", own_ca / f"localhost.{end}")
    told = own_ca.pganchor("cert", "status", "localhost", "--json")
    assert '"exchanged": true' in told.stdout
    assert own_ca.pganchor("cert", "renew", "localhost", "--force").returncode == 0
    assert '"exchanged": false' in own_ca.pganchor("cert", "status", "localhost", "--json").stdout
    assert shown(own_ca / "localhost.crt", "-serial") != shown(own_ca / "other.crt", "-serial")


@pytest.mark.no_sanitizers
def test_the_keyrings_copy_of_the_pins_follows_where_it_is_signed_anew_by_a_renewal(home, keyring):
    """By the timer, a year on: nobody is there to ask."""
    for words in ["ca", "local"], ["ca", "local", "issue"]:
        done = home.run(["faketime", "-f", "-300d", home.program.binary, *words])
        assert done.returncode == 0, done.stderr
    kept = home.pganchor("anchor", "verify", "--keep", "--yes", env=keyring.environment)
    assert kept.returncode == 0, kept.stderr
    before = shown(home / CA / "ca.crt", "-serial")
    done = home.pganchor("cert", "renew", "localhost", "--force", env=keyring.environment)
    assert done.returncode == 0, done.stderr
    assert shown(home / CA / "ca.crt", "-serial") != before
    verified = home.pganchor("anchor", "verify", env=keyring.environment)
    assert verified.returncode == 0, verified.stderr
