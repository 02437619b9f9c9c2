"""A step-ca of Debian sid that publishes a CRL: bookworm's has none. tests/stepca, built in a machine of sid, runs here as it is."""

import hashlib
import json
import os
import ssl
import urllib.request
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from certificates import Authority
from crls import serial_of
from machines import OWN_MOUNTS, ROOT, STALE, make_tarball, run, take_away, unpack
from processes import Daemon, NotReady, free_port
from stepca import SCRIPT, StepCA, call

PACKAGES = ["golang-go", "golang-github-smallstep-certificates-dev"]
# The path of one of its packages, here and in sid.
CLI_UTILS = ("go.step.sm/cli-utils/", "github.com/smallstep/cli-utils/")

BUILD = r"""
mount -n -t proc proc "$1/proc"
exec chroot "$1" /usr/bin/env -i PATH=/usr/bin:/bin HOME=/build GOPATH=/build/go:/usr/share/gocode GO111MODULE=off GOPROXY=off \
    GOFLAGS=-buildvcs=false CGO_ENABLED=0 sh -c 'cd /build/go/src/stepca && go build -o /build/stepca .'
"""

# step-ca's own for servers, but for the address of the CRL.
TEMPLATE = """{
    "subject": {{ toJson .Subject }},
    "sans": {{ toJson .SANs }},
    "keyUsage": ["digitalSignature"],
    "extKeyUsage": ["serverAuth", "clientAuth"],
    "crlDistributionPoints": ["%s"]
}"""


def build_in_sid(sources, scratch):
    """The bytes of the program. The machine, of 2 GB, is needed for this alone and kept nowhere."""
    directory = scratch / "sid"
    directory.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PGANCHOR_TEST_CACHE", raising=False)
        tarball = make_tarball("sid", "apt", PACKAGES, scratch, STALE)
    try:
        unpack(tarball, directory)
        (scratch / "sources").mkdir()
        for name, text in sources.items():
            (scratch / "sources" / name).write_text(text)
        run(*ROOT, "mkdir", "-p", directory / "build/go/src")
        run(*ROOT, "cp", "-r", scratch / "sources", directory / "build/go/src/stepca")
        run(*ROOT, *OWN_MOUNTS, "sh", "-ec", BUILD, "build", directory)
        return (directory / "build/stepca").read_bytes()
    finally:
        take_away(tarball)
        take_away(directory)


def build_program(scratch):
    """The program of tests/stepca with sid's library; kept in the cache of the tests where there is one, else in `scratch`."""
    sources = {path.name: path.read_text().replace(*CLI_UTILS) for path in sorted(SCRIPT.parent.glob("*.go"))}
    digest = hashlib.sha256("\0".join([BUILD, *sources.values()]).encode()).hexdigest()[:16]
    program = Path(os.environ.get("PGANCHOR_TEST_CACHE") or scratch) / f"stepca-sid-{digest}"
    if not program.exists():
        # Two runs at the same time each make their own, and either will do.
        made = Path(f"{program}.{os.getpid()}")
        made.write_bytes(build_in_sid(sources, scratch))
        made.chmod(0o755)
        made.rename(program)
    return program


class CRLStepCA(StepCA):
    """A StepCA that answers at .crl_url, too."""

    @property
    def crl_url(self):
        return f"{self.url}/1.0/crl"

    def root_authority(self):
        """The root with its private key, which is no running CA's: its CRL is made by hand."""
        key = load_pem_private_key((self.directory / "secrets/root_ca_key").read_bytes(), (self.directory / "password").read_bytes())
        return Authority(x509.load_pem_x509_certificate(self.root.read_bytes()), key)

    def revoke(self, cert, key):
        """POST /revoke by whom it belongs to, by mutual TLS."""
        context = ssl.create_default_context(cafile=self.root)
        context.load_cert_chain(cert, key)
        body = {"serial": str(serial_of(cert)), "reasonCode": 1, "reason": "key compromised", "passive": True}
        request = urllib.request.Request(f"{self.url}/1.0/revoke", json.dumps(body).encode(), {"Content-Type": "application/json"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
        with opener.open(request) as answer:
            assert answer.status == 200


def configure(ca, points):
    """Its database is of the kind that sid's library has, its CRL is published, new at each revocation and valid for a day (that is
    enough for a loaded machine), and with `points` its certificates say where."""
    path = ca.directory / "config/ca.json"
    config = json.loads(path.read_text())
    config["db"] = {"type": "bbolt", "dataSource": str(ca.directory / "db.bolt")}
    config["crl"] = {"enabled": True, "generateOnRevoke": True, "cacheDuration": "24h", "idpURL": ca.crl_url}
    if points:
        for provisioner in config["authority"]["provisioners"]:
            if provisioner["type"] == "JWK":
                provisioner["options"] = {"x509": {"template": TEMPLATE % ca.crl_url}}
    path.write_text(json.dumps(config))


def start_crl_stepca(program, directory, points, tries=5):
    for attempt in range(tries):
        home, port = Path(f"{directory}-{attempt}"), free_port()
        call("init", home, "--address", f"127.0.0.1:{port}")
        ca = CRLStepCA(home, port, None)
        configure(ca, points)
        ca.daemon = Daemon([program, "run"], f"{home}.log", env={"STEPPATH": str(home), "HOME": str(home), "PATH": os.environ["PATH"]})
        try:
            ca.daemon.wait_for("Serving HTTPS on")
            return ca
        except NotReady:
            ca.daemon.stop()
            if "address already in use" not in ca.daemon.text() or attempt + 1 == tries:
                raise


@pytest.fixture(scope="session")
def crl_stepcas(session_directory, tmp_path_factory):
    """{whether its certificates name the CRL: a CRLStepCA}"""
    program = build_program(tmp_path_factory.mktemp("sid-stepca"))
    started = {}
    try:
        for points in (False, True):
            started[points] = start_crl_stepca(program, session_directory / f"crl-stepca-{points}", points)
        yield started
    finally:
        for ca in started.values():
            ca.daemon.stop()
