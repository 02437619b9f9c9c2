"""Each command by its name: help in every way to ask for it, and the words that people bring along from other programs."""

import json
import re

import pytest

from services import write

COMMANDS = ("onboard", "bootstrap", "anchor", "ca", "cert", "crl", "service", "forecast", "probe", "audit", "profile", "password", "explain", "run", "enable", "disable", "status", "doctor", "log",
            "server", "uninstall", "completion")
# What is typed, and the command that is meant.
WORDS = {"add": "service add or anchor add", "list": "service list or anchor list", "ls": "service list or anchor list",
         "show": "service show or anchor show", "rm": "service remove or anchor remove", "remove": "service remove or anchor remove",
         "pin": "anchor add", "harden": "service harden", "refresh": "anchor refresh or crl refresh", "rename": "anchor rename",
         "set-hosts": "anchor set-hosts", "check": "explain", "exec": "run", "on": "enable", "off": "disable"}


def test_every_command_is_in_the_help(home):
    done = home.pganchor("--help")
    # Below headings of their own, with what they do behind them.
    groups = re.findall(r"^([a-z ]+):\n((?:  .*\n)+)", done.stdout, re.MULTILINE)
    assert len(groups) == 4 and groups[0][0] == "to begin with"
    listed = [name for _, lines in groups for name in re.findall(r"^  (\w+)  +\S", lines, re.MULTILINE)]
    assert sorted(listed) == sorted(COMMANDS)
    assert (done.returncode, done.stderr) == (0, "")
    for args in (["-h"], ["help"], ["help", "help"], ["help", "-h"], ["help", "--help"]):
        same = home.pganchor(*args)
        assert (same.returncode, same.stdout, same.stderr) == (0, done.stdout, ""), args
    none = home.pganchor()
    assert (none.returncode, none.stdout, none.stderr) == (2, "", done.stdout)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command(home, name):
    whole = home.pganchor(name, "--help")
    assert (whole.returncode, whole.stderr) == (0, "") and f"pganchor {name}" in whole.stdout
    for args in ([name, "-h"], ["help", name], ["help", name, "--help"]):
        done = home.pganchor(*args)
        assert (done.returncode, done.stdout, done.stderr) == (0, whole.stdout, ""), args


@pytest.mark.parametrize("name", ["add", "harden", "list", "show", "remove"])
def test_help_of_a_command_of_service(home, name):
    whole = home.pganchor("service", name, "--help")
    assert (whole.returncode, whole.stderr) == (0, "") and f"usage: pganchor service {name}" in whole.stdout
    for args in (["help", "service", name], ["service", "help", name]):
        done = home.pganchor(*args)
        assert (done.returncode, done.stdout, done.stderr) == (0, whole.stdout, ""), args
    assert home.pganchor("service", "help").stdout == home.pganchor("service", "--help").stdout != ""


def test_version(home):
    said = [home.pganchor(word) for word in ("--version", "version")]
    assert re.fullmatch(r"pganchor \d+\.\d+\.\d+\n", said[0].stdout)
    assert {(done.returncode, done.stdout, done.stderr) for done in said} == {(0, said[0].stdout, "")}


@pytest.mark.parametrize("word, meant", WORDS.items())
def test_words_of_other_programs(home, word, meant):
    for args in ([word], ["help", word]):
        done = home.pganchor(*args)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"pganchor: {word}: no such command; did you mean {meant}?\n"), args


def warned(done):
    """The warnings of the standard error, each as one line."""
    parts = re.split(r"(?m)^pganchor: warning: ", done.stderr)[1:]
    return [re.sub(r"\n *", " ", part.rstrip("\n")) for part in parts]


def test_reports_for_programs_have_the_warnings(home, stepca, impostor_ca):
    """Who reads the report alone is to know what the person at the terminal knows."""
    write(home, impostor_ca.pem, ".postgresql/root.crt")
    write(home, "[a]\nhost=h\nsslmode=verify-full\n")
    commands = [["bootstrap", "--ca-url", stepca.url, "--fingerprint", stepca.fingerprint, "--json"], ["explain", "--json", "host=h sslmode=verify-full"],
                ["service", "list", "--json"], ["service", "add", "b", "--host", "h", "--json"], ["enable", "--unit", "none", "--root", home.path, "--dry-run", "--json"]]
    for args in commands:
        done = home.pganchor(*args, env={"PGSSLROOTCERT": home / ".postgresql/root.crt"} if args[0] == "bootstrap" else {})
        assert warned(done), (args, done.stderr)
        assert json.loads(done.stdout)["warnings"] == warned(done), args
    assert json.loads(home.pganchor("service", "show", "a", "--json").stdout)["warnings"] == []
