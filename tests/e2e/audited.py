"""Commands under the gate in audit mode, with a syslog daemon that writes down what it is told."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SYSLOGD = Path(__file__).parent / "programs/syslogd.py"
PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable

# In a mount namespace of its own, a /dev in which /dev/log can be bound: the machine's, if it has one, is not ours.
OWN_DEV = r"""
set -e
space=$(mktemp -d)
mount -n -t tmpfs -o mode=755 tmpfs "$space"
for node in null zero full random urandom tty; do touch "$space/$node"; mount -n --bind "/dev/$node" "$space/$node"; done
ln -s /proc/self/fd "$space/fd"
mkdir "$space/shm"; chmod 1777 "$space/shm"; mount -n --bind /dev/shm "$space/shm"
mount -n --move "$space" /dev
rmdir "$space"
exec "$@"
"""


def heard(home):
    """The words before a command that run it with a syslog daemon, which writes to the file `log` in the home."""
    unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    if subprocess.run([*unshare, "true"], stdin=subprocess.DEVNULL, capture_output=True).returncode != 0:
        pytest.skip("no mount namespace can be made here, so no /dev/log")
    return [*unshare, "sh", "-c", OWN_DEV, "own-dev", PYTHON, SYSLOGD, home / "log"]


@pytest.fixture
def audited(home):
    """audited(argv) runs a command under the gate in audit mode with a syslog daemon, and gives what that wrote."""
    before = heard(home)
    (home / ".config/pganchor").mkdir(parents=True)
    (home / ".config/pganchor/policy.conf").write_text("mode = audit\n")

    def run(*argv, gated=True, **kwargs):
        words = [*before]
        words += ["pganchor", "run", "--", *argv] if gated else argv
        done = home.run(words, **kwargs)
        return done, (home / "log").read_text()

    return run
