"""The tests of a change: those that execute its line, by the map that recording left, and a session of pytest that runs them."""

import ctypes
import difflib
import json
import os
import signal
import subprocess
import threading
from pathlib import Path

import building

FIRST = 12  # tests, in any case: those that have noticed most


class Map:
    """Which tests execute a line, and how long each takes: out of one recording, and of later ones of some tests."""

    def __init__(self, stores, history):
        self.history = history
        self.noticed = json.loads(history.read_text()) if history.exists() else {}
        self.lock = threading.Lock()
        self.recordings = [Recording(store) for store in stores]
        self.seconds = {test: seconds for one in self.recordings for test, seconds in one.seconds.items()}

    def tests(self, name, line, source):
        return sorted({test for one in self.recordings for test in one.tests(name, line, source)})

    def notice(self, name, test):
        """The test has noticed a change of this file: it may well notice the next one."""
        with self.lock:
            of_file = self.noticed.setdefault(name, {})
            of_file[test] = of_file.get(test, 0) + 1
            self.history.write_text(json.dumps(self.noticed, indent=0, sort_keys=True))

    def in_turn(self, tests, most, name=None):
        """First those that have noticed most changes of the file, a few of them. Then the quickest, but one of each file in turn:
        what one file does not see another may. Up to `most` seconds."""
        of_file = self.noticed.get(name, {})
        first = sorted((test for test in tests if test in of_file), key=lambda test: (-of_file[test], self.seconds[test]))[:FIRST]
        return first + self.one_of_each(set(tests) - set(first), most - sum(self.seconds[test] for test in first))

    def one_of_each(self, tests, most):
        files = {}
        for test in sorted(tests, key=lambda test: self.seconds[test]):
            files.setdefault(test.partition("::")[0], []).append(test)
        order, spent = [], 0.0
        rounds = sorted(((i, self.seconds[test], test) for some in files.values() for i, test in enumerate(some)))
        for _, seconds, test in rounds:
            if spent + seconds <= most or not order:
                order.append(test)
                spent += seconds
        return order


class Recording:
    """What was executed, by the lines of the sources as they were then."""

    def __init__(self, store):
        self.sources = Path(f"{store}.src")
        self.seconds, self.by_line, self.moved, self.known = {}, {}, {}, {}
        self.not_passed = []
        with open(store, encoding="utf-8") as file:
            for line in file:
                one = json.loads(line)
                for name, lines in one.get("known", {}).items():
                    self.known.setdefault(name, set()).update(lines)
                if not one.get("passed"):
                    self.not_passed += [one["test"]] if "test" in one else []
                    continue
                self.seconds[one["test"]] = one["seconds"]
                for name, lines in one["lines"].items():
                    for number in lines:
                        self.by_line.setdefault((name, number), []).append(one["test"])

    def tests(self, name, line, source):
        """Of a line of the source as it is now: what moved since the recording is found again by its text."""
        if name not in self.moved:
            self.moved[name] = self.align(name, source)
        old = self.moved[name].get(line, 0)
        known = self.known.get(name, ())
        # A line of a statement for which the compiler made no code of its own goes with the line before it.
        while old > 0 and known and old not in known:
            old -= 1
        return list(self.by_line.get((name, old), []))

    def align(self, name, source):
        try:
            old = (self.sources / name).read_bytes().splitlines()
        except FileNotFoundError:
            return {}
        new = source.splitlines()
        if old == new:
            return {number: number for number in range(1, len(new) + 1)}
        moved = {}
        for tag, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            for i in range(c, d):
                # A changed line counts as the ones that it came in the place of.
                moved[i + 1] = a + 1 + (i - c if tag == "equal" else min(i - c, max(b - a - 1, 0)))
        return moved


def end_with_us():
    """PR_SET_PDEATHSIG: by SIGTERM, at which it takes its servers down."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM, 0, 0, 0)


class Lost(Exception):
    """A session of pytest ended by itself, or had to be ended."""


class Session:
    """A pytest whose servers stay up, for one installed tree."""

    def __init__(self, prefix, directory, known):
        self.prefix, self.directory, self.known = prefix, Path(directory), known
        self.process = None

    def start(self):
        ours, theirs = os.pipe(), os.pipe()
        environment = {**os.environ, "PYTHONPATH": str(building.HERE), "PYTHONDONTWRITEBYTECODE": "1", "PGANCHOR_PREFIX": str(self.prefix),
                       "MUTATION_CHANNEL": f"{ours[0]},{theirs[1]}"}
        self.log = open(self.directory / "pytest.log", "a", encoding="utf-8")
        files = sorted({test.partition("::")[0] for test in self.known if not test.startswith("unit:")})
        self.process = subprocess.Popen(
            ["/usr/bin/python3", "-m", "pytest", "-p", "no:cacheprovider", "-p", "session_plugin", "-q",
             f"--basetemp={self.directory}/tmp", *files], cwd=building.TOP, env=environment, pass_fds=(ours[0], theirs[1]), stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            start_new_session=True, preexec_fn=end_with_us)
        os.close(ours[0])
        os.close(theirs[1])
        self.jobs, self.answers = open(ours[1], "w", buffering=1), open(theirs[0])
        answer = self.ask({}, 1800)
        if answer is None:
            raise building.Failed(f"pytest could not be started: see {self.directory}/pytest.log")
        self.ids = set(answer["known"])

    def ask(self, job, most):
        """The answer; None when the session did not come back in time."""
        guard = threading.Timer(most, self.kill)
        guard.start()
        try:
            self.jobs.write(json.dumps(job) + "\n")
            line = self.answers.readline()
        except BrokenPipeError:
            line = ""
        finally:
            guard.cancel()
        return json.loads(line) if line else None

    def run(self, tests, seconds):
        """(the test that failed or None, why); Lost when the session has come to its own end."""
        if self.process is None or self.process.poll() is not None:
            self.start()
        # A test whose name has something random in it is another one each time.
        known = [(test, most) for test, most in zip(tests, seconds) if test in self.ids]
        if not known:
            return None, ""
        tests, seconds = zip(*known)
        answer = self.ask({"tests": tests, "seconds": seconds}, 2 * sum(seconds) + 60)
        if answer is None:
            self.stop()
            raise Lost
        return answer["failed"], answer["why"]

    def kill(self):
        try:
            os.killpg(self.process.pid, 9)
        except OSError:
            pass

    def stop(self):
        """At the end of its jobs pytest takes its servers down."""
        if self.process is None:
            return
        self.jobs.close()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()
            self.process.wait()
        self.process = None

