"""Own certificates where something fails: a call, the disk, a file that cannot be read, the CA in the middle of its answer, a clock. Each is told
with the thing and the way out, and the old pair is as it was."""

import datetime
import json
import os
import re

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from certificates import make_root
from certs import begin, pair
from hostile import HANG, Cut, endless, reply
from issuing import false_ca, signed
from own_certificates import CERTS_CONF, DUE, cert, known, leaf, match, resigned, status
from postgres import USER
from test_cert_issue_refused import date
from test_cert_kills import Stopping, keys_are_private, matches
from test_out_of_memory import failing_malloc, run_failing, without_wrapper  # noqa: F401
from test_trust_faults import WHOLE

ERRORS = {"ENOSPC": "No space left on device", "EIO": "Input/output error", "EDQUOT": "Disk quota exceeded", "EROFS": "Read-only file system"}
WRITING = {"openat", "write", "fsync", "rename", "renameat", "renameat2", "mkdir", "mkdirat", "symlinkat", "linkat", "fchmod", "fchown", "ftruncate"}


def faults(stopping, few):
    """(which call, which error, how the command ended), each time from the beginning; so few of them, but with --whole all."""
    calls = [call for call in stopping.calls if call[0] in WRITING]
    step = 1 if WHOLE else max(1, len(calls) // few)
    for at, (name, number) in enumerate(calls[len(calls) % step::step]):
        error = list(ERRORS)[at % len(ERRORS)]
        stopping.begin()
        yield (name, number), error, stopping.run(f"trace={name}", f"inject={name}:error={error}:when={number}")


@pytest.mark.parametrize("what, few", [("first", 7), ("again", 7), ("renew", 4), ("rekey", 6)])
def test_a_call_that_fails(home, stepca, tmp_path, what, few):
    """Exit status 1 is the old pair, and the reason; 0 is the new one."""
    words = ["cert", "issue", USER, "--password-file", begin(home, stepca) / "password"]
    if what != "first":
        assert home.pganchor(*words).returncode == 0
    if what in ("renew", "rekey"):
        words = ["cert", "renew", "--force", *(["--rekey"] if what == "rekey" else [])]
    stopping, files = Stopping(home, tmp_path, words), pair(home)
    stopping.begin()
    old = files.certificate.read_bytes() if what != "first" else None
    failed = 0
    for where, error, done in faults(stopping, few):
        now = files.certificate.read_bytes() if files.certificate.exists() else None
        assert done.returncode in (0, 1) and matches(files), (where, error, done.stderr)
        keys_are_private(home)
        if done.returncode == 1:
            failed += 1
            assert now == old and ERRORS[error] in re.sub(r"\s+", " ", done.stderr), (where, error, done.stderr)
        else:
            assert now not in (None, old), (where, error, done.stderr)
        again = home.pganchor(*words)
        assert again.returncode == 0, (where, error, again.stderr)
        assert files.matches() and not [path for path in home.snapshot() if ".pganchor-" in path], (where, error)
        assert status(home)[1]["client"]["state"] == "not-due", (where, error)
    assert failed > 0 or not WHOLE


def test_a_full_disk(home, stepca):
    words = ["cert", "issue", USER, "--password-file", begin(home, stepca) / "password"]
    for _ in range(2):
        before = home.snapshot()
        done = home.pganchor(*words, full_disk=True)
        assert done.returncode == 1 and "No space left on device" in done.stderr and "make room on the disk" in done.stderr, done.stderr
        assert {path: entry for path, entry in home.snapshot().items() if entry.kind == "file"} == \
            {path: entry for path, entry in before.items() if entry.kind == "file"}
        assert home.pganchor(*words).returncode == 0


def test_what_cannot_be_read(home, stepca):
    """A key, and the directory of both: it is named."""
    crt, key = known(home, stepca, "app", days=DUE)
    before = crt.read_bytes(), key.read_bytes()
    words = ["cert", "issue", USER, "--password-file", begin(home, stepca) / "password"]
    for path, mode in ((key, 0), (crt.parent, 0), (crt, 0)):
        old = path.stat().st_mode & 0o7777
        path.chmod(mode)
        asked = [home.pganchor("cert", "renew", ordinary=True), home.pganchor(*words, "--force", ordinary=True)]
        told = home.pganchor("cert", "status", ordinary=True)
        path.chmod(old)
        assert asked[0].returncode == 1 and "Permission denied" in asked[0].stderr and str(crt.parent) in asked[0].stderr, asked[0].stderr
        assert told.returncode == 1 and "Permission denied" in told.stdout, (told.stdout, told.stderr)
        assert asked[1].returncode == 1 and "Permission denied" in asked[1].stderr and str(crt.parent) in asked[1].stderr, asked[1].stderr
        assert (crt.read_bytes(), key.read_bytes()) == before
    conf = home / CERTS_CONF
    conf.write_text("".join(line for line in conf.read_text().splitlines(True) if not line.startswith(("failures", "tried", "why"))))
    assert cert(home, "renew").returncode == 0


# ---- the CA in the middle ----


def pem(*certificates):
    return [one.public_bytes(Encoding.PEM).decode() for one in certificates]


def answer(chain):
    return reply(json.dumps({"crt": chain[0], "ca": chain[-1], "certChain": chain}), status="201 Created")


def renewal(what, crt, authority):
    """What a CA answers to /renew, and what is said of it; None: it is taken."""
    new = resigned(leaf(crt), authority.key, (0, 20))
    other = make_root("Another")
    return {
        "other key": (answer(pem(resigned_with(leaf(crt), authority.key), *authority.chain)), "for another key"),
        "other subject": (answer(pem(renamed(leaf(crt), authority.key), *authority.chain)), "the CA has signed other names"),
        "expired": (answer(pem(resigned(leaf(crt), authority.key, (-20, -1)), *authority.chain)), "has ended already"),
        "not yet": (answer(pem(resigned(leaf(crt), authority.key, (2, 20)), *authority.chain)), "certificate is not yet valid"),
        "huge": (answer(pem(new, *[one for one in authority.chain for _ in range(60)])), "more certificates in it than a chain has"),
        "wrong order": (answer(pem(*authority.chain, new)), "the CA has signed other names"),
        "without its chain": (answer(pem(new)), "does not lead to a root"),
        "with others": (answer(pem(new, other.cert, *authority.chain)), None),
        "half": (answer([pem(new)[0][:300]]), "no certificate"),
        "headers alone": (Cut(b"HTTP/1.1 201 Created\r\nContent-Length: 5000\r\n\r\n"), "/1.0/renew: "),
        "nothing": (Cut(b""), "/1.0/renew: "),
        "no end": (endless(b'{"crt":"'), "an answer of more than 1 MiB"),
        "no answer": (HANG, "within 1 seconds"),
    }[what]


def rebuilt(old, key, subject, public):
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(old.issuer).public_key(public)
               .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
               .not_valid_after(now + datetime.timedelta(days=20)))
    for extension in old.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    return builder.sign(key, hashes.SHA256())


def resigned_with(old, key):
    return rebuilt(old, key, old.subject, ec.generate_private_key(ec.SECP256R1()).public_key())


def renamed(old, key):
    return rebuilt(old, key, x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bob")]), old.public_key())


@pytest.fixture
def odd_ca(home, stepca, https_ca):
    """(certificate, key, the answers that may be changed) of a home whose certificate is due, and whose CA answers so."""
    crt, key = known(home, stepca, "app", days=DUE)
    answers = {}
    odd = https_ca(answers, issued=stepca.issue("localhost", "127.0.0.1"))
    conf = home / ".config/pganchor/anchors.conf"
    conf.write_text(conf.read_text().replace(stepca.url, odd.url))
    return crt, key, answers


def test_a_ca_that_goes_away_or_signs_something_else(home, stepca, odd_ca):
    crt, key, answers = odd_ca
    before, authority = (crt.read_bytes(), key.read_bytes()), stepca.authority()
    for what in ("other key", "other subject", "expired", "not yet", "huge", "wrong order", "without its chain", "half", "headers alone", "nothing",
                 "no end", "no answer", "with others"):
        answers["/1.0/renew"], says = renewal(what, crt, authority)
        done = cert(home, "renew", "--force", "--max-time", "1" if what == "no answer" else "60")
        if says is None:
            assert done.returncode == 0 and match(crt, key) and crt.read_bytes() != before[0], (what, done.stderr)
            continue
        assert done.returncode == 1 and says in re.sub(r"\s+", " ", done.stderr), (what, done.stderr)
        assert "is as before, and ends" in done.stderr and (crt.read_bytes(), key.read_bytes()) == before, (what, done.stderr)
        assert not [path for path in home.snapshot() if ".pganchor-" in path], what


def test_what_is_issued_is_for_whom_it_was_asked(home, https_ca):
    """Somebody else's name is not taken for one's own."""
    ca, _ = false_ca(home, https_ca, lambda request: holder[0](request))

    def as_bob(request):
        chain = json.loads(signed(ca, request).split(b"\r\n\r\n", 1)[1])["certChain"]
        old = x509.load_pem_x509_certificate(chain[0].encode())
        bob = [x509.DNSName("bob")]
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bob")])
        now = datetime.datetime.now(datetime.timezone.utc)
        new = (x509.CertificateBuilder().subject_name(subject).issuer_name(ca.cert.subject).public_key(old.public_key()).serial_number(7)
               .not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(hours=1))
               .add_extension(x509.SubjectAlternativeName(bob), critical=False).sign(ca.key, hashes.SHA256()))
        return reply(json.dumps({"certChain": pem(new)}), status="201 Created")

    holder = [as_bob]
    before = home.snapshot()
    server = ["--for", "server", "--out-cert", "s.crt", "--out-key", "s.key", *(["--owner", "root"] if os.geteuid() == 0 else [])]
    for words in ([USER], ["localhost", *server], ["127.0.0.1", *server]):
        done = home.pganchor("cert", "issue", *words, "--password-file", "-", input="password\n")
        assert done.returncode == 1 and f"a certificate that is not for {words[0]}" in done.stderr and home.snapshot() == before, done.stderr


@pytest.mark.no_sanitizers
@pytest.mark.parametrize("offset, says", [("-400d", "clock"), ("+4000d", "clock")])
def test_a_clock_that_is_off(home, stepca, offset, says):
    """TLS fails first, or the certificate itself seems not to be valid: the clock is what is told of."""
    crt, key = known(home, stepca, "app")
    before = crt.read_bytes(), key.read_bytes()
    done = home.run(["faketime", "-f", offset, home.program.binary, "cert", "renew", "--force"])
    assert done.returncode == 1 and says in done.stderr, done.stderr
    assert (crt.read_bytes(), key.read_bytes()) == before


@pytest.mark.parametrize("offset", [-86400, 86400, 400 * 86400, -400 * 86400])
def test_a_date_that_lies(home, https_ca, offset):
    """The CA's word for the time makes the token, and cannot make what is expired valid."""
    ca, _ = false_ca(home, https_ca, lambda request: signed(ca, request), headers=date(offset))
    done = home.pganchor("cert", "issue", USER, "--password-file", "-", input="password\n")
    assert "the clock of this machine is" in done.stderr, done.stderr
    assert done.returncode == 1 and "clock" in done.stderr and not pair(home).certificate.exists(), done.stderr


# ---- without memory ----


def told(done):
    """All that cert status says of each, but for how much time is left by now."""
    return [{key: value for key, value in one.items() if key != "seconds_left"} for one in json.loads(done.stdout)["certificates"]]


@pytest.mark.parametrize("on", [False, True], ids=["once", "from then on"])
def test_status_without_memory(home, stepca, failing_malloc, on):  # noqa: F811
    """What it says is right, or it is an error."""
    known(home, stepca, "app")
    program, gate = without_wrapper(home)
    argv = [program, "cert", "status", "--json"]
    good, count = run_failing(home, failing_malloc, argv, 0, preload=gate)
    assert good.returncode == 0 and count > 20, good.stderr
    failed = 0
    for number in range(1 + 5 * on, count + 1, max(1, count // (300 if WHOLE else 20))):
        done, _ = run_failing(home, failing_malloc, argv, number, on, preload=gate)
        if done.returncode == 0:
            assert told(done) == told(good), (number, done.stdout)
        else:
            assert done.returncode == 1 and (done.stderr or '"fault": "out of memory"' in done.stdout), (number, done.stdout, done.stderr)
            failed += 1
    assert failed > 0 or not WHOLE
