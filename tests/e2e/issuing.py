"""pganchor cert issue for the tests: a home that knows a CA, what it says, and a CA of ours that signs and says whatever it is told to."""

import datetime
import json
import os
import shutil
import stat

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding

from certificates import make_root
from certs import begin, protected, signs
from hostile import reply, stepca_answers
from postgres import USER

APP = ["cert", "issue", USER, "--password-file"]


@pytest.fixture
def own(home, stepca):
    """The home knows stepca."""
    return begin(home, stepca)


def issue(home, *words, **kwargs):
    return home.pganchor("cert", "issue", *words, "--password-file", home / "password", **kwargs)


def issued(home, *words, **kwargs):
    """It works: what it reports."""
    done = issue(home, *words, "--json", **kwargs)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def fails(home, stepca, done, *says, asked=None, before=None):
    """Nothing was changed; where asked is given, the CA was not asked to sign more often than so."""
    assert done.returncode == 1, (done.stdout, done.stderr)
    for words in says:
        assert words in done.stderr, (words, done.stderr)
    if asked is not None:
        assert signs(stepca) == asked
    if before is not None:
        assert home.snapshot() == before


def logs_in(home, server):
    """By the certificate alone, as libpq finds it."""
    return home.run(["psql", "-XAtc", "SELECT current_user", server.conninfo(password=None, sslmode="verify-full")])


def mode(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


def by_token(home, token, *words):
    return home.pganchor("cert", "issue", *words, "--token", "-", input=token + "\n")


def false_ca(home, https_ca, sign, headers=(), ca=None):
    """A CA of ours whose one provisioner's password is "password", and which answers a request to sign so."""
    ca = ca or make_root()
    server = https_ca({**stepca_answers(ca), "/roots": reply(json.dumps({"crts": [ca.pem]})), "/1.0/sign": sign,
                       "/provisioners?limit=100": reply(json.dumps({"provisioners": [protected("tests", b"password")]}), headers=headers)},
                      authority=ca)
    done = home.pganchor("bootstrap", "--ca-url", server.url, "--fingerprint", ca.fingerprint)
    assert done.returncode == 0, done.stderr
    return ca, server


def signed(authority, request, *behind):
    """What the request asks for, signed by this authority; and certificates that stand behind it."""
    csr = x509.load_pem_x509_csr(json.loads(request.raw.split(b"\r\n\r\n", 1)[1])["csr"].encode())
    now = datetime.datetime.now(datetime.timezone.utc)
    built = (x509.CertificateBuilder().subject_name(csr.subject).issuer_name(authority.cert.subject).public_key(csr.public_key())
             .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
             .not_valid_after(now + datetime.timedelta(hours=8))
             .add_extension(csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value, critical=False))
    leaf = built.sign(authority.key, None if isinstance(authority.key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    return reply(json.dumps({"certChain": [leaf.public_bytes(Encoding.PEM).decode(), *behind]}), status="201 Created")


def usable(files):
    """What libpq would find: a pair that matches, or no certificate."""
    return not files.certificate.exists() or files.matches()


def put_back(home, kept):
    for entry in os.scandir(home.path):
        shutil.rmtree(entry.path) if entry.is_dir(follow_symlinks=False) else os.unlink(entry.path)
    shutil.copytree(kept, home.path, symlinks=True, dirs_exist_ok=True)
