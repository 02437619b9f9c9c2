"""pganchor audit: what a server tells of itself may hold secrets in many places, and none of them is shown; the lines that it hands
out are as pg_hba.conf and SQL take them."""

import json
import subprocess

import psycopg2
import pytest

import html_pages
from anchoring import own, service
from certificates import make_root
from postgres import HBA
from services import environment, pin_files

SECRET = "geheim"
ROOT = make_root("Audited Root CA")
# Numbers of lines are told.
RULES = f"""\
{HBA}
hostssl all all 10.1.0.0/16 ldap ldapserver=ldap.example.com ldapbasedn="dc=example, dc=com" ldapbinddn="cn=a" ldapbindpasswd="geh, eim"
hostssl all all 10.2.0.0/16 radius radiusservers=127.0.0.1 radiussecrets="geheim"
host "the shop" "a ""b"" c","x,y",z 10.3.0.0/16 md5
"""
MASK = "********"
SAID = "host=up.example.com password={} sslmode=require"


def sql(server, *commands, dbname="app"):
    for command in commands:
        subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", f"{server.superuser} dbname={dbname}", "-c", command], check=True,
                       capture_output=True, text=True)


@pytest.fixture(scope="module")
def server(clusters, session_directory):
    """With a secret wherever there can be one."""
    server = clusters.start(*ROOT.issue(session_directory, "localhost"), hba=RULES, settings={
        "ssl_passphrase_command": f"echo {SECRET}", "cluster_name": f"password={SECRET}", "wal_level": "logical"})
    said = SAID.format(SECRET)
    sql(server, "ALTER ROLE app SUPERUSER", "CREATE EXTENSION postgres_fdw",
        """CREATE SERVER "fo""o" FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'db.example.com')""",
        f"""CREATE USER MAPPING FOR PUBLIC SERVER "fo""o" OPTIONS (user 'u', password '{SECRET}')""",
        f"""CREATE SUBSCRIPTION "su""b" CONNECTION '{said}' PUBLICATION p WITH (connect = false, enabled = false, slot_name = NONE)""",
        f"""CREATE FUNCTION calls() RETURNS text LANGUAGE plpgsql AS $$BEGIN PERFORM dblink_exec('{said}', 'SELECT 1'); RETURN ''; END$$""")
    yield server
    server.stop()


@pytest.fixture
def audit(home, server):
    pin_files(home, ("company", ROOT, "*", "scoped"))
    service(home, "prod", "localhost", home / own("company"), more=f"port={server.port}\nuser=app\ndbname=app\n")

    def run(*words, status=3):
        done = home.pganchor("audit", "prod", *words, env={**environment(home), "PGPASSWORD": server.password})
        assert done.returncode == status and done.stderr == "", done.stderr
        return done.stdout

    return run


def test_no_secret_is_shown(home, server, audit):
    session = psycopg2.connect(server.conninfo(host="127.0.0.1", sslmode="disable", application_name=f"postgresql://u:{SECRET}@h"))
    text = audit("--html", home / "page.html", "--sarif", home / "log.sarif")
    said = audit("--json")
    session.close()
    page = (home / "page.html").read_text()
    html_pages.check(page)
    for report in (text, said, page, (home / "log.sarif").read_text()):
        assert "geh" not in report and "eim" not in report
    (seen,) = json.loads(said)["servers"]
    assert {setting["name"]: setting["value"] for setting in seen["settings"]}["ssl_passphrase_command"] == MASK
    assert seen["cluster"] == f"password={MASK}"
    options = {rule["method"]: rule["options"] for rule in seen["rules"] if rule["method"] in ("ldap", "radius")}
    assert options == {"ldap": f'ldapserver=ldap.example.com ldapbasedn="dc=example, dc=com" ldapbinddn=cn=a ldapbindpasswd={MASK}',
                       "radius": f"radiusservers=127.0.0.1 radiussecrets={MASK}"}
    assert any(MASK in (session["application"] or "") for session in seen["sessions"])
    by_name = {item["name"]: item for item in seen["connections"]}
    assert MASK in by_name['su"b']["settings"] and MASK in by_name["public.calls()"]["settings"] and MASK in by_name['fo"o']["settings"]
    assert by_name["public.calls()"]["allowed"] is False and by_name["public.calls()"]["way"] == "dblink"


def test_lines_and_hints_are_as_they_are_typed(server, audit):
    (seen,) = json.loads(audit("--json"))["servers"]
    hints = {(finding["id"], finding["object"]): finding["hint"] for finding in seen["findings"] if finding["hint"]}
    (line,) = [hint for (name, where), hint in hints.items() if name == "rule-without-tls" and "shop" in hint]
    assert line == 'hostssl "the shop" "a ""b"" c","x,y",z 10.3.0.0/16 scram-sha-256'
    # And the server reads it as it read the other.
    hba = server.directory / "data/pg_hba.conf"
    before = hba.read_text()
    hba.write_text(before + line + "\n")
    try:
        (again,) = json.loads(audit("--json"))["servers"]
    finally:
        hba.write_text(before)
    old, new = again["rules"][-2:]
    assert (old["databases"], old["users"]) == (new["databases"], new["users"]) and new["error"] is None
    assert hints["foreign-server-weak", 'fo"o'].startswith('ALTER SERVER "fo""o" OPTIONS')
    assert hints["subscription-weak", 'su"b'].startswith('ALTER SUBSCRIPTION "su""b" CONNECTION')


def test_what_a_rule_with_an_error_says(server, audit):
    hba = server.directory / "data/pg_hba.conf"
    before = hba.read_text()
    hba.write_text(before + f'host all all 10.4.0.0/16 ldap ldapserver=h ldapbindpasswd=x {SECRET}\n'
                   f'host all all 10.4.0.0/16 radius radiusservers=h radiussecrets="""{SECRET}"\n')
    try:
        said = audit("--json")
    finally:
        hba.write_text(before)
    errors = [finding for finding in json.loads(said)["servers"][0]["findings"] if finding["id"] == "rule-error"]
    assert [finding["severity"] for finding in errors] == ["error", "error"] and "geh" not in said and "eim" not in said
    assert "not in name=value format: ********" in errors[0]["detail"] and "log" in errors[1]["detail"]


# Each with what is found of it.
COMPARED = [
    ("hostssl all all 10.0.0.0/8 scram-sha-256", set()),
    ("hostssl all all 10.1.0.0/16 trust", {"rule-shadowed"}),
    ("hostssl all all 10.1.0.0 255.255.0.0 trust", {"rule-shadowed"}),
    ("hostssl all all 8.0.0.0/5 trust", {"rule-trust"}),
    ("host all all 10.2.0.0/16 scram-sha-256", {"rule-without-tls"}),
    ("hostssl replication all 10.3.0.0/16 trust", {"rule-trust"}),
    ("hostssl a,b c,d 20.0.0.0/8 scram-sha-256", set()),
    ("hostssl b d 20.0.0.0/8 trust", {"rule-shadowed"}),
    ("hostssl b,c d 20.0.0.0/8 trust", {"rule-trust"}),
    ("hostssl all all fd00::/8 scram-sha-256", set()),
    ("hostssl all all fd12:3456::/32 trust", {"rule-shadowed"}),
    ("host x x 127.0.0.1/32 trust", {"rule-local-trust"}),
    ("host x x 127.0.0.1/0 trust", {"rule-without-tls", "rule-trust"}),
    ("local y y trust", {"rule-local-trust"}),
]


def test_rules_are_compared_by_their_ranges_and_lists(server, audit):
    hba = server.directory / "data/pg_hba.conf"
    before = hba.read_text()
    hba.write_text("".join(line + "\n" for line, _ in COMPARED) + HBA)
    try:
        (seen,) = json.loads(audit("--json"))["servers"]
    finally:
        hba.write_text(before)
    found = [set() for _ in seen["rules"]]
    for finding in seen["findings"]:
        if finding["id"].startswith("rule-"):
            found[int(finding["object"].rsplit(":", 1)[1]) - 1].add(finding["id"])
    assert found[:len(COMPARED)] == [ids for _, ids in COMPARED]


def test_what_the_next_start_refuses(server, audit):
    settings = server.directory / "data/postgresql.conf"
    before = settings.read_text()
    # The port waits for a restart, which takes it.
    settings.write_text(before + f"work_mem = 'password={SECRET}'\nport = 1\n")
    try:
        sql(server, "SELECT pg_reload_conf()")
        said = audit("--json")
    finally:
        settings.write_text(before)
        sql(server, "SELECT pg_reload_conf()")
    (seen,) = json.loads(said)["servers"]
    (finding,) = [finding for finding in seen["findings"] if finding["id"] == "server-start-fails"]
    assert finding["object"] == "work_mem" and finding["severity"] == "error" and "geh" not in said
    assert [item["name"] for item in seen["refused_settings"]] == ["work_mem"]


@pytest.mark.parametrize("words", [["--html", "-"], ["--html", ""], ["--sarif", "-"]])
def test_a_report_needs_the_name_of_a_file(audit, home, words):
    done = home.pganchor("audit", "prod", *words, env=environment(home))
    assert done.returncode == 2 and "name of a file" in done.stderr and not (home / "-").exists()
