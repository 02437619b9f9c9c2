"""bootstrap that has to fail, in a home that has something to lose."""

import pytest

from certificates import make_root

CONF = ".config/pganchor/anchors.conf"
MANIFEST = ".config/pganchor/manifest"
SOURCES = ".config/pganchor/sources.conf"
ROOT_CRT = ".postgresql/root.crt"
OLD = make_root("Old root of somebody else's")
PROMPT = r"Type yes, or the fingerprint: $"


@pytest.fixture
def lived_in(home):
    """A home with an anchor, a root.crt and a note in it: all that a failure could lose."""
    (home / ".postgresql").mkdir(mode=0o700)
    (home / ROOT_CRT).write_text(f"a note\n{OLD.pem}")
    (home / ".config/pganchor/anchors").mkdir(parents=True)
    (home / CONF).write_text(f"# a comment\n[old]\npin = {OLD.fingerprint}\n")
    (home / ".config/pganchor/anchors/old.crt").write_text(OLD.pem)
    return home


def bootstrap(home, ca, *args, fingerprint, **kwargs):
    return home.pganchor("bootstrap", "--ca-url", getattr(ca, "url", ca), "--fingerprint", fingerprint, *args, **kwargs)


def fails(home, ca, *args, fingerprint="ab" * 32, why, **kwargs):
    """bootstrap fails with status 1 and these words, says what to do next, and leaves every file as it was."""
    before = home.snapshot()
    done = bootstrap(home, ca, *args, fingerprint=fingerprint, **kwargs)
    assert done.returncode == 1, done.stdout
    first, *rest = done.stderr.splitlines()
    assert first.startswith("pganchor: ")
    for word in [why] if isinstance(why, str) else why:
        assert word in done.stderr
    assert len(rest) == 1 and rest[0].startswith("    ") and len(rest[0]) > 10, done.stderr
    assert done.stdout == ""
    assert home.snapshot() == before
    return done


def write_root_crt(home, content):
    (home / ".postgresql").mkdir(exist_ok=True)
    (home / ROOT_CRT).write_bytes(content if isinstance(content, bytes) else content.encode())
