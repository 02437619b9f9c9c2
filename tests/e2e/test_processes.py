"""What programs do around their connections: threads, forks, descriptors that are closed and taken, signals, and no PQfinish."""

import re
import subprocess

import pytest

from programs import SOURCES, flags, gate_words
from gated import run_gated, run_gated_until, write_anchor
from services import policy as write_policy

pytestmark = pytest.mark.plain_build


def numbered(server, **words):
    """A conninfo for which libpq asks neither the resolver nor who the user is: other threads may be in there at a fork."""
    return server.conninfo(hostaddr="127.0.0.1", **words)


# ---- threads ----

def crowd(server, impostor, threads, rounds):
    weak = f"hostaddr=127.0.0.1 port={server.port} user=app sslmode=require"
    return [str(threads), str(rounds), server.conninfo(sslmode="verify-full"), weak, impostor.conninfo(sslmode="verify-full")]


def test_a_crowd_of_threads(anchored, postgres, impostor_postgres, compile_program):
    program = compile_program("crowd.c", ["libpq"])
    seen = postgres.connections()
    done = run_gated(anchored, [program, *crowd(postgres, impostor_postgres, 64, 3)])
    assert done.stdout == "192 verified, 192 refused, 192 unmasked, 0 wrong\n", done.stderr
    assert postgres.connections() == seen + 192


@pytest.fixture(scope="session")
def tsan_program(session_directory, pganchor, compile_gate):
    """Factory tsan_program("crowd.c") -> path: the program with the gate in it as a library, both built with ThreadSanitizer."""
    def make(source):
        words = ["cc", "-fsanitize=thread", "-g", "-O1"]
        library = compile_gate(*words, own="api.c")
        path = session_directory / f"{source}-tsan"
        subprocess.run([*words, *gate_words(pganchor), "-o", path, SOURCES / source, library,
                        *flags("--libs", "libpq", prefix=pganchor.prefix)], check=True)
        return path

    return make


@pytest.fixture
def run_tsan(anchored, tsan_program, tmp_path):
    """run_tsan("crowd.c", words...) -> what it printed; ThreadSanitizer has seen no data race.

    What it has to be told to overlook is in libraries that were not built with it, and so hide how they lock.
    """
    overlooked = tmp_path / "overlooked"
    overlooked.write_text("called_from_lib:libcrypto.so\ncalled_from_lib:libssl.so\ncalled_from_lib:libpq.so\n")
    # Its memory map does not bear all that some kernels' randomness does; not everywhere can that be switched off.
    calm = ["setarch", "-R"] if subprocess.run(["setarch", "-R", "true"], capture_output=True).returncode == 0 else []

    def run(source, *words):
        options = f"halt_on_error=0:exitcode=66:suppressions={overlooked}"
        done = anchored.run([*calm, tsan_program(source), *words], env={"TSAN_OPTIONS": options})
        assert "WARNING: ThreadSanitizer" not in done.stderr, done.stderr[:5000]
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_no_data_race_is_in_the_gate(anchored, postgres, impostor_postgres, run_tsan):
    """The one proof that does not hang on luck: ThreadSanitizer sees whether each access comes behind the one before it."""
    write_anchor(anchored, "nobody", "0" * 64)
    write_policy(anchored, "trust = verified\n")
    assert run_tsan("crowd.c", *crowd(postgres, impostor_postgres, 8, 3)) == "24 verified, 24 refused, 24 unmasked, 0 wrong\n"


def test_threads_that_read_one_message(impostor_postgres, run_tsan):
    shown = run_tsan("messages.c", impostor_postgres.conninfo(sslmode="verify-full"), "5")
    assert "certificate verify failed\n    pganchor: the certificate of localhost: " in shown


def test_threads_that_open_the_same_extension(anchored, postgres, compile_program, extension):
    """The entries of a libpq that RTLD_DEEPBIND has bound past the gate are bound to it before any of them can connect."""
    program = compile_program("openers.c", [], rpath=False)
    seen = postgres.connections()
    for _ in range(50):
        done = run_gated(anchored, [program, extension, postgres.conninfo()])
        assert re.fullmatch(r"bad 0 pganchor refused this connection: sslmode=prefer .*\n", done.stdout), done.stdout + done.stderr
    assert postgres.connections() == seen


def test_threads_in_a_namespace_of_dlmopen(home, compile_program, tmp_path):
    """The loader's list of what is in there changes while the gate looks through it."""
    small = tmp_path / "small.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", small, "-x", "c", "-"], input="int small;", text=True, check=True)
    argv = [compile_program("spaces.c", []), "libm.so.6", small, "5000"]
    assert home.run(argv).stdout == "done\n"
    done = run_gated(home, argv)
    assert (done.returncode, done.stdout) == (0, "done\n")


# ---- forks ----

def test_a_fork_in_the_middle_of_another_threads_attempt(anchored, postgres, recording_server, compile_program):
    stuck = recording_server(None)
    argv = [compile_program("forker.c", ["libpq"]), "stuck", "20", numbered(postgres, sslmode="verify-full"), numbered(postgres),
            f"host=localhost hostaddr=127.0.0.1 port={stuck.port} user=app sslmode=verify-full"]
    done = run_gated_until(anchored, argv, lambda: stuck.wait_for_requests(4), timeout=110)
    assert done.stdout == "20 children\n", done.stderr


@pytest.mark.parametrize("what", ["refused", "looking"])
def test_a_fork_while_other_threads_are_in_the_gate(anchored, postgres, compile_program, what):
    program = compile_program("forker.c", ["libpq"])
    argv = [program, what, "30", numbered(postgres, sslmode="verify-full"), numbered(postgres)]
    done = run_gated(anchored, argv)
    assert done.stdout == "30 children\n", done.stderr


NOBODY = "host=127.0.0.1 port=1 user=app sslmode=verify-full gssencmode=disable"


@pytest.mark.parametrize("when", ["prepare", "parent", "child"])
@pytest.mark.parametrize("what", ["dlsym", "dlopen", "connect"])
def test_fork_handlers_that_use_what_the_gate_stands_before(home, compile_program, what, when):
    """Registered before the gate's: then what prepares runs after the gate has prepared, and the rest before it is through."""
    argv = [compile_program("atfork.c", ["libpq"]), what, when, NOBODY]
    assert home.run(argv, timeout=60).stdout == "3 children\n"
    assert run_gated(home, argv, timeout=60).stdout == "3 children\n"


@pytest.mark.parametrize("when", ["prepare", "parent"])
@pytest.mark.parametrize("what", ["other-dlsym", "other-dlopen", "other-connect"])
def test_fork_handlers_that_wait_for_another_thread(home, compile_program, what, when):
    argv = [compile_program("atfork.c", ["libpq"]), what, when, NOBODY]
    assert home.run(argv, timeout=60).stdout == "3 children\n"
    assert run_gated(home, argv, timeout=60).stdout == "3 children\n"


@pytest.mark.parametrize("how", ["clone", "_Fork", "vfork"])
def test_children_that_no_fork_handler_saw(home, compile_program, how):
    """What other threads had in their hands at that moment, the child's own fork() does not wait for."""
    argv = [compile_program("cloner.c", []), how, "20"]
    assert home.run(argv).stdout == "20 children\n"
    assert run_gated(home, argv).stdout == "20 children\n"


# ---- objects that are never finished, or past the gate ----

def test_nothing_outlives_its_object(anchored, postgres, compile_program):
    program = compile_program("hoarder.c", ["libpq"])
    done = run_gated(anchored, [program, "past", "1000", postgres.conninfo()])
    reused, grown = done.stdout.splitlines()
    assert int(reused.split()[1]) > 1000, "the address of a refused object was seldom used again"
    assert int(grown.split()[1]) < 10000, "something is left behind of each"


# malloc keeps nothing back that would count as allocated.
EXACT = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0:glibc.malloc.mxfast=0"}


def test_a_program_that_finishes_nothing_until_the_end(anchored, postgres, compile_program):
    done = run_gated(anchored, [compile_program("hoarder.c", ["libpq"]), "hoard", "3000", postgres.conninfo()], env=EXACT)
    reused, grown = done.stdout.splitlines()
    assert int(grown.split()[1]) < 1000, "something is left behind of each"


# ---- descriptors ----

def test_descriptors_that_were_closed_and_taken_are_left_alone(anchored, stepca, postgres, recording_server, compile_program):
    late = recording_server(b"S", issued=stepca.issue("db.example.test"))
    write_anchor(anchored, "work", stepca.fingerprint, hosts="localhost")
    refused_late = (f"host=db.example.test hostaddr=127.0.0.1 port={late.port} user=app password=hunter2 sslmode=verify-full")
    done = run_gated(anchored, [compile_program("closer.c", ["libpq"]), postgres.conninfo(sslmode="verify-full"),
                                postgres.conninfo(), refused_late, anchored.path])
    assert done.stdout == "weak ok\nfinished ok\nstrong ok\n" * 3 + "late ok\nagain ok\n", done.stdout + done.stderr
    (seen,) = late.finish()
    assert (seen.requests, seen.tls, seen.inside) == (["ssl"], True, b"")


@pytest.mark.parametrize("then", ["", "strong", "late"])
def test_a_child_inherits_nothing(anchored, stepca, postgres, recording_server, compile_program, then):
    """A policy that cannot be read is read again each time: files are opened all the while."""
    late = recording_server(b"S", issued=stepca.issue("localhost"))
    conninfo = {"": [], "strong": [postgres.conninfo(sslmode="verify-full")],
                "late": [f"host=localhost port={late.port} user=app sslmode=verify-full"]}[then]
    program = compile_program("spawner.c", ["libpq"])
    if then == "late":
        write_anchor(anchored, "other", "0" * 64)
    if then == "":
        write_policy(anchored, "mode\n")
    done = run_gated(anchored, [program, "60", postgres.conninfo(), *conninfo])
    # What the shell has itself: its standard streams, and perhaps the directory that it lists.
    assert done.returncode == 0 and {re.sub(r" 3$", "", line) for line in done.stdout.splitlines()} == {"0 1 2"}, done.stdout
    assert ("pganchor refused the server" in done.stderr) == (then == "late")


SYSLOG = """
import os, sys, syslog, psycopg2
syslog.openlog("clerk", syslog.LOG_NDELAY, syslog.LOG_LOCAL3)
syslog.syslog("before")
before = set(os.listdir("/proc/self/fd"))
psycopg2.connect(sys.argv[1]).close()
print(set(os.listdir("/proc/self/fd")) == before)
syslog.syslog("behind")
"""


def test_a_programs_own_syslog_is_left_alone(anchored, audited, postgres):
    done, log = audited("/usr/bin/python3", "-c", SYSLOG, postgres.conninfo())
    assert done.stdout == "True\n", done.stderr
    first, gate, last = log.splitlines()
    assert first.startswith("<158>") and first.endswith("clerk: before")  # LOG_LOCAL3 | LOG_INFO
    assert last.startswith("<158>") and last.endswith("clerk: behind")
    assert "pganchor[" in gate


def test_a_title_in_the_place_of_the_arguments_is_no_argument(anchored, audited, postgres):
    """As servers do, PostgreSQL's among them: the rest of the room is filled with NULs."""
    script = 'use DBI; $0 = "clerk"; DBI->connect("dbi:Pg:" . $ARGV[0], "app", $ARGV[1]) or die'
    conninfo = f"host=localhost;port={postgres.port};dbname=app"
    done, log = audited("perl", "-e", script, conninfo, postgres.password)
    assert done.returncode == 0, done.stderr
    assert 'argc="1" arguments=""' in log


# ---- signals ----

def test_signals_in_a_connection_and_a_cancel_in_a_handler(anchored, postgres, compile_program):
    canceller = compile_program("canceller.c", ["libpq"], words=("-shared", "-fPIC"))
    program = compile_program("alarms.c", ["libpq"], words=(f'-DCANCELLER="{canceller}"',))
    done = run_gated(anchored, [program, "40", postgres.conninfo(sslmode="verify-full"), postgres.conninfo()])
    assert done.stdout == "20 verified, 20 refused, interrupted\nsent, state 57014, allocated 0\n", done.stdout + done.stderr


def test_a_signal_handler_that_forks(home, compile_program):
    """fork() may be called in a handler: whatever of the gate it has interrupted, it must not wait for that."""
    program = compile_program("handler.c", [], rpath=False)
    assert home.run([program]).stdout == "done\n"
    assert run_gated(home, [program]).stdout == "done\n"
