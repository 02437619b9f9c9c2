"""The bench runs and measures what it says; how fast that is, is not asked of a test."""

import json
import os
import subprocess
from pathlib import Path

BENCH = Path(__file__).resolve().parent.parent / "bench" / "run.py"


def test_the_bench_measures_every_figure(pganchor, tmp_path):
    report = tmp_path / "bench.json"
    done = subprocess.run([BENCH, "--pairs", "5", "--json", report], capture_output=True, text=True,
                          env={**os.environ, "PGANCHOR_PREFIX": str(pganchor.prefix)})
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(report.read_text())
    assert set(figures) == {"connect verify-full", "refuse a weak connection, against a verified one", "start true"}
    for name, figure in figures.items():
        assert figure["pairs"] in (5, 10) and figure["without_us"] > 0 and figure["with_us"] > 0 and name in done.stdout
