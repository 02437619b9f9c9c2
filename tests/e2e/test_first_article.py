"""The usual guide to PostgreSQL's TLS with a step-ca, step by step: what docs/certificates.md has in the place of each is typed, at real ones."""

import json
import os
import re
import stat
from pathlib import Path

import pytest

from certs import Pair, pair, start_with, trusting
from own_certificates import DUE, at, serial, shown
from postgres import HBA
from test_cert_acme import network  # noqa: F401
from test_cert_timer import system_units  # noqa: F401
from walkthroughs import FINGERPRINT

PAGE = Path(__file__).resolve().parent.parent.parent / "docs/certificates.md"
SYSTEM = " --system"
# As systemd does for a unit whose ExecReload is pg_ctl reload.
SYSTEMCTL = """#!/bin/sh
echo "$*" >>"$HOME/asked"
case $* in *"try-reload-or-restart -- postgresql.service") kill -HUP "$(head -n 1 "$HOME/postmaster.pid")" ;; esac
"""


def replaced():
    """[(the first thing that is done by hand, what is typed instead of it and of all else in that line)]"""
    rows = re.findall(r"^\| `([^`]*)`.* \| `(pganchor [^`]*)` \|$", PAGE.read_text(), re.M)
    assert len(rows) == PAGE.read_text().count("| `pganchor "), "a line of the table that is not typed"
    return dict(rows)


@pytest.fixture(scope="module")
def company_ca(session_directory):
    """It has the provisioner that the guide has its administrator add, whose certificates live for thirty days."""
    def change(config):
        one = next(one for one in config["authority"]["provisioners"] if one["type"] == "JWK")
        one["name"], one["claims"] = "postgresql", {"defaultTLSCertDuration": "720h"}
    ca = start_with(session_directory / "company", change)
    yield ca
    ca.daemon.stop()


class Guide:
    """A home, and a server that is told of two files that are not there yet. What the page says is typed with what is there in place."""

    def __init__(self, home, ca, server, place, owner):
        self.home, self.ca, self.server = home, ca, server
        self.files = Pair(place / "server.crt", place / "server.key")
        self.rows, self.typed = replaced(), []
        self.words = [("https://ca.example.com:9000", ca.url), (FINGERPRINT, ca.fingerprint), ("/etc/postgresql/tls", str(place)),
                      ("--owner postgres", f"--owner {owner}" if owner else ""), ("--host db.example.com", f"--host localhost --port {server.port}"),
                      ("--prove db.example.com", f"--prove localhost:{server.port}"), ("db.example.com", "localhost"),
                      (SYSTEM, SYSTEM if os.geteuid() == 0 else "")]
        (home / "bin").mkdir()
        (home / "bin/systemctl").write_text(SYSTEMCTL)
        (home / "bin/systemctl").chmod(0o755)
        (home / "postmaster.pid").symlink_to(server.directory / "data/postmaster.pid")
        self.env = {"PATH": f"{home / 'bin'}:{home.environment()['PATH']}"}
        (home / "provisioner-password").write_bytes((ca.directory / "password").read_bytes())
        (home / "provisioner-password").chmod(0o600)

    def run(self, command):
        done = self.home.run(["bash", "-c", command], env=self.env)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def instead_of(self, by_hand):
        """What the one command says that is in the place of this, and of what follows it by hand."""
        self.typed.append(by_hand)
        command = self.rows[by_hand]
        for said, meant in self.words:
            command = command.replace(said, meant)
        return self.run(command)

    def asked(self):
        """What systemd was asked since the last time."""
        path = self.home / "asked"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return lines


@pytest.fixture
def guide(home, company_ca, clusters, make_postgres):
    place, trust = clusters.make_directory(), trusting(clusters, company_ca)
    if os.geteuid() == 0:
        os.chown(place, 0, 0)
    server = make_postgres(settings={**trust["settings"], "ssl_cert_file": place / "server.crt", "ssl_key_file": place / "server.key"},
                           hba=HBA.split("host  all")[0] + trust["hba"])
    return Guide(home, company_ca, server, place, clusters.user and clusters.user.pw_name)


def test_every_step_of_the_guide_is_one_command_or_none(guide, system_units):  # noqa: F811
    home, server, files = guide.home, guide.server, guide.files

    # The root: fetched, proved, and where libpq looks.
    guide.instead_of("step ca bootstrap")
    assert (home / ".postgresql/root.crt").read_text().strip().endswith(guide.ca.root_pem.strip())

    # ssl = on stays the administrator's; then the pair comes, with its modes, and the server shows it, at once.
    with open(server.directory / "data/postgresql.conf", "a") as conf:
        conf.write("ssl = on\n")
    told = guide.instead_of("step ca certificate db.example.com server.crt server.key")
    assert f"shown by     localhost:{server.port}" in told, told
    assert files.matches() and files.names() == ["localhost"] and len(files.chain()) == 2 and stat.S_IMODE(files.key.stat().st_mode) == 0o600
    assert abs((files.chain()[0].not_valid_after - files.chain()[0].not_valid_before).total_seconds() - 720 * 3600) <= 120
    assert guide.asked()[-1].endswith("try-reload-or-restart -- postgresql.service") and shown(server.port) == serial(files.certificate)

    # The renewer, its drop-in, daemon-reload, and its start.
    guide.instead_of("cert-renewer@.service")
    units = system_units if os.geteuid() == 0 else home / ".config/systemd/user"
    done = home.run(["systemd-analyze", "--system" if os.geteuid() == 0 else "--user", "verify",
                     *(units / f"pganchor-renew@localhost.{kind}" for kind in ("timer", "service"))], env={"XDG_RUNTIME_DIR": home.path})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    # What it does when two thirds are over: the very words of the unit.
    at(guide.ca, files.certificate, DUE)
    guide.run("systemctl try-reload-or-restart -- postgresql.service")
    guide.asked()
    old, key = serial(files.certificate), files.key.read_bytes()
    words = re.search(r'^ExecStart="(.*)" (.*)$', (units / "pganchor-renew@.service").read_text(), re.M)
    told = guide.run(f"'{words[1]}' {words[2].replace('%i', 'localhost')}")
    assert "localhost: renewed" in told and "shows it" in told
    assert shown(server.port) == serial(files.certificate) != old and files.key.read_bytes() == key and files.matches()
    assert len(guide.asked()) == 1
    assert re.search(r"^localhost +server +not-due ", guide.instead_of("systemctl list-timers"), re.M)

    # Who connects proves it, too: hostssl … cert.
    guide.instead_of("step ca certificate app postgresql.crt postgresql.key")
    assert pair(home).matches() and pair(home).names() == ["app"]

    # verify-full, for good, in the place of its being typed each time.
    guide.instead_of('psql "… sslmode=verify-full"')
    asked = home.run([*home.gate, "psql", "-XAtc", "SELECT ssl, client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()", "service=prod"])
    assert (asked.stdout, asked.stderr) == ("t|/CN=app\n", "")

    guide.run("pganchor cert timer disable localhost" + (SYSTEM if os.geteuid() == 0 else ""))
    assert guide.typed == [by_hand for by_hand in guide.rows if "ACME" not in by_hand]


def test_acme_which_the_guide_leaves_open(home, network):  # noqa: F811
    by_hand = next(by_hand for by_hand in replaced() if "ACME" in by_hand)
    command = replaced()[by_hand]
    for said, meant in (("https://ca.example.com:9000", "$ca"), ("/etc/postgresql/tls", str(home.path)), ("--owner postgres", "--owner root"),
                        ("db.example.com", "localhost")):
        command = command.replace(said, meant)
    done = network(f"{command} --json >issued\npganchor cert timer enable localhost >/dev/null\npganchor cert renew localhost --force --json >renewed")
    assert done.returncode == 0, done.stderr
    assert json.loads((home / "issued").read_text())["written"]
    assert json.loads((home / "renewed").read_text())["certificates"][0]["change"] == "renewed"
    assert Pair(home / "server.crt", home / "server.key").matches()
