"""pganchor ca local for the tests: the CA in a home, what openssl says of it, and servers that show a certificate of it."""

import stat
import subprocess

import pytest

from postgres import SUPERUSER

CA = ".config/pganchor/local-ca"


def openssl(*words, **kwargs):
    return subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, stdin=subprocess.DEVNULL, **kwargs)


def verify(home, certificate, *words):
    """What openssl says of it, as strictly as it can."""
    return openssl("verify", "-x509_strict", "-CAfile", home / CA / "ca.crt", *words, certificate)


def shown(certificate, *words):
    done = openssl("x509", "-noout", "-in", certificate, *words)
    assert done.returncode == 0
    return done.stdout


def pin_of(certificate):
    return shown(certificate, "-fingerprint", "-sha256").split("=")[1].strip().replace(":", "").lower()


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def own_ca(home):
    done = home.pganchor("ca", "local")
    assert done.returncode == 0, done.stderr
    return home


def data(server):
    return server.directory / "data"


def serve(home, server, *words):
    return home.pganchor("ca", "local", "serve", data(server), "--user", SUPERUSER, *words)


def ask(home, server, **settings):
    settings = {"sslmode": "verify-full", "sslrootcert": home / ".config/pganchor/anchors/local.crt", **settings}
    return home.run(["psql", "-XAtc", "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", server.conninfo(**settings)])


def state(server):
    """All that serve could change: the files of the data directory and what they hold."""
    return {path.name: (path.read_bytes(), mode_of(path)) for path in data(server).iterdir()
            if path.is_file() and path.name not in ("postmaster.pid", "postmaster.opts")}
