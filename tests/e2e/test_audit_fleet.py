"""pganchor audit of many real servers in one run: each is told as what it is, in the order that was asked for, and memory stays flat."""

import json
import signal

import pytest

from anchoring import own
from certificates import make_root
from fleets import measured
from postgres import HBA, PASSWORD, USER
from services import environment, pin_files, write
from test_audit import found, sql

ROOT, OTHER_ROOT = make_root("Fleet Root CA"), make_root("Fleet Root CA")
SMALL = {"shared_buffers": "1MB", "max_connections": "20", "wal_level": "minimal", "max_wal_senders": "0", "max_worker_processes": "0",
         "autovacuum": "off"}
WEAK = "host all all 10.0.0.0/8 scram-sha-256\n"
# By its number, the lowest that counts: 1 is stopped, 2 is somebody else's, and of the others each second is weak.
GONE, FALSE = 1, 2


class Fleet:
    def __init__(self, clusters, directory, count):
        self.servers = []
        for number in range(count):
            root = OTHER_ROOT if number == FALSE else ROOT
            self.servers.append(clusters.start(*root.issue(directory, "localhost"), settings=SMALL, hba=HBA + WEAK * (number % 2)))
            if number not in (GONE, FALSE):
                sql(self.servers[-1], f"ALTER ROLE {USER} SUPERUSER")
        self.servers[GONE].stop()

    def services(self, home, count):
        """So many entries in the file; the n-th is for the n-th server, and from the first on again."""
        pin_files(home, ("company", ROOT, "*", "scoped"))
        names = [f"s{number}" for number in range(count)]
        write(home, "".join(f"[{name}]\nhost=localhost\nport={self.servers[number % len(self.servers)].port}\nuser={USER}\ndbname={USER}\n"
                            f"sslmode=verify-full\nsslrootcert={home / own('company')}\n\n" for number, name in enumerate(names)))
        return names

    def is_weak(self, number):
        return number % len(self.servers) % 2 == 1


@pytest.fixture(scope="module", params=[4, pytest.param(50, marks=pytest.mark.whole)])
def fleet(request, clusters, session_directory):
    fleet = Fleet(clusters, session_directory, request.param)
    yield fleet
    for server in fleet.servers:
        server.daemon.stop(signal.SIGQUIT)


@pytest.fixture
def env(home):
    return {**environment(home), "PGPASSWORD": PASSWORD}


def test_each_is_what_it_is(home, fleet, env):
    names = fleet.services(home, 50)
    false = fleet.servers[FALSE]
    before = false.daemon.text().count("connection authorized")
    done = home.pganchor("audit", *names, "--json", "--max-time", "120", env=env)
    assert done.returncode == 3 and done.stderr == "", done.stderr
    seen = json.loads(done.stdout)
    assert [server["service"] for server in seen["servers"]] == names
    for number, server in enumerate(seen["servers"]):
        part = number % len(fleet.servers)
        assert server["audited"] is (part not in (GONE, FALSE)), server
        if not server["audited"]:
            assert found(server) == {"server-not-audited": [(server["service"], "error")]}
            continue
        assert server["port"] == str(fleet.servers[part].port)
        assert bool(found(server, "rule-without-tls")) is fleet.is_weak(number)
    assert false.daemon.text().count("connection authorized") == before
    assert seen["counts"]["servers"] == 50
    assert seen["counts"]["not_audited"] == sum(number % len(fleet.servers) in (GONE, FALSE) for number in range(50))


@pytest.mark.plain_build
def test_memory_is_flat(home, fleet, env, pganchor):
    names = fleet.services(home, 50)

    def peak(services):
        status, _, memory = measured([pganchor.binary, "audit", *services, "--jobs", "4", "--max-time", "120"], home.environment(env))
        assert status == 3
        return memory

    few, many = peak(names[:8]), peak(names)
    assert many <= 1.3 * few, (few, many)
