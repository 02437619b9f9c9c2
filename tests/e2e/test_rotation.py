"""A CA moves from one root to another, and nobody notices: a connection after the other, all along."""

import json
import os
import signal
import ssl

import pytest
from cryptography import x509

from services import add, bootstrap, entry, environment

CONF = ".config/pganchor/anchors.conf"
ROOT_CRT = ".postgresql/root.crt"
NAMES = ("localhost", "127.0.0.1")


def own(name="localhost"):
    return f".config/pganchor/anchors/{name}.crt"


def refresh(home, *args, **kwargs):
    return home.pganchor("anchor", "refresh", *args, env=environment(home), **kwargs)


def refreshed(home, *args, status=0):
    done = refresh(home, "--json", *args)
    assert done.returncode == status, done.stdout + done.stderr
    return json.loads(done.stdout)


def states(report):
    (source,) = report["sources"]
    return [(root["anchor"], root["state"]) for root in source["roots"]]


def pins(home):
    names, here = {}, None
    for line in (home / CONF).read_text().splitlines():
        if line.startswith("["):
            here = line[1:-1]
        elif line.startswith("pin = "):
            names[here] = line[6:]
    return names


def certificates(home, path):
    return [text.strip() + "\n" for text in ["-----BEGIN" + part for part in
            "".join(line for line in (home / path).read_text().splitlines(True) if not line.startswith("#")).split("-----BEGIN")[1:]]]


def show(server, cert, key):
    """The running server has another certificate from now on: what is seen by a handshake says so."""
    import shutil

    data = server.directory / "data"
    for source, name in ((cert, "server.crt"), (key, "server.key")):
        with open(source, "rb") as text, open(data / f"{name}.new", "wb") as new:
            shutil.copyfileobj(text, new)
        status = (data / name).stat()
        os.chown(data / f"{name}.new", status.st_uid, status.st_gid)
        os.chmod(data / f"{name}.new", 0o600)
    for name in ("server.key", "server.crt"):
        (data / f"{name}.new").rename(data / name)
    server.daemon.process.send_signal(signal.SIGHUP)
    wanted = x509.load_pem_x509_certificate(cert.read_bytes())
    while shown_leaf(server) != wanted:
        pass


def shown_leaf(server):
    import socket
    import struct

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", server.port), 60) as plain:
        plain.sendall(struct.pack("!ii", 8, 80877103))
        assert plain.recv(1) == b"S"
        with context.wrap_socket(plain) as tls:
            return x509.load_der_x509_certificate(tls.getpeercert(True))


def connects(home, *argv):
    """A function that connects once, and says why that failed, or nothing."""
    def once():
        done = home.run([*home.gate, "psql", "-XAtc", "SELECT 1", *argv], env=environment(home))
        return "" if done.stdout == "1\n" and done.returncode == 0 else done.stderr or "no answer"
    return once


@pytest.mark.parametrize("scoped", [False, True], ids=["root.crt", "own file"])
def test_a_whole_rotation_without_one_failed_connection(home, rotating_ca, make_postgres, connecting, tmp_path, scoped):
    ca = rotating_ca
    server = make_postgres(*ca.issue(*NAMES))
    bootstrap(home, ca, *(["--scoped"] if scoped else []))
    done = add(home, "prod", "--host", "localhost", "--port", str(server.port), "dbname=" + server.dbname, "user=" + server.user)
    assert done.returncode == 0, done.stderr
    roots = dict(entry(home, "prod"))["sslrootcert"]
    assert roots.endswith(own() if scoped else ROOT_CRT)
    all_along = connecting(connects(home, server.conninfo(service="prod", host=None, port=None)))
    all_along.some_more()

    # A: nothing is new.
    assert states(refreshed(home)) == [("localhost", "known")]

    # A + B: the CA shows both, and signs by the old one still.
    ca.have([ca.old_root, ca.new.pem])
    before = home.snapshot()
    dry = refreshed(home, "--dry-run")
    assert states(dry) == [("localhost", "known"), ("localhost-2", "new")] and dry["dry_run"]
    assert home.snapshot() == before
    assert states(refreshed(home)) == states(dry)
    assert pins(home) == {"localhost": ca.fingerprint, "localhost-2": ca.new.fingerprint}
    assert certificates(home, own()) == [ca.old_root, ca.new.pem]
    assert certificates(home, own("localhost-2")) == [ca.new.pem, ca.old_root]
    if scoped:
        assert not (home / ROOT_CRT).exists()
    else:
        assert certificates(home, ROOT_CRT) == [ca.old_root, ca.new.pem]
    all_along.some_more()
    again = home.snapshot()
    assert states(refreshed(home)) == [("localhost", "known"), ("localhost-2", "known")]
    after = home.snapshot()
    assert {name for name in again if again[name] != after[name]} <= {".config/pganchor/sources.conf"}
    # Which root.crt and files are as they should be, the other commands know, too.
    assert home.pganchor("bootstrap", "--ca-url", ca.url, "--fingerprint", ca.fingerprint).returncode == 0
    assert certificates(home, own()) == [ca.old_root, ca.new.pem]

    # The server moves, and then the CA.
    show(server, *ca.issuer.issue(tmp_path, *NAMES))
    all_along.some_more()
    ca.have([ca.old_root, ca.new.pem], ca.issuer)
    assert states(refreshed(home)) == [("localhost", "known"), ("localhost-2", "known")]

    # B: the old one is withdrawn, stays until it is told to go, and leaves its name to the new one.
    ca.have([ca.new.pem], ca.issuer)
    report = refreshed(home, status=3)
    assert states(report) == [("localhost", "withdrawn"), ("localhost-2", "known")] and not report["late_servers"]
    assert "pganchor anchor refresh localhost --drop" in home.pganchor("status", "--all").stdout
    all_along.some_more()
    report = refreshed(home, "--drop", "--yes")
    (source,) = report["sources"]
    assert [(root["anchor"], root["dropped"], root["new_name"]) for root in source["roots"]] == [
        ("localhost", True, None), ("localhost-2", False, "localhost")]
    assert pins(home) == {"localhost": ca.new.fingerprint}
    assert certificates(home, own()) == [ca.new.pem] and not (home / own("localhost-2")).exists()
    if not scoped:
        assert certificates(home, ROOT_CRT) == [ca.new.pem]
    all_along.some_more()
    assert states(refreshed(home)) == [("localhost", "known")]
    assert "--drop" not in home.pganchor("status", "--all").stdout
    assert all_along.stop() == []


def test_a_server_that_is_late_is_told_of_and_keeps_its_root(home, rotating_ca, make_postgres):
    ca = rotating_ca
    server = make_postgres(*ca.issue(*NAMES))
    bootstrap(home, ca)
    assert add(home, "prod", "--host", "localhost", "--port", str(server.port)).returncode == 0
    ca.have([ca.new.pem, ca.old_root])
    assert refresh(home).returncode == 0
    ca.have([ca.new.pem], ca.issuer)
    done = refresh(home, "--drop", "--yes")
    assert done.returncode == 3
    assert "service prod" in done.stderr and "still comes from the root of anchor localhost, which its CA has withdrawn" in done.stderr
    assert "stays pinned: it is needed by service prod" in done.stdout
    assert pins(home)["localhost"] == ca.fingerprint
    assert "still shows a certificate of this root" in home.pganchor("status", "--all").stdout
    assert connects(home, server.conninfo(service="prod", host=None, port=None))() == ""


def test_a_server_that_does_not_answer_keeps_its_root(home, rotating_ca, make_postgres):
    ca = rotating_ca
    server = make_postgres(*ca.issue(*NAMES))
    bootstrap(home, ca)
    assert add(home, "prod", "--host", "localhost", "--port", str(server.port)).returncode == 0
    ca.have([ca.new.pem, ca.old_root])
    assert refresh(home).returncode == 0
    server.stop()
    ca.have([ca.new.pem], ca.issuer)
    done = refresh(home, "--drop", "--yes")
    assert done.returncode == 3 and "a server that does not answer may need it: service prod" in done.stdout
    assert pins(home) == {"localhost": ca.fingerprint, "localhost-2": ca.new.fingerprint}
    assert ca.old_root in certificates(home, ROOT_CRT)
