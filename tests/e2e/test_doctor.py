"""pganchor doctor: each hazard is made, seen, mended by the very command that its hint prints, and seen no more. What belongs to one
subject alone has a file of its own: test_doctor_start_files.py, test_doctor_anchors.py, test_doctor_accept.py, test_doctor_fix.py."""

import json
import os
import re
import time

import pytest

import services
from certificates import make_root
from doctors import command, examine, found, mend, one
from services import write
from tracing import internet


def mended(home, name, about, env=None):
    """Sees it, types the command, and sees it no more; the finding."""
    finding = one(home, name, about, env=env)
    mend(home, finding, env)
    assert found(home, name, about, env=env) == []
    return finding


def test_a_private_key_that_others_may_use(home):
    key = write(home, "key\n", ".postgresql/postgresql.key")
    key.chmod(0o600)
    assert found(home, "key-open") == []
    key.chmod(0o640)
    assert mended(home, "key-open", key)["severity"] == "error"
    assert key.stat().st_mode & 0o7777 == 0o600


def test_a_private_key_of_a_service(home):
    key = write(home, "key\n", "keys/mine.key")
    key.chmod(0o644)
    write(home, f"[a]\nhost=db.example\nsslkey={key}\n[b]\nhost=db.example\nsslkey={key}\n")
    mended(home, "key-open", key)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
def test_a_password_file_that_others_may_use(home, mode):
    """libpq's own warning of it is not repeated at every question that is asked of libpq."""
    passfile = write(home, "localhost:5432:db:joe:secret\n", ".pgpass")
    passfile.chmod(mode)
    write(home, "[a]\nhost=/tmp\n[b]\nhost=/tmp\n")
    done = home.pganchor("doctor")
    assert done.stderr == "" and "secret" not in done.stdout
    mended(home, "passfile-open", passfile)


def test_the_password_file_that_pgpassfile_names(home):
    passfile = write(home, "*:*:*:joe:secret\n", "elsewhere")
    passfile.chmod(0o644)
    env = {"PGPASSFILE": str(passfile)}
    mended(home, "passfile-open", passfile, env)
    mended(home, "passfile-any-host", "*:*:*:joe", env)
    assert passfile.read_text() == ""


def test_passwords_for_every_host(home):
    passfile = write(home, "localhost:5432:db:joe:one\n*:5432:*:joe:two\n", ".pgpass")
    passfile.chmod(0o600)
    finding = mended(home, "passfile-any-host", "*:5432:*:joe")
    assert "line 2" in finding["message"] and passfile.read_text() == "localhost:5432:db:joe:one\n"
    # A star that stands for itself is a host of that name.
    passfile.write_text("\\*:5432:*:joe:two\n")
    assert found(home, "passfile-any-host") == []


def test_passwords_for_hosts_that_nothing_verifies(home, stepca):
    passfile = write(home, "db.example.test:5432:db:joe:secret\n", ".pgpass")
    passfile.chmod(0o600)
    finding = one(home, "passfile-unverified")
    assert "db.example.test" in finding["detail"] and command(finding) == "pganchor bootstrap --from-server db.example.test"
    for host in ("localhost", "/run/postgresql", "127.0.0.1"):
        passfile.write_text(f"{host}:5432:db:joe:secret\n")
        assert found(home, "passfile-unverified") == []
    # An anchor for it, or the policy's word that it need not be verified.
    passfile.write_text("db.example.test:5432:db:joe:secret\n")
    services.policy(home, "allow-weak = *.example.test\n")
    assert found(home, "passfile-unverified") == []
    services.policy(home, "")
    assert len(found(home, "passfile-unverified")) == 1
    services.bootstrap(home, stepca, "--hosts", "*.example.test")
    assert found(home, "passfile-unverified") == []


@pytest.mark.parametrize("name", [".postgresql/root.crt", ".postgresql/root.crl", ".pg_service.conf", ".config/pganchor/anchors.conf",
                                  ".config/pganchor/policy.conf", ".config/pganchor/accepted.conf", ".config/pganchor/known_servers.conf"])
def test_a_file_that_others_may_write(home, name):
    services.pin_files(home, ("a", make_root("A"), "db.example", "root.crt"))
    path = home / name
    if not path.exists():
        write(home, "", name)
    path.chmod(0o660)
    finding = mended(home, "file-writable", path)
    assert "its group" in finding["message"] and path.stat().st_mode & 0o7777 == 0o640


def test_a_directory_that_others_may_write(home):
    """It is told once, however many files are in it."""
    services.pin_files(home, ("a", make_root("A"), "db.example", "root.crt"))
    (home / ".config/pganchor").chmod(0o777)
    assert "everybody" in mended(home, "file-writable", home / ".config/pganchor")["message"]


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone can give a file away")
def test_a_file_of_somebody_else(home):
    write(home, "", ".postgresql/root.crt")
    os.chown(home / ".postgresql/root.crt", 54321, -1)
    finding = one(home, "file-of-another", home / ".postgresql/root.crt")
    assert "54321" in finding["message"]
    done = home.run(["sh", "-c", command(finding).removeprefix("sudo ")])
    assert done.returncode == 0 and found(home, "file-of-another") == []


WEAK = [("PGSSLMODE", "require"), ("PGSSLMODE", "prefer"), ("PGSSLMODE", "verify-ca"), ("PGREQUIRESSL", "1"), ("PGGSSENCMODE", "prefer"),
        ("PGSSLMINPROTOCOLVERSION", "TLSv1"), ("PGSSLMAXPROTOCOLVERSION", "TLSv1.1"), ("PGCHANNELBINDING", "disable"),
        ("PGOAUTHDEBUG", "UNSAFE"), ("PGOAUTHCAFILE", "/tmp/ca.pem"), ("SSLKEYLOGFILE", "/tmp/keys")]
FINE = [("PGSSLMODE", "verify-full"), ("PGREQUIRESSL", "0"), ("PGGSSENCMODE", "disable"), ("PGSSLMINPROTOCOLVERSION", "TLSv1.3"),
        ("PGCHANNELBINDING", "require"), ("PGOAUTHDEBUG", "http"), ("PGSSLNEGOTIATION", "postgres"), ("PGSSLMODE", "")]
CHANGES = [("PGSERVICEFILE", "/tmp/services"), ("PGSSLROOTCERT", "/tmp/root.crt"), ("PGPASSFILE", "/tmp/passwords"), ("PGSSLNEGOTIATION", "direct")]


def of_variables(home, name, value):
    return {finding["id"] for finding in examine(home, env={name: value})[0]["findings"]
            if finding["subject"] == "environment" and finding["object"] == name}


def unset_and_look(home, finding, name, value):
    """In a shell that has it, the command of the hint takes it away."""
    done = home.run(["sh", "-c", f"{command(finding)}; exec pganchor doctor --json"], env={name: value})
    return [one for one in json.loads(done.stdout)["findings"] if one["subject"] == "environment" and one["object"] == name]


@pytest.mark.parametrize("name, value", WEAK)
def test_variables_that_weaken(home, name, value):
    finding = one(home, "environment-weakens", name, env={name: value})
    assert finding["severity"] == "error" and finding["message"] == f"this environment has {name}={value}"
    assert unset_and_look(home, finding, name, value) == []


def test_variables_that_do_no_harm(home):
    for name, value in FINE:
        assert of_variables(home, name, value) == set(), name
    for name, value in CHANGES:
        assert of_variables(home, name, value) == {"environment-changes"}, name


def test_what_the_policy_allows_is_not_weak(home):
    services.policy(home, "gss-encryption = allow\n")
    assert of_variables(home, "PGGSSENCMODE", "prefer") == set()
    services.policy(home, "public-ca = refuse\n")
    assert of_variables(home, "PGSSLROOTCERT", "system") == {"environment-weakens"}


def test_a_password_in_the_environment(home):
    env = {"PGPASSWORD": "hunter2"}
    finding = one(home, "environment-password", "PGPASSWORD", env=env)
    assert unset_and_look(home, finding, "PGPASSWORD", "hunter2") == []
    for words in ([], ["--json"], ["--all"]):
        done = home.pganchor("doctor", *words, env=env)
        assert "hunter2" not in done.stdout + done.stderr


def test_a_service_that_is_weak(home, postgres, stepca):
    services.bootstrap(home, stepca, "--hosts", "localhost")
    write(home, f"[prod]\nhost=localhost\nport={postgres.port}\nsslmode=require\n")
    finding = one(home, "service-weak", "prod")
    assert finding["severity"] == "error" and "sslmode=require" in finding["detail"] and finding["fixable"]
    assert command(finding) == "pganchor service harden prod"
    done = home.pganchor("doctor", "--fix", "--yes", "service-weak:prod", env=services.environment(home))
    assert "sslmode=verify-full" in done.stdout and ("sslmode", "verify-full") in services.entry(home, "prod")
    assert found(home, "service-weak") == []


def test_the_servers_are_asked_with_a_word_for_it_alone(home, postgres, stepca, plain_postgres):
    services.bootstrap(home, stepca, "--hosts", "localhost")
    entry = "[{}]\nhost=localhost\nport={}\nsslmode=verify-full\ngssencmode=disable\n"
    write(home, entry.format("good", postgres.port) + entry.format("plain", plain_postgres.port))
    env = services.environment(home)
    _, calls = home.strace_sockets(["pganchor", "doctor"], env=env)
    assert internet(calls) == []
    told = {finding["object"]: finding for finding in json.loads(home.pganchor("doctor", "--online", "--json", env=env).stdout)["findings"]
            if finding["subject"] == "servers"}
    assert list(told) == ["plain"] and told["plain"]["id"] == "server-without-certificate"
    assert command(told["plain"]) == "pganchor probe plain"
    # What is accepted of servers is not taken for gone where they were not asked.
    assert home.pganchor("doctor", "--online", "--accept", "server-without-certificate:plain", "--reason", "x", env=env).returncode == 0
    assert found(home, "accepted-gone") == []
    write(home, entry.format("good", postgres.port))
    told = json.loads(home.pganchor("doctor", "--online", "--json", env=env).stdout)["findings"]
    assert "accepted-gone" in {finding["id"] for finding in told}


def test_services_that_are_broken_hidden_or_strong(home):
    services.pin_files(home, ("a", make_root("A"), "*.example", "root.crt"))
    write(home, "[good]\nhost=db.example\nsslmode=verify-full\ngssencmode=disable\n[odd]\nnonsense=1\n[twice]\nhost=/tmp\n[twice]\nhost=db.example\n")
    write(home, "[good]\nhost=db.example\n[machine]\nhost=db.example\n", services.SYSTEM)
    assert {finding["object"] for finding in found(home, "service-weak")} == {"machine"}
    assert "--system" in command(one(home, "service-weak", "machine"))
    finding = one(home, "service-broken", "odd")
    assert finding["severity"] == "warning"
    assert home.run(["sh", "-c", command(finding)]).stdout != ""


def test_a_password_in_a_service_file(home):
    write(home, "[prod]\nhost=/tmp\npassword=hunter2\n[good]\nhost=/tmp\n")
    finding = one(home, "service-password", "prod")
    assert command(finding) == "pganchor password set --service prod" and "hunter2" not in json.dumps(finding)
    (home / services.USER).write_text("[prod]\nhost=/tmp\n")
    assert found(home, "service-password") == []


def test_the_policy(home, system):
    system("mode = enforce\nmin-tls = 1.3\n")
    services.policy(home, "mode = audit\nmin-tls = 1.3\nlog = syslog\n")
    finding = one(home, "policy-overruled")
    assert (finding["object"], finding["message"]) == ("mode", "your mode = audit does not count")
    services.policy(home, "min-tls = 1.3\n")
    assert found(home, "policy-overruled") == []


def test_audit_for_long(home):
    """What the log says of it is test_log_sources.py's."""
    services.policy(home, "mode = audit\n")
    assert found(home, "audit-mode-long") == []
    old = time.time() - 40 * 86400
    os.utime(home / ".config/pganchor/policy.conf", (old, old))
    assert one(home, "audit-mode-long")["severity"] == "warning"
    services.policy(home, "mode = enforce\n")
    assert found(home, "audit-mode-long") == []


def test_anchors_that_the_policy_takes_no_account_of(home, system):
    services.pin_files(home, ("a", make_root("A"), "db.example", "root.crt"))
    assert found(home, "anchors-overruled") == []
    system("user-anchors = refuse\n")
    assert "your 1 anchor" in one(home, "anchors-overruled")["message"]


@pytest.mark.parametrize("name", ["policy.conf", "anchors.conf", "accepted.conf"])
def test_what_cannot_be_read_is_told_and_the_rest_is_looked_at(home, name):
    write(home, "nonsense\n", f".config/pganchor/{name}")
    write(home, "key\n", ".postgresql/postgresql.key").chmod(0o644)
    told = {finding["id"] for finding in examine(home)[0]["findings"]}
    assert "key-open" in told
    assert told & {"policy-unreadable", "pins-unreadable", "check-failed"}, told


def test_the_worst_comes_first_and_what_is_fine_with_all(home):
    write(home, "key\n", ".postgresql/postgresql.key").chmod(0o644)
    write(home, "PGPASSWORD=x\n", ".profile")
    severities = [finding["severity"] for finding in examine(home)[0]["findings"]]
    weight = ["error", "warning", "note", "ok"]
    assert severities == sorted(severities, key=weight.index)
    said, everything = home.pganchor("doctor").stdout, home.pganchor("doctor", "--all").stdout
    assert "\nok: " not in said and "ok: the anchors are refreshed\n" in everything and "ok: nobody else may use the private keys" not in everything
    checks = {check["looks_at"]: check["result"] for check in examine(home)[0]["checks"]}
    assert checks["nobody else may use the private keys"] == "found" and checks["the anchors are refreshed"] == "fine"


def test_words_ask_for_some_alone(home):
    write(home, "key\n", ".postgresql/postgresql.key").chmod(0o644)
    told = home.pganchor("doctor", "key-open").stdout
    assert told.startswith("error: others may use the private key") and len(told.splitlines()) == 3
    report, _ = examine(home, "key-open")
    assert [finding["id"] for finding in report["findings"]] == ["key-open"]


def test_words_that_name_no_finding(home):
    for word in ("root-crt", "nonsense:a", ""):
        done = home.pganchor("doctor", word)
        assert (done.returncode, done.stdout) == (2, "") and f"{word}: no id of a finding" in done.stderr, done.stderr
    done = home.pganchor("doctor", "key-open:/elsewhere", "key-open")
    assert done.stdout == "not found here: key-open:/elsewhere\nnot found here: key-open\n" and done.stderr == ""


def test_nobody_is_asked(home):
    services.pin_files(home, ("a", make_root("A"), "db.example", "root.crt"))
    write(home, "[prod]\nhost=db.example\nsslmode=require\n")
    write(home, "db2.example:5432:db:joe:secret\n", ".pgpass").chmod(0o600)
    done, calls = home.strace_sockets(["pganchor", "doctor"])
    assert "service prod is weaker" in done.stdout and internet(calls) == []


def test_the_counts_are_those_of_the_findings(home):
    write(home, "key\n", ".postgresql/postgresql.key").chmod(0o644)
    report, status = examine(home)
    for severity in ("error", "warning", "note"):
        assert report["open"][severity] == sum(finding["severity"] == severity for finding in report["findings"])
    said = home.pganchor("doctor").stdout
    assert status == 3 and int(re.search(r"\n(\d+) errors?, ", said)[1]) == len(re.findall(r"(?m)^error: ", said))


def test_what_is_shown_cannot_steer_a_terminal(home):
    write(home, b"[a\x1b[31m]\nhost=db.example\n")
    done = home.pganchor("doctor")
    assert "\x1b" not in done.stdout + done.stderr and "service-weak" in done.stdout


def test_usage(home):
    for words in (["--accept", "x"], ["--reason", "x"], ["--fix", "--accept", "a", "--reason", "b"], ["--accept-until", "2030-01-01"],
                  ["--accept", "a", "--reason", "b", "--accept-until", "soon"], ["--accept", "a", "--reason", "b", "--accept-until", "2001-01-01"],
                  ["--unaccept", "a", "word"]):
        done = home.pganchor("doctor", *words)
        assert done.returncode == 2 and "see pganchor doctor --help" in done.stderr, words
