"""The system's policy: a floor that nothing of a user's lowers, in files that nobody but the administrator writes."""

import json
import os
import re
from pathlib import Path

import pytest

from policies import hand_over
from services import pin, policy as write_policy

REFUSED = "pganchor refused this connection: "
PYTHON = "/usr/bin/python3"
CANCEL = ("import sys, psycopg2\nc = psycopg2.connect(sys.argv[1])\n"
          "try:\n    c.cancel()\nexcept psycopg2.Error as e:\n    print(e, file=sys.stderr)\n")

SAMPLE = Path(__file__).resolve().parent.parent.parent / "packaging/policy.conf"

# What each key lets through by its laxer value only: the stricter value, the laxer one, what the refusal says.
FLOORS = {
    "mode": ("enforce", "audit", "sslmode=prefer (libpq's default) is weaker than verify-full"),
    "trust": ("pinned", "verified", "its certificate chain ends in a root that is not pinned"),
    "unix-socket": ("refuse", "allow", "is a Unix-domain socket, which the policy refuses"),
    "gss-encryption": ("refuse", "allow", "gssencmode=require (conninfo)"),
    "public-ca": ("refuse", "allow", "sslrootcert=system (conninfo)"),
    "cancel": ("refuse", "allow", "pganchor refused to cancel"),
    "user-anchors": ("refuse", "allow", "its certificate chain ends in a root that is not pinned"),
    "min-tls": ("1.3", "1.2", "ssl_max_protocol_version=TLSv1.2 (conninfo) is older than TLSv1.3"),
    "channel-binding": ("require", "prefer", "channel_binding=disable (conninfo) goes without channel binding"),
    "continuity": ("require", "off", "its certificate is for another key than before"),
    "continuity-key": ("server", "issuer", "its certificate is for another key than before"),
    "auth": ("gss", "any", "the policy's auth"),
    "allow-weak": ("nowhere.example.test", "*", "sslmode=prefer (libpq's default) is weaker than verify-full"),
}


def probe(key, server):
    """A command that the stricter value of the key refuses and the laxer one does not."""
    psql = ["psql", "-XAtc", "SELECT 1"]
    strong = {"sslmode": "verify-full", "gssencmode": "disable"}
    return {
        "mode": [*psql, server.conninfo()],
        "trust": [*psql, server.conninfo(**strong)],
        "user-anchors": [*psql, server.conninfo(**strong)],
        "unix-socket": [*psql, server.conninfo(host=server.socket_dir)],
        "gss-encryption": [*psql, server.conninfo(sslmode="verify-full", gssencmode="require")],
        "public-ca": [*psql, server.conninfo(**strong, sslrootcert="system")],
        "cancel": [PYTHON, "-c", CANCEL, server.conninfo(**strong)],
        "min-tls": [*psql, server.conninfo(**strong, ssl_max_protocol_version="TLSv1.2")],
        "channel-binding": [*psql, server.conninfo(**strong, channel_binding="disable")],
        "continuity": [*psql, server.conninfo(**strong)],
        "continuity-key": [*psql, server.conninfo(**strong)],
        # A libpq older than 16 has no require_auth, and is refused.
        "auth": [*psql, server.conninfo(**strong)],
        "allow-weak": [*psql, server.conninfo()],
    }[key]


def libpq_of(home):
    """The major version of psql's."""
    return int(home.run(["psql", "--version"]).stdout.split()[2].split(".")[0].rstrip("abcdefghijklmnopqrstuvwxyz"))


def gated(home, argv, **kwargs):
    return home.pganchor("run", "--", *argv, **kwargs)


@pytest.fixture
def anchored(home, stepca):
    (home / ".postgresql").mkdir()
    (home / ".postgresql/root.crt").write_text(stepca.root_pem)
    return home


def know_another_key(home, argv):
    """The server has shown another key before, which the same issuer had signed."""
    write_policy(home, "continuity = require\n")
    assert gated(home, argv).stdout == "1\n"
    known = home / ".config/pganchor/known_servers.conf"
    known.write_text(re.sub(r' key="[0-9a-f]*"', f' key="{"0" * 64}"', known.read_text()))


@pytest.mark.parametrize("key", FLOORS)
def test_nothing_of_a_users_lowers_the_systems(anchored, postgres, system, key):
    strict, lax, refusal = FLOORS[key]
    argv = probe(key, postgres)
    if key == "public-ca" and libpq_of(anchored) < 16:
        # The word is a file's name to that one, and refused whatever the policy says.
        write_policy(anchored, f"{key} = {lax}\n")
        system(f"{key} = {strict}\n")
        assert json.loads(anchored.pganchor("status", "--json").stdout)["policy"][key] == strict
        return
    if key == "trust":
        pin(anchored, ("another", "0" * 64, "*", "root.crt"))
    elif key.startswith("continuity"):
        know_another_key(anchored, argv)
    also = "continuity = require\n" if key == "continuity-key" else ""
    write_policy(anchored, f"{also}{key} = {lax}\n")
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


def test_the_word_system_is_a_file_to_an_older_libpq(home, stepca, postgres):
    """Whoever can write to the directory that the program runs in would be believed."""
    if libpq_of(home) >= 16:
        pytest.skip("this libpq knows the word")
    (home / "system").write_text(stepca.root_pem)
    conninfo = postgres.conninfo(sslmode="verify-full", gssencmode="disable", sslrootcert="system")
    assert home.run(["psql", "-XAtc", "SELECT 1", conninfo]).stdout == "1\n"
    refusal = "sslrootcert=system (conninfo) is a file in the current directory to this libpq, which is older than 16"
    assert refusal in gated(home, ["psql", "-XAtc", "SELECT 1", conninfo]).stderr
    explained = home.pganchor("explain", conninfo)
    assert explained.returncode == 3 and refusal in explained.stdout


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
    ("policy.conf", 0o1666, "can be written by everybody (mode 1666)"),  # the sticky bit is of use to a directory alone
    ("policy.d/10-company.conf", 0o666, "can be written by everybody (mode 0666)"),
    ("policy.d", 0o775, "can be written by its group (mode 0775)"),
    ("", 0o757, "can be written by everybody (mode 0757)"),
    ("policy.conf", "owner", "belongs to the user 12345"),
    ("policy.d/10-company.conf", "owner", "belongs to the user 12345"),
    ("policy.d", "owner", "belongs to the user 12345"),
    ("", "owner", "belongs to the user 12345"),
])
def test_a_policy_that_others_could_write_refuses_everything(anchored, postgres, system, place, change, complaint):
    directory = system("# nothing\n").parent
    system("mode = enforce\n", "policy.d/10-company.conf")
    argv = ["psql", "-XAtc", "SELECT 1", postgres.conninfo(sslmode="verify-full")]
    assert gated(anchored, argv).stdout == "1\n"
    path = directory / place if place else directory
    if change == "owner":
        hand_over(path, 12345)
    else:
        path.chmod(change)
    done = gated(anchored, argv)
    assert f"{REFUSED}{path}: {complaint}: {OWNERS}" in done.stderr and done.returncode == 2
    told = anchored.pganchor("explain", "host=localhost")
    assert f"pganchor: {path}: {complaint}" in told.stderr and told.returncode == 1
    assert f"{path}: {complaint}" in anchored.pganchor("status", "--all").stdout


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


@pytest.fixture
def way(system, tmp_path):
    """policy.d/20-link.conf leads over four links and two directories to a file: {what a place on the way is: its path}, in the order
    of the way. Relative, absolute, up and down; the last directory is the target's alone."""
    ours = tmp_path / "ours"
    theirs = tmp_path / "theirs"
    (ours / "deep").mkdir(parents=True)
    theirs.mkdir()
    (ours / "company.conf").write_text("unix-socket = refuse\n")
    (theirs / "last").symlink_to("../ours")
    (ours / "deep/up").symlink_to(f"..//./../{theirs.name}/last/company.conf")
    (tmp_path / "absolute").symlink_to(ours / "deep")
    link = system("").parent / "policy.d/20-link.conf"
    link.symlink_to(tmp_path / "absolute/up")
    yield {"link": link, "absolute link": tmp_path / "absolute", "directory": ours / "deep", "relative link": ours / "deep/up",
           "other directory": theirs, "link in it": theirs / "last", "file": ours / "company.conf"}
    link.unlink()


@pytest.mark.parametrize("what", ["link", "absolute link", "directory", "relative link", "other directory", "link in it", "file"])
def test_whoever_owns_a_place_on_the_way_to_a_policy_chooses_it(anchored, postgres, way, what):
    argv = ["psql", "-XAtc", "SELECT 1", postgres.conninfo(host=postgres.socket_dir)]
    assert "is a Unix-domain socket, which the policy refuses" in gated(anchored, argv).stderr
    place = way[what]
    if os.geteuid() != 0:
        pytest.skip("root alone can give a link away")
    os.chown(place, 12345, -1, follow_symlinks=False)
    done = gated(anchored, argv)
    assert f"{REFUSED}{place}: belongs to the user 12345: {OWNERS}" in done.stderr and done.returncode == 2


@pytest.mark.parametrize("what", ["directory", "other directory"])
def test_a_directory_on_the_way_that_others_can_write(anchored, postgres, way, what):
    argv = ["psql", "-XAtc", "SELECT 1", postgres.conninfo(host=postgres.socket_dir)]
    way[what].chmod(0o777)
    assert f"{REFUSED}{way[what]}: can be written by everybody (mode 0777): {OWNERS}" in gated(anchored, argv).stderr
    way[what].chmod(0o1777)
    assert "is a Unix-domain socket, which the policy refuses" in gated(anchored, argv).stderr


@pytest.mark.parametrize("links", [40, 41])
def test_the_way_to_a_policy_has_an_end(anchored, postgres, system, tmp_path, links):
    """As many links as the kernel follows; one more, and a ring, are an error as they are to it."""
    directory = system("").parent
    (tmp_path / "0").write_text("unix-socket = refuse\n")
    for number in range(1, links):
        (tmp_path / str(number)).symlink_to(str(number - 1))
    link = directory / "policy.d/20-link.conf"
    argv = ["psql", "-XAtc", "SELECT 1", postgres.conninfo(host=postgres.socket_dir)]
    for target in (tmp_path / str(links - 1), "20-link.conf"):
        link.symlink_to(target)
        try:
            told = gated(anchored, argv).stderr
        finally:
            link.unlink()
        if links == 40 and target != "20-link.conf":
            assert "is a Unix-domain socket, which the policy refuses" in told
        else:
            assert f"{REFUSED}could not look at {link}: Too many levels of symbolic links" in told


def test_a_directory_of_policies_that_cannot_be_read_refuses(anchored, postgres, system):
    """Whatever floor is in it must not go by that."""
    directory = system("").parent / "policy.d"
    argv = ["psql", "-XAtc", "SELECT 1", postgres.conninfo(host=postgres.socket_dir)]
    assert gated(anchored, argv, ordinary=True).stdout == "1\n"
    directory.chmod(0)
    done = gated(anchored, argv, ordinary=True)
    assert f"{REFUSED}could not read {directory}: Permission denied" in done.stderr and done.returncode == 2


@pytest.mark.parametrize("name", ["allow-weak", "mode"])
def test_a_key_stands_once_in_a_file(anchored, postgres, name):
    value = {"allow-weak": "localhost", "mode": "audit"}[name]
    write_policy(anchored, f"{name} = {value}\n\n{name} = {value}\n")
    done = gated(anchored, ["psql", "-XAtc", "SELECT 1", postgres.conninfo()])
    assert f"{REFUSED}{anchored / '.config/pganchor/policy.conf'}, line 3: set twice in one file: {name}" in done.stderr
    write_policy(anchored, f"{name} = {value}\n")
    assert gated(anchored, ["psql", "-XAtc", "SELECT 1", postgres.conninfo()]).stdout == "1\n"


@pytest.mark.parametrize("place", ["policy.conf", "policy.d/20-link.conf", "policy.d", ""])
def test_a_link_of_the_systems_that_leads_to_nothing_refuses(anchored, postgres, system, place):
    """As while the file system with the company's files is not mounted."""
    directory = system("").parent
    link = directory / place if place else directory
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
    directory = anchored / ".config/pganchor"
    directory.mkdir(parents=True)
    assert gated(anchored, argv).stdout == "1\n"
    (directory / name).symlink_to("/nowhere/pganchor")
    done = gated(anchored, argv)
    assert f"{REFUSED}{directory / name}: a symbolic link that leads to nothing" in done.stderr and done.returncode == 2


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


def test_a_policy_file_may_say_all_that_the_sample_shows(home):
    """The lines of the packages' sample, with their comment signs taken away, are the defaults: the tool reads them."""
    settings = re.findall(r"^#([a-z-]+ = .+)$", SAMPLE.read_text(), re.MULTILINE)
    assert len(settings) == 13
    write_policy(home, "\n".join(settings) + "\n")
    done = home.pganchor("explain", "host=db.example.test sslmode=verify-full")
    assert done.returncode == 0, done.stderr
    write_policy(home, "\n".join(settings) + "\nno-such-key = 1\n")
    assert home.pganchor("explain", "host=db.example.test sslmode=verify-full").returncode != 0


@pytest.mark.parametrize("content", [None, "", "no certificate\n"])
def test_explain_does_not_say_allowed_and_no_more_where_libpq_has_no_root_to_trust(home, content):
    """The settings are as the policy wants them, and no connection will be made by them."""
    path = home / "roots.crt"
    if content is not None:
        path.write_text(content)
    done = home.pganchor("explain", f"host=h sslmode=verify-full sslrootcert={path}")
    assert re.search(rf"^allowed, but libpq will not connect: .*{path}", done.stdout, re.MULTILINE), done.stdout
    told = json.loads(home.pganchor("explain", "--json", f"host=h sslmode=verify-full sslrootcert={path}").stdout)
    assert told["verdict"] == "allowed" and str(path) in " ".join(told["notes"])


def test_explain_says_allowed_where_there_is_a_root(home, stepca):
    (home / "roots.crt").write_text(stepca.root_pem)
    done = home.pganchor("explain", f"host=h sslmode=verify-full sslrootcert={home / 'roots.crt'}")
    assert done.returncode == 0 and re.search("^allowed; ", done.stdout, re.MULTILINE), done.stdout
