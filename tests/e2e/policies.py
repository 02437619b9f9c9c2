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


def below(directory):
    """Everything in it, the deepest first."""
    return sorted(directory.rglob("*"), reverse=True) if directory.is_dir() else []


@pytest.fixture
def system(pganchor):
    """system(text, name) writes a file of the system's policy or anchors; whatever is new there is gone when the test ends."""
    directory = pganchor.prefix / "etc/pganchor"
    had = [path for path in [*below(directory), directory] if path.exists()]
    (directory / "policy.d").mkdir(parents=True, exist_ok=True)

    def write(text, name="policy.conf"):
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    yield write
    for path in [directory, *reversed(below(directory))]:
        if not path.is_symlink():
            hand_over(path, os.geteuid())
            path.chmod(0o755 if path.is_dir() else 0o644)
    for path in [path for path in [*below(directory), directory] if path not in had]:
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
