"""pganchor run --require: what connects to PostgreSQL without the gate is refused, whatever has taken the gate away."""

import os
import re
import select
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from gated import CLIENTS, PYTHON
from listener import SECONDS, Listener, read_to_end
from services import environment, write

# Prints what came of connecting to each of these ports.
CONNECT = r"""
import errno, socket, sys
for port in sys.argv[1:]:
    try:
        socket.create_connection(("127.0.0.1", int(port))).close()
        print("connected", flush=True)
    except OSError as failed:
        print(errno.errorcode[failed.errno], flush=True)
"""
DIAL = (PYTHON, "-c", CONNECT)
WITHOUT_GATE = "the gate is not in that program"
WITHOUT_LIBPQ = "that program does not connect by a libpq that the gate knows"
HINT = ("    start it with the environment that it was to have, LD_PRELOAD among it; what has no libpq, without --require and by settings of "
        "its own that verify\n")
POWERLESS = ("setpriv", "--bounding-set", "-sys_ptrace,-sys_admin", "--inh-caps", "-sys_ptrace,-sys_admin", "--")


class Server(Listener):
    def __init__(self):
        self.came = 0
        super().__init__()

    def serve(self, sock, number):
        self.came += 1
        read_to_end(sock)


@pytest.fixture
def server():
    """Something that listens on a port of PostgreSQL's, by PGPORT."""
    started = Server()
    yield started
    started.stop()


@pytest.fixture
def watched(home, server):
    """watched(program, ...) -> a CompletedProcess of it under the watch."""
    def run(*argv, env=None, **kwargs):
        return home.pganchor("run", "--require", "--", *argv, env={"PGPORT": server.port, **(env or {})}, **kwargs)

    return run


@pytest.fixture(scope="session")
def static(compile_program):
    return compile_program("watched.c", [], words=("-static", "-pthread", "-D_GNU_SOURCE"))


@pytest.fixture
def static_32(compile_program):
    done = subprocess.run(["cc", "-m32", "-static", "-x", "c", "-", "-o", "/dev/null"], input="int main(void) { return 0; }",
                          capture_output=True, text=True)
    if done.returncode != 0 or subprocess.run(["uname", "-m"], capture_output=True, text=True).stdout != "x86_64\n":
        pytest.skip("no compiler for 32-bit programs of this machine")
    return compile_program("watched.c", [], words=("-m32", "-static", "-pthread", "-D_GNU_SOURCE"))


def refusal(done, name, port, why, address="127.0.0.1"):
    """The one message in it."""
    found = re.fullmatch(rf"pganchor: refused a connection of {name} \(process \d+\) to {re.escape(address)} port {port}: {why}\n"
                         + re.escape(HINT), done.stderr)
    return found is not None


def watchers(home):
    """The watchers that are there: of the tool under test, since no other test runs meanwhile."""
    own = os.path.realpath(home.program.binary)
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "comm").read_text() == "pganchor-watch\n" and os.readlink(process / "exe") == own:
                found.append(int(process.name))
        except OSError:
            continue
    return found


# --- what is refused, and what is not ---

def test_a_program_without_libpq(watched, server):
    """It has the gate, which stands before libpq: nobody would see what its own driver does. Said once."""
    done = watched(*DIAL, server.port, server.port)
    assert done.stdout == "EACCES\nEACCES\n" and refusal(done, "python3", server.port, WITHOUT_LIBPQ)
    assert server.came == 0


def test_the_name_of_a_program_does_not_steer_a_terminal(watched, server):
    script = "import ctypes; ctypes.CDLL(None).prctl(15, b'a\\x1b[2Jb')\n" + CONNECT
    done = watched(PYTHON, "-c", script, server.port)
    assert done.stdout == "EACCES\n" and "\x1b" not in done.stderr and "connection of a" in done.stderr


def test_other_ports_are_let_through(watched, server):
    other = Server()
    try:
        done = watched(*DIAL, other.port)
        assert (done.stdout, done.stderr) == ("connected\n", "")
        assert watched("env", "-i", *DIAL, other.port).stdout == "connected\n"
    finally:
        other.stop()
    assert other.came == 2


@pytest.mark.parametrize("client", CLIENTS, indirect=True)
def test_libpq_under_the_gate_connects(anchored, postgres, client):
    """And without the gate, it does not: it is the same program."""
    conninfo = postgres.conninfo(sslmode="verify-full", host="localhost")
    words = [*client(conninfo)]
    for lost in ((), ("env", "-u", "LD_PRELOAD")):
        done = anchored.pganchor("run", "--require", "--", *lost, *words, env={"PGPORT": postgres.port}, input="SELECT 1;\n")
        assert (done.returncode == 0) == (lost == ()), done.stderr
        assert (WITHOUT_GATE in done.stderr) == (lost != ())


def test_the_usual_ports(watched):
    assert watched(*DIAL, 5432, 6432, 5431).stdout == "EACCES\nEACCES\nECONNREFUSED\n"
    assert watched(*DIAL, 5432, 6432, 5431, env={"PGPORT": "5431,,x,99999999"}).stdout == "EACCES\nEACCES\nEACCES\n"


def test_the_ports_of_services(home, watched):
    """The user's and the machine's, entries that libpq would not take too; but ports below 1024 are other protocols' as well."""
    write(home, "[a]\nhost=db.example.test\nport=6001,6002\n[a]\nport=6003\n[b]\nport=443\n#port=6005\nxport=6005\n")
    write(home, "[c]\nport=6004\n", "machine/pg_service.conf")
    done = watched(*DIAL, 6001, 6002, 6003, 6004, 443, 6005, env=environment(home))
    assert done.stdout == "EACCES\n" * 4 + "ECONNREFUSED\n" * 2


def test_a_second_driver_in_a_process_with_libpq_is_not_seen(watched, server):
    """As the manual says."""
    script = "import ctypes, sys; ctypes.CDLL('libpq.so.5')\n" + CONNECT
    assert watched(PYTHON, "-c", script, server.port).stdout == "connected\n"


# --- what takes the gate away ---

def test_an_environment_that_is_cleared(watched, server):
    done = watched("env", "-i", *DIAL, server.port)
    assert done.stdout == "EACCES\n" and refusal(done, "python3", server.port, WITHOUT_GATE)
    done = watched("sh", "-c", 'env -i psql -X "host=127.0.0.1 port=$PGPORT sslmode=disable"')
    assert done.returncode == 2 and "Permission denied" in done.stderr and WITHOUT_GATE in done.stderr
    assert server.came == 0


@pytest.mark.parametrize("way, came, address", [
    ("connect", "EACCES", "127.0.0.1"), ("roomy", "EACCES", "127.0.0.1"), ("ipv6", "EACCES", "::ffff:127.0.0.1"),
    ("sendto", "EOPNOTSUPP", None), ("sendmsg", "EOPNOTSUPP", None), ("sendmmsg", "EOPNOTSUPP", None), ("io_uring", "EPERM", None),
])
def test_a_static_program_that_is_started_by_another(watched, server, static, way, came, address):
    """By each system call that connects."""
    done = watched("sh", "-c", f"{static} {way} {server.port}; :")
    assert done.stdout == came + "\n" and server.came == 0
    assert done.stderr == "" if address is None else refusal(done, static.name, server.port, WITHOUT_GATE, address)


def test_the_calls_of_other_abis(watched, server, static, static_32):
    for program, way, came in ((static_32, "call", "EACCES"), (static_32, "socketcall", "EACCES"), (static_32, "io_uring", "EPERM"),
                               (static, "x32", "ENOSYS")):
        assert watched("sh", "-c", f"{program} {way} {server.port}; :").stdout == came + "\n", way
    assert watched("sh", "-c", f"{static_32} socketcall 1; {static_32} call 1").stdout == "ECONNREFUSED\n" * 2
    assert server.came == 0


def test_threads(watched, server, static):
    done = watched("sh", "-c", f"{static} threads {server.port}; :")
    assert done.stdout == "EACCES\n" * 20 and refusal(done, static.name, server.port, WITHOUT_GATE)


def test_many_processes_at_once(watched, server, static):
    done = watched("sh", "-c", f"for i in $(seq 60); do {static} connect {server.port} & {static} connect 1 & done; wait")
    assert sorted(done.stdout.split()) == ["EACCES"] * 60 + ["ECONNREFUSED"] * 60
    assert done.stderr.count(WITHOUT_GATE) == 60


def test_a_mount_namespace_without_the_module(watched, pganchor, server):
    """ld.so only says so, and goes on."""
    unshare = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    if subprocess.run([*unshare, "true"], capture_output=True).returncode != 0:
        pytest.skip("no mount namespace can be made here")
    script = f'mount -n -t tmpfs tmpfs {pganchor.module.parent} && exec "$@"'
    done = watched(*unshare, "sh", "-c", script, "sh", *DIAL, server.port)
    assert done.stdout == "EACCES\n" and "cannot be preloaded" in done.stderr and WITHOUT_GATE in done.stderr


def test_a_process_namespace(watched, server):
    unshare = ["unshare", "--pid", "--fork", "--mount-proc", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    if subprocess.run([*unshare, "true"], capture_output=True).returncode != 0:
        pytest.skip("no process namespace can be made here")
    done = watched(*unshare, "env", "-i", *DIAL, server.port)
    assert done.stdout == "EACCES\n" and WITHOUT_GATE in done.stderr


def test_a_process_that_shows_nothing(home, static):
    """Nobody can tell where it connects to: nowhere on the internet, then. Unix-domain sockets stay."""
    for way, came in (("hidden", "EACCES"), ("hidden-unix", "ENOENT")):
        done = home.run([*POWERLESS, "pganchor", "run", "--require", "--", "sh", "-c", f"{static} {way} 1; :"])
        assert (done.stdout, done.stderr) == (came + "\n", "")


def forbidding(tmp_path, whom):
    """A library that lets the tool read the memory of nobody for whom this holds: of a process, or of the program that it starts."""
    library = tmp_path / "forbidding.so"
    source = f"""
        #include <errno.h>
        #include <sys/syscall.h>
        #include <sys/uio.h>
        #include <unistd.h>
        static pid_t program;
        __attribute__((constructor)) static void come_in(void) {{ program = getpid(); }}
        ssize_t process_vm_readv(pid_t process, const struct iovec *to, unsigned long tos, const struct iovec *from, unsigned long froms,
                                 unsigned long flags)
        {{
            if ({whom}) {{
                errno = EPERM;
                return -1;
            }}
            return syscall(SYS_process_vm_readv, process, to, tos, from, froms, flags);
        }}
    """
    subprocess.run(["cc", "-D_GNU_SOURCE", "-shared", "-fPIC", "-x", "c", "-", "-o", library], input=source, text=True, check=True)
    return library


@pytest.mark.no_gate
@pytest.mark.no_sanitizers
def test_where_only_a_parent_may_look(home, server, static, tmp_path):
    """Yama: the memory of a process is out of reach, and its maps are not. With the gate it goes on; without, nothing leaves the
    machine."""
    yama = forbidding(tmp_path, "process != program")
    other = Server()

    def run(*argv):
        words = ("sh", "-c", '"$@"; :', "sh", *argv)
        return home.pganchor("run", "--require", "--", *words, env={"LD_PRELOAD": yama, "PGPORT": server.port})

    try:
        assert run(*DIAL, server.port, other.port).stdout == "connected\nconnected\n"
        done = run("env", "-i", *DIAL, server.port, other.port)
        assert done.stdout == "EACCES\nEACCES\n" and done.stderr.count(
            "to somewhere: Linux does not show where it goes, and not that the gate is in that program\n") == 1
        assert run("sh", "-c", f"{static} unix 1; :").stdout == "ENOENT\n"
    finally:
        other.stop()
    assert (server.came, other.came) == (1, 1)


@pytest.mark.no_gate
@pytest.mark.no_sanitizers
def test_where_nobody_may_look_nothing_is_started(home, server, tmp_path):
    """As a filter of a container's can have it: who connects where could not be seen."""
    done = home.pganchor("run", "--require", "--", *DIAL, server.port, env={"LD_PRELOAD": forbidding(tmp_path, "1")})
    assert (done.returncode, done.stdout) == (1, "") and "could not read where process" in done.stderr, done.stderr


def test_the_words_of_the_program_are_not_kept(home, watched):
    """curl, say, blanks the password of its command line: the watcher's is nobody's business either."""
    with subprocess.Popen([home.program.binary, "run", "--require", "--", "sh", "-c", "echo up; read line", "a secret"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, env=home.environment({"PGPASSWORD": "a secret"})) as program:
        assert program.stdout.readline() == b"up\n"
        pid, = watchers(home)
        words = [Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ")]
        program.communicate(b"\n")
    assert not any(b"secret" in one for one in words) and [one.strip(b"\0") for one in words] == [b"", b""]


def test_datagrams_pass(home, server):
    """PostgreSQL has none; getaddrinfo(3) connects them to see which address is near."""
    code = "import socket, sys; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(('127.0.0.1', int(sys.argv[1]))); print('connected')"
    done = home.pganchor("run", "--require", "--", PYTHON, "-c", code, str(server.port), env={"PGPORT": server.port})
    assert (done.stdout, done.stderr) == ("connected\n", "")


def test_ports_of_a_service_file_that_cannot_be_read(home, server):
    """Are told not to be watched; and those of the user's own count where PGSERVICEFILE is set, too: its child may not have that."""
    (home / "bad").write_bytes(b"[x]\nport=7777\nhost=\0\n")
    (home / ".pg_service.conf").write_text(f"[x]\nhost=localhost\nport={server.port}\n")
    done = home.pganchor("run", "--require", "--", "env", "-i", *DIAL, server.port, env={"PGSERVICEFILE": home / "bad"})
    assert done.stdout == "EACCES\n" and "bad" in done.stderr and "ports in it are not watched" in done.stderr, done


# --- the program stays what it is ---

@pytest.mark.parametrize("status", [0, 3, 255])
def test_the_exit_status_is_the_programs(watched, status):
    assert watched("sh", "-c", f"exit {status}").returncode == status


def test_a_program_without_standard_descriptors(home, server):
    script = 'pganchor run --require -- "$@" <&- >&- 2>&-; echo $?'
    assert home.run(["sh", "-c", script, "sh", "sh", "-c", "exit 5"]).stdout == "5\n"
    connects = "import socket, sys; socket.create_connection(('127.0.0.1', int(sys.argv[1])))"
    assert home.run(["sh", "-c", script, "sh", PYTHON, "-c", connects, server.port], env={"PGPORT": server.port}).stdout == "1\n"
    assert server.came == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_signals_are_the_programs(watched, number):
    assert watched("sh", "-c", f"kill -{int(number)} $$").returncode == -number


def test_the_process_is_the_program(home, pganchor):
    process = subprocess.Popen([pganchor.binary, "run", "--require", "--", "sh", "-c", "echo $$"], env=home.environment(),
                               stdout=subprocess.PIPE, text=True)
    assert int(process.communicate()[0]) == process.pid


WAITING = """
import os, signal
try:
    print(os.wait())
except ChildProcessError:
    print("no child")
print(signal.sigpending(), sorted(os.listdir("/proc/self/fd"), key=int)[:5])
"""


def test_the_program_has_no_child_of_ours(watched):
    """wait(2) does not tell of the watcher, SIGCHLD neither, where it was blocked before, and no descriptor is left."""
    blocking = ("import os, signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD]);"
                "os.execvp(sys.argv[1], sys.argv[1:])")
    assert watched(PYTHON, "-c", WAITING).stdout == "no child\nset() ['0', '1', '2', '3']\n"
    done = watched(PYTHON, "-c", blocking, "pganchor", "run", "--require", "--", PYTHON, "-c", WAITING)
    assert done.stdout == "no child\nset() ['0', '1', '2', '3']\n"


def test_the_first_process_of_a_container(home, server):
    """Orphans become its children."""
    unshare = ["unshare", "--pid", "--fork", "--mount-proc", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    if subprocess.run([*unshare, "true"], capture_output=True).returncode != 0:
        pytest.skip("no process namespace can be made here")
    words = ["pganchor", "run", "--require", "--"]
    assert home.run([*unshare, *words, PYTHON, "-c", WAITING]).stdout.startswith("no child\n")
    done = home.run([*unshare, *words, "sh", "-c", 'env -i "$@"; :', "sh", *DIAL, server.port], env={"PGPORT": server.port})
    assert done.stdout == "EACCES\n"


def test_a_tracer_ends(watched, server):
    """It waits for all of its children, those too that wait(2) does not tell of."""
    done = watched("strace", "-f", "-o", "/dev/null", "env", "-i", *DIAL, server.port, timeout=60)
    assert (done.returncode, done.stdout) == (0, "EACCES\n")


def test_no_new_privs_only_without_power(home):
    """With it, sudo and other set-user-ID programs have no more power than their caller."""
    asks = ["pganchor", "run", "--require", "--", "grep", "NoNewPrivs", "/proc/self/status"]
    assert home.run([*POWERLESS, *asks]).stdout == "NoNewPrivs:\t1\n"
    if os.geteuid() == 0:
        assert home.run(asks).stdout == "NoNewPrivs:\t0\n"


# --- the watcher ---

def start(home, server, script, *words):
    """A program under the watch that waits for a line, in a session of its own."""
    return subprocess.Popen([home.program.binary, "run", "--require", "--", "sh", "-c", script, "sh", *map(str, words)],
                            env=home.environment({"PGPORT": server.port}), cwd=home.path, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def test_it_ends_with_the_last_process_and_holds_nothing(home, server):
    program = start(home, server, 'env -i "$@"; read line; env -i "$@"; :', *DIAL, server.port)
    assert program.stdout.readline() == "EACCES\n"
    [pid] = watchers(home)
    watcher = os.pidfd_open(pid)
    files = {os.readlink(file) for file in Path(f"/proc/{pid}/fd").iterdir()}
    assert files == {"/dev/null", "anon_inode:seccomp notify"}
    assert os.getsid(pid) == pid and os.readlink(f"/proc/{pid}/cwd") == "/"
    assert program.communicate("\n", timeout=SECONDS)[0] == "EACCES\n"
    assert select.select([watcher], [], [], SECONDS)[0] == [watcher]
    os.close(watcher)


def test_a_program_in_the_background(home, server):
    """Whoever reads what the program said does not wait for what it has left behind; that stays watched."""
    os.mkfifo(home / "go")
    os.mkfifo(home / "came")
    program = start(home, server, '(read line <go; env -i "$@" >came) >/dev/null 2>&1 & echo started', *DIAL, server.port)
    program.stdin.close()
    program.stdin = None
    assert program.communicate(timeout=SECONDS) == ("started\n", "")
    (home / "go").write_text("\n")
    assert (home / "came").read_text() == "EACCES\n" and server.came == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_signals_of_the_group_do_not_end_it(home, server, number):
    program = start(home, server, f'trap : {int(number)}; echo started; read line; env -i "$@"', *DIAL, server.port)
    assert program.stdout.readline() == "started\n"
    [pid] = watchers(home)
    os.killpg(program.pid, number)
    os.kill(pid, number)
    assert program.communicate("\n", timeout=SECONDS)[0] == "EACCES\n"


def test_without_it_nothing_connects(home, server):
    """Killed, which no signal of the program's own terminal does."""
    program = start(home, server, 'echo started; read line; "$@"', *DIAL, server.port, 1)
    assert program.stdout.readline() == "started\n"
    [pid] = watchers(home)
    os.kill(pid, signal.SIGKILL)
    assert program.communicate("\n", timeout=SECONDS)[0] == "ENOSYS\nENOSYS\n" and server.came == 0


def test_one_inside_the_other(home, server):
    program = start(home, server, 'exec pganchor run --require -- sh -c \'echo started; read line; env -i "$@"\' "$@"',
                    "sh", *DIAL, server.port)
    assert program.stdout.readline() == "started\n"
    assert len(watchers(home)) == 1
    assert program.communicate("\n", timeout=SECONDS)[0] == "EACCES\n"


def test_what_cannot_be_watched_is_not_started(home, static):
    """Linux allows one filter that asks."""
    done = home.run([static, "beneath", "0", "pganchor", "run", "--require", "--", "echo", "started"])
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "pganchor: could not watch the connections of echo: this process is under somebody else's seccomp filter, which asks a "
        "program of theirs, and Linux allows one such filter\n    start it without --require: what it starts, and drivers without "
        "libpq, then are not looked at\n")
    assert home.run([static, "beneath", "0", "pganchor", "run", "--", "echo", "started"]).stdout == "started\n"


def test_a_file_is_not_written_into(home, server):
    """Descriptor 2 may be one of data."""
    done = home.run(["sh", "-c", 'pganchor run --require -- "$@" 2>data; cat data', "sh", *DIAL, server.port],
                    env={"PGPORT": server.port})
    assert (done.stdout, done.stderr) == ("EACCES\n", "")


@pytest.mark.parametrize("is_journal", [True, False])
def test_the_journal_is_told(home, server, is_journal):
    """systemd says which stream it is; another socket is the program's own affair."""
    ours, journal = socket.socketpair()
    status = os.fstat(journal.fileno())
    stream = f"{status.st_dev}:{status.st_ino if is_journal else 1}"
    with ours, journal:
        subprocess.run([home.program.binary, "run", "--require", "--", *DIAL, str(server.port)], stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=journal, check=True,
                       env=home.environment({"PGPORT": server.port, "JOURNAL_STREAM": stream}))
        journal.close()
        told = read_to_end(ours).decode()
    assert (WITHOUT_LIBPQ in told) == is_journal and (told != "") == is_journal


def test_a_terminal_is_told(home, server):
    done = home.run_tty(["env", f"PGPORT={server.port}", "pganchor", "run", "--require", "--", *DIAL, str(server.port)])
    assert WITHOUT_LIBPQ in done.output and "EACCES" in done.output
    assert done.output.count("pganchor: ") == 1


def test_a_terminal_that_nobody_reads(home, server):
    """What waits for it is not the watcher: a connect is answered all the same."""
    master, slave = os.openpty()
    script = r'''
import fcntl, os, select, sys
fcntl.fcntl(2, fcntl.F_SETFL, os.O_NONBLOCK)
try:
    while True:
        os.write(2, b"x" * 100)
except BlockingIOError:
    fcntl.fcntl(2, fcntl.F_SETFL, 0)
''' + CONNECT
    done = subprocess.run([home.program.binary, "run", "--require", "--", PYTHON, "-c", script, str(server.port)], stderr=slave,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=SECONDS,
                          env=home.environment({"PGPORT": server.port}))
    os.close(master)
    os.close(slave)
    assert done.stdout == "EACCES\n"
