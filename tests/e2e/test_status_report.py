"""The whole of what pganchor status says where nothing but itself runs, in words and as JSON."""

import json

import pytest

import transcripts
from running import loading

POLICY = """active here: LD_PRELOAD has the gate

WAY  STATE  FILE
machine  off  /etc/ld.so.conf.d/00-pganchor.conf
session  {session}  HOME/.config/environment.d/50-pganchor.conf
shell  {shell}  HOME/.bashrc
shell  {shell}  HOME/.profile
system session  off  /etc/environment.d/50-pganchor.conf
system shell  off  /etc/profile.d/pganchor.sh
ld.so.preload  off  /etc/ld.so.preload

policy: mode = {mode}, trust = verified, unix-socket = allow, gss-encryption = refuse, public-ca = allow, cancel = allow, \
user-anchors = allow, min-tls = 1.2, channel-binding = prefer, continuity = off, continuity-key = server, log = {log}, auth = any{weak}
policy files: PREFIX/etc/pganchor/policy.conf (not there), PREFIX/etc/pganchor/policy.d/ (not there), HOME/.config/pganchor/policy.conf
pins: 0 of the system, {pins} of yours
{audit}
programs of everybody with the gate: 0; with a libpq: 0
"""


def put(home, policy, anchors=None):
    directory = home / ".config/pganchor"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "policy.conf").write_text(policy)
    if anchors:
        (directory / "anchors.conf").write_text(anchors)


def report(among, home, pganchor, *words):
    _, status, shown = among([], *words, env={"SHELL": "/bin/bash"})
    return status, transcripts.plain(shown, home, pganchor)


def test_in_words(among, home, pganchor):
    put(home, "trust = verified\n")
    assert report(among, home, pganchor) == (0, POLICY.format(
        session="off", shell="off", mode="enforce", log="syslog", weak="", pins=0, audit=""))
    put(home, "trust = verified\nmode = audit\nlog = off\nallow-weak = a\n", f"[a]\npin = {'0' * 64}\n[b]\npin = {'1' * 64}\n")
    home.pganchor("enable")
    home.pganchor("enable", "--shell", env={"SHELL": "/bin/bash"})
    assert report(among, home, pganchor) == (0, POLICY.format(
        session="on", shell="on", mode="audit", log="off", weak=", and allow-weak", pins=2,
        audit="mode = audit refuses nothing, and log = off tells nobody what it would have refused\n"))


def test_as_json(among, home, pganchor):
    put(home, "trust = verified\nallow-weak = a *.b\n", f"[a]\npin = {'0' * 64}\n")
    status, shown = report(among, home, pganchor, "--json")
    files = [("machine", "/etc/ld.so.conf.d/00-pganchor.conf"), ("session", "HOME/.config/environment.d/50-pganchor.conf"), ("shell", "HOME/.bashrc"), ("shell", "HOME/.profile"),
             ("system session", "/etc/environment.d/50-pganchor.conf"), ("system shell", "/etc/profile.d/pganchor.sh"),
             ("ld.so.preload", "/etc/ld.so.preload")]
    told = json.loads(shown)
    # How many there are depends on the machine: its clock, its libpq, whether it is a container.
    doctor = told.pop("doctor")
    assert set(doctor["open"]) == {"error", "warning", "note"} and doctor["open"]["error"] == doctor["accepted"] == 0
    assert doctor["looks_at_more"] == ["entries", "timer", "clients", "libpq"]
    assert (status, told) == (0, {
        "active": True, "drop_in": False, "ld_preload": True, "enabled": [{"way": way, "path": path, "state": "off"} for way, path in files],
        "policy": {"mode": "enforce", "trust": "verified", "unix-socket": "allow", "gss-encryption": "refuse", "public-ca": "allow",
                   "cancel": "allow", "user-anchors": "allow", "min-tls": "1.2", "channel-binding": "prefer", "continuity": "off",
                   "continuity-key": "server", "log": "syslog",
                   "auth": "any", "allow-weak": [["a", "*.b"]]},
        "policy_files": [{"path": "PREFIX/etc/pganchor/policy.conf", "found": False},
                         {"path": "HOME/.config/pganchor/policy.conf", "found": True}],
        "pins": 1, "pins_system": 0, "known_servers": None, "problem": None, "processes": [], "unreadable": 0, "warnings": [],
        "findings": [{"id": "gate-active", "severity": "ok", "subject": "gate", "object": None, "message": "active here",
                      "detail": "LD_PRELOAD has the gate", "hint": None}],
        "ends_next": None, "services": {"count": 0, "allowed": 0, "weak": 0, "broken": 0},
        "keyring": {"available": False, "passwords": 0, "passphrases": 0},
        "timer": {"installed": False, "enabled": False, "current": False, "last": None, "next": None}})
    put(home, "nonsense\n")
    status, shown = report(among, home, pganchor, "--json")
    told = json.loads(shown)
    assert (status, told["policy"], told["pins"], told["problem"]) == (
        3, None, 0, "HOME/.config/pganchor/policy.conf, line 1: not a line of the form key = value: nonsense")
    status, shown = report(among, home, pganchor)
    assert status == 3 and shown.endswith(
        "\npolicy: every connection is refused: HOME/.config/pganchor/policy.conf, line 1: not a line of the form key = value: nonsense\n"
        "    correct the line; pganchor-policy(5) lists the keys and their values\n\n"
        "programs of everybody with the gate: 0; with a libpq: 0\n")


def findings(among, *started, gated=True):
    """{id: severity} as JSON has them, each of which is in the words too."""
    _, status, shown = among(started, "--json", gated=gated, env={"SHELL": "/bin/bash"})
    _, same, said = among(started, gated=gated, env={"SHELL": "/bin/bash"})
    told = json.loads(shown)["findings"]
    for finding in told:
        assert list(finding) == ["id", "severity", "subject", "object", "message", "detail", "hint"]
        assert ": ".join(filter(None, (finding["message"], finding["detail"]))) in said
        assert finding["hint"] is None or f"\n    {finding['hint']}\n" in said or f": {finding['hint']}\n" in said
    assert status == same == (3 if "error" in {finding["severity"] for finding in told} else 0)
    return {finding["id"]: finding["severity"] for finding in told}


def test_findings_are_the_same_in_words_and_as_json(among, home):
    assert findings(among) == {"gate-active": "ok"}
    assert findings(among, loading("libpq.so.5")) == {"gate-active": "ok", "programs-without-gate": "error"}
    put(home, "mode = audit\nlog = off\n")
    assert findings(among) == {"gate-active": "ok", "audit-not-logged": "warning"}
    put(home, "mode = audit\n")
    assert findings(among) in ({"gate-active": "ok", "audit-mode": "note"}, {"gate-active": "ok", "audit-not-heard": "warning"})
    put(home, "nonsense\n")
    assert findings(among) == {"gate-active": "ok", "policy-unreadable": "error"}
    put(home, "", "nonsense\n")
    assert findings(among) == {"gate-active": "ok", "pins-unreadable": "error"}


@pytest.mark.no_gate
def test_findings_without_the_gate(among):
    assert findings(among, gated=False) == {"gate-not-active": "error"}
