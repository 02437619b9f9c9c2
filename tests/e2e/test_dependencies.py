"""packaging/dependencies.sh on machines of every kind: dpkg, apt and sudo are small scripts that say what a test wants."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

# The tool has no part in it.
pytestmark = pytest.mark.no_instruments

TOP = Path(__file__).resolve().parent.parent.parent
SCRIPT = TOP / "packaging/dependencies.sh"
APT = """\
echo "$*" >>"$calls"
case " $* " in
    *" update "*) echo "Get:1 http://deb.example.org"; echo "E: the repository of somebody else is broken"; exit "${update:-0}" ;;
    *" --assume-no "*) printf '%s\\n' "0 upgraded, 7 newly installed, 0 to remove and 0 not upgraded." \
        "Need to get 12.3 MB of archives." "After this operation, 45.6 MB of additional disk space will be used." ;;
    *" install "*) echo "Setting up: $*"; exit "${install:-0}" ;;
esac
"""


@pytest.fixture
def machine(tmp_path):
    """Factory machine(user=1000, sudo="...", update="100", ...) -> run(*words) -> (status, output, calls of apt-get)."""
    directory = tmp_path / "bin"
    directory.mkdir()

    def program(name, text):
        (directory / name).unlink(missing_ok=True)
        (directory / name).write_text(f"#!/bin/sh\n{text}\n")
        (directory / name).chmod(0o755)

    def make(user=1000, sudo='[ "$1" = -n ] || [ "$1" = -v ] || exec "$@"', has="", absent="golang-*", **words):
        for known in ("/usr/bin", "/bin"):
            for name in ("sh", "cat", "grep", "sort", "sed", "tr", "paste", "rm", "env", "printf", "mv", "cp", "tee"):
                if os.path.exists(f"{known}/{name}") and not os.path.lexists(directory / name):
                    (directory / name).symlink_to(f"{known}/{name}")
        program("id", f'[ "$1" = -un ] && echo dev || echo {user}')
        program("apt-get", APT)
        program("dpkg-query", f'for last; do :; done; case $last in {absent}) exit 1 ;; esac; echo installed')
        program("apt-cache", f'for last; do :; done; case " {has} " in *" $last "*) echo "Package: $last" ;; esac')
        if sudo:
            program("sudo", sudo)

        def run(*argv):
            calls = tmp_path / "calls"
            calls.write_text("")
            done = subprocess.run([SCRIPT, *argv], env={"PATH": str(directory), "calls": str(calls), **words}, text=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            return done.returncode, done.stdout, calls.read_text().splitlines()
        return run
    return make


STEPCA = "golang-github-smallstep-certificates-dev golang-go"


def test_what_is_missing_is_installed(machine):
    status, output, calls = machine()("stepca")
    assert status == 0 and f"installing {STEPCA}" in output
    assert calls[-1].endswith(f"install -y --no-install-recommends --no-remove {STEPCA}") and "update" in calls[0]


def test_nothing_is_called_where_nothing_is_missing(machine):
    assert machine(sudo=None)("build") == (0, "", [])


def test_a_source_of_apt_that_is_broken_is_no_end(machine):
    status, output, calls = machine(update="100")("stepca")
    assert status == 0 and "some of apt's sources could not be read" in output and "install -y" in calls[-1]
    status, output, _ = machine(update="100", install="100")("stepca")
    assert status == 1 and "could not install\n    see above; some of apt's sources could not be read, see further up" in output
    assert f"wanted were: {STEPCA}" in output


@pytest.mark.parametrize("sudo, why", [(None, "this is not root, and there is no sudo"),
                                       ("echo sudo: dev is not in the sudoers file >&2; exit 1", "sudo does not let dev be root")])
def test_who_may_not_be_root_is_told_what_to_ask_for(machine, sudo, why):
    status, output, calls = machine(sudo=sudo)("stepca")
    assert status == 1 and calls == [] and why in output
    assert f"let somebody who is root type: apt-get install --no-install-recommends {STEPCA}" in output


def test_a_sudo_that_wants_a_password_is_announced(machine):
    status, output, _ = machine(sudo='[ "$1" != -n ] || exit 1; [ "$1" = -v ] || exec "$@"')("stepca")
    assert status == 0 and "it may ask for your password" in output
    assert "password" not in machine()("stepca")[1] and "sudo" not in machine(user=0, sudo="exit 1")("stepca")[1]


def test_the_lines_of_apt_go_to_a_log(machine, tmp_path):
    log = tmp_path / "log"
    status, output, _ = machine()("--log", log, "stepca")
    assert status == 0 and "7 packages, 12.3 MB to fetch, 45.6 MB on the disk" in output
    assert "Setting up" not in output and "Get:1" in log.read_text() and "Setting up" in log.read_text() and "E: the repo" in log.read_text()
    # Of a source that is broken, its error is told, and no more.
    status, output, _ = machine(update="100")("--log", tmp_path / "other", "stepca")
    assert status == 0 and "E: the repository of somebody else is broken\n" in output and "Get:1" not in output
    assert "Get:1" in (tmp_path / "other").read_text()
    status, output, _ = machine(install="100")("--log", log, "stepca")
    assert status == 1 and "Setting up" in output and log.read_text().count("Setting up") == 2


def test_a_package_that_a_release_calls_otherwise_is_found(machine):
    names = {"openjdk-17-jre-headless": "openjdk-21-jre-headless", "libtcmalloc-minimal4": "libtcmalloc-minimal4t64"}
    for kind in (names.keys(), names.values()):
        run = machine(has=" ".join(kind), absent="openjdk-*|libtcmalloc-*")
        assert set(run("--missing", "test")[1].split()) == set(kind)


@pytest.mark.parametrize("group", ["quickstart", "few", "test"])
def test_what_is_installed_by_its_name_is_named(group):
    """Else it would stay where the others are taken away."""
    added = set(re.findall(r"^ +add ([a-z][a-z0-9-]*)", SCRIPT.read_text(), re.MULTILINE))
    listed = subprocess.run([SCRIPT, "--list", group], capture_output=True, text=True, check=True).stdout.split()
    assert "postgresql" in added and added <= set(listed)


ALL = "build test package"


@pytest.mark.parametrize("words, groups", [
    ((), ALL), (("-k", "few"), ALL), (("tests/e2e",), ALL), (("tests/e2e/test_run.py",), "build few"),
    (("-q", "tests/e2e/test_run.py", "test_manuals.py", "tests/e2e/test_service_list.py::test_it"), "build few"),
    (("tests/e2e/test_run.py", "tests/e2e/test_gate.py"), ALL), (("tests/e2e/test_gate.py", "tests/e2e/test_run.py"), ALL),
    (("tests/e2e/test_run.py", "tests/e2e"), ALL), (("tests/e2e/test_run.py", "tests"), ALL),
    (("--sanitizers", "tests/e2e/test_run.py"), ALL)], ids=" ".join)
def test_the_tests_that_are_chosen_say_what_is_installed(tmp_path, words, groups):
    (tmp_path / "tests/e2e").mkdir(parents=True)
    (tmp_path / "packaging").mkdir()
    shutil.copy(TOP / "tests/run.sh", tmp_path / "tests")
    script = tmp_path / "packaging/dependencies.sh"
    script.write_text(f"#!/bin/sh\nshift 2\necho \"$*\" >{tmp_path}/groups\nexit 1\n")
    script.chmod(0o755)
    done = subprocess.run(["tests/run.sh", *words], cwd=tmp_path, env={**os.environ, "PGANCHOR_TEST_CACHE": str(tmp_path / "cache")},
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 1 and "what the tests need could not be installed" in done.stderr
    assert (tmp_path / "groups").read_text() == f"{groups}\n"
