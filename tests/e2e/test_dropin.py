"""The drop-in in the place of the preload: the gate's own tests, with ld.so finding pganchor's libpq.so.5 before the real one."""

import subprocess

import pytest

from dropins import dropin_home, installed, needed  # noqa: F401
from gated import CLIENTS, PYTHON
from languages import PGSQL
from test_gate import *  # noqa: F401, F403
from test_gate_policy import *  # noqa: F401, F403
from test_ways import *  # noqa: F401, F403

pytestmark = pytest.mark.plain_build


def is_out_of_place(item):
    """A libpq with a path of its own is none of the machine's. And what comes by dlopen() and dlsym() meets the drop-in as all do:
    nothing begins past it."""
    return item.originalname in ("test_two_libpqs_in_one_process",
                                 "test_gss_encryption_that_cannot_be_locked_out_is_refused",
                                 "test_min_tls_is_held_where_nothing_could_be_locked")


CONNECTION_BAD = 1
CTYPES = """
import ctypes, sys
pq = ctypes.CDLL(sys.argv[2])
pq.PQconnectdb.restype = ctypes.c_void_p
sys.exit(pq.PQstatus(ctypes.c_void_p(pq.PQconnectdb(sys.argv[1].encode()))))
"""


@pytest.fixture
def home(dropin_home):
    return dropin_home


def test_it_is_a_libpq_that_needs_the_real_one_by_its_path(pganchor):
    path = installed(pganchor)
    real, *rest = needed(path)
    assert real.startswith("/") and real.endswith("/libpq.so.5") and rest == ["libc.so.6"]
    dynamic = subprocess.run(["readelf", "-d", path], check=True, capture_output=True, text=True).stdout
    assert "soname: [libpq.so.5]" in dynamic and "RUNPATH" not in dynamic and "RPATH" not in dynamic


def test_all_that_it_does_not_stand_before_is_the_real_ones(home):
    """Every function of libpq's is found by a program that has the drop-in, in the real one but for the wrappers."""
    real, *_ = needed(installed(home.program))

    def names(path):
        return {line.split()[-1].split("@")[0] for line in subprocess.run(
            ["nm", "-D", "--defined-only", path], check=True, capture_output=True, text=True).stdout.splitlines()}

    own = names(installed(home.program))
    assert {"PQconnectdb", "PQconnectPoll", "PQcancel"} <= own <= names(real) | {"chroot", "pganchor_gate_1"}
    code = ("import ctypes, sys\npq = ctypes.CDLL('libpq.so.5')\nfor name in sys.argv[1:]: getattr(pq, name)\n"
            "print(pq.PQlibVersion())")
    done = home.pganchor("run", "--", PYTHON, "-c", code, *sorted(names(real)))
    assert done.returncode == 0 and int(done.stdout) >= 150000, done.stderr


@pytest.mark.parametrize("client", ["psql", "psycopg2", "php", "ctypes", "ffi"])
def test_with_the_preload_too_a_connection_is_judged_once(audited, home, postgres, client):
    """PHP opens its extension past whatever is preloaded (RTLD_DEEPBIND), and so finds the drop-in first."""
    more = {"php": ["php", "-r", PGSQL, postgres.conninfo()],
            "ctypes": [PYTHON, "-c", CTYPES, postgres.conninfo(), "libpq.so.5"],
            "ffi": [PYTHON, "-c", CTYPES, postgres.conninfo(), "libpq.so"]}
    argv = more[client] if client in more else CLIENTS[client](postgres.conninfo())
    done, log = audited(*argv, env={"LD_LIBRARY_PATH": home.dropin})
    assert done.returncode == 0 and log.count("reasons=") == 1, done.stderr + log


@pytest.mark.parametrize("first", ["ctypes", "psycopg2"])
def test_by_the_name_of_the_development_files(anchored, postgres, first):
    """As the FFIs of languages look for it. It is the drop-in, which is loaded once, whatever it is called, with one libpq behind it."""
    code = ("import psycopg2" if first == "psycopg2" else "") + CTYPES.replace("sys.exit(", """
import psycopg2
print(len({line.split()[-1] for line in open("/proc/self/maps") if "/libpq.so" in line}))
sys.exit(""")

    def status(**settings):
        done = anchored.pganchor("run", "--", PYTHON, "-c", code, postgres.conninfo(**settings), "libpq.so")
        assert (done.stdout, done.stderr) == ("2\n", "")
        return done.returncode

    seen = postgres.connections()
    assert status() == CONNECTION_BAD
    assert postgres.connections() == seen
    assert status(sslmode="verify-full") == 0
