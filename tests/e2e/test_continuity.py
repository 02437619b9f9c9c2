"""continuity: the gate remembers the keys that servers have shown. A second key for the same name, signed by the very CA that is
trusted and pinned, as somebody gets it who has broken into the CA, connects under plain verify-full and not under the gate."""

import re
import subprocess

import pytest

from certificates import make_root
from gated import anchored, run_gated  # noqa: F401
from postgres import PASSWORD

KNOWN = ".config/pganchor/known_servers"
CHANGED = "its certificate is for another key than before"
SSL = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


@pytest.fixture
def policy(anchored):
    def write(text):
        directory = anchored / ".config/pganchor"
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "policy.conf").write_text(text)

    return write


@pytest.fixture
def server(relay, postgres):
    """The good server, behind a port that can be another's tomorrow."""
    return relay(postgres.port)


@pytest.fixture
def conninfo(server, postgres):
    return postgres.conninfo(port=server.port, sslmode="verify-full")


def psql(home, conninfo, gated=True):
    return (run_gated(home, ["psql", "-XAtc", SSL, conninfo]) if gated else home.run(["psql", "-XAtc", SSL, conninfo]))


def key_of(certificate):
    """The SHA-256 of its SubjectPublicKeyInfo, as openssl has it."""
    der = subprocess.run("openssl x509 -noout -pubkey | openssl pkey -pubin -outform der", shell=True, check=True,
                         input=certificate.read_bytes(), stdout=subprocess.PIPE).stdout
    return subprocess.run(["openssl", "dgst", "-sha256", "-r"], check=True, input=der, stdout=subprocess.PIPE).stdout.decode().split()[0]


def lines(home):
    return [line for line in (home / KNOWN).read_text().splitlines() if not line.startswith("#")]


@pytest.fixture
def second_key(server, stepca, recording_server, tmp_path):
    """Somebody with a second key for the server's name, whom the CA has signed it; from now on at the server's port."""
    def take_over(authority=None):
        other = recording_server(b"S", issued=(authority or stepca.authority()).issue(tmp_path, "localhost"))
        server.target = other.port
        return other

    return take_over


@pytest.mark.parametrize("trust", ["pinned", "verified"])
def test_a_second_key_of_the_same_ca_gets_nothing(anchored, policy, conninfo, second_key, trust):
    policy(f"trust = {trust}\ncontinuity = require\n")
    assert psql(anchored, conninfo).stdout == "t\n"
    other = second_key()
    refused = psql(anchored, conninfo)
    assert refused.returncode == 2 and CHANGED in refused.stderr and "pganchor anchor accept localhost:" in refused.stderr
    assert PASSWORD not in psql(anchored, conninfo, gated=False).stdout
    gated, plain = other.finish()
    assert gated.requests == ["ssl"] and gated.inside == b"", "something of PostgreSQL went to it"
    assert "password" in plain.requests and PASSWORD.encode() in plain.inside, "plain verify-full believes it"


def test_the_first_key_is_remembered_as_openssl_calls_it(anchored, policy, conninfo, server, postgres):
    policy("continuity = require\n")
    for _ in range(3):
        assert psql(anchored, conninfo).stdout == "t\n"
    first, *others = lines(anchored)
    assert others == []
    assert re.fullmatch(rf'seen host="localhost" port="{server.port}" key="{key_of(postgres.cert)}" issuer="[0-9a-f]{{64}}" '
                        r'time="[0-9]{10}" program="psql"', first)
    assert (anchored / KNOWN).stat().st_mode & 0o777 == 0o600
