"""Every way in which pganchor bootstrap fails: the CA that lies, breaks or never ends, the bad root, the disk that is full.

Each test compares all files of a home that has something in it before and after.
"""

import json
import os
import ssl
import subprocess

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

import certificates
from bootstrapping import CONF, MANIFEST, OLD, ROOT_CRT, SOURCES, bootstrap, fails
from certificates import (EXPIRED, NOT_YET_VALID, Authority, make_openssl_root, make_root, make_rsa_root_with_exponent_1,
                          make_v1_root)
from hostile import HANG, Cut, Drip, close_at_once, close_in_handshake, endless, hang, huge, reply, speak, stepca_answers
from processes import free_port

MOST = 1024 * 1024


# The CA that is reached, and answers something else.

def test_wrong_fingerprint(lived_in, stepca, other_stepca):
    fails(lived_in, stepca, fingerprint=other_stepca.fingerprint, why=["HTTP 404", "check --fingerprint"])


def test_a_root_that_does_not_hash_to_the_fingerprint(lived_in, https_ca, impostor_ca):
    """A man in the middle hands out his own root under the name of the wanted one."""
    wanted = make_root("The wanted one").fingerprint
    answers = {f"/root/{wanted}": reply(json.dumps({"ca": impostor_ca.pem})), "/health": reply('{"status":"ok"}')}
    ca = https_ca(answers, authority=impostor_ca)
    fails(lived_in, ca, fingerprint=wanted, why=["wrong root", impostor_ca.fingerprint])
    assert [request.path for request in ca.requests] == [f"/root/{wanted}"]


def test_a_ca_that_knows_the_root_of_another(lived_in, https_ca, stepca, impostor_ca):
    ca = https_ca(stepca_answers(stepca), authority=impostor_ca)
    fails(lived_in, ca, fingerprint=stepca.fingerprint, why=["/health: the server is not verified", "it need not be the CA"])


def test_a_ca_of_the_root_but_for_another_host(lived_in, https_ca, impostor_ca):
    ca = https_ca(stepca_answers(impostor_ca), authority=impostor_ca, names=("ca.example.test",))
    fails(lived_in, ca, fingerprint=impostor_ca.fingerprint, why="/health: the server is not verified")


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "CURL_CA_BUNDLE", "SSL_CERT_DIR"])
def test_the_environment_adds_no_trust(lived_in, https_ca, stepca, impostor_ca, tmp_path, variable):
    ca = https_ca(stepca_answers(stepca), authority=impostor_ca)
    directory = tmp_path / "trusted"
    directory.mkdir()
    path = impostor_ca.write_root(directory / "root.pem")
    subprocess.run(["openssl", "rehash", directory], check=True, capture_output=True)
    fails(lived_in, ca, fingerprint=stepca.fingerprint, why="the server is not verified",
          env={variable: directory if variable.endswith("DIR") else path})


def test_the_systems_roots_add_no_trust(lived_in, https_ca, stepca, impostor_ca, tmp_path):
    """Any public CA could otherwise speak for the company's."""
    ca = https_ca(stepca_answers(stepca), authority=impostor_ca)
    directory = tmp_path / "system"
    directory.mkdir()
    impostor_ca.write_root(directory / "root.pem")
    impostor_ca.write_root(directory / "ca-certificates.crt")
    subprocess.run(["openssl", "rehash", directory], check=True, capture_output=True)
    in_namespace = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]), "sh", "-c",
                    'mount --bind "$0" /etc/ssl/certs && exec "$@"', directory]
    curl = lived_in.run([*in_namespace, "curl", "-sS", f"{ca.url}/health"])
    if curl.returncode != 0:
        pytest.skip(f"the system's roots cannot be changed here: {curl.stderr}")
    done = lived_in.run([*in_namespace, lived_in.program.binary, "bootstrap", "--ca-url", ca.url, "--fingerprint", stepca.fingerprint])
    assert done.returncode == 1 and "the server is not verified" in done.stderr


@pytest.mark.parametrize("health, why", [
    (reply('{"status":"sick"}'), "does not say that it is well"), (reply("{}"), "does not say that it is well"),
    (reply("ok"), "not the JSON"), (reply("no", "503 Service Unavailable"), "status 503"), (reply("no", "404 Not Found"), "404"),
    (reply('{"status":["ok"]}'), "does not say that it is well"),
    *((reply(json.dumps({"status": status})), "does not say that it is well") for status in ("okay, but no", "OK", "ok ", "o", "", True, None))],
    ids=str)
def test_a_ca_that_is_not_well(lived_in, https_ca, impostor_ca, health, why):
    ca = https_ca({**stepca_answers(impostor_ca), "/health": health}, authority=impostor_ca)
    fails(lived_in, ca, fingerprint=impostor_ca.fingerprint, why=why)


@pytest.mark.parametrize("answer, why", [
    (reply("404", "404 Not Found"), "HTTP 404"), (reply("no", "403 Forbidden"), "status 403"),
    (reply("no", "500 Internal Server Error"), "status 500"), (reply("", "304 Not Modified"), "status 304"),
    (reply("", "302 Found"), "status 302"), (reply(""), "not the JSON"), (reply("<html>"), "not the JSON"), (reply('{"ca":'), "not the JSON"),
    (reply('["ca"]'), "not the JSON"), (reply("null"), "not the JSON"), (reply('{"ca":"a","ca":"b"}'), "not the JSON"),
    (reply("[" * 100000), "not the JSON"), (reply('{"ca":"\ud800"}'.encode("utf-8", "surrogatepass")), "not the JSON"),
    (reply("{}"), 'no certificate in "ca"'), (reply('{"ca":7}'), 'no certificate in "ca"'), (reply('{"ca":null}'), 'no certificate in "ca"'),
    (reply('{"ca":"x\\u0000y"}'), "not the JSON"), (b"not HTTP\r\n\r\n", "the request failed"), (b"", "no answer"),
    (Cut(reply('{"ca":"', length=1000)), "the request failed")], ids=lambda value: str(value)[:50])
def test_answers_that_are_none(lived_in, https_ca, answer, why):
    fails(lived_in, https_ca(lambda request: answer), why=why)


DAMAGED = OLD.pem.replace("-----END CERTIFICATE-----\n", "")
BODY = OLD.pem.split("\n")


@pytest.mark.parametrize("pem, why", [
    ("", "not a certificate in PEM form"), ("hello", "not a certificate in PEM form"), (DAMAGED, "damaged PEM"),
    (OLD.pem.replace(BODY[2], BODY[2][:-4]), "no X.509 certificate"), (OLD.pem.replace(BODY[2], "!" * 64), "damaged PEM"),
    ("-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n", "no X.509 certificate"),
    ("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "PEM"),
    (OLD.pem + OLD.pem, "more than one certificate"), (OLD.pem + "junk\n", "something else follows"),
    ("junk\n" + OLD.pem, "not a certificate in PEM form"), (certificates.pem_key(OLD.key), "not a certificate in PEM form"),
    (OLD.pem + certificates.pem_key(OLD.key), "something else follows"),
    (OLD.pem.replace("CERTIFICATE", "TRUSTED CERTIFICATE"), "not a certificate in PEM form")], ids=lambda value: repr(value[-40:]))
def test_certificates_that_are_none(lived_in, https_ca, pem, why):
    fails(lived_in, https_ca(lambda request: reply(json.dumps({"ca": pem}))), fingerprint=OLD.fingerprint, why=why)


def test_bytes_behind_the_certificate_in_its_pem_block(lived_in, https_ca):
    """DER with something behind it: the same certificate to a lax reader, with another hash."""
    import base64
    import hashlib
    der = ssl.PEM_cert_to_DER_cert(OLD.pem) + b"more"
    pem = f"-----BEGIN CERTIFICATE-----\n{base64.encodebytes(der).decode()}-----END CERTIFICATE-----\n"
    fails(lived_in, https_ca(lambda request: reply(json.dumps({"ca": pem}))), fingerprint=hashlib.sha256(der).hexdigest(),
          why="no X.509 certificate")


# Answers without end.

@pytest.mark.parametrize("answer", [
    huge(), endless(), lambda request: reply("x" * MOST, length=False) + b"xx"], ids=["10 GB", "endless", "1 byte"])
def test_an_answer_that_is_too_large(lived_in, https_ca, answer):
    ca = https_ca(answer)
    fails(lived_in, ca, why=["more than 1 MiB", "is it the address of a CA?"])
    # What lies in the sockets' buffers has left, too.
    assert ca.sent < 16 * MOST


def test_headers_that_are_too_large(lived_in, https_ca):
    ca = https_ca(lambda request: (reply("{}", headers=[f"X-{i}: {'h' * 8000}" for i in range(2000)])))
    # A newer libcurl has a limit of its own, which is lower than ours.
    done = fails(lived_in, ca, why="is it the ")
    assert "Too large response headers" in done.stderr or "more than 1 MiB" in done.stderr


@pytest.mark.parametrize("answer", [HANG, Drip(reply('{"ca":"', length=100000)), Drip(b"HTTP/1.1 200 OK\r\nX-Drip: ")],
                         ids=["silence", "body", "header"])
def test_an_answer_that_never_ends(lived_in, https_ca, answer):
    fails(lived_in, https_ca(lambda request: answer), "--max-time", "0.7", why=["no whole answer within 0.7 seconds", "--max-time"])


def test_health_that_never_comes(lived_in, https_ca, impostor_ca):
    ca = https_ca({**stepca_answers(impostor_ca), "/health": HANG}, authority=impostor_ca)
    fails(lived_in, ca, "--max-time", "3", fingerprint=impostor_ca.fingerprint, why="/health: no whole answer within 3 seconds")


# TLS faults, and nobody there.

@pytest.mark.parametrize("before_tls, why", [
    (close_at_once, "no TLS"), (close_in_handshake, "no TLS"), (speak(b"SSH-2.0-OpenSSH_9.2\r\n"), "no TLS"),
    (speak(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "no TLS"), (speak(b"\x15\x03\x01\x00\x02\x02\x28"), "no TLS")],
    ids=["closed", "closed in handshake", "SSH", "HTTP", "alert"])
def test_tls_faults(lived_in, https_ca, before_tls, why):
    fails(lived_in, https_ca(before_tls=before_tls), why=why)


def test_a_handshake_that_never_ends(lived_in, https_ca):
    fails(lived_in, https_ca(before_tls=hang), "--connect-timeout", "0.7", why=["no connection within 0.7 seconds", "--connect-timeout"])


def test_old_tls(lived_in, https_ca):
    fails(lived_in, https_ca(tls={"minimum_version": ssl.TLSVersion.TLSv1, "maximum_version": ssl.TLSVersion.TLSv1_1}), why="no TLS")


def test_no_such_host(lived_in):
    fails(lived_in, "https://no-such-host.invalid", why=["no such host", "no-such-host.invalid"])


def test_nobody_listens(lived_in):
    fails(lived_in, f"https://localhost:{free_port()}", why=["could not connect", "is the CA running", "--proxy"])


# A path prefix, and what is sent.

@pytest.mark.parametrize("prefix", ["/pki", "/a/b/"])
def test_a_path_prefix(home, https_ca, impostor_ca, prefix):
    ca = https_ca(stepca_answers(impostor_ca, prefix=prefix.rstrip("/")), authority=impostor_ca)
    done = bootstrap(home, ca.url + prefix, fingerprint=impostor_ca.fingerprint)
    assert done.returncode == 0, done.stderr
    assert f"source = {ca.url}{prefix.rstrip('/')}\n" in (home / CONF).read_text()


def test_what_is_sent(home, https_ca, impostor_ca):
    ca = https_ca(stepca_answers(impostor_ca), authority=impostor_ca)
    assert bootstrap(home, ca, fingerprint=impostor_ca.fingerprint).returncode == 0
    assert [(request.method, request.path) for request in ca.requests] == [("GET", f"/root/{impostor_ca.fingerprint}"), ("GET", "/health")]
    for request in ca.requests:
        assert request.headers["user-agent"].startswith("pganchor/") and set(request.headers) <= {"host", "user-agent", "accept"}


# Roots that are no anchors.

def root_with(*extensions, name=None):
    """A root that is as it should be, but for more extensions [(extension, critical), ...] or the subject."""
    key = certificates.KEYS["p256"]()
    own = name if name is not None else certificates.subject("Root with more")
    builder = certificates.build(own, key.public_key(), own, certificates.VALID)
    for extension, critical in ((x509.BasicConstraints(True, None), True), *extensions):
        builder = builder.add_extension(extension, critical)
    return Authority(certificates.sign(builder, key, "sha256"), key)


def root_on_a_curve_of_its_own(directory):
    """Its key spells out the figures of P-256 instead of naming the curve."""
    return make_openssl_root(directory, "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:explicit")


@pytest.mark.parametrize("make, why", [
    (lambda tmp: make_root(days=EXPIRED), ["it expired at "]),
    (lambda tmp: make_root(days=NOT_YET_VALID), ["it is not valid before "]),
    (lambda tmp: make_root(ca=False), ["CA:FALSE"]),
    (lambda tmp: make_root(ca=None), ["it has no basicConstraints"]),
    (lambda tmp: make_root(usage=("digital_signature", "crl_sign")), ["no keyCertSign"]),
    (lambda tmp: make_root(key="rsa1024"), ["RSA key has 1024 bits, and 2048 are needed"]),
    (lambda tmp: make_root(key="rsa2047"), ["RSA key has 2047 bits, and 2048 are needed"]),
    (lambda tmp: make_root(key="p224"), ["EC key has 224 bits, and 256 are needed"]),
    (lambda tmp: make_root(key="p192"), ["EC key has 192 bits, and 256 are needed"]),
    (lambda tmp: make_root(key="dsa2048"), ["neither RSA, EC, Ed25519 nor Ed448"]),
    (lambda tmp: make_root(signed_by=OLD.key), ["its signature is not its own"]),
    (make_v1_root, ["it has no basicConstraints"]),
    (lambda tmp: root_with((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False)), ["does not allow TLS servers"]),
    (lambda tmp: root_with((x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\0"), True)), ["critical extension"]),
    (lambda tmp: root_with(name=x509.Name([])), ["it has no subject"]),
    (root_on_a_curve_of_its_own, ["brings a curve of its own"]),
    (lambda tmp: make_openssl_root(tmp, "-algorithm", "rsa-pss", "-pkeyopt", "rsa_keygen_bits:1024"), ["RSA-PSS key has 1024 bits, and 2048 are needed"]),
    (lambda tmp: make_rsa_root_with_exponent_1(), ["the numbers in it are not those of a key"]),
    (lambda tmp: make_root(key="rsa1024", days=EXPIRED, ca=False, usage=("digital_signature",)),
     ["expired", "CA:FALSE", "no keyCertSign", "1024 bits"]),
], ids=["expired", "not yet", "CA:FALSE", "no CA", "usage", "RSA 1024", "RSA 2047", "P-224", "P-192", "DSA", "signature", "version 1",
        "EKU", "critical", "no subject", "curve", "RSA-PSS 1024", "e = 1", "all of it"])
def test_bad_roots(lived_in, https_ca, impostor_ca, tmp_path, make, why):
    root = make(tmp_path)
    ca = https_ca(stepca_answers(root), authority=impostor_ca)
    fails(lived_in, ca, fingerprint=root.fingerprint, why=["cannot be an anchor", *why])


def test_an_intermediate_is_no_anchor(lived_in, https_ca, impostor_ca):
    cert = impostor_ca.intermediate().cert
    pin = certificates.fingerprint(cert)
    ca = https_ca({f"/root/{pin}": reply(json.dumps({"ca": certificates.pem(cert)}))})
    fails(lived_in, ca, fingerprint=pin, why=["not self-signed but issued by", "CN=Impostor Root CA,O=Impostor"])


@pytest.mark.parametrize("kind", [
    {"key": "rsa2048"}, {"key": "rsa3072"}, {"key": "p384"}, {"key": "p521"}, {"key": "ed25519"}, {"key": "ed448"}, {"usage": None},
    {"key": "rsa2048", "digest": "sha1"}, {"key": "rsa2048", "digest": "md5"}, {"digest": "sha1"}], ids=str)
def test_good_roots(home, https_ca, kind):
    """A root's own signature proves nothing, so that SHA-1 and MD5 do no harm there."""
    root = make_root(**kind)
    ca = https_ca(stepca_answers(root), authority=root)
    done = bootstrap(home, ca, fingerprint=root.fingerprint)
    assert done.returncode == 0, done.stderr


def test_a_subject_cannot_steer_the_terminal(home, https_ca):
    root = make_root("evil\x1b]0;title\x07\r\n[section]\u202e\x9b31m" + "ü" * 20, organisation="O" * 60)
    ca = https_ca(stepca_answers(root), authority=root)
    done = bootstrap(home, ca, fingerprint=root.fingerprint)
    assert done.returncode == 0, done.stderr
    text = (home / CONF).read_text()
    assert not any(ord(c) < 32 and c != "\n" or 0x7f <= ord(c) < 0xa0 or c == "\u202e" for c in done.stdout + text)
    assert "ü" * 20 in done.stdout
    assert "[section]" not in text.splitlines()
    # And the file can be read again.
    assert "Nothing was changed" in bootstrap(home, ca, fingerprint=root.fingerprint).stdout


# Past what is shown of a subject, and past that with each byte of a character at the edge.
SUBJECT_LENGTHS = [*range(190, 211), 255, 256, 257, 400, 512, 600]


@pytest.mark.parametrize("character", ["x", "é", "€", "\U0001F512"])
def test_a_subject_of_any_length(home, https_ca, pganchor, character):
    """Whole characters of its first 200 bytes are shown, and three dots. valgrind sees who writes behind them, where ASan does not."""
    size = len(character.encode())
    for length in SUBJECT_LENGTHS:
        # As it is printed: CN=...,O=Test PKI
        left = length - len("CN=,O=Test PKI")
        common_name = "a" * (left % size) + character * (left // size)
        root = root_with(name=x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test PKI"),
                                         x509.NameAttribute(NameOID.COMMON_NAME, common_name, _validate=False)]))
        ca = https_ca(stepca_answers(root), authority=root)
        tool = [pganchor.binary] if "ASAN_OPTIONS" in os.environ or length not in (201, 202) else [
            "valgrind", "-q", "--error-exitcode=99", pganchor.binary]
        done = home.run([*tool, "bootstrap", "--ca-url", ca.url, "--fingerprint", root.fingerprint, "--dry-run", "--json"])
        assert done.returncode == 0, done.stderr
        whole = f"CN={common_name},O=Test PKI"
        assert len(whole.encode()) == length
        shown = whole if length <= 200 else whole.encode()[:200].decode(errors="ignore") + "..."
        assert json.loads(done.stdout)["subject"] == shown


# The dialogue, with CAs that lie.

PROMPT = r"Type yes, or the fingerprint: $"


def roots_answer(*pems):
    return reply(json.dumps({"crts": list(pems)}), "201 Created")


def ask(home, ca, answers=()):
    return home.pganchor_tty("bootstrap", "--ca-url", ca.url, answers=answers)


def test_several_roots_are_shown_and_none_is_taken(lived_in, https_ca, impostor_ca):
    before = lived_in.snapshot()
    shown = ask(lived_in, https_ca({"/roots": roots_answer(impostor_ca.pem, OLD.pem)}))
    assert shown.returncode == 1 and impostor_ca.fingerprint in shown.output and OLD.fingerprint in shown.output
    assert "name the one that you trust: --fingerprint" in shown.output
    assert lived_in.snapshot() == before


@pytest.mark.parametrize("answer, why", [
    (roots_answer(), "no certificates"), (reply('{"crts":"x"}'), "no certificates"), (reply('{"crts":[1]}'), "no text"),
    (roots_answer("x"), "not a certificate"), (roots_answer(*[OLD.pem] * 17), "too many"), (roots_answer(OLD.pem * 2), "more than one"),
    (reply("", "404 Not Found"), "404")], ids=lambda value: str(value)[-30:])
def test_lists_of_roots_that_are_none(lived_in, https_ca, answer, why):
    before = lived_in.snapshot()
    shown = ask(lived_in, https_ca({"/roots": answer}))
    assert shown.returncode == 1 and why in shown.output
    assert lived_in.snapshot() == before


def test_a_bad_root_is_not_even_asked_about(lived_in, https_ca):
    before = lived_in.snapshot()
    for root, authority in ((make_root(days=EXPIRED), None), (OLD, make_root("Other"))):
        shown = ask(lived_in, https_ca({**stepca_answers(root), "/roots": roots_answer(root.pem)}, authority=authority))
        assert shown.returncode == 1 and "Type yes" not in shown.output
    assert lived_in.snapshot() == before


def test_yes_to_a_stranger_pins_what_was_shown(home, https_ca, impostor_ca):
    ca = https_ca({**stepca_answers(impostor_ca), "/roots": roots_answer(impostor_ca.pem)}, authority=impostor_ca)
    shown = ask(home, ca, [(PROMPT, "yes")])
    assert shown.returncode == 0 and f"pin = {impostor_ca.fingerprint}\n" in (home / CONF).read_text()


# The disk.

def test_a_full_disk(lived_in, stepca):
    fails(lived_in, stepca, fingerprint=stepca.fingerprint, full_disk=True, why=["No space left on device", "make room"])


def test_a_full_disk_and_nothing_in_the_home(home, stepca):
    fails(home, stepca, fingerprint=stepca.fingerprint, full_disk=True, why="No space left on device")
    assert home.snapshot() == {}


def test_a_limit_of_the_file_size(lived_in, stepca):
    """root.crt is the one that passes the limit: what was staged for the others goes, too."""
    (lived_in / ROOT_CRT).write_text("#" * 4096 + "\n" + OLD.pem)
    before = lived_in.snapshot()
    done = lived_in.run(["sh", "-c", 'trap "" XFSZ; ulimit -f 8; exec pganchor bootstrap --ca-url "$0" --fingerprint "$1"',
                         stepca.url, stepca.fingerprint])
    assert done.returncode == 1 and f"could not write the new {lived_in / ROOT_CRT}: File too large" in done.stderr
    assert lived_in.snapshot() == before


def test_a_read_only_home(lived_in, stepca):
    for directory in (".postgresql", ".config/pganchor", ".config/pganchor/anchors"):
        (lived_in / directory).chmod(0o500)
        fails(lived_in, stepca, fingerprint=stepca.fingerprint, ordinary=True, why=["Permission denied", str(lived_in / directory)])
        (lived_in / directory).chmod(0o700)


def test_a_read_only_home_with_nothing_in_it(home, stepca):
    home.path.chmod(0o500)
    try:
        fails(home, stepca, fingerprint=stepca.fingerprint, ordinary=True, why="Permission denied")
    finally:
        home.path.chmod(0o700)
    assert home.snapshot() == {}


def test_files_that_cannot_be_read(lived_in, stepca):
    before = lived_in.snapshot()
    for path in (CONF, ROOT_CRT):
        (lived_in / path).chmod(0)
        done = bootstrap(lived_in, stepca, fingerprint=stepca.fingerprint, ordinary=True)
        assert done.returncode == 1 and f"could not open {lived_in / path}: Permission denied" in done.stderr
        (lived_in / path).chmod(before[path].mode)
        assert lived_in.snapshot() == before


def test_something_else_in_the_place_of_a_file(lived_in, stepca):
    (lived_in / ROOT_CRT).unlink()
    (lived_in / ROOT_CRT).mkdir()
    fails(lived_in, stepca, fingerprint=stepca.fingerprint, why="not a regular file")
    (lived_in / ROOT_CRT).rmdir()
    os.mkfifo(lived_in / ROOT_CRT)
    fails(lived_in, stepca, fingerprint=stepca.fingerprint, why="not a regular file")
    (lived_in / ROOT_CRT).unlink()
    (lived_in / ROOT_CRT).symlink_to("nowhere")
    fails(lived_in, stepca, fingerprint=stepca.fingerprint, why="symbolic link")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
@pytest.mark.parametrize("mounted", [ROOT_CRT, CONF])
def test_a_file_that_cannot_be_replaced(lived_in, stepca, mounted):
    """A file that is a mount of its own, as in a container: its rename fails when all the others could be done."""
    before = lived_in.snapshot()
    done = lived_in.run(["unshare", "--mount", "sh", "-c", 'mount --bind "$1" "$1" && shift && exec "$@"', "sh", lived_in / mounted,
                         "pganchor", "bootstrap", "--ca-url", stepca.url, "--fingerprint", stepca.fingerprint])
    assert done.returncode == 1 and f"could not replace {lived_in / mounted}" in done.stderr, done.stderr
    after = lived_in.snapshot()
    assert {path: entry._replace(mtime_ns=0) for path, entry in after.items()} == \
        {path: entry._replace(mtime_ns=0) for path, entry in before.items()}


RENAMES = "rename,renameat,renameat2"


def traced(home, ca, inject, *args):
    """bootstrap with a fault injected into its renames: root.crt's is the first, then NAME.crt's, then anchors.conf's."""
    return home.run(["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={RENAMES}", "-e", f"inject={RENAMES}:{inject}", "--",
                     home.program.binary, "bootstrap", "--ca-url", ca.url, "--fingerprint", ca.fingerprint, *args],
                    env={"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"})


def without_times(snapshot):
    return {path: entry._replace(mtime_ns=None) for path, entry in snapshot.items()}


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("empty", [False, True], ids=["lived in", "empty"])
def test_a_rename_that_fails_takes_back_those_before(lived_in, stepca, tmp_path, number, empty):
    if empty:
        for path in (".postgresql", ".config"):
            (lived_in / path).rename(tmp_path / path)
    before = lived_in.snapshot()
    done = traced(lived_in, stepca, f"error=EIO:when={number}")
    assert done.returncode == 1 and "could not replace" in done.stderr and "Input/output error" in done.stderr, done.stderr
    assert without_times(lived_in.snapshot()) == without_times(before)


def test_a_rename_that_fails_brings_back_a_removed_file(home, stepca):
    assert bootstrap(home, stepca, fingerprint=stepca.fingerprint).returncode == 0
    before = home.snapshot()
    # root.crt goes, NAME.crt is right: the one rename is anchors.conf's.
    done = traced(home, stepca, "error=EIO:when=1", "--scoped", "--replace")
    assert done.returncode == 1 and "could not replace" in done.stderr
    assert without_times(home.snapshot()) == without_times(before)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_killed_at_a_rename_and_run_again(lived_in, stepca, number):
    """Every file is the old or the new one, whole; and the second run ends where the first should have."""
    old = lived_in.snapshot()
    killed = traced(lived_in, stepca, f"signal=SIGKILL:when={number}")
    assert killed.returncode == -9
    between = lived_in.snapshot()
    done = bootstrap(lived_in, stepca, fingerprint=stepca.fingerprint)
    assert done.returncode == 0, done.stderr
    new = lived_in.snapshot()
    assert set(new) == {*old, ".config/pganchor/anchors/localhost.crt", SOURCES, MANIFEST}
    for path, entry in new.items():
        if path not in (CONF, SOURCES, MANIFEST):
            assert path not in between or between[path].content in (old[path].content if path in old else None, entry.content)
    assert (lived_in / ROOT_CRT).read_text() == f"a note\n{OLD.pem}# pganchor anchor localhost\n{stepca.root_pem}"
    assert old[CONF].content in (lived_in / CONF).read_bytes() and between[CONF].content in (old[CONF].content, new[CONF].content)


def test_no_home(pganchor, home, stepca):
    """Without HOME the password file's home counts, as for libpq; nothing may be written into ours."""
    done = bootstrap(home, stepca, "--dry-run", "--json", fingerprint=stepca.fingerprint, env={"HOME": ""})
    assert str(home.path) not in done.stdout and home.snapshot() == {}
