"""libpq 17, 18 and 19: programs run in a root directory of the Debian release that has it, with its libc and its OpenSSL too."""

import os
import shutil
from pathlib import Path

import pytest

from home import WITHOUT_POWER, Home
from machines import HERE, LIBPQS, ROOT, STALE, make_tarball, run, take_away, unpack

# Those that this machine has not.
RELEASES = {version: release for version, release in LIBPQS.items() if release != HERE}

# psql and pg_dump, what the tool needs, and a language that loads libpq as an extension.
PACKAGES = ["libcurl4t64", "libelf1t64", "libjansson4", "python3-psycopg2"]
# A KDC, for kerberos.py: on the machine that we are on, its packages would bring services. And Node.js, whose packages quarrel
# with those of others than Debian.
MORE_PACKAGES = {17: ["nodejs", "node-libpq", "node-pg"], 18: ["krb5-kdc", "krb5-admin-server"]}


def packages_of(version):
    return [f"postgresql-client-{version}", *PACKAGES, *MORE_PACKAGES.get(version, [])]


class Root:
    """A root directory with a libpq of its own and the installed pganchor.

    A path below the directory is the same inside and outside: the directory's own path leads back to the root there.
    """

    def __init__(self, directory, program):
        self.directory = directory
        run(*ROOT, "mkdir", "-p", f"{directory}{directory.parent}")
        run(*ROOT, "ln", "-s", "/", f"{directory}{directory}")
        # Names are in the file alone: nothing in there waits for a name server.
        run(*ROOT, "sh", "-ec", 'printf "127.0.0.1 localhost\n::1 localhost\n" >"$1/etc/hosts"\n'
            'echo "hosts: files" >"$1/etc/nsswitch.conf"\nrm -f "$1/etc/resolv.conf"', "sh", directory)
        if os.geteuid() != 0:
            # libpq's default user is the one that this file names.
            run(*ROOT, "sh", "-c", 'echo "tests:x:$2:$3::/:/bin/sh" >>"$1/etc/passwd"', "sh", directory, os.geteuid(), os.getegid())
        run(*ROOT, "install", "-d", "-o", os.geteuid(), "-g", os.getegid(), directory / "homes")
        self.brought = set()
        self.bring(program.prefix)

    @property
    def libpq(self):
        """The file that programs load as libpq.so.5."""
        return next(self.directory.glob("usr/lib/*/libpq.so.5"))

    def bring(self, path):
        """Copy a file or directory of this machine to the same path in there."""
        path = Path(path)
        if path not in self.brought and self.directory not in path.parents:
            run(*ROOT, "mkdir", "-p", f"{self.directory}{path.parent}")
            run(*ROOT, "cp", "-a", path, f"{self.directory}{path}")
            self.brought.add(path)

    def enter(self, cwd, env, argv):
        """The words that run a command in there, as the user that we are, with this environment alone."""
        return [*ROOT, "chroot", f"--userspec=+{os.geteuid()}:+{os.getegid()}", self.directory, "/usr/bin/env", "-i",
                f"--chdir={cwd}", *[f"{name}={value}" for name, value in env.items()], *argv]


class RootedHome(Home):
    """A home in a Root: its commands run there. Programs that are given as a Path are brought along."""

    def __init__(self, path, program, root):
        super().__init__(path, program)
        self.root = root

    def run(self, argv, *, env=None, cwd=None, ordinary=False, **kwargs):
        for word in argv:
            if isinstance(word, Path) and self.program.prefix not in word.parents:
                self.root.bring(word)
        if ordinary and os.geteuid() == 0:
            argv = [*WITHOUT_POWER, *argv]
        return super().run(self.root.enter(cwd or self.path, self.environment(env), argv), cwd="/", **kwargs)

    def run_tty(self, argv, answers=(), *, env=None, cwd=None, **kwargs):
        clean = self.environment({"TERM": "xterm", **(env or {})})
        return super().run_tty(self.root.enter(cwd or self.path, clean, argv), answers, cwd="/", **kwargs)


@pytest.fixture(scope="session")
def libpq_roots(pganchor, session_directory, tmp_path_factory):
    """Factory libpq_roots(17) -> Root; made at the first call."""
    made = {}

    def make(version):
        if version not in made:
            tarball = make_tarball(RELEASES[version], "apt", packages_of(version), tmp_path_factory.mktemp("apt"), STALE)
            directory = session_directory / f"libpq{version}"
            directory.mkdir()
            made[version] = None
            unpack(tarball, directory)
            made[version] = Root(directory, pganchor)
        return made[version]

    yield make
    for version in made:
        take_away(session_directory / f"libpq{version}")


@pytest.fixture
def rooted_home(libpq_roots, pganchor, tmp_path):
    """Factory rooted_home(17) -> a throw-away home, as the fixture `home`, where programs have that libpq."""
    made = []

    def make(version):
        root = libpq_roots(version)
        home = RootedHome(root.directory / "homes" / f"{tmp_path.name}-{len(made)}", pganchor, root)
        made.append(home)
        return home

    yield make
    for home in made:
        shutil.rmtree(home.path)
