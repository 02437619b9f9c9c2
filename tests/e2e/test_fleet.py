"""packaging/fleet: the lines of pganchor log --fleet, and the file that osquery reads, asked by SQLite as osquery and Fleet would."""

import json
import os
import re
import sqlite3
import subprocess
import time
from pathlib import Path

import jsonschema
import pytest
import yaml

FLEET = Path(__file__).parents[2] / "packaging/fleet"


def line(when, host="db.example.test", **more):
    words = {"time": int(when), "program": "psql", "pid": 7, "argc": 1, "arguments": "", "host": host, "reasons": "weak; weaker", **more}
    return "<84>pganchor[7]: audit:" + "".join(f' {key}="{value}"' for key, value in words.items()) + "\n"


def test_lines_are_of_their_schema(home):
    now = time.time()
    (home / "log").write_text(line(now) + line(now - 7, program='a\\x22b\\x1F\\xC3\\xA9\\x0A', host="") + line(now, reasons="'x', \\x7F"))
    done = home.pganchor("log", "--fleet", "--file", home / "log")
    schema = json.loads((FLEET / "weak.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    lines = [json.loads(one) for one in done.stdout.splitlines()]
    assert len(lines) == 5 and done.stdout.isprintable() is False and "\x1f" not in done.stdout
    for one in lines:
        jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker()).validate(one)


class Osquery:
    """What osquery and Fleet make of the file: each table of osquery-atc.json by its query, and a policy that passes with a row."""

    def __init__(self, home):
        self.base = home / "fleet.db"

    def ask(self, question):
        connection = sqlite3.connect(":memory:")
        for name, table in json.loads((FLEET / "osquery-atc.json").read_text())["auto_table_construction"].items():
            assert table["path"] == "/var/lib/pganchor/fleet.db" and table["platform"] == "linux"
            rows = sqlite3.connect(f"file:{self.base}?mode=ro&immutable=1", uri=True).execute(table["query"]).fetchall()
            # Every column is text there.
            connection.execute(f"CREATE TABLE {name} ({', '.join(column + ' TEXT' for column in table['columns'])})")
            connection.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(table['columns']))})", rows)
        return connection.execute(question).fetchall()

    def passes(self):
        policies = list(yaml.safe_load_all((FLEET / "fleet-policies.yml").read_text()))
        for policy in policies:
            assert (policy["apiVersion"], policy["kind"]) == ("v1", "policy")
            assert set(policy["spec"]) == {"name", "platform", "query", "description", "resolution"}
        return [len(self.ask(policy["spec"]["query"])) > 0 for policy in policies]


@pytest.fixture
def collect(home):
    """collect(lines) runs the script over a log with these lines, and gives what osquery sees."""
    def run(lines, check=True):
        (home / "log").write_text(lines)
        tool = home / "bin/pganchor"
        tool.parent.mkdir(exist_ok=True)
        tool.write_text(f'#!/bin/sh\nexec {home.program.binary} "$@" --file {home / "log"}\n')
        tool.chmod(0o755)
        done = home.run([FLEET / "pganchor-fleet", home / "fleet.db"], env={"PATH": f"{tool.parent}:{os.environ['PATH']}"})
        assert done.returncode == 0 or not check, done.stderr
        assert not list(home.path.glob(".fleet.*"))
        return Osquery(home), done

    return run


def test_what_osquery_sees(home, collect):
    now = time.time()
    osquery, _ = collect(line(now) + line(now - 86400 * 3) + line(now - 86400 * 40) + line(now, program="it's \\x22quoted\\x22 | x, y"))
    assert osquery.ask("SELECT program, host, reason, count FROM pganchor_weak ORDER BY program, reason") == [
        ('it\'s "quoted" | x, y', "db.example.test", "weak", "1"), ('it\'s "quoted" | x, y', "db.example.test", "weaker", "1"),
        ("psql", "db.example.test", "weak", "2"), ("psql", "db.example.test", "weaker", "2")]
    [(hostname, login, uid)] = osquery.ask("SELECT DISTINCT hostname, login, uid FROM pganchor_weak")
    assert (hostname, login, uid) == (os.uname().nodename, None, None)
    assert osquery.passes() == [True, False]
    assert (home / "fleet.db").stat().st_mode & 0o777 == 0o644


def test_a_host_without_weak_connections_passes(home, collect):
    osquery, _ = collect(line(time.time() - 86400 * 31))
    assert osquery.ask("SELECT count(*) FROM pganchor_weak") == [(0,)]
    assert osquery.passes() == [True, True]


def test_a_report_that_is_old_is_none(home, collect):
    osquery, _ = collect("")
    connection = sqlite3.connect(home / "fleet.db")
    connection.execute("UPDATE report SET written = strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-2 days')")
    connection.commit()
    connection.close()
    assert osquery.passes() == [False, True]


def test_days_are_in_the_report(home, collect):
    policy = home / ".config/pganchor/policy.conf"
    policy.parent.mkdir(parents=True)
    policy.write_text("mode = audit\n")
    os.utime(policy, (time.time() - 86400 * 100,) * 2)
    osquery, _ = collect(line(time.time() - 86400 * 5 - 60))
    assert osquery.ask("SELECT days_without_weak FROM pganchor_report") == [("5",)]


def test_a_log_that_cannot_be_read_leaves_what_was_there(home, collect):
    collect(line(time.time()))
    before = (home / "fleet.db").read_bytes()
    (home / "log").unlink()
    tool = home / "bin/pganchor"
    done = home.run([FLEET / "pganchor-fleet", home / "fleet.db"], env={"PATH": f"{tool.parent}:{os.environ['PATH']}"})
    assert done.returncode != 0 and "could not open" in done.stderr
    assert (home / "fleet.db").read_bytes() == before and not list(home.path.glob(".fleet.*"))


def test_the_units_are_units(home):
    for unit in ("pganchor-fleet.service", "pganchor-fleet.timer"):
        text = (FLEET / unit).read_text().replace("/usr/local/sbin/pganchor-fleet", "/bin/true")
        (home / unit).write_text(text)
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", home / "pganchor-fleet.service", home / "pganchor-fleet.timer"],
                          capture_output=True, text=True, stdin=subprocess.DEVNULL, env={**os.environ, "SYSTEMD_LOG_LEVEL": "warning"})
    assert not [one for one in done.stderr.splitlines() if re.search(r"pganchor-fleet", one)], done.stderr
