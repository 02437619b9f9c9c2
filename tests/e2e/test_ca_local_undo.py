"""pganchor ca local serve --undo and ca local remove: what was there before is there again. And what serve does for clients."""

import json
import os
import re

import pytest

from certificates import make_root
from certs import encrypted
from local_cas import ask, data, serve, state
from postgres import SUPERUSER


def test_undone_all_is_as_it_was(home, make_postgres):
    """Byte for byte, and the server goes on as before."""
    server = make_postgres()
    before = state(server)
    assert serve(home, server).returncode == 0
    assert serve(home, server, "--host", "app.test").returncode == 0
    shown_first = state(server)
    dry = serve(home, server, "--undo", "--dry-run")
    assert dry.returncode == 0 and "Would put back postgresql.auto.conf" in dry.stdout and state(server) == shown_first
    done = serve(home, server, "--undo")
    assert (done.returncode, done.stderr) == (0, "") and "byte for byte" in done.stdout
    assert state(server) == before
    assert not (home / ".config/pganchor/certs.conf").exists() or "[" not in (home / ".config/pganchor/certs.conf").read_text()
    assert "server does not support SSL" in ask(home, server).stderr
    again = serve(home, server, "--undo")
    assert again.returncode == 0 and "has no certificate of the local CA" in again.stdout


def test_undone_what_others_have_changed_since_stays(home, make_postgres, stepca):
    """And what the server showed before is shown again."""
    server = make_postgres(*stepca.issue("localhost", "127.0.0.1"))
    before = state(server)
    assert home.run(["psql", "-XAtc", "ALTER SYSTEM SET ssl_cert_file = 'server.crt'", server.superuser]).returncode == 0
    assert serve(home, server, "--replace").returncode == 0
    assert home.run(["psql", "-XAtc", "ALTER SYSTEM SET work_mem = '7MB'", server.superuser]).returncode == 0
    assert serve(home, server, "--clients").returncode == 0
    done = serve(home, server, "--undo")
    assert done.returncode == 0 and "what else was changed since stays" in done.stdout, done.stderr
    auto = (data(server) / "postgresql.auto.conf").read_text()
    assert re.findall(r"^(\w+) = '(.*)'$", auto, re.MULTILINE) == [("work_mem", "7MB"), ("ssl_cert_file", "server.crt")]
    assert set(state(server)) == set(before)
    assert ask(home, server, sslrootcert=stepca.root).stdout == "t\n"


@pytest.mark.parametrize("undo", ["undo", "remove"])
def test_what_others_have_put_in_its_place_stays(home, make_postgres, undo):
    """Of a key there may be no copy."""
    server = make_postgres()
    assert serve(home, server).returncode == 0
    theirs = make_root().issue(home.path, "localhost")
    crt, key = data(server) / "pganchor-local.crt", data(server) / "pganchor-local.key"
    crt.write_bytes(theirs.cert.read_bytes())
    key.write_bytes(theirs.key.read_bytes())
    if undo == "undo":
        done = serve(home, server, "--undo")
        assert "Left what somebody else has put in the place of it" in done.stdout and "Removed" not in done.stdout
        assert "has no certificate of the local CA" in serve(home, server, "--undo").stdout
    else:
        done = home.pganchor("ca", "local", "remove", env={"PGUSER": SUPERUSER})
    assert done.returncode == 0, done.stderr
    assert (crt.read_bytes(), key.read_bytes()) == (theirs.cert.read_bytes(), theirs.key.read_bytes())
    assert "pganchor-local" not in (data(server) / "postgresql.auto.conf").read_text()
    assert "server does not support SSL" in ask(home, server).stderr


def test_a_key_that_is_not_its_key_stays(home, make_postgres):
    server = make_postgres()
    assert serve(home, server).returncode == 0
    key = data(server) / "pganchor-local.key"
    theirs = make_root().issue(home.path, "localhost").key.read_bytes()
    key.write_bytes(theirs)
    done = serve(home, server, "--undo", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["exchanged"] is True, done.stderr
    assert key.read_bytes() == theirs and not (data(server) / "pganchor-local.crt").exists()


def test_not_undone_where_the_server_cannot_go_without_it(home, make_postgres):
    """What it had before it cannot load: then it keeps what works."""
    server = make_postgres()
    for words in "ssl_cert_file = 'none.crt'", "ssl = 'on'":
        assert home.run(["psql", "-XAtc", f"ALTER SYSTEM SET {words}", server.superuser]).returncode == 0
    assert serve(home, server).returncode == 0
    before = state(server)
    done = serve(home, server, "--undo")
    assert done.returncode == 1 and "cannot go without the pair" in done.stderr and "nothing was changed" in done.stderr
    assert state(server) == before and ask(home, server).stdout == "t\n"


def test_removed_the_ca_leaves_no_server_with_it(home, make_postgres):
    server = make_postgres()
    before = state(server)
    assert serve(home, server).returncode == 0
    assert home.pganchor("ca", "local", "issue").returncode == 0
    done = home.pganchor("ca", "local", "remove", env={"PGUSER": SUPERUSER})
    assert done.returncode == 0 and f"Put back the server of {data(server)}\n" in done.stdout, done.stderr
    assert f"Left {home / 'localhost.crt'}, which it has signed" in done.stdout
    assert state(server) == before
    assert not (home / ".config/pganchor/local-ca/ca.key").exists()
    assert home.pganchor("cert", "status").stdout.startswith("no certificate is known here\n")


def test_removed_though_a_server_cannot_be_reached(home):
    stopped = home / "stopped"
    stopped.mkdir()
    (stopped / "PG_VERSION").write_text("15\n")
    assert home.pganchor("ca", "local", "serve", stopped).returncode == 0
    (stopped / "PG_VERSION").unlink()
    done = home.pganchor("ca", "local", "remove")
    assert done.returncode == 0 and f"the server of {stopped} is as it was, and shows a certificate that nobody trusts any more" in done.stderr
    assert not (home / ".config/pganchor/local-ca/ca.key").exists()


def test_a_client_logs_in_by_a_certificate_of_the_local_ca(home, make_postgres):
    """clientcert=verify-full: the certificate says who it is."""
    server = make_postgres(hba="local all all trust\nhostssl all all all trust clientcert=verify-full\n")
    before = state(server)
    done = serve(home, server, "--clients")
    assert done.returncode == 0 and "ssl_ca_file" in done.stdout, done.stderr
    for user in server.user, "somebody":
        assert home.pganchor("ca", "local", "issue", "--for", "client", user, "-o", home / user).returncode == 0
    none = ask(home, server, password=None)
    assert "connection requires a valid client certificate" in none.stderr
    pair = {"sslcert": home / f"{server.user}.crt", "sslkey": home / f"{server.user}.key"}
    assert ask(home, server, password=None, **pair).stdout == "t\n"
    other = ask(home, server, password=None, sslcert=home / "somebody.crt", sslkey=home / "somebody.key")
    assert other.returncode != 0 and "authentication failed" in other.stderr, other.stderr
    assert serve(home, server, "--undo").returncode == 0 and state(server) == before


def test_cas_of_clients_that_somebody_has_set_stay(home, make_postgres, stepca):
    server = make_postgres()
    (data(server) / "clients.crt").write_bytes(stepca.root.read_bytes())
    assert home.run(["psql", "-XAtc", "ALTER SYSTEM SET ssl_ca_file = 'clients.crt'", server.superuser]).returncode == 0
    assert home.run(["psql", "-XAtc", "SELECT pg_reload_conf()", server.superuser]).returncode == 0
    before = state(server)
    done = serve(home, server, "--clients")
    assert done.returncode == 1 and "by the CAs in clients.crt already (ssl_ca_file)" in done.stderr
    assert state(server) == before
    assert serve(home, server).returncode == 0 and "clients.crt" in (data(server) / "postgresql.auto.conf").read_text()
    assert serve(home, server, "--undo").returncode == 0 and state(server) == before


def test_each_address_is_looked_at(home, make_postgres):
    server = make_postgres()
    done = serve(home, server)
    assert done.returncode == 0 and "    127.0.0.1: so does this address\n" in done.stdout, done.stdout
    told = json.loads(serve(home, server, "--json").stdout)
    assert "127.0.0.1" in told["proved_at"]


def test_a_stopped_server_is_put_back_byte_for_byte(home, clusters):
    place = clusters.make_directory() / "data"
    clusters.copy_template(place)
    conf = place / "postgresql.auto.conf"
    for text in "# mine\nWork_Mem=5MB\nssl = off # not yet\n", None:
        if text is None:
            conf.unlink()
        else:
            conf.write_text(text)
        assert home.pganchor("ca", "local", "serve", place, "--clients").returncode == 0
        assert "pganchor-local" in conf.read_text()
        done = home.pganchor("ca", "local", "serve", place, "--undo")
        assert done.returncode == 0, done.stderr
        assert not list(place.glob("pganchor-local*"))
        assert (conf.read_text() if conf.exists() else None) == text


@pytest.fixture
def stopped(clusters):
    """The data directory of a server that does not run."""
    place = clusters.make_directory() / "data"
    clusters.copy_template(place)
    return place


def test_no_passphrase_is_asked_for_what_a_server_has(home, stopped, stepca):
    """What cannot be read is shown to nobody, and waited for by nobody either."""
    (stopped / "postgresql.auto.conf").write_text("ssl = on\n")
    (stopped / "server.crt").write_text(encrypted(stepca.issue("localhost")[0].read_text()))
    done = home.pganchor_tty("ca", "local", "serve", stopped)
    assert done.returncode == 0 and "pass phrase" not in done.output, done.output
    (stopped / "pganchor-local.crt").write_text(encrypted((stopped / "pganchor-local.crt").read_text()))
    done = home.pganchor_tty("ca", "local", "serve", "--undo", stopped)
    assert done.returncode == 0 and "pass phrase" not in done.output, done.output
    (stopped / "pganchor-local.crt").unlink()  # which was not ours to take away
    (stopped / "server.crt").unlink()
    os.mkfifo(stopped / "server.crt")
    done = home.pganchor("ca", "local", "serve", stopped)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("text, words, says", [
    ("ssl = on\n", [], "the server shows a certificate already, of the CA "),
    ("Ssl_Cert_File='other.crt' # ours\nssl on\n", [], "the server shows a certificate already, of the CA "),
    ("ssl = on\nssl_cert_file = 'none.crt'\nssl_ca_file = 'clients.crt'\n", ["--clients"], "by the CAs in clients.crt already (ssl_ca_file)"),
    ("ssl = on\n#ssl_cert_file = 'other.crt'\nssl_cert_file = 'none.crt'\n", [], None),
    ("ssl = off\nssl_cert_file = 'other.crt'\n", [], None)])
def test_tls_that_somebody_has_set_up_for_a_stopped_server_stays(home, clusters, stepca, text, words, says):
    place = clusters.make_directory() / "data"
    clusters.copy_template(place)
    chain, _ = stepca.issue("localhost")
    for name in "server.crt", "other.crt":
        (place / name).write_bytes(chain.read_bytes())
    with open(place / "postgresql.conf", "a", encoding="utf-8") as conf:
        conf.write(text)
    before = (place / "postgresql.auto.conf").read_bytes()
    done = home.pganchor("ca", "local", "serve", place, *words)
    assert (done.returncode == 1) == (says is not None) and (says or "") in done.stderr, done.stderr
    if says is not None:
        assert (place / "postgresql.auto.conf").read_bytes() == before and not list(place.glob("pganchor-local*"))
        assert home.pganchor("ca", "local", "serve", place, *words, "--replace").returncode == 0
