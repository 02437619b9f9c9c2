"""Processes that are not what they were at their start, or never were their user's alone: chroot(2), dropped privileges, a home out of
reach, secure-execution mode, NSS."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from policies import open_to_all
from programs import flags
from services import pin, policy as write_policy

REFUSED = "pganchor refused this connection: "
WEAK = f"{REFUSED}sslmode=disable (conninfo) is weaker than verify-full"
NO_SOCKETS = "is a Unix-domain socket, which the policy refuses"
NOT_PINNED = "its certificate chain ends in a root that is not pinned"
NOBODY = 65534
CALLER = 12345

pytestmark = [pytest.mark.skipif(os.geteuid() != 0, reason="a daemon that drops its privileges has to be root first"),
              pytest.mark.no_instruments]


@pytest.fixture
def program(compile_program):
    """It opens libpq, and is not linked with it."""
    return compile_program("daemon.c", [], words=flags("--cflags", "libpq", prefix=Path("/")))


class Cell:
    """A directory for chroot(2) in which the server's socket and the root certificate are, and nothing else. It is the server's own, on
    whose file system the socket is."""

    def __init__(self, server, root_pem):
        self.directory = server.socket_dir
        self.root_crt = self.directory / "daemon-root.crt"
        self.root_crt.write_text(root_pem)
        self.root_crt.chmod(0o644)
        tcp = {"host": "127.0.0.1", "gssencmode": "disable"}
        self.weak = server.conninfo(**tcp, sslmode="disable")
        self.strong_outside = server.conninfo(**tcp, sslmode="verify-full", sslrootcert=self.root_crt, sslcert="/nowhere")
        self.strong = server.conninfo(**tcp, sslmode="verify-full", sslrootcert=f"/{self.root_crt.name}")
        self.local_outside = server.conninfo(host=self.directory)
        self.local = server.conninfo(host="/")

    def inside(self, path):
        return self.directory / str(path).lstrip("/")


@pytest.fixture
def cell(postgres, stepca):
    made = Cell(postgres, stepca.root_pem)
    yield made
    made.root_crt.unlink()


def gated(home, *argv, prefix=(), **kwargs):
    """The lines that the program prints under the gate, where every user can reach the system's policy."""
    done = home.run([*open_to_all(home.program.prefix), *prefix, *home.gate, *argv], cwd="/", **kwargs)
    assert done.stderr == "", done.stderr
    return done.stdout.splitlines()


def shows(lines, *expected):
    """Each line holds what is expected of it."""
    assert len(lines) == len(expected), lines
    for line, words in zip(lines, expected):
        assert words in line, lines


# ---- chroot ----

ORDERS = {
    "root": lambda cell: ["load", f"chroot={cell.directory}"],
    "nobody": lambda cell: ["load", f"chroot={cell.directory}", f"setuid={NOBODY}"],
    "connected before": lambda cell: ["load", f"connect={cell.strong_outside}", f"chroot={cell.directory}", f"setuid={NOBODY}"],
    "chroot twice": lambda cell: ["load", f"chroot={cell.directory.parent}", f"chroot=/{cell.directory.name}", f"setuid={NOBODY}"],
}


@pytest.mark.parametrize("order", ORDERS)
def test_audit_mode_goes_on_behind_chroot(home, system, program, cell, order):
    """The mode, and its other keys."""
    system("mode = audit\n")
    lines = gated(home, program, *ORDERS[order](cell), f"connect={cell.weak}", f"connect={cell.strong}", f"connect={cell.local}")
    assert set(lines) == {"connected"}, lines


@pytest.mark.parametrize("order", ORDERS)
def test_the_systems_floor_goes_on_behind_chroot(home, system, program, cell, order):
    system("unix-socket = refuse\n", "policy.d/10-company.conf")
    lines = gated(home, program, *ORDERS[order](cell), f"connect={cell.weak}", f"connect={cell.strong}", f"connect={cell.local}")
    shows(lines[-3:], WEAK, "connected", NO_SOCKETS)


def test_a_daemon_that_is_linked_with_libpq(home, system, compile_program, cell):
    system("mode = audit\nunix-socket = refuse\n")
    words = [f"chroot={cell.directory}", f"setuid={NOBODY}", "load", f"connect={cell.weak}", f"connect={cell.local}"]
    shows(gated(home, compile_program("daemon.c", ["libpq"], words=["-Wl,--no-as-needed"]), *words), "connected", "connected")


@pytest.mark.parametrize("order", ["root", "nobody"])
def test_the_pins_go_on_behind_chroot(home, program, cell, order):
    """Those of the user that it was when it went there."""
    pin(home, ("another", "0" * 64, "*", "root.crt"))
    lines = gated(home, program, *ORDERS[order](cell), f"connect={cell.strong}", f"connect={cell.local}", f"connect={cell.strong}")
    shows(lines, NOT_PINNED, "connected", NOT_PINNED)


@pytest.mark.parametrize("order", ORDERS)
def test_the_systems_pins_go_on_behind_chroot(home, system, program, cell, order, stepca):
    """Whoever the process becomes there."""
    words = [*ORDERS[order](cell), f"connect={cell.strong}", f"connect={cell.local}", f"connect={cell.strong}"]
    system(f"[company]\npin = {stepca.fingerprint}\n", "anchors.conf")
    assert set(gated(home, program, *words)) == {"connected"}
    system(f"[company]\npin = {'0' * 64}\n", "anchors.conf")
    shows(gated(home, program, *words)[-3:], NOT_PINNED, "connected", NOT_PINNED)


def test_the_keys_of_servers_go_on_behind_chroot(home, program, cell):
    """Of one that is met there, nothing can be remembered, and nothing is left in the new root directory."""
    write_policy(home, "continuity = require\n")
    before = sorted(path.name for path in cell.directory.iterdir())
    shows(gated(home, program, "load", f"chroot={cell.directory}", f"connect={cell.strong}"), "this process has changed its root directory")
    shows(gated(home, program, "load", f"connect={cell.strong_outside}", f"chroot={cell.directory}", f"connect={cell.strong}"),
          "connected", "connected")
    assert sorted(path.name for path in cell.directory.iterdir()) == before


def test_a_policy_that_was_broken_before_chroot_stays_so(home, system, program, cell):
    system("mode = sometimes\n")
    shows(gated(home, program, *ORDERS["nobody"](cell), f"connect={cell.strong}", f"connect={cell.local}"),
          "not a value of this key: mode = sometimes", "not a value of this key: mode = sometimes")


def test_a_policy_of_the_new_root_directory_does_not_count(home, system, program, cell, pganchor):
    """Who fills that directory need not be the administrator; and what is there came in sight, and was not there at the start."""
    directory = cell.inside(pganchor.prefix / "etc/pganchor")
    directory.mkdir(parents=True)
    (directory / "policy.conf").write_text("mode = audit\n")
    try:
        shows(gated(home, program, *ORDERS["root"](cell), f"connect={cell.weak}"), WEAK)
    finally:
        shutil.rmtree(cell.directory / directory.relative_to(cell.directory).parts[0])


def test_chroot_of_a_child_that_shares_the_memory_is_not_the_parents(home, system, program, cell):
    """After vfork(2): the parent goes on reading its files."""
    path = system("mode = audit\n")
    words = ["load", f"vfork-chroot={cell.directory}", f"connect={cell.weak}", "wait", f"connect={cell.weak}"]
    with started(home, program, *words) as daemon:
        assert [daemon.stdout.readline() for _ in range(2)] == ["connected\n", "waiting\n"]
        path.write_text("mode = enforce\n")
        shows(daemon.communicate("\n", 60)[0].splitlines(), WEAK)


def test_chroot_that_fails_says_why(home, program, cell):
    script = "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\nctypes.CDLL('libpq.so.5')\nfor path in (b'/nowhere', b'/etc/passwd'):\n" \
             "    print(libc.chroot(path), os.strerror(ctypes.get_errno()))\n"
    assert gated(home, "/usr/bin/python3", "-c", script) == ["-1 No such file or directory", "-1 Not a directory"]


def test_a_program_without_libpq_opens_nothing_before_chroot(home, program, cell):
    """What it costs without libpq is no system call."""
    def calls(*words):
        done = home.run([*words, "strace", "-o", home / "trace", program, f"chroot={cell.directory}"])
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        text = (home / "trace").read_text()
        before = text[:text.index("\nchroot(")]
        return before.count("\n"), "policy.conf" in before

    alone, _ = calls()
    under, told = calls("env", f"LD_PRELOAD={home.program.module}")
    # The module itself is loaded: that is all there may be more.
    loading, _ = calls("env", f"LD_PRELOAD={nothing(home)}")
    assert not told and under <= loading and alone < loading


def nothing(home):
    """A module with as many segments and no code."""
    (home / "nothing.c").write_text("int pganchor_nothing;\n")
    done = home.run(["cc", "-shared", "-fPIC", "-o", home / "nothing.so", home / "nothing.c"])
    assert done.returncode == 0, done.stderr
    return home / "nothing.so"


USR = 'set -e; mkdir "$1/usr"; mount -n --bind /usr "$1/usr"; for l in /lib*; do cp -P "$l" "$1$l"; done; shift; exec "$@"'


@pytest.fixture
def usr(cell):
    """Words that put the machine's libraries into the cell, in the mount namespace that they stand in."""
    if any(not os.path.islink(path) for path in ("/lib", "/lib64")):
        pytest.skip("/usr is not all there is")
    before = set(cell.directory.iterdir())
    yield ["unshare", "--mount", "sh", "-c", USR, "usr", cell.directory]
    for path in set(cell.directory.iterdir()) - before:
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()


def test_libpq_that_comes_after_chroot_has_the_policy_that_is_in_sight(home, system, program, cell, usr, pganchor):
    """None: the built-in values hold, mode = enforce among them. Or that of the new root directory."""
    system("mode = audit\nunix-socket = refuse\n")
    words = [program, f"chroot={cell.directory}", "load", f"connect={cell.weak}", f"connect={cell.strong}", f"connect={cell.local}"]
    shows(gated(home, *words, prefix=usr), WEAK, "connected", "connected")


# ---- dropped privileges, and a home out of reach ----

def test_a_home_out_of_reach_has_no_files(home, program, cell):
    """HOME=/root of a daemon that has become another user."""
    pin(home, ("another", "0" * 64, "*", "root.crt"))
    write_policy(home, "mode = audit\nunix-socket = refuse\n")
    words = [f"connect={cell.weak}", f"connect={cell.strong_outside}", f"connect={cell.local_outside}"]
    shows(gated(home, program, "load", f"setuid={NOBODY}", *words), WEAK, "connected", "connected")
    by_xdg = {"HOME": "/nonexistent", "XDG_CONFIG_HOME": home / ".config"}
    shows(gated(home, program, "load", f"setuid={NOBODY}", *words, env=by_xdg), WEAK, "connected", "connected")


def test_nor_has_a_home_that_is_open_with_files_that_are_not(home, program, cell, session_directory):
    """The home belongs to another user, and so do the files."""
    elsewhere = session_directory / "open-home"
    shutil.copytree(home.path, elsewhere)
    (elsewhere / ".config/pganchor").mkdir(parents=True)
    elsewhere.chmod(0o755)
    file = elsewhere / ".config/pganchor/policy.conf"
    file.write_text("mode = audit\n")
    words = [program, "load", f"setuid={NOBODY}", f"connect={cell.weak}", f"connect={cell.local_outside}"]
    try:
        shows(gated(home, *words, env={"HOME": elsewhere}), "connected", "connected")
        for path in (file, file.parent, file.parent.parent):
            path.chmod(0)
            shows(gated(home, *words, env={"HOME": elsewhere}), WEAK, "connected")
    finally:
        shutil.rmtree(elsewhere)


@pytest.mark.parametrize("policy, expected", [("mode = audit\n", "connected"), ("unix-socket = refuse\n", WEAK)])
def test_the_systems_policy_holds_there(home, system, program, cell, policy, expected):
    system(policy)
    local = NO_SOCKETS if "refuse" in policy else "connected"
    shows(gated(home, program, "load", f"setuid={NOBODY}", f"connect={cell.weak}", f"connect={cell.strong_outside}",
                f"connect={cell.local_outside}"), expected, "connected", local)


def test_an_own_file_that_cannot_be_read_refuses(home, program, cell, stepca, session_directory):
    """It is the user's, and out of nobody's reach but by a mistake: the pins must not go by that."""
    elsewhere = session_directory / "own-home"
    (elsewhere / ".config/pganchor").mkdir(parents=True)
    file = elsewhere / ".config/pganchor/anchors.conf"
    file.write_text(f"[ca]\npin = {stepca.fingerprint}\n")
    for path in (elsewhere, elsewhere / ".config", elsewhere / ".config/pganchor", file):
        os.chown(path, NOBODY, NOBODY)
    words = [program, "load", f"setuid={NOBODY}", f"connect={cell.strong_outside}"]
    try:
        shows(gated(home, *words, env={"HOME": elsewhere}), "connected")
        for path in (file, file.parent, file.parent.parent):
            mode = path.stat().st_mode
            path.chmod(0)
            shows(gated(home, *words, env={"HOME": elsewhere}), f"{REFUSED}could not open {elsewhere}")
            path.chmod(mode)
        # systemd's ProtectHome= puts an empty directory that nobody may enter in the home's place.
        elsewhere.chmod(0)
        shows(gated(home, *words, env={"HOME": elsewhere}), "connected")
    finally:
        elsewhere.chmod(0o700)
        shutil.rmtree(elsewhere)


def test_root_without_its_power_over_files(home, program, cell, tmp_path):
    """CapabilityBoundingSet= with ProtectHome=: the directory is root's, and root may not enter it."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    words = [program, "load", f"connect={cell.weak}", f"connect={cell.strong_outside}", f"connect={cell.local_outside}"]
    assert home.run(["ls", closed], ordinary=True).returncode != 0
    shows(gated(home, *words, ordinary=True, env={"HOME": closed}), WEAK, "connected", "connected")


class started:
    """The program under the gate, with pipes."""

    def __init__(self, home, *argv):
        words = [*open_to_all(home.program.prefix), *home.gate, *argv]
        self.process = subprocess.Popen(list(map(str, words)), env=home.environment(), cwd="/", stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self.process

    def __exit__(self, *problem):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def test_pins_that_went_out_of_reach_stay(home, system, program, cell):
    """Also where the system's policy changes, or is broken for a while; and it is seen that it does."""
    path = system("mode = enforce\n")
    pin(home, ("another", "0" * 64, "*", "root.crt"))
    write_policy(home, "unix-socket = refuse\n")
    connections = [f"connect={cell.strong_outside}", f"connect={cell.local_outside}"]
    words = ["load", *connections, f"setuid={NOBODY}", *connections, "wait", *connections, "wait", *connections, f"connect={cell.weak}"]
    with started(home, program, *words) as daemon:
        shows([daemon.stdout.readline() for _ in range(5)], NOT_PINNED, NO_SOCKETS, NOT_PINNED, NO_SOCKETS, "waiting")
        path.write_text("mode = sometimes\n")
        daemon.stdin.write("\n")
        daemon.stdin.flush()
        shows([daemon.stdout.readline() for _ in range(3)], "not a value of this key", "not a value of this key", "waiting")
        path.write_text("min-tls = 1.3\n")
        shows(daemon.communicate("\n", 60)[0].splitlines(), NOT_PINNED, NO_SOCKETS, WEAK)


def test_what_comes_back_in_reach_is_read_again(home, program, cell):
    """A server that takes its users' identities in turns."""
    write_policy(home, "unix-socket = refuse\n")
    words = ["load", f"seteuid={NOBODY}", f"connect={cell.local_outside}", "seteuid=0", f"connect={cell.local_outside}",
             f"seteuid={NOBODY}", f"connect={cell.local_outside}"]
    shows(gated(home, program, *words), "connected", NO_SOCKETS, NO_SOCKETS)


def test_another_home_has_other_files(home, program, cell, tmp_path):
    """What is kept of a file is kept for that file alone."""
    write_policy(home, "unix-socket = refuse\n")
    script = ("import os, psycopg2, sys\n"
              "def told():\n"
              "    try:\n        psycopg2.connect(sys.argv[1]); print('connected')\n"
              "    except psycopg2.Error as e:\n        print(str(e).splitlines()[0])\n"
              "told()\nos.setgroups([])\nos.setuid(65534)\ntold()\nos.environ['HOME'] = sys.argv[2]\ntold()\n"
              "os.environ['HOME'] = '/nonexistent'\ntold()\n")
    lines = gated(home, "/usr/bin/python3", "-c", script, cell.local_outside, tmp_path / "closed-too")
    shows(lines, NO_SOCKETS, NO_SOCKETS, "connected", "connected")


# ---- secure-execution mode ----

# In a mount namespace with a copy of /etc, that $1 changes.
OWN_ETC = r"""
set -e
change=$1; shift
umask 022
space=$(mktemp -d)
mount -n -t tmpfs -o mode=755 tmpfs "$space"
cp -a /etc/. "$space/"
mount -n --move "$space" /etc
rmdir "$space"
eval "$change"
exec "$@"
"""


def own_etc(home, *changes):
    """The words before a command that run it with an /etc that these shell commands have changed."""
    return [*open_to_all(home.program.prefix), "unshare", "--mount", "sh", "-c", OWN_ETC, "own-etc", "\n".join(changes)]


AS_CALLER = ["setpriv", f"--reuid={CALLER}", f"--regid={CALLER}", "--clear-groups", "--"]
POWERS = {"set-user-ID": 0o4755, "set-group-ID": 0o2755, "capabilities": 0o755}


@pytest.fixture
def powerful(home, program, session_directory):
    """powerful(kind, words..., env=) -> the lines of a program with more power than its caller, who has a home of his own."""
    copy = session_directory / "powerful"
    theirs = session_directory / "callers"
    (theirs / ".config/pganchor").mkdir(parents=True)
    for path in (theirs, theirs / ".config", theirs / ".config/pganchor"):
        os.chown(path, CALLER, CALLER)

    def run(kind, *words, env=None, caller=AS_CALLER):
        shutil.copy(program, copy)
        copy.chmod(POWERS[kind])
        if kind == "capabilities":
            assert home.run(["setcap", "cap_net_bind_service=ep", copy]).returncode == 0
        changes = (f"sed -i 's|^root:.*|root:x:0:0:root:{home.path}:/bin/sh|' /etc/passwd",
                   f"echo caller:x:{CALLER}:{CALLER}:caller:{theirs}:/bin/sh >>/etc/passwd",
                   f"echo {home.program.module} >/etc/ld.so.preload")
        done = home.run([*own_etc(home, *changes), *caller, copy, *words], env={"HOME": theirs, **(env or {})}, cwd="/")
        assert done.stderr == "", done.stderr
        return done.stdout.splitlines()

    run.theirs = theirs
    yield run
    shutil.rmtree(theirs)
    copy.unlink(missing_ok=True)


@pytest.mark.parametrize("kind", POWERS)
@pytest.mark.parametrize("where", ["HOME", "XDG_CONFIG_HOME", "passwd"])
def test_the_callers_files_do_not_count_in_a_program_with_more_power(powerful, cell, kind, where):
    """Neither to lower the policy nor to break it."""
    env = {"HOME": {}, "XDG_CONFIG_HOME": {"HOME": "/nonexistent", "XDG_CONFIG_HOME": powerful.theirs / ".config"},
           "passwd": {"HOME": None}}[where]
    words = ["load", f"connect={cell.weak}", f"connect={cell.strong_outside}", f"connect={cell.local_outside}"]
    for name, text in (("policy.conf", "mode = audit\n"), ("policy.conf", "no policy\n"), ("anchors.conf", "no pins\n")):
        (powerful.theirs / ".config/pganchor" / name).write_text(text)
        shows(powerful(kind, *words, env=env), WEAK, "connected", "connected")
        (powerful.theirs / ".config/pganchor" / name).unlink()


def test_a_set_user_id_program_has_the_files_of_its_user(home, powerful, cell):
    """libpq itself believes the caller's HOME: so the pins are what the caller cannot choose."""
    pin(home, ("another", "0" * 64, "*", "root.crt"))
    write_policy(home, "unix-socket = refuse\n")
    words = ["load", f"connect={cell.strong_outside}", f"connect={cell.local_outside}"]
    shows(powerful("set-user-ID", *words), NOT_PINNED, NO_SOCKETS)
    # Nor does it help to become root for good, or to run it with the caller's rights for a while.
    shows(powerful("set-user-ID", "setuid=0", *words), NOT_PINNED, NO_SOCKETS)
    (powerful.theirs / ".config/pganchor/policy.conf").write_text("mode = audit\n")
    shows(powerful("set-user-ID", "load", f"seteuid={CALLER}", f"connect={cell.weak}"), WEAK)
    shows(powerful("set-user-ID", "load", f"setuid={CALLER}", f"connect={cell.weak}"), WEAK)
    shows(powerful("set-group-ID", *words), "connected", "connected")


def test_a_set_user_id_program_remembers_no_server(home, powerful, program, cell):
    """Its caller says where it connects to, and whom it believes there; what its user has met counts."""
    write_policy(home, "continuity = require\n")
    known = home / ".config/pganchor/known_servers.conf"
    words = ["load", f"connect={cell.strong_outside}"]
    shows(powerful("set-user-ID", *words), "a set-user-ID program adds none")
    assert not known.exists()
    shows(gated(home, program, *words), "connected")
    before = known.read_bytes()
    shows(powerful("set-user-ID", *words), "connected")
    assert known.read_bytes() == before


@pytest.mark.parametrize("kind", POWERS)
def test_the_systems_pins_hold_in_a_program_with_more_power(powerful, system, cell, kind, stepca):
    """Whatever the caller has pinned."""
    words = ["load", f"connect={cell.strong_outside}", f"connect={cell.local_outside}"]
    (powerful.theirs / ".config/pganchor/anchors.conf").write_text(f"[mine]\npin = {stepca.fingerprint}\n")
    system(f"[company]\npin = {'0' * 64}\n", "anchors.d/company.conf")
    shows(powerful(kind, *words), NOT_PINNED, "connected")
    system(f"[company]\npin = {stepca.fingerprint}\n", "anchors.d/company.conf")
    shows(powerful(kind, *words), "connected", "connected")


SECRET = "correct horse = hunter2"


@pytest.mark.parametrize("name, text, line", [
    ("policy.conf", f"# a comment\n{SECRET}\n", "line 2: no such key"),
    ("policy.conf", "hunter2\n", "line 1: not a line of the form key = value"),
    ("policy.conf", "mode = hunter2\n", "line 1: not a value of this key"),
    ("policy.conf", "allow-weak = *hunter2\n", "line 1: neither *, *.DOMAIN, a host name nor an address"),
    ("anchors.conf", "hunter2\n", "line 1: neither [NAME] nor a line of the form key = value"),
    ("anchors.conf", "[hunter2]\n", "line 1: a section without a pin"),
    ("anchors.conf", "[hunter2 ]\n", "line 1: not a name for an anchor"),
    ("anchors.conf", "[x]\npin = hunter2\n", "line 2: not a pin of 64 lower-case hex digits"),
    ("anchors.conf", f"[x]\n{SECRET}\n", "line 2: no such key"),
])
def test_no_line_is_quoted_to_a_caller_who_cannot_read_it(home, program, powerful, cell, name, text, line):
    directory = home / ".config/pganchor"
    directory.mkdir(parents=True)
    (directory / name).write_text(text)
    told, = powerful("set-user-ID", "load", f"connect={cell.local_outside}")
    assert f"{REFUSED}{directory / name}, {line}" in told and "hunter2" not in told and "horse" not in told
    # Root, who can, is told.
    told, = gated(home, program, "load", f"connect={cell.local_outside}")
    assert "hunter2" in told or "correct horse" in told


def test_the_systems_files_are_not_quoted_either(system, powerful, cell):
    path = system("mode = hunter2\n")
    path.chmod(0o640)
    told, = powerful("set-user-ID", "load", f"connect={cell.local_outside}")
    assert f"{path}, line 1: not a value of this key" in told and "hunter2" not in told


def test_a_service_file_of_the_callers_choice_is_not_looked_at(home, powerful, cell, tmp_path):
    """libpq does; what is in it is not for the message to tell."""
    (tmp_path / "services").write_text("[secret]\nhost=127.0.0.1\nsslmode=allow\n")
    env = {"PGSERVICEFILE": tmp_path / "services", "PGSERVICE": "secret"}
    told, = powerful("set-user-ID", "load", "connect=user=x", env=env)
    assert "sslmode=allow (the program's, or libpq's default) is weaker" in told and "service secret in" not in told


# ---- where HOME is not set: the password database ----

def test_an_entry_of_the_password_file_may_be_long(home, cell, program):
    """getpwuid_r(3) asks for more room then."""
    write_policy(home, "unix-socket = refuse\n")
    change = f"sed -i 's|^root:.*|root:x:0:0:{'x' * 9000}:{home.path}:/bin/sh|' /etc/passwd"
    done = home.run([*own_etc(home, change), "pganchor", "run", "--", program, "load", f"connect={cell.local_outside}"], env={"HOME": None})
    assert NO_SOCKETS in done.stdout, done


@pytest.fixture
def nss(home, postgres, compile_program, tmp_path, session_directory):
    """nss(user, words...) runs the program as that user, with HOME not set, where a module of NSS asks PostgreSQL; -> its lines, and what
    came of the module's connections."""
    module = tmp_path / "libnss_pgtest.so.2"
    shutil.copy(compile_program("nss_module.c", ["libpq"], words=["-shared", "-fPIC"]), module)
    directory = session_directory / "nss"
    directory.mkdir()
    directory.chmod(0o777)

    def run(program, user, *words):
        change = "sed -i 's|^passwd:.*|passwd: pgtest files|' /etc/nsswitch.conf"
        env = {"HOME": None, "LD_LIBRARY_PATH": directory, "LD_PRELOAD": None, "NSS_HOME": directory / "home", "NSS_LOG": directory / "log",
               # All that libpq itself would otherwise ask NSS for.
               "NSS_CONNINFO": postgres.conninfo(host=postgres.socket_dir, sslmode="disable")}
        shutil.copy(module, directory)
        become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--", "env", f"LD_PRELOAD={home.program.module}"]
        done = home.run([*own_etc(home, change), *become, program, *words], env=env, cwd="/", timeout=60)
        assert done.stderr == "", done.stderr
        return done.stdout.splitlines(), (directory / "log").read_text().splitlines()

    run.home = directory / "home"
    yield run
    shutil.rmtree(directory)


def test_a_module_of_nss_that_connects_does_not_wait_for_itself(nss, program, cell):
    """The program asks, the module connects, and the gate wants to know the home."""
    lines, connections = nss(program, 0, "getpwnam=nobody-of-that-name")
    assert lines == ["not found"] and set(connections) == {"connected"}


def test_nor_where_the_gate_asks_first(nss, program, cell):
    """The program connects as a user whom the module alone knows: the module's own connection is judged without a user's files."""
    (nss.home / ".config/pganchor").mkdir(parents=True)
    (nss.home / ".config/pganchor/policy.conf").write_text("unix-socket = refuse\n")
    lines, connections = nss(program, 54321, "load", f"connect={cell.local_outside}")
    shows(lines, NO_SOCKETS)
    assert connections and set(connections) == {"connected"}
