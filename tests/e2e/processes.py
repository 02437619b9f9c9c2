"""Child processes: servers that are ready when they say so, commands that end in time, all stopped by process id."""

import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest

READY_SECONDS = 60
STOP_SECONDS = 20


def free_port():
    """A TCP port of 127.0.0.1 that was free a moment ago; whoever binds it must be ready to try another."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def ordinary_user():
    """The passwd entry that servers run as which refuse to run as root, or None when we are nobody special ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("root needs a user postgres or nobody to run servers as")


# Passes over file modes though no longer root: what is under test can lie in a directory that only root may enter.
WITH_POWER = ("--inh-caps", "+dac_override", "--ambient-caps", "+dac_override")


def as_user(argv, user, powerful=False):
    """argv run as the passwd entry `user` (None: as we are), killed by the kernel should we die before stopping it."""
    prefix = ["setpriv", "--pdeathsig", "KILL"]
    if user is not None:
        prefix += [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", *(WITH_POWER if powerful else ())]
    return [*prefix, "--", *map(str, argv)]


class NotReady(Exception):
    """A server ended, or said nothing in time; the message holds its log."""


class Daemon:
    """A server in the foreground of its own session; everything it prints goes to the file `log`, line by line."""

    def __init__(self, argv, log, *, env=None, user=None, cwd="/", powerful=False, before=()):
        self.log = Path(log)
        self._lines = []
        self._ended = False
        self._news = threading.Condition()
        self.process = subprocess.Popen(
            [*before, *as_user(argv, user, powerful)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=env, cwd=cwd, start_new_session=True, text=True, errors="replace")
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self):
        return self.process.pid

    def _read(self):
        with open(self.log, "a", encoding="utf-8") as log:
            for line in self.process.stdout:
                log.write(line)
                log.flush()
                with self._news:
                    self._lines.append(line)
                    self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def text(self):
        """What the server has printed so far."""
        with self._news:
            return "".join(self._lines)

    def wait_for(self, pattern, seconds=READY_SECONDS):
        """Wait until the server prints a line that `pattern` is found in; NotReady when it ends or takes too long."""
        def seen():
            return self._ended or any(re.search(pattern, line) for line in self._lines)

        with self._news:
            self._news.wait_for(seen, seconds)
            if not any(re.search(pattern, line) for line in self._lines):
                raise NotReady(f"{self.process.args} never said {pattern!r}:\n{''.join(self._lines)}")

    def stop(self, how=signal.SIGTERM):
        """End the server and wait until it is gone; SIGKILL to it and its session when it does not listen."""
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                kill_session(self.process)
        self._reader.join(STOP_SECONDS)


def kill_session(process):
    """SIGKILL a child that was started with start_new_session, and what it started in its process group."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


@pytest.fixture(scope="session")
def session_directory():
    """A directory for the whole run that other users may pass through, with a path short enough for Unix sockets."""
    parent = tempfile.gettempdir()
    directory = Path(tempfile.mkdtemp(prefix="pga-", dir=parent if len(parent) < 40 else "/tmp"))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)
