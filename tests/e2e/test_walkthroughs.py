"""The documents for people: every command in them is run, and shows what they say."""

import os
import re
from pathlib import Path

import pytest

import walkthroughs
from audited import heard

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
# Notes of what was tried, by other tests; nobody is to follow them line by line.
NOT_FOLLOWED = {"evidence"}
DOCUMENTS = sorted({path.stem for path in DOCS.glob("*.md")} - NOT_FOLLOWED)

pytestmark = pytest.mark.plain_build


@pytest.fixture
def stage(home, name, pganchor, stepca, postgres, impostor_postgres, relay, keyring, system):
    """A home with the password of the server's user where libpq looks, and a keyring."""
    (home / ".pgpass").write_text(f"*:*:*:{postgres.user}:{postgres.password}\n")
    (home / ".pgpass").chmod(0o600)
    (home / "machine").mkdir()
    # A machine's administrator reads what syslog was told.
    before = heard(home) if name == "fleet" else []
    env = {**keyring.environment, "NO_COLOR": "1", "PSQL_PAGER": "", "PAGER": "cat", "SHELL": "/bin/bash", "PGSYSCONFDIR": home / "machine",
           "PKG_CONFIG_PATH": pganchor.prefix / "lib/pkgconfig", "LD_LIBRARY_PATH": pganchor.prefix / "lib"}
    return walkthroughs.Stage(home, stepca, postgres, impostor_postgres, relay(postgres.port), pganchor.prefix, before, env)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_command_does_what_the_document_says(stage, name):
    """With PGANCHOR_WRITE_TRANSCRIPTS=yes the document gets what is shown now, to be read before it is believed."""
    path = DOCS / f"{name}.md"
    text, shift, wrong = path.read_text(), 0, []
    new = text
    for part in walkthroughs.read(text):
        if isinstance(part, str):
            stage.direct(part)
        elif isinstance(part, walkthroughs.File):
            stage.write(part)
        else:
            status, told = stage.run(part)
            if (status != 0) != part.fails:
                wrong.append(f"$ {part.command}\n{told}[{status}]\n")
            elif not walkthroughs.agree(part.shown, told):
                wrong.append(f"$ {part.command}\n{told}instead of\n{part.shown}")
                new = new[:part.at[0] + shift] + told + new[part.at[1] + shift:]
                shift = len(new) - len(text)
    if os.environ.get("PGANCHOR_WRITE_TRANSCRIPTS") == "yes":
        path.write_text(new)
    assert wrong == [], "\n".join(wrong)


def test_what_agrees_and_what_does_not():
    assert walkthroughs.agree("a 7 days b\n…\nlast …\n", "a   12 days b\n1\n2\nlast one\n")
    assert walkthroughs.agree("…\n", "") and walkthroughs.agree("on 2026-01-02\n", "on 2027-12-31 10:00\n")
    for told in ("a\n", "a\nb\nc\n", "a b\n"):
        assert not walkthroughs.agree("a\nb\n", told), told


@pytest.mark.parametrize("block", ["```\n$ pganchor status\n```\n", "```sh\npganchor status\n```\n", "```text\n$ pganchor status\n```\n",
                                   "```console\npganchor status\n```\n"])
def test_a_command_that_would_not_be_run_is_an_error(block):
    with pytest.raises(AssertionError):
        list(walkthroughs.read(f"# A document\n\n{block}"))


def test_the_documents_are_found_from_the_readme():
    readme = (DOCS.parent / "README.md").read_text()
    assert set(re.findall(r"docs/([\w-]+)\.md", readme)) >= set(DOCUMENTS)
