"""What pganchor server enable-tls says of the clients of its machine: who calls the server by which name, and whether they will verify the
chain that it is going to show."""

import json

import pytest

from certificates import make_root
from local_cas import data
from postgres import SUPERUSER
from services import environment, pin_files, policy, trust, write
from test_server_enable_tls import place, words_of

HOST = "127.0.0.1"


def plan(home, server, *words):
    """{kind: [text, ...]} of a dry run."""
    done = home.pganchor("server", "enable-tls", "--data-dir", data(server), "--user", SUPERUSER, "--dry-run", "--json", *words,
                         env=environment(home))
    assert done.returncode == 0, done.stderr
    lines = {}
    for line in json.loads(done.stdout)["plan"]:
        lines.setdefault(line["kind"], []).append(line["text"] + (f" | {line['detail']}" if line["detail"] else ""))
    return lines


def entries(home, server, **hosts):
    write(home, "".join(f"[{name}]\nhost={host}\nport={server.port}\nsslmode=verify-full\n{rest}" for name, (host, rest) in hosts.items()))


def about(lines, word):
    (line,) = [line for line in lines if word in line]
    return line


@pytest.fixture(scope="module")
def authority():
    return make_root("Their CA")


@pytest.fixture(scope="module")
def server(clusters):
    server = clusters.start()
    yield server
    server.stop()


@pytest.fixture
def pair(server, authority, tmp_path):
    return place(server, authority.issue(tmp_path, "localhost", "db.example.test"))


def test_each_entry_that_leads_there_is_held_against_it(home, server, authority, pair):
    pin_files(home, ("theirs", authority, "localhost *.example.test", "root.crt"))
    write(home, f"""\
[named]
host=localhost
port={server.port}
sslmode=verify-full
[also]
host=localhost
port={server.port}
sslmode=verify-full
user=somebody
[numbered]
host={HOST}
port={server.port}
sslmode=verify-full
[led]
host=db.example.test
hostaddr={HOST}
port={server.port}
sslmode=verify-full
[weak]
host=elsewhere.example.test
hostaddr={HOST}
port={server.port}
sslmode=prefer
[other]
host=localhost
port={server.port + 1}
sslmode=verify-full
[far]
host=192.0.2.1
port={server.port}
sslmode=verify-full
""")
    lines = plan(home, server, *words_of(pair))
    assert "service named, also (localhost) verifies it by the anchor theirs" in about(lines["checked"], "service named")
    assert "service led (db.example.test) verifies it by" in about(lines["checked"], "service led")
    refused = about(lines["warning"], "service numbered")
    assert refused.startswith(f"service numbered ({HOST}) would not connect: the certificate is for localhost, db.example.test; ")
    assert refused.endswith(f" | have the certificate issued for {HOST}")
    assert "does not verify it, and could not: the certificate is for " in about(lines["warning"], "service weak")
    assert not [line for kind in lines.values() for line in kind if "other" in line or "far" in line]


def test_a_chain_that_nobody_here_trusts(home, server, authority, pair):
    pin_files(home, ("another", make_root("Another CA"), "*", "root.crt"))
    entries(home, server, prod=("localhost", ""))
    refused = about(plan(home, server, *words_of(pair))["warning"], "service prod")
    assert "would not connect: issued by a root that is not trusted here" in refused and "pganchor bootstrap" in refused
    pin_files(home, ("theirs", authority, "db.example.test", "root.crt"))
    refused = about(plan(home, server, *words_of(pair))["warning"], "service prod")
    assert "the chain ends in the anchor theirs, which is valid for db.example.test, and not for localhost" in refused


def test_an_intermediate_that_is_left_out(home, server, authority, tmp_path):
    """Unless the server has it in ssl_ca_file: OpenSSL then sends it along."""
    trust(home, authority)
    entries(home, server, prod=("localhost", ""))
    issuing = authority.intermediate("Issuing Intermediate CA")
    pair = place(server, issuing.issue(tmp_path, "localhost", chain=False), "short")
    assert "the intermediate is missing" in about(plan(home, server, *words_of(pair))["warning"], "service prod")
    whole = place(server, issuing.issue(tmp_path, "localhost"), "whole")
    assert about(plan(home, server, *words_of(whole))["checked"], "service prod") == "service prod (localhost) verifies it"


def test_without_an_entry_the_names_are_its_own(home, server, authority, pair):
    lines = plan(home, server, *words_of(pair))
    assert "whoever calls it localhost from here could not verify it: there is nothing to verify it with" in about(lines["warning"], "whoever")
    pin_files(home, ("theirs", authority, "*", "scoped"))
    lines = plan(home, server, *words_of(pair), "--host", "db.example.test")
    assert "whoever calls it db.example.test from here verifies it by the anchor theirs" in about(lines["checked"], "whoever")


def test_what_cannot_be_looked_at_stops_nothing(home, server, pair):
    policy(home, "mode = nonsense\n")
    assert "was not looked at" in about(plan(home, server, *words_of(pair))["warning"], "clients of this machine")
