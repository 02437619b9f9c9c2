"""pganchor run: the program is the one that would have been started, with the gate in it."""

import glob
import os
import re
import shutil
import signal
import subprocess

import pytest


@pytest.mark.parametrize("status", [0, 1, 3, 42, 255])
def test_the_exit_status_is_the_programs(home, status):
    assert home.pganchor("run", "--", "sh", "-c", f"exit {status}").returncode == status


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_signals_are_the_programs(home, number):
    assert home.pganchor("run", "--", "sh", "-c", f"kill -{int(number)} $$").returncode == -number


def test_the_process_is_the_program(home, pganchor):
    process = subprocess.Popen([pganchor.binary, "run", "--", "sh", "-c", "echo $$"], env=home.environment(),
                               stdout=subprocess.PIPE, text=True)
    assert int(process.communicate()[0]) == process.pid


def test_input_output_and_arguments_pass_through(home):
    done = home.pganchor("run", "sh", "-c", 'cat; printf "%s|" "$@"; echo err >&2', "sh", "--help", "a b", "",
                         input="from stdin\n")
    assert (done.stdout, done.stderr) == ("from stdin\n--help|a b||", "err\n")


@pytest.mark.parametrize("before, after", [
    (None, "{module}"),
    ("", "{module}"),
    ("libm.so.6", "{module}:libm.so.6"),
    ("{module}", "{module}"),
    ("{module} libm.so.6", "{module} libm.so.6"),
    # In front always: what an entry before it leads to, ld.so alone knows.
    ("libm.so.6 {module}", "{module}:libm.so.6"),
    ("{module}x libm.so.6", "{module}:{module}x:libm.so.6"),
    ("\t{module}", "{module}:\t{module}"),
])
@pytest.mark.no_gate
@pytest.mark.no_sanitizers
def test_ld_preload_is_added_to(home, pganchor, before, after):
    env = {} if before is None else {"LD_PRELOAD": before.format(module=pganchor.module)}
    done = home.pganchor("run", "--", "printenv", "LD_PRELOAD", env=env)
    assert done.stdout == after.format(module=pganchor.module) + "\n"
    # Of an entry that is none, ld.so complains itself.
    assert [line for line in done.stderr.splitlines() if not line.startswith("ERROR: ld.so: object ")] == []


@pytest.mark.parametrize("before, after", [
    ("libm.so.6:libpq.so.5:{module}", "{module}:libm.so.6:libpq.so.5"),
    ("libpq.so.5 {module}:libm.so.6", "{module}:libpq.so.5:libm.so.6"),
])
@pytest.mark.no_gate
def test_a_libpq_before_the_gate_goes_behind_it(home, pganchor, before, after):
    """What ld.so loads first is what programs are bound to."""
    if "ASAN_OPTIONS" in os.environ:
        pytest.skip("the tool itself is preloaded into, and built with ASan")
    done = home.pganchor("run", "--", "printenv", "LD_PRELOAD", env={"LD_PRELOAD": before.format(module=pganchor.module)})
    assert done.stdout.strip() == after.format(module=pganchor.module)
    assert done.stderr == "pganchor: warning: LD_PRELOAD has a libpq before the gate: the gate is put in front\n"
    weak = home.pganchor("run", "--", "psql", "host=db.example.test sslmode=require",
                         env={"LD_PRELOAD": before.format(module=pganchor.module)})
    assert weak.returncode == 2 and "pganchor refused this connection: sslmode=require" in weak.stderr


def test_the_module_is_in_the_program(home, pganchor):
    done = home.pganchor("run", "--", "cat", "/proc/self/maps")
    assert str(pganchor.module) in done.stdout


def test_a_program_that_is_not_there(home):
    done = home.pganchor("run", "--", "no-such-program")
    assert done.returncode == 127
    assert done.stderr == "pganchor: could not start no-such-program: No such file or directory\n"


def test_a_program_that_may_not_be_started(home):
    (home / "file").write_text("")
    done = home.pganchor("run", "--", "./file")
    assert done.returncode == 126
    assert "pganchor: could not start ./file: Permission denied" in done.stderr


def test_no_program_is_a_usage_error(home):
    done = home.pganchor("run")
    assert (done.returncode, done.stderr) == (2, "pganchor: run: an argument is missing: the program to start\n    see pganchor run --help\n")


def test_without_the_module_nothing_is_started(home, pganchor):
    hidden = pganchor.module.with_suffix(".hidden")
    os.rename(pganchor.module, hidden)
    try:
        done = home.pganchor("run", "--", "sh", "-c", "echo started")
    finally:
        os.rename(hidden, pganchor.module)
    assert done.returncode == 1
    assert done.stdout == ""
    assert f"pganchor: could not read the gate {pganchor.module}" in done.stderr


WEAK = ["--", "psql", "-X", "host=127.0.0.1 port=1 sslmode=disable", "-c", "select 1"]


@pytest.mark.parametrize("entry", ["{prefix}/$LIB/pganchor/pganchor-gate.so", "{prefix}/$LIB/pganchor-gate.so", "{prefix}/$LIB/so",
                                   "/nowhere/$LIB/pganchor-gate.so", "{module}.so", "./pganchor-gate.so"])
def test_an_entry_that_only_looks_like_the_gate(home, pganchor, entry):
    """ld.so finds nothing there: the gate is loaded all the same."""
    entry = entry.format(prefix=pganchor.prefix, module=pganchor.module)
    done = home.pganchor("run", "--require", *WEAK, env={"LD_PRELOAD": entry})
    assert done.returncode == 2 and "pganchor refused this connection: sslmode=disable" in done.stderr


def test_a_libpq_of_another_name_goes_behind_the_gate(home, pganchor, tmp_path):
    """What LD_PRELOAD has in front is a libpq, and its name does not tell."""
    if "ASAN_OPTIONS" in os.environ:
        pytest.skip("the tool itself is preloaded into, and built with ASan")
    # Behind a wrapper of tests/run.sh, where there is one.
    program = shutil.which("pganchor.real", path=pganchor.binary.parent) or pganchor.binary
    libpq = subprocess.run(["ldd", program], capture_output=True, text=True).stdout
    shutil.copy(re.search(r"libpq\.so\.5 => (\S+)", libpq)[1], tmp_path / "libother.so")
    done = home.pganchor("run", "--require", *WEAK, env={"LD_PRELOAD": f"{tmp_path}/libother.so:{pganchor.module}"})
    assert done.returncode == 2 and "pganchor refused this connection: sslmode=disable" in done.stderr


def other_library(module):
    """A library, but not the gate."""
    source = "int nothing(void) { return 0; }"
    subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", module], input=source, text=True, check=True)


def wrong_class(module, saved):
    """Byte 4 of an ELF file is its class, 32 or 64 bits."""
    content = saved.read_bytes()
    module.write_bytes(content[:4] + bytes([3 - content[4]]) + content[5:])


NOT_LOADED = {
    "empty": lambda module, saved: module.write_bytes(b""),
    "cut": lambda module, saved: module.write_bytes(saved.read_bytes()[:9000]),
    "other library": lambda module, saved: other_library(module),
    "a libpq": lambda module, saved: shutil.copy(next(iter(glob.glob("/usr/lib/*/libpq.so.5"))), module),
    "wrong class": wrong_class,
}


@pytest.mark.no_gate
@pytest.mark.parametrize("broken", NOT_LOADED)
def test_a_module_that_does_not_load_starts_nothing(home, pganchor, broken):
    """Not by run, and enable writes nothing; status says that the gate is not there."""
    saved = pganchor.module.with_suffix(".saved")
    os.rename(pganchor.module, saved)
    try:
        NOT_LOADED[broken](pganchor.module, saved)
        for words in (["run"], ["run", "--require"]):
            done = home.pganchor(*words, "--", "echo", "started")
            assert (done.returncode, done.stdout) == (1, "")
            assert str(pganchor.module) in done.stderr and done.stderr.endswith("\n    install pganchor again; nothing was started\n")
        enabled = home.pganchor("enable", "--session")
        assert enabled.returncode == 1 and "install pganchor again; nothing was changed" in enabled.stderr
        # What is cut ends every program that it is preloaded into.
        if broken != "cut" and "ASAN_OPTIONS" not in os.environ:
            status = home.pganchor("status", "--all", env={"LD_PRELOAD": pganchor.module})
            assert status.returncode == 3 and "not active here: LD_PRELOAD has the gate, and ld.so did not load it" in status.stdout
    finally:
        os.rename(saved, pganchor.module)
    assert home.snapshot() == {}


def test_a_module_on_a_file_system_without_programs_starts_nothing(home, pganchor):
    """noexec: ld.so cannot map it."""
    if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode != 0:
        pytest.skip("no mount namespace can be made here")
    script = 'mount -n --bind "$1" "$1" && mount -n -o remount,bind,noexec "$1" && pganchor run --require -- echo started'
    done = home.run(["unshare", "--mount", "sh", "-c", script, "sh", pganchor.module.parent])
    assert (done.returncode, done.stdout) == (1, "") and f"the gate {pganchor.module} does not load: " in done.stderr


def test_a_program_without_libpq_is_not_disturbed(home, pganchor):
    """The module needs libc alone, and a process that never connects never hears of it."""
    script = 'import json, socket, ssl, subprocess; print(subprocess.run(["true"]).returncode)'
    done = home.pganchor("run", "--", "/usr/bin/python3", "-c", script)
    assert (done.stdout, done.stderr) == ("0\n", "")
    _, calls = home.strace_sockets([pganchor.binary, "run", "--", "true"])
    assert calls == []
    needed = subprocess.run(["readelf", "-d", pganchor.module], capture_output=True, text=True).stdout
    assert needed.count("NEEDED") == 1 and "[libc.so.6]" in needed
