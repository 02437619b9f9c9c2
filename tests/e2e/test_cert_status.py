"""cert status, inspect, add, forget: what is known of one's own certificates, and how they stand."""

import json
import os
import re

import pytest

from certificates import openssl
from own_certificates import CERTS_CONF, CRT, DUE, EXPIRED, FRESH, KEY, at, cert, have, known, leaf, serial, status
from services import bootstrap, write


def test_there_is_none(home):
    done = cert(home, "status")
    assert done.returncode == 0 and "no certificate is known" in done.stdout and "pganchor cert add" in done.stdout
    assert status(home) == (0, {})
    done = cert(home, "status", "db")
    assert done.returncode == 1 and "db: no certificate has this name" in done.stderr


def test_one_that_is_fresh(home, stepca):
    crt, key = known(home, stepca, "app")
    code, items = status(home)
    item = items["client"]
    assert code == 0 and (item["state"], item["use"], item["fault"]) == ("not-due", "client", None)
    assert (item["certificate"], item["key"]) == (str(crt), str(key))
    assert item["serial"] == serial(crt) and item["names"] == ["DNS:app"] and item["subject"] == "CN=app"
    assert (item["way"], item["ca"]) == ("step-ca", stepca.url) and item["failures"] == 0 and item["next_try"] is None
    assert 28 * 86400 < item["seconds_left"] <= 29 * 86400
    # Behind two thirds of its life, or up to a twentieth earlier.
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", item["due"]) and item["not_before"] < item["due"] < item["not_after"]
    done = cert(home, "status")
    assert done.returncode == 0 and re.search(r"^client +client +not-due +in (28d23h|29d) +in 1\dd", done.stdout, re.M), done.stdout


@pytest.mark.parametrize("days, state, code", [(FRESH, "not-due", 0), (DUE, "due", 3), (EXPIRED, "broken", 1), ((2, 30), "broken", 1)])
def test_the_exit_status_tells(home, stepca, days, state, code):
    crt, _ = known(home, stepca, "app")
    at(stepca, crt, days)
    got, items = status(home)
    assert (got, items["client"]["state"]) == (code, state)
    quiet = cert(home, "status", "--quiet")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (code, "", "")


def take_the_key_of_another(home, stepca):
    have(home, stepca, "other", crt="other.crt", key="other.key")
    os.replace(home / "other.key", home / KEY)


def encrypt(home, stepca):
    openssl("pkey", "-in", home / KEY, "-aes256", "-passout", "pass:secret", "-out", home / "new.key")
    os.replace(home / "new.key", home / KEY)
    (home / KEY).chmod(0o600)


@pytest.mark.parametrize("spoil, said", [
    (take_the_key_of_another, "do not belong together"),
    (lambda home, ca: (home / KEY).chmod(0o604), "others may read or write the key \\(mode 0604\\), and libpq refuses it"),
    (lambda home, ca: (home / KEY).chmod(0o660), "others may read or write the key"),
    (lambda home, ca: (home / KEY).unlink(), "postgresql.key: there is no key"),
    (lambda home, ca: (home / CRT).unlink(), "postgresql.crt: there is no certificate"),
    (lambda home, ca: write(home, "", CRT), "no certificate in PEM form"),
    (lambda home, ca: write(home, "hello", KEY), "no private key in PEM form"),
    (lambda home, ca: write(home, (home / CRT).read_text().replace("MI", "XX", 1), CRT), "damaged"),
])
def test_what_is_broken_is_told(home, stepca, spoil, said):
    known(home, stepca, "app")
    spoil(home, stepca)
    code, items = status(home)
    assert code == 1 and items["client"]["state"] == "broken" and re.search(said, items["client"]["fault"])
    done = cert(home, "status")
    assert done.returncode == 1 and re.search(said, done.stdout)
    done = cert(home, "inspect", "client")
    assert done.returncode == 1 and re.search(said, done.stderr)


def test_a_key_with_a_passphrase_is_not_broken(home, stepca):
    known(home, stepca, "app")
    encrypt(home, stepca)
    assert status(home)[0] == 0
    assert "it has a passphrase" in cert(home, "inspect").stdout


def test_a_key_of_roots_may_be_read_by_its_group(home, stepca):
    if os.geteuid() != 0:
        pytest.skip("only root's key may")
    known(home, stepca, "app")
    (home / KEY).chmod(0o640)
    assert status(home)[0] == 0


def test_metrics(home, stepca):
    crt, _ = known(home, stepca, "app")
    done = cert(home, "status", "--metrics", "-")
    end = int(leaf(crt).not_valid_after.replace(tzinfo=__import__("datetime").timezone.utc).timestamp())
    assert f'pganchor_certificate_not_after_timestamp_seconds{{name="client",use="client"}} {end}\n' in done.stdout
    assert 'pganchor_certificate_broken{name="client",use="client"} 0\n' in done.stdout
    for name in re.findall(r"^(pganchor_\w+)\{", done.stdout, re.M):
        assert done.stdout.count(f"# TYPE {name} gauge\n") == 1
    (home / KEY).unlink()
    assert cert(home, "status", "--metrics", home / "m/x.prom").returncode == 1
    assert 'pganchor_certificate_broken{name="client",use="client"} 1\n' in (home / "m/x.prom").read_text()
    assert cert(home, "status", "--metrics", "-", "--json").returncode == 2


def test_inspect(home, stepca):
    crt, key = known(home, stepca, "app")
    for word in ([], ["client"], [crt]):
        done = cert(home, "inspect", *word)
        assert done.returncode == 0, done.stderr
        assert f"serial       {serial(crt)}\n" in done.stdout and "DNS:app" in done.stdout and "client and server" in done.stdout
        assert "it is this certificate's" in done.stdout and "not known" not in done.stdout
    chain, _ = have(home, stepca, "db.example.test", crt="db.crt", key="db.key")
    done = cert(home, "inspect", "db.crt")
    assert done.returncode == 0 and "not known here" in done.stdout and f"{home / 'db.key'}" in done.stdout
    assert json.loads(cert(home, "inspect", "db.crt", "--json").stdout)["name"] is None
    assert cert(home, "inspect", "nothing").returncode == 1


def test_add_says_what_will_be_and_writes_that_alone(home, stepca):
    bootstrap(home, stepca)
    have(home, stepca, "app")
    before = home.snapshot()
    done = cert(home, "add", "--dry-run")
    assert done.returncode == 0 and done.stdout.startswith("Would add client: ") and home.snapshot() == before
    assert cert(home, "add").returncode == 0
    after = home.snapshot()
    assert {name for name in after if before.get(name) != after[name]} == {CERTS_CONF, ".config/pganchor/manifest"}
    assert after[CERTS_CONF].mode == 0o600
    again = home.snapshot()
    assert "Changed client" in cert(home, "add").stdout and home.snapshot() == again


def test_add_again_changes_what_is_given(home, stepca):
    known(home, stepca, "app", words=("--reload", "postgresql.service", "--exec", "true 'a b'"))
    done = cert(home, "add", "client", "--prove", "db.example.test:6432", "--exec", "", "--json")
    item = json.loads(done.stdout)
    assert (item["change"], item["reload"], item["exec"], item["prove"]) == ("changed", "postgresql.service", None, "db.example.test:6432")
    assert "exec" not in (home / CERTS_CONF).read_text()


@pytest.mark.parametrize("words, code, said", [
    (["--exec", "systemctl reload x; reboot"], 2, '";" means something to a shell alone'),
    (["--exec", "echo 'open"], 2, "a quote does not end"),
    (["--exec", "  "], 2, "names no program"),
    (["--exec", " ".join("x" * 20)], 2, "more than 15 words"),
    (["--reload", "-f"], 2, "not a unit"),
    (["--signal", "HUP"], 2, "such as HUP:/run"),
    (["--signal", "KILL:/run/x.pid"], 2, "neither HUP, USR1, USR2 nor INT"),
    (["--prove", "a:b"], 2, "not HOST or HOST:PORT"),
    (["--prove", "[::1"], 2, "not HOST or HOST:PORT"),
    (["--for", "all"], 2, "neither client nor server"),
    (["--ca", "nobody"], 1, "neither the name of an anchor nor the address of a CA"),
    (["--cert", "x.crt"], 1, "give both: --cert FILE --key FILE"),
    (["-x"], 2, "-x: not a name"),
    (["other"], 1, "it is known as client already"),
])
def test_add_refuses(home, stepca, words, code, said):
    known(home, stepca, "app")
    words = ["--", *words] if words[0] == "-x" else ["client", *words] if "--ca" in words else words
    if said.startswith("give both"):
        words = ["new", *words]
    before = home.snapshot()
    done = cert(home, "add", *words)
    assert done.returncode == code and said in done.stderr, done.stderr
    assert home.snapshot() == before


def test_whose_ca_is_not_pinned_is_not_known(home, stepca, other_stepca):
    bootstrap(home, other_stepca)
    have(home, stepca, "app")
    done = cert(home, "add")
    assert done.returncode == 1 and "no step-ca whose root is pinned has issued it" in done.stderr
    bootstrap(home, stepca, "--name", "company")
    assert cert(home, "add").returncode == 0
    assert status(home)[1]["client"]["anchor"] == "company" and status(home)[1]["client"]["ca"] == stepca.url


def test_what_is_broken_is_not_added(home, stepca):
    bootstrap(home, stepca)
    have(home, stepca, "app")
    (home / KEY).chmod(0o644)
    done = cert(home, "add")
    assert done.returncode == 1 and "chmod" in done.stderr and not (home / CERTS_CONF).exists()


def test_forget_leaves_the_files(home, stepca):
    crt, key = known(home, stepca, "app")
    before = home.snapshot()
    assert "Would forget client" in cert(home, "forget", "client", "-n").stdout and home.snapshot() == before
    assert cert(home, "forget", "client").returncode == 0
    assert status(home) == (0, {}) and crt.exists() and key.exists()
    assert cert(home, "forget", "client").returncode == 1


@pytest.mark.parametrize("line, said", [
    ("color = red", "unknown key"),
    ("use = both", "neither client nor server"),
    ("failures = many", "not a number"),
    ("tried = yesterday", "not a date"),
    ("[client]", "not a name, or one that is there already"),
    ("[a b]", "not a name, or one that is there already"),
    ("hello", "not a setting"),
    ("exec = a\x1b[31m", "has a character that no line of it has"),
])
def test_a_line_that_is_none_is_named(home, stepca, line, said):
    known(home, stepca, "app")
    with open(home / CERTS_CONF, "a") as conf:
        conf.write(f"{line}\n")
    done = cert(home, "status")
    number = len((home / CERTS_CONF).read_text().splitlines())
    assert done.returncode == 1 and f"certs.conf, line {number}: {said}" in done.stderr and "\x1b[31m" not in done.stderr
    before = home.snapshot()
    assert cert(home, "add").returncode == 1 and home.snapshot() == before


def test_comments_stay(home, stepca):
    known(home, stepca, "app")
    path = home / CERTS_CONF
    path.write_text("# mine\n" + path.read_text())
    cert(home, "add", "--reload", "x.service")
    assert path.read_text().startswith("# mine\n") and "reload = x.service" in path.read_text()


def test_a_relative_path_is_kept_whole(home, stepca):
    bootstrap(home, stepca)
    have(home, stepca, "db.example.test", crt="db/server.crt", key="db/server.key")
    done = cert(home, "add", "db", "--for", "server", "--cert", "server.crt", "--key", "server.key", cwd=home / "db")
    assert done.returncode == 0, done.stderr
    item = status(home)[1]["db"]
    assert (item["certificate"], item["use"]) == (str(home / "db/server.crt"), "server")
