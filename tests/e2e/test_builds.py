"""What the gate does holds however libpq was built: all of its tests, with each build of libpq 18 that builds.py knows.

The libpq is found by LD_LIBRARY_PATH, so that every program has it: psql, PHP, Ruby, ctypes, what dlopen() and dlmopen() bring.
test_hostile_servers.py has the same builds in its own list.
"""

import json
import os
import re
import shutil
import subprocess

import pytest

from builds import BUILDS, HIDDEN, OPENSSL_INSIDE
from gated import CLIENTS, WEAK, run_gated
from racing import both, race
from running import gated, loading
from services import policy as write_policy
from test_api import *  # noqa: F401, F403
from test_gate import *  # noqa: F401, F403
from test_gate_policy import *  # noqa: F401, F403
from test_libpqs import (  # noqa: F401
    test_a_cancel_is_encrypted, test_a_cancel_passes_pqconnectpoll, test_a_file_of_the_sessions_keys_is_refused,
    test_direct_tls_is_looked_at_too, test_direct_tls_works_with_a_server_that_speaks_it, test_each_option_of_libpq_has_been_reviewed,
    test_oauth_without_tls_is_refused, test_public_cas_are_as_the_policy_says, test_the_cancel_in_clear_can_be_refused,
    test_what_debugs_oauth_and_gives_nothing_away_is_allowed, test_weak_direct_tls_is_refused)
from test_locks import *  # noqa: F401, F403
from test_ways import *  # noqa: F401, F403

pytestmark = pytest.mark.plain_build
SHARE = ("build_name", 1)

# An attempt costs some 3 ms. For a release, run many more.
ATTEMPTS = int(os.environ.get("PGANCHOR_TEST_RACES") or 2000)
LOADED = 'import ctypes; pq = ctypes.CDLL("libpq.so.5"); print(pq.PQlibVersion(), open("/proc/self/maps").read())'


def is_out_of_place(item):
    """What begins by libpq's own function, past the gate's, is judged when it is polled. Where no poll is seen, it does not begin."""
    params = item.callspec.params if hasattr(item, "callspec") else {}
    return params.get("build_name") in HIDDEN and (
        str(params.get("how")).startswith("raw") and item.originalname != "test_what_comes_past_the_gate_does_not_begin"
        or item.originalname in ("test_gss_encryption_that_cannot_be_locked_out_is_refused",
                                 "test_min_tls_is_held_where_nothing_could_be_locked"))


@pytest.fixture(params=BUILDS)
def build_name(request):
    return request.param


@pytest.fixture
def home(built_home, build_name):
    return built_home(build_name)


@pytest.fixture
def libpq():
    return 18


@pytest.fixture
def second_libpq(home, tmp_path):
    path = tmp_path / "libpq-bundled.so.5"
    shutil.copy(home.libpq, path)
    subprocess.run(["patchelf", "--set-soname", path.name, path], check=True)
    return path


def test_it_is_that_build(home):
    version, maps = home.run(["/usr/bin/python3", "-c", LOADED]).stdout.split(" ", 1)
    assert version.startswith("18") and str(home.libpq) in maps


def test_the_host_between_the_network_and_a_socket(anchored, recording_server, compile_program):
    """What is judged as a local socket, which needs no TLS, must not then go to the network without. PGHOST changes in its first
    byte, between an address and a directory in which no server listens."""
    server = recording_server(b"N")
    conninfo = f"port={server.port} dbname=app password=hunter2"
    raced, settled = race(anchored, compile_program, ATTEMPTS, conninfo, ("env", "PGHOST=127.0.0.1", "/27.0.0.1"))
    records = server.finish()
    in_clear = [record for record in records if record.requests != ["ssl"]]
    assert not in_clear, f"{len(in_clear)} of {ATTEMPTS} attempts have gone to the network without TLS"
    # Judged as a socket, begun to the network: verify-full is locked, and the server has no TLS.
    both(raced, "weak", "local", perhaps=["no TLS there"])
    both(settled, "weak")


@pytest.mark.parametrize("name", HIDDEN)
@pytest.mark.parametrize("how", ["raw", "raw+reset", "raw+resetStart"])
def test_what_comes_past_the_gate_does_not_begin(built_home, stepca, postgres, compile_program, name, how):
    """Without the gate, this connects."""
    home = built_home(name)
    (home / ".postgresql").mkdir()
    (home / ".postgresql/root.crt").write_text(stepca.root_pem)
    argv = [compile_program("connect.c", ["libpq"]), how]
    assert "status ok" in home.run([*argv, postgres.conninfo()]).stdout
    seen = postgres.connections()
    done = run_gated(home, [*argv, postgres.conninfo()])
    assert "status bad" in done.stdout and "status ok" not in done.stdout, done.stdout
    assert postgres.connections() == seen


def test_a_libpq_with_openssl_inside(built_home, stepca, postgres, recording_server):
    """Its sessions cannot be looked at, which is the reason that is told; all else is as with any other libpq."""
    home = built_home(OPENSSL_INSIDE)
    (home / ".postgresql").mkdir()
    (home / ".postgresql/root.crt").write_text(stepca.root_pem)
    psql = CLIENTS["psql"]
    assert home.run(psql(postgres.conninfo(sslmode="verify-full"))).stdout == "t\n"
    assert WEAK in run_gated(home, psql(postgres.conninfo())).stderr
    server = recording_server(b"S", issued=stepca.issue("localhost"))
    done = run_gated(home, psql(f"host=localhost port={server.port} user=app password=hunter2 sslmode=verify-full"))
    assert "pganchor refused the server localhost: this libpq's TLS session cannot be looked at: OpenSSL is linked into it" in done.stderr
    assert all(record.inside == b"" and set(record.requests) <= {"ssl"} for record in server.finish())
    assert run_gated(home, psql(postgres.conninfo(host=postgres.socket_dir))).returncode == 0
    write_policy(home, "allow-weak = localhost\n")
    assert run_gated(home, psql(postgres.conninfo())).stdout == "t\n"


def test_where_a_session_is_looked_at_is_told(built_home, among, libpq_builds, pganchor):
    """By explain for the libpq that it asks, and by status for those of every program."""
    for name, told, shown in (("bsymbolic-functions", "SSL_write", "looks at a TLS session before its first SSL_write"),
                              (OPENSSL_INSIDE, "hidden", "has no shared OpenSSL: the gate cannot look at a session")):
        home, libpq = built_home(name), libpq_builds(name)
        asked = json.loads(home.pganchor("explain", "host=/tmp", "--json").stdout)["libpq"]
        assert (asked["version"][:3], asked["path"], asked["sessions"]) == ("18.", str(libpq), told)
        last = home.pganchor("explain", "host=/tmp").stdout.splitlines()[-1]
        assert last.startswith(f"libpq {asked['version']}, {libpq}: ") and shown in last
        [process] = json.loads(among([gated(loading(libpq))], "--json")[2])["processes"]
        assert process["libpqs"] == [{"path": str(libpq), "version": None, "sessions": told, "deleted": False}]
    pids, status, table = among([gated(loading(libpq)), loading(libpq)])
    assert re.search(rf"(?m)^{pids[0]} +\S+ +\S+ +yes +\? with TLS inside +{re.escape(str(libpq))}$", table), table
    assert "1 with a libpq that has no shared OpenSSL: the gate cannot look at a session of it" in table
