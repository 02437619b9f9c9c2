"""An address that is pinned already shows its root again, or another one: what is asked, and what is said before."""

import json
import re

import pytest

from bootstrapping import PROMPT
from certificates import Authority, make_root
from hostile import reply, stepca_answers

CONF = ".config/pganchor/anchors.conf"
OTHER = make_root("Root of somebody else")


@pytest.fixture
def root():
    return make_root("Company Root CA")


def shows(https_ca, root, **kwargs):
    answers = {**stepca_answers(root), "/roots": reply(json.dumps({"crts": [root.pem]}), "201 Created")}
    return https_ca(answers, authority=root, **kwargs)


@pytest.fixture
def ca(https_ca, root):
    return shows(https_ca, root)


@pytest.fixture
def changed(home, ca, https_ca, root):
    """The address where `root` was pinned from, as anchor localhost, shows another root now."""
    assert home.pganchor("bootstrap", "--ca-url", ca.url, "--fingerprint", root.fingerprint).returncode == 0
    now = shows(https_ca, OTHER)
    conf = (home / CONF).read_text()
    assert conf.count(f"source = {ca.url}\n") == 1
    (home / CONF).write_text(conf.replace(f"source = {ca.url}\n", f"source = {now.url}\n"))
    return now


def on_terminal(home, ca, *args, answer=None):
    """What is said, by somebody who is asked where there is an answer; who is asked without one fails the test."""
    answers = [] if answer is None else [(PROMPT, answer)]
    shown = home.run_tty([home.program.binary, "bootstrap", "--ca-url", ca.url, *args], answers=answers)
    assert ("Trust this root" in shown.output) == (answer is not None)
    return shown


def test_the_same_root_is_not_asked_about_again(home, ca):
    assert on_terminal(home, ca, answer="yes").returncode == 0
    before = home.snapshot()
    shown = on_terminal(home, ca)
    assert shown.returncode == 0 and "is pinned already, as anchor localhost. Nothing was changed." in shown.output
    assert home.snapshot() == before
    (home / ".postgresql/root.crt").unlink()
    assert on_terminal(home, ca).returncode == 0 and set(home.snapshot()) == set(before)


@pytest.mark.parametrize("args", [[], ["--name", "localhost"], ["--dry-run"]], ids=str)
def test_another_root_is_refused_before_anything_is_asked(home, changed, root, args):
    before = home.snapshot()
    shown = on_terminal(home, changed, *args)
    assert shown.returncode == 1 and home.snapshot() == before
    assert f"{changed.url}: pinned already, as anchor localhost, with another root: SHA-256 {root.fingerprint}" in shown.output
    assert f"now it shows SHA-256 {OTHER.fingerprint}" in shown.output
    for words in ("this may be an attack", "--replace --name localhost", "another --name keeps both", "Nothing was pinned"):
        assert words in shown.output


def section(home, name):
    text = (home / CONF).read_text()
    return text[text.index(f"[{name}]\n"):].split("\n\n")[0]


@pytest.mark.parametrize("args, anchors", [(["--replace"], ["localhost"]), (["--replace", "--name", "localhost"], ["localhost"]),
                                           (["--name", "second"], ["localhost", "second"])], ids=str)
def test_and_asked_about_under_a_warning_where_the_user_says_what_it_is_to_be(home, changed, args, anchors):
    shown = on_terminal(home, changed, *args, answer="no")
    assert shown.returncode == 1 and re.search(r"WARNING:\S* https.*another root(.|\n)*may be an attack(.|\n)*is its root", shown.output)
    assert on_terminal(home, changed, *args, answer="yes").returncode == 0
    assert re.findall(r"^\[(.*)\]$", (home / CONF).read_text(), re.MULTILINE) == anchors
    assert OTHER.fingerprint in section(home, anchors[-1])


def test_an_anchor_of_another_name_is_not_replaced_by_a_new_one(home, changed):
    """The name that is left out is the CA's host, and the anchor has another."""
    (home / CONF).write_text((home / CONF).read_text().replace("[localhost]", "[corp]"))
    shown = on_terminal(home, changed, "--replace")
    assert shown.returncode == 1 and "as anchor corp, with another root" in shown.output and "--replace --name corp" in shown.output


def test_a_new_root_that_the_pinned_one_has_signed_is_no_attack(home, ca, https_ca, root):
    """As in a rotation: the chain that the CA shows verifies with the pinned root alone, too."""
    assert home.pganchor("bootstrap", "--ca-url", ca.url, "--fingerprint", root.fingerprint).returncode == 0
    moved = Authority(OTHER.cert, OTHER.key, chain=[OTHER.twin(by=root).cert])
    now = https_ca({**stepca_answers(OTHER), "/roots": reply(json.dumps({"crts": [OTHER.pem]}), "201 Created")}, authority=moved)
    (home / CONF).write_text((home / CONF).read_text().replace(ca.url, now.url))
    shown = on_terminal(home, now, "--name", "new", answer="yes")
    assert shown.returncode == 0 and "attack" not in shown.output and OTHER.fingerprint in section(home, "new")
    assert "WARNING" not in shown.output


def test_a_root_that_is_pinned_from_elsewhere(home, changed, https_ca, root):
    """It is trusted, and said to be from where it is."""
    elsewhere = shows(https_ca, OTHER)
    assert home.pganchor("bootstrap", "--ca-url", elsewhere.url, "--fingerprint", OTHER.fingerprint, "--name", "second").returncode == 0
    before = home.snapshot()
    shown = on_terminal(home, changed)
    assert shown.returncode == 0 and home.snapshot() == before
    assert f"The root of {changed.url} is pinned already, as anchor second, from {elsewhere.url}. Nothing was changed." in shown.output
    assert f"with another root: SHA-256 {root.fingerprint}; now it shows SHA-256 {OTHER.fingerprint}, the one of anchor second" in shown.output


SPELLINGS = {"a slash at the end": "https://localhost:{}/", "upper case": "HTTPS://LocalHost:{}", "no scheme": "localhost:{}",
             "a dot at the end": "https://localhost.:{}", "zeros before the port": "https://localhost:00{}"}


def written(home, ca, source):
    """anchors.conf as somebody has written it, or hands it out: the address in another form."""
    conf = (home / CONF).read_text()
    assert conf.count(f"source = {ca.url}\n") == 1
    (home / CONF).write_text(conf.replace(f"source = {ca.url}\n", f"source = {source}\n").replace("[localhost]", "[corp]"))
    (home / ".config/pganchor/anchors/localhost.crt").rename(home / ".config/pganchor/anchors/corp.crt")


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_an_address_is_the_same_however_it_is_written(home, changed, spelling):
    written(home, changed, spelling.format(changed.port))
    before = home.snapshot()
    shown = on_terminal(home, changed)
    assert shown.returncode == 1 and home.snapshot() == before
    assert "as anchor corp, with another root" in shown.output and "this may be an attack" in shown.output


@pytest.mark.parametrize("other", ["https://localhost:{}/second", "https://localhost.example:{}", "/localhost:{}", ""])
def test_and_another_address_is_another(home, changed, other):
    written(home, changed, other.format(changed.port))
    assert "attack" not in on_terminal(home, changed, answer="no").output


def test_what_is_replaced_is_said_wherever_it_is_from(home, ca, https_ca, root):
    """Who moves to another CA, or has mistyped its address, sees which root goes before the yes."""
    assert home.pganchor("bootstrap", "--ca-url", ca.url, "--fingerprint", root.fingerprint).returncode == 0
    other = shows(https_ca, OTHER)
    shown = on_terminal(home, other, "--replace", answer="no")
    assert f"anchor localhost: pinned already, from {ca.url}, with another root: SHA-256 {root.fingerprint}" in shown.output
    assert f"{other.url} shows SHA-256 {OTHER.fingerprint}" in shown.output and "may be an attack" in shown.output
    assert on_terminal(home, other, "--replace", answer="yes").returncode == 0 and OTHER.fingerprint in section(home, "localhost")


def test_a_name_that_is_taken_is_said_before_the_question(home, ca, https_ca, root):
    other = shows(https_ca, OTHER)
    assert home.pganchor("bootstrap", "--ca-url", other.url, "--fingerprint", OTHER.fingerprint).returncode == 0
    shown = on_terminal(home, ca)
    assert shown.returncode == 1 and "the name is taken by another root" in shown.output
