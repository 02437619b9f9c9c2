"""pganchor enable and disable: several files change together or not at all, and no line counts that ld.so or a shell does not read."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from enabling import BASH, MARK, OLD_LINES, done_well, without_asan
from home import snapshot
from policies import open_to_all
from tracing import NO_LEAKS

SYSTEM = ["--system", "--root", "."]
YOURS = ["--session", "--shell"]


def contents(entries):
    return {name: (entry.kind, entry.content, entry.target) for name, entry in entries.items() if entry.kind != "directory"}


def failing(home, pganchor, fault, *words):
    """pganchor under strace, which has the system call fail that the fault names."""
    strace = ["strace", "-qq", "-o", "/dev/null", "-e", "trace=" + fault.split(":")[0], "-e", "inject=" + fault]
    return home.run([*strace, pganchor.binary, *words], env={**BASH, **NO_LEAKS})


RENAMES = "rename,renameat,renameat2:error=EIO:when="
UNLINKS = "unlink,unlinkat:error=EIO:when="


@pytest.mark.parametrize("before, words, faults", [
    ([], ["enable", *YOURS], [RENAMES + "1", RENAMES + "2", RENAMES + "3"]),
    ([], ["enable", *SYSTEM], [RENAMES + "1", RENAMES + "2"]),
    ([["enable", *YOURS]], ["disable"], [RENAMES + "1", UNLINKS + "1"]),
    ([["enable", *SYSTEM]], ["disable", *SYSTEM], [UNLINKS + "1"]),
    ([["enable", *SYSTEM], ["enable", "--unit", "a", "--root", "."], ["enable", "--unit", "b", "--root", "."]], ["disable", "--all", "--root", "."],
     [UNLINKS + str(number) for number in range(1, 5)]),
], ids=lambda value: " ".join(value) if value and isinstance(value[0], str) else "")
def test_all_or_nothing(home, pganchor, before, words, faults):
    """Whichever file it is that cannot be written: each is as it was, links, modes and what lies beside it too."""
    (home / ".bashrc").write_text("alias a=b\n")
    (home / ".bashrc").chmod(0o640)
    for earlier in before:
        done_well(home.pganchor(*earlier, env=BASH))
    old = home.snapshot()
    for fault in faults:
        done = failing(home, pganchor, fault, *words)
        assert done.returncode == 1 and "Input/output error" in done.stderr, fault
        assert contents(home.snapshot()) == contents(old), fault
        assert {name: entry.mode for name, entry in home.snapshot().items()} == {name: entry.mode for name, entry in old.items()}, fault
    assert home.pganchor(*words, env=BASH).returncode == 0
    assert contents(home.snapshot()) != contents(old)


def test_what_could_not_be_taken_back_is_named(home, pganchor):
    """The third rename fails, and so does each one after it."""
    (home / ".bashrc").write_text("alias a=b\n")
    done = failing(home, pganchor, RENAMES + "3+", "enable", *YOURS)
    assert done.returncode == 1
    stays = [name for name, text in (("bashrc", (home / ".bashrc").read_text()),) if text != "alias a=b\n"]
    assert ("bashrc: changed all the same" in done.stderr) == bool(stays)


def test_everything_that_stands_in_the_way_is_named_at_once(home, tmp_path):
    for unit in "abc":
        done_well(home.pganchor("enable", "--unit", unit, "--root", tmp_path))
    done_well(home.pganchor("enable", "--ld-so-preload", "--root", tmp_path))
    drop_ins = [tmp_path / f"etc/systemd/system/{unit}.service.d/pganchor.conf" for unit in "ac"]
    for file in drop_ins:
        file.write_text(file.read_text().replace("[Service]", "[Service] "))
    before = snapshot(tmp_path)
    done = home.pganchor("disable", "--all", "--root", tmp_path)
    assert done.returncode == 1 and snapshot(tmp_path) == before
    assert done.stderr == "".join(f"pganchor: {file}: somebody has changed the lines that pganchor wrote there\n"
                                  "    take them out by hand; nothing was changed\n" for file in drop_ins)
    told = home.pganchor("disable", "--all", "--keep-going", "--dry-run", "--json", "--root", tmp_path)
    assert told.returncode == 1 and snapshot(tmp_path) == before
    assert [file["path"] for file in json.loads(told.stdout)["files"] if file["failed"]] == list(map(str, drop_ins))
    done = home.pganchor("disable", "--all", "--keep-going", "--root", tmp_path)
    assert done.returncode == 1
    assert done.stderr == "".join(f"pganchor: {file}: somebody has changed the lines that pganchor wrote there\n"
                                  "    take them out by hand\n" for file in drop_ins)
    assert [line for line in done.stdout.splitlines() if line.endswith(": removed")] == [
        f"ld.so.preload: {tmp_path}/etc/ld.so.preload: removed", f"unit: {tmp_path}/etc/systemd/system/b.service.d/pganchor.conf: removed"]
    assert sorted(path for path in tmp_path.glob("etc/**/*") if path.is_file()) == drop_ins


def test_lines_of_another_installation_can_be_left(home, pganchor, tmp_path):
    """Which is what the removal of a package wants."""
    other = tmp_path / "other/pganchor-gate.so"
    other.parent.mkdir()
    other.touch()
    done_well(home.pganchor("enable", *SYSTEM, "--ld-so-preload"))
    profile = home / "etc/profile.d/pganchor.sh"
    profile.write_text(profile.read_text().replace(str(pganchor.module), str(other)))
    preload = home / "etc/ld.so.preload"
    preload.write_text(preload.read_text() + f"{other}\n")
    shown = done_well(home.pganchor("disable", "--all", "--own", "--root", "."))
    assert "profile.d/pganchor.sh: another installation's, and left" in shown
    assert str(other) in profile.read_text() and preload.read_text() == f"{other}\n"
    assert not (home / "etc/environment.d").exists()
    assert "profile.d/pganchor.sh: removed" in done_well(home.pganchor("disable", *SYSTEM))


def test_lines_that_are_there_twice_go_twice(home):
    """As in a start file that was put together of others."""
    start = home / ".bashrc"
    start.write_text("first\n")
    done_well(home.pganchor("enable", "--shell", env=BASH))
    text = start.read_text()
    start.write_text(text + "between\n" + text)
    done_well(home.pganchor("disable", "--shell", env=BASH))
    assert start.read_text() == "first\nbetween\nfirst\n"
    # Where one of them was changed, both are left.
    start.write_text(text + text.replace("export", "export A=1"))
    before = start.read_text()
    assert home.pganchor("disable", "--shell", env=BASH).returncode == 1 and start.read_text() == before


@pytest.mark.parametrize("text", ["echo '# >>> pganchor enable (made'\n", "x # <<< pganchor disable takes these lines out again <<<\n",
                                  "grep '# >>> pganchor enable (made 0 folders, 0 files, 0 line ends) >>>' x\n"])
def test_our_marks_in_the_middle_of_a_line_are_not_ours(home, text):
    start = home / ".bashrc"
    start.write_text(text)
    assert ": nothing to remove\n" in done_well(home.pganchor("disable", "--shell", env=BASH))
    done_well(home.pganchor("enable", "--shell", env=BASH))
    assert start.read_text().startswith(MARK) and start.read_text().endswith(text)
    done_well(home.pganchor("disable", "--shell", env=BASH))
    assert start.read_text() == text


def test_lines_that_were_written_before_are_known(home, pganchor):
    """With the words that they had until the gate could have moved."""
    start = home / ".bashrc"
    older = OLD_LINES.format(module=pganchor.module, ends=0).replace("else\n", "elif command -v pganchor >/dev/null 2>&1; then\n")
    start.write_text("first\n" + older + "last\n")
    done_well(home.pganchor("enable", "--shell", env=BASH))
    assert start.read_text().startswith("first\n" + MARK) and start.read_text().count(MARK) == 1
    assert "run the pganchor enable that wrote this again" in start.read_text()
    start.write_text("first\n" + older + "last\n")
    done_well(home.pganchor("disable", "--shell", env=BASH))
    assert start.read_text() == "first\nlast\n"


@pytest.mark.parametrize("depth", [1, 8, 9, 10, 30])
def test_directories_that_were_made_go_however_many(home, depth):
    env = {"XDG_CONFIG_HOME": str(home.path.joinpath(*["d"] * depth))}
    for _ in range(2):
        done_well(home.pganchor("enable", env=env))
    assert ": removed\n" in done_well(home.pganchor("disable", "--session", env=env))
    assert home.snapshot() == {}


def test_a_start_file_that_has_moved_since(home):
    """Made by enable, and then a link into somebody's dotfiles: the link is not ours to take away."""
    done_well(home.pganchor("enable", "--shell", env=BASH))
    (home / "dotfiles").mkdir()
    os.rename(home / ".bashrc", home / "dotfiles/bashrc")
    (home / ".bashrc").symlink_to("dotfiles/bashrc")
    done_well(home.pganchor("disable", env=BASH))
    assert os.readlink(home / ".bashrc") == "dotfiles/bashrc" and (home / "dotfiles/bashrc").read_text() == ""


@pytest.mark.parametrize("line", ["/lib/libother.so # was: {module}", " # {module}", "#{module}", "/lib/libother.so #{module} x", "# a {module}"])
def test_the_gate_in_a_comment_is_not_there(home, pganchor, line):
    """ld.so reads no comment, wherever in the line it begins."""
    (home / "etc").mkdir()
    file = home / "etc/ld.so.preload"
    text = line.format(module=pganchor.module) + "\n"
    file.write_text(text)
    assert "ld.so.preload: nothing to remove" in done_well(home.pganchor("disable", "--all", "--root", "."))
    assert "written" in done_well(home.pganchor("enable", "--ld-so-preload", "--root", "."))
    assert file.read_text() == f"{pganchor.module}\n{text}"
    done_well(home.pganchor("disable", "--all", "--root", "."))
    assert file.read_text() == text


@pytest.mark.parametrize("before, after", [
    # What comes before the gate, programs would be bound to.
    ("/lib/libpq.so.5\n{module}\nlast\n", "{module}\n/lib/libpq.so.5\nlast\n"),
    ("/lib/libpq.so.5 {module}\n", "{module}\n/lib/libpq.so.5 {module}\n"),
    ("/lib/a.so:{module}", "{module}\n/lib/a.so:{module}"),
    # First is first, whatever is behind it or only said before it.
    ("{module} /lib/a.so\n", None), ("# a\n\n {module}:/lib/a.so # b\n", None), ("# a\n{module}\n/lib/a.so\n", None),
    # Neither less nor more than the path is the module.
    ("{less}\n", "{module}\n{less}\n"), ("{module}x\n", "{module}\n{module}x\n"), ("x{module}\n", "{module}\nx{module}\n"),
    ("{prefix}/$LIB/other/pganchor-gate.so\n", "{module}\n{prefix}/$LIB/other/pganchor-gate.so\n"),
])
def test_the_gate_comes_first_in_ld_so_preload(home, pganchor, before, after):
    (home / "etc").mkdir()
    file = home / "etc/ld.so.preload"
    names = {"module": pganchor.module, "less": str(pganchor.module)[:-1], "prefix": pganchor.prefix}
    file.write_text(before.format(**names))
    done_well(home.pganchor("enable", "--ld-so-preload", "--root", "."))
    assert file.read_text() == (after or before).format(**names)
    done_well(home.pganchor("enable", "--ld-so-preload", "--root", "."))
    assert file.read_text() == (after or before).format(**names)


@pytest.mark.parametrize("before, after", [
    ("/lib/a.so {module} /lib/b.so # {module}\n", "/lib/a.so /lib/b.so # {module}\n"), ("{module}:/lib/a.so", "/lib/a.so"),
    ("/lib/a.so : {module}\n# x\n", "/lib/a.so\n# x\n"), ("{module} # why\n", "# why\n"), ("{module} {module}\n/lib/a.so\n{module}\n", "/lib/a.so\n"),
    ("{module}x /lib/{module}\n", None)])
def test_the_gate_goes_from_whatever_line_of_ld_so_preload(home, pganchor, before, after):
    """A line that named a module which is gone would have every program complain."""
    (home / "etc").mkdir()
    file = home / "etc/ld.so.preload"
    file.write_text(before.format(module=pganchor.module))
    done_well(home.pganchor("disable", "--all", "--own", "--root", "."))
    assert file.read_text() == (after or before).format(module=pganchor.module)


@pytest.mark.parametrize("words", [["--system"], ["--ld-so-preload"], ["--unit", "app"]])
@pytest.mark.parametrize("change, said", [
    (lambda module: os.chown(module, 12345, -1), "belongs to the user 12345"),
    (lambda module: module.chmod(0o666), "can be written by everybody"),
    (lambda module: os.chown(module.parent, 12345, -1), "belongs to the user 12345"),
    (lambda module: module.parent.chmod(0o777), "can be written by everybody"),
])
def test_what_all_programs_load_only_root_may_write(home, pganchor, words, change, said):
    """It is looked at before it is loaded by anybody, ourselves too."""
    if os.geteuid() != 0:
        pytest.skip("needs root: to give a file to somebody else")
    places = {path: path.stat() for path in (pganchor.module, pganchor.module.parent)}
    before = home.snapshot()
    try:
        change(pganchor.module)
        log = home.path.parent / "trace"
        done = home.run(["strace", "-f", "-qq", "-o", log, "-e", "trace=execve", pganchor.binary, "enable", *words, "--root", "."], env=NO_LEAKS)
    finally:
        for path, status in places.items():
            os.chown(path, status.st_uid, status.st_gid)
            path.chmod(status.st_mode & 0o7777)
    assert done.returncode == 1 and said in done.stderr and home.snapshot() == before
    # A wrapper that tests/run.sh has put before the program, perhaps, and the program.
    started = re.findall(r'execve\("([^"]+)"', log.read_text())
    assert len(started) == len(set(started)) and set(map(Path, started)) <= {pganchor.binary, pganchor.binary.with_name("pganchor.real")}


@pytest.mark.parametrize("words", [["--system"], ["--ld-so-preload"], []])
def test_nor_may_the_first_user_below_root(home, pganchor, words):
    """The machine's own files: nothing is written in any case."""
    if os.geteuid() != 0:
        pytest.skip("needs root: to give a file to somebody else")
    status = pganchor.module.stat()
    try:
        os.chown(pganchor.module, 1, -1)
        done = home.pganchor("enable", *words, "--dry-run")
    finally:
        os.chown(pganchor.module, status.st_uid, status.st_gid)
    assert done.returncode == 1 and f"{pganchor.module}: belongs to the user 1" in done.stderr and done.stdout == ""


def alone_on_the_machine(home, *words):
    """Runs a command as root in a mount namespace with an empty /etc/systemd, a copy of /etc/profile.d and the like."""
    if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode != 0:
        pytest.skip("no mount namespace can be made here")
    script = 'for i in /etc/environment.d /etc/profile.d; do mkdir -p $i; mount -n -t tmpfs tmpfs $i || exit 9; done; exec "$@"'
    return home.run([*open_to_all(home.program.prefix), "unshare", "--mount", "sh", "-c", script, "sh", *words])


def test_disable_names_what_is_still_on(home, pganchor):
    script = '"$0" enable --system >/dev/null; "$0" disable; "$0" disable --session; "$0" disable --system; echo; "$0" disable'
    done = alone_on_the_machine(home, "sh", "-ec", script, pganchor.binary)
    assert done.returncode == 0, done.stderr
    before, after = done.stdout.split("\n\n")
    for way in ("system session: /etc/environment.d/50-pganchor.conf", "system shell: /etc/profile.d/pganchor.sh"):
        assert before.count(f"{way}: still on; as root: pganchor disable --system\n") == 2
    assert "still on" not in after and "still on" not in before.split("disable --system\n")[-1]


def test_a_module_that_others_cannot_read_is_enabled_for_nobody(home, pganchor):
    mode = pganchor.module.stat().st_mode
    try:
        pganchor.module.chmod(0o600)
        done = alone_on_the_machine(home, pganchor.binary, "enable", "--system")
        yours = home.pganchor("enable", "--session")
    finally:
        pganchor.module.chmod(mode)
    assert done.returncode == 1
    assert f"pganchor: {pganchor.module}: other users cannot read it, and their programs would start without the gate\n" in done.stderr
    assert yours.returncode == 0
    assert alone_on_the_machine(home, pganchor.binary, "enable", "--system").returncode == 0


def test_a_module_that_others_cannot_reach_is_enabled_for_nobody(home, pganchor):
    directory = pganchor.module.parent
    mode = directory.stat().st_mode
    try:
        directory.chmod(0o710)
        done = alone_on_the_machine(home, pganchor.binary, "enable", "--system")
    finally:
        directory.chmod(mode)
    assert done.returncode == 1 and f"pganchor: {directory}: other users cannot look into it, and their programs would start" in done.stderr


@pytest.mark.parametrize("root, status, said", [
    ("", 2, "--root: the name of the directory is empty"), ("nope", 1, "--root nope: No such file or directory"),
    ("nope/deep", 1, "--root nope/deep: No such file or directory"), ("file", 1, "--root file: not a directory")])
@pytest.mark.parametrize("command", ["enable", "disable"])
def test_a_root_has_to_be_there(home, command, root, status, said):
    (home / "file").touch()
    before = home.snapshot()
    done = home.pganchor(command, "--system", "--root", root)
    assert done.returncode == status and said in done.stderr and home.snapshot() == before


@pytest.mark.parametrize("link, target, words, file", [
    ("etc/ld.so.preload", "/elsewhere/preload", ["--ld-so-preload"], "elsewhere/preload"),
    ("etc/ld.so.preload", "../../../elsewhere/preload", ["--ld-so-preload"], "elsewhere/preload"),
    ("etc/profile.d", "/usr/etc/profile.d", ["--system"], "usr/etc/profile.d/pganchor.sh"),
    ("etc", "/usr/etc", ["--system"], "usr/etc/profile.d/pganchor.sh"),
    ("etc/systemd/system/app.service.d", "/usr/app.d", ["--unit", "app"], "usr/app.d/pganchor.conf"),
])
def test_links_in_an_image_lead_where_they_will_lead_there(home, tmp_path, link, target, words, file):
    """And never out of it: not to the machine on which it is made."""
    image = tmp_path / "image"
    (image / link).parent.mkdir(parents=True)
    (image / link).symlink_to(target)
    (image / file).parent.mkdir(parents=True)
    done_well(home.pganchor("enable", *words, "--root", image))
    assert (image / file).exists() and os.readlink(image / link) == target
    assert not os.path.exists(f"/{file}") and {path.name for path in tmp_path.iterdir()} == {"image", "home"}
    done_well(home.pganchor("disable", "--all", "--root", image))
    assert os.readlink(image / link) == target
    # What a link leads to stays, as the link does; what is in a directory that it leads to goes.
    assert ((image / file).read_text() == "") if link.endswith("ld.so.preload") else not (image / file).exists()


def test_a_link_that_leads_to_itself_is_an_error(home, tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/ld.so.preload").symlink_to("/etc/ld.so.preload")
    done = home.pganchor("enable", "--ld-so-preload", "--root", tmp_path)
    assert done.returncode == 1 and f"could not find /etc/ld.so.preload in {tmp_path}: Too many levels of symbolic links" in done.stderr


def test_drop_ins_that_cannot_be_listed_are_an_error(home, pganchor, tmp_path):
    """Not the answer that there are none."""
    done_well(home.pganchor("enable", "--unit", "app", "--root", tmp_path))
    trace = ["strace", "-qq", "-o", "/dev/null", "-e", "trace=getdents64", "-e", "inject=getdents64:error=EIO:when=1"]
    done = home.run([*trace, pganchor.binary, "disable", "--all", "--root", tmp_path], env=NO_LEAKS)
    assert done.returncode == 1 and f"could not read {tmp_path}/etc/systemd/system: Input/output error" in done.stderr
    assert (tmp_path / "etc/systemd/system/app.service.d/pganchor.conf").exists()


@without_asan
def test_a_machine_without_proc(home):
    """As a chroot that is being made: run finds itself by the name by which it was started."""
    if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode != 0:
        pytest.skip("no mount namespace can be made here")
    for name in ("pganchor", home.program.binary):
        done = home.run(["unshare", "--mount", "sh", "-c", 'mount -n -t tmpfs tmpfs /proc && exec "$0" run -- echo started', name])
        assert (done.returncode, done.stdout) == (0, "started\n"), done.stderr


def test_directories_of_the_machine_are_open_whatever_the_umask(home, tmp_path):
    done = home.run(["sh", "-c", f"umask 077; pganchor enable --system --root {tmp_path}"])
    assert done.returncode == 0
    for name in ("etc", "etc/environment.d", "etc/profile.d"):
        assert (tmp_path / name).stat().st_mode & 0o7777 == 0o755
    for name in ("etc/environment.d/50-pganchor.conf", "etc/profile.d/pganchor.sh"):
        assert (tmp_path / name).stat().st_mode & 0o7777 == 0o644


@pytest.mark.no_gate
@without_asan
def test_a_login_shell_that_does_not_come_by_the_lines(home, pganchor):
    """status names the way out that works: the file that was made since is read in the place of the one with the lines."""
    done_well(home.pganchor("enable", "--shell", env=BASH))
    (home / ".bash_profile").write_text("alias a=b\n")
    done = home.run(["bash", "-lc", f"{pganchor.binary} status --all"], env=BASH)
    assert done.returncode == 3 and "log out" not in done.stdout
    assert f"    it is enabled, but your shell reads {home.path}/.bash_profile, which does not have the lines: pganchor enable --shell; " in done.stdout
    done_well(home.pganchor("enable", "--shell", env=BASH))
    assert home.run(["bash", "-lc", f"{pganchor.binary} status --all"], env=BASH).stdout.startswith("active here")
    assert json.loads(home.pganchor("status", "-j", env=BASH).stdout)["active"] is False
