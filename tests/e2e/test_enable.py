"""pganchor enable and disable: programs have the gate afterwards, and not a byte of anybody else's is lost."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from enabling import BASH, GENERATOR, MARK, OLD_LINES, done_well, session_file, without_asan
from home import snapshot
from policies import open_to_all


def test_the_session_is_the_default_and_again_changes_nothing(home):
    assert f"session: {session_file(home)}: written" in done_well(home.pganchor("enable"))
    before = home.snapshot()
    assert ": unchanged\n" in done_well(home.pganchor("enable", "--session"))
    assert home.snapshot() == before
    assert "\n# module /" in done_well(home.pganchor("enable", "--dry-run"))


@pytest.mark.parametrize("preloaded", [None, "/usr/lib/libother.so"])
def test_systemd_adds_the_module_to_what_is_preloaded(home, pganchor, preloaded):
    """environment.d as systemd reads it, by its own generator."""
    if not os.path.exists(GENERATOR):
        pytest.skip("no systemd on this machine")
    home.pganchor("enable")
    asked = subprocess.run([GENERATOR], capture_output=True, text=True, env={
        "HOME": str(home.path), "XDG_CONFIG_HOME": str(home / ".config"), **({"LD_PRELOAD": preloaded} if preloaded else {})})
    value = f"{pganchor.module}:{preloaded}" if preloaded else str(pganchor.module)
    assert f"LD_PRELOAD={value}" in asked.stdout.splitlines()


def test_xdg_config_home_counts(home, tmp_path):
    done_well(home.pganchor("enable", env={"XDG_CONFIG_HOME": str(tmp_path / "config")}))
    assert (tmp_path / "config/environment.d/50-pganchor.conf").exists()
    assert home.snapshot() == {}


# As Debian's /etc/skel/.bashrc begins.
NOT_INTERACTIVE = "case $- in\n    *i*) ;;\n      *) return;;\nesac\n"


@pytest.mark.parametrize("shell, words, names", [
    ("/bin/bash", ["bash", "-ic"], {".bashrc", ".profile"}),
    ("/bin/bash", ["bash", "-lc"], {".bashrc", ".profile"}),
    ("/bin/sh", ["sh", "-lc"], {".profile"}),
    ("/bin/zsh", ["zsh", "-c"], {".zshenv"}),
    ("/bin/zsh", ["zsh", "-lc"], {".zshenv"}),
    ("/usr/bin/fish", ["fish", "-c"], {".config/fish/conf.d/pganchor.fish"}),
    ("/usr/bin/fish", ["fish", "-ilc"], {".config/fish/conf.d/pganchor.fish"}),
])
@pytest.mark.parametrize("preloaded", [None, pytest.param("libm.so.6", marks=without_asan)])
def test_a_shell_has_the_gate(home, pganchor, shell, words, names, preloaded):
    env = {"SHELL": shell, "LD_PRELOAD": preloaded}
    done_well(home.pganchor("enable", "--shell", env=env))
    assert {name for name, entry in home.snapshot().items() if entry.kind == "file"} == names
    script = "printenv LD_PRELOAD; cat /proc/self/maps"
    shown = home.run([*words, script], env=env).stdout
    assert shown.splitlines()[0] == (f"{pganchor.module}:{preloaded}" if preloaded else str(pganchor.module))
    assert f" {pganchor.module}\n" in shown
    # A shell in a shell does not add it twice.
    assert home.run([*words, f"{' '.join(words)} 'printenv LD_PRELOAD'"], env=env).stdout.count(str(pganchor.module)) == 1


SSH = {"SSH_CLIENT": "127.0.0.1 1 2", "SSH_CONNECTION": "127.0.0.1 1 127.0.0.1 2"}
LOGIN_FILES = [".bash_profile", ".bash_login", ".profile"]


@pytest.mark.parametrize("words, env, started", [
    (["-ic"], {}, "a terminal's"), (["-lc"], {}, "a script's login"), (["-lic"], {}, "a login"), (["-c"], {**SSH, "SHLVL": None}, "ssh's")],
    ids=lambda value: value if isinstance(value, str) else "")
@pytest.mark.parametrize("login_files", [[], [".bash_profile"], [".bash_login"], [".profile"], [".bash_login", ".profile"], LOGIN_FILES],
                         ids="+".join)
def test_every_bash_has_the_gate(home, pganchor, words, env, started, login_files):
    """Whatever it is started for: with Debian's ~/.bashrc, and a login file that reads none of the others and ends early."""
    home.path.joinpath(".bashrc").write_text(NOT_INTERACTIVE + "alias a=b\n")
    for name in login_files:
        home.path.joinpath(name).write_text("return 0\n")
    before = home.snapshot()
    done_well(home.pganchor("enable", "--shell", env=BASH))
    told = json.loads(done_well(home.pganchor("enable", "--shell", "--json", env=BASH)))
    assert [file["path"] for file in told["files"]] == [f"{home.path}/.bashrc", f"{home.path}/{(login_files or ['.profile'])[0]}"]
    done = home.run(["bash", *words, "printenv LD_PRELOAD"], env={**BASH, **env})
    assert done.stdout == f"{pganchor.module}\n", started
    done_well(home.pganchor("disable", env=BASH))
    assert {name: entry.content for name, entry in home.snapshot().items()} == {name: entry.content for name, entry in before.items()}


def test_a_login_file_that_came_later_is_seen(home):
    """It is read instead of the one with the lines: status says so, enable writes there too, and disable finds both."""
    done_well(home.pganchor("enable", "--shell", env=BASH))
    (home / ".bash_profile").write_text("alias a=b\n")
    ways = {way["path"]: way["state"] for way in json.loads(home.pganchor("status", "-j", env=BASH).stdout)["enabled"] if way["way"] == "shell"}
    assert ways == {f"{home.path}/.bashrc": "on", f"{home.path}/.bash_profile": "off"}
    done_well(home.pganchor("enable", "--shell", env=BASH))
    # Another shell has become the user's meanwhile.
    shown = done_well(home.pganchor("disable", env={"SHELL": "/bin/zsh"}))
    assert shown.count("removed\n") == 3
    assert {name: entry.content for name, entry in home.snapshot().items()} == {".bash_profile": b"alias a=b\n"}


@pytest.mark.parametrize("command", ["enable", "disable"])
@pytest.mark.parametrize("before", [NOT_INTERACTIVE, NOT_INTERACTIVE + "alias a=b"])
def test_lines_of_an_older_pganchor_are_known(home, pganchor, command, before):
    """They stood where a shell that is not interactive does not get."""
    ends = 0 if before.endswith("\n") else 1
    start = home / ".bashrc"
    start.write_text(before + "\n" * ends + OLD_LINES.format(module=pganchor.module, ends=ends))
    done_well(home.pganchor(command, "--shell", env=BASH))
    if command == "enable":
        text = start.read_text()
        assert text.startswith(MARK) and text.endswith("again <<<\n" + before) and text.count(MARK) == 1
        assert home.run(["bash", "-c", "printenv LD_PRELOAD"], env={**BASH, **SSH, "SHLVL": None}).stdout == f"{pganchor.module}\n"
        done_well(home.pganchor("disable", "--shell", env=BASH))
    assert start.read_text() == before


def test_a_weak_connection_is_refused_in_an_enabled_shell(home):
    home.pganchor("enable", "--shell", env=BASH)
    done = home.run(["bash", "-ic", "psql -X 'host=db.example.test sslmode=require'"], env=BASH)
    assert "pganchor refused this connection: sslmode=require (conninfo) is weaker than verify-full" in done.stderr


@pytest.mark.parametrize("shell, words", [("bash", ["-ic"]), ("bash", ["-lc"]), ("sh", ["-lc"]), ("zsh", ["-c"]), ("fish", ["-c"])])
def test_a_shell_says_when_the_module_is_gone(home, pganchor, shell, words):
    """As long as pganchor is there; when the package was removed, no shell complains of what is gone."""
    env = {"SHELL": f"/bin/{shell}"}
    told = json.loads(done_well(home.pganchor("enable", "--shell", "--json", env=env)))
    for file in told["files"]:
        start = Path(file["path"])
        start.write_text(start.read_text().replace(str(pganchor.module), "/nowhere/pganchor-gate.so"))
    done = home.run([shell, *words, "echo ready; printenv LD_PRELOAD"], env=env)
    assert done.stdout == "ready\n"
    # /etc/profile sets PATH anew, to one that this pganchor is not on.
    if words != ["-lc"]:
        assert "pganchor: the gate is gone: /nowhere/pganchor-gate.so\n    run the pganchor enable that wrote this again, or: pganchor disable\n" in done.stderr
    assert "ERROR: ld.so" not in done.stderr
    # /etc/profile has these, and one of /usr/local.
    if shutil.which("pganchor", path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"):
        pytest.skip("a pganchor is installed on this machine: no shell can be without one")
    removed = home.run([shell, *words, "echo ready; printenv LD_PRELOAD"], env={**env, "PATH": "/usr/bin:/bin"})
    quiet = ("cannot set terminal process group", "no job control in this shell")
    assert (removed.stdout, [line for line in removed.stderr.splitlines() if not line.endswith(quiet) and quiet[0] not in line]) == ("ready\n", [])


@pytest.mark.parametrize("before", [None, "", "alias a=b\n", "alias a=b", "a\r\nb\r\n", "\n\n", "caf\xe9 \x01\n"])
@pytest.mark.parametrize("ways", [["--shell"], ["--session"], ["--session", "--shell"]])
def test_disable_leaves_every_byte_as_it_was(home, before, ways):
    home.path.joinpath(".config").mkdir()
    if before is not None:
        home.path.joinpath(".bashrc").write_bytes(before.encode("latin-1"))
        home.path.joinpath(".bashrc").chmod(0o640)
    old = {path: entry._replace(mtime_ns=None) for path, entry in home.snapshot().items()}
    done_well(home.pganchor("enable", *ways, env=BASH))
    assert {path: entry._replace(mtime_ns=None) for path, entry in home.snapshot().items()} != old
    assert ": removed\n" in done_well(home.pganchor("disable", env=BASH))
    assert {path: entry._replace(mtime_ns=None) for path, entry in home.snapshot().items()} == old
    assert ": nothing to remove\n" in done_well(home.pganchor("disable", env=BASH))


def test_what_others_wrote_behind_our_lines_stays(home):
    start = home / ".bashrc"
    start.write_text("first")
    done_well(home.pganchor("enable", "--shell", env=BASH))
    with open(start, "a") as file:
        file.write("last\n")
    session = session_file(home)
    done_well(home.pganchor("enable"))
    session.write_text("A=1\n" + session.read_text() + "B=2\n")
    done_well(home.pganchor("disable", env=BASH))
    assert (start.read_text(), session.read_text()) == ("firstlast\n", "A=1\nB=2\n")


@pytest.mark.parametrize("change", [
    lambda text: text.replace("export", "export FOO=1"), lambda text: text.replace("# <<<", "# <<"),
    lambda text: text.split("\n", 1)[1], lambda text: text.replace("1 files", "7 files")])
def test_lines_that_somebody_changed_are_left_alone(home, change):
    done_well(home.pganchor("enable", "--shell", env=BASH))
    start = home / ".bashrc"
    start.write_text(change(start.read_text()))
    before = home.snapshot()
    for command in ("enable", "disable"):
        done = home.pganchor(command, "--shell", env=BASH)
        assert done.returncode == 1
        assert done.stderr == (f"pganchor: {start}: somebody has changed the lines that pganchor wrote there\n"
                               "    take them out by hand; nothing was changed\n")
        assert home.snapshot() == before


def test_lines_for_another_module_are_replaced(home, pganchor):
    start = home / ".bashrc"
    start.write_text("a\n")
    done_well(home.pganchor("enable", "--shell", env=BASH))
    ours = start.read_text()
    start.write_text(ours.replace(str(pganchor.module), "/opt/old/pganchor-gate.so") + "b\n")
    assert "written" in done_well(home.pganchor("enable", "--shell", env=BASH))
    assert start.read_text() == ours + "b\n"


def test_a_symbolic_link_stays_one(home):
    (home / "dotfiles").mkdir()
    (home / "dotfiles/bashrc").write_text("")
    (home / ".bashrc").symlink_to("dotfiles/bashrc")
    done_well(home.pganchor("enable", "--shell", env=BASH))
    assert (home / ".bashrc").is_symlink() and MARK in (home / "dotfiles/bashrc").read_text()
    done_well(home.pganchor("disable", env=BASH))
    assert (home / ".bashrc").is_symlink() and (home / "dotfiles/bashrc").read_text() == ""


@pytest.mark.parametrize("words", [["--session", "--shell"], ["--system", "--ld-so-preload", "--root", "."], ["--unit", "x", "--root", "."]])
def test_dry_run_changes_nothing_and_shows_the_lines(home, pganchor, words):
    for command in ("enable", "disable"):
        before = home.snapshot()
        shown = done_well(home.pganchor(command, "--dry-run", *words, env=BASH))
        assert home.snapshot() == before
        assert "would be " in shown and str(pganchor.module) in shown
        told = json.loads(done_well(home.pganchor(command, "-nj", *words, env=BASH)))
        assert told["dry_run"] and all(file["changed"] and file["lines"] for file in told["files"])
        assert home.snapshot() == before
        done_well(home.pganchor("enable", *words, env=BASH))


def test_the_files_of_the_machine(home, tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    told = json.loads(done_well(home.pganchor("enable", "--system", "--root", root, "--json")))
    assert [file["path"] for file in told["files"]] == [
        f"{root}/etc/environment.d/50-pganchor.conf", f"{root}/etc/profile.d/pganchor.sh"]
    for file in told["files"]:
        assert Path(file["path"]).stat().st_mode & 0o777 == 0o644
        assert Path(file["path"]).parent.stat().st_mode & 0o777 == 0o755
    done = home.run(["sh", "-c", f". {root}/etc/profile.d/pganchor.sh; cat /proc/self/maps"])
    assert "pganchor-gate.so" in done.stdout
    done_well(home.pganchor("disable", "--system", "--root", root))
    assert list(root.iterdir()) == []
    assert home.snapshot() == {}


@pytest.mark.parametrize("before", [None, "/lib/libother.so\n", "/lib/libother.so libsecond.so", "# comment\n"])
def test_ld_so_preload_keeps_the_other_lines(home, pganchor, tmp_path, before):
    (tmp_path / "etc").mkdir()
    file = tmp_path / "etc/ld.so.preload"
    if before is not None:
        file.write_text(before)
    for _ in range(2):
        done_well(home.pganchor("enable", "--ld-so-preload", "--root", tmp_path))
        assert file.read_text() == f"{pganchor.module}\n{before or ''}"
    done_well(home.pganchor("disable", "--ld-so-preload", "--root", tmp_path))
    assert (file.read_text() if file.exists() else None) == before


@without_asan
def test_ld_so_preload_is_obeyed_by_every_program(home, pganchor):
    """In a mount namespace with a copy of /etc: enable, a program without any variable, disable."""
    if os.geteuid() != 0:
        pytest.skip("needs root: another user's copy of /etc cannot take the place of /etc")
    script = r"""
set -e
space=$(mktemp -d)
mount -n -t tmpfs tmpfs "$space"
cp -a /etc/. "$space/"
mount -n --move "$space" /etc
rmdir "$space"
pganchor enable --ld-so-preload >&2
env -i /bin/cat /proc/self/maps
pganchor disable --ld-so-preload >&2
echo ---
env -i /bin/cat /proc/self/maps
"""
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode != 0:
        pytest.skip("no mount namespace can be made here")
    with_gate, without = home.run([*open_to_all(pganchor.prefix), "unshare", "--mount", "sh", "-c", script]).stdout.split("---\n")
    assert str(pganchor.module) in with_gate and "/libc.so.6" in without and str(pganchor.module) not in without


def test_a_module_that_others_can_write_is_not_preloaded_everywhere(home, pganchor, tmp_path):
    mode = pganchor.module.stat().st_mode
    pganchor.module.chmod(0o666)
    try:
        done = home.pganchor("enable", "--ld-so-preload", "--root", tmp_path)
    finally:
        pganchor.module.chmod(mode)
    assert done.returncode == 1
    assert f"pganchor: {pganchor.module}: can be written by everybody (mode 0666): only root may write what every program loads" in done.stderr
    assert not (tmp_path / "etc").exists()


@pytest.mark.no_gate
@pytest.mark.parametrize("broken", ["missing", "no library", "other symbols"])
def test_a_module_that_does_not_load_is_enabled_nowhere(home, pganchor, tmp_path, broken):
    saved = pganchor.module.with_suffix(".saved")
    os.rename(pganchor.module, saved)
    try:
        if broken == "no library":
            pganchor.module.write_text("not an ELF file\n")
        elif broken == "other symbols":
            source = "extern int nobody_has_this; int *needs = &nobody_has_this;"
            subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", pganchor.module], input=source, text=True, check=True)
        for ways in (["--session"], ["--shell"], ["--system", "--ld-so-preload", "--root", tmp_path]):
            done = home.pganchor("enable", *ways, env=BASH)
            assert done.returncode == 1
            assert done.stderr.startswith("pganchor: ") and str(pganchor.module) in done.stderr
            assert "install pganchor again; nothing was changed" in done.stderr
    finally:
        os.rename(saved, pganchor.module)
    assert home.snapshot() == {} and not (tmp_path / "etc").exists()


def test_an_image_without_the_module_is_warned_of(home, pganchor, tmp_path):
    image = tmp_path / "image"
    image.mkdir()
    done = home.pganchor("enable", "--system", "--root", image)
    assert f"pganchor: warning: {image}{pganchor.module} is not there: install pganchor in {image} too" in done.stderr
    assert "log out" not in done.stdout
    module = Path(f"{image}{pganchor.module}")
    module.parent.mkdir(parents=True)
    module.touch()
    assert home.pganchor("enable", "--system", "--root", image).stderr == ""


NOBODY = "pganchor: warning: no systemd of yours runs, which is what reads this file\n    over ssh or in a container, pganchor enable --shell is the way\n"


def test_a_warning_is_a_finding_in_the_report(home, tmp_path):
    image = tmp_path / "image"
    image.mkdir()
    done = home.pganchor("enable", "--system", "--unit", "myapp", "--root", image, "--dry-run", "--json")
    told = json.loads(done.stdout)["findings"]
    assert {("image-without-module", "image", "warning"), ("unit-not-found", "unit", "warning")} <= {
        (finding["id"], finding["subject"], finding["severity"]) for finding in told}
    for finding in told:
        assert finding["message"] in done.stderr and (finding["hint"] or "") in done.stderr
    disabled = json.loads(home.pganchor("disable", "--json").stdout)
    assert (done.returncode, disabled["findings"]) == (0, [])


def test_a_session_that_nobody_runs_is_warned_of(home, tmp_path):
    done = home.pganchor("enable", "--session")
    assert done.returncode == 0 and NOBODY in done.stderr
    (tmp_path / "runtime/systemd").mkdir(parents=True)
    (tmp_path / "runtime/systemd/private").touch()
    assert NOBODY not in home.pganchor("enable", "--session", env={"XDG_RUNTIME_DIR": str(tmp_path / "runtime")}).stderr
    for words in (["--shell"], ["--session", "--unit", "app"]):
        assert NOBODY not in home.pganchor("enable", *words, env=BASH).stderr


AGENT = ("pganchor: warning: X sessions are children of ssh-agent, which is set-group-ID, so that ld.so takes LD_PRELOAD from them\n"
         "    take use-ssh-agent out of /etc/X11/Xsession.options, or enable --ld-so-preload\n")


def test_x_sessions_that_lose_the_preload_are_warned_of(home, tmp_path):
    """As Debian has them: any of the three taken away, and they do not."""
    script, options, agent = [tmp_path / name for name in (
        "etc/X11/Xsession.d/90x11-common_ssh-agent", "etc/X11/Xsession.options", "usr/bin/ssh-agent")]
    for path in (script, options, agent):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    options.write_text("# a comment\nallow-failsafe\nuse-ssh-agent\n")
    agent.chmod(0o2755)
    enable = lambda: home.pganchor("enable", "--system", "--root", tmp_path).stderr  # noqa: E731
    assert AGENT in enable()
    agent.chmod(0o755)
    assert AGENT not in enable()
    agent.chmod(0o2755)
    options.write_text("no-use-ssh-agent\n#use-ssh-agent\n")
    assert AGENT not in enable()
    options.write_text("use-ssh-agent")
    assert AGENT in enable()
    script.unlink()
    assert AGENT not in enable()


def test_musl_is_warned_of(home, tmp_path):
    loader = tmp_path / "lib/ld-musl-x86_64.so.1"
    assert "programs of musl" not in home.pganchor("enable", "--system", "--root", tmp_path).stderr
    loader.parent.mkdir()
    loader.touch()
    assert f"programs of musl ({loader}) cannot load the gate, and end where" in home.pganchor(
        "enable", "--system", "--root", tmp_path).stderr


def test_all_of_the_machine_is_taken_out_at_once(home, tmp_path):
    """Every service's drop-in too; what somebody has changed stops it before anything is taken out."""
    etc = tmp_path / "etc"
    (etc / "systemd/system").mkdir(parents=True)
    (etc / "systemd/system/other.service.d").mkdir()
    (etc / "systemd/system/other.service.d/pganchor.conf").write_text("[Service]\nUser=a\n")
    before = snapshot(tmp_path)
    done_well(home.pganchor("enable", "--system", "--ld-so-preload", "--root", tmp_path))
    # More than a handful: each is locked while all are taken out.
    units = ["b", "a", "c@1", *[f"app{number}" for number in range(20)]]
    for unit in units:
        done_well(home.pganchor("enable", "--unit", unit, "--root", tmp_path))
    enabled = snapshot(tmp_path)
    drop_in = etc / "systemd/system/a.service.d/pganchor.conf"
    lines = drop_in.read_text()
    drop_in.write_text(lines.replace("[Service]", "[Service] "))
    done = home.pganchor("disable", "--all", "--root", tmp_path)
    assert done.returncode == 1 and f"{drop_in}: somebody has changed the lines" in done.stderr
    drop_in.write_text(lines)
    assert snapshot(tmp_path).keys() == enabled.keys()
    shown = done_well(home.pganchor("disable", "--all", "--root", tmp_path, "--dry-run"))
    assert shown.count("would be removed") == 3 + len(units) and snapshot(tmp_path).keys() == enabled.keys()
    shown = done_well(home.pganchor("disable", "--all", "--root", tmp_path))
    assert shown.count(": removed\n") == 3 + len(units) and snapshot(tmp_path) == before


@pytest.mark.parametrize("name", ["a[b]c", "a*", "a?b", "a\\\\b"])
def test_a_root_that_looks_like_a_pattern(home, tmp_path, name):
    root = tmp_path / name
    root.mkdir()
    done_well(home.pganchor("enable", "--unit", "app", "--root", root))
    assert "app.service.d/pganchor.conf: removed" in done_well(home.pganchor("disable", "--all", "--root", root))
    assert list(root.iterdir()) == []


@pytest.mark.parametrize("words", [["--session"], ["--shell"], ["--unit", "a"]])
def test_all_is_the_machines(home, words):
    done = home.pganchor("disable", "--all", *words)
    assert done.returncode == 2 and "--all is the machine's" in done.stderr
    assert home.pganchor("enable", "--all").returncode == 2


@pytest.mark.parametrize("env, said", [
    ({"SHELL": None}, "SHELL is not set"), ({"SHELL": "/usr/bin/tcsh"}, "/usr/bin/tcsh: not a shell whose start file")])
def test_a_shell_that_is_not_known(home, env, said):
    done = home.pganchor("enable", "--shell", env=env)
    assert done.returncode == 1 and said in done.stderr
    assert home.snapshot() == {}


def test_a_home_that_cannot_be_written(home):
    home.path.chmod(0o500)
    try:
        done = home.pganchor("enable", "--session", "--shell", env=BASH, ordinary=True)
    finally:
        home.path.chmod(0o700)
    assert done.returncode == 1
    assert "Permission denied" in done.stderr
    assert home.snapshot() == {}


def test_on_a_full_disk_all_stays_as_it_was(home):
    home.path.joinpath(".bashrc").write_text("alias a=b\n")
    before = home.snapshot()
    done = home.pganchor("enable", "--session", "--shell", env=BASH, full_disk=True)
    assert done.returncode == 1 and "No space left" in done.stderr
    assert home.snapshot() == before


@pytest.mark.parametrize("words", [["--root", "/x"], ["more"], ["--unit"], ["--nothing"]])
@pytest.mark.parametrize("command", ["enable", "disable"])
def test_usage(home, command, words):
    done = home.pganchor(command, *words)
    assert done.returncode == 2
    assert f"see pganchor {command} --help" in done.stderr
