"""The commands that service add and show print do what they say when they are typed into a shell, whatever the names and values are."""

import json
import os
import shutil

import pytest

import services
from certificates import make_root
from services import USER, service, write

NAMES = [b"plain", b"a b", b"-rf", b"--replace", b"-", b"--", b"it's", b'"q"', b"$(touch pwned)", b"`touch pwned`", "\u00e9".encode(), b"a=b",
         b"=ls", b"#c", b"~", b"*", b"!x", b"a!!b", b"!", b"a\\b", b"a;touch pwned", b"a&b", b"%s", b"[x", b"x'y\"z", "\u202ex".encode(), b"a\tb",
         b"\x1b[31mred", b"gr\xf6\xdfe", b"\xff1", b"a'!'b", b"{a,b}", b"a^b^c", b"\x9b7"]

# One with a "=" might be a connection string with a password in it, which is not shown.
VALUES = [*(name for name in NAMES if b"=" not in name), b"${HOME}", b"--check", b"a\x0bb"]


def shells():
    """Words before a command: scripts' shells and people's, which expand "!"."""
    for words in (["bash", "-c"], ["dash", "-c"], ["bash", "--norc", "-i"], ["zsh", "-f", "-c"], ["zsh", "-f", "-i"]):
        yield pytest.param(words, id=" ".join(words), marks=[] if shutil.which(words[0]) else pytest.mark.skip("no such shell here"))


def run(home, words, command):
    """What the shell gives: one that people type into reads the command as a line, and has a history to expand."""
    env = services.environment(home, {"HISTFILE": "/dev/null", "PS1": "", "TERM": "dumb"})
    if words[-1] == "-c":
        return home.run([*words, command], env=env)
    return home.run(words, env=env, input=f"echo hunter2\n{command}\nexit\n")


@pytest.mark.parametrize("words", shells())
def test_what_show_prints_makes_the_entry_strong(home, words):
    cases = [(name, b"shop") for name in NAMES] + [(b"plain", value) for value in VALUES]
    for name, value in cases:
        text = b"[" + name + b"]\nhost=db.example\ndbname=" + value + b"\nsslmode=prefer\n"
        write(home, text)
        shown = service(home, "show", "--", os.fsdecode(name))
        assert shown.returncode == 3, (name, shown.stderr)
        command = shown.stdout.split("next:\n")[1].strip()
        assert command.isprintable() and command.isascii() or "\u00e9" in command
        done = run(home, words, command)
        assert (home / USER).read_bytes() == (
            b"[" + name + b"]\nhost=db.example\ndbname=" + value + b"\nsslmode=verify-full\ngssencmode=disable\n"), (command, done.stderr)
        assert not (home / "pwned").exists()


@pytest.mark.parametrize("words", shells())
def test_what_add_prints_reaches_the_entry(home, words):
    """psql is one that says what it was given."""
    (home / "bin").mkdir()
    write(home, make_root().pem, ".postgresql/root.crt")
    psql = write(home, '#!/bin/sh\nfor word; do printf "<%s>" "$word"; done >"$HOME/given"\n', "bin/psql")
    psql.chmod(0o755)
    for name in NAMES:
        write(home, b"[" + name + b"]\nhost=x\n")
        done = service(home, "add", "--replace", "--host", "db.example", "--", os.fsdecode(name))
        assert done.returncode == 0, (name, done.stderr)
        command = done.stdout.split("next:\n")[1].splitlines()[0].strip()
        (home / "given").unlink(missing_ok=True)
        run(home, words, f"PATH={home.path}/bin:$PATH; {command}" if words[-1] == "-c" else f"PATH={home.path}/bin:$PATH\n{command}")
        escaped = name.replace(b"\\", b"\\\\").replace(b"'", b"\\'")
        quoted = any(byte in name for byte in b" \t'\\")
        assert (home / "given").read_bytes() == (b"<service='" + escaped + b"'>" if quoted else b"<service=" + escaped + b">")
        assert not (home / "pwned").exists()


@pytest.mark.parametrize("words", shells())
def test_what_audit_prints_reaches_the_entry(home, words):
    """pganchor is one that says what it was given."""
    write(home, b"".join(b"[" + name + b"]\nhost=x\nsslmode=prefer\n" for name in NAMES))
    done = home.pganchor("audit", "--json", "--", *map(os.fsdecode, NAMES))
    assert done.returncode == 1, done.stderr
    commands = [finding["hint"] for server in json.loads(done.stdout)["servers"] for finding in server["findings"]]
    assert len(commands) == len(NAMES)
    said = write(home, '#!/bin/sh\nfor word; do printf "<%s>" "$word"; done >>"$HOME/given"\n', "bin/pganchor")
    said.chmod(0o755)
    done = run(home, words, "\n".join([f"PATH={home.path}/bin:$PATH", *commands]))
    assert (home / "given").read_bytes() == b"".join(b"<service><harden>" + (b"<-->" if name.startswith(b"-") else b"") + b"<" + name + b">" for name in NAMES), done.stderr
    assert not (home / "pwned").exists()


def test_a_secret_is_not_lost_without_a_word(home):
    """The command has dots for it, which are no password."""
    write(home, "[weak]\nhost=h\nuser=u\npassword=open sesame\nsslmode=prefer\n")
    command = service(home, "show", "weak").stdout.split("next:\n")[1].strip()
    assert command == "pganchor service add weak --replace user=u password=... host=h"
    before = home.snapshot()
    done = home.run(["sh", "-c", command], env=services.environment(home))
    assert done.returncode == 1 and "the value itself is missing" in done.stderr and home.snapshot() == before


@pytest.mark.parametrize("words", shells())
@pytest.mark.parametrize("unit, reached", [("app", "app"), (r"dev-disk-by\x2dlabel", r"dev-disk-by\x2dlabel"), ("-app", "-app"),
                                           (r"a\x20b@", r"a\x20b@*"), (r"a\x20b@1.service", r"a\x20b@1.service")])
def test_what_enable_prints_reaches_the_unit(home, words, unit, reached):
    """systemd escapes with a backslash what a name of a unit cannot hold."""
    shown = home.pganchor("enable", "--unit", unit, "--root", home.path)
    assert shown.returncode == 0, shown.stderr
    (home / "systemctl").write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >>{home.path}/asked\n')
    (home / "systemctl").chmod(0o755)
    run(home, words, f"PATH={home.path}:$PATH; {shown.stdout.split('next:')[1].strip()}")
    assert (home / "asked").read_text().splitlines() == ["daemon-reload", "restart", *(["--"] if unit.startswith("-") else []), reached]
