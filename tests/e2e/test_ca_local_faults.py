"""pganchor ca local where something goes wrong in the middle: it is killed, a call fails, memory runs out, the disk is full."""

import json
import re
import shutil
import subprocess

import pytest

from local_cas import CA, ask, data, mode_of, pin_of, serve, shown, state, verify
from postgres import SUPERUSER
from test_out_of_memory import failing_malloc, run_failing, without_wrapper  # noqa: F401
from test_trust_faults import WHOLE, WRITES, NO_LEAKS

CERTIFICATE = "localhost.crt"
KEY = "localhost.key"


class Faults:
    """A command in a home that is the same each time, with one fault in it."""

    def __init__(self, home, tmp_path, *words):
        self.home, self.kept, self.trace, self.words = home, tmp_path / "before", tmp_path / "trace", words
        shutil.copytree(home.path, self.kept, symlinks=True)
        done = self.run(f"trace={WRITES}")
        assert done.returncode == 0, done.stderr
        names = [line.split("(")[0] for line in self.trace.read_text().splitlines() if re.match(r"\w+\(", line)]
        self.calls = [(name, names[:at + 1].count(name)) for at, name in enumerate(names)]
        assert len(self.calls) > 5

    def run(self, *expressions):
        real = self.home.program.binary.with_name("pganchor.real")
        return self.home.run(["strace", "-qqq", "-o", self.trace, *(word for one in expressions for word in ("-e", one)), "--",
                              real if real.exists() else self.home.program.binary, *self.words], env=NO_LEAKS)

    def begin(self):
        shutil.rmtree(self.home.path)
        shutil.copytree(self.kept, self.home.path, symlinks=True)

    def each(self, what):
        """(which call, how the command ended): all of them with --whole, else a fifth."""
        for name, number in self.calls if WHOLE else self.calls[len(self.calls) % 5::5]:
            self.begin()
            yield f"{name} {number}", self.run(f"trace={WRITES}", f"inject={name}:{what}:when={number}")


def pair_matches(home):
    """What libpq would find: no certificate, or one beside its key, which nobody else can read."""
    certificate, key = home / CERTIFICATE, home / KEY
    if key.exists():
        assert mode_of(key) == 0o600
    if certificate.exists():
        public = subprocess.run(["openssl", "pkey", "-in", key, "-pubout"], capture_output=True, text=True, check=True).stdout
        assert shown(certificate, "-pubkey") == public
        assert verify(home, certificate, "-verify_hostname", "localhost").returncode == 0
    for path in home.path.rglob("*"):
        if path.is_file() and b"PRIVATE KEY" in path.read_bytes():
            assert mode_of(path) == 0o600, path


@pytest.mark.parametrize("known", [False, True], ids=["no CA yet", "issued before"])
def test_killed_the_pair_matches_and_the_next_run_finishes(home, tmp_path, known):
    if known:
        assert home.pganchor("ca", "local", "issue").returncode == 0
    faults = Faults(home, tmp_path, "ca", "local", "issue")
    for which, killed in faults.each("signal=SIGKILL"):
        assert killed.returncode == -9, (which, killed.stderr)
        pair_matches(home)
        done = home.pganchor("ca", "local", "issue")
        assert done.returncode == 0, (which, done.stderr)
        pair_matches(home)
        assert (home / CERTIFICATE).exists()
        # A lock may be left where nothing has to be written any more.
        assert not list(home.path.rglob(".pganchor-staged*")), which


@pytest.mark.parametrize("what", ["signal=SIGKILL", "error=EIO"])
def test_signed_anew_and_stopped_in_between_it_is_pinned_by_the_next_run(home, tmp_path, what):
    assert home.pganchor("ca", "local", "issue").returncode == 0
    faults = Faults(home, tmp_path, "ca", "local", "--renew")
    for which, stopped in faults.each(what):
        assert stopped.returncode in (-9, 0, 1), (which, stopped.stderr)
        pair_matches(home)
        done = home.pganchor("ca", "local", "--json")
        assert done.returncode == 0, (which, done.stderr)
        pinned = json.loads(done.stdout)["pin"]
        assert pinned == pin_of(home / CA / "ca.crt") and f"pin = {pinned}\n" in (home / ".config/pganchor/anchors.conf").read_text(), which
        assert (home / ".config/pganchor/anchors/local.crt").read_bytes() == (home / CA / "ca.crt").read_bytes(), which
        pair_matches(home)


@pytest.mark.parametrize("known", [False, True], ids=["no CA yet", "issued before"])
def test_a_call_that_fails_leaves_a_matching_pair(home, tmp_path, known):
    if known:
        assert home.pganchor("ca", "local", "issue").returncode == 0
    faults = Faults(home, tmp_path, "ca", "local", "issue")
    before = {path: content for path in (CERTIFICATE, KEY) if known for content in [(faults.kept / path).read_bytes()]}
    failed = 0
    for which, done in faults.each("error=EIO"):
        assert done.returncode in (0, 1), (which, done.stderr)
        pair_matches(home)
        if done.returncode == 1:
            failed += 1
            assert "Input/output error" in done.stderr, (which, done.stderr)
            now = {path: (home / path).read_bytes() for path in (CERTIFICATE, KEY) if (home / path).exists()}
            assert now == before, which
        again = home.pganchor("ca", "local", "issue")
        assert again.returncode == 0, (which, again.stderr)
    assert failed > 0 or not WHOLE


def test_a_full_disk_changes_nothing(home):
    before = home.snapshot()
    for words in ["create"], ["issue"]:
        done = home.pganchor("ca", "local", *words, full_disk=True)
        assert done.returncode == 1 and "No space left on device" in done.stderr, done.stderr
        assert home.snapshot() == before


@pytest.mark.parametrize("on", [False, True], ids=["once", "from then on"])
def test_without_memory_nothing_is_half_done(home, failing_malloc, on):  # noqa: F811
    program, gate = without_wrapper(home)
    argv = [program, "ca", "local", "issue"]
    good, count = run_failing(home, failing_malloc, argv, 0, preload=gate)
    assert good.returncode == 0 and count > 100, good.stderr
    shutil.rmtree(home / ".config")
    (home / CERTIFICATE).unlink()
    (home / KEY).unlink()
    for number in range(1 + 7 * on, count + 1, max(1, count // (60 if WHOLE else 15))):
        done, _ = run_failing(home, failing_malloc, argv, number, on, preload=gate)
        assert done.returncode in (0, 1), (number, done.stderr)
        assert (home / CERTIFICATE).exists() == (done.returncode == 0), (number, done.stdout, done.stderr)
        pair_matches(home)
        if (home / ".config").exists():
            shutil.rmtree(home / ".config")
        (home / CERTIFICATE).unlink(missing_ok=True)
        (home / KEY).unlink(missing_ok=True)


def test_serve_killed_the_server_goes_on_and_starts_again(home, make_postgres, tmp_path):
    """Wherever it is killed: what the server shows is what it has shown, or the new one; and the next run finishes."""
    assert home.pganchor("ca", "local").returncode == 0
    server = make_postgres()
    words = ["ca", "local", "serve", data(server), "--user", SUPERUSER]
    trace = tmp_path / "trace"
    strace = ["strace", "-qqq", "-o", trace, "-e", f"trace={WRITES},sendto"]
    first = state(server)

    def begin():
        for name in set(state(server)) - set(first):
            (data(server) / name).unlink()
        (data(server) / "postgresql.auto.conf").write_bytes(first["postgresql.auto.conf"][0])
        assert home.run(["psql", "-XAtc", "SELECT pg_reload_conf()", server.superuser]).returncode == 0

    assert home.run([*strace, "--", home.program.binary, *words], env=NO_LEAKS).returncode == 0
    names = [line.split("(")[0] for line in trace.read_text().splitlines() if re.match(r"\w+\(", line)]
    calls = [(name, names[:at + 1].count(name)) for at, name in enumerate(names)]
    for name, number in calls if WHOLE else calls[len(calls) % 8::8]:
        begin()
        killed = home.run([*strace, "-e", f"inject={name}:signal=SIGKILL:when={number}", "--", home.program.binary, *words], env=NO_LEAKS)
        # How often it asks the server, until that has loaded its configuration, is not the same each time.
        assert killed.returncode == -9 or (name == "sendto" and killed.returncode == 0), (name, number, killed.stderr)
        # What it would start with: both files of one pair, or no TLS.
        auto = dict(re.findall(r"^(ssl\w*) = '(.*)'$", (data(server) / "postgresql.auto.conf").read_text(), re.MULTILINE))
        assert auto.get("ssl", "off") == "off" or auto == {"ssl": "on", "ssl_cert_file": "pganchor-local.crt", "ssl_key_file": "pganchor-local.key"}, auto
        done = serve(home, server)
        assert done.returncode == 0 and "Proved" in done.stdout, (name, number, done.stderr)
        assert ask(home, server).stdout == "t\n"
