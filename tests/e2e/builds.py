"""libpq 18 as others than Debian build it: tests/libpqs/build.sh says how. As a program, it prints the directory with the builds."""

import hashlib
import os
import sys
import tempfile
from pathlib import Path

import pytest

from home import Home
from machines import run, take_away
from sources import Apt

SCRIPT = Path(__file__).resolve().parent.parent / "libpqs/build.sh"
RELEASE, SOURCE = "sid", "postgresql-18"
BUILDS = ["gcc", "clang", "bsymbolic-functions", "bsymbolic", "no-interposition", "no-interposition-lto", "protected", "sysv-hash"]
# Their calls of their own PQconnectPoll are bound directly, and come by no wrapper of it.
HIDDEN = [name for name in BUILDS if name not in ("gcc", "clang", "sysv-hash")]
# The gate cannot look at the sessions of this one.
OPENSSL_INSIDE = "openssl-inside"


def build_all(scratch):
    """The directory that has NAME/libpq.so.5 of each; made once for a version of the source and of the script where the tests have a
    cache, else in `scratch`."""
    cache = Path(os.environ.get("PGANCHOR_TEST_CACHE") or scratch)
    (scratch / "apt").mkdir()
    apt = Apt(scratch / "apt", [RELEASE])
    script = hashlib.sha256(SCRIPT.read_bytes()).hexdigest()[:16]
    for version in apt.versions(SOURCE):
        directory = cache / f"libpqs-{version}-{script}"
        if directory.exists():
            return directory
    version = apt.source(SOURCE, scratch / "source")
    directory = cache / f"libpqs-{version}-{script}"
    # Two runs at the same time each make their own, and the first one stays.
    made = Path(tempfile.mkdtemp(prefix="libpqs-", dir=cache))
    run(SCRIPT, scratch / "source", made)
    try:
        made.rename(directory)
    except OSError:
        assert directory.exists()
        take_away(made)
    take_away(scratch / "source")
    return directory


class BuiltHome(Home):
    """A home whose commands load this libpq, the tool's own included."""

    def __init__(self, path, program, libpq):
        super().__init__(path, program)
        self.libpq = libpq

    def environment(self, env=None):
        return super().environment({"LD_LIBRARY_PATH": self.libpq.parent, **(env or {})})


@pytest.fixture(scope="session")
def libpq_builds(tmp_path_factory):
    """Function libpq_builds("bsymbolic") -> the file libpq.so.5 of that build; made at the first call."""
    made = []

    def find(name):
        if not made:
            made.append(build_all(tmp_path_factory.mktemp("libpqs")))
        path = made[0] / name / "libpq.so.5"
        assert path.exists(), path
        return path

    return find


@pytest.fixture
def built_home(libpq_builds, pganchor, tmp_path):
    """Factory built_home("bsymbolic") -> a throw-away home, as the fixture `home`, where programs have that build of libpq."""
    return lambda name: BuiltHome(tmp_path / f"home-{name}", pganchor, libpq_builds(name))


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    with tempfile.TemporaryDirectory(prefix="libpqs-") as scratch:
        if not os.environ.get("PGANCHOR_TEST_CACHE"):
            sys.exit("builds.py: set PGANCHOR_TEST_CACHE to a directory in which the builds can stay")
        print(build_all(Path(scratch)))
