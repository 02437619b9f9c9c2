"""pganchor audit: what it says of real servers with sessions, rules, subscriptions and foreign servers that are weak, and of those it is
not to talk to."""

import contextlib
import json
import subprocess

import pytest

from postgres import NAMES, PASSWORD, SUPERUSER, USER
from services import bootstrap, write

# Weak in one way each; the numbers of the lines are told.
RULES = f"""\
local all {SUPERUSER} peer map=tests
local all {USER} scram-sha-256
host all {USER} 127.0.0.1/32 scram-sha-256
hostssl all auditor 127.0.0.1/32 scram-sha-256
host all all 10.4.0.0/16 scram-sha-256
hostssl all all 10.1.0.0/16 trust
hostssl all all 10.2.0.0/16 md5
host replication all 10.3.0.0/16 password
hostssl all all 192.168.0.0/16 scram-sha-256
hostssl all all 192.168.0.0/16 cert
host all all 172.16.0.0/12 reject
host replication all 127.0.0.1/32 scram-sha-256
"""


def sql(server, *commands, dbname="postgres"):
    for command in commands:
        subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", f"{server.superuser} dbname={dbname}", "-c", command], check=True,
                       capture_output=True, text=True)


def service(home, server, name="prod", **settings):
    everything = {"host": "localhost", "port": server.port, "user": USER, "dbname": USER, "password": PASSWORD, "sslmode": "verify-full",
                  "gssencmode": "disable", **settings}
    return f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in everything.items())


def audit(home, *args):
    return home.pganchor("audit", *args, env={"PGSYSCONFDIR": home / "machine"})


def report(home, *args, exit=3):
    done = audit(home, "--json", *args)
    assert done.returncode == exit and done.stderr == "", (done.stdout, done.stderr)
    return json.loads(done.stdout)


def found(server, *ids):
    """[(object, severity)] of the findings with these ids, or of all: {id: [...]}."""
    by_id = {}
    for finding in server["findings"]:
        by_id.setdefault(finding["id"], []).append((finding["object"], finding["severity"]))
    return by_id if not ids else by_id.get(ids[0], [])


@pytest.fixture
def weak_server(home, stepca, make_postgres):
    server = make_postgres(*stepca.issue(*NAMES), hba=RULES, settings={"password_encryption": "scram-sha-256", "wal_level": "logical"})
    sql(server, f"CREATE ROLE auditor LOGIN SUPERUSER PASSWORD '{PASSWORD}'")
    bootstrap(home, stepca)
    return server


@contextlib.contextmanager
def session(conninfo):
    """A session that stands for as long as this lasts."""
    client = subprocess.Popen(["psql", "-XqAt", "-d", conninfo], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    client.stdin.write("SELECT pg_backend_pid();\n")
    client.stdin.flush()
    try:
        yield client.stdout.readline().strip()
    finally:
        with contextlib.suppress(BrokenPipeError):
            client.stdin.close()
        client.wait()
        client.stdout.close()


def test_what_a_superuser_sees_of_a_weak_server(home, weak_server):
    sql(weak_server, "CREATE EXTENSION postgres_fdw",
        "CREATE SERVER weak FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'db.example.com', fetch_size '50')",
        "CREATE SERVER strong FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'db.example.com', sslmode 'verify-full', gssencmode 'disable', sslrootcert '/r')",
        "CREATE USER MAPPING FOR PUBLIC SERVER weak OPTIONS (user 'u', password 'geheim')",
        "CREATE USER MAPPING FOR PUBLIC SERVER strong OPTIONS (user 'u', password 'geheim')",
        "CREATE SUBSCRIPTION down CONNECTION 'host=up.example.com password=geheim sslmode=require' PUBLICATION p WITH (connect = false, enabled = false, slot_name = NONE)")
    sql(weak_server, "SET password_encryption = 'md5'; CREATE ROLE old LOGIN PASSWORD 'x'")
    write(home, service(home, weak_server, user="auditor", dbname="postgres"))
    with session(weak_server.conninfo(sslmode="disable")) as pid, session(weak_server.conninfo(sslmode="require")) as other:
        seen = report(home, "prod")
    server = seen["servers"][0]
    assert (server["service"], server["audited"], server["superuser"], server["protocol"]) == ("prod", True, True, "TLSv1.3")
    assert found(server, "session-without-tls") == [(pid, "warning")]  # 127.0.0.1: nothing left the machine
    sessions = {item["pid"]: item for item in server["sessions"]}
    assert sessions[int(pid)]["tls"] is False and sessions[int(other)]["tls"] is True
    lines = {name: [(int(where.rsplit(":", 1)[1]), how) for where, how in list_] for name, list_ in found(server).items() if name.startswith("rule-")}
    assert lines == {"rule-without-tls": [(5, "error"), (8, "error")], "rule-trust": [(6, "error")], "rule-weak-password": [(7, "warning"), (8, "error")],
                     "rule-shadowed": [(10, "note")]}
    hints = {finding["object"].rsplit(":", 1)[1]: finding["hint"] for finding in server["findings"] if finding["id"] == "rule-without-tls"}
    assert hints == {"5": "hostssl all all 10.4.0.0/16 scram-sha-256", "8": "hostssl replication all 10.3.0.0/16 scram-sha-256"}
    assert found(server, "foreign-server-weak") == [("weak", "error")]
    assert found(server, "subscription-weak") == [("down", "warning")]  # disabled
    assert found(server, "roles-md5") == [(None, "warning")]
    assert found(server, "rule-without-tls") and "geheim" not in json.dumps(seen)
    shown = {item["name"]: item["settings"] for item in server["connections"]}
    assert shown["down"] == "password=******** host=up.example.com sslmode=require" or "********" in shown["down"]
    assert [finding["cis"] for finding in server["findings"] if finding["id"] == "rule-trust"] == ["CIS 5.4"]
    assert seen["counts"]["servers"] == 1 and seen["exit"] == 3
    # And for people, with the same exit status; for an auditor, and for a scanner.
    text = audit(home, "prod", "--html", home / "audit.html", "--sarif", home / "audit.sarif")
    log = json.loads((home / "audit.sarif").read_text())
    assert log["version"] == "2.1.0" and "rule-trust" in {item["ruleId"] for item in log["runs"][0]["results"]}
    page = (home / "audit.html").read_text()
    assert "10.4.0.0/16" in page and "<script" not in page and "geheim" not in page + json.dumps(log)
    assert text.returncode == 3 and "10.4.0.0/16" in text.stdout and "geheim" not in text.stdout and text.stderr == ""


def test_what_a_plain_role_does_not_see_is_told_with_the_right(home, weak_server):
    write(home, service(home, weak_server))
    with session(weak_server.conninfo(user="auditor", dbname="postgres", sslmode="require")):
        server = report(home, "prod", exit=0)["servers"][0]
    unseen = {item["what"]: item["right"] for item in server["unseen"]}
    assert unseen["the sessions of other roles"] == 'GRANT pg_monitor TO "app"'
    assert unseen["the rules of pg_hba.conf"] == ('GRANT SELECT ON pg_hba_file_rules TO "app"; '
                                                 'GRANT EXECUTE ON FUNCTION pg_hba_file_rules() TO "app"')
    assert {"the settings that name files", "where the subscriptions connect to", "which passwords are stored as MD5"} <= set(unseen)
    assert server["rules"] is None
    # The rights that are named are enough.
    sql(weak_server, *[right for right in ";".join(filter(None, unseen.values())).split(";")], dbname=USER)
    server = report(home, "prod")["servers"][0]
    left = {item["what"] for item in server["unseen"]}
    assert left == {"which passwords are stored as MD5", "the foreign servers of other databases",
                    "whether the server's certificate is the one in its file", "whether the rules of the file are those in force"}
    assert found(server, "rule-without-tls")


def test_no_password_goes_to_a_server_that_is_not_verified(home, weak_server, impostor_postgres):
    write(home, service(home, impostor_postgres, "false") + service(home, weak_server, "weak", sslmode="require")
          + service(home, weak_server, "good"))
    before = impostor_postgres.daemon.text().count("connection authorized")
    seen = report(home, "false", "weak", "none", "good", exit=1)
    assert [(server["service"], server["audited"]) for server in seen["servers"]] == [
        ("false", False), ("weak", False), ("none", False), ("good", True)]
    assert all(found(server) == {"server-not-audited": [(server["service"], "error")]} for server in seen["servers"][:3])
    assert seen["counts"]["not_audited"] == 3
    assert impostor_postgres.daemon.text().count("connection authorized") == before


def test_standbys_and_subscribers_without_tls(home, weak_server, make_postgres, clusters):
    sql(weak_server, "CREATE TABLE t (i int)", "CREATE PUBLICATION p FOR TABLE t", f"ALTER ROLE {USER} SUPERUSER", dbname=USER)
    plain = weak_server.conninfo(sslmode="disable")
    sql(weak_server, "ALTER SYSTEM SET ssl_min_protocol_version = 'TLSv1.1'", "SELECT pg_reload_conf()")
    standby = make_postgres(copy=clusters.base_backup(weak_server.conninfo(sslmode="disable", dbname=None, application_name="standby")),
                            hba=f"local all {SUPERUSER} peer map=tests\nlocal all {USER} trust\n", settings={"wal_level": "logical"})
    subscriber = make_postgres(settings={"wal_level": "logical"})
    sql(subscriber, "CREATE TABLE t (i int)", f"CREATE SUBSCRIPTION s CONNECTION '{plain.replace(chr(39), chr(39) * 2)}' PUBLICATION p", dbname=USER)
    for server in (standby, subscriber):
        server.daemon.wait_for("started streaming WAL|logical replication apply worker for subscription .* has started")
    sql(weak_server, *["SELECT pg_sleep(0.2)"])
    write(home, service(home, weak_server) + service(home, standby, "standby", host=standby.socket_dir, sslmode=None)
          .replace("sslmode=None\n", ""))
    primary, other = report(home, "prod", "standby")["servers"]
    walsenders = {item["application"]: item["tls"] for item in primary["sessions"] if item["kind"] == "walsender"}
    assert walsenders == {"standby": False, "s": False}
    assert [severity for _, severity in found(primary, "standby-without-tls")] == ["warning", "warning"]
    assert found(primary, "server-tls-old") == [("ssl_min_protocol_version", "error")]
    assert other["standby"] is True and found(other, "receiver-weak") == [("its primary", "error")]
    assert PASSWORD not in json.dumps([primary, other])


def test_a_certificate_that_was_not_loaded(home, stepca, weak_server):
    data = weak_server.directory / "data"
    write(home, service(home, weak_server, user="auditor", dbname="postgres"))
    assert "served-certificate-old" not in found(report(home, "prod")["servers"][0])
    chain, _ = stepca.issue(*NAMES)
    (data / "server.crt").write_bytes(chain.read_bytes())
    finding, = [finding for finding in report(home, "prod")["servers"][0]["findings"] if finding["id"] == "served-certificate-old"]
    assert finding["severity"] == "error" and "another certificate" in finding["message"]
    (data / "server.key").rename(data / "gone.key")
    finding, = [finding for finding in report(home, "prod")["servers"][0]["findings"] if finding["id"] == "served-certificate-old"]
    assert "will not start" in finding["message"] and "server.key" in finding["detail"]


def test_the_certificate_is_for_each_service_that_leads_there(home, weak_server, make_postgres):
    far = make_postgres()
    write(home, service(home, weak_server) + service(home, weak_server, "named", host="db.example.test", hostaddr="127.0.0.1")
          + service(home, weak_server, "called", host="old.example.test", hostaddr="127.0.0.1")
          + service(home, weak_server, "weak", host="other.example.test", hostaddr="127.0.0.1", sslmode="require")
          + service(home, far, "elsewhere", host="old.example.test", hostaddr="127.0.0.1"))
    server = report(home, "prod")["servers"][0]
    assert [(item["services"], item["host"], item["verified"], item["anchor"] is None) for item in server["callers"]] == [
        ("prod", "localhost", True, False), ("named", "db.example.test", True, False), ("called", "old.example.test", False, False),
        ("weak", "other.example.test", False, False)]
    assert found(server, "served-certificate-refused") == [("called", "error"), ("weak", "warning")]
    refused = [finding["detail"] for finding in server["findings"] if finding["id"] == "served-certificate-refused"]
    assert refused[0].startswith("the certificate is for ") and refused[0].endswith("; you asked for old.example.test")


def test_sessions_without_encryption_are_ended(home, weak_server):
    write(home, service(home, weak_server, user="auditor", dbname="postgres"))
    with session(weak_server.conninfo(sslmode="disable")) as plain, session(weak_server.conninfo(sslmode="require")) as encrypted, \
            session(weak_server.superuser + " dbname=postgres") as by_socket:
        def alive():
            asked = subprocess.run(["psql", "-XqAt", "-d", f"{weak_server.superuser} dbname=postgres", "-c", "SELECT pid FROM pg_stat_activity"],
                                   capture_output=True, text=True, check=True).stdout.split()
            return {plain, encrypted, by_socket} & set(asked)
        done = audit(home, "prod", "prod", "--terminate-unencrypted", "--dry-run")
        assert done.stdout.count(f"process {plain}, app@app") == 1
        assert f"process {plain}, app@app from 127.0.0.1" in done.stdout and alive() == {plain, encrypted, by_socket}
        done = audit(home, "prod", "--terminate-unencrypted")
        assert done.returncode == 1 and "--yes" in done.stderr and alive() == {plain, encrypted, by_socket}
        done = home.pganchor_tty("audit", "prod", "--terminate-unencrypted", answers=[("End them", "n")])
        assert "nothing was ended" in done.output and alive() == {plain, encrypted, by_socket}
        done = audit(home, "prod", "--terminate-unencrypted", "--yes")
        assert f"process {plain}: ended\n" in done.stdout and alive() == {encrypted, by_socket}, done.stdout
        assert done.returncode == 3 and "still" not in done.stdout
    for wrong in (["prod", "--yes"], ["prod", "--terminate-unencrypted", "--json"]):
        assert audit(home, *wrong).returncode == 2


def test_severities_and_exit_statuses(home, weak_server):
    write(home, service(home, weak_server))
    assert audit(home, "prod").returncode == 0
    assert audit(home, "prod", "--fail-on", "note").returncode == 3
    for wrong in (["prod", "--fail-on", "much"], [], ["prod", "--jobs", "0"]):
        assert audit(home, *wrong).returncode == 2, wrong
