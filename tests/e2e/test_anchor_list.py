"""anchor list and anchor show: what is trusted, until when, for which hosts, in which files, and who uses it."""

import re

import pytest
from cryptography import x509

from anchoring import ROOT_CRT, add, anchor, done, listed, own, service, services_of, told
from certificates import EXPIRED, make_root
from services import environment, pin, write

COMPANY = make_root("Company Root CA", days=(-1, 400))
OTHER = make_root("Another Root CA, of a company whose name is a long one", days=(-1, 400))
PAST = make_root("Root of the past", days=EXPIRED)
SOON = make_root("Root that ends soon", days=(-1, 12))


def table(text):
    """{name: cells} of the table, and its lines."""
    lines = text.splitlines()
    return {line.split()[0]: line for line in lines[1:] if line and not line.startswith(" ")}, lines


def test_none(home):
    said = done(anchor(home, "list"))
    assert said.stdout.startswith("no anchor is pinned\nnext:\n    pganchor bootstrap")
    assert told(anchor(home, "list", "--json")) == {"anchors": [], "expired": 0, "soon": 0, "missing": 0, "warnings": []}


def test_all_of_it(home):
    add(home, "company", COMPANY, "--hosts", "*.example.com db.example.org")
    add(home, "apart", OTHER, "--scoped")
    service(home, "prod", "db.example.com")
    service(home, "apart", "10.0.0.1", home / own("apart"))
    said = listed(home)
    assert list(said) == ["apart", "company"]  # In the order of their names.
    company = said["company"]
    assert company["pin"] == COMPANY.fingerprint and company["subject"] == "CN=Company Root CA,O=Test PKI"
    assert company["hosts"] == ["*.example.com", "db.example.org"] and company["scope"] == "root.crt"
    assert company["kind"] == "file" and company["source"] == str(home.path.parent / "company.pem")
    assert company["files"] == [str(home / own("company")), str(home / ROOT_CRT)] and company["missing"] == []
    assert company["expired"] is False and company["days_left"] > 300 and company["system"] is False
    assert company["services"] == [{"service": "prod", "scope": "user", "file": str(home / ".pg_service.conf"), "line": 1,
                                    "roots": str(home / ROOT_CRT)}]
    assert said["apart"]["scope"] == "scoped" and said["apart"]["files"] == [str(home / own("apart"))]
    assert said["apart"]["hosts"] == ["*"] and services_of(said["apart"]) == ["apart"]
    # Nobody's lines wrap in a pipe.
    rows, lines = table(done(anchor(home, "list")).stdout)
    assert "…" not in str(lines) and "*.example.com db.example.org" in rows["company"] and "Another" not in rows["company"]
    shown = home.pganchor_tty("anchor", "list", env={**environment(home), "NO_COLOR": "1"})
    rows, lines = table(shown.output)
    assert re.match(r"NAME +SUBJECT +SOURCE +DAYS +HOSTS +FILES +SERVICES$", lines[0])
    assert all(len(line) <= 80 for line in lines)
    assert re.search(r" Company Ro.*… +\S+… +\d+ +\*\.exam\S*… +root\.crt +prod$", rows["company"]), rows["company"]
    assert re.search(r"Another \S.*… .* own +apart$", rows["apart"]), rows["apart"]


def test_a_long_name_has_a_line_of_its_own(home):
    name = "n" * 64
    pin(home, (name, COMPANY.fingerprint, "*", "scoped"))
    lines = home.pganchor_tty("anchor", "list", env={**environment(home), "NO_COLOR": "1"}).output.splitlines()
    assert lines[1] == name and lines[2].startswith("  ") and all(len(line) <= 80 for line in lines)


@pytest.mark.parametrize("root, word", [(PAST, "expired"), (SOON, "soon")], ids=["expired", "soon"])
def test_what_ends_is_marked(home, root, word):
    pin(home, ("old", root.fingerprint, "*", "scoped"))
    write(home, root.pem, own("old"))
    said = done(anchor(home, "list")).stdout
    assert word in said.splitlines()[1] and f"\n{word}: " in said
    one = told(anchor(home, "list", "--json"))
    assert one["expired" if root is PAST else "soon"] == 1
    assert one["anchors"][0]["expired"] is (root is PAST)
    shown = home.pganchor_tty("anchor", "list")
    assert ("\033[31m" if root is PAST else "\033[33m") in shown.output


def test_what_is_missing_is_marked(home):
    add(home, "company", COMPANY)
    add(home, "kept", OTHER)
    (home / own("company")).unlink()
    write(home, OTHER.pem, ROOT_CRT)
    said = done(anchor(home, "list")).stdout
    rows, _ = table(said)
    assert "MISSING" in rows["company"] and "MISSING" not in rows["kept"] and "\nMISSING: " in said
    company = listed(home)["company"]
    # The subject and the date stand in anchors.conf, for the reader.
    assert company["subject"] == "CN=Company Root CA,O=Test PKI" and company["days_left"] > 300
    assert company["missing"] == [str(home / own("company")), str(home / ROOT_CRT)] and company["files"] == []
    shown = done(anchor(home, "show", "company")).stdout
    assert f"{home / own('company')}: MISSING\n" in shown and f"{home / ROOT_CRT}: MISSING" in shown
    assert "CN=Company Root CA" in shown
    assert "does not hold the pinned root" in done(anchor(home, "show", "company", "--pem"), 1).stderr
    write(home, OTHER.pem, own("company"))
    assert "does not hold the pinned root" in done(anchor(home, "show", "company")).stdout


def test_whom_a_service_uses(home):
    add(home, "company", COMPANY, "--hosts", "*.example.com")
    add(home, "other", OTHER, "--hosts", "db.example.org")
    (home / "link.crt").symlink_to(home / own("company"))
    (home / "hard.crt").hardlink_to(home / own("other"))
    write(home, COMPANY.pem + OTHER.pem, "both.crt")
    for name, host, roots in [
            ("default", "db.example.com", None), ("explicit", "DB.EXAMPLE.COM.", home / ROOT_CRT), ("outside", "db.example.net", None),
            ("lists", "a.example.com,/tmp,db.example.org", None), ("link", "db.example.net", home / "link.crt"),
            ("hard", "x", home / "hard.crt"), ("bundle", "db.example.org", home / "both.crt"), ("socket", "/tmp", None),
            ("bare", "example.com", None), ("words", "db.example.com", "system"), ("relative", "db.example.com", "root.crt"),
            ("tilde", "db.example.com", "~/.postgresql/root.crt"), ("dotted", "db.example.com", f"{home.path}/./.postgresql/root.crt")]:
        service(home, name, host, roots)
    service(home, "plain", "db.example.com", more="sslmode=disable\n")
    write(home, (home / ".pg_service.conf").read_text() + "[plain2]\nhost=db.example.com\nsslmode=disable\n"
          "[by-address]\nhostaddr=10.0.0.1\nhost=a.example.com\n[bad]\nhost=db.example.com\nnonsense=1\n[default]\nhost=db.example.org\n")
    service(home, "machine", "b.example.com", file="machine/pg_service.conf")
    service(home, "default", "db.example.org", file="machine/pg_service.conf")
    said = listed(home)
    assert services_of(said["company"]) == ["default", "explicit", "lists", "link", "dotted", "plain", "by-address", "machine"]
    assert services_of(said["other"]) == ["lists", "hard", "bundle"]
    assert said["company"]["services"][-1]["scope"] == "system"


def test_the_shells_settings_do_not_count(home):
    add(home, "company", COMPANY)
    service(home, "prod", "db.example.com")
    assert services_of(listed(home, env={"PGSSLROOTCERT": "/nowhere", "PGHOST": "/tmp", "PGSSLMODE": "disable"})["company"]) == ["prod"]


def test_the_systems(home, system):
    add(home, "company", COMPANY)
    directory = system(f"[company]\nhosts = *.example.org\npin = {OTHER.fingerprint}\n", "anchors.conf").parent
    said = done(anchor(home, "list")).stdout
    assert "\nThe system's, for every user:\n" in said and len(re.findall("(?m)^company ", said)) == 2
    assert [one["hosts"] for one in told(anchor(home, "list", "--json", "--system"))["anchors"]] == [["*.example.org"]]
    assert [one["system"] for one in told(anchor(home, "list", "--json"))["anchors"]] == [False, True]
    mine, systems = done(anchor(home, "show", "company")).stdout, done(anchor(home, "show", "company", "--system")).stdout
    assert COMPANY.fingerprint in mine and "--system shows that one" in mine
    assert OTHER.fingerprint in systems and "an anchor of the system's" in systems and str(directory) in systems
    system("user-anchors = refuse", "policy.conf")
    assert "lets none but the system's anchors count" in anchor(home, "list").stderr


def test_one(home):
    add(home, "company", COMPANY, "--hosts", "*.example.com")
    service(home, "prod", "db.example.com")
    said = done(anchor(home, "show", "company")).stdout
    for words in ("company\n", "subject      CN=Company Root CA,O=Test PKI", "may sign for any host", f"pin          {COMPANY.fingerprint}",
                  "hosts        *.example.com", "scope        root.crt", "(file)", "pinned       20", "services     prod ("):
        assert words in said
    assert done(anchor(home, "show", COMPANY.fingerprint[:8].upper())).stdout == said
    assert done(anchor(home, "show", "company", "--pem")).stdout == COMPANY.pem
    one = told(anchor(home, "show", "company", "--json"))
    assert one["pem"] == COMPANY.pem and one["key"].startswith("EC") and one["may_sign_for"] == "any host" and one["hosts"] == ["*.example.com"]
    assert done(anchor(home, "show", "company", "--pem", "--json"), 2)


@pytest.mark.parametrize("word, hint", [("compny", "did you mean company?"), ("COMPANY", "did you mean company?"), ("nothing", "anchor list"),
                                        (COMPANY.fingerprint[:5], "anchor list"), ("0" * 64, "anchor list")])
def test_none_of_that_name(home, word, hint):
    add(home, "company", COMPANY)
    said = done(anchor(home, "show", word), 1)
    assert f"pganchor: anchor {word}: none of this name is pinned\n" in said.stderr and hint in said.stderr and said.stdout == ""


def test_constraints(home):
    bound = COMPANY.twin(extensions=[(x509.NameConstraints([x509.DNSName("example.com")], None), True)])
    pin(home, ("bound", bound.fingerprint, "db.example.org", "scoped"))
    write(home, bound.pem, own("bound"))
    said = done(anchor(home, "show", "bound"))
    assert "example.com" in said.stdout and "pinned for db.example.org, for which its CA can never sign" in said.stderr


def test_a_root_that_joins_an_anchor_is_used_by_its_services(home):
    add(home, "company", COMPANY, "--scoped")
    add(home, "company-2", OTHER, "--scoped")
    write(home, COMPANY.pem + OTHER.pem, own("company"))
    service(home, "prod", "db.example.com", home / own("company"))
    said = listed(home)
    assert services_of(said["company"]) == services_of(said["company-2"]) == ["prod"] and said["company"]["missing"] == []
    done(anchor(home, "remove", "company-2"))  # Nobody is cut off by that,
    assert (home / own("company")).read_text() == COMPANY.pem
    assert "1 service would be cut off" in done(anchor(home, "remove", "company"), 1).stderr
