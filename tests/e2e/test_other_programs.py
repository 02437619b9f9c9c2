"""Programs that have nothing to do with PostgreSQL run the same with the module preloaded as without: the same status, the
same output, not a word of ld.so's."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from home import Home
from machines import ROOT, run
from processes import ordinary_user
from programs import said

pytestmark = pytest.mark.plain_build

BROWSER = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
           "--disable-background-networking", "--disable-component-update", "--disable-sync"]


class Same:
    """How a program ended, which is the same with the module and without; and in how many programs the module was."""

    def __init__(self, done, loaded):
        self.returncode, self.stdout, self.stderr, self.loaded = done.returncode, done.stdout, done.stderr, loaded


@pytest.fixture
def alike(tmp_path, pganchor):
    """alike(argv, ...) runs a command three times, each in a new home: without the module, with it, and with it while ld.so
    writes down what it loads. All three must end alike; gives back a Same.

    fill(home)  puts files into the home first; {home} in a word is its directory, {module} the module
    preload     LD_PRELOAD of the runs with the module; without: LD_PRELOAD of the other
    clean       [(regular expression, replacement)]: what differs from run to run anyway
    run         how to run it: a function of home, argv and env
    """
    def one(name, argv, fill, env, run, clean):
        home = Home(tempfile.mkdtemp(prefix=name, dir=tmp_path))
        if fill:
            fill(home)
        done = run(home, [str(word).replace("{home}", str(home.path)) for word in argv], env)
        words = [(str(home.path), "HOME"), *clean]
        stdout, stderr = (done.output, "") if hasattr(done, "output") else (done.stdout, done.stderr)
        for pattern, replacement in words:
            stdout, stderr = re.sub(pattern, replacement, stdout), re.sub(pattern, replacement, stderr)
        return subprocess.CompletedProcess(argv, done.returncode, stdout, stderr)

    def alike(argv, *, fill=None, env=None, preload="{module}", without=None, clean=(), ends=0, watched=True,
              run=lambda home, argv, env: home.run(argv, env=env)):
        books = Path(tempfile.mkdtemp(prefix="books-", dir=tmp_path))
        with_module = {**(env or {}), "LD_PRELOAD": preload.format(module=pganchor.module)}
        alone = one("alone", argv, fill, {**(env or {}), "LD_PRELOAD": without}, run, clean)
        gated = one("gated", argv, fill, with_module, run, clean)
        assert alone.returncode == ends, alone.stdout + alone.stderr
        assert (gated.returncode, gated.stdout, gated.stderr) == (alone.returncode, alone.stdout, alone.stderr)
        assert "ld.so" not in gated.stderr and str(pganchor.module) not in gated.stdout + gated.stderr
        if not watched:
            return Same(gated, None)
        written = one("watched", argv, fill, {**with_module, "LD_DEBUG": "files", "LD_DEBUG_OUTPUT": books / "of"}, run, clean)
        assert (written.returncode, written.stdout, written.stderr) == (alone.returncode, alone.stdout, alone.stderr)
        told = "".join(book.read_text(errors="replace") for book in books.iterdir())
        return Same(gated, told.count(f"calling init: {pganchor.module}\n"))

    return alike


# ---- shells

SCRIPT = r"""
trap 'echo "at the end $?"' EXIT
trap 'echo usr1' USR1
printf '%s\n' c a b | sort | tr a-z A-Z | while read -r line; do printf '<%s>' "$line"; done; echo
(cd / && exec pwd)
x=$(echo out; echo err >&2; exit 3); echo "$x $?"
kill -USR1 $$
(exit 12) & wait $!; echo "ended with $?"
cat <<END
here $((6 * 7)) $(expr 6 \* 7)
END
ls no-such-file
no-such-program
exit 7
"""


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_a_shells_script(alike, shell):
    same = alike([shell, "-c", SCRIPT], ends=7)
    assert "<A><B><C>\n/\nout 3\nusr1\nended with 12\nhere 42 42\n" in same.stdout
    assert same.loaded >= 6


def test_a_shells_jobs(alike):
    """On a terminal, where a shell has process groups, stops and continues."""
    script = "set -m; sh -c 'kill -STOP $$; echo goes on; exit 6'; echo $?; jobs; fg; echo $?; " \
             "{ sleep 0; exit 4; } | cat; echo ${PIPESTATUS[*]}; fg; stty -a | head -n 1; exit 5"
    same = alike(["bash", "--norc", "-ic", script], ends=5, run=lambda home, argv, env: home.run_tty(argv, env=env))
    assert re.search(r"147\n(?s:.*)Stopped(?s:.*)goes on\n6\n4 0\n", same.stdout) and same.loaded >= 5


@pytest.mark.parametrize("way", ["shell", "system"])
def test_a_login_shell_that_has_the_lines_of_enable(tmp_path, pganchor, way):
    """The start file is the one that pganchor enable writes; the shell, and what it starts, says what it says without."""
    program = Home(tmp_path / "home", pganchor)
    script = '. ./start; . ./start; alias l="ls -a"; cd /; echo $-; git --version; (exit 3); echo $?; ls no-such-file'
    (program / "start").write_text("umask 027\n")
    commands = [["bash", "--norc", "-lc", script], ["dash", "-lc", script],
                ["bash", "--posix", "-euc", ". ./start; git --version"]]
    before = [program.run(argv) for argv in commands]
    if way == "shell":
        (program / ".bashrc").write_text((program / "start").read_text())
        assert program.pganchor("enable", "--shell", env={"SHELL": "/bin/bash"}).returncode == 0
        os.replace(program / ".bashrc", program / "start")
    else:
        assert program.pganchor("enable", "--system", "--root", tmp_path).returncode == 0
        (program / "start").write_bytes((tmp_path / "etc/profile.d/pganchor.sh").read_bytes())
    after = [program.run(argv) for argv in commands]
    assert [(d.returncode, d.stdout, d.stderr) for d in after] == [(d.returncode, d.stdout, d.stderr) for d in before]
    shown = program.run(["bash", "--norc", "-lc", ". ./start; . ./start; cat /proc/self/maps; printenv LD_PRELOAD"]).stdout
    assert f"{pganchor.module}\n" in shown and shown.splitlines()[-1].count("pganchor-gate.so") == 1


# ---- programs of every day

def test_git(alike):
    who = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER")
           for what, value in (("NAME", "A"), ("EMAIL", "a@example.org"), ("DATE", "2026-11-22T07:00:00Z"))}
    script = """set -e
        git init -q -b main one; cd one; echo a >a; git add a; git commit -q -m first; echo b >>a; git commit -qam second
        git clone -q "file://$PWD" ../two; cd ../two; git log --stat --format='%H %an %ad %s' | cat; git blame a; git fsck
        git gc -q
        echo c >a; git diff; git stash -q; git status; git push origin HEAD:other; git checkout -q no-such-branch"""
    same = alike(["sh", "-c", script], env=who, ends=1)
    assert "second" in same.stdout and "pathspec" in same.stderr and same.loaded > 20


INTERPRETERS = {
    "perl": ["perl", "-e", 'use POSIX; use Socket; use Digest::SHA; print Digest::SHA::sha256_hex("a"), "\\n"; '
                           'my $pid = fork; if (!$pid) { exit 3 } waitpid $pid, 0; print $? >> 8, `echo child`; die "so\\n"'],
    "python": ["/usr/bin/python3", "-c", "import ctypes, json, multiprocessing, sqlite3, ssl, subprocess, threading\n"
                                         "print(ctypes.CDLL('libm.so.6').abs(-3))\n"
                                         "print(sqlite3.connect(':memory:').execute('SELECT 1').fetchall())\n"
                                         "with multiprocessing.get_context('fork').Pool(2) as pool:\n"
                                         "    print(pool.map(abs, [-1, -2]))\n"
                                         "print(subprocess.run(['echo', 'child'], capture_output=True))\n"
                                         "raise SystemExit('so')"],
    "node": ["node", "-e", "const c = require('crypto'), p = require('child_process'), {Worker} = require('worker_threads');"
                           "console.log(c.createHash('sha256').update('a').digest('hex'), p.execSync('echo child').toString());"
                           "new Worker('console.log(1)', {eval: true})"
                           ".on('exit', () => { console.error('so'); process.exit(9) })"],
    "java": ["keytool", "-list", "-keystore", "none.p12", "-storepass", "secret"],
}
ENDS = {"perl": 255, "python": 1, "node": 9, "java": 1}


@pytest.mark.parametrize("language", INTERPRETERS)
def test_an_interpreter(alike, language):
    assert alike(INTERPRETERS[language], ends=ENDS[language]).loaded >= 1


def test_a_browser(alike):
    """Chromium: processes that are forked from a template, allocators and dynamic linking of its own."""
    def fill(home):
        (home / "page.html").write_text("<p>a</p><script>document.write('sum ' + (40 + 2))</script>")

    # What it says on standard error is full of times, numbers of processes, and races between threads.
    script = '"$@" 2>said; status=$?; grep -o "ld\\.so.*" said >&2; exit $status'
    same = alike([*BROWSER, "--user-data-dir={home}/profile", "--dump-dom", "file://{home}/page.html"], fill=fill,
                 run=lambda home, argv, env: home.run(["sh", "-c", script, "sh", *argv], env=env))
    assert "sum 42" in same.stdout and same.loaded >= 4


# ---- programs without libc, with another one, with one of their own

STATIC = {"busybox": 0, "go": 0, "go-cgo": 1, "rust": 1, "rust-static": 0, "c-static": 0}


@pytest.mark.parametrize("kind", STATIC)
def test_a_program_of_another_make(alike, build, kind):
    argv = {
        "busybox": lambda: ["/bin/busybox", "sh", "-c", "busybox echo a | busybox tr a b; busybox no-such; exit 3"],
        "go": lambda: [build("go", "hello.go", env={"CGO_ENABLED": "0"})],
        "go-cgo": lambda: [build("go", "hello.go", "-tags", "netcgo", env={"CGO_ENABLED": "1"})],
        "rust": lambda: [build("rustc", "hello.rs")],
        "rust-static": lambda: [build("rustc", "hello.rs", "-C", "target-feature=+crt-static")],
        "c-static": lambda: [build("cc", "left.c", "-static")],
    }[kind]()
    same = alike(argv, ends=3 if kind == "busybox" else 0, clean=[(r"LD_\w+=.*\n", "")])
    children = 1 if kind.startswith(("go", "rust")) else 0
    assert same.loaded == STATIC[kind] + children


def test_a_set_user_id_program(alike, session_directory, pganchor):
    """ld.so loads nothing from a path into it, and says nothing of that."""
    program = session_directory / "cat-of-root"
    run(*ROOT, "install", "-o", "0", "-m", "4755", shutil.which("cat"), program)
    user = ordinary_user()
    words = [] if user is None else ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--"]
    same = alike([program, "/proc/self/status"], watched=False, clean=[(r"(?m)^(?!Uid:).*\n", "")],
                 run=lambda home, argv, env: home.run([*words, *argv], env=env))
    assert re.fullmatch(r"Uid:\s+\d+\s+0\s+0\s+0\n", same.stdout)
    maps = subprocess.run([*words, program, "/proc/self/maps"], env={**os.environ, "LD_PRELOAD": str(pganchor.module)},
                          capture_output=True, text=True)
    assert "/libc.so.6\n" in maps.stdout and str(pganchor.module) not in maps.stdout and maps.stderr == ""


# ---- programs that look into others, or stand before libc as the gate does

def test_valgrind(alike):
    """Its own count of allocations too: the gate makes none."""
    same = alike(["valgrind", "--leak-check=full", "ls", "/"], clean=[(r"==\d+==", "==PID==")])
    assert "total heap usage: " in same.stderr and "ERROR SUMMARY: 0 errors" in same.stderr and same.loaded >= 1


def test_gdb(alike, build):
    commands = ("set startup-with-shell off", "break cosine_is", "run", "bt", "print result", "finish", "continue")
    words = [word for command in commands for word in ("-ex", command)]
    same = alike(["gdb", "-nx", "-batch", *words, build("cc", "traced.c", "-ldl")],
                 clean=[(r"0x[0-9a-f]+", "0x"), (r"process \d+", "process")])
    assert "#0  cosine_is (result=1)" in same.stdout and "exited with code 03" in same.stdout and same.loaded >= 2


@pytest.mark.parametrize("tracer", [["strace", "-f", "-e", "trace=kill"], ["ltrace", "-e", "puts"]],
                         ids=lambda words: words[0])
def test_a_tracer(alike, build, tracer):
    same = alike([*tracer, build("cc", "traced.c", "-ldl")], ends=3 if tracer[0] == "strace" else 0,
                 clean=[(r"(\[pid +)?\d{3,}\]?", "PID")])
    assert ("kill(" if tracer[0] == "strace" else "puts(") in same.stderr and same.loaded >= 1


OPENING = """1 1
dlsym(RTLD_DEFAULT, "puts"): yes
dlsym(RTLD_NEXT, "puts"): yes
"""


def test_the_dynamic_linkers_functions(alike, build):
    same = alike([build("cc", "opening.c")], clean=[(r"built-\d+", "opening")])
    assert same.stdout.startswith(OPENING) and "undefined symbol: PQconnectdb" in same.stdout and same.loaded == 1


@pytest.mark.parametrize("order", ["{module}:{other}", "{other}:{module}"], ids=["before", "behind"])
@pytest.mark.parametrize("other", ["hook", "libeatmydata.so", "libjemalloc.so.2", "libtcmalloc_minimal.so.4", "libasan"])
def test_another_preloaded_library(alike, build, other, order):
    library = {"hook": lambda: build("cc", "hook.c", "-shared", "-fPIC"),
               "libasan": lambda: said("cc", "-print-file-name=libasan.so"),
               }.get(other, lambda: other)()
    env = {"ASAN_OPTIONS": "detect_leaks=0:verify_asan_link_order=0"}
    same = alike([build("cc", "opening.c")], env=env, without=str(library), preload=order.replace("{other}", str(library)))
    assert same.stdout.startswith(OPENING) and same.loaded == 1
    assert (other == "hook") == ("hook: 5 opened, 5 asked" in same.stderr)


def test_an_auditor(alike, build):
    env = {"LD_AUDIT": build("cc", "audit.c", "-shared", "-fPIC")}
    same = alike([build("cc", "opening.c")], env=env)
    assert same.stdout.startswith(OPENING) and "audit: " in same.stderr and same.loaded == 1


def test_fakeroot(alike):
    script = "touch a; chown 12:34 a; stat -c %u:%g a; tar -c a | tar -tv --numeric-owner | cut -c 12-16"
    same = alike(["fakeroot", "sh", "-c", script])
    assert same.stdout == "12:34\n12/34\n" and same.loaded >= 5


def test_a_program_that_has_locked_itself_up(alike, build):
    """seccomp's strict mode ends a program at the first call of the kernel but read, write and exit."""
    assert alike([build("cc", "locked_up.c", "-ldl")], watched=False).stdout == "one\n"


SANITIZERS = {
    "address": (["-fsanitize=address"], "heap-buffer-overflow"),
    "address, static": (["-fsanitize=address", "-static-libasan"], "heap-buffer-overflow"),
    "thread": (["-fsanitize=thread"], "data race"),
    "thread, static": (["-fsanitize=thread", "-static-libtsan"], "data race"),
    "leak": (["-fsanitize=leak"], ""),
    "undefined": (["-fsanitize=undefined"], ""),
}


@pytest.mark.parametrize("sanitizer", SANITIZERS)
def test_a_program_with_a_sanitizer(alike, build, sanitizer):
    """It starts, and finds what it is there to find. ASan's library wants to be the first, and can be told not to mind."""
    words, finding = SANITIZERS[sanitizer]
    env = {"ASAN_OPTIONS": "verify_asan_link_order=0", "TSAN_OPTIONS": "exitcode=66"}
    program = build("cc", "careless.c", "-O0", "-pthread", *words)
    assert alike([program], env=env).stdout == "1\n"
    if finding:
        ends = 66 if finding == "data race" else 1
        same = alike([program, "careless"], env=env, ends=ends, clean=[(r"(?s).*SUMMARY: (\w+: [a-z -]+) .*", r"\1")])
        assert finding in same.stderr


def test_a_client_with_a_sanitizer_is_judged_as_any_other(home, build):
    program = build("cc", "../connect.c", "-fsanitize=address", "-static-libasan", "-I", said("pg_config", "--includedir"), "-lpq", "-ldl")
    for how in ("connectdb", "start", "found"):
        done = home.pganchor("run", "--", program, how, "host=127.0.0.1 sslmode=require",
                             env={"ASAN_OPTIONS": "detect_leaks=0"})
        assert "status bad\nmessage pganchor refused this connection: sslmode=require" in done.stdout, done.stderr


# ---- what stays behind

def test_nothing_is_left_in_a_process(home, build, pganchor):
    """No descriptor, thread, handler or blocked signal; the environment is the one that the program was given."""
    argv = [build("cc", "left.c", "-ldl")]
    alone = home.run(argv).stdout.splitlines()
    gated = home.run(argv, env={"LD_PRELOAD": pganchor.module}).stdout.splitlines()
    assert sorted(set(gated) - {f"LD_PRELOAD={pganchor.module}"}) == sorted(alone) and alone[0] == "1"
    children = home.run(["sh", "-c", "bash -c printenv"], env={"LD_PRELOAD": pganchor.module, "OTHER": "1"}).stdout
    assert f"LD_PRELOAD={pganchor.module}\n" in children and children.count("LD_PRELOAD") == 1


def test_libpganchor_that_is_opened_late(home, pganchor):
    """Behind libc, where nothing comes next."""
    script = f"""import ctypes
gate = ctypes.CDLL({str(pganchor.prefix / "lib/libpganchor.so.0")!r}, ctypes.RTLD_GLOBAL)
ctypes.CDLL("libpq.so.5", ctypes.RTLD_GLOBAL)
gate.PQconnectdb.restype = gate.PQerrorMessage.restype = ctypes.c_void_p
conn = ctypes.c_void_p(gate.PQconnectdb(b"host=127.0.0.1 sslmode=require"))
print(ctypes.string_at(gate.PQerrorMessage(conn)).decode())"""
    done = home.run(["/usr/bin/python3", "-c", script])
    assert done.stdout.startswith("pganchor refused this connection: sslmode=require"), done.stderr
