"""PostgreSQL servers of other Debian releases, as ordinary programs of this machine: postgres_of(17) is what `clusters` is of this one's.

Nothing is installed, and nothing needs root or chroot(2): Debian's packages are unpacked, and their programs are told where their
own libc and libraries are.
"""

import hashlib
import os
import re
import subprocess
from pathlib import Path

import pytest

from machines import HERE, LIBPQS, apt_sources, run
from postgres import Clusters
from sources import Apt

# Beside the server's own: libraries, but not what would compile queries (140 MB), nor an interpreter's or a daemon's.
WANTED = r"lib(?!llvm|perl|python|clang).*|postgresql-client-\d+"
# What is in them of it.
PARTS = ("usr/lib", "usr/share/postgresql")
PROGRAMS = ("initdb", "pg_basebackup", "pg_ctl", "pg_isready", "pg_receivewal", "postgres", "psql")


def fetched(version, scratch):
    """The tarball of a server and its libraries, made once: kept in the cache of the tests where there is one, else in `scratch`."""
    release = LIBPQS[version]
    key = hashlib.sha256("\n".join([WANTED, *apt_sources(release)]).encode()).hexdigest()[:16]
    tarball = Path(os.environ.get("PGANCHOR_TEST_CACHE") or scratch) / f"postgresql-{version}-{key}.tar"
    if not tarball.exists():
        (scratch / "apt").mkdir()
        (scratch / "root").mkdir()
        Apt(scratch / "apt", [release], "deb").unpack(f"postgresql-{version}", WANTED, scratch / "root")
        made = f"{tarball}.{os.getpid()}"
        run("tar", "-C", scratch / "root", "--exclude=llvmjit*", "--exclude=bitcode", "-cf", made, *PARTS)
        os.rename(made, tarball)
    return tarball


def programs_of(version, directory, scratch):
    """Unpack a server into a directory that everybody can reach. Returns where its programs are."""
    run("tar", "-x", "--no-same-owner", "-C", directory, "-f", fetched(version, scratch))
    (loader,) = directory.glob("usr/lib/*/ld-linux*.so.*")
    # The scripts among them are for other users of Debian's.
    programs = directory / f"usr/lib/postgresql/{version}/bin"
    for name in PROGRAMS:
        # Of what the libraries need in turn, too: RPATH, not RUNPATH.
        run("patchelf", "--set-interpreter", loader, "--force-rpath", "--set-rpath", loader.parent, programs / name)
    return programs


@pytest.fixture(scope="session")
def postgres_of(clusters, session_directory, tmp_path_factory):
    """Factory postgres_of(17) -> Clusters of that version, unpacked at the first call; .start() makes a server, as make_postgres does.
    Whoever starts one stops it."""
    made = {}
    number = subprocess.run([clusters.bin / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    assert re.search(r"\) (\d+)", number), number

    def make(version):
        if version not in made:
            directory = session_directory / f"postgresql{version}"
            directory.mkdir()
            directory.chmod(0o755)
            made[version] = clusters if LIBPQS[version] == HERE else Clusters(
                directory, programs_of(version, directory, tmp_path_factory.mktemp(f"postgresql{version}")))
        return made[version]

    return make
