"""anchor timer: two units of the user's systemd, which systemd takes as they are, and their end."""

import json
import os
import subprocess

import pytest

from hostile import reply, stepca_answers
from certificates import make_root

UNITS = ".config/systemd/user"
TIMER = f"{UNITS}/pganchor-refresh.timer"
SERVICE = f"{UNITS}/pganchor-refresh.service"
LINK = f"{UNITS}/timers.target.wants/pganchor-refresh.timer"


@pytest.fixture
def session(home):
    """A systemd of the user's that runs, as far as anybody sees, and a systemctl that notes what it is asked; fails as told."""
    (home / "run/systemd").mkdir(parents=True)
    (home / "run/systemd/private").touch()
    (home / "bin").mkdir()
    (home / "bin/systemctl").write_text(f'#!/bin/sh\necho "$@" >> {home / "asked"}\n[ ! -e {home / "broken"} ] || {{ echo no bus >&2; exit 1; }}\n')
    (home / "bin/systemctl").chmod(0o755)
    return {"XDG_RUNTIME_DIR": home / "run", "PATH": f"{home / 'bin'}:{home.environment()['PATH']}"}


def timer(home, *args, **kwargs):
    return home.pganchor("anchor", "timer", *args, **kwargs)


def test_systemd_takes_the_units(home):
    done = timer(home, "enable")
    assert done.returncode == 0 and "starts with your next session" in done.stdout
    assert os.readlink(home / LINK) == str(home / TIMER)
    env = {"XDG_RUNTIME_DIR": str(home.path)}
    verified = home.run(["systemd-analyze", "--user", "verify", home / TIMER, home / SERVICE], env=env)
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")
    text = (home / TIMER).read_text()
    assert "Persistent=true" in text and "RandomizedDelaySec=" in text and "OnCalendar=hourly" in text
    assert "enabled" in timer(home, "status").stdout
    before = home.snapshot()
    assert "already" in timer(home, "enable").stdout and home.snapshot() == before


def test_what_the_service_runs_is_this_pganchor(home, pganchor):
    odd = home / "odd $HOME %h \"dir\""
    odd.mkdir()
    assert timer(home, "enable", env={"XDG_CONFIG_HOME": odd}).returncode == 0
    text = (odd / "systemd/user/pganchor-refresh.service").read_text()
    assert f'ExecStart="{pganchor.binary}" anchor refresh --due\n' in text
    assert 'odd $HOME %%h \\"dir\\""\n' in text and "Environment=\"XDG_CONFIG_HOME=" in text
    env = {"XDG_RUNTIME_DIR": str(home.path)}
    verified = home.run(["systemd-analyze", "--user", "verify", odd / "systemd/user/pganchor-refresh.service"], env=env)
    assert verified.stderr == ""


def test_a_dry_run_writes_nothing(home):
    before = home.snapshot()
    assert "Would enable" in timer(home, "enable", "--dry-run").stdout and home.snapshot() == before
    timer(home, "enable")
    before = home.snapshot()
    assert "Would disable" in timer(home, "disable", "-n").stdout and home.snapshot() == before


def test_its_end(home):
    timer(home, "enable")
    assert timer(home, "disable").returncode == 0
    for path in (TIMER, SERVICE, LINK):
        assert not os.path.lexists(home / path)
    assert "not enabled" in timer(home, "status").stdout
    assert json.loads(timer(home, "status", "--json").stdout)["enabled"] is False
    assert timer(home, "never").returncode == 2


def test_it_starts_where_systemd_runs(home, session):
    done = timer(home, "enable", env=session)
    assert done.returncode == 0 and "next session" not in done.stdout + done.stderr
    assert (home / "asked").read_text().splitlines() == [
        "--user --quiet daemon-reload", "--user --quiet start pganchor-refresh.timer"]
    timer(home, "disable", env=session)
    assert "--user --quiet stop pganchor-refresh.timer" in (home / "asked").read_text()


def test_and_later_where_that_cannot_be_asked(home, session):
    (home / "broken").touch()
    done = timer(home, "enable", env=session)
    assert done.returncode == 0 and "no bus; the timer starts with your next session" in done.stderr
    assert (home / LINK).is_symlink()


@pytest.mark.parametrize("words", [[], ["--no-timer"], ["--dry-run"]])
def test_bootstrap_enables_it(home, session, https_ca, words):
    root = make_root("Company Root CA")
    ca = https_ca(stepca_answers(root), authority=root)
    bootstrap = ["bootstrap", "--ca-url", ca.url, "--fingerprint", root.fingerprint]
    done = home.pganchor(*bootstrap, *words, env=session)
    assert done.returncode == 0 and (home / LINK).is_symlink() == (words == [])
    assert ("once a week" in done.stdout) == (words != ["--no-timer"])
    # Who has disabled it is not asked again.
    timer(home, "disable", env=session)
    home.pganchor(*bootstrap, env=session)
    assert (home / LINK).is_symlink() == (words == ["--dry-run"])


def test_bootstrap_without_a_systemd_has_none(home, https_ca):
    root = make_root("Company Root CA")
    ca = https_ca(stepca_answers(root), authority=root)
    assert home.pganchor("bootstrap", "--ca-url", ca.url, "--fingerprint", root.fingerprint).returncode == 0
    assert not (home / UNITS).exists()


def test_uninstall_takes_it_along(home, session):
    before = {name for name in home.snapshot()}
    assert timer(home, "enable", env=session).returncode == 0
    told = home.pganchor("uninstall", "--dry-run", env=session)
    assert "pganchor-refresh.timer" in told.stdout and (home / LINK).is_symlink()
    assert home.pganchor("uninstall", "--yes", env=session).returncode == 0
    assert {name for name in home.snapshot()} - before == {"asked"}
    assert "--user --quiet stop pganchor-refresh.timer" in (home / "asked").read_text()
