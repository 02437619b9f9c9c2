"""A bounded share of the fuzzing, with new seeds each time, and proof that it would find what it looks for."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from libpqs import RELEASES

pytestmark = pytest.mark.plain_build

FUZZ = Path(__file__).resolve().parent.parent / "fuzz"
sys.path.insert(0, str(FUZZ))

import mutations  # noqa: E402
import verdicts  # noqa: E402


def run(prefix, name, *args):
    return subprocess.run([FUZZ / name, *map(str, args)], capture_output=True, text=True, errors="replace",
                          env={**os.environ, "PGANCHOR_PREFIX": str(prefix)})


def counts(output):
    """{what: how many} of the last line."""
    parts = output.split(" cases: ")[1].split(";")[0].split(", ")
    return {what: int(count) for count, what in (part.split(" ", 1) for part in parts)}


def check_wire(done):
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("seed ") and "; no escape\n" in done.stdout
    assert counts(done.stdout)["asked for TLS"] > 20 and counts(done.stdout)["refused"] > 20, done.stdout


def check_verdicts(done, version, cases):
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert re.match(rf"seed \d+, libpq {version}", done.stdout) and "; no escape\n" in done.stdout
    seen = counts(done.stdout)
    # Every kind of case comes up often.
    for what in ("refused by libpq itself", "refused by the gate", "let through in audit mode", "allowed as verify-full",
                 "allowed with exempt hosts alone", "sent a request for TLS", "of them with gssencmode locked"):
        assert seen[what] > cases / 1000, (what, done.stdout)


# ---- by the wire ----

def test_no_escape(pganchor):
    """Three thousand cases of a new seed each time; a failure prints it with the case."""
    check_wire(run(pganchor.prefix, "differential.py", "--cases", 3000))


@pytest.mark.parametrize("version", RELEASES)
def test_no_escape_with_other_libpqs(pganchor, libpq_roots, version):
    check_wire(run(pganchor.prefix, "differential.py", "--cases", 600, "--root", libpq_roots(version).directory))


# Among them one that hides all calls of its own functions, and one that hides some.
FEW_BUILDS = ["bsymbolic-functions", "no-interposition"]


@pytest.mark.parametrize("name", FEW_BUILDS)
def test_no_escape_however_libpq_was_built(pganchor, libpq_builds, name):
    check_wire(run(pganchor.prefix, "differential.py", "--cases", 600, "--libpq", libpq_builds(name).parent))


def test_without_the_gate_an_escape_is_found(tmp_path):
    done = run(tmp_path, "differential.py", "--cases", 400, "--seed", 1)
    assert done.returncode == 1
    assert "an allowed connection sent" in done.stderr


# ---- by verdict ----

@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    return verdicts.build(tmp_path_factory.mktemp("verdicts"))


def test_no_escape_by_verdict(pganchor, driver):
    check_verdicts(verdicts.run(driver, pganchor.module, 60000, verdicts.new_seed()), 15, 60000)


@pytest.mark.parametrize("version", RELEASES)
def test_no_escape_by_verdict_with_other_libpqs(pganchor, driver, libpq_roots, version):
    root = libpq_roots(version)
    directory = root.directory / "homes" / "verdicts"
    directory.mkdir()
    try:
        program, module = shutil.copy(driver, directory), shutil.copy(pganchor.module, directory)
        argv = verdicts.arguments(program, directory, 15000, verdicts.new_seed())
        done = subprocess.run(root.enter("/", verdicts.environment(module), argv), capture_output=True, text=True, errors="replace")
        check_verdicts(done, version, 15000)
    finally:
        shutil.rmtree(directory)


@pytest.mark.parametrize("name", FEW_BUILDS)
def test_no_escape_by_verdict_however_libpq_was_built(pganchor, driver, libpq_builds, name):
    done = verdicts.run(driver, pganchor.module, 15000, verdicts.new_seed(), libpq=libpq_builds(name).parent)
    check_verdicts(done, 18, 15000)
    assert ", which hides its calls of PQconnectPoll" in done.stdout


@pytest.mark.parametrize("name", mutations.MUTATIONS)
def test_each_mutation_is_of_the_sources_as_they_are(name):
    file, old, new, _ = mutations.MUTATIONS[name]
    assert old in (mutations.TOP / "src" / file).read_text() and old != new


@pytest.mark.own_builds
def test_what_the_gate_loses_is_found(pganchor):
    """A few of the mutations; tests/fuzz/mutations.py alone tries all."""
    few = ["hostaddr does not count", "the user's policy is not read", "gssencmode=disable is not appended", "PQconnectPoll is open"]
    done = run(pganchor.prefix, "mutations.py", "--cases", 30000, *few)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split(": found in case ")[0] for line in done.stdout.splitlines()[1:-1]] == few


def test_the_driver_will_not_run_without_the_gate(driver, tmp_path):
    done = verdicts.run(driver, "", 10, 1)
    assert done.returncode == 2 and "pganchor-gate.so are not both there" in done.stderr


# ---- what pganchor parses itself ----

def run_parsers(tree, *args):
    return subprocess.run([tree / "tests/fuzz/run.sh", "--runs", "500", *args], capture_output=True, text=True, errors="replace",
                          env={**os.environ, "TMPDIR": str(tree), "PGANCHOR_FUZZ_BUILD": str(tree / "build")})


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the sources, in which the fuzzer is built once."""
    directory = tmp_path_factory.mktemp("parsers")
    for name in ("src", "include", "tests/fuzz"):
        shutil.copytree(FUZZ.parent.parent / name, directory / name)
    shutil.copy(FUZZ.parent.parent / "sources.mk", directory)
    return directory


@pytest.mark.whole
@pytest.mark.own_builds
def test_the_parsers(tree):
    """Each target with a fixed number of inputs; a failure prints the seed and the input."""
    done = run_parsers(tree)
    assert done.returncode == 0, done.stdout + done.stderr
    for line in done.stdout.splitlines():
        # An input of "lengths" is each length from 0 to 600.
        # libFuzzer runs a few more than it was told to.
        inputs = r"1\d" if line.startswith("lengths: ") else r"5\d\d"
        assert re.fullmatch(rf"\w+: seed \d+, {inputs} inputs, cov: \d+", line), done.stdout
    targets = re.search(r"^targets=\((.*)\)$", (tree / "tests/fuzz/run.sh").read_text(), re.MULTILINE)[1].split()
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == targets


@pytest.mark.whole
@pytest.mark.own_builds
def test_a_parser_that_loses_a_byte_is_found(tree):
    ini = tree / "src/base/ini.c"
    sound = ini.read_text()
    broken = sound.replace("reader->position += line->whole.length;",
                           "reader->position += line->whole.length + (left > line->whole.length && start[0] == '#');")
    assert broken != sound
    try:
        ini.write_text(broken)
        done = run_parsers(tree, "ini")
    finally:
        ini.write_text(sound)
    assert done.returncode == 1 and "not so: " in done.stdout and list(tree.glob("pganchor-fuzz-ini-*"))
