"""pganchor ca local serve: a PostgreSQL server on this machine has TLS that verify-full takes, or all is as it was."""

import json
import os
import re
import subprocess

import pytest

from local_cas import CA, ask, data, mode_of, own_ca, serve, shown, state, verify  # noqa: F401
from policies import open_to_all
from postgres import HBA, SUPERUSER


def test_verify_full_with_one_command(home, make_postgres):
    server = make_postgres()
    done = serve(home, server)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Proved: localhost:{server.port} shows it, and sslmode=verify-full takes it\n" in done.stdout
    for host in "localhost", "127.0.0.1":
        asked = ask(home, server, host=host)
        assert (asked.stdout, asked.stderr) == ("t\n", "")
    key = data(server) / "pganchor-local.key"
    assert (mode_of(key), key.stat().st_uid) == (0o600, data(server).stat().st_uid)
    checked = verify(home, data(server) / "pganchor-local.crt", "-purpose", "sslserver", "-verify_hostname", "localhost")
    assert checked.returncode == 0, checked.stderr
    auto = (data(server) / "postgresql.auto.conf").read_text()
    assert re.findall(r"^(\w+) = '(.*)'$", auto, re.MULTILINE) == [
        ("ssl_cert_file", "pganchor-local.crt"), ("ssl_key_file", "pganchor-local.key"), ("ssl", "on")]


def test_the_printed_command_and_a_service_reach_it_under_the_gate(home, make_postgres):
    server = make_postgres()
    assert serve(home, server).returncode == 0
    printed = serve(home, server).stdout
    who = {"PGUSER": server.user, "PGPASSWORD": server.password}
    psql = re.search(r"^    (psql '.*')$", printed, re.MULTILINE)[1]
    shown_to = home.run(["sh", "-c", f"{psql} -XAtc 'SELECT current_database()'"], env=who)
    assert (shown_to.stdout, shown_to.stderr) == ("postgres\n", "")
    added = home.pganchor(*re.search(r"^    pganchor (service add .*)$", printed, re.MULTILINE)[1].split())
    assert added.returncode == 0, added.stderr
    asked = home.run([*home.gate, "psql", "-XAtc", "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", "service=local"], env=who)
    assert (asked.stdout, asked.stderr) == ("t\n", "")


def test_served_again_nothing_changes_and_it_is_proved_again(home, make_postgres):
    server = make_postgres()
    assert serve(home, server).returncode == 0
    before, own = state(server), home.snapshot()
    done = serve(home, server, "--json")
    told = json.loads(done.stdout)
    assert (told["issued"], told["configured"], told["proved"], told["port"]) == (False, False, True, server.port)
    assert state(server) == before and home.snapshot() == own


def test_renewed_the_server_shows_the_new_one(home, make_postgres):
    server = make_postgres()
    assert serve(home, server).returncode == 0
    old = shown(data(server) / "pganchor-local.crt", "-serial")
    (name,) = re.findall(r"^\[(.*)\]$", (home / ".config/pganchor/certs.conf").read_text(), re.MULTILINE)
    done = home.pganchor("cert", "renew", name, "--force")
    assert done.returncode == 0, done.stderr
    assert shown(data(server) / "pganchor-local.crt", "-serial") != old
    shows = subprocess.run(["openssl", "s_client", "-starttls", "postgres", "-connect", f"127.0.0.1:{server.port}"], stdin=subprocess.DEVNULL,
                           capture_output=True, text=True).stdout
    assert shows[shows.index("-----BEGIN"):shows.index("-----END")] in (data(server) / "pganchor-local.crt").read_text()
    assert (data(server) / "pganchor-local.crt").stat().st_uid == data(server).stat().st_uid
    assert ask(home, server).stdout == "t\n"


def test_one_more_name_is_a_new_certificate_of_the_same_key(home, make_postgres):
    server = make_postgres()
    assert serve(home, server).returncode == 0
    key = (data(server) / "pganchor-local.key").read_bytes()
    done = serve(home, server, "--host", "app.test")
    assert done.returncode == 0 and "Proved" in done.stdout, done.stderr
    assert (data(server) / "pganchor-local.key").read_bytes() == key
    assert ask(home, server, host="app.test", hostaddr="127.0.0.1").stdout == "t\n"


def test_a_dry_run_of_a_running_server_changes_nothing(home, make_postgres):
    server = make_postgres()
    before, own = state(server), home.snapshot()
    done = serve(home, server, "--dry-run")
    assert done.returncode == 0 and done.stdout.endswith("This was a dry run: nothing was changed.\n")
    assert state(server) == before and home.snapshot() == own


def test_a_server_that_cannot_load_it_is_put_back(home, make_postgres):
    server = make_postgres(settings={"ssl_min_protocol_version": "TLSv1.3", "ssl_max_protocol_version": "TLSv1.2"})
    before = state(server)
    done = serve(home, server)
    assert done.returncode == 1 and "does not show its new certificate" in done.stderr and "all was put back as it was" in done.stderr
    after = state(server)
    assert {name: after[name] for name in before if name != "postgresql.auto.conf"} == {
        name: before[name] for name in before if name != "postgresql.auto.conf"} and set(after) == set(before)
    assert "ssl" not in after["postgresql.auto.conf"][0].decode()


def test_a_server_with_a_certificate_goes_on_showing_it_where_the_new_one_fails(home, make_postgres, stepca):
    chain, key = stepca.issue("localhost", "127.0.0.1")
    server = make_postgres(chain, key)
    superuser = ["psql", "-XAtc", "ALTER SYSTEM SET ssl_ca_file = 'none.crt'", server.superuser]
    assert home.run(superuser).returncode == 0
    done = serve(home, server, "--replace")
    assert done.returncode == 1 and "all was put back as it was" in done.stderr
    assert ask(home, server, sslrootcert=stepca.root).stdout == "t\n"
    auto = (data(server) / "postgresql.auto.conf").read_text()
    assert "none.crt" in auto and "pganchor" not in auto and "ssl = " not in auto


def test_a_certificate_of_another_ca_is_replaced_by_request_alone(home, make_postgres, stepca):
    server = make_postgres(*stepca.issue("localhost", "127.0.0.1"))
    before = state(server)
    done = serve(home, server)
    assert done.returncode == 1 and "the server shows a certificate already, of the CA " in done.stderr and "--replace" in done.stderr
    assert state(server) == before
    # Behind an error, the server shows nothing of what ALTER SYSTEM has set, and loads nothing of it.
    conf = data(server) / "postgresql.conf"
    conf.write_bytes(before["postgresql.conf"][0] + b"this is = wrong = here\n")
    broken = state(server)
    done = serve(home, server, "--replace")
    assert done.returncode == 1 and f"{conf}, line " in done.stderr and ": the server says: syntax error" in done.stderr, done.stderr
    assert state(server) == broken
    conf.write_bytes(before["postgresql.conf"][0])
    assert serve(home, server, "--replace").returncode == 0
    assert ask(home, server).stdout == "t\n"
    assert (data(server) / "server.crt").read_bytes() == before["server.crt"][0]


@pytest.mark.parametrize("settings, why", [({"listen_addresses": ""}, "listens on no TCP port")])
def test_what_cannot_be_served_is_told_before(home, make_postgres, settings, why):
    server = make_postgres(settings=settings)
    before = state(server)
    done = serve(home, server)
    assert done.returncode == 1 and why in done.stderr
    assert state(server) == before


def test_nobody_who_is_no_superuser(home, make_postgres):
    server = make_postgres(hba=HBA)
    before = state(server)
    done = home.pganchor("ca", "local", "serve", data(server), "--user", server.user, env={"PGPASSWORD": server.password})
    assert done.returncode == 1 and "could not log in to the server" in done.stderr and "--user NAME names a superuser" in done.stderr
    assert state(server) == before


def as_somebody(home, user, group, place, *words, **env):
    """pganchor ca local as this user, with a home at place."""
    return home.run([*open_to_all(home.program.prefix), "setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--", home.program.binary,
                     "ca", "local", *words], cwd="/", env={"HOME": place, **env})


@pytest.mark.skipif(os.geteuid() != 0, reason="the other tests are the owner's then")
def test_as_the_owner_of_the_server(home, clusters, make_postgres):
    server = make_postgres(hba="local all all trust\n" + HBA)
    place = clusters.make_directory()
    done = as_somebody(home, clusters.user.pw_uid, clusters.user.pw_gid, place, "serve", data(server), PGUSER=SUPERUSER)
    assert done.returncode == 0 and "Proved" in done.stdout, done.stderr
    assert ask(home, server, sslrootcert=place / ".config/pganchor/anchors/local.crt").stdout == "t\n"
    assert (place / CA / "ca.key").stat().st_uid == clusters.user.pw_uid


@pytest.mark.skipif(os.geteuid() != 0, reason="nobody else's files can be made")
def test_somebody_elses_server_is_left_alone(home, clusters, make_postgres):
    server = make_postgres()
    before, place = state(server), clusters.make_directory()
    os.chown(place, 4711, 4711)
    done = as_somebody(home, 4711, 4711, place, "serve", data(server))
    assert done.returncode == 1 and f"it belongs to {clusters.user.pw_name}, who alone can change it" in done.stderr and "--ca DIRECTORY" in done.stderr
    assert state(server) == before and not list(place.iterdir())


# A server that does not run.

def test_a_stopped_server_shows_it_from_its_next_start_on(home, clusters, make_postgres):
    def prepared(path):
        clusters.copy_template(path)
        (path / "postgresql.auto.conf").write_text("work_mem = '5MB'\nssl = 'off'\n")
        done = home.pganchor("ca", "local", "serve", path, "--json")
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert (told["running"], told["proved"], told["port"], told["configured"]) == (False, False, None, True)
    server = make_postgres(copy=prepared)
    assert ask(home, server).stdout == "t\n"
    auto = (data(server) / "postgresql.auto.conf").read_text()
    assert auto == ("work_mem = '5MB'\nssl_cert_file = 'pganchor-local.crt'\nssl_key_file = 'pganchor-local.key'\nssl = 'on'\n")
    done = serve(home, server)
    assert done.returncode == 0 and "Proved" in done.stdout, done.stderr


@pytest.mark.parametrize("version, why", [(None, "no data directory of PostgreSQL"), ("9.6\n", "from 10 on")])
def test_what_is_no_data_directory(home, version, why):
    (home / "data").mkdir()
    if version is not None:
        (home / "data/PG_VERSION").write_text(version)
    before = home.snapshot()
    done = home.pganchor("ca", "local", "serve", home / "data")
    assert done.returncode == 1 and why in done.stderr
    assert home.snapshot() == before


def test_a_server_in_a_container_is_told_apart(home):
    (home / "data").mkdir()
    (home / "data/PG_VERSION").write_text("15\n")
    gone = subprocess.Popen(["true"])
    gone.wait()
    (home / "data/postmaster.pid").write_text(f"{gone.pid}\n/var/lib/postgresql/data\n1\n5432\n/var/run/postgresql\n*\n")
    done = home.pganchor("ca", "local", "serve", home / "data")
    assert done.returncode == 0 and "runs in a container, and has to be started again" in done.stderr


def test_the_ca_of_another_place(own_ca, clusters, make_postgres):
    """As root for the server of somebody else's user: the CA stays the user's."""
    def prepared(path):
        clusters.copy_template(path)
        done = own_ca.pganchor("ca", "local", "serve", path, "--ca", own_ca / CA, env={"HOME": own_ca / "elsewhere"})
        assert done.returncode == 0, done.stderr
        assert not (own_ca / "elsewhere").exists()
    server = make_postgres(copy=prepared)
    assert ask(own_ca, server).stdout == "t\n"
    none = own_ca.pganchor("ca", "local", "issue", "--ca", own_ca / "nowhere")
    assert none.returncode == 1 and "there is no local CA" in none.stderr
