"""pganchor log: where it looks, and whose lines count. The journal is told by a journalctl of ours, for a machine keeps one or not."""

import json
import os
import signal
import subprocess
import time

import pytest

import services

NOW = int(time.time())

# In a mount namespace of its own, /var/log ($1) and /run/log ($2) are directories of ours.
OWN_LOGS = r"""
set -e
log=$1; run=$2; shift 2
mount -n --bind "$log" /var/log
mkdir -p /run/log
mount -n --bind "$run" /run/log
exec "$@"
"""


def line(when=NOW, program="psql", host="db.example.test", **more):
    words = {"time": when, "program": program, "pid": 7, "argc": 1, "arguments": "", "host": host, "reasons": "weak", **more}
    return "audit:" + "".join(f' {key}="{value}"' for key, value in words.items())


def entry(message, **fields):
    return {"MESSAGE": message, "SYSLOG_IDENTIFIER": "pganchor", "_TRANSPORT": "syslog", "_UID": "1000", "_PID": "4711", "_EXE": "/usr/bin/x",
            **fields}


class Machine:
    """/var/log and /run/log as a test fills them, and a journalctl that says what it is told to."""

    def __init__(self, home):
        self.home = home
        self.log, self.run, self.bin = home / "log", home / "run-log", home / "bin"
        for directory in (self.log, self.run, self.bin):
            directory.mkdir()
        self.unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
        if subprocess.run([*self.unshare, "true"], stdin=subprocess.DEVNULL, capture_output=True).returncode != 0:
            pytest.skip("no mount namespace can be made here")

    def journal(self, entries=(), script="", files=1):
        """A journal with these entries; script: what is done behind them."""
        directory = self.log / "journal/0123456789abcdef0123456789abcdef"
        directory.mkdir(parents=True, exist_ok=True)
        for number in range(files):
            (directory / f"system{number}.journal").touch()
        (self.home / "entries").write_text("".join(json.dumps(one) + "\n" for one in entries))
        tool = self.bin / "journalctl"
        tool.write_text(f"""#!/bin/sh
printf '%s\\n' "$@" >{self.home / 'asked'}
cat {self.home / 'entries'}
{script}
""")
        tool.chmod(0o755)

    def words(self, *args, command="log"):
        return [*self.unshare, "sh", "-c", OWN_LOGS, "own-logs", self.log, self.run, "pganchor", command, *args]

    def environment(self):
        return {"PATH": f"{self.bin}:{self.home.environment()['PATH']}"}

    def read(self, *args, **kwargs):
        return self.home.run(self.words(*args), env=self.environment(), **kwargs)

    def report(self, *args):
        done = self.read("--json", *args)
        assert done.returncode in (0, 3), done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def machine(home):
    return Machine(home)


def test_whose_process_it_was_is_what_the_journal_says(machine):
    machine.journal([entry(line(program="claimed"))])
    told = machine.report()
    [connection] = told["connections"]
    assert told["source"] == "the journal"
    assert (connection["uid"], connection["exe"], connection["last_pid"], connection["program"]) == (1000, "/usr/bin/x", 4711, "claimed")
    machine.journal([entry(line(), _UID="0"), entry(line(), _UID="3999999", _EXE=None)])
    heading, *rows = machine.read().stdout.splitlines()
    assert heading.split()[-1] == "SENDER"
    assert sorted(row.split("weak  ")[1] for row in rows) == ["root: /usr/bin/x", "user 3999999"]


def test_senders_are_told_apart(machine):
    machine.journal([entry(line()), entry(line(), _UID="0"), entry(line(), _EXE="/usr/bin/y"), entry(line(), _PID="5")])
    assert sorted((one["uid"], one["exe"], one["count"]) for one in machine.report()["connections"]) == [
        (0, "/usr/bin/x", 1), (1000, "/usr/bin/x", 2), (1000, "/usr/bin/y", 1)]
    assert [row.split()[1] for row in machine.read().stdout.splitlines()[1:]] == ["2", "1", "1"]


@pytest.mark.parametrize("fields", [{"SYSLOG_IDENTIFIER": "evil"}, {"_TRANSPORT": "stdout"}, {"_TRANSPORT": "journal"},
                                    {"MESSAGE": "x " + line()}, {"MESSAGE": "pganchor[7]: " + line()}, {"MESSAGE": "hello"}])
def test_what_the_gate_does_not_send_does_not_count(machine, fields):
    machine.journal([{**entry(line()), **fields}])
    assert machine.report()["connections"] == []
    assert machine.read().stdout.startswith("nothing: the journal holds no connection that would have been refused")


def test_nothing_of_a_long_answer_is_lost(machine):
    """More than is ever kept of what a program says."""
    padded = [entry(line(NOW - 86400, "old"), __CURSOR="x" * 900) for _ in range(20000)]
    machine.journal([*padded, entry(line(NOW - 60, "newest"))])
    assert (machine.home / "entries").stat().st_size > 18 * 1024 * 1024
    assert {(one["program"], one["count"]) for one in machine.report()["connections"]} == {("old", 20000), ("newest", 1)}


def test_since_is_handed_on(machine):
    machine.journal([entry(line(NOW - 7200, "old")), entry(line())])
    assert [one["program"] for one in machine.report("--since", "1h")["connections"]] == ["psql"]
    asked = (machine.home / "asked").read_text().splitlines()
    [since] = [word for word in asked if word.startswith("--since=")]
    assert NOW - 3700 < int(since.removeprefix("--since=@")) <= int(time.time()) - 3600
    # What is long is left out without --all, and other lines need not come at all.
    assert "--all" in asked and asked[asked.index("-t") + 1] == "pganchor"
    machine.report()
    assert "--since" not in (machine.home / "asked").read_text()


@pytest.mark.parametrize("script, words", [
    ("echo 'No journal files were opened due to insufficient permissions.' >&2; exit 1", "insufficient permissions"),
    ("exit 1", "journalctl ended with status 1"), ("kill -9 $$", "journalctl ended with status 137"),
    ("printf '{\"MESSAGE\": \"aud'", "journalctl's answer is cut or no JSON"), ("echo '[1]'", "journalctl's answer is cut or no JSON"),
])
def test_half_an_answer_is_an_error(machine, script, words):
    machine.journal([entry(line())], script)
    done = machine.read()
    assert (done.returncode, done.stdout) == (1, "")
    assert words in done.stderr and "--file" in done.stderr


def test_no_journalctl(machine):
    machine.journal()
    (machine.bin / "journalctl").unlink()
    env = {"PATH": str(machine.home.program.binary.parent)}
    words = ["/usr/bin/" + word if word in ("unshare", "sh") else word for word in map(str, machine.words())]
    done = machine.home.run([*words[:-2], "/usr/bin/env", f"PATH={env['PATH']}", machine.home.program.binary, "log"], env=machine.environment())
    assert done.returncode == 1
    assert done.stderr.startswith("pganchor: could not start journalctl: No such file or directory\n") and "--file" in done.stderr


def test_a_message_that_is_no_text_is_said(machine):
    machine.journal([entry(line()), entry(None), entry([1, 2, 3])])
    done = machine.read()
    assert done.returncode == 3 and "2 lines of pganchor's are cut or changed" in done.stderr


def test_ctrl_c_ends_it(machine):
    machine.journal(script="trap '' INT; echo ready >&2; exec sleep 1000")
    process = subprocess.Popen(list(map(str, machine.words())), env=machine.home.environment(machine.environment()), start_new_session=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=lambda: signal.signal(
                                   signal.SIGINT, signal.SIG_DFL))
    deadline = time.monotonic() + 60
    while not (machine.home / "asked").exists():
        assert time.monotonic() < deadline
    os.killpg(process.pid, signal.SIGINT)
    try:
        assert process.wait(60) == -signal.SIGINT
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.mark.parametrize("name", ["auth.log", "secure", "messages", "syslog"])
def test_where_the_journal_is_empty_the_file_of_a_syslog_daemon_is_read(machine, name):
    machine.journal([entry(line(program="journal"))], files=0)
    (machine.log / name).write_text(f"Nov 22 07:06:03 host pganchor[7]: {line(program='file')}\n")
    told = machine.report()
    assert (told["source"], [one["program"] for one in told["connections"]]) == (f"/var/log/{name}", ["file"])
    assert told["connections"][0]["uid"] is None and "SENDER" not in machine.read().stdout


def test_without_a_file_the_empty_journal_is_asked(machine):
    machine.journal([], files=0)
    assert machine.read().stdout.startswith("nothing: the journal holds")


def test_neither_is_an_error(machine):
    done = machine.read()
    assert done.returncode == 1
    assert "no log: there is neither a journal nor a file of a syslog daemon in /var/log\n" in done.stderr


def test_a_file_that_cannot_be_read_is_an_error_with_the_way_out(machine):
    (machine.log / "auth.log").mkdir()
    done = machine.read()
    assert (done.returncode, done.stdout) == (1, "")
    assert "could not read /var/log/auth.log: Is a directory" in done.stderr and "--file" in done.stderr


GOOD = line(1577872800)


@pytest.mark.parametrize("text", [f"Nov 22 07:06:03 host pganchor[7]: {GOOD}", f"2026-11-22T07:06:03.251347+00:00 host pganchor[7]: {GOOD}",
                                  f"Nov 22 07:06:03 host authpriv.warn pganchor[7]: {GOOD}", f"<84>pganchor[7]: {GOOD}", f"pganchor[7]: {GOOD}"])
def test_the_forms_of_syslog_daemons(home, text):
    (home / "log").write_text(text + "\n")
    assert [one["count"] for one in json.loads(home.pganchor("log", "-j", "--file", home / "log").stdout)["connections"]] == [1]


def test_repeated_messages_are_counted(home):
    (home / "log").write_text(f"Nov 22 07:06:03 host pganchor[7]: message repeated 3 times: [ {GOOD}]\nNov 22 07:06:03 host pganchor[7]: {GOOD}\n")
    told = json.loads(home.pganchor("log", "-j", "--file", home / "log").stdout)
    assert ([one["count"] for one in told["connections"]], told["unreadable"]) == ([4], 0)


@pytest.mark.parametrize("text", [
    f"Nov 22 07:06:03 host evil[1]: {GOOD}", f"Nov 22 07:06:03 host evilpganchor[1]: {GOOD}", f"Nov 22 07:06:03 host pganchor: {GOOD}",
    f"Nov 26 14:00:00 host login[77]: FAILED LOGIN (1) on '/dev/tty1' FOR pganchor[ {GOOD}",
    f"Nov 26 14:00:00 host login[77]: FAILED LOGIN FOR pganchor[7]: {GOOD}", f"Nov 26 14:00:00 host sshd[99]: Invalid user pganchor[7] {GOOD}",
    f"Nov 26 14:00:00 host x: pganchor[7]: {GOOD}", f"Nov 26 14:00:00 host pganchor[7]: hello {GOOD}", f"Nov 26 14:00:00 host pganchor[7x]: {GOOD}",
    f"Nov 26 14:00:00 host pganchor[]: {GOOD}", f"Nov 26 14:00:00 host evil[1]: message repeated 3 times: [ {GOOD}]",
    f"Nov 26 14:00:00 host kernel: [1.0] pganchor[7]: {GOOD}",
])
def test_lines_of_other_programs_do_not_count_whatever_they_have_in_them(home, text):
    (home / "log").write_text(text + "\n")
    done = home.pganchor("log", "--file", home / "log")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.startswith("nothing: ")


def syslog(*lines):
    return "".join(f"Nov 22 07:06:03 host pganchor[7]: {one}\n" for one in lines)


def test_what_was_rotated_away_is_read_too(machine):
    """logrotate's names: with numbers and with dates; what it has compressed is named, with the way to read it."""
    (machine.log / "auth.log").write_text(syslog(line(program="now")))
    (machine.log / "auth.log.1").write_text(syslog(line(NOW - 86400, program="before")))
    (machine.log / "auth.log-20261101").write_text(syslog(line(NOW - 2 * 86400, program="dated")))
    for name in ("auth.log.2.gz", "auth.log-20261001.xz"):
        (machine.log / name).write_bytes(b"?")
    for name in ("auth.log.bak", "auth.log.1.orig-x/y", "auth.logs", "xauth.log.1", "auth.log.", "mail.log.1"):
        (machine.log / name).parent.mkdir(exist_ok=True)
        (machine.log / name).write_text(syslog(line(program="other")))
    os.utime(machine.log / "auth.log.1", (NOW - 3600, NOW - 3600))
    os.utime(machine.log / "auth.log-20261101", (NOW - 90000, NOW - 90000))
    os.utime(machine.log / "auth.log.2.gz", (NOW - 172800, NOW - 172800))
    done = machine.read()
    assert {name for name in ("now", "before", "dated", "other") if name in done.stdout} == {"now", "before", "dated"}
    assert "not read, since compressed: /var/log/auth.log-20261001.xz, /var/log/auth.log.2.gz\n" in done.stderr and "zcat FILE" in done.stderr
    report = machine.report()
    assert report["source"] == "/var/log/auth.log, /var/log/auth.log-20261101, /var/log/auth.log.1"
    assert ["auth.log.2.gz" in warning for warning in report["warnings"]] == [True]
    # What was written to last before the moment has nothing from then on.
    report = machine.report("--since", "2h")
    assert [found["program"] for found in report["connections"]] == ["now"]
    assert report["source"] == "/var/log/auth.log, /var/log/auth.log.1"
    assert "auth.log.2.gz" not in str(report["warnings"]) and "auth.log-20261001.xz" in str(report["warnings"])


def test_what_is_rotated_meanwhile_counts_once(machine):
    (machine.log / "auth.log").write_text(syslog(line()))
    os.link(machine.log / "auth.log", machine.log / "auth.log.1")
    assert [found["count"] for found in machine.report()["connections"]] == [1]


@pytest.mark.parametrize("weak, detail, hint", [
    (None, "no weak connection in 40 days", "sed -i 's/^\\s*mode\\s*=.*/mode = enforce/' {}: would refuse nothing of what has been"),
    (3, "the last weak connection was 3 days ago", "pganchor log: shows what enforce would refuse"),
    ("no file", "what it has let through is not known: no log: there is neither", "pganchor log: shows what enforce would refuse"),
])
def test_doctor_says_what_the_log_tells_of_a_long_audit(machine, weak, detail, hint):
    """Status does not read it, and says so."""
    old = NOW - 50 * 86400
    services.policy(machine.home, "mode = audit\n")
    policy = machine.home / ".config/pganchor/policy.conf"
    os.utime(policy, (old, old))
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(NOW - 40 * 86400 - 43200)) + ".251+00:00 host other[1]: begins\n"
    if weak != "no file":
        (machine.log / "auth.log").write_text(stamp + ("" if weak is None else syslog(line(NOW - weak * 86400 - 60))))
    done = machine.home.run(machine.words("--json", command="doctor"), env=machine.environment())
    assert done.returncode in (0, 3), done.stderr
    finding, = (finding for finding in json.loads(done.stdout)["findings"] if finding["id"] == "audit-mode-long")
    assert finding["detail"].startswith(detail) and finding["hint"] == hint.format(policy)
    done = machine.home.run(machine.words("--json", command="status"), env=machine.environment())
    assert "audit log" in json.loads(done.stdout)["doctor"]["looks_at_more"]


def test_a_file_that_is_named_is_all_that_is_read(machine):
    (machine.log / "auth.log").write_text(syslog(line()))
    (machine.log / "auth.log.1").write_text(syslog(line()))
    report = machine.report("--file", "/var/log/auth.log")
    assert [found["count"] for found in report["connections"]] == [1] and report["source"] == "/var/log/auth.log"


def test_a_rotated_file_that_cannot_be_read_is_an_error(machine):
    """Half of the records would look like all."""
    (machine.log / "auth.log").write_text(syslog(line()))
    (machine.log / "auth.log.1").write_text(syslog(line()))
    (machine.log / "auth.log.1").chmod(0)
    done = machine.read("--json", ordinary=True)
    assert done.returncode == 1 and "could not open /var/log/auth.log.1" in done.stderr and done.stdout == ""
