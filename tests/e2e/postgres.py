"""Real PostgreSQL servers: throw-away clusters on loopback, TLS as a test wants it, weak connections let in."""

import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from processes import Daemon, NotReady, as_user, free_port, ordinary_user

# A role like any other: its password is in the arguments of commands, which everybody on the machine can read.
USER = "app"
PASSWORD = " ".join(secrets.token_hex(4) for _ in range(4))
# May do everything, as far as to run commands: has no password, and gets in from the user who runs the tests alone.
SUPERUSER = "superuser"
# Besides the names of loopback: to be used with hostaddr=127.0.0.1.
NAMES = ("localhost", "127.0.0.1", "db.example.test")

# Without the gate a weak connection succeeds; otherwise a refusal would prove nothing.
HBA = f"""\
local all {SUPERUSER} peer map=tests
local all {USER} scram-sha-256
host  all {USER} 127.0.0.1/32 scram-sha-256
host  all {USER} ::1/128 scram-sha-256
host  replication {USER} 127.0.0.1/32 scram-sha-256
"""

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "password_encryption": "scram-sha-256",
    "log_connections": "on",
    "log_min_messages": "info",
    "log_line_prefix": "",
    "lc_messages": "C",
    "max_connections": "100",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
}


def binary_directory():
    """Where initdb and postgres are: they are not on PATH on Debian."""
    places = []
    if shutil.which("pg_config"):
        asked = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True, check=True)
        places.append(Path(asked.stdout.strip()))
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name), reverse=True)
    for place in places:
        if (place / "initdb").exists() and (place / "postgres").exists():
            return place
    raise RuntimeError("no initdb found: install the PostgreSQL server (packaging/dependencies.sh test)")


def quote(value):
    return "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'"


@dataclass
class Server:
    """A running PostgreSQL.

    port          of TCP (127.0.0.1) and of the Unix socket
    socket_dir    directory of the Unix socket; world-accessible
    user, password, dbname
    cert          the chain that it shows, None without TLS
    daemon        the process; daemon.text() is its log, "connection received: ..." for each connection
    """

    port: int
    directory: Path
    cert: Path
    daemon: Daemon
    user: str = USER
    password: str = PASSWORD
    dbname: str = USER
    knocks: int = 0

    @property
    def socket_dir(self):
        return self.directory

    def conninfo(self, **settings):
        """A conninfo string for this server over TCP; keyword arguments add or replace, None takes one out."""
        all_of_them = {"host": "localhost", "port": self.port, "user": self.user, "dbname": self.dbname,
                       "password": self.password, **settings}
        return " ".join(f"{key}={quote(value)}" for key, value in all_of_them.items() if value is not None)

    @property
    def superuser(self):
        """The conninfo string by which this process gets in as superuser."""
        return self.conninfo(host=self.socket_dir, user=SUPERUSER, password=None)

    def settle(self):
        """Wait until all that the server has logged up to now is read: our own knock at its wrapper comes behind it. Each knock
        is from an address of its own on loopback, since a port may have been somebody's before."""
        self.knocks += 1
        source = f"127.1.{self.knocks // 250}.{self.knocks % 250 + 1}"
        with socket.create_connection(("127.0.0.1", self.port), source_address=(source, 0)):
            self.daemon.wait_for(rf"connection received: host={re.escape(source)} ")

    def connections(self):
        """How many connections the server has seen so far, cancelled and refused ones included."""
        self.settle()
        return len(re.findall(r"connection received: (?!host=127\.1\.)", self.daemon.text()))

    def stop(self):
        self.daemon.stop(signal.SIGINT)


class Clusters:
    """Makes servers, each on a copy of one initialised cluster. .bin: where their programs are."""

    def __init__(self, directory, programs=None):
        self.directory = directory
        self.user = ordinary_user()
        self.bin = programs or binary_directory()
        self._count = 0
        self._template = None
        self.env = {"PATH": os.environ["PATH"], "HOME": str(directory), "LC_ALL": "C", "TZ": "UTC"}

    def _run(self, argv, **kwargs):
        done = subprocess.run(as_user(argv, self.user), env=self.env, cwd="/", capture_output=True, text=True, **kwargs)
        if done.returncode != 0:
            raise RuntimeError(f"{argv[0]} failed:\n{done.stdout}{done.stderr}")

    def give(self, path, mode):
        """Hand a file or directory to the user that the server runs as."""
        if self.user is not None:
            os.chown(path, self.user.pw_uid, self.user.pw_gid)
        os.chmod(path, mode)

    def make_directory(self):
        self._count += 1
        directory = self.directory / f"pg{self._count}"
        directory.mkdir()
        self.give(directory, 0o755)
        return directory

    def template(self):
        """An initialised cluster with the role and its database, made once."""
        if self._template is None:
            directory = self.make_directory()
            self._run([self.bin / "initdb", "-D", directory / "data", "-U", SUPERUSER, "-A", "reject",
                       "-E", "UTF8", "--no-locale", "--no-sync", "--no-instructions", "--wal-segsize=1"], stdin=subprocess.DEVNULL)
            self._run([self.bin / "postgres", "--single", "-D", directory / "data", "-c", "password_encryption=scram-sha-256", "postgres"],
                      input=f"CREATE ROLE {USER} LOGIN CREATEDB PASSWORD '{PASSWORD}'\nCREATE DATABASE {USER} OWNER {USER}\n")
            self._template = directory / "data"
        return self._template

    def copy_template(self, data):
        self._run(["cp", "-a", self.template(), data], stdin=subprocess.DEVNULL)

    def base_backup(self, conninfo):
        """What start() can make a standby of: a copy of the running server that this conninfo leads to."""
        def copy(data):
            self._run([self.bin / "pg_basebackup", "-D", data, "-d", conninfo, "-c", "fast", "-R", "--no-sync"])
        return copy

    def configure(self, directory, port, cert, key, settings, hba):
        data = directory / "data"
        everything = {**SETTINGS, "port": port, "unix_socket_directories": directory, "ssl": "off"}
        if cert is not None:
            for source, name in ((cert, "server.crt"), (key, "server.key")):
                shutil.copyfile(source, data / name)
                self.give(data / name, 0o600)
            everything["ssl"] = "on"
        everything.update(settings)
        text = "".join(f"{name} = {quote(value)}\n" for name, value in everything.items())
        (data / "postgresql.conf").write_text(text)
        (data / "pg_hba.conf").write_text(hba)
        (data / "pg_ident.conf").write_text(f"tests {pwd.getpwuid(os.geteuid()).pw_name} {SUPERUSER}\n")

    def start(self, cert=None, key=None, *, settings=None, hba=HBA, env=None, copy=None, before=(), tries=5):
        """A server with this certificate (None: no TLS); again on another port when somebody takes the first one.

        env    is added to the environment of the postmaster, which then may read whatever we may
        copy   function(path) that makes its data directory: see base_backup()
        before words that run it somewhere else, as nsenter(1) does
        """
        for attempt in range(tries):
            directory, port = self.make_directory(), free_port()
            (copy or self.copy_template)(directory / "data")
            self.configure(directory, port, cert, key, settings or {}, hba)
            daemon = Daemon([self.bin / "postgres", "-D", directory / "data"], self.directory / f"{directory.name}.log",
                            env={**self.env, **(env or {})}, user=self.user, powerful=env is not None, before=before)
            try:
                daemon.wait_for("database system is ready to accept (read-only )?connections")
                return Server(port, directory, cert and Path(cert), daemon)
            except NotReady:
                daemon.stop(signal.SIGQUIT)
                if "Address already in use" not in daemon.text() or attempt + 1 == tries:
                    raise


@pytest.fixture(scope="session")
def clusters(session_directory):
    return Clusters(session_directory)


@pytest.fixture(scope="session")
def postgres(clusters, stepca):
    """The good server: TLS with a certificate of stepca for localhost, 127.0.0.1 and db.example.test."""
    server = clusters.start(*stepca.issue(*NAMES))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def impostor_postgres(clusters, impostor_ca, session_directory):
    """A server with the same names and the same password, certified by impostor_ca."""
    server = clusters.start(*impostor_ca.issue(session_directory, *NAMES))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def plain_postgres(clusters):
    """A server without TLS."""
    server = clusters.start()
    yield server
    server.stop()


@pytest.fixture
def make_postgres(clusters):
    """Factory make_postgres(cert, key, settings={...}, hba="...", env={...}, copy=) -> Server for this test alone; no cert, no TLS."""
    started = []

    def make(cert=None, key=None, **kwargs):
        started.append(clusters.start(cert, key, **kwargs))
        return started[-1]

    yield make
    for server in started:
        server.stop()
        # 900 files, which have hardly been written to the disk yet.
        shutil.rmtree(server.directory, ignore_errors=True)
