"""A whole machine in a directory, with systemd, cron, sudo, a PostgreSQL server and bubblewrap: what no preload of a user's reaches."""

import subprocess
import time
from pathlib import Path

import pytest

from home import SECONDS
from machines import HERE, OWN_MOUNTS, ROOT, make_tarball, run, take_away, unpack
from processes import kill_session

PACKAGES = ["bubblewrap", "cron", "dbus", "libcurl4", "libelf1", "libjansson4", "libpam-systemd", "pgbouncer", "postgresql", "sudo", "systemd"]
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

        # It empties /tmp, where the program is, as a machine starts.
        self.root("ln", "-s", "/dev/null", "/etc/systemd/system/systemd-tmpfiles-setup.service")

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


# In namespaces of its own, with a part of its own of the tree of cgroups: what systemd wants of a container.
BOOT = r"""
mount -n --make-rprivate / 2>/dev/null || :
cgroups=$(mktemp -d)
mount -n -t cgroup2 cgroup2 "$cgroups"
mkdir -p "$cgroups/$2"
echo $$ >"$cgroups/$2/cgroup.procs"
umount -n "$cgroups"
rmdir "$cgroups"
exec unshare --pid --fork --cgroup --uts --ipc --kill-child sh -euc '
    mount -n --bind "$1" "$1"
    cd "$1"
    mount -n -t proc proc proc
    mount -n -t sysfs sysfs sys
    mount -n -t cgroup2 cgroup2 sys/fs/cgroup
    mount -n -t tmpfs -o mode=755 tmpfs run
    mount -n -t tmpfs -o mode=755 tmpfs dev
    for name in null zero full random urandom tty; do
        touch dev/$name
        mount -n --bind /dev/$name dev/$name
    done
    # A service with a /dev of its own wants it.
    ln -s pts/ptmx dev/ptmx
    exec env -i container=tests PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot . /lib/systemd/systemd --unit=basic.target --show-status=0
' boot "$1"
"""


# What is left of that part is empty once its processes are gone, which the kernel says in its own time.
UNBOOT = r"""
cgroups=$(mktemp -d)
mount -n -t cgroup2 cgroup2 "$cgroups"
until ! grep -q "populated 1" "$cgroups/$1/cgroup.events"; do sleep 0.05; done
find "$cgroups/$1" -depth -type d -exec rmdir {} +
umount -n "$cgroups"
rmdir "$cgroups"
"""


class BootedMachine:
    """The machine with systemd as its first process, until it is stopped. Loopback is that of the machine we are on."""

    def __init__(self, machine):
        self.cgroup = f"pganchor-tests-{machine.directory.parent.name}"
        self.process = subprocess.Popen([*ROOT, "unshare", "--mount", "sh", "-euc", BOOT, "boot", machine.directory,
                                         self.cgroup], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
        deadline = time.monotonic() + SECONDS
        while self.run("systemctl", "is-system-running").stdout not in ("running\n", "degraded\n"):
            assert self.process.poll() is None, self.process.stderr.read()
            assert time.monotonic() < deadline, "systemd does not come up"
            time.sleep(0.1)

    def first_process(self):
        """The number of systemd's process, as it is from here. While it starts, there are others, which end at any moment."""
        pid = self.process.pid
        try:
            while (name := Path(f"/proc/{pid}/comm").read_text()) != "systemd\n":
                children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
                if len(children) != 1:
                    raise LookupError(name)
                pid = children[0]
        except (FileNotFoundError, ProcessLookupError) as gone:
            raise LookupError(pid) from gone
        return pid

    def run(self, *argv):
        try:
            pid = self.first_process()
        except LookupError:
            return subprocess.CompletedProcess(argv, 1, "", "")
        return subprocess.run([*ROOT, "nsenter", "-t", pid, "--mount", "--pid", "--uts", "--ipc", "--cgroup", "--root", "--wd", "env", "-i",
                               f"PATH={PATH}", *argv], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS)

    def stop(self):
        kill_session(self.process)
        run(*ROOT, "unshare", "--mount", "sh", "-euc", UNBOOT, "unboot", self.cgroup, timeout=SECONDS)


@pytest.fixture
def booted_machine(whole_machine):
    """The whole machine, while systemd runs in it."""
    made = BootedMachine(whole_machine)
    yield made
    made.stop()


@pytest.fixture(scope="session")
def whole_machine(pganchor, session_directory, tmp_path_factory):
    directory = session_directory / "whole"
    tarball = make_tarball(HERE, "minbase", PACKAGES, tmp_path_factory.mktemp("apt"))
    directory.mkdir()
    unpack(tarball, directory)
    yield WholeMachine(directory, pganchor)
    take_away(directory)
