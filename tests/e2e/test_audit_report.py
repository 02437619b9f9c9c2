"""audit --html and --sarif: what an auditor and a code scanner get of a real server."""

import subprocess

import psycopg2
import pytest

import html_pages
import sarif_logs
from anchoring import own, service
from certificates import make_root
from postgres import HBA
from services import environment, pin_files

ROOT = make_root("Audited Root CA", days=(-1, 400))
PLAIN = "host all all 10.20.0.0/16 md5"
TRUST = "host replication all 10.21.0.0/16 trust"
NAME = "<b>plain</b>"


def made_superuser(server):
    subprocess.run(["psql", "-XqAt", "-c", "ALTER ROLE app SUPERUSER", server.superuser], check=True)


@pytest.fixture
def weak(home, tmp_path, make_postgres):
    """A server that lets in by two weak rules, with a session that is plain; the service prod leads to it."""
    server = make_postgres(*ROOT.issue(tmp_path, "localhost"), hba=f"{HBA}{PLAIN}\n{TRUST}\n",
                           settings={"ssl_min_protocol_version": "TLSv1"})
    pin_files(home, ("company", ROOT, "*", "scoped"))
    service(home, "prod", "localhost", home / own("company"), more=f"port={server.port}\nuser={server.user}\ndbname={server.dbname}\n")
    session = psycopg2.connect(server.conninfo(host="127.0.0.1", sslmode="disable", application_name=NAME))
    yield server
    session.close()


def audit(home, server, *words, status=3):
    done = home.pganchor("audit", "prod", *words, env={**environment(home), "PGPASSWORD": server.password})
    assert done.returncode == status, done.stderr
    return done


def test_the_page(home, weak):
    made_superuser(weak)
    service(home, "billing", "old.example.test", home / own("company"), more=f"hostaddr=127.0.0.1\nport={weak.port}\n")
    audit(home, weak, "--html", home / "page.html")
    assert (home / "page.html").stat().st_mode & 0o777 == 0o600
    text = (home / "page.html").read_text()
    page = html_pages.check(text)
    assert NAME in page.text and NAME not in text and weak.password not in text
    for part in (PLAIN, PLAIN.replace("host", "hostssl").replace("md5", "scram-sha-256"), TRUST, "rule-trust", "CIS 6.8",
                 "session-without-tls", "error: ssl_min_protocol_version", "CN=localhost", "Audited Root CA", "Services that lead to it", "billing",
                 "the certificate is for localhost; you asked for old.example.test"):
        assert part in page.text, part


def test_what_was_not_seen(home, weak):
    audit(home, weak, "--html", home / "page.html", "--fail-on", "note")
    page = html_pages.check((home / "page.html").read_text())
    assert "Not seen" in page.text and "things not seen" in page.text and "Rules of pg_hba.conf" not in page.text


def test_sarif(home, weak):
    made_superuser(weak)
    audit(home, weak, "--sarif", home / "audit.sarif")
    run = sarif_logs.check((home / "audit.sarif").read_text())
    lines = (weak.directory / "data/pg_hba.conf").read_text().splitlines()
    assert run["invocations"][0]["executionSuccessful"] is True
    of_rules = {}
    for result in run["results"]:
        for location in result["locations"]:
            place = location.get("physicalLocation", {})
            if "region" in place and result["ruleId"].startswith("rule-"):
                assert place["artifactLocation"]["uri"].endswith("/pg_hba.conf")
                of_rules.setdefault(result["ruleId"], set()).add(lines[place["region"]["startLine"] - 1])
    assert TRUST in of_rules["rule-trust"] and {PLAIN, TRUST} <= of_rules["rule-without-tls"]
    (old,) = (result for result in run["results"] if result["ruleId"] == "server-tls-old")
    place = old["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"].endswith("/postgresql.conf")
    settings = (weak.directory / "data/postgresql.conf").read_text().splitlines()
    assert settings[place["region"]["startLine"] - 1].startswith("ssl_min_protocol_version")
    assert not any("session" in result["ruleId"] for result in run["results"])


def test_none_is_reached(home, weak):
    weak.stop()
    audit(home, weak, "--html", home / "page.html", "--sarif", home / "audit.sarif", status=1)
    page = html_pages.check((home / "page.html").read_text())
    assert "1 server not audited" in page.text
    run = sarif_logs.check((home / "audit.sarif").read_text())
    assert run["results"] == [] and run["invocations"][0]["executionSuccessful"] is False


@pytest.mark.parametrize("option", ["--html", "--sarif"])
@pytest.mark.parametrize("place", [".", ".pg_service.conf/page", "nothing/../.pg_service.conf/page"])
def test_a_file_that_cannot_be_written(home, weak, option, place):
    """It is refused before the server is asked."""
    before, connections = home.snapshot(), weak.connections()
    done = audit(home, weak, option, home / place, status=1)
    assert str(home.path) in done.stderr and done.stdout == "" and home.snapshot() == before
    assert weak.connections() == connections


@pytest.mark.parametrize("names", [("x", "x"), ("x", "./x"), ("new/deep/x", "./new//deep/x"), ("link", "there"), ("x", "in/x")])
def test_one_file_by_two_names(home, weak, names):
    """Of which one would be lost."""
    (home / "there").touch()
    (home / "link").symlink_to("there")
    (home / "in").symlink_to(".")
    before, connections = home.snapshot(), weak.connections()
    html, sarif = (f"{home.path}/{name}" for name in names)
    done = audit(home, weak, "--html", html, "--sarif", sarif, status=2)
    assert "name the same file" in done.stderr and home.snapshot() == before
    assert weak.connections() == connections
