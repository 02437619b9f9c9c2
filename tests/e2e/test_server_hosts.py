"""pganchor server enable-tls and audit of a server with a certificate for each name: ssl_sni and pg_hosts.conf, PostgreSQL 19."""

import json
import os
import subprocess

import pytest

from certificates import make_root
from local_cas import data, pin_of
from postgres import PASSWORD, USER
from services import environment, pin_files, write
from test_server_clients import about, plan
from test_server_enable_tls import change, place, told


@pytest.fixture(scope="module")
def authority():
    return make_root("Their CA")


@pytest.fixture(scope="module")
def server(postgres_of, authority):
    server = postgres_of(19).start(settings={"ssl_sni": "on"})
    yield server
    server.stop()


def lines(server, text, name="pg_hosts.conf"):
    path = data(server) / name
    path.write_text(text)
    owner = data(server).stat()
    os.chown(path, owner.st_uid, owner.st_gid)


def reload(server):
    subprocess.run(["psql", "-XAtqc", "SELECT pg_reload_conf()", server.superuser], check=True, capture_output=True)


def refused(home, server, *words):
    done = change(home, server, "enable-tls", *words)
    assert done.returncode == 1, done.stdout
    return done.stderr


@pytest.mark.parametrize("version", [19])
def test_each_name_is_checked_and_proved(home, server, authority, tmp_path, version):
    one = place(server, authority.issue(tmp_path, "db.example.test"), "one")
    other = place(server, authority.issue(tmp_path, "other.example.test", "localhost"), "other")
    lines(server, f"# names\ndb.example.test one.crt one.key\nother.example.test,\"localhost\" {other[0]} {other[1]}\n")
    assert "that of ssl_cert_file is not used" in refused(home, server, "--cert", one[0], "--key", one[1])
    assert "no line is for app.example.test" in refused(home, server, "--host", "app.example.test")
    pin_files(home, ("theirs", authority, "*", "root.crt"))
    entry = "[{0}]\nhost={1}\nhostaddr=127.0.0.1\nport={2}\nsslmode=verify-full\n"
    write(home, "".join(entry.format(name, host, server.port) for name, host in (
        ("prod", "db.example.test"), ("other", "other.example.test"), ("lost", "lost.example.test"))))
    said = plan(home, server, "--host", "db.example.test")
    assert "service prod (db.example.test) verifies it by the anchor theirs" in said["checked"]
    assert "service other (other.example.test) verifies it by the anchor theirs" in said["checked"]
    assert "would be refused: no line of " in about(said["warning"], "service lost")
    report = told(home, server, "enable-tls", "--host", "db.example.test")
    assert (report["changed"], report["proved"], report["tls"]) == (True, True, True)
    assert report["served"] == pin_of(other[0])
    report = told(home, server, "enable-tls")
    assert (report["changed"], report["proved"]) == (False, True)
    # The audit is shown what each service is.
    write(home, "".join((entry + "user={3}\npassword={4}\ndbname={3}\n").format(name, host, server.port, USER, PASSWORD) for name, host in (
        ("prod", "db.example.test"), ("other", "other.example.test"), ("lost", "lost.example.test"))))
    done = home.pganchor("audit", "--json", "prod", env=environment(home))
    callers = json.loads(done.stdout)["servers"][0]["callers"]
    assert [(item["services"], item["verified"]) for item in callers] == [("prod", True), ("other", True), ("lost", False)], done.stdout
    # Rules by whose addresses it is tried, too: whoever names no host is shown no certificate.
    before = (data(server) / "pg_hba.conf").read_text()
    (data(server) / "pg_hba.conf").write_text("host all tester 0.0.0.0/0 scram-sha-256\n" + before)
    reload(server)
    assert told(home, server, "require-tls")["proved"] is True
    assert "hostssl all tester 0.0.0.0/0" in (data(server) / "pg_hba.conf").read_text()
    assert change(home, server, "require-tls", "--undo").returncode == 0
    # What is on the disk and not loaded: every name is held against its line.
    lines(server, "db.example.test other.crt other.key\n")
    assert "it does not name db.example.test" in refused(home, server)
    lines(server, "db.example.test one.crt\n")
    assert "line 1: a host, its certificate and its key" in refused(home, server)
    lines(server, "* one.crt one.key\n")
    assert told(home, server, "disable-tls")["tls"] is False
    assert told(home, server, "enable-tls")["served"] == pin_of(one[0])


@pytest.mark.parametrize("version", [19])
def test_what_is_included_and_the_ca_of_each_name_are_looked_at(home, server, authority, tmp_path, version):
    place(server, authority.issue(tmp_path, "db.example.test"), "one")
    place(server, authority.issue(tmp_path, "other.example.test"), "other")
    lines(server, make_root("Of other clients").pem, "clients.crt")
    (data(server) / "names").mkdir(exist_ok=True)
    lines(server, "db.example.test one.crt one.key\ninclude_dir names\n")
    lines(server, "\nother.example.test other.crt other.key clients.crt\n", "names/1.conf")
    lines(server, "no line at all\n", "names/1.conf.old")
    said = plan(home, server, "--host", "other.example.test")
    assert "clients.crt: clients' certificates of other.example.test are verified by it, and OpenSSL loads it" in said["checked"]
    report = told(home, server, "enable-tls", "--host", "other.example.test")
    assert (report["proved"], report["tls"]) == (True, True)
    # Another change, of which TLS stays behind where it is undone.
    assert told(home, server, "enable-tls", "--min-version", "TLSv1.3")["changed"]
    for text, why in ("other.example.test other.crt other.key none.crt", "line 1: the CA is none.crt: "), \
                     ("other.example.test other.crt other.key one.key", "line 1: the CA is one.key: "), \
                     ("other.example.test one.crt one.key", "it does not name other.example.test"), \
                     ("other.example.test other.crt", "names/1.conf, line 1: a host, its certificate and its key"), \
                     ("include none", "names/1.conf, line 1: "):
        lines(server, text + "\n", "names/1.conf")
        assert why in refused(home, server), text
        done = change(home, server, "undo")
        assert done.returncode == 1 and why in done.stderr, (text, done)
        done = change(home, server, "require-tls", "--lock-out")
        assert done.returncode == 1 or why.startswith("it does not"), (text, done.stdout)
