"""What a quick run skips where it is missing: that one installs nothing."""

import os
import shutil
from pathlib import Path

import pytest

from postgres import binary_directory


def has_postgres():
    try:
        binary_directory()
    except RuntimeError:
        return False
    return shutil.which("psql") is not None


def has_stepca():
    return shutil.which("go") is not None and Path("/usr/share/gocode/src/github.com/smallstep/certificates").is_dir()


def has_keyring():
    return all(map(shutil.which, ("gnome-keyring-daemon", "dbus-daemon", "gdbus", "secret-tool")))


# By the fixture that needs it. Whoever asks for it by another fixture needs it as well.
NEEDS = {
    "clusters": (has_postgres, "the PostgreSQL server and psql (postgresql)"),
    "stepca": (has_stepca, "step-ca's sources (golang-go, golang-github-smallstep-certificates-dev)"),
    "other_stepca": (has_stepca, "step-ca's sources (golang-go, golang-github-smallstep-certificates-dev)"),
    "keyring": (has_keyring, "gnome-keyring, dbus-daemon, gdbus (libglib2.0-bin) and secret-tool (libsecret-tools)"),
    "network": (lambda: shutil.which("ip", path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is not None, "ip(8) (iproute2)"),
    "compile_program": (lambda: shutil.which("cc") is not None, "a C compiler (gcc)"),
}


def skip_what_is_missing(items):
    if os.environ.get("PGANCHOR_TESTS_MISSING") != "skip":
        return
    missing = {fixture: what for fixture, (is_here, what) in NEEDS.items() if not is_here()}
    for item in items:
        for fixture in missing.keys() & set(item.fixturenames):
            item.add_marker(pytest.mark.skip(reason=f"not here: {missing[fixture]}"))
