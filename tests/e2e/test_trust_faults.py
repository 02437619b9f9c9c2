"""Faults at every write of the commands that change what is trusted: a call that fails, a process that is killed, a full disk. Every file
is the old one or the new one, whole; who could connect before and after can in between, and nobody else; the command run again finishes."""

import hashlib
import json
import os
import re
import shutil
from typing import Callable, NamedTuple

import pytest

from certificates import make_root
from crls import crl
from gated import run_gated
from hostile import reply, stepca_answers
from profiles import anchor, inline, profile, service
from tracing import NO_LEAKS

WHOLE = os.environ.get("PGANCHOR_TESTS_WHOLE")
WRITES = "rename,renameat,renameat2,fsync,fdatasync,unlink,unlinkat,mkdir,mkdirat"
OLD, OTHER, MORE = make_root("Old root"), make_root("Other root"), make_root("More root")
MANIFEST = ".config/pganchor/manifest"
NOTICES = (".local", ".local/state", ".local/state/pganchor", ".local/state/pganchor/notices")
# Locks and files that have not got their name yet, of who was killed: the next command takes them away.
LEFT = re.compile(r"(^|/)\.pganchor[.-]")
TIME = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|\b1[78]\d{8}(\.\d+)?\b")


class Command(NamedTuple):
    words: list  # what is typed, in the home
    prepare: Callable = lambda home, https_ca: None  # what the home has before, over an anchor and a service that stay
    again: tuple = (0, 3)  # how the command ends when it is run again


def done(home, *words, **kwargs):
    result = home.pganchor(*words, **kwargs)
    assert result.returncode in (0, 3), result.stderr
    return result


def add_other(home, https_ca, *more):
    """An anchor, in root.crt, and a service that names its file."""
    done(home, *ADD, "--hosts", "*.example.net", *more)
    done(home, "service", "add", "other", "--host", "db.example.net", "--anchor", "other")


def roots(*authorities):
    return reply(json.dumps({"crts": [authority.pem for authority in authorities]}), status="201 Created")


def rotated(home, https_ca):
    """A step-ca whose root is pinned, and which has another one since."""
    answers = {**stepca_answers(OTHER), "/roots": roots(OTHER), "/federation": roots(OTHER)}
    ca = https_ca(answers, authority=OTHER)
    done(home, "anchor", "add", "--ca-url", ca.url, "--fingerprint", OTHER.fingerprint, "--name", "other", "--hosts", "*.example.net")
    answers["/roots"] = answers["/federation"] = roots(OTHER, MORE)
    return ca, answers


def withdrawn(home, https_ca):
    """It has the new one alone, and its own TLS comes from it."""
    ca, answers = rotated(home, https_ca)
    done(home, "anchor", "refresh", "other")
    answers["/roots"] = answers["/federation"] = roots(MORE)
    ca.context.load_cert_chain(*MORE.issue(home / "..", "localhost"))
    done(home, "anchor", "refresh", "other")


def scoped(home, https_ca):
    add_other(home, https_ca, "--scoped")


def with_crl(home, https_ca):
    scoped(home, https_ca)
    done(home, "crl", "add", "old.crl", "--anchor", "other", "--yes")


def profile_of(home, version, *sections):
    """A profile of services of the server that is there, and of the anchors of these sections."""
    port = re.search(r"(?m)^port=(\d+)$", (home / ".pg_service.conf").read_text())[1]
    named = [(title, {**values, "port": port, "host": "localhost"} if title.startswith("service") else values) for title, values in sections]
    (home / "acme.profile").write_text(profile(*named, version=version))
    (home / "acme.profile").chmod(0o600)


def a_profile(home, https_ca):
    profile_of(home, 1, anchor("other", hosts="*.example.net", **inline(OTHER)), service("orders"), service("old"),
               ("policy", {"channel-binding": "require", "cancel": "refuse"}))


def a_newer_profile(home, https_ca):
    a_profile(home, https_ca)
    done(home, *ONBOARD)
    profile_of(home, 2, anchor("more", hosts="*.example.net", **inline(MORE)), service("orders", connect_timeout=7), service("new"),
               ("policy", {"channel-binding": "require", "min-tls": "1.3"}))


def weak(home, https_ca):
    port = re.search(r"(?m)^port=(\d+)$", (home / ".pg_service.conf").read_text())[1]
    with (home / ".pg_service.conf").open("a") as services:
        services.write("".join(f"\n[{name}]\nhost=localhost\nport={port}\nsslmode=require" for name in ("weak", "too")))


def no_longer_weak(home, https_ca):
    weak(home, https_ca)
    done(home, *HARDEN)


ONBOARD = ["onboard", "acme.profile", "--yes"]
HARDEN = ["service", "harden", "weak", "too", "--yes"]
ADD = ["anchor", "add", "other.pem", "--fingerprint", OTHER.fingerprint, "--name", "other"]
BOTH = OTHER.pem + MORE.pem
COMMANDS = {
    "add": Command(ADD),
    "add --scoped": Command([*ADD, "--scoped"]),
    "add --all": Command(["anchor", "add", "both.pem", "--all", "--fingerprint", hashlib.sha256(BOTH.encode()).hexdigest()]),
    "add --replace": Command([*ADD, "--hosts", "*.example.org", "--scoped", "--replace"], add_other),
    "import": Command(["anchor", "import", "--yes"]),
    "rename": Command(["anchor", "rename", "other", "new"], add_other, (0, 1)),
    "set-hosts": Command(["anchor", "set-hosts", "other", "*.example.org", "--yes"], add_other),
    "remove": Command(["anchor", "remove", "other", "--yes"], add_other, (0, 1)),
    "refresh": Command(["anchor", "refresh", "other"], rotated),
    "refresh --drop": Command(["anchor", "refresh", "other", "--drop", "--yes"], withdrawn),
    "crl add": Command(["crl", "add", "new.crl", "--anchor", "other", "--yes"], scoped),
    "crl add a newer one": Command(["crl", "add", "new.crl", "--anchor", "other", "--yes"], with_crl),
    "crl remove": Command(["crl", "remove", "--all", "--yes"], with_crl, (0, 1)),
    "onboard": Command(ONBOARD, a_profile, (0,)),
    "onboard a newer one": Command(ONBOARD, a_newer_profile, (0,)),
    "harden": Command(HARDEN, weak, (0,)),
    "harden --undo": Command(["service", "harden", "--all", "--undo"], no_longer_weak, (0,)),
    "uninstall": Command(["uninstall", "--yes"], add_other),
}


@pytest.fixture
def trusted(home, stepca, postgres):
    """A home with files of its owner's, in which an anchor and a service stay whatever is done (but for uninstall)."""
    (home / ".postgresql").mkdir(mode=0o700)
    (home / ".postgresql/root.crt").write_text(f"a note\n{OLD.pem}")
    (home / ".pg_service.conf").write_text("# mine\n[mine]\nhost=mine.example\n")
    (home / "other.pem").write_text(OTHER.pem)
    (home / "both.pem").write_text(BOTH)
    (home / "old.crl").write_bytes(crl(OTHER))
    (home / "new.crl").write_bytes(crl(OTHER, number=2))
    done(home, "bootstrap", "--ca-url", stepca.url, "--fingerprint", stepca.fingerprint, "--name", "stays", "--hosts", "localhost")
    done(home, "service", "add", "stays", "--host", "localhost", "--port", postgres.port)
    return home


def files(home):
    """{path: what it is}, without when it was written."""
    return {path: (entry.kind, entry.mode, entry.content and TIME.sub(b"TIME", entry.content), entry.target)
            for path, entry in home.snapshot().items()}


def without_manifest(state):
    """It is written first, and may note what then was not made; a notice says that something failed."""
    return {path: what for path, what in state.items() if path not in (MANIFEST, *NOTICES)}


def noted(state, number):
    """The manifest. Where a lock could not be removed, its directory was there before, and profiles/ is not noted as made; uninstall
    takes it away in any case."""
    kind, mode, text, target = state.get(MANIFEST) or ("", 0, b"", None)
    return kind, mode, re.sub(rb"(?m)^directory .*/pganchor/profiles\n", b"", text) if "unlink" in number else text, target


class Trial:
    """The command in that home: done() without a fault, and with one at each of its writes, from the same beginning."""

    def __init__(self, home, https_ca, command, tmp_path):
        self.home, self.command, self.kept = home, command, tmp_path / "before"
        command.prepare(home, https_ca)
        self.words = command.words
        self.old = files(home)
        shutil.copytree(home.path, self.kept, symlinks=True)
        result = self.traced("trace=" + WRITES)
        assert result.returncode in (0, 3), result.stderr
        # strace counts the calls of each name, and tells of the end of a child, too.
        names = [line.split("(")[0] for line in (self.kept.parent / "trace").read_text().splitlines() if re.match(r"\w+\(", line)]
        self.writes = [(name, names[:at + 1].count(name)) for at, name in enumerate(names)]
        self.new = files(home)
        assert self.new != self.old and len(self.writes) > 2

    def traced(self, *expressions):
        real = self.home.program.binary.with_name("pganchor.real")
        return self.home.run(["strace", "-qqq", "-o", self.kept.parent / "trace", *(word for one in expressions for word in ("-e", one)), "--",
                              real if real.exists() else self.home.program.binary, *self.words], env=NO_LEAKS)

    def begin(self):
        for entry in os.scandir(self.home.path):
            shutil.rmtree(entry.path) if entry.is_dir(follow_symlinks=False) else os.unlink(entry.path)
        shutil.copytree(self.kept, self.home.path, symlinks=True, dirs_exist_ok=True)

    def faults(self, what):
        """Each fault at a time: (number, how the command ended). Without --whole a fifth of them, others for each command."""
        for name, number in self.writes if WHOLE else self.writes[len(self.writes) % 5::5]:
            self.begin()
            yield f"{name} {number}", self.traced(f"trace={WRITES}", f"inject={name}:{what}:when={number}")

    def finishes(self, number):
        result = self.home.pganchor(*self.words)
        assert result.returncode in self.command.again, (number, result.stderr)
        assert without_manifest(self.state(True)) == without_manifest(self.new), (number, result.stdout, result.stderr)

    def state(self, without_left=False):
        return {path: what for path, what in files(self.home).items() if not without_left or not LEFT.search(path)}


@pytest.fixture(params=COMMANDS)
def trial(request, trusted, https_ca, tmp_path):
    return Trial(trusted, https_ca, COMMANDS[request.param], tmp_path)


def test_killed_every_file_is_old_or_new_and_the_next_run_finishes(trial, postgres, impostor_postgres, request):
    stays = "stays" in trial.new.get(".pg_service.conf", ("", 0, b""))[2].decode()
    for number, result in trial.faults("signal=SIGKILL"):
        assert result.returncode == -9, (number, result.stderr)
        for path, what in without_manifest(files(trial.home)).items():
            assert LEFT.search(path) or what in (trial.old.get(path), trial.new.get(path)), (number, path, what)
        assert without_manifest(trial.old).keys() & trial.new.keys() <= files(trial.home).keys(), number
        if stays:
            psql = ["psql", "-XAtc", "SELECT 1"]
            good = run_gated(trial.home, [*psql, postgres.conninfo(sslmode="verify-full")])
            assert good.stdout == "1\n", (number, good.stderr)
            bad = run_gated(trial.home, [*psql, impostor_postgres.conninfo(sslmode="verify-full")])
            assert bad.returncode != 0, number
        trial.finishes(number)


def test_a_call_that_fails_leaves_all_as_it_was_or_does_no_harm(trial):
    failed = 0
    for number, result in trial.faults("error=EIO"):
        assert result.returncode in (0, 1, 3), (number, result.stderr)
        if "some of it was done all the same" in result.stderr:
            trial.finishes(number)
            continue
        wanted = trial.old if result.returncode == 1 else trial.new
        now = trial.state("unlink" in number)
        # A lock that could not be removed keeps its directory.
        stays = {path: now.get(path) for path in trial.old if f"Left {trial.home / path}: " in result.stdout}
        assert without_manifest(now) == {**without_manifest(wanted), **stays}, (number, result.stdout, result.stderr)
        assert noted(now, number) == noted(wanted, number) or result.returncode == 1 or "the manifest" in result.stderr, (number, result.stderr)
        assert result.returncode != 1 or "Input/output error" in result.stderr, (number, result.stderr)
        failed += result.returncode == 1
        if not stays:
            trial.finishes(number)
    assert failed > 0 or not WHOLE


def test_a_full_disk_changes_nothing(trial):
    trial.begin()
    result = trial.home.pganchor(*trial.words, full_disk=True)
    wanted = trial.old if result.returncode == 1 else trial.new
    assert without_manifest(trial.state()) == without_manifest(wanted), (result.stdout, result.stderr)
    assert result.returncode == (0 if result.returncode == 0 and "remove" in trial.words else 1), result.stderr
    trial.finishes(0)
