"""`pganchor enable --machine` on a whole machine: every program that uses its libpq is behind the gate, whatever its environment, its
power or its root; and one command takes it out again."""

import os
import re
import subprocess

import pytest

from machines import ROOT, run
from processes import kill_session
from whole_machines import booted_machine, whole_machine  # noqa: F401

pytestmark = pytest.mark.plain_build

CONF = "/etc/ld.so.conf.d/00-pganchor.conf"
ROOT_CRT = "/etc/ssl/test-root.crt"
REFUSED = "pganchor refused this connection: sslmode="
SSL = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


@pytest.fixture(scope="module")
def machine(whole_machine, stepca, compile_program):
    """With the link of libpq's development files, which nobody but ld.so needs here, and a program that opens libpq by a name."""
    whole_machine.write(ROOT_CRT, stepca.root_pem)
    whole_machine.root("sh", "-euc", "cd /usr/lib/*-linux-gnu*/; ln -s libpq.so.5.* libpq.so; ldconfig")
    run(*ROOT, "cp", compile_program("by_name.c", [], words=("-I/usr/include/postgresql",)), f"{whole_machine.directory}/usr/local/bin/by_name")
    whole_machine.root(whole_machine.program.binary, "enable", "--machine")
    return whole_machine


@pytest.fixture
def strong(postgres):
    return postgres.conninfo(sslmode="verify-full", sslrootcert=ROOT_CRT)


def psql(conninfo):
    return ["psql", "-XAtc", SSL, conninfo]


def with_empty_environment(machine, conninfo):
    done = machine.run("env", "-i", "/usr/bin/psql", *psql(conninfo)[1:], user="dev")
    return done.stdout + done.stderr


def by_sudo(machine, conninfo):
    done = machine.run("sudo", "-n", "-u", "dev", *psql(conninfo), user="dev")
    return done.stdout + done.stderr


def by_a_name(name):
    def way(machine, conninfo):
        done = machine.run("/usr/local/bin/by_name", name, conninfo, user="dev")
        return done.stdout + done.stderr

    way.__name__ = f"by_the_name_{name}"
    return way


def set_user_id(machine, conninfo):
    if not machine.has("/usr/local/bin/powerful"):
        machine.root("sh", "-c", "install -m 4755 /usr/lib/postgresql/*/bin/psql /usr/local/bin/powerful")
    done = machine.run("/usr/local/bin/powerful", *psql(conninfo)[1:], user="dev")
    return done.stdout + done.stderr


def in_own_mounts(machine, conninfo):
    done = machine.run("unshare", "--mount", *psql(conninfo))
    return done.stdout + done.stderr


def in_a_sandbox(machine, conninfo):
    done = machine.run("bwrap", "--clearenv", "--ro-bind", "/usr", "/usr", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64",
                       "--symlink", "usr/bin", "/bin", "--ro-bind", "/etc", "/etc", "--ro-bind", machine.program.prefix,
                       machine.program.prefix, "--dev", "/dev", "--unshare-pid", "/usr/lib/postgresql/15/bin/psql", *psql(conninfo)[1:])
    return done.stdout + done.stderr


def write_job(machine, conninfo):
    machine.root("rm", "-f", "/var/tmp/said")
    machine.write("/usr/local/bin/job", f"#!/bin/sh\npsql -XAtc '{SSL}' \"{conninfo}\" >/var/tmp/said.new 2>&1\n"
                  "mv /var/tmp/said.new /var/tmp/said\n", "0755")


def by_cron(machine, conninfo):
    machine.root("rm", "-rf", "/run/crond.pid", "/run/crond.reboot")
    write_job(machine, conninfo)
    machine.write("/etc/cron.d/job", "@reboot root /usr/local/bin/job\n")
    daemon = machine.start("cron", "-f")
    try:
        return machine.read_when_there("/var/tmp/said")
    finally:
        kill_session(daemon)


# Debian's cluster, which has a socket and no port.
SERVER = """
pg_ctlcluster 15 main start -o "-c listen_addresses=''"
su postgres -c 'psql -XAtq -f /var/tmp/script.sql' 2>&1
pg_ctlcluster 15 main stop
"""


def by_the_server(machine, sql):
    machine.write("/var/tmp/script.sql", sql)
    return machine.root("sh", "-ec", SERVER)


def by_a_foreign_server(machine, conninfo):
    settings = dict(re.findall(r"(\w+)='([^']*)'", conninfo))
    mapping = ", ".join(f"{key} '{settings.pop(key)}'" for key in ("user", "password"))
    return by_the_server(machine, f"""
        SET client_min_messages = error;
        CREATE EXTENSION IF NOT EXISTS postgres_fdw;
        DROP SERVER IF EXISTS other CASCADE;
        CREATE SERVER other FOREIGN DATA WRAPPER postgres_fdw OPTIONS ({", ".join(f"{key} '{value}'" for key, value in settings.items())});
        CREATE USER MAPPING FOR postgres SERVER other OPTIONS ({mapping});
        CREATE FOREIGN TABLE there (ssl bool) SERVER other OPTIONS (schema_name 'pg_catalog', table_name 'pg_stat_ssl');
        SELECT bool_or(ssl) FROM there;""")


WAYS = [by_a_foreign_server, with_empty_environment, by_sudo, set_user_id, in_own_mounts, in_a_sandbox, by_cron,
        by_a_name("libpq.so"), by_a_name("libpq.so.5")]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_every_program_is_behind_the_gate(machine, postgres, strong, way):
    seen = postgres.connections()
    assert REFUSED in way(machine, postgres.conninfo(sslrootcert=ROOT_CRT))
    assert postgres.connections() == seen, "the server saw a connection"
    assert way(machine, strong) == "t\n"


UNIT = """\
[Service]
Type=oneshot
Environment=
UnsetEnvironment=LD_PRELOAD LD_LIBRARY_PATH HOME
ExecStart=/usr/local/bin/job
"""


def test_a_service_without_an_environment_is_behind_the_gate(machine, booted_machine, postgres, strong):
    def start(conninfo):
        write_job(machine, conninfo)
        done = booted_machine.run("systemctl", "start", "job")
        assert done.returncode == 0, done.stderr
        return machine.read("/var/tmp/said")

    machine.write("/etc/systemd/system/job.service", UNIT)
    booted_machine.run("systemctl", "daemon-reload")
    seen = postgres.connections()
    assert REFUSED in start(postgres.conninfo(sslrootcert=ROOT_CRT))
    assert postgres.connections() == seen, "the server saw a connection"
    assert start(strong) == "t\n"


def test_the_wal_receiver_is_behind_the_gate(machine, postgres, strong):
    """A subscription begins as a standby does, by libpqwalreceiver; the role may do neither."""
    def subscribe(conninfo):
        return by_the_server(machine, f"CREATE SUBSCRIPTION one CONNECTION $${conninfo}$$ PUBLICATION one;")

    seen = postgres.connections()
    assert REFUSED in subscribe(postgres.conninfo(sslrootcert=ROOT_CRT))
    assert postgres.connections() == seen, "the server saw a connection"
    assert "must be superuser or replication role" in subscribe(strong)


def test_it_is_told_and_taken_out_again(machine, postgres):
    done = machine.run(machine.program.binary, "status", "--all")
    assert "active here: the machine's libpq is behind the gate" in done.stdout
    assert re.search(rf"^machine +on +{re.escape(CONF)}$", done.stdout, re.M)
    before = machine.root("sh", "-c", "ls /etc/ld.so.conf.d; ldconfig -p")
    machine.root(machine.program.binary, "disable", "--machine")
    assert not machine.has(CONF) and "pganchor" not in machine.root("ldconfig", "-p")
    for way in (with_empty_environment, by_a_name("libpq.so")):
        assert way(machine, postgres.conninfo(sslrootcert=ROOT_CRT)) == "t\n"
    machine.root(machine.program.binary, "enable", "--machine")
    assert machine.root("sh", "-c", "ls /etc/ld.so.conf.d; ldconfig -p") == before


def test_what_does_not_hold_is_not_written(machine):
    """Another libpq would lose functions by the drop-in; and where the real one's directory comes first, only ldconfig can tell."""
    enable = [machine.program.binary, "enable", "--machine", "--system"]
    machine.root(machine.program.binary, "disable", "--machine")
    before = machine.root("sh", "-c", "ls -R /etc; cksum /etc/ld.so.cache")
    machine.root("sh", "-euc", "mkdir -p /opt/lib; cp -L /usr/lib/*/libpq.so.5 /opt/lib; echo /opt/lib >/etc/ld.so.conf.d/00-a.conf; ldconfig")
    done = machine.run(*enable)
    assert done.returncode == 1 and "ld.so finds the libpq /opt/lib/libpq.so.5, and the drop-in stands before /usr/lib/" in done.stderr
    machine.root("sh", "-euc", "dirname /usr/lib/*/libpq.so.5 >/etc/ld.so.conf.d/00-a.conf; ldconfig")
    done = machine.run(*enable)
    assert done.returncode == 1 and re.search("^pganchor: ld.so still finds /\\S*/libpq.so.5\n", done.stderr, re.M), done.stderr
    machine.root("sh", "-euc", "rm /etc/ld.so.conf.d/00-a.conf; ldconfig")
    assert machine.root("sh", "-c", "ls -R /etc; cksum /etc/ld.so.cache") == before
    machine.root(machine.program.binary, "enable", "--machine")


def test_the_cache_of_an_image_is_its_own(machine):
    """ldconfig of another machine would take its libraries for those of none."""
    machine.root("sh", "-euc", "mkdir -p /srv/image/etc; echo cache >/srv/image/etc/ld.so.cache")
    said = machine.root(machine.program.binary, "enable", "--machine", "--root", "/srv/image")
    assert f"machine: /srv/image{CONF}: written\nnext:\n    chroot /srv/image ldconfig\n" in said
    assert machine.read(f"/srv/image{CONF}") == machine.read(CONF).replace("(made 0 ", "(made 1 ")
    machine.root(machine.program.binary, "disable", "--machine", "--root", "/srv/image")
    assert machine.root("sh", "-c", "cd /srv/image && find . -type f -exec cat {} +") == "cache\n"


def test_a_cache_that_still_has_it_is_made_anew(machine):
    """The file has gone, and ldconfig has not run since."""
    machine.root("rm", CONF)
    done = machine.run(machine.program.binary, "disable", "--all")
    assert done.returncode == 0 and "pganchor" not in machine.root("ldconfig", "-p"), done.stderr
    machine.root(machine.program.binary, "enable", "--machine")


OTHER_LIBPQ = """
int PQlibVersion(void) { return 320000; }
"""
OTHER_PROGRAM = """
#include <stdio.h>
int PQlibVersion(void);
int main(void) { return printf("%d\\n", PQlibVersion()) < 0; }
"""
ITS_CACHE = """
ldconfig -X -f "$1" -C "$2"
mount -n --bind "$2" /etc/ld.so.cache
"$3"
/usr/lib/postgresql/*/bin/psql --version
"""


def test_a_32_bit_libpq_beside_it_stays_as_it_is(home, pganchor, tmp_path):
    """ld.so finds each program the libpq of its kind, and says nothing of the other's."""
    def compiled(source, name, *words):
        subprocess.run(["cc", "-m32", "-x", "c", "-", "-o", tmp_path / name, *words], input=source, text=True, check=True)

    compiled(OTHER_LIBPQ, "libpq.so.5", "-shared", "-fPIC", "-Wl,-soname,libpq.so.5")
    compiled(OTHER_PROGRAM, "program", "-x", "none", tmp_path / "libpq.so.5")
    (tmp_path / "conf").write_text(f"{pganchor.prefix}/lib/pganchor/libpq\n{tmp_path}\ninclude /etc/ld.so.conf\n")
    unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    done = home.run([*unshare, "sh", "-ec", ITS_CACHE, "sh", tmp_path / "conf", tmp_path / "cache", tmp_path / "program"],
                    env={"LD_BIND_NOW": "1", "LD_DEBUG": "libs", "LD_DEBUG_OUTPUT": str(tmp_path / "debug"), "PATH": "/sbin:/usr/sbin:/bin:/usr/bin"})
    assert done.stderr == "" and re.fullmatch(r"320000\npsql \(PostgreSQL\) .*\n", done.stdout), done.stdout + done.stderr
    used = [re.findall(r"calling init: (.*/libpq\.so\.5\S*)", path.read_text()) for path in tmp_path.glob("debug.*")]
    assert [f"{tmp_path}/libpq.so.5"] in used, "the 32-bit program has its own"
    assert any(f"{pganchor.prefix}/lib/pganchor/libpq/libpq.so.5" in one for one in used), "psql has the drop-in"
