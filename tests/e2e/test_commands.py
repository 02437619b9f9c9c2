"""Each command by its name: help in every way to ask for it, and the words that people bring along from other programs."""

import re

import pytest

COMMANDS = ("bootstrap", "service", "explain", "run", "enable", "disable", "status", "log")
# What is typed, and the command that is meant.
WORDS = {"add": "service add", "list": "service list", "ls": "service list", "show": "service show", "rm": "service remove",
         "remove": "service remove", "check": "explain", "exec": "run", "on": "enable", "off": "disable"}


def test_every_command_is_in_the_help(home):
    done = home.pganchor("--help")
    listed = re.search(r"\ncommands:\n(.*?)\n\n", done.stdout, re.DOTALL)[1].splitlines()
    assert sorted(line.split()[0] for line in listed) == sorted(COMMANDS)
    assert (done.returncode, done.stderr) == (0, "")
    short = home.pganchor("-h")
    assert (short.returncode, short.stdout, short.stderr) == (0, done.stdout, "")
    none = home.pganchor()
    assert (none.returncode, none.stdout, none.stderr) == (2, "", done.stdout)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command(home, name):
    whole = home.pganchor(name, "--help")
    assert (whole.returncode, whole.stderr) == (0, "") and f"pganchor {name}" in whole.stdout
    for args in ([name, "-h"], ["help", name], ["help", name, "more"]):
        done = home.pganchor(*args)
        assert (done.returncode, done.stdout, done.stderr) == (0, whole.stdout, ""), args


def test_version(home):
    said = [home.pganchor(word) for word in ("--version", "-V")]
    assert re.fullmatch(r"pganchor \d+\.\d+\.\d+\n", said[0].stdout)
    assert {(done.returncode, done.stdout, done.stderr) for done in said} == {(0, said[0].stdout, "")}


@pytest.mark.parametrize("word, meant", WORDS.items())
def test_words_of_other_programs(home, word, meant):
    for args in ([word], ["help", word]):
        done = home.pganchor(*args)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"pganchor: {word}: no such command; did you mean {meant}?\n"), args
