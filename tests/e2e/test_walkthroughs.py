"""The documents for people: every command in them is run, and shows what they say."""

import os
import re
import subprocess
from pathlib import Path

import pytest

import walkthroughs
from audited import heard
from home import Home
from postgres import SUPERUSER, USER
from registered import at_home
from running import own_processes

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
# Notes of what was tried, by other tests; nobody is to follow them line by line.
NOT_FOLLOWED = {"evidence"}
DOCUMENTS = sorted({path.stem for path in DOCS.glob("*.md")} - NOT_FOLLOWED)
DRIVERS = sorted(f"drivers/{path.stem}" for path in (DOCS / "drivers").glob("*.md"))
# A compiler that begins with nothing takes ten seconds; Node.js is in a Debian of its own.
LATER = {"drivers/go", "drivers/node"}
# What is about a server on the reader's own machine: the rules of that.
RULES = {"localhost": "local all all trust\nhost all all all trust\n",
         "server-tls": "local all all trust\n# everybody\nhost    app  app  0.0.0.0/0  scram-sha-256   # the programs\nhost    replication  standby  10.0.0.0/8  md5\n"}
# What an audit of it has to see.
GRANTS = f"GRANT pg_monitor TO {USER}; GRANT SELECT ON pg_hba_file_rules TO {USER}; GRANT EXECUTE ON FUNCTION pg_hba_file_rules() TO {USER}"

pytestmark = pytest.mark.plain_build


@pytest.fixture
def home(request, name, pganchor, tmp_path):
    return request.getfixturevalue("rooted_home")(17) if name == "drivers/node" else Home(tmp_path / "home", pganchor)


@pytest.fixture
def stage(request, home, name, pganchor, stepca, postgres, impostor_postgres, relay, keyring, system, session_directory):
    """A home with the password of the server's user where libpq looks, and a keyring."""
    (home / ".pgpass").write_text(f"*:*:*:{postgres.user}:{postgres.password}\n")
    (home / ".pgpass").chmod(0o600)
    (home / "machine").mkdir()
    if name == "certificates":
        (home / "provisioner-password").write_bytes((stepca.directory / "password").read_bytes())
        (home / "provisioner-password").chmod(0o600)
    # A machine's administrator reads what syslog was told.
    before = heard(home) if name == "fleet" else at_home(home) if name in ("drivers/go", "drivers/jdbc") else []
    env = {**keyring.environment, "NO_COLOR": "1", "PSQL_PAGER": "", "PAGER": "cat", "SHELL": "/bin/bash", "NODE_PATH": "/usr/share/nodejs",
           "PGSYSCONFDIR": home / "machine" if name == "fleet" else None,
           "GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOFLAGS": "", "GOCACHE": session_directory / "go-cache",
           # The distribution's Python and Node.js have its drivers.
           "PATH": f"{pganchor.binary.parent}:/usr/bin:/bin:{os.environ['PATH']}",
           "PKG_CONFIG_PATH": pganchor.prefix / "lib/pkgconfig", "LD_LIBRARY_PATH": pganchor.prefix / "lib"}
    stage = walkthroughs.Stage(home, stepca, postgres, impostor_postgres, relay(postgres.port), pganchor.prefix, before, env)
    if name in RULES:
        server = request.getfixturevalue("make_postgres")(hba=RULES[name])
        subprocess.run(["psql", "-XqAt", "-d", f"{server.superuser} dbname={USER}", "-c", GRANTS], check=True, capture_output=True)
        stage.at_localhost(server, server.directory / "data")
        stage.env.update({"PGUSER": SUPERUSER, "PGDATABASE": "postgres"})
    return stage


def follow(stage, path, strict=True):
    """What does not do what the document says. With PGANCHOR_WRITE_TRANSCRIPTS=yes the document gets what is shown now, to be read
    before it is believed."""
    text, shift, wrong = path.read_text(), 0, []
    new = text
    for part in walkthroughs.read(text, strict):
        if isinstance(part, str):
            stage.direct(part)
        elif isinstance(part, walkthroughs.File):
            stage.write(part)
        else:
            status, told = stage.run(part)
            if part.fails is not None and (status != 0) != part.fails:
                wrong.append(f"$ {part.command}\n{told}[{status}]\n")
            elif not walkthroughs.agree(part.shown, told):
                wrong.append(f"$ {part.command}\n{told}instead of\n{part.shown}")
                new = new[:part.at[0] + shift] + told + new[part.at[1] + shift:]
                shift = len(new) - len(text)
    if os.environ.get("PGANCHOR_WRITE_TRANSCRIPTS") == "yes":
        path.write_text(new)
    return wrong


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_command_does_what_the_document_says(stage, name):
    assert "\n".join(follow(stage, DOCS / f"{name}.md")) == ""


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.whole] if name in LATER else []) for name in DRIVERS])
def test_every_driver_does_what_its_page_says(stage, name):
    """In the home that the page before all of them makes."""
    assert follow(stage, DOCS / "drivers.md") == []
    assert "\n".join(follow(stage, DOCS / f"{name}.md")) == ""


@pytest.mark.parametrize("name", ["README"])
def test_the_first_day_is_as_the_readme_shows_it(stage, name):
    """On a laptop that has the gate in everything, and a keyring in the place of .pgpass."""
    (stage.home / ".pgpass").unlink()
    stage.before = own_processes()
    stage.env["LD_PRELOAD"] = stage.home.program.module
    wrong = "\n".join(follow(stage, DOCS.parent / f"{name}.md", strict=False))
    assert wrong == "", wrong


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
    assert set(re.findall(r"\((drivers/\w+)\.md\)", (DOCS / "drivers.md").read_text())) == set(DRIVERS)
