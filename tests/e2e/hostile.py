"""A web server that misbehaves as a test says: the false CA, the broken CA, the CA that never ends."""

import json
import socket
import ssl
import threading
from typing import NamedTuple

import pytest

from listener import Listener, read_to_end, tls_context


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
