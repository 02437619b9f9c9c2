"""Transcripts: what is typed and all that comes of it, to the letter. tests/e2e/data/transcripts has them.

A line that begins with "$ " is run by bash in the home; behind it come its standard output, then its standard error with
"! " in front of each line, then its exit status in brackets where it is not 0. Other lines before the first command are a
comment. What differs from machine to machine has a word in its place: HOME, PREFIX, USER, LIBPQ and VERSION; and of several
blanks inside a line there are two, since a table is as wide as the paths in it.
"""

import os
import pwd
import re

SYSTEM = "machine"


class Step:
    """A command and what came of it."""

    def __init__(self, command, answer):
        self.command, self.answer = command, answer


def parse(text):
    """The comment, and the steps."""
    before, *rest = re.split(r"(?m)^\$ ", text)
    steps = []
    for one in rest:
        command, _, answer = one.partition("\n")
        steps.append(Step(command, answer))
    return before, steps


def write(comment, steps):
    return comment + "".join(f"$ {step.command}\n{step.answer}" for step in steps)


def run(home, pganchor, command):
    """What comes of it, in the form above."""
    done = home.run(["bash", "-o", "pipefail", "-c", command], env={"PGSYSCONFDIR": home / SYSTEM})
    errors = "".join(f"! {line}\n" for line in done.stderr.splitlines())
    status = f"[{done.returncode}]\n" if done.returncode != 0 else ""
    out = done.stdout if not done.stdout or done.stdout.endswith("\n") else f"{done.stdout}\n"
    return plain(out + errors + status, home, pganchor)


# What enable says of what is installed on the machine, as elements of a JSON array and not its first: warnings, and findings.
# test_enable.py has them.
OF_THE_MACHINE = (r',\n *"(X sessions are children|programs of musl) [^\n]*"(?=,?\n)'
                  r'|,\n *\{\n *"id": "(session-of-ssh-agent|programs-of-musl)",[^{}]*\}')


def plain(text, home, pganchor):
    text = re.sub(OF_THE_MACHINE, "", text)
    text = text.replace(str(home.path), "HOME").replace(str(pganchor.prefix), "PREFIX")
    text = re.sub(r"\blibpq \d+\.\d+, \S+:", "libpq VERSION, LIBPQ:", text)
    text = re.sub(r'"version": "\d+\.\d+",\n    "path": "[^"]+"', '"version": "VERSION",\n    "path": "LIBPQ"', text)
    text = re.sub(r"libpq \(\d+\.\d+\)", "libpq (VERSION)", text)
    text = text.replace(", as far as you may read it", "")  # it is not root
    text = re.sub(r"(?<=\S) {2,}(?=\S)", "  ", text)
    user = re.escape(pwd.getpwuid(os.geteuid()).pw_name)
    return re.sub(rf'(?m)(?<=  ){user}(?=  )|(?<=": "){user}(?=",?$)', "USER", text)
