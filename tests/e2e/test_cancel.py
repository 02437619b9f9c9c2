"""What the gate answers to a cancel that it refuses, into buffers of every size."""

from gated import PYTHON, run_gated
from services import policy as write_policy

REFUSAL = "pganchor refused to cancel: the policy (cancel = refuse) lets no cancel key go in clear"
# PQcancel() into the first bytes of a buffer that is full of x; what it returned, and the buffer's bytes.
SCRIPT = """
import ctypes, sys
pq = ctypes.CDLL("libpq.so.5")
pq.PQconnectdb.restype = pq.PQgetCancel.restype = ctypes.c_void_p
connection = ctypes.c_void_p(pq.PQconnectdb(sys.argv[1].encode()))
assert pq.PQstatus(connection) == 0
cancel = ctypes.c_void_p(pq.PQgetCancel(connection))
for size in map(int, sys.argv[2:]):
    buffer = ctypes.create_string_buffer(b"x" * 299)
    print(pq.PQcancel(cancel, buffer, size), buffer.raw.hex())
print(pq.PQcancel(cancel, None, 100))
"""


def test_a_refused_cancel_ends_within_its_buffer(anchored, postgres):
    write_policy(anchored, "cancel = refuse\n")
    sizes = [0, 1, 2, 9, len(REFUSAL), len(REFUSAL) + 1, 256]
    done = run_gated(anchored, [PYTHON, "-c", SCRIPT, postgres.conninfo(sslmode="verify-full"), *sizes])
    assert done.returncode == 0, done.stderr
    *answers, without = done.stdout.splitlines()
    assert without == "0"
    for size, answer in zip(sizes, answers):
        status, raw = answer.split()
        said = REFUSAL.encode()[:max(size - 1, 0)] + b"\0" if size > 0 else b""
        expected = said + b"x" * (299 - len(said)) + b"\0"
        assert (status, bytes.fromhex(raw)) == ("0", expected), size
