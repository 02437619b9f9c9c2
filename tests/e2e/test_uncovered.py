"""Programs that the gate cannot cover: `pganchor run` says so before it starts them."""

import os
import re
import shutil

import pytest

from machines import ROOT, run
from processes import WITH_POWER, free_port, ordinary_user

WARNING = "pganchor: warning: {path} {what}\n    {next}\n"
OWN_SETTINGS = "give it sslmode=verify-full and sslrootcert by its own settings"
STATIC = "is linked statically, so ld.so loads no gate into it"
OWN = "has a libpq of its own inside, so the gate does not see it"


@pytest.fixture
def warned(home):
    """warned(argv, what, next) starts the program: it says what it says without, and before that stands this warning alone."""
    def check(argv, what, next, path=None, env=None):
        expected = WARNING.format(path=path or argv[0], what=what, next=next)
        alone = home.run(argv, env=env)
        done = home.pganchor("run", "--", *argv, env=env)
        assert (done.returncode, done.stdout, done.stderr) == (alone.returncode, alone.stdout, expected + alone.stderr)
        refused = home.pganchor("run", "--require", "--", *argv, env=env)
        assert (refused.returncode, refused.stdout) == (3, "")
        assert refused.stderr == expected.replace("warning: ", "")
        return done

    return check


@pytest.fixture
def own_libpq(build, own_libpq_words):
    """own_libpq(words...) -> connect.c with libpq itself in it."""
    return lambda *words: build("cc", "../connect.c", *own_libpq_words, *words)


@pytest.mark.parametrize("words", [[], ["-s"], ["-rdynamic"]], ids=["symbols", "stripped", "exported"])
def test_a_libpq_inside(warned, own_libpq, postgres, words):
    """Nor does the gate see it, in truth: the weak connection stands."""
    conninfo = postgres.conninfo(sslmode="disable")
    assert "status ok" in warned([own_libpq(*words), "connectdb", conninfo], OWN, OWN_SETTINGS).stdout


@pytest.mark.parametrize("words", [[], ["-ldflags=-s -w"]], ids=["symbols", "stripped"])
def test_a_driver_without_libpq(warned, build, words):
    program = build("go", "pq.go", *words, env={"CGO_ENABLED": "0"})
    done = warned([program, f"host=127.0.0.1 sslmode=disable port={free_port()}"],
                  "connects by github.com/lib/pq and no libpq, so the gate does not see it",
                  "give it PGSSLMODE=verify-full and PGSSLROOTCERT, or the same by its own settings")
    assert "connection refused" in done.stdout


@pytest.mark.parametrize("kind", ["c", "pie", "go", "rust", "busybox"])
def test_a_static_program(warned, build, kind):
    program = {
        "c": lambda: build("cc", "plain.c", "-static"),
        "pie": lambda: build("cc", "plain.c", "-static-pie"),
        "go": lambda: build("go", "hello.go", env={"CGO_ENABLED": "0"}),
        "rust": lambda: build("rustc", "hello.rs", "-C", "target-feature=+crt-static"),
        "busybox": lambda: "/bin/busybox",
    }[kind]()
    warned([program, "sh", "-c", "echo a; exit 7"], STATIC, OWN_SETTINGS)


def test_a_script_is_as_its_interpreter(warned, home):
    for number, line in enumerate(("/bin/busybox sh", "/usr/bin/env -S busybox sh", "/usr/bin/env busybox")):
        script = home / f"script-{number}"
        script.write_text(f"#!{line}\necho a\nexit 7\n")
        script.chmod(0o755)
        warned([script], STATIC, OWN_SETTINGS, path=shutil.which("busybox") if "env" in line else "/bin/busybox")
    outer = home / "outer"
    outer.write_text(f"#!{home / 'script-0'}\n")
    outer.chmod(0o755)
    warned([outer], STATIC, OWN_SETTINGS, path="/bin/busybox")


def test_it_is_looked_for_where_the_program_is(warned, home):
    (home / "bin").mkdir()
    shutil.copy("/bin/busybox", home / "bin/psql")
    path = f"{home / 'none'}:{home / 'bin'}:{home.environment()['PATH']}"
    warned(["psql", "--help"], STATIC, OWN_SETTINGS, path=home / "bin/psql", env={"PATH": path})


@pytest.mark.parametrize("name, advice", [
    ("pgbouncer", "give it server_tls_sslmode = verify-full and server_tls_ca_file in pgbouncer.ini"),
    ("pgpool", "have it verify its servers by its own settings"), ("odyssey", "have it verify its servers by its own settings")])
def test_a_program_that_speaks_the_protocol_itself(warned, home, name, advice):
    """Known by its name, whatever libpq it has besides."""
    program = home / name
    shutil.copy("/bin/true", program)
    warned([program, "--version"], "speaks PostgreSQL's protocol itself, so the gate does not see its connections", advice)


def check_other_libc(home, pganchor, program, loader):
    """With the module it would not start at all, so it is started without, wherever that comes from."""
    alone = home.run([program])
    assert alone.returncode == 7
    assert home.run([program], env={"LD_PRELOAD": str(pganchor.module)}).returncode in (1, 127)
    for env in ({}, {"LD_PRELOAD": str(pganchor.module)}):
        done = home.pganchor("run", "--", program, env=env)
        assert (done.returncode, done.stdout) == (7, alone.stdout), done.stderr
        said, next_line = done.stderr.splitlines()
        assert said.startswith(f"pganchor: warning: {program} is for another libc, and {loader} cannot load this gate (")
        assert next_line == f"    {OWN_SETTINGS}"
    refused = home.pganchor("run", "--require", "--", program)
    assert (refused.returncode, refused.stdout) == (3, "") and " is for another libc, and " in refused.stderr


# ASan's runtime would have to be first in the tool too.
without_asan = pytest.mark.skipif("ASAN_OPTIONS" in os.environ, reason="the tool is built with ASan")


@without_asan
def test_a_program_of_musl(home, pganchor, compile_program):
    program = compile_program("other/seven.c", [], compiler="musl-gcc", rpath=False)
    check_other_libc(home, pganchor, program, "/lib/ld-musl-x86_64.so.1")


def loader_and_libc():
    maps = run("cat", "/proc/self/maps")
    return [re.search(rf" (/\S*/{name}\S*)$", maps, re.MULTILINE)[1] for name in ("ld-linux", re.escape("libc.so.6"))]


@pytest.fixture
def other_glibc(home, compile_program):
    """other_glibc(change) -> (program, loader): a glibc in a directory of its own, of which libc's bytes were changed."""
    def make(change):
        loader, libc = loader_and_libc()
        directory = home / "glibc"
        directory.mkdir()
        shutil.copy(loader, directory / "ld.so")
        (directory / "libc.so.6").write_bytes(change(open(libc, "rb").read()))
        program = compile_program("other/seven.c", [], rpath=False, words=(
            "-DWITHOUT_START", "-nostartfiles", f"-Wl,--dynamic-linker={directory / 'ld.so'}", f"-Wl,-rpath,{directory}"))
        return program, directory / "ld.so"

    return make


@without_asan
def test_a_glibc_that_is_older_than_the_gate(home, pganchor, other_glibc):
    """It has no GLIBC_2.34, of which the program needs nothing and the module does."""
    check_other_libc(home, pganchor, *other_glibc(lambda libc: libc.replace(b"\0GLIBC_2.34\0", b"\0GLIBC_9.34\0")))


def test_a_glibc_in_another_place_is_none_other(home, other_glibc):
    program, _ = other_glibc(lambda libc: libc)
    done = home.pganchor("run", "--require", "--", program)
    assert (done.returncode, done.stderr) == (7, "")


def test_a_program_that_lacks_a_library_is_not_judged_by_that(home, other_glibc):
    """Its own ld.so says what is missing, without the gate too."""
    program, _ = other_glibc(lambda libc: b"no library")
    alone, done = home.run([program]), home.pganchor("run", "--require", "--", program)
    assert (done.returncode, done.stderr) == (alone.returncode, alone.stderr) and done.returncode == 127


def test_a_set_user_id_program(home, session_directory, pganchor):
    program = session_directory / "true-of-root"
    run(*ROOT, "install", "-o", "0", "-m", "4755", shutil.which("true"), program)
    user = ordinary_user()
    words = [] if user is None else ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", *WITH_POWER, "--"]
    done = home.run([*words, pganchor.binary, "run", "--", program], cwd="/")
    assert done.returncode == 0
    assert done.stderr == WARNING.format(
        path=program, what="runs with more power than its caller's, so ld.so loads no gate into it",
        next="do not let it connect over TCP, or enable the gate by /etc/ld.so.preload (pganchor enable --help)")
    if os.geteuid() == 0:
        assert home.pganchor("run", "--require", "--", program).stderr == ""


@pytest.mark.parametrize("owner, group, mode, covered", [
    (0, 12345, 0o2755, False), (12345, 0, 0o4755, False), (12345, 12345, 0o6755, False),
    # Without the right of the group to start it, the bit only means that files are locked by force (inode(7)).
    (0, 12345, 0o2745, True), (0, 0, 0o6755, True), (12345, 12345, 0o755, True)])
def test_a_program_that_gets_power_by_its_mode(home, session_directory, owner, group, mode, covered):
    if os.geteuid() != 0:
        pytest.skip("needs root: to give a file to somebody else, and to be the one whose own it is not")
    program = session_directory / f"true-{owner}-{group}-{mode:o}"
    shutil.copy(shutil.which("true"), program)
    os.chown(program, owner, group)
    program.chmod(mode)
    done = home.pganchor("run", "--require", "--", program)
    assert done.returncode == (0 if covered else 3)
    assert ("runs with more power than its caller's" in done.stderr) == (not covered)


def test_a_program_for_other_machines(home):
    """The header tells; the kernel, and the shell that execvp(3) then tries, have their own say."""
    program = home / "program"
    image = bytearray(open("/bin/true", "rb").read())
    image[18:20] = (183).to_bytes(2, "little")
    program.write_bytes(image)
    program.chmod(0o755)
    done = home.pganchor("run", "--", "./program")
    assert done.returncode != 0
    assert done.stderr.startswith("pganchor: warning: ./program is a program for another kind of processor, so ld.so cannot")


@pytest.mark.no_sanitizers
def test_a_program_with_asan(home, build):
    """ASan ends it; told not to, it runs. That is no reason not to start it."""
    program = build("cc", "careless.c", "-O0", "-pthread", "-fsanitize=address")
    done = home.pganchor("run", "--require", "--", program, env={"ASAN_OPTIONS": ""})
    assert done.returncode != 0 and "ASan runtime does not come first" in done.stderr
    assert done.stderr.startswith(f"pganchor: warning: {program} is built with AddressSanitizer, which ends it when")
    done = home.pganchor("run", "--", program, env={"ASAN_OPTIONS": "verify_asan_link_order=0"})
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")


@pytest.mark.parametrize("argv", [
    ["true"], ["/usr/bin/python3", "-c", ""], ["psql", "--version"], ["perl", "-e", ""], ["bash", "-c", ":"], ["node", "-e", ""],
    ["/lib64/ld-linux-x86-64.so.2", "/bin/true"], pytest.param(["pganchor", "--version"], marks=pytest.mark.skipif(
        "ASAN_OPTIONS" in os.environ, reason="the tool itself has ASan in it"))],
    ids=lambda argv: os.path.basename(argv[0]))
def test_nothing_is_said_of_any_other(home, argv):
    for words in ([], ["--require"]):
        done = home.pganchor("run", *words, "--", *argv)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("content", [b"", b"#!", b"#! \n", b"#!/no/such/interpreter\n", b"#!" + b"x" * 9000,
                                     b"\x7fELF", b"\x7fELF\x02\x01\x01" + b"\xff" * 500])
def test_a_file_that_is_no_program(home, content):
    """Starting it says what is wrong; looking at it says nothing."""
    (home / "file").write_bytes(content)
    (home / "file").chmod(0o755)
    done = home.pganchor("run", "--", "./file")
    assert done.returncode in (0, 126, 127) and "warning" not in done.stderr


def test_a_damaged_program(home, build, own_libpq):
    """Sections that lead anywhere, of which the kernel heeds none: it is started, or found out all the same."""
    image = own_libpq("-s").read_bytes()
    program = home / "program"
    program.touch(mode=0o755)
    table = int.from_bytes(image[40:48], "little")
    ends = set()
    fields = [(40, 8), (58, 2), (60, 2), (62, 2)]
    fields += [(place + field, 8) for place in range(table, len(image), 64 * 3) for field in (24, 32, 40, 56)]
    for place, size in fields:
        for junk in (b"\xff" * size, b"\x01\0\0\0\0\0\0\x70"[-size:]):
            program.write_bytes(image[:place] + junk + image[place + size:])
            # connect without arguments ends with 2.
            ends.add(home.pganchor("run", "--require", "--", "./program").returncode)
    assert ends == {2, 3}
