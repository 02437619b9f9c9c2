"""pganchor audit --pgbouncer FILE: what it says of a pooler's file. How pgbouncer itself takes each of them was tried on 1.18."""

import json
import re

import pytest

VERIFIED = "server_tls_sslmode = verify-full\nserver_tls_ca_file = /etc/pgbouncer/root.crt\n"
TLS = "client_tls_sslmode = require\nclient_tls_key_file = /none.key\nclient_tls_cert_file = /none.crt\n"
LOGIN = "auth_type = scram-sha-256\n"
REMOTE = "[databases]\napp = host=db.example.com dbname=app user=app password='ge''heim'\n"


@pytest.fixture
def audited(home):
    def run(text, *args, exit=None):
        path = home / "pgbouncer.ini"
        path.write_text(text)
        path.chmod(0o600)
        done = home.pganchor("audit", "--json", "--pgbouncer", path, *args)
        assert done.stderr == "" and "heim" not in done.stdout, done
        (only,) = json.loads(done.stdout)["servers"]
        assert only["service"] is None and only["pgbouncer"] == str(path) and only["audited"]
        worst = {finding["severity"] for finding in only["findings"]}
        assert done.returncode == (exit if exit is not None else 3 if "error" in worst else 0)
        return only, {finding["id"]: finding for finding in only["findings"]}

    return run


def place(home, line, name="pgbouncer.ini"):
    return f"{home / name}:{line}"


def test_its_defaults_verify_nothing_and_let_clients_in_without_tls(home, audited):
    only, found = audited(REMOTE + "local = dbname=x\n[pgbouncer]\nlisten_addr = *\n")
    assert set(found) == {"pooler-server-not-verified", "pooler-without-tls", "pooler-weak-password"}
    server = found["pooler-server-not-verified"]
    assert server["object"] == place(home, 4) and server["hint"] == "server_tls_sslmode = verify-full"
    assert server["message"] == f"{place(home, 4)}: pgbouncer does not verify the servers of app"
    assert found["pooler-without-tls"]["hint"] == "client_tls_sslmode = require"
    assert found["pooler-weak-password"]["detail"] == "auth_type is left out: md5"
    app, local = only["connections"]
    assert (app["way"], app["allowed"], local["allowed"]) == ("pgbouncer", False, True)
    assert "sslmode=prefer" in app["settings"] and "sslmode=prefer" in app["reasons"][0]


def test_nothing_is_found_where_both_sides_are_verified(audited):
    _, found = audited(REMOTE + "[pgbouncer]\nlisten_addr = 0.0.0.0\n" + LOGIN + TLS + VERIFIED)
    assert found == {}


@pytest.mark.parametrize("listen", ["", "listen_addr = localhost, 127.0.0.2,::1\n"])
def test_without_the_network_on_either_side_nothing_is_found(audited, listen):
    _, found = audited("[databases]\na = dbname=x\nb = host=/run/postgresql\n[pgbouncer]\nauth_type = trust\n" + listen)
    assert found == {}


@pytest.mark.parametrize("lines, ids, line", [
    ("server_tls_sslmode = require\n", {"pooler-server-not-verified"}, 4),
    ("server_tls_sslmode = Verify-CA\nserver_tls_ca_file = /r\n", {"pooler-server-not-verified"}, 4),
    ("server_tls_sslmode = verify-full\n", {"pooler-any-ca"}, 3),
    (VERIFIED + "server_tls_protocols = all,!tlsv1.0\n", {"pooler-tls-old"}, 6),
    (VERIFIED + "server_tls_protocols = tlsv1.2:tlsv1.3\n", set(), 0),
    (VERIFIED + "server_tls_ciphers = HIGH:RC4-SHA\n", {"pooler-ciphers-weak"}, 6),
    (VERIFIED + "listen_addr = ::\nauth_type = any\n" + TLS, {"pooler-trust"}, 7),
    (VERIFIED + "listen_addr = ::\nauth_type = plain\n" + TLS, {"pooler-weak-password"}, 7),
    (VERIFIED + "listen_addr = ::\n" + LOGIN + "client_tls_sslmode = prefer\n", {"pooler-without-tls", "pooler-error"}, 8),
    # What pgbouncer does not start with.
    (VERIFIED + "server_tls_sslmode = require ; for now\n", {"pooler-error"}, 6),
    (VERIFIED + "SERVER_TLS_SSLMODE = require\n", {"pooler-error"}, 6),
    (VERIFIED + "client_tls_sslmode\n", {"pooler-error"}, 6),
])
def test_each_weakness_has_its_place(home, audited, lines, ids, line):
    _, found = audited(REMOTE + "[pgbouncer]\n" + lines)
    if lines.startswith(VERIFIED + "server_tls_sslmode"):
        found.pop("pooler-server-not-verified", None)
    assert set(found) == ids
    assert {finding["object"] for finding in found.values()} == ({place(home, line)} if ids else set())


def test_a_section_that_begins_again_takes_settings_back(home, audited):
    _, found = audited("[pgbouncer]\n" + VERIFIED + REMOTE + "[pgbouncer]\nserver_tls_ca_file = /r\n")
    assert set(found) == {"pooler-setting-lost", "pooler-server-not-verified"}
    assert found["pooler-setting-lost"]["object"] == place(home, 2)
    assert found["pooler-server-not-verified"]["object"] == place(home, 6)


def test_what_is_included_is_read_in_its_place(home, audited):
    (home / "more.ini").write_text("; more\nserver_tls_sslmode = prefer\n")
    _, found = audited(REMOTE + f"[pgbouncer]\n{VERIFIED}%include {home / 'more.ini'}\n")
    assert found["pooler-server-not-verified"]["object"] == place(home, 2, "more.ini")
    only, found = audited(REMOTE + f"[pgbouncer]\n%include {home / 'none.ini'}\n{VERIFIED}", exit=0)
    assert set(found) == {"audit-incomplete"} and "none.ini" in only["unseen"][0]["what"]


def test_files_that_include_each_other_end(home, audited):
    path = home / "pgbouncer.ini"
    _, found = audited(f"[pgbouncer]\n%include {path}\n")
    assert set(found) == {"pooler-error"}


def test_rules_are_judged_where_they_decide(home, audited):
    (home / "hba").write_text("local all all trust\nhostssl all all 0.0.0.0/0 md5 # all\nhostssl all all ::/0 trust\nhost all all 127.0.0.1/32 trust\n")
    ini = REMOTE + f"[pgbouncer]\nlisten_addr = *\n{VERIFIED}{TLS.replace('require', 'allow')}auth_type = hba\nauth_hba_file = {home / 'hba'}\n"
    _, found = audited(ini)
    assert set(found) == {"pooler-weak-password", "pooler-trust"}
    assert found["pooler-weak-password"]["object"] == place(home, 2, "hba")
    assert found["pooler-weak-password"]["hint"] == "hostssl all all 0.0.0.0/0 scram-sha-256"
    (home / "hba").write_text("host all all 0.0.0.0/0 scram-sha-256\n")
    _, found = audited(ini)
    assert set(found) == {"pooler-without-tls"}


def test_no_secret_of_a_rule_is_shown(home, audited):
    """It may be left there from another method, or from another server's file; the fixture looks for it."""
    (home / "hba").write_text('hostssl all all 10.0.0.0/8 md5 ldapserver=ldap.example.com ldapbindpasswd="geh, heim" # was: heim\n'
                              "hostssl all all 11.0.0.0/8 password radiussecrets=geheim,heim radiusservers=a,b\n"
                              "hostssl all all 12.0.0.0/8 trust ldapurl=ldap://u:geheim@h/dc ldapbindpasswd = geheim\n")
    ini = REMOTE + f"[pgbouncer]\nlisten_addr = *\n{VERIFIED}{TLS}auth_type = hba\nauth_hba_file = {home / 'hba'}\n"
    only, _ = audited(ini)
    assert [(finding["detail"], finding["hint"]) for finding in only["findings"]] == [
        ("hostssl all all 10.0.0.0/8 md5 ldapserver=ldap.example.com ldapbindpasswd=********", "hostssl all all 10.0.0.0/8 scram-sha-256"),
        ("hostssl all all 11.0.0.0/8 password radiussecrets=********,******** radiusservers=a,********",
         "hostssl all all 11.0.0.0/8 scram-sha-256"),
        ("hostssl all all 12.0.0.0/8 trust ldapurl=ldap://u:********@h/dc ******** = ********", "hostssl all all 12.0.0.0/8 scram-sha-256"),
    ]
    done = home.pganchor("audit", "--pgbouncer", home / "pgbouncer.ini", "--html", home / "page.html", "--sarif", home / "log.sarif")
    for report in (done.stdout, (home / "page.html").read_text(), (home / "log.sarif").read_text()):
        assert "10.0.0.0/8" in report and "heim" not in report


def test_files_with_passwords_that_everybody_can_read(home):
    path = home / "pgbouncer.ini"
    path.write_text(REMOTE + "[pgbouncer]\n" + VERIFIED)
    path.chmod(0o644)
    done = home.pganchor("audit", "--pgbouncer", path, "--fail-on", "warning")
    assert done.returncode == 3 and f"-> chmod o-rwx {path}\n" in done.stdout and "heim" not in done.stdout
    path.chmod(0o640)
    assert home.pganchor("audit", "--pgbouncer", path, "--fail-on", "warning").returncode == 0


def test_sarif_and_the_page_have_file_and_line(home):
    path = home / "pgbouncer.ini"
    path.write_text(REMOTE + "[pgbouncer]\nserver_tls_sslmode = prefer\n")
    path.chmod(0o600)
    done = home.pganchor("audit", "--pgbouncer", path, "--sarif", home / "a.sarif", "--html", home / "a.html")
    assert done.returncode == 3 and done.stderr == ""
    (result,) = json.loads((home / "a.sarif").read_text())["runs"][0]["results"]
    physical = result["locations"][0]["physicalLocation"]
    assert result["ruleId"] == "pooler-server-not-verified" and physical["artifactLocation"]["uri"] == path.as_uri()
    assert physical["region"]["startLine"] == 4 and physical["region"]["snippet"]["text"] == "server_tls_sslmode = prefer"
    page = (home / "a.html").read_text()
    assert re.search("<pre>server_tls_sslmode = verify-full</pre>", page) and "heim" not in page


def test_what_cannot_be_audited(home):
    done = home.pganchor("audit", "--pgbouncer", home / "none.ini")
    assert done.returncode == 1 and "none.ini could not be audited" in done.stdout
    assert home.pganchor("audit").returncode == 2
