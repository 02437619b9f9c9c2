"""The drop-in in the place of the preload: homes whose `pganchor run` preloads nothing, and starts programs that find the drop-in."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from builds import BuiltHome
from home import Home
from libpqs import RootedHome


def installed(program):
    """The drop-in of an installation."""
    return program.module.parent / "libpq/libpq.so.5"


def needed(path):
    """What an object needs, in its order."""
    shown = subprocess.run(["readelf", "-d", path], check=True, capture_output=True, text=True).stdout
    return re.findall(r"\(NEEDED\).*\[(.*)\]", shown)


def stand_before(program, libpq, directory):
    """A copy in the directory of the drop-in that was installed, as it is where that libpq is the machine's."""
    directory.mkdir()
    copy = Path(shutil.copy(installed(program), directory))
    (path, *_) = needed(copy)
    subprocess.run(["patchelf", "--replace-needed", path, libpq, copy], check=True)
    return copy


class DropinHome(Home):
    """What `pganchor run` would start has the drop-in instead."""

    @property
    def dropin(self):
        return installed(self.program).parent

    @property
    def gate(self):
        return ("env", f"LD_LIBRARY_PATH={self.dropin}")

    def pganchor(self, *args, env=None, **kwargs):
        if args[:2] != ("run", "--"):
            return super().pganchor(*args, env=env, **kwargs)
        return self.run(args[2:], env={"LD_LIBRARY_PATH": self.dropin, **(env or {})}, **kwargs)


class RootedDropinHome(DropinHome, RootedHome):
    """The same in a root directory with another libpq, at the path of this machine's."""


class BuiltDropinHome(DropinHome, BuiltHome):
    """The same with a libpq of another build."""

    @property
    def dropin(self):
        directory = self.path.parent / f"dropin-{self.path.name}"
        if not directory.exists():
            stand_before(self.program, self.libpq, directory)
        return directory


@pytest.fixture
def dropin_home(tmp_path, pganchor):
    return DropinHome(tmp_path / "home", pganchor)


@pytest.fixture
def rooted_dropin_home(rooted_home, pganchor):
    def make(version):
        home = rooted_home(version)
        return RootedDropinHome(home.path, pganchor, home.root)

    return make


@pytest.fixture
def built_dropin_home(libpq_builds, pganchor, tmp_path):
    return lambda name: BuiltDropinHome(tmp_path / f"home-{name}", pganchor, libpq_builds(name))
