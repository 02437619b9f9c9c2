"""anchor add, and bootstrap with a bare word: files, standard input and https addresses of certificates, in every form that they have,
what is shown of a root before it is pinned, and what is kept of where it came from."""

import configparser
import hashlib
import ipaddress
import json
import os
import re

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs7

from bootstrapping import PROMPT
from certificates import (EXPIRED, KEYS, VALID, Authority, build, fingerprint, key_usage, make_openssl_root, make_root, make_v1_root, openssl, pem_key, sign,
                          subject, trusted_certificate)
from hostile import endless, redirect, reply, speak, stepca_answers
from tracing import NO_LEAKS

CONF = ".config/pganchor/anchors.conf"
SOURCES = ".config/pganchor/sources.conf"
ROOT_CRT = ".postgresql/root.crt"
ROOT = make_root("Root of a file")
OTHER = make_root("Root of somebody else")
BELOW = ROOT.intermediate("Intermediate of a file")
DER = serialization.Encoding.DER


def add(home, source, *words, command=("anchor", "add"), **kwargs):
    return home.pganchor(*command, str(source), *words, **kwargs)


def pin(home, source, authority, *words, **kwargs):
    return add(home, source, "--fingerprint", authority.fingerprint, *words, **kwargs)


def section_of(home, path, name):
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string((home / path).read_text())
    return dict(parser[name])


def record(home, name):
    return section_of(home, SOURCES, name)


def fails(home, done, *words, status=1):
    """With these words and something to do next; nothing was written."""
    assert done.returncode == status, (done.stdout, done.stderr)
    for word in words:
        assert word in done.stderr, done.stderr
    first, *rest = [line for line in done.stderr.splitlines() if "warning: " not in line]
    assert first.startswith("pganchor: ") and rest and all(line.startswith("    ") for line in rest), done.stderr
    assert not (home / CONF).exists() and not (home / ROOT_CRT).exists()
    return done


def is_pinned(home, done, name, authority=ROOT):
    assert done.returncode == 0, done.stderr
    assert section_of(home, CONF, name)["pin"] == authority.fingerprint
    assert (home / f".config/pganchor/anchors/{name}.crt").read_text() == authority.pem
    assert authority.pem in (home / ROOT_CRT).read_text()


def der(authority):
    return authority.cert.public_bytes(DER)


def bundled(*authorities, encoding=DER):
    return pkcs7.serialize_certificates([authority.cert for authority in authorities], encoding)


def openssl_bundle(directory, form, *options):
    path = directory / "for.p7b"
    openssl("crl2pkcs7", "-nocrl", *options, "-outform", form, "-out", path)
    return path.read_bytes()


# ---- the forms of a file ----

FORMS = {
    "PEM": lambda directory: ROOT.pem.encode(),
    "CRLF": lambda directory: ROOT.pem.replace("\n", "\r\n").encode(),
    "byte order mark": lambda directory: b"\xef\xbb\xbf" + ROOT.pem.encode(),
    "text around it": lambda directory: f"subject=Root\nissuer=Root\n{ROOT.pem}that is all".encode(),
    "no line end": lambda directory: ROOT.pem.rstrip().encode(),
    "TRUSTED": lambda directory: trusted_certificate(ROOT, directory, "-addtrust", "serverAuth").encode(),
    "TRUSTED, rejected": lambda directory: trusted_certificate(ROOT, directory, "-addreject", "serverAuth").encode(),
    "DER": lambda directory: der(ROOT),
    "PKCS#7 DER": lambda directory: bundled(ROOT),
    "PKCS#7 PEM": lambda directory: bundled(ROOT, encoding=serialization.Encoding.PEM),
    "openssl's PKCS#7": lambda directory: openssl_bundle(directory, "PEM", "-certfile", ROOT.write_root(directory / "r.pem")),
    "twice": lambda directory: (ROOT.pem + ROOT.pem).encode(),
    "a chain": lambda directory: (BELOW.issue(directory, "localhost").cert.read_text() + ROOT.pem).encode(),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_forms(home, tmp_path, form):
    content = form(tmp_path)
    path = home / "the file"
    path.write_bytes(content)
    done = pin(home, path, ROOT)
    is_pinned(home, done, "root-of-a-file")
    assert f"{path}: taken for a file of certificates.\n".replace(str(home.path), "~" if "~" in done.stdout else str(home.path)) in done.stdout
    # And the same from standard input, which adds nothing.
    before = home.snapshot()
    again = home.run(["sh", "-c", 'exec pganchor anchor add - --fingerprint "$0" <"$1"', ROOT.fingerprint, str(path)])
    assert again.returncode == 0 and "Nothing was changed" in again.stdout, again.stderr
    assert home.snapshot() == before


def test_what_is_kept_of_a_file(home):
    (home / "ca.crt").write_text(ROOT.pem)
    done = pin(home, "ca.crt", ROOT, cwd=home.path)
    is_pinned(home, done, "root-of-a-file")
    kept = record(home, "root-of-a-file")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", kept.pop("checked")) and kept.pop("changed")
    assert kept == {"kind": "file", "location": str(home / "ca.crt"), "digest": hashlib.sha256(ROOT.pem.encode()).hexdigest()}
    assert section_of(home, CONF, "root-of-a-file")["source"] == str(home / "ca.crt")


def test_standard_input(home):
    done = home.pganchor("anchor", "add", "-", "--fingerprint", ROOT.fingerprint, "--json", input=ROOT.pem)
    said = json.loads(done.stdout)
    assert said["kind"] == "stdin" and said["source"] == "standard input" and said["anchor"] == "root-of-a-file"
    assert record(home, "root-of-a-file")["kind"] == "stdin"
    # A question is asked on the terminal.
    home.pganchor("anchor", "remove", "root-of-a-file", "--yes")
    shown = home.run_tty(["sh", "-c", "pganchor anchor add - --name asked <ca.pem"], cwd=written(home, "ca.pem", ROOT.pem).parent,
                         answers=[(PROMPT, "yes")])
    assert shown.returncode == 0, shown.output
    assert "asked" in (home / CONF).read_text()


def written(home, name, content):
    (home / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return home / name


def indefinite(directory):
    return ("    " + ROOT.pem.replace("\n", "\n    ")).encode()


BROKEN = {
    "nothing": (lambda directory: b"", "it is empty"),
    "text": (lambda directory: b"<html>no such page</html>\n", "no certificate in it"),
    "NUL": (lambda directory: ROOT.pem.encode() + b"\0\0\0", "NUL bytes"),
    "UTF-16": (lambda directory: ROOT.pem.encode("utf-16"), "NUL bytes"),
    "cut short": (lambda directory: ROOT.pem[:400].encode(), "damaged PEM"),
    "bad base64": (lambda directory: ROOT.pem.replace("MII", "M!I", 1).encode(), "damaged PEM"),
    "other bytes": (lambda directory: b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "no X.509 certificate"),
    "indented": (indefinite, "something in front of its lines"),
    "a key alone": (lambda directory: pem_key(ROOT.key).encode(), "a private key, and no certificate"),
    "a request": (lambda directory: b"-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n", "something else than a cert"),
    "DER and more": (lambda directory: der(ROOT) + b"x", "something else follows"),
    "DER cut short": (lambda directory: der(ROOT)[:-20], "something else than a certificate"),
    "DER of a key": (lambda directory: ROOT.key.private_bytes(DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
                     "something else than a certificate"),
    "PKCS#7 without any": (lambda directory: openssl_bundle(directory, "DER"), "PKCS#7 without a certificate"),
    "PKCS#12": (lambda directory: serialization.pkcs12.serialize_key_and_certificates(b"x", ROOT.key, ROOT.cert, None, serialization.NoEncryption()),
                "pkcs12 -nokeys"),
    "an intermediate": (lambda directory: pem(BELOW), "not self-signed but issued by"),
    "a leaf": (lambda directory: ROOT.issue(directory, "localhost").cert.read_bytes(), "not self-signed but issued by"),
    "expired": (lambda directory: make_root("Gone", days=EXPIRED).pem.encode(), "it expired at"),
    "weak": (lambda directory: make_root("Weak", key="rsa1024").pem.encode(), "1024 bits"),
    "no CA": (lambda directory: make_root("None", ca=False).pem.encode(), "CA:FALSE"),
    "version 1": (lambda directory: make_v1_root(directory).pem.encode(), "no basicConstraints"),
    "several, none fit": (lambda directory: (make_root("Gone", days=EXPIRED).pem + pem(BELOW).decode()).encode(), "it expired at"),
}


def pem(authority):
    return authority.cert.public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize("content, why", BROKEN.values(), ids=BROKEN)
def test_files_without_a_root(home, tmp_path, content, why):
    path = written(home, "ca.pem", content(tmp_path))
    shown = home.pganchor_tty("anchor", "add", str(path))
    assert shown.returncode == 1 and why in re.sub(r"\s+", " ", shown.output), shown.output
    assert "nothing was pinned" in shown.output.lower() or "    " in shown.output
    assert not (home / CONF).exists() and "PRIVATE" not in shown.output
    # And where the fingerprint is some root's.
    fails(home, pin(home, path, OTHER))


def test_an_intermediate_is_told_from_a_root(home):
    path = written(home, "ca.pem", pem(BELOW))
    done = add(home, path, "--fingerprint", fingerprint(BELOW.cert))
    fails(home, done, 'issued by "CN=Root of a file', "get the certificate of that issuer")


@pytest.mark.parametrize("make, why", [
    (lambda path: os.mkfifo(path), "not a regular file"), (lambda path: path.mkdir(), "not a regular file"),
    (lambda path: path.write_bytes(b"x" * (16 * 2**20 + 1)), "larger than"), (lambda path: None, "no such file"),
    (lambda path: path.symlink_to("nowhere"), "no such file")], ids=["fifo", "directory", "huge", "none", "dangling"])
def test_what_is_no_file(home, make, why):
    make(home / "x.pem")
    fails(home, pin(home, home / "x.pem", ROOT), why)


def test_a_private_key_beside_it_is_warned_of_and_never_printed(home):
    key = pem_key(ROOT.key)
    done = pin(home, written(home, "both.pem", key + ROOT.pem), ROOT)
    is_pinned(home, done, "root-of-a-file")
    assert "a private key stands beside" in done.stderr
    for line in key.splitlines()[1:-1]:
        assert line not in done.stdout + done.stderr + (home / ROOT_CRT).read_text()


def test_a_name_that_is_no_line(home):
    path = home / "a\nb.pem"
    path.write_text(ROOT.pem)
    fails(home, pin(home, path, ROOT), "control character", status=2)
    assert json.loads(home.pganchor("anchor", "add", "-", "--fingerprint", ROOT.fingerprint, "-j", input=ROOT.pem).stdout)["kind"] == "stdin"


def test_the_wrong_fingerprint(home):
    path = written(home, "ca.pem", ROOT.pem)
    fails(home, pin(home, path, OTHER), "wrong root", ROOT.fingerprint)
    fails(home, pin(home, written(home, "two.pem", ROOT.pem + pem(BELOW).decode()), OTHER), "none of the 2")
    # What failed leaves nothing behind that makes the next one fail.
    is_pinned(home, pin(home, path, ROOT), "root-of-a-file")


@pytest.mark.parametrize("words", [[], ["--yes"], ["--json"], ["--dry-run"]], ids=str)
@pytest.mark.parametrize("source", ["ca.pem", "-"])
def test_without_a_fingerprint_and_a_terminal(home, source, words):
    written(home, "ca.pem", ROOT.pem)
    done = add(home, source, *words, cwd=home.path, input=ROOT.pem)
    fails(home, done, "--fingerprint is missing", "openssl x509 -noout -fingerprint -sha256 -in root_ca.crt", status=2)


def test_asked_on_the_terminal(home):
    path = written(home, "ca.pem", ROOT.pem)
    refused = home.pganchor_tty("anchor", "add", str(path), answers=[(PROMPT, "no")])
    assert refused.returncode == 1 and "not trusted by you; nothing was pinned" in refused.output and not (home / CONF).exists()
    shown = home.pganchor_tty("anchor", "add", str(path), answers=[(PROMPT, ROOT.fingerprint.upper())])
    assert shown.returncode == 0, shown.output
    assert f"{path} holds this root:" in shown.output.replace("~/", f"{home.path}/")
    for line in ("subject      CN=Root of a file,O=Test PKI", "29 days left", "key          EC P-256, signed with ecdsa-with-SHA256",
                 "may sign for any host", "fingerprint  "):
        assert line in shown.output, shown.output
    # A root that is known is asked about no more.
    again = home.pganchor_tty("anchor", "add", str(path))
    assert again.returncode == 0 and "Nothing was changed" in again.output


def test_the_file_is_read_once(home):
    """What was shown is what is pinned, whatever the file is when the answer comes."""
    path = written(home, "ca.pem", ROOT.pem)
    shown = home.run_tty(["strace", "-o", home / "calls", "-e", "trace=openat,open", home.program.binary, "anchor", "add", path],
                         answers=[(PROMPT, "yes")], env=NO_LEAKS)
    assert shown.returncode == 0, shown.output
    assert (home / "calls").read_text().count(f'"{path}"') == 1


# ---- what is said of a root ----

def constrained(*, permitted=(), excluded=()):
    key = KEYS["p256"]()
    own = subject("Root with constraints")
    builder = build(own, key.public_key(), own, VALID).add_extension(x509.BasicConstraints(True, None), True)
    builder = builder.add_extension(key_usage("key_cert_sign"), True)
    builder = builder.add_extension(x509.NameConstraints([general(n) for n in permitted] or None, [general(n) for n in excluded] or None), True)
    return Authority(sign(builder, key, "sha256"), key)


def general(name):
    return x509.IPAddress(ipaddress.ip_network(name)) if "/" in name else x509.DNSName(name)


CONSTRAINTS = [
    (["example.com"], [], "example.com and below it", "db.example.com *.example.com example.com *.a.example.com *.com", ""),
    (["example.com"], [], "example.com and below it", "db.example.org *.example.org", "db.example.org, *.example.org"),
    ([".example.com"], [], "*.example.com", "example.com", "example.com"),
    (["example.com", "10.0.0.0/8"], [], "example.com and below it, 10.0.0.0/8", "10.1.2.3", ""),
    (["example.com", "10.0.0.0/8"], [], "example.com and below it, 10.0.0.0/8", "192.0.2.1", "192.0.2.1"),
    (["example.com"], [], "example.com and below it", "192.0.2.1 ::1", ""),
    (["2001:db8::/32"], [], "2001:db8::/32", "2001:db8::1 db.example.org", ""),
    ([], ["secret.example.com"], "any host, but not secret.example.com and below it", "example.com *.example.com", ""),
    ([], ["secret.example.com"], "any host, but not secret.example.com and below it", "a.secret.example.com", "a.secret.example.com"),
    (["example.com"], [], "example.com and below it", "*", ""),
]


@pytest.mark.parametrize("permitted, excluded, may, hosts, outside", CONSTRAINTS, ids=str)
def test_name_constraints(home, permitted, excluded, may, hosts, outside):
    root = constrained(permitted=permitted, excluded=excluded)
    done = pin(home, written(home, "ca.pem", root.pem), root, "--hosts", hosts)
    assert done.returncode == 0, done.stderr
    assert f"    may sign for {may}\n" in done.stdout
    assert ("can never sign for" in done.stderr) == (outside != "")
    if outside:
        assert f"can never sign for {outside}:" in done.stderr


@pytest.mark.parametrize("make, said", [
    (lambda directory: make_root("R", key="rsa3072"), "RSA 3072 bits, signed with sha256WithRSAEncryption"),
    (lambda directory: make_root("R", key="p384", digest="sha384"), "EC P-384, signed with ecdsa-with-SHA384"),
    (lambda directory: make_root("R", key="ed25519"), "Ed25519, signed with ED25519"),
    (lambda directory: make_root("R", key="ed448"), "Ed448, signed with ED448"),
    (lambda directory: make_openssl_root(directory, "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-pkeyopt",
                                         "rsa_keygen_pubexp:3"), "RSA 2048 bits, public exponent 3 (weak)"),
    (lambda directory: make_root("R", key="rsa2048", digest="sha1"), "signed with sha1WithRSAEncryption")],
    ids=["rsa", "p384", "ed25519", "ed448", "exponent 3", "sha1"])
def test_keys_are_shown(home, tmp_path, make, said):
    root = make(tmp_path)
    done = pin(home, written(home, "ca.pem", root.pem), root, "--dry-run")
    assert done.returncode == 0 and said in done.stdout, done.stderr
    assert ("could not find digest for NID" in re.sub(r"\s+", " ", done.stderr)) == ("Ed" in said)


def test_an_exponent_that_is_too_large(home, tmp_path):
    root = make_openssl_root(tmp_path, "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-pkeyopt",
                             f"rsa_keygen_pubexp:{2**33 + 1}")
    fails(home, pin(home, written(home, "ca.pem", root.pem), root), "public exponent above 2^32")


def test_names_that_steer_a_terminal(home):
    root = make_root("a\x1b[2Jb\nc \u202e d")
    path = written(home, "ca.pem", root.pem)
    done = pin(home, path, root)
    assert done.returncode == 0, done.stderr
    shown = home.pganchor_tty("anchor", "add", str(written(home, "both.pem", root.pem + ROOT.pem)), answers=[(r"Type its number: $", "9")])
    for said in (done.stdout, done.stderr, (home / CONF).read_text(), (home / SOURCES).read_text()):
        assert "\x1b" not in said and "\u202e" not in said
    assert "\x1b[2J" not in shown.output and "\u202e" not in shown.output


# ---- what a word is taken for ----

@pytest.mark.parametrize("command", [("bootstrap",), ("anchor", "add")], ids=" ".join)
def test_a_step_ca_by_its_address_alone(home, stepca, command):
    done = pin(home, stepca.url, stepca, command=command)
    assert done.returncode == 0 and f"{stepca.url}: taken for the address of a step-ca.\n" in done.stdout, done.stderr
    assert record(home, "localhost")["kind"] == "step-ca"
    again = home.pganchor("bootstrap", "--ca-url", stepca.url, "--fingerprint", stepca.fingerprint)
    assert "Nothing was changed" in again.stdout and "taken for" not in again.stdout


@pytest.mark.parametrize("word, why", [
    ("http://localhost/ca.pem", "http is not possible"), ("HTTP://localhost:9000", "http is not possible"),
    ("https://user:secret@localhost/ca.pem", "no file of this name"), ("ftp://localhost/x", "no file of this name")])
def test_words_that_are_none(home, word, why):
    done = pin(home, word, ROOT)
    assert done.returncode == 2 and why in done.stderr and done.stdout == "", done.stderr
    assert home.snapshot() == {}


@pytest.mark.parametrize("words, why", [
    ([], "source is missing"), (["a", "b"], "b: too many arguments"), (["ca.pem", "--ca-url", "x"], "ca.pem and --ca-url: one of them"),
    (["ca.pem", "--ca-file", "x"], "--ca-file"), (["ca.pem", "--all", "--name", "x"], "--all and --name: one of them"),
    (["ca.pem", "--all", "--host", "x"], "--all and --host: one of them"), (["ca.pem", "--scoped", "--unscoped"], "one of them"),
    (["--ca-url", "x", "--all"], "--all")], ids=str)
def test_usage(home, words, why):
    written(home, "ca.pem", ROOT.pem)
    done = home.pganchor("anchor", "add", *words, cwd=home.path)
    assert done.returncode == 2 and why in done.stderr and "see pganchor anchor add --help" in done.stderr, done.stderr


@pytest.mark.parametrize("host", ["", "a b", "db:x", "db:0", "db:65536", "db:", "[::1", "/tmp", "a,b"])
def test_hosts_that_are_none(home, host):
    done = pin(home, written(home, "ca.pem", ROOT.pem), ROOT, f"--host={host}")
    fails(home, done, f"--host: {host}: not a host", status=2)


# ---- https ----

@pytest.fixture
def web(https_ca):
    """A server of files, whose certificate nobody but impostor_ca has signed."""
    def make(**answers):
        return https_ca({f"/{name.replace('_', '.')}": answer for name, answer in answers.items()})
    return make


def test_an_address_by_its_fingerprint(home, web):
    server = web(ca_pem=reply(ROOT.pem, headers=['ETag: "abc"']))
    done = pin(home, f"{server.url}/ca.pem", ROOT)
    is_pinned(home, done, "root-of-a-file")
    assert f"{server.url}/ca.pem: taken for the address of a certificate.\n" in done.stdout
    kept = record(home, "root-of-a-file")
    assert kept["kind"] == "https" and kept["location"] == f"{server.url}/ca.pem" and kept["etag"] == '"abc"'
    assert [request.path for request in server.requests] == ["/ca.pem"]


@pytest.mark.parametrize("form", ["DER", "PKCS#7 DER", "CRLF"])
def test_an_address_of_another_form(home, web, tmp_path, form):
    server = web(ca_cer=reply(FORMS[form](tmp_path)))
    is_pinned(home, pin(home, f"{server.url}/ca.cer", ROOT), "root-of-a-file")


def test_an_address_that_a_file_verifies(home, web, impostor_ca):
    server = web(ca_pem=reply(ROOT.pem))
    trusted = written(home, "trusted.pem", impostor_ca.pem)
    url = f"{server.url}/ca.pem"
    unverified = home.pganchor_tty("anchor", "add", url)
    assert unverified.returncode == 1 and "--ca-file FILE verifies it" in unverified.output, unverified.output
    shown = home.pganchor_tty("anchor", "add", url, "--ca-file", str(trusted), answers=[(PROMPT, "yes")])
    assert shown.returncode == 0 and "which does not prove the root" in re.sub(r"\s+", " ", shown.output), shown.output
    assert record(home, "root-of-a-file")["ca-file"] == str(trusted)
    # A file that does not verify it is no help, whatever the fingerprint says.
    (home / "trusted.pem").write_text(OTHER.pem)
    done = pin(home, url, ROOT, "--ca-file", trusted)
    assert done.returncode == 1 and "not verified" in done.stderr
    done = pin(home, url, ROOT, "--ca-file", home / "none.pem")
    assert done.returncode == 2 and "--ca-file" in done.stderr


def test_one_without_the_name_of_a_file_is_asked_as_what_it_may_be(home, https_ca):
    server = https_ca({"/pki/root": reply(ROOT.pem), **stepca_answers(OTHER, "/ca")}, authority=OTHER)
    done = pin(home, f"{server.url}/pki/root", ROOT)
    is_pinned(home, done, "root-of-a-file")
    done = pin(home, f"{server.url}/ca", OTHER)
    assert done.returncode == 0, done.stderr
    assert re.search(r"taken for the address of a certificate.*\n.*not that; taken for the address of a step-ca", done.stdout), done.stdout
    assert record(home, "localhost")["kind"] == "step-ca"


HOSTILE = {
    "not found": (reply("", "404 Not Found"), ["not found (HTTP 404)", "check the address"]),
    "failing": (reply("", "500 Internal Server Error"), ["HTTP status 500", "is it the right address?"]),
    "sent on": (redirect("https://elsewhere.example/ca.pem", "301 Moved Permanently"),
                ["sent on to https://elsewhere.example/ca.pem", "it is not followed", "in the place of this one"]),
    "endless": (endless(b"-----BEGIN"), ["more than 1 MiB"]),
    "html": (reply("<html>login</html>"), ["no certificate in it"]),
    "JSON": (reply('{"crts": []}'), ["no certificate in it"]),
    "cut": (reply(ROOT.pem, length=100000), ["/ca.pem"]),
    "NUL": (reply(ROOT.pem.encode() + b"\0"), ["NUL bytes"]),
}


@pytest.mark.parametrize("answer, words", HOSTILE.values(), ids=HOSTILE)
def test_hostile_answers(home, web, answer, words):
    fails(home, pin(home, f"{web(ca_pem=answer).url}/ca.pem", ROOT), *words)


@pytest.mark.parametrize("etag", ["", " ", "a b", "\x01", "x" * 300, '"a"\tb'], ids=repr)
def test_etags_that_are_none(home, web, etag):
    server = web(ca_pem=reply(ROOT.pem, headers=[f"ETag: {etag}"]))
    is_pinned(home, pin(home, f"{server.url}/ca.pem", ROOT), "root-of-a-file")
    assert "etag" not in record(home, "root-of-a-file")


def test_an_address_without_tls(home, https_ca):
    server = https_ca({}, before_tls=speak(b"SSH-2.0-x\r\n"))
    fails(home, pin(home, f"{server.url}/ca.pem", ROOT), "no TLS")


# ---- again ----

def test_again(home, web):
    path = written(home, "ca.pem", ROOT.pem)
    assert pin(home, path, ROOT, "--name", "company").returncode == 0
    before = home.snapshot()
    for source in (path, "-"):
        done = pin(home, source, ROOT, input=ROOT.pem)
        assert done.returncode == 0 and "pinned already, as anchor company" in done.stdout and "Nothing was changed" in done.stdout
    done = pin(home, path, ROOT, "--name", "other")
    assert done.returncode == 1 and "this root is pinned already, as company" in done.stderr
    (home / "ca.pem").write_text(OTHER.pem)
    done = pin(home, path, OTHER, "--name", "company")
    assert done.returncode == 1 and "the name is taken by another root" in done.stderr and "--replace" in done.stderr
    (home / "ca.pem").write_text(ROOT.pem)
    assert {**home.snapshot(), "ca.pem": 0} == {**before, "ca.pem": 0}
    (home / "ca.pem").write_text(OTHER.pem)
    done = pin(home, path, OTHER, "--name", "company", "--replace")
    assert done.returncode == 0 and section_of(home, CONF, "company")["pin"] == OTHER.fingerprint, done.stderr
    assert ROOT.pem not in (home / ROOT_CRT).read_text()


def test_a_file_whose_root_is_another_is_no_answer(home):
    path = written(home, "ca.pem", ROOT.pem)
    assert pin(home, path, ROOT).returncode == 0
    (home / "ca.pem").write_text(OTHER.pem)
    shown = home.pganchor_tty("anchor", "add", str(path))
    assert shown.returncode == 1 and "with another root" in shown.output, shown.output


def test_what_was_there_last(home):
    path = written(home, "ca.pem", ROOT.pem)
    assert pin(home, path, ROOT).returncode == 0
    was = record(home, "root-of-a-file")
    (home / "ca.pem").write_text(f"a note\n{ROOT.pem}")
    done = pin(home, path, ROOT)
    assert done.returncode == 0 and "Nothing was changed" not in done.stdout
    now = record(home, "root-of-a-file")
    assert now["digest"] != was["digest"] and now["location"] == was["location"]


def test_dry_run_writes_nothing(home):
    path = written(home, "ca.pem", ROOT.pem)
    before = home.snapshot()
    done = pin(home, path, ROOT, "-n")
    assert done.returncode == 0 and "Would make" in done.stdout and "This was a dry run" in done.stdout
    assert home.snapshot() == before


def test_for_every_user(home, system):
    path = written(home, "ca.pem", ROOT.pem)
    system("mode = audit")
    done = pin(home, path, ROOT, "--system", "--dry-run")
    assert done.returncode == 0 and "sources.conf: where it comes from" in done.stdout and "root.crt" not in done.stdout, done.stderr
