"""A false PostgreSQL server that records every byte it is sent and tries to get at the password."""

import socket
import struct
import threading
from dataclasses import dataclass, field

import pytest

from listener import SECONDS, Listener, read_to_end, tls_context

SSL_REQUEST, GSS_REQUEST, CANCEL_REQUEST = 80877103, 80877104, 80877102
ASK_FOR_PASSWORD = b"R" + struct.pack("!ii", 8, 3)  # AuthenticationCleartextPassword
ASK_FOR_MD5 = b"R" + struct.pack("!ii", 12, 5) + b"salt"  # AuthenticationMD5Password
LET_IN = b"R" + struct.pack("!ii", 8, 0)  # AuthenticationOk
_FAILURE = b"SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed\0\0"
WRONG_PASSWORD = b"E" + struct.pack("!i", 4 + len(_FAILURE)) + _FAILURE


@dataclass
class Recorded:
    """One connection: the bytes that came before TLS, whether TLS stood, the bytes that came inside, why it failed."""

    plain: bytes = b""
    tls: bool = False
    inside: bytes = b""
    tls_error: str = ""
    requests: list = field(default_factory=list)

    @property
    def everything(self):
        return self.plain + self.inside


class RecordingServer(Listener):
    """A false PostgreSQL server that records every byte and tries to get at the password.

    It answers SSLRequest with `ssl_answer`, starts TLS after an answer that begins with S, and asks whoever sends a
    startup packet for the password in clear text, or for what `ask` says. `requests` of a connection names what came: "ssl", "gss", "cancel",
    "direct-tls", "startup", "password".
    """

    def __init__(self, ssl_answer, issued, tls=None, ask=ASK_FOR_PASSWORD):
        self.ssl_answer = ssl_answer
        self.ask = ask
        self.context = tls_context(issued, **(tls or {})) if issued else None
        if self.context is not None:
            self.context.set_alpn_protocols(["postgresql"])
        self._records = []
        self._requested = threading.Semaphore(0)
        super().__init__()

    def wait_for_requests(self, count):
        """Wait until as many requests for TLS have come."""
        for _ in range(count):
            assert self._requested.acquire(timeout=SECONDS), "a client has not come"

    def finish(self):
        """All connections that came, each recorded to its end; takes no more."""
        super().finish()
        return list(self._records)

    def serve(self, sock, number):
        record = Recorded()
        self._records.append(record)
        if sock.recv(1, socket.MSG_PEEK) == b"\x16":
            record.requests.append("direct-tls")
            return self._serve_tls(sock, record)
        while True:
            code = self._read_packet(sock, record)
            if code == SSL_REQUEST:
                record.requests.append("ssl")
                self._requested.release()
                if self.ssl_answer is None:
                    break
                sock.sendall(self.ssl_answer)
                if self.ssl_answer.startswith(b"S") and self.context is not None:
                    return self._serve_tls(sock, record)
            elif code == GSS_REQUEST:
                record.requests.append("gss")
                sock.sendall(b"N")
            else:
                self._lure(sock, record, code)
                break
        record.plain += read_to_end(sock)

    def _serve_tls(self, sock, record):
        try:
            inner = self.context.wrap_socket(sock, server_side=True)
        except OSError as error:
            record.tls_error = str(error)
            return
        self._open.add(inner)
        try:
            record.tls = True
            self._lure(inner, record, self._read_packet(inner, record))
            record.inside += read_to_end(inner)
        finally:
            self._open.discard(inner)
            inner.close()

    def _read(self, sock, record, length):
        data = b""
        while len(data) < length:
            chunk = sock.recv(length - len(data))
            if not chunk:
                raise ConnectionError("end of connection")
            data += chunk
            if record.tls:
                record.inside += chunk
            else:
                record.plain += chunk
        return data

    def _read_packet(self, sock, record):
        """Read a packet of the kind that comes before authentication; its code."""
        length, code = struct.unpack("!ii", self._read(sock, record, 8))
        self._read(sock, record, max(0, length - 8))
        return code

    def _lure(self, sock, record, code):
        if code == CANCEL_REQUEST:
            record.requests.append("cancel")
            return
        record.requests.append("startup")
        sock.sendall(self.ask)
        if self._read(sock, record, 1) == b"p":
            length, = struct.unpack("!i", self._read(sock, record, 4))
            self._read(sock, record, length - 4)
            record.requests.append("password")
            sock.sendall(WRONG_PASSWORD)


class Relay(Listener):
    """Stands between a client and a server, and records what the client sends; nothing is changed.

    sent      for each connection, in the order they came, the bytes from the client
    """

    def __init__(self, port):
        self.target = port
        self.sent = []
        super().__init__()

    def serve(self, sock, number):
        self.sent.append(bytearray())
        record = self.sent[-1]
        with socket.create_connection(("127.0.0.1", self.target)) as server:
            self._open.add(server)
            back = threading.Thread(target=self._pass_on, args=(server, sock), daemon=True)
            back.start()
            self._pass_on(sock, server, record)
            back.join()
            self._open.discard(server)

    def _pass_on(self, source, target, record=None):
        try:
            while chunk := source.recv(65536):
                if record is not None:
                    record += chunk
                target.sendall(chunk)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            # One of the two has hung up; so the other is told.
            for sock in (source, target):
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass


@pytest.fixture
def relay():
    """Factory relay(port) -> Relay to a server of this machine; .port, .sent, .finish()."""
    started = []

    def make(port):
        started.append(Relay(port))
        return started[-1]

    yield make
    for one in started:
        one.stop()


@pytest.fixture
def recording_server():
    """Factory recording_server(ssl_answer=b"N", issued=None, tls=None, ask=...) -> RecordingServer; .port, .finish() -> [Recorded].

    ssl_answer   b"N": no TLS here; b"S": TLS with the certificate `issued` (chain, key); b"S" + more: injects `more` before
                 TLS; None: never answers
    """
    started = []

    def make(ssl_answer=b"N", issued=None, tls=None, **kwargs):
        started.append(RecordingServer(ssl_answer, issued, tls, **kwargs))
        return started[-1]

    yield make
    for server in started:
        server.stop()


THROUGH = "password authentication failed"  # said by the false server, to whom libpq has sent a password


@pytest.fixture
def connect(home, recording_server, tmp_path):
    """Factory connect(authority, gate=False, **settings): psql's words to a server with a certificate of this CA."""
    def run(authority, *words, **settings):
        server = recording_server(b"S", issued=authority.issue(tmp_path, "localhost"))
        every = {"host": "localhost", "port": server.port, "user": "app", "password": "no secret", "sslmode": "verify-full", **settings}
        done = home.run([*words, "psql", "-X", "-c", "SELECT 1", " ".join(f"{key}='{value}'" for key, value in every.items())])
        server.finish()
        return done.stderr

    return run
