"""pg_service.conf on the disk: edited byte for byte, whatever it looks like, whoever else edits it, whatever goes wrong."""

import itertools
import os
import re
import subprocess

import pytest

import services
from services import SYSTEM, USER, add, entry, left, listed, service, write

ODD = (b"\xef\xbb\xbf# with a BOM, CRLF and blanks\r\n"
       b"\r\n"
       b"# somebody else's\r\n"
       b"  [other] behind the bracket\r\n"
       b"host=old.example.com  \r\n"
       b"\tsslmode=require\r\n"
       b"# between\n"
       b"\r\n"
       b"[latin]\r\n"
       b"dbname=gr\xf6\xdfe\r\n"
       b"[a b]\r\n"
       b"host=x")
WRITTEN = b"\r\n\r\n[prod]\r\nhost=h\r\nsslmode=verify-full\r\ngssencmode=disable\r\n"


def test_every_byte_of_others_survives(home):
    write(home, ODD)
    done = add(home, "prod", "--host", "h")
    assert done.returncode == 0, done.stderr
    # The last line had no end; the new lines have that of the line before.
    assert (home / USER).read_bytes() == ODD + WRITTEN
    assert service(home, "remove", "prod").returncode == 0
    assert (home / USER).read_bytes() == ODD + b"\r\n"


def test_replace_keeps_the_place_and_the_comments(home):
    write(home, ODD)
    assert add(home, "other", "--host", "h", "--replace").returncode == 0
    assert (home / USER).read_bytes() == ODD.replace(
        b"host=old.example.com  \r\n\tsslmode=require\r\n", b"host=h\r\nsslmode=verify-full\r\ngssencmode=disable\r\n")


def test_a_link_stays_a_link(home):
    (home / "dotfiles").mkdir()
    target = write(home, "[a]\nhost=x\n", "dotfiles/services")
    (home / USER).symlink_to("dotfiles/services")
    done = add(home, "prod", "--host", "h")
    assert done.returncode == 0 and str(target) in done.stdout
    assert os.readlink(home / USER) == "dotfiles/services"
    assert [name for name, _ in listed(home)] == ["a", "prod"]
    assert sorted(os.listdir(home / "dotfiles")) == ["services"]


def test_a_link_to_nowhere(home):
    (home / USER).symlink_to("nowhere")
    before = home.snapshot()
    done = add(home, "prod", "--host", "h")
    assert done.returncode == 1 and "symbolic link" in done.stderr
    assert home.snapshot() == before


def test_mode_and_owner_stay(home):
    path = write(home, "[a]\nhost=x\n")
    path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(path, 1234, 2345)
    before = path.stat()
    assert add(home, "prod", "--host", "h").returncode == 0
    after = path.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)


def test_a_new_file_is_the_user_s_alone(home):
    done = home.run(["sh", "-c", "umask 0; exec pganchor service add prod --host h"], env=services.environment(home))
    assert done.returncode == 0, done.stderr
    assert (home / USER).stat().st_mode & 0o777 == 0o600


# All of them begin at once, while one has the lock: with many, under a sanitizer and beside other work, it can have it for so long that
# another gives up.
AT_ONCE = 64 if os.environ.get("PGANCHOR_TESTS_WHOLE") else 24


def test_many_concurrent_adds_lose_none(home):
    write(home, "# first\n")
    command = [home.program.binary, "service", "add"]
    running = [subprocess.Popen([*command, f"s{i}", "--host", f"h{i}.example.com"], env=home.environment(services.environment(home)),
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
               for i in range(AT_ONCE)]
    for process in running:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
    text = (home / USER).read_text()
    assert text.startswith("# first\n\n[s")
    assert sorted(re.findall(r"^\[(.*)\]$", text, re.M)) == sorted(f"s{i}" for i in range(AT_ONCE))
    for i in range(AT_ONCE):
        assert dict(entry(home, f"s{i}")) == {"host": f"h{i}.example.com", "sslmode": "verify-full", "gssencmode": "disable"}
    assert left(home) == [USER]


def program(home):
    """The tool itself, where tests/run.sh --valgrind has put a script in its place."""
    real = home.program.binary.with_name("pganchor.real")
    return real if real.exists() else home.program.binary


# Every system call of an edit that changes something; the one before the rename still leaves the old file.
@pytest.mark.parametrize("call", ["flock", "openat", "write", "fchmod", "fsync", "close", "renameat", "unlinkat"])
def test_killed_at_any_instant_there_is_the_old_file_or_the_new_one(home, call):
    old = b"[a]\nhost=x\n"
    path = write(home, old)
    assert add(home, "prod", "--host", "h").returncode == 0
    new = path.read_bytes()
    command = [program(home), "service", "add", "prod", "--host", "h"]
    # LeakSanitizer cannot work on a traced process.
    env = services.environment(home, {"ASAN_OPTIONS": "detect_leaks=0:exitcode=99"})
    path.write_bytes(old)
    traced = home.run(["strace", "-qq", "-o", home / "trace", "-e", f"trace={call},flock", *command], env=env)
    assert traced.returncode == 0, traced.stderr
    calls = (home / "trace").read_text().splitlines()
    (home / "trace").unlink()
    first = next(i for i, line in enumerate(calls) if line.startswith("flock("))
    before = sum(line.startswith(call + "(") for line in calls[:first])
    killed = 0
    # Until it comes to its end: how many calls that are depends on how old the file is and on what was left the last time.
    for number in itertools.count(before + 1):
        path.write_bytes(old)
        done = home.run(["strace", "-qq", "-o", "/dev/null", "-e", f"trace={call}",
                         "-e", f"inject={call}:signal=KILL:when={number}", *command], env=env)
        assert path.read_bytes() == new if done.returncode == 0 else path.read_bytes() in (old, new), (call, number)
        if done.returncode == 0:
            break
        killed += 1
    assert killed > 0
    # What a killed edit has staged is gone after the next one.
    path.write_bytes(old)
    assert add(home, "prod", "--host", "h").returncode == 0
    assert path.read_bytes() == new
    assert left(home) == [USER]


@pytest.mark.parametrize("text", ["", "[a]\nhost=x\n"])
def test_a_full_disk_leaves_the_old_file(home, text):
    if text:
        write(home, text)
    before = home.snapshot()
    done = add(home, "prod", "--host", "h", full_disk=True)
    assert done.returncode == 1 and "No space left on device" in done.stderr and "nothing was changed" in done.stderr
    assert home.snapshot() == before


def test_a_directory_that_may_not_be_written(home):
    write(home, "[a]\nhost=x\n")
    before = home.snapshot()
    home.path.chmod(0o500)
    try:
        for args in (["add", "prod", "--host", "h"], ["remove", "a"]):
            done = service(home, *args, ordinary=True)
            assert done.returncode == 1 and "Permission denied" in done.stderr and "nothing was changed" in done.stderr
    finally:
        home.path.chmod(0o700)
    assert home.snapshot() == before


@pytest.mark.parametrize("make", [
    pytest.param(lambda path: path.mkdir(), id="directory"),
    pytest.param(lambda path: os.mkfifo(path), id="fifo"),
    pytest.param(lambda path: path.write_bytes(b"[a]\nhost=x\0y\n"), id="nul"),
])
def test_what_is_no_service_file_is_left_alone(home, make):
    make(home / USER)
    before = home.snapshot()
    for args in (["add", "prod", "--host", "h"], ["list"], ["show", "a"], ["remove", "a"]):
        done = service(home, *args)
        assert done.returncode == 1 and USER in done.stderr
    assert home.snapshot() == before


def test_behind_a_line_that_is_too_long_nothing_is_written(home):
    write(home, "[a]\nhost=x\napplication_name=" + "x" * 1023 + "\n")
    before = home.snapshot()
    done = add(home, "prod", "--host", "h")
    assert done.returncode == 1
    assert f'line 3 too long in service file "{home / USER}"' in done.stderr
    assert home.snapshot() == before
    # The entry with the line itself can be replaced, and taken out.
    assert add(home, "a", "--host", "h", "--replace").returncode == 0
    assert add(home, "prod", "--host", "h").returncode == 0


def test_remove(home):
    text = "# top\n[a]\nhost=x\n\n# about b\n[b]\n# in b\nhost=y\npassword=secret\n\n[c]\nhost=z\n"
    write(home, text)
    before = home.snapshot()
    done = service(home, "remove", "b", "--dry-run")
    assert done.returncode == 0 and "would remove" in done.stdout and "secret" not in done.stdout
    assert home.snapshot() == before
    done = service(home, "remove", "b")
    assert done.returncode == 0 and "    [b]\n    host=y\n    password=********\n" in done.stdout
    assert (home / USER).read_text() == "# top\n[a]\nhost=x\n\n# about b\n# in b\n\n[c]\nhost=z\n"
    before = home.snapshot()
    done = service(home, "remove", "b")
    assert done.returncode == 1 and "there is none of this name" in done.stderr
    assert home.snapshot() == before


def test_remove_takes_the_hidden_one_too_and_tells_of_the_machine_s(home):
    write(home, "[a]\nhost=x\n[b]\nhost=y\n[a]\nhost=z\n")
    write(home, "[a]\nhost=m\n", SYSTEM)
    done = service(home, "remove", "a")
    assert done.returncode == 0 and "1 more of the same name" in done.stdout
    assert "the name means that one from now on" in done.stderr
    assert (home / USER).read_text() == "[b]\nhost=y\n"
    assert service(home, "remove", "a", "--system").returncode == 0
    assert (home / SYSTEM).read_text() == ""


def test_removing_from_no_file_makes_none(home):
    done = service(home, "remove", "a", "--system")
    assert done.returncode == 1
    assert home.snapshot() == {}
