"""The system's policy, in the prefix under test: files of it that are gone when a test ends, and the right to pass through to them."""

import os
import stat
import subprocess

import pytest

# In a mount namespace of its own: the prefix ($1) can be reached by every user, though a directory above it ($2) is closed.
OPEN = r"""
set -e
prefix=$1; closed=$2; shift 2
umask 022
space=$(mktemp -d)
mount -n --bind "$prefix" "$space"
mount -n -t tmpfs -o mode=755 tmpfs "$closed"
mkdir -p "$prefix"
mount -n --move "$space" "$prefix"
rmdir "$space"
exec "$@"
"""


def open_to_all(prefix):
    """The words before a command that run it where every user can reach the prefix; root alone can use them."""
    for directory in reversed([prefix, *prefix.parents]):
        if not directory.stat().st_mode & stat.S_IXOTH:
            return ["unshare", "--mount", "sh", "-c", OPEN, "open", str(prefix), str(directory)]
    return []


def hand_over(path, owner):
    if path.stat().st_uid != owner:
        sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
        subprocess.run([*sudo, "chown", str(owner), path], check=True, stdin=subprocess.DEVNULL)


@pytest.fixture
def system(pganchor):
    """system(text, name) writes a file of the system's policy; all are gone when the test ends."""
    directory = pganchor.prefix / "etc/pganchor"
    had = [path for path in (directory / "policy.d", directory) if path.is_dir()]
    (directory / "policy.d").mkdir(parents=True, exist_ok=True)
    written = []

    def write(text, name="policy.conf"):
        path = directory / name
        written.append(path)
        path.write_text(text)
        return path

    yield write
    for path in [directory, directory / "policy.d", *written]:
        hand_over(path, os.geteuid())
        path.chmod(0o755 if path.is_dir() else 0o644)
    for path in written:
        path.unlink(missing_ok=True)
    for path in (directory / "policy.d", directory):
        if path not in had:
            path.rmdir()
