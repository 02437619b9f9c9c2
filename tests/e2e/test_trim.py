"""pganchor anchor trim: the roots that no server needs go out of a file of many, and come back with uninstall."""

import json

import pytest

from certificates import make_root
from services import environment, write

ROOT_CRT = ".postgresql/root.crt"
KEPT = ".postgresql/root.crt.trimmed"
OTHERS = [make_root(f"Other root {number}") for number in range(5)]
OWN = make_root("The one that signs")


def trim(home, *args, **kwargs):
    return home.pganchor("anchor", "trim", *args, env=environment(home), **kwargs)


def bundle(*authorities, end="\n"):
    """As such files come: a heading, and comments above each; the last line may have no end."""
    text = "# A bundle of somebody's\n\n" + "\n".join(f"# Subject: number {number}\n{authority.pem}"
                                                      for number, authority in enumerate(authorities))
    return text.rstrip("\n") + end


@pytest.fixture
def server(recording_server, tmp_path):
    """A server whose certificate OWN has signed, for localhost."""
    return recording_server(b"S", issued=OWN.issue(tmp_path, "localhost", "127.0.0.1"))


@pytest.fixture
def with_bundle(home, server):
    write(home, bundle(*OTHERS[:3], OWN, *OTHERS[3:], end=""), ROOT_CRT)
    (home / ".postgresql").chmod(0o700)
    write(home, f"[prod]\nhost=localhost\nhostaddr=127.0.0.1\nport={server.port}\nsslmode=verify-full\n")
    return home


def test_what_is_not_needed_goes_and_comes_back(with_bundle):
    before = with_bundle.snapshot()
    would = trim(with_bundle, "root.crt", "--dry-run", "--json")
    assert would.returncode == 0, would.stderr
    assert with_bundle.snapshot() == before
    roots = json.loads(would.stdout)["roots"]
    assert [root["needed"] for root in roots] == [False, False, False, True, False, False]
    assert [root["trimmed"] for root in roots] == [not root["needed"] for root in roots]
    done = trim(with_bundle, "root.crt", "--yes")
    assert done.returncode == 0, done.stderr
    assert "5 of 6 roots are out" in done.stdout
    assert (with_bundle / ROOT_CRT).read_text() == f"# A bundle of somebody's\n\n# Subject: number 3\n{OWN.pem}"
    assert (with_bundle / KEPT).read_bytes() == before[ROOT_CRT].content
    again = trim(with_bundle, "root.crt", "--yes")
    assert again.returncode == 0 and "Nothing was changed" in again.stdout
    back = with_bundle.pganchor("uninstall", "--yes", env=environment(with_bundle))
    assert back.returncode == 0, back.stderr
    assert with_bundle.snapshot() == before


def test_a_second_time_with_more_between_loses_nothing(with_bundle, server):
    assert trim(with_bundle, "root.crt", "--yes").returncode == 0
    later = make_root("Came later")
    with open(with_bundle / ROOT_CRT, "a", encoding="utf-8") as file:
        file.write(later.pem)
    assert trim(with_bundle, "root.crt", "--yes").returncode == 0
    assert later.pem not in (with_bundle / ROOT_CRT).read_text()
    assert with_bundle.pganchor("uninstall", "--yes", env=environment(with_bundle)).returncode == 0
    text = (with_bundle / ROOT_CRT).read_text()
    assert all(authority.pem.strip() in text for authority in [*OTHERS, OWN, later])
    assert not (with_bundle / KEPT).exists()


def test_what_a_server_may_need_that_does_not_answer(with_bundle):
    write(with_bundle, (with_bundle / ".pg_service.conf").read_text() + "\n[gone]\nhost=localhost\nhostaddr=127.0.0.1\nport=1\nsslmode=verify-full\n")
    before = with_bundle.snapshot()
    done = trim(with_bundle, "root.crt", "--yes")
    assert done.returncode == 1 and "service gone" in done.stderr and "--force" in done.stderr
    assert with_bundle.snapshot() == before
    done = trim(with_bundle, "root.crt", "--yes", "--force")
    assert done.returncode == 0 and "service gone" in done.stdout, done.stderr


def test_without_a_service_nothing_says_what_is_needed(with_bundle, server):
    (with_bundle / ".pg_service.conf").unlink()
    before = with_bundle.snapshot()
    done = trim(with_bundle, "root.crt", "--yes")
    assert done.returncode == 1 and "--host" in done.stderr
    assert with_bundle.snapshot() == before
    done = trim(with_bundle, "root.crt", "--yes", "--host", "localhost", "--port", str(server.port))
    assert done.returncode == 0, done.stderr
    assert (with_bundle / ROOT_CRT).read_text().count("BEGIN CERTIFICATE") == 1


def test_another_file_by_its_path(home, server):
    path = write(home, bundle(*OTHERS, OWN), "certs/bundle.pem")
    write(home, f"[prod]\nhost=localhost\nhostaddr=127.0.0.1\nport={server.port}\nsslmode=verify-full\nsslrootcert={path}\n")
    before = home.snapshot()
    assert trim(home, path, "--yes").returncode == 0
    assert path.read_text().count("BEGIN CERTIFICATE") == 1
    assert home.pganchor("uninstall", "--yes", env=environment(home)).returncode == 0
    assert home.snapshot() == before


def test_a_root_that_is_pinned_stays(with_bundle, stepca):
    assert with_bundle.pganchor("bootstrap", "--ca-url", stepca.url, "--fingerprint", stepca.fingerprint).returncode == 0
    assert trim(with_bundle, "root.crt", "--yes").returncode == 0
    text = (with_bundle / ROOT_CRT).read_text()
    assert stepca.root_pem in text and text.count("BEGIN CERTIFICATE") == 2


@pytest.mark.parametrize("word, why", [("nothing", "neither root.crt nor an anchor"), ("/nowhere/x.pem", "there is no such file")])
def test_what_is_no_file_of_roots(with_bundle, word, why):
    before = with_bundle.snapshot()
    done = trim(with_bundle, word, "--yes")
    assert done.returncode == 1 and why in done.stderr
    assert with_bundle.snapshot() == before


def test_it_asks(with_bundle):
    before = with_bundle.snapshot()
    done = trim(with_bundle, "root.crt")
    assert done.returncode == 2 and "--yes" in done.stderr
    done = with_bundle.pganchor_tty("anchor", "trim", "root.crt", answers=[("Would take out .*(?s:.*)Type yes: $", "no")],
                                    env=environment(with_bundle))
    assert done.returncode == 1 and "you have not said yes" in done.output
    assert with_bundle.snapshot() == before


def pin(home, authority, name):
    path = home.path.parent / f"{name}.pem"
    path.write_text(authority.pem)
    done = home.pganchor("anchor", "add", path, "--fingerprint", authority.fingerprint, "--name", name, env=environment(home))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words", [["remove", "company", "--yes"], ["rename", "company", "new-name"]], ids=["removed", "renamed"])
def test_an_anchor_that_was_there_does_not_come_back(with_bundle, words):
    before = with_bundle.snapshot()
    pin(with_bundle, make_root("Company"), "company")
    assert trim(with_bundle, "root.crt", "--yes").returncode == 0
    assert with_bundle.pganchor("anchor", *words, env=environment(with_bundle)).returncode == 0
    back = with_bundle.pganchor("uninstall", "--yes", env=environment(with_bundle))
    assert back.returncode == 0, back.stderr
    assert with_bundle.snapshot() == before


@pytest.mark.parametrize("again", [False, True], ids=["once", "trimmed twice"])
def test_what_the_user_has_taken_out_does_not_come_back(with_bundle, again):
    """Trust that was withdrawn by hand stays withdrawn."""
    withdrawn, later = make_root("Withdrawn"), make_root("Came later")
    pin(with_bundle, withdrawn, "withdrawn")
    conf = with_bundle / ".config/pganchor/anchors.conf"
    assert trim(with_bundle, "root.crt", "--yes").returncode == 0
    conf.unlink()
    path = with_bundle / ROOT_CRT
    path.write_text(path.read_text().replace(withdrawn.pem, "") + (later.pem if again else ""))
    assert not again or trim(with_bundle, "root.crt", "--yes").returncode == 0
    assert with_bundle.pganchor("uninstall", "--yes", env=environment(with_bundle)).returncode == 0
    text = path.read_text()
    assert withdrawn.pem not in text and (later.pem in text) == again
    assert all(authority.pem.strip() in text for authority in [*OTHERS, OWN])


@pytest.mark.parametrize("content", ["my notes", OTHERS[0].pem])
def test_a_file_of_the_users_by_that_name(with_bundle, content):
    write(with_bundle, content, KEPT)
    before = with_bundle.snapshot()
    done = trim(with_bundle, "root.crt", "--yes")
    assert done.returncode == 1 and "does not know it as its own" in done.stderr
    assert with_bundle.snapshot() == before


def test_a_file_that_is_not_in_the_home(home, server, tmp_path):
    """uninstall looks after the home: it is not said to put this one back."""
    path = tmp_path / "roots.pem"
    path.write_text(bundle(*OTHERS, OWN))
    write(home, f"[prod]\nhost=localhost\nhostaddr=127.0.0.1\nport={server.port}\nsslmode=verify-full\nsslrootcert={path}\n")
    done = trim(home, path, "--yes")
    assert done.returncode == 0 and "uninstall leaves it" in done.stdout and "puts it back" not in done.stdout, done.stderr
    assert (tmp_path / "roots.pem.trimmed").read_text() == bundle(*OTHERS, OWN)
