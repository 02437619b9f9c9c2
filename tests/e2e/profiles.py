"""Profiles: texts of them, and minisign itself, which signs them."""

import base64
import hashlib
import subprocess

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

ZEROS = "0" * 64


def profile(*sections, name="acme", version=7, **settings):
    """The text of a profile of these sections: ("service orders", {"host": "..."}), ..."""
    head = ("profile", {"name": name, "version": version, **settings})
    return "\n".join(f"[{title}]\n" + "".join(f"{key} = {value}\n" for key, value in values.items()) for title, values in (head, *sections))


def anchor(name="acme-ca", **settings):
    standard = {"source": "https://ca.acme.example:9000", "fingerprint": ZEROS, "hosts": "*.acme.example"}
    return f"anchor {name}", {key: value for key, value in {**standard, **settings}.items() if value is not None}


def service(name="orders", **settings):
    return f"service {name}", {key: value for key, value in {"host": "db.acme.example", **settings}.items() if value is not None}


def inline(ca):
    """A root as a profile holds it itself."""
    der = x509.load_pem_x509_certificate(ca.pem.encode()).public_bytes(Encoding.DER)
    return {"source": None, "certificate": base64.b64encode(der).decode(), "fingerprint": ca.fingerprint}


def digest(text):
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()


class Minisign:
    """A pair of minisign's keys: .public is the path of the public one."""

    def __init__(self, directory, name="key"):
        self.secret, self.public = directory / f"{name}.sec", directory / f"{name}.pub"
        self.call("-G", "-W", "-p", self.public, "-s", self.secret)

    def call(self, *argv):
        subprocess.run(["minisign", *map(str, argv)], check=True, capture_output=True, stdin=subprocess.DEVNULL)

    @property
    def text(self):
        """The key itself."""
        return self.public.read_text().splitlines()[1]

    @property
    def id(self):
        return self.public.read_text().splitlines()[0].split()[-1]

    def sign(self, path, *words, comment="for the tests"):
        """Writes the signature beside the file, and returns its path. None: with the comment that minisign makes up."""
        self.call("-S", *words, "-s", self.secret, "-m", path, *([] if comment is None else ["-t", comment]))
        return path.parent / f"{path.name}.minisig"
