"""Certificates that a real systemd renews, on a whole machine that has booted: the units as they are, a user's and the machine's own,
while clients connect; a PostgreSQL and a pgbouncer that are reloaded; what was slept through; and the end of it."""

import os
import re
import time

import pytest
from cryptography import x509

from home import SECONDS
from machines import HERE, ROOT, make_tarball, run, take_away, unpack
from own_certificates import at, shown, start_lenient_stepca
from processes import free_port
from whole_machines import PACKAGES, BootedMachine, WholeMachine

pytestmark = pytest.mark.plain_build

# The issue of it: a thousand renewals. A landing has some of them.
RENEWALS = 1000 if os.environ.get("PGANCHOR_TESTS_WHOLE") else 20

# Where a service with a /tmp of its own sees it.
PROGRAM = "/usr/local/bin/pganchor"
CRT, KEY = "/home/dev/.postgresql/postgresql.crt", "/home/dev/.postgresql/postgresql.key"
SERVER_CRT, SERVER_KEY = "/etc/postgresql/server.crt", "/etc/postgresql/server.key"
SHORT = "/etc/postgresql/short.crt"

# Beside the units, as `systemctl edit` puts it there: all the time, whether due or not.
ALL_THE_TIME = {
    "timer": "[Timer]\nOnCalendar=\nRandomizedDelaySec=0\nAccuracySec=10ms\nOnActiveSec=0\nOnUnitInactiveSec=50ms\n",
    "service": f"[Service]\nExecStart=\nExecStart={PROGRAM} cert renew --quiet --force %i\n",
}

HBA = "local all postgres peer\nhostssl app app 127.0.0.1/32 cert\nhostssl app app ::1/128 cert\n"
POOL = """[databases]
app = host=/var/run/postgresql port={server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {pool}
auth_type = trust
auth_file = /etc/pgbouncer/userlist.txt
client_tls_sslmode = require
client_tls_ca_file = /etc/postgresql/clients.crt
client_tls_cert_file = {crt}
client_tls_key_file = {key}
"""


class Machine:
    """The machine that has booted. Commands run there as root, or as its user `dev`, whose systemd runs, too."""

    def __init__(self, machine, booted, ca):
        self.machine, self.booted, self.ca = machine, booted, ca
        self.port = self.pool = None

    def root(self, *argv):
        return self.booted.run("env", "HOME=/root", "LC_ALL=C.UTF-8", *map(str, argv))

    def dev(self, *argv):
        return self.booted.run("setpriv", "--reuid=dev", "--regid=dev", "--init-groups", "env", "HOME=/home/dev", "LC_ALL=C.UTF-8",
                               f"XDG_RUNTIME_DIR=/run/user/{self.uid()}", *map(str, argv))

    def done(self, run, *argv):
        done = run(*argv)
        assert done.returncode == 0, f"{argv}:\n{done.stdout}{done.stderr}\n{self.journal()[-4000:]}"
        return done.stdout

    def uid(self):
        return self.machine.root("id", "-u", "dev").strip()

    def journal(self):
        return self.booted.run("journalctl", "--no-pager", "--quiet").stdout

    def renewed(self, name):
        """How often it was renewed, by what pganchor has said under systemd."""
        return len(re.findall(rf"pganchor\[\d+\]: {name}: renewed, serial", self.journal()))

    def leaf(self, path):
        return x509.load_pem_x509_certificate(self.machine.read(path).encode())

    def drop_in(self, name, texts, user=False):
        """What somebody adds to the units of a certificate, behind what is its own."""
        base = "/home/dev/.config/systemd/user" if user else "/etc/systemd/system"
        for kind, text in texts.items():
            directory = f"{base}/pganchor-renew@{name}.{kind}.d"
            self.machine.root("mkdir", "-p", directory)
            self.machine.write(f"{directory}/zz-tests.conf", text)

    def without_drop_in(self, name, user=False):
        base = "/home/dev/.config/systemd/user" if user else "/etc/systemd/system"
        for kind in ALL_THE_TIME:
            self.machine.root("rm", "-f", f"{base}/pganchor-renew@{name}.{kind}.d/zz-tests.conf")

    def put(self, path, text, owner="dev"):
        """The same file with another content, by one rename."""
        self.machine.write(f"{path}.tests", text)
        self.machine.root("chown", f"{owner}:", f"{path}.tests")
        self.machine.root("mv", f"{path}.tests", path)

    def wait_for(self, condition, seconds=SECONDS):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.journal()[-6000:]
            time.sleep(0.2)


def know(machine, run, home, owner):
    """That user trusts the CA, and has its provisioner's password."""
    machine.done(run, PROGRAM, "bootstrap", "--ca-url", machine.ca.url, "--fingerprint", machine.ca.fingerprint, "--name", "company")
    machine.put(f"{home}/password", (machine.ca.directory / "password").read_text(), owner)


def start_servers(machine):
    """Debian's own cluster and its pgbouncer show the same certificate; who shows one of the CA's gets in to the first."""
    root = machine.machine.root
    know(machine, machine.root, "/root", "root")
    machine.done(machine.root, PROGRAM, "cert", "issue", "--for", "server", "localhost", "--password-file", "/root/password", "--out-cert",
                 SERVER_CRT, "--out-key", SERVER_KEY, "--owner", "postgres", "--as", "db")
    machine.machine.write("/etc/postgresql/clients.crt", machine.ca.root_pem)
    machine.put("/etc/postgresql/15/main/pg_hba.conf", HBA, "postgres")
    for _ in range(5):
        # Somebody may take one of the ports before they do.
        machine.port, machine.pool = free_port(), free_port()
        settings = {"port": machine.port, "listen_addresses": "127.0.0.1", "ssl": "on", "ssl_cert_file": SERVER_CRT, "ssl_key_file": SERVER_KEY,
                    "ssl_ca_file": "/etc/postgresql/clients.crt", "fsync": "off"}
        machine.machine.write("/etc/postgresql/15/main/conf.d/tests.conf", "".join(f"{name} = '{value}'\n" for name, value in settings.items()))
        pool = POOL.format(server=machine.port, pool=machine.pool, crt=SERVER_CRT, key=SERVER_KEY)
        machine.put("/etc/pgbouncer/pgbouncer.ini", pool, "postgres")
        if machine.root("systemctl", "restart", "postgresql@15-main.service", "pgbouncer.service").returncode == 0:
            break
    machine.done(machine.root, "systemctl", "is-active", "postgresql@15-main.service", "pgbouncer.service")
    machine.done(machine.root, "setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "psql", "-Xqp", machine.port,
                 "-c", "CREATE ROLE app LOGIN", "-c", "CREATE DATABASE app OWNER app")
    root("mkdir", "-p", "/home/dev/.postgresql")
    machine.done(machine.root, PROGRAM, "cert", "add", "db", "--reload", "postgresql@15-main.service pgbouncer.service",
                 "--prove", f"localhost:{machine.port}")


def start_user(machine):
    """dev's systemd, as a login starts it, and a certificate of the role."""
    machine.machine.root("chown", "dev:", "/home/dev/.postgresql")
    machine.done(machine.root, "loginctl", "enable-linger", "dev")
    machine.wait_for(lambda: machine.dev("systemctl", "--user", "is-system-running").stdout.strip() in ("running", "degraded"))
    know(machine, machine.dev, "/home/dev", "dev")
    machine.done(machine.dev, PROGRAM, "cert", "issue", "app", "--password-file", "/home/dev/password")
    machine.machine.write("/home/dev/select.sql", "SELECT 1;\n")


@pytest.fixture(scope="module")
def lenient_ca(tmp_path_factory):
    """It renews what has expired."""
    ca = start_lenient_stepca(tmp_path_factory.mktemp("ca") / "lenient")
    yield ca
    ca.daemon.stop()


@pytest.fixture(scope="module")
def machine(pganchor, lenient_ca, session_directory, tmp_path_factory):
    directory = session_directory / "renewing"
    directory.mkdir()
    unpack(make_tarball(HERE, "minbase", PACKAGES, tmp_path_factory.mktemp("apt")), directory)
    booted = None
    try:
        whole = WholeMachine(directory, pganchor)
        # The tool where a package has it, and the machine's units where systemd looks.
        whole.root("cp", pganchor.binary, PROGRAM)
        whole.root("mkdir", "-p", f"{pganchor.prefix}/etc")
        whole.root("rm", "-rf", f"{pganchor.prefix}/etc/systemd")
        whole.root("ln", "-s", "/etc/systemd", f"{pganchor.prefix}/etc/systemd")
        # Debian's has /bin/kill do it, which so small a machine does not have.
        whole.root("mkdir", "-p", "/etc/systemd/system/pgbouncer.service.d")
        whole.write("/etc/systemd/system/pgbouncer.service.d/reload.conf",
                    "[Service]\nExecReload=\nExecReload=/bin/sh -c 'kill -HUP $MAINPID'\n")
        booted = BootedMachine(whole)
        made = Machine(whole, booted, lenient_ca)
        start_servers(made)
        start_user(made)
        yield made
    finally:
        if booted is not None:
            booted.stop()
        take_away(directory)


def pgbench(machine, transactions):
    """(connections that did their transaction, what else was said). Each is a new one, with whatever certificate is there then."""
    conninfo = f"host=localhost port={machine.port} user=app dbname=app sslmode=verify-full"
    done = machine.dev("/usr/lib/postgresql/15/bin/pgbench", "-C", "-n", "-c", "2", "-t", transactions, "-f", "/home/dev/select.sql", conninfo)
    count = re.search(r"actually processed: (\d+)", done.stdout)
    said = [line for line in done.stderr.splitlines() if not line.startswith("pgbench (")]
    return int(count[1]) if count else 0, said + ([] if done.returncode == 0 else [f"status {done.returncode}"])


def enable(machine, user, name):
    run, words = (machine.dev, []) if user else (machine.root, ["--system"])
    machine.done(run, PROGRAM, "cert", "timer", "enable", name, *words)
    return [run, "systemctl", *(["--user"] if user else [])]


def test_no_connection_fails_under_the_timers(machine, record_property):
    """Of the user's systemd, whose certificate the clients show, and of the machine's, which has the server and the pool reloaded, and
    its certificate proved."""
    begin = time.monotonic()
    for name, user in (("client", True), ("db", False)):
        run, *systemctl = enable(machine, user, name)
        machine.drop_in(name, ALL_THE_TIME, user)
        machine.done(run, *systemctl, "daemon-reload")
        machine.done(run, *systemctl, "restart", f"pganchor-renew@{name}.timer")
    first = {name: machine.renewed(name) for name in ("client", "db")}
    pool = machine.root("systemctl", "show", "-P", "MainPID", "pgbouncer.service").stdout
    connections, said = 0, []

    def failed():
        return [line for line in machine.journal().splitlines() if "not renewed" in line or "could not" in line]

    def often_enough():
        nonlocal connections
        count, words = pgbench(machine, 50)
        connections += count
        said.extend(words)
        assert not said and not failed(), f"{said}\n{failed()}"
        return machine.renewed("client") >= first["client"] + RENEWALS and machine.renewed("db") >= first["db"] + RENEWALS // 4

    machine.wait_for(often_enough, SECONDS + 5 * RENEWALS)
    for name, user in (("client", True), ("db", False)):
        run, systemctl = (machine.dev, ["systemctl", "--user"]) if user else (machine.root, ["systemctl"])
        machine.done(run, *systemctl, "stop", f"pganchor-renew@{name}.timer")
        machine.wait_for(lambda: run(*systemctl, "is-active", f"pganchor-renew@{name}.service").stdout.strip() in ("inactive", "failed"))
        machine.without_drop_in(name, user)
        machine.done(run, *systemctl, "daemon-reload")
    assert failed() == []
    for key, value in (("connections", connections), ("renewals", machine.renewed("client") - first["client"]),
                       ("renewals of the server's", machine.renewed("db") - first["db"]), ("seconds", round(time.monotonic() - begin))):
        record_property(key, value)
        print(f"{key}: {value}")
    # What both show is what was renewed last.
    serial = machine.leaf(SERVER_CRT).serial_number
    assert int(shown(machine.port), 16) == serial
    machine.wait_for(lambda: int(shown(machine.pool), 16) == serial)
    assert machine.root("systemctl", "show", "-P", "MainPID", "pgbouncer.service").stdout == pool, "it was started again"


def test_as_they_are_they_renew_what_lives_for_seconds(machine):
    """It is looked at each second then, which systemd would not do without being told: five starts in ten seconds are its most."""
    machine.done(machine.root, PROGRAM, "cert", "issue", "--for", "server", "short.example.test", "--password-file", "/root/password",
                 "--out-cert", SHORT, "--out-key", SHORT.replace(".crt", ".key"), "--owner", "postgres", "--as", "short", "--lifetime", "12s")
    serial = machine.leaf(SHORT).serial_number
    run, *systemctl = enable(machine, False, "short")
    machine.wait_for(lambda: machine.leaf(SHORT).serial_number != serial)
    assert run(*systemctl, "is-active", "pganchor-renew@short.timer").stdout == "active\n", machine.journal()[-3000:]
    assert "start-limit-hit" not in machine.journal()
    machine.done(run, PROGRAM, "cert", "timer", "disable", "short", "--system")


def test_systemd_has_nothing_to_say_of_the_units(machine):
    enable(machine, True, "client")
    enable(machine, False, "db")
    for run, words, name in ((machine.dev, ["--user"], "client"), (machine.root, [], "db")):
        for kind in "timer", "service":
            done = run("systemd-analyze", *words, "verify", f"pganchor-renew@{name}.{kind}")
            assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    figures = [re.search(r"Overall exposure level for .*: ([\d.]+)", run("systemd-analyze", *words, "security", "--no-pager",
                                                                         f"pganchor-renew@{name}.service").stdout)
               for run, words, name in ((machine.dev, ["--user"], "client"), (machine.root, [], "db"))]
    print("exposure:", *(figure[1] if figure else None for figure in figures))
    assert figures[1] and float(figures[1][1]) <= 3.5


def test_what_was_slept_through_is_made_up_for(machine):
    """A laptop that comes back behind the end of its certificate: the timer of its systemd sees that it has missed a look, and the CA
    renews what has expired, by a token."""
    run, *systemctl = enable(machine, True, "client")
    machine.done(run, *systemctl, "stop", "pganchor-renew@client.timer")
    # The next one would be in a year.
    machine.drop_in("client", {"timer": "[Timer]\nOnCalendar=\nOnCalendar=yearly\nRandomizedDelaySec=0\n"}, user=True)
    machine.done(run, *systemctl, "daemon-reload")
    local = machine.ca.directory / "slept.crt"
    local.write_text(machine.machine.read(CRT))
    at(machine.ca, local, (-20, -1))
    machine.put(CRT, local.read_text())
    serial = machine.leaf(CRT).serial_number
    assert machine.dev(PROGRAM, "cert", "status").returncode == 1 and pgbench(machine, 1)[0] == 0

    stamp = "/home/dev/.local/share/systemd/timers/stamp-pganchor-renew@client.timer"
    machine.done(run, "touch", stamp)
    machine.done(run, *systemctl, "start", "pganchor-renew@client.timer")
    assert "-01-01" in machine.done(run, *systemctl, "show", "-P", "NextElapseUSecRealtime", "pganchor-renew@client.timer")
    assert machine.leaf(CRT).serial_number == serial, "nothing was missed"
    machine.done(run, *systemctl, "stop", "pganchor-renew@client.timer")

    machine.done(run, "touch", "-d", "2 years ago", stamp)
    machine.done(run, *systemctl, "start", "pganchor-renew@client.timer")
    machine.wait_for(lambda: machine.leaf(CRT).serial_number != serial)
    assert machine.dev(PROGRAM, "cert", "status").returncode == 0
    assert pgbench(machine, 1) == (2, [])


def test_uninstall_takes_the_timers_of_the_machine_too(machine):
    enable(machine, False, "db")
    assert "pganchor-renew@db.timer" in machine.done(machine.root, "systemctl", "list-timers", "--all", "--no-pager")
    told = machine.done(machine.root, PROGRAM, "uninstall", "--dry-run")
    assert "pganchor-renew@.service" in told and "timers.target.wants/pganchor-renew@db.timer" in told
    machine.done(machine.root, PROGRAM, "uninstall", "--yes")
    assert "pganchor" not in machine.done(machine.root, "systemctl", "list-timers", "--all", "--no-pager")
    assert run(*ROOT, "find", f"{machine.machine.directory}/etc/systemd", "-name", "*pganchor-renew*") == ""
    # The user's are the user's.
    enable(machine, True, "client")
    machine.done(machine.dev, PROGRAM, "uninstall", "--yes")
    assert "pganchor" not in machine.done(machine.dev, "systemctl", "--user", "list-timers", "--all", "--no-pager")
