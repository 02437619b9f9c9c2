"""A bounded share of the differential fuzzing, and proof that it would find an escape."""

import os
import subprocess
from pathlib import Path

FUZZER = Path(__file__).resolve().parent.parent / "fuzz" / "differential.py"


def fuzz(prefix, *args):
    return subprocess.run([FUZZER, *args], capture_output=True, text=True,
                          env={**os.environ, "PGANCHOR_PREFIX": str(prefix)})


def test_no_escape(pganchor):
    """Three thousand cases of a new seed each time; a failure prints it with the case."""
    done = fuzz(pganchor.prefix, "--cases", "3000")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("seed ") and "; no escape\n" in done.stdout
    counts = dict(reversed(part.split(" ", 1)) for part in done.stdout.split(": ")[1].split(";")[0].split(", "))
    assert int(counts["asked for TLS"]) > 100 and int(counts["refused"]) > 100, done.stdout


def test_without_the_gate_an_escape_is_found(tmp_path):
    done = fuzz(tmp_path, "--cases", "400", "--seed", "1")
    assert done.returncode == 1
    assert "an allowed connection sent" in done.stderr
