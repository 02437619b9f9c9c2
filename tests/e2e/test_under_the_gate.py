"""The tool where the gate is on: it asks libpq itself and says what it says elsewhere, in whatever way the gate came before libpq."""

import json
import shutil
import subprocess

import pytest

import tracing

from services import USER, write

pytestmark = pytest.mark.plain_build

ENTRIES = "[weak]\nhost=h\nsslmode=prefer\ntarget_session_attrs=read-write\n\n[good]\nhost=h\nsslmode=verify-full\n"
WAYS = ["preload", "behind a libpq", "behind and before a libpq", "drop-in"]


def real_libpq():
    linked = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True, env={"PATH": "/usr/sbin:/sbin:/usr/bin"})
    return next(line.split(" => ")[1] for line in linked.stdout.splitlines() if line.strip().startswith("libpq.so.5 "))


@pytest.fixture(scope="session")
def ways(pganchor, session_directory):
    """What puts the gate before libpq: names of environments of a command. The drop-in is found in the place of libpq.so.5, and needs it."""
    directory = session_directory / "drop-in"
    directory.mkdir()
    shutil.copy(pganchor.prefix / "lib/libpganchor.so.0", directory / "libpq.so.5")
    for words in (["--add-needed", real_libpq()], ["--set-soname", "libpq.so.5"]):
        subprocess.run(["patchelf", *words, directory / "libpq.so.5"], check=True)
    return {
        "preload": {"LD_PRELOAD": pganchor.module},
        "behind a libpq": {"LD_PRELOAD": f"libpq.so.5 {pganchor.module}"},
        "behind and before a libpq": {"LD_PRELOAD": f"{pganchor.module} libpq.so.5"},
        "drop-in": {"LD_LIBRARY_PATH": directory},
    }


def commands(stepca):
    bootstrap = ["bootstrap", "--ca-url", stepca.url, "--fingerprint", stepca.fingerprint, "--name", "ca"]
    return [["explain", "host=h"], ["explain", "host=h", "--json"], ["explain", "service=weak"], ["explain", "sslmode=nonsense"],
            ["explain", "host=h sslmode=verify-full target_session_attrs=any"], ["service", "list"], ["service", "list", "--json"],
            ["service", "show", "weak"], ["service", "show", "weak", "--json"], ["service", "show", "good"], bootstrap,
            ["service", "add", "x", "--host", "h"], ["service", "show", "x", "--json"], ["service", "add", "y", "--host", "h", "sslmode=require"],
            ["service", "add", "weak", "--replace", "--host", "h"], ["service", "remove", "x"], ["status"]]


def said(home, args, env):
    done = home.pganchor(*args, env={"PGSYSCONFDIR": home / "machine", **env})
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("way", WAYS)
def test_the_tool_says_the_same(home, ways, stepca, way):
    without = []
    for env in ({}, ways[way]):
        shutil.rmtree(home.path)
        home.path.mkdir()
        write(home, ENTRIES)
        # Whether the gate is on here is what status is there to tell.
        answers = [said(home, args, env) for args in commands(stepca) if args != ["status"]]
        without = without or answers
    assert answers == without
    assert (home / USER).read_text().startswith("[weak]\nhost=h\nsslmode=verify-full\n")
    assert [status for status, _, _ in answers][:6] == [3, 3, 3, 1, 0, 3]


@pytest.mark.parametrize("way", WAYS)
def test_what_the_policy_says_is_about_connections_and_not_about_questions(home, ways, stepca, system, way):
    """bootstrap asks libpq of no host at all, which is a socket."""
    system("unix-socket = refuse\n")
    for args in commands(stepca)[-6:]:
        status, _, errors = said(home, args, ways[way])
        assert "refused this connection" not in errors, args
    assert (home / ".postgresql/root.crt").exists() or said(home, commands(stepca)[10], ways[way])[0] == 0


@pytest.mark.parametrize("way", WAYS)
def test_the_gate_is_there_in_each_of_these_ways(home, ways, way):
    """Or else nothing is shown by the other tests."""
    done = home.run(["psql", "-X", "host=127.0.0.1 port=1 sslmode=prefer"], env=ways[way])
    assert "pganchor refused this connection" in done.stderr


@pytest.mark.parametrize("gated", [False, True])
def test_the_libpq_that_is_asked_is_the_one_of_the_process(home, ways, tmp_path, gated):
    """Another libpq.so.5 that the dynamic linker finds first is what connections here will use."""
    shutil.copy(real_libpq(), tmp_path / "libpq.so.5")
    done = home.pganchor("explain", "--json", "host=h", env={"LD_LIBRARY_PATH": tmp_path, **(ways["preload"] if gated else {})})
    assert json.loads(done.stdout)["libpq"]["path"] == str(tmp_path / "libpq.so.5")
    assert done.returncode == 3


def test_audit_mode_hears_of_no_connection_that_nobody_made(home, audited, stepca):
    write(home, ENTRIES)
    for args in commands(stepca):
        done, log = audited("pganchor", *args)
        assert log == "", args
        assert "refused-by-pganchor" not in done.stdout


def test_a_connection_that_the_tool_does_make_is_judged(home, ways, plain_postgres, stepca):
    """--check of an entry that the policy of the entry's file would let through, and the gate's does not."""
    (home / ".postgresql").mkdir()
    (home / ".postgresql/root.crt").write_text(stepca.root_pem)
    args = ["service", "add", "x", "--host", "localhost", f"port={plain_postgres.port}", "--check"]
    for env in ({}, ways["preload"]):
        status, _, errors = said(home, args, env)
        assert status == 1 and "server does not support SSL" in errors


QUESTION = "pganchor-asks-for-the-effective-settings"


@pytest.mark.parametrize("settings, refused", [
    (f"host=localhost port={QUESTION}", False), (f"hostaddr={QUESTION}", False), (f"host=localhost,localhost hostaddr={QUESTION},{QUESTION}", False),
    (f"host=localhost,localhost hostaddr={QUESTION},127.0.0.1", True), (f"host=localhost,localhost port={QUESTION},5432", True),
    (f"hostaddr={QUESTION}x", True), (f"host={QUESTION}", True),
])
def test_a_question_leads_nowhere_and_what_leads_anywhere_is_none(home, ways, settings, refused):
    """The gate lets what the tool asks by go on to libpq, whoever asks so: no name is looked up for it, and no socket made."""
    program = "import ctypes, sys; pq = ctypes.CDLL('libpq.so.5'); pq.PQconnectStart.restype = pq.PQerrorMessage.restype = ctypes.c_void_p; " \
              "pq.PQerrorMessage.argtypes = [ctypes.c_void_p]; " \
              "print(ctypes.string_at(pq.PQerrorMessage(pq.PQconnectStart(sys.argv[1].encode()))).decode())"
    done, calls = home.strace_sockets(["env", f"LD_PRELOAD={ways['preload']['LD_PRELOAD']}", "/usr/bin/python3", "-c", program, settings])
    assert done.returncode == 0, done.stderr
    assert not tracing.internet(calls)
    assert "pganchor refused this connection" in done.stdout or not refused
