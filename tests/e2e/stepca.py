"""A real step-ca on loopback, built from Debian's Go library by tests/stepca."""

import hashlib
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from certificates import Authority
from processes import Daemon, NotReady, free_port

SCRIPT = Path(__file__).resolve().parent.parent / "stepca" / "stepca.sh"


@dataclass
class StepCA:
    """A running step-ca.

    url          https://localhost:PORT
    port         PORT; 127.0.0.1 is in its certificate too
    directory       its STEPPATH
    root         path of the root certificate, PEM
    root_pem     that file's text
    fingerprint  SHA-256 of the root's DER, lower-case hex
    daemon       the process; daemon.text() is its log, one line a request
    """

    directory: Path
    port: int
    daemon: Daemon
    _issued: int = 0

    @property
    def url(self):
        return f"https://localhost:{self.port}"

    @property
    def root(self):
        return self.directory / "certs" / "root_ca.crt"

    @property
    def root_pem(self):
        return self.root.read_text()

    # As certificates.Authority calls it, so that hostile.stepca_answers(stepca) can pretend to be this CA.
    pem = root_pem

    @property
    def fingerprint(self):
        der = x509.load_pem_x509_certificate(self.root.read_bytes()).public_bytes(Encoding.DER)
        return hashlib.sha256(der).hexdigest()

    def issue(self, *names, not_after="24h", directory=None):
        """A certificate for `names` (DNS or IP) by token and POST /sign; paths of chain (leaf first, no root) and key."""
        self._issued += 1
        directory = Path(directory or self.directory.parent)
        cert = directory / f"{self.directory.name}-{self._issued}.crt"
        key = directory / f"{self.directory.name}-{self._issued}.key"
        call("issue", self.directory, "--cert", cert, "--key", key, "--not-after", not_after, *names)
        return cert, key

    def authority(self):
        """The intermediate with its private key, to sign what step-ca itself never would: see certificates.Authority."""
        password = (self.directory / "password").read_bytes()
        key = load_pem_private_key((self.directory / "secrets" / "intermediate_ca_key").read_bytes(), password)
        cert = x509.load_pem_x509_certificate((self.directory / "certs" / "intermediate_ca.crt").read_bytes())
        root = x509.load_pem_x509_certificate(self.root.read_bytes())
        return Authority(cert, key, chain=[cert], root=root)


def call(*args):
    """Run stepca.sh and return what it printed."""
    done = subprocess.run([SCRIPT, *map(str, args)], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"stepca.sh {args[0]} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def start_stepca(directory, name="Test", tries=5):
    """Make a PKI in `directory` and start its CA; another port (and PKI) when somebody takes the port in between."""
    program = call("build").strip()
    for attempt in range(tries):
        home, port = Path(f"{directory}-{attempt}"), free_port()
        call("init", home, "--address", f"127.0.0.1:{port}", "--name", name)
        env = {"STEPPATH": str(home), "HOME": str(home), "PATH": os.environ["PATH"]}
        daemon = Daemon([program, "run"], f"{home}.log", env=env)
        try:
            # Said between listen(2) and accept(2): from here on a connection is answered.
            daemon.wait_for("Serving HTTPS on")
            return StepCA(home, port, daemon)
        except NotReady:
            daemon.stop()
            if "address already in use" not in daemon.text() or attempt + 1 == tries:
                raise


@pytest.fixture(scope="session")
def stepca(session_directory):
    """The real CA whose root the tests pin and which signed the certificate of `postgres`."""
    ca = start_stepca(session_directory / "stepca")
    yield ca
    ca.daemon.stop()


@pytest.fixture(scope="session")
def other_stepca(session_directory):
    """Another real CA of another company, with the same names and another root."""
    ca = start_stepca(session_directory / "other", name="Other")
    yield ca
    ca.daemon.stop()
