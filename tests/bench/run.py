#!/usr/bin/python3
"""What the gate costs, each figure a ratio measured in one run: tests/bench/run.py [--json FILE] [--pairs N].

Needs PGANCHOR_PREFIX (where `make install` put pganchor) and what the tests need; the server and the CA are the tests'
own. Prints a table; the JSON holds the same figures. Every pair is one measurement with the gate and one without,
right after each other; the ratio is that of the medians.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

from postgres import Clusters  # noqa: E402
from stepca import start_stepca  # noqa: E402


class Timer:
    """A connect_timer that waits for its turn."""

    def __init__(self, program, conninfo, home, preload=None, refused=False):
        env = {"HOME": str(home), "PATH": os.environ["PATH"], "LC_ALL": "C"}
        if preload:
            env["LD_PRELOAD"] = str(preload)
        argv = [program, conninfo] + (["refused"] if refused else [])
        self.process = subprocess.Popen(argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def once(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit("connect_timer gave up")
        return int(answer)

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


def in_pairs(first, second, pairs):
    """[(first, second), ...] in nanoseconds, the order changing from pair to pair, after a short warm-up."""
    for timer in (first, second):
        for _ in range(10):
            timer.once()
    measured = []
    for number in range(pairs):
        if number % 2:
            b, a = second.once(), first.once()
        else:
            a, b = first.once(), second.once()
        measured.append((a, b))
    return measured


def compile_timer(name, folder, *words):
    program = folder / name
    subprocess.run(["cc", "-O2", "-o", program, HERE / f"{name}.c", *words], check=True)
    return program


def figures(pairs):
    """Medians of both sides in microseconds, and their ratio."""
    without = statistics.median(a for a, _ in pairs)
    gated = statistics.median(b for _, b in pairs)
    return {"pairs": len(pairs), "without_us": without / 1000, "with_us": gated / 1000, "ratio": gated / without}


def measure(prefix, folder, pairs):
    module = prefix / "lib/pganchor/pganchor-gate.so"
    libpq = subprocess.run(["pkg-config", "--cflags", "--libs", "libpq"], check=True, capture_output=True, text=True)
    connect_timer = compile_timer("connect_timer", folder, *libpq.stdout.split())
    spawn_timer = compile_timer("spawn_timer", folder)
    home = folder / "home"
    (home / ".postgresql").mkdir(parents=True)
    ca = start_stepca(folder / "stepca")
    server = None
    results = {}
    try:
        (home / ".postgresql/root.crt").write_text(ca.root_pem)
        (home / ".config/pganchor").mkdir(parents=True)
        (home / ".config/pganchor/anchors.conf").write_text(f"[bench]\npin = {ca.fingerprint}\n")
        server = Clusters(folder).start(*ca.issue("localhost"))
        strong, weak = server.conninfo(sslmode="verify-full", gssencmode="disable"), server.conninfo()
        plain, gated = Timer(connect_timer, strong, home), Timer(connect_timer, strong, home, module)
        results["connect verify-full"] = figures(in_pairs(plain, gated, pairs))
        refused = Timer(connect_timer, weak, home, module, refused=True)
        results["refuse a weak connection, against a verified one"] = figures(in_pairs(plain, refused, pairs))
        for timer in (plain, gated, refused):
            timer.stop()
    finally:
        if server is not None:
            server.stop()
        ca.daemon.stop()
    spawned = subprocess.run([spawn_timer, str(2 * pairs), module, "/bin/true"], check=True, capture_output=True, text=True)
    results["start true"] = figures([tuple(map(int, line.split())) for line in spawned.stdout.splitlines()])
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--pairs", type=int, default=1000)
    options = parser.parse_args()
    if "PGANCHOR_PREFIX" not in os.environ:
        parser.error("PGANCHOR_PREFIX is not set: `make install` into a prefix and name it there")
    with tempfile.TemporaryDirectory(prefix="pga-bench-") as folder:
        os.chmod(folder, 0o755)
        results = measure(Path(os.environ["PGANCHOR_PREFIX"]).resolve(), Path(folder), options.pairs)
    print(f"{'':50}{'without':>12}{'with':>12}{'ratio':>8}")
    for name, row in results.items():
        print(f"{name:50}{row['without_us']:>9.1f} us{row['with_us']:>9.1f} us{row['ratio']:>8.4f}")
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
