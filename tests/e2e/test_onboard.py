"""pganchor onboard: a profile is applied over a real CA and a real server."""

import pytest

from onboarding import onboard  # noqa: F401


def test_everything_works_after_one_command(onboard, postgres, stepca):
    onboard.write(policy={"channel-binding": "require"})
    said = onboard.does()
    assert "+ anchor acme-ca for localhost" in said and f"SHA-256 {stepca.fingerprint}" in said
    assert "+ service orders at localhost, anchor acme-ca" in said and "+ policy channel-binding = require" in said
    assert "Questions: #databases" in said and said.endswith("next:\n    psql service=orders\n")
    row = next(line for line in said.splitlines() if line.startswith("orders "))
    assert row.split()[:4] == ["orders", "localhost", "yes", "acme-ca"]
    entry = onboard.entry("orders")
    assert entry["sslmode"] == "verify-full" and entry["channel_binding"] == "require"
    assert entry["sslrootcert"] == str(onboard.home / ".config/pganchor/anchors/acme-ca.crt")
    assert (onboard.home / ".config/pganchor/policy.conf").read_text() == "channel-binding = require\n"
    done = onboard.home.run(["psql", "service=orders", "-Atc", "select 1"], env={"PGPASSWORD": postgres.password})
    assert done.stdout == "1\n", done.stderr


def test_a_second_time_changes_nothing_and_says_so(onboard):
    onboard.write(policy={"min-tls": "1.3"})
    onboard.does()
    before = onboard.home.snapshot()
    assert "All of it is so already." in onboard.does()
    assert onboard.home.snapshot() == before
