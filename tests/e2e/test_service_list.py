"""pganchor service list and show: where each entry stands, and its verdict."""

import json

import pytest

import services
from services import SYSTEM, USER, add, listed, policy, service, write
from tracing import internet

GOOD = "[good]\nhost=db.example.com\nport=5433\ndbname=shop\nuser=app\nsslmode=verify-full\ngssencmode=disable\n"
WEAK = "[weak]\nhost=old.example.com\nsslmode=require\n"


@pytest.fixture(autouse=True)
def a_root_to_trust(home, impostor_ca):
    """Without one libpq connects with no entry at all."""
    services.trust(home, impostor_ca)


def rows(done):
    """The table's lines, split where two blanks are."""
    lines = done.stdout.split("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines]


def test_no_file_says_how_to_add_one(home):
    done = service(home, "list")
    assert (done.returncode, done.stderr) == (0, "")
    assert "no services yet" in done.stdout and "pganchor service add NAME --host HOST" in done.stdout
    assert json.loads(service(home, "list", "--json").stdout) == {"services": [], "weak": 0, "broken": 0, "warnings": []}


def test_a_table_with_file_and_verdict(home):
    user, system = write(home, GOOD), write(home, "[machine]\nhost=m\nsslmode=verify-full\n", SYSTEM)
    done = service(home, "list")
    assert (done.returncode, done.stderr) == (0, "")
    table = rows(done)
    assert table[0] == ["NAME", "HOST", "DBNAME", "USER", "FILE", "VERDICT"]
    assert table[1] == ["good", "db.example.com:5433", "shop", "app", f"user {user}:1", "allowed"]
    assert table[2][0] == "machine" and table[2][-2:] == [f"system {system}:1", "allowed"]
    assert "\033" not in done.stdout


def test_weak_entries_written_by_hand_are_marked_with_the_reason(home):
    path = write(home, GOOD + "\n# by hand\n" + WEAK)
    done = service(home, "list")
    assert done.returncode == 3
    assert [row[-1] for row in rows(done)[1:]] == ["allowed", "weak"]
    assert f"weak, weak: sslmode=require (service weak in {path}) is weaker than verify-full\n" in done.stdout
    weak = listed(home)["weak", "user"]
    assert (weak["verdict"], weak["line"], weak["host"]) == ("weak", 10, "old.example.com")
    assert service(home, "list", "--json").returncode == 3


def test_colour_on_a_terminal_alone(home):
    write(home, GOOD + WEAK)
    shown = home.pganchor_tty("service", "list", env={"PGSYSCONFDIR": "/nonexistent"})
    assert "\033[31mweak" in shown.output and "\033[32mgood" in shown.output
    shown = home.pganchor_tty("service", "list", env={"NO_COLOR": "1", "PGSYSCONFDIR": "/nonexistent"})
    assert "\033" not in shown.output and "weak" in shown.output


def test_an_entry_is_judged_as_it_stands(home):
    """What the shell says would make the weak one strong, and the strong one weak."""
    write(home, "[silent]\nhost=h\n" + GOOD)
    env = {"PGSSLMODE": "verify-full", "PGHOSTADDR": "192.0.2.1", "PGSSLCERTMODE": "x", "PGTARGETSESSIONATTRS": "bogus"}
    assert {name: entry["verdict"] for (name, _), entry in listed(home, env=env).items()} == {"silent": "weak", "good": "allowed"}
    done = service(home, "show", "silent", env=env)
    assert done.returncode == 3 and "sslmode=prefer (libpq's default)" in done.stdout and "192.0.2.1" not in done.stdout


def test_shadowed_entries(home):
    write(home, GOOD + "[good]\nhost=second\n")
    write(home, "[good]\nhost=third\nsslmode=verify-full\n[only]\nhost=m\nsslmode=verify-full\n", SYSTEM)
    done = service(home, "list")
    assert done.returncode == 0
    assert [(row[0], row[-1]) for row in rows(done)[1:]] == [
        ("good", "allowed"), ("good", "shadowed"), ("good", "allowed, shadowed"), ("only", "allowed")]
    assert "by line 1: libpq takes the first entry of a name" in done.stdout
    assert "host=second" not in service(home, "show", "good").stdout


@pytest.mark.parametrize("text, said", [
    ("[x]\nhost=h\nnonsense=1\n", 'syntax error in service file "{}", line 3'),
    ("[x]\nhost = h\n", 'syntax error in service file "{}", line 2'),
    ("[x]\nnonsense\n", 'syntax error in service file "{}", line 2'),
    ("[x]\nservice=y\n", 'nested service specifications not supported in service file "{}", line 2'),
    ("[x]\nsslmode=bogus\n", 'invalid sslmode value: "bogus"'),
    ("# " + "x" * 1022 + "\n[x]\nhost=h\n", 'line 1 too long in service file "{}"'),
    ("[x\nhost=h\n", "no closing bracket"),
])
def test_what_libpq_refuses_is_said_in_its_words(home, text, said):
    path = write(home, text)
    done = service(home, "list")
    assert done.returncode == 1
    assert rows(done)[1][-1] == "broken" and said.format(path) in done.stdout


def test_a_line_of_1022_bytes_is_read(home):
    write(home, "#" * 1021 + "\n" + GOOD)
    assert listed(home)["good", "user"]["verdict"] == "allowed"


def test_an_ldap_lookup_is_not_made(home, recording_server):
    server = recording_server()
    write(home, f"[x]\n  ldap://127.0.0.1:{server.port}/dc=x?a?one?(cn=x)\nhost=h\nsslmode=verify-full\n")
    for args, status in ((["list"], 0), (["show", "x"], 0), (["add", "y", "--host", "h"], 0)):
        done, calls = home.strace_sockets(["pganchor", "service", *args], env={"PGSYSCONFDIR": "/nonexistent"})
        assert done.returncode == status and internet(calls) == [], done.stderr
        if args[0] != "add":
            assert "unknown" in done.stdout and "ldap lookup" in done.stdout
    assert server.finish() == []


def test_the_policy_decides(home):
    write(home, "[s]\nhost=/run/postgresql\n" + WEAK)
    assert {n: e["verdict"] for (n, _), e in listed(home).items()} == {"s": "allowed", "weak": "weak"}
    policy(home, "unix-socket = refuse\nallow-weak = *.example.com\n")
    assert {n: e["verdict"] for (n, _), e in listed(home).items()} == {"s": "weak", "weak": "allowed"}


def test_control_characters_do_not_reach_the_terminal(home):
    write(home, b"[a\x1b[31m]\nhost=\x1b]0;x\x07\nsslmode=require\n[\xff]\nhost=\xfe\n")
    for args in (["list"], ["show", "a\x1b[31m"]):
        done = service(home, *args)
        assert "\x1b" not in done.stdout + done.stderr and "\\x1B" in done.stdout
    assert ("a\x1b[31m", "user") in listed(home)


@pytest.mark.parametrize("steering", [
    b"\x9b31m", b"\xc2\x9b31m", b"\xc0\x9b", b"\xe2\x80\xae", b"\xd8\x9c", b"\xe2\x81\xa6", b"\xe2\x80\xa8", b"\xed\xa0\x80", b"\xe2\x80",
    b"\xf8\x88\x80\x80\x80", b"\xf4\x90\x80\x80"], ids=str)
def test_what_is_shown_is_utf_8_that_steers_nothing(home, steering):
    """In a report, and in an error that quotes a file."""
    write(home, b"[\xc3\xbc\xf0\x9f\x90\x98" + steering + b"]\nhost=x\n")
    escaped = "\u00fc\U0001f418" + "".join(f"\\x{byte:02X}" if byte >= 0x80 else chr(byte) for byte in steering)
    assert escaped in service(home, "list").stdout
    (home / ".config/pganchor").mkdir(parents=True)
    (home / ".config/pganchor/policy.conf").write_bytes(b"\xc3\xbc\xf0\x9f\x90\x98" + steering + b"\n")
    done = home.pganchor("explain", "host=x")
    assert done.returncode != 0 and f"line 1: not a line of the form key = value: {escaped}" in done.stderr


def test_a_missing_pgservicefile_is_said(home):
    done = service(home, "list", env={"PGSERVICEFILE": "/nonexistent/services"})
    assert done.returncode == 0 and "libpq finds no service at all" in done.stderr


def test_show(home):
    path = write(home, "# c\n" + GOOD + "password=secret\n")
    done = service(home, "show", "good")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"[good] in {path}, line 2: allowed\n")
    settings = {line.split()[0]: line.split(maxsplit=2)[1:] for line in done.stdout.splitlines() if line and line[0] != " "}
    assert settings["host"] == ["db.example.com", "this entry"]
    assert settings["sslmode"] == ["verify-full", "this entry"]
    assert settings["target_session_attrs"] == ["any", "libpq's default"]
    assert settings["password"] == ["********", "this entry"]
    assert "next:\n    psql service=good\n    pganchor run -- psql service=good\n" in done.stdout
    report = json.loads(service(home, "show", "good", "--json").stdout)
    assert (report["verdict"], report["line"], report["where"], report["file"]) == ("allowed", 2, "user", str(path))
    assert {"keyword": "port", "value": "5433", "origin": "this entry"} in report["settings"]
    assert "secret" not in json.dumps(report) and "secret" not in done.stdout


def test_show_of_a_weak_and_of_a_broken_one(home):
    write(home, WEAK + "port=5433\ngssencmode=prefer\n[bad]\nfoo=1\n")
    done = service(home, "show", "weak")
    assert done.returncode == 3 and "is weaker than verify-full" in done.stdout
    command = done.stdout.split("next:\n")[1].strip()
    assert command == "pganchor service add weak --replace host=old.example.com port=5433"
    assert home.run(["sh", "-c", command], env=services.environment(home)).returncode == 0
    assert service(home, "show", "weak").returncode == 0
    done = service(home, "show", "bad")
    assert done.returncode == 1 and "syntax error" in done.stdout
    done = service(home, "show", "none")
    assert done.returncode == 1 and "there is none of this name" in done.stderr and "service list" in done.stderr


def test_list_ends_as_show_does(home):
    """Scripts find what is broken by it, and what is weak before that."""
    write(home, GOOD)
    assert service(home, "list").returncode == 0
    write(home, GOOD + "[bad]\nfoo=1\n")
    assert service(home, "list").returncode == service(home, "show", "bad").returncode == 1
    done = service(home, "list", "--json")
    assert done.returncode == 1 and (json.loads(done.stdout)["broken"], json.loads(done.stdout)["weak"]) == (1, 0)
    write(home, GOOD + WEAK + "[bad]\nfoo=1\n")
    assert service(home, "list").returncode == 3


def test_what_has_no_root_says_how_it_gets_one(home):
    write(home, GOOD)
    (home / ".postgresql/root.crt").unlink()
    command = "pganchor bootstrap --ca-url URL --fingerprint HEX"
    done = service(home, "list")
    assert done.returncode == 1 and command in done.stdout
    done = service(home, "show", "good")
    assert done.returncode == 1 and f"next:\n    {command}\n" in done.stdout


def test_show_takes_the_user_s_before_the_machine_s(home):
    write(home, "[a]\nhost=m\nsslmode=verify-full\n[b]\nhost=m\nsslmode=verify-full\n", SYSTEM)
    write(home, "[a]\nhost=u\nsslmode=verify-full\n")
    assert json.loads(service(home, "show", "a", "--json").stdout)["where"] == "user"
    assert json.loads(service(home, "show", "b", "--json").stdout)["where"] == "system"


@pytest.mark.parametrize("args", [["list", "x"], ["list", "--x"], ["show"], ["show", "a", "b"], ["remove"], ["remove", "-x", "a"],
                                  ["bogus"], []])
def test_usage(home, args):
    assert service(home, *args).returncode == 2


def test_nothing_is_written_by_looking(home):
    write(home, GOOD + WEAK)
    before = home.snapshot()
    service(home, "list")
    service(home, "show", "good")
    assert home.snapshot() == before
    assert add(home, "x", "--host", "h").returncode == 0
