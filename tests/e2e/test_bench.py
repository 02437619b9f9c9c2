"""The bench runs and measures what it says; how fast that is, is not asked of a test. What it counts is the same on every machine."""

import json
import os
import re
import subprocess
from pathlib import Path


import pytest

pytestmark = pytest.mark.plain_build

BENCH = Path(__file__).resolve().parent.parent / "bench" / "run.py"
ROWS = {"connect", "connect64", "refuse", "pgbench", "start", "start, beside libeatmydata", "start of libeatmydata",
        "start of an empty object", "verdict", "scale", "memory", "dropin, connect", "dropin, start of true", "dropin, start of psql", "dropin, memory",
        "bundle", "anchors", "refresh", "services", "continuity", "probe", "probe, memory", "one_probe", "one_probe, processor",
        "status", "status, processor", "cert_issue", "cert_issue, hash", "local_ca", "local_ca, processor",
        "passwords, none", "passwords, later", "passwords, first"}


def bench(prefix, *words):
    return subprocess.run([BENCH, *words], capture_output=True, text=True,
                          env={**os.environ, "PGANCHOR_PREFIX": str(prefix)})


def test_the_bench_measures_every_figure(pganchor, tmp_path):
    report = tmp_path / "bench.json"
    done = bench(pganchor.prefix, "--pairs", "4", "--json", report)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(report.read_text())
    assert set(figures) == ROWS
    for name, figure in figures.items():
        assert figure["without"] > 0 and figure["with"] > 0 and name in done.stdout
    # What the gate does for a connection is counted, and it does not go through ten thousand anchors and hosts for it.
    assert 1000 < figures["verdict"]["figure"] < 1000000
    # How often libpq polls, and so the gate looks, is another number in each run of a busy machine.
    assert figures["scale"]["figure"] < 2, done.stdout
    assert figures["memory"]["within"], done.stdout


def test_check_fails_when_a_figure_is_over_its_limit(pganchor, tmp_path):
    assert bench(pganchor.prefix, "memory", "--check").returncode == 0
    # A module that writes to twenty pages when it is loaded.
    module = tmp_path / "lib/pganchor/pganchor-gate.so"
    module.parent.mkdir(parents=True)
    source = "char fat[20 * 4096]; __attribute__((constructor)) void fill(void) { for (int i = 0; i < 20; i++) fat[4096 * i] = 1; }"
    subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-o", module, "-"], input=source, text=True, check=True)
    done = bench(tmp_path, "memory", "--check")
    assert done.returncode == 1 and "OVER" in done.stdout, done.stdout + done.stderr
    assert bench(tmp_path, "memory").returncode == 0


def test_an_unknown_measurement_is_a_usage_error(pganchor):
    done = bench(pganchor.prefix, "starts")
    assert done.returncode == 2 and "there are connect, connect64, refuse, pgbench, start" in done.stderr


def test_the_module_has_nothing_to_write_to_when_it_is_loaded_but_one_page(pganchor):
    """Initialised data that is no constant is a page more, in every process and at each start of one."""
    done = subprocess.run(["readelf", "--wide", "--sections", "--segments", pganchor.module], capture_output=True, text=True, check=True)
    assert not re.search(r" \.data +PROGBITS| \.init_array ", done.stdout), done.stdout
    start, size = re.search(r"GNU_RELRO +\S+ (0x\S+) \S+ \S+ (0x\S+)", done.stdout).groups()
    assert (int(start, 16) & ~4095) + 4096 >= int(start, 16) + int(size, 16), done.stdout
