"""anchor rename and anchor set-hosts: another name, and other hosts, with the services that hang on them."""

import pytest
from cryptography import x509

from anchoring import CONF, ROOT_CRT, SOURCES, add, anchor, broken, content, done, killed, listed, own, service, services_of, told
from certificates import make_root
from bootstrapping import write_root_crt
from crls import CRLS_CONF, crl
from gated import GATED
from recording import THROUGH
from services import environment, pin_files, write

COMPANY = make_root("Company Root CA", days=(-1, 400))
OTHER = make_root("Other Root CA", days=(-1, 400))
SERVICES = ".pg_service.conf"


@pytest.fixture
def used(home):
    """An anchor in root.crt without a last line end, with entries that name its file in three ways, and one that does not."""
    write_root_crt(home, OTHER.pem[:-1])
    add(home, "company", COMPANY, "--hosts", "*.example.com localhost")
    add(home, "other", OTHER)
    (home / "link.crt").symlink_to(home / own("company"))
    service(home, "named", "db.example.com", home / own("company"))
    service(home, "linked", "db.example.com", home / "link.crt")
    service(home, "dotted", "db.example.com", f"{home.path}/.config/./pganchor/anchors/company.crt")
    service(home, "apart", "db.example.com", home / own("other"))
    service(home, "default", "db.example.com")
    return home


def test_every_place_has_the_new_name(used, connect):
    before = {path: (used / path).read_text() for path in (CONF, SOURCES, ROOT_CRT, SERVICES)}
    was = used.snapshot()
    said = done(anchor(used, "rename", "company", "new-name", "--dry-run"))
    assert "Anchor company would be called new-name." in said.stdout and used.snapshot() == was
    said = done(anchor(used, "rename", "company", "new-name"))
    assert "Anchor company is called new-name." in said.stdout and "service linked names that file" in said.stdout
    assert (used / own("new-name")).read_text() == COMPANY.pem and not (used / own("company")).exists()
    for path in (CONF, SOURCES):
        assert (used / path).read_text() == before[path].replace("[company]", "[new-name]")
    assert (used / ROOT_CRT).read_text() == before[ROOT_CRT].replace("# pganchor anchor company", "# pganchor anchor new-name")
    text = before[SERVICES]
    for value in (used / own("company"), used / "link.crt", f"{used.path}/.config/./pganchor/anchors/company.crt"):
        text = text.replace(f"sslrootcert={value}\n", f"sslrootcert={used / own('new-name')}\n")
    assert (used / SERVICES).read_text() == text
    assert services_of(listed(used)["new-name"]) == ["named", "linked", "dotted", "default"]
    assert THROUGH in connect(COMPANY, *GATED)
    # And what it was taken from root.crt by is known still.
    done(anchor(used, "remove", "new-name", "other", "--yes"))
    assert (used / ROOT_CRT).read_text() == OTHER.pem[:-1]


def test_there_and_back(used):
    (used / "link.crt").unlink()
    write(used, (used / SERVICES).read_text().replace("/./", "/").replace(str(used / "link.crt"), str(used / own("company"))), SERVICES)
    was = content(used)
    one = told(anchor(used, "rename", "company", "new-name", "--json"))
    assert one["anchor"] == "new-name" and one["before"] == "company" and one["services"] == ["named", "linked", "dotted"]
    assert one["files"]["anchor.crt"]["change"] == "created" and one["files"]["old.crt"]["change"] == "removed"
    done(anchor(used, "rename", "new-name", "company"))
    assert content(used) == was


@pytest.mark.parametrize("number", range(1, 9))
def test_killed_and_run_again(used, number):
    """At each moment every service has its file; and the second run ends where the first should have."""
    dead = killed(used, number, "rename", "company", "new-name")
    assert dead.returncode in (-9, 0)
    for line in (used / SERVICES).read_text().splitlines():
        key, _, value = line.partition("=")
        if key == "sslrootcert":
            assert COMPANY.pem == open(value).read() or OTHER.pem == open(value).read()
    again = anchor(used, "rename", "company", "new-name")
    assert again.returncode == (0 if dead.returncode == -9 or number == 1 else 1), again.stderr
    assert not (used / own("company")).exists() and list(listed(used)) == ["new-name", "other"]
    said = listed(used)["new-name"]
    assert said["missing"] == [] and services_of(said) == ["named", "linked", "dotted", "default"]
    assert "company" not in (used / CONF).read_text().replace("company.pem", "") and "anchor company" not in (used / ROOT_CRT).read_text()
    assert "[company]" not in (used / SOURCES).read_text()


@pytest.mark.parametrize("number", range(1, 6))
def test_an_error_takes_back_those_before(used, number):
    was = content(used)
    said = broken(used, number, "rename", "company", "new-name")
    assert said.returncode == 1 and "Input/output error" in said.stderr, said.stderr
    assert content(used) == was


@pytest.mark.parametrize("old, new, status, why", [
    ("nothing", "new", 1, "anchor nothing: none of this name is pinned"),
    ("Company", "new", 1, "did you mean company?"),
    ("company", "other", 1, "anchor other: the name is taken by the root"),
    ("company", "company", 1, "that is its name already"),
    ("company", "../new", 2, "not 1 to 64 of the letters"),
    ("company", "", 2, "not 1 to 64 of the letters"),
    ("company", "kept", 1, "there is such a file, and it is no anchor's"),
])
def test_what_cannot_be(used, old, new, status, why):
    write(used, "mine", own("kept"))
    before = used.snapshot()
    assert why in done(anchor(used, "rename", old, new), status).stderr and used.snapshot() == before


def test_the_machines_entries_are_roots_to_change(used):
    service(used, "machine", "db.example.com", used / own("company"), "machine/pg_service.conf")
    done(anchor(used, "rename", "company", "new-name"))
    assert str(used / own("new-name")) in (used / "machine/pg_service.conf").read_text()


def test_a_file_that_is_missing(used):
    (used / own("company")).unlink()
    done(anchor(used, "rename", "company", "new-name"))
    assert f"sslrootcert={used / own('new-name')}\n" in (used / SERVICES).read_text()
    assert not (used / own("new-name")).exists()


def test_scoped_with_a_crl(home, tmp_path, make_postgres):
    server = make_postgres(*COMPANY.issue(tmp_path, "localhost"))
    pin_files(home, ("company", COMPANY, "*", "scoped"))
    service(home, "prod", "localhost", home / own("company"), more=f"port={server.port}\n")
    write(home, crl(COMPANY), "company.crl.pem")
    done(home.pganchor("crl", "add", home / "company.crl.pem", "--anchor", "company", env=environment(home)))
    text = (home / SERVICES).read_text()
    assert f"sslcrl={home / own('company', 'crl')}\n" in text
    done(anchor(home, "rename", "company", "new-name"))
    assert (home / SERVICES).read_text() == text.replace("/company.cr", "/new-name.cr")
    assert (home / own("new-name", "crl")).exists() and not (home / own("company", "crl")).exists()
    assert "anchor = new-name\n" in (home / CRLS_CONF).read_text()


def test_a_name_of_the_systems(home, system):
    directory = system(f"[company]\npin = {COMPANY.fingerprint}\n", "anchors.conf").parent
    (directory / "anchors").mkdir(exist_ok=True)
    (directory / "anchors/company.crt").write_text(COMPANY.pem)
    service(home, "prod", "db.example.com", directory / "anchors/company.crt")
    assert "none of this name is pinned" in done(anchor(home, "rename", "company", "new"), 1).stderr
    done(anchor(home, "rename", "--system", "company", "new"))
    assert (directory / "anchors.conf").read_text() == f"[new]\npin = {COMPANY.fingerprint}\n"
    assert f"sslrootcert={directory / 'anchors/new.crt'}\n" in (home / SERVICES).read_text()


def test_hosts(used):
    before = (used / CONF).read_text()
    was = used.snapshot()
    said = done(anchor(used, "set-hosts", "company", "*.example.com", "--dry-run"))
    assert "Anchor company is valid for *.example.com localhost.\n    its CA may sign for any host\n" in said.stdout
    assert "It would be valid for *.example.com.\n" in said.stdout and used.snapshot() == was
    done(anchor(used, "set-hosts", "company", "*.example.com"))
    assert (used / CONF).read_text() == before.replace("hosts = *.example.com localhost", "hosts = *.example.com")
    assert listed(used)["company"]["hosts"] == ["*.example.com"]
    assert "nothing was changed" in done(anchor(used, "set-hosts", "company", "*.example.com")).stdout
    one = told(anchor(used, "set-hosts", "company", "*", "--json"))
    assert one["hosts"] == ["*"] and one["hosts_before"] == ["*.example.com"] and one["changed"] is True and one["cut_off"] == 0
    assert (used / CONF).read_text() == before.replace("hosts = *.example.com localhost", "hosts = *")


def test_other_bytes_stay(home):
    add(home, "company", COMPANY)
    write(home, f"# mine\r\n[company]\r\n  pin = {COMPANY.fingerprint}  \r\nscope=scoped", CONF)
    done(anchor(home, "set-hosts", "company", "db.example.com, *.example.org"))
    assert (home / CONF).read_bytes().decode() == \
        f"# mine\r\n[company]\r\nhosts = db.example.com *.example.org\r\n  pin = {COMPANY.fingerprint}  \r\nscope=scoped"


def test_services_that_the_gate_would_refuse(home):
    add(home, "company", COMPANY)
    service(home, "named", "db.example.com", home / own("company"))
    service(home, "default", "db.example.org")
    before = home.snapshot()
    said = done(anchor(home, "set-hosts", "company", "*.example.org"), 1)
    assert "service named " in said.stdout and "no anchor is left for it" in said.stdout and "1 service would be cut off" in said.stderr
    assert home.pganchor_tty("anchor", "set-hosts", "company", "*.example.org", answers=[(r"Type yes: $", "n")]).returncode == 1
    assert home.snapshot() == before
    one = told(anchor(home, "set-hosts", "company", "*.example.org", "--yes", "--json"))
    assert {use["service"]: use["loses"] for use in one["services"]} == {"named": "all", "default": "nothing"}


def test_what_the_ca_cannot_sign_for(home):
    bound = COMPANY.twin(days=(-1, 400), extensions=[(x509.NameConstraints([x509.DNSName("example.com")], None), True)])
    pin_files(home, ("bound", bound, "*", "scoped"))
    said = done(anchor(home, "set-hosts", "bound", "db.example.com", "db.example.org"))
    assert "db.example.org: its CA can never sign for that" in said.stderr and "example.com" in said.stdout


@pytest.mark.parametrize("words, status, why", [
    (["company", "10.0.0.0/8"], 2, "neither *, *.DOMAIN, a host name nor an address"), (["company", ""], 2, "no host pattern"),
    (["company"], 2, "host patterns"), (["nothing", "*"], 1, "none of this name is pinned")])
def test_patterns_that_are_none(used, words, status, why):
    before = used.snapshot()
    assert why in done(anchor(used, "set-hosts", *words), status).stderr and used.snapshot() == before


def test_uninstall_knows_the_entries_that_it_wrote(home):
    """An entry that names the anchor's file has the new name by pganchor's hand, and by nobody else's."""
    write(home, "# mine\n[mine]\nhost=x\nsslmode=verify-full", SERVICES)
    before = home.snapshot()
    add(home, "company", COMPANY, "--scoped")
    for name in ("prod", "test"):
        said = home.pganchor("service", "add", name, "--host", "localhost", "--anchor", "company", env=environment(home))
        assert said.returncode == 0, said.stderr
    for old, new in (("company", "other"), ("other", "company"), ("company", "other")):
        done(anchor(home, "rename", old, new))
    between = home.snapshot()
    done(home.pganchor("uninstall", "--yes", env=environment(home)))
    assert home.snapshot() == before
    for path, entry in between.items():
        if entry.kind == "file":
            write(home, entry.content, path)
    text = (home / SERVICES).read_text()
    write(home, text.replace("[test]\nhost=localhost", "[test]\nhost=elsewhere"), SERVICES)
    said = done(home.pganchor("uninstall", "--yes", env=environment(home)))
    assert "service test in" in said.stdout and "changed since pganchor wrote it" in said.stdout
    assert "[test]\nhost=elsewhere" in (home / SERVICES).read_text() and "[prod]" not in (home / SERVICES).read_text()
