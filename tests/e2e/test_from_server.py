"""bootstrap --from-server: the root that a PostgreSQL server shows, confirmed as ssh confirms a host's key. Nothing of PostgreSQL goes to
the server, and a host that is known must not have another root."""

import json
import re
import shlex
import shutil
import struct

import pytest

from bootstrapping import PROMPT
from certificates import EXPIRED, make_root
from gated import run_gated, write_anchor
from listener import Listener
from postgres import PASSWORD
from recording import SSL_REQUEST, RecordingServer
from test_out_of_memory import contents, failing_malloc, run_failing, without_wrapper  # noqa: F401

CONF = ".config/pganchor/anchors.conf"
FIRST_PACKET = struct.pack("!ii", 8, SSL_REQUEST)


@pytest.fixture(scope="module")
def root():
    return make_root("Root of a database")


@pytest.fixture(scope="module")
def other_root():
    return make_root("Root of somebody else")


def shown_by(authority, directory, *names, root=True, **words):
    """A server's files: its certificate with the chain behind it, its root too."""
    issued = authority.issue(directory, *(names or ("localhost", "127.0.0.1")), **words)
    if root:
        issued.cert.write_text(issued.cert.read_text() + authority.pem)
    return issued


@pytest.fixture
def server(make_postgres, root, tmp_path):
    return make_postgres(*shown_by(root, tmp_path))


def ask(home, server, *words, host="localhost", **kwargs):
    return home.pganchor("bootstrap", "--from-server", f"{host}:{server.port}", *words, **kwargs)


def pin(home, server, authority, *words, **kwargs):
    return ask(home, server, "--fingerprint", authority.fingerprint, *words, **kwargs)


def fails(home, done, *words, status=1):
    """With these words, a hint, and nothing else; the home is as it was."""
    assert done.returncode == status, (done.stdout, done.stderr)
    assert done.stdout == "" and done.stderr.startswith("pganchor: ")
    for word in words:
        assert word in done.stderr
    return done


@pytest.fixture
def unchanged(home):
    before = home.snapshot()
    yield
    assert home.snapshot() == before


# ---- the way through ----

def test_the_root_is_pinned_for_that_host_and_works(home, server, root):
    done = pin(home, server, root)
    assert done.returncode == 0, done.stderr
    assert f"source = localhost:{server.port}\nhosts = localhost\n" in (home / CONF).read_text()
    assert f"kind = server\nlocation = localhost:{server.port}\n" in (home / ".config/pganchor/sources.conf").read_text()
    assert (home / ".config/pganchor/anchors/localhost.crt").read_text() == root.pem
    psql = run_gated(home, ["psql", "-XAtc", "select 1", server.conninfo(sslmode="verify-full", host="localhost")])
    assert psql.stdout == "1\n", psql.stderr
    before = home.snapshot()
    again = pin(home, server, root)
    assert again.returncode == 0 and "Nothing was changed" in again.stdout and home.snapshot() == before


def test_hosts_can_be_more(home, server, root):
    assert pin(home, server, root, "--hosts", "*.example.com localhost", "--name", "company").returncode == 0
    assert "[company]" in (home / CONF).read_text() and "hosts = *.example.com localhost\n" in (home / CONF).read_text()


def test_json_and_dry_run(home, server, root, unchanged):
    done = pin(home, server, root, "--json", "--dry-run")
    report = json.loads(done.stdout)
    assert (report["source"], report["pin"], report["hosts"]) == (f"localhost:{server.port}", root.fingerprint, "localhost")


@pytest.mark.parametrize("answer", ["yes", None], ids=["yes", "the fingerprint"])
def test_it_is_shown_and_confirmed(home, server, root, answer):
    shown = home.pganchor_tty("bootstrap", "--from-server", f"localhost:{server.port}", answers=[(PROMPT, answer or root.fingerprint)])
    assert shown.returncode == 0, shown.output
    assert root.fingerprint in shown.output and "Nothing proves it but the fingerprint" in shown.output
    assert root.fingerprint in (home / CONF).read_text()


@pytest.mark.parametrize("answer", ["no", "", "ab" * 32])
def test_it_is_not_confirmed(home, server, answer, unchanged):
    shown = home.pganchor_tty("bootstrap", "--from-server", f"localhost:{server.port}", answers=[(PROMPT, answer)])
    assert shown.returncode == 1 and "nothing was pinned" in shown.output


@pytest.mark.parametrize("words", [(), ("--yes",), ("--dry-run",), ("--json",)], ids=str)
def test_never_silently(home, recording_server, root, tmp_path, words, unchanged):
    false = recording_server(b"S", issued=shown_by(root, tmp_path))
    fails(home, ask(home, false, *words), "--fingerprint is missing", status=2)
    assert false.finish() == []


def test_nothing_of_postgresql_goes_to_the_server(home, recording_server, root, tmp_path):
    false = recording_server(b"S", issued=shown_by(root, tmp_path))
    environment = {"PGUSER": "somebody", "PGPASSWORD": PASSWORD, "PGDATABASE": "secrets", "PGSSLMODE": "disable", "PGHOSTADDR": "192.0.2.1"}
    assert pin(home, false, root, env=environment).returncode == 0
    seen = false.finish()
    assert seen and all((record.plain, record.inside) == (FIRST_PACKET, b"") for record in seen)


def test_with_the_gate_on_and_another_root_pinned(home, server, root, other_root):
    write_anchor(home, "other", other_root.fingerprint)
    done = run_gated(home, [home.program.binary, "bootstrap", "--from-server", f"localhost:{server.port}",
                            "--fingerprint", root.fingerprint])
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("on", [False, True], ids=["once", "from then on"])
def test_wherever_memory_runs_out(home, recording_server, root, tmp_path, failing_malloc, on):  # noqa: F811
    """All of it is pinned, or nothing; what is told after a pin may fail, and is no reason to take it back."""
    def files():
        found = {name: content for name, content in contents(home).items() if content is not None and "manifest" not in name}
        return {name: re.sub(rb"(?m)^(pinned|checked|changed) = .*$", rb"\1", content) for name, content in found.items()}

    program, gate = without_wrapper(home)
    false = recording_server(b"S", issued=shown_by(root, tmp_path))
    argv = [program, "bootstrap", "--from-server", f"localhost:{false.port}", "--fingerprint", root.fingerprint]
    good, count = run_failing(home, failing_malloc, argv, 0, preload=gate)
    assert good.returncode == 0 and count > 100
    new = files()
    for number in range(1, count + 1, 13 if on else 5):
        for name in (".config", ".postgresql", ".local"):
            shutil.rmtree(home / name, ignore_errors=True)
        done, _ = run_failing(home, failing_malloc, argv, number, on, preload=gate)
        assert done.returncode in (0, 1, 2), (number, done.stderr)
        assert files() == new if done.returncode == 0 else files() in ({}, new), (number, done.stderr)


# ---- a word without an option ----

@pytest.mark.parametrize("command", [["bootstrap"], ["anchor", "add"]], ids=" ".join)
def test_a_host_and_its_port_may_be_a_server(home, server, root, command):
    done = home.pganchor(*command, f"localhost:{server.port}", "--fingerprint", root.fingerprint)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"https://localhost:{server.port}: taken for the address of a step-ca.\n"
                                  f"localhost:{server.port}: not that; taken for a PostgreSQL server.\n")
    assert "kind = server\n" in (home / ".config/pganchor/sources.conf").read_text()


def test_or_a_step_ca(home, stepca):
    done = home.pganchor("bootstrap", f"localhost:{stepca.port}", "--fingerprint", stepca.fingerprint)
    assert done.returncode == 0 and "kind = step-ca\n" in (home / ".config/pganchor/sources.conf").read_text()


def test_or_neither(home, https_ca, unchanged):
    done = home.pganchor("bootstrap", f"localhost:{https_ca({}).port}", "--fingerprint", "ab" * 32)
    assert done.returncode == 1 and "not found (HTTP 404)" in done.stderr and "not that; taken for a PostgreSQL server" in done.stdout


# ---- what the server has to show ----

def test_a_chain_without_its_root(home, postgres, stepca, unchanged):
    fails(home, pin(home, postgres, stepca), "the server does not send its root", "anchor add FILE --host localhost:")


def test_what_is_said_then_works(home, postgres, stepca):
    said = pin(home, postgres, stepca).stderr
    printed = re.search(r"pganchor anchor add FILE --host \S+:\d+", re.sub(r"\s+", " ", said))[0]
    words = shlex.split(printed.replace("FILE", str(stepca.root)))
    assert home.run([*words, "--fingerprint", stepca.fingerprint]).returncode == 0


def test_an_intermediate_stands_between(home, make_postgres, root, tmp_path):
    below = root.intermediate()
    server = make_postgres(*shown_by(below, tmp_path))
    assert pin(home, server, root).returncode == 0
    assert (home / ".config/pganchor/anchors/localhost.crt").read_text() == root.pem


def test_roots_of_others_in_the_chain_do_not_count(home, recording_server, root, other_root, tmp_path):
    issued = shown_by(root, tmp_path)
    issued.cert.write_text(issued.cert.read_text() + other_root.pem)
    false = recording_server(b"S", issued=issued)
    done = pin(home, false, other_root)
    assert done.returncode == 1 and "wrong root" in done.stderr
    assert pin(home, false, root).returncode == 0


def test_the_root_alone(home, recording_server, root, tmp_path, unchanged):
    """Anybody can show somebody else's root; who cannot show a certificate of it is not believed."""
    issued = make_root("A name of one's own").issue(tmp_path, "localhost")
    issued.cert.write_text(issued.cert.read_text() + root.pem)
    fails(home, pin(home, recording_server(b"S", issued=issued), root), "the server does not send its root")


def test_a_root_that_is_none(home, recording_server, tmp_path, unchanged):
    expired = make_root(days=EXPIRED)
    fails(home, pin(home, recording_server(b"S", issued=shown_by(expired, tmp_path)), expired), "expired")


def test_another_name_than_its_certificate_has(home, recording_server, root, tmp_path, unchanged):
    false = recording_server(b"S", issued=shown_by(root, tmp_path, "db.example.com", "*.example.org"))
    done = fails(home, pin(home, false, root), "libpq does not take this server with this root", "its certificate is for DNS:db.example.com",
                 "Nothing was pinned")
    assert "does not match host name" in done.stderr


# ---- known hosts ----

@pytest.fixture
def changed(home, server, root, other_root, make_postgres, tmp_path):
    """A home that knows the host, whose server has a root of somebody else by now; the server listens at the same port."""
    assert pin(home, server, root).returncode == 0
    issued = shown_by(other_root, tmp_path)
    false = RecordingServer(b"S", issued)
    conf = home / CONF
    conf.write_text(conf.read_text().replace(f":{server.port}", f":{false.port}"))
    sources = home / ".config/pganchor/sources.conf"
    sources.write_text(sources.read_text().replace(f":{server.port}", f":{false.port}"))
    yield false
    false.stop()


CHANGED = "the root of this server has changed: anchor localhost is pinned for it, with the root SHA-256 "


@pytest.mark.parametrize("words", [(), ("--yes",), ("--replace",), ("--name", "new"), ("--replace", "--name", "localhost")], ids=str)
def test_a_known_host_with_another_root_is_refused(home, changed, words):
    before = home.snapshot()
    tty = home.run_tty([home.program.binary, "bootstrap", "--from-server", f"localhost:{changed.port}", *words], answers=[])
    if "--yes" in words:
        assert tty.returncode == 2
    else:
        assert tty.returncode == 1 and CHANGED in re.sub(r"\s+", " ", tty.output) and "this may be an attack" in tty.output
    assert ask(home, changed, *words).returncode == 2
    assert home.snapshot() == before


def test_its_new_fingerprint_proves_it(home, changed, root, other_root):
    before = home.snapshot()
    taken = pin(home, changed, other_root)
    assert taken.returncode == 1 and "the name is taken by another root" in taken.stderr and CHANGED + root.fingerprint in taken.stderr
    assert home.snapshot() == before
    beside = pin(home, changed, other_root, "--name", "new", "--dry-run")
    assert beside.returncode == 0 and CHANGED in beside.stderr
    done = pin(home, changed, other_root, "--replace")
    assert done.returncode == 0 and CHANGED in done.stderr
    assert root.fingerprint not in (home / CONF).read_text()


@pytest.mark.parametrize("hosts, known", [("db.example.com localhost", True), ("*", False), ("*.example.com", False)])
def test_an_anchor_from_elsewhere_that_names_the_host(home, server, other_root, hosts, known):
    write_anchor(home, "company", other_root.fingerprint, hosts=hosts)
    answers = [] if known else [(PROMPT, "yes")]
    shown = home.pganchor_tty("bootstrap", "--from-server", f"localhost:{server.port}", answers=answers)
    assert shown.returncode == (1 if known else 0), shown.output
    assert ("anchor company is pinned for it" in shown.output) == known


def write_known(home, port, key, issuer):
    directory = home / ".config/pganchor"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "known_servers.conf").write_text(
        f'seen host="localhost" port="{port}" key="{key}" issuer="{issuer}" time="1700000000" program="psql"\n')


def test_a_host_whose_key_is_known(home, server, root):
    write_known(home, server.port, "ab" * 32, "cd" * 32)
    shown = home.pganchor_tty("bootstrap", "--from-server", f"localhost:{server.port}", answers=[])
    assert shown.returncode == 1 and "it has shown another key before" in re.sub(r"\s+", " ", shown.output)
    write_known(home, server.port + 1, "ab" * 32, "cd" * 32)
    assert home.pganchor_tty("bootstrap", "--from-server", f"localhost:{server.port}", answers=[(PROMPT, "yes")]).returncode == 0


def test_a_root_that_is_pinned_for_other_hosts(home, server, root, tmp_path):
    write_anchor(home, "company", root.fingerprint, hosts="db.example.com *.example.org")
    done = pin(home, server, root)
    assert done.returncode == 0 and "anchor company has this root and is for other hosts alone" in done.stderr
    printed = re.search(r'"(pganchor anchor set-hosts .*?)" adds it', re.sub(r"\s+", " ", done.stderr))[1]
    assert home.run([*shlex.split(printed), "--yes"]).returncode == 0
    assert "db.example.com" in (home / CONF).read_text() and run_gated(
        home, ["psql", "-XAtc", "select 1", server.conninfo(sslmode="verify-full", host="localhost", sslrootcert=root.write_root(tmp_path / "root.crt"))]).stdout == "1\n"


# ---- servers that are none, or worse ----

WORDS = b"E" + struct.pack("!i", 40) + b"SFATAL\0\x1b]0;owned\x07MYour password?\0\0"
ANSWERS = {
    "no TLS": (b"N", "the server does not use TLS"),
    "an error": (WORDS, "the server answered with an error where it was asked for TLS"),
    "injected": (b"S" + WORDS, "bytes came behind the server's answer, before TLS"),
    "something else": (b"HTTP/1.1 400 Bad Request\r\n\r\n", "no PostgreSQL server"),
    "no handshake": (b"S", "closed the connection"),
}


class Closing(Listener):
    """Says this, and hangs up; direct TLS finds nobody either."""

    def __init__(self, answer):
        self.answer = answer
        super().__init__()

    def serve(self, sock, number):
        sock.recv(8)
        sock.sendall(self.answer)


@pytest.mark.parametrize("kind", [*ANSWERS, "nothing"])
def test_what_answers_is_no_server(home, kind, unchanged):
    answer, words = ANSWERS.get(kind, (b"", "closed the connection"))
    false = Closing(answer)
    done = fails(home, ask(home, false, "--fingerprint", "ab" * 32), words)
    assert "\x1b" not in done.stderr and "owned" not in done.stderr and "Your password" not in done.stderr
    false.stop()


@pytest.mark.parametrize("answer", [b"", b"S"], ids=["before it answers", "in the handshake"])
def test_a_server_that_never_goes_on(home, recording_server, answer, unchanged):
    false = recording_server(answer)
    fails(home, ask(home, false, "--fingerprint", "ab" * 32, "--max-time", "0.3"), "no answer in the time that it has")


class Dripping(Listener):
    """Begins a handshake record, and gives a byte at a time."""

    def serve(self, sock, number):
        sock.recv(8)
        sock.sendall(b"S")
        sock.recv(4096)
        sock.sendall(b"\x16\x03\x03\x3f\xff")
        while not self.stopping.wait(0.02):
            sock.sendall(b"\x02")


def test_a_server_that_drips(home, unchanged):
    false = Dripping()
    fails(home, ask(home, false, "--fingerprint", "ab" * 32, "--max-time", "0.5"), f"localhost:{false.port}: no answer in the time")
    false.stop()


class Endless(Listener):
    """Sends handshake records, as many as are taken."""

    def serve(self, sock, number):
        sock.recv(8)
        sock.sendall(b"S")
        sock.recv(4096)
        record = b"\x16\x03\x03\x40\x00" + b"\x0b\xff\xff\xff" + b"A" * (0x4000 - 4)
        for _ in range(100000):
            sock.sendall(record)


def test_a_server_that_never_ends(home, unchanged):
    false = Endless()
    fails(home, ask(home, false, "--fingerprint", "ab" * 32), "no TLS")
    false.stop()


def test_nobody_listens(home, unchanged):
    false = Closing(b"")
    false.stop()
    fails(home, ask(home, false, "--fingerprint", "ab" * 32), "could not connect to localhost:")


@pytest.mark.parametrize("word", ["", "localhost:0", "localhost:65536", "localhost:x", "[::1", "/tmp", "*.example.com", "a b", "postgresql://localhost/"])
def test_what_is_no_server(home, word, unchanged):
    fails(home, home.pganchor("bootstrap", "--from-server", word, "--fingerprint", "ab" * 32), "not a server", status=2)


class DirectAlone(RecordingServer):
    """Takes TLS at once, and no SSLRequest."""

    def serve(self, sock, number):
        if sock.recv(1, 2) == b"\x16":  # MSG_PEEK
            super().serve(sock, number)


def test_direct_tls_alone(home, root, tmp_path, unchanged):
    """Its chain is seen; this libpq cannot connect to it, and so nothing is pinned."""
    false = DirectAlone(b"S", shown_by(root, tmp_path))
    fails(home, pin(home, false, root), "the server takes TLS at once alone")
    seen = false.finish()
    assert [(record.requests, record.inside) for record in seen] == [(["direct-tls"], b"")]


def test_tls_that_is_not_of_postgresql(home, https_ca, unchanged):
    fails(home, ask(home, https_ca({}), "--fingerprint", "ab" * 32), "the server closed the connection where it was asked for TLS")
