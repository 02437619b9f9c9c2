"""Servers that misbehave as a test says: a listener that knows who came, an HTTPS server, a false PostgreSQL server."""

import json
import socket
import ssl
import struct
import threading
import warnings
from dataclasses import dataclass, field
from typing import NamedTuple

import pytest


SECONDS = 60


def tls_context(issued, **attributes):
    """A server's TLS that takes any certificate, key and protocol version, the weak ones too; attributes are set on it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        for name, value in attributes.items():
            setattr(context, name, value)
    context.load_cert_chain(*issued)
    return context


def read_to_end(sock):
    """Read until the peer closes; what it sent."""
    everything = b""
    while chunk := sock.recv(65536):
        everything += chunk
    return everything


class Listener:
    """Accepts TCP connections on 127.0.0.1:port and serves each in a thread of its own, by self.serve(sock, number)."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.stopping = threading.Event()
        self._farewell = None
        self._open = set()
        self._threads = []
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def _accept(self):
        while True:
            sock, peer = self._listener.accept()
            if peer == self._farewell:
                sock.close()
                self._listener.close()
                return
            sock.settimeout(SECONDS)
            self._open.add(sock)
            thread = threading.Thread(target=self._serve, args=(sock, len(self._threads)), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock, number):
        try:
            self.serve(sock, number)
        except OSError:
            # The client went away, or stop() closed the socket: what was seen until then is on record.
            pass
        finally:
            self._open.discard(sock)
            sock.close()

    def _stop_accepting(self):
        """Connections are accepted in the order they came in: once our own last one is, all before it are."""
        if not self._acceptor.is_alive():
            return
        with socket.socket() as last:
            last.bind(("127.0.0.1", 0))
            self._farewell = last.getsockname()
            last.connect(("127.0.0.1", self.port))
            self._acceptor.join(SECONDS)

    def finish(self):
        """Take no more connections, and wait until all that came are served to their end."""
        self._stop_accepting()
        for thread in self._threads:
            thread.join(SECONDS)
            assert not thread.is_alive(), "a client still has its connection open"

    def stop(self):
        """Take no more connections and cut all that are open."""
        self._stop_accepting()
        self.stopping.set()
        for sock in list(self._open):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self._threads:
            thread.join(SECONDS)


# --- HTTPS ------------------------------------------------------------------------------------------------------------


class Request(NamedTuple):
    """An HTTP request: header names in lower case."""

    method: str
    path: str
    headers: dict
    raw: bytes


class Cut(bytes):
    """An answer after which the connection is cut, without TLS's word of goodbye."""


class Drip(bytes):
    """An answer's beginning, after which a blank comes every 100 ms for ever."""


HANG = object()  # an answer that never comes


def reply(body=b"", status="200 OK", headers=(), *, length=None, content_type="application/json"):
    """The bytes of an HTTP response; `length` is the Content-Length that it claims, False to claim none."""
    body = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status}", "Connection: close", f"Content-Type: {content_type}", *headers]
    if length is not False:
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def redirect(url, status="302 Found"):
    return reply(status=status, headers=[f"Location: {url}"])


def huge(length=10 * 2**30, begin=b'{"ca":"'):
    """An answer that claims to be `length` bytes and sends as much."""
    def answer(_request):
        yield reply(begin, length=length)
        for _ in range(length // 65536):
            yield b"A" * 65536
    return answer


def endless(begin=b'{"ca":"'):
    """An answer without Content-Length that never ends."""
    def answer(_request):
        yield reply(begin, length=False)
        while True:
            yield b"A" * 65536
    return answer


def close_at_once(sock):
    """before_tls: hang up without a word."""


def close_in_handshake(sock):
    """before_tls: wait for the ClientHello, then hang up."""
    sock.recv(65536)


def hang(sock):
    """before_tls: read and never answer."""
    read_to_end(sock)


def speak(text):
    """before_tls: no TLS at all, but these bytes."""
    def before_tls(sock):
        sock.sendall(text)
        read_to_end(sock)
    return before_tls


class HTTPServer(Listener):
    """A web server that says what it is told to.

    url          https://localhost:PORT (http: where it was made without a certificate)
    requests     [Request, ...] as they came
    connections  how many TCP connections came
    sent         bytes of answers that left, before encryption
    """

    def __init__(self, answer, issued, before_tls=None, tls=None):
        self.answer, self.issued, self.before_tls = answer, issued, before_tls
        self.context = tls_context(issued, **(tls or {})) if issued else None
        self.requests, self.connections, self.sent = [], 0, 0
        self._lock = threading.Lock()
        super().__init__()

    @property
    def url(self):
        return f"{'https' if self.issued else 'http'}://localhost:{self.port}"

    def serve(self, sock, number):
        self.connections = number + 1
        if self.before_tls is not None:
            return self.before_tls(sock)
        if self.context is not None:
            plain, sock = sock, self.context.wrap_socket(sock, server_side=True)
            self._open.discard(plain)
            self._open.add(sock)
        try:
            request = self._read_request(sock)
            if request is not None:
                self._send(sock, self._answer(request))
        finally:
            self._open.discard(sock)
            sock.close()

    def _read_request(self, sock):
        raw = b""
        while b"\r\n\r\n" not in raw:
            chunk = sock.recv(65536)
            if not chunk:
                return None
            raw += chunk
        head = raw.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        body = raw.partition(b"\r\n\r\n")[2]
        while len(body) < int(headers.get("content-length", 0)):
            chunk = sock.recv(65536)
            if not chunk:
                break
            body, raw = body + chunk, raw + chunk
        request = Request(method, path, headers, raw)
        with self._lock:
            self.requests.append(request)
        return request

    def _answer(self, request):
        answer = self.answer
        if isinstance(answer, dict):
            answer = answer.get(request.path, reply("404 page not found\n", "404 Not Found", content_type="text/plain"))
        while callable(answer):
            answer = answer(request)
        return answer

    def _send(self, sock, answer):
        if answer is HANG:
            read_to_end(sock)
            return
        for chunk in [answer] if isinstance(answer, bytes) else answer:
            sock.sendall(chunk)
            with self._lock:
                self.sent += len(chunk)
        if isinstance(answer, Drip):
            while not self.stopping.wait(0.1):
                sock.sendall(b" ")
        elif not isinstance(answer, Cut):
            self._say_goodbye(sock)

    def _say_goodbye(self, sock):
        # Closing with unread bytes would reset the connection and could take the answer with it.
        if isinstance(sock, ssl.SSLSocket):
            sock.unwrap()
        else:
            sock.shutdown(socket.SHUT_WR)
            read_to_end(sock)


def stepca_answers(authority, prefix=""):
    """What step-ca says of `authority`'s root, as a dict for https_ca: /root/FINGERPRINT and /health."""
    return {f"{prefix}/root/{authority.fingerprint}": reply(json.dumps({"ca": authority.pem})),
            f"{prefix}/health": reply('{"status":"ok"}\n')}


@pytest.fixture
def https_ca(tmp_path_factory, impostor_ca):
    """Factory https_ca(answer, ...) -> HTTPServer.

    answer       {path: answer}, or one answer for all: bytes of the whole response (reply(), redirect()), an iterable of
                 such, Cut(bytes), Drip(bytes), HANG, or function(Request) -> one of these (huge(), endless())
    issued       its certificate and key; one of `authority` for `names` if left out, None for plain http
    authority    impostor_ca if left out
    before_tls   function(sock) instead of TLS: close_at_once, close_in_handshake, hang, speak(b"...")
    tls          attributes of its SSLContext, such as {"maximum_version": ssl.TLSVersion.TLSv1_1}
    """
    started = []

    def make(answer=None, *, issued=..., authority=None, names=("localhost", "127.0.0.1"), before_tls=None, tls=None):
        if issued is ...:
            issued = (authority or impostor_ca).issue(tmp_path_factory.mktemp("https"), *names)
        started.append(HTTPServer({} if answer is None else answer, issued, before_tls, tls))
        return started[-1]

    yield make
    for server in started:
        server.stop()


# --- PostgreSQL -------------------------------------------------------------------------------------------------------

SSL_REQUEST, GSS_REQUEST, CANCEL_REQUEST = 80877103, 80877104, 80877102
ASK_FOR_PASSWORD = b"R" + struct.pack("!ii", 8, 3)  # AuthenticationCleartextPassword
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
    startup packet for the password in clear text. `requests` of a connection names what came: "ssl", "gss", "cancel",
    "direct-tls", "startup", "password".
    """

    def __init__(self, ssl_answer, issued, tls=None):
        self.ssl_answer = ssl_answer
        self.context = tls_context(issued, **(tls or {})) if issued else None
        if self.context is not None:
            self.context.set_alpn_protocols(["postgresql"])
        self._records = []
        super().__init__()

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
        sock.sendall(ASK_FOR_PASSWORD)
        if self._read(sock, record, 1) == b"p":
            length, = struct.unpack("!i", self._read(sock, record, 4))
            self._read(sock, record, length - 4)
            record.requests.append("password")
            sock.sendall(WRONG_PASSWORD)


@pytest.fixture
def recording_server():
    """Factory recording_server(ssl_answer=b"N", issued=None, tls=None) -> RecordingServer; .port, .finish() -> [Recorded].

    ssl_answer   b"N": no TLS here; b"S": TLS with the certificate `issued` (chain, key); b"S" + more: injects `more` before
                 TLS; None: never answers
    """
    started = []

    def make(ssl_answer=b"N", issued=None, tls=None):
        started.append(RecordingServer(ssl_answer, issued, tls))
        return started[-1]

    yield make
    for server in started:
        server.stop()
