"""pganchor audit of servers whose certificate is good and whose answers are not: too few columns, nulls, huge, without an end, not asked
for. None of them ends the tool otherwise than by a report, and nothing of what they say gets to a terminal as it is."""

import json
import select
import socket
import struct

import pytest

import html_pages
import sarif_logs
from anchoring import own, service
from certificates import make_root
from listener import Listener, tls_context
from services import environment, pin_files

ROOT = make_root("Audited Root CA")
ESCAPE = "\x1b[31mred\x1b]0;title\x07\x9b1m<script>alert(1)</script>\r\n\u202e"


def message(kind, body=b""):
    return kind + struct.pack("!i", 4 + len(body)) + body


def row(values):
    """A description of so many columns, and a row of these; None is null."""
    return rows(len(values), [values])


def rows(columns, all_of_them):
    description = struct.pack("!h", columns) + b"".join(b"c\0" + struct.pack("!ihihih", 0, 0, 25, -1, -1, 0) for _ in range(columns))
    yield message(b"T", description)
    for values in all_of_them:
        body = struct.pack("!h", len(values))
        for value in values:
            body += struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value
        yield message(b"D", body)
    yield message(b"C", b"SELECT 1\0")


def endless():
    yield from list(rows(1, []))[:1]
    while True:
        yield message(b"D", struct.pack("!hi", 1, 60000) + b"A" * 60000)


def notices():
    while True:
        yield message(b"N", b"SNOTICE\0VNOTICE\0C00000\0M" + b"A" * 60000 + b"\0\0")


def text(value):
    return value.encode(errors="surrogateescape")


ANSWERS = {
    "few columns": lambda: row([b"x"]),
    "no column": lambda: row([]),
    "no row": lambda: rows(20, []),
    "nulls": lambda: row([None] * 20),
    "empty": lambda: row([b""] * 20),
    "true": lambda: row([b"t"] * 20),
    "numbers": lambda: row([b"99999999999999999999999"] * 20),
    "minus": lambda: row([b"-9223372036854775808"] * 20),
    "arrays": lambda: row([b'["a=b", null, 1, {"x": []}, "' + b"," * 100 + b'"]'] * 20),
    "long": lambda: row([b"A" * 20000] * 20),
    "escapes": lambda: row([text(ESCAPE)] * 20),
    "bytes": lambda: row([b"\xff\xfe\x80 \xc3( \xed\xa0\x80"] * 20),
    "conninfo": lambda: row([b"host=h password='it''s \\"] * 20),
    "URI": lambda: row([b"x"] * 4 + [b"postgresql://u:geheim@h:1,h2:x/%zz?sslmode=%00"] + [b"x"] * 15),
    "hosts": lambda: row([b"hostssl"] * 20),
    "many rows": lambda: rows(16, [[b"host"] * 16] * 250),
    "rules without an end": lambda: rows(16, [[b'["' + b'","'.join(str(i).encode() for i in range(50)) + b'"]'] * 16] * 100),
    "copy in": lambda: [message(b"G", b"\0\0\0")],
    "copy out": lambda: [message(b"H", b"\0\0\0")],
    "copy both": lambda: [message(b"W", b"\0\0\0")],
    "nothing": lambda: [message(b"I")],
    "several": lambda: [*row([b"a"]), *row([b"b"] * 3), message(b"C", b"SELECT 1\0")] * 10,
    "error": lambda: [message(b"E", b"SERROR\0VERROR\0C42501\0M" + text(ESCAPE) + b"\0\0")],
    "error without words": lambda: [message(b"E", b"\0")],
    "endless": endless,
    "notices": notices,
}


class Hostile(Listener):
    """Lets everybody in, and answers each question so."""

    def __init__(self, issued, answer):
        self.context = tls_context(issued)
        self.answer = answer
        super().__init__()

    def serve(self, sock, number):
        sock.recv(8)
        sock.sendall(b"S")
        with self.context.wrap_socket(sock, server_side=True) as tls:
            self.receive(tls, 0)
            tls.sendall(message(b"R", struct.pack("!i", 0)) + message(b"S", b"server_version\x0015.9\0")
                        + message(b"S", b"client_encoding\0UTF8\0") + message(b"K", struct.pack("!ii", 1, 1)) + message(b"Z", b"I"))
            while self.receive(tls, 1)[:1] == b"Q":
                for part in self.answer():
                    tls.sendall(part)
                tls.sendall(message(b"Z", b"I"))

    @staticmethod
    def receive(tls, before):
        """A message; before: the bytes in front of its length."""
        head = b""
        while len(head) < before + 4:
            head += tls.recv(before + 4 - len(head)) or b"\0" * 16
        rest = struct.unpack("!i", head[before:before + 4])[0] - 4
        while rest > 0:
            rest -= len(tls.recv(rest) or b"\0" * rest)
        return head


@pytest.fixture(scope="module")
def issued(session_directory):
    return ROOT.issue(session_directory, "localhost")


@pytest.mark.parametrize("how", ANSWERS)
def test_answers(home, issued, how):
    pin_files(home, ("company", ROOT, "*", "scoped"))
    server = Hostile(issued, ANSWERS[how])
    try:
        service(home, "prod", "localhost", home / own("company"), more=f"port={server.port}\nhostaddr=127.0.0.1\nuser=app\ndbname=app\n")
        env = environment(home)
        done = home.pganchor("audit", "prod", "--html", home / "page.html", "--sarif", home / "log.sarif", env=env)
        as_json = home.pganchor("audit", "prod", "--json", env=env)
    finally:
        server.stop()
    assert done.returncode in (0, 1, 3) and as_json.returncode == done.returncode, (done, as_json)
    assert done.stderr == "" and as_json.stderr == ""
    seen = json.loads(as_json.stdout)
    assert seen["counts"]["servers"] == 1 and seen["servers"][0]["service"] == "prod"
    sarif_logs.check((home / "log.sarif").read_text())
    page = (home / "page.html").read_text()
    html_pages.check(page)
    assert "<script" not in page
    for report in (done.stdout, as_json.stdout, page):
        assert not any(sign in report for sign in "\x1b\x07\x9b\u202e\r")
    for connection in seen["servers"][0].get("connections", []):
        assert "geheim" not in f"{connection['settings']}{connection['reasons']}"
    if how in ("endless", "notices"):
        assert done.returncode == 1 and "do not end" in done.stdout
    if how.startswith("copy"):
        assert done.returncode == 1 and "not asked" in done.stdout


@pytest.mark.parametrize("command", ["enable-tls", "require-tls"])
@pytest.mark.parametrize("how", ["few columns", "no column", "no row", "true", "escapes", "copy out", "nothing", "error", "endless", "notices"])
def test_what_changes_a_server_bears_them_too(home, issued, command, how):
    pin_files(home, ("company", ROOT, "*", "scoped"))
    server = Hostile(issued, ANSWERS[how])
    try:
        service(home, "prod", "localhost", home / own("company"), more=f"port={server.port}\nhostaddr=127.0.0.1\nuser=app\ndbname=app\n")
        done = home.pganchor("server", command, "prod", *(["--write-by-sql"] if command == "require-tls" else []), "--yes", env=environment(home))
    finally:
        server.stop()
    assert done.returncode == 1 and done.stderr.startswith("pganchor: "), done
    assert not any(sign in done.stdout + done.stderr for sign in "\x1b\x07\x9b\u202e")


class Silent(Listener):
    """Takes connections, and says nothing. `earlier`: of each that came, whether one before it was still open."""

    def __init__(self):
        self.earlier = []
        self.before = []
        super().__init__()

    def serve(self, sock, number):
        # A client that has ended has closed its end before another one begins.
        self.earlier.append(any(select.select([one], [], [], 0)[0] == [] for one in self.before))
        sock.recv(8)
        self.before.append(sock)
        self.stopping.wait()


def test_a_server_that_says_nothing_has_the_time_and_the_jobs_that_were_given(home):
    """Also while it is verified, whatever time the entry gives it."""
    pin_files(home, ("company", ROOT, "*", "scoped"))
    server = Silent()
    try:
        for number in range(3):
            service(home, f"s{number}", "localhost", home / own("company"),
                    more=f"port={server.port}\nhostaddr=127.0.0.1\nuser=app\nconnect_timeout=3600\n")
        done = home.pganchor("audit", "s0", "s1", "s2", "--max-time", "1", "--jobs", "1", "--json", env=environment(home))
    finally:
        server.stop()
    assert done.returncode == 1 and done.stderr == "", done
    why = [seen["findings"][0]["detail"] for seen in json.loads(done.stdout)["servers"]]
    assert why == ["its server was not verified within 1 second"] * 3
    assert server.earlier == [False] * 3
