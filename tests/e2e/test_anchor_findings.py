"""What pganchor status says of the anchors themselves: which have ended or soon will, and sources that nobody looks after. The files
alone are read: nobody is asked."""

import json
import re
import shlex

import pytest

from certificates import make_root
from services import pin_files, write
from tracing import internet

OF_ANCHORS = ("anchor-expired", "anchor-expires-soon", "bundle-old", "bundle-expires-soon")


def findings(home):
    """[(id, severity)] of the anchors, and the report."""
    done = home.pganchor("status", "--json")
    report = json.loads(done.stdout)
    found = [finding for finding in report["findings"] if finding["id"] in OF_ANCHORS]
    text = home.pganchor("status", "--all").stdout
    for finding in found:
        assert finding["subject"] == "anchors" and f"{finding['message']}: {finding['detail']}" in text or finding["detail"] is None
        assert finding["hint"] in text
    return [(finding["id"], finding["severity"]) for finding in found], found


def record(home, **records):
    """sources.conf: name="kind location changed"."""
    write(home, "".join(f"[{name}]\nkind = {kind}\nlocation = {location}\nchanged = {changed}\n"
                        for name, (kind, location, changed) in records.items()), ".config/pganchor/sources.conf")


NOW = "2026-11-01T00:00:00Z"


def test_anchors_that_end(home):
    over, soon, good = make_root("Over", days=(-30, -2)), make_root("Soon", days=(-30, 12)), make_root("Good", days=(-30, 60))
    pin_files(home, ("over", over, "db.example", "root.crt"), ("soon", soon, "*.example", "root.crt"), ("good", good, "h", "root.crt"))
    said, found = findings(home)
    assert said == [("anchor-expired", "error"), ("anchor-expires-soon", "warning")]
    assert "of anchor over has expired on" in found[0]["message"] and found[0]["detail"] == "hosts db.example"
    assert "pganchor anchor add pins" in found[0]["hint"] and "pganchor forecast --without over" in found[0]["hint"]
    # Nothing else is wrong where the gate is: the status is that of the anchors.
    under_gate = home.pganchor("run", "pganchor", "status", "--all")
    assert "has expired on" in under_gate.stdout and under_gate.returncode == 3
    # The command that the hint names works.
    command = shlex.split(re.search(r"pganchor (forecast --without \S+)", found[0]["hint"])[1])
    assert home.pganchor(*command).returncode == 0


def test_an_anchor_that_another_relieves_is_no_error(home):
    """As behind a rotation."""
    over, good = make_root("Over", days=(-30, -2)), make_root("Good", days=(-30, 300))
    pin_files(home, ("over", over, "a.example b.example", "root.crt"), ("good", good, "b.example a.example c.example", "root.crt"))
    said, found = findings(home)
    assert said == [("anchor-expired", "note")] and "pganchor anchor remove over takes it away" in found[0]["hint"]
    assert home.pganchor("anchor", "remove", "over", "--yes").returncode == 0
    assert findings(home)[0] == []
    # One of its hosts has none.
    pin_files(home, ("over", over, "a.example b.example", "root.crt"), ("good", good, "b.example", "root.crt"))
    assert findings(home)[0] == [("anchor-expired", "error")]


@pytest.mark.parametrize("kind", ["step-ca", "https", "file", "stdin"])
def test_the_hint_names_what_can_be_done(home, kind):
    pin_files(home, ("soon", make_root("Soon", days=(-30, 12)), "h", "root.crt"))
    record(home, soon=(kind, "https://ca.example:9000", NOW))
    _, found = findings(home)
    assert ("pganchor anchor refresh soon: asks its source" in found[0]["hint"]) == (kind != "stdin")


def test_sources_that_nobody_looks_after(home):
    names = ("a", "b", "c")
    pin_files(home, *((name, make_root(name, days=(-300, 60 if name != "c" else 400)), f"{name}.example", "root.crt") for name in names))
    record(home, a=("https", "https://pki.example/bundle.pem", "2020-01-01T00:00:00Z"),
           b=("https", "https://pki.example/bundle.pem", "2020-01-01T00:00:00Z"), c=("file", "/srv/root.pem", "2021-01-01T00:00:00Z"))
    said, found = findings(home)
    assert sorted(said) == [("bundle-expires-soon", "warning"), ("bundle-old", "note"), ("bundle-old", "warning")]
    assert {finding["id"]: finding for finding in found}["bundle-expires-soon"]["message"].startswith("all 2 anchors from https://pki.example/bundle.pem end by")
    assert all("pganchor anchor refresh" in finding["hint"] for finding in found)
    # Of a CA that answers for itself, a root that stays is what it should be; and what changed lately is looked after.
    record(home, a=("step-ca", "https://ca.example:9000", "2020-01-01T00:00:00Z"), b=("https", "https://pki.example/bundle.pem", NOW))
    assert findings(home)[0] == []


def test_nobody_is_asked(home):
    pin_files(home, ("soon", make_root("Soon", days=(-30, 12)), "h", "root.crt"))
    record(home, soon=("https", "https://ca.example:9000", "2020-01-01T00:00:00Z"))
    done, calls = home.strace_sockets(["pganchor", "status", "--all"])
    assert "expires on" in done.stdout and internet(calls) == []


def test_bookkeeping_that_cannot_be_read_is_no_end(home):
    pin_files(home, ("soon", make_root("Soon", days=(-30, 12)), "h", "root.crt"), ("lost", make_root("Lost"), "h2", "root.crt"))
    (home / ".config/pganchor/anchors/lost.crt").unlink()
    (home / ".config/pganchor/sources.conf").mkdir()
    assert findings(home)[0] == [("anchor-expires-soon", "warning")]
