"""A second thread changes environment, service file, root.crt, policy and pins between check and use: never an escape.

A server writes down every byte. Each attempt has a user of its own, so that what it sent and what it was told come together.
"""

import re
import socket

import pytest

from gated import write_anchor
from racing import both, conninfo_of, race
from services import policy as write_policy

pytestmark = pytest.mark.plain_build


SSL_REQUEST = bytes.fromhex("0000000804d2162f")


def users(sent):
    return {match.decode() for match in re.findall(rb"user\0(u\d+)\0", sent)}


def started(records):
    """Those whose startup packet came, and those whose came in clear."""
    everyone = set().union(*(users(record.everything) for record in records), set())
    return everyone, set().union(*(users(record.plain) for record in records), set())


@pytest.fixture
def states(tmp_path):
    """states(text, ...) -> a file with each."""
    def make(*texts):
        directory = tmp_path / "states"
        directory.mkdir()
        paths = [directory / str(number) for number in range(len(texts))]
        for path, text in zip(paths, texts):
            path.write_text(text)
        return paths

    return make


@pytest.fixture
def impostor(impostor_ca, recording_server, tmp_path):
    return recording_server(b"S", issued=impostor_ca.issue(tmp_path, "localhost"))


@pytest.fixture
def right(stepca, recording_server):
    return recording_server(b"S", issued=stepca.issue("localhost"))


def test_the_environment_between_verified_and_weak(anchored, stepca, impostor_ca, impostor, states, compile_program):
    """An impostor that the second root would verify: then the pins stand before it."""
    write_anchor(anchored, "work", stepca.fingerprint)
    right_root, wrong_root = states(stepca.root_pem, impostor_ca.pem)
    raced, settled = race(anchored, compile_program, 300, conninfo_of(impostor), ("env", "PGSSLMODE=verify-full"),
                          ("env", f"PGSSLROOTCERT={right_root}", wrong_root), ("env", "PGREQUIRESSL=1"))
    both(raced, "weak", "not verified", "not pinned")
    both(settled, "not verified")
    records = impostor.finish()
    assert records and all(record.inside == b"" and set(record.requests) == {"ssl"} for record in records)


def test_the_environment_between_a_socket_and_the_network(anchored, recording_server, compile_program):
    """Without them, the host is a local socket, which the policy allows."""
    server = recording_server(b"N")
    (anchored / ".pg_service.conf").write_text("[weak]\nhostaddr=127.0.0.1\nsslmode=prefer\n")
    raced, settled = race(anchored, compile_program, 1000, conninfo_of(server, host=anchored.path),
                          ("env", "PGHOSTADDR=127.0.0.1"), ("env", "PGSERVICE=weak"))
    # Judged as a socket and begun by TCP: then verify-full is locked.
    both(raced, "weak", "local", perhaps=["no TLS there"])
    both(settled, "weak")
    assert all(record.requests == ["ssl"] and record.plain == SSL_REQUEST for record in server.finish())


def test_the_environment_between_an_exempt_host_and_another(anchored, recording_server, compile_program):
    """For what the policy exempts nothing can be locked: what libpq may look up then is what was judged."""
    exempt, other = recording_server(b"N"), recording_server(b"N")
    write_policy(anchored, "allow-weak = localhost\n")
    (anchored / ".pg_service.conf").write_text(f"[s1]\nhost=localhost\nport={exempt.port}\n"
                                               f"[s2]\nhost=127.0.0.1\nport={other.port}\nsslmode=prefer\n")
    raced, settled = race(anchored, compile_program, 1000, "dbname=app password=hunter2",
                          ("env", "PGSERVICE=s2", "s1"))
    both(raced, "weak", "sent", perhaps=["changed", "no such service"])
    both(settled, "weak")
    assert other.finish() == []
    everyone, _ = started(exempt.finish())
    assert everyone == {user for user, kind in raced.items() if kind == "sent"}


@pytest.mark.parametrize("how", ["rename", "symlink"])
def test_the_service_file_between_verified_and_weak(anchored, right, impostor, states, compile_program, how):
    strong, weak = states(f"[s]\nhost=localhost\nport={right.port}\nsslmode=verify-full\n",
                          f"[s]\nhost=localhost\nport={impostor.port}\nsslmode=require\n")
    raced, settled = race(anchored, compile_program, 250, "service=s dbname=app password=hunter2",
                          (how, anchored / ".pg_service.conf", strong, weak))
    # Judged by the one entry and begun with the other: then verify-full is locked, and the impostor is found out.
    both(raced, "weak", "sent", perhaps=["not verified"])
    both(settled, "sent")
    assert all(record.inside == b"" and record.requests == ["ssl"] for record in impostor.finish())
    everyone, in_clear = started(right.finish())
    assert everyone == {user for user, kind in {**raced, **settled}.items() if kind == "sent"} and not in_clear


@pytest.mark.parametrize("how", ["rename", "symlink"])
def test_root_crt_between_two_cas(anchored, stepca, impostor_ca, impostor, states, compile_program, how):
    """libpq believes whatever root.crt says when it reads it. The pins do not, once there are any: that is what is promised."""
    write_anchor(anchored, "work", stepca.fingerprint)
    root = anchored / ".postgresql/root.crt"
    raced, settled = race(anchored, compile_program, 200, conninfo_of(impostor, sslmode="verify-full"),
                          (how, root, *states(stepca.root_pem, impostor_ca.pem)))
    both(raced, "not verified", "not pinned")
    both(settled, "not verified")
    records = impostor.finish()
    assert records and all(record.inside == b"" for record in records)


@pytest.mark.parametrize("how", ["rename", "symlink"])
def test_the_policy_between_strict_weak_and_malformed(anchored, recording_server, states, compile_program, how):
    """Who is refused has sent nothing but a request for TLS, and the state that stays is the one that counts."""
    server = recording_server(b"N")
    write_policy(anchored, "")
    raced, settled = race(anchored, compile_program, 600, conninfo_of(server), (how, anchored / ".config/pganchor/policy.conf", *states(
        "min-tls = 1.3\n", "allow-weak = localhost\n", "allow-weak\n")))
    both(raced, "weak", "malformed", "sent")
    both(settled, "weak")
    everyone, _ = started(server.finish())
    assert everyone == {user for user, kind in raced.items() if kind == "sent"}


def test_no_other_policy_is_taken_for_the_one_that_stays(anchored, states, compile_program):
    """A link that leads to one file before and after, and to another while it is read."""
    write_policy(anchored, "")
    # Nobody listens there: an attempt costs little, and there can be many.
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        conninfo = f"host=localhost port={taken.getsockname()[1]} dbname=app"
        raced, settled = race(anchored, compile_program, 8000, conninfo, ("symlink", anchored / ".config/pganchor/policy.conf", *states(
            "min-tls = 1.3\n", "allow-weak = localhost\n")))
    both(raced, "weak", "nobody there")
    both(settled, "weak")


@pytest.mark.parametrize("how", ["rename", "symlink"])
def test_the_pins_between_two_cas(anchored, stepca, right, states, compile_program, how):
    write_anchor(anchored, "other", "0" * 64)
    raced, settled = race(anchored, compile_program, 200, conninfo_of(right, sslmode="verify-full"),
                          (how, anchored / ".config/pganchor/anchors.conf", *states(
                              f"[other]\npin = {'0' * 64}\n", f"[work]\npin = {stepca.fingerprint}\n")))
    both(raced, "not pinned", "sent")
    both(settled, "not pinned")
    everyone, in_clear = started(right.finish())
    assert everyone == {user for user, kind in raced.items() if kind == "sent"} and not in_clear
