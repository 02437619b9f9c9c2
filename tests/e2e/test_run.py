"""pganchor run: the program is the one that would have been started, with the gate in it."""

import os
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
    ("libm.so.6 {module}", "libm.so.6 {module}"),
])
def test_ld_preload_is_added_to(home, pganchor, before, after):
    env = {} if before is None else {"LD_PRELOAD": before.format(module=pganchor.module)}
    done = home.pganchor("run", "--", "printenv", "LD_PRELOAD", env=env)
    assert done.stdout.strip() == after.format(module=pganchor.module)
    assert done.stderr == ""


@pytest.mark.parametrize("before, after", [
    ("libm.so.6:libpq.so.5:{module}", "{module}:libm.so.6:libpq.so.5"),
    ("libpq.so.5 {module}:libm.so.6", "{module}:libpq.so.5:libm.so.6"),
])
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
    assert done.stderr == "pganchor: cannot start no-such-program: No such file or directory\n"


def test_a_program_that_may_not_be_started(home):
    (home / "file").write_text("")
    done = home.pganchor("run", "--", "./file")
    assert done.returncode == 126
    assert "pganchor: cannot start ./file: Permission denied" in done.stderr


def test_no_program_is_a_usage_error(home):
    done = home.pganchor("run")
    assert (done.returncode, done.stderr) == (2, "pganchor: run: no program to start\n    see pganchor run --help\n")


def test_without_the_module_nothing_is_started(home, pganchor):
    hidden = pganchor.module.with_suffix(".hidden")
    os.rename(pganchor.module, hidden)
    try:
        done = home.pganchor("run", "--", "sh", "-c", "echo started")
    finally:
        os.rename(hidden, pganchor.module)
    assert done.returncode == 1
    assert done.stdout == ""
    assert f"pganchor: cannot read the gate {pganchor.module}" in done.stderr


def test_a_program_without_libpq_is_not_disturbed(home, pganchor):
    """The module needs libc alone, and a process that never connects never hears of it."""
    script = 'import json, socket, ssl, subprocess; print(subprocess.run(["true"]).returncode)'
    done = home.pganchor("run", "--", "/usr/bin/python3", "-c", script)
    assert (done.stdout, done.stderr) == ("0\n", "")
    _, calls = home.strace_sockets([pganchor.binary, "run", "--", "true"])
    assert calls == []
    needed = subprocess.run(["readelf", "-d", pganchor.module], capture_output=True, text=True).stdout
    assert needed.count("NEEDED") == 1 and "[libc.so.6]" in needed
