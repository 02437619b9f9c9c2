"""mode = audit and pganchor log: what syslog is told of each connection that would have been refused, read back."""

import calendar
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from audited import PYTHON
from passwords import FORMS, passwords
from services import pin

def report(home, *words):
    done = home.pganchor("log", "--json", "--file", home / "log", *words)
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_a_weak_connection_is_told_and_read_back(home, audited, postgres):
    argv = ["psql", "-X", "-At", "-c", "select 1", postgres.conninfo(sslmode="require")]
    begun = int(time.time())
    done, log = audited(*argv)
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr
    assert len(log.splitlines()) == 1
    [connection] = report(home)["connections"]
    first = connection.pop("first")
    assert begun <= calendar.timegm(time.strptime(first, "%Y-%m-%dT%H:%M:%SZ")) <= time.time()
    pid = re.search(r"pganchor\[(\d+)\]", log)[1]
    assert connection.pop("reasons") == "sslmode=require (conninfo) is weaker than verify-full"
    assert connection.pop("arguments").startswith("-* -* -* * host=*,")
    assert connection == {
        "program": "psql", "argc": "6", "host": "localhost", "hostaddr": "", "port": str(postgres.port),
        "user": postgres.user, "dbname": postgres.dbname, "sslmode": "require", "service": "", "sslrootcert": "",
        "gssencmode": "prefer", "ssl_min_protocol_version": "TLSv1.2", "ssl_max_protocol_version": "",
        "channel_binding": "prefer", "require_auth": "", "count": 1, "last": first,
        "last_pid": int(pid), "uid": None, "exe": None}


def test_alike_connections_are_one_line_and_the_most_frequent_is_first(home, audited, postgres):
    script = 'for i in 1 2 3; do psql -X -At -c "select 1" "$1"; done; pg_isready -q -d "$2"'
    done, _ = audited("sh", "-c", script, "sh", postgres.conninfo(sslmode="prefer"), postgres.conninfo(sslmode="allow"))
    assert done.returncode == 0, done.stderr
    shown = home.pganchor("log", "--file", home / "log")
    assert shown.returncode == 3
    heading, *rows, last = [re.split(r"  +", line) for line in shown.stdout.splitlines()]
    assert last == ["the last weak connection was less than a day ago"]
    assert heading == ["PROGRAM", "TIMES", "LAST", "TO", "WHY"]
    to = f"localhost:{postgres.port}/{postgres.dbname}"
    assert [(row[0], row[1], row[3], row[4]) for row in rows] == [
        ("psql", "3", to, "sslmode=prefer (conninfo) is weaker than verify-full"),
        ("pg_isready", "1", to, "sslmode=allow (conninfo) is weaker than verify-full")]


@pytest.mark.parametrize("argument", [
    "host=localhost port={port} user={user} dbname={dbname} password=hunter2",
    "host=localhost port={port} user={user} dbname={dbname} password='two hunter2 words sslmode=prefer'",
    "postgresql://{user}:hunter2@localhost:{port}/{dbname}",
    "postgresql://localhost:{port}/{dbname}?user={user}&password=hunter2",
])
def test_no_password_is_told(home, audited, postgres, argument):
    argument = argument.format(port=postgres.port, user=postgres.user, dbname=postgres.dbname)
    _, log = audited("psql", "-X", "-c", "select 'hunter2'", argument, env={"PGPASSWORD": "hunter2"})
    assert "sslmode=prefer" in log
    assert "hunter2" not in log and "select" not in log


def test_a_connection_string_taken_for_a_database_name_is_masked(home, audited, postgres):
    """A program that does not have dbname expanded, and gets a connection string from its user."""
    program = """
import ctypes
pq = ctypes.CDLL("libpq.so.5")
words = lambda *w: (ctypes.c_char_p * (len(w) + 1))(*w, None)
pq.PQconnectdbParams.restype = ctypes.c_void_p
pq.PQconnectdbParams(words(b"host", b"port", b"dbname"), words(b"localhost", b"%d", b"user=x password=hunter2"), 0)
""" % postgres.port
    _, log = audited(PYTHON, "-c", program)
    assert 'dbname="********"' in log and "hunter2" not in log


# Connects to each line of standard input; nothing is sent, for the network is empty.
CONNECT_TO_ALL = """
import ctypes, json, sys
pq = ctypes.CDLL("libpq.so.5")
pq.PQconnectStart.restype = pq.PQconnectStartParams.restype = ctypes.c_void_p
words = lambda *w: (ctypes.c_char_p * (len(w) + 1))(*w, None)
for line in sys.stdin:
    conninfo = json.loads(line).encode()
    pq.PQfinish(ctypes.c_void_p(pq.PQconnectStart(conninfo)))
    pq.PQfinish(ctypes.c_void_p(pq.PQconnectStartParams(words(b"host", b"dbname"), words(b"127.0.0.1", conninfo), 0)))
"""


def test_no_piece_of_a_password_is_told_wherever_libpq_takes_it_for_something_else(home, audited):
    """Where it has an @ or a / that is not escaped, libpq has parts of it for host, port and database."""
    (home / ".config/pganchor/policy.conf").write_text("mode = audit\nunix-socket = refuse\n")
    tried = list(passwords())
    # Without an @ behind the password, one in it ends the password for everybody, and a comma begins the name of a host.
    lines = "".join(json.dumps(form.format(password)) + "\n" for form in FORMS for password in tried
                    if form != "postgresql://alice:{}/sales" or not {"@", ","} & set(password))
    done, log = audited("unshare", "--net", PYTHON, "-c", CONNECT_TO_ALL, input=lines)
    assert done.returncode == 0, done.stderr
    # Behind the time and the process, whose numbers are by chance.
    told = {re.sub(r"\\x([0-9A-F]{2})", lambda found: chr(int(found[1], 16)), line[line.index(" argc="):]) for line in log.splitlines()}
    pieces = {password[at:at + 4] for password in tried for at in range(len(password) - 3)} - {"?use", "user", "ser="}
    found = [(line[at:at + 4], line) for line in told for at in range(len(line) - 3) if line[at:at + 4] in pieces]
    assert not found, (len(found), *found[:5])
    # It was not for want of lines, nor by masking all of them. A connection does not wait for a syslog daemon that is late.
    assert log.count("audit:") > len(FORMS) * len(tried) / 2 and log.count('host="10.9.8.7"') > len(tried)
    assert log.count('host="********" port="********"') > len(tried) and log.count("host=******** is a Unix-domain socket") > 10


def test_nor_in_what_is_told_of_the_server(home, audited, postgres, stepca):
    """Its name is in the reason then. A server whose name is one is told by it, in an ordinary connection."""
    (home / ".postgresql").mkdir()
    (home / ".postgresql/root.crt").write_text(stepca.root_pem)
    pin(home, ("another", "0" * 64, "*", "root.crt"))
    for dbname, name in (("app", "localhost"), ("Xq7Kw9@10.9.8.7/sales", "********")):
        (home / "log").unlink(missing_ok=True)
        _, log = audited("psql", "-X", "-c", "", postgres.conninfo(sslmode="verify-full", gssencmode="disable", dbname=dbname))
        assert f'host="{name}"' in log and "Xq7K" not in log
        assert f'reasons="pganchor refused the server {name}: its certificate chain ends in a root that is not pinned (SHA-256 ' in log


@pytest.mark.parametrize("host", ["localhost", "db-1.example_x.test", "127.0.0.1", "::1", "fe80::1%lo", "::ffff:10.9.8.7", "/var/run/x", "@name",
                                  "a,10.9.8.7,,/tmp,::1"])
def test_a_host_is_told_as_it_is(home, audited, host):
    (home / ".config/pganchor/policy.conf").write_text("mode = audit\nunix-socket = refuse\n")
    _, log = audited("unshare", "--net", PYTHON, "-c", CONNECT_TO_ALL, input=json.dumps(f"host={host} user=a@b port=5432") + "\n")
    assert f'host="{host}" port="5432" user="a@b" dbname="a@b"' in log.splitlines()[0]


def test_every_byte_comes_back(home, audited, postgres):
    name = 'a "quoted" \\name\\ with\ttab, \u00fcmlaut; \x1b[31m'
    audited("psql", "-X", "-d", "", "-h", "localhost", "-p", postgres.port, "-U", name, env={"PGSSLMODE": "prefer"})
    log = (home / "log").read_bytes()
    assert all(byte == 10 or 32 <= byte < 127 for byte in log)
    assert [connection["user"] for connection in report(home)["connections"]] == [name]
    assert "\x1b" not in home.pganchor("log", "--file", home / "log").stdout


def test_all_reasons_are_told(home, audited, postgres):
    audited("psql", "-X", "-c", "", postgres.conninfo(sslmode="prefer") + " gssencmode=require ssl_min_protocol_version=TLSv1")
    for connection in report(home)["connections"]:
        reasons = connection["reasons"].split("; ")
        assert len(reasons) > 1
        assert reasons[0].startswith("sslmode=prefer (conninfo)")
        assert "pganchor explain" not in connection["reasons"]


def test_log_off_tells_nothing(home, audited, postgres):
    (home / ".config/pganchor/policy.conf").write_text("mode = audit\nlog = off\n")
    done, log = audited("psql", "-X", "-At", "-c", "select 1", postgres.conninfo(sslmode="require"))
    assert (done.stdout, log) == ("1\n", "")
    shown = home.pganchor("log", "--file", home / "log")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "no connection that would have been refused" in shown.stdout


def line(when, program="psql", host="db.example.test", **more):
    words = {"time": when, "program": program, "pid": 7, "argc": 1, "arguments": "", "host": host, "reasons": "weak", **more}
    return "<84>pganchor[7]: audit:" + "".join(f' {key}="{value}"' for key, value in words.items()) + "\n"


def test_what_looks_the_same_in_the_table_is_one_line(home):
    """JSON tells apart by the shape of the arguments, which the table does not show."""
    (home / "log").write_text("".join(line(when, arguments=shape) for when, shape in ((1, "*"), (3, "-* *"), (2, "*"))) + line(4, "pg_dump"))
    assert [(connection["arguments"], connection["count"]) for connection in report(home)["connections"]] == [("*", 2), ("", 1), ("-* *", 1)]
    heading, *rows = home.pganchor("log", "--file", home / "log", env={"TZ": "UTC"}).stdout.splitlines()
    assert [re.split(r"  +", row)[:3] for row in rows] == [["psql", "3", "1970-01-01 00:00:03"], ["pg_dump", "1", "1970-01-01 00:00:04"]]


@pytest.mark.parametrize("what", [["log", "--file", "log"], ["log", "--file", "log", "--json"], ["--version"]])
def test_output_that_is_lost_is_an_error(home, what):
    (home / "log").write_text(line(1))
    done = home.run(["sh", "-c", '"$@" >/dev/full', "sh", "pganchor", *what], cwd=home.path)
    assert done.returncode == 1 and "pganchor: could not write" in done.stderr


@pytest.mark.parametrize("since, programs", [
    ("1h", {"now"}), ("2d", {"now", "yesterday"}), ("2020-01-02", {"now", "yesterday"}), ("2020-01-01", {"now", "yesterday", "old"}),
    ("2020-01-01 10:00", {"now", "yesterday", "old"}), ("2020-01-01T10:00:01Z", {"now", "yesterday"}),
])
def test_since(home, since, programs):
    now = int(time.time())
    home.path.joinpath("log").write_text(
        line(now, "now") + line(now - 86400, "yesterday") + line(1577872800, "old"))  # 2020-01-01T10:00:00Z
    assert {connection["program"] for connection in report(home, "--since", since)["connections"]} == programs


@pytest.mark.parametrize("since", ["", "soon", "1y", "2020-13-01", "7", "-1h"])
def test_a_time_that_is_none_is_a_usage_error(home, since):
    done = home.pganchor("log", "--file", "-", f"--since={since}")
    assert done.returncode == 2
    assert f"--since {since}: not a time" in done.stderr


def test_other_lines_do_not_count_and_broken_ones_are_said(home):
    good = line(1577872800)
    text = "Jan  1 10:00:00 host sshd[3]: pganchor audit\n\n" + good + good[:-5] + "\n" + good.replace("1577872800", "x")
    text += good.replace('"weak"', '"\\xZZ"') + "Jan  1 host pganchor[9]: hello\n" + "\0\0\n"
    home.path.joinpath("log").write_text(text)
    done = home.pganchor("log", "--file", home / "log", "--json")
    assert done.returncode == 3
    told = json.loads(done.stdout)
    assert (told["unreadable"], [connection["count"] for connection in told["connections"]]) == (3, [1])
    assert "3 lines of pganchor's are cut or changed" in done.stderr


def test_standard_input_is_a_file_too(home):
    done = home.pganchor("log", "--file", "-", input=line(1577872800))
    assert done.returncode == 3
    assert "2020-01-01 10:00:00  db.example.test  weak" in done.stdout


def test_a_file_that_cannot_be_read_has_its_way_out(home):
    done = home.pganchor("log", "--file", home / "none")
    assert done.returncode == 1
    assert done.stderr.startswith(f"pganchor: could not open {home / 'none'}: No such file or directory\n    ")


def test_the_journal_is_asked(home):
    """Where there is a journal, journalctl reads it: one JSON object a line, and the message without its tag."""
    if not any(os.path.exists(path) for path in ("/run/log/journal", "/var/log/journal")):
        pytest.skip("this machine keeps no journal")
    done = home.pganchor("log", "--json")
    assert done.returncode in (0, 1, 3)
    assert done.returncode == 1 or json.loads(done.stdout)["source"] == "the journal"


def fleet(home, *words):
    done = home.pganchor("log", "--fleet", "--file", home / "log", *words)
    assert done.stderr == ""
    return [json.loads(one) for one in done.stdout.splitlines()]


def test_the_fleet_has_a_line_for_each_program_host_and_reason(home, audited, postgres):
    """Of two connections that are alike, and of one that has two reasons."""
    script = 'for i in 1 2; do psql -X -At -c "select 1" "$1"; done; psql -X -At -c "select 1" "$2"'
    _, log = audited("sh", "-c", script, "sh", postgres.conninfo(sslmode="prefer"),
                     postgres.conninfo(sslmode="prefer") + " gssencmode=require")
    lines = fleet(home)
    told = [(line["program"], line["host"], line["reason"], line["count"]) for line in lines]
    assert ("psql", "localhost", "sslmode=prefer (conninfo) is weaker than verify-full", 3) in told
    assert len(told) == len(set(told)) > 1 and told == sorted(told)
    for line in lines:
        assert set(line) == {"form", "hostname", "login", "uid", "program", "host", "reason", "count", "first", "last"}
        assert line["hostname"] == os.uname().nodename and line["first"] <= line["last"] and line["form"] == 1
    assert "hunter2" not in str(lines) and postgres.password not in str(lines)


def test_lines_of_the_fleet_are_put_together_by_their_keys(home):
    """What is alike in all but its times is one line, whose times are those of the first and the last."""
    (home / "log").write_text(line(300) + line(100) + line(200, reasons="weak; weaker") + line(5, host="") + line(7, "a\\x22b"))
    lines = fleet(home)
    assert [(one["program"], one["host"], one["reason"], one["count"], one["first"][11:19], one["last"][11:19]) for one in lines] == [
        ("a\"b", "db.example.test", "weak", 1, "00:00:07", "00:00:07"),
        ("psql", "", "weak", 1, "00:00:05", "00:00:05"),
        ("psql", "db.example.test", "weak", 3, "00:01:40", "00:05:00"),
        ("psql", "db.example.test", "weaker", 1, "00:03:20", "00:03:20")]


def test_a_fleet_line_of_nothing(home):
    (home / "log").write_text("")
    done = home.pganchor("log", "--fleet", "--file", home / "log")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = home.pganchor("log", "--fleet", "--json")
    assert done.returncode == 2 and "--json and --fleet are two reports" in done.stderr


def stamped(days, text="pganchor[7]: hello"):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() - days * 86400)) + f".251+00:00 host {text}\n"


@pytest.mark.parametrize("begins, policy_is, weak, days, words", [
    (40, 50, None, 40, "no weak connection in 40 days: mode = enforce would refuse nothing of what has been"),
    (50, 40, None, 40, "no weak connection in 40 days: mode = enforce would refuse nothing of what has been"),
    (50, 50, 31, 31, "the last weak connection was 31 days ago: mode = enforce would refuse nothing of what has been"),
    (50, 50, 29, 29, "the last weak connection was 29 days ago"),
    (50, 50, 0, 0, "the last weak connection was less than a day ago"),
    (29, 50, None, 29, "no weak connection in 29 days"),
    (50, 1, None, 1, "no weak connection in 1 day"),
    (50, 1, 10, 1, "no weak connection in 1 day"),
    (None, 50, None, None, "no weak connection, in a log that does not say how far back it goes"),
])
def test_how_long_nothing_has_been_weak(home, begins, policy_is, weak, days, words):
    """Neither a log that begins later nor a policy that was written later shows that nothing was."""
    now = int(time.time())
    policy = home / ".config/pganchor/policy.conf"
    policy.parent.mkdir(parents=True)
    policy.write_text("mode = audit\n")
    os.utime(policy, (now - policy_is * 86400 - 60,) * 2)
    told = "" if begins is None else stamped(begins + 0.01)
    (home / "log").write_text(told + ("" if weak is None else line(now - weak * 86400 - 60)))
    shown = home.pganchor("log", "--file", home / "log").stdout
    assert words in shown.splitlines()
    report = json.loads(home.pganchor("log", "--json", "--file", home / "log").stdout)
    assert report["days_without_weak"] == days
    assert (report["last_weak"] is None) == (weak is None)
    ready = "would refuse nothing" in words
    command = f"    sed -i 's/^\\s*mode\\s*=.*/mode = enforce/' {policy}"
    assert (command in shown.splitlines()) == ready
    if ready:
        assert home.run(["sh", "-c", command]).returncode == 0
        assert policy.read_text() == "mode = enforce\n"
        assert home.pganchor("log", "--file", home / "log").stdout.count("enforce") == 0
        assert json.loads(home.pganchor("log", "--json", "--file", home / "log").stdout)["days_without_weak"] is None


def test_less_of_the_log_shows_less(home):
    """--since is where it begins then."""
    now = int(time.time())
    policy = home / ".config/pganchor/policy.conf"
    policy.parent.mkdir(parents=True)
    policy.write_text("mode = audit\n")
    os.utime(policy, (now - 90 * 86400,) * 2)
    (home / "log").write_text(stamped(80))
    assert "no weak connection in 3 days\n" in home.pganchor("log", "--since", "3d", "--file", home / "log").stdout
