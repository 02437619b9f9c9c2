"""Programs under the gate: what they are refused with, the clients that most tests use, and a home with a CA's root in it."""

import subprocess

import pytest

GATED = ("pganchor", "run", "--")
REFUSED = "pganchor refused this connection: "
WEAK = REFUSED + "sslmode=prefer (libpq's default) is weaker than verify-full"
PYTHON = "/usr/bin/python3"
PSYCOPG2 = """
import sys, psycopg2
connection = psycopg2.connect(sys.argv[1])
cursor = connection.cursor()
cursor.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
print("tls", cursor.fetchone()[0])
"""
# Each client as a command that connects with one connection string.
CLIENTS = {
    "psql": lambda conninfo: ["psql", "-XAtc", "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", conninfo],
    "pg_dump": lambda conninfo: ["pg_dump", "-d", conninfo],
    "pg_isready": lambda conninfo: ["pg_isready", "-d", conninfo],
    "pgbench": lambda conninfo: ["pgbench", "-n", "-t", "1", "-f", "/dev/stdin", conninfo],
    "psycopg2": lambda conninfo: [PYTHON, "-c", PSYCOPG2, conninfo],
}


@pytest.fixture
def client(request):
    return CLIENTS[request.param]


@pytest.fixture
def anchored(home, stepca):
    """The home with the CA's root where libpq looks, and nothing pinned."""
    directory = home / ".postgresql"
    directory.mkdir()
    (directory / "root.crt").write_text(stepca.root_pem)
    return home


def run_gated(home, argv, **kwargs):
    return home.pganchor("run", "--", *argv, **kwargs)


def run_gated_until(home, argv, ready, timeout):
    """The same for a program that waits for a line of its input: it gets one once ready() has returned."""
    process = subprocess.Popen([home.program.binary, "run", "--", *argv], env=home.environment(), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        ready()
        stdout, stderr = process.communicate("\n", timeout=timeout)
    finally:
        process.kill()
        process.wait()
    return subprocess.CompletedProcess(argv, process.returncode, stdout, stderr)


def write_anchor(home, name, fingerprint, hosts=None):
    directory = home / ".config/pganchor"
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / "anchors.conf", "a") as file:
        file.write(f"[{name}]\npin = {fingerprint}\nsource = https://ca.example.test\n")
        if hosts is not None:
            file.write(f"hosts = {hosts}\n")
