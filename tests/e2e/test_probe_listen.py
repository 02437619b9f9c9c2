"""pganchor probe --listen: what a scraper on this machine is answered, and whom it keeps out."""

import re
import signal
import socket
import threading
import urllib.error
import urllib.request
from contextlib import ExitStack

import pytest

import services
from processes import Daemon
from test_probe_many import families, of


class Listening:
    """pganchor probe --listen that has said where."""

    def __init__(self, home, *words):
        self.daemon = Daemon([home.program.binary, "probe", "--listen", "127.0.0.1:0", *words], home / "listen.log",
                             env=home.environment(services.environment(home)), cwd=home.path)
        self.daemon.wait_for("^listening at ")
        self.port = int(re.search(r"http://127\.0\.0\.1:(\d+)/metrics", self.daemon.text())[1])

    def get(self, path, **headers):
        """(status, headers, text)."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers)
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.headers, answer.read().decode()

    def dial(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def say(self, request):
        """All that is answered to these bytes, behind which nothing more comes."""
        with self.dial() as connection:
            connection.sendall(request)
            answer = b""
            while chunk := connection.recv(65536):
                answer += chunk
        return answer


@pytest.fixture
def listen(home):
    with ExitStack() as ends:
        def start(*words):
            listening = Listening(home, *words)
            ends.callback(listening.daemon.stop)
            return listening
        yield start


@pytest.fixture
def fleet(make_fleet):
    return make_fleet(3, {1: "late"})


@pytest.fixture
def listening(home, fleet, listen):
    return listen("--file", fleet.list(home), "--max-time", "30")


def test_metrics_are_those_of_all(fleet, listening):
    status, headers, text = listening.get("/metrics")
    assert status == 200 and headers["Content-Type"].startswith("text/plain; version=0.0.4") and headers["Connection"] == "close"
    metrics = families(text)
    assert [of(metrics, "probe_success", server) for server in fleet.servers] == [1, 0, 1]


def test_probe_is_one_of_them_and_of_this_moment(fleet, listening):
    before = fleet.counts()[1]
    for server, good in zip(fleet.servers, (1, 0, 1)):
        metrics = families(listening.get(f"/probe?module=tcp&target={server.replace(':', '%3a')}")[2])
        assert list(metrics["probe_success"].values()) == [good] and of(metrics, "probe_success", server) == good
    first = fleet.counts()[1]
    listening.get(f"/probe?target={fleet.servers[0]}")
    assert fleet.counts()[1] > first > before


@pytest.mark.parametrize("target", ["127.0.0.1:1", "db.example.com", "--all", "--file=/etc/passwd", "%2d%2dmetrics=x", "host=db"])
def test_nothing_is_probed_that_was_not_asked_for_at_the_start(fleet, listening, target):
    status, _, text = listening.get(f"/probe?target={target}")
    assert status == 404 and "no such target" in text and fleet.counts() == (0, 0)


def test_services_are_those_that_are_there_now(home, make_fleet, listen):
    fleet = make_fleet(2)
    (host, port), (other, other_port) = (server.split(":") for server in fleet.servers)
    services.write(home, f"[prod]\nhost={host}\nport={port}\nsslmode=verify-full\n")
    listening = listen("--all")
    assert set(families(listening.get("/probe?target=prod")[2])["probe_success"].values()) == {1}
    assert listening.get("/probe?target=later")[0] == 404
    services.write(home, f"[later]\nhost={other}\nport={other_port}\nsslmode=verify-full\n")
    assert listening.get("/probe?target=prod")[0] == 404
    metrics = families(listening.get("/probe?target=later")[2])
    assert of(metrics, "probe_success", fleet.servers[1]) == 1
    (home / ".pg_service.conf").unlink()
    assert listening.get("/metrics")[0] == 500
    listening.daemon.wait_for("there is no service")


@pytest.mark.parametrize("request_, status", [
    (b"GET /metrics HTTP/1.1\r\n\r\n", 400),
    (b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400),
    (b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello", 400),
    (b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (b"GET /metrics HTTP/1.1\r\n Host: localhost\r\n\r\n", 400),
    (b"GET /metrics HTTP/1.1\r\nHost : localhost\r\n\r\n", 400),
    (b"GET /metrics HTTP/1.1\nHost: localhost\n\n\r\n\r\n", 400),
    (b"GET /met\0rics HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    (b"GET http://localhost/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    (b"GET  HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    (b"GET /probe?target=%zz HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    (b"GET /probe?target=%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    (b"GET /probe?target=a&target=b HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    (b"GET /probe HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    (b"GET /metrics HTTP/2.0\r\nHost: localhost\r\n\r\n", 505),
    (b"GET /metrics HTTP/1.x\r\nHost: localhost\r\n\r\n", 400),
    (b"POST /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
    (b"CONNECT localhost:22 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
    (b"GET /metrics/../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
    (b"GET /metrics HTTP/1.1\r\nHost: rebound.example.com\r\n\r\n", 403),
    (b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1.example.com\r\n\r\n", 403),
    (b"GET /metrics HTTP/1.1\r\nHost: localhost.example.com:80\r\n\r\n", 403),
    (b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nOrigin: https://example.com\r\n\r\n", 403),
    (b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\n\r\n", 403),
    (b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 9000 + b"\r\n\r\n", 431),
    (b"GET /" + b"x" * 100000, 431)])
def test_what_is_no_request_of_a_scraper_is_refused(fleet, listening, request_, status):
    answer = listening.say(request_)
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer
    head, body = answer.split(b"\r\n\r\n", 1)
    assert int(re.search(rb"Content-Length: (\d+)", head)[1]) == len(body) > 0
    assert (b"Allow: GET, HEAD" in head) == (status == 405)
    assert fleet.counts() == (0, 0)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9187", "127.0.0.1", "127.9.8.7:1", "[::1]", "[::1]:80"])
def test_this_machines_own_names_are_answered(listening, host):
    answer = listening.say(f"HEAD /probe?target=none HTTP/1.1\r\nHOST:  {host}\t\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 404 ") and answer.endswith(b"\r\n\r\n") and b"Content-Length: 1" in answer


def test_an_answer_comes_beside_those_that_never_ask(listening, fleet):
    """As many as a slow client opens: each one has its time, and the ones behind them theirs."""
    with ExitStack() as ends:
        for part in [b"", b"GET /metrics HTTP/1.1\r\nHost: lo"] * 40:
            ends.enter_context(listening.dial()).sendall(part)
        assert listening.get(f"/probe?target={fleet.servers[0]}")[0] == 200


def status_heard(connection):
    """None where it was ended before its request was looked at."""
    try:
        return connection.recv(4096)[9:12] or None
    except ConnectionResetError:
        return None


def test_who_never_asks_makes_room(listening, fleet):
    """The oldest of more than there is room for hears so, rather than that its time is up."""
    heard = set()
    while b"503" not in heard:
        with ExitStack() as ends:
            silent = []
            for _ in range(80):
                silent.append(ends.enter_context(listening.dial()))
                silent[-1].sendall(b"GET /metrics HTTP/1.1\r\nHost: lo")
            assert listening.get(f"/probe?target={fleet.servers[0]}")[0] == 200
            heard = {status_heard(connection) for connection in silent[:16]}
        assert heard <= {b"503", b"408", None}


def test_who_is_too_slow_is_told(listening):
    with listening.dial() as connection:
        connection.sendall(b"GET /metrics HTTP/1.1\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 408 ")


def test_too_many_at_once_are_told_to_come_again(home, make_fleet, listen):
    fleet = make_fleet(1, {0: "silent"})
    listening = listen("--file", fleet.list(home), "--max-time", "300")
    with ExitStack() as ends:
        for _ in range(8):
            ends.enter_context(listening.dial()).sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        # A probe has four connections.
        while fleet.counts()[1] < 4 * 8:
            pass
        status, headers, _ = listening.get("/metrics")
        assert status == 503 and headers["Retry-After"] == "1"


def test_the_scrapers_time_is_kept(home, make_fleet, listen):
    """A probe that would take longer ends before the scraper goes: with what it knows, where the machine has the time for that."""
    fleet = make_fleet(1, {0: "silent"})
    listening = listen("--file", fleet.list(home), "--max-time", "3000")
    for time in ("3", "6", "12", "24", "48"):
        status, _, text = listening.get("/metrics", **{"X-Prometheus-Scrape-Timeout-Seconds": time})
        if status == 200:
            break
        assert status == 504
    assert status == 200 and of(families(text), "probe_success", fleet.servers[0]) == 0


@pytest.mark.parametrize("time", ["0.0001", "0.002"])
def test_a_scraper_without_time_is_answered_nevertheless(listening, time):
    assert listening.get("/metrics", **{"X-Prometheus-Scrape-Timeout-Seconds": time})[0] in (200, 504)


def test_many_at_once_are_each_answered(listening, fleet):
    answers = []

    def ask():
        answers.append(listening.get("/metrics"))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [status for status, _, _ in answers] == [200] * 6
    assert all(of(families(text), "probe_success", fleet.servers[0]) == 1 for _, _, text in answers)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(listening, how):
    with listening.dial() as connection:
        connection.sendall(b"GET /metrics HTT")
        listening.daemon.stop(how)
        assert listening.daemon.process.returncode == 0
    with pytest.raises(ConnectionRefusedError):
        listening.dial()


@pytest.mark.parametrize("address", ["0.0.0.0:9187", "192.0.2.1:9187", "[::]:9187", "db.example.com:9187", ":9187", "127.0.0.1",
                                     "127.0.0.1:99999", "127.0.0.1:", "*:9187"])
def test_it_listens_at_the_loopback_alone(home, fleet, address):
    done = home.pganchor("probe", "--file", fleet.list(home), "--listen", address)
    assert done.returncode == 1 and address in done.stderr and "127.0.0.1:PORT" in done.stderr and done.stdout == ""


def test_an_address_that_is_taken_is_an_error(home, fleet, listening):
    done = home.pganchor("probe", "--file", fleet.list(home), "--listen", f"127.0.0.1:{listening.port}")
    assert done.returncode == 1 and "Address already in use" in done.stderr


def test_a_list_that_is_wrong_is_told_before_it_listens(home, fleet):
    done = home.pganchor("probe", "--file", fleet.list(home, ["db:0"]), "--listen", "127.0.0.1:0")
    assert done.returncode == 1 and "line 1" in done.stderr and done.stdout == ""
