"""cert timer: units of systemd that have a certificate renewed, which systemd takes as they are, and their end."""

import json
import os
import re

import pytest

from doctors import command, found, one
from own_certificates import FRESH, at, cert, have, known
from services import bootstrap, environment

UNITS = ".config/systemd/user"
TIMER = f"{UNITS}/pganchor-renew@.timer"
SERVICE = f"{UNITS}/pganchor-renew@.service"
OWN_TIMER = f"{UNITS}/pganchor-renew@client.timer.d/pganchor.conf"
OWN_SERVICE = f"{UNITS}/pganchor-renew@client.service.d/pganchor.conf"
LINK = f"{UNITS}/timers.target.wants/pganchor-renew@client.timer"
HOUR = 1 / 24


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
    return cert(home, "timer", *args, **kwargs)


def verify(home, *units, manager="--user"):
    """What systemd says of them: it ends with 0 for a key that it does not know, too, and says so."""
    done = home.run(["systemd-analyze", manager, "verify", *units], env={"XDG_RUNTIME_DIR": str(home.path)})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def started(home):
    """The units of the certificate "client", as systemd has them: with a name, and what is this one's own."""
    return [home / UNITS / f"pganchor-renew@client.{kind}" for kind in ("timer", "service")]


def test_systemd_takes_the_units(home, stepca, pganchor):
    known(home, stepca, "app")
    done = timer(home, "enable", "client")
    assert done.returncode == 0 and "starts with your next session" in done.stdout, done.stderr
    assert os.readlink(home / LINK) == str(home / TIMER)
    verify(home, *started(home))
    assert "StartLimitIntervalSec=0\n" in (home / SERVICE).read_text()
    text = (home / TIMER).read_text()
    assert "Persistent=true" in text and "RandomizedDelaySec=5min" in text and "OnCalendar=*:0/15" in text
    assert f'ExecStart="{pganchor.binary}" cert renew --quiet %i\n' in (home / SERVICE).read_text()
    own = (home / OWN_SERVICE).read_text()
    assert f'ReadWritePaths="-{home / ".postgresql"}"\n' in own and f'ReadWritePaths="-{home / ".config/pganchor"}"\n' in own
    assert not (home / OWN_TIMER).exists()
    before = home.snapshot()
    assert "already" in timer(home, "enable", "client").stdout and home.snapshot() == before
    assert "The timer is enabled" in timer(home, "status", "client").stdout


def test_what_it_runs_renews(home, stepca):
    """The very words of the unit, as systemd starts them."""
    crt, _ = known(home, stepca, "app", days=(-20, 5))
    timer(home, "enable", "client")
    words = re.search(r'^ExecStart="(.*)" (.*)$', (home / SERVICE).read_text(), re.M)
    before = crt.read_bytes()
    done = home.run([words[1], *words[2].replace("%i", "client").split()])
    assert done.returncode == 0 and crt.read_bytes() != before and done.stdout.startswith("client: renewed"), done.stderr
    assert home.run([words[1], *words[2].replace("%i", "client").split()]).stdout == ""


@pytest.mark.parametrize("life, calendar", [(6, None), (5, "*:0/10"), (1, "*:0/2"), (1 / 6, "*:*:0/15"), (1 / 360, "*:*:0/1")])
def test_one_that_does_not_live_long_is_looked_at_more_often(home, stepca, life, calendar):
    crt, _ = known(home, stepca, "app")
    at(stepca, crt, (0, life * HOUR))
    assert timer(home, "enable", "client").returncode == 0
    if calendar is None:
        assert not (home / OWN_TIMER).exists()
    else:
        assert f"[Timer]\nOnCalendar=\nOnCalendar={calendar}\n" in (home / OWN_TIMER).read_text()
    verify(home, *started(home))
    # One that lives longer by now is looked at as usual.
    at(stepca, crt, FRESH)
    if calendar is not None:
        assert "were changed" in timer(home, "status", "client").stdout
    assert timer(home, "enable", "client").returncode == 0 and not (home / OWN_TIMER).exists()


def test_its_end(home, stepca):
    known(home, stepca, "app")
    before = set(home.snapshot())
    have(home, stepca, "other", crt="db/server.crt", key="db/server.key")
    assert cert(home, "add", "db", "--cert", "db/server.crt", "--key", "db/server.key").returncode == 0
    assert timer(home, "enable", "client").returncode == 0 and timer(home, "enable", "db").returncode == 0
    assert "Would disable" in timer(home, "disable", "client", "-n").stdout and (home / LINK).is_symlink()
    # The other one still needs what is for all.
    assert timer(home, "disable", "client").returncode == 0
    assert not os.path.lexists(home / LINK) and not (home / OWN_SERVICE).parent.exists() and (home / TIMER).exists()
    assert json.loads(timer(home, "status", "db", "--json").stdout)["enabled"] is True
    assert timer(home, "disable", "db").returncode == 0
    left = {name for name in home.snapshot() if name.startswith(".config/systemd") and "." in name.rpartition("/")[2]}
    assert left <= before | {".config/systemd"}
    assert "not enabled" in timer(home, "disable", "db").stdout and json.loads(timer(home, "status", "db", "--json").stdout)["enabled"] is False


def test_what_cannot_be(home, stepca):
    known(home, stepca, "app")
    assert timer(home, "never", "client").returncode == 2 and timer(home, "enable").returncode == 2
    done = timer(home, "enable", "nobody")
    assert done.returncode == 1 and "there are: client" in done.stderr
    before = home.snapshot()
    assert "Would enable" in timer(home, "enable", "client", "--dry-run").stdout and home.snapshot() == before


def test_it_starts_where_systemd_runs(home, stepca, session):
    known(home, stepca, "app")
    done = timer(home, "enable", "client", env=session)
    assert done.returncode == 0 and "next session" not in done.stdout + done.stderr
    assert (home / "asked").read_text().splitlines() == [
        "--user --quiet daemon-reload", "--user --quiet restart pganchor-renew@client.timer"]
    timer(home, "disable", "client", env=session)
    assert (home / "asked").read_text().splitlines()[2:] == [
        "--user --quiet stop pganchor-renew@client.timer", "--user --quiet daemon-reload"]
    (home / "broken").touch()
    done = timer(home, "enable", "client", env=session)
    assert done.returncode == 0 and "no bus; the timer starts with your next session" in done.stderr and (home / LINK).is_symlink()


@pytest.fixture
def system_units(pganchor):
    """SYSCONFDIR/systemd/system of the installation that is tested; what comes there goes again."""
    directory = pganchor.prefix / "etc/systemd/system"
    had = directory.exists()
    yield directory
    if not had:
        import shutil
        shutil.rmtree(directory.parent, ignore_errors=True)


def test_the_machines_systemd(home, stepca, system_units):
    if os.geteuid() != 0:
        pytest.skip("root alone writes units of the machine")
    bootstrap(home, stepca)
    crt, key = have(home, stepca, "db.example.test", crt="db/server.crt", key="db/server.key")
    assert cert(home, "add", "db", "--for", "server", "--cert", crt, "--key", key, "--reload", "postgresql.service").returncode == 0
    done = timer(home, "enable", "db", "--system")
    assert done.returncode == 0, done.stderr
    verify(home, *(system_units / f"pganchor-renew@db.{kind}" for kind in ("timer", "service")), manager="--system")
    text = (system_units / "pganchor-renew@.service").read_text()
    assert "User=root\n" in text and "CapabilityBoundingSet=" in text and "ReadWritePaths=%h" not in text
    assert f'ReadWritePaths="-{home / "db"}"\n' in (system_units / "pganchor-renew@db.service.d/pganchor.conf").read_text()
    assert json.loads(timer(home, "status", "db", "--json").stdout)["enabled"] is False
    assert timer(home, "disable", "db", "--system").returncode == 0
    assert not (system_units / "pganchor-renew@.service").exists()


def test_the_exposure_is_low(home, stepca, system_units):
    if os.geteuid() != 0:
        pytest.skip("root alone writes units of the machine")
    known(home, stepca, "app")
    assert timer(home, "enable", "client", "--system").returncode == 0
    done = home.run(["systemd-analyze", "security", "--offline=yes", system_units / "pganchor-renew@client.service"])
    assert timer(home, "disable", "client", "--system").returncode == 0
    figure = float(re.search(r"Overall exposure level for .*: ([\d.]+)", done.stdout)[1])
    assert figure <= 3.5, done.stdout


def test_what_is_forgotten_has_no_timer(home, stepca):
    known(home, stepca, "app")
    timer(home, "enable", "client")
    assert cert(home, "forget", "client").returncode == 0
    assert not os.path.lexists(home / LINK) and not (home / SERVICE).exists()


def test_uninstall_takes_it_along(home, stepca, session):
    known(home, stepca, "app")
    timer(home, "enable", "client", env=session)
    told = home.pganchor("uninstall", "--dry-run", env=session)
    assert "pganchor-renew@.timer" in told.stdout and OWN_SERVICE.rpartition("/")[0] in told.stdout and (home / LINK).is_symlink()
    done = home.pganchor("uninstall", "--yes", env=session)
    assert done.returncode == 0, done.stderr
    assert "--user --quiet stop pganchor-renew@client.timer" in (home / "asked").read_text()
    assert not os.path.lexists(home / LINK) and not [name for name in home.snapshot() if "pganchor-renew" in name]


def test_uninstall_takes_those_of_the_machine_along(home, stepca, system_units):
    """Root's, and those of root's alone: what is another user's of the same name stays, and what is for all stays for it."""
    if os.geteuid() != 0:
        pytest.skip("root alone writes units of the machine")
    known(home, stepca, "app")
    have(home, stepca, "other", crt="db/server.crt", key="db/server.key")
    assert cert(home, "add", "db", "--cert", "db/server.crt", "--key", "db/server.key").returncode == 0
    for name in "client", "db":
        assert timer(home, "enable", name, "--system").returncode == 0
    own = system_units / "pganchor-renew@db.service.d/pganchor.conf"
    own.write_text(own.read_text().replace(str(home / ".config"), "/home/somebody/.config"))
    links = system_units / "timers.target.wants"
    told = home.pganchor("uninstall", "--dry-run")
    assert f"{links}/pganchor-renew@client.timer" in told.stdout and "renew@db" not in told.stdout and "renew@.timer" not in told.stdout
    own.write_text(own.read_text().replace("/home/somebody/.config", str(home / ".config")))
    told = home.pganchor("uninstall", "--dry-run")
    assert all(f"{system_units}/pganchor-renew@{name}" in told.stdout for name in (".timer", ".service", "db.service.d/pganchor.conf"))
    own.write_text(own.read_text().replace(str(home / ".config"), "/home/somebody/.config"))
    done = home.pganchor("uninstall", "--yes")
    assert done.returncode == 0, done.stderr
    left = {str(path.relative_to(system_units)) for path in system_units.rglob("*") if not path.is_dir()}
    assert left == {"pganchor-renew@.timer", "pganchor-renew@.service", "pganchor-renew@db.service.d/pganchor.conf",
                    "timers.target.wants/pganchor-renew@db.timer"}


def test_doctor_says_that_nothing_renews_it(home, stepca, session):
    known(home, stepca, "app")
    finding = one(home, "cert-no-timer", "client", env=session)
    assert finding["fixable"] and finding["severity"] == "note" and command(finding) == "pganchor cert timer enable client"
    done = home.pganchor("doctor", "--fix", "--yes", "cert-no-timer", env=environment(home, session))
    assert "done: enable the timer pganchor-renew@client.timer" in done.stdout and (home / LINK).is_symlink(), done.stderr
    assert found(home, "cert-no-timer", env=session) == []
    (home / LINK).unlink()
    (home / "broken").touch()
    done = home.pganchor("doctor", "--fix", "--yes", "cert-no-timer", env=environment(home, session))
    assert "no bus; the timer starts with your next session" in done.stderr and (home / LINK).is_symlink(), done.stderr


def test_doctor_says_what_is_wrong_with_it(home, stepca):
    crt, _ = known(home, stepca, "app")
    at(stepca, crt, (-20, -1))
    finding = one(home, "cert-broken", "client")
    assert finding["severity"] == "error" and "expired" in finding["detail"]
    at(stepca, crt, FRESH)
    conf = home / ".config/pganchor/certs.conf"
    conf.write_text(conf.read_text() + "failures = 2\ntried = 2026-11-22T06:00:00Z\nwhy = the CA is down\n")
    finding = one(home, "cert-not-renewed", "client")
    assert finding["detail"] == "the CA is down" and command(finding) == "pganchor cert renew client --force"
