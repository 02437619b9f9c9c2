"""Certificates of one's own: a step-ca that refuses as companies' do, tokens made by other hands, pairs on the disk."""

import base64
import json
import os
import secrets
import subprocess
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap, aes_key_wrap
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from postgres import NAMES
from stepca import call, free_port
from stepca import StepCA
from processes import Daemon, NotReady

PROVISIONER = "tests"


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def provisioner_key(ca):
    """(kid, private key) of the JWK provisioner, out of the CA's configuration."""
    config = json.loads((ca.directory / "config/ca.json").read_text())
    found = next(one for one in config["authority"]["provisioners"] if one["type"] == "JWK")
    header, wrapped, iv, content, tag = found["encryptedKey"].split(".")
    said = json.loads(decode(header))
    derived = PBKDF2HMAC(hashes.SHA256(), 16, said["alg"].encode() + b"\0" + decode(said["p2s"]), said["p2c"])
    password = (ca.directory / "password").read_bytes().strip()
    key = aes_key_unwrap(derived.derive(password), decode(wrapped))
    jwk = json.loads(AESGCM(key).decrypt(decode(iv), decode(content) + decode(tag), header.encode()))
    return found["key"]["kid"], ec.derive_private_key(int.from_bytes(decode(jwk["d"]), "big"), ec.SECP256R1())


def protected(name, password):
    """A JWK provisioner, as a CA lists it, whose key this password opens."""
    numbers = ec.generate_private_key(ec.SECP256R1()).private_numbers()
    point = numbers.public_numbers
    public_jwk = {"kty": "EC", "crv": "P-256", "kid": "key", "x": encode(point.x.to_bytes(32, "big")), "y": encode(point.y.to_bytes(32, "big"))}
    secret = json.dumps({**public_jwk, "d": encode(numbers.private_value.to_bytes(32, "big"))}).encode()
    salt, key, iv = secrets.token_bytes(16), secrets.token_bytes(32), secrets.token_bytes(12)
    algorithm = "PBES2-HS256+A128KW"
    header = encode(json.dumps({"alg": algorithm, "enc": "A256GCM", "p2c": 1000, "p2s": encode(salt), "cty": "jwk+json"}).encode())
    derived = PBKDF2HMAC(hashes.SHA256(), 16, algorithm.encode() + b"\0" + salt, 1000).derive(password)
    content = AESGCM(key).encrypt(iv, secret, header.encode())
    parts = [header, encode(aes_key_wrap(derived, key)), encode(iv), encode(content[:-16]), encode(content[-16:])]
    return {"type": "JWK", "name": name, "key": public_jwk, "encryptedKey": ".".join(parts)}


def make_token(ca, subject, *names, **claims):
    """As `step ca token` makes it. claims replace its own."""
    kid, key = provisioner_key(ca)
    now = int(time.time())
    body = {"aud": f"{ca.url}/1.0/sign", "iss": PROVISIONER, "sub": subject, "iat": now, "nbf": now, "exp": now + 300,
            "jti": secrets.token_hex(16), "sha": ca.fingerprint, "sans": list(names) or [subject], **claims}
    text = ".".join(encode(json.dumps(part).encode()) for part in ({"alg": "ES256", "kid": kid, "typ": "JWT"}, body))
    r, s = utils.decode_dss_signature(key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{text}.{encode(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def public(key):
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


class Pair:
    """Both files, as a reader finds them now: the certificate first, as libpq."""

    def __init__(self, certificate, key):
        self.certificate, self.key = certificate, key

    def chain(self):
        parts = self.certificate.read_text().split("-----END CERTIFICATE-----\n")[:-1]
        return [x509.load_pem_x509_certificate((part + "-----END CERTIFICATE-----\n").encode()) for part in parts]

    def private(self, password=None):
        return load_pem_private_key(self.key.read_bytes(), password)

    def matches(self):
        return public(self.chain()[0].public_key()) == public(self.private().public_key())

    def names(self):
        return [str(name.value) for name in
                self.chain()[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value]


def pair(home):
    """Where libpq looks by itself."""
    return Pair(home / ".postgresql/postgresql.crt", home / ".postgresql/postgresql.key")


def begin(home, ca):
    """The home knows the CA, and has its provisioner's password in a file."""
    done = home.pganchor("bootstrap", "--ca-url", ca.url, "--fingerprint", ca.fingerprint)
    assert done.returncode == 0, done.stderr
    password = home / "password"
    password.write_bytes((ca.directory / "password").read_bytes())
    password.chmod(0o600)
    return home


def owned_by(owner):
    """Words for cert issue: root says whose a server's files are to be, and nobody else."""
    return ["--owner", owner] if os.geteuid() == 0 else []


def encrypted(text):
    """The same certificates, of which the first says that a passphrase opens it."""
    line = "-----BEGIN CERTIFICATE-----\n"
    return text.replace(line, f"{line}Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,{'00' * 16}\n\n", 1)


def signs(ca):
    """How often the CA was asked to sign."""
    return ca.daemon.text().count("/1.0/sign")


def start_with(directory, change, tries=5, program=None):
    """A step-ca of which change(config) has changed the configuration; of another version, with that one's program."""
    newer, program = program, program or call("build").strip()
    for attempt in range(tries):
        home, port = directory.with_name(f"{directory.name}-{attempt}"), free_port()
        if newer:
            home.mkdir()
            initialise = [program, "init", "--address", f"127.0.0.1:{port}"]
            subprocess.run(initialise, env={"STEPPATH": str(home), "HOME": str(home)}, check=True, capture_output=True)
        else:
            call("init", home, "--address", f"127.0.0.1:{port}")
        path = home / "config/ca.json"
        config = json.loads(path.read_text())
        change(config)
        path.write_text(json.dumps(config))
        daemon = Daemon([program, "run"], f"{home}.log", env={"STEPPATH": str(home), "HOME": str(home), "PATH": os.environ["PATH"]})
        try:
            daemon.wait_for("Serving HTTPS on")
            return StepCA(home, port, daemon)
        except NotReady:
            daemon.stop()
            if "address already in use" not in daemon.text() or attempt + 1 == tries:
                raise


def trusting(clusters, ca):
    """Settings of a server that asks its clients for a certificate of this CA; and who gets in by one."""
    root = clusters.directory / f"clients-of-{ca.port}.crt"
    root.write_bytes(ca.root.read_bytes())
    root.chmod(0o644)
    return {"settings": {"ssl_ca_file": root}, "hba": "hostssl all app 127.0.0.1/32 cert\n"}


@pytest.fixture(scope="module")
def cert_postgres(clusters, stepca):
    """A server that lets in who shows a certificate of stepca for the role."""
    server = clusters.start(*stepca.issue(*NAMES), **trusting(clusters, stepca))
    yield server
    server.stop()
