"""What pganchor doctor says of anchors, of root.crt, and of what refreshes them."""

import os
import time

import pytest
from cryptography import x509

import services
from certificates import make_root
from doctors import command, examine, found, mend, one
from services import write


OLD = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 40 * 86400))


def long(name, **how):
    return make_root(name, days=(-30, 400), **how)


def test_an_anchor_for_every_host(home):
    """The command has the hosts of the services that use it."""
    services.pin_files(home, ("company", long("Company"), "*", "root.crt"))
    finding = one(home, "anchor-unconstrained", "company")
    assert command(finding) == "pganchor anchor set-hosts company '*.example.com'" and finding["severity"] == "warning"
    write(home, "[prod]\nhost=db.example,db2.example\nsslmode=verify-full\ngssencmode=disable\n[again]\nhost=db.example\nsslmode=verify-full\n")
    finding = one(home, "anchor-unconstrained", "company")
    assert command(finding) == "pganchor anchor set-hosts company db.example db2.example"
    mend(home, finding)
    assert found(home, "anchor-unconstrained") == []
    assert "hosts = db.example db2.example\n" in (home / ".config/pganchor/anchors.conf").read_text()


def test_an_anchor_whose_ca_is_constrained(home):
    bound = long("Company").twin(days=(-1, 400), extensions=[(x509.NameConstraints([x509.DNSName("example.com")], None), True)])
    services.pin_files(home, ("company", bound, "*", "root.crt"))
    finding = one(home, "anchor-any-host", "company")
    assert finding["severity"] == "note" and "example.com" in finding["detail"] and found(home, "anchor-unconstrained") == []


@pytest.mark.parametrize("how", [{"key": "rsa1024"}, {"key": "p224"}])
def test_a_weak_anchor(home, how):
    services.pin_files(home, ("old", long("Old", **how), "db.example", "root.crt"))
    finding = one(home, "anchor-weak", "old")
    assert finding["severity"] == "error" and "bits" in finding["detail"] and command(finding) == "pganchor anchor remove old"
    assert home.run(["sh", "-c", f"{command(finding)} --yes"]).returncode == 0
    assert found(home, "anchor-weak") == []


def test_an_anchor_that_is_signed_with_sha1(home):
    services.pin_files(home, ("old", long("Old", digest="sha1"), "db.example", "root.crt"))
    assert one(home, "anchor-signed-by-sha1", "old")["severity"] == "note" and found(home, "anchor-weak") == []


def test_an_anchor_that_has_ended_is_told_once(home):
    services.pin_files(home, ("over", make_root("Over", days=(-30, -2)), "db.example", "root.crt"))
    told = [finding["id"] for finding in examine(home)[0]["findings"] if "over" in finding["message"] + (finding["object"] or "")]
    assert told == ["anchor-expired"]


def test_an_anchor_whose_file_is_gone_or_another(home):
    services.pin_files(home, ("a", long("A"), "db.example", "root.crt"))
    path = home / ".config/pganchor/anchors/a.crt"
    pem = path.read_bytes()
    assert found(home, "anchor-file-differs") == []
    path.write_text(long("B").pem)
    assert str(path) in one(home, "anchor-file-differs", "a")["detail"]
    path.unlink()
    assert len(found(home, "anchor-file-differs", "a")) == 1
    path.write_bytes(pem)
    assert found(home, "anchor-file-differs") == []


def test_roots_that_nobody_pinned(home):
    mine, theirs = long("Mine"), long("Theirs")
    services.pin_files(home, ("mine", mine, "db.example", "root.crt"))
    assert found(home, "root-not-pinned") == []
    write(home, mine.pem + theirs.pem, ".postgresql/root.crt")
    finding = one(home, "root-not-pinned")
    assert finding["object"] == theirs.fingerprint and "CN=Theirs" in finding["message"] and finding["severity"] == "warning"
    assert command(finding) == "pganchor bootstrap --pin-existing"
    home.run(["sh", "-c", f"{command(finding)} --yes"])
    assert found(home, "root-not-pinned") == []


def test_what_root_crt_changes(home):
    assert found(home, "root-crt-changes") == []
    write(home, long("A").pem, ".postgresql/root.crt")
    finding = one(home, "root-crt-changes", home / ".postgresql/root.crt")
    assert finding["severity"] == "note" and "require" in finding["message"] and "prefer" in finding["message"]


def test_a_bundle_of_many(home):
    write(home, "".join(long(f"CA {number}", key="p256").pem for number in range(25)), ".postgresql/root.crt")
    assert "25 roots" in one(home, "bundle-large")["message"]
    finding = one(home, "root-not-pinned")
    assert finding["object"] == str(home / ".postgresql/root.crt") and "25 roots" in finding["message"]


def of_source(home, checked, kind="https"):
    services.pin_files(home, ("company", long("Company"), "db.example", "root.crt"))
    write(home, f"[company]\nkind = {kind}\nlocation = https://ca.example/root.pem\nchecked = {checked}\nchanged = {checked}\n[gone]\nkind = https\n"
                "checked = 2020-01-01T00:00:00Z\n", ".config/pganchor/sources.conf")


def test_a_source_that_was_not_asked_for_long(home):
    of_source(home, OLD)
    finding = one(home, "anchor-not-checked", "company")
    assert command(finding) == "pganchor anchor refresh company" and finding["severity"] == "warning"
    of_source(home, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
    assert found(home, "anchor-not-checked") == []
    of_source(home, OLD, kind="stdin")
    assert found(home, "anchor-not-checked") == []


def with_source(home):
    """anchors.conf says where it came from; and a systemd of the user's runs. The variables that say so."""
    services.pin_files(home, ("company", long("Company"), "db.example", "root.crt"))
    path = home / ".config/pganchor/anchors.conf"
    path.write_text(path.read_text().replace("[company]\n", "[company]\nsource = https://ca.example\n"))
    (home / "run/systemd").mkdir(parents=True)
    (home / "run/systemd/private").touch()
    return {"XDG_RUNTIME_DIR": str(home / "run"), "PATH": f"{home.path}/bin:{home.environment()['PATH']}"}


def systemctl(home, says):
    """One that answers so."""
    write(home, f"#!/bin/sh\necho {says}\n", "bin/systemctl").chmod(0o755)


def test_the_timer(home):
    env = with_source(home)
    systemctl(home, "success")
    finding = one(home, "refresh-timer-off", env=env)
    assert finding["fixable"] and finding["severity"] == "note"
    mend(home, finding, env)
    assert found(home, "refresh-timer-off", env=env) == []
    unit = home / ".config/systemd/user/pganchor-refresh.service"
    unit.write_text(unit.read_text().replace("Nice=10", "Nice=11"))
    finding = one(home, "refresh-timer-changed", env=env)
    done = home.pganchor("doctor", "--fix", "--yes", "refresh-timer-changed", env=services.environment(home, env))
    assert "done: enable the timer" in done.stdout and "Nice=10" in unit.read_text()
    assert found(home, "refresh-timer-changed", env=env) == []


def test_a_refresh_that_failed(home):
    env = with_source(home)
    systemctl(home, "success")
    mend(home, one(home, "refresh-timer-off", env=env), env)
    assert found(home, "refresh-failed", env=env) == []
    systemctl(home, "exit-code")
    finding = one(home, "refresh-failed", env=env)
    assert "(exit-code)" in finding["message"] and command(finding) == "pganchor anchor refresh"


def test_no_timer_where_nothing_could_start_it(home):
    with_source(home)
    assert found(home, "refresh-timer-off", env={"XDG_RUNTIME_DIR": str(home / "none")}) == []
    assert os.path.exists(home / "run/systemd/private")
