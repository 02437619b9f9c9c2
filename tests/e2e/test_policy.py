"""The system's policy: a floor that nothing of a user's lowers, in files that nobody but the administrator writes."""

import json

import pytest

from policies import hand_over
from services import pin, policy as write_policy

REFUSED = "pganchor refused this connection: "
PYTHON = "/usr/bin/python3"
CANCEL = ("import sys, psycopg2\nc = psycopg2.connect(sys.argv[1])\n"
          "try:\n    c.cancel()\nexcept psycopg2.Error as e:\n    print(e, file=sys.stderr)\n")

# What each key lets through by its laxer value only: the stricter value, the laxer one, what the refusal says.
FLOORS = {
    "mode": ("enforce", "audit", "sslmode=prefer (libpq's default) is weaker than verify-full"),
    "trust": ("pinned", "verified", "its certificate chain ends in a root that is not pinned"),
    "unix-socket": ("refuse", "allow", "is a Unix-domain socket, which the policy refuses"),
    "gss-encryption": ("refuse", "allow", "gssencmode=require (conninfo)"),
    "public-ca": ("refuse", "allow", "sslrootcert=system (conninfo)"),
    "cancel": ("refuse", "allow", "pganchor refused to cancel"),
    "min-tls": ("1.3", "1.2", "ssl_max_protocol_version=TLSv1.2 (conninfo) is older than TLSv1.3"),
    "allow-weak": ("nowhere.example.test", "*", "sslmode=prefer (libpq's default) is weaker than verify-full"),
}


def probe(key, server):
    """A command that the stricter value of the key refuses and the laxer one does not."""
    psql = ["psql", "-XAtc", "SELECT 1"]
    strong = {"sslmode": "verify-full", "gssencmode": "disable"}
    return {
        "mode": [*psql, server.conninfo()],
        "trust": [*psql, server.conninfo(**strong)],
        "unix-socket": [*psql, server.conninfo(host=server.socket_dir)],
        "gss-encryption": [*psql, server.conninfo(sslmode="verify-full", gssencmode="require")],
        "public-ca": [*psql, server.conninfo(**strong, sslrootcert="system")],
        "cancel": [PYTHON, "-c", CANCEL, server.conninfo(**strong)],
        "min-tls": [*psql, server.conninfo(**strong, ssl_max_protocol_version="TLSv1.2")],
        "allow-weak": [*psql, server.conninfo()],
    }[key]


def gated(home, argv, **kwargs):
    return home.pganchor("run", "--", *argv, **kwargs)


@pytest.fixture
def anchored(home, stepca):
    (home / ".postgresql").mkdir()
    (home / ".postgresql/root.crt").write_text(stepca.root_pem)
    return home


@pytest.mark.parametrize("key", FLOORS)
def test_nothing_of_a_users_lowers_the_systems(anchored, postgres, system, key):
    strict, lax, refusal = FLOORS[key]
    argv = probe(key, postgres)
    if key == "trust":
        pin(anchored, ("another", "0" * 64, "*", "root.crt"))
    write_policy(anchored, f"{key} = {lax}\n")
    elsewhere = anchored / "elsewhere"
    (elsewhere / ".config").mkdir(parents=True)
    for name in (".config/pganchor", ".postgresql"):
        (elsewhere / name).symlink_to(anchored / name)
    ways = ({}, {"XDG_CONFIG_HOME": str(elsewhere / ".config")}, {"HOME": str(elsewhere)},
            {"PGANCHOR_POLICY": f"{key}={lax}", "PGANCHOR_MODE": "audit"})
    for environment in ways:
        assert "pganchor refused" not in gated(anchored, argv, env=environment).stderr
    system(f"{key} = {strict}\n")
    for environment in ways:
        assert refusal in gated(anchored, argv, env=environment).stderr
    # Nor does a later file of the system's: the stricter value is the floor, wherever it stands.
    system(f"{key} = {lax}\n", "policy.d/99-later.conf")
    assert refusal in gated(anchored, argv).stderr
    system("", "policy.conf")
    assert refusal not in gated(anchored, argv).stderr


def test_every_key_has_its_floor(home, system, pganchor):
    """The keys of the table above are all there are, but for log, which lets nothing through."""
    told = json.loads(home.pganchor("status", "--json").stdout)["policy"]
    assert set(told) | {"allow-weak"} == set(FLOORS) | {"log"}
    write_policy(home, "log = off\n")
    assert json.loads(home.pganchor("status", "--json").stdout)["policy"]["log"] == "off"
    system("log = syslog\n")
    assert json.loads(home.pganchor("status", "--json").stdout)["policy"]["log"] == "syslog"


OWNERS = "only root may write the system's policy"


@pytest.mark.parametrize("place, change, complaint", [
    ("policy.conf", 0o664, "can be written by its group (mode 0664)"),
    ("policy.conf", 0o646, "can be written by everybody (mode 0646)"),
    ("policy.d/10-company.conf", 0o666, "can be written by everybody (mode 0666)"),
    ("policy.d", 0o775, "can be written by its group (mode 0775)"),
    ("", 0o757, "can be written by everybody (mode 0757)"),
    ("policy.conf", "owner", "belongs to the user 12345"),
    ("policy.d/10-company.conf", "owner", "belongs to the user 12345"),
    ("policy.d", "owner", "belongs to the user 12345"),
    ("", "owner", "belongs to the user 12345"),
])
def test_a_policy_that_others_could_write_refuses_everything(anchored, postgres, system, place, change, complaint):
    folder = system("# nothing\n").parent
    system("mode = enforce\n", "policy.d/10-company.conf")
    argv = ["psql", "-XAtc", "SELECT 1", postgres.conninfo(sslmode="verify-full")]
    assert gated(anchored, argv).stdout == "1\n"
    path = folder / place if place else folder
    if change == "owner":
        hand_over(path, 12345)
    else:
        path.chmod(change)
    done = gated(anchored, argv)
    assert f"{REFUSED}{path}: {complaint}: {OWNERS}" in done.stderr and done.returncode == 2
    told = anchored.pganchor("explain", "host=localhost")
    assert f"pganchor: {path}: {complaint}" in told.stderr and told.returncode == 1
    assert f"{path}: {complaint}" in anchored.pganchor("status").stdout


def test_what_a_link_leads_to_counts(anchored, postgres, system, tmp_path):
    argv = ["psql", "-XAtc", "SELECT 1", postgres.conninfo(sslmode="verify-full")]
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "company.conf").write_text("mode = enforce\n")
    link = system("").parent / "policy.d/20-link.conf"
    link.symlink_to(shared / "company.conf")
    try:
        assert gated(anchored, argv).stdout == "1\n"
        (shared / "company.conf").chmod(0o666)
        assert f"{shared}/company.conf: can be written by everybody" in gated(anchored, argv).stderr
        (shared / "company.conf").chmod(0o644)
        shared.chmod(0o777)
        assert f"{REFUSED}{shared}: can be written by everybody" in gated(anchored, argv).stderr
        # As /tmp: nobody can put another file in the place of this one.
        shared.chmod(0o1777)
        assert gated(anchored, argv).stdout == "1\n"
    finally:
        link.unlink()


@pytest.mark.parametrize("place", ["policy.conf", "policy.d/20-link.conf", "policy.d", ""])
def test_a_link_of_the_systems_that_leads_to_nothing_refuses(anchored, postgres, system, place):
    """As while the file system with the company's files is not mounted."""
    folder = system("").parent
    link = folder / place if place else folder
    kept = link.with_name(link.name + ".kept")
    if link.exists():
        link.rename(kept)
    link.symlink_to("/nowhere/pganchor")
    try:
        done = gated(anchored, ["psql", "-XAtc", "SELECT 1", postgres.conninfo(sslmode="verify-full")])
        assert f"{REFUSED}{link}: a symbolic link that leads to nothing" in done.stderr and done.returncode == 2
    finally:
        link.unlink()
        if kept.exists():
            kept.rename(link)


@pytest.mark.parametrize("name", ["policy.conf", "anchors.conf"])
def test_a_link_of_the_users_that_leads_to_nothing_refuses(anchored, postgres, name):
    """The pins above all: without them every CA of root.crt would be believed."""
    argv = ["psql", "-XAtc", "SELECT 1", postgres.conninfo(sslmode="verify-full")]
    folder = anchored / ".config/pganchor"
    folder.mkdir(parents=True)
    assert gated(anchored, argv).stdout == "1\n"
    (folder / name).symlink_to("/nowhere/pganchor")
    done = gated(anchored, argv)
    assert f"{REFUSED}{folder / name}: a symbolic link that leads to nothing" in done.stderr and done.returncode == 2


def test_a_program_that_runs_sees_the_change(anchored, postgres, system):
    """chmod changes no byte and no time of the content; the gate looks again all the same."""
    path = system("mode = enforce\n")
    script = ("import os, sys, psycopg2\n"
              "for mode in (0o644, 0o666, 0o644):\n"
              "    os.chmod(sys.argv[2], mode)\n"
              "    try:\n        psycopg2.connect(sys.argv[1]).close(); print('connected')\n"
              "    except psycopg2.OperationalError as e:\n        print(str(e).splitlines()[0])\n")
    done = gated(anchored, [PYTHON, "-c", script, postgres.conninfo(sslmode="verify-full"), path])
    assert done.stdout.splitlines() == [
        "connected", f"{REFUSED}{path}: can be written by everybody (mode 0666): {OWNERS}", "connected"], done.stderr


def test_in_a_user_namespace_the_systems_files_are_nobodys(anchored, postgres, system):
    """Sandboxes show root's files as the user 65534's: what holds outside holds there too, and is no fault."""
    system("unix-socket = refuse\n")
    local = ["psql", "-XAtc", "SELECT 1", postgres.conninfo(host=postgres.socket_dir)]
    strong = ["psql", "-XAtc", "SELECT 1", postgres.conninfo(sslmode="verify-full")]
    inside = ["unshare", "--user"]
    if anchored.run([*inside, "true"]).returncode != 0:
        pytest.skip("no user namespace can be made here")
    assert anchored.run([*inside, "stat", "-c", "%u", "/etc"]).stdout == "65534\n"
    assert gated(anchored, [*inside, *strong]).stdout == "1\n"
    assert "is a Unix-domain socket, which the policy refuses" in gated(anchored, [*inside, *local]).stderr
