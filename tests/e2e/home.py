"""A throw-away home: commands run in a clean environment, and everything under it can be compared before and after."""

import fcntl
import os
import pty
import re
import select
import stat
import subprocess
import termios
import time
from pathlib import Path
from typing import NamedTuple, Optional

import pytest

import tracing
from processes import kill_session

SECONDS = 120

HANG_UP = object()  # instead of an answer: the terminal goes away

# All else of our own environment is left behind: no PG*, XDG_*, LD_PRELOAD, proxies, SSL_CERT_FILE, ...
KEPT = ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "LLVM_PROFILE_FILE", "GCOV_PREFIX", "GCOV_PREFIX_STRIP")


# Root, but held to file modes as everybody is.
WITHOUT_POWER = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search",
                 "--inh-caps", "-dac_override,-dac_read_search", "--")

# In a mount namespace of its own: copy the home ($1) to a small disk, fill that, put it in the home's place, run the
# command there, and copy what it left back to the real home. -n: /run/mount is not ours to write.
FULL_DISK = r"""
set -e
home=$1; shift
space=$(mktemp -d); trap 'rmdir "$space"' EXIT
mount -n -t tmpfs -o mode=700 tmpfs "$space"
mkdir "$space/disk" "$space/real"
mount -n -t tmpfs -o mode=700,size=256k tmpfs "$space/disk"
mount -n --bind "$home" "$space/real"
cp -a "$home/." "$space/disk/"
cat /dev/zero >"$space/disk/.filling" 2>/dev/null || :
mount -n --move "$space/disk" "$home"
cd "$home"
status=0; "$@" || status=$?
rm "$home/.filling"
find "$space/real" -mindepth 1 -delete
cp -a "$home/." "$space/real/"
cd /
umount -n "$home" "$space/real" "$space"
exit $status
"""


class Entry(NamedTuple):
    """One file, directory or link of a snapshot; a directory has no mtime, for a temporary file in it is allowed."""

    kind: str
    mode: int
    content: Optional[bytes]
    target: Optional[str]
    mtime_ns: Optional[int]


class Terminal(NamedTuple):
    """How a command on a terminal ended, and all that the terminal showed."""

    returncode: int
    output: str


def on_full_disk(directory):
    """The words before a command that run it with `directory` on a full disk; skips where the system allows no namespace."""
    unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    if subprocess.run([*unshare, "true"], stdin=subprocess.DEVNULL, capture_output=True).returncode != 0:
        pytest.skip("no mount namespace can be made here, so no full disk")
    return [*unshare, "sh", "-c", FULL_DISK, "full-disk", str(directory)]


def snapshot(directory):
    """{path below directory: Entry} of everything in it."""
    entries = {}
    for parent, directories, files in os.walk(directory):
        for name in directories + files:
            path = Path(parent, name)
            status = path.lstat()
            mode = stat.S_IMODE(status.st_mode)
            if path.is_symlink():
                entry = Entry("link", mode, None, os.readlink(path), status.st_mtime_ns)
            elif path.is_dir():
                entry = Entry("directory", mode, None, None, None)
            elif path.is_file():
                entry = Entry("file", mode, path.read_bytes(), None, status.st_mtime_ns)
            else:
                entry = Entry("other", status.st_mode, None, None, None)
            entries[str(path.relative_to(directory))] = entry
    return entries


class Home:
    """A home directory, and commands that run in it. `path` is the directory; home / "a/b" is a path below it."""

    # The words before a command that put the gate before its libpq.
    gate = ("pganchor", "run", "--")

    def __init__(self, path, program=None):
        self.path = Path(path)
        self.path.mkdir(mode=0o700, exist_ok=True)
        self.program = program

    def __truediv__(self, name):
        return self.path / name

    def environment(self, env=None):
        """The clean environment; `env` adds to it, None as a value takes a variable out."""
        clean = {name: os.environ[name] for name in KEPT if name in os.environ}
        clean |= {"HOME": str(self.path), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        if self.program is not None:
            clean["PATH"] = f"{self.program.binary.parent}:{clean['PATH']}"
        for name, value in (env or {}).items():
            if value is None:
                clean.pop(name, None)
            else:
                clean[name] = str(value)
        return clean

    def run(self, argv, *, env=None, input=None, cwd=None, timeout=SECONDS, ordinary=False, full_disk=False):
        """Run a command to its end; a CompletedProcess with text. It has no terminal, and no input unless given.

        ordinary   when we are root: take the power away to pass over file modes, so that a read-only file is one
        full_disk  the home lies on a disk without a free block; files can be made, renamed and removed there
        """
        argv = list(map(str, argv))
        if ordinary and os.geteuid() == 0:
            argv = [*WITHOUT_POWER, *argv]
        if full_disk:
            argv = [*on_full_disk(self.path), *argv]
        process = subprocess.Popen(
            argv, env=self.environment(env), cwd=cwd or self.path, start_new_session=True,
            stdin=subprocess.DEVNULL if input is None else subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="surrogateescape")
        try:
            stdout, stderr = process.communicate(input, timeout)
        except BaseException:
            kill_session(process)
            raise
        return subprocess.CompletedProcess(argv, process.returncode, stdout, stderr)

    def pganchor(self, *args, **kwargs):
        """Run the installed program with these arguments; keyword arguments as in run()."""
        return self.run(self._pganchor(*args), **kwargs)

    def pganchor_tty(self, *args, **kwargs):
        """The same on a terminal; keyword arguments as in run_tty()."""
        return self.run_tty(self._pganchor(*args), **kwargs)

    def _pganchor(self, *args):
        if self.program is None:
            raise RuntimeError("this home was made without the fixture pganchor")
        return [self.program.binary, *args]

    def run_tty(self, argv, answers=(), *, typed="", env=None, cwd=None, timeout=SECONDS):
        """Run a command whose standard streams are a terminal that it controls, and type answers.

        answers   [(prompt, answer), ...]: once the regular expression `prompt` is found in what came since the last
                  answer, `answer` and Enter (not behind a ^D) are typed; HANG_UP takes the terminal away. A function is
                  called, and returns it. A prompt that never comes is an AssertionError.
        typed     what was typed before the command was started
        """
        master, slave = pty.openpty()
        os.write(master, typed.encode())
        process = subprocess.Popen(
            [str(word) for word in argv], env=self.environment({"TERM": "xterm", **(env or {})}), cwd=cwd or self.path,
            stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)
        with open(master, "rb", buffering=0) as terminal:
            try:
                output = converse(terminal, list(answers), time.monotonic() + timeout)
                return Terminal(process.wait(timeout), output)
            except BaseException:
                kill_session(process)
                raise

    def strace_sockets(self, argv, **kwargs):
        """Run a command under strace; (CompletedProcess, [tracing.Call, ...]): see tracing.py."""
        return tracing.strace_sockets(self, argv, **kwargs)

    def snapshot(self):
        """{relative path: Entry} of everything under the home: bytes, mode, link target, mtime_ns."""
        return snapshot(self.path)


def converse(terminal, answers, deadline):
    """Read a terminal until its program is gone, answering its prompts; what it showed, with \\n as line ends."""
    shown, since = "", ""
    while True:
        ready, _, _ = select.select([terminal], [], [], max(0, deadline - time.monotonic()))
        if not ready:
            raise TimeoutError(f"the command still runs; the terminal shows:\n{shown}")
        try:
            chunk = terminal.read(65536).decode(errors="replace")
        except OSError:
            # EIO: Linux's way of telling that nobody has the other end open.
            chunk = ""
        if not chunk:
            break
        shown, since = shown + chunk, since + chunk
        if answers and re.search(answers[0][0], since):
            answer, since = answers.pop(0)[1], ""
            if answer is HANG_UP:
                terminal.close()
                break
            answer = answer() if callable(answer) else answer
            os.write(terminal.fileno(), (answer if answer.endswith("\x04") else answer + "\n").encode())
    assert not answers, f"never asked {answers[0][0]!r}; the terminal shows:\n{shown}"
    return shown.replace("\r\n", "\n")


class Program(NamedTuple):
    """The installed pganchor: prefix, the tool, the module that is preloaded."""

    prefix: Path
    binary: Path
    module: Path


@pytest.fixture(scope="session")
def pganchor():
    """The program under test, installed by `make install` into $PGANCHOR_PREFIX; its absence is a failure, no skip."""
    if not os.environ.get("PGANCHOR_PREFIX"):
        pytest.fail("PGANCHOR_PREFIX is not set: `make install` into a prefix and name it there (tests/run.sh does)")
    prefix = Path(os.environ["PGANCHOR_PREFIX"]).resolve()
    env = {**os.environ, "PKG_CONFIG_PATH": str(prefix / "lib" / "pkgconfig")}
    asked = subprocess.run(["pkg-config", "--variable=preload", "pganchor"], env=env, capture_output=True, text=True)
    program = Program(prefix, prefix / "bin" / "pganchor", Path(asked.stdout.strip()))
    if asked.returncode != 0 or not asked.stdout.strip():
        pytest.fail(f"pkg-config finds no variable `preload` of pganchor in {prefix}/lib/pkgconfig: {asked.stderr}")
    for path in program:
        if not path.exists():
            pytest.fail(f"{path}: not there, though PGANCHOR_PREFIX is {prefix}")
    return program


@pytest.fixture
def home(tmp_path, pganchor):
    """A throw-away home with the installed program first on PATH."""
    return Home(tmp_path / "home", pganchor)


@pytest.fixture
def bare_home(tmp_path):
    """The same without pganchor: what a user has who does not use it."""
    return Home(tmp_path / "bare-home")
