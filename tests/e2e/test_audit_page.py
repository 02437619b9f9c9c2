"""audit --html as a person gets it: in a real browser, light and dark, wide and as narrow as a telephone, and on paper. Of services
that lead to a server that is weak in every way, with names that are meant to harm whoever reads them, to one that is in order, and to one
that is not there."""

import contextlib
import json
import os
import re
import subprocess
from types import SimpleNamespace

import psycopg2
import pytest

import html_pages
import sarif_logs
from certificates import make_root
from chromium import chromium  # noqa: F401
from home import Home
from postgres import HBA, SUPERUSER
from services import environment, pin_files, write

ROOT = make_root("Audited Root CA", days=(-1, 400))
# To other services that lead to the server that is in order.
BRANCHES = 48 if os.environ.get("PGANCHOR_TESTS_WHOLE") else 5
SECRET = "geheim-5ae81c"
# What a name can do: be markup, end a quote, turn the direction of writing, steer a terminal, and be no text at all.
SCRIPT = "</td><script>alert(1)</script>"
TURNED = "admin\N{RIGHT-TO-LEFT OVERRIDE}gro.elpmaxe"
STEERS = "clear\x1b[2J\x1b]0;title\x07"
RULES = f"""\
local all {SUPERUSER} peer map=tests
local all app scram-sha-256
hostssl all auditor 127.0.0.1/32 scram-sha-256
host all app 127.0.0.1/32 scram-sha-256
host all all 10.20.0.0/16 md5
host replication all 10.21.0.0/16 trust
hostssl all all 10.22.0.0/16 password
host all "{SCRIPT}" 10.23.0.0/16 scram-sha-256
host all "{TURNED}" 10.24.0.0/16 scram-sha-256
host all {",".join(f"department_{number}_reader" for number in range(300))} 10.25.0.0/16 scram-sha-256
host shop ident_user 10.26.0.0/16 ident
hostssl all all 0.0.0.0/0 scram-sha-256
hostssl all late 192.168.0.0/16 cert
"""


def sql(server, *commands, dbname="postgres"):
    done = subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", f"{server.superuser} dbname={dbname}"], capture_output=True, text=True,
                          input="".join(f"{command};\n" for command in commands))
    assert done.returncode == 0, done.stderr


def make_weak(clusters, directory):
    server = clusters.start(*ROOT.issue(directory, "localhost"), hba=RULES,
                            settings={"ssl_min_protocol_version": "TLSv1", "ssl_ciphers": "ALL", "wal_level": "logical", "cluster_name": "shop-1"})
    quoted = ['"' + name + '"' for name in (SCRIPT, TURNED, STEERS)]
    sql(server, f"CREATE ROLE auditor LOGIN SUPERUSER PASSWORD '{server.password}'", f"ALTER ROLE {server.user} SUPERUSER",
        "SET password_encryption = 'md5'", f"CREATE ROLE legacy_app LOGIN PASSWORD '{SECRET}'",
        *(f"CREATE ROLE {name} LOGIN PASSWORD '{SECRET}'" for name in quoted),
        "CREATE EXTENSION postgres_fdw",
        "CREATE SERVER archive FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'archive.example.com', dbname 'archive')",
        f"CREATE USER MAPPING FOR PUBLIC SERVER archive OPTIONS (user 'reader', password '{SECRET}')",
        f"CREATE USER MAPPING FOR {quoted[0]} SERVER archive OPTIONS (user 'reader', password '{SECRET}')",
        f"CREATE SUBSCRIPTION orders_in CONNECTION 'host=up.example.com dbname=orders user=repl password={SECRET} sslmode=require' "
        "PUBLICATION p WITH (connect = false, enabled = false, slot_name = NONE)",
        "ALTER SYSTEM SET max_connections = 120", "SELECT pg_reload_conf()")
    return server


@pytest.fixture(scope="module")
def fleet(clusters, pganchor, tmp_path_factory):
    """Audited once: .page (path) .text .sarif .json .terminal (the text) .weak (the server)"""
    directory = tmp_path_factory.mktemp("audited")
    home = Home(directory / "home", pganchor)
    with contextlib.ExitStack() as ends:
        weak = make_weak(clusters, directory)
        ends.callback(weak.stop)
        strong = clusters.start(*ROOT.issue(directory, "localhost", days=(-1, 300)), hba=HBA.replace("host ", "hostssl "),
                                settings={"ssl_min_protocol_version": "TLSv1.2"})
        ends.callback(strong.stop)
        sql(strong, f"ALTER ROLE {strong.user} SUPERUSER")
        pin_files(home, ("company", ROOT, "*", "root.crt"))
        names = {"shop": (weak.port, "auditor"), "warehouse": (strong.port, "app"), "not-there": (1, "app"),
                 **{f"branch-{number:02}": (strong.port, "app") for number in range(1, BRANCHES)}}
        write(home, "".join(f"[{name}]\nhost=localhost\nport={port}\nuser={user}\ndbname=postgres\nsslmode=verify-full\n\n"
                            for name, (port, user) in names.items()))
        for number, name in enumerate(("billing", "report <b>", "x" * 60, STEERS)):
            session = psycopg2.connect(weak.conninfo(host="127.0.0.1", sslmode="disable", application_name=name))
            ends.callback(session.close)
        encrypted = psycopg2.connect(weak.conninfo(sslmode="require", application_name="web"))
        ends.callback(encrypted.close)

        def audit(*words, status=3, **kwargs):
            done = home.pganchor("audit", *words, env={**environment(home), "PGPASSWORD": weak.password, **kwargs.pop("env", {})}, **kwargs)
            assert done.returncode == status, done.stderr
            return done

        page, sarif = home / "page.html", home / "audit.sarif"
        terminal = audit(*names, "--html", page, "--sarif", sarif)
        yield SimpleNamespace(home=home, audit=audit, names=names, weak=weak, page=page, text=page.read_text(), sarif=sarif, terminal=terminal)


def squeezed(text):
    """Without what a line break can take away or add."""
    return re.sub(r"\s+", "", text)


def findings(fleet):
    done = fleet.audit(*fleet.names, "--json")
    seen = json.loads(done.stdout)
    return {finding["message"] for server in seen["servers"] for finding in server["findings"] if finding["subject"] != "unseen"}


SCHEMES = {"light": "#ffffff", "dark": "#14171a"}


@pytest.mark.parametrize("scheme", list(SCHEMES))
@pytest.mark.parametrize("width", [1280, 360])
def test_in_a_window(fleet, chromium, width, scheme):  # noqa: F811
    """Nothing sticks out, nothing is refused or loaded, and it is as dark as asked for."""
    chromium.open(fleet.page, width, scheme=scheme)
    assert chromium.value("document.documentElement.scrollWidth") == width
    # What is wider scrolls by itself, inside the window.
    assert chromium.value(f"""[...document.querySelectorAll('body *:not(.skip)')].filter(e => !e.closest('.scroll *')
        && (e.getBoundingClientRect().right > {width} || e.getBoundingClientRect().left < 0)).map(e => e.outerHTML.slice(0, 99))""") == []
    ground = chromium.value("getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb({}, {}, {})".format(*bytes.fromhex(SCHEMES[scheme][1:]))
    assert chromium.value("document.scripts.length") == 0 and chromium.errors == []
    assert chromium.picture().startswith(b"\x89PNG")
    # What is weak is said by a word that is seen, and not by a colour alone.
    assert chromium.value("""[...document.querySelectorAll('tr.error .mark, tr.warning .mark')].filter(e => e.offsetWidth < 10).length""") == 0


def test_on_paper(fleet, chromium, tmp_path):  # noqa: F811
    """Every finding is in the text that can be marked and copied, and no box is wider than the paper."""
    chromium.open(fleet.page)
    chromium.printed(tmp_path / "page.pdf")
    text = subprocess.run(["pdftotext", tmp_path / "page.pdf", "-"], capture_output=True, text=True, check=True).stdout
    told = squeezed(text)
    for message in findings(fleet):
        if message.isprintable():
            assert squeezed(message) in told, message
    assert SECRET not in text
    for last in ("Certificate", "SHA-256", "Process", "Why", "Options", "Waits"):  # column of each table
        assert last in text, last
    boxes = subprocess.run(["pdftotext", "-bbox", tmp_path / "page.pdf", "-"], capture_output=True, text=True, check=True).stdout
    (width,) = set(re.findall(r'<page width="([0-9.]+)"', boxes))
    assert all(float(right) <= float(width) - 30 for right in re.findall(r'<word [^>]*xMax="([0-9.]+)"', boxes))
    # Each server begins a page of its own.
    pages = text.split("\f")
    for name in fleet.names:
        assert any(page.lstrip().startswith(name) for page in pages), name


def test_what_is_meant_to_harm(fleet):
    page = html_pages.check(fleet.text)
    sarif_logs.check(fleet.sarif.read_text())
    for path in (fleet.page, fleet.sarif):
        text = path.read_text()
        assert SECRET not in text and fleet.weak.password not in text and "\x1b" not in text and TURNED not in text
        assert path.stat().st_mode & 0o777 == 0o600
    assert SCRIPT in page.text and "<script" not in fleet.text
    assert SECRET not in fleet.terminal.stdout and "\x1b" not in fleet.terminal.stdout and TURNED not in fleet.terminal.stdout
    assert r"admin\xE2\x80\xAEgro.elpmaxe" in fleet.terminal.stdout and r"admin\xE2\x80\xAEgro.elpmaxe" in page.text


def test_the_same_again(fleet):
    """But for the moment, a second run says the same, and what was found is known again by its fingerprints."""
    again = fleet.home / "again"
    again.mkdir()
    fleet.audit(*fleet.names, "--html", again / "page.html", "--sarif", again / "audit.sarif")

    def still(text):
        """Without moments, and without sessions: audits that run side by side see each other."""
        return re.sub(r"<tr[^\n]*client backend[^\n]*\n|\d{4}-\d\d-\d\dT[0-9:]{8}Z", "", text)

    assert still((again / "page.html").read_text()) == still(fleet.text)
    assert json.loads((again / "audit.sarif").read_text()) == json.loads(fleet.sarif.read_text())
    results = json.loads(fleet.sarif.read_text())["runs"][0]["results"]
    prints = [result["partialFingerprints"]["pganchor/v1"] for result in results]
    assert len(set(prints)) == len(prints) and not any("days" in one for one in prints)


def test_files_that_are_there(fleet, tmp_path):
    """One that is there is replaced, whole or not at all; one name for both is a mistake."""
    path = fleet.home / "reports/there.html"
    path.parent.mkdir()
    path.write_text("before")
    fleet.audit("warehouse", "--html", path, status=0)
    html_pages.check(path.read_text())
    done = fleet.audit("warehouse", "--html", path, "--sarif", path, status=2)
    assert "--sarif" in done.stderr and path.read_text().startswith("<!DOCTYPE")
    assert [one.name for one in path.parent.iterdir()] == ["there.html"]
