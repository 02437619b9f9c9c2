"""pganchor onboard where something goes wrong in the middle: memory runs out, it is interrupted, two run at once."""

import signal
import socket
import subprocess

import pytest

from onboarding import onboard  # noqa: F401
from profiles import inline
from test_out_of_memory import NOT_NOTED, failing_malloc, run_failing, without_wrapper  # noqa: F401
from test_trust_faults import MANIFEST, OLD, Command, Trial, files, without_manifest


@pytest.fixture
def offline(onboard, stepca):  # noqa: F811
    """The root is in the profile itself."""
    onboard.anchors = {"acme-ca": {key: value for key, value in inline(stepca).items() if value} | {"hosts": "localhost"}}
    onboard.write(anchors=onboard.anchors, policy={"channel-binding": "require"})
    return onboard


def begin(home, before):
    """The home as it was: what is not in there goes."""
    now = home.snapshot()
    for path in sorted(set(now) - set(before), reverse=True):
        (home / path).rmdir() if now[path].kind == "dir" or (home / path).is_dir() else (home / path).unlink()
    for path, entry in before.items():
        if entry.content is not None and (path not in now or now[path].content != entry.content):
            (home / path).write_bytes(entry.content)


@pytest.mark.parametrize("on", [False, True], ids=["once", "from then on"])
def test_without_memory_nothing_is_half_done(offline, failing_malloc, on):  # noqa: F811
    """It is done, or nothing was; and where it is done and the servers could not be looked at, it says so."""
    home = offline.home
    program, gate = without_wrapper(home)
    argv = [program, "onboard", offline.path, "--yes"]
    before, old = home.snapshot(), files(home)
    good, count = run_failing(home, failing_malloc, argv, 0, preload=gate)
    new = files(home)
    assert good.returncode == 0 and count > 100, good.stderr
    ends = set()
    for number in range(1 + 7 * on, count + 1, max(1, count // 60)):
        begin(home, before)
        done, _ = run_failing(home, failing_malloc, argv, number, on, preload=gate)
        now = files(home)
        applied = "profile acme: applied" in done.stdout or "applied all the same" in done.stderr
        assert done.returncode in (0, 1), (number, done.stderr)
        assert done.returncode == 1 or applied, (number, done.stdout, done.stderr)
        wanted = new if applied else old
        assert without_manifest(now) == without_manifest(wanted), (number, done.stdout, done.stderr)
        assert (MANIFEST in now) == (MANIFEST in wanted) or NOT_NOTED in done.stderr, (number, done.stderr)
        ends.add((done.returncode, applied))
    assert (1, False) in ends


def test_killed_run_again_and_taken_away_the_home_is_as_it_was(offline, tmp_path):
    """With files that a person has written: ends of lines, comments, and none at the end of the last one."""
    home = offline.home
    for path, content in {".pg_service.conf": b"# mine\r\n[mine]\r\nhost=mine.example\r\n\r\n# no end",
                          ".postgresql/root.crt": f"a note\n{OLD.pem}# no end".encode(),
                          ".config/pganchor/policy.conf": b"# mine\nmin-tls = 1.2\n# no end"}.items():
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_bytes(content)
    offline.write(anchors=offline.anchors, policy={"channel-binding": "require"},
                  services={name: offline.service() for name in ("orders", "billing", "reports")})
    before = files(home)
    trial = Trial(home, None, Command(["onboard", offline.path, "--yes"], again=(0,)), tmp_path)
    assert trial.new[".pg_service.conf"][2].startswith(before[".pg_service.conf"][2])
    for number, killed in trial.faults("signal=SIGKILL"):
        assert killed.returncode == -9, (number, killed.stderr)
        trial.finishes(number)
        done = home.pganchor("uninstall", "--yes")
        assert done.returncode == 0 and files(home) == before, (number, done.stdout, done.stderr)


def test_killed_and_taken_away_the_home_is_as_it_was(offline, tmp_path):
    """Between any two of its renames, and not run again: what was put there is known by what was written first."""
    home = offline.home
    for path, content in {".pg_service.conf": b"# mine\n[mine]\nhost=mine.example\n", ".postgresql/root.crt": OLD.pem.encode(),
                          ".config/pganchor/policy.conf": b"min-tls = 1.2\n"}.items():
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_bytes(content)
    before = files(home)
    trial = Trial(home, None, Command(["onboard", offline.path, "--yes"], again=(0,)), tmp_path)
    renames = [(name, number) for name, number in trial.writes if name.startswith("rename")]
    assert len(renames) >= 7
    for name, number in renames:
        trial.begin()
        killed = trial.traced(f"trace={name}", f"inject={name}:signal=SIGKILL:when={number}")
        assert killed.returncode == -9, (number, killed.stderr)
        done = home.pganchor("uninstall", "--yes")
        assert done.returncode == 0 and files(home) == before, (number, done.stdout, done.stderr)


def test_killed_and_the_next_version_drops_it_all(offline, tmp_path):
    """What the killed run has written is the profile's, and goes with it."""
    home = offline.home
    before = files(home)
    trial = Trial(home, None, Command(["onboard", offline.path, "--yes"], again=(0,)), tmp_path)
    for name, number in trial.writes:
        if not name.startswith("rename"):
            continue
        trial.begin()
        offline.write(anchors=offline.anchors, policy={"channel-binding": "require"})
        assert trial.traced(f"trace={name}", f"inject={name}:signal=SIGKILL:when={number}").returncode == -9
        offline.write(version=2, anchors={}, services={})
        offline.does()
        now = files(home)
        for path in (".pg_service.conf", ".config/pganchor/policy.conf", ".config/pganchor/anchors.conf"):
            assert path not in now or b"=" not in now[path][2], (number, path, now[path])
        assert home.pganchor("uninstall", "--yes").returncode == 0
        assert files(home).keys() == before.keys(), number


def test_ctrl_c_while_servers_are_waited_for_leaves_it_applied(offline):
    """A server that never answers: what was written stays, and the next run has nothing to do."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        offline.write(anchors=offline.anchors, services={"slow": offline.service(port=silent.getsockname()[1])})
        program = offline.home.program.binary
        process = subprocess.Popen([program, "onboard", offline.path, "--yes"], env=offline.home.environment(), stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, start_new_session=True, text=True)
        for line in process.stdout:
            if "looking at" in line:
                break
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGINT
        assert offline.entry("slow")["sslmode"] == "verify-full"
        assert not offline.report("--dry-run")["changed"]


def test_many_at_once_come_to_one(offline):
    program = offline.home.program.binary
    running = [subprocess.Popen([program, "onboard", offline.path, "--yes"], env=offline.home.environment(), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True) for _ in range(4)]
    said = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0] * 4, said
    assert (offline.home / ".pg_service.conf").read_text().count("[orders]") == 1
    assert (offline.home / ".config/pganchor/anchors.conf").read_text().count("[acme-ca]") == 1
    before = offline.home.snapshot()
    offline.does()
    assert offline.home.snapshot() == before
