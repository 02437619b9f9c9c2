"""A plugin of pytest that keeps the servers of the tests up, and runs those tests that it is told to, again and again.

One line of JSON a job comes in by the descriptors of MUTATION_CHANNEL ("read,write"), one line goes out:
    {"tests": [id, ...], "seconds": [most, ...]}  ->  {"failed": id or null, "why": text, "times": [...]}
The job ends at the first test that fails. The first job, {}, sets up what lasts for the session; its answer has "known", all tests.
"""

import ctypes
import gc
import json
import os
import resource
import shutil
import signal
import time
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol

SET_CHILD_SUBREAPER = 36


class TookTooLong(BaseException):
    """No Exception: no test may catch it."""


def interrupt(number, frame):
    raise TookTooLong


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session):
    prepare()
    reading, writing = map(int, os.environ["MUTATION_CHANNEL"].split(","))
    with open(reading, encoding="utf-8") as jobs, open(writing, "w", encoding="utf-8", buffering=1) as answers:
        runner = Runner(session)
        for line in jobs:
            answers.write(json.dumps(runner.run(**json.loads(line))) + "\n")
    return True


def prepare():
    """Whatever a changed program does: its children are ours to end, and it fills neither the memory nor the disk."""
    ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 ** 31, 2 ** 31))
    resource.setrlimit(resource.RLIMIT_DATA, (6 * 2 ** 30, 6 * 2 ** 30))
    signal.signal(signal.SIGALRM, interrupt)


class Runner:
    def __init__(self, session):
        self.session = session
        self.items = {item.nodeid: item for item in session.items}
        self.kept = None

    def run(self, tests=None, seconds=None):
        if tests is None:
            tests = self.first_of_each_fixture()
        times, failed, why = [], None, ""
        for i, test in enumerate(tests):
            item = self.items[test]
            begun = time.monotonic()
            why = self.one(item, self.items[tests[i + 1]] if i + 1 < len(tests) else self.elsewhere(item),
                           seconds[i] if seconds else 0)
            times.append(round(time.monotonic() - begun, 2))
            if why and seconds:
                failed = test
                break
        self.tidy(self.items[tests[-1 if failed is None else i]] if tests else None)
        return {"failed": failed, "why": why if failed else "", "times": times, "known": list(self.items) if not seconds else []}

    def first_of_each_fixture(self):
        """The servers and programs that last for the session are to be made by the program as it is."""
        wanted, tests = set(), []
        for item in self.session.items:
            lasting = {name for name, definitions in item._fixtureinfo.name2fixturedefs.items()
                       if definitions[-1].scope == "session"}
            if lasting - wanted:
                wanted |= lasting
                tests.append(item.nodeid)
        return tests

    def elsewhere(self, item):
        """A test of another file: what lasts for a file is not to outlast a change."""
        return next((other for other in self.session.items if other.parent is not item.parent), None)

    def one(self, item, following, seconds):
        """Why it failed, or ""."""
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            reports = runtestprotocol(item, log=False, nextitem=following)
        except TookTooLong:
            return "it took too long"
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for report in reports:
            if report.failed:
                return str(report.longrepr)[-2000:]
        return ""

    def tidy(self, item):
        if item is not None:
            try:
                self.session._setupstate.teardown_exact(self.elsewhere(item))
            except Exception:
                pass
        gc.collect()
        now = set(descendants(os.getpid(), self.kept[0] if self.kept else set()))
        base = Path(self.session.config._tmp_path_factory.getbasetemp())
        if self.kept is None:
            self.kept = now, set(base.iterdir())
            return
        for process in now - self.kept[0]:
            end(process)
        for path in set(base.iterdir()) - self.kept[1]:
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() and not path.is_symlink() else path.unlink()


def descendants(process, left_out):
    """Its children and theirs; those of servers that are to stay stay with them."""
    children = {}
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((directory / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
        except (OSError, IndexError, ValueError):
            continue
        children.setdefault(parent, []).append(int(directory.name))
    found, todo = [], list(children.get(process, []))
    while todo:
        one = todo.pop()
        if one not in left_out:
            found.append(one)
            todo += children.get(one, [])
    return found


def end(process):
    try:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, os.WNOHANG)
    except OSError:
        pass
