"""pganchor cert issue where something goes wrong in the middle: a call fails, no memory, several at once. The pair matches. (Killed: test_cert_kills.py.)"""

import re
import shutil
import subprocess

import pytest

from certs import pair
from issuing import false_ca, issued, own, put_back, signed, usable  # noqa: F401
from postgres import USER
from test_out_of_memory import failing_malloc, run_failing, without_wrapper  # noqa: F401
from test_trust_faults import WHOLE, WRITES as SOME_WRITES
from tracing import NO_LEAKS

WRITES = f"{SOME_WRITES},symlinkat,linkat"


def trace(home, log, *expressions):
    program = home.program.binary.with_name("pganchor.real")
    program = program if program.exists() else home.program.binary
    return home.run(["strace", "-qqq", "-o", log, *(word for one in expressions for word in ("-e", one)), "--", program, "cert", "issue",
                     USER, "--password-file", home / "password"], env=NO_LEAKS)


def find_faults(home, log):
    """(name of the call, how often it was called by then) of each that changes something, of a run that succeeds."""
    done = trace(home, log, f"trace={WRITES}")
    assert done.returncode == 0, done.stderr
    lines = [line for line in log.read_text().splitlines() if re.match(r"\w+\(", line)]
    names = [line.split("(")[0] for line in lines]
    first = next(at for at, line in enumerate(lines) if ".pganchor" in line)
    faults = [(name, names[:at + 1].count(name)) for at, name in enumerate(names) if at >= first]
    assert len(faults) > 15
    return faults


@pytest.fixture(params=[False, True], ids=["first", "another"])
def faulty(request, own, tmp_path):
    """faulty(what, begin) -> of each fault: (how the command ended, whether there was a pair before)"""
    log, kept = tmp_path / "trace", tmp_path / "kept"
    if request.param:
        issued(own, USER)
    shutil.copytree(own.path, kept, symlinks=True)

    def run(what, begin):
        """Without --whole an eighth of them, others for each."""
        faults = find_faults(own, log)
        for name, number in faults if WHOLE else faults[begin + request.param::8]:
            put_back(own, kept)
            yield trace(own, log, f"trace={WRITES}", f"inject={name}:{what}:when={number}"), request.param, (name, number)

    return run


def test_whatever_fails_the_pair_is_the_old_one_or_the_new_one(own, faulty):
    """It is told, and where it is told that nothing was done, nothing was."""
    files = pair(own)
    old = files.certificate.read_bytes() if files.certificate.exists() else b""
    for done, again, where in faulty("error=ENOSPC", 4):
        assert done.returncode in (0, 1) and usable(files), (where, done.stderr)
        assert files.certificate.exists() == (again or done.returncode == 0), (where, done.stderr)
        if done.returncode == 0:
            assert "Issued" in done.stdout and files.matches() and files.certificate.read_bytes() != old, where
        else:
            assert "pganchor: " in done.stderr and (files.certificate.read_bytes() if again else b"") == old, (where, done.stderr)
        assert not files.certificate.is_symlink() or "are symbolic links" in done.stderr, (where, done.stderr)
        issued(own, USER, "--force")
        assert files.matches() and not files.certificate.is_symlink() and not files.key.is_symlink(), where


@pytest.mark.parametrize("again", [False, True], ids=["first", "another"])
@pytest.mark.parametrize("on", [False, True], ids=["once", "from then on"])
def test_without_memory_it_is_done_or_nothing_was(home, https_ca, failing_malloc, tmp_path, on, again):  # noqa: F811
    """And it says which."""
    ca, server = false_ca(home, https_ca, lambda request: signed(holder[0], request))
    holder, kept, files = [None], tmp_path / "kept", pair(home)
    holder[0] = ca
    conf = home / ".config/pganchor/certs.conf"
    (home / "password").write_text("password\n")
    (home / "password").chmod(0o600)
    program, gate = without_wrapper(home)
    argv = [program, "cert", "issue", USER, "--password-file", home / "password"]
    if again:
        assert home.run(argv).returncode == 0
    old = files.certificate.read_bytes() if again else None
    shutil.copytree(home.path, kept, symlinks=True)
    good, count = run_failing(home, failing_malloc, argv, 0, preload=gate)
    assert good.returncode == 0 and count > 100, good.stderr
    ends = set()
    for number in range(1 + 7 * on, count + 1, max(1, count // (400 if WHOLE else 12))):
        put_back(home, kept)
        done, _ = run_failing(home, failing_malloc, argv, number, on, preload=gate)
        now = files.certificate.read_bytes() if files.certificate.exists() else None
        assert done.returncode in (0, 1) and usable(files), (number, done.stderr)
        if done.returncode == 0:
            assert now != old and files.matches(), (number, done.stderr)
            assert "[client]" in conf.read_text(), (number, done.stderr)
        else:
            assert now == old and "pganchor: " in done.stderr, (number, done.stdout, done.stderr)
        ends.add(done.returncode)
    assert 1 in ends


def test_several_at_once(own):
    """Of whichever comes last both files are, and nothing is left of the others."""
    words = [own.program.binary, "cert", "issue", USER, "--password-file", own / "password", "--force"]
    for _ in range(2):
        running = [subprocess.Popen(words, env=own.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                    text=True) for _ in range(4)]
        said = [process.communicate(timeout=120)[1] for process in running]
        assert {process.returncode for process in running} <= {0, 1} and 0 in {process.returncode for process in running}, said
        assert pair(own).matches() and not pair(own).certificate.is_symlink(), said
        left = {path: entry for path, entry in own.snapshot().items() if ".pganchor-" in path}
        assert not left, (left, said, [process.returncode for process in running])
