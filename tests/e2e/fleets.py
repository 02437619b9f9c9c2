"""Many servers at once, of programs/fleet.c: real TLS, each with an address, a key and a certificate of its own."""

import shutil
import socket
import subprocess
from contextlib import ExitStack

import pytest


# What a child's peak counts from is that of who starts it: a small one.
MEASURED = """
import os, sys, time
start = time.monotonic_ns()
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
_, status, usage = os.wait4(pid, 0)
print(os.waitstatus_to_exitcode(status), (time.monotonic_ns() - start) // 1000, usage.ru_maxrss)
"""


def measured(argv, env):
    """(exit status, microseconds, peak memory in kB) of a command, whose output goes nowhere."""
    done = subprocess.run(["/usr/bin/python3", "-S", "-c", MEASURED, *map(str, argv)], env=env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, text=True, check=True)
    return tuple(map(int, done.stdout.split()))


class Fleet:
    """.servers: HOST:PORT of each; .root: their root."""

    def __init__(self, program, directory, count, ways):
        self.root = directory / "root.crt"
        self.process = subprocess.Popen([program, directory, str(count), *(f"{number}={way}" for number, way in ways.items())],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.servers = []
        for line in self.process.stdout:
            if line == "ready\n":
                break
            self.servers.append(line.strip())
        assert len(self.servers) == count, "the fleet did not start"

    def counts(self):
        """(handshakes, connections) so far."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        handshakes, connections, _ = map(int, self.process.stdout.readline().split())
        return handshakes, connections

    def stop(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.kill()
        self.process.wait()

    def trusted_in(self, home):
        """Puts the root where libpq looks."""
        (home / ".postgresql").mkdir(exist_ok=True)
        shutil.copy(self.root, home / ".postgresql/root.crt")
        return self

    def list(self, home, servers=None):
        """A file with the servers, one a line."""
        path = home / "servers.list"
        path.write_text("".join(f"{server}\n" for server in servers or self.servers))
        return path


@pytest.fixture
def make_fleet(home, compile_program, tmp_path):
    """Factory make_fleet(count, {index: way}) -> Fleet, whose root is trusted in the home."""
    program = compile_program("fleet.c", ["openssl"], words=("-D_GNU_SOURCE", "-O2", "-pthread"))
    with ExitStack() as ends:
        def make(count, ways=None):
            directory = tmp_path / f"fleet-{count}"
            directory.mkdir()
            fleet = Fleet(program, directory, count, ways or {})
            ends.callback(fleet.stop)
            return fleet.trusted_in(home)
        yield make


@pytest.fixture
def black_hole():
    """HOST:PORT where nobody answers a SYN: a backlog that is full."""
    with ExitStack() as ends:
        listener = ends.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = ends.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield "{}:{}".format(*listener.getsockname())
