"""The packages, built once a session, and machines of their own to install them on."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from machines import OWN_MOUNTS, ROOT, make_tarball, run, take_away, unpack
from postgres import PASSWORD
from programs import TOP, build_environment

PACKAGING = TOP / "packaging"
LINUX_USER = 1000


def version():
    return re.search(r"AC_INIT\(\[pganchor\], \[([^]]+)\]", (TOP / "configure.ac").read_text())[1]


@pytest.fixture(scope="session")
def release(tmp_path_factory):
    """pganchor-VERSION.tar.xz, made from a copy of the sources that is as it was before."""
    tree = tmp_path_factory.mktemp("source")
    run(PACKAGING / "copy-sources.sh", tree)
    before = {path: path.stat().st_mtime_ns for path in tree.rglob("*")}
    made = run(tree / "packaging" / "make-dist.sh", tmp_path_factory.mktemp("release"), env=build_environment()).strip()
    assert {path: path.stat().st_mtime_ns for path in tree.rglob("*")} == before
    assert Path(made).name == f"pganchor-{version()}.tar.xz"
    return Path(made)


@pytest.fixture(scope="session")
def debs(release, tmp_path_factory):
    """{package: its .deb}, and under "changes" what describes the upload. The units, which other runs have, are built for it by --whole."""
    directory = tmp_path_factory.mktemp("deb")
    units = [] if os.environ.get("PGANCHOR_TESTS_WHOLE") else ["--no-check"]
    run(PACKAGING / "build-deb.sh", "--no-install", *units, "--tarball", release, directory, env=build_environment())
    found = {path.name.split("_")[0]: path for path in directory.glob("*.deb")}
    return {**found, "changes": next(directory.glob("*.changes"))}


@pytest.fixture(scope="session")
def rpm_build(release, tmp_path_factory):
    """The directory with the .rpm files, and what build-rpm.sh said."""
    directory = tmp_path_factory.mktemp("rpm")
    return directory, run(PACKAGING / "build-rpm.sh", "--no-install", "--no-check", "--tarball", release, directory, env=build_environment())


@pytest.fixture(scope="session")
def rpms(rpm_build):
    """{package: its .rpm}"""
    return {path.name.split(f"-{version()}-")[0]: path for path in rpm_build[0].glob("*.x86_64.rpm")}


def field(deb, name):
    return run("dpkg-deb", "--field", deb, name).strip()


def depends(deb):
    """The names of the packages that a .deb needs; from trixie on, some say that their time_t has 64 bits."""
    return {entry.split()[0].split(":")[0].removesuffix("t64") for entry in field(deb, "Depends").split(", ")}


def deb_files(deb):
    lines = [line.split(maxsplit=5) for line in run("dpkg-deb", "--contents", deb).splitlines()]
    return {words[5].split(" -> ")[0][2:] for words in lines if not words[0].startswith("d")}


def deb_directories(deb):
    return {line.split(maxsplit=5)[5][2:] for line in run("dpkg-deb", "--contents", deb).splitlines() if line.startswith("d")}


def unpack_deb(deb, directory):
    run("dpkg-deb", "--extract", deb, directory)
    return directory


def unpack_rpm(rpm, directory):
    directory.mkdir(exist_ok=True)
    run("sh", "-c", 'rpm2cpio "$1" | cpio -idm --quiet', "sh", rpm, cwd=directory)
    return directory


def query(rpm, *what, database):
    return set(run("rpm", "--dbpath", database, "-qp", *what, rpm).split("\n")) - {""}


# ---- a machine of its own

@pytest.fixture(scope="session")
def base_system(debs, tmp_path_factory):
    """A tarball: minimal Debian 12, psql, and what the package depends on."""
    return make_tarball("bookworm", "minbase", {"postgresql-client", *depends(debs["pganchor"])}, tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="session")
def system_with_32_bit(debs, tmp_path_factory):
    """A tarball: minimal Debian 12, what the package depends on, and a libpq for 32-bit programs."""
    return make_tarball("bookworm", "minbase", {*depends(debs["pganchor"]), "libpq5:i386"}, tmp_path_factory.mktemp("base-32"),
                        architectures="amd64,i386")


class Machine:
    """A machine in a directory: run() as its user `dev`, root() as its root. Loopback is that of the machine we are on."""

    def __init__(self, directory):
        self.directory = directory

    def root(self, *argv):
        return run(*ROOT, "chroot", self.directory, "/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8",
                   "DEBIAN_FRONTEND=noninteractive", *argv)

    def root_with_proc(self, *argv):
        """As root(), with /proc, which is there for this command alone."""
        enter = 'mount -n -t proc proc "$1/proc" && exec chroot "$@"'
        return run(*ROOT, *OWN_MOUNTS, "sh", "-c", enter, "enter", self.directory, "/usr/bin/env", "-i",
                   "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", *argv)

    def run(self, *argv, **env):
        variables = {"HOME": "/home/dev", "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "PGPASSWORD": PASSWORD, **env}
        return subprocess.run([*ROOT, "chroot", f"--userspec={LINUX_USER}:{LINUX_USER}", "--groups=", self.directory,
                               "/usr/bin/env", "-i", "-C", "/home/dev", *[f"{name}={value}" for name, value in variables.items()],
                               *map(str, argv)], stdin=subprocess.DEVNULL, capture_output=True, text=True)


@pytest.fixture
def make_machine(request, tmp_path):
    """Factory of machines in directories, of a tarball, which it takes away afterwards."""
    made = []

    def make(name, system="base_system"):
        directory = tmp_path / name
        directory.mkdir()
        made.append(directory)
        unpack(request.getfixturevalue(system), directory)
        machine = Machine(directory)
        machine.root("useradd", "--create-home", "--uid", LINUX_USER, "dev")
        machine.root("sh", "-c", "echo 127.0.0.1 localhost db.example.test >/etc/hosts")
        return machine

    yield make
    for directory in made:
        take_away(directory)


def install_debs(machine, debs, names=("pganchor", "libpganchor0")):
    packages = [debs[name] for name in names]
    run(*ROOT, "cp", *packages, machine.directory / "root")
    machine.root("dpkg", "--install", *[f"/root/{path.name}" for path in packages])


def install_rpms(machine, rpms):
    """As far as a Debian goes: its libraries are those that the packages ask for, its package database is another."""
    for package in ("pganchor", "libpganchor"):
        run(*ROOT, "sh", "-c", 'rpm2cpio "$1" | cpio -idmu --quiet', "sh", rpms[package], cwd=machine.directory)


# ---- while the package comes and goes

def watched(log, *argv, names=("pganchor-gate.so",)):
    """Does it; what became of files whose names begin so: [(call, from, to), ...]. ld.so complains of nothing in what is said."""
    calls = "trace=rename,renameat,renameat2,unlink,unlinkat"
    said = run(*ROOT, "strace", "-f", "-qq", "-e", calls, "-e", "signal=none", "-o", log, *argv)
    assert "ld.so" not in re.sub(r"ld\.so\.(preload|conf\.d)", "", said), said
    found = []
    for line in log.read_text(errors="replace").splitlines():
        files = [Path(name).name for name in re.findall(r'"([^"]*)"', line)]
        if line.endswith(" = 0") and any(file.startswith(names) for file in files):
            found.append((re.search(r"(\w+)\(", line)[1].replace("renameat2", "rename").replace("renameat", "rename"), *files))
    return found


@pytest.fixture
def next_debs(debs, tmp_path):
    """The packages once more, of a version that comes after."""
    made = {}
    for package in ("pganchor", "pganchor-libpq", "libpganchor0"):
        directory = tmp_path / f"next-{package}"
        run("dpkg-deb", "--raw-extract", debs[package], directory)
        control = directory / "DEBIAN/control"
        control.write_text(control.read_text().replace(f"{version()}-1", f"{version()}-2"))
        made[package] = tmp_path / f"{package}-2.deb"
        run("dpkg-deb", "--root-owner-group", "--build", directory, made[package])
    return made
