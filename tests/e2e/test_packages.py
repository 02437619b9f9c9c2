"""The packages: what is in them, and the whole job done with them on a machine that has nothing else of ours.

In this order: the debs, the rpms; a machine of its own; upgrades and removals while every program there has the gate; 32-bit programs.
They are one file since all of them install what is built once.
"""

import os
import re
from pathlib import Path

import pytest

from machines import OWN_MOUNTS, ROOT, run
from packages import (LINUX_USER, PACKAGING, TOP, deb_directories, deb_files, depends, field, install_debs, install_rpms, query,
                      unpack_deb, unpack_rpm, version, watched)
from postgres import USER
from enabling import GENERATOR

pytestmark = [pytest.mark.plain_build, pytest.mark.own_builds]

# Of the package with the tool; the library's is in its own.
MANUALS = sorted(f"man{page.suffix[1:]}/{page.name}" for page in (TOP / "man").iterdir() if page.suffix != ".3")

# ---- Debian

def test_the_debs_and_their_files(debs):
    def rest(package):
        documents = {f"usr/share/doc/{package}/changelog.Debian.gz", f"usr/share/doc/{package}/copyright",
                     f"usr/share/lintian/overrides/{package}"}
        library = "usr/lib/" + run("dpkg-architecture", "-qDEB_HOST_MULTIARCH").strip()
        # debhelper compresses a document from 4 KiB on.
        return {re.sub(r"(/doc/.*)\.gz$", r"\1", name.replace(library, "LIB")) for name in deb_files(debs[package]) - documents}

    assert {name for name in debs if not name.endswith("-dbgsym")} == {
        "pganchor", "pganchor-libpq", "pganchor-keyring", "libpganchor0", "libpganchor-dev", "changes"}
    assert rest("pganchor") == {
        "usr/bin/pganchor", "LIB/pganchor/pganchor-gate.so", "etc/pganchor/policy.conf", "usr/lib/environment.d/40-pganchor.conf",
        "usr/lib/i386-linux-gnu/pganchor/pganchor-gate.so", "usr/lib32/pganchor/pganchor-gate.so",
        "usr/share/bash-completion/completions/pganchor", "usr/share/fish/vendor_completions.d/pganchor.fish",
        "usr/share/zsh/vendor-completions/_pganchor",
        *(f"usr/share/man/{page}.gz" for page in MANUALS),
        *(f"usr/share/doc/pganchor/{page.relative_to(TOP)}" for page in (TOP / "docs").rglob("*.md")),
        "usr/share/doc/pganchor/NEWS", "usr/share/doc/pganchor/README.md", "usr/share/doc/pganchor/SECURITY.md"}
    assert "etc/pganchor/policy.d/" in deb_directories(debs["pganchor"])
    assert rest("pganchor-libpq") == {"LIB/pganchor/libpq/libpq.so", "LIB/pganchor/libpq/libpq.so.5"}
    assert rest("pganchor-keyring") == {"usr/libexec/pganchor/pganchor-secret"}
    assert rest("libpganchor0") == {"LIB/libpganchor.so.0", "LIB/libpganchor.so.0.0.0"}
    assert rest("libpganchor-dev") == {"LIB/libpganchor.so", "LIB/pkgconfig/pganchor.pc", "usr/include/pganchor.h",
                                       "usr/share/man/man3/libpganchor.3.gz"}


def test_debs_depend_on_what_they_need(debs):
    for package in ("pganchor", "pganchor-libpq", "pganchor-keyring", "libpganchor0", "libpganchor-dev"):
        assert field(debs[package], "Version") == f"{version()}-1"
    assert depends(debs["pganchor"]) == {"libc6", "libcurl4", "libelf1", "libjansson4", "libpq5", "libssl3"}
    assert depends(debs["pganchor-libpq"]) == {"debconf", "libc6", "libpq5", "pganchor"}
    assert f"pganchor (= {version()}-1)" in field(debs["pganchor-libpq"], "Depends")
    # GLib is in no other.
    assert depends(debs["pganchor-keyring"]) == {"libc6", "libglib2.0-0", "libsecret-1-0", "pganchor"}
    assert depends(debs["libpganchor0"]) == {"libc6"}
    assert depends(debs["libpganchor-dev"]) == {"libpganchor0", "libpq-dev"}


def test_the_policy_is_a_configuration_file_that_sets_nothing(debs, tmp_path):
    run("dpkg-deb", "--control", debs["pganchor"], tmp_path / "control")
    assert (tmp_path / "control" / "conffiles").read_text().split() == ["/etc/pganchor/policy.conf"]
    policy = unpack_deb(debs["pganchor"], tmp_path / "root") / "etc/pganchor/policy.conf"
    assert [line for line in policy.read_text().splitlines() if line and not line.startswith("#")] == []


def test_the_source_package_says_where_it_comes_from_and_tests_what_is_installed(debs, tmp_path):
    described = next(debs["changes"].parent.glob("*.dsc")).read_text()
    assert re.search(r"^Homepage: https://\S+$", described, re.M) and re.search(r"^Testsuite: autopkgtest$", described, re.M)
    run("dpkg-source", "--no-check", "-x", next(debs["changes"].parent.glob("*.dsc")), tmp_path / "source")
    assert (tmp_path / "source/debian/watch").exists() and os.access(tmp_path / "source/debian/tests/smoke", os.X_OK)


def test_the_library_tells_dpkg_its_symbols(debs, tmp_path):
    run("dpkg-deb", "--control", debs["libpganchor0"], tmp_path)
    symbols = (tmp_path / "symbols").read_text()
    assert "libpganchor.so.0 libpganchor0 #MINVER#" in symbols and f"PGANCHOR_0@PGANCHOR_0 {version()}" in symbols


def test_lintian_finds_no_error(debs):
    said = run("lintian", "--fail-on", "error,warning", debs["changes"])
    assert not re.search(r"^[EW]: ", said, re.MULTILINE)


@pytest.mark.parametrize("kind", ["deb", "rpm"])
def test_what_is_preloaded_or_linked_needs_libc_alone(kind, debs, rpms, tmp_path):
    for package in ("pganchor", "libpganchor0") if kind == "deb" else ("pganchor", "libpganchor"):
        unpack_deb(debs[package], tmp_path) if kind == "deb" else unpack_rpm(rpms[package], tmp_path)
    objects = [*tmp_path.rglob("pganchor-gate.so"), *tmp_path.rglob("libpganchor.so.0.0.0")]
    # The gate for 32-bit programs, and the other name that it has, are in Debian's package.
    assert len(objects) == (4 if kind == "deb" else 2)
    for path in objects:
        assert re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "--dynamic", "--wide", path)) == ["libc.so.6"]


# ---- Fedora

def test_the_rpms_and_their_files(rpms, tmp_path):
    def files(package):
        listed = query(rpms[package], "--list", database=tmp_path)
        return {name for name in listed if "/doc/" not in name and "/licenses/" not in name and "/.build-id" not in name}

    assert set(rpms) == {"pganchor", "pganchor-libpq", "pganchor-keyring", "libpganchor", "libpganchor-devel"}
    assert files("pganchor") == {
        "/usr/bin/pganchor", "/usr/lib64/pganchor", "/usr/lib64/pganchor/pganchor-gate.so", "/etc/pganchor",
        "/etc/pganchor/policy.conf", "/etc/pganchor/policy.d", "/usr/lib/environment.d/40-pganchor.conf",
        "/usr/share/bash-completion/completions/pganchor", "/usr/share/fish/vendor_completions.d/pganchor.fish",
        "/usr/share/zsh/site-functions/_pganchor",
        *(f"/usr/share/man/{page}" for page in MANUALS)}
    assert files("pganchor-libpq") == {"/usr/lib64/pganchor/libpq", "/usr/lib64/pganchor/libpq/libpq.so", "/usr/lib64/pganchor/libpq/libpq.so.5"}
    assert files("pganchor-keyring") == {"/usr/libexec/pganchor", "/usr/libexec/pganchor/pganchor-secret"}
    assert files("libpganchor") == {"/usr/lib64/libpganchor.so.0", "/usr/lib64/libpganchor.so.0.0.0"}
    assert files("libpganchor-devel") == {"/usr/include/pganchor.h", "/usr/lib64/libpganchor.so",
                                          "/usr/lib64/pkgconfig/pganchor.pc", "/usr/share/man/man3/libpganchor.3"}
    assert query(rpms["pganchor"], "--configfiles", database=tmp_path) == {"/etc/pganchor/policy.conf"}


def test_rpms_require_and_provide(rpms, tmp_path):
    def libraries(package, what):
        return {re.match(r"lib\w+\.so\.\d+", name)[0] for name in query(rpms[package], what, database=tmp_path)
                if re.match(r"lib\w+\.so\.\d+", name)}

    assert libraries("pganchor", "--requires") == {f"lib{name}" for name in (
        "c.so.6", "crypto.so.3", "curl.so.4", "elf.so.1", "jansson.so.4", "pq.so.5", "ssl.so.3")}
    assert libraries("pganchor", "--provides") == set()
    assert libraries("pganchor-libpq", "--requires") == {"libc.so.6"} and libraries("pganchor-libpq", "--provides") == set()
    asked = query(rpms["pganchor-libpq"], "--requires", database=tmp_path)
    assert {f"pganchor(x86-64) = {version()}-1", "libpq(x86-64)"} <= asked and not any("/libpq" in name for name in asked)
    assert libraries("libpganchor", "--requires") == {"libc.so.6"}
    assert libraries("libpganchor", "--provides") == {"libpganchor.so.0"}
    isa = f"(x86-64) = {version()}-1"
    assert f"libpganchor{isa}" in query(rpms["libpganchor-devel"], "--requires", database=tmp_path)
    assert f"pganchor{isa}" in query(rpms["pganchor"], "--provides", database=tmp_path)


def test_rpms_are_stripped_and_say_where_they_come_from(rpms, tmp_path):
    for package in ("pganchor", "pganchor-libpq", "libpganchor"):
        unpack_rpm(rpms[package], tmp_path / package)
        query_of = ["rpm", "--dbpath", tmp_path / "db", "-qp"]
        assert run(*query_of, "--queryformat", "%{URL}", rpms[package]).startswith("https://")
        assert f"- {version()}-1" in run(*query_of, "--changelog", rpms[package])
        for path in [*tmp_path.glob(f"{package}/usr/bin/*"), *tmp_path.glob(f"{package}/usr/lib64/**/*.so*")]:
            # Fedora's rpmbuild takes the names of functions out too; Debian's leaves them.
            assert ".debug_" not in run("readelf", "--sections", "--wide", path), path


def test_an_rpm_that_no_fedora_can_install_is_said_to_be_one(rpm_build, rpms, tmp_path):
    """What Debian's libcurl alone has. On Fedora nothing is said, for there it asks for nothing of the kind."""
    foreign = [name for name in query(rpms["pganchor"], "--requires", database=tmp_path) if "CURL_OPENSSL" in name]
    assert foreign and all(name in rpm_build[1] for name in foreign)
    said = re.search(r"for Fedora and RHEL, build there: rpmbuild --rebuild (\S+)", rpm_build[1])
    assert (rpm_build[0] / said[1]).exists()


def test_the_spec_requires_all_that_configure_asks_for():
    spec = (PACKAGING / "pganchor.spec.in").read_text()
    asked = re.findall(r"PGA_NEED\(\[\w+\], \[(\S+) >= (\S+)\], \[\S+\], \[(\S+)\]", (TOP / "configure.ac").read_text())
    assert len(asked) == 5
    for name, least, package in asked:
        assert re.search(rf"^BuildRequires: +(pkgconfig\({name}\)|{package}) >= {re.escape(least)}$", spec, re.M), name


# ---- a machine of its own

@pytest.mark.parametrize("kind", ["deb", "rpm"])
def test_the_whole_job_on_a_clean_machine(kind, request, make_machine, stepca, postgres, impostor_postgres):
    machine = make_machine(kind)
    if kind == "deb":
        install_debs(machine, request.getfixturevalue("debs"))
        assert machine.root("dpkg", "--audit") == ""
    else:
        install_rpms(machine, request.getfixturevalue("rpms"))
    assert machine.run("pganchor", "--version").stdout == f"pganchor {version()}\n"

    done = machine.run("pganchor", "bootstrap", "--ca-url", stepca.url, "--fingerprint", stepca.fingerprint)
    assert done.returncode == 0 and stepca.fingerprint in done.stdout, done.stderr
    done = machine.run("pganchor", "service", "add", "prod", "--host", "db.example.test", "--port", postgres.port,
                       "--user", USER, "--dbname", postgres.dbname)
    assert done.returncode == 0, done.stderr

    query = "SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
    for gate in ((), ("pganchor", "run", "--")):
        done = machine.run(*gate, "psql", "-XAtc", query, "service=prod")
        assert (done.returncode, done.stdout) == (0, "TLSv1.3\n"), done.stderr
        done = machine.run(*gate, "psql", "-XAtc", query, f"service=prod port={impostor_postgres.port}")
        assert done.returncode == 2 and "certificate verify failed" in done.stderr

    weak = f"host=db.example.test port={postgres.port} user={USER} dbname={postgres.dbname}"
    assert machine.run("psql", "-XAtc", query, weak).returncode == 0
    before = postgres.connections()
    for conninfo in (weak, f"{weak} sslmode=require", f"{weak} sslmode=verify-ca"):
        done = machine.run("pganchor", "run", "--", "psql", "-XAtc", query, conninfo)
        assert done.returncode == 2 and "pganchor refused this connection: sslmode=" in done.stderr, done.stderr
    assert postgres.connections() == before


def test_the_installed_policy_directory_is_a_floor(make_machine, debs):
    machine = make_machine("floor")
    install_debs(machine, debs)
    assert machine.run("pganchor", "explain", "host=/tmp").returncode == 0
    machine.root("sh", "-c", "echo unix-socket = refuse >/etc/pganchor/policy.d/50-company.conf")
    done = machine.run("pganchor", "explain", "host=/tmp")
    assert done.returncode == 3 and "Unix-domain socket" in done.stdout + done.stderr
    machine.run("mkdir", "-p", ".config/pganchor")
    machine.run("sh", "-c", "echo unix-socket = allow >.config/pganchor/policy.conf")
    assert machine.run("pganchor", "explain", "host=/tmp").returncode == 3


def test_purging_the_package_leaves_nothing_but_the_users_files(make_machine, debs, stepca):
    machine = make_machine("purge")

    def files():
        # ldconfig and dpkg keep books of their own.
        listed = machine.root("find", "/etc", "/usr", "!", "-name", "ld.so.cache", "-printf", "%p %m\\n")
        return set(listed.splitlines())

    before = files()
    install_debs(machine, debs)
    assert files() != before
    assert machine.run("pganchor", "bootstrap", "--ca-url", stepca.url, "--fingerprint", stepca.fingerprint).returncode == 0
    machine.root("dpkg", "--purge", "pganchor", "libpganchor0")
    assert files() == before
    assert stepca.root_pem.strip() in machine.run("cat", ".postgresql/root.crt").stdout


# ---- the gate in every program, while the package comes and goes

ENABLED = ["/etc/environment.d/50-pganchor.conf", "/etc/profile.d/pganchor.sh", "/etc/ld.so.preload",
           "/etc/systemd/system/app.service.d/pganchor.conf"]


def enable_everywhere(machine):
    machine.root_with_proc("pganchor", "enable", "--system", "--ld-so-preload")
    machine.root_with_proc("pganchor", "enable", "--unit", "app")
    return set(machine.root("find", "/etc", "-path", "*pganchor*", "-o", "-name", "ld.so.preload").split())


def gate_is_everywhere(machine):
    shown = machine.root_with_proc("cat", "/proc/self/maps")
    assert "ld.so" not in shown.replace("/ld-linux", "")
    return "/pganchor-gate.so\n" in shown


def test_a_deb_that_is_upgraded_and_removed_while_every_program_has_the_gate(make_machine, debs, next_debs, tmp_path):
    machine = make_machine("upgraded")
    install_debs(machine, debs)
    before = enable_everywhere(machine)
    assert before >= set(ENABLED) and gate_is_everywhere(machine)

    packages = [next_debs[name] for name in ("pganchor", "libpganchor0")]
    run(*ROOT, "cp", *packages, machine.directory / "root")
    dpkg = ["chroot", machine.directory, "/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "dpkg"]
    calls = watched(tmp_path / "upgrade", *dpkg, "--install", *[f"/root/{path.name}" for path in packages])
    # Never away: the new one takes the old one's place in one step, and what is taken away are other names.
    assert ("rename", "pganchor-gate.so.dpkg-new", "pganchor-gate.so") in calls
    assert all("pganchor-gate.so" not in names[:1] for call, *names in calls)
    assert machine.root("dpkg-query", "-Wf", "${Version}", "pganchor") == f"{version()}-2"
    assert enable_everywhere(machine) == before and gate_is_everywhere(machine)

    calls = watched(tmp_path / "removal", *dpkg, "--remove", "pganchor")
    assert any(call.startswith("unlink") and names == ["pganchor-gate.so"] for call, *names in calls)
    assert not gate_is_everywhere(machine)
    left = machine.root("sh", "-c", "ls -d $0 $* 2>&1 || :", *ENABLED)
    assert left.count("No such file") == len(ENABLED), left


def test_no_shell_complains_once_the_package_is_gone(make_machine, debs):
    """A user's own lines stay where the package goes: they look before they name anything."""
    machine = make_machine("shells")
    install_debs(machine, debs)
    machine.root("sh", "-c", "cp /etc/skel/.bashrc /etc/skel/.profile /home/dev")
    as_dev = ["setpriv", f"--reuid={LINUX_USER}", f"--regid={LINUX_USER}", "--clear-groups", "env", "HOME=/home/dev"]
    for shell in ("/bin/bash", "/bin/sh"):
        machine.root_with_proc(*as_dev, f"SHELL={shell}", "pganchor", "enable", "--shell")
    shells = [["bash", "-lc"], ["bash", "-ic"], ["bash", "-lic"], ["sh", "-lc"]]
    for words in shells:
        assert "/pganchor-gate.so" in machine.run(*words, "echo $LD_PRELOAD").stdout
    machine.root("dpkg", "--remove", "pganchor")
    for words in shells:
        done = machine.run(*words, "ls / >/dev/null; echo \"($LD_PRELOAD)\"")
        assert (done.returncode, done.stdout) == (0, "()\n")
        assert not re.search("pganchor|ld.so|not found|No such", done.stderr), done.stderr


def session(machine, *preloaded):
    """What systemd's own generator sets LD_PRELOAD to in a session of the machine's user, where that is set to something before."""
    script = """mount -n -t tmpfs tmpfs /usr/lib/environment.d
                cp "$0"/usr/lib/environment.d/*pganchor* /usr/lib/environment.d || :
                exec env -i HOME="$0/home/dev" "$@" """
    said = run(*ROOT, *OWN_MOUNTS, "sh", "-c", script, machine.directory, *preloaded, GENERATOR)
    return re.search('^LD_PRELOAD="?(.*?)"?$', said, re.MULTILINE)[1].replace("\\$", "$")


@pytest.mark.skipif(not os.path.exists(GENERATOR), reason="no systemd on this machine")
def test_no_session_complains_once_the_package_is_gone(make_machine, debs):
    """The user's file stays where the package goes: it asks for what the package says."""
    machine = make_machine("session")
    install_debs(machine, debs)
    as_dev = ["setpriv", f"--reuid={LINUX_USER}", f"--regid={LINUX_USER}", "--clear-groups", "env", "HOME=/home/dev"]
    machine.root_with_proc(*as_dev, "pganchor", "enable", "--session")
    module = session(machine)
    assert re.fullmatch(r"/usr/(\$LIB|lib/.*)/pganchor/pganchor-gate\.so", module)
    assert session(machine, "LD_PRELOAD=libm.so.6") == f"{module}:libm.so.6"
    assert ": unchanged\n" in machine.root_with_proc(*as_dev, "pganchor", "enable", "--session")
    said = machine.root("sh", "-c", "dpkg --remove pganchor 2>&1")
    assert "enabled the gate for sessions" not in said
    assert session(machine) == "" and session(machine, "LD_PRELOAD=libm.so.6").strip(":") == "libm.so.6"
    done = machine.run("ls", LD_PRELOAD=session(machine, "LD_PRELOAD=libm.so.6"))
    assert (done.returncode, done.stderr) == (0, "")


def test_what_an_older_build_wrote_for_a_session_is_found_and_renewed(make_machine, debs):
    machine = make_machine("older")
    install_debs(machine, debs)
    as_dev = ["setpriv", f"--reuid={LINUX_USER}", f"--regid={LINUX_USER}", "--clear-groups", "env", "HOME=/home/dev"]
    machine.root_with_proc(*as_dev, "pganchor", "enable", "--session")

    def content():
        return machine.run("cat", ".config/environment.d/50-pganchor.conf").stdout

    written = content()
    older = re.sub(r"\$\{PGANCHOR_INSTALLED:\+(.*?)\}", r"\1", written)
    assert older != written and "LD_PRELOAD=/usr/" in older
    for command, left in (("enable", written), ("disable", "")):
        machine.run("sh", "-c", f"cat >.config/environment.d/50-pganchor.conf <<'END'\n{older}END")
        assert content() == older
        machine.root_with_proc(*as_dev, "pganchor", command, "--session")
        assert content() == left
    # Nothing would be loaded, and nobody would know why.
    machine.root("rm", "/usr/lib/environment.d/40-pganchor.conf")
    said = machine.root_with_proc(*as_dev, "pganchor", "enable", "--session")
    assert "40-pganchor.conf cannot be read, and no session has the gate without it\n    install the package again" in said


def test_a_deb_goes_whatever_was_done_to_the_lines(make_machine, debs):
    """Its module is in no line of ld.so.preload any more, what others preload is, and what is left is named."""
    machine = make_machine("changed")
    install_debs(machine, debs)
    enable_everywhere(machine)
    machine.root("sh", "-c", 'printf "%s libm.so.6\n" "$(cat /etc/ld.so.preload)" >/etc/ld.so.preload')
    machine.root("sed", "-i", "s/export/export A=1/", "/etc/profile.d/pganchor.sh")
    # Another one, which PATH has first, and which would take out everything.
    machine.root("sh", "-c", "printf '#!/bin/sh\n: >/etc/ld.so.preload\n' >/usr/local/bin/pganchor; chmod 755 /usr/local/bin/pganchor")
    machine.root("sh", "-c", "mkdir -p /home/dev/.config/environment.d; "
                 "echo LD_PRELOAD=/opt/lib/pganchor/pganchor-gate.so >/home/dev/.config/environment.d/50-pganchor.conf")
    said = machine.root("sh", "-c", "PATH=/usr/local/bin:$PATH dpkg --remove pganchor 2>&1; echo $?")
    assert said.endswith("\n0\n") and "/etc/profile.d/pganchor.sh: somebody has changed the lines" in said, said
    assert "dev has enabled the gate for sessions: remove /home/dev/.config/environment.d/50-pganchor.conf" in said
    assert machine.root("cat", "/etc/ld.so.preload") == "libm.so.6\n"
    assert not gate_is_everywhere(machine)


def test_a_deb_whose_program_does_not_run_goes_too(make_machine, debs):
    """Then a shell takes the line out of ld.so.preload; where it is one of several in a line, the package stays."""
    machine = make_machine("broken")
    install_debs(machine, debs)
    machine.root_with_proc("pganchor", "enable", "--ld-so-preload")
    line = machine.root("cat", "/etc/ld.so.preload").strip()
    machine.root("sh", "-c", "printf '#!/bin/sh\nexit 127\n' >/usr/bin/pganchor")
    machine.root("sh", "-c", f"printf '%s libm.so.6\n' '{line}' >/etc/ld.so.preload")
    said = machine.root("sh", "-c", "dpkg --remove pganchor 2>&1; echo $?")
    assert said.endswith("\n1\n") and "still names the module" in said and gate_is_everywhere(machine)
    machine.root("sh", "-c", f"printf '# mine\n%s\nlibm.so.6\n' '{line}' >/etc/ld.so.preload")
    machine.root("dpkg", "--remove", "pganchor")
    assert machine.root("cat", "/etc/ld.so.preload") == "# mine\nlibm.so.6\n"
    assert not gate_is_everywhere(machine)


def test_an_rpm_that_is_upgraded_and_removed_while_every_program_has_the_gate(make_machine, rpms, tmp_path):
    """As far as a Debian goes: the same package takes its own place, which to rpm is an upgrade."""
    machine = make_machine("rpm")
    rpm = ["rpm", "--root", machine.directory, "--nodeps"]
    run(*ROOT, *rpm, "-i", rpms["pganchor"])
    before = enable_everywhere(machine)
    assert before >= set(ENABLED) and gate_is_everywhere(machine)
    calls = watched(tmp_path / "upgrade", *rpm, "-U", "--replacepkgs", rpms["pganchor"])
    assert any(call == "rename" and names[1] == "pganchor-gate.so" for call, *names in calls), calls
    assert all("pganchor-gate.so" not in names[:1] for call, *names in calls)
    assert enable_everywhere(machine) == before and gate_is_everywhere(machine)
    watched(tmp_path / "removal", *rpm, "-e", "pganchor")
    assert not gate_is_everywhere(machine)
    left = machine.root("sh", "-c", "ls -d $0 $* 2>&1 || :", *ENABLED)
    assert left.count("No such file") == len(ENABLED), left


# ---- 32-bit programs

@pytest.fixture(scope="session")
def connect(tmp_path_factory):
    """{32: connect.c, 64: the same}, linked with a libpq that has nothing but the names: the machine has the real ones."""
    directory = tmp_path_factory.mktemp("connect")
    names = run("nm", "-D", "--defined-only", next(Path(run("pg_config", "--libdir").strip()).glob("libpq.so.5.*")))
    functions = sorted({line.split()[2].split("@")[0] for line in names.splitlines() if " T " in line})
    (directory / "names.c").write_text("".join(f"void {name}(void) {{}}\n" for name in functions))
    for bits in (32, 64):
        run("cc", f"-m{bits}", "-shared", "-fPIC", "-Wl,-soname,libpq.so.5", "-o", directory / "libpq.so", directory / "names.c")
        run("cc", f"-m{bits}", "-I", run("pg_config", "--includedir").strip(), "-o", directory / f"connect-{bits}",
            TOP / "tests/e2e/programs/connect.c", "-L", directory, "-lpq")
    return {bits: directory / f"connect-{bits}" for bits in (32, 64)}


@pytest.fixture
def mixed_machine(make_machine, debs, connect):
    """A machine with the packages and connect-32 and connect-64."""
    machine = make_machine("mixed", "system_with_32_bit")
    install_debs(machine, debs)
    run(*ROOT, "install", *connect.values(), machine.directory / "usr/bin")
    return machine


def test_a_32_bit_program_is_judged_as_any_other(mixed_machine, stepca, postgres):
    machine = mixed_machine
    assert machine.run("pganchor", "bootstrap", "--ca-url", stepca.url, "--fingerprint", stepca.fingerprint).returncode == 0
    target = f"host=db.example.test port={postgres.port} user={USER} dbname={postgres.dbname}"

    def connects(gate, bits, how, sslmode):
        done = machine.run(*gate, f"connect-{bits}", how, f"{target} sslmode={sslmode}")
        assert (done.returncode, done.stderr) == (0, ""), done
        refused = f"message pganchor refused this connection: sslmode={sslmode}" in done.stdout
        assert refused == ("status bad\n" in done.stdout), done.stdout
        return "status ok\n" in done.stdout

    def check(gate):
        for bits in (32, 64):
            for how in ("connectdb", "start", "found", "foundStart"):
                assert not connects(gate, bits, how, "require") and connects(gate, bits, how, "verify-full")

    assert connects((), 32, "connectdb", "disable") and connects((), 32, "connectdb", "verify-full")
    check(("pganchor", "run", "--"))
    machine.root_with_proc("pganchor", "enable", "--ld-so-preload")
    assert machine.root("cat", "/etc/ld.so.preload") == "/usr/$LIB/pganchor/pganchor-gate.so\n"
    check(())
    # Where the 32-bit libc is of the kind that 64-bit machines had before, its ld.so goes another way to the same file.
    link = machine.directory / "usr/lib32/pganchor/pganchor-gate.so"
    assert link.resolve() == machine.directory / "usr/lib/i386-linux-gnu/pganchor/pganchor-gate.so"


def test_where_32_bit_programs_have_no_gate_there_is_a_warning(mixed_machine):
    machine = mixed_machine
    machine.root("rm", "/usr/lib/i386-linux-gnu/pganchor/pganchor-gate.so")
    warning = "/usr/bin/connect-32 is a program for another kind of processor, so ld.so cannot load this gate into it"
    assert warning in machine.run("pganchor", "run", "--", "connect-32").stderr
    assert machine.run("pganchor", "run", "--require", "--", "connect-32").returncode == 3
    assert "32-bit programs run without the gate" in machine.root_with_proc("pganchor", "enable", "--ld-so-preload")
