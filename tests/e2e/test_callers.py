"""Who calls libpq is told by what it calls, not by what it is called or needs; and a libpq that the gate cannot stand before is
refused."""

import shutil
import subprocess

import pytest

from programs import SOURCES
from gated import WEAK, run_gated, write_anchor

pytestmark = pytest.mark.plain_build

BEYOND = "nothing: pganchor refused this connection: it is of no libpq that the gate can wrap"


def link(*words):
    subprocess.run(["cc", "-I/usr/include/postgresql", "-shared", "-fPIC", *words], check=True)


@pytest.fixture(params=["through another library", "of another name", "by itself"])
def distant_extension(request, tmp_path, second_libpq):
    """An extension that needs no libpq.so.5."""
    extension = tmp_path / "extension.so"
    if request.param == "by itself":
        link("-o", extension, SOURCES / "finding.c")
        return extension
    needed = tmp_path / "libelephant.so"
    if request.param == "of another name":
        shutil.copy(second_libpq, needed)
        subprocess.run(["patchelf", "--set-soname", needed.name, needed], check=True)
    else:
        (tmp_path / "elephant.c").write_text("#include <libpq-fe.h>\nint elephant(void);\nint elephant(void) { return PQlibVersion(); }\n")
        link("-o", needed, tmp_path / "elephant.c", "-lpq")
    link("-o", extension, SOURCES / "extension.c", "-Wl,--no-as-needed", needed, f"-Wl,-rpath,{tmp_path}")
    return extension


@pytest.mark.parametrize("way", ["local", "local+start", "deepbind", "deepbind+start", "deepbind+lazy", "deepbind+fork", "mopen+start"])
def test_an_extension_that_needs_no_libpq_by_name(anchored, stepca, postgres, recording_server, distant_extension, opener, way):
    strong, weak = postgres.conninfo(sslmode="verify-full"), postgres.conninfo()
    argv = [opener, way, distant_extension, strong, weak]
    assert anchored.run(argv).stdout.splitlines() == ["ok 1 ", "ok 1 "], "without the gate both must connect"
    seen = postgres.connections()
    done = run_gated(anchored, argv)
    first, *_, last = done.stdout.splitlines()
    assert first == f"bad 0 {WEAK}", done.stdout + done.stderr
    assert last == "ok 1 "
    assert postgres.connections() == seen + 1
    write_anchor(anchored, "other", "0" * 64)
    server = recording_server(b"S", issued=stepca.issue("localhost"))
    conninfo = f"host=localhost port={server.port} user=app password=hunter2 sslmode=verify-full gssencmode=disable"
    done = run_gated(anchored, [opener, way, distant_extension, conninfo, conninfo])
    assert done.stdout.count("bad 0 pganchor refused the server localhost: ") == 2, done.stdout + done.stderr
    assert all(record.tls and record.inside == b"" for record in server.finish())


def test_more_libpqs_than_the_gate_can_tell_apart(anchored, postgres, compile_program, second_libpq, tmp_path):
    libpqs = [tmp_path / f"libpq-{number}.so.5" for number in range(36)]
    for libpq in libpqs:
        shutil.copy(second_libpq, libpq)
    many = compile_program("many.c", ["libpq"])
    assert anchored.run([many, postgres.conninfo(), *libpqs]).stdout == "connected\n" * 36
    seen = postgres.connections()
    done = run_gated(anchored, [many, postgres.conninfo(), *libpqs])
    assert done.stdout.splitlines() == [WEAK] * 32 + [BEYOND] * 4, done.stderr
    assert postgres.connections() == seen
    done = run_gated(anchored, [many, postgres.conninfo(sslmode="verify-full"), *libpqs])
    assert done.stdout.splitlines() == ["connected"] * 32 + [BEYOND] * 4, done.stderr


@pytest.mark.parametrize("way", ["local", "deepbind", "deepbind+start"])
def test_an_extension_of_a_libpq_that_lacks_a_function(anchored, postgres, opener, second_libpq, tmp_path, way):
    """As if it were very old: nothing of it can be judged."""
    libpq = tmp_path / "libpq-old.so.5"
    libpq.write_bytes(second_libpq.read_bytes().replace(b"\0PQinstanceData\0", b"\0PQinstanceDate\0"))
    assert libpq.read_bytes() != second_libpq.read_bytes()
    subprocess.run(["patchelf", "--set-soname", libpq.name, libpq], check=True)
    extension = tmp_path / "extension.so"
    link("-o", extension, SOURCES / "extension.c", libpq, f"-Wl,-rpath,{tmp_path}")
    argv = [opener, way, extension, postgres.conninfo(sslmode="verify-full"), postgres.conninfo()]
    assert anchored.run(argv).stdout.splitlines() == ["ok 1 ", "ok 1 "]
    seen = postgres.connections()
    done = run_gated(anchored, argv)
    assert done.stdout.count(f"bad 0 {BEYOND.removeprefix('nothing: ')}") == 2, done.stdout + done.stderr
    assert postgres.connections() == seen


@pytest.mark.parametrize("how", ["connectdb", "start", "setdbLogin"])
@pytest.mark.parametrize("linked", ["now", "lazy"])
def test_a_libpq_that_is_preloaded_before_the_gate(anchored, postgres, compile_program, pganchor, how, linked):
    """As with LD_PRELOAD=libpq.so.5 and a gate in /etc/ld.so.preload."""
    program = compile_program("connect.c", ["libpq"], words=(f"-Wl,-z,{linked}",))
    env = {"LD_PRELOAD": f"libpq.so.5 {pganchor.module}"}
    seen = postgres.connections()
    done = anchored.run([program, how, postgres.conninfo()], env=env)
    assert WEAK in done.stdout, done.stdout + done.stderr
    assert postgres.connections() == seen
    assert anchored.run([program, how, postgres.conninfo(sslmode="verify-full")], env=env).stdout.startswith("status ok\n")


@pytest.mark.parametrize("way", ["local", "deepbind", "deepbind+start"])
def test_a_library_that_stands_before_the_gate(anchored, postgres, opener, compile_program, pganchor, way):
    """It looks for the next dlopen() and dlsym() by libc's version of them, which the gate's have not."""
    standing = compile_program("standing.c", [], words=("-shared", "-fPIC"))
    extension = compile_program("finding.c", ["libpq"], words=("-shared", "-fPIC", "-Wl,--as-needed"))
    argv = [opener, way, extension, postgres.conninfo(sslmode="verify-full"), postgres.conninfo()]
    alone = anchored.run(argv, env={"LD_PRELOAD": standing})
    assert alone.stdout.splitlines() == ["ok 1 ", "ok 1 "]
    gated = anchored.run(argv, env={"LD_PRELOAD": f"{standing} {pganchor.module}"})
    first, *_, last = gated.stdout.splitlines()
    assert (first, last) == (f"bad 0 {WEAK}", "ok 1 "), gated.stdout + gated.stderr
    # It is called as before, and by nobody else.
    assert gated.stderr == alone.stderr != ""


@pytest.mark.parametrize("downwards", [False, True])
def test_connections_by_coroutines(anchored, postgres, compile_program, downwards):
    """They begin and end in whatever order, on stacks that lie in whatever order."""
    program = compile_program("coroutines.c", ["libpq"])
    argv = [program, "down" if downwards else "up", postgres.conninfo(sslmode="verify-full")]
    assert anchored.run(argv).stdout == "4 connected\n" * 5
    done = run_gated(anchored, argv, env={"MALLOC_PERTURB_": "165"})
    assert (done.returncode, done.stdout) == (0, "4 connected\n" * 5), done.stderr
