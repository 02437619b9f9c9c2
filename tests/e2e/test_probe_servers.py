"""pganchor probe of a newer PostgreSQL than this machine's, which begins with TLS where a client does: a real one, of the Debian that
has it."""

import os
import shlex

import pytest

from anchoring import add
from certificates import make_root
from libpqs import RELEASES, Root, packages_of
from machines import ROOT, STALE, make_tarball, run, take_away, unpack
from postgres import Clusters
from test_probe import probe, reasons, told

# A machine of its own, with a server.
pytestmark = pytest.mark.whole
VERSION = 18


class RootedClusters(Clusters):
    """Servers in a Root: what starts them goes there first. A path below its directory is the same inside and outside."""

    def __init__(self, root):
        super().__init__(root.directory / "servers")
        names = "postgres" if os.geteuid() == 0 else "tests"
        self.ids = tuple(map(int, run("sed", "-n", f"s/^{names}:x:\\([0-9]*\\):\\([0-9]*\\):.*/\\1 \\2/p", root.directory / "etc/passwd").split()))
        run(*ROOT, "install", "-d", "-o", os.geteuid(), self.directory)
        self.user, self.bin = None, self.directory / "bin"
        self.bin.mkdir()
        for name in ("initdb", "postgres"):
            words = [*ROOT, "chroot", root.directory, "setpriv", "--pdeathsig", "KILL", f"--reuid={self.ids[0]}", f"--regid={self.ids[1]}",
                     "--clear-groups", "--", "env", "PATH=/usr/bin:/bin", "LC_ALL=C", "TZ=UTC", f"/usr/lib/postgresql/{VERSION}/bin/{name}"]
            (self.bin / name).write_text(f'#!/bin/sh\nexec {shlex.join(map(str, words))} "$@"\n')
            (self.bin / name).chmod(0o755)

    def give(self, path, mode):
        os.chmod(path, mode)
        os.chown(path, *self.ids)


@pytest.fixture(scope="module")
def company():
    return make_root("Company Root CA", days=(-1, 400))


@pytest.fixture(scope="module")
def newer(pganchor, session_directory, tmp_path_factory, company):
    """A PostgreSQL 18 with a certificate of the company's for localhost."""
    packages = [*packages_of(VERSION), f"postgresql-{VERSION}"]
    tarball = make_tarball(RELEASES[VERSION], "apt", packages, tmp_path_factory.mktemp("apt"), STALE)
    directory = session_directory / f"server{VERSION}"
    directory.mkdir()
    try:
        unpack(tarball, directory)
        # /dev/shm is nobody's there.
        server = RootedClusters(Root(directory, pganchor)).start(
            *company.issue(tmp_path_factory.mktemp("server"), "localhost"), settings={"dynamic_shared_memory_type": "mmap"},
            hba="hostssl all all all scram-sha-256\n")
        try:
            yield server
        finally:
            server.stop()
    finally:
        take_away(directory)


def test_direct_tls_is_taken_and_told(home, newer, company):
    assert f"starting PostgreSQL {VERSION}" in newer.daemon.text()
    add(home, "company", company)
    found = told(home, f"localhost:{newer.port}", status=0)
    assert (found["verified"], found["grade"], found["direct_tls"]) == (True, "A", True)
    assert (found["login"]["method"], found["channel_binding_works"], found["plain_text"]) == ("scram-sha-256", True, False)
    assert found["other_certificate_without_name"] is False and reasons(found) == {"verified-by-anchor"}
    assert "direct TLS yes" in probe(home, f"localhost:{newer.port}", status=0)
    # It asks as libpq does: with the word that PostgreSQL wants to hear.
    newer.settle()
    assert "without ALPN" not in newer.daemon.text()
