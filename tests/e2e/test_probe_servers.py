"""pganchor probe of newer PostgreSQLs than this machine's: one that begins with TLS where a client does, and one that shows each name
its own certificate. Real ones, of the Debians that have them."""

import os
import shlex
import shutil
from contextlib import contextmanager

import pytest

from anchoring import add
from certificates import make_root
from libpqs import RELEASES, Root
from machines import ROOT, STALE, make_tarball, run, take_away, unpack
from postgres import Clusters
from test_probe import probe, reasons, told

# A machine of its own for each, with a server.
pytestmark = pytest.mark.whole


class RootedClusters(Clusters):
    """Servers in a Root: what starts them goes there first. A path below its directory is the same inside and outside."""

    def __init__(self, root, version):
        super().__init__(root.directory / "servers")
        names = "postgres" if os.geteuid() == 0 else "tests"
        self.ids = tuple(map(int, run("sed", "-n", f"s/^{names}:x:\\([0-9]*\\):\\([0-9]*\\):.*/\\1 \\2/p", root.directory / "etc/passwd").split()))
        run(*ROOT, "install", "-d", "-o", os.geteuid(), self.directory)
        self.user, self.bin = None, self.directory / "bin"
        self.bin.mkdir()
        for name in ("initdb", "postgres"):
            words = [*ROOT, "chroot", root.directory, "setpriv", "--pdeathsig", "KILL", f"--reuid={self.ids[0]}", f"--regid={self.ids[1]}",
                     "--clear-groups", "--", "env", "PATH=/usr/bin:/bin", "LC_ALL=C", "TZ=UTC", f"/usr/lib/postgresql/{version}/bin/{name}"]
            (self.bin / name).write_text(f'#!/bin/sh\nexec {shlex.join(map(str, words))} "$@"\n')
            (self.bin / name).chmod(0o755)

    def give(self, path, mode):
        os.chmod(path, mode)
        os.chown(path, *self.ids)


@pytest.fixture(scope="module")
def company():
    return make_root("Company Root CA", days=(-1, 400))


@contextmanager
def machine_with(version, pganchor, directory, scratch):
    tarball = make_tarball(RELEASES[version], "apt", [f"postgresql-{version}"], scratch, STALE)
    directory.mkdir()
    try:
        unpack(tarball, directory)
        yield RootedClusters(Root(directory, pganchor), version)
    finally:
        take_away(directory)


# /dev/shm is nobody's there.
SETTINGS = {"dynamic_shared_memory_type": "mmap"}


@pytest.fixture(scope="module")
def newer(pganchor, session_directory, tmp_path_factory, company):
    """A PostgreSQL 18 with a certificate of the company's for localhost."""
    with machine_with(18, pganchor, session_directory / "server18", tmp_path_factory.mktemp("apt")) as made:
        server = made.start(*company.issue(tmp_path_factory.mktemp("server"), "localhost"), settings=SETTINGS,
                            hba="hostssl all all all scram-sha-256\n")
        try:
            yield server
        finally:
            server.stop()


class Named:
    """A PostgreSQL 19 that has a certificate of the company's for each of these names, and shows it to whoever asks for the name."""

    def __init__(self, made, company, scratch):
        self.made, self.company, self.scratch, self.servers = made, company, scratch, []

    def start(self, *rows):
        """Each row is what stands in pg_hosts.conf for a host, and the name in the certificate."""
        directory = self.made.make_directory()
        lines = []
        for number, (host, name) in enumerate(rows):
            own = self.scratch / f"{len(self.servers)}.{number}"
            own.mkdir()
            files = [shutil.copy(file, directory / f"{number}.{ending}")
                     for file, ending in zip(self.company.issue(own, name), ("crt", "key"))]
            for file in files:
                self.made.give(file, 0o600)
            lines.append(" ".join([host, *map(str, files)]) + "\n")
        hosts = directory / "hosts.conf"
        hosts.write_text("".join(lines))
        self.made.give(hosts, 0o600)
        server = self.made.start(*self.company.issue(self.scratch, "unused.example.com"), hba="hostssl all all all scram-sha-256\n",
                                 settings={**SETTINGS, "ssl_sni": "on", "hosts_file": hosts})
        self.servers.append(server)
        return server


@pytest.fixture(scope="module")
def named(pganchor, session_directory, tmp_path_factory, company):
    with machine_with(19, pganchor, session_directory / "server19", tmp_path_factory.mktemp("apt")) as made:
        named = Named(made, company, tmp_path_factory.mktemp("named"))
        try:
            yield named
        finally:
            for server in named.servers:
                server.stop()


def test_direct_tls_is_taken_and_told(home, newer, company):
    assert "starting PostgreSQL 18" in newer.daemon.text()
    add(home, "company", company)
    found = told(home, f"localhost:{newer.port}", status=0)
    assert (found["verified"], found["grade"], found["direct_tls"]) == (True, "A", True)
    assert (found["login"]["method"], found["channel_binding_works"], found["plain_text"]) == ("scram-sha-256", True, False)
    assert found["other_certificate_without_name"] is False and reasons(found) == {"verified-by-anchor"}
    assert "direct TLS yes" in probe(home, f"localhost:{newer.port}", status=0)
    # It asks as libpq does: with the word that PostgreSQL wants to hear.
    newer.settle()
    assert "without ALPN" not in newer.daemon.text()


def test_the_name_that_is_asked_for_is_the_name_that_is_sent(home, named, company):
    server = named.start(("localhost", "localhost"), ("db.example.com", "db.example.com"))
    assert "starting PostgreSQL 19" in server.daemon.text()
    add(home, "company", company)
    for name in ("localhost", "db.example.com"):
        found = told(home, f"host={name} hostaddr=127.0.0.1 port={server.port}", status=0)
        assert (found["verified"], found["grade"], found["direct_tls"], found["names"]) == (True, "A", True, f"DNS:{name}")
        # There is no entry for it.
        assert (found["other_certificate_without_name"], found["certificate_without_name"]) == (True, None)
    assert "SNI who names no host (SNI) is shown no certificate" in probe(home, f"localhost:{server.port}", status=0)
    # A name that the server does not know is an alert of its.
    found = told(home, f"host=other.example.com hostaddr=127.0.0.1 port={server.port}", status=3)
    assert (found["answer"], found["verified"], found["plain_text"]) == ("no-handshake", False, False)
    assert "unrecognized name" in found["problem"]
    # Without a name, as sslsni=0 has it, there is no handshake at all.
    found = told(home, f"host=localhost port={server.port} sslmode=verify-full sslsni=0", status=3)
    assert (found["answer"], found["verified"]) == ("no-handshake", False)


def test_who_names_no_host_is_shown_another_certificate(home, named, company):
    server = named.start(("localhost", "localhost"), ("*", "rest.example.com"))
    add(home, "company", company)
    found = told(home, f"localhost:{server.port}", status=0)
    assert (found["verified"], found["other_certificate_without_name"]) == (True, True)
    assert "CN=rest.example.com" in found["certificate_without_name"]
    found = told(home, f"host=localhost port={server.port} sslmode=verify-full sslsni=0", status=3)
    assert (found["fault"], found["names"]) == ("wrong-name", "DNS:rest.example.com")
