"""What libpq would refuse only when it connects is said before: by service list and show, without a packet on the wire."""

import json

import pytest

import services
from services import listed, service, write
from tracing import internet

STRONG = "sslmode=verify-full\ngssencmode=disable\n"


@pytest.fixture(autouse=True)
def a_root_to_trust(home, impostor_ca):
    services.trust(home, impostor_ca)


# What libpq reads of an entry only when it is about to use it, and its words.
LATE = {
    "port=5432 # main": 'invalid integer value "5432 # main" for connection option "port"',
    'port="5432"': 'invalid integer value ""5432"" for connection option "port"',
    "port=99999": 'invalid port number: "99999"',
    "port=0": 'invalid port number: "0"',
    "port=1,2": "could not match 2 port numbers to 1 hosts",
    "hostaddr=db.example.com": 'could not parse network address "db.example.com": Name or service not known',
    "hostaddr=127.0.0.1 # main": 'could not parse network address "127.0.0.1 # main"',
    "hostaddr=127.0.0.1,127.0.0.2": "could not match 1 host names to 2 hostaddr values",
    "connect_timeout=10 # seconds": 'invalid integer value "10 # seconds" for connection option "connect_timeout"',
    "connect_timeout=10s": 'invalid integer value "10s" for connection option "connect_timeout"',
    "keepalives=yes": 'for connection option "keepalives"',
    "keepalives_idle=60s": 'invalid integer value "60s" for connection option "keepalives_idle"',
    "keepalives_interval=1.5": 'invalid integer value "1.5" for connection option "keepalives_interval"',
    "keepalives_count=99999999999": 'invalid integer value "99999999999" for connection option "keepalives_count"',
    "tcp_user_timeout=x": 'invalid integer value "x" for connection option "tcp_user_timeout"',
    "target_session_attrs=bogus": 'invalid target_session_attrs value: "bogus"',
    "channel_binding=bogus": 'invalid channel_binding value: "bogus"',
    "ssl_min_protocol_version=TLSv9": 'value: "TLSv9"',
}


def refusals(home):
    """Which of them psql refuses, in its own words. Nobody listens on the port."""
    said = {}
    for number, line in enumerate(LATE):
        done = home.run(["psql", "-X", f"service=s{number}"], env=services.environment(home))
        said[line] = done.stderr
    return said


def entries():
    """One for each; the host is an address, so that psql looks up no name."""
    text = ""
    for number, line in enumerate(LATE):
        settings = dict([("host", "127.0.0.1"), ("port", "1"), tuple(line.split("=", 1))])
        text += f"[s{number}]\n" + "".join(f"{keyword}={value}\n" for keyword, value in settings.items()) + STRONG
    return text


def check(home):
    write(home, entries())
    for (name, _), entry in listed(home).items():
        line = list(LATE)[int(name[1:])]
        assert entry["verdict"] == "broken", line
        assert any(LATE[line] in reason for reason in entry["reasons"]), (line, entry["reasons"])
    # Each is one that libpq does refuse: no connection is tried.
    for line, said in refusals(home).items():
        assert "Connection refused" not in said and line.split("=")[0] in said.replace("port number", "port").replace(
            "network address", "hostaddr"), (line, said)


def test_what_libpq_reads_late(home):
    check(home)


@pytest.mark.plain_build
@pytest.mark.parametrize("version", [17, 18, 19])
def test_what_other_libpqs_read_late(rooted_home, impostor_ca, version):
    home = rooted_home(version)
    services.trust(home, impostor_ca)
    check(home)


# And what it takes, though it may look odd.
@pytest.mark.parametrize("line", [
    "port= 5432", "port=,", "hostaddr=::1", "hostaddr=fe80::1%lo", "connect_timeout=-1", "keepalives=0", "keepalives=2",
    "target_session_attrs=standby", "tcp_user_timeout=-5"])
def test_what_libpq_takes(home, line):
    text = "[s]\nhost=a\n" if line != "port=," else "[s]\nhost=a,b\n"
    write(home, text + line + "\n" + STRONG)
    assert listed(home)["s", "user"]["verdict"] == "allowed"


def test_a_socket_needs_no_keepalives(home):
    write(home, "[s]\nhost=/run/postgresql\nkeepalives=yes\n[t]\nhost=/run/postgresql\nport=x\n")
    assert {name: entry["verdict"] for (name, _), entry in listed(home).items()} == {"s": "allowed", "t": "broken"}


def test_nothing_is_connected_to(home):
    write(home, entries() + "[fine]\nhost=db.example.com\n" + STRONG)
    for args in (["list"], ["show", "fine"], ["show", "s0"]):
        done, calls = home.strace_sockets(["pganchor", "service", *args], env={"PGSYSCONFDIR": "/nonexistent"})
        assert done.stdout and internet(calls) == []


def test_a_line_that_is_too_long_breaks_what_is_behind_it(home):
    """libpq looks at the length of every line before the service, and at nothing else of other entries."""
    path = write(home, "[a]\nhost=h\n" + STRONG + "[b]\nnonsense\n[c]\nhost=h\n" + STRONG + "#" * 1023 + "\n[d]\nhost=h\n" + STRONG)
    found = listed(home)
    assert {name: entry["verdict"] for (name, _), entry in found.items()} == {
        "a": "allowed", "b": "broken", "c": "broken", "d": "broken"}
    assert found["b", "user"]["reasons"] == [f'syntax error in service file "{path}", line 6']
    assert found["d", "user"]["reasons"] == [f'line 11 too long in service file "{path}"']


def test_a_path_with_our_name_in_it(home):
    """libpq's words hold the path: what is looked for in them must not be found there."""
    path = write(home, "[a]\nhost=h\n" + STRONG + "[b]\n" + "#" * 1023 + "\n[d]\nhost=h\n" + STRONG, "pganchor-services.conf")
    found = listed(home, env={"PGSERVICEFILE": path})
    assert {name: entry["verdict"] for (name, _), entry in found.items()} == {"a": "allowed", "b": "broken", "d": "broken"}


def test_the_line_is_the_file_s(home):
    path = write(home, "# top\n\n[a]\nhost=h\n" + STRONG + "\n[b]\nhost=h\nbogus=1\n")
    assert listed(home)["b", "user"]["reasons"] == [f'syntax error in service file "{path}", line 10']
    assert f'syntax error in service file "{path}", line 10' in service(home, "show", "b").stdout


def broken_root(home, how, impostor_ca):
    path = home / ".postgresql/root.crt"
    if how == "missing":
        path.unlink()
        return "does not exist"
    if how == "empty":
        path.write_text("")
    elif how == "no certificate":
        path.write_text("# to be written\n")
    elif how == "another encoding":
        path.write_bytes(impostor_ca.pem.encode("utf-16"))
    elif how == "directory":
        path.unlink()
        path.mkdir()
    elif how == "cut":
        path.write_text(impostor_ca.pem[:200])
    return "holds no certificate"


@pytest.mark.parametrize("setting", ["", "sslrootcert={}\n"])
@pytest.mark.parametrize("how", ["missing", "empty", "no certificate", "another encoding", "directory", "cut"])
def test_without_a_root_to_trust_no_entry_is_allowed(home, impostor_ca, how, setting):
    path = home / ".postgresql/root.crt"
    text = "[s]\nhost=db.example.com\n" + STRONG + setting.format(path) + "[local]\nhost=/run/postgresql\n"
    write(home, text)
    assert listed(home)["s", "user"]["verdict"] == "allowed"
    said = broken_root(home, how, impostor_ca)
    found = listed(home)
    assert found["s", "user"]["verdict"] == "broken" and said in found["s", "user"]["reasons"][0]
    assert str(path) in found["s", "user"]["reasons"][0]
    assert found["local", "user"]["verdict"] == "allowed"
    shown = service(home, "show", "s")
    assert shown.returncode == 1 and said in shown.stdout and "next:\n    pganchor bootstrap" in shown.stdout


def test_a_root_that_this_user_may_not_read(home):
    (home / ".postgresql/root.crt").chmod(0)
    write(home, "[s]\nhost=db.example.com\n" + STRONG)
    entry, = json.loads(service(home, "list", "--json", ordinary=True).stdout)["services"]
    assert entry["verdict"] == "broken" and "root.crt" in entry["reasons"][0]


def test_a_relative_root_is_weak(home):
    """Whoever can write to the directory that psql runs in is trusted."""
    (home / "ca.crt").write_text((home / ".postgresql/root.crt").read_text())
    write(home, "[s]\nhost=db.example.com\nsslrootcert=ca.crt\n" + STRONG)
    entry = listed(home)["s", "user"]
    assert entry["verdict"] == "weak" and "sslrootcert=ca.crt is another file in every directory" in entry["reasons"][0]
    command = service(home, "show", "s").stdout.split("next:\n")[1].strip()
    assert "sslrootcert" not in command
    assert home.run(["sh", "-c", command], env=services.environment(home)).returncode == 0
    assert listed(home)["s", "user"]["verdict"] == "allowed"


@pytest.mark.parametrize("substitution", ["<(cat services)", "/dev/stdin"])
def test_a_service_file_that_is_a_pipe(home, substitution):
    """It can be read once, and is asked about many times."""
    (home / "services").write_text("[s]\nhost=db.example.com\nport=5433\n" + STRONG + "[weak]\nhost=h\n")
    env = services.environment(home)

    def run(command):
        return home.run(["bash", "-c", f"cat services | PGSERVICEFILE={substitution} {command}"], env=env)
    done = run("pganchor service list --json")
    assert done.returncode == 3, done.stderr
    assert [(e["name"], e["verdict"]) for e in json.loads(done.stdout)["services"]] == [("s", "allowed"), ("weak", "weak")]
    shown = run("pganchor service show s")
    assert shown.returncode == 0 and "db.example.com" in shown.stdout
    explained = json.loads(run("pganchor explain --json service=s").stdout)
    origins = {s["keyword"]: (s["value"], s["origin"].split(" in ")[0]) for s in explained["settings"]}
    assert origins["sslmode"] == ("verify-full", "service s") and origins["port"] == ("5433", "service s")
    before = home.snapshot()
    for args in ("add x --host h", "remove s"):
        refused = run(f"pganchor service {args}")
        assert refused.returncode == 1 and "a pipe" in refused.stderr and "let PGSERVICEFILE name a file" in refused.stderr
    assert home.snapshot() == before


def test_a_program_under_the_gate_reads_a_pipe_as_it_does_alone(home, stepca, postgres):
    services.bootstrap(home, stepca)
    (home / "services").write_text(f"[s]\nhost=localhost\nport={postgres.port}\nuser={postgres.user}\ndbname={postgres.dbname}\n" + STRONG)
    env = services.environment(home, {"PGPASSWORD": postgres.password})
    for prefix in ("", "pganchor run --"):
        done = home.run(["bash", "-c", f"PGSERVICEFILE=<(cat services) {prefix} psql -XAtc 'SELECT 1' service=s"], env=env)
        assert done.stdout == "1\n", done.stderr


def test_ten_times_the_entries_take_ten_times_the_work(home):
    """Bytes that libpq and pganchor read: of a file of its own for each entry, not of the whole file."""
    def read(count):
        write(home, "".join(f"[s{i}]\nhost=h{i}.example.com\n{STRONG}\n" for i in range(count)))
        trace = home / "trace"
        done = home.run(["strace", "-qq", "-o", trace, "-e", "trace=read,pread64", "pganchor", "service", "list"],
                        env=services.environment(home, {"ASAN_OPTIONS": "detect_leaks=0"}))
        assert done.returncode == 0, done.stderr
        return sum(int(line.rsplit("= ", 1)[1]) for line in trace.read_text().splitlines() if line.rsplit("= ", 1)[1].isdigit())
    few = read(100)
    assert read(1000) < 11 * few
