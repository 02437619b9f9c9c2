"""A plugin of pytest: which lines of src/ each test executes. Used by run.py with -p; what it needs is in the environment.

MUTATION_RECORDS  the directory that cover.c was compiled with
MUTATION_MAP      the file to which a line of JSON is added for each test:
                  {"test":, "seconds":, "passed":, "lines": {file: [line, ...]}}
                  and one with all lines of which there is code, {"known": {file: [line, ...]}}
"""

import json
import os
import time
from pathlib import Path

import blocks
import pytest

records, outcome = [], {}


def pytest_sessionstart():
    prefix = Path(os.environ["PGANCHOR_PREFIX"])
    for program in ("bin/pganchor", "lib/pganchor/pganchor-gate.so", "lib/libpganchor.so"):
        records.append(blocks.Record(os.environ["MUTATION_RECORDS"], prefix / program))
    known = {}
    for record in records:
        for _, places in record.blocks:
            for file, line in places:
                known.setdefault(file, set()).add(line)
    write({"known": {file: sorted(lines) for file, lines in sorted(known.items())}})


def pytest_runtest_logreport(report):
    if report.outcome != "passed":
        outcome[report.nodeid] = report.outcome


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    for record in records:
        record.clear()
    begun = time.monotonic()
    yield
    add(item.nodeid, time.monotonic() - begun, outcome.get(item.nodeid, "passed") == "passed", records)


def add(test, seconds, passed, records):
    lines = {}
    for record in records:
        for file, some in record.lines().items():
            lines.setdefault(file, set()).update(some)
    write({"test": test, "seconds": round(seconds, 3), "passed": passed,
           "lines": {name: sorted(some) for name, some in sorted(lines.items())}})


def write(one):
    with open(os.environ["MUTATION_MAP"], "a", encoding="utf-8") as file:
        json.dump(one, file, separators=(",", ":"))
        file.write("\n")
