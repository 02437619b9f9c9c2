"""cert renew where something goes wrong in the middle: a full disk, no memory, several at once. The pair matches. (Killed: test_cert_kills.py.)"""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from own_certificates import DUE, cert, known, match, status
from test_out_of_memory import failing_malloc, run_failing, without_wrapper  # noqa: F401
from test_trust_faults import WHOLE


def test_a_full_disk_leaves_the_old_one(home, stepca):
    crt, key = known(home, stepca, "app", days=DUE)
    before = crt.read_bytes()
    done = cert(home, "renew", full_disk=True)
    assert done.returncode == 1 and crt.read_bytes() == before and match(crt, key)
    assert cert(home, "renew", "--force").returncode == 0


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
