"""pganchor service add --from-bundle: of many roots, the one that signs the server is pinned for it, and the entry is bound to that."""

import json

import pytest

from certificates import make_root
from services import USER, entry, environment, write

CRT = ".config/pganchor/anchors"
CONF = ".config/pganchor/anchors.conf"
OTHERS = [make_root(f"Other root {number}") for number in range(4)]
OWN = make_root("The one that signs")


@pytest.fixture
def server(recording_server, tmp_path):
    return recording_server(b"S", issued=OWN.issue(tmp_path, "localhost", "127.0.0.1"))


@pytest.fixture
def bundle(home):
    return write(home, "".join(authority.pem for authority in [*OTHERS[:2], OWN, *OTHERS[2:]]), "bundle.pem")


def add(home, server, *args, **kwargs):
    return home.pganchor("service", "add", "prod", "--host", "localhost", "--port", str(server.port), "--from-bundle", "bundle.pem", *args,
                         env=environment(home), **kwargs)


def test_one_command(home, server, bundle):
    done = add(home, server, "--fingerprint", OWN.fingerprint)
    assert done.returncode == 0, done.stderr
    crts = list((home / CRT).iterdir())
    assert len(crts) == 1 and crts[0].read_text() == OWN.pem
    assert dict(entry(home, "prod"))["sslrootcert"] == str(crts[0])
    assert "hosts = localhost\n" in (home / CONF).read_text() and "scope = scoped\n" in (home / CONF).read_text()
    assert not (home / ".postgresql").exists()
    assert home.pganchor("uninstall", "--yes", env=environment(home)).returncode == 0
    assert set(home.snapshot()) == {"bundle.pem"}


def test_it_asks(home, server, bundle):
    words = ("service", "add", "prod", "--host", "localhost", "--port", str(server.port), "--from-bundle", "bundle.pem")
    answered = home.pganchor_tty(*words, answers=[("The one that signs(?s:.*)Type yes, or the fingerprint: $", "no")], env=environment(home))
    assert answered.returncode == 1
    assert set(home.snapshot()) == {"bundle.pem"}
    answered = home.pganchor_tty(*words, answers=[("Type yes, or the fingerprint: $", "yes")], env=environment(home))
    assert answered.returncode == 0 and (home / USER).exists(), answered.output


def test_without_a_terminal_and_a_fingerprint(home, server, bundle):
    done = add(home, server)
    assert done.returncode == 2 and "--fingerprint is missing" in done.stderr
    assert set(home.snapshot()) == {"bundle.pem"}


def test_a_dry_run_and_json(home, server, bundle):
    before = home.snapshot()
    done = add(home, server, "--fingerprint", OWN.fingerprint, "--dry-run")
    assert done.returncode == 0 and "Would pin anchor" in done.stdout and "Would write service prod" in done.stdout, done.stderr
    assert home.snapshot() == before
    done = add(home, server, "--fingerprint", OWN.fingerprint, "--dry-run", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["written"] is False, done.stderr
    assert home.snapshot() == before
    done = add(home, server, "--fingerprint", OWN.fingerprint, "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["service"] == "prod", done.stderr


@pytest.mark.parametrize("args, status, why", [
    (("sslmode=require",), 1, "weaker than the policy"), (("hostaddr=127.0.0.1",), 2, "asked by --host alone"),
    (("--anchor", "x"), 2, "one of them"), (("--fingerprint", OTHERS[0].fingerprint), 1, "")])
def test_nothing_is_pinned_for_what_is_refused(home, server, bundle, args, status, why):
    before = home.snapshot()
    fingerprint = () if "--fingerprint" in args else ("--fingerprint", OWN.fingerprint)
    done = add(home, server, *fingerprint, *args)
    assert done.returncode == status and why in done.stderr, done.stderr
    assert home.snapshot() == before


def test_a_service_that_is_there_already(home, server, bundle):
    write(home, "[prod]\nhost=other\nsslmode=verify-full\n")
    before = home.snapshot()
    done = add(home, server, "--fingerprint", OWN.fingerprint)
    assert done.returncode == 1 and "already exists" in done.stderr
    assert home.snapshot() == before
    assert add(home, server, "--fingerprint", OWN.fingerprint, "--replace").returncode == 0


def test_a_root_that_is_pinned_for_another_host(home, server, bundle):
    done = home.pganchor("anchor", "add", "./bundle.pem", "--fingerprint", OWN.fingerprint, "--name", "cloud", "--hosts", "db.example", "--scoped")
    assert done.returncode == 0, done.stderr
    before = home.snapshot()
    done = add(home, server, "--fingerprint", OWN.fingerprint)
    assert done.returncode == 1 and "pganchor anchor set-hosts cloud 'db.example localhost'" in done.stderr
    assert home.snapshot() == before
    done = home.pganchor("anchor", "set-hosts", "cloud", "db.example localhost", "--yes")
    assert done.returncode == 0, done.stderr
    assert add(home, server, "--fingerprint", OWN.fingerprint).returncode == 0
    assert dict(entry(home, "prod"))["sslrootcert"].endswith("/cloud.crt")


def test_options_that_go_with_it(home):
    done = home.pganchor("service", "add", "prod", "--host", "h", "--fingerprint", OWN.fingerprint)
    assert done.returncode == 2 and "--from-bundle" in done.stderr


def test_a_server_that_none_of_them_signs(home, recording_server, bundle, tmp_path):
    stranger = recording_server(b"S", issued=make_root("A stranger").issue(tmp_path, "localhost"))
    before = home.snapshot()
    done = add(home, stranger, "--fingerprint", OWN.fingerprint)
    assert done.returncode == 1
    assert home.snapshot() == before
