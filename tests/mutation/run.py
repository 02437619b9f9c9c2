#!/usr/bin/python3
"""Whether the tests notice when a line of src/ is changed: tests/mutation/run.py [--count N] [--seed N] [FILE...].

Changes are found by a rule in all of src/ (places.py says which) and chosen by chance, as many of one file as of another. Each is
built with every warning an error and run through the tests that execute its line, up to the first that fails, and where none does
through the units with ASan; the one that fails must pass again without the change. Prints a line for each, and the score: how many
of those that compile and make a difference were noticed.

Changes that mean nothing are listed in equivalent.txt, with the reason. FILE is a file or directory below src/.
--record makes the map of what each test executes first; without it, one of an earlier run is used, whatever has moved since.
--apply PATCH... tries these changes instead of chosen ones. Exit status 1 when less than --least per cent were noticed.
"""

import argparse
import difflib
import json
import os
import random
import re
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True

import building  # noqa: E402
import places  # noqa: E402
import testing  # noqa: E402

HERE = Path(__file__).resolve().parent
COUNTED = ("noticed", "survived", "no test gets there")


def read_equivalent():
    """{(file, function, line before, line after): reason}"""
    known, place = {}, None
    for line in (HERE / "equivalent.txt").read_text().splitlines():
        sign, _, rest = line.partition(" ")
        if line.startswith("src/"):
            file, _, function = line[4:].partition(": ")
            place = [file, function]
        elif sign in ("-", "+"):
            place.append(rest)
        elif sign == "=":
            known[tuple(place)] = rest
            place = place[:2]
    return known


class Chooser:
    """The next change: of the file of which the fewest were counted, another kind each time."""

    def __init__(self, files, options):
        self.chance = random.Random(options.seed)
        self.waiting = {name: self.mixed(places.find(name)) for name in files}
        self.order = sorted(files, key=lambda name: self.chance.random())
        self.counted = {name: 0 for name in files}
        self.given = {name: 0 for name in files}
        self.count, self.lock = options.count, threading.Lock()
        self.until = time.monotonic() + options.minutes * 60 if options.minutes else None

    def mixed(self, changes):
        kinds = {}
        for change in changes:
            kinds.setdefault(change.kind, []).append(change)
        for some in kinds.values():
            self.chance.shuffle(some)
        rounds = [(i, self.chance.random(), change) for some in kinds.values() for i, change in enumerate(some)]
        return [change for _, _, change in sorted(rounds, key=lambda one: one[:2])]

    def next(self):
        with self.lock:
            if self.until and time.monotonic() > self.until or sum(self.given.values()) >= self.count:
                return None
            left = [name for name in self.order if self.waiting[name]]
            if not left:
                return None
            name = min(left, key=lambda name: self.given[name])
            self.given[name] += 1
            return self.waiting[name].pop(0)

    def done(self, change, outcome):
        """What is not counted makes place for another change of its file."""
        with self.lock:
            if outcome in COUNTED:
                self.counted[change.file] += 1
            else:
                self.given[change.file] -= 1


class Given:
    """Changes out of patches, each of one file."""

    def __init__(self, patches):
        self.changes, self.lock = [], threading.Lock()
        for patch in patches:
            text = Path(patch).read_text()
            file = re.search(r"^\+\+\+ \S*?src/(\S+)", text, re.MULTILINE)[1]
            done = subprocess.run(["patch", "-s", "-o", "-", building.TOP / "src" / file], input=text.encode(),
                                  stdout=subprocess.PIPE, check=True)
            self.changes.append(whole(file, Path(patch).stem, done.stdout))

    def next(self):
        with self.lock:
            return self.changes.pop(0) if self.changes else None

    def done(self, change, outcome):
        pass


def whole(file, name, after):
    """The one stretch of the file that the patch changes, as a Change."""
    before = (building.TOP / "src" / file).read_bytes()
    start = len(os.path.commonprefix([before, after]))
    back = len(os.path.commonprefix([before[start:][::-1], after[start:][::-1]]))
    line = before.count(b"\n", 0, start) + 1
    return places.Change(file, name, "given", line, start, len(before) - back, after[start:len(after) - back].decode())


class Worker(threading.Thread):
    """One tree, one session of pytest, one change after the other."""

    def __init__(self, number, chooser, known, options, say):
        super().__init__()
        self.directory = options.directory / f"worker-{number}"
        self.chooser, self.map, self.options, self.say = chooser, known, options, say
        self.equivalent = read_equivalent()
        self.results, self.unreliable, self.failed = [], set(), True
        self.sanitized = None

    def run(self):
        self.work()
        self.failed = False

    def work(self):
        self.mutant = building.Mutant(self.directory)
        self.session = testing.Session(self.mutant.tree.stage, self.directory, self.map.seconds)
        try:
            while (change := self.chooser.next()) is not None:
                begun = time.monotonic()
                result = self.judge(change)
                result["seconds"] = round(time.monotonic() - begun, 1)
                self.chooser.done(change, result["outcome"])
                self.results.append(result)
                self.say(result)
        finally:
            self.session.stop()

    def judge(self, change, tries=3):
        source = (self.mutant.tree.source / "src" / change.file).read_bytes()
        before, after = change.lines(source)
        name = f"src/{change.file}"
        patch = "".join(difflib.unified_diff(source.decode().splitlines(keepends=True),
                                             change.apply(source).decode().splitlines(keepends=True), f"a/{name}", f"b/{name}"))
        result = {"file": change.file, "patch": patch, "line": change.line, "function": change.function, "kind": change.kind,
                  "before": before, "after": after, "test": None, "why": "", "tests": 0}
        if (change.file, change.function, before, after) in self.equivalent:
            return {**result, "outcome": "equivalent", "why": self.equivalent[change.file, change.function, before, after]}
        tests = [test for test in self.map.tests(change.file, change.line, source) if test not in self.unreliable]
        if self.options.units and not tests:
            return {**result, "outcome": "not theirs"}
        try:
            built, why = self.mutant.change(change.file, change.apply(source))
            if built != "built":
                return {**result, "outcome": built, "why": why[-1000:]}
            result["tests"] = len(tests)
            if not tests:
                return {**result, "outcome": "no test gets there"}
            failed, why = self.try_all(self.map.in_turn(tests, self.options.most, change.file))
        except testing.Lost:
            failed = why = "the session of pytest was lost"
        finally:
            self.mutant.heal()
        if failed is None:
            failed, why = self.try_sanitized(change, source, [test for test in tests if test.startswith("unit:")])
            if failed is None:
                return {**result, "outcome": "survived"}
            return {**result, "outcome": "noticed", "test": f"{failed} with ASan", "why": why[-600:]}
        if failed in self.map.seconds and self.passes(failed):
            self.map.notice(change.file, failed)
            return {**result, "outcome": "noticed", "test": failed, "why": why[-600:]}
        if tries == 0:
            return {**result, "outcome": "undecided", "test": failed, "why": why[-600:]}
        self.unreliable.add(failed)
        self.session.stop()
        return self.judge(change, tries - 1)

    def try_sanitized(self, change, source, units):
        if not units:
            return None, ""
        if self.sanitized is None:
            self.sanitized = building.Sanitized(self.directory / "sanitized")
        return self.sanitized.first_to_fail(change.file, change.apply(source), units, self.limit)

    def limit(self, test):
        return max(20, 8 * self.map.seconds[test])

    def try_all(self, tests):
        for test in tests:
            if test.startswith("unit:"):
                why = building.run_unit(self.mutant.tree.build, test[5:], self.limit(test))
                if why:
                    return test, why
        tests = [test for test in tests if not test.startswith("unit:")]
        if not tests:
            return None, ""
        return self.session.run(tests, [self.limit(test) for test in tests])

    def passes(self, test):
        try:
            return self.try_all([test])[0] is None
        except testing.Lost:
            return False


def per_cent(results):
    counted = [one for one in results if one["outcome"] in COUNTED]
    noticed = [one for one in counted if one["outcome"] == "noticed"]
    return len(noticed), len(counted), 100 * len(noticed) / len(counted) if counted else 100.0


def write_patches(results, directory):
    directory.mkdir(parents=True, exist_ok=True)
    for old in directory.glob("*.patch"):
        old.unlink()
    for i, one in enumerate(one for one in results if one["outcome"] in ("survived", "no test gets there")):
        (directory / f"{i:03}-{Path(one['file']).stem}.patch").write_text(one["patch"])


def report(results):
    results = [one for one in results if one["outcome"] != "not theirs"]
    print("\nfile: noticed of counted; not counted: stillborn, same code, equivalent, undecided")
    for name in sorted({one["file"] for one in results}):
        some = [one for one in results if one["file"] == name]
        noticed, counted, _ = per_cent(some)
        others = [str(sum(one["outcome"] == outcome for one in some)) for outcome in ("stillborn", "same", "equivalent", "undecided")]
        print(f"  {name}: {noticed} of {counted}; {', '.join(others)}")
    for one in results:
        if one["outcome"] in ("survived", "no test gets there"):
            print(f"{one['outcome']}: src/{one['file']}:{one['line']}: {one['function']}\n  - {one['before']}\n  + {one['after']}")
    kinds = {outcome: sum(one["outcome"] == outcome for one in results) for outcome in
             ("noticed", "survived", "no test gets there", "stillborn", "same", "equivalent", "undecided")}
    print(", ".join(f"{count} {outcome}" for outcome, count in kinds.items()))
    noticed, counted, share = per_cent(results)
    print(f"{noticed} of {counted} noticed: {share:.1f} per cent")
    return share


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=300, help="how many changes are to be counted (300)")
    parser.add_argument("--minutes", type=float, help="begin no other change after so many")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2 ** 32))
    parser.add_argument("--least", type=float, default=95)
    parser.add_argument("--most", type=float, default=60, help="seconds of tests that one change is given (60)")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--tests", nargs="*", help="what is recorded besides what is known already: arguments of pytest, and units as unit:test_NAME")
    parser.add_argument("--units", action="store_true", help="by the units alone, and of the lines that they execute (give it a --directory of its own)")
    parser.add_argument("--apply", nargs="+", metavar="PATCH")
    cache = os.environ.get("PGANCHOR_TEST_CACHE")
    parser.add_argument("--directory", type=Path, default=Path(cache) / "mutation" if cache else None,
                        help="of the builds, the map and the report ($PGANCHOR_TEST_CACHE/mutation)")
    parser.add_argument("files", nargs="*", metavar="FILE")
    options = parser.parse_args()
    if options.directory is None:
        parser.error("set PGANCHOR_TEST_CACHE, or give --directory")
    options.directory = options.directory.resolve()
    return options


def chosen(options):
    names = [name for name in places.files()
             if not options.files or any(name == file or name.startswith(f"{file.rstrip('/')}/") for file in options.files)]
    if not names:
        sys.exit("run.py: src/ has no such file")
    return names


def recordings(options):
    """The files of the map, made when there is none or when --record wants it."""
    stores = sorted(options.directory.glob("map*.jsonl"))
    if options.record and not options.tests:
        for store in stores:
            store.unlink()
        stores = []
    if options.record or not stores:
        number = max((int(store.stem[-2:]) + 1 for store in stores), default=0)
        store = options.directory / f"map-{number:02}.jsonl"
        building.record(options.directory / "recording", store, ["units"] if options.units else options.tests, options.workers)
        stores.append(store)
    return stores


def main():
    options = arguments()
    options.directory.mkdir(parents=True, exist_ok=True)
    known = testing.Map(recordings(options), options.directory / "noticed.json")
    print(f"seed {options.seed}, {len(known.seconds)} tests", flush=True)
    if options.count == 0 and not options.apply:
        return 0
    chooser = Given(options.apply) if options.apply else Chooser(chosen(options), options)
    lock, results = threading.Lock(), []
    log = open(options.directory / "results.jsonl", "w", encoding="utf-8", buffering=1)

    def say(one):
        with lock:
            results.append(one)
            log.write(json.dumps({key: value for key, value in one.items() if key != "patch"}) + "\n")
            by = f" by {one['test']}" if one["test"] else ""
            if one["outcome"] != "not theirs":
                print(f"{one['outcome']}{by} ({one['seconds']} s): src/{one['file']}:{one['line']} {one['before']} -> {one['after']}",
                      flush=True)

    begun = time.monotonic()
    workers = [Worker(number, chooser, known, options, say) for number in range(options.workers)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if any(worker.failed for worker in workers):
        print("run.py: a worker failed: see above", file=sys.stderr)
        return 1
    write_patches(results, options.directory / "survivors")
    share = report(results)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{(time.monotonic() - begun) / 60:.1f} minutes, {(used.ru_utime + used.ru_stime) / 60:.1f} of a processor's; survivors are in {options.directory}/survivors")
    return 0 if share >= options.least else 1


if __name__ == "__main__":
    sys.exit(main())
