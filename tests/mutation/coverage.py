#!/usr/bin/python3
"""Which lines of src/ no test executes, by the map that run.py --record has made: tests/mutation/coverage.py [DIRECTORY].

DIRECTORY is where run.py has it ($PGANCHOR_TEST_CACHE/mutation). Prints for each file how many of its lines with code were executed, and
the numbers of those that were not; then which tests did not pass, and the sum. The gate is recorded in every program that it is loaded
into.
"""

import os
import sys
from pathlib import Path

sys.dont_write_bytecode = True

import testing  # noqa: E402

SHOWN = 20  # tests that did not pass


def spans(numbers):
    """1-3, 7"""
    runs = []
    for number in sorted(numbers):
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(f"{a}-{b}" if a != b else str(a) for a, b in runs)


def main():
    cache = os.environ.get("PGANCHOR_TEST_CACHE")
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(cache or ".") / "mutation"
    stores = sorted(directory.glob("map*.jsonl"))
    if not stores:
        sys.exit(f"coverage.py: {directory}: no map is there: tests/mutation/run.py --record --count 0 makes it")
    # The latest one knows the sources as they are; of earlier ones what has not moved counts.
    recordings = [testing.Recording(store) for store in stores]
    latest = recordings[-1]
    everything = executed = 0
    for name, known in sorted(latest.known.items()):
        source = (latest.sources / name).read_bytes()
        seen = {line for line in known if any(one.tests(name, line, source) for one in recordings)}
        everything, executed = everything + len(known), executed + len(seen)
        print(f"{name}: {len(seen)} of {len(known)}" + (f"; not {spans(known - seen)}" if seen != known else ""))
    left = sorted({test for one in recordings for test in one.not_passed} - {test for one in recordings for test in one.seconds})
    if left:
        print(f"{len(left)} tests that failed or were skipped do not count: {', '.join(left[:SHOWN])}" + (", ..." if left[SHOWN:] else ""))
    print(f"{executed} of {everything} lines: {100 * executed / max(everything, 1):.1f} per cent")


if __name__ == "__main__":
    main()
