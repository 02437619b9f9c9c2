"""The question on the terminal: what is a yes, what is none, and what is said to whoever typed something else."""

import json
import re

import pytest

from bootstrapping import PROMPT
from hostile import reply, stepca_answers
from home import HANG_UP


@pytest.fixture(scope="module")
def root(impostor_ca):
    return impostor_ca


@pytest.fixture
def ca(https_ca, root):
    return https_ca({**stepca_answers(root), "/roots": reply(json.dumps({"crts": [root.pem]}), "201 Created")}, authority=root)


def ask(home, ca, answer, *words, **kwargs):
    return home.run_tty([*words, home.program.binary, "bootstrap", "--ca-url", ca.url], answers=[(PROMPT, answer)], **kwargs)


def refuses(home, shown, *words):
    assert shown.returncode == 1 and home.snapshot() == {}, shown.output
    for word in words:
        assert word in shown.output


def test_yes_before_the_root_was_shown_is_no_answer(home, ca):
    refuses(home, ask(home, ca, "no", typed="yes\n"), "not trusted by you; nothing was pinned")
    refuses(home, ask(home, ca, "", typed="yes"), "not trusted by you; nothing was pinned")
    assert ask(home, ca, "yes", typed="no\n").returncode == 0


@pytest.mark.parametrize("answer", ["yes\0", "yes\0no", "\0yes", "yes\x04\x04", "yes" + "x" * 253, "yes" + "x" * 300, "x" * 5000],
                         ids=lambda answer: repr(answer[:10]))
def test_no_yes(home, ca, answer):
    refuses(home, ask(home, ca, answer), "not trusted by you; nothing was pinned")


def test_what_is_said_after_the_end_of_input_has_a_line_of_its_own(home, ca):
    shown = ask(home, ca, "\x04")
    refuses(home, shown, "or the fingerprint: ", "not trusted by you")
    assert re.search(r"^(\x1b\[\S*m)?pganchor: .*not trusted by you", shown.output.replace("\r", ""), re.M), shown.output


@pytest.mark.parametrize("length", [300, 3000, 100000])
def test_nothing_of_a_long_answer_is_left_for_the_shell(home, ca, length):
    script = f"pganchor bootstrap --ca-url {ca.url}; stty -icanon min 0 time 0; echo \"left: $(cat | wc -c)\""
    shown = home.run_tty(["sh", "-c", script], answers=[(PROMPT, "y" * length)])
    assert "left: 0\n" in shown.output and home.snapshot() == {}


@pytest.mark.parametrize("name, key", [("INT", "\x03"), ("QUIT", "\x1c")])
def test_interrupted(home, ca, name, key):
    shown = ask(home, ca, key, "env", f"--default-signal={name}")
    assert shown.returncode < 0 and home.snapshot() == {}


@pytest.mark.parametrize("words", [["env", "--default-signal=HUP"], ["env", "--ignore-signal=HUP"]], ids=str)
def test_the_terminal_goes_away(home, ca, words):
    assert ask(home, ca, HANG_UP, *words).returncode != 0
    assert home.snapshot() == {}


def in_pairs(pin, between):
    return between.join(pin[i:i + 2] for i in range(0, 64, 2))


# As openssl, Keychain Access, .NET and keytool print it.
FORMS = {"plain": str, "upper case": str.upper, "colons": lambda pin: in_pairs(pin.upper(), ":"),
         "dashes": lambda pin: in_pairs(pin.upper(), "-"), "blanks": lambda pin: in_pairs(pin, " "),
         "two blanks": lambda pin: in_pairs(pin, "  "), "in quarters": lambda pin: " ".join(pin[i:i + 16] for i in range(0, 64, 16)),
         "openssl": lambda pin: f"sha256 Fingerprint={in_pairs(pin.upper(), ':')}",
         "OpenSSL 1.1": lambda pin: f"SHA256 Fingerprint={in_pairs(pin.upper(), ':')}", "prefix": lambda pin: f"SHA256:{pin}",
         "keytool": lambda pin: f"\t SHA256: {in_pairs(pin.upper(), ':')}", "around it": lambda pin: f"  {pin} \t"}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_fingerprints_as_people_have_them(home, ca, root, form):
    """As an answer, and as the option."""
    done = home.pganchor("bootstrap", "--ca-url", ca.url, "--fingerprint", form(root.fingerprint), "--dry-run")
    assert done.returncode == 0, done.stderr
    assert ask(home, ca, form(root.fingerprint)).returncode == 0
    assert f"pin = {root.fingerprint}\n" in (home / ".config/pganchor/anchors.conf").read_text()


# The first digit, one in the middle, the last one.
@pytest.mark.parametrize("place", [0, 15, 16, 31, 63])
def test_the_fingerprint_of_another_root(home, ca, https_ca, root, place):
    pin = root.fingerprint
    other = pin[:place] + ("0" if pin[place] != "0" else "1") + pin[place + 1:]
    refuses(home, ask(home, ca, other), "the root that was shown is another one", other, "somebody may be between you and the CA")
    # And where it was given before: a CA that shows this root for that fingerprint.
    liar = https_ca({**stepca_answers(root), f"/root/{other}": reply(json.dumps({"ca": root.pem}))}, authority=root)
    done = home.pganchor("bootstrap", "--ca-url", liar.url, "--fingerprint", other)
    assert done.returncode == 1 and "wrong root" in done.stderr and home.snapshot() == {}


@pytest.mark.parametrize("text, why", [
    ("SHA1 Fingerprint=" + ":".join(["A9"] * 20), "40 hex digits are a SHA-1 fingerprint"), ("ab" * 31, "62 hex digits"),
    ("ab" * 33, "66 hex digits"), ("ab" * 48, "96 hex digits are a SHA-384 fingerprint"),
    ("ab" * 64, "128 hex digits are a SHA-512 fingerprint"), ("ab" * 28, "56 hex digits are a SHA-224 fingerprint"),
    ("0:" + "0" * 63, 'not a fingerprint at ":0000'), ("ab--" + "ab" * 31, 'not a fingerprint at "--ab'),
    ("\u200e" + "ab" * 32, r'not a fingerprint at "\xE2\x80\x8E'), ("ab" * 31 + "ag", 'not a fingerprint at "g"'),
    ("ab" * 32 + "-", 'not a fingerprint at "-"')], ids=lambda value: repr(value[:20]))
def test_what_is_wrong_with_a_fingerprint(home, ca, text, why):
    refuses(home, ask(home, ca, text), f"nothing was pinned: what you typed: {why}")
    done = home.pganchor("bootstrap", "--ca-url", ca.url, "--fingerprint", text)
    assert done.returncode == 2 and f"--fingerprint: {why}" in done.stderr and "step certificate fingerprint" in done.stderr
