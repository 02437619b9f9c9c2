"""A PKI in Python: roots, intermediates and leaves of every kind, the unusual ones above all.

Authority.issue() and make_root() take the same words:
  key         a key of KEYS ("p256", "rsa1024", "ed25519", ...)
  days        (first, last) day of validity counted from now, (-1, 30) if left out; (-30, -1) is expired
  digest      "sha256", "sha1", "md5" (RSA alone), ...; Ed25519 has none
"""

import datetime
import hashlib
import ipaddress
import itertools
import subprocess
import warnings
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

KEYS = {
    "rsa1024": lambda: rsa.generate_private_key(65537, 1024),
    "rsa2047": lambda: rsa.generate_private_key(65537, 2047),
    "rsa2048": lambda: rsa.generate_private_key(65537, 2048),
    "rsa3072": lambda: rsa.generate_private_key(65537, 3072),
    "dsa2048": lambda: dsa.generate_private_key(2048),
    "p192": lambda: ec.generate_private_key(ec.SECP192R1()),
    "p224": lambda: ec.generate_private_key(ec.SECP224R1()),
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "p521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "ed448": ed448.Ed448PrivateKey.generate,
}

VALID = (-1, 30)
EXPIRED = (-30, -1)
NOT_YET_VALID = (1, 30)

_serial = itertools.count(1)


class Issued(NamedTuple):
    """Paths of a certificate chain (leaf first, no root) and of its private key (0600), both PEM."""

    cert: Path
    key: Path


def subject(common_name, organisation="Test PKI"):
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
                      x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def general_name(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def pem(cert):
    return cert.public_bytes(serialization.Encoding.PEM).decode()


def pem_key(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption()).decode()


def fingerprint(cert):
    """The pin of a certificate: SHA-256 of its DER form in lower-case hex."""
    return hashlib.sha256(cert.public_bytes(serialization.Encoding.DER)).hexdigest()


def write_issued(cert_text, key, directory):
    number = next(_serial)
    cert_path, key_path = Path(directory) / f"leaf-{number}.crt", Path(directory) / f"leaf-{number}.key"
    cert_path.write_text(cert_text)
    key_path.touch(0o600)
    key_path.write_text(pem_key(key))
    return Issued(cert_path, key_path)


def sign(builder, key, digest):
    edwards = isinstance(key, (ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        return builder.sign(key, None if edwards else getattr(hashes, digest.upper())())


def build(name, public_key, issuer, days):
    """A certificate to be: all that every kind has."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return (x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(days=days[0]))
            .not_valid_after(now + datetime.timedelta(days=days[1]))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), False))


def key_usage(*allowed):
    """A key usage extension that allows the named uses alone, such as key_cert_sign."""
    uses = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
            "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{use: use in allowed for use in uses})


def with_points(builder, addresses):
    """The builder with a CRL distribution point of these addresses; none where there are none."""
    names = [x509.UniformResourceIdentifier(str(address)) for address in addresses]
    return builder.add_extension(x509.CRLDistributionPoints([x509.DistributionPoint(names, None, None, None)]), False) if names else builder


class Authority:
    """A CA certificate with its private key.

    cert, key     the certificate and key of this CA (objects of `cryptography`)
    root          the self-signed certificate that its chain ends in (itself, for a root)
    chain         what a server must send besides its leaf: the intermediates, lowest first
    pem           the root as PEM; `write_root(path)` writes it
    fingerprint   the root's pin
    """

    def __init__(self, cert, key, *, chain=(), root=None):
        self.cert, self.key = cert, key
        self.chain = list(chain)
        self.root = root or cert

    @property
    def pem(self):
        return pem(self.root)

    @property
    def fingerprint(self):
        return fingerprint(self.root)

    def write_root(self, path):
        """Write the root as PEM to `path` and return it."""
        Path(path).write_text(self.pem)
        return Path(path)

    def issue(self, directory, *names, key="p256", days=VALID, digest="sha256", common_name=None, chain=True, private=None,
              points=()):
        """A server certificate for `names` (none: no subject alternative name), its files written into `directory`; a renewed one
        for the key in the file `private`; with the addresses of its CRL."""
        private = serialization.load_pem_private_key(Path(private).read_bytes(), None) if private else KEYS[key]()
        name = subject(common_name or (names[0] if names else "no name"))
        builder = build(name, private.public_key(), self.cert.subject, days)
        builder = builder.add_extension(x509.BasicConstraints(False, None), True)
        builder = builder.add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), False)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(map(general_name, names)), False)
        builder = with_points(builder, points)
        leaf = sign(builder, self.key, digest)
        return write_issued("".join(map(pem, [leaf, *(self.chain if chain else [])])), private, directory)

    def issue_self(self, directory):
        """The CA's own certificate as that of a server."""
        return write_issued(pem(self.cert), self.key, directory)

    def intermediate(self, name="Intermediate CA", *, key="p256", days=VALID, digest="sha256", ca=True, points=()):
        """A CA below this one: not self-signed, so no anchor for libpq. Without `ca`, a certificate that may sign nothing."""
        private = KEYS[key]()
        builder = build(subject(name), private.public_key(), self.cert.subject, days)
        builder = builder.add_extension(x509.BasicConstraints(ca, None), True)
        builder = builder.add_extension(key_usage(*(("key_cert_sign", "crl_sign") if ca else ("digital_signature",))), True)
        cert = sign(with_points(builder, points), self.key, digest)
        return Authority(cert, private, chain=[cert, *self.chain], root=self.root)

    def twin(self, *, days=VALID, by=None, extensions=()):
        """Another certificate of this CA's name and key: a renewed root, or one that `by`, another CA, has signed."""
        builder = build(self.cert.subject, self.key.public_key(), (by or self).cert.subject, days)
        for extension, critical in ((x509.BasicConstraints(True, None), True), *extensions):
            builder = builder.add_extension(extension, critical)
        return Authority(sign(builder, (by or self).key, "sha256"), self.key)


def make_root(name="Root CA", *, key="p256", days=VALID, digest="sha256", ca=True,
              usage=("key_cert_sign", "crl_sign"), organisation="Test PKI", signed_by=None, path_length=None):
    """A root that may be wrong in one way.

    ca           value of basicConstraints CA; None leaves the extension out
    path_length  and how many intermediates there may be below it
    usage        the key usages allowed; None leaves the extension out
    signed_by    another private key: names itself as issuer, but is not signed by itself
    """
    private = KEYS[key]()
    own = subject(name, organisation)
    builder = build(own, private.public_key(), own, days)
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca, path_length), True)
    if usage is not None:
        builder = builder.add_extension(key_usage(*usage), True)
    return Authority(sign(builder, signed_by or private, digest), private)


def trusted_certificate(authority, directory, *options):
    """OpenSSL's own form of a root (TRUSTED CERTIFICATE), with what it may be trusted for, such as "-addreject", "serverAuth"."""
    plain, trusted = Path(directory) / "plain.crt", Path(directory) / "trusted.crt"
    openssl("x509", "-in", authority.write_root(plain), "-trustout", *options, "-out", trusted)
    return trusted.read_text()


def make_v1_root(directory, name="Old Root"):
    """An X.509 version 1 root, as old CAs have them: no extension at all, so no CA:TRUE."""
    directory = Path(directory)
    private = KEYS["rsa2048"]()
    key, request, cert = directory / "v1.key", directory / "v1.csr", directory / "v1.crt"
    key.write_text(pem_key(private))
    openssl("req", "-new", "-key", key, "-subj", f"/CN={name}", "-out", request)
    openssl("x509", "-req", "-in", request, "-signkey", key, "-days", 30, "-out", cert)
    return Authority(x509.load_pem_x509_certificate(cert.read_bytes()), private)


def _tlv(tag, body):
    size = bytes([len(body)]) if len(body) < 128 else bytes([0x82]) + len(body).to_bytes(2, "big")
    return bytes([tag]) + size + body


def _elements(der):
    """The elements of a DER sequence, each with its tag and length."""
    def header(at):
        size = der[at + 1]
        more = size - 128 if size > 127 else 0
        return at + 2 + more, int.from_bytes(der[at + 2:at + 2 + more], "big") if more else size

    at, _ = header(0)
    while at < len(der):
        start, length = header(at)
        yield der[at:start + length]
        at = start + length


def make_rsa_root_with_exponent_1():
    """A root by whose key anybody can sign: a signature is the padded digest itself (RFC 8017, 9.2)."""
    usual = make_root("Root of everybody", key="rsa2048")
    numbers = usual.key.public_key().public_numbers()
    modulus = _tlv(2, b"\0" + numbers.n.to_bytes(256, "big"))
    _, algorithm, _ = _elements(usual.cert.public_bytes(serialization.Encoding.DER))
    parts = list(_elements(usual.cert.tbs_certificate_bytes))
    kind, _ = _elements(parts[6])
    parts[6] = _tlv(0x30, kind + _tlv(3, b"\0" + _tlv(0x30, modulus + _tlv(2, b"\1"))))
    signed = _tlv(0x30, b"".join(parts))
    digest = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(signed).digest()
    signature = b"\0\1" + b"\xff" * (256 - 3 - len(digest)) + b"\0" + digest
    der = _tlv(0x30, signed + algorithm + _tlv(3, b"\0" + signature))
    return Authority(x509.load_der_x509_certificate(der), None)


def make_openssl_root(directory, *genpkey):
    """A root with a key that only the openssl command makes, such as "-algorithm", "rsa-pss"."""
    key, cert = Path(directory) / "openssl.key", Path(directory) / "openssl.crt"
    openssl("genpkey", *genpkey, "-out", key)
    openssl("req", "-x509", "-new", "-key", key, "-subj", "/CN=Made by openssl", "-days", "30", "-out", cert)
    return Authority(x509.load_pem_x509_certificate(cert.read_bytes()), None)


def openssl(*args):
    subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True, stdin=subprocess.DEVNULL)


@pytest.fixture(scope="session")
def impostor_ca():
    """A root of somebody else's, made in Python, that signs for any host."""
    return make_root("Impostor Root CA", organisation="Impostor")


def write_crl(root, path, *certificates):
    """A list by `root` of revoked certificates."""
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (x509.CertificateRevocationListBuilder().issuer_name(root.cert.subject)
               .last_update(now - datetime.timedelta(days=1)).next_update(now + datetime.timedelta(days=1)))
    for certificate in certificates:
        serial = x509.load_pem_x509_certificate(certificate.read_bytes()).serial_number
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now).build())
    path.write_bytes(builder.sign(root.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return path
