"""The drop-in in the place of the preload, in daemons that go behind chroot(2): they find libc's own chroot, for libpq comes to them by
dlopen(), or by way of another library."""

import re
import subprocess

import pytest

from dropins import dropin_home  # noqa: F401
from programs import SOURCES
from test_daemons import (  # noqa: F401
    cell, gated, program, pytestmark, shows, test_a_daemon_that_is_linked_with_libpq,
    test_a_policy_of_the_new_root_directory_does_not_count, test_a_policy_that_was_broken_before_chroot_stays_so, test_audit_mode_goes_on_behind_chroot,
    test_chroot_of_a_child_that_shares_the_memory_is_not_the_parents, test_chroot_that_fails_says_why,
    test_the_pins_go_on_behind_chroot, test_the_systems_floor_goes_on_behind_chroot, test_the_systems_pins_go_on_behind_chroot)

pytestmark = [*pytestmark, pytest.mark.plain_build]


def is_out_of_place(item):
    """It asks for the address of libc's own function, by its name, and calls that."""
    return item.originalname == "test_chroot_that_fails_says_why"


@pytest.fixture
def home(dropin_home):
    return dropin_home


@pytest.fixture(params=["now", "lazy"])
def by_way_of_another(request, tmp_path):
    """The daemon, with libpq needed by a library of its own alone; with its GOT entries bound at its start, or when they are used."""
    words = ["cc", "-I/usr/include/postgresql", "-Wl,--no-as-needed"]
    subprocess.run([*words, "-shared", "-fPIC", "-o", tmp_path / "libbackend.so", SOURCES / "extension.c", "-lpq"], check=True)
    subprocess.run([*words, f"-Wl,-z,{request.param}", "-o", tmp_path / "daemon", SOURCES / "daemon.c", f"-L{tmp_path}", "-lbackend",
                    f"-Wl,-rpath,{tmp_path}"], check=True)
    return tmp_path / "daemon"


def test_a_daemon_that_has_libpq_by_way_of_another_library(home, system, by_way_of_another, cell):
    system("mode = audit\nunix-socket = refuse\n")
    words = [f"chroot={cell.directory}", "load", f"connect={cell.weak}", f"connect={cell.local}"]
    shows(gated(home, by_way_of_another, *words), "connected", "connected")


def test_what_has_libpq_and_does_not_use_it_opens_nothing(home, system, by_way_of_another):
    """As the drop-in is loaded, it changes what rights there are to a page of the program's, where that calls chroot."""
    system("mode = audit\n")
    trace = home / "trace"
    for calls in (["chroot=/"], []):
        home.run([*home.gate, "strace", "-o", trace, by_way_of_another, *calls])
        assert ("policy.conf" in re.sub(r"(?m)^execve.*", "", trace.read_text())) == bool(calls)
