"""bootstrap --step-config: the CA and the fingerprint that step's own configuration says, and whose word that is."""

import json
import os

import pytest

from machines import ROOT, run

CONF = ".config/pganchor/anchors.conf"


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    path.chmod(0o644)
    return path


def defaults(ca, **words):
    return {"ca-url": ca.url, "fingerprint": ca.fingerprint, "root": "/nowhere/root_ca.crt", "redirect-url": "", **words}


@pytest.fixture
def vintage(home, stepca):
    """A home where step knows one CA."""
    write(home / ".step/config/defaults.json", defaults(stepca))
    return home


@pytest.fixture
def contexts(home, stepca, other_stepca):
    """A home where step has two contexts."""
    write(home / ".step/contexts.json", {"work": {"authority": "ca.work", "profile": "me"}, "lab": {"authority": "ca.lab", "profile": "lab"}})
    write(home / ".step/authorities/ca.work/config/defaults.json", defaults(stepca))
    write(home / ".step/authorities/ca.lab/config/defaults.json", defaults(other_stepca))
    write(home / ".step/profiles/me/config/defaults.json", {})
    return home


def take(home, *words, **kwargs):
    return home.pganchor("bootstrap", "--step-config", *words, **kwargs)


def is_pinned(home, done, ca):
    assert done.returncode == 0, done.stderr
    conf = (home / CONF).read_text()
    assert f"pin = {ca.fingerprint}\n" in conf and f"source = {ca.url}\n" in conf
    return done


def fails(home, done, *words, status=2):
    assert (done.returncode, done.stdout) == (status, ""), done.stderr
    for word in words:
        assert word in done.stderr
    assert not (home / CONF).exists()


# ---- which one counts ----

def test_the_usual_place(vintage, stepca):
    done = is_pinned(vintage, take(vintage), stepca)
    assert done.stdout.startswith(f"step's configuration {vintage / '.step/config/defaults.json'} says: CA {stepca.url}, fingerprint {stepca.fingerprint}.\n")
    assert f"kind = step-ca\nlocation = {stepca.url}\n" in (vintage / ".config/pganchor/sources.conf").read_text()


def test_what_was_taken_is_said_beside_json(vintage, stepca):
    done = take(vintage, "--json", "--dry-run")
    assert json.loads(done.stdout)["pin"] == stepca.fingerprint and "defaults.json says: CA " in done.stderr


@pytest.mark.parametrize("words", [["--step-config", "{0}"], ["--step-config={0}"], ["--step-config", "{0}/config/defaults.json"], ["{0}"],
                                   ["{0}/config/defaults.json"]], ids=str)
def test_a_path(home, stepca, words):
    write(home / "elsewhere/config/defaults.json", defaults(stepca))
    is_pinned(home, home.pganchor("bootstrap", *(word.format(home / "elsewhere") for word in words)), stepca)


def test_a_word_is_said_to_be_taken_for_it(vintage, stepca):
    done = is_pinned(vintage, vintage.pganchor("anchor", "add", str(vintage / ".step")), stepca)
    assert done.stdout.startswith(f"{vintage / '.step'}: taken for step's configuration.\nstep's configuration {vintage / '.step'}")


def test_steppath(vintage, other_stepca):
    write(vintage / "elsewhere/config/defaults.json", defaults(other_stepca))
    is_pinned(vintage, take(vintage, env={"STEPPATH": str(vintage / "elsewhere")}), other_stepca)


def test_the_current_context(contexts, other_stepca):
    write(contexts / ".step/current-context.json", {"context": "lab"})
    assert ", context lab, says: " in is_pinned(contexts, take(contexts), other_stepca).stdout


def test_a_chosen_context(contexts, stepca):
    write(contexts / ".step/current-context.json", {"context": "lab"})
    is_pinned(contexts, take(contexts, "--step-context", "work"), stepca)


def test_a_profile_says_more(contexts, other_stepca):
    write(contexts / ".step/profiles/me/config/defaults.json", defaults(other_stepca))
    is_pinned(contexts, take(contexts, "--step-context", "work"), other_stepca)


def test_the_only_context(contexts, stepca):
    write(contexts / ".step/contexts.json", {"work": {"authority": "ca.work", "profile": "me"}})
    is_pinned(contexts, take(contexts), stepca)


def test_several_contexts_and_none_is_current(contexts):
    fails(contexts, take(contexts), "2 contexts, and none is the current one: ", "work", "lab", "--step-context NAME")
    fails(contexts, take(contexts, "--step-context", "home"), "no context home; it has ")


def test_the_fingerprint_that_is_given_has_to_be_the_same(vintage, stepca, other_stepca):
    fails(vintage, take(vintage, "--fingerprint", other_stepca.fingerprint), "--fingerprint is another one", stepca.fingerprint)
    is_pinned(vintage, take(vintage, "--fingerprint", stepca.fingerprint), stepca)


def test_the_ca_has_another_root_by_now(home, stepca, other_stepca):
    write(home / ".step/config/defaults.json", defaults(stepca, fingerprint=other_stepca.fingerprint))
    done = take(home)
    assert done.returncode == 1 and "no root with this fingerprint there" in done.stderr and not (home / CONF).exists()


# ---- who can write it ----

@pytest.mark.parametrize("place", [".step", ".step/config", ".step/config/defaults.json"])
@pytest.mark.parametrize("mode", [0o777, 0o775], ids=oct)
def test_what_others_can_write_is_not_taken(vintage, place, mode):
    (vintage / place).chmod(mode)
    fails(vintage, take(vintage), f"{vintage / place}: can be written by ",
          "whoever can write it chooses which root is trusted", status=2)


def test_what_somebody_else_owns_is_not_taken(vintage):
    run(*ROOT, "chown", "65534", vintage / ".step/config/defaults.json")
    fails(vintage, take(vintage), "belongs to the user 65534")


@pytest.mark.parametrize("name", ["contexts.json", "current-context.json", "authorities/ca.work/config/defaults.json"])
def test_nor_is_a_file_of_a_context(contexts, name):
    write(contexts / ".step/current-context.json", {"context": "work"})
    (contexts / ".step" / name).chmod(0o666)
    fails(contexts, take(contexts), "can be written by everybody")


# ---- what is none ----

GOOD = "ab" * 32
BROKEN = {
    "nothing": (None, "no configuration of step's"),
    "empty": ("", "line 1: not a JSON object"),
    "no object": ('["ca-url"]', "not a JSON object"),
    "cut": ('{\n"ca-url": "https://ca', "line 2: not a JSON object"),
    "twice": ('{"fingerprint": "%s", "fingerprint": "%s"}' % (GOOD, GOOD), "not a JSON object"),
    "nothing in it": ("{}", "no ca-url in it"),
    "no fingerprint": ('{"ca-url": "https://ca.example.com"}', "no fingerprint in it"),
    "no address": ('{"fingerprint": "%s"}' % GOOD, "no ca-url in it"),
    "short": ('{"ca-url": "https://ca.example.com", "fingerprint": "abcd"}', "4 hex digits"),
    "SHA-1": ('{"ca-url": "https://ca.example.com", "fingerprint": "%s"}' % GOOD[:40], "a SHA-1 fingerprint"),
    "number": ('{"ca-url": 7, "fingerprint": "%s"}' % GOOD, "its ca-url is no text"),
    "object": ('{"ca-url": "https://ca.example.com", "fingerprint": {}}', "its fingerprint is no text"),
    "http": ('{"ca-url": "http://ca.example.com", "fingerprint": "%s"}' % GOOD, "only https is possible"),
    "password": ('{"ca-url": "https://me:secret@ca.example.com", "fingerprint": "%s"}' % GOOD, "a user or a password has no place in it"),
    "escape": ('{"ca-url": "https://ca\\u001b[2J.example.com", "fingerprint": "%s"}' % GOOD, "control characters"),
    "NUL": ('{"ca-url": "https://ca.example.com\\u0000", "fingerprint": "%s"}' % GOOD, "not a JSON object"),
    "deep": ("[" * 100000, "more than 64 KiB"),
    "nested": ("[" * 60000, "not a JSON object"),
    "endless": ('{"x": "' + "A" * 70000 + '"}', "more than 64 KiB"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_no_configuration(home, kind):
    content, words = BROKEN[kind]
    if content is not None:
        write(home / ".step/config/defaults.json", content)
    done = take(home)
    fails(home, done, words)
    assert "\x1b" not in done.stderr and "secret" not in done.stderr


@pytest.mark.parametrize("content", ["[]", '{"work": 7}', '{"work": {}}', '{"work": {"authority": 7}}', '{"work": {"authority": "../../other"}}',
                                     '{"work": {"authority": ".."}}', '{"work": {"authority": "a", "profile": "b/c"}}', "{}"])
def test_what_is_no_context(home, content):
    write(home / ".step/contexts.json", content)
    fails(home, take(home), str(home / ".step/contexts.json"))


@pytest.mark.parametrize("content", ["[]", '{"context": 7}', '{"context": "gone"}'])
def test_what_is_no_current_context(contexts, content):
    write(contexts / ".step/current-context.json", content)
    fails(contexts, take(contexts), ".step/c")


def test_a_pipe_is_not_waited_for(home):
    (home / ".step/config").mkdir(parents=True)
    os.mkfifo(home / ".step/config/defaults.json", 0o600)
    fails(home, take(home), "defaults.json")


def test_a_path_that_is_not_there(home):
    fails(home, take(home, "nowhere"), "could not read the step configuration nowhere")


def test_words_that_do_not_go_together(vintage, stepca):
    fails(vintage, take(vintage, "--ca-url", stepca.url), "one of them")
    fails(vintage, home_word(vintage, "--step-context", "x", "--ca-url", stepca.url), "--step-context goes with --step-config")
    fails(vintage, take(vintage, str(vintage / ".step/config/defaults.json"), "--step-context", "x"), "is one file")
    fails(vintage, take(vintage, "--step-context", "x"), "no contexts of step's")


def home_word(home, *words):
    return home.pganchor("bootstrap", *words)


# ---- what people paste who know step ----

@pytest.mark.parametrize("words, meant", [(["bootstrap", "--install", "--ca-url", "https://x"], "leave it out"),
                                          (["bootstrap", "--root", "root_ca.crt"], "give the file itself"),
                                          (["bootstrap", "--force"], "--replace"), (["bootstrap", "--context=x"], "--step-context NAME"),
                                          (["bootstrap", "--team", "x"], "--team goes with --team-url"),
                                          (["step", "ca", "bootstrap"], "did you mean bootstrap?"), (["ca", "bootstrap"], "did you mean bootstrap?")])
def test_words_of_step(home, words, meant):
    fails(home, home.pganchor(*words), meant)
