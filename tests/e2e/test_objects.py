"""Objects that are built, or edited, in ways that ELF allows and few are: programs with them run as without the gate, and
what they connect is judged."""

import struct

import pytest

from gated import WEAK, run_gated
from languages import PGSQL
from machines import run
from programs import SOURCES, TOP

pytestmark = pytest.mark.plain_build

HIGH = "-Wl,-Ttext-segment=0x7ff000000000"
WAYS = ["deepbind", "mopen"]


def check(anchored, postgres, argv, env=None):
    """Both connect without the gate, and only the strong one with it. What the two say with it."""
    strong, weak = postgres.conninfo(sslmode="verify-full"), postgres.conninfo()
    alone = anchored.run([*argv, strong, weak], env=env).stdout.splitlines()
    assert [line.split()[:2] for line in alone] == [["ok", "1"]] * 2, "without the gate both must connect"
    done = run_gated(anchored, [*argv, strong, weak], env=env)
    first, *_, last = done.stdout.splitlines() or [""]
    assert first.startswith(f"bad 0 {WEAK}") and last.startswith("ok 1 "), (done.returncode, done.stdout, done.stderr)
    return alone, done.stdout.splitlines()


def move_headers(source, target):
    """As newer patchelfs do: the program headers go to the end of the file, into a segment of their own, and something
    else is where they were."""
    data = bytearray(source.read_bytes())
    offset, = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    headers = [list(struct.unpack_from("<IIQQQQQQ", data, offset + i * size)) for i in range(count)]
    data[offset:offset + size * count] = b"\xff" * size * count
    last = max(i for i, header in enumerate(headers) if header[0] == 1)
    place = -len(data) % 4096 + len(data)
    address = (headers[last][3] + headers[last][6]) // 4096 * 4096 + 0x10000
    length = (count + 1) * size
    headers.insert(last + 1, [1, 4, place, address, address, length, length, 4096])
    data += bytes(place - len(data)) + b"".join(struct.pack("<IIQQQQQQ", *header) for header in headers)
    struct.pack_into("<Q", data, 32, place)
    struct.pack_into("<H", data, 56, count + 1)
    target.write_bytes(data)
    return target


@pytest.mark.parametrize("way", WAYS)
def test_headers_that_are_not_in_the_first_segment(anchored, postgres, compile_program, opener, tmp_path, way):
    extension = compile_program("extension.c", ["libpq"], words=("-shared", "-fPIC", "-Wl,-z,now", "-Wl,-z,relro"))
    check(anchored, postgres, [opener, way, move_headers(extension, tmp_path / "extension.so")])


@pytest.mark.parametrize("offset", [0, 1, 61])
def test_text_relocations(anchored, postgres, compile_program, opener, offset):
    extension = compile_program("inscribed.c", ["libpq"], words=("-shared", "-fPIC", "-Wl,-z,notext", f"-DOFFSET={offset}"))
    assert "TEXTREL" in run("readelf", "--dynamic", extension)
    alone, gated = check(anchored, postgres, [opener, "deepbind", extension])
    assert {line.split()[-1] for line in alone} == {gated[-1].split()[-1]} == {"r-xp"}


@pytest.mark.parametrize("way", WAYS)
def test_a_library_that_is_loaded_below_where_it_was_linked_for(anchored, postgres, compile_program, opener, tmp_path, way):
    """Another one was there first."""
    extension = compile_program("extension.c", ["libpq"], words=("-shared", "-fPIC", HIGH))
    run("cc", "-shared", HIGH, "-o", tmp_path / "first.so", "-x", "c", "/dev/null")
    check(anchored, postgres, [opener, way, extension], env={"LD_PRELOAD": str(tmp_path / "first.so")})


@pytest.mark.parametrize("words", [["--hash-style=sysv"], ["-z,pack-relative-relocs"]], ids=["sysv", "relr"])
@pytest.mark.parametrize("way", WAYS)
def test_tables_of_other_kinds(anchored, postgres, compile_program, opener, way, words):
    options = [f"-Wl,{word}" for word in words]
    check(anchored, postgres, [opener, way, compile_program("extension.c", ["libpq"], words=("-shared", "-fPIC", *options))])


@pytest.fixture(scope="session")
def sysv_libpq(own_libpq_words, session_directory):
    """Debian's libpq, linked once more: its symbols are found by DT_HASH alone."""
    directory = session_directory / "sysv-libpq"
    directory.mkdir()
    (directory / "map").write_text("LIBPQ { global: PQ*; pq*; lo_*; pg_*; pgresStatus; local: *; };\n")
    words = [word for word in own_libpq_words if not str(word).endswith("/libpq.a")]
    archive, = [word for word in own_libpq_words if str(word).endswith("/libpq.a")]
    run("cc", "-shared", "-o", directory / "libpq.so.5", "-Wl,-soname,libpq.so.5,--hash-style=sysv,-z,now,-z,relro",
        f"-Wl,--version-script={directory}/map", "-Wl,--whole-archive", archive, "-Wl,--no-whole-archive", *words)
    tags = run("readelf", "--dynamic", directory / "libpq.so.5")
    assert "(HASH)" in tags and "GNU_HASH" not in tags
    return directory


@pytest.mark.parametrize("way", WAYS)
def test_a_libpq_with_the_older_hash_table_alone(anchored, postgres, compile_program, opener, sysv_libpq, way):
    extension = compile_program("extension.c", ["libpq"], words=("-shared", "-fPIC"))
    check(anchored, postgres, [opener, way, extension], env={"LD_LIBRARY_PATH": str(sysv_libpq)})


def test_php_with_such_a_libpq(anchored, postgres, sysv_libpq):
    argv, env = ["php", "-r", PGSQL], {"LD_LIBRARY_PATH": str(sysv_libpq)}
    assert anchored.run([*argv, postgres.conninfo()], env=env).stdout == "t\n", "without the gate a weak connection must succeed"
    seen = postgres.connections()
    assert WEAK in run_gated(anchored, [*argv, postgres.conninfo()], env=env).stdout
    assert postgres.connections() == seen
    assert run_gated(anchored, [*argv, postgres.conninfo(sslmode="verify-full")], env=env).stdout == "t\n"


# ---- what a symbol is, which no program sees

@pytest.fixture(scope="module", params=["-DHAVE__DL_FIND_OBJECT", "-DWITHOUT"])
def finder(request, tmp_path_factory):
    program = tmp_path_factory.mktemp("finder") / "finder"
    run("cc", "-D_GNU_SOURCE", "-I/usr/include/postgresql", request.param, "-I", TOP / "src", "-I", TOP / "include", "-o", program,
        SOURCES / "finder.c", TOP / "src/gate/elf.c", TOP / "src/gate/dl.c", TOP / "src/gate/lock.c",
        TOP / "src/base/signals.c")
    return program


@pytest.mark.parametrize("style", ["gnu", "sysv"])
@pytest.mark.parametrize("place", ["above", "below"])
def test_symbols_are_those_that_dlsym_finds(home, finder, tmp_path, style, place):
    (tmp_path / "map").write_text("FIRST { global: renewed; gone; plain; chosen; local: *; }; SECOND { global: renewed; } FIRST;\n")
    at = [HIGH] if place == "below" else []
    library = tmp_path / "versions.so"
    run("cc", "-shared", "-fPIC", "-o", library, SOURCES / "versions.c", f"-Wl,--version-script={tmp_path}/map,--hash-style={style}", *at)
    run("cc", "-shared", HIGH, "-o", tmp_path / "first.so", "-x", "c", "/dev/null")
    # Where the kernel puts things is chance: what was there first may not have got the place.
    for _ in range(20):
        done = home.run([finder, library, "renewed", "gone", "plain", "chosen", "missing"], env={"LD_PRELOAD": str(tmp_path / "first.so")})
        if done.stdout.startswith(place):
            break
    assert done.stdout == f"{place}\nrenewed 2 as dlsym\ngone none\nplain 4 as dlsym\nchosen none\nmissing none\n", done
