"""What a new administrator of a server meets: what is said of files that are not as they should be, where each message sends one, and what
comes after it."""

import json
import os
import re
import shlex

import pytest

from certificates import make_root
from local_cas import data, openssl, pin_of
from postgres import HBA, SUPERUSER, USER
from processes import as_user, ordinary_user
from services import add, environment, pin_files, write
from test_server_enable_tls import asked_for_tls, change, place, told, words_of

TRUSTED = f"local all {SUPERUSER} trust\nlocal all {USER} trust\n"
NETWORK = f"host all {USER} 10.0.0.0/8 scram-sha-256\n"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="the server's user is another one for root alone")


@pytest.fixture(scope="module")
def authority():
    return make_root("Company")


@pytest.fixture
def pair(authority, tmp_path):
    return authority.issue(tmp_path, "localhost", "127.0.0.1", "db.example.test")


def typed(home, line, *more):
    """What a line that was shown does, typed as it is."""
    words = shlex.split(line)
    assert words[0] == "pganchor", line
    return home.pganchor(*words[1:], *more, env=environment(home))


def hint_of(done):
    assert done.returncode == 1, done.stdout
    return done.stderr.splitlines()[1].strip()


def together(home, *words, **kwargs):
    """Both outputs, in the order in which they come through one pipe."""
    return home.run(["sh", "-c", 'exec "$@" 2>&1', "sh", home.program.binary, *words], **kwargs)


# ---- the files ----

def test_a_key_that_others_can_read_is_told(home, make_postgres, authority):
    server = make_postgres()
    pair = authority.issue(server.directory, "localhost")
    os.chmod(pair[1], 0o644)
    report = told(home, server, "enable-tls", *words_of(pair), "--dry-run")
    warnings = [line for line in report["plan"] if line["kind"] == "warning" and str(pair[1]) in line["text"]]
    assert f"gets a copy of the pair, since it could not use it there: {pair[1]}: its mode is 0644, and the server refuses" in warnings[0]["text"]
    assert f"{pair[1]}: its mode is 0644, so everybody who gets to this file can read the private key" in warnings[1]["text"]
    command = warnings[1]["detail"].partition(";")[0]
    assert home.run(shlex.split(command)).returncode == 0 and pair[1].stat().st_mode & 0o777 == 0o600
    report = told(home, server, "enable-tls", *words_of(pair), "--dry-run")
    assert not [line for line in report["plan"] if "can read the private key" in line["text"]]


def test_a_copy_is_not_what_is_renewed(home, make_postgres, pair):
    server = make_postgres()
    os.chmod(pair[1], 0o640)
    done = change(home, server, "enable-tls", *words_of(pair), "--dry-run")
    assert f"warning  {pair[0]}: whoever renews it there does not renew the copy" in done.stdout
    assert "everybody of its group who gets to this file" in done.stdout
    assert "run this again after each renewal; or have a pair that " in done.stdout
    # One that pganchor renews is told by the name that it has there.
    assert home.pganchor("ca", "local").returncode == 0
    assert home.pganchor("ca", "local", "issue", "localhost", "--out", "mine").returncode == 0
    os.chmod(home / "mine.key", 0o640)
    done = change(home, server, "enable-tls", "--cert", home / "mine.crt", "--key", home / "mine.key", "--dry-run")
    assert f"warning  {home / 'mine.crt'}: pganchor cert renew localhost, and its timer, renew it there, and not the copy" in done.stdout
    assert "run this again after each renewal; or, on this machine alone, pganchor ca local serve " in done.stdout


def owners():
    server, root = ordinary_user(), os.getuid()
    return {"server:server": (server.pw_uid, server.pw_gid), "root:server": (root, server.pw_gid), "server:root": (server.pw_uid, 0)}


@as_root
@pytest.mark.parametrize("who,owner,mode", [("root", "server:server", 0o600), ("root", "server:server", 0o640), ("root", "root:server", 0o640),
                                            ("root", "server:root", 0o640), ("server", "server:server", 0o600), ("server", "server:server", 0o640),
                                            ("server", "root:server", 0o640), ("server", "server:root", 0o640)])
def test_rules_of_any_owner_keep_him_or_stay(home, make_postgres, pair, who, owner, mode):
    server = make_postgres(*pair, hba=TRUSTED + NETWORK)
    path = data(server) / "pg_hba.conf"
    os.chown(path, *owners()[owner])
    path.chmod(mode)
    kept = path.stat()
    words = [home.program.binary, "server", "require-tls", "--data-dir", data(server), "--user", SUPERUSER, "--yes"]
    # What is under test may lie where root alone gets to.
    run = (lambda *more: home.run(words + [*more])) if who == "root" else (
        lambda *more: home.run(as_user([*words, *more], ordinary_user(), powerful=True), env={"HOME": server.directory}, cwd="/"))
    works = who == "root" or owner == "server:server"
    done = run()
    if works:
        assert done.returncode == 0, done.stderr
        assert path.read_text() == TRUSTED + NETWORK.replace("host ", "hostssl ")
        assert run("--undo").returncode == 0
    else:
        names = f"{'root' if owner.startswith('root') else ordinary_user().pw_name}:"
        assert f"{path} belongs to {names}" in done.stderr and hint_of(done).startswith("run it as root"), done.stderr
        assert "\nwould " not in done.stdout and not (data(server) / "pganchor-hba.before").exists()
    assert path.read_text() == TRUSTED + NETWORK
    assert (path.stat().st_uid, path.stat().st_gid, path.stat().st_mode) == (kept.st_uid, kept.st_gid, kept.st_mode)


@as_root
def test_rules_that_the_server_cannot_read_itself(home, make_postgres, pair):
    server = make_postgres(*pair, hba=TRUSTED + NETWORK)
    path = data(server) / "pg_hba.conf"
    os.chown(path, 0, 0)
    path.chmod(0o600)
    done = change(home, server, "require-tls")
    assert f"as {ordinary_user().pw_name}, the server's user: could not open {path}: Permission denied" in done.stderr
    assert "chmod 0640" in hint_of(done)


# ---- where a message sends one ----

def test_without_tls_the_hint_switches_it_on(home, make_postgres, pair):
    server = make_postgres(hba=TRUSTED + NETWORK)
    place(server, pair, "server")
    hint = hint_of(change(home, server, "require-tls"))
    command, _, rest = hint.partition(" switches it on")
    assert rest and typed(home, command, "--user", SUPERUSER, "--yes").returncode == 0
    assert asked_for_tls(server) == pin_of(pair[0])
    assert change(home, server, "require-tls").returncode == 0


def test_a_pair_that_would_not_load_again_is_changed_by_the_hint(home, make_postgres, pair):
    server = make_postgres(*pair, hba=TRUSTED + NETWORK)
    (data(server) / "server.key").chmod(0o644)
    hint = hint_of(change(home, server, "require-tls"))
    command, _, rest = hint.partition(" gives it another pair")
    other = place(server, pair)
    command = command.replace("--cert FILE", f"--cert {other[0]}").replace("--key FILE", f"--key {other[1]}")
    assert rest and typed(home, command, "--user", SUPERUSER, "--yes").returncode == 0
    assert change(home, server, "require-tls").returncode == 0


def test_nobody_is_sent_where_it_does_not_work(home, make_postgres, pair):
    """To stop the server first, or to an option of another command."""
    server = make_postgres(hba=f"local all {SUPERUSER} peer map=tests\n")
    place(server, pair, "server")
    done = home.pganchor("server", "enable-tls", "--data-dir", data(server), "--user", "nobody", "--yes")
    hint = hint_of(done)
    assert "--user NAME" in hint and "stop the server" not in hint
    other = home.pganchor("ca", "local", "serve", data(server), "--user", "nobody")
    assert "or stop the server: then its configuration is written" in other.stderr
    if os.geteuid() != 0:
        return
    directory = home / "foreign"
    directory.mkdir()
    (directory / "PG_VERSION").write_text("15\n")
    os.chmod(home.path, 0o755)
    other = as_user([home.program.binary, "server", "undo", "--data-dir", directory], ordinary_user(), powerful=True)
    hint = hint_of(home.run(other, env={"HOME": server.directory}, cwd="/"))
    assert "as root" in hint and "--ca" not in hint


def test_a_service_that_is_weak_is_sent_to_the_socket(home, make_postgres):
    """Where TLS is off, nothing makes it verify-full."""
    server = make_postgres()
    write(home, f"[-weak]\nhost=localhost\nport={server.port}\nuser={SUPERUSER}\n")
    done = home.pganchor("server", "enable-tls", "--", "-weak", env=environment(home))
    hint = hint_of(done)
    assert hint.startswith("pganchor service harden -- -weak makes it verify-full; and where TLS is off, name a service with host=/DIRECTORY")
    assert "mkdir -m 700" in hint and "/tmp" not in hint


def test_the_manual_puts_no_socket_where_anybody_could(home):
    manual = (home.program.prefix / "share/man/man1/pganchor-server.1").read_text()
    assert "mkdir -m 700 ~/db1\nssh -NL ~/db1/.s.PGSQL.5432:" in manual
    assert not re.search(r"(host=|-NL |-L )/tmp", manual)


# ---- in one pipe ----

def test_what_was_printed_comes_before_the_error_about_it(home, make_postgres, pair):
    server = make_postgres(*pair, hba=TRUSTED + NETWORK + f"hostnossl all {USER} 192.0.2.0/24 scram-sha-256\n")
    done = together(home, "server", "require-tls", "--data-dir", data(server), "--user", SUPERUSER, "--yes")
    assert done.returncode == 1
    assert 0 <= done.stdout.index("  + hostssl all") < done.stdout.index("pganchor: whom pg_hba.conf lets in without TLS alone"), done.stdout


def test_a_warning_comes_where_it_was_said(home, authority):
    authority.write_root(home / "root.pem")
    done = together(home, "bootstrap", "root.pem", "--fingerprint", authority.fingerprint)
    assert done.returncode == 0
    assert done.stdout.index("Made ") < done.stdout.index("pganchor: warning: "), done.stdout


def test_an_audit_that_cannot_write_its_page_says_so_last(home, make_postgres, authority, pair):
    server = make_postgres(*pair)
    pin_files(home, ("company", authority, "*", "root.crt"))
    authority.write_root(home / "root.crt")
    write(home, f"[prod]\nhost=localhost\nport={server.port}\ndbname={USER}\nuser={USER}\npassword={server.password}\n"
                f"sslmode=verify-full\ngssencmode=disable\nsslrootcert={home / 'root.crt'}\n")
    done = together(home, "audit", "prod", "--html", home / "page.html", env=environment(home), full_disk=True)
    assert done.returncode == 1 and "not seen: " in done.stdout
    # Of a longer report, what fills the buffer is out before.
    assert done.stdout[done.stdout.index("pganchor: "):].count("\n") <= 2, done.stdout


# ---- and then ----

def test_what_comes_next_can_be_typed(home, make_postgres, authority, pair, tmp_path):
    """For a client that has nothing yet, and for the administrator, to the end of docs/server-tls.md."""
    server = make_postgres(hba=TRUSTED + NETWORK + HBA)
    # The root behind the server's own: whoever hands it out has its fingerprint then.
    pair[0].write_text(pair[0].read_text() + authority.pem)
    done = change(home, server, "enable-tls", *words_of(place(server, pair)), "--host", "localhost")
    assert done.returncode == 0, done.stderr
    # Words in capitals are whose who types it.
    steps = [line.strip() for line in done.stdout.partition("next:\n")[2].splitlines() if line.startswith("    ")]
    trust, entry, audit, require, undo = steps
    authority.write_root(home / "root.pem")
    assert trust == f"pganchor bootstrap FILE --fingerprint {authority.fingerprint}"
    assert typed(home, trust.replace("FILE", "root.pem")).returncode == 0
    done = typed(home, entry.replace("NAME", "prod").replace("DATABASE", USER).replace("USER", USER))
    assert done.returncode == 0, done.stderr
    (home / ".pgpass").write_text(f"*:*:*:{USER}:{server.password}\n")
    (home / ".pgpass").chmod(0o600)
    done = typed(home, audit.replace("NAME", "prod"), "--json")
    assert done.returncode in (0, 3) and json.loads(done.stdout)["servers"], done.stderr
    done = typed(home, require)
    assert done.returncode == 0 and "  + hostssl all" in done.stdout, done.stderr
    assert typed(home, undo, "--yes").returncode == 0 and asked_for_tls(server) is None


def test_the_root_that_is_trusted_here_is_the_one_to_hand_out(home, make_postgres, authority, pair):
    server = make_postgres()
    authority.write_root(home / "root.pem")
    assert home.pganchor("bootstrap", "root.pem", "--fingerprint", authority.fingerprint).returncode == 0
    done = change(home, server, "enable-tls", *words_of(place(server, pair)))
    assert f"pganchor bootstrap FILE --fingerprint {authority.fingerprint}\n" in done.stdout
    done = change(home, server, "disable-tls")
    assert done.stdout.endswith(f"next:\n    pganchor server undo --data-dir {data(server)} --user {SUPERUSER}\n")


def test_a_certificate_that_no_client_can_pin_is_no_way_on(home, make_postgres, tmp_path):
    """As Debian's packages make one: bootstrap would refuse it."""
    server = make_postgres()
    pair = tmp_path / "own.crt", tmp_path / "own.key"
    made = openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost", "-addext",
                   "basicConstraints=critical,CA:FALSE", "-addext", "subjectAltName=DNS:localhost", "-out", pair[0], "-keyout", pair[1])
    assert made.returncode == 0, made.stderr
    assert home.pganchor("bootstrap", pair[0], "--fingerprint", pin_of(pair[0])).returncode != 0
    done = change(home, server, "enable-tls", *words_of(place(server, pair)))
    shown = done.stdout.partition("next:\n")[2]
    assert "no client can take this certificate for a root" in shown and "bootstrap" not in shown and "audit" not in shown, done
    assert f"    pganchor server undo --data-dir {data(server)} --user {SUPERUSER}\n" in shown


# ---- a copy of the data directory ----

def copied(make_postgres, clusters, server, *pair):
    path = data(server) / "pg_hba.conf"
    rules = path.read_text()
    return make_postgres(*pair, copy=clusters.base_backup(f"host={server.directory} port={server.port} user={SUPERUSER}"), hba=rules)


def test_what_came_with_a_base_backup_is_not_undone_there(home, make_postgres, clusters, pair):
    server = make_postgres(hba=TRUSTED + f"local replication {SUPERUSER} trust\n" + NETWORK)
    assert change(home, server, "enable-tls", *words_of(place(server, pair))).returncode == 0
    # Another server, of the same system identifier.
    standby = copied(make_postgres, clusters, server)
    record = (data(standby) / "pganchor-server.json").read_bytes()
    assert record == (data(server) / "pganchor-server.json").read_bytes()
    shown = asked_for_tls(standby)
    done = change(home, standby, "undo")
    assert done.returncode == 1 and f"pganchor-server.json tells of a change in {data(server)}, inode " in done.stderr, done.stderr
    assert (data(standby) / "pganchor-server.json").read_bytes() == record and asked_for_tls(standby) == shown is not None
    # What it says to do works, and has a way back of its own.
    command = hint_of(done).partition(" switches TLS off here")[0]
    done = typed(home, command, "--user", SUPERUSER, "--yes")
    assert done.returncode == 0 and "counts for nothing" in done.stdout, done.stderr
    assert asked_for_tls(standby) is None
    assert told(home, standby, "undo")["served"] == shown
    assert change(home, standby, "undo").stdout.startswith("There is nothing to undo")
    # At the server itself it is as ever.
    assert told(home, server, "undo")["changed"] and asked_for_tls(server) is None


def test_rules_that_came_with_a_base_backup_stay(home, make_postgres, clusters, pair):
    server = make_postgres(*pair, hba=TRUSTED + f"local replication {SUPERUSER} trust\n" + NETWORK)
    assert change(home, server, "require-tls").returncode == 0
    standby = copied(make_postgres, clusters, server, *pair)
    rules = (data(standby) / "pg_hba.conf").read_text()
    assert "hostssl all" in rules and (data(standby) / "pganchor-hba.before").exists()
    for words in (["undo"], ["require-tls", "--undo"]):
        done = change(home, standby, *words)
        assert done.returncode == 1 and f"pganchor-hba.before tells of a change in {data(server)}, inode " in done.stderr, done
        assert (data(standby) / "pg_hba.conf").read_text() == rules
    # Its own change takes that record's place.
    more = rules + f"host all {USER} 192.0.2.0/24 scram-sha-256\n"
    (data(standby) / "pg_hba.conf").write_text(more)
    assert change(home, standby, "require-tls").returncode == 0
    done = change(home, standby, "undo")
    assert done.returncode == 0, done.stderr
    assert (data(standby) / "pg_hba.conf").read_text() == more
    assert change(home, server, "undo").returncode == 0


def test_a_server_that_has_moved_goes_on_by_the_hint(home, make_postgres, pair):
    server = make_postgres()
    assert change(home, server, "enable-tls", *words_of(place(server, pair))).returncode == 0
    path = data(server) / "pganchor-server.json"
    text = path.read_text()
    assert f'  "place": "{data(server)}, inode {data(server).stat().st_ino}",\n' in text
    path.write_text(re.sub(r", inode \d+", ", inode 1", text))
    assert 'take "place" out of that file' in hint_of(change(home, server, "undo"))
    path.write_text(re.sub(r'  "place": .*\n', "", text))
    assert told(home, server, "undo")["changed"] and asked_for_tls(server) is None
