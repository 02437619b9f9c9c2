"""A whole machine in a directory, with cron, sudo, a PostgreSQL server and bubblewrap: what no preload of a user's reaches."""

import subprocess
import time

import pytest

from home import SECONDS
from machines import HERE, OWN_MOUNTS, ROOT, make_tarball, run, take_away, unpack

PACKAGES = ["bubblewrap", "cron", "libcurl4", "libelf1", "libjansson4", "postgresql", "sudo"]
# They are there for one command alone: its root is a mount, which programs can make mounts in, with /proc and /dev.
ENTER = 'mount -n --bind "$1" "$1"; cd "$1"; mount -n -t proc proc proc; mount -n --rbind /dev dev; exec chroot "$@"'
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


class WholeMachine:
    """Commands run there as root, or as its user `dev`. Loopback is that of the machine we are on."""

    def __init__(self, directory, program):
        self.directory, self.program = directory, program
        run(*ROOT, "mkdir", "-p", f"{directory}{program.prefix.parent}")
        run(*ROOT, "cp", "-a", "--no-preserve=ownership", program.prefix, f"{directory}{program.prefix}")
        self.root("useradd", "--create-home", "dev")
        self.root("sh", "-c", "echo 127.0.0.1 localhost db.example.test $(uname -n) >/etc/hosts; echo 'dev ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/dev")

    def words(self, argv, user=None):
        """What runs a command there with an environment that holds a PATH and a HOME alone."""
        become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"] if user else []
        home = f"/home/{user}" if user else "/root"
        return [*map(str, [*ROOT, *OWN_MOUNTS, "--pid", "--fork", "--kill-child", "sh", "-ec", ENTER, "enter", self.directory, *become,
                           "/usr/bin/env", "-i", f"PATH={PATH}", f"HOME={home}", "LC_ALL=C.UTF-8", *argv])]

    def run(self, *argv, user=None):
        return subprocess.run(self.words(argv, user), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS)

    def root(self, *argv):
        done = self.run(*argv)
        assert done.returncode == 0, f"{argv} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def start(self, *argv, user=None):
        """Starts a program there, which is gone with the returned one's end; it is to be killed."""
        return subprocess.Popen(self.words(argv, user), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                text=True, start_new_session=True)

    def write(self, path, text, mode="0644"):
        subprocess.run([*ROOT, "sh", "-euc", 'cat >"$1.new"; chmod "$2" "$1.new"; mv "$1.new" "$1"', "write", f"{self.directory}{path}",
                        mode], input=text, text=True, check=True)

    def read(self, path):
        return run(*ROOT, "cat", f"{self.directory}{path}")

    def read_when_there(self, path):
        deadline = time.monotonic() + SECONDS
        while not self.has(path):
            assert time.monotonic() < deadline, f"{path} does not come"
            time.sleep(0.05)
        return self.read(path)

    def has(self, path):
        return subprocess.run([*ROOT, "test", "-e", f"{self.directory}{path}"]).returncode == 0


@pytest.fixture(scope="session")
def whole_machine(pganchor, session_directory, tmp_path_factory):
    directory = session_directory / "whole"
    tarball = make_tarball(HERE, "minbase", PACKAGES, tmp_path_factory.mktemp("apt"))
    directory.mkdir()
    unpack(tarball, directory)
    yield WholeMachine(directory, pganchor)
    take_away(directory)
