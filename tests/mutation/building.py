"""Copies of the sources that are built: one whose tests leave a map of what they execute, others in which one line is changed."""

import contextlib
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import blocks

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
# What is installed, and what it is in the directory that it is built in.
INSTALLED = {"bin/pganchor": "pganchor", "lib/pganchor/pganchor-gate.so": ".libs/pganchor-gate.so",
             "lib/libpganchor.so.0.0.0": ".libs/libpganchor.so.0.0.0"}
TARGETS = {"bin/pganchor": "pganchor", "lib/pganchor/pganchor-gate.so": "pganchor-gate.la",
           "lib/libpganchor.so.0.0.0": "libpganchor.la"}
# Each builds the programs under test in a way of its own, or is about files that are no programs, or takes minutes.
LEFT_OUT = ("build", "builds", "packages", "quickstart", "bench", "machines", "libpqs", "kerberos", "manuals", "fixtures",
            "other_programs", "daemons", "fuzz", "clients")


class Failed(Exception):
    """A command failed; what it said."""


def run(argv, **kwargs):
    done = subprocess.run([str(word) for word in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", **kwargs)
    if done.returncode != 0:
        raise Failed(f"{argv[0]}: {done.stdout[-4000:]}")
    return done.stdout


class Tree:
    """A copy of the sources in directory/source, built in directory/build, installed into directory/stage."""

    def __init__(self, directory, *words):
        self.directory = Path(directory)
        self.source, self.build, self.stage = (self.directory / name for name in ("source", "build", "stage"))
        self.build.mkdir(parents=True, exist_ok=True)
        run([TOP / "packaging/copy-sources.sh", self.source])
        if not (self.source / "configure").exists():
            run([self.source / "autogen.sh"], cwd=self.source)
        if not (self.build / "config.status").exists():
            run([self.source / "configure", f"--prefix={self.stage}", *words], cwd=self.build)
        self.make("-j2", "all")
        shutil.rmtree(self.stage, ignore_errors=True)
        self.make("install")

    def make(self, *words):
        return run(["make", "-s", *words], cwd=self.build)

    def units(self):
        return sorted(path.stem for path in (self.source / "tests/unit").glob("test_*.c"))


def record(directory, store, tests, shares):
    """Runs all tests, or those given, once on builds with cover.c, a share of the files on each; the map goes to the file `store`,
    the sources to a directory beside it. A unit is "unit:" and its name; "units" is all of them."""
    trees = [cover_tree(Path(f"{directory}-{number}")) for number in range(1 if tests == ["units"] else shares)]
    if tests == ["units"]:
        tests = [f"unit:{name}" for name in trees[0].units()]
    making = [Path(f"{store}.{number}") for number in range(len(trees))]
    for path in making:
        path.unlink(missing_ok=True)
    units = [test[len("unit:"):] for test in tests or () if test.startswith("unit:")]
    others = [test for test in tests or () if not test.startswith("unit:")]
    if units or not tests:
        record_units(trees[0], trees[0].directory / "records", making[0], units or trees[0].units())
    if others or not tests:
        record_others(trees, making, others or ["tests/e2e", *left_out()])
    keep_sources(trees[0].source, store)
    Path(store).write_text("".join(path.read_text() for path in making if path.exists()))
    for path in making:
        path.unlink(missing_ok=True)


def record_others(trees, making, tests):
    running = [subprocess.Popen(
        ["/usr/bin/python3", "-m", "pytest", "-p", "no:cacheprovider", "-p", "recording_plugin", "-q", "--no-header", "--tb=line", *tests],
        cwd=TOP, stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(HERE), "PYTHONDONTWRITEBYTECODE": "1", "PGANCHOR_PREFIX": str(tree.stage),
             "MUTATION_RECORDS": str(tree.directory / "records"), "MUTATION_MAP": str(path), "PGANCHOR_TESTS_SHARE": f"{number}/{len(trees)}"})
        for number, (tree, path) in enumerate(zip(trees, making))]
    for process in running:
        process.wait()


def cover_tree(directory):
    records = directory / "records"
    records.mkdir(parents=True, exist_ok=True)
    records.chmod(0o1777)
    run(["gcc", "-O2", "-fPIC", f'-DCOVER_DIRECTORY="{records}"', "-c", HERE / "cover.c", "-o", directory / "cover.o"])
    return Tree(directory, "CFLAGS=-g -O0 -fsanitize-coverage=trace-pc", f"LDFLAGS=-Wl,{directory}/cover.o")


def left_out():
    return [f"--ignore=tests/e2e/test_{name}.py" for name in LEFT_OUT]


def keep_sources(source, store):
    kept = Path(f"{store}.src")
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(Path(source) / "src", kept)


def record_units(tree, records, store, names):
    tree.make("-j2", *[f"tests/unit/{name}" for name in names])
    for name in names:
        record = blocks.Record(records, tree.build / "tests/unit" / name)
        begun = time.monotonic()
        done = subprocess.run([tree.build / "tests/unit" / name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(store, "a", encoding="utf-8") as file:
            json.dump({"test": f"unit:{name}", "seconds": round(time.monotonic() - begun, 3), "passed": done.returncode == 0,
                       "lines": {file: sorted(lines) for file, lines in sorted(record.lines().items())},
                       "known": record.known()}, file)
            file.write("\n")


class Mutant:
    """A tree in which one file at a time is changed. No debug information: a change that makes no difference to the machine's
    code then makes the same object."""

    def __init__(self, directory):
        # A run that was ended in the middle has left objects of a change, which are newer than the source.
        self.left = Path(directory) / "changed"
        if self.left.exists():
            shutil.rmtree(Path(directory) / "build")
        self.tree = Tree(directory, "--enable-werror", "CFLAGS=-O2")
        self.left.unlink(missing_ok=True)
        self.sound = Path(directory) / "sound"
        self.keep()

    def keep(self):
        for installed, built in INSTALLED.items():
            (self.sound / installed).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self.tree.build / built, self.sound / installed)

    def objects(self, name):
        """{object: bytes} of a file of src/."""
        path = Path("src") / name
        return {file: file.read_bytes() for directory in (path.parent, path.parent / ".libs")
                for file in sorted(self.tree.build.glob(f"{directory}/*-{path.stem}.o"))}

    def change(self, name, content):
        """"stillborn", "same" (the compiler made the same of it), or "built" (and installed)."""
        self.left.touch()
        self.name, self.before, self.was = name, self.objects(name), (self.tree.source / "src" / name).read_bytes()
        self.write(content, (1, 1))
        self.installed = [installed for installed, built in INSTALLED.items() if is_in(name, installed)]
        try:
            self.tree.make(*[TARGETS[installed] for installed in self.installed])
        except Failed as failed:
            return "stillborn", str(failed)
        if self.objects(name) == self.before:
            return "same", ""
        self.install({installed: self.tree.build / INSTALLED[installed] for installed in self.installed})
        return "built", ""

    def write(self, content, times):
        """The source, and its objects' times: make goes by them, however quick we are."""
        (self.tree.source / "src" / self.name).write_bytes(content)
        for file in self.objects(self.name):
            for one in (file, file.with_suffix(".lo"), file.parent.parent / f"{file.stem}.lo"):
                if one.exists():
                    os.utime(one, times)

    def heal(self):
        """The source and its objects as they were. What is made of them is made anew by the next change."""
        for file in self.objects(self.name):
            if file in self.before:
                file.write_bytes(self.before[file])
            else:
                file.unlink()
        self.write(self.was, None)
        for installed in self.installed:
            for file in self.tree.build / INSTALLED[installed], self.tree.build / TARGETS[installed]:
                os.utime(file, (1, 1))
        self.install({installed: self.sound / installed for installed in self.installed})
        self.left.unlink(missing_ok=True)

    def install(self, files):
        for installed, built in files.items():
            target = self.tree.stage / installed
            shutil.copy2(built, f"{target}.new")
            os.rename(f"{target}.new", target)


class Sanitized:
    """A tree with ASan and UBSan, for the units alone: what has only read too far, or given nothing back, they see."""

    def __init__(self, directory):
        self.tree = Tree(directory, "--enable-werror", "--enable-sanitizers", "CFLAGS=-g -O1")

    def first_to_fail(self, name, content, units, limit):
        """The first of the units that fails with this content of the file of src/ and passes as it was, and why; (None, "")."""
        path = self.tree.source / "src" / name
        was = path.read_bytes()
        try:
            path.write_bytes(content)
            failed = next(((unit, why) for unit in units if (why := self.run(unit, limit(unit)))), None)
        finally:
            path.write_bytes(was)
        return failed if failed and not self.run(failed[0], limit(failed[0])) else (None, "")

    def run(self, unit, seconds):
        """What does not compile like this, with a warning more, has not been noticed."""
        name = unit[len("unit:"):]
        try:
            self.tree.make(f"tests/unit/{name}")
        except Failed:
            return ""
        return run_unit(self.tree.build, name, 4 * seconds)


def run_unit(build, name, seconds):
    """Why it failed, or ""."""
    try:
        run(["make", "-s", f"tests/unit/{name}"], cwd=build)
    except Failed as failed:
        return str(failed)
    process = subprocess.Popen([build / "tests/unit" / name], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        return f"ended with {process.returncode}" if process.wait(seconds) != 0 else ""
    except subprocess.TimeoutExpired:
        return f"not at its end after {seconds:.0f} seconds"
    finally:
        # What it has forked, too.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        process.wait()


def is_in(name, installed):
    """Whether a file of src/ is a part of what is installed there."""
    if name.startswith("gate/"):
        return installed.startswith("lib/")
    return installed.startswith("bin/") or name.startswith(("base/", "policy/"))
