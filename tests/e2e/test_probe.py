"""pganchor probe: what it says of real servers, of certificates that are wrong in one way each, and of servers that mean harm; and what
it sends to them."""

import contextlib
import json
import re
import socket
import ssl
import struct
import threading
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from anchoring import add, anchor, done
from certificates import EXPIRED, KEYS, NOT_YET_VALID, build, general_name, make_root, pem, sign, subject, write_crl, write_issued
from listener import Listener, read_to_end, tls_context
from postgres import HBA
from recording import ASK_FOR_MD5, ASK_FOR_PASSWORD, LET_IN
from services import USER, environment, write



class Relay:
    """Hands as many connections on to the port of this machine, and closes those behind them at once; .port is its own."""

    def __init__(self, to, good):
        self.to, self.good = to, good
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listening.accept()
                self.good -= 1
                if self.good < 0:
                    connection.close()
                    continue
                server = socket.create_connection(("127.0.0.1", self.to))
                for one, other in ((connection, server), (server, connection)):
                    threading.Thread(target=self.pump, args=(one, other), daemon=True).start()

    @staticmethod
    def pump(source, to):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                to.sendall(data)
        for end in (source, to):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


MADE_UP = b"user\0pganchor-probe\0database\0pganchor-probe\0"
ALL = "host all all all trust\n"


def sasl(*mechanisms):
    body = struct.pack("!i", 10) + b"".join(name.encode() + b"\0" for name in mechanisms) + b"\0"
    return b"R" + struct.pack("!i", 4 + len(body)) + body


def refusal(code, message):
    body = f"SFATAL\0VFATAL\0C{code}\0M{message}\0\0".encode()
    return b"E" + struct.pack("!i", 4 + len(body)) + body


SCRAM = sasl("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256")


def probe(home, *args, status=None, **kwargs):
    """The text, its lines joined."""
    result = home.pganchor("probe", *args, env=environment(home, kwargs.pop("env", None)), **kwargs)
    assert status is None or result.returncode == status, result.stdout + result.stderr
    return re.sub(r"\s+", " ", result.stdout)


def told(home, *args, status=0, **kwargs):
    """What its JSON says of the one server."""
    result = home.pganchor("probe", "--json", *args, env=environment(home, kwargs.pop("env", None)), **kwargs)
    assert result.returncode == status, result.stdout + result.stderr
    server, = json.loads(result.stdout)["servers"]
    return server


def reasons(server):
    return {reason["id"] for reason in server["reasons"]}


def drivers(server):
    return {driver["driver"]: driver["connects"] for driver in server["drivers"]}


@pytest.fixture(scope="module")
def company():
    return make_root("Company Root CA", days=(-1, 400))


@pytest.fixture
def known(home, company):
    """A home in which the company's root is pinned."""
    add(home, "company", company)
    return home


@pytest.fixture
def shows(recording_server, tmp_path, company):
    """Factory shows("localhost", **words of issue) -> a server with such a certificate of the company's, that asks for SCRAM."""
    def make(*names, by=None, issued=None, ask=SCRAM, **words):
        return recording_server(b"S", issued=issued or (by or company).issue(tmp_path, *names, **words), ask=ask)

    return make


def odd_leaf(directory, authority, *names, usage=None, places=()):
    """A certificate with another extended key usage, or that says where its issuer's is."""
    private = KEYS["p256"]()
    builder = build(subject(names[0]), private.public_key(), authority.cert.subject, (-1, 30))
    builder = builder.add_extension(x509.SubjectAlternativeName([general_name(name) for name in names]), False)
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), False)
    if places:
        builder = builder.add_extension(x509.AuthorityInformationAccess([x509.AccessDescription(
            AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier(place)) for place in places]), False)
    return write_issued(pem(sign(builder, authority.key, "sha256")), private, directory)


# Real servers.


def test_a_server_of_a_pinned_ca_is_verified_and_told_in_full(home, stepca, postgres):
    done(home.pganchor("bootstrap", "--ca-url", stepca.url, "--fingerprint", stepca.fingerprint, "--name", "company", "--yes"))
    text = probe(home, f"localhost:{postgres.port}", status=0)
    assert f"localhost:{postgres.port} (127.0.0.1): grade A" in text
    assert "verified by the anchor company, which is valid for every host" in text
    assert re.search(r"TLS TLSv1\.3, TLS_AES_\w+, \w+ chain CN=localhost \(EC P-256, \d+ hours left\) `- CN=Test Intermediate CA", text)
    assert "not sent) = anchor company" in text
    assert "names DNS:localhost, DNS:db.example.test, IP Address:127.0.0.1" in text
    assert re.search(r"first end \d{4}-\d\d-\d\dT[\d:]+Z, \d+ hours left: the certificate", text)
    assert "drivers libpq, asyncpg" in text

    server = told(home, f"localhost:{postgres.port}")
    assert (server["verified"], server["grade"], server["fault"], server["problem"]) == (True, "A", "none", None)
    assert [certificate["sent"] for certificate in server["chain"]] == [True, True, False]
    assert server["chain"][2]["pin"] == stepca.fingerprint and server["chain"][2]["anchor"] == "company"
    assert reasons(server) == {"verified-by-anchor"}


def test_lines_fit_80_columns(home, stepca, postgres, impostor_postgres):
    for word in (f"localhost:{postgres.port}", f"localhost:{impostor_postgres.port}", "localhost:1"):
        result = home.pganchor("probe", word)
        # A path is one word, however long it is.
        assert [line for line in result.stdout.splitlines() if len(line) > 80 and "/" not in line] == []


def test_a_service_is_asked_with_its_user_once_it_is_verified(known, make_postgres, company, tmp_path):
    server = make_postgres(*company.issue(tmp_path, "localhost"))
    write(known, f"[prod]\nhost=localhost\nport={server.port}\nuser={server.user}\ndbname={server.dbname}\nsslmode=verify-full\n")
    text = probe(known, "prod", status=0)
    assert f"service prod: localhost:{server.port}" in text
    assert "login scram-sha-256, channel binding is offered and works (asked with the service's user and database)" in text
    assert "plain text refused: no entry of pg_hba.conf lets it in (asked with a made-up user and database; others may have" in text
    server = told(known, "prod")
    assert server["service"] == "prod" and server["login"] == {
        "method": "scram-sha-256", "asked_with": "service", "channel_binding_offered": True, "sqlstate": None}
    assert server["channel_binding_works"] is True


@pytest.mark.parametrize("method, grade, reason", [
    ("scram-sha-256", "C", "plain-text-accepted"), ("md5", "C", "auth-md5"), ("password", "F", "plain-text-password"),
    ("trust", "F", "plain-text-trust")])
def test_what_it_asks_for_is_told_and_graded(known, make_postgres, company, tmp_path, method, grade, reason):
    server = make_postgres(*company.issue(tmp_path, "localhost"), hba=f"host all all all {method}\n",
                           settings={"password_encryption": "md5" if method == "md5" else "scram-sha-256"})
    found = told(known, f"localhost:{server.port}")
    assert (found["login"]["method"], found["plain_text"], found["plain_text_login"]["method"]) == (method, True, method)
    assert found["login"]["asked_with"] == "made-up"
    assert found["grade"] == grade and reason in reasons(found)


def test_plain_text_is_refused_by_hostssl(known, make_postgres, company, tmp_path):
    server = make_postgres(*company.issue(tmp_path, "localhost"), hba="hostssl all all all scram-sha-256\n")
    found = told(known, f"localhost:{server.port}")
    assert found["plain_text"] is False and found["plain_text_login"]["sqlstate"] == "28000"
    assert found["login"]["method"] == "scram-sha-256" and found["grade"] == "A"


def test_a_client_certificate_that_is_asked_for_is_told(known, make_postgres, company, tmp_path):
    server = make_postgres(*company.issue(tmp_path, "localhost"), hba="hostssl all all all cert\n", settings={"ssl_ca_file": "server.crt"})
    found = told(known, f"localhost:{server.port}")
    assert found["wants_client_certificate"] is True and found["login"]["method"] == "cert"
    assert "login asks for a client's certificate" in probe(known, f"localhost:{server.port}")


def test_an_old_server_takes_no_direct_tls(known, postgres):
    assert told(known, f"localhost:{postgres.port}", status=3)["direct_tls"] is False


def test_a_server_without_tls_says_so_and_what_it_takes(home, plain_postgres):
    text = probe(home, f"localhost:{plain_postgres.port}", status=3)
    assert "grade F" in text and "the server does not use TLS" in text and "plain text refused" in text
    assert told(home, f"localhost:{plain_postgres.port}", status=3)["answer"] == "no-tls"


# The one line that explains it.


def explained(home, server, host="localhost", **kwargs):
    word = f"host={host} hostaddr=127.0.0.1 port={server.port}"
    found = told(home, word, status=3, **kwargs)
    assert found["verified"] is False and found["grade"] == "F" and "not-verified" in reasons(found)
    return found


def test_another_name(known, shows):
    server = shows("db1.example.com", "db2.example.com")
    found = explained(known, server, "db.example.com")
    assert found["fault"] == "wrong-name"
    assert found["problem"] == "the certificate is for db1.example.com, db2.example.com; you asked for db.example.com"
    command = re.search(r"pganchor probe '([^']+)'", found["hint"]).group(1)
    assert told(known, command)["verified"] is True
    assert not any(drivers(found).values())


@pytest.mark.parametrize("malformed, words", [(b"\x82\x03x\0y", "embedded null"), (b"\x87\x05\x7f\0\0\1\0", "invalid length 5")],
                         ids=["NUL in a dNSName", "iPAddress of five bytes"])
def test_a_malformed_name_ends_it_as_it_does_for_libpq(known, shows, tmp_path, company, malformed, words):
    right = b"\x82\x09localhost"

    def server(*names):
        body, private = b"".join(names), KEYS["p256"]()
        builder = build(subject("localhost"), private.public_key(), company.cert.subject, (-1, 30)).add_extension(
            x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.17"), b"\x30" + bytes([len(body)]) + body), False)
        return shows(issued=write_issued(pem(sign(builder, company.key, "sha256")), private, tmp_path))

    settings = f"host=localhost port={server(malformed, right).port} sslmode=verify-full gssencmode=disable"
    assert words in known.run(["psql", settings, "-c", ""], env=environment(known)).stderr
    found = told(known, settings, status=3)
    assert (found["verified"], found["verified_by_libpq"], found["fault"]) == (False, False, "wrong-name")
    assert "one of its names is malformed, at which libpq gives up" in found["problem"] and "use a name" not in found["hint"]
    assert told(known, f"localhost:{server(right, malformed).port}")["verified"] is True


def test_no_name_at_all_is_said(known, shows):
    found = explained(known, shows(common_name="somebody"), "db.example.com")
    assert "no host's name is in it" in found["problem"]


@pytest.mark.parametrize("days, fault, words", [
    (EXPIRED, "expired", "the certificate expired 1 day ago, on 20"),
    (NOT_YET_VALID, "not-yet-valid", "the certificate is not valid yet: in ")])
def test_a_time_that_is_not_now(known, shows, days, fault, words):
    found = explained(known, shows("localhost", days=days))
    assert found["fault"] == fault and words in found["problem"]
    # The chain is told up to the anchor, whatever is wrong with it.
    assert found["chain"][-1]["anchor"] == "company"


def test_an_expired_intermediate_is_named(known, shows, company):
    found = explained(known, shows("localhost", by=company.intermediate("Old Intermediate CA", days=EXPIRED)))
    assert "the intermediate of the chain, CN=Old Intermediate CA,O=Test PKI, expired 1 day ago" in found["problem"]


def test_a_root_that_is_not_trusted(known, shows):
    found = explained(known, shows("localhost", by=make_root("Foreign Root CA")))
    assert found["fault"] == "unknown-root" and "CN=Foreign Root CA" in found["problem"]
    assert "pganchor bootstrap --ca-url URL --fingerprint HEX" in found["hint"]
    # Who trusts that root connects.
    assert drivers(found)["libpq"] is True


def test_a_certificate_that_is_its_own_root(known, shows, tmp_path):
    found = explained(known, shows(issued=make_root("localhost").issue_self(tmp_path)), "localhost")
    assert found["fault"] == "self-signed" and "its own root" in found["problem"]


def test_a_missing_intermediate(known, shows, company):
    found = explained(known, shows("localhost", by=company.intermediate(), chain=False))
    assert found["fault"] == "missing-intermediate"
    assert "the server does not show the certificate of CN=Intermediate CA,O=Test PKI" in found["problem"]
    assert "ssl_cert_file" in found["hint"] and not any(drivers(found).values())


def test_where_a_missing_intermediate_can_be_had_is_said(known, shows, tmp_path, company):
    authority = company.intermediate("Somebody")
    found = explained(known, shows(issued=odd_leaf(tmp_path, authority, "localhost", places=["http://ca.example.com/it.crt"])))
    assert found["fault"] == "missing-intermediate" and "it should be at http://ca.example.com/it.crt" in found["hint"]


def test_a_certificate_for_clients_alone(known, shows, tmp_path, company):
    found = explained(known, shows(issued=odd_leaf(tmp_path, company, "localhost", usage=ExtendedKeyUsageOID.CLIENT_AUTH)))
    assert found["fault"] == "wrong-use" and "is not for servers" in found["problem"]
    assert not any(drivers(found).values())


def test_hosts_of_the_anchor_that_do_not_include_this_one(home, shows, company):
    add(home, "company", company, "--hosts", "*.example.com db.example.org")
    server = shows("localhost")
    found = explained(home, server)
    assert found["fault"] == "not-for-host" and found["verified_by_libpq"] is True
    assert found["problem"] == "the chain ends in the anchor company, which is valid for *.example.com db.example.org, and not for localhost"
    command = re.search(r"pganchor (anchor set-hosts .*)", found["hint"]).group(1)
    done(home.run(["sh", "-c", f"pganchor {command} --yes"], env=environment(home)))
    assert told(home, f"localhost:{server.port}")["verified"] is True


def test_a_root_that_libpq_trusts_and_nobody_has_pinned(known, shows, tmp_path):
    foreign = make_root("Foreign Root CA")
    with (known / ".postgresql/root.crt").open("a") as file:
        file.write(foreign.pem)
    found = explained(known, shows("localhost", by=foreign))
    assert found["fault"] == "not-pinned" and "the gate refuses it" in found["problem"]


def test_without_any_pin_roots_of_libpq_are_verified_and_graded_lower(home, shows, company):
    write(home, company.pem, ".postgresql/root.crt")
    found = told(home, f"localhost:{shows('localhost').port}")
    assert found["verified"] is True and found["grade"] == "C" and "root-not-pinned" in reasons(found)


def test_a_revoked_certificate(known, shows, tmp_path, company):
    issued = company.issue(tmp_path, "localhost")
    write_crl(company, known / ".postgresql/root.crl", issued.cert)
    found = explained(known, shows(issued=issued))
    assert (found["fault"], found["crl"]) == ("revoked", "revoked") and "is revoked by the CRL of CN=Company Root CA" in found["problem"]


def test_crls_that_say_nothing_against_it(known, shows, company):
    write_crl(company, known / ".postgresql/root.crl")
    assert told(known, f"localhost:{shows('localhost').port}")["crl"] == "good"


def test_a_crl_that_is_missing(known, shows, company):
    write_crl(make_root("Somebody else"), known / ".postgresql/root.crl")
    found = explained(known, shows("localhost"))
    assert (found["fault"], found["crl"]) == ("crl", "missing") and "pganchor crl add" in found["hint"]


def test_no_roots(home, shows):
    found = explained(home, shows("localhost"))
    assert found["fault"] == "no-roots" and "root.crt" in found["problem"]


def test_a_key_that_is_too_small(known, shows):
    found = explained(known, shows("localhost", key="rsa1024"))
    assert found["fault"] == "weak" and "RSA 1024 bits" in found["problem"] and "weak-key" in reasons(found)


def test_a_scoped_anchor_counts_for_a_host_that_is_named_by_itself(home, shows, company):
    add(home, "company", company, "--scoped")
    assert told(home, f"localhost:{shows('localhost').port}")["chain"][-1]["anchor"] == "company"


# What the certificate means to drivers, and to SCRAM.


def test_a_common_name_alone(known, shows):
    found = told(known, f"localhost:{shows(common_name='localhost').port}")
    assert found["verified"] is True and "common-name-only" in reasons(found) and found["grade"] == "C"
    assert (drivers(found)["libpq"], drivers(found)["lib/pq, pgx"], drivers(found)["rustls"]) == (True, False, False)


def test_an_address_that_is_written_as_a_dns_name(known, shows, tmp_path, company):
    private = KEYS["p256"]()
    builder = build(subject("server"), private.public_key(), company.cert.subject, (-1, 30))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("127.0.0.1")]), False)
    issued = write_issued(pem(sign(builder, company.key, "sha256")), private, tmp_path)
    found = told(known, f"127.0.0.1:{shows(issued=issued).port}")
    assert "address-as-dns" in reasons(found)
    assert (drivers(found)["libpq"], drivers(found)["lib/pq, pgx"]) == (True, False)


def test_an_ed25519_issuer_breaks_scram_of_libpq(home, shows):
    edwards = make_root("Edwards Root CA", key="ed25519")
    add(home, "edwards", edwards)
    server = shows("localhost", by=edwards)
    found = told(home, f"localhost:{server.port}")
    assert found["channel_binding_works"] is False and "channel-binding-broken" in reasons(found) and found["grade"] == "D"
    assert drivers(found)["libpq"] is False and drivers(found)["lib/pq, pgx"] is True
    assert "channel binding has no digest for a certificate that is signed by ED25519" in probe(home, f"localhost:{server.port}")


def test_scram_without_channel_binding(known, shows):
    found = told(known, f"localhost:{shows('localhost', ask=sasl('SCRAM-SHA-256')).port}")
    assert "channel-binding-not-offered" in reasons(found) and found["channel_binding_works"] is None


def test_tls_that_libpq_refuses_is_looked_at_nevertheless(known, recording_server, tmp_path, company):
    server = recording_server(b"S", issued=company.issue(tmp_path, "localhost", key="rsa2048"),
                              tls={"maximum_version": ssl.TLSVersion.TLSv1_1}, ask=SCRAM)
    found = told(known, f"localhost:{server.port}", status=3)
    assert found["protocol"] == "TLSv1.1" and "libpq and its OpenSSL refuse: TLSv1.1" in found["problem"]
    assert "tls-refused" in reasons(found) and not any(drivers(found).values())


def test_tls_1_2_is_graded_lower(known, recording_server, tmp_path, company):
    server = recording_server(b"S", issued=company.issue(tmp_path, "localhost"), tls={"maximum_version": ssl.TLSVersion.TLSv1_2}, ask=SCRAM)
    found = told(known, f"localhost:{server.port}")
    assert found["protocol"] == "TLSv1.2" and "tls-1.2" in reasons(found)


def test_little_time_that_is_left(known, shows):
    found = told(known, f"localhost:{shows('localhost', days=(-100, 3)).port}")
    assert "ends-at-once" in reasons(found) and found["days_left"] in (2, 3)
    assert "ends-soon" in reasons(told(known, f"localhost:{shows('localhost', days=(-100, 10)).port}"))


@pytest.mark.parametrize("words, value", [({"common_name": "localhost"}, 1), ({}, 0)], ids=["common name", "alternative name"])
def test_a_common_name_alone_is_a_metric(known, shows, words, value):
    server = shows(*([] if words else ["localhost"]), **words)
    result = done(known.pganchor("probe", "--metrics", "-", f"localhost:{server.port}", env=environment(known)))
    assert re.search(rf"^pganchor_probe_common_name_only\{{target=\"localhost:{server.port}\"\}} {value}$", result.stdout, re.M), result.stdout


# Direct TLS, and SNI.


class Named(Listener):
    """TLS without a request, by the name that is asked for: a certificate, another one without a name, or an alert."""

    def __init__(self, issued, unnamed=None):
        self.context = tls_context(issued)
        self.other = tls_context(unnamed) if unnamed else None
        for context in (self.context, self.other):
            if context is not None:
                context.set_alpn_protocols(["postgresql"])
        self.context.sni_callback = self.choose
        super().__init__()

    def choose(self, session, name, _context):
        if name is not None:
            return None
        if self.other is None:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        session.context = self.other
        return None

    def serve(self, sock, number):
        if sock.recv(1, 2) == b"\x16":  # MSG_PEEK
            with self.context.wrap_socket(sock, server_side=True) as inner:
                inner.recv(100)
                inner.sendall(SCRAM)
                return read_to_end(inner)


@pytest.fixture
def named():
    started = []

    def make(*args, **kwargs):
        started.append(Named(*args, **kwargs))
        return started[-1]

    yield make
    for server in started:
        server.stop()


def test_direct_tls_is_asked_beside_the_request(known, shows):
    found = told(known, f"localhost:{shows('localhost').port}")
    assert found["direct_tls"] is True and found["other_certificate_without_name"] is False


def test_a_server_that_takes_direct_tls_alone(known, named, tmp_path, company):
    server = named(company.issue(tmp_path, "localhost"), company.issue(tmp_path, "other.example.com"))
    found = told(known, f"localhost:{server.port}")
    assert found["verified"] is True and found["direct_tls"] is True
    assert found["other_certificate_without_name"] is True
    assert "CN=other.example.com" in found["certificate_without_name"]
    assert "SNI who names no host (SNI) is shown another certificate, of CN=other.example.com" in probe(known, f"localhost:{server.port}")


def test_a_server_that_shows_nothing_without_a_name(known, named, tmp_path, company):
    server = named(company.issue(tmp_path, "localhost"))
    found = told(known, f"localhost:{server.port}")
    assert found["verified"] is True and found["other_certificate_without_name"] is True and found["certificate_without_name"] is None


# Those that do not answer, or mean harm.


class Speaks(Listener):
    """Says these bytes to each connection, and then more of the same for ever where it is endless."""

    def __init__(self, words, endless=False, listen=True):
        self.words, self.endless, self.listen = words, endless, listen
        super().__init__()

    def serve(self, sock, number):
        if self.listen:
            sock.recv(4096)
        sock.sendall(self.words)
        while self.endless:
            sock.sendall(b"A" * 65536)
        read_to_end(sock)


@pytest.fixture
def speaks():
    started = []

    def make(*args, **kwargs):
        started.append(Speaks(*args, **kwargs))
        return started[-1]

    yield make
    for server in started:
        server.stop()


@pytest.mark.parametrize("word, answer, words", [
    ("localhost:1", "not-connected", "could not connect to localhost:1: Connection refused"),
    ("nosuch.invalid:5432", "unknown-name", "could not look up the host nosuch.invalid")])
def test_nobody_answers(home, word, answer, words):
    found = told(home, word, status=1)
    assert found["answer"] == answer and words in found["problem"] and found["grade"] is None
    assert f"{word}: no answer" in probe(home, word, status=1)


def test_who_never_answers_is_given_up(home, recording_server):
    found = told(home, f"localhost:{recording_server(None).port}", "--max-time", "0.3", status=1)
    assert found["answer"] == "timed-out" and "no answer in the time that it has" in found["problem"]


def test_what_is_no_postgresql_server(home, speaks):
    assert told(home, f"localhost:{speaks(b'SSH-2.0-x').port}", status=1)["answer"] == "not-postgresql"
    found = told(home, f"localhost:{speaks(b'HTTP/1.1 400').port}", status=1)
    assert found["answer"] == "not-postgresql" and "no PostgreSQL server" in found["problem"]


def test_bytes_before_tls_are_dropped_and_told(known, recording_server, tmp_path, company):
    injected = b"R" + struct.pack("!ii", 8, 0)
    server = recording_server(b"S" + injected, issued=company.issue(tmp_path, "localhost"))
    found = told(known, f"localhost:{server.port}", status=3)
    assert found["answer"] == "injected" and "CVE-2021-23222" in found["problem"] and found["login"] is None


@pytest.mark.parametrize("words", [b"E", b"EFATAL: come to evil.example.com\n\0", refusal("53300", "\x1b[31mcome to evil.example.com")])
def test_errors_before_tls_are_never_printed(home, speaks, words):
    server = speaks(words)
    assert told(home, f"localhost:{server.port}", status=1)["answer"] == "error"
    assert "evil" not in probe(home, f"localhost:{server.port}")


def test_an_endless_answer_is_bounded(known, speaks):
    assert told(known, f"localhost:{speaks(b'S', endless=True).port}", "--max-time", "20", status=3)["answer"] in ("injected", "no-handshake")
    server = speaks(b"E", endless=True)
    assert told(known, f"localhost:{server.port}", "--max-time", "20", status=1)["answer"] == "error"


@pytest.mark.parametrize("ask", [
    b"R" + struct.pack("!i", 0x7fffffff), b"R\0\0\0\0", b"R\0\0\0\4", b"Z" * 40000, b"E\0\0\0\5\0", sasl(), b"R" + struct.pack("!ii", 8, 99)])
def test_an_answer_that_is_none_says_nothing(known, shows, ask):
    found = told(known, f"localhost:{shows('localhost', ask=ask).port}")
    assert found["verified"] is True and found["login"]["method"] in ("unknown", "not-understood")


def test_names_of_strangers_do_not_steer_a_terminal(known, shows):
    foreign = make_root("\u202eEvil\x1b[2J CA")
    text = probe(known, f"localhost:{shows('localhost', by=foreign).port}")
    assert "\x1b" not in text and "\u202e" not in text and "Evil" in text


def test_no_name_goes_to_who_is_not_verified(known, recording_server, tmp_path, company):
    server = recording_server(b"S", issued=make_root("Foreign").issue(tmp_path, "localhost"), ask=ASK_FOR_PASSWORD)
    write(known, f"[prod]\nhost=localhost\nport={server.port}\nuser=secretary\ndbname=secrets\npassword=hush\nsslmode=verify-full\n")
    assert told(known, "prod", status=3)["login"]["asked_with"] == "made-up"
    every = b"".join(record.everything for record in server.finish())
    assert b"secret" not in every and b"hush" not in every and MADE_UP in every


def test_no_name_of_the_service_goes_out_in_the_clear_and_never_a_password(known, shows):
    server = shows("localhost", ask=ASK_FOR_PASSWORD)
    write(known, f"[prod]\nhost=localhost\nport={server.port}\nuser=secretary\ndbname=secrets\npassword=hush\nsslmode=verify-full\n")
    assert told(known, "prod")["login"] == {"method": "password", "asked_with": "service", "channel_binding_offered": False, "sqlstate": None}
    records = server.finish()
    assert b"secret" not in b"".join(record.plain for record in records)
    assert b"user\0secretary\0database\0secrets\0" in b"".join(record.inside for record in records)
    assert b"hush" not in b"".join(record.everything for record in records)
    assert [request for record in records for request in record.requests if request == "password"] == []


# What is asked for.


def test_each_host_of_a_service_is_probed(known, shows):
    one, other = shows("localhost"), shows("elsewhere.example.com")
    write(known, f"[prod]\nhost=localhost,localhost\nport={one.port},{other.port}\nsslmode=verify-full\n")
    result = known.pganchor("probe", "--json", "prod", env=environment(known))
    assert [server["verified"] for server in json.loads(result.stdout)["servers"]] == [True, False]
    assert result.returncode == 3


def test_the_roots_of_the_service_count(known, shows, company):
    server = shows("localhost")
    elsewhere = make_root("Elsewhere").write_root(known / "elsewhere.crt")
    write(known, f"[prod]\nhost=localhost\nport={server.port}\nsslrootcert={elsewhere}\nsslmode=verify-full\n")
    assert told(known, "prod", status=3)["fault"] == "unknown-root"
    assert told(known, f"localhost:{server.port}")["verified"] is True


@pytest.fixture
def own_pair(known, tmp_path, company):
    """A client's certificate and key in the home, and a key of another."""
    (tmp_path / "other").mkdir()
    for name, (cert, key) in {"own": company.issue(tmp_path, "somebody"), "other": company.issue(tmp_path / "other", "nobody")}.items():
        write(known, Path(cert).read_text(), f"{name}.crt")
        write(known, Path(key).read_text(), f"{name}.key").chmod(0o600)
    write(known, (known / "own.key").read_text(), "open.key").chmod(0o644)
    return known


# What libpq takes, or what it says: "" for nothing, for any libpq.
SETTINGS = {
    "nothing": ({}, "", None),
    "TLS that both know": ({}, "ssl_min_protocol_version=TLSv1.2\nssl_max_protocol_version=TLSv1.2\n", None),
    "TLS that only newer servers know": ({"ssl_max_protocol_version": "TLSv1.2"}, "ssl_min_protocol_version=TLSv1.3\n",
                                         "the server comes to TLSv1.2, and ssl_min_protocol_version is higher"),
    "TLS that only older servers know": ({"ssl_min_protocol_version": "TLSv1.3"}, "ssl_max_protocol_version=TLSv1.2\n",
                                         "the server comes to TLSv1.3, and ssl_max_protocol_version is lower"),
    "a pair": ({}, "sslcert={home}/own.crt\nsslkey={home}/own.key\n", None),
    "a certificate and no key": ({}, "sslcert={home}/own.crt\n", "certificate present, but not private key file"),
    "another's key": ({}, "sslcert={home}/own.crt\nsslkey={home}/other.key\n", "key values mismatch"),
    "a key that others read": ({}, "sslcert={home}/own.crt\nsslkey={home}/open.key\n", "has group or world access"),
    "a certificate that is none": ({}, "sslcert={home}/own.key\nsslkey={home}/own.key\n", "could not read certificate file"),
}


@pytest.mark.parametrize("case", SETTINGS)
def test_the_verdict_is_that_of_libpq_with_the_services_settings(own_pair, make_postgres, company, tmp_path, case):
    of_server, settings, words = SETTINGS[case]
    server = make_postgres(*company.issue(tmp_path, "localhost"), hba="hostssl all all all trust\n", settings=of_server)
    write(own_pair, f"[prod]\nhost=localhost\nport={server.port}\nuser={server.user}\ndbname=postgres\nsslmode=verify-full\n"
                    f"gssencmode=disable\n{settings.format(home=own_pair.path)}")
    psql = own_pair.run(["psql", "service=prod", "-c", ""], env=environment(own_pair))
    assert (psql.returncode == 0) == (words is None), psql.stderr
    found = told(own_pair, "prod", status=0 if words is None else 3)
    assert found["verified"] == found["verified_by_libpq"] == (words is None), found
    assert drivers(found)["libpq"] == (words is None) and drivers(found)["pgjdbc"] is True
    if words is None:
        assert found["problem"] is None and found["protocol"] == ("TLSv1.2" if "TLSv1.2" in settings else "TLSv1.3")
        return
    assert words in found["problem"] and found["problem"].startswith("libpq does not connect with these settings: ")
    assert found["grade"] == "F" and "settings-refused" in reasons(found) and "not-verified" not in reasons(found)
    command = re.search(r"pganchor (explain service=\w+)$", found["hint"]).group(1)
    assert own_pair.pganchor(*command.split(), env=environment(own_pair)).returncode in (0, 3)
    # Of many it is the same, and another entry for the same server has its own verdict.
    write(own_pair, (own_pair / USER).read_text() + f"[plain]\nhost=localhost\nport={server.port}\nsslmode=verify-full\n")
    report = own_pair.pganchor("probe", "--all", "--json", env=environment(own_pair))
    assert {tuple(server["services"]): (server["verified"], words in (server["problem"] or ""))
            for server in json.loads(report.stdout)["servers"]} == {("prod",): (False, True), ("plain",): (True, False)}


def test_a_client_certificate_of_the_home_counts_for_whoever_names_a_host(own_pair, shows):
    word = f"localhost:{shows('localhost').port}"
    assert told(own_pair, word)["verified"] is True
    write(own_pair, (own_pair / "own.crt").read_text(), ".postgresql/postgresql.crt")
    found = told(own_pair, word, status=3)
    assert (found["fault"], found["verified_by_libpq"]) == ("settings", False) and "not private key file" in found["problem"]
    write(own_pair, (own_pair / "own.key").read_text(), ".postgresql/postgresql.key").chmod(0o600)
    assert told(own_pair, word)["verified"] is True


def test_a_key_under_a_passphrase_is_asked_for_by_nobody(own_pair, shows):
    """libpq's OpenSSL would ask the terminal. Who has the passphrase connects."""
    done(own_pair.run(["openssl", "pkey", "-in", own_pair / "own.key", "-aes256", "-passout", "pass:secret", "-out", own_pair / "locked.key"]))
    (own_pair / "locked.key").chmod(0o600)
    entry = (f"[prod]\nhost=localhost\nport={shows('localhost').port}\nsslmode=verify-full\nsslcert={own_pair.path}/own.crt\n"
             f"sslkey={own_pair.path}/locked.key\n")
    for more, verified in (("", True), ("sslpassword=secret\n", True), ("sslpassword=wrong\n", False)):
        write(own_pair, entry + more)
        asked = own_pair.run_tty([own_pair.program.binary, "probe", "prod"], env=environment(own_pair))
        assert "pass phrase" not in asked.output and asked.returncode == (0 if verified else 3), asked.output
        assert told(own_pair, "prod", status=0 if verified else 3)["verified"] is verified
    write(own_pair, entry)
    assert "pass phrase" not in own_pair.run_tty([own_pair.program.binary, "forecast"], env=environment(own_pair)).output


@pytest.mark.parametrize("named", ["nosuch", "other"])
def test_another_entry_that_the_environment_names_has_no_say(known, shows, named):
    write(known, f"[prod]\nhost=localhost\nport={shows('localhost').port}\nsslmode=verify-full\n"
                 "[other]\nhost=localhost\nsslrootcert=/nonexistent\nsslcert=/etc/passwd\n")
    clean = {**environment(known), "PGSERVICE": named}
    asked = known.pganchor("probe", "--json", "prod", env=clean)
    assert json.loads(asked.stdout)["servers"][0]["verified"] is True, asked.stdout
    seen = known.pganchor("forecast", "--service", "prod", env=clean)
    assert "shows no certificate" not in seen.stdout + seen.stderr and "not reached" not in seen.stdout + seen.stderr, seen
    found = known.pganchor("doctor", "--online", "--json", env=clean)
    assert [one["id"] for one in json.loads(found.stdout)["findings"] if one["id"] == "server-not-verified" and "prod" in one["subject"]] == []


def test_what_the_network_does_is_no_fault_of_the_settings(own_pair, shows):
    """The connections behind the first few are closed, whichever they are for."""
    server = shows("localhost")
    faults = set()
    for good in range(1, 9):
        with Relay(server.port, good) as relay:
            write(own_pair, f"[prod]\nhost=localhost\nport={relay.port}\nsslmode=verify-full\nsslcert={own_pair.path}/own.crt\n"
                            f"sslkey={own_pair.path}/own.key\n")
            result = own_pair.pganchor("probe", "--json", "prod", env=environment(own_pair))
            faults.add(json.loads(result.stdout)["servers"][0].get("fault"))
    assert "none" in faults and "settings" not in faults


def test_an_anchor_that_libpq_does_not_know_is_none_of_the_settings_faults(own_pair, shows):
    """A host that is named by itself is verified by scoped anchors, too."""
    scoped = make_root("Scoped Root CA", days=(-1, 400))
    add(own_pair, "scoped", scoped, "--scoped")
    write(own_pair, (own_pair / "own.crt").read_text(), ".postgresql/postgresql.crt")
    write(own_pair, (own_pair / "own.key").read_text(), ".postgresql/postgresql.key").chmod(0o600)
    assert told(own_pair, f"localhost:{shows('localhost', by=scoped).port}")["verified"] is True


def test_gssencmode_that_leaves_no_tls_is_said(known, shows):
    write(known, f"[prod]\nhost=localhost\nport={shows('localhost').port}\nsslmode=verify-full\ngssencmode=require\n")
    found = told(known, "prod", status=3)
    assert found["fault"] == "settings" and "gssencmode=require asks for GSSAPI encryption" in found["problem"]


@pytest.mark.parametrize("setting, fault", [("", "none"), ("sslsni=0\n", "wrong-name")])
def test_the_host_is_named_to_the_server_as_libpq_does(known, named, tmp_path, company, setting, fault):
    server = named(company.issue(tmp_path, "localhost"), company.issue(tmp_path, "other.example.com"))
    write(known, f"[prod]\nhost=localhost\nport={server.port}\nsslmode=verify-full\n{setting}")
    assert told(known, "prod", status=0 if fault == "none" else 3)["fault"] == fault


def test_a_mistyped_service_is_one_that_was_meant(known, shows):
    write(known, f"[production]\nhost=localhost\nport={shows('localhost').port}\nsslmode=verify-full\n")
    found = told(known, "prodcution", status=1)
    assert found["answer"] == "unknown-name"
    command = re.search(r"did you mean the service\? pganchor (probe \w+)$", found["hint"]).group(1)
    done(known.pganchor(*command.split(), env=environment(known)))
    for word in ("nothingnear", "service=prodcution"):
        result = known.pganchor("probe", word, env=environment(known))
        assert result.returncode == 1 and "pganchor service list" in result.stdout + result.stderr
    assert told(known, "production.invalid", status=1)["hint"] == "check the name, and DNS"


def test_weak_settings_of_a_service_are_a_reason(known, shows):
    write(known, f"[old]\nhost=localhost\nport={shows('localhost').port}\nsslmode=require\n")
    assert "settings-weak" in reasons(told(known, "old"))


@pytest.mark.parametrize("word, words", [
    ("localhost:", "no port behind the colon"), ("localhost:x", "no port"), ("localhost:70000", "a port is a number from 1 to 65535"),
    ("[::1", "no address in brackets"), ("host=/tmp", "a Unix-domain socket"), ("https://db.example.com", "none that libpq knows")])
def test_words_that_name_no_server(home, word, words):
    result = home.pganchor("probe", word)
    assert result.returncode in (1, 2) and words in result.stderr, result.stderr
    assert result.stdout == ""


def test_addresses_of_ipv6(home):
    assert "[::1]:1: no answer" in probe(home, "[::1]:1", status=1)
    assert "[::1]:5432" in probe(home, "::1", "--max-time", "5")


def test_what_cannot_be_written_is_an_error(home):
    result = home.run(["sh", "-c", "pganchor probe localhost:1 >/dev/full"])
    assert result.returncode == 1 and "could not write" in result.stderr


def test_anchors_that_cannot_be_read_end_it(known):
    write(known, "[x]\nno pin\n", ".config/pganchor/anchors.conf")
    result = known.pganchor("probe", "localhost:1")
    assert result.returncode == 1 and "anchors.conf" in result.stderr
