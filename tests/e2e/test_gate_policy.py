"""The gate's rules in real clients: whose servers are believed, what the policy allows, and what explain says of both."""

import json

import pytest

from certificates import make_root
from gated import CLIENTS, PYTHON, REFUSED, WEAK, run_gated, write_anchor
from services import policy as write_policy

pytestmark = pytest.mark.no_instruments


# ---- the session ----

def test_a_server_whose_root_is_not_pinned_gets_no_startup_packet(anchored, stepca, recording_server):
    other = "0" * 63 + "1"
    write_anchor(anchored, "other", other)
    server = recording_server(b"S", issued=stepca.issue("localhost"))
    conninfo = f"host=localhost port={server.port} user=app password=hunter2 sslmode=verify-full"
    done = run_gated(anchored, ["psql", "-XAtc", "SELECT 1", conninfo])
    assert done.returncode == 2
    assert "pganchor refused the server localhost: its certificate chain ends in a root that is not pinned" in done.stderr
    assert stepca.fingerprint in done.stderr
    (seen,) = server.finish()
    assert seen.tls and seen.requests == ["ssl"]
    assert seen.inside == b""


@pytest.mark.parametrize("how", ["connectdb", "start", "found", "foundStart", "raw", "connectdb+reset", "start+resetStart",
                                 "found+reset", "foundStart+resetStart", "raw+reset"])
def test_a_server_refused_after_the_handshake_leaves_a_safe_object(anchored, stepca, recording_server, compile_program, how):
    write_anchor(anchored, "other", "0" * 64)
    server = recording_server(b"S", issued=stepca.issue("localhost"))
    conninfo = f"host=localhost port={server.port} user=app password=hunter2 sslmode=verify-full gssencmode=disable"
    done = run_gated(anchored, [compile_program("connect.c", ["libpq"]), how, conninfo])
    assert done.returncode == 0, done.stderr
    times = 2 if "+" in how else 1
    assert done.stdout.count("status bad\n") == times, done.stdout
    assert done.stdout.count("pganchor refused the server localhost: its certificate chain ends in a root") == times
    assert "poll failed" in done.stdout and "host localhost\n" in done.stdout
    records = server.finish()
    assert len(records) == times
    assert all(record.tls and record.requests == ["ssl"] and record.inside == b"" for record in records)


def test_a_pinned_root_is_let_through(anchored, stepca, postgres):
    write_anchor(anchored, "work", stepca.fingerprint, hosts="localhost *.example.test")
    done = run_gated(anchored, CLIENTS["psql"](postgres.conninfo(sslmode="verify-full")))
    assert done.stdout == "t\n", done.stderr


def test_an_anchor_vouches_for_its_hosts_alone(anchored, stepca, recording_server):
    write_anchor(anchored, "work", stepca.fingerprint, hosts="*.example.test")
    server = recording_server(b"S", issued=stepca.issue("localhost", "db.example.test"))
    base = f"port={server.port} hostaddr=127.0.0.1 user=app password=hunter2 sslmode=verify-full"
    refused = run_gated(anchored, ["psql", f"host=localhost {base}"])
    assert "ends in anchor work, which is not valid for this host (hosts = *.example.test)" in refused.stderr
    command = "pganchor bootstrap --ca-url URL --fingerprint HEX --name work --hosts PATTERNS --replace"
    assert f"    if it should: {command}\n" in refused.stderr
    passed = run_gated(anchored, ["psql", f"host=db.example.test {base}"])
    assert "password authentication failed" in passed.stderr
    first, second = server.finish()
    assert first.inside == b"" and second.requests == ["ssl", "startup", "password"]


def test_trust_verified_needs_no_pin(anchored, stepca, postgres):
    write_anchor(anchored, "other", "0" * 64)
    write_policy(anchored, "trust = verified\n")
    assert run_gated(anchored, CLIENTS["psql"](postgres.conninfo(sslmode="verify-full"))).stdout == "t\n"


def test_gss_encryption_is_locked_out(anchored, stepca, recording_server):
    server = recording_server(b"N")
    run_gated(anchored, ["psql", f"host=localhost port={server.port} sslmode=verify-full"])
    (seen,) = server.finish()
    assert seen.requests == ["ssl"]


def test_gss_encryption_that_cannot_be_locked_out_is_refused(anchored, recording_server, compile_program):
    server = recording_server(b"S")
    conninfo = f"host=localhost port={server.port} sslmode=verify-full"
    done = run_gated(anchored, [compile_program("connect.c", ["libpq"]), "raw", conninfo])
    assert "gssencmode=prefer (the program's, or libpq's default) can take GSSAPI encryption instead of TLS" in done.stdout
    assert server.finish() == []


def test_rules_that_could_not_be_read_are_read_again(anchored, postgres, compile_program):
    program = compile_program("connect.c", ["libpq"])
    done = run_gated(anchored, [program, "starved", postgres.conninfo(sslmode="verify-full")])
    assert done.stdout.startswith("status bad\nmessage pganchor refused this connection: could not open"), done.stdout
    assert "Too many open files" in done.stdout
    assert done.stdout.endswith("status ok\ntls 1\nsocket open\n")


def test_libpqs_warnings_come_once(anchored, postgres):
    (anchored / ".pgpass").write_text("")
    (anchored / ".pgpass").chmod(0o644)
    for sslmode in ("verify-full", "prefer"):
        argv = ["psql", "-wXAtc", "SELECT 1", postgres.conninfo(sslmode=sslmode, password=None)]
        done = run_gated(anchored, argv)
        assert done.stderr.count("has group or world access") == 1, done.stderr


# ---- the policy ----

def test_a_unix_socket_is_allowed_unless_the_policy_refuses(anchored, postgres):
    argv = CLIENTS["psql"](postgres.conninfo(host=postgres.socket_dir))
    assert run_gated(anchored, argv).stdout == "f\n"
    write_policy(anchored, "unix-socket = refuse\n")
    done = run_gated(anchored, argv)
    assert f"host={postgres.socket_dir} (conninfo) is a Unix-domain socket, which the policy refuses" in done.stderr


def test_min_tls_is_held(anchored, stepca, make_postgres):
    server = make_postgres(*stepca.issue("localhost"), settings={"ssl_max_protocol_version": "TLSv1.2"})
    argv = CLIENTS["psql"](server.conninfo(sslmode="verify-full"))
    assert run_gated(anchored, argv).stdout == "t\n"
    write_policy(anchored, "min-tls = 1.3\n")
    done = run_gated(anchored, argv)
    assert done.returncode == 2 and "version" in done.stderr
    found = server.conninfo(sslmode="verify-full", ssl_min_protocol_version="TLSv1.2")
    assert run_gated(anchored, CLIENTS["psql"](found)).returncode == 2
    capped = server.conninfo(sslmode="verify-full", ssl_max_protocol_version="TLSv1.2")
    assert ("ssl_max_protocol_version=TLSv1.2 (conninfo) is older than TLSv1.3, the least that the policy takes"
            in run_gated(anchored, CLIENTS["psql"](capped)).stderr)


def test_min_tls_is_held_where_nothing_could_be_locked(anchored, stepca, make_postgres, compile_program):
    server = make_postgres(*stepca.issue("localhost"), settings={"ssl_max_protocol_version": "TLSv1.2"})
    write_policy(anchored, "min-tls = 1.3\n")
    conninfo = server.conninfo(sslmode="verify-full", gssencmode="disable")
    done = run_gated(anchored, [compile_program("connect.c", ["libpq"]), "raw", conninfo])
    assert "its TLS is older than TLSv1.3, the least that the policy takes" in done.stdout


def test_audit_lets_through_and_enforce_wins(anchored, postgres, system):
    write_policy(anchored, "mode = audit\nlog = off\n")
    argv = CLIENTS["psql"](postgres.conninfo())
    assert run_gated(anchored, argv).stdout == "t\n"
    system("# the floor\nmode = enforce\n")
    assert WEAK in run_gated(anchored, argv).stderr


def test_the_systems_policy_is_a_floor(anchored, postgres, system):
    write_policy(anchored, "unix-socket = allow\nallow-weak = *\n")
    weak = CLIENTS["psql"](postgres.conninfo())
    local = CLIENTS["psql"](postgres.conninfo(host=postgres.socket_dir))
    assert run_gated(anchored, weak).returncode == 0
    system("unix-socket = refuse\nallow-weak = nowhere.example.test\n", "policy.d/10-company.conf")
    assert "the policy refuses" in run_gated(anchored, local).stderr
    assert WEAK in run_gated(anchored, weak).stderr


@pytest.mark.parametrize("text, complaint", [
    ("mode = sometimes\n", "line 1: not a value of this key: mode = sometimes\n    correct"),
    ("# one\n\nmodes = audit\n", "line 3: no such key: modes"),
    ("mode audit\r\n", "line 1: not a line of the form key = value: mode audit\n    correct"),
    ("mode = audit\nmode = audit\n", "line 2: set twice in one file: mode"),
    ("[mode]\n", "line 1: not a line of the form key = value"),
    ("allow-weak = *\0.example.test\n", None),
    ("allow-weak = localhost db*\n", "line 1: neither *, *.DOMAIN, a host name nor an address: db*"),
    ("allow-weak = *.*.example.test\n", "line 1: neither *, *.DOMAIN, a host name nor an address: *.*.example.test"),
])
def test_a_malformed_policy_refuses_everything(anchored, postgres, text, complaint):
    write_policy(anchored, text)
    done = run_gated(anchored, CLIENTS["psql"](postgres.conninfo(sslmode="verify-full")))
    assert done.returncode == 2
    path = anchored / ".config/pganchor/policy.conf"
    assert REFUSED + (f"{path}, {complaint}" if complaint else f"{path}: holds a NUL byte") in done.stderr


def test_an_unreadable_policy_refuses_everything(anchored, postgres):
    write_policy(anchored, "mode = audit\n")
    (anchored / ".config/pganchor/policy.conf").chmod(0)
    done = run_gated(anchored, CLIENTS["psql"](postgres.conninfo(sslmode="verify-full")), ordinary=True)
    assert REFUSED + "could not open" in done.stderr


def test_malformed_pins_refuse_everything(anchored, postgres):
    write_anchor(anchored, "work", "not a pin")
    done = run_gated(anchored, CLIENTS["psql"](postgres.conninfo(sslmode="verify-full")))
    assert done.returncode == 2 and REFUSED in done.stderr and "anchors.conf" in done.stderr


def test_exempt_hosts_may_be_weak_and_an_address_counts_before_the_name(anchored, postgres):
    write_policy(anchored, "allow-weak = localhost\n")
    assert run_gated(anchored, CLIENTS["psql"](postgres.conninfo())).stdout == "t\n"
    done = run_gated(anchored, CLIENTS["psql"](postgres.conninfo(hostaddr="127.0.0.1")))
    assert WEAK in done.stderr


def test_a_cancel_in_clear_can_be_refused(anchored, postgres):
    script = ("import sys, psycopg2\nc = psycopg2.connect(sys.argv[1])\n"
              "try:\n    c.cancel(); print('sent')\nexcept psycopg2.Error as e:\n    print(e)\n")
    argv = [PYTHON, "-c", script, postgres.conninfo(sslmode="verify-full")]
    assert run_gated(anchored, argv).stdout == "sent\n"
    write_policy(anchored, "cancel = refuse\n")
    assert "pganchor refused to cancel" in run_gated(anchored, argv).stdout


def test_a_refused_cancel_is_told_by_its_connection(anchored, postgres, compile_program):
    write_policy(anchored, "cancel = refuse\n")
    done = run_gated(anchored, [compile_program("cancel.c", ["libpq"]), "request", postgres.conninfo(sslmode="verify-full")])
    assert done.stdout == ("not sent pganchor refused to cancel: the policy (cancel = refuse) lets no cancel key go in clear\n\n")


def test_no_server_speaks_for_the_gate(anchored, postgres, compile_program):
    argv = [compile_program("cancel.c", ["libpq"]), "imitate", postgres.conninfo(sslmode="verify-full")]
    alone = anchored.run(argv).stdout
    assert alone.startswith("ERROR:  pganchor refused to cancel: ") and "\nCONTEXT:  " in alone
    assert run_gated(anchored, argv).stdout == alone


# ---- pganchor explain ----

def test_explain_shows_value_origin_and_verdict(home):
    (home / ".pg_service.conf").write_text("[prod]\nhost=db.example.test\nsslmode=verify-full\npassword=hunter2\n")
    done = home.pganchor("explain", "--all", "service=prod port=7", env={"PGUSER": "me"})
    rows = {line.split()[0]: line for line in done.stdout.splitlines() if line.strip()}
    assert done.returncode == 0
    assert rows["host"].split(maxsplit=2)[1:] == ["db.example.test", f"service prod in {home / '.pg_service.conf'}"]
    assert rows["port"].split(maxsplit=2)[1:] == ["7", "conninfo"]
    assert rows["user"].split(maxsplit=2)[1:] == ["me", "environment PGUSER"]
    assert rows["target_session_attrs"].split(maxsplit=2)[1:] == ["any", "libpq's default"]
    assert "hunter2" not in done.stdout and "********" in rows["password"]
    assert done.stdout.partition("next:\n")[0].endswith("/.postgresql/root.crt does not exist; the gate locks gssencmode=disable\n")
    (home / ".postgresql").mkdir()
    make_root("A root").write_root(home / ".postgresql/root.crt")
    assert home.pganchor("explain", "service=prod port=7").stdout.startswith("allowed; the gate locks gssencmode=disable\n")


def test_explain_says_what_is_weak(home):
    done = home.pganchor("explain", "host=db.example.test", "--json")
    assert done.returncode == 3
    report = json.loads(done.stdout)
    assert report["verdict"] == "refused"
    assert report["reasons"] == ["sslmode=prefer (libpq's default) is weaker than verify-full"]
    assert {"keyword": "host", "value": "db.example.test", "origin": "conninfo"} in report["settings"]


SERVICE_LIST = ', or use a service of "pganchor service list"'


@pytest.mark.parametrize("conninfo, env, changes", [
    ("host=db.example.test", {}, ["conninfo: write sslmode=verify-full" + SERVICE_LIST]),
    ("host=db.example.test", {"PGSSLMODE": "require"}, ["environment PGSSLMODE: set PGSSLMODE=verify-full" + SERVICE_LIST]),
    ("host=db.example.test", {"PGREQUIRESSL": "1"}, ["environment PGREQUIRESSL: set PGSSLMODE=verify-full" + SERVICE_LIST]),
    ("service=weak", {}, ["service weak in {home}/.pg_service.conf: write sslmode=verify-full",
                          "service weak in {home}/.pg_service.conf: write gssencmode=disable"]),
    ("host=db.example.test sslmode=verify-full ssl_max_protocol_version=TLSv1.2", {}, ["conninfo: leave ssl_max_protocol_version out"]),
    ("host=db.example.test sslmode=verify-full", {"PGSSLMAXPROTOCOLVERSION": "TLSv1.2"},
     ["environment PGSSLMAXPROTOCOLVERSION: unset PGSSLMAXPROTOCOLVERSION"]),
    ("host=/tmp", {}, ["conninfo: name a server that is reached by TCP"]),
    ("host=db.example.test sslmode=verify-full", {}, []),
])
def test_explain_says_what_to_change(home, conninfo, env, changes):
    write_policy(home, "min-tls = 1.3\nunix-socket = refuse\n")
    (home / ".pg_service.conf").write_text("[weak]\nhost=db.example.test\nsslmode=allow\ngssencmode=require\n")
    changes = [change.format(home=home.path) for change in changes]
    done = home.pganchor("explain", conninfo, "--json", env=env)
    assert (done.returncode, json.loads(done.stdout)["changes"]) == (3 if changes else 0, changes)
    shown = home.pganchor("explain", conninfo, env=env).stdout
    assert shown.partition("what to change:\n")[2].partition("\n\n")[0] == "\n".join(f"    {change}" for change in changes)


def test_explain_says_why_it_is_allowed_without_tls_or_let_through(home):
    write_policy(home, "mode = audit\nallow-weak = 127.0.0.1\n")
    assert home.pganchor("explain", "host=/tmp").stdout.startswith("allowed; a Unix-domain socket, which has no TLS\n")
    assert home.pganchor("explain", "host=127.0.0.1").stdout.startswith("allowed; allow-weak exempts a host\n")
    done = home.pganchor("explain", "host=db.example.test gssencmode=disable")
    assert done.returncode == 3 and done.stdout.startswith("refused, but mode = audit lets it through\n")


@pytest.mark.parametrize("words", ["application_name", "sslkeylogfile"])
def test_a_value_passes_for_no_line_of_explain(home, words):
    """Also where it is quoted in a reason, on a libpq that has the setting."""
    done = home.pganchor("explain", f"host=db.example.test {words}='a\n\nallowed\n\x1b[31m'")
    if words == "sslkeylogfile" and done.returncode == 1:
        assert 'invalid connection option "sslkeylogfile"' in done.stderr
        return
    assert done.returncode == 3 and "a\\x0A\\x0Aallowed\\x0A\\x1B[31m" in done.stdout
    assert "allowed" not in done.stdout.splitlines() and "\x1b" not in done.stdout


def test_explain_knows_what_the_pins_will_refuse(home):
    strong = "host=127.0.0.1,db.example.test,other.example.test sslmode=verify-full"
    assert home.pganchor("explain", strong).stderr == ""
    write_anchor(home, "corp", "0" * 64, "db.example.test")
    write_policy(home, "allow-weak = 127.0.0.1\n")
    told = home.pganchor("explain", strong).stderr
    assert told.startswith("pganchor: warning: no anchor is pinned for other.example.test: the gate will refuse the server")
    write_policy(home, "trust = verified\n")
    assert home.pganchor("explain", strong).stderr == ""
    (home / ".config/pganchor/anchors.conf").write_text("[a]\npin = 12\n")
    done = home.pganchor("explain", strong)
    assert (done.returncode, done.stdout) == (1, "") and "anchors.conf, line" in done.stderr


def test_explain_names_an_option_that_nobody_has_reviewed(home, second_libpq):
    """A libpq of tomorrow: this one, with another name for one of its options."""
    known = ["explain", "host=db.example.test sslmode=verify-full"]
    assert "does not know" not in home.pganchor(*known).stdout
    directory = home / "lib"
    directory.mkdir()
    content = second_libpq.read_bytes()
    assert b"\0krbsrvname\0" in content
    (directory / "libpq.so.5").write_bytes(content.replace(b"\0krbsrvname\0", b"\0sslrubbish\0"))
    done = home.pganchor(*known, env={"LD_LIBRARY_PATH": directory})
    assert done.returncode == 0
    assert done.stdout.partition("next:\n")[0].endswith("\nlibpq has an option that pganchor does not know: sslrubbish\n")


def test_explain_tells_bytes_that_are_no_text(home):
    done = home.pganchor("explain", "host=db\udcff.example.test", "--json")
    settings = {setting["keyword"]: setting["value"] for setting in json.loads(done.stdout)["settings"]}
    assert done.returncode == 3 and settings["host"] == "db\\xFF.example.test"


def test_explain_tells_libpqs_own_error(home):
    done = home.pganchor("explain", "nonsense=1")
    assert done.returncode == 1
    assert done.stderr == 'pganchor: invalid connection option "nonsense"\n'


def test_a_root_of_another_ca_in_root_crt_is_not_enough_once_something_is_pinned(anchored, stepca, tmp_path, make_postgres):
    """A tampered root.crt: the attacker's root was added, and the attacker's server is verified by it."""
    attacker = make_root("Somebody else")
    with open(anchored / ".postgresql/root.crt", "a") as file:
        file.write(attacker.pem)
    server = make_postgres(*attacker.issue(tmp_path, "localhost"))
    argv = CLIENTS["psql"](server.conninfo(sslmode="verify-full"))
    assert anchored.run(argv).returncode == 0, "libpq alone believes it"
    write_anchor(anchored, "work", stepca.fingerprint)
    assert "ends in a root that is not pinned" in run_gated(anchored, argv).stderr
