"""pganchor server undo where the server does not run, since it does not start any more with its TLS, say: what was changed is put back in
its files by PostgreSQL's own program in single-user mode, and nothing is called proved."""

import os
import shutil
import signal
import subprocess

import pytest

from certificates import make_root
from local_cas import data, pin_of
from postgres import SUPERUSER
from processes import Daemon, as_user
from test_server_enable_tls import RULES, altered, asked_for_tls, change, place, rules, told, words_of

PROOF = "Put back in its files, and not proved: the server was not started."


@pytest.fixture(scope="module")
def authority():
    return make_root()


@pytest.fixture
def pair(authority, tmp_path):
    return authority.issue(tmp_path, "localhost", "127.0.0.1")


def fails_to_start(clusters, server):
    """Why it does not start."""
    done = subprocess.run(as_user([clusters.bin / "postgres", "-D", data(server)], clusters.user), env=clusters.env, cwd="/", capture_output=True,
                          text=True, timeout=120)
    assert done.returncode != 0
    return done.stderr


def start(clusters, server):
    server.daemon = Daemon([clusters.bin / "postgres", "-D", data(server)], server.directory.with_suffix(".again.log"), env=clusters.env,
                           user=clusters.user)
    server.daemon.wait_for("database system is ready to accept connections")


def wear_out(clusters, server, key):
    """Its key has gone, and then it was stopped."""
    server.stop()
    key.unlink()
    said = fails_to_start(clusters, server)
    assert "FATAL:" in said and str(key) in said, said


def test_a_server_that_does_not_start_any_more_gets_back(home, clusters, make_postgres, pair):
    server = make_postgres()
    crt, key = place(server, pair)
    assert change(home, server, "enable-tls", *words_of((crt, key)), "--min-version", "TLSv1.3").returncode == 0
    wear_out(clusters, server, key)
    shown = change(home, server, "undo", "--dry-run", yes=False)
    assert shown.returncode == 0 and "ALTER SYSTEM RESET ssl_key_file\n" in shown.stdout and "does not run: nothing of this is proved" in shown.stdout, shown
    assert altered(server)["ssl"] == "'on'"
    done = change(home, server, "undo")
    assert done.returncode == 0 and PROOF in done.stdout and "By them, ssl is off " in done.stdout and "Proved:" not in done.stdout, done
    assert done.stdout.endswith(f"    pganchor server disable-tls --data-dir {data(server)} --user {SUPERUSER}\n")
    assert altered(server) == {} and not (data(server) / "pganchor-server.json").exists()
    owner = data(server).stat()
    assert {(path.lstat().st_uid, path.lstat().st_gid) for path in data(server).rglob("*")} == {(owner.st_uid, owner.st_gid)}
    start(clusters, server)
    assert asked_for_tls(server) is None
    report = told(home, server, "disable-tls")
    assert (report["changed"], report["proved"], report["tls"]) == (False, True, False)
    assert change(home, server, "undo").stdout.startswith("There is nothing to undo")


def test_back_to_the_pair_before(home, clusters, make_postgres, authority, pair, tmp_path):
    """What the settings were is what they become, with a quote in it, too; and a copy that nobody names goes."""
    server = make_postgres()
    (tmp_path / "first").mkdir()
    first = place(server, authority.issue(tmp_path / "first", "localhost"), "it's own")
    assert change(home, server, "enable-tls", *words_of(first)).returncode == 0
    before = altered(server)
    os.chmod(pair[1], 0o644)
    assert change(home, server, "enable-tls", *words_of(pair)).returncode == 0
    copies = list(data(server).glob("pganchor-server-*"))
    assert len(copies) == 2
    server.stop()
    report = told(home, server, "undo")
    assert (report["changed"], report["proved"], report["loaded"], report["tls"], report["served"]) == (True, False, None, True, None)
    assert altered(server) == before and not any(copy.exists() for copy in copies)
    start(clusters, server)
    assert asked_for_tls(server) == pin_of(first[0])
    assert told(home, server, "undo")["tls"] is False


def test_the_rules_first_byte_for_byte(home, clusters, make_postgres, pair):
    server = make_postgres(hba=RULES)
    crt, key = place(server, pair)
    assert change(home, server, "enable-tls", *words_of((crt, key))).returncode == 0
    assert change(home, server, "require-tls").returncode == 0
    assert rules(server) != RULES
    wear_out(clusters, server, key)
    done = change(home, server, "undo")
    assert done.returncode == 0 and PROOF in done.stdout and f"There is more to undo:\n    pganchor server undo --data-dir {data(server)} " in done.stdout, done
    assert rules(server) == RULES and altered(server)["ssl"] == "'on'"
    done = change(home, server, "undo")
    assert done.returncode == 0 and altered(server) == {}, done
    start(clusters, server)
    assert asked_for_tls(server) is None


def test_require_tls_undo_does_so_too(home, make_postgres, pair):
    server = make_postgres(*pair, hba=RULES)
    assert change(home, server, "require-tls").returncode == 0
    server.stop()
    done = home.pganchor("server", "require-tls", "--undo", "--data-dir", data(server), "--user", SUPERUSER)
    assert done.returncode == 0 and "it looks at its rules when it starts, and not before" in done.stderr, done
    assert rules(server) == RULES


def test_what_others_have_set_stays_and_who_may_run_is_left_alone(home, clusters, make_postgres, pair):
    server = make_postgres()
    crt, key = place(server, pair)
    assert change(home, server, "enable-tls", *words_of((crt, key)), "--min-version", "TLSv1.3").returncode == 0
    subprocess.run(["psql", "-XAtqc", "ALTER SYSTEM SET ssl_min_protocol_version = 'TLSv1.2'", server.superuser], check=True)
    # It has crashed, or it runs in a container.
    server.daemon.stop(signal.SIGQUIT)
    (data(server) / "postmaster.pid").write_text("4194303\n" + str(data(server)) + "\n")
    done = change(home, server, "undo")
    assert done.returncode == 1 and "postmaster.pid names a server that is not seen from here" in done.stderr, done
    (data(server) / "postmaster.pid").unlink()
    done = change(home, server, "undo")
    assert done.returncode == 0 and "somebody has changed it since, to 'TLSv1.2'" in done.stdout, done
    assert altered(server) == {"ssl_min_protocol_version": "'TLSv1.2'"}
    start(clusters, server)


def test_what_postgresql_says_is_the_reason_and_nothing_is_lost(home, clusters, make_postgres, pair):
    server = make_postgres()
    crt, key = place(server, pair)
    assert change(home, server, "enable-tls", *words_of((crt, key))).returncode == 0
    server.stop()
    kept = (data(server) / "postgresql.auto.conf").read_bytes(), (data(server) / "pganchor-server.json").read_bytes()
    # A standby: there is no single-user mode for it.
    (data(server) / "standby.signal").touch()
    done = change(home, server, "undo")
    assert done.returncode == 1 and "the settings of " in done.stderr and "standby mode is not supported by single-user servers" in done.stderr, done
    assert kept == ((data(server) / "postgresql.auto.conf").read_bytes(), (data(server) / "pganchor-server.json").read_bytes())
    (data(server) / "standby.signal").unlink()
    # Where the program that started it has gone, another of the release is found.
    options = data(server) / "postmaster.opts"
    options.write_text(options.read_text().replace(str(clusters.bin), "/nowhere"))
    release = (data(server) / "PG_VERSION").read_text()
    (data(server) / "PG_VERSION").write_text("10\n")
    done = change(home, server, "undo")
    assert done.returncode == 1 and "found no program postgres of release 10, that of " in done.stderr, done
    (data(server) / "PG_VERSION").write_text(release)
    done = home.run([home.program.binary, "server", "undo", "--data-dir", data(server), "--yes"], env={"PATH": f"{clusters.bin}:/usr/bin:/bin"})
    assert done.returncode == 0 and altered(server) == {}, done


def test_a_configuration_elsewhere(home, clusters, make_postgres, pair, tmp_path):
    """As Debian has it: the command line has said where."""
    server = make_postgres()
    elsewhere = server.directory / "etc"
    elsewhere.mkdir()
    clusters.give(elsewhere, 0o755)
    crt, key = place(server, pair)
    assert change(home, server, "enable-tls", *words_of((crt, key))).returncode == 0
    server.stop()
    shutil.move(data(server) / "postgresql.conf", elsewhere / "postgresql.conf")
    options = data(server) / "postmaster.opts"
    options.write_text(options.read_text().rstrip("\n") + f' "-c" "config_file={elsewhere}/postgresql.conf"\n')
    done = change(home, server, "undo")
    assert done.returncode == 0 and altered(server) == {}, done
