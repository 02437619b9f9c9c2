"""pganchor ca local: a CA for this machine alone, that can be nobody else; what it signs, and its end."""

import json
import os
import re
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from local_cas import CA, mode_of, openssl, own_ca, pin_of, shown, verify  # noqa: F401

OUTSIDE = ("db.example.com", "10.0.0.1", "localhost.example.com", "128.0.0.1", "::2", "testing", "example.test.com")
INSIDE = ("localhost", "db.localhost", "app.test", "a.b.test", "*.app.test", "127.0.0.1", "127.8.9.10", "::1")


def test_it_makes_a_constrained_ca_and_pins_it_scoped(home):
    done = home.pganchor("ca", "local")
    assert (done.returncode, done.stderr) == (0, "")
    assert mode_of(home / CA) == 0o700 and mode_of(home / CA / "ca.key") == 0o600
    text = shown(home / CA / "ca.crt", "-text")
    assert "NIST CURVE: P-256" in text
    assert re.search(r"X509v3 Basic Constraints: critical\s+CA:TRUE, pathlen:0\n", text)
    assert re.search(r"X509v3 Name Constraints: critical\s+Permitted:\s+DNS:localhost\s+DNS:test\s+"
                     r"IP:127.0.0.0/255.0.0.0\s+IP:0:0:0:0:0:0:0:1/(FFFF:){7}FFFF\n", text)
    assert verify(home, home / CA / "ca.crt").returncode == 0
    conf = (home / ".config/pganchor/anchors.conf").read_text()
    assert conf.startswith("[local]\n") or "\n[local]\n" in conf
    assert "hosts = localhost *.localhost *.test 127.0.0.1 ::1\n" in conf and "scope = scoped\n" in conf
    assert f"pin = {pin_of(home / CA / 'ca.crt')}\n" in conf
    assert (home / ".config/pganchor/anchors/local.crt").read_text() == (home / CA / "ca.crt").read_text()
    assert not (home / ".postgresql").exists()


def test_a_second_time_changes_nothing_and_brings_back_what_is_missing(own_ca):
    before = own_ca.snapshot()
    done = own_ca.pganchor("ca", "local", "create", "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 0 and (told["created"], told["renewed"], told["anchor"]) == (False, False, "local")
    assert told["hosts"] == ["localhost", "*.localhost", "*.test", "127.0.0.1", "::1"]
    assert own_ca.snapshot() == before
    (own_ca / ".config/pganchor/anchors/local.crt").unlink()
    assert own_ca.pganchor("ca", "local").returncode == 0
    assert (own_ca / ".config/pganchor/anchors/local.crt").read_text() == (own_ca / CA / "ca.crt").read_text()


@pytest.mark.parametrize("words", [["create"], ["issue"], ["issue", "--for", "client", "alice"]])
def test_a_dry_run_writes_nothing(home, words):
    before = home.snapshot()
    done = home.pganchor("ca", "local", *words, "--dry-run")
    assert done.returncode == 0 and "Would make the local CA" in done.stdout, done.stderr
    assert done.stdout.endswith("This was a dry run: nothing was changed.\n")
    assert home.snapshot() == before


def test_signed_anew_with_the_same_key_what_it_has_signed_stays_valid(own_ca):
    assert own_ca.pganchor("ca", "local", "issue").returncode == 0
    old, key = pin_of(own_ca / CA / "ca.crt"), (own_ca / CA / "ca.key").read_bytes()
    done = own_ca.pganchor("ca", "local", "--renew", "--lifetime", "500d")
    assert done.returncode == 0 and "Signed anew" in done.stdout, done.stderr
    assert pin_of(own_ca / CA / "ca.crt") != old and (own_ca / CA / "ca.key").read_bytes() == key
    assert verify(own_ca, own_ca / "localhost.crt", "-verify_hostname", "localhost").returncode == 0
    conf = (own_ca / ".config/pganchor/anchors.conf").read_text()
    assert old not in conf and f"pin = {pin_of(own_ca / CA / 'ca.crt')}" in conf and conf.count("[") == 1 and "scope = scoped" in conf


def test_near_its_end_it_is_signed_anew(home):
    assert home.pganchor("ca", "local", "--lifetime", "2h").returncode == 0
    first = pin_of(home / CA / "ca.crt")
    assert home.pganchor("ca", "local", "issue").returncode == 0
    assert pin_of(home / CA / "ca.crt") == first
    end = shown(home / "localhost.crt", "-enddate")
    assert end == shown(home / CA / "ca.crt", "-enddate"), "no certificate outlives its CA"


@pytest.mark.parametrize("names", [[], list(INSIDE), ["app.test"], ["127.0.0.1"]])
def test_what_it_issues_verifies_as_strictly_as_openssl_can(own_ca, names):
    done = own_ca.pganchor("ca", "local", "issue", *names, "--out", own_ca / "server", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["certificate"] == str(own_ca / "server.crt")
    assert mode_of(own_ca / "server.key") == 0o600
    for name in names or ["localhost", "127.0.0.1", "::1"]:
        word = "-verify_ip" if re.fullmatch(r"[\d.]+|.*::.*", name) else "-verify_hostname"
        checked = verify(own_ca, own_ca / "server.crt", "-purpose", "sslserver", word, name.replace("*", "x"))
        assert checked.returncode == 0, checked.stdout + checked.stderr
    public = openssl("pkey", "-in", own_ca / "server.key", "-pubout").stdout
    assert shown(own_ca / "server.crt", "-pubkey") == public
    text = shown(own_ca / "server.crt", "-text")
    assert "CA:FALSE" in text and "TLS Web Server Authentication\n" in text


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_name_that_the_constraints_do_not_cover_is_refused(own_ca, name):
    before = own_ca.snapshot()
    done = own_ca.pganchor("ca", "local", "issue", "localhost", name)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"the local CA may not sign for {name}: its name constraints allow localhost, *.localhost, *.test, 127.0.0.0/8 and ::1 alone" in done.stderr
    assert own_ca.snapshot() == before


@pytest.mark.parametrize("name", ["", "local host", "localhost,DNS:db.example.com", "a..test", ".test", "*", "http://localhost", "localhost:5432",
                                  "x.test\nDNS:y", "ü.test", "app.test."])
def test_what_is_no_name_is_refused(own_ca, name):
    before = own_ca.snapshot()
    done = own_ca.pganchor("ca", "local", "issue", name)
    assert done.returncode == 1 and "no name or address of a host" in done.stderr
    assert own_ca.snapshot() == before


def test_who_has_the_key_can_be_no_other_host(own_ca, connect_of):
    """The constraints are OpenSSL's to hold, whatever is signed by hand."""
    certificate, key = own_ca / "other.crt", own_ca / "other.key"
    made = openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=db.example.com", "-addext",
                   "subjectAltName=DNS:db.example.com", "-CA", own_ca / CA / "ca.crt", "-CAkey", own_ca / CA / "ca.key", "-keyout", key, "-out", certificate,
                   "-days", "1")
    if made.returncode != 0:  # before OpenSSL 3.0's -CA
        pytest.fail(made.stderr)
    checked = verify(own_ca, certificate)
    assert checked.returncode != 0 and "permitted subtree violation" in checked.stdout + checked.stderr
    said = connect_of(certificate, key, host="db.example.com", hostaddr="127.0.0.1", sslrootcert=own_ca / CA / "ca.crt")
    assert "certificate verify failed" in said


@pytest.fixture
def connect_of(home, make_postgres):
    """connect_of(chain, key, **settings): what psql says of a server with this pair."""
    def connect(chain, key, **settings):
        server = make_postgres(chain, key)
        return home.run(["psql", "-Atc", "SELECT 1", server.conninfo(sslmode="verify-full", **settings)]).stderr
    return connect


@pytest.mark.parametrize("kind, shows", [("ec", "NIST CURVE: P-256"), ("rsa", "(3072 bit)"), ("ed25519", "ED25519")])
def test_the_key_is_of_the_kind_that_is_asked_for(own_ca, kind, shows):
    assert own_ca.pganchor("ca", "local", "issue", "--key", kind).returncode == 0
    assert shows in shown(own_ca / "localhost.crt", "-text")
    assert verify(own_ca, own_ca / "localhost.crt", "-purpose", "sslserver").returncode == 0


@pytest.mark.parametrize("user", ["alice", "first.last", "Ünal Öz", "svc_app-1"])
def test_a_client_certificate_says_the_database_user(own_ca, user):
    done = own_ca.pganchor("ca", "local", "issue", "--for", "client", user, "-o", own_ca / "client")
    assert done.returncode == 0, done.stderr
    assert shown(own_ca / "client.crt", "-subject", "-nameopt", "utf8,-esc_msb").strip() == f"subject=CN={user}" or user in shown(
        own_ca / "client.crt", "-subject", "-nameopt", "utf8")
    checked = verify(own_ca, own_ca / "client.crt", "-purpose", "sslclient")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert verify(own_ca, own_ca / "client.crt", "-purpose", "sslserver").returncode != 0


def test_again_the_key_stays_and_the_certificate_is_another(own_ca):
    assert own_ca.pganchor("ca", "local", "issue").returncode == 0
    key, certificate = (own_ca / "localhost.key").read_bytes(), (own_ca / "localhost.crt").read_bytes()
    assert own_ca.pganchor("ca", "local", "issue", "localhost", "app.test").returncode == 0
    assert (own_ca / "localhost.key").read_bytes() == key and (own_ca / "localhost.crt").read_bytes() != certificate
    assert verify(own_ca, own_ca / "localhost.crt", "-verify_hostname", "app.test").returncode == 0


@pytest.mark.parametrize("name, why", [("localhost.crt", "it is no certificate of the local CA"), ("localhost.key", "no private key in PEM form")])
def test_files_of_somebody_else_stay(own_ca, name, why):
    (own_ca / name).write_text("mine\n")
    before = own_ca.snapshot()
    done = own_ca.pganchor("ca", "local", "issue")
    assert done.returncode == 1 and why in done.stderr
    assert own_ca.snapshot() == before


@pytest.mark.parametrize("words, what", [
    (["create", "--lifetime", "3y"], "no span of time"), (["create", "--lifetime", "900d"], "1h to 825d"), (["issue", "--lifetime", "398d"], "1m to 397d"),
    (["issue", "--lifetime", "1d2"], "no span of time"), (["issue", "--for", "me"], "neither server nor client"), (["issue", "--key", "dsa"], "none of ec, rsa and"),
    (["serve"], "the data directory of a server"), (["serve", "a", "b"], ""), (["make"], "")])
def test_usage(home, words, what):
    done = home.pganchor("ca", "local", *words)
    assert done.returncode == 2 and what in done.stderr
    assert not (home / ".config").exists()


@pytest.mark.parametrize("spoil, why", [
    (lambda ca: os.chmod(ca / "ca.key", 0o644), "others than its owner can read the CA's key"),
    (lambda ca: (ca / "ca.key").unlink(), "it is missing"),
    (lambda ca: (ca / "ca.key").write_text(""), "no private key in PEM form"),
    (lambda ca: (ca / "ca.key").write_text(openssl("genpkey", "-algorithm", "ed25519").stdout), "it is not the key of")])
def test_one_that_is_broken_signs_nothing_and_can_be_removed(own_ca, spoil, why):
    spoil(own_ca / CA)
    before = own_ca.snapshot()
    for words in ["create"], ["issue"]:
        done = own_ca.pganchor("ca", "local", *words)
        assert done.returncode == 1 and why in done.stderr
    assert own_ca.snapshot() == before
    assert own_ca.pganchor("ca", "local", "remove").returncode == 0
    assert not (own_ca / CA / "ca.key").exists() and not (own_ca / ".config/pganchor/anchors.conf").exists()
    assert own_ca.pganchor("ca", "local").returncode == 0


@pytest.mark.parametrize("lost", [["ca.crt"], ["ca.crt", "ca.key"]])
def test_one_that_is_lost_is_made_anew_in_its_place(own_ca, lost):
    for name in lost:
        (own_ca / CA / name).unlink()
    done = own_ca.pganchor("ca", "local", "issue")
    assert done.returncode == 0 and "Made the local CA" in done.stdout, done.stderr
    conf = (own_ca / ".config/pganchor/anchors.conf").read_text()
    assert f"pin = {pin_of(own_ca / CA / 'ca.crt')}\n" in conf and conf.count("[") == 1
    assert verify(own_ca, own_ca / "localhost.crt").returncode == 0


def test_somebody_elses_ca_is_not_taken_for_it(own_ca):
    """It might sign for the world."""
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=CA", "-keyout", own_ca / CA / "ca.key",
            "-out", own_ca / CA / "ca.crt")
    done = own_ca.pganchor("ca", "local", "issue")
    assert done.returncode == 1 and "it has to be a CA with pathlen 0 and name constraints" in done.stderr


def test_the_name_of_another_anchor_is_not_taken(home, stepca):
    assert home.pganchor("anchor", "add", stepca.root, "--name", "local", "--yes", "--fingerprint", stepca.fingerprint).returncode == 0
    before = home.snapshot()
    done = home.pganchor("ca", "local")
    assert done.returncode == 1 and "the name is taken by another root" in done.stderr
    assert home.snapshot() == before
    assert home.pganchor("ca", "local", "--name", "dev").returncode == 0
    assert (home / ".config/pganchor/anchors/dev.crt").exists()


def test_what_it_signs_is_renewed_like_any_other(own_ca):
    assert own_ca.pganchor("ca", "local", "issue").returncode == 0
    old, key = shown(own_ca / "localhost.crt", "-serial"), (own_ca / "localhost.key").read_bytes()
    conf = (own_ca / ".config/pganchor/certs.conf").read_text()
    assert "[localhost]\n" in conf and "way = local\n" in conf and f"certificate = {own_ca / 'localhost.crt'}\n" in conf
    assert own_ca.pganchor("cert", "renew").returncode == 0
    assert shown(own_ca / "localhost.crt", "-serial") == old
    done = own_ca.pganchor("cert", "renew", "localhost", "--force")
    assert done.returncode == 0, done.stderr
    assert shown(own_ca / "localhost.crt", "-serial") != old and (own_ca / "localhost.key").read_bytes() == key
    for word, name in ("-verify_hostname", "localhost"), ("-verify_ip", "127.0.0.1"), ("-verify_ip", "::1"):
        assert verify(own_ca, own_ca / "localhost.crt", "-purpose", "sslserver", word, name).returncode == 0
    assert own_ca.pganchor("ca", "local", "remove").returncode == 0
    assert not (own_ca / ".config/pganchor/certs.conf").exists() or "localhost" not in (own_ca / ".config/pganchor/certs.conf").read_text()


def test_several_at_once_are_each_known(own_ca):
    """By a name of its own."""
    running = [subprocess.Popen([own_ca.program.binary, "ca", "local", "issue", "app.test", "-o", own_ca / f"mine-{i}"], env=own_ca.environment(),
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for i in range(8)]
    said = [process.communicate(timeout=120)[1] for process in running]
    assert {process.returncode for process in running} == {0}, said
    conf = (own_ca / ".config/pganchor/certs.conf").read_text()
    assert set(re.findall(r"^\[(.*)\]$", conf, re.M)) == {"app.test", *(f"app.test-{i}" for i in range(2, 9))}, said
    assert all(f"certificate = {own_ca / f'mine-{i}.crt'}\n" in conf for i in range(8))


def test_an_address_that_is_none_is_not_renewed(own_ca):
    """Of whatever length it is: what stands behind it in the memory is no name."""
    assert own_ca.pganchor("ca", "local", "issue").returncode == 0
    certificate = own_ca / "localhost.crt"
    old = x509.load_pem_x509_certificate(certificate.read_bytes())
    key = load_pem_private_key((own_ca / CA / "ca.key").read_bytes(), None)
    builder = x509.CertificateBuilder(old.issuer, old.subject, old.public_key(), old.serial_number, old.not_valid_before, old.not_valid_after)
    for extension in old.extensions:
        value = extension.value
        if isinstance(value, x509.SubjectAlternativeName):
            value = x509.UnrecognizedExtension(extension.oid, b"\x30\x12\x82\x09localhost\x87\x05\x7f\x00\x00\x01\x01")
        builder = builder.add_extension(value, extension.critical)
    certificate.write_bytes(builder.sign(key, SHA256()).public_bytes(Encoding.PEM))
    done = own_ca.pganchor("cert", "renew", "localhost", "--force")
    assert done.returncode == 0, done.stderr
    names = x509.load_pem_x509_certificate(certificate.read_bytes()).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert list(names) == [x509.DNSName("localhost")]


def test_remove_takes_all_of_it_away(own_ca):
    before = own_ca.snapshot()
    assert own_ca.pganchor("ca", "local", "remove", "--dry-run").returncode == 0
    assert own_ca.snapshot() == before
    done = own_ca.pganchor("ca", "local", "remove")
    assert done.returncode == 0 and "Removed anchor local" in done.stdout and "Removed the local CA and its key" in done.stdout
    assert not list((own_ca / ".config").rglob("*.key")) and not list((own_ca / ".config").rglob("*.crt"))
    again = own_ca.pganchor("ca", "local", "remove")
    assert (again.returncode, again.stdout) == (0, "There is no local CA.\n")


def test_uninstall_takes_all_of_it_away(home):
    before = home.snapshot()
    assert home.pganchor("ca", "local").returncode == 0
    assert home.pganchor("uninstall", "--yes").returncode == 0
    assert home.snapshot() == before


def test_uninstall_tells_what_stays_of_what_it_has_signed(own_ca):
    assert own_ca.pganchor("ca", "local", "issue").returncode == 0
    done = own_ca.pganchor("uninstall", "--yes")
    assert done.returncode == 0 and f"Left {own_ca / 'localhost.crt'}: the local CA has signed it, and nobody trusts it any more" in done.stdout
    assert {path.name for path in own_ca.path.iterdir() if path.is_file()} == {"localhost.crt", "localhost.key"}
    assert not (own_ca / ".config/pganchor").exists()
