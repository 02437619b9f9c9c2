"""The package of the drop-in: the gate is where it was asked for, and at no moment is a program without a libpq."""

import contextlib
import re
import subprocess

import pytest

from machines import OWN_MOUNTS, ROOT, make_tarball, run
from packages import depends, install_rpms, version, watched
from postgres import USER

pytestmark = [pytest.mark.plain_build, pytest.mark.own_builds]

PACKAGES = ("pganchor", "pganchor-libpq")
CONF = "/etc/ld.so.conf.d/00-pganchor.conf"
WATCHED = ("libpq.so.5", "ld.so.cache", "00-pganchor.conf")
ENVIRONMENT = ["/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"]
# Does what comes after the root directory, which has a /proc for this command alone.
ENTER = ["sh", "-euc", 'mount -n -t proc proc "$1/proc"; shift; exec "$@"', "enter"]


def words(machine, *argv, before=()):
    """What runs a command of root's in there."""
    return [*OWN_MOUNTS, *ENTER, machine.directory, *before, "chroot", machine.directory, *ENVIRONMENT, *argv]


def root(machine, *argv):
    return run(*ROOT, *words(machine, *argv))


def psql(machine):
    return "/" + str(next(machine.directory.glob("usr/lib/postgresql/*/bin/psql")).relative_to(machine.directory))


def is_on(machine):
    """Which libpq.so.5 a program of the machine finds. It has to start, and to say nothing of libraries."""
    done = machine.run(psql(machine), "--version")
    assert (done.returncode, done.stderr) == (0, "") and "PostgreSQL" in done.stdout, done
    found = re.search(r"^\s*libpq\.so\.5 => (\S+)", machine.run(psql(machine), LD_TRACE_LOADED_OBJECTS="1").stdout, re.MULTILINE)[1]
    return "/pganchor/libpq/" in found


def exists(machine, path):
    return machine.run("test", "-e", path).returncode == 0


def answer(machine, value):
    machine.root("sh", "-c", f"echo pganchor-libpq pganchor-libpq/machine boolean {value} | debconf-set-selections")


def put(machine, debs, names=PACKAGES):
    """Has the files of these packages in its /root -> their names there."""
    run(*ROOT, "cp", *[debs[name] for name in names], machine.directory / "root")
    return [f"/root/{debs[name].name}" for name in names]


def install(machine, debs, names=PACKAGES):
    return root(machine, "dpkg", "--install", *put(machine, debs, names))


# A program that is started again and again. What it says of a library, and what became of it, is in a file.
AGAIN = """while [ ! -e /tmp/enough ]; do
    "$0" --version >/dev/null 2>>/tmp/failed || echo "status $?" >>/tmp/failed
    echo >>/tmp/started
done"""


@contextlib.contextmanager
def started_all_the_time(machine):
    """What is in its block happens while a program is started all the time, at least once at its end; none of them fails."""
    machine.root("rm", "-f", "/tmp/enough", "/tmp/failed", "/tmp/started")
    starter = subprocess.Popen([*ROOT, "chroot", str(machine.directory), "/usr/bin/env", "-i", "PATH=/usr/bin:/bin", "sh", "-c", AGAIN,
                                psql(machine)], stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        machine.root("touch", "/tmp/enough")
        assert starter.wait() == 0
    assert machine.root("cat", "/tmp/failed") == ""
    assert (machine.directory / "tmp/started").stat().st_size > 1


# ---- the question

def test_without_an_answer_nothing_is_enabled_and_what_an_admin_did_stays(make_machine, debs, next_debs):
    machine = make_machine("default")
    install(machine, debs)
    assert not is_on(machine) and not exists(machine, CONF) and machine.root("dpkg", "--audit") == ""
    root(machine, "pganchor", "enable", "--machine")
    assert is_on(machine)
    install(machine, next_debs)
    assert is_on(machine) and machine.root("dpkg-query", "-Wf", "${Version}", "pganchor-libpq") == f"{version()}-2"
    root(machine, "pganchor", "disable", "--machine")
    install(machine, debs)
    assert not is_on(machine) and not exists(machine, CONF)


def test_a_yes_puts_the_gate_before_every_program(make_machine, debs, next_debs, stepca, postgres):
    machine = make_machine("yes")
    answer(machine, "true")
    install(machine, debs)
    assert is_on(machine)
    assert machine.run("pganchor", "bootstrap", "--ca-url", stepca.url, "--fingerprint", stepca.fingerprint).returncode == 0
    target = f"host=db.example.test port={postgres.port} user={USER} dbname={postgres.dbname}"
    ask = ["psql", "-XAtc", "SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"]
    seen = postgres.connections()
    done = machine.run("env", "-i", "PATH=/usr/bin:/bin", *ask, f"{target} sslmode=require")
    assert done.returncode == 2 and "pganchor refused this connection: sslmode=require" in done.stderr, done
    assert postgres.connections() == seen
    done = machine.run(*ask, f"{target} sslmode=verify-full")
    assert (done.returncode, done.stdout, done.stderr) == (0, "TLSv1.3\n", "")
    # What the administrator does later is not undone by the answer of then; a new one counts, and so does one at a new installation.
    root(machine, "pganchor", "disable", "--machine")
    install(machine, next_debs)
    assert not is_on(machine)
    for value in ("true", "false", "true"):
        answer(machine, value)
        root(machine, "dpkg-reconfigure", "pganchor-libpq")
        assert is_on(machine) == (value == "true")
    root(machine, "dpkg", "--remove", "pganchor-libpq")
    assert not is_on(machine) and not exists(machine, CONF)
    install(machine, debs)
    assert is_on(machine)


def test_a_purge_leaves_nothing(make_machine, debs):
    machine = make_machine("purged")

    def files():
        listed = machine.root("find", "/etc", "/usr", "/var/lib", "-path", "/var/lib/dpkg", "-prune", "-o", "!", "-name", "ld.so.cache",
                              "-printf", "%p %m\\n")
        return {line for line in listed.splitlines() if not re.search(r"cache/debconf|cache/ldconfig", line)}

    before = files()
    answer(machine, "true")
    install(machine, debs)
    assert is_on(machine)
    root(machine, "dpkg", "--purge", *PACKAGES)
    assert files() == before and not is_on(machine)
    assert "pganchor" not in machine.root("debconf-show", "pganchor-libpq")


def test_an_answer_that_cannot_be_followed_is_said(make_machine, debs):
    """Another directory comes first: it is not as it was asked for, and the way out is named."""
    machine = make_machine("first")
    machine.root("sh", "-euc", "mkdir /opt/lib; cp -L /usr/lib/*/libpq.so.5 /opt/lib; "
                 "echo /opt/lib >/etc/ld.so.conf.d/00-first.conf; ldconfig")
    answer(machine, "true")
    packages = put(machine, debs)
    said = root(machine, "sh", "-c", 'dpkg --install "$@" 2>&1 || echo failed', "sh", *packages)
    assert "failed" in said and "ld.so finds the libpq /opt/lib/libpq.so.5, and the drop-in stands before /usr/lib/" in said and "debconf-set-selections" in said, said
    assert not is_on(machine) and not exists(machine, CONF)
    machine.root("sh", "-c", "rm /etc/ld.so.conf.d/00-first.conf; ldconfig")
    root(machine, "dpkg", "--configure", "--pending")
    assert is_on(machine)


@pytest.fixture(scope="session")
def system_with_dpkg_dev(debs, tmp_path_factory):
    """A tarball: what the package depends on, psql, and what finds out what a package depends on."""
    return make_tarball("bookworm", "minbase", {"postgresql-client", "dpkg-dev", *depends(debs["pganchor"])}, tmp_path_factory.mktemp("dev"))


def test_what_is_built_where_it_is_on_depends_on_the_real_one(make_machine, debs):
    machine = make_machine("builds", "system_with_dpkg_dev")
    answer(machine, "true")
    install(machine, debs)
    assert is_on(machine)
    machine.root("sh", "-euc", 'mkdir -p /tmp/b/debian/one/usr/bin; cp "$0" /tmp/b/debian/one/usr/bin; '
                 'printf "Source: one\n\nPackage: one\nArchitecture: any\n" >/tmp/b/debian/control', psql(machine))
    said = machine.root("sh", "-euc", "cd /tmp/b; dpkg-shlibdeps -O debian/one/usr/bin/psql 2>/dev/null")
    assert re.search(r"\blibpq5\b", said) and "pganchor" not in said


# ---- at every moment

def test_programs_start_while_the_package_is_upgraded_and_removed(make_machine, debs, next_debs, tmp_path):
    machine = make_machine("upgraded")
    answer(machine, "true")
    install(machine, debs)
    packages = put(machine, next_debs)
    with started_all_the_time(machine):
        calls = watched(tmp_path / "upgrade", *words(machine, "dpkg", "--install", *packages), names=WATCHED)
    assert ("rename", "libpq.so.5.dpkg-new", "libpq.so.5") in calls and is_on(machine)
    assert all(names[:1] not in (["libpq.so.5"], ["00-pganchor.conf"]) for call, *names in calls), calls
    with started_all_the_time(machine):
        calls = watched(tmp_path / "removal", *words(machine, "dpkg", "--remove", "pganchor-libpq"), names=WATCHED)
    # The file, what ldconfig has made of it, and only then the drop-in.
    steps = [names[-1] for call, *names in calls if names[-1] in WATCHED]
    assert steps.index("00-pganchor.conf") < steps.index("ld.so.cache") < steps.index("libpq.so.5"), calls
    assert not is_on(machine) and not exists(machine, CONF)


def later(libpq, directory):
    """The package once more, of a version that comes after."""
    run("dpkg-deb", "--raw-extract", libpq, directory / "later")
    control = directory / "later/DEBIAN/control"
    control.write_text(re.sub(r"^(Version: .*)$", r"\1+later", control.read_text(), flags=re.MULTILINE))
    run("dpkg-deb", "--root-owner-group", "--build", directory / "later", directory / "later.deb")
    return directory / "later.deb"


def test_programs_start_while_libpq_itself_is_upgraded(make_machine, debs, tmp_path):
    machine = make_machine("libpq")
    answer(machine, "true")
    install(machine, debs)
    run("apt-get", "-q", "download", "libpq5", cwd=tmp_path)
    same = next(tmp_path.glob("libpq5_*.deb"))
    with started_all_the_time(machine):
        for libpq in (same, later(same, tmp_path), same):
            install(machine, {"libpq5": libpq}, ["libpq5"])
            assert is_on(machine)


def state(machine):
    """What dpkg says of the package; nothing where it does not know it."""
    return machine.root("sh", "-c", "dpkg-query -Wf '${db:Status-Status}' pganchor-libpq 2>/dev/null || :")


def killed(machine, number, directory, *argv):
    """dpkg, killed where it would write its line of that number about what it does. Returns whether it had so many."""
    lines = directory / "status"
    tracer = ["sh", "-euc", 'exec 9>"$1"; shift; exec "$@"', "status", lines, "strace", "-qq", "-o", "/dev/null", "-P", lines,
              "-e", "trace=write", "-e", f"inject=write:signal=KILL:when={number}"]
    done = subprocess.run([str(word) for word in [*ROOT, *words(machine, "dpkg", "--status-fd", "9", *argv, before=tracer)]],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode in (0, -9, 137), done
    assert len(lines.read_text().splitlines()) == number - 1 or done.returncode == 0
    return done.returncode != 0


@pytest.mark.parametrize("what", ["installed", "upgraded", "removed"])
def test_dpkg_may_be_killed_at_every_step(make_machine, debs, next_debs, tmp_path, what):
    """Programs start after each, with the gate where it was before, and where they are to have it in the end."""
    machine = make_machine(what)
    answer(machine, "true")
    first, second = put(machine, debs), put(machine, next_debs)
    root(machine, "dpkg", "--install", first[0])
    argv = {"installed": ["--install", first[1]], "upgraded": ["--install", *second], "removed": ["--remove", "pganchor-libpq"]}[what]
    steps = 0
    while True:
        root(machine, "dpkg", *(["--purge", "pganchor-libpq"] if what == "installed" else ["--install", *first]))
        answer(machine, "true")
        assert is_on(machine) == (what != "installed")
        if not killed(machine, steps + 1, tmp_path, *argv):
            break
        steps += 1
        assert is_on(machine) or what != "upgraded"
        # Where it was killed while it unpacked, dpkg configures nothing until it has unpacked that again; and what it was to remove
        # only where it is named: then it is as if nobody had wanted to.
        root(machine, "sh", "-c", "dpkg --configure --pending || :")
        if what == "removed" and state(machine) == "half-configured":
            root(machine, "dpkg", "--configure", "pganchor-libpq")
        assert is_on(machine) == (state(machine) == "installed") or what == "upgraded"
        root(machine, "dpkg", *argv)
        assert is_on(machine) == (what != "removed") == exists(machine, CONF)
        assert machine.root("dpkg", "--audit") == ""
    assert steps > 3


def test_without_the_real_one_ld_so_names_it_and_the_package_goes_all_the_same(make_machine, debs):
    """Nothing of pganchor can run then: the lines go all the same."""
    machine = make_machine("forced")
    answer(machine, "true")
    install(machine, debs)
    root(machine, "dpkg", "--force-depends", "--remove", "libpq5")
    done = machine.run(psql(machine), "--version")
    assert done.returncode == 127
    assert re.search(r"error while loading shared libraries: /usr/lib/\S+/libpq\.so\.5: cannot open shared object file", done.stderr), done
    root(machine, "dpkg", "--force-depends", "--remove", "pganchor-libpq")
    assert not exists(machine, CONF)
    assert "pganchor" not in machine.root("ldconfig", "-p")


def test_the_lines_go_whatever_was_done_to_them(make_machine, debs):
    """Somebody has a directory of his own in the file: that stays."""
    machine = make_machine("changed")
    answer(machine, "true")
    install(machine, debs)
    machine.root("sh", "-c", f"printf '#!/bin/sh\nexit 127\n' >/usr/bin/pganchor; echo /opt/lib >>{CONF}")
    root(machine, "dpkg", "--remove", "pganchor-libpq")
    left = machine.root("cat", CONF).splitlines()
    assert [line for line in left if not line.startswith("#")] == ["/opt/lib"]
    assert not is_on(machine)


# ---- Fedora

def test_an_rpm_of_the_drop_in_comes_and_goes(make_machine, rpms, tmp_path):
    """As far as a Debian goes: the same package takes its own place, which to rpm is an upgrade."""
    machine = make_machine("rpm")
    install_rpms(machine, rpms)
    rpm = ["rpm", "--root", machine.directory, "--nodeps"]

    def act(*argv):
        return watched(tmp_path / "log", *OWN_MOUNTS, *ENTER, machine.directory, *rpm, *argv, names=WATCHED)

    act("-i", rpms["pganchor-libpq"])
    assert not is_on(machine) and not exists(machine, CONF)
    root(machine, "pganchor", "enable", "--machine")
    assert is_on(machine)
    with started_all_the_time(machine):
        act("-U", "--replacepkgs", rpms["pganchor-libpq"])
        assert is_on(machine)
        calls = act("-e", "pganchor-libpq")
    steps = [names[-1] for call, *names in calls if names[-1] in WATCHED]
    assert steps.index("00-pganchor.conf") < steps.index("ld.so.cache") < steps.index("libpq.so.5"), calls
    assert not is_on(machine) and not exists(machine, CONF)
