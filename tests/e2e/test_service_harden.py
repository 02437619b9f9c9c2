"""pganchor service harden: weak entries become verify-full, once libpq has verified their servers, and can be put back."""

import concurrent.futures
import contextlib
import json
import os
import re
import shlex
import socket

import pytest

from certificates import EXPIRED, make_root
from services import SYSTEM, USER, bootstrap, entry, environment, pin_files, policy, psql, service, trust, write

RECORD = ".config/pganchor/hardened"
COMPANY = make_root("Company Root CA")


def harden(home, *args, **kwargs):
    return service(home, "harden", *args, **kwargs)


def hardened(home, *args, status=0, **kwargs):
    done = harden(home, *args, "--yes", **kwargs)
    assert done.returncode == status, done.stdout + done.stderr
    return done


def told(home, name, *args, status, **kwargs):
    """What the report says of one entry."""
    done = hardened(home, name, *args, "--json", status=status, **kwargs)
    one, = json.loads(done.stdout)["services"]
    return one


def refused(home, *args, status=3, **kwargs):
    """What standard error says, of an entry that is left as it is."""
    before = home.snapshot()
    done = hardened(home, *args, status=status, **kwargs)
    assert home.snapshot() == before
    return done.stderr


def settings(home, name="prod", file=USER):
    return dict(entry(home, name, file))


def own(home, name="company"):
    return str(home / f".config/pganchor/anchors/{name}.crt")


@pytest.fixture
def company(home):
    pin_files(home, ("company", COMPANY, "*.example.test", "scoped"))
    return COMPANY


@pytest.fixture
def server(recording_server, tmp_path):
    """Factory server(*names) -> one of the company's, whose certificate has these."""
    return lambda *names, **kwargs: recording_server(b"S", issued=COMPANY.issue(tmp_path, *names, **kwargs))


# ---- Real servers ----

def test_a_name_that_fits_stays(home, stepca, postgres):
    bootstrap(home, stepca)
    write(home, f"# mine\n[prod]\nhost=localhost\nport={postgres.port}\ndbname={postgres.dbname}\nuser={postgres.user}\nsslmode=require\n")
    done = hardened(home, "prod")
    assert f"service prod in {home / USER}, line 2: hardened\n    - sslmode=require\n    + sslmode=verify-full\n" in done.stdout
    found = settings(home)
    assert found["sslmode"] == "verify-full" and found["gssencmode"] == "disable" and found["host"] == "localhost"
    assert found["sslrootcert"] == str(home / ".postgresql/root.crt") and "hostaddr" not in found
    assert (home / USER).read_text().startswith("# mine\n[prod]\nhost=localhost\n")
    assert psql(home, "service=prod", password=postgres.password).stdout == "t|TLSv1.3\n"
    assert "as strong as the policy wants it" in hardened(home, "prod").stdout


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_an_address_becomes_the_name_in_the_certificate(home, stepca, make_postgres, relay, host):
    """As through a tunnel: the server is reached where it was, and has to be the one of that name."""
    bootstrap(home, stepca, "--hosts", "*.example.test")
    postgres = make_postgres(*stepca.issue("db.example.test"))
    tunnel = relay(postgres.port)
    write(home, f"[prod]\nhost={host}\nport={tunnel.port}\ndbname={postgres.dbname}\nuser={postgres.user}\n")
    done = hardened(home, "prod")
    assert settings(home)["host"] == "db.example.test" and settings(home)["hostaddr"] == "127.0.0.1"
    assert "host=db.example.test: the one name in the certificate that anchor" in done.stdout
    assert "hostaddr=127.0.0.1: there the server is reached" in done.stdout
    assert psql(home, "service=prod", password=postgres.password).stdout == "t|TLSv1.3\n"


def test_a_password_file_that_others_may_use_is_told_once(home, stepca, postgres):
    """libpq says it each time that it is asked."""
    bootstrap(home, stepca)
    write(home, "localhost:1:a:b:secret\n", ".pgpass").chmod(0o644)
    for name in ("one", "two"):
        write(home, f"[{name}]\nhost=localhost\nport={postgres.port}\nuser={postgres.user}\n")
        done = hardened(home, "--all")
        assert f"service {name} in " in done.stdout and done.stderr.count("password file") == 1, done.stderr
        assert "    pganchor doctor passfile-open says more" in done.stderr
    assert "[passfile-open:" in home.pganchor("doctor", "passfile-open").stdout


def test_an_impostor_is_not_what_an_entry_is_hardened_to(home, stepca, impostor_postgres, impostor_ca):
    bootstrap(home, stepca)
    for host in ("localhost", "127.0.0.1"):
        write(home, f"[prod]\nhost={host}\nport={impostor_postgres.port}\nsslmode=prefer\n")
        said = refused(home, "prod")
        assert f"service prod: left as it is: no anchor that is pinned has signed what {host}:{impostor_postgres.port} shows" in said
        assert f"    pin the root of its CA first, by the fingerprint that you get from who runs it: pganchor bootstrap --from-server {host}:" in said
        assert impostor_ca.fingerprint not in said
    one = told(home, "prod", status=3)
    assert one["state"] == "anchor" and one["weak"] and one["changes"] == [] and one["anchor"] is None


def test_the_environment_of_the_shell_is_told(home, stepca, postgres):
    bootstrap(home, stepca)
    write(home, f"[prod]\nhost=localhost\nport={postgres.port}\nsslmode=prefer\n[here]\ndbname=app\n")
    done = hardened(home, "prod", "here", env={"PGHOST": "db.example.test", "PGSSLMODE": "disable"})
    assert "warning: service here: environment PGHOST: host=db.example.test counts in this shell" in done.stderr
    assert "warning: service here: with the environment of this shell the entry is weak: sslmode=disable" in done.stderr
    assert "warning: service prod" not in done.stderr


# ---- Names ----

def test_several_names_are_asked_for(home, company, server):
    one = server("db1.example.test", "db2.example.test", "elsewhere.example.org", "*.example.test")
    write(home, f"[prod]\nhost=127.0.0.1\nport={one.port}\n")
    said = refused(home, "prod")
    assert "shows a certificate for db1.example.test, db2.example.test: which of them is meant?" in said
    commands = re.findall(r"^    (pganchor service harden --host \S+ prod)$", said, re.M)
    assert len(commands) == 2
    assert told(home, "prod", status=3)["names"] == ["db1.example.test", "db2.example.test"]
    done = home.run([*shlex.split(commands[1]), "--yes"], env=environment(home))
    assert done.returncode == 0 and settings(home)["host"] == "db2.example.test", done.stderr
    assert settings(home)["hostaddr"] == "127.0.0.1"


def test_several_names_on_a_terminal(home, company, server):
    one = server("db1.example.test", "db2.example.test")
    write(home, f"[prod]\nhost=127.0.0.1\nport={one.port}\n")
    before = home.snapshot()
    left = home.pganchor_tty("service", "harden", "prod", answers=[("Type its number, or nothing to leave it: $", "")], env=environment(home))
    assert left.returncode == 3 and home.snapshot() == before
    done = home.pganchor_tty("service", "harden", "prod", answers=[("2  db2(?s:.*)Type its number, or nothing to leave it: $", "2"), ("Type yes: $", "yes")],
                             env=environment(home))
    assert done.returncode == 0 and settings(home)["host"] == "db2.example.test", done.output


def test_the_name_that_a_short_one_means(home, company, server):
    """It is looked up nowhere: hostaddr says where it is."""
    one = server("other.example.test", "db.example.test")
    write(home, f"[prod]\nhost=db\nhostaddr=127.0.0.1\nport={one.port}\nsslmode=prefer\n")
    done = hardened(home, "prod")
    assert settings(home)["host"] == "db.example.test" and settings(home)["hostaddr"] == "127.0.0.1"
    assert "the one that db is short for" in done.stdout


@pytest.mark.parametrize("patterns, host, name", [
    ("*", "localhost", "localhost.evil.example"),
    ("*.example.test", "localhost", "localhost.example.test"),
    ("*.example.test", "ip6-localhost", "ip6-localhost.example.test"),
    ("*", "db", "db.evil.example"),
    # Signed below the domain, for whoever may have names there.
    ("*.example.test", "db", "db.guests.example.test"),
    ("*.example.test,*.example.org", "db", "db.example.org"),
    ("*.example.test,db.example.test", "db", "db.guests.example.test"),
])
def test_what_follows_a_short_name_is_not_the_certificates_to_say(home, server, patterns, host, name):
    """Whoever has any certificate of the CA could be what answers, as db.evil.example: a person is asked."""
    pin_files(home, ("company", COMPANY, patterns, "scoped"))
    one = server(name, "other.example.test")
    write(home, f"[prod]\nhost={host}\nhostaddr=127.0.0.1\nport={one.port}\n")
    said = refused(home, "prod")
    command, = re.findall(rf"^    (pganchor service harden --host {re.escape(name)} prod)$", said, re.M)
    assert home.run([*shlex.split(command), "--yes"], env=environment(home)).returncode == 0
    assert settings(home)["host"] == name


def test_a_short_name_by_the_hosts_of_one_anchor(home, server, impostor_ca):
    """What another anchor is valid for makes it short for two, unless the one that is meant is named."""
    pin_files(home, ("other", impostor_ca, "*.example.org", "scoped"), ("company", COMPANY, "x.example.test,DB.Example.Test.", "scoped"))
    one = server("db.example.test", "x.example.test")
    write(home, f"[prod]\nhost=db\nhostaddr=127.0.0.1\nport={one.port}\n")
    assert "which of them is meant?" in refused(home, "prod")
    assert "the one that db is short for" in hardened(home, "prod", "--anchor", "company").stdout
    assert settings(home)["host"] == "db.example.test"


@pytest.mark.parametrize("host", ["old.example.test", "ancient"])
def test_a_whole_name_is_not_exchanged_unasked(home, company, server, host):
    """Whoever has a certificate of the same CA, for a server of his own, could be what answers there."""
    one = server("db.example.test")
    write(home, f"[prod]\nhost={host}\nhostaddr=127.0.0.1\nport={one.port}\n")
    said = refused(home, "prod")
    assert "shows a certificate for db.example.test: is that the server that is meant?" in said
    command, = re.findall(r"^    (pganchor service harden --host \S+ prod)$", said, re.M)
    assert home.run([*shlex.split(command), "--yes"], env=environment(home)).returncode == 0
    assert settings(home)["host"] == "db.example.test" and settings(home)["hostaddr"] == "127.0.0.1"


def test_a_wildcard_is_no_name_but_signs_for_one(home, company, server):
    one = server("*.example.test")
    write(home, f"[prod]\nhost=127.0.0.1\nport={one.port}\n")
    assert "and is not valid for 127.0.0.1 (hosts = *.example.test)" in refused(home, "prod")
    hardened(home, "prod", "--host", "db.example.test")
    assert settings(home)["host"] == "db.example.test"


def test_a_name_that_the_certificate_has_not(home, company, server):
    one = server("db.example.test")
    write(home, f"[prod]\nhost=127.0.0.1\nport={one.port}\n")
    assert "is for db.example.test, and not for other.example.test" in refused(home, "prod", "--host", "other.example.test")


def test_an_anchor_that_is_not_valid_for_the_name(home, server):
    """It has signed the certificate, and is believed of other hosts alone."""
    pin_files(home, ("company", COMPANY, "*.example.org", "scoped"))
    one = server("db.example.test")
    write(home, f"[prod]\nhost=127.0.0.1\nport={one.port}\n")
    said = refused(home, "prod")
    assert "anchor company has signed what" in said and "and is not valid for db.example.test (hosts = *.example.org)" in said
    command = re.search(r"pganchor anchor set-hosts company '[^']*'", said)[0]
    assert home.run(shlex.split(command)).returncode == 0
    hardened(home, "prod")
    assert settings(home)["host"] == "db.example.test"


def test_the_common_name_alone(home, company, server):
    one = server(common_name="db.example.test")
    write(home, f"[prod]\nhost=127.0.0.1\nport={one.port}\n")
    hardened(home, "prod")
    assert settings(home)["host"] == "db.example.test"


@pytest.mark.parametrize("name", ["db.example.test\nsslmode=disable", "db example.test", "\x1b[31mdb.example.test", "10.0.0.1", "a" * 300 + ".example.test"])
def test_a_name_that_is_none_is_not_written(home, company, recording_server, tmp_path, name):
    """It would be a setting, a second host or worse."""
    pin_files(home, ("company", COMPANY, "*", "scoped"))
    try:
        issued = COMPANY.issue(tmp_path, common_name=name)
    except ValueError:  # longer than a common name may be
        issued = COMPANY.issue(tmp_path, name, common_name="x")
    one = recording_server(b"S", issued=issued)
    write(home, f"[prod]\nhost=localhost\nport={one.port}\n")
    refused(home, "prod")


# ---- Settings ----

def test_what_weakens_goes_and_the_rest_stays(home, company, server):
    one = server("db.example.test")
    write(home, f"[prod]\nhost=db.example.test\nhostaddr=127.0.0.1\n# a comment\nport={one.port}\nsslmode=verify-ca\nsslrootcert=root.pem\n"
                "gssencmode=prefer\nsslcompression=1\nssl_min_protocol_version=TLSv1\npassword=se cret\nconnect_timeout=7\n\n[next]\nhost=/run\n")
    done = hardened(home, "prod")
    assert settings(home) == {
        "host": "db.example.test", "hostaddr": "127.0.0.1", "port": str(one.port), "sslmode": "verify-full", "sslrootcert": own(home),
        "gssencmode": "disable", "password": "se cret", "connect_timeout": "7"}
    assert "# a comment\n" in (home / USER).read_text() and (home / USER).read_text().endswith("connect_timeout=7\n\n[next]\nhost=/run\n")
    assert "se cret" not in done.stdout + done.stderr + (home / RECORD).read_text()
    for gone in ("sslcompression=1", "ssl_min_protocol_version=TLSv1", "gssencmode=prefer", "sslrootcert=root.pem"):
        assert f"    - {gone}\n" in done.stdout


def test_what_is_stronger_than_the_policy_stays(home, company, server):
    one = server("db.example.test")
    roots = write(home, COMPANY.pem, "company.pem")
    write(home, f"[prod]\nhost=db.example.test\nhostaddr=127.0.0.1\nport={one.port}\nssl_min_protocol_version=TLSv1.3\nsslrootcert={roots}\n"
                "channel_binding=require\n")
    hardened(home, "prod")
    found = settings(home)
    assert (found["ssl_min_protocol_version"], found["sslrootcert"], found["channel_binding"]) == ("TLSv1.3", str(roots), "require")


def test_a_file_of_other_roots_is_replaced(home, company, server, impostor_ca):
    one = server("db.example.test")
    roots = write(home, impostor_ca.pem, "other.pem")
    write(home, f"[prod]\nhost=db.example.test\nhostaddr=127.0.0.1\nport={one.port}\nsslmode=require\nsslrootcert={roots}\n")
    hardened(home, "prod")
    assert settings(home)["sslrootcert"] == own(home)


def test_the_policy_says_what_is_strong(home, company, server):
    policy(home, "min-tls = 1.3\nchannel-binding = require\n")
    one = server("db.example.test")
    write(home, f"[prod]\nhost=db.example.test\nhostaddr=127.0.0.1\nport={one.port}\nssl_min_protocol_version=TLSv1.2\n")
    hardened(home, "prod")
    assert settings(home)["ssl_min_protocol_version"] == "TLSv1.3" and settings(home)["channel_binding"] == "require"


def test_of_several_anchors_the_one_that_has_signed(home, server, impostor_ca):
    pin_files(home, ("other", impostor_ca, "*.example.test", "root.crt"), ("company", COMPANY, "*", "scoped"))
    one = server("db.example.test")
    write(home, f"[prod]\nhost=127.0.0.1\nport={one.port}\n")
    hardened(home, "prod")
    assert settings(home)["sslrootcert"] == own(home)
    write(home, f"[prod]\nhost=127.0.0.1\nport={one.port}\n")
    assert "no anchor that is pinned has signed" in refused(home, "prod", "--anchor", "other")
    assert "anchor nobody: there is none of this name" in refused(home, "prod", "--anchor", "nobody", status=1)


# ---- Servers that prove nothing ----

def test_servers_that_cannot_be_looked_at(home, company, server, recording_server, plain_postgres):
    def says(port):
        write(home, f"[prod]\nhost=localhost\nport={port}\nsslmode=prefer\n")
        return refused(home, "prod")

    assert "the server does not use TLS" in says(plain_postgres.port)
    assert "certificate has expired" in says(server("db.example.test", days=EXPIRED).port)
    gone = recording_server()
    gone.stop()
    assert f"localhost:{gone.port}" in says(gone.port)


def test_no_byte_of_postgresql_goes_out(home, company, server):
    one = server("db.example.test")
    write(home, f"[prod]\nhost=127.0.0.1\nport={one.port}\nuser=me\npassword=secret\n")
    hardened(home, "prod")
    for came in one.finish():
        assert came.tls and came.requests == ["ssl"] and came.inside == b""


def test_another_key_than_before(home, company, server):
    """A CA that signs for whoever asks is not enough, where the policy looks at keys."""
    one = server("db.example.test")
    policy(home, "continuity = warn\n")
    write(home, f'SEEN host="db.example.test" port="{one.port}" key="{"0" * 64}" issuer="{"1" * 64}" time="1" program="psql"\n'.lower(),
          ".config/pganchor/known_servers.conf")
    write(home, f"[prod]\nhost=127.0.0.1\nport={one.port}\n")
    assert "db.example.test shows another key than before" in refused(home, "prod")


# ---- Entries ----

def test_several_hosts(home, company, server):
    one, two = server("db1.example.test"), server("db2.example.test")
    write(home, f"[prod]\nhost=localhost,127.0.0.1\nport={one.port},{two.port}\n")
    hardened(home, "prod")
    assert (settings(home)["host"], settings(home)["hostaddr"]) == ("db1.example.test,db2.example.test", "127.0.0.1,127.0.0.1")


def test_several_hosts_of_which_one_is_an_impostors(home, company, server, impostor_postgres):
    one = server("db1.example.test")
    write(home, f"[prod]\nhost=localhost,127.0.0.1\nport={one.port},{impostor_postgres.port}\n")
    assert f"no anchor that is pinned has signed what 127.0.0.1:{impostor_postgres.port} shows" in refused(home, "prod")


def test_the_names_of_several_hosts_are_said_one_after_the_other(home, company, server):
    """Each command that is told has the names that were said before it, and leaves the place of a socket empty."""
    one, two = server("a.example.test", "b.example.test"), server("c.example.test", "d.example.test")
    write(home, f"[prod]\nhost=127.0.0.1,/run/nothing,127.0.0.1\nport={one.port},1,{two.port}\n")
    said = refused(home, "prod")
    for names, told in (("a.example.test", "b.example.test,,"), ("c.example.test", "b.example.test,,d.example.test")):
        assert f"shows a certificate for {names}" in said
        command, = re.findall(rf"^    (pganchor service harden --host {re.escape(told)} prod)$", said, re.M)
        done = home.run([*shlex.split(command), "--yes"], env=environment(home))
        said = done.stderr
    assert done.returncode == 0, said
    assert (settings(home)["host"], settings(home)["hostaddr"]) == ("b.example.test,/run/nothing,d.example.test", "127.0.0.1,,127.0.0.1")
    assert "libpq verifies its servers with these settings: anchor company has signed them\n" in done.stdout
    assert "      on a socket of this machine nothing is verified\n" in done.stdout
    # It is as strong as the policy wants it, as libpq reads it.
    assert "as strong as the policy wants it" in hardened(home, "prod").stdout


def test_the_names_of_several_hosts_on_a_terminal(home, company, server):
    one, two = server("a.example.test", "b.example.test"), server("c.example.test", "d.example.test")
    write(home, f"[prod]\nhost=127.0.0.1,127.0.0.1\nport={one.port},{two.port}\n")
    done = home.pganchor_tty("service", "harden", "prod", env=environment(home), answers=[
        ("2  b.example(?s:.*)Type its number, or nothing to leave it: $", "2"), ("1  c.example(?s:.*)Type its number, or nothing to leave it: $", "1"),
        ("Type yes: $", "yes")])
    assert done.returncode == 0 and settings(home)["host"] == "b.example.test,c.example.test", done.output


@pytest.mark.parametrize("names", ["a.example.test", "a.example.test,a.example.test,a.example.test", "a.example.test,b.example.test"])
def test_names_that_are_not_those_of_the_hosts(home, company, server, names):
    one = server("a.example.test")
    write(home, f"[prod]\nhost=127.0.0.1,/run/nothing\nport={one.port}\n")
    assert f"--host {names}: no list of names for the 2 hosts of the entry" in refused(home, "prod", "--host", names)
    hardened(home, "prod", "--host", "a.example.test,")
    assert settings(home)["host"] == "a.example.test,/run/nothing"


def test_the_servers_are_asked_at_once(home, company):
    """One that answers only when all have been asked would hold up whoever asks one after the other."""
    with contextlib.ExitStack() as stack:
        doors = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(3)]
        for door in doors:
            door.settimeout(120)
        write(home, "".join(f"[s{number}]\nhost=127.0.0.1\nport={door.getsockname()[1]}\nconnect_timeout=60\n" for number, door in enumerate(doors)))

        def answer():
            come = [stack.enter_context(door.accept()[0]) for door in reversed(doors)]
            for one in come:
                assert one.recv(8) == b"\0\0\0\x08\x04\xd2\x16\x2f"
                one.sendall(b"N")

        with concurrent.futures.ThreadPoolExecutor() as pool:
            answered = pool.submit(answer)
            said = refused(home, "--all")
            answered.result(timeout=60)
    assert re.findall(r"service (s\d): left as it is: .*the server does not use TLS", said) == ["s0", "s1", "s2"], said


def test_all(home, company, server, impostor_postgres):
    one = server("db.example.test")
    write(home, f"[weak]\nhost=127.0.0.1\nport={one.port}\n[impostor]\nhost=localhost\nport={impostor_postgres.port}\n[socket]\nhost=/run\n"
                f"[broken]\nno_such=1\n[weak]\nhost=never.example.test\n[too]\nhost=localhost\nport={one.port}\nsslmode=require\n")
    done = hardened(home, "--all", status=3)
    assert settings(home, "too")["host"] == "db.example.test" and "service impostor: left as it is" in done.stderr
    text = (home / USER).read_text()
    assert text.count("host=db.example.test") == 2 and "[weak]\nhost=never.example.test\n[too]" in text
    assert "socket" not in done.stdout and "Not looked at: 1 that libpq refuses" in done.stdout
    report = json.loads(harden(home, "--all", "--dry-run", "--json").stdout)
    assert [item["service"] for item in report["services"]] == ["impostor"] and report["weak"] == 1 and report["hardened"] == 0
    assert harden(home, "broken", "--dry-run").returncode == 1
    home.pganchor("service", "remove", "impostor", env=environment(home))
    assert "no entry is weaker than the policy" in hardened(home, "--all").stdout


@pytest.mark.parametrize("command", ["service harden --all --yes", "service harden prod --yes", "service harden --undo", "service list", "service show prod",
                                     "probe --all", "forecast", "doctor --json", "uninstall --dry-run"])
def test_a_list_of_services_that_is_out_of_sight(home, company, command):
    """That none of the entries is weak, nobody can say who has not read them."""
    def said():
        done = home.pganchor(*command.split(), env=environment(home))
        assert str(path) in done.stdout + done.stderr, done.stdout + done.stderr
        assert done.returncode != 0, done.stdout
        return done.stdout + done.stderr

    path = home / USER
    path.symlink_to("away/services")
    assert "a symbolic link that leads to nothing" in said()
    path.unlink()
    path.symlink_to(path.name)
    said()
    path.unlink()
    path.mkdir()
    said()


def test_the_one_screen_counts_no_services_of_a_file_that_it_could_not_read(home):
    count = lambda: json.loads(home.pganchor("status", "--json", env=environment(home)).stdout)["services"]
    assert count() == {"count": 0, "allowed": 0, "weak": 0, "broken": 0}
    (home / USER).symlink_to("away")
    assert count() == {"count": None, "allowed": None, "weak": None, "broken": None}
    assert "could not all be read: pganchor service list" in home.pganchor("status", env=environment(home)).stdout


def test_a_file_that_is_named_and_not_there(home, company):
    """libpq knows no service then, not even the machine's."""
    done = harden(home, "--all", "--yes", env={"PGSERVICEFILE": home / "nowhere"})
    assert done.returncode == 1 and f"PGSERVICEFILE names {home / 'nowhere'}, which is not there" in done.stderr
    assert "no entry is weaker" in hardened(home, "--all").stdout


def test_what_stands_behind_is_found_out_before_a_server_is_asked(home, company, server):
    one = server("db.example.test")
    write(home, f"[prod]\nhost=127.0.0.1\nport={one.port}\n")
    assert "service nobody: there is none of this name" in refused(home, "prod", "nobody", status=1)
    assert one.finish() == []


@pytest.mark.parametrize("args", [(), ("--all", "prod"), ("a", "b", "--host", "x"), ("--all", "--host", "x"), ("--undo", "--host", "x"),
                                  ("--undo", "--all", "prod")])
def test_usage(home, args):
    assert harden(home, *args).returncode == 2


def test_the_files_of_others(home, company, server):
    one = server("db.example.test")
    text = f"[prod]\nhost=127.0.0.1\nport={one.port}\n"
    write(home, text, "mine.conf")
    hardened(home, "prod", env={"PGSERVICEFILE": home / "mine.conf"})
    assert settings(home, file="mine.conf")["host"] == "db.example.test"
    write(home, text, SYSTEM)
    said = refused(home, "--system", "prod")
    assert f"its file {own(home)} is in your home, where other users cannot read it" in said
    roots = write(home, COMPANY.pem, "machine/roots.pem")
    write(home, f"{text}sslrootcert={roots}\n", USER)
    os.chmod(home / USER, 0o400)
    os.chmod(home.path, 0o555)
    assert harden(home, "prod", "--yes", ordinary=True).returncode == 1
    os.chmod(home.path, 0o755)
    assert "sslmode" not in settings(home)


# ---- Consent ----

def test_without_a_terminal_nothing_is_written_unasked(home, company, server):
    one = server("db.example.test")
    write(home, f"[prod]\nhost=127.0.0.1\nport={one.port}\n")
    before = home.snapshot()
    done = harden(home, "prod")
    assert done.returncode == 2 and "--yes does it, --dry-run shows what" in done.stderr and home.snapshot() == before
    done = harden(home, "prod", "--dry-run")
    assert done.returncode == 0 and "would be hardened\n    - host=127.0.0.1\n    + host=db.example.test\n" in done.stdout
    assert done.stdout.endswith("Nothing was changed.\n") and home.snapshot() == before
    report = json.loads(harden(home, "prod", "--dry-run", "--json").stdout)
    assert report["dry_run"] and report["hardened"] == 0 and report["services"][0]["state"] == "ready" and home.snapshot() == before
    assert {"keyword": "host", "before": "127.0.0.1", "after": "db.example.test"} in report["services"][0]["changes"]


def test_it_asks(home, company, server):
    one = server("db.example.test")
    write(home, f"[prod]\nhost=127.0.0.1\nport={one.port}\n")
    before = home.snapshot()
    no = home.pganchor_tty("service", "harden", "prod", answers=[(r"\+ host=db.example.test(?s:.*)Type yes: $", "no")], env=environment(home))
    assert no.returncode == 1 and "you have not said yes" in no.output and home.snapshot() == before
    yes = home.pganchor_tty("service", "harden", "prod", answers=[("Type yes: $", "yes")], env=environment(home))
    assert yes.returncode == 0 and settings(home)["host"] == "db.example.test", yes.output


def test_a_root_is_pinned_on_the_way(home, make_postgres, tmp_path):
    """Where no anchor is pinned, the person is asked for the fingerprint of the root, as by anchor add --from-server."""
    chain, key = COMPANY.issue(tmp_path, "db.example.test")
    chain.write_text(chain.read_text() + COMPANY.pem)
    postgres = make_postgres(chain, key)
    write(home, f"[prod]\nhost=127.0.0.1\nport={postgres.port}\ndbname={postgres.dbname}\nuser={postgres.user}\n")
    before = home.snapshot()
    no = home.pganchor_tty("service", "harden", "prod", answers=[("Type its name, or nothing to leave it: $", "")], env=environment(home))
    assert no.returncode == 3 and home.snapshot() == before, no.output
    no = home.pganchor_tty("service", "harden", "prod", env=environment(home), answers=[
        ("Type its name, or nothing to leave it: $", "db.example.test"), ("Type yes, or the fingerprint: $", "no")])
    assert no.returncode == 3 and home.snapshot() == before, no.output
    # Without one, the command is told that asks there.
    said = refused(home, "prod")
    command, = re.findall(r"^    (pganchor bootstrap --from-server db.example.test:.*)$", said, re.M)
    assert command.endswith(f":{postgres.port} --hostaddr 127.0.0.1")
    assert refused(home, "prod", "--host", "db.example.test").endswith(f"from who runs it: {command}\n")
    dry = home.run([*shlex.split(command), "--fingerprint", COMPANY.fingerprint, "--dry-run"], env=environment(home))
    assert dry.returncode == 0 and home.snapshot() == before, dry.stderr
    yes = home.pganchor_tty("service", "harden", "prod", env=environment(home), answers=[
        ("Type its name, or nothing to leave it: $", "db.example.test"), ("Type yes, or the fingerprint: $", COMPANY.fingerprint),
        ("Type yes: $", "yes")])
    assert yes.returncode == 0, yes.output
    assert settings(home)["host"] == "db.example.test" and "hosts = db.example.test\n" in (home / ".config/pganchor/anchors.conf").read_text()
    assert psql(home, "service=prod", password=postgres.password).stdout == "t|TLSv1.3\n"
    # It is no source that could be asked again.
    assert not (home / ".config/pganchor/sources.conf").exists()


# ---- The way back ----

ODD = ["[prod]\nhost=127.0.0.1\nport={port}\nsslmode=prefer\nsslmode=require\n",
       "# before\r\n[prod]\r\n# in it\r\nsslmode=allow\r\nhost=127.0.0.1\r\n\r\nport={port}\r\npassword=my secret\r\nsslcompression=1\r\n\r\n[next]\r\nhost=/run\r\n",
       "[other]\nhost=/run\n[prod]\nport={port}\nhost=127.0.0.1",
       "[prod]\ngssencmode=prefer\nhost=127.0.0.1\nport={port}\n[prod]\nhost=second.example.test\n",
       # The last line goes, and none comes behind it.
       "[prod]\nhost=127.0.0.1\nhostaddr=127.0.0.1\nport={port}\nsslmode=require\nsslrootcert={root}\ngssencmode=disable\nsslcompression=1\n",
       "[prod]\r\nhost=127.0.0.1\r\nhostaddr=127.0.0.1\r\nport={port}\r\nsslmode=require\r\nsslrootcert={root}\r\ngssencmode=disable\r\n"
       "sslcompression=1\r\n# behind it\r\n"]


@pytest.mark.parametrize("text", ODD)
def test_undo_is_byte_for_byte(home, company, server, text):
    text = text.format(port=server("db.example.test").port, root=own(home))
    path = write(home, text)
    hardened(home, "prod")
    written = path.read_bytes()
    assert b"verify-full" in written and b"my secret" not in (home / RECORD).read_bytes()
    done = harden(home, "--undo", "--dry-run")
    assert done.returncode == 0 and "would be as it was before it was hardened" in done.stdout and path.read_bytes() == written
    done = harden(home, "--undo", "prod")
    assert done.returncode == 0 and path.read_bytes() == text.encode(), done.stderr
    assert "    - host=db.example.test\n" in done.stdout and "    + host=127.0.0.1\n" in done.stdout and "my secret" not in done.stdout
    assert not (home / RECORD).exists()
    assert "was not hardened, or is as it was already" in harden(home, "--undo", "prod").stderr
    assert "no entry of it is hardened" in harden(home, "--undo").stdout
    hardened(home, "prod")
    assert path.read_bytes() == written


def test_undo_by_another_path_to_the_file(home, company, server):
    """A link, a relative PGSERVICEFILE, a way round: it is the one file."""
    write(home, f"[prod]\nhost=127.0.0.1\nport={server('db.example.test').port}\n", "dot/services")
    (home / USER).symlink_to("dot/services")
    before = (home / USER).read_bytes()
    paths = [None, home / "dot/services", f"{home.path}/dot/../dot/services", "services"]
    for named, undone in zip(paths, paths[1:] + paths[:1]):
        for path, args in ((named, "--all --yes"), (undone, "--undo")):
            done = home.run(["sh", "-c", f"cd dot && exec {shlex.quote(str(home.program.binary))} service harden {args}"],
                            env=environment(home, {"PGSERVICEFILE": path}), cwd=home.path)
            assert done.returncode == 0 and "service prod in " in done.stdout, (path, done.stdout, done.stderr)
        assert (home / USER).read_bytes() == before and (home / USER).is_symlink() and not (home / RECORD).exists()


def test_undo_leaves_what_somebody_has_changed(home, company, server):
    one = server("db.example.test")
    path = write(home, f"[prod]\nhost=127.0.0.1\nport={one.port}\n[two]\nhost=127.0.0.1\nport={one.port}\n")
    hardened(home, "--all")
    # An entry behind them is no change of theirs, and one that has another setting is.
    service(home, "add", "three", "--host", "db.example.test")
    path.write_text(path.read_text().replace("[two]\n", "[two]\nuser=me\n"))
    done = harden(home, "--undo")
    assert done.returncode == 1 and f"service two in {home / USER}: somebody has changed the entry since it was hardened" in done.stderr
    assert settings(home)["host"] == "127.0.0.1" and settings(home, "two")["host"] == "db.example.test" and settings(home, "three")
    report = json.loads(harden(home, "--undo", "--json").stdout)
    assert [(item["service"], item["state"]) for item in report["services"]] == [("two", "changed")]
    service(home, "remove", "two")
    assert "there is none of this name in" in harden(home, "--undo", "two").stderr


def test_a_record_of_entries_that_are_as_they_were(home, company, server):
    """Who is killed between the record and the entries leaves that: --undo takes it away, and uninstall tells of no change."""
    one = server("db.example.test")
    path = write(home, f"[prod]\nhost=127.0.0.1\nport={one.port}\n[two]\nhost=127.0.0.1\nport={one.port}")
    before = path.read_bytes()
    hardened(home, "--all")
    path.write_bytes(before)
    left = home.pganchor("uninstall", "--dry-run", env=environment(home))
    assert left.returncode == 0 and RECORD in left.stdout and "hardened:" not in left.stdout + left.stderr, left.stdout
    done = harden(home, "--undo")
    assert done.returncode == 0 and "service two" in done.stdout, done.stderr
    assert path.read_bytes() == before and not (home / RECORD).exists()


def test_undo_after_two_times(home, company, server):
    """How it was last: what the user has changed in between is the user's."""
    one = server("db.example.test")
    path = write(home, f"[prod]\nhost=127.0.0.1\nport={one.port}\n")
    hardened(home, "prod")
    path.write_text(path.read_text().replace("sslmode=verify-full", "sslmode=require"))
    between = path.read_bytes()
    hardened(home, "prod")
    assert harden(home, "--undo").returncode == 0 and path.read_bytes() == between


def test_undo_after_the_anchor_has_another_name(home, company, server):
    """Who has changed the entry is pganchor: it is put back, and where its own lines name the anchor's file, by the new name."""
    port = server("db.example.test").port
    text = (f"[prod]\nhost=127.0.0.1\nport={port}\n[named]\nsslrootcert={own(home)}\nsslmode=require\nhost=127.0.0.1\nport={port}\n"
            f"[changed]\nhost=127.0.0.1\nport={port}\n[apart]\nhost=127.0.0.1\nport={port}\n")
    path = write(home, text)
    hardened(home, "--all")
    path.write_text(path.read_text().replace("[changed]\n", "[changed]\nuser=me\n"))
    assert home.pganchor("anchor", "rename", "company", "other").returncode == 0
    assert path.read_text().count(f"sslrootcert={own(home, 'other')}\n") == 4
    assert harden(home, "--undo", "apart").returncode == 0
    done = harden(home, "--undo")
    assert done.returncode == 1 and "service changed in" in done.stderr and done.stderr.count("service ") == 1, done.stderr
    assert settings(home, "changed")["host"] == "db.example.test"
    service(home, "remove", "changed")
    assert path.read_text() == text.replace(f"[changed]\nhost=127.0.0.1\nport={port}\n", "").replace(own(home), own(home, "other"))


def test_undo_after_the_anchor_has_gone(home, company, server):
    path = write(home, f"[prod]\nhost=127.0.0.1\nport={server('db.example.test').port}\n")
    before = path.read_bytes()
    hardened(home, "prod")
    assert home.pganchor("anchor", "remove", "company", "--yes").returncode in (0, 3)
    assert harden(home, "--undo").returncode == 0 and path.read_bytes() == before


def test_a_record_that_is_damaged(home, company, server):
    one = server("db.example.test")
    path = write(home, f"[prod]\nhost=127.0.0.1\nport={one.port}\n")
    hardened(home, "prod")
    written, record = path.read_bytes(), (home / RECORD).read_text()
    for bad in ("", "hardened\n", record.replace("127.0.0.1", "127.0.0.2"), record.replace(" =", " ?"), record[:-5] + "\n", "x" * 5000):
        (home / RECORD).write_text(bad)
        assert harden(home, "--undo", "prod").returncode == 1 and path.read_bytes() == written
    (home / RECORD).write_text(record)
    assert harden(home, "--undo", "prod").returncode == 0


def test_uninstall_puts_back_what_was_hardened(home, stepca, server, make_postgres):
    """An entry would be bound to an anchor that is gone; one that somebody has changed since is told of."""
    write(home, "# mine\n[other]\nhost=/run\n")
    postgres = make_postgres(*stepca.issue("db.example.test"))
    text = f"[prod]\nhost=127.0.0.1\nport={postgres.port}\n"
    path = write(home, f"{text}[two]\nhost=127.0.0.1\nport={postgres.port}\n")
    before = {name: one.content for name, one in home.snapshot().items()}
    bootstrap(home, stepca, "--hosts", "*.example.test")
    hardened(home, "--all")
    assert home.pganchor("uninstall", "--dry-run", env=environment(home)).stdout.count("as it was before it was hardened") == 2
    path.write_text(path.read_text().replace("[two]\n", "[two]\nuser=me\n"))
    done = home.pganchor("uninstall", "--yes", env=environment(home))
    assert done.returncode == 0 and "service two in" in done.stdout + done.stderr and "changed since it was hardened" in done.stdout + done.stderr
    assert path.read_text().startswith(text) and settings(home, "two")["host"] == "db.example.test"
    path.write_bytes(before[USER])
    bootstrap(home, stepca, "--hosts", "*.example.test")
    hardened(home, "--all")
    assert home.pganchor("uninstall", "--yes", env=environment(home)).returncode == 0
    assert {name: one.content for name, one in home.snapshot().items()} == before
