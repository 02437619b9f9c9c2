"""pganchor cert against whoever is not as they should be: CAs that answer something else, files that others change meanwhile,
names and programs that nobody expects."""

import datetime
import ipaddress
import json
import os
import shutil
import threading
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from certificates import make_root
from certs import begin, encrypted, make_token, pair
from hostile import reply
from own_certificates import CERTS_CONF, CRT, DUE, KEY, cert, have, known, leaf, match, resigned, serial, status
from issuing import false_ca, issue, issued
from test_cert_renew import renew
from test_cert_timer import session, timer  # noqa: F401

ISSUE = ["cert", "issue", "app", "--password-file", "-"]


def answer(chain, status="201 Created"):
    return reply(json.dumps({"certChain": [one.public_bytes(Encoding.PEM).decode() for one in chain]}), status=status)


def signed(ca, request, common_name=None, names=None, is_ca=False):
    """What was asked for, signed by this CA with what is said here."""
    csr = x509.load_pem_x509_csr(json.loads(request.raw.split(b"\r\n\r\n", 1)[1])["csr"].encode())
    now = datetime.datetime.now(datetime.timezone.utc)
    asked = list(csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)]) if common_name else csr.subject
    built = (x509.CertificateBuilder().subject_name(subject).issuer_name(ca.cert.subject).public_key(csr.public_key())
             .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
             .not_valid_after(now + datetime.timedelta(hours=8)))
    chosen = asked if names is None else names(asked)
    if chosen:
        built = built.add_extension(x509.SubjectAlternativeName(chosen), False)
    if is_ca:
        built = built.add_extension(x509.BasicConstraints(True, None), True)
    return answer([built.sign(ca.key, hashes.SHA256())])


def other(_names):
    return [x509.DNSName("other.example")]


@pytest.mark.parametrize("words, odd, says", ids=lambda value: "-".join(value) if isinstance(value, (dict, list)) else "", argvalues=[
    (["app"], {"common_name": "postgres"}, "a certificate that is not for app"),
    (["app"], {"is_ca": True}, "the certificate of a CA"),
    (["app", "--san", "laptop.example"], {"names": other}, "that is not for laptop.example"),
    (["app", "--san", "laptop.example"], {"names": lambda names: []}, "that is not for laptop.example"),
    (["db.example", "--for", "server"], {"names": other}, "that is not for db.example"),
    (["db.example", "--for", "server", "--san", "10.0.0.1"], {"names": lambda names: names[1:]}, "that is not for 10.0.0.1"),
])
def test_what_a_ca_signs_has_to_be_what_was_asked_for(home, https_ca, words, odd, says):
    ca = make_root()
    false_ca(home, https_ca, lambda request: signed(ca, request, **odd), ca=ca)
    before = home.snapshot()
    files = ["--out-cert", home / "s.crt", "--out-key", home / "s.key", *(["--owner", "root"] if os.geteuid() == 0 else [])] if "server" in words else []
    done = home.pganchor("cert", "issue", *words, *files, "--password-file", "-", input="password\n")
    assert done.returncode == 1 and says in done.stderr, done.stderr
    assert home.snapshot() == before


def test_an_address_is_the_same_however_it_is_written(home, https_ca):
    """Go has an IPv4 address within IPv6 as what it is."""
    ca = make_root()
    false_ca(home, https_ca, lambda request: signed(ca, request, names=lambda names: [x509.IPAddress(ipaddress.ip_address("10.0.0.1"))]), ca=ca)
    done = home.pganchor(*ISSUE, "--san", "::ffff:10.0.0.1", input="password\n")
    assert done.returncode == 0, done.stderr


def test_more_names_than_were_asked_for_are_told(home, https_ca):
    ca = make_root()
    false_ca(home, https_ca, lambda request: signed(ca, request, names=lambda names: [x509.DNSName("APP"), x509.DNSName("more.example")]), ca=ca)
    done = home.pganchor(*ISSUE, input="password\n")
    assert done.returncode == 0 and "more names than it was asked for" in done.stderr and "more.example" in done.stderr, done.stderr


@pytest.mark.parametrize("said", [reply("<html>hello"), reply('{"status":"error"}'), reply("", status="204 No Content"), reply("[]")],
                         ids=["html", "error", "nothing", "list"])
def test_what_the_ca_does_not_say_is_not_revoked(home, stepca, https_ca, said):
    known(home, stepca, "app")
    odd = https_ca({"/1.0/revoke": said}, issued=stepca.issue("localhost", "127.0.0.1"))
    conf = home / ".config/pganchor/anchors.conf"
    conf.write_text(conf.read_text().replace(stepca.url, odd.url))
    done = cert(home, "revoke", "client", "--yes", "--max-time", "20")
    assert done.returncode == 1 and "does not say that it was revoked" in done.stderr and done.stdout == "", done.stderr
    assert status(home)[1]["client"]["revoked"] is None


def test_another_pair_in_the_place_of_one_that_was_revoked(home, stepca):
    known(home, stepca, "app")
    assert cert(home, "revoke", "client", "--yes").returncode == 0
    code, items = status(home)
    assert code == 1 and "revoked" in items["client"]["fault"]
    assert cert(home, "inspect", "client").returncode == 1 and "revoked" in cert(home, "inspect", "client").stderr
    assert cert(home, "renew", "--force").returncode == 1 and cert(home, "add").returncode == 1
    have(home, stepca, "app", days=DUE)
    code, items = status(home)
    assert code == 3 and items["client"]["revoked"] is None and cert(home, "inspect", "client").returncode == 0
    assert renew(home, "--force")[1]["change"] == "renewed" and status(home)[0] == 0


def test_one_that_is_revoked_while_it_is_renewed(home, https_ca):
    """Who was told that it is renewed no more is to be right."""
    ca = make_root()
    _, server = false_ca(home, https_ca, lambda request: signed(ca, request), ca=ca)
    assert home.pganchor(*ISSUE, input="password\n").returncode == 0
    crt, key = home / CRT, home / KEY
    before = crt.read_bytes()

    def renewed(_request):
        conf = home / CERTS_CONF
        conf.write_text(conf.read_text() + "revoked = 2026-01-01T00:00:00Z\n")
        return answer([resigned(leaf(crt), ca.key, (-1, 1))])
    server.answer["/1.0/renew"] = renewed
    done = cert(home, "renew", "--force")
    assert done.returncode == 1 and "it was revoked in the meantime" in done.stderr, done.stderr
    assert crt.read_bytes() == before and match(crt, key) and status(home)[1]["client"]["revoked"] == "2026-01-01T00:00:00Z"


BLOCKS = "sh -c 'touch started; while [ ! -e go ]; do sleep 0.1; done; exit {}'"


@pytest.fixture
def meanwhile(home):
    """meanwhile(words, act) -> how the command ended, of which --exec has waited until act() was done, and ended with this status."""
    def run(words, act, status=1):
        ended = []
        runs = threading.Thread(target=lambda: ended.append(home.pganchor("cert", *words, "--exec", BLOCKS.format(status))))
        runs.start()
        try:
            deadline = time.monotonic() + 120
            while not (home / "started").exists() and runs.is_alive() and time.monotonic() < deadline:
                time.sleep(0.05)
            assert (home / "started").exists(), ended
            act()
        finally:
            (home / "go").touch()
            runs.join()
        return ended[0]
    return run


@pytest.mark.parametrize("words", [[], ["--rekey"]], ids=["same-key", "another-key"])
def test_what_is_taken_back_is_not_what_another_has_put_there(home, stepca, meanwhile, words):
    crt, key = known(home, stepca, "app")
    first = crt.read_bytes()
    put = []

    def other_run():
        done = cert(home, "renew", "--force", "--rekey")
        assert done.returncode == 0, done.stderr
        put.extend([crt.read_bytes(), key.read_bytes()])
    done = meanwhile(["renew", "--force", *words], other_run)
    assert done.returncode == 1 and "somebody else has changed it meanwhile, which stays" in done.stderr, done.stderr
    assert "the old one is as before" not in done.stderr
    assert [crt.read_bytes(), key.read_bytes()] == put and crt.read_bytes() != first and match(crt, key)


def test_what_is_noted_is_of_what_is_there(home, stepca, meanwhile):
    """A run that ends later than another, which has renewed it meanwhile, knows less of it."""
    begin(home, stepca)
    issued(home, "app")
    noted = []

    def other_run():
        assert cert(home, "renew", "--force", "--rekey", "--exec", "true").returncode == 0
        noted.append((home / CERTS_CONF).read_text())
    assert meanwhile(["renew", "--force"], other_run).returncode == 1
    assert (home / CERTS_CONF).read_text() == noted[0]
    code, items = status(home)
    assert (code, items["client"]["exchanged"], items["client"]["failures"]) == (0, False, 0)
    assert issued(home, "app")["kept"] == []


def test_what_is_noted_of_what_was_issued(home, stepca, meanwhile):
    """And has been renewed before the one who has issued it ends."""
    begin(home, stepca)
    issued(home, "app")

    def other_run():
        assert cert(home, "renew", "--force", "--rekey", "--exec", "true").returncode == 0
    done = meanwhile(["issue", "app", "--password-file", home / "password"], other_run, status=0)
    assert done.returncode == 0, done.stderr
    item = status(home)[1]["client"]
    assert item["exchanged"] is False and item["exec"].endswith("exit 0'") and match(home / CRT, home / KEY)
    assert issued(home, "app", "--exec", "")["kept"] == []


def test_what_was_issued_is_not_taken_back_over_another(home, stepca, meanwhile):
    begin(home, stepca)
    issued(home, "app")
    put = []

    def other_run():
        issued(home, "app")
        put.extend([(home / CRT).read_bytes(), (home / KEY).read_bytes()])
    done = meanwhile(["issue", "app", "--password-file", home / "password"], other_run)
    assert done.returncode == 1 and "somebody else has changed it meanwhile, which stays" in done.stderr, done.stderr
    assert [(home / CRT).read_bytes(), (home / KEY).read_bytes()] == put and pair(home).matches()


def test_the_old_key_comes_back_byte_for_byte(home, stepca):
    crt, key = known(home, stepca, "app")
    key.write_text("of my own\n" + key.read_text())
    before = crt.read_bytes(), key.read_bytes()
    done = cert(home, "renew", "--force", "--rekey", "--exec", "false")
    assert done.returncode == 1 and (crt.read_bytes(), key.read_bytes()) == before, done.stderr


@pytest.mark.parametrize("replaced", ["both", "key"])
def test_what_somebody_has_put_in_the_place_of_pganchors_is_theirs(home, stepca, replaced):
    own = begin(home, stepca)
    issued(own, "app")
    files = pair(own)
    chain, key = stepca.issue("mine")
    files.key.write_bytes(key.read_bytes())
    if replaced == "both":
        files.certificate.write_bytes(chain.read_bytes())
    before = own.snapshot()
    done = issue(own, "app")
    assert done.returncode == 1 and "it is there already, and not by pganchor" in done.stderr and own.snapshot() == before
    report = issued(own, "app", "--force")
    assert (own / f"{KEY}.old").read_bytes() == key.read_bytes() and len(report["kept"]) == 2 and files.matches()
    # And from then on it is pganchor's again.
    assert issued(own, "app")["kept"] == []


def test_a_key_of_somebodys_stays_theirs_when_it_is_renewed(home, stepca):
    begin(home, stepca)
    _, key = known(home, stepca, "app")
    assert renew(home, "--force")[1]["change"] == "renewed"
    done = issue(home, "app")
    assert done.returncode == 1 and "it is there already, and not by pganchor" in done.stderr
    assert renew(home, "--force", "--rekey")[1]["change"] == "renewed"
    assert issued(home, "app")["kept"] == []


def test_a_path_that_cannot_be_kept(home, https_ca):
    """Its copies would be taken for others' files."""
    ca = make_root()
    false_ca(home, https_ca, lambda request: signed(ca, request), ca=ca)
    (home / "a").write_text("mine")
    (home / "b.old").write_text("mine, too")
    (home / "a\nb").write_text("x")
    before = home.snapshot()
    done = home.pganchor(*ISSUE, "--as", "n", "--out-cert", home / "a\nb", "--out-key", home / "k", "--force", "--exec", "false", input="password\n")
    assert done.returncode == 1 and "a control character in it" in done.stderr and home.snapshot() == before, done.stderr


def test_one_file_has_one_name(home, stepca):
    crt, key = known(home, stepca, "app")
    (home / "sub").mkdir()
    (home / "link.crt").symlink_to(crt)
    for path in (home / "sub/../.postgresql/postgresql.crt", home / "link.crt"):
        done = cert(home, "add", "again", "--cert", path, "--key", key)
        assert done.returncode == 1 and "it is known as client already" in done.stderr


def test_a_token_of_another_ca_is_not_shown_to_this_one(home, stepca, other_stepca):
    begin(home, stepca)
    asked = stepca.daemon.text().count("/1.0/sign")
    done = home.pganchor("cert", "issue", "--token", "-", input=make_token(other_stepca, "app") + "\n")
    assert done.returncode == 1 and f"the token is for {other_stepca.url}/1.0/sign, with another root" in done.stderr, done.stderr
    assert stepca.daemon.text().count("/1.0/sign") == asked


def test_what_a_program_has_started_may_go_on(home, stepca):
    """A server keeps the streams of the program that has started it."""
    crt, _ = known(home, stepca, "app", days=DUE)
    old = serial(crt)
    code, item = renew(home, "--exec", "sh -c 'sleep 90 & exit 0'")
    assert (code, item["change"], item["reloaded"]) == (0, "renewed", True), item
    assert serial(crt) != old


def test_no_passphrase_is_asked_for_a_certificate(home, stepca):
    crt, _ = known(home, stepca, "app")
    crt.write_text(encrypted(crt.read_text()))
    done = home.pganchor_tty("cert", "status", answers=[])
    assert done.returncode == 1 and "pass phrase" not in done.output, done.output
    # Of a pair that was being placed, its key is looked at.
    with open(home / CERTS_CONF, "a") as conf:
        conf.write(f"placing = {'0' * 64}\n")
    done = home.pganchor_tty("cert", "status", answers=[])
    assert done.returncode == 0 and "pass phrase" not in done.output, done.output


def test_a_timer_that_systemd_did_not_take(home, stepca, session):  # noqa: F811
    known(home, stepca, "app")
    (home / "broken").touch()
    report = json.loads(timer(home, "enable", "client", "--json", env=session).stdout)
    assert (report["enabled"], report["active"]) == (True, False)
    assert "systemd does not run it" in timer(home, "status", "client", env=session).stdout
    (home / "broken").unlink()
    # It is not said to be there: it is tried anew.
    program = home / "bin/systemctl"
    program.write_text(program.read_text() + f'case "$3" in is-active) [ -e {home / "runs"} ];; restart) touch {home / "runs"};; esac\n')
    assert "Enabled the timer" in timer(home, "enable", "client", env=session).stdout
    assert "already" in timer(home, "enable", "client", env=session).stdout
    assert json.loads(timer(home, "status", "client", "--json", env=session).stdout)["active"] is True


def test_a_key_of_roots_in_the_servers_directory(home, stepca):
    """As Debian has it: root:ssl-cert, 0640."""
    if os.geteuid() != 0:
        pytest.skip("root alone has files of others")
    crt, key = known(home, stepca, "app", words=("--for", "server"))
    shutil.chown(crt.parent, 65534, 65534)
    os.chown(key, 0, 1)
    key.chmod(0o640)
    for _ in range(2):
        code, item = renew(home, "--force", "--rekey")
        assert code == 0 and match(crt, key) and not crt.is_symlink() and not key.is_symlink(), item
        assert (key.stat().st_uid, key.stat().st_gid, key.stat().st_mode & 0o777) == (0, 1, 0o640)


def test_a_copy_is_whose_the_file_was(home, https_ca):
    if os.geteuid() != 0:
        pytest.skip("root alone has files of others")
    ca = make_root()
    false_ca(home, https_ca, lambda request: signed(ca, request), ca=ca)
    theirs = home / "theirs"
    theirs.mkdir()
    shutil.chown(theirs, 65534, 65534)
    (theirs / "c").write_text("of root")
    done = home.pganchor(*ISSUE, "--as", "n", "--out-cert", theirs / "c", "--out-key", theirs / "k", "--force", input="password\n")
    assert done.returncode == 0, done.stderr
    copy = (theirs / "c.old").stat()
    assert (copy.st_uid, copy.st_mode & 0o777) == (0, 0o600)
