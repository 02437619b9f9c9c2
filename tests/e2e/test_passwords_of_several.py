"""Which of several passwords of the keyring's is a connection's, by what the tool sets, and says of them."""

import json

from postgres import PASSWORD
from test_passwords_of_the_keyring import INDEX, conninfo, keep, kept, psql, run  # noqa: F401


def set_password(home, keyring, *words, secret=PASSWORD):
    return home.pganchor("password", "set", *words, input=secret, env=keyring.environment)


def test_one_of_a_port_goes_before_one_of_any(kept, keyring, psql, conninfo, postgres):
    """In whatever order they were set."""
    (kept / INDEX).write_text("# mine\n")
    assert set_password(kept, keyring, "localhost", "-U", "app", secret="of any").returncode == 0
    assert psql(conninfo).returncode != 0
    done = set_password(kept, keyring, "localhost", "-p", postgres.port, "-U", "app")
    assert (done.returncode, done.stderr) == (0, "")
    assert psql(conninfo).stdout == "t\n"
    assert (kept / INDEX).read_text() == (f'# mine\npassword host="localhost" port="{postgres.port}" dbname="*" user="app"\n'
                                          'password host="localhost" port="*" dbname="*" user="app"\n')


def test_what_goes_before_what_is_set_is_named(kept, keyring, postgres):
    (kept / INDEX).write_text("")
    set_password(kept, keyring, "localhost", "-p", postgres.port, "-U", "app")
    done = set_password(kept, keyring, "localhost", "-U", "app")
    assert done.returncode == 0
    assert done.stderr == (f"pganchor: warning: app at localhost, port {postgres.port} has one of its own, which is not changed by this\n"
                           f"    pganchor password set localhost -p {postgres.port} -U app\n")
    assert set_password(kept, keyring, "localhost", "-p", postgres.port, "-U", "app", secret="new").stderr == ""
    # Neither is for all that the other is for.
    done = set_password(kept, keyring, "localhost", "-d", "it's", "-U", "app")
    assert "has one of its own" in done.stderr
    done = set_password(kept, keyring, "other.example.com", "-d", "it's", "-U", "app")
    assert "has one of its own" not in done.stderr


def test_explain_says_what_becomes_of_it(kept, conninfo):
    known = "the keyring has a password for it (passwords.conf, line 1): "
    assert f"\n{known}the gate hands it over where libpq finds none\n" in kept.pganchor("explain", conninfo).stdout
    assert "the keyring" not in kept.pganchor("explain", conninfo + " password=x").stdout
    (kept / ".config/pganchor/policy.conf").write_text("mode = audit\n")
    assert known + "it stays there, the policy says mode = audit" in kept.pganchor("explain", conninfo).stdout
    assert known in json.loads(kept.pganchor("explain", "--json", conninfo).stdout)["notes"][0]


def test_the_name_of_a_service_is_no_host(kept, keyring):
    (kept / ".pg_service.conf").write_text("[prod]\nhost=localhost\n")
    done = set_password(kept, keyring, "prod")
    assert (done.returncode, done.stderr) == (1, "pganchor: prod: there is a service of this name\n"
                                              "    write service=NAME for the service, or -H NAME for a host that is called so\n")
    assert set_password(kept, keyring, "service=prod").returncode == 0 and set_password(kept, keyring, "-H", "prod").returncode == 0
