"""pganchor status on one screen: what is wrong first, and what to type; then how things are. Nothing that could hang is asked."""

import json
import os
import re
import socket

import pytest

import services
from audited import PYTHON
from certificates import make_root
from running import own_processes
from services import write
from tracing import NO_LEAKS, internet

NAMES = ["gate", "programs", "anchors", "ends next", "services", "keyring", "timer", "policy", "doctor"]


def alone(home, *words, env=None, **kwargs):
    """The command, where nobody else has programs: three faults at the most are on the screen, and one can be of a program."""
    return home.run([*own_processes(), home.program.binary, *words], env=services.environment(home, env), **kwargs)


def screen(home, *words, **kwargs):
    """{row: text}, and the lines before the rows."""
    done = alone(home, "status", *words, **kwargs)
    assert done.returncode in (0, 3) and done.stderr == "", done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) <= 24, done.stdout
    rows = {line[:10].strip(): line[10:] for line in lines if line[:10].strip() in NAMES}
    return rows, lines[:lines.index(next(line for line in lines if line.startswith("gate  ")))]


@pytest.mark.no_gate
def test_an_empty_home(home):
    rows, before = screen(home)
    assert list(rows) == [name for name in NAMES if name != "ends next"]
    assert before[0].startswith("error: gate: not active here") and before[-1] == ""
    assert rows["anchors"] == "none: pganchor bootstrap" and rows["services"].startswith("none: pganchor service add")
    assert rows["policy"] == "enforced, trust pinned; by default"


def test_a_home_with_everything(home):
    services.pin_files(home, ("company", make_root("Company", days=(-30, 60)), "*.example", "root.crt"), ("other", make_root("Other", days=(-30, 300)), "db.org", "root.crt"))
    write(home, "[prod]\nhost=db.example\nsslmode=verify-full\ngssencmode=disable\n[old]\nhost=db.example\n[odd]\nnonsense=1\n")
    services.policy(home, "mode = audit\nallow-weak = a\n")
    write(home, 'password host="db.example" port="*" dbname="*" user="joe"\npassphrase file="/k"\n', ".config/pganchor/passwords.conf")
    rows, before = screen(home)
    assert rows["anchors"] == "2 of yours, 0 of the system"
    assert re.fullmatch(r"anchor company on \d{4}-\d\d-\d\d, in (59|60) days", rows["ends next"])
    assert rows["services"] == "3: 1 weak, 1 broken: pganchor service list"
    assert rows["keyring"].endswith("; 1 password and 1 passphrase in it")
    assert rows["policy"] == "audit: nothing is refused, trust pinned; by your file; some exempt"
    assert "error: service old is weaker than the policy" in before and "    pganchor service harden old" in before
    told = json.loads(alone(home, "status", "--json").stdout)
    assert told["services"] == {"count": 3, "allowed": 1, "weak": 1, "broken": 1}
    assert told["keyring"]["passwords"] == 1 and told["keyring"]["passphrases"] == 1
    assert told["ends_next"]["what"] == "anchor company" and told["ends_next"]["not_after"].endswith("Z")
    doctor = json.loads(alone(home, "doctor", "--json").stdout)
    assert told["doctor"]["open"]["error"] == doctor["open"]["error"]


@pytest.mark.no_gate
def test_it_says_what_doctor_looks_at_besides(home):
    """So that its numbers are no promise: what a client keeps is an error that only doctor counts."""
    services.policy(home, "mode = audit\n")
    write(home, '{"sqltools.connections": [{"driver": "PostgreSQL", "name": "prod", "server": "db.example"}]}', ".config/Code/User/settings.json")
    assert home.pganchor("doctor", "--accept", "gate-not-active", "--reason", "a server", env=services.environment(home)).returncode == 0
    told = json.loads(alone(home, "status", "--json").stdout)["doctor"]
    doctor = json.loads(alone(home, "doctor", "--json").stdout)
    assert told["open"]["error"] < doctor["open"]["error"] and "client-weak" in [finding["id"] for finding in doctor["findings"]]
    assert told["looks_at_more"] == ["entries", "timer", "clients", "libpq", "accepted", "audit log"]
    lines = alone(home, "status").stdout.splitlines()
    assert lines[-2].startswith("doctor    ") and lines[-2].endswith(": pganchor doctor")
    assert lines[-1] == "          looks at more: entries, timer, clients, libpq, accepted, audit log" and len(lines[-1]) <= 80


def test_the_screen_is_no_longer_however_much_is_wrong(home):
    """And no wider, but for a command."""
    write(home, "".join(f"[weak{number}]\nhost=db{number}.a-rather-long-name-of-a-host.example.com\n" for number in range(40)))
    write(home, "export PGSSLMODE=require\n" * 30, ".bashrc")
    rows, before = screen(home, env={"PGSSLMODE": "prefer", "PGPASSWORD": "x"})
    assert re.search(r"^and \d+ more: pganchor doctor$", "\n".join(before), re.MULTILINE)
    assert sum(line.startswith(("error: ", "warning: ")) for line in before) == 3
    for line in [*before, *(f"{name:10}{text}" for name, text in rows.items())]:
        assert len(line) <= 80 or line.startswith("    pganchor "), line


def test_a_message_is_cut_behind_a_whole_character(home):
    name = "\u00e9" * 120
    write(home, f"[{name}]\nhost=db.example\n")
    _, before = screen(home)
    assert any(line.endswith("\u00e9...") for line in before)


def test_the_timer(home):
    services.pin_files(home, ("company", make_root("Company"), "*.example", "root.crt"))
    assert screen(home)[0]["timer"].startswith("off: pganchor anchor timer enable")
    assert home.pganchor("anchor", "timer", "enable").returncode == 0
    assert screen(home)[0]["timer"].startswith("on; no systemd of yours runs")
    (home / "run/systemd").mkdir(parents=True)
    (home / "run/systemd/private").touch()
    env = {"XDG_RUNTIME_DIR": str(home / "run")}
    assert re.fullmatch(r"refreshes the anchors; next after \d{4}-\d\d-\d\d \d\d:00", screen(home, env=env)[0]["timer"])
    stamp = write(home, "", ".local/share/systemd/timers/stamp-pganchor-refresh.timer")
    os.utime(stamp, (1790000000, 1790000000))
    assert "; last on 2026-09-21 " in screen(home, env=env)[0]["timer"]
    told = json.loads(home.pganchor("status", "--json", env=env).stdout)["timer"]
    assert told["last"] == "2026-09-21T14:13:20Z" and told["enabled"] and told["next"].endswith(":00:00Z")


@pytest.mark.no_gate
def test_what_is_accepted_is_not_shown_and_does_not_count(home):
    env = services.environment(home)
    assert "error: gate: not active here" in "\n".join(screen(home)[1])
    assert home.pganchor("doctor", "--accept", "gate-not-active", "--reason", "a server", env=env).returncode == 0
    rows, before = screen(home)
    assert "gate: not active" not in "\n".join(before) and ", 1 accepted: pganchor doctor" in rows["doctor"]


def test_a_policy_that_cannot_be_read(home):
    services.policy(home, "nonsense\n")
    rows, before = screen(home)
    assert rows["policy"] == "cannot be read: every connection is refused"
    said = "\n".join(before)
    assert "error: policy: every connection is refused\n    " in said and "line 1: not a line" in said


@pytest.mark.no_gate
def test_no_network_no_bus_and_no_other_program(home):
    """Also where they are there, and never answer."""
    services.pin_files(home, ("company", make_root("Company"), "*.example", "root.crt"))
    assert home.pganchor("anchor", "timer", "enable").returncode == 0
    (home / "run/systemd").mkdir(parents=True)
    (home / "run/systemd/private").touch()
    with socket.socket(socket.AF_UNIX) as bus:
        bus.bind(str(home / "run/bus"))
        bus.listen()
        env = {"XDG_RUNTIME_DIR": str(home / "run"), "DBUS_SESSION_BUS_ADDRESS": f"unix:path={home.path}/run/bus"}
        done, calls = home.strace_sockets(["pganchor", "status"], env=env)
        assert done.returncode in (0, 3) and internet(calls) == []
        assert not any(str(home / "run/bus") in str(call) for call in calls)
        traced = home.run(["strace", "-f", "-qq", "-e", "trace=execve", "-o", home / "trace", "pganchor", "status"],
                          env={**env, **NO_LEAKS})
        assert traced.returncode in (0, 3)
        assert len([line for line in (home / "trace").read_text().splitlines() if "execve(" in line and " = 0" in line]) == 1


# Mounts a file system on $1 whose server never says a word, and runs the rest of the words.
HANGING = """
import ctypes, os, sys
fuse = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
options = f"fd={fuse},rootmode=40000,user_id=0,group_id=0".encode()
assert ctypes.CDLL(None, use_errno=True).mount(b"hanging", sys.argv[1].encode(), b"fuse", 0, options) == 0, os.strerror(ctypes.get_errno())
sys.exit(os.spawnvp(os.P_WAIT, sys.argv[2], sys.argv[2:]))
"""


def test_a_home_that_does_not_answer(home):
    """It says so and ends, however the kernel waits."""
    (home / ".config/pganchor").mkdir(parents=True)
    unshare = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    done = home.run([*unshare, PYTHON, "-c", HANGING, home / ".config/pganchor", "pganchor", "status"], cwd="/")
    assert done.returncode == 1 and "does the file system of the home directory answer?" in done.stderr and done.stdout == ""
