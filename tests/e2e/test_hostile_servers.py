"""Servers that lie, each in its own way: refused, with no startup packet and no password on the wire, and a message that says why.

Where libpq itself refuses, the message is libpq's, word for word as without the gate. It tells a wrong name from a chain that does
not verify, but not why a chain does not: "certificate verify failed" is all that it says of an unknown CA, an expired certificate
and a revoked one. The gate adds OpenSSL's reason in a line of its own.
"""

import re
import ssl
import struct
from concurrent.futures import ThreadPoolExecutor

import pytest

from builds import BUILDS
from certificates import EXPIRED, NOT_YET_VALID, make_root, write_crl
from gated import CLIENTS, run_gated, write_anchor
from home import Home
from listener import Listener, read_to_end, tls_context

pytestmark = pytest.mark.plain_build
SHARE = ("who", 3)

PASSWORD = "hunter2"
# Of a CA that has the name of a trusted one and another key, OpenSSL tells what part of it failed.
UNVERIFIED = "SSL error: (certificate verify failed|EVP lib|provider signature failure)"
MISMATCH = r'server certificate for "[^"]+"( \(and \d+ other names?\))? does not match host name "{}"'


def error(text):
    """A PostgreSQL ErrorResponse."""
    body = f"SFATAL\0VFATAL\0C0A000\0M{text}\0\0".encode()
    return b"E" + struct.pack("!i", 4 + len(body)) + body


# Each libpq, and with this machine's a program of another kind.
WHO = [("psql", 15), ("psycopg2", 15), ("psql", 17), ("psycopg2", 18), ("psql", 19), *[("psql", build) for build in BUILDS]]


@pytest.fixture(params=WHO, ids=[f"{name}-libpq{libpq}" if isinstance(libpq, int) else f"{name}-{libpq}" for name, libpq in WHO])
def who(request):
    return request.param


@pytest.fixture(scope="session")
def root():
    return make_root("Company Root CA")


@pytest.fixture
def home(request, who, root, pganchor, tmp_path):
    """A home that trusts `root`."""
    if who[1] == 15:
        home = Home(tmp_path / "home", pganchor)
    else:
        home = request.getfixturevalue("built_home" if who[1] in BUILDS else "rooted_home")(who[1])
    (home / ".postgresql").mkdir()
    root.write_root(home / ".postgresql/root.crt")
    return home


@pytest.fixture
def attempt(home, who):
    """Factory attempt(server, **settings) -> CompletedProcess of a client that connects to it with verify-full."""
    def run(server, **settings):
        every = {"host": "localhost", "port": server.port, "user": "app", "dbname": "app", "password": PASSWORD,
                 "sslmode": "verify-full", **settings}
        conninfo = " ".join(f"{key}={value}" for key, value in every.items())
        return run_gated(home, CLIENTS[who[0]](conninfo))

    return run


def check_refused(done, server, message):
    """It ended with this message, and all that the server got of the client was before TLS or its handshake."""
    assert done.returncode != 0
    assert re.search(message, done.stderr), done.stderr
    records = server.finish()
    assert records
    for record in records:
        assert set(record.requests) <= {"ssl"} and record.inside == b"", record
        assert PASSWORD.encode() not in record.plain and b"user\0" not in record.plain


def check_believed(done, server):
    """The server was let through: it got as far as to ask for the password."""
    assert "password authentication failed" in done.stderr
    (record,) = server.finish()
    assert record.requests == ["ssl", "startup", "password"]


# ---- before TLS

ANSWERS = {
    "no TLS": (b"N", "server does not support SSL, but SSL was required"),
    "an error": (error("unsupported frontend protocol"), "server sent an error response during SSL exchange"),
    "nonsense": (b"X", "received invalid response to SSL negotiation: X"),
}


@pytest.mark.parametrize("answer, message", ANSWERS.values(), ids=ANSWERS)
def test_an_answer_that_begins_no_tls(attempt, recording_server, answer, message):
    server = recording_server(answer)
    check_refused(attempt(server), server, message)


def test_plain_text_after_the_answer(attempt, recording_server, root, tmp_path):
    """The buffer-stuffing attack of CVE-2021-23222: what comes in clear must not count as if it had come by TLS."""
    server = recording_server(b"S" + b"R" + struct.pack("!ii", 8, 0), issued=root.issue(tmp_path, "localhost"))
    check_refused(attempt(server), server, "received unencrypted data after SSL response")


# ---- certificates

def test_a_good_certificate_is_believed(attempt, recording_server, root, tmp_path):
    """Else the refusals below would prove nothing."""
    server = recording_server(b"S", issued=root.issue(tmp_path, "localhost"))
    check_believed(attempt(server), server)


# How the chain is issued, and OpenSSL's reason.
CHAINS = {
    "another CA": (lambda root, directory: make_root("Impostor").issue(directory, "localhost"), "unable to get local issuer certificate"),
    "another CA of the same name": (
        lambda root, directory: make_root("Company Root CA").issue(directory, "localhost"), "certificate signature failure"),
    "self-signed": (lambda root, directory: make_root("localhost", ca=False, usage=None).issue_self(directory), "self-signed certificate"),
    "expired": (lambda root, directory: root.issue(directory, "localhost", days=EXPIRED), "certificate has expired"),
    "not yet valid": (lambda root, directory: root.issue(directory, "localhost", days=NOT_YET_VALID), "certificate is not yet valid"),
    "an expired intermediate": (
        lambda root, directory: root.intermediate(days=EXPIRED).issue(directory, "localhost"), "certificate has expired"),
    "a missing intermediate": (
        lambda root, directory: root.intermediate().issue(directory, "localhost", chain=False), "unable to get local issuer certificate"),
    "signed by a server's certificate": (lambda root, directory: _signed_by_a_leaf(root, directory), "invalid CA certificate"),
}


def _signed_by_a_leaf(root, directory):
    """Who has any certificate of the company's must not be able to make others."""
    leaf = root.intermediate("mallory.example.test", ca=False)
    return leaf.issue(directory, "localhost")


def check_unverified(done, server, reason):
    """libpq's own words, and behind them OpenSSL's reason."""
    check_refused(done, server, f"{UNVERIFIED}.*\n    pganchor: the certificate of localhost: {reason}")


@pytest.mark.parametrize("issue, reason", CHAINS.values(), ids=CHAINS)
def test_a_chain_that_does_not_verify(attempt, recording_server, root, tmp_path, issue, reason):
    server = recording_server(b"S", issued=issue(root, tmp_path))
    check_unverified(attempt(server), server, reason)


NO_ENCRYPTION = """
openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = default
[default]
CipherString = eNULL:@SECLEVEL=0
MaxProtocol = TLSv1.2
"""


def test_a_cipher_that_encrypts_nothing(home, who, recording_server, root, tmp_path):
    """OpenSSL takes one where it is configured to: chain and name verify, and the password goes in clear."""
    (home / "openssl.cnf").write_text(NO_ENCRYPTION)
    env = {"OPENSSL_CONF": home / "openssl.cnf"}
    server = recording_server(b"S", issued=root.issue(tmp_path, "localhost"), tls={"maximum_version": ssl.TLSVersion.TLSv1_2})
    argv = CLIENTS[who[0]](f"host=localhost port={server.port} user=app dbname=app password={PASSWORD} sslmode=verify-full")
    assert "password authentication failed" in home.run(argv, env=env).stderr, "without the gate, it has to connect"
    done = run_gated(home, argv, env=env)
    assert re.search(r"pganchor refused the server localhost: its TLS session is not encrypted \(cipher \S*NULL\S*\)", done.stderr), done.stderr
    alone, gated = server.finish()
    assert alone.requests == ["ssl", "startup", "password"] and gated.requests == ["ssl"] and gated.inside == b""


# The host of the connection, the names of the certificate, its CN.
WRONG_NAMES = {
    "another host": ("localhost", ["other.example.test"], None),
    "two other hosts": ("localhost", ["a.example.test", "b.example.test"], None),
    "a wildcard does not reach over a dot": ("a.b.example.test", ["*.example.test"], None),
    "a wildcard needs a label": ("example.test", ["*.example.test"], None),
    "a wildcard inside a label": ("db1.example.test", ["db*.example.test"], None),
    "a wildcard alone": ("localhost", ["*"], None),
    "an address that is another": ("127.0.0.1", ["127.0.0.2"], None),
    "a name is no address": ("127.0.0.1", ["localhost"], None),
    "an address is no name": ("localhost", ["127.0.0.1"], "db.example.test"),
    "CN of another": ("localhost", [], "other.example.test"),
    "CN beside a SAN does not count": ("localhost", ["other.example.test"], "localhost"),
}


@pytest.mark.parametrize("host, names, common_name", WRONG_NAMES.values(), ids=WRONG_NAMES)
def test_a_certificate_for_another_host(attempt, recording_server, root, tmp_path, host, names, common_name):
    server = recording_server(b"S", issued=root.issue(tmp_path, *names, common_name=common_name))
    check_refused(attempt(server, host=host, hostaddr="127.0.0.1"), server, MISMATCH.format(re.escape(host)))


# libpq's own rule, which the gate leaves as it is: CN counts where no SAN is of the host's kind (a name, an address).
RIGHT_NAMES = {
    "an address": ("127.0.0.1", ["127.0.0.1"], None),
    "a wildcard": ("a.example.test", ["*.example.test"], None),
    "a name in another case": ("LOCALHOST", ["localhost"], None),
    "CN without a SAN": ("localhost", [], "localhost"),
    "CN beside a SAN of another kind": ("localhost", ["127.0.0.2"], "localhost"),
}


@pytest.mark.parametrize("host, names, common_name", RIGHT_NAMES.values(), ids=RIGHT_NAMES)
def test_a_certificate_for_this_host(attempt, recording_server, root, tmp_path, host, names, common_name):
    server = recording_server(b"S", issued=root.issue(tmp_path, *names, common_name=common_name))
    check_believed(attempt(server, host=host, hostaddr="127.0.0.1"), server)


def test_a_revoked_certificate(attempt, home, recording_server, root, tmp_path):
    revoked, good = root.issue(tmp_path, "localhost"), root.issue(tmp_path, "localhost")
    write_crl(root, home / ".postgresql/root.crl", revoked.cert)
    server, other = recording_server(b"S", issued=revoked), recording_server(b"S", issued=good)
    check_unverified(attempt(server), server, "certificate revoked")
    check_believed(attempt(other), other)
    named = recording_server(b"S", issued=revoked)
    crl = write_crl(root, home / "named.crl", revoked.cert)
    check_unverified(attempt(named, sslcrl=crl), named, "certificate revoked")


def test_without_a_root_libpqs_advice_is_answered(attempt, home, recording_server, root, tmp_path):
    """Right behind "change sslmode to disable server certificate verification", and once."""
    (home / ".postgresql/root.crt").unlink()
    server = recording_server(b"S", issued=root.issue(tmp_path, "localhost"))
    done = attempt(server)
    check_refused(done, server, "change sslmode to disable server certificate verification.\n    pganchor: leave sslmode as it is")
    assert done.stderr.count("leave sslmode as it is") == 1


def test_a_missing_root_of_an_exempt_host_is_left_to_libpq(attempt, home, recording_server, root, tmp_path):
    """There the policy lets a weaker sslmode through, and libpq's advice is none of the gate's business."""
    (home / ".postgresql/root.crt").unlink()
    (home / ".config/pganchor").mkdir(parents=True)
    (home / ".config/pganchor/policy.conf").write_text("allow-weak = localhost\n")
    server = recording_server(b"S", issued=root.issue(tmp_path, "localhost"))
    done = attempt(server, sslmode="verify-ca")
    assert "change sslmode" in done.stderr and "pganchor" not in done.stderr
    server.finish()


def test_a_refused_root_is_not_offered_for_pinning(attempt, home, recording_server, root, tmp_path):
    """Who stands between would have its own root pinned by whoever follows the hint."""
    write_anchor(home, "company", make_root("Another").fingerprint)
    server = recording_server(b"S", issued=root.issue(tmp_path, "localhost"))
    done = attempt(server)
    check_refused(done, server, "ends in a root that is not pinned")
    assert "somebody may be between you and the server" in done.stderr
    assert not re.search(r"--fingerprint \S*[0-9a-f]{8}", done.stderr)
    assert "    pganchor bootstrap --pin-existing shows those of root.crt that are not\n" in done.stderr


def test_an_anchor_that_may_not_vouch_for_this_host(attempt, home, recording_server, root, tmp_path):
    write_anchor(home, "company", root.fingerprint, hosts="*.example.test")
    server = recording_server(b"S", issued=root.issue(tmp_path, "localhost"))
    check_refused(attempt(server), server, r"pganchor refused the server localhost: its certificate chain ends in anchor company, "
                  r"which is not valid for this host \(hosts = \*\.example\.test\)")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1], ids=["1.0", "1.1"])
@pytest.mark.parametrize("least", [None, "TLSv1"])
def test_old_tls_alone(attempt, recording_server, root, tmp_path, version, least):
    server = recording_server(b"S", issued=root.issue(tmp_path, "localhost"), tls={"maximum_version": version})
    settings = {"ssl_min_protocol_version": least} if least else {}
    check_refused(attempt(server, **settings), server, "SSL error: .*(protocol|version)")


# ---- handshakes that stall

class StallingServer(Listener):
    """Sends the first `count` bytes of what a server says up to the end of its handshake (all but the last -count, where that is
    negative), and then nothing more.

    afterwards    what came of the client after its ClientHello
    """

    def __init__(self, issued, count):
        self.context = tls_context(issued)
        self.count = count
        self.afterwards = None
        super().__init__()

    def serve(self, sock, number):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self.context.wrap_bio(incoming, outgoing, server_side=True)
        sock.recv(8)
        if self.count == 0:
            self.afterwards = read_to_end(sock)
            return
        sock.sendall(b"S")
        while not outgoing.pending:
            chunk = sock.recv(65536)
            if not chunk:
                return
            incoming.write(chunk)
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                pass
        flight = outgoing.read()
        sock.sendall(flight[:self.count - 1 if self.count > 0 else self.count])
        self.afterwards = read_to_end(sock)


# Nothing; S; a record's type; its header; into ServerHello; behind it; into the certificate; all but the last byte.
STALLS = [0, 1, 2, 6, 60, 128, 400, 700, -40, -1]


def test_a_handshake_that_stalls(attempt, who, root, tmp_path):
    issued = root.issue(tmp_path, "localhost")
    servers = [StallingServer(issued, count) for count in STALLS]
    try:
        with ThreadPoolExecutor(len(servers)) as pool:
            ended = list(pool.map(lambda server: attempt(server, connect_timeout=2), servers))
        for server, done in zip(servers, ended):
            assert done.returncode != 0 and "timeout expired" in done.stderr, (server.count, done.stderr)
            server.finish()
            # Nothing but, in TLS 1.3, an empty gesture to old middleboxes (ChangeCipherSpec) or an alert.
            assert re.fullmatch(rb"(\x14\x03\x03\0\x01\x01|\x15\x03.\0\x02..)*", server.afterwards, re.DOTALL), server.count
    finally:
        for server in servers:
            server.stop()
