"""Attempts to connect while a second thread changes what they are judged by (programs/races.c), and what came of each."""

import re
from collections import Counter

from gated import run_gated

KINDS = {
    "weak": r"pganchor refused this connection: .*is weaker than verify-full|pganchor refused this connection: $",
    "malformed": r"pganchor refused this connection: .*line 1: not a line of the form",
    "not pinned": r"pganchor refused the server localhost: .*not pinned",
    "not verified": r"certificate verify failed",
    "no TLS there": r"server does not support SSL",
    "nobody there": r"Connection refused",
    "local": r"No such file or directory",
    "no such service": r'definition of service "s\d" not found',  # its name was changed while libpq compared it
    "changed": r"pganchor refused this connection: its host was changed while it was looked at",
    "sent": r"password authentication failed",
}


def kind_of(message):
    (kind,) = {kind for kind, pattern in KINDS.items() if re.search(pattern, message)} or {message}
    return kind


def race(home, compile_program, attempts, conninfo, *changes):
    """What came of each attempt by its user, while it was raced and when all was in the first state for a while."""
    program = compile_program("races.c", ["libpq"])
    done = run_gated(home, [program, str(attempts), conninfo, *[" ".join(map(str, change)) for change in changes]])
    assert done.returncode == 0, done.stderr
    raced, settled = {}, {}
    for line in done.stdout.splitlines():
        mark, number, message = re.fullmatch(r"(=?)(\d+) (.*)", line).groups()
        (settled if mark else raced)[f"u{number}"] = kind_of(message)
    assert (len(raced), len(settled)) == (attempts, attempts // 4)
    return raced, settled


def both(outcomes, *kinds, perhaps=()):
    """All of these were seen, and no others: else it was no race, or something else was at work."""
    seen = Counter(outcomes.values())
    assert set(kinds) <= set(seen) <= {*kinds, *perhaps}, seen


def conninfo_of(server, **more):
    words = {"host": "localhost", "port": server.port, "dbname": "app", "password": "hunter2", **more}
    return " ".join(f"{word}={value}" for word, value in words.items())
