"""bootstrap --team-url: an https address says which CA is the team's and what its root's fingerprint is; whoever verifies the address is
believed, and nobody else."""

import json
import os

import pytest

from certificates import make_root
from hostile import HANG, Cut, Drip, endless, huge, redirect, reply

CONF = ".config/pganchor/anchors.conf"
STORE = "/etc/ssl/certs/ca-certificates.crt"
# A command that sees another file in the place of the system's CAs.
WITH_STORE = f'mount --bind "$1" {STORE} && shift && exec "$@"'
GOOD = "ab" * 32


@pytest.fixture(scope="module")
def company():
    """The CA of the web server."""
    return make_root("Company's web CA")


@pytest.fixture
def with_system(home, company, tmp_path):
    """Runs pganchor where the system's CAs are that one."""
    file = company.write_root(tmp_path / "store.crt")
    unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    return lambda *words, **kwargs: home.run([*unshare, "sh", "-c", WITH_STORE, "sh", str(file), home.program.binary, "bootstrap", *words],
                                             **kwargs)


@pytest.fixture
def team(https_ca, company):
    """team(answer, path) -> its server; whatever else is asked for is not there."""
    return lambda answer, path="/team.json": https_ca({path: answer}, authority=company)


def says(ca, **words):
    return reply(json.dumps({"url": ca.url, "fingerprint": ca.fingerprint, **words}))


def is_pinned(home, done, ca):
    assert done.returncode == 0, done.stderr
    assert f"pin = {ca.fingerprint}\n" in (home / CONF).read_text() and f"source = {ca.url}\n" in (home / CONF).read_text()


def fails(home, done, *words, status=1):
    assert (done.returncode, done.stdout) == (status, ""), (done.stdout, done.stderr)
    for word in words:
        assert word in done.stderr, done.stderr
    assert not (home / ".config").exists()


# ---- whose word counts ----

def test_verified_by_the_system(home, team, with_system, stepca):
    server = team(says(stepca, **{"redirect-url": "https://example.com"}))
    done = with_system("--team-url", server.url + "/team.json")
    is_pinned(home, done, stepca)
    assert done.stdout.startswith(f"the address {server.url}/team.json, verified by the system's CAs, says: CA {stepca.url}, "
                                  f"fingerprint {stepca.fingerprint}.\n")
    sources = (home / ".config/pganchor/sources.conf").read_text()
    assert f"kind = team\nlocation = {server.url}/team.json\n" in sources


def test_nobody_verifies_it(home, team, stepca):
    server = team(says(stepca))
    fails(home, home.pganchor("bootstrap", "--team-url", server.url + "/team.json"), "the server is not verified", "--ca-file FILE")
    assert server.requests == [], "it was asked before it was verified"


def test_its_certificate_is_for_another_name(home, https_ca, company, with_system, stepca):
    server = https_ca({"/": says(stepca)}, authority=company, names=("team.example.com",))
    fails(home, with_system("--team-url", server.url + "/"), "the server is not verified")


def test_the_root_comes_from_the_ca_alone(home, team, with_system, stepca, other_stepca):
    """The address is believed for the fingerprint; a CA that has no such root is not."""
    server = team(says(stepca, fingerprint=other_stepca.fingerprint))
    done = with_system("--team-url", server.url + "/team.json")
    assert done.returncode == 1 and "no root with this fingerprint there" in done.stderr and not (home / ".config").exists()


def test_a_fingerprint_that_is_given_has_to_be_the_same(home, team, with_system, stepca, other_stepca):
    url = team(says(stepca)).url + "/team.json"
    fails(home, with_system("--team-url", url, "--fingerprint", other_stepca.fingerprint), "--fingerprint is another one")
    is_pinned(home, with_system("--team-url", url, "--fingerprint", stepca.fingerprint, "--yes"), stepca)


def test_json(home, team, with_system, stepca):
    done = with_system("--team-url", team(says(stepca)).url + "/team.json", "--json", "--dry-run")
    assert json.loads(done.stdout)["pin"] == stepca.fingerprint and "verified by the system's CAs, says" in done.stderr


# ---- step's form of it ----

def test_the_team_stands_for_the_mark(home, team, with_system, stepca):
    server = team(says(stepca), "/teams/support-2/ca")
    is_pinned(home, with_system("--team", "support-2", "--team-url", server.url + "/teams/<>/ca"), stepca)


@pytest.mark.parametrize("words, why", [
    (["--team", "x"], "--team goes with --team-url"), (["--team", "x", "--team-url", "https://localhost/"], "no <> in --team-url"),
    (["--team-url", "https://localhost/<>"], "--team is missing"), (["--team", "../x", "--team-url", "https://localhost/<>"], "the name of a team"),
    (["--team", "", "--team-url", "https://localhost/<>"], "the name of a team"),
    (["--team", "x?y", "--team-url", "https://localhost/<>"], "the name of a team")], ids=str)
def test_a_team_and_its_mark(home, words, why):
    fails(home, home.pganchor("bootstrap", *words), why, status=2)


# ---- addresses ----

@pytest.mark.parametrize("url", ["http://localhost/", "localhost/", "ftp://localhost/", "", "https://", "https://me:secret@localhost/", "https://a b/",
                                 "https://localhost/#x", "file:///etc/passwd"])
def test_an_address_that_is_none(home, url):
    done = home.pganchor("bootstrap", "--team-url", url)
    fails(home, done, "--team-url", status=2)
    assert "secret" not in done.stderr


# ---- teams that are none ----

ANSWERS = {
    "empty": (reply(""), "not a JSON object (line 1)"),
    "a list": (reply("[1]"), "not a JSON object"),
    "a page": (reply("<html>\n<body>\x1b[2J"), "not a JSON object (line 1)"),
    "nothing in it": (reply("{}"), 'no "url"'),
    "no fingerprint": (reply('{"url": "https://localhost"}'), 'no "fingerprint"'),
    "numbers": (reply('{"url": 1, "fingerprint": 2}'), 'no "url"'),
    "nested": (reply('{"url": {"url": "https://localhost"}, "fingerprint": {}}'), 'no "url"'),
    "deep": (reply("[" * 60000), "not a JSON object"),
    "twice": (reply('{"url": "https://localhost", "url": "https://localhost", "fingerprint": "%s"}' % GOOD), "not a JSON object"),
    "short": (reply('{"url": "https://localhost", "fingerprint": "abcd"}'), "no SHA-256 of a certificate"),
    "SHA-1": (reply('{"url": "https://localhost", "fingerprint": "%s"}' % GOOD[:40]), "no SHA-256"),
    "long": (reply('{"url": "https://localhost", "fingerprint": "%s"}' % (GOOD * 2)), "no SHA-256"),
    "words": (reply('{"url": "https://localhost", "fingerprint": "\\u001b[2Jhello"}'), "no SHA-256"),
    "http": (reply('{"url": "http://localhost", "fingerprint": "%s"}' % GOOD), "its address of a CA: only https is possible"),
    "password": (reply('{"url": "https://me:secret@localhost", "fingerprint": "%s"}' % GOOD), "a user or a password has no place"),
    "escape": (reply('{"url": "https://x\\u001b[2J", "fingerprint": "%s"}' % GOOD), "control characters"),
    "NUL": (reply('{"url": "https://localhost\\u0000.example.com", "fingerprint": "%s"}' % GOOD), "not a JSON object"),
    "a NUL byte": (reply(b'{"url": "https://localhost", "fingerprint": "%s"}\0' % GOOD.encode()), "not a JSON object"),
    "no UTF-8": (reply(b'{"url": "https://localhost\xff", "fingerprint": "%s"}' % GOOD.encode()), "not a JSON object"),
    "not found": (reply(status="404 Not Found"), "not found (HTTP 404)"),
    "a fault": (reply(status="500 Internal Server Error"), "HTTP status 500"),
    "a redirect": (redirect("https://localhost/elsewhere"), "sent on to "),
    "a redirect to http": (redirect("http://localhost/"), "sent on to "),
    "huge": (huge(), "more than 64 KiB"),
    "endless": (endless(), "more than 64 KiB"),
    "large": (reply('{"x": "' + "A" * 70000 + '"}'), "more than 64 KiB"),
    "cut": (Cut(reply('{"url": "https://loc', length=100)), "/team.json: "),
    "hangs": (HANG, "within 0.5 seconds"),
    "drips": (Drip(reply('{"url": "', length=1000)), "within 0.5 seconds"),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_a_team_that_is_none(home, team, with_system, kind):
    answer, words = ANSWERS[kind]
    server = team(answer)
    done = with_system("--team-url", server.url + "/team.json", *(["--max-time", "0.5"] if kind in ("hangs", "drips") else []))
    fails(home, done, words)
    assert "\x1b" not in done.stderr and "secret" not in done.stderr
    assert [request.path for request in server.requests] == ["/team.json"], "a redirect was followed"
