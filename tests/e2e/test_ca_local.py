"""pganchor ca local: verify-full to a server on this machine, by a CA that can be nobody else."""

import json
import os
import re
import stat
import subprocess

import pytest

from policies import open_to_all
from postgres import HBA, SUPERUSER

CA = ".config/pganchor/local-ca"
OUTSIDE = ("db.example.com", "10.0.0.1", "localhost.example.com", "128.0.0.1", "::2", "testing", "example.test.com")
INSIDE = ("localhost", "db.localhost", "app.test", "a.b.test", "*.app.test", "127.0.0.1", "127.8.9.10", "::1")


def openssl(*words, **kwargs):
    return subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, stdin=subprocess.DEVNULL, **kwargs)


def verify(home, certificate, *words):
    """What openssl says of it, as strictly as it can."""
    return openssl("verify", "-x509_strict", "-CAfile", home / CA / "ca.crt", *words, certificate)


def shown(certificate, *words):
    done = openssl("x509", "-noout", "-in", certificate, *words)
    assert done.returncode == 0
    return done.stdout


def pin_of(certificate):
    return shown(certificate, "-fingerprint", "-sha256").split("=")[1].strip().replace(":", "").lower()


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def own_ca(home):
    done = home.pganchor("ca", "local")
    assert done.returncode == 0, done.stderr
    return home


def test_it_makes_a_constrained_ca_and_pins_it_scoped(home):
    done = home.pganchor("ca", "local")
    assert (done.returncode, done.stderr) == (0, "")
    assert mode_of(home / CA) == 0o700 and mode_of(home / CA / "ca.key") == 0o600
    text = shown(home / CA / "ca.crt", "-text")
    assert "NIST CURVE: P-256" in text
    assert re.search(r"X509v3 Basic Constraints: critical\s+CA:TRUE, pathlen:0\n", text)
    assert re.search(r"X509v3 Name Constraints: critical\s+Permitted:\s+DNS:localhost\s+DNS:test\s+"
                     r"IP:127.0.0.0/255.0.0.0\s+IP:0:0:0:0:0:0:0:1/(FFFF:){7}FFFF\n", text)
    assert verify(home, home / CA / "ca.crt").returncode == 0
    conf = (home / ".config/pganchor/anchors.conf").read_text()
    assert conf.startswith("[local]\n") or "\n[local]\n" in conf
    assert "hosts = localhost *.localhost *.test 127.0.0.1 ::1\n" in conf and "scope = scoped\n" in conf
    assert f"pin = {pin_of(home / CA / 'ca.crt')}\n" in conf
    assert (home / ".config/pganchor/anchors/local.crt").read_text() == (home / CA / "ca.crt").read_text()
    assert not (home / ".postgresql").exists()


def test_a_second_time_changes_nothing_and_brings_back_what_is_missing(own_ca):
    before = own_ca.snapshot()
    done = own_ca.pganchor("ca", "local", "create", "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 0 and (told["created"], told["renewed"], told["anchor"]) == (False, False, "local")
    assert told["hosts"] == ["localhost", "*.localhost", "*.test", "127.0.0.1", "::1"]
    assert own_ca.snapshot() == before
    (own_ca / ".config/pganchor/anchors/local.crt").unlink()
    assert own_ca.pganchor("ca", "local").returncode == 0
    assert (own_ca / ".config/pganchor/anchors/local.crt").read_text() == (own_ca / CA / "ca.crt").read_text()


@pytest.mark.parametrize("words", [["create"], ["issue"], ["issue", "--for", "client", "alice"]])
def test_a_dry_run_writes_nothing(home, words):
    before = home.snapshot()
    done = home.pganchor("ca", "local", *words, "--dry-run")
    assert done.returncode == 0 and "Would make the local CA" in done.stdout, done.stderr
    assert done.stdout.endswith("This was a dry run: nothing was changed.\n")
    assert home.snapshot() == before


def test_signed_anew_with_the_same_key_what_it_has_signed_stays_valid(own_ca):
    assert own_ca.pganchor("ca", "local", "issue").returncode == 0
    old, key = pin_of(own_ca / CA / "ca.crt"), (own_ca / CA / "ca.key").read_bytes()
    done = own_ca.pganchor("ca", "local", "--renew", "--lifetime", "500d")
    assert done.returncode == 0 and "Signed anew" in done.stdout, done.stderr
    assert pin_of(own_ca / CA / "ca.crt") != old and (own_ca / CA / "ca.key").read_bytes() == key
    assert verify(own_ca, own_ca / "localhost.crt", "-verify_hostname", "localhost").returncode == 0
    conf = (own_ca / ".config/pganchor/anchors.conf").read_text()
    assert old not in conf and f"pin = {pin_of(own_ca / CA / 'ca.crt')}" in conf and conf.count("[") == 1 and "scope = scoped" in conf


def test_near_its_end_it_is_signed_anew(home):
    assert home.pganchor("ca", "local", "--lifetime", "2h").returncode == 0
    first = pin_of(home / CA / "ca.crt")
    assert home.pganchor("ca", "local", "issue").returncode == 0
    assert pin_of(home / CA / "ca.crt") == first
    end = shown(home / "localhost.crt", "-enddate")
    assert end == shown(home / CA / "ca.crt", "-enddate"), "no certificate outlives its CA"


@pytest.mark.parametrize("names", [[], list(INSIDE), ["app.test"], ["127.0.0.1"]])
def test_what_it_issues_verifies_as_strictly_as_openssl_can(own_ca, names):
    done = own_ca.pganchor("ca", "local", "issue", *names, "--out", own_ca / "server", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["certificate"] == str(own_ca / "server.crt")
    assert mode_of(own_ca / "server.key") == 0o600
    for name in names or ["localhost", "127.0.0.1", "::1"]:
        word = "-verify_ip" if re.fullmatch(r"[\d.]+|.*::.*", name) else "-verify_hostname"
        checked = verify(own_ca, own_ca / "server.crt", "-purpose", "sslserver", word, name.replace("*", "x"))
        assert checked.returncode == 0, checked.stdout + checked.stderr
    public = openssl("pkey", "-in", own_ca / "server.key", "-pubout").stdout
    assert shown(own_ca / "server.crt", "-pubkey") == public
    text = shown(own_ca / "server.crt", "-text")
    assert "CA:FALSE" in text and "TLS Web Server Authentication\n" in text


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_name_that_the_constraints_do_not_cover_is_refused(own_ca, name):
    before = own_ca.snapshot()
    done = own_ca.pganchor("ca", "local", "issue", "localhost", name)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"the local CA may not sign for {name}: its name constraints allow localhost, *.localhost, *.test, 127.0.0.0/8 and ::1 alone" in done.stderr
    assert own_ca.snapshot() == before


@pytest.mark.parametrize("name", ["", "local host", "localhost,DNS:db.example.com", "a..test", ".test", "*", "http://localhost", "localhost:5432",
                                  "x.test\nDNS:y", "ü.test", "app.test."])
def test_what_is_no_name_is_refused(own_ca, name):
    before = own_ca.snapshot()
    done = own_ca.pganchor("ca", "local", "issue", name)
    assert done.returncode == 1 and "no name or address of a host" in done.stderr
    assert own_ca.snapshot() == before


def test_who_has_the_key_can_be_no_other_host(own_ca, connect_of):
    """The constraints are OpenSSL's to hold, whatever is signed by hand."""
    certificate, key = own_ca / "other.crt", own_ca / "other.key"
    made = openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=db.example.com", "-addext",
                   "subjectAltName=DNS:db.example.com", "-CA", own_ca / CA / "ca.crt", "-CAkey", own_ca / CA / "ca.key", "-keyout", key, "-out", certificate,
                   "-days", "1")
    if made.returncode != 0:  # before OpenSSL 3.0's -CA
        pytest.fail(made.stderr)
    checked = verify(own_ca, certificate)
    assert checked.returncode != 0 and "permitted subtree violation" in checked.stdout + checked.stderr
    said = connect_of(certificate, key, host="db.example.com", hostaddr="127.0.0.1", sslrootcert=own_ca / CA / "ca.crt")
    assert "certificate verify failed" in said


@pytest.fixture
def connect_of(home, make_postgres):
    """connect_of(chain, key, **settings): what psql says of a server with this pair."""
    def connect(chain, key, **settings):
        server = make_postgres(chain, key)
        return home.run(["psql", "-Atc", "SELECT 1", server.conninfo(sslmode="verify-full", **settings)]).stderr
    return connect


@pytest.mark.parametrize("kind, shows", [("ec", "NIST CURVE: P-256"), ("rsa", "(3072 bit)"), ("ed25519", "ED25519")])
def test_the_key_is_of_the_kind_that_is_asked_for(own_ca, kind, shows):
    assert own_ca.pganchor("ca", "local", "issue", "--key", kind).returncode == 0
    assert shows in shown(own_ca / "localhost.crt", "-text")
    assert verify(own_ca, own_ca / "localhost.crt", "-purpose", "sslserver").returncode == 0


@pytest.mark.parametrize("user", ["alice", "first.last", "Ünal Öz", "svc_app-1"])
def test_a_client_certificate_says_the_database_user(own_ca, user):
    done = own_ca.pganchor("ca", "local", "issue", "--for", "client", user, "-o", own_ca / "client")
    assert done.returncode == 0, done.stderr
    assert shown(own_ca / "client.crt", "-subject", "-nameopt", "utf8,-esc_msb").strip() == f"subject=CN={user}" or user in shown(
        own_ca / "client.crt", "-subject", "-nameopt", "utf8")
    checked = verify(own_ca, own_ca / "client.crt", "-purpose", "sslclient")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert verify(own_ca, own_ca / "client.crt", "-purpose", "sslserver").returncode != 0


def test_again_the_key_stays_and_the_certificate_is_another(own_ca):
    assert own_ca.pganchor("ca", "local", "issue").returncode == 0
    key, certificate = (own_ca / "localhost.key").read_bytes(), (own_ca / "localhost.crt").read_bytes()
    assert own_ca.pganchor("ca", "local", "issue", "localhost", "app.test").returncode == 0
    assert (own_ca / "localhost.key").read_bytes() == key and (own_ca / "localhost.crt").read_bytes() != certificate
    assert verify(own_ca, own_ca / "localhost.crt", "-verify_hostname", "app.test").returncode == 0


@pytest.mark.parametrize("name, why", [("localhost.crt", "it is no certificate of the local CA"), ("localhost.key", "no private key in PEM form")])
def test_files_of_somebody_else_stay(own_ca, name, why):
    (own_ca / name).write_text("mine\n")
    before = own_ca.snapshot()
    done = own_ca.pganchor("ca", "local", "issue")
    assert done.returncode == 1 and why in done.stderr
    assert own_ca.snapshot() == before


@pytest.mark.parametrize("words, what", [
    (["create", "--lifetime", "3y"], "no span of time"), (["create", "--lifetime", "900d"], "1h to 825d"), (["issue", "--lifetime", "398d"], "1m to 397d"),
    (["issue", "--lifetime", "1d2"], "no span of time"), (["issue", "--for", "me"], "neither server nor client"), (["issue", "--key", "dsa"], "none of ec, rsa and"),
    (["serve"], "the data directory of a server"), (["serve", "a", "b"], ""), (["make"], "")])
def test_usage(home, words, what):
    done = home.pganchor("ca", "local", *words)
    assert done.returncode == 2 and what in done.stderr
    assert not (home / ".config").exists()


@pytest.mark.parametrize("spoil, why", [
    (lambda ca: os.chmod(ca / "ca.key", 0o644), "others than its owner can read the CA's key"),
    (lambda ca: (ca / "ca.key").unlink(), "it is missing"),
    (lambda ca: (ca / "ca.key").write_text(""), "no private key in PEM form"),
    (lambda ca: (ca / "ca.key").write_text(openssl("genpkey", "-algorithm", "ed25519").stdout), "it is not the key of")])
def test_one_that_is_broken_signs_nothing_and_can_be_removed(own_ca, spoil, why):
    spoil(own_ca / CA)
    before = own_ca.snapshot()
    for words in ["create"], ["issue"]:
        done = own_ca.pganchor("ca", "local", *words)
        assert done.returncode == 1 and why in done.stderr
    assert own_ca.snapshot() == before
    assert own_ca.pganchor("ca", "local", "remove").returncode == 0
    assert not (own_ca / CA / "ca.key").exists() and not (own_ca / ".config/pganchor/anchors.conf").exists()
    assert own_ca.pganchor("ca", "local").returncode == 0


@pytest.mark.parametrize("lost", [["ca.crt"], ["ca.crt", "ca.key"]])
def test_one_that_is_lost_is_made_anew_in_its_place(own_ca, lost):
    for name in lost:
        (own_ca / CA / name).unlink()
    done = own_ca.pganchor("ca", "local", "issue")
    assert done.returncode == 0 and "Made the local CA" in done.stdout, done.stderr
    conf = (own_ca / ".config/pganchor/anchors.conf").read_text()
    assert f"pin = {pin_of(own_ca / CA / 'ca.crt')}\n" in conf and conf.count("[") == 1
    assert verify(own_ca, own_ca / "localhost.crt").returncode == 0


def test_somebody_elses_ca_is_not_taken_for_it(own_ca):
    """It might sign for the world."""
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=CA", "-keyout", own_ca / CA / "ca.key",
            "-out", own_ca / CA / "ca.crt")
    done = own_ca.pganchor("ca", "local", "issue")
    assert done.returncode == 1 and "it has to be a CA with pathlen 0 and name constraints" in done.stderr


def test_the_name_of_another_anchor_is_not_taken(home, stepca):
    assert home.pganchor("anchor", "add", stepca.root, "--name", "local", "--yes", "--fingerprint", stepca.fingerprint).returncode == 0
    before = home.snapshot()
    done = home.pganchor("ca", "local")
    assert done.returncode == 1 and "the name is taken by another root" in done.stderr
    assert home.snapshot() == before
    assert home.pganchor("ca", "local", "--name", "dev").returncode == 0
    assert (home / ".config/pganchor/anchors/dev.crt").exists()


def test_what_it_signs_is_renewed_like_any_other(own_ca):
    assert own_ca.pganchor("ca", "local", "issue").returncode == 0
    old, key = shown(own_ca / "localhost.crt", "-serial"), (own_ca / "localhost.key").read_bytes()
    conf = (own_ca / ".config/pganchor/certs.conf").read_text()
    assert "[localhost]\n" in conf and "way = local\n" in conf and f"certificate = {own_ca / 'localhost.crt'}\n" in conf
    assert own_ca.pganchor("cert", "renew").returncode == 0
    assert shown(own_ca / "localhost.crt", "-serial") == old
    done = own_ca.pganchor("cert", "renew", "localhost", "--force")
    assert done.returncode == 0, done.stderr
    assert shown(own_ca / "localhost.crt", "-serial") != old and (own_ca / "localhost.key").read_bytes() == key
    for word, name in ("-verify_hostname", "localhost"), ("-verify_ip", "127.0.0.1"), ("-verify_ip", "::1"):
        assert verify(own_ca, own_ca / "localhost.crt", "-purpose", "sslserver", word, name).returncode == 0
    assert own_ca.pganchor("ca", "local", "remove").returncode == 0
    assert not (own_ca / ".config/pganchor/certs.conf").exists() or "localhost" not in (own_ca / ".config/pganchor/certs.conf").read_text()


def test_remove_takes_all_of_it_away(own_ca):
    before = own_ca.snapshot()
    assert own_ca.pganchor("ca", "local", "remove", "--dry-run").returncode == 0
    assert own_ca.snapshot() == before
    done = own_ca.pganchor("ca", "local", "remove")
    assert done.returncode == 0 and "Removed anchor local" in done.stdout and "Removed the local CA and its key" in done.stdout
    assert not list((own_ca / ".config").rglob("*.key")) and not list((own_ca / ".config").rglob("*.crt"))
    again = own_ca.pganchor("ca", "local", "remove")
    assert (again.returncode, again.stdout) == (0, "There is no local CA.\n")


def test_uninstall_takes_all_of_it_away(home):
    before = home.snapshot()
    assert home.pganchor("ca", "local").returncode == 0
    assert home.pganchor("uninstall", "--yes").returncode == 0
    assert home.snapshot() == before


def test_uninstall_tells_what_stays_of_what_it_has_signed(own_ca):
    assert own_ca.pganchor("ca", "local", "issue").returncode == 0
    done = own_ca.pganchor("uninstall", "--yes")
    assert done.returncode == 0 and f"Left {own_ca / 'localhost.crt'}: the local CA has signed it, and nobody trusts it any more" in done.stdout
    assert {path.name for path in own_ca.path.iterdir() if path.is_file()} == {"localhost.crt", "localhost.key"}
    assert not (own_ca / ".config/pganchor").exists()


# A server that runs.

def data(server):
    return server.directory / "data"


def serve(home, server, *words):
    return home.pganchor("ca", "local", "serve", data(server), "--user", SUPERUSER, *words)


def ask(home, server, **settings):
    settings = {"sslmode": "verify-full", "sslrootcert": home / ".config/pganchor/anchors/local.crt", **settings}
    return home.run(["psql", "-XAtc", "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", server.conninfo(**settings)])


def state(server):
    """All that serve could change: the files of the data directory and what they hold."""
    return {path.name: (path.read_bytes(), mode_of(path)) for path in data(server).iterdir()
            if path.is_file() and path.name not in ("postmaster.pid", "postmaster.opts")}


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
        ("ssl", "on"), ("ssl_cert_file", "pganchor-local.crt"), ("ssl_key_file", "pganchor-local.key")] or "ssl = 'on'" in auto


def test_the_printed_command_and_a_service_reach_it_under_the_gate(home, make_postgres):
    server = make_postgres()
    assert serve(home, server).returncode == 0
    printed = re.search(r"^    (psql '.*')$", serve(home, server).stdout, re.MULTILINE)[1]
    shown_to = home.run(["sh", "-c", f"{printed} -XAtc 'SELECT 1'"], env={"PGUSER": server.user, "PGDATABASE": server.dbname, "PGPASSWORD": server.password})
    assert (shown_to.stdout, shown_to.stderr) == ("1\n", "")
    added = home.pganchor("service", "add", "local", "--host", "localhost", "--port", server.port, "--user", server.user, "--dbname", server.dbname)
    assert added.returncode == 0, added.stderr
    asked = home.run([*home.gate, "psql", "-XAtc", "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", "service=local"],
                     env={"PGPASSWORD": server.password})
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
