"""Small programs of the suite, compiled once a session against the libpq of this machine and the installed pganchor."""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

SOURCES = Path(__file__).parent / "programs"
TOP = Path(__file__).resolve().parent.parent.parent


def build_environment():
    """Ours without what would change a build, or tell make that it is the child of another one."""
    inherited = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "CFLAGS", "CPPFLAGS", "LDFLAGS", "DESTDIR", "LD_PRELOAD", "DEB_BUILD_OPTIONS")
    return {name: value for name, value in os.environ.items() if name not in inherited}


def flags(option, *packages, prefix):
    """The words that pkg-config gives for these packages, pganchor's from the prefix under test."""
    if not packages:
        return []
    env = {**os.environ, "PKG_CONFIG_PATH": str(prefix / "lib" / "pkgconfig")}
    asked = subprocess.run(["pkg-config", option, *packages], env=env, capture_output=True, text=True, check=True)
    return shlex.split(asked.stdout)


@pytest.fixture(scope="session")
def compile_program(pganchor, session_directory):
    """Factory compile_program("connect.c", ["libpq"]) -> path; linked with what the packages say, in that order."""
    made = {}

    def compile_one(source, packages, *, compiler="cc", rpath=True, words=()):
        key = (source, *packages, compiler, *words)
        if key not in made:
            path = session_directory / f"{Path(source).stem}-{len(made)}"
            argv = [compiler, "-Wall", "-Wextra", "-Werror", "-o", path, SOURCES / source, *words]
            argv += flags("--cflags", *packages, prefix=pganchor.prefix) + flags("--libs", *packages, prefix=pganchor.prefix)
            if rpath:
                argv.append(f"-Wl,-rpath,{pganchor.prefix}/lib")
            done = subprocess.run(list(map(str, argv)), capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            made[key] = path
        return made[key]

    return compile_one


@pytest.fixture(scope="session")
def compile_gate(pganchor, session_directory):
    """Factory compile_gate(words..., own=) -> path of the gate's own sources as one shared object, compiled with these words: the
    first is the compiler. own: the file that the module has for itself (dl_wrappers.c), or the library (api.c)."""
    listed = subprocess.run([TOP / "tests/fuzz/sources.sh", "BASE", "POLICY", "GATE"], check=True, capture_output=True, text=True)
    made = {}

    def compile_one(*words, own):
        if words not in made:
            made[words] = session_directory / f"gate-{len(made)}.so"
            sources = [TOP / name for name in (*listed.stdout.split(), f"src/gate/{own}")]
            argv = [*words, *gate_words(pganchor), "-shared", "-fPIC", "-fvisibility=hidden", "-o", made[words], *sources]
            done = subprocess.run(list(map(str, argv)), capture_output=True, text=True, cwd=session_directory)
            assert done.returncode == 0, done.stderr
        return made[words]

    return compile_one


def gate_words(pganchor):
    """What the gate's sources are compiled with besides."""
    return ["-D_GNU_SOURCE", "-DHAVE__DL_FIND_OBJECT=1", '-DPACKAGE_VERSION="0"', f'-DSYSCONFDIR="{pganchor.prefix}/etc"',
            f'-DPKGLIBDIR="{pganchor.prefix}/lib/pganchor"', f'-DPKGLIBEXECDIR="{pganchor.prefix}/libexec/pganchor"',
            '-DPG_SYSCONFDIR="/nowhere"', f"-I{TOP}/src", f"-I{TOP}/include",
            *flags("--cflags", "libpq", prefix=pganchor.prefix)]


@pytest.fixture(scope="session")
def build(session_directory):
    """Factory build("rustc", "hello.rs", words...) -> path of a program of programs/other, built once."""
    made = {}

    def build_one(compiler, source, *words, env=None):
        key = (compiler, source, words, tuple((env or {}).items()))
        if key not in made:
            made[key] = session_directory / f"built-{len(made)}"
            file = SOURCES / "other" / source
            argv = {"go": ["go", "build", *words, "-o", made[key], file],
                    "rustc": ["/usr/bin/rustc", *words, "-o", made[key], file],
                    "cc": ["cc", "-Wall", "-Wextra", "-Werror", "-g", "-o", made[key], file, *words]}[compiler]
            environment = {**os.environ, "GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOFLAGS": "",
                           "GOCACHE": str(session_directory / "go-cache"), **(env or {})}
            done = subprocess.run(list(map(str, argv)), capture_output=True, text=True, env=environment, cwd=session_directory)
            assert done.returncode == 0, done.stderr
        return made[key]

    return build_one


@pytest.fixture(scope="session")
def own_libpq_words(session_directory):
    """What links libpq itself into a program, in the place of -lpq: Debian's archives of it."""
    version = re.match(r"PostgreSQL (\d+)", said("pg_config", "--version"))[1]
    # The package would bring a compiler with it, of which nothing is wanted here.
    subprocess.run(["apt-get", "-q", "download", f"postgresql-server-dev-{version}"], cwd=session_directory, check=True,
                   capture_output=True)
    subprocess.run(["dpkg-deb", "-x", *session_directory.glob("postgresql-server-dev-*.deb"), session_directory / "server-dev"], check=True)
    libraries = session_directory / f"server-dev/usr/lib/postgresql/{version}/lib"
    needed = said("ldd", next(Path(said("pg_config", "--libdir")).glob("libpq.so.5.*")))
    return ["-I", said("pg_config", "--includedir"), Path(said("pg_config", "--libdir")) / "libpq.a",
            libraries / "libpgcommon_shlib.a", libraries / "libpgport_shlib.a", "-lssl", "-lcrypto", "-lm",
            *[f"-l:{name}" for name in re.findall(r"^\s*(lib(?:gssapi|ldap)\S+) =>", needed, re.MULTILINE)]]


@pytest.fixture(scope="session")
def second_libpq(session_directory):
    """A second libpq under a name of its own, as wheels and npm packages bundle theirs."""
    path = session_directory / "libpq-bundled.so.5"
    linked = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True, env={"PATH": "/usr/sbin:/sbin:/usr/bin"})
    (original,) = {line.split(" => ")[1] for line in linked.stdout.splitlines() if line.strip().startswith("libpq.so.5 ")}
    shutil.copy(original, path)
    subprocess.run(["patchelf", "--set-soname", path.name, path], check=True)
    return path


def said(*argv):
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture(scope="session")
def extension(compile_program):
    return compile_program("extension.c", ["libpq"], words=("-shared", "-fPIC"))


@pytest.fixture(scope="session")
def opener(compile_program):
    return compile_program("opener.c", [], rpath=False)
