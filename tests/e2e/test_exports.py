"""Every function that a libpq exports is known: what reaches the network is covered by the gate, or the list says why it need not be."""

import re
import subprocess
from pathlib import Path

import pytest

from machines import LIBPQS, run

pytestmark = pytest.mark.plain_build

LIST = Path(__file__).parent / "data/libpq-exports.txt"


def reviewed():
    """{section: names} of the list."""
    sections = {}
    for line in LIST.read_text().splitlines():
        if line.startswith("["):
            names = sections.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            names.append(line)
    return sections


def exported(path):
    return {line.split()[2].partition("@")[0] for line in run("nm", "-D", "--defined-only", path).splitlines()
            if line.split()[1] != "A"}


@pytest.fixture(scope="session")
def libpq_file(libpq_roots):
    """Factory libpq_file(17) -> the shared object; 15 is that of this machine."""
    def find(version):
        if version != 15:
            return libpq_roots(version).libpq
        directory = subprocess.run(["pkg-config", "--variable=libdir", "libpq"], capture_output=True, text=True, check=True)
        return Path(directory.stdout.strip()) / "libpq.so.5"

    return find


def test_the_list_names_each_function_once():
    names = [name for section in reviewed().values() for name in section]
    assert len(names) == len(set(names))
    assert set(reviewed()) == {"wrapper", "poll", "prepares", "connected", "hands-out", "oauth", "memory"}


@pytest.mark.parametrize("version", LIBPQS)
def test_a_libpq_exports_nothing_that_is_not_on_the_list(libpq_file, version):
    known = {name for section in reviewed().values() for name in section}
    unknown = exported(libpq_file(version)) - known
    assert not unknown, f"libpq {version} exports functions that nobody has looked at; see {LIST}"


@pytest.mark.whole
def test_the_list_names_nothing_that_no_libpq_exports(libpq_file):
    known = {name for section in reviewed().values() for name in section}
    assert known == set.union(*(exported(libpq_file(version)) for version in LIBPQS))


def test_every_way_to_connect_is_wrapped(pganchor):
    known = {name for section in reviewed().values() for name in section}
    # Besides, the module may stand before functions that only tell something, and other gates of a process know it by a name.
    assert set(reviewed()["wrapper"]) <= exported(pganchor.module) <= known | {"dlopen", "dlmopen", "dlsym", "dlvsym", "chroot",
                                                                                "pganchor_gate_1"}
    assert {*reviewed()["wrapper"], "chroot"} <= exported(pganchor.module) & exported(pganchor.prefix / "lib/libpganchor.so")


@pytest.mark.parametrize("version", LIBPQS)
def test_libpq_calls_its_own_poll_where_the_gate_can_stand(libpq_file, version):
    """By an entry that is bound by name, which the gate's check in PQconnectPoll depends on."""
    relocations = run("readelf", "--relocs", "--wide", libpq_file(version))
    assert re.search(r"_(JUMP_SLOT?|GLOB_DAT)\s.*\bPQconnectPoll(@|\s|$)", relocations, re.MULTILINE)
