"""The keyring's passwords, as programs under the gate use them: they connect without a prompt, and no server gets one that is not
both verified and pinned. The keyring is a real one."""

import contextlib
import os
import re
import socket
import subprocess
from pathlib import Path

import psycopg2
import pytest

import test_clients
from audited import PYTHON
from gated import CLIENTS, run_gated, write_anchor
from languages import LANGUAGES
from postgres import PASSWORD, quote
from tracing import NO_LEAKS

INDEX = ".config/pganchor/passwords.conf"
NO_PASSWORD = "fe_sendauth: no password supplied"
NOT_USED = "pganchor: the password that the keyring has for localhost was not used: "
# All of it is the gate's.
pytestmark = pytest.mark.no_instruments


def set_secret(pganchor, keyring, words, secret):
    """By the program that the gate asks, too."""
    fields = ["set", "password", *words, secret]
    subprocess.run([pganchor.prefix / "libexec/pganchor/pganchor-secret"], check=True, env={"HOME": "/nonexistent", **keyring.environment},
                   input="".join(f"{field}\0" for field in fields).encode())


@pytest.fixture
def keep(anchored, keyring, pganchor):
    """keep(secret, host=, port=, dbname=, user=): the keyring has it, and the index says so."""
    def keep(secret=PASSWORD, host="localhost", port="*", dbname="*", user="app", there=True):
        words = [host, str(port), dbname, user]
        if there:
            set_secret(pganchor, keyring, words, secret)
        (anchored / ".config/pganchor").mkdir(parents=True, exist_ok=True)
        with open(anchored / INDEX, "a") as file:
            file.write("password " + " ".join(f'{name}="{word}"' for name, word in zip(("host", "port", "dbname", "user"), words)) + "\n")

    return keep


@pytest.fixture
def kept(anchored, stepca, keep):
    """A home whose CA is pinned for the server, and whose keyring has its password."""
    write_anchor(anchored, "test", stepca.fingerprint, hosts="localhost")
    keep()
    return anchored


@pytest.fixture
def conninfo(postgres):
    return postgres.conninfo(sslmode="verify-full", password=None)


@pytest.fixture
def run(kept, keyring):
    def run(argv, env=None, **kwargs):
        return run_gated(kept, argv, env={**keyring.environment, **(env or {})}, **kwargs)

    return run


@pytest.fixture
def psql(run):
    def psql(conninfo, *words, **kwargs):
        return run(["psql", "-XwAtc", "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", conninfo, *words], **kwargs)

    return psql


@pytest.fixture
def sql(postgres):
    """sql(text): by a superuser; what it has done to the role is undone in the end."""
    with contextlib.closing(psycopg2.connect(postgres.superuser)) as connection:
        connection.autocommit = True
        yield connection.cursor().execute
        connection.cursor().execute(f"ALTER ROLE {postgres.user} NOREPLICATION")


# ---- it works ----

@pytest.mark.parametrize("client", ["psql", "psycopg2", "pg_dump", "pgbench"])
def test_a_client_connects_without_a_prompt(run, conninfo, client):
    done = run(CLIENTS[client](conninfo), input="SELECT 1;\n")
    assert done.returncode == 0 and "pganchor" not in done.stderr, done.stderr


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_does(run, conninfo, language):
    done = run([*LANGUAGES[language], conninfo])
    assert done.stdout == "t\n", done.stdout + done.stderr


@pytest.mark.parametrize("client", ["psycopg 3", "psycopg 3 async", "Perl DBD::Pg", "Lua luasql", "Tcl Pgtcl"])
def test_another_client_does(run, conninfo, tmp_path, client):
    done = run(test_clients.CLIENTS[client](conninfo, tmp_path))
    assert done.stdout == "t\n", done.stdout + done.stderr


def test_each_process_of_a_dump_does(run, conninfo, tmp_path):
    done = run(["pg_dump", "-w", "-Fd", "-j4", "-f", tmp_path / "dump", "-d", conninfo])
    assert done.returncode == 0 and (tmp_path / "dump/toc.dat").exists(), done.stderr


def test_keepassxc_has_it_too(kept, pganchor, keepassxc, conninfo):
    set_secret(pganchor, keepassxc, ["localhost", "*", "*", "app"], PASSWORD)
    assert run_gated(kept, CLIENTS["psql"](conninfo), env=keepassxc.environment).stdout == "t\n"
    keepassxc.lock()
    done = run_gated(kept, ["psql", "-Xwc", "", conninfo], env=keepassxc.environment)
    assert done.stderr.startswith(NOT_USED + "it is locked") and NO_PASSWORD in done.stderr


@pytest.mark.parametrize("how", ["connectdb", "connectdbParams", "start", "startParams", "setdbLogin", "connectdb+reset", "start+resetStart"])
def test_a_program_that_is_linked_with_the_library_does(kept, keyring, conninfo, compile_program, how):
    program = compile_program("connect.c", ["pganchor", "libpq"])
    assert kept.run([program, how, conninfo], env=keyring.environment).stdout.endswith("status ok\ntls 1\nsocket open\n")


def test_without_the_gate_it_does_not(kept, keyring, conninfo):
    assert NO_PASSWORD in kept.run(["psql", "-Xwc", "", conninfo], env=keyring.environment).stderr


def test_with_several_hosts_each_gets_its_own(kept, keep, run, postgres, stepca, psql):
    """The first that fits counts, as in libpq's own file, for each host by itself."""
    (kept / ".config/pganchor/anchors.conf").unlink()
    write_anchor(kept, "test", stepca.fingerprint, hosts="localhost, 127.0.0.1")
    keep(host="127.0.0.1", user="*")
    settings = {"sslmode": "verify-full", "password": None, "port": postgres.port}
    for hosts in ("localhost,127.0.0.1", "127.0.0.1,localhost"):
        assert psql(postgres.conninfo(host=hosts, **settings)).stdout == "t\n"
    # Nobody listens at the first.
    (kept / INDEX).write_text("")
    keep("of the first", host="127.0.0.1", port=1)
    keep(host="*", user="*")
    done = psql(postgres.conninfo(host="127.0.0.1,localhost", **{**settings, "port": f"1,{postgres.port}"}))
    assert done.stdout == "t\n", done.stderr


# ---- libpq's own come first ----

@pytest.mark.parametrize("way", ["passfile", "environment", "conninfo"])
def test_what_libpq_finds_by_itself_is_used(kept, keyring, postgres, psql, way):
    """The keyring is not asked: it would not answer."""
    settings, env = {"password": None}, {}
    if way == "passfile":
        (kept / ".pgpass").write_text(f"*:*:*:*:{PASSWORD}\n")
        (kept / ".pgpass").chmod(0o600)
    elif way == "environment":
        env["PGPASSWORD"] = PASSWORD
    else:
        settings["password"] = PASSWORD
    keyring.stop()
    done = psql(postgres.conninfo(sslmode="verify-full", **settings), env=env)
    assert (done.stdout, done.stderr) == ("t\n", "")


def test_of_several_hosts_those_that_the_users_file_has_are_its(kept, keep, stepca, postgres, psql):
    (kept / ".config/pganchor/anchors.conf").unlink()
    write_anchor(kept, "test", stepca.fingerprint, hosts="localhost, 127.0.0.1")
    keep("not this", host="127.0.0.1")
    (kept / ".pgpass").write_text(f"127.0.0.1:*:*:*:{PASSWORD}")
    (kept / ".pgpass").chmod(0o600)
    # Nobody listens at the first, which has none of the user's.
    done = psql(postgres.conninfo(host="localhost,127.0.0.1", port=f"1,{postgres.port}", sslmode="verify-full", password=None))
    assert done.stdout == "t\n", done.stderr


# ---- nobody else gets it ----

def got(server):
    return [record for record in server.finish() if PASSWORD.encode() in record.everything or "password" in record.requests]


def test_an_impostor_gets_nothing(kept, psql, recording_server, impostor_ca, postgres, tmp_path):
    server = recording_server(b"S", issued=impostor_ca.issue(tmp_path, "localhost"))
    assert "certificate verify failed" in psql(postgres.conninfo(port=server.port, sslmode="verify-full", password=None)).stderr
    assert got(server) == []


def test_a_server_of_a_root_that_is_not_pinned_gets_nothing(kept, psql, recording_server, impostor_ca, postgres, tmp_path):
    """Though libpq believes it."""
    with open(kept / ".postgresql/root.crt", "a") as file:
        file.write(impostor_ca.pem)
    server = recording_server(b"S", issued=impostor_ca.issue(tmp_path, "localhost"))
    assert "is not pinned" in psql(postgres.conninfo(port=server.port, sslmode="verify-full", password=None)).stderr
    assert got(server) == []


def test_a_plain_server_gets_nothing(kept, psql, recording_server, postgres):
    server = recording_server(b"N")
    assert psql(postgres.conninfo(port=server.port, sslmode="verify-full", password=None)).returncode != 0
    assert psql(postgres.conninfo(port=server.port, sslmode="disable", password=None)).returncode != 0
    assert got(server) == []


WITHHELD = {
    "nothing pinned": ("", None, "no anchor counts for it (trust = verified, or nothing is pinned)"),
    "another host's anchor": ("", "other.example.com", "no anchor is valid for it"),
    "trust = verified": ("trust = verified\n", "localhost", "no anchor counts for it (trust = verified, or nothing is pinned)"),
    "allow-weak": ("allow-weak = localhost\n", "localhost", "the policy exempts it (allow-weak)"),
    "audit": ("mode = audit\nlog = off\n", "localhost", "the policy says mode = audit, which lets weak connections through"),
}


@pytest.mark.parametrize("policy, hosts, why", WITHHELD.values(), ids=WITHHELD)
def test_it_is_kept_from_a_server_that_is_not_held_to_a_pin(kept, psql, stepca, recording_server, postgres, tmp_path, policy, hosts, why):
    (kept / ".config/pganchor/anchors.conf").unlink()
    if hosts is not None:
        write_anchor(kept, "test", stepca.fingerprint, hosts=hosts)
    (kept / ".config/pganchor/policy.conf").write_text(policy)
    server = recording_server(b"S", issued=stepca.authority().issue(tmp_path, "localhost"))
    done = psql(postgres.conninfo(port=server.port, sslmode="verify-full", password=None))
    assert PASSWORD.encode() not in b"".join(record.everything for record in server.finish())
    assert done.returncode != 0 and NOT_USED + why in done.stderr, done.stderr


def test_a_host_among_several_that_is_not_pinned_keeps_it_from_all(kept, keep, psql, postgres):
    done = psql(postgres.conninfo(host="localhost,127.0.0.1", sslmode="verify-full", password=None))
    assert done.returncode != 0 and NOT_USED + "no anchor is valid for it" in done.stderr


def test_another_key_under_continuity_gets_nothing(kept, psql, stepca, postgres, relay, recording_server, tmp_path):
    (kept / ".config/pganchor/policy.conf").write_text("continuity = require\n")
    server = relay(postgres.port)
    where = postgres.conninfo(port=server.port, sslmode="verify-full", password=None)
    assert psql(where).stdout == "t\n"
    other = recording_server(b"S", issued=stepca.authority().issue(tmp_path, "localhost"))
    server.target = other.port
    assert "another key" in psql(where).stderr
    assert got(other) == []


# In a process: begins a connection, has a file changed, and goes on; or resets one.
LATER = """
import ctypes, sys
how, conninfo, path, text = sys.argv[1:]
pq = ctypes.CDLL("libpq.so.5")
for name in ("PQconnectStart", "PQconnectdb"):
    getattr(pq, name).restype = ctypes.c_void_p
pq.PQerrorMessage.restype = ctypes.c_char_p
for function in (pq.PQconnectPoll, pq.PQstatus, pq.PQerrorMessage, pq.PQreset, pq.PQresetStart, pq.PQresetPoll):
    function.argtypes = [ctypes.c_void_p]
def finish(poll, conn):
    while poll(conn) not in (0, 3):
        pass
conn = pq.PQconnectStart(conninfo.encode()) if how == "start" else pq.PQconnectdb(conninfo.encode())
print("first", pq.PQstatus(conn), flush=True)
sys.stdin.readline()
open(path, "w").write(text)
if how == "start":
    finish(pq.PQconnectPoll, conn)
elif how == "reset":
    pq.PQreset(conn)
else:
    pq.PQresetStart(conn)
    finish(pq.PQresetPoll, conn)
print("then", pq.PQstatus(conn), pq.PQerrorMessage(conn).decode())
"""


@pytest.mark.parametrize("how", ["start", "reset", "resetStart"])
@pytest.mark.parametrize("text", ["mode = audit\n", "trust = verified\n", "allow-weak = localhost\n"])
def test_a_policy_that_is_weaker_by_then_changes_nothing(kept, keyring, postgres, relay, recording_server, impostor_ca, tmp_path, how, text):
    """Of a connection that has got a password under a stronger one; to a server of a root that libpq believes and nobody has pinned."""
    with open(kept / ".postgresql/root.crt", "a") as file:
        file.write(impostor_ca.pem)
    impostor = recording_server(b"S", issued=impostor_ca.issue(tmp_path, "localhost"))
    server = relay(impostor.port if how == "start" else postgres.port)
    process = subprocess.Popen(
        [kept.program.binary, "run", "--", PYTHON, "-c", LATER, how, postgres.conninfo(port=server.port, sslmode="verify-full", password=None),
         kept / ".config/pganchor/policy.conf", text], env=kept.environment(keyring.environment), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True)
    first = process.stdout.readline()
    assert how == "start" or first == "first 0\n", first
    server.target = impostor.port
    said, _ = process.communicate("\n", timeout=60)
    assert "then 1 " in said and "is not pinned" in said, said
    assert got(impostor) == []


# ---- nothing is left ----

SETTINGS = """
import ctypes, os, sys
class Option(ctypes.Structure):
    _fields_ = [(name, ctypes.c_char_p) for name in ("keyword", "envvar", "compiled", "val", "label", "dispchar")] + [("dispsize", ctypes.c_int)]
pq = ctypes.CDLL("libpq.so.5")
pq.PQconnectdb.restype = ctypes.c_void_p
pq.PQconninfo.restype = ctypes.POINTER(Option)
for function in (pq.PQconninfo, pq.PQstatus, pq.PQreset, pq.PQfinish):
    function.argtypes = [ctypes.c_void_p]
before = os.listdir("/proc/self/fd")
conn = pq.PQconnectdb(sys.argv[1].encode())
pq.PQreset(conn)
print(pq.PQstatus(conn))
options = pq.PQconninfo(conn)
at = 0
while options[at].keyword:
    if options[at].val:
        print(options[at].keyword.decode(), options[at].val.decode())
    at += 1
pq.PQfinish(conn)
print("files", len(os.listdir("/proc/self/fd")) - len(before))
"""


@pytest.mark.parametrize("passfile", [None, "/nowhere/of my own"])
def test_a_connections_settings_name_the_users_own_file(kept, run, postgres, passfile):
    """After a reset, too. No secret is among them, and no descriptor is left."""
    done = run([PYTHON, "-c", SETTINGS, postgres.conninfo(sslmode="verify-full", password=None, passfile=passfile)])
    said = dict(line.split(" ", 1) for line in done.stdout.splitlines()[1:])
    assert done.stdout.startswith("0\n"), done.stdout + done.stderr
    assert said["passfile"] == (passfile or str(kept / ".pgpass"))
    assert PASSWORD not in done.stdout and said["files"] == "0"


def test_psql_connects_anew(run, conninfo):
    done = run(["psql", "-XwAt", conninfo], input="\\c\nSELECT 1;\n\\c - - localhost\nSELECT 2;\n")
    assert done.stdout.splitlines()[1::2] == ["1", "2"], done.stdout + done.stderr


def test_a_base_backup_writes_neither_the_password_nor_the_file(kept, run, postgres, sql, tmp_path):
    sql(f"ALTER ROLE {postgres.user} REPLICATION")
    done = run(["pg_basebackup", "-w", "-R", "-X", "none", "-D", tmp_path / "backup", "-d",
                postgres.conninfo(sslmode="verify-full", password=None, dbname=None)])
    assert done.returncode == 0, done.stderr
    written = (tmp_path / "backup/postgresql.auto.conf").read_text()
    assert "primary_conninfo" in written and f"passfile=''{kept / '.pgpass'}''" in written and "/proc/" not in written
    for path in (tmp_path / "backup").rglob("*"):
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes(), path


# ---- the program never notices ----

# Counts what a program is told of children, connects in each of several ways, and says what it has left.
NOTICES = """
import ctypes, os, signal, sys, threading
mode, conninfo = sys.argv[1], sys.argv[2]
told = []
if mode == "ignored":
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
elif mode == "handled":
    signal.signal(signal.SIGCHLD, lambda *_: told.append(1))
if mode == "alarms":
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
import psycopg2
def connect():
    connection = psycopg2.connect(conninfo)
    connection.cursor().execute("SELECT 1")
    connection.close()
def count(directory):
    return sorted(os.listdir(directory))
files = count("/proc/self/fd")
if mode == "threads":
    failed = []
    def one():
        try:
            connect()
        except Exception as error:
            failed.append(error)
    threads = [threading.Thread(target=one) for _ in range(64)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    assert not failed, failed[0]
elif mode == "fork":
    connect()
    child = os.fork()
    if child == 0:
        connect()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
else:
    connect()
    connect()
signal.setitimer(signal.ITIMER_REAL, 0)
try:
    left = os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    left = None
while len(count("/proc/self/task")) > 1:
    pass # those that were joined may end in a moment
print(len(told), left, count("/proc/self/fd") == files)
"""


def among_processes(home):
    """Those that ask a keyring, by this installation."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.readlink(directory / "exe") == str(home.program.prefix / "libexec/pganchor/pganchor-secret"):
                found.append(directory)
    return found


@pytest.mark.parametrize("mode", ["default", "ignored", "handled", "alarms", "threads", "fork"])
def test_a_program_never_hears_of_the_one_that_asks(kept, run, conninfo, mode):
    done = run([PYTHON, "-c", NOTICES, mode, conninfo])
    assert done.stdout == "0 None True\n", done.stdout + done.stderr
    assert among_processes(kept) == []


def asked(kept, keyring, conninfo, program):
    """What the program executes, with its words and environment, and how often it asks for the index."""
    done = kept.run(["strace", "-f", "-v", "-s", "100000", "-e", "trace=execve,stat,newfstatat,connect", "-o", kept / "trace",
                     kept.program.binary, "run", "--", *program, conninfo], env={**keyring.environment, **NO_LEAKS})
    assert done.returncode == 0, done.stderr
    lines = (kept / "trace").read_text().splitlines()
    return [line for line in lines if "execve(" in line and "pganchor-secret" in line], [line for line in lines if INDEX in line]


def test_the_password_is_in_no_word_and_no_environment(kept, keyring, conninfo):
    (execve,), _ = asked(kept, keyring, conninfo, CLIENTS["psycopg2"](None)[:-1])
    assert PASSWORD not in execve and "LD_PRELOAD" not in execve and '["pganchor-secret"]' in execve


CLOSED = """
import sys, psycopg2
connection = psycopg2.connect(sys.argv[1])
connection.cursor().execute("SELECT 1")
connection.close()
print("closed", flush=True)
sys.stdin.readline()
"""


def pages_with(pid, secret):
    """The mappings of a process that hold it, with their flags."""
    found = []
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for mapping in re.split(r"\n(?=[0-9a-f]+-[0-9a-f]+ )", Path(f"/proc/{pid}/smaps").read_text()):
            start, end, access, name = re.match(r"(\w+)-(\w+) (\S+) \S+ \S+ \S+ *(.*)", mapping).groups()
            if not access.startswith("r") or name.startswith("[v"):
                continue
            memory.seek(int(start, 16))
            try:
                content = memory.read(int(end, 16) - int(start, 16))
            except OSError:
                # Behind the end of the file that it is of.
                assert name.startswith("/"), mapping
                continue
            if secret in content:
                found.append((name, re.search(r"VmFlags: (.*)", mapping)[1].split()))
    return found


def test_once_a_connection_is_closed_no_core_dump_has_the_password(kept, keyring, conninfo):
    """It is on the gate's own pages alone, which are in none (dd) and which no child inherits (wf)."""
    with subprocess.Popen([kept.program.binary, "run", "--", PYTHON, "-c", CLOSED, conninfo], env=kept.environment(keyring.environment),
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "closed\n"
        ((name, flags),) = pages_with(process.pid, PASSWORD.encode())
        process.communicate("\n")
    assert name == "" and {"dd", "wf"} <= set(flags), (name, flags)


def test_it_is_asked_once_for_several_connections(kept, keyring, conninfo):
    executed, _ = asked(kept, keyring, conninfo, [PYTHON, "-c", "import sys, psycopg2\nfor _ in range(5): psycopg2.connect(sys.argv[1])"])
    assert len(executed) == 1


def test_without_an_entry_nobody_is_asked(kept, keep, keyring, postgres):
    """A look at the index, and that is all."""
    (kept / INDEX).write_text("")
    keep(host="other.example.com")
    executed, looks = asked(kept, keyring, postgres.conninfo(sslmode="verify-full"), CLIENTS["psql"](None)[:-1])
    assert executed == [] and len([line for line in looks if "stat(" in line]) <= 2, looks


WAITS = """
import os, sys, threading, psycopg2
def connect():
    try:
        psycopg2.connect(sys.argv[1])
    except psycopg2.Error:
        pass
thread = threading.Thread(target=connect, daemon=True)
thread.start()
sys.stdin.readline()
print([os.readlink(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd") if os.path.islink(f"/proc/self/fd/{name}")], flush=True)
os._exit(0)
"""


def test_while_a_server_is_waited_for_the_password_is_in_no_file(kept, keyring, postgres):
    """It is what a thread that is cancelled would leave behind, and a fork() would have."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        process = subprocess.Popen([kept.program.binary, "run", "--", PYTHON, "-c", WAITS,
                                    postgres.conninfo(port=server.getsockname()[1], sslmode="verify-full", password=None)],
                                   env=kept.environment(keyring.environment), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        with server.accept()[0] as connection:
            connection.recv(8, socket.MSG_WAITALL)
            said, _ = process.communicate("\n", timeout=60)
    assert "socket:" in said and "memfd" not in said, said


@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&-", "<&- 2>&-", "<&- >&- 2>&-"])
def test_a_program_that_has_closed_its_standard_descriptors_connects(kept, run, conninfo, closed):
    code = ("import os, sys, psycopg2\nconnection = psycopg2.connect(sys.argv[1])\n"
            "found = [os.readlink(f'/proc/self/fd/{fd}') for fd in range(3) if os.path.lexists(f'/proc/self/fd/{fd}')]\n"
            "open(sys.argv[2], 'w').write(str(found))")
    done = run(["sh", "-c", f'exec "$@" {closed}', "sh", PYTHON, "-c", code, conninfo, kept / "said"])
    assert done.returncode == 0, done.stderr
    assert "memfd" not in (kept / "said").read_text()


def test_a_limit_of_the_files_size_ends_no_program(run, conninfo):
    done = run(["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", "psql", "-Xwc", "", conninfo])
    assert done.returncode == 2 and NO_PASSWORD in done.stderr
    assert done.stderr.startswith(NOT_USED + "this process could not ask for it"), done.stderr


def test_with_many_password_files_each_connection_has_its_own(run, conninfo):
    code = ("import sys, psycopg2\nfor number in range(40):\n    made = psycopg2.connect(sys.argv[1], passfile=f'/nowhere/{number}')\n"
            "    assert made.info.dsn_parameters['passfile'] == f'/nowhere/{number}', made.info.dsn_parameters\nprint('all')")
    done = run([PYTHON, "-c", code, conninfo])
    assert done.stdout == "all\n", done.stderr


# ---- it is the wrong one ----

AGAIN = """
import sys, psycopg2
for _ in range(2):
    try:
        psycopg2.connect(sys.argv[1])
        print("connected", flush=True)
    except psycopg2.Error as error:
        print(str(error).replace("\\n", "|"), flush=True)
    sys.stdin.readline()
"""


def test_a_wrong_one_is_said_to_be_the_keyrings_and_is_asked_for_anew(kept, keyring, pganchor, conninfo):
    set_secret(pganchor, keyring, ["localhost", "*", "*", "app"], "wrong")
    process = subprocess.Popen([kept.program.binary, "run", "--", PYTHON, "-c", AGAIN, conninfo], env=kept.environment(keyring.environment),
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    first = process.stdout.readline()
    assert "password authentication failed" in first
    assert "|    pganchor: that file had the keyring's answer; if the password was changed: pganchor password set localhost -U app|" in first
    set_secret(pganchor, keyring, ["localhost", "*", "*", "app"], PASSWORD)
    said, _ = process.communicate("\n\n", timeout=60)
    assert said == "connected\n"


# ---- the keyring does not give it ----

TROUBLE = {
    "locked": (lambda keyring: keyring.lock(), "it is locked\n    pganchor password unlock"),
    "locked since its start": (lambda keyring: keyring.restart("another password"), "it is locked\n    pganchor password unlock"),
    "stopped": (lambda keyring: keyring.stop(), "it has not answered in time"),
    "no bus": (lambda keyring: keyring.end(), "it cannot be reached in this session"),
}


@pytest.mark.parametrize("trouble, why", TROUBLE.values(), ids=TROUBLE)
def test_libpqs_own_way_is_left(keyring, psql, conninfo, trouble, why):
    trouble(keyring)
    done = psql(conninfo)
    assert NO_PASSWORD in done.stderr and done.stderr.startswith(NOT_USED + why), done.stderr


@pytest.mark.parametrize("trouble, why", TROUBLE.values(), ids=TROUBLE)
def test_a_program_without_a_terminal_says_why(kept, keyring, conninfo, trouble, why):
    """As one with windows does, which has nothing but libpq's message."""
    trouble(keyring)
    code = "import sys, psycopg2\ntry:\n    psycopg2.connect(sys.argv[1])\nexcept psycopg2.Error as error:\n    print(error)"
    with open(os.devnull, "w") as nowhere:
        done = subprocess.run([kept.program.binary, "run", "--", PYTHON, "-c", code, conninfo], stdout=subprocess.PIPE, stderr=nowhere,
                              env=kept.environment(keyring.environment), text=True, timeout=60)
    assert NO_PASSWORD in done.stdout and "\n    " + NOT_USED + why.replace("\n    ", "\n        ") in done.stdout, done.stdout


def test_what_is_not_there_any_more(anchored, keep, kept, keyring, psql, conninfo):
    (kept / INDEX).write_text("")
    keep(port="5433", there=False)
    keep(user="*", there=False)
    done = psql(conninfo)
    assert NO_PASSWORD in done.stderr and done.stderr.startswith(NOT_USED + "it is not in it any more")


def test_an_index_that_cannot_be_read_refuses_nothing(kept, psql, postgres):
    (kept / INDEX).write_text("what is this\n")
    done = psql(postgres.conninfo(sslmode="verify-full"))
    assert done.stdout == "t\n" and f"pganchor: no password of the keyring is used: {kept / INDEX}, line 1" in done.stderr


# ---- passphrases of keys ----

PASSPHRASE = "the key's \\own"


@pytest.fixture
def with_certificate(kept, keyring, pganchor, stepca, make_postgres, session_directory):
    """The home has a certificate for the server's user, whose key is encrypted; a conninfo string for a server that wants it."""
    chain, key = stepca.issue("app")
    root = session_directory / "root-of-clients.crt"
    root.write_text(stepca.root_pem)
    root.chmod(0o644)
    server = make_postgres(*stepca.issue("localhost", "127.0.0.1"), settings={"ssl_ca_file": root},
                           hba="hostssl all app 127.0.0.1/32 cert\n")
    own = kept / ".postgresql/postgresql"
    own.with_suffix(".crt").write_bytes(chain.read_bytes())
    subprocess.run(["openssl", "pkey", "-aes256", "-passout", f"pass:{PASSPHRASE}", "-in", key, "-out", own.with_suffix(".key")], check=True)
    own.with_suffix(".key").chmod(0o600)
    (kept / INDEX).write_text(f'passphrase file="{own.with_suffix(".key")}"\n')
    subprocess.run([pganchor.prefix / "libexec/pganchor/pganchor-secret"], check=True, env={"HOME": "/nonexistent", **keyring.environment},
                   input=f"set\0passphrase\0{own.with_suffix('.key')}\0{PASSPHRASE}\0".encode())
    return server.conninfo(sslmode="verify-full", password=None)


@pytest.mark.parametrize("client", ["psql", "psycopg2"])
def test_the_passphrase_of_the_key_is_used(kept, run, with_certificate, client):
    done = run(CLIENTS[client](with_certificate))
    assert done.returncode == 0, done.stderr
    done = run(CLIENTS[client](f"{with_certificate} sslkey={kept / '.postgresql/postgresql.key'}"))
    assert done.returncode == 0, done.stderr


def test_the_programs_own_passphrase_counts(run, with_certificate):
    assert run(CLIENTS["psql"](f"{with_certificate} sslpassword={quote(PASSPHRASE)}")).stdout == "t\n"
    done = run(CLIENTS["psql"](f"{with_certificate} sslpassword=wrong"))
    assert "could not load private key file" in done.stderr


def test_of_a_locked_keyring_the_passphrase_is_asked_for_as_ever(kept, keyring, with_certificate):
    keyring.lock()
    psql = ["pganchor", "run", "--", *CLIENTS["psql"](with_certificate)]
    done = kept.run_tty(psql, answers=[("Enter PEM pass phrase:", PASSPHRASE)],
                        env={"PSQL_PAGER": "cat", **keyring.environment})
    assert done.returncode == 0 and "the passphrase that the keyring has for ~/.postgresql/postgresql.key was not used" in done.output, \
        done.output


def test_a_connection_to_another_server_gets_no_passphrase(kept, keyring, with_certificate, postgres, recording_server, impostor_ca, tmp_path):
    """In a process that has had one before, and under a policy that is weaker by then."""
    with open(kept / ".postgresql/root.crt", "a") as file:
        file.write(impostor_ca.pem)
    impostor = recording_server(b"S", issued=impostor_ca.issue(tmp_path, "localhost"))
    code = ("import sys, psycopg2\npsycopg2.connect(sys.argv[1])\nprint('first')\nopen(sys.argv[3], 'w').write('trust = verified\\n')\n"
            "psycopg2.connect(sys.argv[2])")
    done = run_gated(kept, [PYTHON, "-c", code, with_certificate, postgres.conninfo(port=impostor.port, sslmode="verify-full"),
                            kept / ".config/pganchor/policy.conf"], env=keyring.environment)
    assert done.stdout == "first\n" and "could not load private key file" in done.stderr, done.stderr
    impostor.finish()


def test_the_passphrase_is_in_no_setting(run, with_certificate):
    done = run([PYTHON, "-c", SETTINGS, with_certificate])
    assert done.stdout.startswith("0\n") and PASSPHRASE not in done.stdout, done.stdout + done.stderr
