"""Every way for a program to come to libpq's functions: weak is refused with its reason, verified works, all else is the same."""

import platform
import re
import subprocess

import pytest

from gated import WEAK, run_gated, write_anchor
from languages import LANGUAGES
from programs import SOURCES, gate_words, said

pytestmark = pytest.mark.plain_build

WAYS = ["local", "global", "deepbind", "deepbind+global", "deepbind+lazy", "deepbind+start", "deepbind+late", "deepbind+twice",
        "deepbind+fork", "mopen", "mopen+start", "local+lazy+start", "local+fork"]


@pytest.mark.parametrize("way", WAYS)
def test_however_an_extension_is_opened(anchored, postgres, extension, opener, way):
    strong, weak = postgres.conninfo(sslmode="verify-full"), postgres.conninfo()
    argv = [opener, way, extension, strong, weak]
    assert anchored.run(argv).stdout.splitlines() == ["ok 1 ", "ok 1 "], "without the gate both must connect"
    done = run_gated(anchored, argv)
    first, *_, last = done.stdout.splitlines()
    assert first == f"bad 0 {WEAK}", done.stdout + done.stderr
    assert last == "ok 1 "


@pytest.mark.parametrize("way", WAYS)
def test_however_it_is_opened_the_session_is_looked_at(anchored, stepca, recording_server, extension, opener, way):
    write_anchor(anchored, "other", "0" * 64)
    server = recording_server(b"S", issued=stepca.issue("localhost"))
    conninfo = f"host=localhost port={server.port} user=app password=hunter2 sslmode=verify-full"
    done = run_gated(anchored, [opener, way, extension, conninfo, conninfo])
    assert done.stdout.count("bad 0 pganchor refused the server localhost: ") == 2, done.stdout + done.stderr
    records = server.finish()
    assert [record.requests for record in records] == [["ssl"], ["ssl"]]
    assert all(record.tls and record.inside == b"" for record in records)


@pytest.mark.parametrize("way", ["local", "deepbind", "deepbind+start", "mopen", "local+late", "deepbind+late"])
def test_two_libpqs_in_one_process(anchored, postgres, compile_program, second_libpq, way):
    """The program is linked with one, and the extension with another: each connection is of the one that its caller means."""
    bundled = compile_program("extension.c", [], words=("-shared", "-fPIC", "-I/usr/include/postgresql", second_libpq,
                                                        f"-Wl,-rpath,{second_libpq.parent}"))
    both = compile_program("opener.c", ["libpq"], rpath=False, words=("-DWITH_LIBPQ",))
    strong, weak = postgres.conninfo(sslmode="verify-full"), postgres.conninfo()
    done = run_gated(anchored, [both, way, bundled, strong, weak])
    first, *_, last = done.stdout.splitlines()
    assert first == f"bad 0 {WEAK}", done.stdout + done.stderr
    assert last == "ok 1 "


@pytest.mark.parametrize("way", ["local", "deepbind"])
def test_a_call_that_is_the_last_thing_a_function_does(home, second_libpq, tmp_path, way):
    """Its return address is that of the function's own caller, which knows nothing of libpq, or of another."""
    told = second_libpq.read_bytes().replace(b"connection pointer is NULL\n", b"this is the second one\n\0\0\0\0")
    (tmp_path / second_libpq.name).write_bytes(told)
    words = ["cc", "-O2", "-I/usr/include/postgresql", SOURCES / "last.c"]
    for name, libpq in (("first", "-lpq"), ("second", tmp_path / second_libpq.name)):
        subprocess.run([*words, "-DPLUGIN", "-shared", "-fPIC", "-o", tmp_path / f"{name}.so", libpq,
                        f"-Wl,-rpath,{tmp_path}"], check=True)
    subprocess.run([*words, "-o", tmp_path / "program"], check=True)
    argv = [tmp_path / "program", way, tmp_path / "first.so", tmp_path / "second.so"]
    assert home.run(argv).stdout == "connection pointer is NULL\nthis is the second one\n"
    assert run_gated(home, argv).stdout == "connection pointer is NULL\nthis is the second one\n"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language(anchored, postgres, language):
    argv = LANGUAGES[language]
    assert anchored.run([*argv, postgres.conninfo()]).stdout == "t\n", "without the gate a weak connection must succeed"
    seen = postgres.connections()
    done = run_gated(anchored, [*argv, postgres.conninfo()])
    # Ruby's pg hands libpq's own default to libpq as if it had been asked for.
    assert WEAK.replace("libpq's default", "conninfo" if language == "ruby-pg" else "libpq's default") in done.stdout
    assert postgres.connections() == seen
    done = run_gated(anchored, [*argv, postgres.conninfo(sslmode="verify-full")])
    assert (done.stdout, done.stderr) == ("t\n", "")


@pytest.mark.parametrize("named", ["path", "name"])
def test_a_plugin_that_registers_itself(anchored, postgres, tmp_path, named):
    """After dlopen() the dynamic linker is asked for nothing more. The name alone is found in the second
    directory of the program's RUNPATH."""
    words = ["cc", "-I/usr/include/postgresql", SOURCES / "registrar.c"]
    subprocess.run([*words, "-DPLUGIN", "-shared", "-fPIC", "-o", tmp_path / "plugin.so", "-lpq"], check=True)
    subprocess.run([*words, "-rdynamic", "-Wl,-rpath,$ORIGIN/none:$ORIGIN,--enable-new-dtags", "-o", tmp_path / "program"], check=True)
    argv = [tmp_path / "program", tmp_path / "plugin.so" if named == "path" else "plugin.so"]
    weak = [*argv, postgres.conninfo()]
    assert anchored.run(weak).stdout == "ok \n", "without the gate a weak connection must succeed"
    assert run_gated(anchored, weak).stdout.startswith(f"bad {WEAK}")
    assert run_gated(anchored, [*argv, postgres.conninfo(sslmode="verify-full")]).stdout == "ok \n"


@pytest.fixture
def linker(second_libpq, tmp_path):
    """argv of a program that asks the dynamic linker for all there is to ask."""
    directory = tmp_path / "program"
    directory.mkdir()
    # It needs what is gone.
    make = ["cc", "-shared", "-fPIC", "-Wl,--no-as-needed", "-o"]
    subprocess.run([*make, directory / "libgone.so", "-Wl,-soname,libgone.so", "-x", "c", "/dev/null"], check=True)
    subprocess.run([*make, directory / "libbroken.so", directory / "libgone.so"], check=True)
    (directory / "libgone.so").unlink()
    subprocess.run([*make, directory / "libbeside.so", SOURCES / "beside.c", "-Wl,-rpath,$ORIGIN"], check=True)
    subprocess.run(["cc", "-rdynamic", "-Wl,-rpath,$ORIGIN,--enable-new-dtags", "-o", directory / "linker",
                    SOURCES / "linker.c"], check=True)
    # As if it were an old one: the gate looks for this function and can do without it.
    libpq = directory / "libpq.so.5"
    libpq.write_bytes(second_libpq.read_bytes().replace(b"\0PQgssEncInUse\0", b"\0PQgssEncInOld\0"))
    assert libpq.read_bytes() != second_libpq.read_bytes()
    return [directory / "linker", libpq]


def test_the_dynamic_linker_answers_as_without_the_gate(home, linker):
    alone = home.run(linker)
    for line in ("next libc.so.6", "runpath found\norigin found", "other space found\nother space, origin found",
                 "own space found", "by default nothing\nin the program nothing\nerror : undefined symbol: PQconnectdb",
                 "next nothing\nnext error : undefined symbol: PQconnectdb", "its next nothing",
                 "broken not found\nbroken error libgone.so: cannot open", "function found\nerror none"):
        assert line in alone.stdout
    gated = run_gated(home, linker)
    assert (gated.stdout, gated.stderr, gated.returncode) == (alone.stdout, alone.stderr, alone.returncode)


@pytest.mark.parametrize("built", ["cc -O0", "cc -Og", "cc -O0 --coverage", "clang -O0"])
def test_the_dynamic_linker_answers_so_however_the_module_is_built(home, compile_gate, linker, tmp_path, built):
    module = compile_gate(*built.split(), "-nostartfiles", f"-Wl,--version-script={SOURCES.parents[2]}/src/gate/gate.map",
                          own="dl_wrappers.c")
    alone = home.run(linker)
    gated = home.run(linker, env={"GCOV_PREFIX": tmp_path / "coverage", "LD_PRELOAD": module})
    assert "runpath found\n" in alone.stdout
    assert (gated.stdout, gated.stderr, gated.returncode) == (alone.stdout, alone.stderr, alone.returncode)


LEVELS = ["-O0", "-Og", "-O1", "-O2", "-O3", "-Os", "-O0 --coverage", "-O2 --coverage", "-O0 -fsanitize=thread", "-O2 -fsanitize=thread",
          "-O0 -fsanitize=address,undefined", "-O0 -pg -fstack-protector-all -finstrument-functions", "-O2 -m32",
          "-O0 -fsanitize-coverage=trace-pc"]


@pytest.mark.skipif(platform.machine() != "x86_64", reason="reads x86's instructions")
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("compiler", ["cc", "clang"])
def test_the_module_jumps_to_libc(pganchor, tmp_path, compiler, level):
    """libc's functions look at their return address, which has to be the caller's. In processes with a sanitizer's runtime that
    cannot be tried out: the runtime stands before dlopen() itself."""
    words = [compiler, *level.split(), *gate_words(pganchor), "-fPIC", "-fvisibility=hidden"]
    subprocess.run([*words, "-c", "-o", tmp_path / "preload.o", SOURCES.parents[2] / "src/gate/dl_wrappers.c"], check=True)
    for name in ("dlopen", "dlmopen", "dlsym", "dlvsym"):
        code = said("objdump", "-d", "--no-show-raw-insn", f"--disassemble={name}", tmp_path / "preload.o")
        assert re.search(r"jmp +\*", code) and not re.search(r"call +\*", code), code


def test_a_program_with_an_openssl_of_its_own(anchored, postgres, impostor_postgres, compile_program):
    """As node has: libpq's calls are bound to what the program exports, and not to the libssl that libpq needs. The
    functions of that one would not understand the sessions of this, nor be told when one ends."""
    program = compile_program("connect.c", ["libpq"], words=(
        "-rdynamic", "-Wl,--whole-archive", "-l:libssl.a", "-l:libcrypto.a", "-Wl,--no-whole-archive"))
    good = run_gated(anchored, [program, "connectdb", postgres.conninfo(sslmode="verify-full")])
    assert good.stdout.startswith("status ok\n"), good.stdout + good.stderr
    bad = run_gated(anchored, [program, "connectdb", impostor_postgres.conninfo(sslmode="verify-full")])
    assert "pganchor: the certificate of localhost: unable to get local issuer certificate" in bad.stdout + bad.stderr
    write_anchor(anchored, "other", "0" * 64)
    done = run_gated(anchored, [program, "connectdb", postgres.conninfo(sslmode="verify-full")])
    assert "ends in a root that is not pinned" in done.stdout + done.stderr


def test_libpq_opened_in_a_namespace_of_its_own(anchored, postgres, compile_program):
    """What dlmopen() has loaded has a libc of its own, and opens libpq by that one's dlopen()."""
    outer = compile_program("outer.c", [], words=("-shared", "-fPIC"))
    apart = compile_program("apart.c", [])
    weak, strong = postgres.conninfo(), postgres.conninfo(sslmode="verify-full")
    assert anchored.run([apart, outer, weak]).stdout == "connected\n"
    seen = postgres.connections()
    assert run_gated(anchored, [apart, outer, weak]).stdout.startswith(WEAK)
    assert postgres.connections() == seen
    assert run_gated(anchored, [apart, outer, strong, weak, strong]).stdout.count("connected\n") == 2
