"""From the sources to what is installed: the commands of README.md, and what is in the results."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from programs import TOP, build_environment

pytestmark = [pytest.mark.plain_build, pytest.mark.own_builds]


ENTRY_POINTS = {"PQcancel", "PQconnectPoll", "PQconnectStart", "PQconnectStartParams", "PQconnectdb", "PQconnectdbParams",
                "PQconninfo", "PQerrorMessage", "PQhost", "PQhostaddr", "PQpass", "PQping", "PQpingParams", "PQport", "PQrequestCancel",
                "PQreset", "PQresetPoll", "PQresetStart", "PQsetdbLogin", "chroot", "pganchor_gate_1"}
LOADER = {"dlmopen", "dlopen", "dlsym", "dlvsym"}
API = {"pganchor_connect", "pganchor_connect_params", "pganchor_explain", "pganchor_free", "pganchor_judge",
       "pganchor_judge_params", "pganchor_verify", "pganchor_version"}
COMPLETIONS = {"share/bash-completion/completions/pganchor", "share/fish/vendor_completions.d/pganchor.fish",
               "share/zsh/site-functions/_pganchor"}
DROPIN = {"lib/pganchor/libpq/libpq.so", "lib/pganchor/libpq/libpq.so.5"}
KEYRING = {"libexec/pganchor/pganchor-secret"}
MANUALS = {f"share/man/man{page.suffix[1:]}/{page.name}" for page in (TOP / "man").iterdir()}
GATE_MANUALS = {"share/man/man3/libpganchor.3", "share/man/man5/pganchor-policy.5"}
INSTALLED = {*COMPLETIONS, "bin/pganchor", "include/pganchor.h", "lib/libpganchor.so", "lib/libpganchor.so.0", "lib/libpganchor.so.0.0.0",
             "lib/pganchor/pganchor-gate.so", *DROPIN, *KEYRING, "lib/pkgconfig/pganchor.pc", *MANUALS}
# What pkg-config is asked for, with the packages that bring it on Debian and on Fedora.
DEPENDENCIES = {"libpq": ("libpq-dev", "libpq-devel"), "openssl": ("libssl-dev", "openssl-devel"),
                "libcurl": ("libcurl4-openssl-dev", "libcurl-devel"), "jansson": ("libjansson-dev", "jansson-devel"),
                "libelf": ("libelf-dev", "elfutils-libelf-devel")}

NO_DROPIN = 'no drop-in is built ("pganchor enable --machine" needs it): '


ONE_UNIT = "tests/unit/test_ini"
# Where it is about which files come to be, and not about how they are compiled: a quarter less work.
QUICKLY = "CFLAGS=-O1"


def attempt(*argv, cwd, env=None):
    done = subprocess.run([str(word) for word in argv], cwd=cwd, env={**build_environment(), **(env or {})},
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def run(*argv, cwd, env=None):
    status, output = attempt(*argv, cwd=cwd, env=env)
    assert status == 0, f"{' '.join(map(str, argv))} ended with {status}:\n{output[-6000:]}"
    return output


def files_below(directory):
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if not path.is_dir()}


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the sources, as git would give it, with ./configure made."""
    directory = tmp_path_factory.mktemp("tree")
    run(TOP / "packaging" / "copy-sources.sh", directory, cwd="/")
    run("./autogen.sh", cwd=directory)
    return directory


@pytest.fixture(scope="module")
def built(tree, tmp_path_factory):
    """A build in the sources' own directory, and what configure and make said."""
    directory = tmp_path_factory.mktemp("in-tree")
    shutil.rmtree(directory)
    shutil.copytree(tree, directory, symlinks=True)
    prefix = directory / "prefix"
    output = run("./configure", f"--prefix={prefix}", "--enable-werror", cwd=directory)
    return directory, prefix, output + run("make", "-j2", cwd=directory)


def test_the_commands_of_the_readme(built):
    directory, prefix, _ = built
    run("make", "install", cwd=directory)
    assert files_below(prefix) == INSTALLED
    assert run(prefix / "bin" / "pganchor", "--version", cwd="/").startswith("pganchor ")


@pytest.mark.parametrize("known", [True, False], ids=["where ld.so looks", "elsewhere"])
def test_an_installed_library_is_found_or_it_is_said_what_to_do(built, tmp_path, known):
    """ldconfig is another one here, which says where ld.so looks, and is called only by root and where that helps."""
    directory, prefix, _ = built
    ldconfig = tmp_path / "ldconfig"
    where = prefix / "lib" if known else "/usr/local/lib"
    ldconfig.write_text(f'#!/bin/sh\n[ "$1" != -N ] || echo "{where}: (from a file)"\n[ $# != 0 ] || touch "{tmp_path}/called"\n')
    ldconfig.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    output = run("make", "install", f"DESTDIR={tmp_path}/root", cwd=directory, env=environment)
    assert not (tmp_path / "called").exists() and "pganchor: " not in output
    output = run("make", "install", cwd=directory, env=environment)
    assert (tmp_path / "called").exists() == (known and os.geteuid() == 0)
    said = "does not look into" if not known else "\nldconfig\n" if os.geteuid() == 0 else "run ldconfig as root"
    assert said in output


def test_uninstall_leaves_nothing(built):
    directory, prefix, _ = built
    run("make", "install", cwd=directory)
    run("make", "uninstall", cwd=directory)
    left = {str(path.relative_to(prefix)) for path in prefix.rglob("*")}
    # Those that every package has.
    assert left <= {"bin", "include", "lib", "lib/pkgconfig", "libexec", "share", "share/man", *[f"share/man/man{n}" for n in (1, 3, 5, 7)],
                    *(str(parent) for name in COMPLETIONS for parent in Path(name).parents)}


def test_the_build_warns_of_nothing(built):
    _, _, output = built
    assert not re.search(r"\bwarning\b", output.lower().replace("warning_cflags", ""))


def test_git_ignores_what_a_build_in_the_tree_leaves(built):
    directory, prefix, _ = built
    run("git", "init", "-q", cwd=directory)
    run("git", "add", ".", cwd=directory)
    staged = set(run("git", "ls-files", cwd=directory).split("\n")) - {""}
    staged = {name for name in staged if not name.startswith("prefix/")}
    copied = set((directory / ".sources").read_text().split("\0")[1:])
    assert staged - copied - {".sources"} == set()


# ---- copies of the sources

COPY = TOP / "packaging" / "copy-sources.sh"


def test_a_copy_is_made_in_no_directory_that_has_something_in_it(tree, tmp_path):
    """The tree itself, as "copy-sources.sh ." in a clone means, a directory around it, one inside, and one of somebody's own."""
    clone, documents = tmp_path / "clone", tmp_path / "documents"
    shutil.copytree(tree, clone, symlinks=True)
    run("git", "init", "-q", cwd=clone)
    (clone / "uncommitted.txt").write_text("precious")
    documents.mkdir()
    (documents / ".sources").write_text("NEWS\0")
    (documents / "NEWS").write_text("precious")
    before = files_below(tmp_path)
    for where, name in ((clone, "."), (clone, ".."), (clone, "src"), (clone, "new/directory"), (clone, documents), ("/", documents),
                        (clone, "NEWS")):
        status, output = attempt(clone / "packaging/copy-sources.sh", name, cwd=where)
        assert status == 1 and f"copy-sources.sh: {name}: " in output and "new or empty" in output
        assert files_below(tmp_path) == before
    assert (documents / "NEWS").read_text() == "precious"


def test_a_copy_is_brought_up_to_date(tree, tmp_path):
    source, copy = tmp_path / "source", tmp_path / "copy"
    run(COPY, source, cwd="/")
    (source / "gone.c").write_text("")
    run(source / "packaging/copy-sources.sh", copy, cwd="/")
    for name in ("configure", "of-mine"):
        (copy / name).write_text("")
    before = files_below(copy)
    run(source / "packaging/copy-sources.sh", copy, cwd="/")
    assert files_below(copy) == before
    (source / "gone.c").unlink()
    (source / "new.c").write_text("")
    run(source / "packaging/copy-sources.sh", copy, cwd="/")
    # ./configure is made again where there are other files; what did not come from the tree is nobody's to take away.
    assert files_below(copy) == before - {"gone.c", "configure"} | {"new.c"}


def test_what_has_changed_in_a_copy_is_newer_than_what_was_built_of_it(tree, tmp_path):
    """It may have been edited while the copy before it was being built. What has not changed has the tree's time."""
    source, copy = tmp_path / "source", tmp_path / "copy"
    run(COPY, source, cwd="/")
    run(source / "packaging/copy-sources.sh", copy, cwd="/")
    (source / "NEWS").write_text("edited")
    os.utime(source / "NEWS", (1, 1))
    run(source / "packaging/copy-sources.sh", copy, cwd="/")
    assert (copy / "NEWS").read_text() == "edited" and (copy / "NEWS").stat().st_mtime > (copy / "README.md").stat().st_mtime
    assert (copy / "README.md").stat().st_mtime == (source / "README.md").stat().st_mtime


def test_distcheck_builds_out_of_a_read_only_tree(tree, tmp_path):
    """distcheck is all of it once more: a release, configured out of its read-only tree, make, check, install with
    DESTDIR, uninstall, distclean."""
    run(tree / "configure", cwd=tmp_path)
    output = run("make", "-j2", "distcheck", f"AM_MAKEFLAGS=check_PROGRAMS={ONE_UNIT} TESTS={ONE_UNIT}", cwd=tmp_path,
                 env={"DISTCHECK_CONFIGURE_FLAGS": f"--enable-werror {QUICKLY}"})
    # The units are tests/run.sh's; one of them shows that `make check` is the command for it.
    assert "# PASS:  1\n" in output
    assert "archives ready for distribution" in output
    assert list(tmp_path.glob("pganchor-*.tar.xz"))


def test_out_of_tree_with_destdir(tree, tmp_path):
    build, root = tmp_path / "build", tmp_path / "root"
    build.mkdir()
    before = files_below(tree)
    run(tree / "configure", "--prefix=/usr", "--sysconfdir=/etc", "--libdir=/usr/lib/somewhere", QUICKLY, cwd=build)
    run("make", "-j2", cwd=build)
    run("make", "install", f"DESTDIR={root}", cwd=build)
    assert files_below(tree) == before
    assert files_below(root) == {"usr/" + name.replace("lib/", "lib/somewhere/") for name in INSTALLED}
    config = (root / "usr/lib/somewhere/pkgconfig/pganchor.pc").read_text()
    assert str(tmp_path) not in config
    asked = {"PKG_CONFIG_PATH": str(root / "usr/lib/somewhere/pkgconfig")}
    preload = run("pkg-config", "--variable=preload", "pganchor", cwd="/", env=asked).strip()
    assert (root / preload.lstrip("/")).exists()
    # Every path that the tool has learnt is of the prefix, none of the staging directory.
    tool = (root / "usr/bin/pganchor").read_bytes()
    assert b"/usr/lib/somewhere/pganchor" in tool and b"/etc/pganchor" in tool and str(root).encode() not in tool


@pytest.mark.parametrize("missing", DEPENDENCIES)
def test_configure_names_the_package_of_a_missing_dependency(tree, tmp_path, missing):
    for name in DEPENDENCIES:
        if name != missing:
            (tmp_path / f"{name}.pc").write_text(f"Name: {name}\nDescription: there\nVersion: 99\n")
    cache = tree.parent / "configure.cache"
    status, output = attempt(tree / "configure", f"--cache-file={cache}", cwd=tmp_path,
                             env={"PKG_CONFIG_LIBDIR": str(tmp_path), "PKG_CONFIG_PATH": ""})
    # What pkg-config said of these files is no truth for the next configure.
    if cache.exists():
        cache.write_text("".join(line for line in cache.read_text().splitlines(True) if not line.startswith("pkg_cv_")))
    debian, fedora = DEPENDENCIES[missing]
    assert status != 0 and re.search(rf"error: {missing} .*was not found", output), output[-3000:]
    assert f"apt-get install {debian}\n" in output and f"dnf install {fedora}\n" in output


@pytest.mark.parametrize("words, status, says", [
    ([], 0, 'no pganchor-secret is built ("pganchor password" needs it): libsecret was not found'), (["--without-keyring"], 0, None),
    (["--with-keyring"], 1, "error: libsecret-1")])
def test_without_libsecret_all_but_one_program_is_built(tree, tmp_path, words, status, says):
    for name in DEPENDENCIES:
        (tmp_path / f"{name}.pc").write_text(f"Name: {name}\nDescription: there\nVersion: 99\n")
    done, output = attempt(tree / "configure", *words, cwd=tmp_path, env={"PKG_CONFIG_LIBDIR": str(tmp_path), "PKG_CONFIG_PATH": ""})
    assert done == status and (says in output if says else "pganchor-secret" not in output), output[-3000:]
    assert ("apt-get install libsecret-1-dev\n" in output) == bool(says)
    if status == 0:
        assert "src/secret" not in run("make", "-n", "all", cwd=tmp_path)


def test_configure_names_the_package_of_pg_config(tree, tmp_path):
    status, output = attempt(tree / "configure", "PG_CONFIG=", "ac_cv_path_PG_CONFIG=", cwd=tmp_path)
    assert status != 0 and "pg_config was not found" in output and "apt-get install libpq-dev\n" in output, output[-3000:]


def test_the_gate_without_the_tool(tree, tmp_path):
    """Needs libpq's headers and nothing else. Without a libpq there is no drop-in, and that is said."""
    prefix = tmp_path / "prefix"
    (tmp_path / "libpq.pc").write_text("Name: libpq\nDescription: there\nVersion: 99\n"
                                       f"Cflags: -I{run('pg_config', '--includedir', cwd='/').strip()}\n")
    output = run(tree / "configure", f"--prefix={prefix}", "--disable-tool", "--enable-werror", cwd=tmp_path,
                 env={"PKG_CONFIG_LIBDIR": str(tmp_path), "PKG_CONFIG_PATH": ""})
    assert NO_DROPIN in output
    run("make", "-j2", "install", cwd=tmp_path)
    assert files_below(prefix) == INSTALLED - COMPLETIONS - MANUALS - {"bin/pganchor", *DROPIN, *KEYRING} | GATE_MANUALS
    run("make", "uninstall", cwd=tmp_path)
    assert not (prefix / "lib/pganchor").exists()


@pytest.mark.parametrize("option,status,says", [
    ("--with-system-libpq=lib/libpq.so.5", 1, "--with-system-libpq wants an absolute path"),
    ("--with-system-libpq=/nowhere/libpq.so.5", 1, "/nowhere/libpq.so.5 cannot be read, or is no libpq of "),
    ("--with-system-libpq=/etc/passwd", 1, "/etc/passwd cannot be read, or is no libpq of "),
    ("--without-system-libpq", 0, None),
    ("CC=gcc -m32", 0, NO_DROPIN)])
def test_configure_and_the_libpq_that_the_drop_in_stands_before(tree, tmp_path, option, status, says):
    """What was asked for by name is an error. A build for programs that this machine has no libpq for goes without."""
    done, output = attempt(tree / "configure", "--disable-tool", option, cwd=tmp_path)
    assert done == status, output[-3000:]
    assert says in output if says else "drop-in" not in output
    if status == 0:
        assert "libpq.so.5" not in run("make", "-n", "all", cwd=tmp_path)


def test_autogen_names_what_brings_a_missing_tool(tree, tmp_path):
    for tool in ("sh", "dirname"):
        (tmp_path / tool).symlink_to(shutil.which(tool))
    status, output = attempt(tree / "autogen.sh", cwd="/", env={"PATH": str(tmp_path)})
    assert status == 1 and "autoreconf: not found" in output and "packaging/dependencies.sh build" in output


# ---- what is in the results

def readelf(*args):
    return subprocess.run(["readelf", "--wide", *map(str, args)], capture_output=True, text=True, check=True).stdout


def exported(path):
    """{(name, version)} of the symbols that a library offers."""
    listed = subprocess.run(["nm", "--dynamic", "--defined-only", "--with-symbol-versions", path],
                            capture_output=True, text=True, check=True).stdout
    names = [line.split()[-1] for line in listed.splitlines() if " A " not in line]
    return {tuple(re.split("@+", name)) if "@" in name else (name, None) for name in names}


def needed(path):
    return re.findall(r"\(NEEDED\).*\[(.*)\]", readelf("--dynamic", path))


@pytest.fixture(params=["tool", "module", "library"])
def result(request, pganchor):
    return {"tool": pganchor.binary, "module": pganchor.module, "library": pganchor.prefix / "lib" / "libpganchor.so"}[request.param]


def test_every_result_is_hardened(result):
    dynamic, segments = readelf("--dynamic", result), readelf("--segments", result)
    assert re.search(r"\(FLAGS_1\).*\bNOW\b", dynamic)
    assert "GNU_RELRO" in segments
    assert "(TEXTREL)" not in dynamic and "RPATH" not in dynamic and "RUNPATH" not in dynamic
    assert re.search(r"GNU_STACK(?:\s+0x[0-9a-f]+){5}\s+RW\s", segments)
    assert not re.search(r"LOAD(?:\s+0x[0-9a-f]+){5}\s+RWE", segments)
    undefined = readelf("--dyn-syms", result)
    assert "UND __stack_chk_fail" in undefined
    assert re.search(r"UND __\w+_chk@", undefined), "nothing is fortified"


def test_the_tool_is_position_independent(pganchor):
    assert re.search(r"Type:\s+DYN", readelf("--file-header", pganchor.binary))
    assert re.search(r"\(FLAGS_1\).*\bPIE\b", readelf("--dynamic", pganchor.binary))


def test_module_and_library_need_libc_alone(pganchor):
    for path in (pganchor.module, pganchor.prefix / "lib" / "libpganchor.so"):
        assert needed(path) == ["libc.so.6"]


def test_module_and_library_refer_to_nothing_of_libpq(pganchor):
    """A reference would be fatal where libpq is loaded for one extension alone: `undefined symbol: PQstatus`."""
    for path in (pganchor.module, pganchor.prefix / "lib" / "libpganchor.so"):
        assert not re.search(r"UND (PQ|pq|SSL_|X509_)", readelf("--dyn-syms", path))


def test_the_module_exports_the_entry_points_and_the_ways_to_find_them(pganchor):
    assert exported(pganchor.module) == {(name, None) for name in ENTRY_POINTS | LOADER}


def test_the_library_exports_the_entry_points_and_its_versioned_api(pganchor):
    library = pganchor.prefix / "lib" / "libpganchor.so"
    assert exported(library) == {(name, None) for name in ENTRY_POINTS} | {(name, "PGANCHOR_0") for name in API}
    assert re.search(r"\(SONAME\).*\[libpganchor\.so\.0\]", readelf("--dynamic", library))


def test_the_header_declares_what_the_library_exports(pganchor):
    header = (pganchor.prefix / "include" / "pganchor.h").read_text()
    assert set(re.findall(r"\b(pganchor_\w+)\(", header)) == API
