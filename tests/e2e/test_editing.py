"""Whatever fails while a file is edited, there is the old file or the new one, with all that it had; and nobody is held up."""

import itertools
import os
import signal
import socket
import struct
import subprocess

import pytest

import services
from services import USER, add, left, service, write

OLD = "[a]\nhost=x\npassword=s3cret\n"
LOCK = ".pganchor.lock"
COMMAND = ("service", "add", "prod", "--host", "h")
# LeakSanitizer cannot work on a traced process.
TRACED = {"ASAN_OPTIONS": "detect_leaks=0:exitcode=99"}

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can do that")


def traced(home, inject, *command, path=None, **kwargs):
    """Run pganchor with one system call that fails."""
    real = home.program.binary.with_name("pganchor.real")
    program = real if real.exists() else home.program.binary
    only = ["-P", path] if path else []
    return home.run(["strace", "-qq", "-o", "/dev/null", *only, "-e", f"trace={inject.split(':')[0]}", "-e", f"inject={inject}",
                     program, *command], env=services.environment(home, TRACED), **kwargs)


def calls_before_the_edit(home, call):
    """How many of them are made before the lock is taken."""
    path = home / USER
    before = path.read_bytes()
    real = home.program.binary.with_name("pganchor.real")
    done = home.run(["strace", "-qq", "-o", home / "trace", "-e", f"trace={call},flock", real if real.exists() else home.program.binary,
                     *COMMAND], env=services.environment(home, TRACED))
    assert done.returncode == 0, done.stderr
    lines = (home / "trace").read_text().splitlines()
    (home / "trace").unlink()
    path.write_bytes(before)
    return sum(line.startswith(call + "(") for line in itertools.takewhile(lambda line: not line.startswith("flock("), lines))


def old_and_new(home):
    path = write(home, OLD)
    path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(path, 1234, 2345)
    old = path.read_bytes()
    assert add(home, "prod", "--host", "h").returncode == 0
    new = path.read_bytes()
    path.write_bytes(old)
    return path, old, new


CALLS = ["read", "write", "fsync", "close", "fchown", "fchmod", "renameat", "unlinkat", "flock", "fcntl", "getrandom"]


@needs_root
@pytest.mark.parametrize("call", CALLS)
def test_a_call_that_fails_is_an_error_or_does_no_harm(home, call):
    path, old, new = old_and_new(home)
    before = path.stat()
    failed = harmless = 0
    # Until a number of them in a row is none that this command makes, or matters to it.
    for number in itertools.count(calls_before_the_edit(home, call) + 1):
        path.write_bytes(old)
        done = traced(home, f"{call}:error=EIO:when={number}", *COMMAND)
        after = path.stat()
        # What could not be told has been done.
        told = "could not write to the standard output" in done.stderr
        assert path.read_bytes() == (new if done.returncode == 0 or told else old), (number, done.stderr)
        assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid), number
        failed += done.returncode != 0
        harmless = 0 if done.returncode else harmless + 1
        if harmless == 12:
            break
    assert failed > 0 or call == "unlinkat"


@pytest.mark.parametrize("call, number, said", [("fsync", 1, "could not write the new"), ("fchown", 1, "could not keep the owner"),
                                                ("fchmod", 1, "could not write the new"), ("renameat", 1, "could not replace")])
@needs_root
def test_errors_that_come_late(home, call, number, said):
    old_and_new(home)
    before = home.snapshot()
    done = traced(home, f"{call}:error=EIO:when={number}", *COMMAND)
    assert done.returncode == 1 and said in done.stderr and "nothing was changed" in done.stderr
    assert home.snapshot() == before


def test_a_file_that_cannot_be_read_to_its_end_is_not_written(home):
    path = write(home, "[a]\nhost=x\n" + "# more\n" * 2000)
    before = home.snapshot()
    done = traced(home, "read:error=EIO:when=2", *COMMAND, path=path)
    assert done.returncode == 1 and f"could not read {path}: Input/output error" in done.stderr
    assert home.snapshot() == before


def test_what_close_tells_counts(home):
    """A network's file system tells of a full disk at close(): not one of those behind the last fsync() is left out."""
    path = write(home, OLD)
    old = path.read_bytes()
    said = []
    first = calls_before_the_edit(home, "close") + 1
    for number in range(first, first + 40):
        path.write_bytes(old)
        done = traced(home, f"close:error=EDQUOT:when={number}", *COMMAND)
        assert path.read_bytes() == old or done.returncode == 0
        if "could not write the new" in done.stderr:
            said.append(done)
    assert len(said) == 1 and said[0].returncode == 1 and "make room" in said[0].stderr


def test_the_new_file_is_ours_alone_and_on_the_disk_before_it_has_the_name(home):
    write(home, OLD)
    real = home.program.binary.with_name("pganchor.real")
    done = home.run(["strace", "-qq", "-y", "-o", home / "trace", "-e", "trace=openat,fsync,renameat",
                     real if real.exists() else home.program.binary, *COMMAND], env=services.environment(home, TRACED))
    assert done.returncode == 0, done.stderr
    lines = [line for line in (home / "trace").read_text().splitlines()
             if ("O_CREAT" in line and "pganchor-staged" in line or line.startswith(("fsync", "renameat"))) and ".config" not in line]
    made, flushed, renamed, directory = lines
    assert made.startswith("openat(") and "O_CREAT|O_EXCL" in made and "O_NOFOLLOW" in made and ", 0600)" in made
    assert flushed.startswith("fsync(") and ".pganchor-staged-" in flushed
    assert renamed.startswith("renameat(") and f'"{USER}")' in renamed
    assert directory.startswith("fsync(") and f"<{home.path}>" in directory


@pytest.mark.parametrize("error, advice", [("EBUSY", "mounted by itself"), ("EXDEV", "mounted by itself"), ("EROFS", "read-only file system"),
                                           ("ENOSPC", "make room"), ("EACCES", "run this as its owner")])
def test_what_to_do_where_a_file_cannot_be_replaced(home, error, advice):
    write(home, OLD)
    before = home.snapshot()
    done = traced(home, f"renameat:error={error}", *COMMAND)
    assert done.returncode == 1 and advice in done.stderr and "nothing was changed" in done.stderr
    assert home.snapshot() == before


@needs_root
def test_a_file_that_is_a_mount_of_its_own(home):
    path = write(home, OLD)
    before = home.snapshot()
    (home.path.parent / "other").write_text("[b]\nhost=y\n")
    done = home.run(["unshare", "--mount", "sh", "-c", f'mount -n --bind "{home.path.parent}/other" "{path}" && exec "$@"', "sh",
                     home.program.binary, *COMMAND], env=services.environment(home))
    assert done.returncode == 1 and "mounted by itself, as in a container" in done.stderr
    assert home.snapshot() == before and (home.path.parent / "other").read_text() == "[b]\nhost=y\n"


@needs_root
def test_a_home_that_is_read_only(home):
    path = write(home, OLD)
    before = home.snapshot()
    done = home.run(["unshare", "--mount", "sh", "-c",
                     f'mount -n --bind "{home.path}" "{home.path}" && mount -n -o remount,bind,ro "{home.path}" && exec "$@"', "sh",
                     home.program.binary, *COMMAND], env=services.environment(home), cwd="/")
    assert done.returncode == 1 and "read-only file system" in done.stderr and path.read_text() == OLD
    assert home.snapshot() == before


def test_as_many_directories_as_are_missing_are_made(home):
    path = home.path.joinpath(*"123456789abcdef") / "services"
    done = service(home, "add", "prod", "--host", "h", env={"PGSERVICEFILE": path})
    assert done.returncode == 0 and path.exists()
    assert {directory.stat().st_mode & 0o7777 for directory in path.parents if home.path in directory.parents} == {0o700}
    # Those that were made for a file that never came are gone.
    done = service(home, "add", "prod", "--host", "h", "--dry-run", env={"PGSERVICEFILE": home / "A/B/C/D/E/F/G/H/I/J/K/services"})
    assert done.returncode == 0 and not (home / "A").exists()


def test_modes_of_new_directories_do_not_hang_on_the_umask(home):
    done = home.run(["sh", "-c", "umask 077; exec pganchor service add prod --host h --system"],
                    env=services.environment(home, {"PGSYSCONFDIR": home / "a/b"}))
    assert done.returncode == 0, done.stderr
    assert [(home / name).stat().st_mode & 0o7777 for name in ("a", "a/b", "a/b/pg_service.conf")] == [0o755, 0o755, 0o644]


def default_acl(directory, name="system.posix_acl_default", user=12345, group=5):
    """user::rwx, user:12345:r--, group::r-x, mask::r-x, other::--- as acl(5) lays it out."""
    entries = [(1, 7, 0xffffffff), (2, 4, user), (4, group, 0xffffffff), (16, 5, 0xffffffff), (32, 0, 0xffffffff)]
    try:
        os.setxattr(directory, name, struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *each) for each in entries))
    except OSError:
        pytest.skip("no access lists on this file system")


@pytest.mark.parametrize("names", [1, 2])
def test_other_names_of_a_file_are_told_of(home, names):
    """The file is replaced, so that no half of it is ever there: another name of it is then one of the old file."""
    write(home, OLD)
    for number in range(names):
        os.link(home / USER, home / f"copy{number}")
    done = add(home, "prod", "--host", "h")
    assert done.returncode == 0 and (home / "copy0").read_text() == OLD != (home / USER).read_text()
    many = "2 other names" if names == 2 else "1 other name"
    assert f"{home.path}/{USER}: has {many} (hard links), which will keep what is in it now\n" in done.stderr
    assert "hard link" not in add(home, "prod", "--replace", "--host", "g").stderr
    # What changes nothing takes nothing apart.
    os.link(home / USER, home / "copy")
    assert "hard link" not in add(home, "prod", "--replace", "--host", "g").stderr
    assert (home / "copy").samefile(home / USER)


def test_a_rewritten_file_gets_no_access_list_of_its_directory(home):
    path = write(home, OLD)
    path.chmod(0o640)
    default_acl(home.path)
    assert add(home, "prod", "--host", "h").returncode == 0
    assert "system.posix_acl_access" not in os.listxattr(path) and path.stat().st_mode & 0o777 == 0o640


def test_an_access_list_and_large_attributes_are_kept(home):
    path = write(home, OLD)
    default_acl(path, "system.posix_acl_access")
    values = {"user.small": b"1", "user.empty": b""}
    for size in (60000, 3000):
        try:
            os.setxattr(path, "user.large", b"x" * size)
            values["user.large"] = b"x" * size
            break
        except OSError:
            continue
    for name, value in values.items():
        os.setxattr(path, name, value)
    kept = {name: os.getxattr(path, name) for name in os.listxattr(path)}
    assert kept.keys() >= {"system.posix_acl_access", "user.large", "user.small"}
    assert add(home, "prod", "--host", "h").returncode == 0
    assert {name: os.getxattr(path, name) for name in os.listxattr(path)} == kept


def test_an_attribute_that_cannot_be_kept_is_an_error(home):
    path = write(home, OLD)
    os.setxattr(path, "user.mine", b"1")
    before = home.snapshot()
    for inject in ("fsetxattr:error=ENOSPC", "fgetxattr:error=EIO", "flistxattr:error=EIO"):
        done = traced(home, inject, *COMMAND)
        assert done.returncode == 1 and "an extended attribute could not be kept" in done.stderr, inject
        assert home.snapshot() == before and os.getxattr(path, "user.mine") == b"1"
    assert traced(home, "flistxattr:error=EOPNOTSUPP", *COMMAND).returncode == 0


@pytest.mark.parametrize("name", ["INT", "TERM", "HUP", "QUIT", "PIPE"])
@pytest.mark.parametrize("call", ["flock", "fchmod", "write", "fsync", "renameat"])
def test_a_signal_leaves_nothing_and_ends_the_command(home, name, call):
    path, old, new = old_and_new(home)
    first = calls_before_the_edit(home, call) + 1
    for number in itertools.count(first):
        path.write_bytes(old)
        done = traced(home, f"{call}:signal={name}:when={number}", *COMMAND)
        assert path.read_bytes() in (old, new)
        assert left(home) == [USER], number
        if done.returncode == 0:
            break
        assert done.returncode in (-signal.Signals["SIG" + name], 128 + signal.Signals["SIG" + name])
    assert number > first


def test_a_signal_that_is_ignored_stays_ignored(home):
    path = write(home, OLD)
    done = home.run(["sh", "-c", 'trap "" HUP; exec "$@"', "sh", "strace", "-qq", "-o", "/dev/null", "-e", "trace=fsync", "-e",
                     "inject=fsync:signal=HUP:when=1", home.program.binary, *COMMAND], env=services.environment(home, TRACED))
    assert done.returncode == 0 and "[prod]" in path.read_text()


HOLD = """
import fcntl, os, sys
file = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT if len(sys.argv) > 2 else os.O_RDONLY, 0o600)
fcntl.flock(file, fcntl.LOCK_EX)
if len(sys.argv) > 2:
    os.write(file, sys.argv[2].encode())
print("held", flush=True)
sys.stdin.read()
if len(sys.argv) > 2:
    os.unlink(sys.argv[1])
"""


class Holder:
    """Another process that has a lock, until it is told to end."""

    def __init__(self, path, says=None, before=()):
        self.process = subprocess.Popen([*before, "/usr/bin/python3", "-c", HOLD, path, *([says] if says else [])], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == b"held\n"

    def __enter__(self):
        return self

    def end(self):
        self.process.communicate()

    def __exit__(self, *error):
        self.process.kill()
        self.process.communicate()


@needs_root
def test_nobody_else_can_hold_a_lock(home):
    """Everybody who may read a directory can have a lock on that."""
    (home / "image/etc").mkdir(parents=True)
    (home / "machine").mkdir()
    (home / "image/etc/ld.so.preload").write_text("/x.so\n")
    others = ["setpriv", "--reuid", "12345", "--regid", "12345", "--clear-groups"]
    for directory, command in ((home.path, COMMAND), (home / "machine", (*COMMAND, "--system")),
                            (home / "image/etc", ("enable", "--ld-so-preload", "--root", home / "image")),
                            (home / "image/etc", ("disable", "--all", "--root", home / "image"))):
        directory.chmod(0o755)
        # The descriptor is handed over: whether the path can be reached is another matter.
        opened = os.open(directory, os.O_RDONLY)
        holder = subprocess.Popen([*others, "/usr/bin/python3", "-c", HOLD, f"/proc/self/fd/{opened}"], pass_fds=[opened],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            assert holder.stdout.readline() == b"held\n"
            done = home.pganchor(*command, env=services.environment(home), timeout=60)
        finally:
            holder.communicate()
            os.close(opened)
        assert done.returncode == 0 and "waiting" not in done.stderr, (command, done.stderr)


def start(home):
    return subprocess.Popen([home.program.binary, *COMMAND], env=home.environment(services.environment(home)), stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_who_waits_says_for_whom_and_goes_on(home):
    path = write(home, OLD)
    with Holder(home / LOCK, f"4242 {socket.gethostname()}\n") as holder:
        waiting = start(home)
        said = waiting.stderr.readline()
        assert "waiting for another pganchor (process 4242)" in said and str(home.path) in said
        assert path.read_text() == OLD
        holder.end()
        _, rest = waiting.communicate(timeout=60)
    assert waiting.returncode == 0, rest
    assert "[prod]" in path.read_text() and left(home) == [USER]


# It takes all of that half minute; the unit test_edit_lock has a clock that goes faster.
@pytest.mark.whole
def test_who_waits_in_vain_stops(home):
    write(home, OLD)
    with Holder(home / LOCK, "4242 elsewhere.example\n"):
        before = home.snapshot()
        done = add(home, "prod", "--host", "h")
        assert home.snapshot() == before
    assert done.returncode == 1 and f"{home / LOCK}: locked by another pganchor (process 4242 on elsewhere.example)" in done.stderr


def test_who_is_interrupted_while_he_waits_leaves_the_lock_to_its_owner(home):
    write(home, OLD)
    with Holder(home / LOCK, "4242 elsewhere.example\n"):
        before = home.snapshot()
        waiting = start(home)
        waiting.stderr.readline()
        waiting.send_signal(signal.SIGINT)
        waiting.communicate(timeout=60)
        assert waiting.returncode == -signal.SIGINT
        assert home.snapshot() == before


def test_a_lock_of_the_dead(home):
    write(home, OLD)
    (home / LOCK).write_text("4242 elsewhere.example\n")
    assert add(home, "prod", "--host", "h").returncode == 0
    assert left(home) == [USER]


@pytest.mark.parametrize("error", ["ENOLCK", "EOPNOTSUPP", "ENOSYS"])
@pytest.mark.parametrize("when", ["", ":when=1"])
def test_a_file_system_without_locks(home, error, when):
    write(home, OLD)
    assert traced(home, f"flock:error={error}{when}", *COMMAND).returncode == 0
    assert left(home) == [USER]


@pytest.mark.parametrize("kind", ["link", "link to a lock", "directory", "fifo", "hard link", pytest.param("another's", marks=needs_root)])
def test_what_has_the_name_of_a_lock_and_is_none(home, kind):
    write(home, OLD)
    (home / "precious").write_text("precious")
    lock = home / LOCK
    if kind == "link":
        lock.symlink_to("target")
    elif kind == "link to a lock":
        lock.symlink_to("precious")
    elif kind == "directory":
        lock.mkdir()
    elif kind == "fifo":
        os.mkfifo(lock)
    elif kind == "hard link":
        os.link(home / "precious", lock)
    else:
        lock.write_text("")
        os.chown(lock, 12345, 12345)
    before = home.snapshot()
    done = add(home, "prod", "--host", "h", timeout=60)
    assert done.returncode == 1 and f"{lock}: not a lock of pganchor's" in done.stderr and "remove it" in done.stderr
    assert home.snapshot() == before
