"""A profile as a package, an Ansible role and a module for home-manager: packaging/profile-template."""

import json
import os
import re
import subprocess
import time

import pytest

from home import SECONDS
from machines import ROOT, make_tarball, run, take_away, unpack
from packages import Machine, deb_files, depends, field, install_debs, query, unpack_rpm
from postgres import USER
from profiles import Minisign, anchor, inline, profile, service
from programs import TOP
from services import entry
from whole_machines import BootedMachine

TEMPLATE = TOP / "packaging/profile-template"
MAINTAINER = "Acme <it@acme.example>"
ETC = "etc/pganchor"
UNITS = "usr/lib/systemd/user"
POLICY = ("policy", {"min-tls": "1.3"})

pytestmark = [pytest.mark.plain_build, pytest.mark.own_builds]


@pytest.fixture
def make(pganchor, tmp_path):
    """make("build" | "generate", words...) -> what is said; fails=True: its error."""
    def made(script, *words, fails=False):
        done = subprocess.run([TEMPLATE / script, *map(str, words), "--pganchor", pganchor.binary], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, cwd=tmp_path, env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)})
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stderr if fails else done.stdout

    return made


@pytest.fixture
def key(tmp_path):
    return Minisign(tmp_path)


@pytest.fixture
def signed(tmp_path, key):
    """signed(sections..., version=7) -> the path of a profile with its signature."""
    def write(*sections, **settings):
        path = tmp_path / "acme.profile"
        path.write_text(profile(*sections, **settings))
        key.sign(path)
        return path

    return write


def build(make, tmp_path, *words, kind="--deb"):
    return tmp_path / make("build", kind, "--maintainer", MAINTAINER, *words).strip()


def lintian(package):
    done = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", package], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


FILES = {f"{ETC}/profile.d/acme.profile", f"{ETC}/profile.d/acme.profile.minisig", f"{ETC}/profile-keys.d/acme.pub", f"{ETC}/anchors.d/acme.conf",
         f"{ETC}/anchors/acme-ca.crt", f"{ETC}/policy.d/acme.conf"}
OTHERS = {f"{UNITS}/{between}pganchor-onboard-acme.{suffix}" for between in ("", "default.target.wants/") for suffix in ("path", "service")}


def test_the_deb_and_the_rpm(make, tmp_path, signed, key, stepca):
    path = signed(anchor(**inline(stepca_root(stepca))), service(), POLICY)
    deb = build(make, tmp_path, path, "--key", key.public)
    assert deb.name == "acme-pganchor-profile_7+1_all.deb" and field(deb, "Depends") == "pganchor"
    documents = {f"usr/share/doc/acme-pganchor-profile/{name}" for name in ("changelog.gz", "copyright")}
    assert deb_files(deb) == FILES | documents | OTHERS
    control = tmp_path / "control"
    run("dpkg-deb", "--control", deb, control)
    assert {path.name for path in control.iterdir()} == {"control", "conffiles", "md5sums"}
    assert (control / "conffiles").read_text().splitlines() == sorted(f"/{name}" for name in FILES)
    lintian(deb)
    rpm = build(make, tmp_path, path, "--key", key.public, kind="--rpm")
    assert rpm.name == "acme-pganchor-profile-7-1.noarch.rpm"
    database = tmp_path / "database"
    directories = {f"/{ETC}/{name}" for name in ("profile.d", "profile-keys.d", "anchors.d", "anchors")}
    assert query(rpm, "--list", database=database) == {f"/{name}" for name in FILES | OTHERS} | directories
    assert query(rpm, "--configfiles", database=database) == {f"/{name}" for name in FILES}
    assert "pganchor" in query(rpm, "--requires", database=database) and query(rpm, "--scripts", database=database) == set()
    # One profile makes one package, to the byte.
    for package, kind in ((deb, "--deb"), (rpm, "--rpm")):
        before = package.read_bytes()
        package.unlink()
        assert build(make, tmp_path, path, "--key", key.public, kind=kind).read_bytes() == before, kind


def stepca_root(stepca):
    """As an Authority has it."""
    class Root:
        pem, fingerprint = stepca.root_pem, stepca.fingerprint

    return Root


def test_the_profile_to_begin_with(make, tmp_path):
    lintian(build(make, tmp_path, TEMPLATE / "acme.profile"))


def test_what_is_no_profile_makes_no_package(make, tmp_path, key):
    path = tmp_path / "acme.profile"
    path.write_text(profile(service(sslmode="require")))
    assert "line 7: pganchor sets this itself" in make("build", "--deb", path, fails=True)
    path.write_text(profile())
    assert "it is not signed" in make("build", "--deb", "--key", key.public, path, fails=True)
    assert "not a name for a package" in make("build", "--deb", "--name", "Acme", path, fails=True)
    assert "say what to make: --deb, --rpm or both" in make("build", path, fails=True)
    assert list(tmp_path.glob("*.deb")) == []


def test_the_gate_goes_with_the_package_where_the_administrator_says_so(make, tmp_path, signed, key):
    words = [signed(POLICY), "--key", key.public, "--machine"]
    deb = build(make, tmp_path, *words)
    assert depends(deb) == {"pganchor", "pganchor-libpq"}
    lintian(deb)
    rpm = build(make, tmp_path, *words, kind="--rpm")
    assert "pganchor-libpq" in query(rpm, "--requires", database=tmp_path / "database")
    said = query(rpm, "--scripts", database=tmp_path / "database")
    assert "    /usr/bin/pganchor enable --machine >&2 || exit 1" in said
    assert "    /usr/bin/pganchor disable --machine --own --keep-going >&2 || :" in said


@pytest.fixture
def installed(make_machine, debs):
    machine = make_machine("profile")
    install_debs(machine, debs, ("pganchor", "libpganchor0", "pganchor-libpq"))
    return machine


def dpkg(machine, deb):
    run(*ROOT, "cp", deb, machine.directory / "root")
    machine.root("dpkg", "--install", f"/root/{deb.name}")


def in_etc(machine):
    """What the profile's package has there."""
    return {f"{ETC}/{path}" for path in machine.root("sh", "-c", f"cd /{ETC}; find . -type f ! -name policy.conf").replace("./", "").split()}


def test_it_is_installed_upgraded_removed_and_purged(make, tmp_path, installed, signed, key, stepca):
    authority = inline(stepca_root(stepca))
    before = in_etc(installed)
    dpkg(installed, build(make, tmp_path, signed(anchor(**authority), service(), POLICY), "--key", key.public))
    assert in_etc(installed) == before | FILES
    [shown] = json.loads(installed.run("pganchor", "profile", "--json").stdout)["profiles"]
    assert (shown["profile"], shown["version"], shown["believed"], shown["key_id"]) == ("acme", 7, "system", key.id)
    # What the machine trusts, and asks for, holds for who has never onboarded.
    [listed] = json.loads(installed.run("pganchor", "anchor", "list", "--json").stdout)["anchors"]
    assert (listed["anchor"], listed["pin"]) == ("acme-ca", stepca.fingerprint)
    weak = "host=db.acme.example sslmode=verify-full ssl_max_protocol_version=TLSv1.2"
    assert "is older than TLSv1.3, the least that the policy takes" in installed.run("pganchor", "explain", weak).stdout

    # A newer version has no anchor and no policy any more: neither counts. The root's file, which dpkg keeps, is pinned by nothing.
    dpkg(installed, build(make, tmp_path, signed(version=8), "--key", key.public))
    assert in_etc(installed) == before | {name for name in FILES if "profile" in name or name.endswith(".crt")}
    assert json.loads(installed.run("pganchor", "anchor", "list", "--json").stdout)["anchors"] == []
    assert json.loads(installed.run("pganchor", "profile", "--json").stdout)["profiles"][0]["version"] == 8
    installed.root("dpkg", "--remove", "acme-pganchor-profile")
    assert not list((installed.directory / UNITS).rglob("*pganchor*"))
    installed.root("dpkg", "--purge", "acme-pganchor-profile")
    assert in_etc(installed) == before and installed.root("dpkg", "--audit") == ""


def test_the_gate_comes_and_goes_with_it(make, tmp_path, installed, signed, key):
    conf = installed.directory / "etc/ld.so.conf.d/00-pganchor.conf"
    deb = build(make, tmp_path, signed(POLICY), "--key", key.public, "--machine")
    assert not conf.exists()
    dpkg(installed, deb)
    assert conf.exists()
    # Who has taken it out since keeps it so, through an upgrade too.
    installed.root("pganchor", "disable", "--machine")
    dpkg(installed, build(make, tmp_path, signed(POLICY, version=8), "--key", key.public, "--machine"))
    assert not conf.exists()
    installed.root("dpkg", "--purge", "acme-pganchor-profile")
    dpkg(installed, deb)
    assert conf.exists()
    installed.root("dpkg", "--remove", "acme-pganchor-profile")
    assert not conf.exists()


def test_the_rpm_comes_is_followed_and_goes(make, tmp_path, signed, key, stepca):
    """Installed by rpm into a directory, with a database of its own."""
    root = tmp_path / "root"
    root.mkdir()
    rpm = [*ROOT, "rpm", "--root", root, "--nodeps"]
    whole = anchor(**inline(stepca_root(stepca)))
    first = build(make, tmp_path, signed(whole, service(), POLICY), "--key", key.public, kind="--rpm")
    second = build(make, tmp_path, signed(whole, service(), POLICY, version=8), "--key", key.public, kind="--rpm")
    run(*rpm, "-i", first)
    there = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() or path.is_symlink()}
    assert {path for path in there if path.startswith(("etc/", "usr/"))} == FILES | OTHERS
    assert "version = 7\n" in (root / ETC / "profile.d/acme.profile").read_text()
    assert {path.stat().st_mode & 0o777 for path in (root / ETC).rglob("*")} == {0o644, 0o755}
    assert run(*rpm, "-V", "acme-pganchor-profile") == ""
    run(*rpm, "-U", second)
    assert "version = 8\n" in (root / ETC / "profile.d/acme.profile").read_text()
    assert run(*rpm[:-1], "-q", "acme-pganchor-profile") == "acme-pganchor-profile-8-1.noarch\n"
    run(*rpm, "-e", "acme-pganchor-profile")
    assert [path for path in (root / ETC).rglob("*") if not path.is_dir()] == []
    assert list((root / UNITS).rglob("*onboard*")) == []


def test_the_units_are_sound(make, tmp_path, signed, key, pganchor):
    root = unpack_rpm(build(make, tmp_path, signed(POLICY), "--key", key.public, kind="--rpm"), tmp_path / "root")
    units = sorted((root / UNITS).glob("pganchor-onboard-acme.*"))
    for unit in units:
        unit.write_text(unit.read_text().replace("/usr/bin/pganchor", str(pganchor.binary)))
    done = subprocess.run(["systemd-analyze", "--user", "verify", "--man=no", *units], capture_output=True, text=True,
                          env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    for link in (root / UNITS / "default.target.wants").iterdir():
        assert link.is_symlink() and link.resolve() in units


# ---- the first session

class Company(Machine):
    """A machine with systemd and pganchor's package. Its user `dev` has never heard of pganchor."""

    def write(self, path, text):
        subprocess.run([*ROOT, "sh", "-c", 'cat >"$1"', "write", f"{self.directory}{path}"], input=text, text=True, check=True)


@pytest.fixture
def company(debs, session_directory, tmp_path_factory):
    directory = session_directory / "company"
    packages = {"systemd", "dbus", "libpam-systemd", "postgresql-client", *depends(debs["pganchor"])}
    directory.mkdir()
    unpack(make_tarball("bookworm", "minbase", packages, tmp_path_factory.mktemp("company")), directory)
    machine = Company(directory)
    machine.root("useradd", "--create-home", "--uid", "1000", "dev")
    machine.root("sh", "-c", "echo 127.0.0.1 localhost db.example.test >/etc/hosts")
    install_debs(machine, debs)
    yield machine
    take_away(directory)


def wait_for(what, condition):
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, what()
        time.sleep(0.1)


def test_the_first_session_of_a_user_applies_it(make, tmp_path, company, signed, key, stepca, postgres):
    def section(name):
        return service(name, host="db.example.test", port=postgres.port, dbname=postgres.dbname, user=USER, anchor="acme-ca")

    def applied():
        path = company.directory / "home/dev/.config/pganchor/profiles.conf"
        return re.findall(r"^version = (\d+)$", path.read_text(), re.M) if path.exists() else []

    def journal():
        return booted.run("journalctl", "--no-pager").stdout[-5000:]

    ca = anchor(source=stepca.url, fingerprint=stepca.fingerprint, hosts="*.example.test")
    dpkg(company, build(make, tmp_path, signed(ca, section("orders")), "--key", key.public))
    booted = BootedMachine(company)
    try:
        # As a login does.
        done = booted.run("loginctl", "enable-linger", "dev")
        assert done.returncode == 0, done.stderr
        wait_for(journal, lambda: applied() == ["7"])
        home = company.directory / "home/dev"
        assert stepca.root_pem in (home / ".postgresql/root.crt").read_text()
        assert (home / ".postgresql/root.crt").stat().st_uid == 1000
        assert dict(entry(home, "orders"))["sslmode"] == "verify-full"
        done = company.run("psql", "-XAtc", "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", "service=orders")
        assert (done.returncode, done.stdout) == (0, "t\n"), done.stderr
        assert not (company.directory / "root/.postgresql").exists(), "root is no user of the company's"

        # A newer version reaches the open session.
        dpkg(company, build(make, tmp_path, signed(ca, section("orders"), section("reports"), version=8), "--key", key.public))
        wait_for(journal, lambda: applied() == ["8"])
        assert dict(entry(home, "reports"))["sslmode"] == "verify-full"
    finally:
        booted.stop()


# ---- an Ansible role

# In a copy of /etc of its own, with pganchor on PATH.
OWN_ETC = r"""
copy=$(mktemp -d)
mount -n -t tmpfs tmpfs "$copy"
cp -a /etc/. "$copy"
mount -n --move "$copy" /etc
rmdir "$copy"
cd "$1"
for play in $2; do ansible-playbook -i localhost, -c local "$play"; done
find /etc/pganchor /etc/systemd/user -type f -o -type l | LC_ALL=C sort
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="a role is for root")
def test_the_role_puts_it_on_a_machine(make, tmp_path, signed, key):
    def generate(name, *sections, **settings):
        make("generate", "--ansible", name, "--key", key.public, signed(*sections, **settings))
        (tmp_path / f"{name}.yml").write_text(f"- hosts: localhost\n  gather_facts: false\n  roles: [{{role: {tmp_path / name}}}]\n"
                                              "  vars: {pganchor_acme_packages: []}\n")

    def play(*names):
        words = ["unshare", "--mount", "--propagation", "private", "sh", "-euc", OWN_ETC, "own-etc", str(tmp_path),
                 " ".join(f"{name}.yml" for name in names)]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C.UTF-8", "ANSIBLE_NOCOLOR": "1"})
        assert done.returncode == 0, done.stdout + done.stderr
        return [re.findall(r"ok=\d+ +changed=(\d+)", done.stdout), {line[1:] for line in done.stdout.splitlines() if line.startswith("/etc/")}]

    generate("role", anchor(), service(), POLICY)
    changed, files = play("role", "role")
    # Played again, it changes nothing.
    assert changed[0] != "0" and changed[1] == "0"
    ours = {name for name in files if "pganchor" in name}
    units = {name.replace(UNITS, "etc/systemd/user") for name in OTHERS}
    assert ours == (FILES - {f"{ETC}/anchors/acme-ca.crt"}) | units
    generate("newer", version=8)
    newer = play("role", "newer")[1]
    assert {name for name in newer if "pganchor" in name} == {name for name in FILES if "profile" in name} | units

    # What it writes into is its own.
    (tmp_path / "other").mkdir()
    (tmp_path / "other/file").write_text("")
    assert "there is something else in it" in make("generate", "--ansible", "other", "--key", key.public, tmp_path / "acme.profile", fails=True)
    make("generate", "--ansible", "role", "--key", key.public, tmp_path / "acme.profile")
    assert "version 8" in (tmp_path / "role/tasks/main.yml").read_text()


# ---- a module for home-manager

# What home-manager and nixpkgs have of this, as far as the module asks.
EVALUATE = """
let
  lib = {
    mkEnableOption = text: { };
    mkOption = option: option;
    mkIf = condition: content: if condition then content else { };
    types.package = { };
    hm.dag.entryAfter = before: text: { inherit before text; };
  };
  pkgs = {
    writeText = name: text: text;
    linkFarm = name: entries: { outPath = "/nix/store/x-${name}"; inherit entries; };
  };
  of = enable: (import ./acme.nix) { inherit lib pkgs; config.programs.pganchor.acme = { inherit enable; package = "/nix/store/y-pganchor"; }; };
in { on = (of true).config.home; off = (of false).config; }
"""


def test_the_module_for_home_manager(make, tmp_path, signed, key):
    """nix reads and evaluates it; home-manager itself is not here."""
    path = signed(service(options="-c search_path=\"${x}\\\\\""), message="it's \"${quoted}\" \\ ''${so}''")
    make("generate", "--home-manager", "acme.nix", "--key", key.public, path)
    (tmp_path / "evaluate.nix").write_text(EVALUATE)
    done = subprocess.run(["nix-instantiate", "--eval", "--strict", "--json", "evaluate.nix"], cwd=tmp_path, capture_output=True, text=True,
                          env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "NIX_STATE_DIR": str(tmp_path / "state"),
                               "NIX_STORE_DIR": str(tmp_path / "store")})
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["off"] == {} and said["on"]["packages"] == ["/nix/store/y-pganchor"]
    step = said["on"]["activation"]["pganchor-acme"]
    assert step["before"] == ["writeBoundary"]
    store = "/nix/store/x-pganchor-profile-acme"
    assert f"/nix/store/y-pganchor/bin/pganchor onboard --yes --public-key {store}/acme.pub {store}/acme.profile ||" in step["text"]
    # The texts are the same to the byte, whatever is in them.
    shown = subprocess.run(["nix-instantiate", "--eval", "--strict", "--json", "--expr", f"""
        let pkgs = {{ writeText = name: text: text; linkFarm = name: entries: throw (builtins.toJSON entries); }};
            lib = {{ mkIf = c: x: x; mkEnableOption = x: x; mkOption = x: x; types.package = 0; hm.dag.entryAfter = a: b: b; }};
        in ((import {tmp_path}/acme.nix) {{ inherit lib pkgs; config.programs.pganchor.acme = {{ enable = true; package = ""; }}; }}).config.home.activation
        """], capture_output=True, text=True, env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "NIX_STATE_DIR": str(tmp_path / "state"),
                                                   "NIX_STORE_DIR": str(tmp_path / "store")})
    entries = json.loads(re.search(r"error: (\[.*\])", shown.stderr)[1])
    assert {one["name"]: one["path"] for one in entries} == {
        "acme.profile": path.read_text(), "acme.profile.minisig": (tmp_path / "acme.profile.minisig").read_text(), "acme.pub": key.public.read_text()}
