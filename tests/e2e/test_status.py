"""pganchor status: is the gate active here, by which way, and which running programs have a libpq without it."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from audited import OWN_DEV, PYTHON
from processes import ordinary_user
from running import LOADING, gated, loading


# In the namespace that the tests make we are root, of whom every process is told.
WHOSE = "everybody"
USER = "root"


without_asan = pytest.mark.skipif("ASAN_OPTIONS" in os.environ, reason="the tool is built with ASan, and is preloaded into")


@pytest.fixture(scope="session")
def compile_library(build, own_libpq_words):
    """compile_library(exported) -> a shared library with libpq itself in it, called by a name of its own."""
    def compile_one(exported):
        words = own_libpq_words if exported else [*own_libpq_words, "-Wl,--exclude-libs,ALL"]
        return build("cc", "../connect.c", "-shared", "-fPIC", "-Wl,--whole-archive", *words[:3], "-Wl,--no-whole-archive", *words[3:])
    return compile_one


def file_of(soname):
    """The file that the loader finds for a library."""
    program = f"import ctypes; ctypes.CDLL({soname!r}); print(open('/proc/self/maps').read())"
    maps = subprocess.run([PYTHON, "-c", program], capture_output=True, text=True, check=True).stdout
    return Path(re.search(rf" (/\S*/{re.escape(soname)}\S*)$", maps, re.MULTILINE)[1])


def library():
    """The file of this machine's libpq, and its version."""
    path = file_of("libpq.so.5")
    return path, path.name.rpartition(".")[2]


def test_active_here_and_nothing_else_runs(among):
    _, status, shown = among([])
    assert (status, shown.splitlines()[0]) == (0, "active here: LD_PRELOAD has the gate")
    assert f"programs of {WHOSE} with the gate: 0; with a libpq: 0\n" in shown


@pytest.mark.no_gate
def test_not_active_here(among):
    _, status, shown = among([], gated=False)
    assert status == 3
    assert shown.startswith("not active here: what this shell starts has no gate\n    pganchor enable --help")
    told = json.loads(among([], "--json", gated=False)[2])
    assert (told["active"], told["ld_preload"]) == (False, False)


def test_programs_with_a_libpq_and_the_gate(among, pganchor):
    path, version = library()
    [pid, other], status, shown = among([gated(loading("libpq.so.5")), gated(loading())], "--json")
    assert status == 0
    processes = {process["pid"]: process for process in json.loads(shown)["processes"]}
    assert processes[pid] == {
        "pid": pid, "user": USER, "program": Path(PYTHON).name, "gate": str(pganchor.module), "gate_deleted": False,
        "module_missing": False, "secure": False,
        "libpqs": [{"path": str(path), "version": version, "sessions": "SSL_write", "deleted": False}], "inside": None}
    assert processes[other]["libpqs"] == [] and processes[other]["gate"] == str(pganchor.module)


def test_a_libpq_without_the_gate_is_weaker(among):
    path, version = library()
    pids, status, shown = among([loading("libpq.so.5"), gated(loading("libpq.so.5")), loading()])
    assert status == 3
    rows = {int(row[0]): row[1:] for row in (re.split(r"  +", line) for line in shown.splitlines()) if row[0].isdigit()}
    assert {pid: (row[2], row[3], row[4]) for pid, row in rows.items()} == {
        pids[0]: ("no", version, str(path)), pids[1]: ("yes", version, str(path))}
    assert "1 with a libpq and without the gate: start it again where the gate is active" in shown


def test_another_library_under_the_gates_name_is_none(among, tmp_path):
    other = tmp_path / "pganchor-gate.so"
    source = "int nothing(void) { return 0; }"
    subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", other], input=source, text=True, check=True)
    _, status, shown = among([["env", f"LD_PRELOAD={other}", *loading("libpq.so.5")]], "--json")
    assert status == 3 and [process["gate"] for process in json.loads(shown)["processes"]] == [None]


def test_a_libpq_under_another_name_and_two_in_one_process(among, home):
    path, version = library()
    wheel = home / f"libpq-0a1b2c3d.so.5.{version}"
    shutil.copy(path, wheel)
    _, status, shown = among([loading("libpq.so.5", wheel)], "--json")
    assert status == 3
    [process] = json.loads(shown)["processes"]
    assert {(libpq["path"], libpq["version"]) for libpq in process["libpqs"]} == {(str(path), version), (str(wheel), version)}


def test_a_libpq_that_was_replaced_since(among, home):
    copy = home / "libpq.so.5"
    shutil.copy(library()[0], copy)
    _, status, shown = among([gated(loading(copy))], "--json", meanwhile=f"rm {copy}")
    [process] = json.loads(shown)["processes"]
    assert (status, process["libpqs"]) == (0, [{"path": str(copy), "version": None, "sessions": None, "deleted": True}])


# The server's; and what libpq 18 and 19 load for OAuth.
@pytest.mark.parametrize("name", ["libpqwalreceiver.so", "libpq-oauth-18.so", "libpq-oauth.so"])
def test_a_library_of_a_like_name_is_no_libpq(among, home, name):
    shutil.copy(file_of("libm.so.6"), home / name)
    _, status, shown = among([loading(home / name)], "--json")
    assert (status, json.loads(shown)["processes"]) == (0, [])


def test_a_program_that_is_linked_with_libpganchor_has_the_gate(among, pganchor):
    _, status, shown = among([loading(pganchor.prefix / "lib/libpganchor.so.0", "libpq.so.5")], "--json")
    [process] = json.loads(shown)["processes"]
    assert status == 0 and "/libpganchor.so.0" in process["gate"]


def test_a_libpq_inside_is_weaker_with_the_module_too(among, build, own_libpq_words):
    program = build("cc", "waiting.c", *own_libpq_words)
    [pid, other], status, shown = among([gated([program]), [program]])
    assert status == 3
    for number in (pid, other):
        assert re.search(rf"(?m)^{number} +{USER} +{program.name} +sees nothing +libpq inside +{program}$", shown), shown
    assert "2 with a way to PostgreSQL inside that the gate does not see: give them sslmode=verify-full" in shown
    assert "start it again" not in shown
    _, status, shown = among([[program]], "--json")
    [process] = json.loads(shown)["processes"]
    assert (status, process["inside"], process["libpqs"], process["gate"]) == (3, "libpq", [], None)


def test_a_driver_inside_is_shown(among, build):
    """It may be as strong as one likes: the gate does not know."""
    program = build("go", "pq.go", env={"CGO_ENABLED": "0"})
    [pid], status, shown = among([[program, "wait"]])
    assert status == 0
    assert re.search(rf"(?m)^{pid} +{USER} +{program.name} +sees nothing +github.com/lib/pq inside +{program}$", shown), shown
    assert json.loads(among([[program, "wait"]], "--json")[2])["processes"][0]["inside"] == "github.com/lib/pq"


@pytest.mark.parametrize("exported", [False, True], ids=["hidden", "exported"])
def test_a_libpq_inside_a_library(among, compile_library, exported):
    """Of one that others can call it is a libpq of another name; the other is out of the gate's sight."""
    extension = compile_library(exported)
    [pid], status, shown = among([gated(loading(extension))])
    if exported:
        assert re.search(rf"(?m)^{pid} +{USER} +\S+ +yes +\? +{extension}$", shown), shown
        return
    assert status == 3
    assert re.search(rf"(?m)^{pid} +{USER} +\S+ +sees nothing +libpq inside +{extension}$", shown), shown
    [pid], status, shown = among([gated(loading("libpq.so.5", extension))])
    assert status == 3 and re.search(rf"(?m)^{pid} +{USER} +\S+ +sees a part +\d+, libpq inside +/\S+, {extension}$", shown), shown


@pytest.mark.parametrize("name, driver", [("asyncpg/protocol/protocol.cpython-311-x86_64-linux-gnu.so", "asyncpg"),
                                          ("net8.0/Npgsql.dll", "Npgsql")])
def test_a_driver_that_is_a_library(among, home, name, driver):
    library = home / name
    library.parent.mkdir(parents=True)
    shutil.copy(file_of("libm.so.6"), library)
    [process] = json.loads(among([loading(library)], "--json")[2])["processes"]
    assert (process["inside"], process["libpqs"]) == (driver, [])


def test_a_program_that_speaks_the_protocol_itself(among, home):
    """It is so called, and has a libpq too, as pgpool does: that one is covered, and the rest is not."""
    pool = home / "pgpool"
    shutil.copy(PYTHON, pool)
    program = [pool, "-c", LOADING]
    [bare, both], _, shown = among([gated(program), gated([*program, "libpq.so.5"])])
    assert re.search(rf"(?m)^{bare} +{USER} +pgpool +sees nothing +own protocol inside +{pool}$", shown), shown
    assert re.search(rf"(?m)^{both} +{USER} +pgpool +sees a part +\d+, own protocol inside +/\S+, {pool}$", shown), shown
    assert "2 with a way to PostgreSQL inside that the gate does not see" in shown


PRELOADED = "import os, sys; os.environ['LD_PRELOAD'] = sys.argv[1]; os.execvp(sys.argv[2], sys.argv[2:])"


@without_asan
@pytest.mark.parametrize("order", ["before", "behind"])
def test_a_libpq_beside_the_gate(among, pganchor, order):
    """Whatever ld.so loads first, the gate stands before it: test_callers.py sees what that is worth."""
    preload = f"{library()[0]}:{pganchor.module}" if order == "before" else f"{pganchor.module}:{library()[0]}"
    [pid], status, shown = among([[PYTHON, "-c", PRELOADED, preload, *loading()]])
    assert status == 0 and re.search(rf"(?m)^{pid} +{USER} +\S+ +yes  ", shown), shown


def test_a_root_without_the_module(among, pganchor):
    """ld.so starts the program all the same, as in a container or a chroot: there, starting it again would not help."""
    place = ["unshare", "--mount", "sh", "-c", 'mount -n -t tmpfs tmpfs "$0" && exec "$@" 2>/dev/null', pganchor.module.parent]
    [pid], status, shown = among([[*gated([*place, *loading("libpq.so.5")])]])
    assert status == 3
    assert re.search(rf"(?m)^{pid} +{USER} +\S+ +no, not in its root +\d+ ", shown), shown
    assert "1 whose root directory has no module, as in a container, a chroot or a sandbox: install pganchor there too\n" in shown
    assert "start it again" not in shown
    [process] = json.loads(among([[*gated([*place, *loading("libpq.so.5")])]], "--json")[2])["processes"]
    assert (process["gate"], process["module_missing"]) == (None, True)


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone sees the processes of all")
def test_root_sees_the_processes_of_every_user(among, home):
    """With their users' names, or numbers where they have none."""
    home.path.chmod(0o755)
    user = ordinary_user()
    as_other = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--"]
    as_nobody = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups", "--"]
    pids, status, shown = among([[*as_other, *loading("libpq.so.5")], [*as_nobody, *loading("libpq.so.5")], loading("libpq.so.5")])
    users = {pid: re.search(rf"(?m)^{pid} +(\S+) +\S+ +no ", shown)[1] for pid in pids}
    assert (status, list(users.values())) == (3, [user.pw_name, "54321", "root"])
    told = json.loads(among([[*as_other, *loading("libpq.so.5")]], "-j")[2])["processes"]
    assert [process["user"] for process in told] == [user.pw_name]


def test_a_program_that_cannot_be_looked_into_is_counted(among):
    """One that has made itself undumpable, as ssh-agent does: the kernel shows its maps to nobody without the power."""
    hidden = "import ctypes, sys; ctypes.CDLL(None).prctl(4, 0); print('ready', flush=True); sys.stdin.read()"
    _, _, shown = among([[PYTHON, "-c", hidden]], "--json", powerless=True)
    assert json.loads(shown)["unreadable"] == 1
    assert "that cannot be looked into: 1" in among([[PYTHON, "-c", hidden]], powerless=True)[2]


@pytest.mark.no_gate
def test_enabled_and_not_active_here(among, home):
    assert "\n    pganchor enable --help lists the ways; " in among([], gated=False)[2]
    assert home.pganchor("enable").returncode == 0
    shown = among([], gated=False)[2]
    assert "\n    it is enabled for sessions of systemd, and none of yours runs: pganchor enable --shell; " in shown
    # Where one runs, a session of it helps.
    (home / "run/systemd").mkdir(parents=True)
    (home / "run/systemd/private").touch()
    shown = among([], gated=False, env={"XDG_RUNTIME_DIR": str(home / "run")})[2]
    assert "\n    it is enabled: log out and in again; " in shown
    assert home.pganchor("enable", "--shell", env={"SHELL": "/bin/bash"}).returncode == 0
    shown = among([], gated=False, env={"SHELL": "/bin/bash"})[2]
    assert "\n    it is enabled: start a new shell, or log out and in again; " in shown


def test_the_ways(among, home):
    env = {"SHELL": "/bin/bash"}
    for words in (["--session", "--shell"], ["--session", "--unit", "app"]):
        assert home.pganchor("enable", *words, env=env).returncode == 0
    start = home / ".bashrc"

    def states():
        told = json.loads(among([], "--json", env=env)[2])["enabled"]
        return {way["way"]: (way["state"], way["path"]) for way in told
                if way["path"].startswith(str(home.path)) and not way["path"].endswith("/.profile")}

    unit = home / ".config/systemd/user/app.service.d/pganchor.conf"
    session = home / ".config/environment.d/50-pganchor.conf"
    assert states() == {"session": ("on", str(session)), "shell": ("on", str(start)), "user unit": ("on", str(unit))}
    start.write_text(start.read_text().replace("pganchor-gate.so", "older-gate.so"))
    session.write_text(session.read_text().replace("LD_PRELOAD=", "export LD_PRELOAD="))
    assert states()["shell"][0] == "a missing module"
    start.write_text(start.read_text().replace("older-gate.so", "../libpganchor.so.0"))
    assert states()["shell"][0] == "another module"
    assert states()["session"][0] == "changed by hand"
    unit.write_text("[Service]\n")
    session.unlink()
    assert {way: state for way, (state, _) in states().items()} == {"session": "off", "shell": "another module"}


def test_the_policy_in_force_and_the_pins(among, home):
    directory = home / ".config/pganchor"
    directory.mkdir(parents=True)
    (directory / "policy.conf").write_text("mode = audit\nmin-tls = 1.3\n")
    (directory / "anchors.conf").write_text(f"[a]\npin = {'0' * 64}\n[b]\npin = {'1' * 64}\n")
    _, status, shown = among([])
    assert status == 0
    assert "policy: mode = audit, trust = pinned," in shown and "min-tls = 1.3" in shown
    assert "pins: 0 of the system, 2 of yours\nmode = audit refuses nothing" in shown
    files = re.search(r"^policy files: (/.*)/pganchor/policy.conf \(not there\), \1/pganchor/policy.d/ \(not there\), (/.*)$", shown, re.MULTILINE)
    assert files[2] == str(directory / "policy.conf")
    (directory / "policy.conf").write_text("mode = audit\nmin-tls = 1.3\nallow-weak = localhost\n")
    assert "log = syslog, auth = any, and allow-weak\n" in among([])[2]
    told = json.loads(among([], "-j")[2])
    assert told["policy_files"] == [{"path": f"{files[1]}/pganchor/policy.conf", "found": False},
                                    {"path": str(directory / "policy.conf"), "found": True}]
    assert (told["policy"]["mode"], told["policy"]["min-tls"], told["pins"], told["problem"]) == ("audit", "1.3", 2, None)


@without_asan
def test_audit_says_whether_anybody_hears_of_it(audited, home):
    """Where nothing listens at /dev/log, what audit would have refused is in no log."""
    assert "mode = audit refuses nothing; pganchor log shows what it would have\n" in audited("pganchor", "status", "--all")[0].stdout
    unshare = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--map-root-user"])
    unheard = [*unshare, "sh", "-c", OWN_DEV, "own-dev", "pganchor", "status", "--all"]
    assert "mode = audit refuses nothing, and nothing listens at /dev/log: what it would have refused is lost\n" in home.run(unheard).stdout
    (home / ".config/pganchor/policy.conf").write_text("mode = audit\nlog = off\n")
    assert "mode = audit refuses nothing, and log = off tells nobody" in audited("pganchor", "status", "--all")[0].stdout


def test_a_program_with_more_power_is_not_told_to_be_started_again(among, tmp_path):
    """ld.so would load no gate into it then either."""
    if os.geteuid() != 0:
        pytest.skip("needs root: to make a set-user-ID program of somebody else's")
    program = tmp_path / "python"
    shutil.copy(os.path.realpath(PYTHON), program)
    os.chown(program, ordinary_user().pw_uid, -1)
    program.chmod(0o4755)
    powerful = [program, "-c", LOADING, "libpq.so.5"]
    _, status, shown = among([powerful, loading("libpq.so.5")])
    assert status == 3 and "  no, set-user-ID or the like  " in shown
    assert "1 with a libpq and without the gate: start it again" in shown
    assert "1 with a libpq and more power than its caller's, such as set-user-ID, into which ld.so loads no gate" in shown
    [pid, other], _, told = among([powerful, loading("libpq.so.5")], "--json")
    assert {process["pid"]: process["secure"] for process in json.loads(told)["processes"]} == {pid: True, other: False}


@pytest.mark.parametrize("name, text", [("policy.conf", "mode = off\n"), ("anchors.conf", "[a]\npin = 12\n")])
def test_a_broken_policy_is_weaker(among, home, name, text):
    (home / ".config/pganchor").mkdir(parents=True)
    (home / ".config/pganchor" / name).write_text(text)
    _, status, shown = among([])
    assert status == 3
    assert re.search(rf"policy: every connection is refused: .*/{re.escape(name)}.*line \d", shown)
    told = json.loads(among([], "--json")[2])
    assert told["policy"] is None and name in told["problem"]


def test_usage(home):
    for words in (["more"], ["--nothing"]):
        done = home.pganchor("status", *words)
        assert done.returncode == 2 and "see pganchor status --help" in done.stderr


def test_json_tells_the_exempt_hosts(home, system):
    """A list for each file that has the key, as a host has to be in each of them."""
    system("allow-weak = *.example.com, 10.0.0.1 db\n")
    (home / ".config/pganchor").mkdir(parents=True, exist_ok=True)
    (home / ".config/pganchor/policy.conf").write_text("allow-weak = *\n")
    told = json.loads(home.pganchor("status", "--json").stdout)["policy"]["allow-weak"]
    assert sorted(map(sorted, told)) == [["*"], ["*.example.com", "10.0.0.1", "db"]]
