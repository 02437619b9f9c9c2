"""cert issue --acme, and renewals, with a client that hangs, dies, leaks or brings something else: the pair stays as it was."""

import json
import os
import time
from pathlib import Path

import pytest

from acme import client  # noqa: F401
from certs import Pair, owned_by
from hostile import reply
from own_certificates import CERTS_CONF, status

SECRET = "hunter2-hunter2-hunter2"

# What a client brings, and what is said.
BRINGS = {
    "garbage": ("head -c 3000 /dev/urandom >db.crt", "lego has brought is no certificate"),
    "nothing in it": (": >db.crt", "lego has brought is no certificate"),
    "no file": (":", "put 0 certificates there"),
    "two files": ("sign >db.crt\nsign >other.crt", "put 2 certificates there"),
    "another's": ('openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout other.key '
                  '-subj /CN=db.example.test -addext subjectAltName=DNS:db.example.test -out db.crt 2>/dev/null', "for another key"),
    "the CA alone": ('cp "$HOME/acme/ca.crt" db.crt', "the CA has "),
    "a part of one": ("sign | head -c 300 >db.crt", "damaged PEM"),
    "other names": ('printf subjectAltName=DNS:other.example.test >names\nsign -copy_extensions none -extfile names >db.crt', "has signed other names"),
    "one that has ended": ("sign -days -1 >db.crt", "has ended already"),
    "a pipe": ("mkfifo db.crt", "not a regular file"),
    "too much of it": ("truncate -s 17M db.crt", "larger than 16 MiB"),
    "a link that leads nowhere": ("ln -s /nowhere db.crt", "could not open"),
}


def paths(home):
    return home / "server.crt", home / "server.key"


def bytes_of(home):
    return [path.read_bytes() for path in paths(home)]


def test_what_it_brings_is_taken(home, client):  # noqa: F811
    done = client.issue()
    assert done.returncode == 0, done.stderr
    pair = Pair(*paths(home))
    assert pair.matches() and pair.names() == ["db.example.test"] and len(pair.chain()) == 2
    first = bytes_of(home)
    done = client.renew("--json")
    assert done.returncode == 0 and pair.matches() and bytes_of(home)[0] != first[0] and bytes_of(home)[1] == first[1], done.stderr
    code, known = status(home)
    assert code == 0 and known["db"]["way"] == "acme" and known["db"]["state"] == "not-due" and known["db"]["failures"] == 0
    done = client.renew("--rekey")
    assert done.returncode == 0 and pair.matches() and bytes_of(home)[1] != first[1], done.stderr


@pytest.mark.parametrize("what", BRINGS)
def test_what_is_none_is_not_taken(home, client, what):  # noqa: F811
    """Neither at first nor in the place of one that is good."""
    script, says = BRINGS[what]
    client.does(script)
    done = client.issue()
    assert done.returncode == 1 and says in done.stderr, done.stderr
    assert not any(path.exists() for path in (*paths(home), home / CERTS_CONF))
    client.does("sign >db.crt")
    assert client.issue().returncode == 0
    before = bytes_of(home)
    client.does(script)
    done = client.renew()
    assert done.returncode == 1 and says in done.stderr and "the old one is as before" in done.stderr, done.stderr
    assert bytes_of(home) == before
    # What was left there is nothing that a next run would take.
    client.does("sign >db.crt")
    done = client.renew()
    assert done.returncode == 0 and Pair(*paths(home)).matches(), done.stderr


@pytest.mark.parametrize("script, says", [
    ("kill -9 $$", "ended by signal 9"), ("exit 1", "does not say why"), ("printf '2026/11/28 10:00:00 \\033[31mred\\n' >&2; exit 1", "\\x1B[31mred"),
])
def test_one_that_fails(home, client, script, says):  # noqa: F811
    assert client.issue().returncode == 0
    before = bytes_of(home)
    client.does("sign >db.crt\n" + script)
    done = client.renew()
    assert done.returncode == 1 and says in done.stderr and "\x1b" not in done.stderr, done.stderr
    assert bytes_of(home) == before
    code, known = status(home)
    assert code == 0 and known["db"]["failures"] == 1 and known["db"]["state"] == "not-due" and says in known["db"]["why"]
    told = client.cert("status", "--metrics", "-").stdout
    assert 'pganchor_certificate_renewal_failures{name="db",use="server"} 1' in told, told


def ended(pid):
    """Whether it runs no more; whoever it belongs to may not have noticed."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except FileNotFoundError:
        return True


def wait_until(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_one_that_hangs(home, client):  # noqa: F811
    """Its time is ours; and what it has started ends with it."""
    assert client.issue().returncode == 0
    before = bytes_of(home)
    client.does('sign >db.crt\nsleep 100000 &\necho $! >"$HOME/child"\nwait')
    done = client.renew("--max-time", "5")
    assert done.returncode == 1 and "not done within 5 seconds, and was ended" in done.stderr, done.stderr
    assert bytes_of(home) == before
    wait_until(lambda: ended((home / "child").read_text().strip()))


def test_one_that_ends_and_leaves_somebody_behind(home, client):  # noqa: F811
    client.does('sleep 100000 &\necho $! >"$HOME/child"')
    done = client.issue("--max-time", "5")
    assert done.returncode == 1 and "not done within 5 seconds" in done.stderr, done.stderr
    wait_until(lambda: ended((home / "child").read_text().strip()))


@pytest.mark.parametrize("how", ["TERM", "INT", "HUP", "QUIT"])
def test_whoever_ends_us_ends_it(home, client, how):  # noqa: F811
    assert client.issue().returncode == 0
    before = bytes_of(home)
    # Its parent is pganchor: dash stays there, since something stands behind it.
    client.does(f'sleep 100000 &\necho $! >"$HOME/child"\nkill -{how} $PPID\nwait\n:')
    # Whoever has started the tests may have one of them ignored.
    done = home.run(["env", "--default-signal=INT,HUP,QUIT,TERM", "pganchor", "cert", "renew", "db", "--force"], env=client.env)
    assert done.returncode == -{"TERM": 15, "INT": 2, "HUP": 1, "QUIT": 3}[how], done.stderr
    assert bytes_of(home) == before
    wait_until(lambda: ended((home / "child").read_text().strip()))
    client.does("sign >db.crt")
    assert client.renew().returncode == 0 and Pair(*paths(home)).matches()


def settings(home, text=f'# of the provider\n\nTOKEN={SECRET}\nSHORT="a b"\n', mode=0o600):
    path = home / "settings"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_what_a_provider_wants(home, client):  # noqa: F811
    """The client gets it, now and at each renewal; and it stands nowhere else."""
    settings(home)
    client.does('echo "$TOKEN|$SHORT" >"$HOME/got"\nsign >db.crt')
    done = client.issue("--dns-settings", "settings", challenge=("--dns-01", "nobody"))
    assert done.returncode == 0 and "warning" not in done.stderr, done.stderr
    assert (home / "got").read_text() == f"{SECRET}|a b\n"
    (home / "got").unlink()
    assert client.renew().returncode == 0 and (home / "got").read_text() == f"{SECRET}|a b\n"
    (home / "got").unlink()
    client.does('echo "the provider does not like $TOKEN at all" >&2; exit 1')
    done = client.renew()
    assert done.returncode == 1 and "does not like ... at all" in done.stderr and SECRET not in done.stdout + done.stderr
    assert [path.name for path in home.path.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()] == ["settings"]
    assert str(home / "settings") in (home / CERTS_CONF).read_text()


def test_a_secret_where_a_message_is_cut(home, client):  # noqa: F811
    settings(home)
    client.does("""printf '%0390d%s is wrong\\n' 0 "$TOKEN" >&2; exit 1""")
    done = client.issue("--dns-settings", "settings", challenge=("--dns-01", "nobody"))
    assert done.returncode == 1 and "000..." in done.stderr and SECRET[:4] not in done.stderr, done.stderr


def test_without_a_file_of_them_it_is_said(home, client):  # noqa: F811
    done = client.issue(challenge=("--dns-01", "nobody"), env={"TOKEN": SECRET})
    assert done.returncode == 0 and "a timer has none" in done.stderr and "--dns-settings FILE" in done.stderr
    assert SECRET not in (home / CERTS_CONF).read_text()


@pytest.mark.parametrize("text, mode, says", [
    (f"TOKEN={SECRET}\n", 0o640, "others may read"), (f"TOKEN={SECRET}\n{SECRET}\n", 0o600, "line 2: not NAME=VALUE"),
    (f"export TOKEN={SECRET}\n", 0o600, "line 1: not NAME=VALUE"), (f"1TOKEN={SECRET}\n", 0o600, "line 1: not NAME=VALUE"),
    (f"TOKEN={SECRET}\0\n", 0o600, "NUL"), (f"TOKEN={SECRET}\n" * 33, 0o600, "more than 32"),
])
def test_a_file_that_is_none(home, client, text, mode, says):  # noqa: F811
    settings(home, text, mode)
    done = client.issue("--dns-settings", "settings", challenge=("--dns-01", "nobody"))
    assert done.returncode == 1 and says in done.stderr and SECRET not in done.stderr, done.stderr
    assert not (home / "server.key").exists()


def test_the_timer_has_what_it_needs(home, client):  # noqa: F811
    """A port of root's, for the machine's; and the directory of a web server."""
    (home / "www").mkdir()
    own = home / ".config/systemd/user/pganchor-renew@db.service.d/pganchor.conf"
    assert client.issue(challenge=("--http-01", str(home / "www"))).returncode == 0
    assert client.cert("timer", "enable", "db").returncode == 0
    assert f'ReadWritePaths="-{home / "www"}"\n' in own.read_text()
    assert client.issue("--force").returncode == 0
    assert json.loads(client.cert("timer", "status", "db", "--json").stdout)["enabled"] is True
    assert client.cert("timer", "enable", "db").returncode == 0
    assert "www" not in own.read_text() and "CapabilityBoundingSet" not in own.read_text()
    unit = own.parent.parent / "pganchor-renew@db.service"
    done = home.run(["systemd-analyze", "--user", "verify", unit], env={"XDG_RUNTIME_DIR": str(home.path)})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone writes units of the machine")
@pytest.mark.parametrize("where, needs", [(":80", True), ("127.0.0.1:1023", True), (":8080", False)])
def test_the_machines_timer_may_have_port_80(home, client, pganchor, where, needs):  # noqa: F811
    directory = pganchor.prefix / "etc/systemd/system"
    had = directory.exists()
    assert client.issue(challenge=("--http-01", where)).returncode == 0
    try:
        assert client.cert("timer", "enable", "db", "--system").returncode == 0
        text = (directory / "pganchor-renew@db.service.d/pganchor.conf").read_text()
        assert ("CapabilityBoundingSet=CAP_NET_BIND_SERVICE\n" in text) == needs
        shown = home.run(["systemd-analyze", "verify", directory / "pganchor-renew@db.service"])
        assert (shown.returncode, shown.stderr) == (0, "")
    finally:
        client.cert("timer", "disable", "db", "--system")
        if not had:
            home.run(["rm", "-rf", directory.parent])


def test_a_ca_that_has_had_enough(home, https_ca, impostor_ca):
    """What it says reaches whoever asked, with the time until which it is to wait."""
    def answer(request):
        at = {name: f"https://localhost:{ca.port}/{name}" for name in ("newNonce", "newAccount", "newOrder", "revokeCert", "keyChange")}
        if request.path.endswith("newNonce"):
            return reply(headers=["Replay-Nonce: abcdefghijklmnop"])
        if request.path.endswith("newAccount"):
            problem = {"type": "urn:ietf:params:acme:error:rateLimited", "detail": "too many new accounts, retry after 2026-12-01 10:00:00 UTC"}
            return reply(json.dumps(problem), "429 Too Many Requests", ["Replay-Nonce: abcdefghijklmnoq", "Retry-After: 86400"],
                         content_type="application/problem+json")
        return reply(json.dumps(at))

    ca = https_ca(answer)
    root = impostor_ca.write_root(home / "root.pem")
    done = home.pganchor("cert", "issue", "db.example.test", "--for", "server", "--acme", f"https://localhost:{ca.port}/dir", "--http-01", ":80",
                         "--out-cert", "server.crt", "--out-key", "server.key", *owned_by("root"),
                         env={"LEGO_CA_CERTIFICATES": root})
    assert done.returncode == 1 and "/dir: acme: error" in done.stderr and "rateLimited :: too many new accounts, retry after 2026-12-01" in done.stderr, done.stderr
    assert "wait as long as it says" in done.stderr and not (home / "server.key").exists()
