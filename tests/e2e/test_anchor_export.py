"""anchor export and anchor import: roots for others, and those that root.crt has already."""

import os
import ssl
import subprocess

import pytest

from anchoring import CONF, ROOT_CRT, SOURCES, add, anchor, content, done, listed, own, told
from bootstrapping import write_root_crt
from certificates import EXPIRED, make_root

COMPANY = make_root("Company Root CA")
OTHER = make_root("Other Root CA")
COMPANY_PEM = f"# anchor company, pin {COMPANY.fingerprint}\n{COMPANY.pem}"
OTHER_PEM = f"# anchor other, pin {OTHER.fingerprint}\n{OTHER.pem}"


@pytest.fixture
def two(home):
    add(home, "company", COMPANY)
    add(home, "other", OTHER)
    return home


def test_to_standard_output(two):
    assert done(anchor(two, "export", "company")).stdout == COMPANY_PEM
    assert done(anchor(two, "export", "other", "company", "--pem")).stdout == OTHER_PEM + COMPANY_PEM
    assert done(anchor(two, "export", "--all")).stdout == COMPANY_PEM + OTHER_PEM


def test_der(two, tmp_path):
    done(anchor(two, "export", "company", "--der", "--out", tmp_path / "root.der"))
    assert (tmp_path / "root.der").read_bytes() == ssl.PEM_cert_to_DER_cert(COMPANY.pem)
    assert "one anchor at a time" in done(anchor(two, "export", "--all", "--der"), 2).stderr


def test_to_a_file(two, tmp_path):
    path = tmp_path / "roots.pem"
    assert done(anchor(two, "export", "--all", "--out", path)).stdout == ""
    assert path.read_text() == COMPANY_PEM + OTHER_PEM
    assert f"{path}: there is such a file; nothing was written" in done(anchor(two, "export", "other", "--out", path), 1).stderr
    assert path.read_text() == COMPANY_PEM + OTHER_PEM
    done(anchor(two, "export", "other", "--out", path, "--force"))
    assert path.read_text() == OTHER_PEM
    # Who gets it pins it.
    done(anchor(two, "remove", "other"))
    done(anchor(two, "add", path, "--fingerprint", OTHER.fingerprint, "--name", "other"))


def test_a_directory_that_is_not_there_is_not_made(two, tmp_path):
    said = done(anchor(two, "export", "company", "--out", tmp_path / "typo/root.pem"), 1).stderr
    assert f"could not find the directory {tmp_path / 'typo'}; nothing was written: No such file or directory\n    make the directory" in said
    assert not (tmp_path / "typo").exists()


@pytest.mark.parametrize("words, status", [([], 2), (["--all", "company"], 2), (["company", "--pem", "--der"], 2), (["company", "othr"], 1)])
def test_what_cannot_be(two, words, status):
    assert done(anchor(two, "export", *words), status).stdout == ""


def test_none(home):
    assert "no anchor is pinned" in done(anchor(home, "export", "--all"), 1).stderr


def test_a_root_that_is_missing(two):
    (two / own("other")).unlink()
    said = done(anchor(two, "export", "--all"), 1)
    assert "does not hold the pinned root; nothing was exported" in said.stderr and said.stdout == ""


def test_a_full_disk_and_a_broken_pipe(two):
    with open("/dev/full", "w") as full:
        said = subprocess.run([two.program.binary, "anchor", "export", "--all"], env=two.environment(), stdout=full, stderr=subprocess.PIPE, text=True)
    assert said.returncode == 1 and "could not write to the standard output" in said.stderr
    before = two.snapshot()
    said = anchor(two, "export", "--all", "--out", two / "roots.pem", full_disk=True)
    assert said.returncode == 1 and "No space left on device" in said.stderr and two.snapshot() == before
    reading, writing = os.pipe()
    os.close(reading)
    said = subprocess.run([two.program.binary, "anchor", "export", "--all"], env=two.environment(), stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert said.returncode != 0


def test_the_systems(two, system):
    directory = system(f"[company]\npin = {OTHER.fingerprint}\n", "anchors.conf").parent
    (directory / "anchors").mkdir(exist_ok=True)
    (directory / "anchors/company.crt").write_text(OTHER.pem)
    assert done(anchor(two, "export", "company")).stdout == COMPANY_PEM
    assert done(anchor(two, "export", "company", "--system")).stdout == COMPANY_PEM.replace(COMPANY.fingerprint, OTHER.fingerprint).replace(
        COMPANY.pem, OTHER.pem)
    assert done(anchor(two, "export", "--all", "--system")).stdout.count("BEGIN") == 1


def name_of(root):
    return f"existing-{root.fingerprint[:16]}"


def test_import(home):
    write_root_crt(home, "a note\n" + COMPANY.pem + OTHER.pem)
    before = home.snapshot()
    said = done(anchor(home, "import"), 1)
    assert COMPANY.fingerprint in said.stdout and "may sign for any host" in said.stdout and "nobody has said that" in said.stderr
    said = done(anchor(home, "import", "--dry-run"))
    assert f"Would be pinned, as anchor {name_of(COMPANY)}" in said.stdout and "This was a dry run" in said.stdout
    assert home.pganchor_tty("anchor", "import", answers=[(r"Type yes: $", "no")]).returncode == 1
    assert home.snapshot() == before
    said = home.pganchor_tty("anchor", "import", answers=[(r"Trust them for PostgreSQL\? Type yes: $", "yes")])
    assert said.returncode == 0 and f"Pinned, as anchor {name_of(OTHER)}" in said.output
    assert sorted(listed(home)) == sorted([name_of(COMPANY), name_of(OTHER)])
    assert (home / ROOT_CRT).read_text() == "a note\n" + COMPANY.pem + OTHER.pem
    assert "kind = root.crt\n" in (home / SOURCES).read_text()
    assert "nothing to do" in done(anchor(home, "import")).stdout
    # And out again, as it was.
    done(anchor(home, "remove", *listed(home)))
    assert (home / ROOT_CRT).read_text() == "a note\n" + COMPANY.pem + OTHER.pem and not (home / CONF).exists()


def test_import_for_some_hosts(home):
    write_root_crt(home, COMPANY.pem)
    one = told(anchor(home, "import", "--yes", "--json", "--hosts", "*.example.com,db.example.org"))
    assert one["hosts"] == ["*.example.com", "db.example.org"] and one["dry_run"] is False
    assert one["anchors"] == [{"anchor": name_of(COMPANY), "pin": COMPANY.fingerprint, "subject": "CN=Company Root CA,O=Test PKI"}]
    assert listed(home)[name_of(COMPANY)]["hosts"] == ["*.example.com", "db.example.org"]
    assert "neither *, *.DOMAIN" in done(anchor(home, "import", "--yes", "--hosts", "a/b"), 2).stderr


@pytest.mark.parametrize("text, why", [(None, "No such file or directory"), ("a note\n", "libpq finds no certificate in it"),
                                       (make_root(days=EXPIRED).pem, "no certificate in it is self-signed and in date")])
def test_nothing_to_import(home, text, why):
    if text is not None:
        write_root_crt(home, text)
    before = content(home)
    assert why in done(anchor(home, "import", "--yes"), 1).stderr and content(home) == before


def test_one_that_can_be_no_anchor(home):
    weak = make_root("Weak Root CA", key="rsa1024")
    write_root_crt(home, weak.pem + COMPANY.pem)
    said = done(anchor(home, "import", "--yes"), 1)
    assert "it is not pinned" in said.stderr and list(listed(home)) == [name_of(COMPANY)]
