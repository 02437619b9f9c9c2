"""pganchor service add: what is written, what is refused, and that a real psql connects with it."""

import json

import pytest

import services
from certificates import make_root, write_crl
from services import SYSTEM, USER, add, bootstrap, entry, pin, pin_files, policy, psql, service, write

PIN_A, PIN_B = "a" * 64, "b" * 64


@pytest.fixture
def prod(postgres):
    """The words that describe the real server."""
    return ["prod", "--host", "localhost", "--port", str(postgres.port), "--dbname", postgres.dbname, "--user", postgres.user]


def refused(home, *args, status=1, **kwargs):
    """service add that must fail: what it says, and not one byte has changed."""
    before = home.snapshot()
    done = add(home, *args, **kwargs)
    assert done.returncode == status, done.stderr
    assert home.snapshot() == before
    return done.stderr


def test_the_three_lines_of_the_readme(home, stepca, postgres, prod):
    bootstrap(home, stepca)
    done = add(home, *prod)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert "next:\n    psql service=prod\n    pganchor run -- psql service=prod\n" in done.stdout
    assert f"{home.path}/{USER}, line 1" in done.stdout
    assert "anchor: localhost, through ~/.postgresql/root.crt" in done.stdout
    assert entry(home, "prod") == [
        ("host", "localhost"), ("port", str(postgres.port)), ("dbname", postgres.dbname), ("user", postgres.user),
        ("sslmode", "verify-full"), ("gssencmode", "disable"), ("sslrootcert", f"{home.path}/.postgresql/root.crt")]
    for prefix in ([], ["pganchor", "run", "--"]):
        done = psql(home, "service=prod", prefix=prefix, password=postgres.password)
        assert (done.returncode, done.stdout) == (0, "t|TLSv1.3\n"), done.stderr


def test_the_entry_refuses_an_impostor(home, stepca, impostor_postgres):
    bootstrap(home, stepca)
    assert add(home, "prod", "--host", "localhost", "--port", impostor_postgres.port, "user=app").returncode == 0
    done = psql(home, "service=prod", password=impostor_postgres.password)
    assert done.returncode == 2 and "certificate verify failed" in done.stderr


def test_a_scoped_anchor_is_named_by_its_file(home, stepca, postgres, prod):
    bootstrap(home, stepca, "--scoped", "--name", "corp")
    done = add(home, *prod)
    assert done.returncode == 0, done.stderr
    assert "anchor: corp, through sslrootcert" in done.stdout
    assert dict(entry(home, "prod"))["sslrootcert"] == f"{home.path}/.config/pganchor/anchors/corp.crt"
    assert not (home / ".postgresql").exists()
    done = psql(home, "service=prod", password=postgres.password)
    assert (done.returncode, done.stdout) == (0, "t|TLSv1.3\n"), done.stderr


def test_the_anchors_directory_follows_xdg(home, stepca, postgres, prod):
    env = {"XDG_CONFIG_HOME": home / "xdg"}
    done = home.pganchor("bootstrap", "--ca-url", stepca.url, "--fingerprint", stepca.fingerprint, "--scoped", env=env)
    assert done.returncode == 0, done.stderr
    assert add(home, *prod, env=env).returncode == 0
    assert dict(entry(home, "prod"))["sslrootcert"] == f"{home.path}/xdg/pganchor/anchors/localhost.crt"


def test_any_other_setting_of_libpq(home):
    done = add(home, "prod", "host=db.example.com", "connect_timeout=5", "application_name=a = b # c", "options=-c work_mem=1MB")
    assert done.returncode == 0, done.stderr
    assert entry(home, "prod") == [
        ("host", "db.example.com"), ("sslmode", "verify-full"), ("gssencmode", "disable"), ("connect_timeout", "5"),
        ("application_name", "a = b # c"), ("options", "-c work_mem=1MB")]


def test_the_shell_s_environment_takes_no_part(home):
    env = {"PGSSLMODE": "disable", "PGGSSENCMODE": "require", "PGPORT": "nonsense", "PGSERVICE": "other", "PGREQUIRESSL": "1"}
    done = add(home, "prod", "--host", "db.example.com", env=env)
    assert done.returncode == 0, done.stderr
    assert 'broken: invalid integer value "nonsense" for connection option "port"' in done.stderr
    assert dict(entry(home, "prod")) == {"host": "db.example.com", "sslmode": "verify-full", "gssencmode": "disable"}


# Settings that weaken, and what is said of each.
@pytest.mark.parametrize("settings, reasons", [
    (["sslmode=require"], ["sslmode=require"]),
    (["sslmode=verify-ca"], ["sslmode=verify-ca"]),
    (["sslmode=prefer"], ["sslmode=prefer"]),
    (["sslmode=disable", "gssencmode=require"], ["sslmode=disable", "gssencmode=require"]),
    (["gssencmode=prefer"], ["gssencmode=prefer"]),
    (["ssl_min_protocol_version=TLSv1.1"], ["ssl_min_protocol_version=TLSv1.1"]),
])
def test_what_weakens_is_refused_with_every_reason(home, settings, reasons):
    said = refused(home, "prod", "--host", "db.example.com", *settings, status=3)
    for reason in reasons:
        assert reason in said
    assert "nothing was written" in said


def test_a_refusal_as_json(home):
    done = add(home, "prod", "--host", "db.example.com", "sslmode=require", "password=secret", "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["written"], report["verdict"]) == (3, False, "weak")
    assert "sslmode=require" in report["reasons"][0] and "secret" not in done.stdout + done.stderr


def test_the_policy_may_allow_what_weakens(home):
    policy(home, "gss-encryption = allow\nallow-weak = old.example.com\n")
    assert add(home, "gss", "--host", "db.example.com", "gssencmode=prefer").returncode == 0
    assert add(home, "old", "--host", "old.example.com", "sslmode=disable").returncode == 0
    refused(home, "other", "--host", "db.example.com", "sslmode=disable", status=3)


def test_the_policy_s_lowest_tls_is_written(home):
    policy(home, "min-tls = 1.3\n")
    assert add(home, "prod", "--host", "db.example.com").returncode == 0
    assert dict(entry(home, "prod"))["ssl_min_protocol_version"] == "TLSv1.3"
    refused(home, "weak", "--host", "db.example.com", "ssl_min_protocol_version=TLSv1.2", status=3)


def test_a_socket_by_policy(home):
    assert add(home, "local", "--host", "/run/postgresql").stderr == ""
    policy(home, "unix-socket = refuse\n")
    assert "Unix-domain socket" in refused(home, "socket", "--host", "/run/postgresql", status=3)


def test_a_broken_policy_refuses(home):
    policy(home, "mode = whatever\n")
    assert "policy.conf, line 1" in refused(home, "prod", "--host", "db.example.com")


@pytest.mark.parametrize("settings, said", [
    (["ssl_mode=verify-full"], "did you mean sslmode?"),
    (["database=x"], "did you mean dbname?"),
    (["sslmod=x"], "did you mean sslmode"),
    (["zzzzzzzz=1"], "knows no such setting"),
    (["ldap=1"], "knows no such setting"),
    (["SSLMODE=verify-full"], "knows no such setting"),
    (["service=other"], "cannot refer to another"),
    (["servicefile=/tmp/x"], "cannot refer to another"),
    (["sslmode=bogus"], 'invalid sslmode value: "bogus"'),
    (["channel_binding=bogus"], 'invalid channel_binding value: "bogus"'),
    (["ssl_min_protocol_version=TLSv9"], "TLSv9"),
    (["port=abc"], 'invalid integer value "abc" for connection option "port"'),
    (["port=70000"], 'invalid port number: "70000"'),
    (["port=1,2"], "could not match 2 port numbers to 1 hosts"),
    (["connect_timeout=soon"], 'invalid integer value "soon" for connection option "connect_timeout"'),
    (["application_name="], "the value is empty"),
    (["application_name=a\nsslmode=disable"], "line break"),
    (["application_name=a\r"], "line break"),
    (["application_name=a "], "ends in a blank"),
    (["application_name=a\t"], "ends in a blank"),
    (["sslrootcert=root.crt"], "relative path"),
    (["sslrootcert=~/root.crt"], "relative path"),
    (["passfile=pass"], "relative path"),
    (["sslrootcert=a:b/root.crt"], "relative path"),
    (["sslcrl=root.crl"], "relative path"),
    (["sslcrldir=crls"], "relative path"),
    (["sslcert=a:b/postgresql.crt"], "relative path"),
    (["sslkey=postgresql.key"], "relative path"),
])
def test_what_libpq_or_the_file_cannot_take(home, settings, said):
    assert said in refused(home, "prod", "--host", "db.example.com", *settings)


# What people write for a host, and what it should have been.
@pytest.mark.parametrize("host, said, way_out", [
    ("db.example.com:5432", "with a port behind the name", "--host db.example.com --port 5432"),
    ("a,db:5432,b", "with a port behind the name", "--host db --port 5432"),
    ("[::1]", "brackets are for URLs", "::1"),
    ("[::1]:5432", "brackets are for URLs", "::1"),
    ("https://db.example.com", "a URL", "the host's name alone"),
    ("postgres://u@db.example.com/x", "a URL", "the host's name alone"),
    ("db.example.com/", 'cannot hold "/"', "the name alone"),
    ("db/shop", 'cannot hold "/"', "the name alone"),
    ("db example", "holds a blank", "leave it out"),
    ("db # main", "holds a blank", "no comments"),
    ("a, b", "holds a blank", "commas alone"),
    ("me@db", "with a user before the name", "--user"),
    ('"db"', "the quotes would be part of the name", "leave the quotes out"),
    ("'db'", "the quotes would be part of the name", "leave the quotes out"),
    ("db:x", "neither a name nor an IPv6 address", "alone"),
    ("1:2:3", "neither a name nor an IPv6 address", "alone"),
    ("fe80::1%", "neither a name nor an IPv6 address", "alone"),
    ("db?sslmode=disable", 'cannot hold "?"', "alone"),
    ("*.example.com", 'cannot hold "*"', "alone"),
    ("db..example.com", "a dot with nothing before it", "without it"),
    (".db", "a dot with nothing before it", "without it"),
    ("x" * 64 + ".example.com", "more than 63 characters", "right name"),
    (".".join(["x" * 60] * 5), "longer than the 253 characters", "right name"),
])
def test_what_cannot_be_a_host(home, host, said, way_out):
    message = refused(home, "prod", "--host", host)
    assert said in message and way_out in message
    write(home, f"[prod]\nhost={host}\nsslmode=verify-full\nhostaddr={','.join(['127.0.0.1'] * (host.count(',') + 1))}\n")
    listed = services.listed(home)["prod", "user"]
    assert listed["verdict"] == "broken" and said in listed["reasons"][0]


@pytest.mark.parametrize("host", ["db.example.com", "db.example.com.", "::1", "fe80::1%eth0", "::ffff:192.0.2.1", "192.0.2.1", "a,b",
                                  "my_db", "/run/postgresql", "/run/my sockets", "@abstract", "a,,b", "1", "x" * 63])
def test_what_can_be_a_host(home, host):
    done = add(home, "prod", "--host", host)
    assert done.returncode == 0, done.stderr
    assert dict(entry(home, "prod"))["host"] == host


@pytest.mark.parametrize("ports", ["5432,", ",5432", ",", "5432,5433"])
def test_a_list_of_ports_may_leave_some_out(home, ports):
    """As libpq has it: what is left out is the default."""
    done = add(home, "prod", "--host", "a,b", "--port", ports)
    assert done.returncode == 0, done.stderr
    assert dict(entry(home, "prod"))["port"] == ports


def test_the_roots_of_the_system(home):
    """A word that libpq knows from 16 on; before, it would be a file in whatever directory psql runs in."""
    args = ["prod", "--host", "db.example.com", "sslrootcert=system"]
    version = home.run(["psql", "--version"]).stdout.split()[2]
    if int(version.split(".")[0]) >= 16:
        assert add(home, *args).returncode == 0
        return
    said = refused(home, *args)
    assert "a file of this name in whatever directory" in said and "/etc/ssl/certs/ca-certificates.crt" in said
    write(home, "[prod]\nhost=h\nsslmode=verify-full\nsslrootcert=system\n")
    assert services.listed(home)["prod", "user"]["verdict"] == "weak"


def test_values_up_to_the_length_that_libpq_reads(home, impostor_ca):
    services.trust(home, impostor_ca)
    longest = 1022 - len("application_name=") - 2
    assert "may have 1022" in refused(home, "a", "--host", "h", "application_name=" + "x" * (longest + 1))
    assert add(home, "a", "--host", "h", "application_name=" + "x" * longest).returncode == 0
    write_crlf = (home / USER).read_bytes().replace(b"\n", b"\r\n")
    (home / USER).write_bytes(write_crlf)
    assert services.listed(home)["a", "user"]["verdict"] == "allowed"


@pytest.mark.parametrize("name", ["", " prod", "prod ", "pr]od", "a\nb", "a\tb", "\x7f", "x" * 1020])
def test_names_that_no_header_can_hold(home, name):
    refused(home, name, "--host", "h")


@pytest.mark.parametrize("name", ["my db", "it's", 'a"b$c`d\\e', "#1", "[x", "größe", "a=b c", "--x"])
def test_unusual_names_work_in_psql_as_printed(home, stepca, postgres, prod, name):
    bootstrap(home, stepca)
    done = add(home, *prod[1:], "--", name)
    assert done.returncode == 0, done.stderr
    command = done.stdout.split("next:\n")[1].splitlines()[0].strip()
    done = home.run(["sh", "-c", command.replace("psql", "psql -X -A -t -c 'SELECT 1'")],
                    env=services.environment(home, {"PGPASSWORD": postgres.password}))
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr


@pytest.mark.parametrize("args", [
    [], ["prod"], ["prod", "--port", "1"], ["host=x"], ["prod", "other", "--host", "h"], ["prod", "=x", "--host", "h"],
    ["prod", "--host", "a", "host=b"], ["prod", "--host"], ["prod", "--host", "h", "--bogus"], ["prod", "--host", "h", "-x"],
])
def test_usage(home, args):
    assert "see pganchor service add --help" in refused(home, *args, status=2)


def test_help(home):
    for words in (["service", "--help"], *(["service", name, "--help"] for name in ("add", "list", "show", "remove"))):
        done = home.pganchor(*words)
        assert done.returncode == 0 and done.stdout.startswith("usage: pganchor service") and done.stderr == ""


def test_no_anchor_at_all_is_a_warning(home):
    done = add(home, "prod", "--host", "db.example.com")
    assert done.returncode == 0
    assert "warning: no anchor is pinned for db.example.com" in done.stderr and "pganchor bootstrap" in done.stderr


def test_no_root_to_trust_is_said_and_nothing_that_would_fail_is_advised(home):
    (home / ".postgresql/root.crt").unlink(missing_ok=True)
    done = add(home, "prod", "--host", "db.example.com")
    assert done.returncode == 0 and dict(entry(home, "prod"))["host"] == "db.example.com"
    assert f"libpq will not connect yet: root certificate file {home.path}/.postgresql/root.crt does not exist" in done.stderr
    assert "will trust" not in done.stderr and "psql" not in done.stdout
    assert done.stdout.endswith("next:\n    pganchor bootstrap --ca-url URL --fingerprint HEX\n")
    assert "libpq will not connect" in json.dumps(json.loads(add(home, "json", "--host", "h", "--json").stdout)["warnings"])
    done = add(home, "own", "--host", "h", f"sslrootcert={home.path}/none.crt")
    assert done.returncode == 0 and "no connection will succeed" in done.stderr and "next:" not in done.stdout
    # A socket needs none.
    assert add(home, "socket", "--host", "/run").stdout.endswith("pganchor run -- psql service=socket\n")


def test_a_root_that_is_gone_is_no_next_command(home, impostor_ca):
    pin_files(home, ("corp", impostor_ca, "*", "root.crt"))
    (home / ".postgresql/root.crt").unlink()
    done = add(home, "prod", "--host", "db.example.com")
    assert done.returncode == 0 and done.stderr.count("warning:") == 1 and "no connection will succeed until" in done.stderr
    assert "psql" not in done.stdout


@pytest.mark.parametrize("name", ["prod", "my prod", "-x", "it's"])
def test_the_command_that_shows_the_entry_of_that_name_works(home, name):
    words = ("--host", "h", "--", name) if name.startswith("-") else (name, "--host", "h")
    assert add(home, *words).returncode == 0
    said = refused(home, *words)
    command = said.split("this shows it: ")[1].strip()
    assert f"[{name}] in " in home.run(["sh", "-c", command], env=services.environment(home)).stdout


def test_no_part_of_a_command_is_advised(home):
    name = "it's" * 100
    assert add(home, name, "--host", "h").returncode == 0
    said = refused(home, name, "--host", "h")
    assert "--replace puts the new settings in its place\n" in said and "this shows it" not in said


def test_a_dry_run_advises_no_service_that_is_not_there(home):
    done = add(home, "prod", "--host", "h", "--dry-run")
    assert "psql" not in done.stdout and done.stdout.endswith("next: the same command without --dry-run\n")


def test_an_anchor_for_other_hosts_is_a_warning(home, impostor_ca):
    pin_files(home, ("corp", impostor_ca, "*.corp.example", "root.crt"))
    done = add(home, "prod", "--host", "db.corp.example,db.example.com")
    assert done.returncode == 0
    assert "no anchor is pinned for db.example.com: the gate will refuse the server (trust = pinned)" in done.stderr
    assert add(home, "corp", "--host", "db.corp.example").stderr == ""


def test_several_anchors_of_which_one_is_scoped(home):
    one, two, three = make_root(), make_root(), make_root()
    pin_files(home, ("corp", one, "*.example.com", "scoped"), ("old", two, "*", "root.crt"), ("far", three, "*.far", "scoped"))
    said = refused(home, "prod", "--host", "db.example.com")
    assert "--anchor: corp, old\n" in said
    for name in ("corp", "old"):
        assert add(home, name, "--host", "db.example.com", "--anchor", name).returncode == 0
        assert dict(entry(home, name))["sslrootcert"] == f"{home.path}/.config/pganchor/anchors/{name}.crt"
    # One that matches alone needs no word.
    assert add(home, "else", "--host", "db.example.org").returncode == 0
    assert dict(entry(home, "else"))["sslrootcert"] == f"{home.path}/.postgresql/root.crt"


def test_several_anchors_in_root_crt_need_no_choice(home):
    pin_files(home, ("a", make_root(), "*", "root.crt"), ("b", make_root(), "*", "root.crt"))
    assert add(home, "prod", "--host", "db.example.com").returncode == 0
    assert dict(entry(home, "prod"))["sslrootcert"] == f"{home.path}/.postgresql/root.crt"


def test_naming_an_anchor_binds_to_it(home, stepca, other_stepca, postgres, prod):
    """Both are in root.crt, and are valid for the host."""
    bootstrap(home, other_stepca, "--name", "other")
    bootstrap(home, stepca, "--name", "ours")
    for name, connects in (("other", False), ("ours", True)):
        assert add(home, name, *prod[1:], "--anchor", name).returncode == 0
        done = psql(home, f"service={name}", password=postgres.password)
        assert (done.returncode == 0) is connects, done.stderr
        assert connects or "certificate verify failed" in done.stderr
        checked = add(home, "checked", *prod[1:], "--anchor", name, "--check", "--dry-run")
        assert (checked.returncode == 0) is connects, checked.stdout + checked.stderr


@pytest.mark.parametrize("how, said", [
    (lambda path, other: path.unlink(), "does not exist"),
    (lambda path, other: path.write_text(""), "holds no certificate"),
    (lambda path, other: path.write_text(other.pem), "does not hold the certificate that is pinned"),
    (lambda path, other: path.write_text(path.read_text() + other.pem), "holds another certificate, too"),
], ids=["missing", "empty", "another", "one more"])
def test_an_anchor_whose_file_is_not_its_own_binds_nothing(home, impostor_ca, how, said):
    pin_files(home, ("corp", impostor_ca, "*", "scoped"))
    how(home / ".config/pganchor/anchors/corp.crt", make_root())
    for words in ([], ["--anchor", "corp"]):
        message = refused(home, "prod", "--host", "db.example.com", *words)
        assert said in message and "pganchor bootstrap" in message


def test_root_crt_that_has_lost_the_anchor_is_a_warning(home, impostor_ca):
    pin_files(home, ("corp", impostor_ca, "*", "root.crt"))
    (home / ".postgresql/root.crt").write_text(make_root().pem)
    done = add(home, "prod", "--host", "db.example.com")
    assert done.returncode == 0 and "does not hold the certificate that is pinned" in done.stderr
    assert "no connection will succeed until" in done.stderr


def test_the_second_host_counts_for_a_named_anchor(home, impostor_ca):
    pin_files(home, ("corp", impostor_ca, "*.example.com", "root.crt"))
    assert "is not valid for db.example.org" in refused(
        home, "prod", "--host", "db.example.com,db.example.org", "--anchor", "corp")
    assert add(home, "prod", "--host", "a.example.com,b.example.com", "--anchor", "corp").returncode == 0


# What a shell may have exported, and what libpq makes of it for an entry that does not say it.
SURROUNDINGS = {"PGSSLCRL": "/nowhere/root.crl", "PGSSLCRLDIR": "/nowhere", "PGSSLCERT": "/nowhere/postgresql.crt", "PGHOSTADDR": "192.0.2.1",
                "PGCHANNELBINDING": "disable", "PGSSLMINPROTOCOLVERSION": "TLSv1.3", "PGTARGETSESSIONATTRS": "primary", "PGPORT": "5433"}


def test_what_the_environment_adds_is_said(home, stepca):
    bootstrap(home, stepca)
    done = add(home, "plain", "--host", "localhost", env={"PGUSER": "me", "PGDATABASE": "shop", "PGSERVICE": "other", "PGPASSWORD": "x"})
    assert (done.returncode, done.stderr) == (0, "")
    for variable, value in SURROUNDINGS.items():
        done = add(home, variable, "--host", "localhost", "--json", env={variable: value})
        assert done.returncode == 0, done.stderr
        warning, = json.loads(done.stdout)["warnings"]
        assert warning.startswith(f"environment {variable}: ") and f"={value} counts in this shell" in warning
    # What the entry says itself is the same everywhere.
    done = add(home, "own", "--host", "localhost", "channel_binding=require", "--port", "5432",
               env={"PGCHANNELBINDING": "disable", "PGPORT": "1", "PGSSLROOTCERT": "/nowhere", "PGSSLMODE": "disable"})
    assert (done.returncode, done.stderr) == (0, "")


def test_an_exported_root_does_not_take_the_anchor_s_place(home, stepca, impostor_ca, postgres, prod, tmp_path):
    """Whatever the shell has exported, the entry goes on working, and an entry without an anchor says what it depends on."""
    bootstrap(home, stepca)
    env = {"PGSSLROOTCERT": impostor_ca.write_root(tmp_path / "another.crt")}
    done = add(home, *prod, "--check", env=env)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    for prefix in ([], ["pganchor", "run", "--"]):
        done = psql(home, "service=prod", prefix=prefix, password=postgres.password, env=env)
        assert done.stdout == "t|TLSv1.3\n", done.stderr
    pin(home, ("far", PIN_A, "*.example.com", "root.crt"))
    done = add(home, "unpinned", *prod[1:], env=env)
    assert done.returncode == 0 and "environment PGSSLROOTCERT" in done.stderr


def test_an_anchor_that_is_not_there_or_may_not_vouch(home):
    said = refused(home, "prod", "--host", "db.example.com", "--anchor", "corp")
    assert "anchor corp: there is none of this name" in said and "none yet" in said
    pin(home, ("a", PIN_A, "*.example.org", "root.crt"), ("b", PIN_B, "*", "root.crt"))
    assert "anchors: a, b\n" in refused(home, "prod", "--host", "db.example.com", "--anchor", "corp")
    assert "is not valid for db.example.com (hosts = *.example.org)" in refused(
        home, "prod", "--host", "db.example.com", "--anchor", "a")


def test_an_sslrootcert_of_the_user_s_own(home, stepca, postgres, prod):
    pin(home, ("corp", PIN_A, "*", "scoped"))
    said = add(home, *prod, f"sslrootcert={stepca.root}").stderr
    assert f"{stepca.root}: the gate refuses the servers of 1 root in it" in said and "bootstrap of a server's CA pins one" in said
    done = psql(home, "service=prod", password=postgres.password)
    assert done.stdout == "t|TLSv1.3\n", done.stderr
    assert "both say which root" in refused(home, "x", "--host", "h", "--anchor", "corp", "sslrootcert=/r")
    said = add(home, "y", "--host", "h", "sslrootcert=/nowhere/root.crt").stderr
    assert "/nowhere/root.crt does not exist" in said and "no connection will succeed" in said


def test_a_password_is_written_with_a_warning_and_never_shown(home):
    done = add(home, "prod", "--host", "h", "password=open sesame")
    assert done.returncode == 0 and "~/.pgpass" in done.stderr
    assert ("password", "open sesame") in entry(home, "prod")
    assert (home / USER).stat().st_mode & 0o777 == 0o600
    shown = done.stdout + done.stderr
    for args in (["list"], ["list", "--json"], ["show", "prod"], ["show", "prod", "--json"],
                 ["add", "prod", "--replace", "--host", "h", "password=other"], ["remove", "prod", "--dry-run"]):
        done = services.service(home, *args)
        shown += done.stdout + done.stderr
    assert "sesame" not in shown and "********" in shown
    (home / USER).chmod(0o644)
    assert "chmod 600" in add(home, "again", "--host", "h", "password=x").stderr


def test_an_entry_of_the_same_name_needs_replace(home):
    assert add(home, "prod", "--host", "one").returncode == 0
    said = refused(home, "prod", "--host", "two")
    assert "already exists" in said and "line 1" in said and "--replace" in said
    done = add(home, "prod", "--replace", "--host", "two")
    assert done.returncode == 0 and "in place of:\n    host=one\n" in done.stdout
    assert dict(entry(home, "prod"))["host"] == "two"


def test_replacing_by_the_same_changes_nothing(home):
    assert add(home, "prod", "--host", "one").returncode == 0
    before = home.snapshot()
    done = add(home, "prod", "--host", "one", "--replace")
    assert done.returncode == 0 and "nothing to change" in done.stdout
    assert home.snapshot() == before


def test_dry_run_writes_nothing(home):
    before = home.snapshot()
    done = add(home, "prod", "--host", "db.example.com", "--dry-run")
    assert done.returncode == 0 and "would write [prod]" in done.stdout and "sslmode=verify-full" in done.stdout
    assert home.snapshot() == before


def test_json(home):
    done = add(home, "prod", "--host", "h", "password=x", "--json")
    report = json.loads(done.stdout)
    assert report["written"] and report["verdict"] == "allowed" and report["line"] == 1
    assert report["file"] == str(home / USER) and report["settings"]["password"] == "********"
    assert any("no anchor" in warning for warning in report["warnings"])
    assert not json.loads(add(home, "prod2", "--host", "h", "--json", "--dry-run").stdout)["written"]


def test_the_machine_s_file(home):
    done = add(home, "prod", "--host", "db.example.com", "--system")
    assert done.returncode == 0, done.stderr
    assert dict(entry(home, "prod", SYSTEM))["sslmode"] == "verify-full"
    assert (home / SYSTEM).stat().st_mode & 0o777 == 0o644
    assert (home / "machine").stat().st_mode & 0o777 == 0o755
    assert not (home / USER).exists()
    done = add(home, "prod", "--host", "h2")
    assert done.returncode == 0 and "shadows that one" in done.stderr
    done = add(home, "prod", "--host", "h3", "--system", "--replace")
    assert done.returncode == 0 and "shadows this one" in done.stderr
    assert "for every user of this machine" in add(home, "p", "--host", "h", "--system", "password=x").stderr


def test_a_scoped_anchor_cannot_be_the_machine_s(home):
    pin(home, ("corp", PIN_A, "*", "scoped"))
    assert "other users cannot read it" in refused(home, "prod", "--host", "h", "--system")


def test_pgservicefile_is_the_user_s_file(home, stepca, postgres, prod):
    bootstrap(home, stepca)
    env = {"PGSERVICEFILE": home / "services"}
    assert add(home, *prod, env=env).returncode == 0
    assert not (home / USER).exists()
    done = psql(home, "service=prod", env=env, password=postgres.password)
    assert done.stdout == "t|TLSv1.3\n", done.stderr
    assert "set, but empty" in refused(home, "x", "--host", "h", env={"PGSERVICEFILE": ""})


@pytest.mark.parametrize("content", [None, "", "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"], ids=["missing", "empty", "cut"])
def test_a_file_of_crls_that_libpq_leaves_out_without_a_word(home, stepca, content):
    bootstrap(home, stepca)
    if content is not None:
        write(home, content, "list.crl")
    crl = f"sslcrl={home.path}/list.crl"
    told = f"{crl}: holds no CRL that can be read, and libpq goes on without one"
    assert told in add(home, "prod", "--host", "h", crl).stderr
    assert told in service(home, "list").stdout and told in service(home, "show", "prod").stdout
    assert told in home.pganchor("explain", f"host=h sslmode=verify-full {crl}").stderr
    for args in (["socket", "--host", "/tmp", crl], ["none", "--host", "h"]):
        assert "CRL" not in add(home, *args).stderr


def test_a_file_of_crls_that_libpq_reads(home, stepca, impostor_ca):
    bootstrap(home, stepca)
    write_crl(impostor_ca, home / "list.crl")
    assert "CRL" not in add(home, "prod", "--host", "h", f"sslcrl={home.path}/list.crl").stderr
    assert "CRL" not in service(home, "list").stdout
