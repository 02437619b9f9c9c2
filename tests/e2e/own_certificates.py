"""Certificates of one's own at a real step-ca: as it signs them, and the same of another time."""

import datetime
import json
import os
import socket
import ssl
import struct
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from certs import start_with
from services import bootstrap

CERTS_CONF = ".config/pganchor/certs.conf"
CRT, KEY = ".postgresql/postgresql.crt", ".postgresql/postgresql.key"

DUE, EXPIRED, FRESH = (-20, 5), (-20, -1), (-1, 29)


def leaf(path):
    return x509.load_pem_x509_certificate(path.read_bytes())


def serial(path):
    digits = f"{leaf(path).serial_number:x}"
    return digits.rjust(len(digits) + len(digits) % 2, "0")


def key_of(path):
    return load_pem_private_key(path.read_bytes(), None)


def public(key):
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def match(crt, key):
    """Whether the certificate's key is the one in the file."""
    return public(leaf(crt).public_key()) == public(key_of(key).public_key())


def resigned(old, key, days):
    """The same certificate of another time: (first, last) day from now."""
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    builder = (x509.CertificateBuilder().subject_name(old.subject).issuer_name(old.issuer).public_key(old.public_key())
               .serial_number(x509.random_serial_number())
               .not_valid_before(now + datetime.timedelta(days=days[0])).not_valid_after(now + datetime.timedelta(days=days[1])))
    for extension in old.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    return builder.sign(key, hashes.SHA256())


def at(ca, cert, days):
    """What the CA has signed, its provisioner's extension and all, as if it had been at another time."""
    authority = ca.authority()
    new = resigned(x509.load_pem_x509_certificate(cert.read_bytes()), authority.key, days)
    cert.write_bytes(b"".join(one.public_bytes(Encoding.PEM) for one in (new, *authority.chain)))


def have(home, ca, *names, days=FRESH, crt=CRT, key=KEY):
    """A pair of the CA's in the home, for these names, of that time."""
    made = ca.issue(*names, directory=home.path)
    at(ca, made[0], days)
    for source, target, mode in ((made[0], home / crt, 0o644), (made[1], home / key, 0o600)):
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.replace(source, target)
        target.chmod(mode)
    return home / crt, home / key


def cert(home, *args, **kwargs):
    return home.pganchor("cert", *args, **kwargs)


def known(home, ca, *names, days=FRESH, words=(), **files):
    """A home that trusts the CA and knows a certificate of it as "client"."""
    if not (home / ".config/pganchor/anchors.conf").exists():
        bootstrap(home, ca)
    paths = have(home, ca, *names, days=days, **files)
    done = cert(home, "add", *words)
    assert done.returncode == 0, done.stderr
    return paths


def status(home, *args):
    """(exit status, {name: what cert status --json says})."""
    done = cert(home, "status", "--json", *args)
    return done.returncode, {item["name"]: item for item in json.loads(done.stdout)["certificates"]}


def backdate(config, days):
    """The CA's own certificates are so many days old, signed by the same keys: what has expired was valid under them."""
    root, intermediate = Path(config["root"]), Path(config["crt"])
    password = (root.parent.parent / "password").read_bytes()
    key = load_pem_private_key((root.parent.parent / "secrets/root_ca_key").read_bytes(), password)
    for path in root, intermediate:
        path.write_bytes(resigned(x509.load_pem_x509_certificate(path.read_bytes()), key, (-days, 3650)).public_bytes(Encoding.PEM))


def start_lenient_stepca(directory, program=None, database=None, **claims):
    """A step-ca that renews what has expired, and signs for seconds; of another version, with that one's program and kind of database."""
    def change(config):
        if database:
            config["db"] = {"type": database, "dataSource": f"{config['root'].rpartition('/certs/')[0]}/db.{database}"}
        backdate(config, 100)
        config["authority"].setdefault("claims", {}).update({"allowRenewalAfterExpiry": True, "minTLSCertDuration": "5s", **claims})
        config["authority"]["backdate"] = "0s"
    return start_with(directory, change, program=program)


def changed(before, after):
    return {name for name in {*before, *after} if before.get(name) != after.get(name)}


def renew(home, *args, **kwargs):
    """(exit status, what --json says of the one certificate)."""
    done = cert(home, "renew", "--json", *args, **kwargs)
    assert done.stdout, done.stderr
    item, = json.loads(done.stdout)["certificates"]
    return done.returncode, item


def connects(home, conninfo):
    def connect():
        done = home.run(["psql", "-XAtc", "select 1", conninfo])
        return done.stderr if done.returncode != 0 else None
    return connect


def shown(port):
    """The serial number that a PostgreSQL server shows."""
    with socket.create_connection(("127.0.0.1", port)) as raw:
        raw.sendall(struct.pack("!ii", 8, 80877103))
        assert raw.recv(1) == b"S"
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with context.wrap_socket(raw, server_hostname="localhost") as session:
            digits = f"{x509.load_der_x509_certificate(session.getpeercert(True)).serial_number:x}"
            return digits.rjust(len(digits) + len(digits) % 2, "0")
