"""cert renew where something goes wrong in the middle: killed, a full disk, no memory, several at once. The pair matches."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from own_certificates import DUE, cert, known, match, status
from test_out_of_memory import failing_malloc, run_failing, without_wrapper  # noqa: F401
from test_trust_faults import WHOLE
from tracing import NO_LEAKS

WRITES = "openat,rename,renameat,renameat2,symlinkat,linkat,unlinkat,mkdirat,write,fsync,fchmod,fchown,unlink,mkdir"


def test_a_full_disk_leaves_the_old_one(home, stepca):
    crt, key = known(home, stepca, "app", days=DUE)
    before = crt.read_bytes()
    done = cert(home, "renew", full_disk=True)
    assert done.returncode == 1 and crt.read_bytes() == before and match(crt, key)
    assert cert(home, "renew", "--force").returncode == 0


def traced(home, log, words, *expressions):
    program = home.program.binary.with_name("pganchor.real")
    program = program if program.exists() else home.program.binary
    return home.run(["strace", "-qqq", "-f", "-o", log, *(word for one in expressions for word in ("-e", one)), "--", program, "cert", "renew", *words],
                    env=NO_LEAKS)


@pytest.mark.parametrize("words", [["--force"], ["--force", "--rekey"]], ids=["same-key", "another-key"])
def test_killed_at_every_call_the_pair_matches(home, stepca, tmp_path, words):
    """And the next run finishes, with nothing left behind."""
    crt, key = known(home, stepca, "app")
    log = tmp_path / "trace"
    clean = set(home.snapshot())
    done = traced(home, log, words, f"trace={WRITES}")
    assert done.returncode == 0, done.stderr
    lines = [re.sub(r"^\d+ +", "", line) for line in log.read_text().splitlines()]
    lines = [line for line in lines if re.match(r"\w+\(", line)]
    calls = [line.split("(")[0] for line in lines]
    first = next(at for at, line in enumerate(lines) if ".pganchor" in line)
    names = [(name, calls[:at + 1].count(name)) for at, name in enumerate(calls) if at >= first]
    assert len(names) > 10
    for name, number in names if WHOLE else names[len(words) % 5::5]:
        killed = traced(home, log, words, f"trace={WRITES}", f"inject={name}:signal=SIGKILL:when={number}")
        assert killed.returncode == -9, (name, number, killed.stderr)
        assert match(crt, key), (name, number)
    assert cert(home, "renew", "--force").returncode == 0
    assert match(crt, key) and not crt.is_symlink() and not key.is_symlink()
    assert set(home.snapshot()) == clean


@pytest.mark.parametrize("words", [[], ["--rekey"]], ids=["same-key", "another-key"])
@pytest.mark.parametrize("on", [False, True], ids=["once", "from then on"])
def test_without_memory_it_is_renewed_or_as_before(home, stepca, failing_malloc, on, words):  # noqa: F811
    """And it says which."""
    crt, key = known(home, stepca, "app")
    program, gate = without_wrapper(home)
    argv = [program, "cert", "renew", "--force", *words]
    good, count = run_failing(home, failing_malloc, argv, 0, preload=gate)
    assert good.returncode == 0 and count > 100, good.stderr
    ends = set()
    for number in range(1 + 7 * on, count + 1, max(1, count // (400 if WHOLE else 12))):
        before = crt.read_bytes()
        done, _ = run_failing(home, failing_malloc, argv, number, on, preload=gate)
        assert done.returncode in (0, 1) and match(crt, key), (number, done.stderr)
        if done.returncode == 0:
            assert crt.read_bytes() != before and "client: renewed" in done.stdout, (number, done.stderr)
        else:
            assert crt.read_bytes() == before and "pganchor: " in done.stderr, (number, done.stdout, done.stderr)
        ends.add(done.returncode)
    assert 1 in ends


def test_several_at_once(home, stepca):
    """Who finds that another was faster leaves it at that."""
    crt, key = known(home, stepca, "app")
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda words: cert(home, "renew", "--force", *words), [[], ["--rekey"], [], []]))
    assert {one.returncode for one in done} == {0}, [one.stderr for one in done]
    assert match(crt, key) and not crt.is_symlink() and status(home)[0] == 0
    assert all(re.match("client: (renewed|somebody else has just renewed it)", one.stdout) for one in done)
