"""The gate on other processors: built for them by a cross-compiler, and run by qemu in psql and PHP as Debian has them there."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from gated import WEAK, write_anchor
from languages import PGSQL
from machines import ROOT, make_tarball, run, take_away, unpack
from programs import SOURCES, TOP, build_environment, said

pytestmark = [pytest.mark.plain_build, pytest.mark.own_builds]

CLIENTS = ["php-cli", "php-pgsql", "postgresql-client"]
SSL = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


@dataclass
class Processor:
    """What Debian, compilers and qemu call it."""

    debian: str
    triplet: str
    qemu: str


PROCESSORS = {processor.debian: processor for processor in (
    Processor("armhf", "arm-linux-gnueabihf", "qemu-arm"),
    Processor("arm64", "aarch64-linux-gnu", "qemu-aarch64"),
    # Its bytes are the other way round.
    Processor("s390x", "s390x-linux-gnu", "qemu-s390x"),
    # No call through a pointer can be a jump there.
    Processor("ppc64el", "powerpc64le-linux-gnu", "qemu-ppc64le"))}


# A cross-compiler and what it needs of a libc, without what only a sanitizer or C++ would.
COMPILER = ["gcc-12-{0.triplet}", "cpp-12-{0.triplet}", "binutils-{0.triplet}", "libgcc-12-dev-{0.debian}-cross",
            "libgcc-s1-{0.debian}-cross", "libc6-{0.debian}-cross", "libc6-dev-{0.debian}-cross", "linux-libc-dev-{0.debian}-cross"]


class Compiler:
    """Debian's cross-compiler, in a directory: installed, it would drive out the one of 32-bit programs."""

    def __init__(self, processor, directory, cache):
        self.processor, self.directory = processor, directory
        names = [name.format(processor) for name in COMPILER]
        cache.mkdir(exist_ok=True)
        missing = [name for name in names if not list(cache.glob(f"{name}_*.deb"))]
        if missing:
            run("apt-get", "-q", "download", *missing, cwd=cache)
        for name in names:
            run("dpkg-deb", "-x", next(cache.glob(f"{name}_*.deb")), directory)
        # Those of the machine that we are on, for what reads the other's files.
        libraries = next(directory.glob("usr/lib/*/libbfd-*.so")).parent
        self.env = {**build_environment(), "PATH": f"{os.environ['PATH']}:{directory}/usr/bin", "LD_LIBRARY_PATH": str(libraries)}
        self.words = [f"{processor.triplet}-gcc-12", f"--sysroot={directory}"]

    def configure(self, release, directory, *options):
        directory.mkdir()
        run(release / "configure", f"--host={self.processor.triplet}", f"CC={' '.join([*self.words, *options])}",
            "--disable-tool", "--enable-werror", "--with-pg-sysconfdir=/etc", "LIBPQ_LIBS=-lpq",
            f"LIBPQ_CFLAGS=-I{said('pg_config', '--includedir')}", cwd=directory, env=self.env)


@pytest.fixture(scope="session")
def compiler_for(session_directory):
    """Factory compiler_for("armhf") -> Compiler."""
    made = {}

    def make(name):
        if name not in made:
            directory = session_directory / f"compiler-{name}"
            directory.mkdir()
            made[name] = Compiler(PROCESSORS[name], directory, Path(os.environ.get("PGANCHOR_TEST_CACHE") or session_directory) / "compilers")
        return made[name]

    return make


@pytest.fixture(scope="session")
def release(session_directory):
    """The sources with ./configure made."""
    directory = session_directory / "release"
    run(TOP / "packaging" / "copy-sources.sh", directory)
    run("./autogen.sh", cwd=directory)
    return directory


class Foreign:
    """A directory with another processor's Debian, whose programs run here, and the gate for it."""

    def __init__(self, processor, directory, compiler, module):
        self.processor, self.directory, self.compiler, self.module = processor, directory, compiler, module

    def words(self, program, *args, gated):
        """The words that run a program; one of the directory where it is a string."""
        if isinstance(program, str):
            program = next(self.directory.glob(program))
        preload = ["-E", f"LD_PRELOAD={self.module}"] if gated else []
        # Not all system calls are led into the directory: a 32-bit ld.so does not see that its directories are there.
        libraries = ":".join(f"{self.directory}/{place}/{self.processor.triplet}" for place in ("lib", "usr/lib"))
        return [self.processor.qemu, "-L", self.directory, "-E", f"LD_LIBRARY_PATH={libraries}", *preload, program, *args]

    def psql(self, conninfo, gated=True):
        return self.words("usr/lib/postgresql/*/bin/psql", "-XAtc", SSL, conninfo, gated=gated)

    def php(self, conninfo, gated=True):
        # Opens its extensions with RTLD_DEEPBIND, past whatever is preloaded.
        return self.words("usr/bin/php?.*", "-n", "-d", "extension=pgsql", "-r", PGSQL, conninfo, gated=gated)

    def compile(self, source, target, *words):
        run(*self.compiler.words, "-O2", "-Wall", "-Wextra", "-o", target, SOURCES / source, *words, env=self.compiler.env)
        return target


# One of 32 bits; the others with tests/run.sh --whole.
@pytest.fixture(scope="session", params=[pytest.param(name, marks=[] if name == "armhf" else [pytest.mark.whole]) for name in PROCESSORS])
def foreign(request, release, compiler_for, session_directory, tmp_path_factory):
    tarball = make_tarball("bookworm", "extract", CLIENTS, tmp_path_factory.mktemp("apt"), architectures=request.param)
    compiler = compiler_for(request.param)
    build = session_directory / f"build-{request.param}"
    compiler.configure(release, build)
    run("make", "-j2", "pganchor-gate.la", cwd=build, env=compiler.env)
    directory = session_directory / request.param
    directory.mkdir()
    unpack(tarball, directory)
    # qemu follows an absolute link out of the directory.
    for link in directory.glob("lib*/ld*.so.*"):
        if link.is_symlink() and link.readlink().is_absolute():
            run(*ROOT, "ln", "-sfn", f"..{link.readlink()}", link)
    yield Foreign(PROCESSORS[request.param], directory, compiler, build / ".libs" / "pganchor-gate.so")
    take_away(directory)


@pytest.mark.parametrize("client", ["psql", "php"])
def test_weak_is_refused_and_verified_works(foreign, anchored, postgres, client):
    words = getattr(foreign, client)
    weak, strong = postgres.conninfo(), postgres.conninfo(sslmode="verify-full")
    assert anchored.run(words(weak, gated=False)).stdout == "t\n", "without the gate a weak connection must succeed"
    seen = postgres.connections()
    done = anchored.run(words(weak))
    assert WEAK in done.stdout + done.stderr and done.returncode != 0
    assert postgres.connections() == seen
    done = anchored.run(words(strong))
    assert (done.stdout, done.stderr, done.returncode) == ("t\n", "", 0)
    write_anchor(anchored, "other", "0" * 64)
    done = anchored.run(words(strong))
    assert "ends in a root that is not pinned" in done.stdout + done.stderr and done.returncode != 0


def test_a_file_with_a_date_of_2040(foreign, anchored, postgres):
    """Where a program is told dates in 32 bits, there is no such one."""
    write_anchor(anchored, "other", "0" * 64)
    os.utime(anchored / ".config/pganchor/anchors.conf", (2_208_988_800, 2_208_988_800))
    done = anchored.run(foreign.psql(postgres.conninfo(sslmode="verify-full")))
    assert "ends in a root that is not pinned" in done.stderr and done.returncode != 0


def test_the_dynamic_linker_answers_as_without_the_gate(foreign, anchored, tmp_path):
    """Its functions look at their return address: the gate has to jump to them, on every processor."""
    shared = ("-shared", "-fPIC", "-Wl,--no-as-needed")
    # It needs what is gone.
    foreign.compile("/dev/null", tmp_path / "libgone.so", *shared, "-Wl,-soname,libgone.so")
    foreign.compile("/dev/null", tmp_path / "libbroken.so", *shared, tmp_path / "libgone.so")
    (tmp_path / "libgone.so").unlink()
    foreign.compile("beside.c", tmp_path / "libbeside.so", *shared, "-Wl,-rpath,$ORIGIN")
    program = foreign.compile("linker.c", tmp_path / "linker", "-rdynamic", "-Wl,-rpath,$ORIGIN,--enable-new-dtags")
    libpq = next(foreign.directory.glob("usr/lib/*/libpq.so.5"))
    alone = anchored.run(foreign.words(program, libpq, gated=False))
    for line in ("next libc.so.6", "runpath found\norigin found", "other space, origin found", "function found"):
        assert f"{line}\n" in alone.stdout
    gated = anchored.run(foreign.words(program, libpq, gated=True))
    assert gated.stdout.splitlines() == alone.stdout.splitlines()
    assert (gated.stderr, gated.returncode) == (alone.stderr, alone.returncode)


def test_the_module_needs_libc_alone(foreign):
    """And the dynamic linker itself, where that holds the stack protector's guard."""
    listed = run("readelf", "--wide", "--dynamic", "--dyn-syms", foreign.module)
    needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", listed))
    assert "libc.so.6" in needed and all(name.startswith("ld") for name in needed - {"libc.so.6"})
    assert not re.search(r"UND (__atomic|PQ|SSL_)", listed)
    if "ELF32" in run("readelf", "--file-header", foreign.module):
        # Any file can be looked at: whatever its inode's number, and whatever its date.
        assert "UND __stat64_time64" in listed and not re.search(r"UND (__[fl]?xstat|[fl]?stat)\b", listed)


def test_configure_refuses_a_machine_that_the_gate_does_not_know(release, compiler_for, session_directory):
    """An ARM whose calling convention is not the one in the table."""
    with pytest.raises(AssertionError) as error:
        compiler_for("armhf").configure(release, session_directory / "unknown", "-U__ARM_EABI__")
    assert "error: pganchor cannot be built for arm: the gate would not see the connections" in str(error.value)


def test_the_packages_are_for_the_machines_that_the_gate_knows():
    control = (TOP / "packaging/debian/control").read_text()
    architectures = set(re.findall(r"^Architecture: (.*)$", control, re.MULTILINE))
    assert len(architectures) == 1, "the packages differ"
    assert {"amd64", "i386", *PROCESSORS} <= set(architectures.pop().split())
    assert re.search(r"^ExclusiveArch: .*x86_64 .*aarch64 .*ppc64le .*s390x", (TOP / "packaging/pganchor.spec.in").read_text(), re.MULTILINE)
