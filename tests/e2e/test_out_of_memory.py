"""Wherever memory runs out: no crash, nothing half written, and nothing called done that is not."""

import json
import os
import re
import socket

import pytest

import services
from certificates import make_root
from services import USER, pin_files, write

SERVICES = "[a]\nhost=h\nsslmode=verify-full\ngssencmode=disable\n\n[weak]\nhost=x\n"
BASHRC = "alias a=b\n"


@pytest.fixture
def failing_malloc(compile_program):
    return compile_program("failing_malloc.c", [], words=("-shared", "-fPIC", "-O1", "-ldl"))


def lay_out(home, enabled):
    write(home, SERVICES)
    write(home, BASHRC, ".bashrc")
    if enabled:
        assert home.pganchor("enable").returncode == 0


MANIFEST = ".config/pganchor/manifest"
NOT_NOTED = '"pganchor uninstall" will not know it'


def contents(home):
    """{path: bytes} of all files, and the directories that there are. When a file had been changed last is another time in each run."""
    found = {name: entry.content for name, entry in home.snapshot().items() if name != "count"}
    if MANIFEST in found:
        found[MANIFEST] = re.sub(rb"(?m)^(found .*) [0-9.]+$", rb"\1", found[MANIFEST])
    return found


def run_failing(home, library, argv, at, on=False, within="", preload=()):
    env = services.environment(home, {"LD_PRELOAD": " ".join(map(str, [library, *preload])), "FAIL_AT": at, "FAIL_ON": "1" if on else None,
                                      "FAIL_IN": within, "FAIL_COUNT": home / "count"})
    done = home.run(argv, env=env)
    count = int((home / "count").read_text()) if (home / "count").exists() else None
    (home / "count").unlink(missing_ok=True)
    return done, count


def without_wrapper(home):
    """(program, what its wrapper preloads): tests/run.sh may have put a shell before it, which asks for memory, too."""
    wrapped = home.program.binary.with_name("pganchor.real")
    if "ASAN_OPTIONS" in os.environ or wrapped.exists() and "valgrind" in home.program.binary.read_text():
        pytest.skip("valgrind and the sanitizers have a malloc of their own")
    return (wrapped, [home.program.module]) if wrapped.exists() else (home.program.binary, [])


def put_back(home, old):
    """All files as they were."""
    for name in sorted(set(contents(home)) - set(old), reverse=True):
        (home / name).rmdir() if (home / name).is_dir() else (home / name).unlink()
    for name, content in old.items():
        if content is not None:
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).write_bytes(content)


@pytest.mark.parametrize("on", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("command, enabled", [("service add b --host h.example", False), ("service remove a", False), ("enable", False),
                                              ("disable", True), ("explain service=a", False)])
def test_the_tool(home, failing_malloc, command, enabled, on):
    program, gate = without_wrapper(home)
    argv = [program, *command.split()]
    lay_out(home, enabled)
    old = contents(home)
    good, count = run_failing(home, failing_malloc, argv, 0, preload=gate)
    new = contents(home)
    assert good.returncode in (0, 3) and count > 20
    failed, silent = 0, 0
    for number in range(1, count + 1):
        put_back(home, old)
        done, _ = run_failing(home, failing_malloc, argv, number, on, preload=gate)
        assert done.returncode in (good.returncode, 1, 2), (number, done.stderr)
        now = {name: content for name, content in contents(home).items() if content is not None}
        # Done is done, whole; and what failed has changed nothing.
        wanted = new if done.returncode == good.returncode else old
        if MANIFEST in wanted and NOT_NOTED in done.stderr:
            wanted = {name: content for name, content in wanted.items() if name != MANIFEST}
            silent += 1
        assert now == {name: content for name, content in wanted.items() if content is not None}, (number, done.stdout, done.stderr)
        failed += done.returncode != good.returncode
    assert failed > 10
    # Each failure of the noting is told.
    assert silent or on or MANIFEST not in new


def told(done):
    """What is said of the entries; the reasons are the gate's, which says less where it has no memory for it."""
    if not done.stdout.startswith("{"):
        return done.stdout
    return [{key: value for key, value in one.items() if key != "reasons"} for one in json.loads(done.stdout)["services"]]


COMPANY = make_root("Company Root CA")
PARTS = 25


def test_uninstall(home, failing_malloc, tmp_path):
    """What it says that it has done, it has: no root of ours stays in a root.crt that was there before."""
    program, gate = without_wrapper(home)
    argv = [program, "uninstall", "--yes"]
    write(home, f"mine\n{make_root('Mine').pem}", ".postgresql/root.crt")
    pinned = home.pganchor("bootstrap", COMPANY.write_root(tmp_path / "company.crt"), "--fingerprint", COMPANY.fingerprint, "--name", "company")
    assert pinned.returncode == 0, pinned.stderr
    old = contents(home)
    good, count = run_failing(home, failing_malloc, argv, 0, preload=gate)
    new = contents(home)
    assert good.returncode == 0 and count > 100 and COMPANY.pem not in new[".postgresql/root.crt"].decode()
    failed = 0
    for number in range(1, count + 1, 1 + count // 300):
        put_back(home, old)
        done, _ = run_failing(home, failing_malloc, argv, number, preload=gate)
        assert done.returncode in (0, 1), (number, done.stderr)
        assert done.returncode == 1 or contents(home) == new, (number, done.stdout, done.stderr)
        failed += done.returncode
    assert failed > 10


@pytest.mark.parametrize("on", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("args", ["prod --yes", "--all --yes --json", "--undo", "--undo --json"])
def test_hardening(home, failing_malloc, recording_server, tmp_path, args, on):
    """The entry is weak as before and that is said, or it is hardened, and can be put back; of so many allocations some are tried."""
    program, gate = without_wrapper(home)
    argv = [program, "service", "harden", *args.split()]
    pin_files(home, ("company", COMPANY, "*.example.test", "scoped"))
    server = recording_server(b"S", issued=COMPANY.issue(tmp_path, "db.example.test"))
    write(home, f"[prod]\nhost=127.0.0.1\nport={server.port}\n[two]\nhost=/run\n")
    if "--undo" in args:
        assert services.service(home, "harden", "prod", "--yes").returncode == 0
    old = contents(home)
    good, count = run_failing(home, failing_malloc, argv, 0, preload=gate)
    new = contents(home)
    assert good.returncode == 0 and count > PARTS and new != old, good.stderr
    failed = 0
    for number in range(1, count + 1, max(1, count // PARTS)):
        put_back(home, old)
        done, _ = run_failing(home, failing_malloc, argv, number, on, preload=gate)
        now = contents(home)
        wanted = [old, new]
        if NOT_NOTED in done.stderr:
            now.pop(MANIFEST, None)
            wanted = [{name: content for name, content in files.items() if name != MANIFEST} for files in wanted]
        if on and "stays as it was changed before: " in done.stderr:
            continue  # There was no memory left to take back what was done, and that is said.
        assert done.returncode in (0, 1, 2, 3) and now in wanted, (number, done.stdout, done.stderr)
        # Who is told that it is done has all of it, and what is not shown of it is told; who is told of an error, nothing.
        if done.returncode == 0:
            assert now == wanted[1], (number, done.stdout, done.stderr)
            if NOT_NOTED not in done.stderr and "out of memory" not in done.stderr + done.stdout:
                assert told(done) == told(good), (number, done.stdout, done.stderr)
        elif now != wanted[0]:
            assert "could not write the report as JSON" in done.stderr, (number, done.stdout, done.stderr)
        assert done.returncode == 0 or done.stderr, number
        failed += done.returncode != 0
    assert failed > PARTS // 4


@pytest.mark.parametrize("on", [False, True], ids=["once", "from then on"])
def test_what_is_printed_is_printed_without_memory_too(home, failing_malloc, on):
    """Not a word of it is replaced."""
    program, gate = without_wrapper(home)
    argv = [program, "probe", "localhost:1"]
    good, count = run_failing(home, failing_malloc, argv, 0, preload=gate)
    assert good.returncode == 1 and "could not connect to localhost:1: Connection refused" in re.sub(r"\s+", " ", good.stdout)
    whole = 0
    for number in range(1, count + 1):
        done, _ = run_failing(home, failing_malloc, argv, number, on, preload=gate)
        assert done.returncode == 1 and "out of memory" not in done.stdout, (number, done.stdout, done.stderr)
        whole += done.stdout == good.stdout
    assert whole > 10


@pytest.mark.parametrize("on", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("how", ["connectdb", "start", "setdbLogin", "found+reset", "ping"])
def test_a_program_under_the_gate(home, pganchor, failing_malloc, compile_program, recording_server, how, on):
    """It ends as it would, and no connection is made for want of memory to judge it."""
    without_wrapper(home)
    write(home, SERVICES)
    server = recording_server(b"N")
    program = compile_program("connect.c", ["libpq"])
    argv = [program, how, f"service=weak hostaddr=127.0.0.1 port={server.port} user=app sslmode=prefer connect_timeout=10"]
    good, count = run_failing(home, failing_malloc, argv, 0, within=pganchor.module.name, preload=[pganchor.module])
    assert good.returncode == 0 and count > 10, good.stderr
    for number in range(1, count + 1):
        done, _ = run_failing(home, failing_malloc, argv, number, on, pganchor.module.name, [pganchor.module])
        assert done.returncode == 0 and "status ok" not in done.stdout, (number, done.stderr)
    assert server.finish() == []


VERDICT = re.compile(r'"verdict": "\w+"')


@pytest.mark.parametrize("within", ["", "libpq.so"], ids=["the tool", "libpq"])
@pytest.mark.parametrize("command", ["service list --json", "service show weak --json", "service show a --json", "explain service=weak --json"])
def test_a_verdict_is_the_same_or_there_is_none(home, stepca, failing_malloc, command, within):
    """A weak entry that is called broken for want of memory, or a strong one, is a wrong answer."""
    program, gate = without_wrapper(home)
    lay_out(home, False)
    write(home, stepca.root_pem, ".postgresql/root.crt")
    argv = [program, *command.split()]
    good, count = run_failing(home, failing_malloc, argv, 0, within=within, preload=gate)
    assert good.returncode == (0 if "show a" in command else 3) and count > 10, good.stderr
    failed = []
    for number in range(1, count + 1):
        done, _ = run_failing(home, failing_malloc, argv, number, within=within, preload=gate)
        if (done.returncode, done.stdout) != (1, ""):
            assert VERDICT.findall(done.stdout) == VERDICT.findall(good.stdout), (number, done.stdout, done.stderr)
            assert done.returncode == good.returncode, (number, done.stderr)
        else:
            failed.append(number)
    assert failed


def test_the_doctor_passes_nothing_over(home, failing_malloc):
    """The policy and the pins are read first: without them lines of the password file are not looked at."""
    program, gate = without_wrapper(home)
    lay_out(home, False)
    write(home, "*:*:*:*:secret\n", ".pgpass")
    (home / ".pgpass").chmod(0o600)
    argv = [program, "doctor", "--json"]
    assert '"passfile-any-host"' in run_failing(home, failing_malloc, argv, 0, preload=gate)[0].stdout
    stopped = 0
    for number in range(1, 61):
        done, _ = run_failing(home, failing_malloc, argv, number, preload=gate)
        assert done.returncode in (1, 3), (number, done.stderr)
        stopped += done.returncode == 1
        assert done.returncode == 1 or '"passfile-any-host"' in done.stdout or "-unreadable" in done.stdout, number
    assert stopped > 5


NOT_LOOKED_AT = re.compile(r"check-failed|.*-unreadable")


def lay_out_hazards(home):
    """One for many of the checks."""
    write(home, f"[a]\nhost=h\nsslmode=verify-full\ngssencmode=disable\nsslkey={home.path}/key\n\n[weak]\nhost=x\npassword=y\n")
    for name, content, mode in ((".pgpass", "*:*:*:*:secret\n", 0o644), ("key", "x", 0o644), (".bashrc", "export PGSSLMODE=require\n", 0o600),
                                (".config/fish/conf.d/pg.fish", "set -x PGSSLMODE prefer\n", 0o600), (".psqlrc", "\\connect 'host=db sslmode=require'\n", 0o600)):
        write(home, content, name).chmod(mode)


def in_namespace(home, library, argv, at, gate):
    """(what it did, how often memory was asked for), without the machine's other processes: those come and go."""
    words = {**services.environment(home, {"PGSSLMODE": "prefer", "FAIL_AT": at, "FAIL_IN": "", "FAIL_COUNT": home / "count"}),
             "LD_PRELOAD": " ".join(map(str, [library, *gate]))}
    unshare = ["unshare", *([] if os.geteuid() == 0 else ["--map-root-user"]), "--pid", "--fork", "--mount-proc"]
    done = home.run([*unshare, "env", *(f"{name}={value}" for name, value in words.items() if value is not None), *argv])
    count = int((home / "count").read_text())
    (home / "count").unlink()
    return done, count


@pytest.mark.parametrize("command, few", [(("doctor", "--json"), 150), (("status", "--json"), 100), (("probe", "--json"), 60)], ids=["doctor", "status", "probe"])
def test_what_is_not_looked_at_is_said(home, failing_malloc, command, few):
    """What is found is found, or an error, or a finding says of what it is not known. Of the places where memory may run out, these many."""
    program, gate = without_wrapper(home)
    lay_out_hazards(home)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        argv = [program, *command, *([f"127.0.0.1:{closed.getsockname()[1]}"] if command[0] == "probe" else [])]
        good, count = in_namespace(home, failing_malloc, argv, 0, gate)
        wanted = json.loads(good.stdout)
        assert good.returncode == (1 if command[0] == "probe" else 3) and count > 50, good.stderr
        failed = 0
        for number in range(1, count + 1, max(1, count // few)):
            done, _ = in_namespace(home, failing_malloc, argv, number, gate)
            if done.returncode == 1 and done.stderr and "Connection refused" not in done.stdout:
                failed += 1
                continue
            assert done.returncode == good.returncode, (number, done.returncode, done.stderr)
            told = json.loads(done.stdout)
            found = {(one["id"], one["object"]) for one in told.get("findings", [])}
            missing = {(one["id"], one["object"]) for one in wanted.get("findings", [])} - found
            assert not missing or any(NOT_LOOKED_AT.fullmatch(name) for name, _ in found), (number, missing, done.stderr)
            if command[0] == "probe":
                assert [one["problem"] for one in told["servers"]] == [one["problem"] for one in wanted["servers"]], number
        assert failed > 10


def test_a_service_file_without_an_end(home, failing_malloc):
    """What comes through a pipe is read into memory; where there is none, reading on would never end."""
    program, gate = without_wrapper(home)
    argv = ["sh", "-c", f"yes | LD_PRELOAD='{' '.join(map(str, [failing_malloc, *gate]))}' FAIL_ON=1 exec {program} service list"]
    for at in (2, 3, 4, 5):
        done = home.run(argv, env={"PGSERVICEFILE": "/dev/fd/0", "FAIL_AT": at, "FAIL_IN": "", "FAIL_COUNT": home / "count"})
        assert done.returncode == 1 and "out of memory" in done.stderr, (at, done.stderr)
    done = home.run(argv, env={"PGSERVICEFILE": "/dev/fd/0", "FAIL_AT": 0, "FAIL_IN": "", "FAIL_COUNT": home / "count"})
    assert done.returncode == 1 and "larger than 16777216 bytes" in done.stderr
