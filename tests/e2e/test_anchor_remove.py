"""anchor remove: the pin, the anchor's own file and what pganchor put into root.crt go, and not a byte more."""

import pytest

from anchoring import CONF, ROOT_CRT, SOURCES, add, anchor, broken, content, done, killed, listed, own, service, told
from bootstrapping import write_root_crt
from certificates import make_root
from crls import CRLS_CONF, ROOT_CRL, crl
from gated import GATED
from recording import THROUGH
from services import environment, write

COMPANY = make_root("Company Root CA")
OTHER = make_root("Other Root CA")
MINE = make_root("A root that was here before")
NOT_PINNED = "its certificate chain ends in a root that is not pinned"
BEFORE = {"none": None, "whole": MINE.pem, "no last line end": MINE.pem.rstrip("\n"), "notes": f"a note\n\n{MINE.pem}\nand another",
          "CRLF": MINE.pem.replace("\n", "\r\n"), "CRLF, no last line end": MINE.pem.replace("\n", "\r\n")[:-2],
          "blank lines": f"\n\n{MINE.pem}\n\n\n", "twice": MINE.pem * 2}


@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
@pytest.mark.parametrize("args", [[], ["--scoped"]], ids=["root.crt", "scoped"])
def test_the_home_is_as_it_was(home, before, args):
    if before is not None:
        write_root_crt(home, before)
    (home / ".postgresql").mkdir(exist_ok=True)
    (home / ".config").mkdir()
    was = content(home)
    add(home, "company", COMPANY, *args)
    add(home, "other", OTHER, *args)
    with_both = content(home)
    said = done(anchor(home, "remove", "company", "--dry-run"))
    assert "Would remove anchor company" in said.stdout and content(home) == with_both
    said = done(anchor(home, "remove", "company"))
    assert f"Removed anchor company (pin {COMPANY.fingerprint})\n    {home / own('company')}\n" in said.stdout
    assert ("its copy in" in said.stdout) is (args == [])
    assert list(listed(home)) == ["other"] and not (home / own("company")).exists()
    done(anchor(home, "remove", "other"))
    after = content(home)
    assert {path: entry for path, entry in after.items() if path not in (".config/pganchor",)} == was


@pytest.mark.parametrize("order", [["company", "other"], ["other", "company"]], ids=["first first", "last first"])
def test_all_at_once(home, order):
    write_root_crt(home, "a note")
    (home / ".config").mkdir()
    was = content(home)
    write_root_crt(home, MINE.pem[:-1])
    add(home, "company", COMPANY)
    add(home, "other", OTHER)
    one = told(anchor(home, "remove", *order, *order, "--json"))
    assert [removed["anchor"] for removed in one["anchors"]] == order and one["dry_run"] is False
    assert one["files"]["anchors.conf"]["change"] == "removed" and one["files"]["root.crt"]["change"] == "changed"
    assert (home / ROOT_CRT).read_text() == MINE.pem[:-1]
    write_root_crt(home, "a note")
    after = content(home)
    after.pop(".config/pganchor", None)
    assert after == was


def test_what_others_wrote_meanwhile_stays(home):
    write_root_crt(home, MINE.pem[:-1])
    add(home, "company", COMPANY)
    with open(home / ROOT_CRT, "a") as file:
        file.write("a note of mine\n" + OTHER.pem)
    done(anchor(home, "remove", "company"))
    assert (home / ROOT_CRT).read_text() == f"{MINE.pem}a note of mine\n{OTHER.pem}"


def test_conf_keeps_what_is_others(home):
    add(home, "company", COMPANY)
    add(home, "other", OTHER)
    text = (home / CONF).read_text()
    (home / CONF).write_text("# mine\n" + text.replace("[company]", "# of the company\n[company]").replace("hosts = *", "hosts  =  *"))
    before = (home / CONF).read_text()
    done(anchor(home, "remove", "company"))
    after = (home / CONF).read_text()
    assert after.startswith("# mine\n") and "# of the company\n" in after and "[company]" not in after
    section = before[before.index("[other]"):]
    assert after.endswith(section) and "company" not in (home / SOURCES).read_text()
    said = done(anchor(home, "remove", "other"))
    assert not (home / CONF).exists() and "the comments in it go with the file" in said.stderr


def test_root_crt_without_a_root_is_never_left(home):
    write_root_crt(home, "a note\n")
    add(home, "company", COMPANY)
    before = home.snapshot()
    said = done(anchor(home, "remove", "company"), 1)
    assert "without this root there would be none in it, and libpq would refuse it" in said.stderr and home.snapshot() == before


def test_a_copy_that_somebody_else_put_there_stays(home):
    write_root_crt(home, MINE.pem + COMPANY.pem)
    add(home, "company", COMPANY)
    said = done(anchor(home, "remove", "company"))
    assert "still holds the root of company, put there by somebody else" in said.stderr
    assert (home / ROOT_CRT).read_text() == MINE.pem + COMPANY.pem
    assert told(anchor(home, "import", "--yes", "--json"))["anchors"]


def test_twice_in_root_crt(home):
    add(home, "company", COMPANY)
    with open(home / ROOT_CRT, "a") as file:
        file.write(COMPANY.pem)
    one = told(anchor(home, "remove", "company", "--json"))
    assert one["anchors"][0]["taken_out_of_root_crt"] is True and one["anchors"][0]["stays_in_root_crt"] is True
    assert (home / ROOT_CRT).read_text() == COMPANY.pem


def test_a_twin_that_stays_is_told(home):
    add(home, "company", COMPANY)
    add(home, "renewed", COMPANY.twin())
    said = done(anchor(home, "remove", "company"))
    assert "anchor renewed stays, with another certificate of the same name and key" in said.stderr
    assert list(listed(home)) == ["renewed"]


def test_the_gate_takes_it_no_more(home, connect):
    add(home, "company", COMPANY)
    add(home, "other", OTHER)
    assert THROUGH in connect(COMPANY, *GATED)
    done(anchor(home, "remove", "company"))
    assert THROUGH not in connect(COMPANY, *GATED) and THROUGH in connect(OTHER, *GATED)


@pytest.fixture
def used(home):
    add(home, "company", COMPANY)
    add(home, "other", OTHER, "--hosts", "db.example.com")
    service(home, "kept", "db.example.com")
    service(home, "lost", "db.example.org")
    service(home, "both", "db.example.org,db.example.com")
    service(home, "bound", "db.example.com", home / own("company"))
    service(home, "apart", "db.example.com", home / own("other"))
    return home


def test_services_that_are_cut_off(used):
    before = used.snapshot()
    said = done(anchor(used, "remove", "company"), 1)
    assert "3 services would be cut off, and there is no terminal to ask on; nothing was changed\n    --yes" in said.stderr
    assert re_lines(said.stdout) == {"kept": "another anchor is there for each of its hosts",
                                     "lost": "no anchor is left for it: it will not connect",
                                     "both": "some of its hosts have no anchor then",
                                     "bound": "no anchor is left for it: it will not connect"}
    one = told(anchor(used, "remove", "company", "--dry-run", "--json"))
    assert {use["service"]: use["loses"] for use in one["services"]} == {"kept": "nothing", "lost": "all", "both": "some", "bound": "all"}
    assert one["cut_off"] == 3 and one["dry_run"] is True
    assert used.pganchor_tty("anchor", "remove", "company", answers=[(r"Type yes: $", "no")]).returncode == 1
    assert used.snapshot() == before
    said = used.pganchor_tty("anchor", "remove", "company", answers=[(r"Remove it all the same\? Type yes: $", "yes")])
    assert said.returncode == 0 and "Removed anchor company" in said.output
    assert list(listed(used)) == ["other"]


def re_lines(text):
    """{service: what becomes of it} of the lines that say so."""
    lines = [line.strip() for line in text.splitlines() if line.startswith("    service ")]
    return {line.split()[1]: line.split("): ", 1)[1] for line in lines}


def test_yes_asks_nothing(used):
    said = done(anchor(used, "remove", "company", "--yes"))
    assert "service lost" in said.stdout and "Removed anchor company" in said.stdout


def test_the_last_anchor(home):
    write_root_crt(home, MINE.pem)
    add(home, "company", COMPANY)
    service(home, "prod", "db.example.com")
    said = done(anchor(home, "remove", "company"))  # What root.crt has beside it is libpq's to trust.
    assert "no anchor is pinned then: the gate takes every root that libpq trusts" in said.stderr


def test_one_that_is_unknown_changes_nothing(used):
    before = used.snapshot()
    said = done(anchor(used, "remove", "company", "othr", "--yes"), 1)
    assert said.stderr == ("pganchor: anchor othr: none of this name is pinned\n"
                           "    did you mean other? \"pganchor anchor list\" shows those there are\n")
    assert used.snapshot() == before
    assert "did you mean company?" in done(anchor(used, "remove", "Company"), 1).stderr
    assert done(anchor(used, "remove"), 2)
    for habit in ("rm", "del", "delete"):
        assert "anchor remove" in done(anchor(used, habit, "company"), 2).stderr


def test_a_file_that_is_missing_or_anothers(home):
    add(home, "company", COMPANY)
    add(home, "other", OTHER)
    (home / own("company")).unlink()
    write(home, MINE.pem, own("other"))
    said = done(anchor(home, "remove", "company", "other"))
    assert "does not hold the pinned root alone: it stays" in said.stderr and (home / own("other")).read_text() == MINE.pem


@pytest.mark.parametrize("number", range(1, 7))
def test_killed_and_run_again(home, number):
    write_root_crt(home, MINE.pem)
    (home / ".config").mkdir()
    add(home, "other", OTHER)
    was = content(home)
    add(home, "company", COMPANY)
    assert killed(home, number, "remove", "company").returncode in (-9, 0)
    # While the pin is there, the command can be run again; and libpq can read root.crt at each moment.
    if "company" in listed(home):
        done(anchor(home, "remove", "company"))
    after = content(home)
    # A lock of one that was killed is taken by the next who wants it.
    assert {path: entry.content for path, entry in after.items() if "/.pganchor" not in path} == \
        {path: entry.content for path, entry in was.items()}


@pytest.mark.parametrize("number", range(1, 4))
def test_an_error_takes_back_those_before(home, number):
    write_root_crt(home, MINE.pem)
    add(home, "other", OTHER)
    add(home, "company", COMPANY)
    was = content(home)
    said = broken(home, number, "remove", "company")
    assert said.returncode == 1 and "Input/output error" in said.stderr
    assert content(home) == was


def test_a_full_disk(home):
    write_root_crt(home, MINE.pem)
    add(home, "other", OTHER)
    add(home, "company", COMPANY)
    was = content(home)
    said = anchor(home, "remove", "company", full_disk=True)
    assert said.returncode == 1 and "No space left on device" in said.stderr and content(home) == was


def test_many_at_once(home):
    roots = [make_root(f"Root {number}") for number in range(24)]
    write_root_crt(home, "".join(root.pem for root in roots))
    told(anchor(home, "import", "--yes", "--json"))
    names = list(listed(home))
    assert len(names) == 24
    done(home.run(["sh", "-c", 'ulimit -Sn 32; exec "$@"', "sh", home.program.binary, "anchor", "remove", *names[1:]]))
    assert list(listed(home)) == names[:1]


def test_the_users_of_two(home, system):
    add(home, "company", COMPANY)
    system(f"[company]\npin = {OTHER.fingerprint}\n[same]\npin = {MINE.fingerprint}\n", "anchors.conf")
    add(home, "mine", MINE)
    said = done(anchor(home, "remove", "company"))
    assert "the system has an anchor company, too, of another root: that stays" in said.stderr
    said = done(anchor(home, "remove", "mine"))
    assert "is pinned as same in " in said.stderr
    assert "there is one among the system's: --system, as root" in done(anchor(home, "remove", "company"), 1).stderr


def test_the_systems(home, system):
    directory = system(f"[company]\npin = {COMPANY.fingerprint}\n\n[other]\npin = {OTHER.fingerprint}\n", "anchors.conf").parent
    (directory / "anchors").mkdir(exist_ok=True)
    (directory / "anchors/company.crt").write_text(COMPANY.pem)
    (directory / "anchors.d").mkdir(exist_ok=True)
    (directory / "anchors.d/more.conf").write_text(f"[more]\npin = {MINE.fingerprint}\n")
    assert f"stands in {directory}/anchors.d/more.conf, which is not pganchor's to change" in done(anchor(home, "remove", "--system", "more"), 1).stderr
    done(anchor(home, "remove", "--system", "company"))
    assert (directory / "anchors.conf").read_text() == f"[other]\npin = {OTHER.fingerprint}\n"
    assert not (directory / "anchors/company.crt").exists()


def with_crl(home, tmp_path, make_postgres, *args):
    """An anchor with a CRL, and a service that needs both; without args in root.crt."""
    server = make_postgres(*COMPANY.issue(tmp_path, "localhost"))
    add(home, "company", COMPANY, *args)
    add(home, "other", OTHER)
    home_file = own("company") if args else ROOT_CRT
    service(home, "prod", "localhost", home / home_file, more=f"port={server.port}\n")
    write(home, crl(COMPANY), "company.crl")
    done(home.pganchor("crl", "add", home / "company.crl", *(["--anchor", "company"] if args else []), env=environment(home)))
    return server


@pytest.mark.parametrize("args", [[], ["--scoped"]], ids=["root.crl", "scoped"])
def test_its_crl_goes_with_it(home, tmp_path, make_postgres, args):
    with_crl(home, tmp_path, make_postgres, *args)
    assert (home / CRLS_CONF).exists()
    one = told(anchor(home, "remove", "company", "--yes", "--json"))
    assert len(one["crls"]) == 1
    assert not (home / CRLS_CONF).exists() and not (home / ROOT_CRL).exists() and not (home / own("company", "crl")).exists()
    assert "sslcrl" not in (home / ".pg_service.conf").read_text()
