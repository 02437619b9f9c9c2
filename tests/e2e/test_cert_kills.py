"""Own certificates, whatever stops pganchor in the middle: killed at each call that changes the file system, what has the names is a pair that
matches or no certificate; nobody but its owner can read a key at any instant; what was somebody else's is there; and the next run ends as one
that nothing has stopped."""

import os
import re
import shutil
import stat
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from certs import Pair, begin, pair, public
from own_certificates import CERTS_CONF, have, status
from postgres import USER
from services import bootstrap
from test_ca_local import CA
from test_trust_faults import WHOLE
from tracing import NO_LEAKS

EVERY = os.environ.get("PGANCHOR_TESTS_EVERY_CALL")  # not those alone that change something
CHANGES = {"rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat", "unlink", "unlinkat", "rmdir", "mkdir", "mkdirat", "fsync",
           "fdatasync", "ftruncate", "fchmod", "fchown", "utimensat"}
OPENS = re.compile(r"O_CREAT|O_WRONLY|O_RDWR|O_TRUNC")
LOCK = ".pganchor.lock"


def changes(line, home):
    """Whether this line of strace's tells of a call that changes the file system in the home."""
    name = line.split("(")[0]
    if name in ("write", "pwrite64"):
        return f"<{home.path}" in line.split(",")[0]
    return name in CHANGES or (name in ("open", "openat", "creat") and OPENS.search(line) is not None and str(home.path) in line)


class Stopping:
    """A command in a home that is the same each time, stopped somewhere."""

    def __init__(self, home, tmp_path, words):
        self.home, self.words = home, list(map(str, words))
        self.kept, self.log = tmp_path / "kept", tmp_path / "trace"
        shutil.copytree(home.path, self.kept, symlinks=True)
        self.whole = self.run("trace=all")
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if re.match(r"\w+\(", line)]
        names = [line.split("(")[0] for line in lines]
        at = [i for i, line in enumerate(lines) if changes(line, home)]
        self.lines = [lines[i] for i in at]
        where = range(at[0], len(lines)) if EVERY else [*at, len(lines) - 1]
        self.calls = [(names[i], names[:i + 1].count(names[i])) for i in where if names[i] != "execve"]

    def run(self, *expressions):
        program = self.home.program.binary.with_name("pganchor.real")
        program = program if program.exists() else self.home.program.binary
        return self.home.run(["strace", "-qqq", "-y", "-s", "100", "-o", self.log, *(word for one in expressions for word in ("-e", one)), "--", program,
                              *self.words], env=NO_LEAKS)

    def begin(self):
        for entry in os.scandir(self.home.path):
            shutil.rmtree(entry.path) if entry.is_dir(follow_symlinks=False) else os.unlink(entry.path)
        shutil.copytree(self.kept, self.home.path, symlinks=True, dirs_exist_ok=True)

    def kills(self, few):
        """What was killed, each time from the beginning; so few of them, but with --whole all."""
        step = 1 if WHOLE or EVERY else max(1, len(self.calls) // few)
        for name, number in self.calls[len(self.calls) % step::step]:
            self.begin()
            done = self.run(f"trace={name}", f"inject={name}:signal=SIGKILL:when={number}")
            # What the network does need not be the same twice, and then a call is not there to be killed at.
            assert done.returncode in (-9, self.whole.returncode), (name, number, done.stderr)
            yield (name, number), done.returncode == -9


def files_of(home):
    """{path: what it is, its mode}, and what certs.conf says, without what is another each time. A lock, and a directory without anything in it, may be
    left where nothing has to be written any more."""
    found = {path: (entry.kind, entry.mode) for path, entry in home.snapshot().items() if not path.endswith(LOCK) and entry.kind != "directory"}
    conf = home / CERTS_CONF
    found["certs.conf"] = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|(?<=serial = )\w+|(?<=made = )\w+", "", conf.read_text()) if conf.exists() else ""
    return found


def keys_are_private(home):
    for path in home.path.rglob("*"):
        if path.is_file() and not path.is_symlink() and b"PRIVATE KEY" in path.read_bytes():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def matches(files):
    return not files.certificate.exists() or files.matches()


def contents(home):
    return {path.read_bytes() for path in home.path.rglob("*") if path.is_file()}


def goes_through(home, stopping, files, again, few, precious=()):
    """Killed here and there; `again` is the next run, as words, and how it may end."""
    words, codes = again
    kills, clean = 0, None
    stopping.begin()
    assert stopping.run("trace=none").returncode == stopping.whole.returncode
    assert home.pganchor(*words).returncode in codes
    clean = files_of(home)
    for where, killed in stopping.kills(few):
        kills += killed
        assert matches(files), where
        keys_are_private(home)
        assert set(precious) <= contents(home), where
        done = home.pganchor(*words)
        assert done.returncode in codes, (where, done.stdout, done.stderr)
        assert matches(files) and not files.certificate.is_symlink() and not files.key.is_symlink(), where
        assert files_of(home) == clean, where
        assert set(precious) <= contents(home), where
    assert kills > 2


def issuing(home, stepca):
    begin(home, stepca)
    return ["cert", "issue", USER, "--password-file", home / "password"]


@pytest.fixture
def client(home, stepca, tmp_path):
    """client(words) -> Stopping, of a command over an issued pair."""
    def make(*words):
        done = home.pganchor(*issuing(home, stepca))
        assert done.returncode == 0, done.stderr
        return Stopping(home, tmp_path, words)
    return make


def test_a_first_issue(home, stepca, tmp_path):
    """Whoever is killed leaves a pair that is known, or none: nobody is asked for consent to replace what was made here."""
    words = issuing(home, stepca)
    stopping = Stopping(home, tmp_path, words)
    goes_through(home, stopping, pair(home), (words, [0]), 9)
    for where, _ in stopping.kills(4):
        there = pair(home).certificate.exists()
        code, items = status(home)
        assert (set(items) == {"client"} and items["client"]["state"] == "not-due") if there else code in (0, 1), where
        assert home.pganchor("cert", "renew", "--force").returncode == 0 or not there, where


def test_issued_again(home, stepca, client):
    words = ["cert", "issue", USER, "--password-file", home / "password"]
    goes_through(home, client(*words), pair(home), (words, [0]), 7)


def test_over_somebody_elses(home, stepca, tmp_path):
    words = [*issuing(home, stepca), "--force"]
    crt, key = have(home, stepca, "mine")
    precious = crt.read_bytes(), key.read_bytes()
    stopping = Stopping(home, tmp_path, words)
    for where, _ in stopping.kills(7):
        assert matches(pair(home)) and set(precious) <= contents(home), where
        keys_are_private(home)
        # What is not pganchor's is not called so.
        done = home.pganchor(*words[:-1])
        assert (done.returncode == 1 and "not by pganchor" in done.stderr) or pair(home).names() == [USER], (where, done.stderr)
        assert home.pganchor(*words).returncode == 0, where
        assert set(precious) <= contents(home) and pair(home).names() == [USER], where
        assert not [path for path in home.snapshot() if ".pganchor-" in path], where


def test_renewed(home, stepca, client):
    goes_through(home, client("cert", "renew", "--force"), pair(home), (["cert", "renew", "--force"], [0]), 5)


def test_another_key(home, stepca, client):
    goes_through(home, client("cert", "renew", "--force", "--rekey"), pair(home), (["cert", "renew", "--force"], [0]), 7)


@pytest.mark.parametrize("rekey", [[], ["--rekey"]], ids=["same-key", "another-key"])
def test_renewed_and_taken_back(home, stepca, tmp_path, rekey):
    """The old pair comes back: where that is stopped, too, both are of one pair, and the next run tells whoever uses it."""
    bootstrap(home, stepca)
    crt, key = have(home, stepca, "localhost", crt="db/server.crt", key="db/server.key")
    done = home.pganchor("cert", "add", "db", "--for", "server", "--cert", crt, "--key", key, "--exec", "touch told")
    assert done.returncode == 0, done.stderr
    stopping = Stopping(home, tmp_path, ["cert", "renew", "db", "--force", *rekey, "--exec", "false"])
    assert stopping.whole.returncode == 1 and "false: ended with status 1" in stopping.whole.stderr
    files = Pair(crt, key)
    stopping.begin()
    old = crt.read_bytes()
    for where, killed in stopping.kills(5 + 3 * bool(rekey)):
        assert files.matches(), where
        keys_are_private(home)
        exchanged = crt.read_bytes() != old
        assert killed or not exchanged, where
        done = home.pganchor("cert", "renew", "db")
        assert done.returncode == 0 and files.matches() and not crt.is_symlink() and not key.is_symlink(), (where, done.stderr)
        assert (home / "told").exists() or not exchanged, where
        assert not [path for path in home.snapshot() if ".pganchor-pair" in path], where


def test_revoked(home, stepca, client):
    """Once the CA has it revoked, the next run knows so."""
    stopping = client("cert", "revoke", "client", "--yes")
    assert stopping.whole.returncode == 0, stopping.whole.stderr
    for where, _ in stopping.kills(4):
        assert pair(home).matches(), where
        done = home.pganchor("cert", "revoke", "client", "--yes")
        assert done.returncode == 0 or "revoked 20" in done.stderr, (where, done.stderr)
        assert "revoked" in status(home)[1]["client"]["fault"], where


def local_files(home):
    return Pair(home / CA / "ca.crt", home / CA / "ca.key")


def test_a_local_ca(home, tmp_path):
    words = ["ca", "local"]
    goes_through(home, Stopping(home, tmp_path, words), local_files(home), (words, [0]), 6)


def test_a_local_ca_removed(home, tmp_path):
    assert home.pganchor("ca", "local", "issue").returncode == 0
    words = ["ca", "local", "remove"]
    (home / CA / "mine").write_text("mine")
    precious = [(home / name).read_bytes() for name in ("localhost.crt", "localhost.key")] + [b"mine"]
    goes_through(home, Stopping(home, tmp_path, words), Pair(home / "localhost.crt", home / "localhost.key"), (words, [0]), 6, precious)


def test_a_local_certificate(home, tmp_path):
    words = ["ca", "local", "issue"]
    goes_through(home, Stopping(home, tmp_path, words), Pair(home / "localhost.crt", home / "localhost.key"), (words, [0]), 5)


@pytest.mark.parametrize("words", [[], ["--rekey"]], ids=["same-key", "another-key"])
def test_a_key_is_its_owner_s_alone_from_its_first_byte(home, stepca, client, words):
    """Whatever the umask."""
    old = os.umask(0)
    try:
        again = client("cert", "issue", USER, "--password-file", home / "password") if not words else client("cert", "renew", "--force", *words)
    finally:
        os.umask(old)
    modes, secret, checked = {}, set(), 0
    for line in again.lines:
        name = line.split("(")[0]
        opened = re.search(r"O_CREAT.*, (0\d+)\) = (\d+)<", line)
        used = re.match(r"\w+\((\d+)<", line)
        if opened:
            modes[opened[2]] = int(opened[1], 8)
            secret.discard(opened[2])
        elif name == "fchmod" and used:
            modes[used[1]] = int(re.search(r", (0\d+)\)", line)[1], 8)
        elif name in ("write", "pwrite64") and "PRIVATE KEY" in line:
            secret.add(used[1])
            checked += 1
        assert not [file for file in secret if modes[file] & 0o077], line
    assert checked >= 1
    keys_are_private(home)


class Reader(threading.Thread):
    """Reads both files all the time: the certificate, the key, the certificate; then the key first. Where the first is the same before and behind
    the second, both have to be of one pair."""

    def __init__(self, files):
        super().__init__(daemon=True)
        self.files, self.stopped, self.read, self.wrong = files, threading.Event(), 0, []
        self.start()

    def one(self, first, second):
        try:
            before, other, behind = first.read_bytes(), second.read_bytes(), first.read_bytes()
        except FileNotFoundError:
            return  # The link was followed in the instant in which what it led to went: the name has another by now.
        if before != behind:
            return
        certificate, key = (before, other) if first == self.files.certificate else (other, before)
        self.read += 1
        if public(x509.load_pem_x509_certificate(certificate).public_key()) != public(load_pem_private_key(key, None).public_key()):
            self.wrong.append((certificate, key))

    def run(self):
        while not self.stopped.is_set():
            self.one(self.files.certificate, self.files.key)
            self.one(self.files.key, self.files.certificate)

    def stop(self):
        self.stopped.set()
        self.join()


def test_whichever_is_read_first_both_are_of_one_pair(home, stepca):
    words = issuing(home, stepca)
    assert home.pganchor(*words).returncode == 0
    reader = Reader(pair(home))
    try:
        for again in (words, ["cert", "renew", "--force", "--rekey"], ["cert", "renew", "--force"]) * 2:
            assert home.pganchor(*again).returncode == 0
    finally:
        reader.stop()
    assert reader.wrong == [] and reader.read > 10
