"""pganchor server require-tls: pg_hba.conf wants TLS of whoever comes over the network, and not another byte of it is changed."""

import json
import os
import subprocess
import time

import pytest

from enabling import without_asan
from loading import hurried, without_loading  # noqa: F401
from local_cas import data, mode_of
from postgres import NAMES, SUPERUSER, USER
from processes import as_user, ordinary_user
from services import bootstrap, write
from test_trust_faults import WHOLE
from tracing import NO_LEAKS

LOCAL = f"local all {SUPERUSER} peer map=tests\n"
# Who comes to the test's servers comes by the loopback: these rules are for the network all the same.
NETWORK = f"host all {USER} 0.0.0.0/0 scram-sha-256\n"


def require(home, server, *words, env=None):
    return home.pganchor("server", "require-tls", "--data-dir", data(server), "--user", SUPERUSER, *words, env=env)


def undo(home, server, *words):
    return home.pganchor("server", "undo", "--data-dir", data(server), "--user", SUPERUSER, *words)


@pytest.fixture(scope="module")
def shared(clusters, stepca):
    """One server for all that is about its rules alone: `make` gives it new ones."""
    server = clusters.start(*stepca.issue(*NAMES), hba=LOCAL)
    ask(server, f"ALTER ROLE {USER} SUPERUSER REPLICATION")
    yield server
    server.stop()


def ask(server, words):
    return subprocess.run(["psql", "-XAtc", words, server.superuser], capture_output=True, text=True, check=True).stdout


def give_rules(server, text):
    """The file as it was loaded long ago: by some steps of the clock later than its last change, of any kind."""
    path = data(server) / "pg_hba.conf"
    path.write_text(text)
    path.chmod(0o644)
    end = time.monotonic() + 120
    while float(ask(server, "SELECT EXTRACT(epoch FROM pg_conf_load_time())")) < path.stat().st_ctime + 0.1:
        ask(server, "SELECT pg_reload_conf()")
        assert time.monotonic() < end


@pytest.fixture
def make(shared):
    """Factory make(hba) -> the server, with these rules loaded and nothing to undo."""
    def made(hba):
        (data(shared) / "pganchor-hba.before").unlink(missing_ok=True)
        give_rules(shared, hba)
        return shared
    return made


def connect(server, mode):
    return subprocess.run(["psql", "-XAtc", "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", server.conninfo(sslmode=mode, sslrootcert=None)],
                          capture_output=True, text=True)


def rules(server):
    asked = subprocess.run(["psql", "-XAtc", "SELECT line_number, type, auth_method, error FROM pg_hba_file_rules", server.superuser],
                           capture_output=True, text=True, check=True)
    return asked.stdout


def test_plain_connections_stay_out_and_encrypted_ones_get_in(home, make):
    server = make(LOCAL + NETWORK)
    assert connect(server, "disable").stdout == "f\n"
    done = require(home, server, "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert "  - " + NETWORK in done.stdout and "  + " + NETWORK.replace("host", "hostssl") in done.stdout
    assert f"Proved: user {USER} of database postgres is let in from 127.0.0.1 with TLS, and not without\n" in done.stdout
    assert "pg_hba.conf" in connect(server, "disable").stderr
    assert connect(server, "require").stdout == "t\n"
    again = require(home, server, "--yes")
    assert again.returncode == 0 and again.stdout.endswith("TLS is required already: no rule that is for the network lets anybody in without it\n")


def test_what_is_in_the_file_and_not_loaded_is_not_taken_for_required(home, make):
    """Somebody has moved a file there, which keeps its time: from a year when the server was not there yet."""
    server = make(LOCAL + NETWORK)
    path = data(server) / "pg_hba.conf"
    moved = data(server) / "pg_hba.conf.ours"
    moved.write_text(LOCAL + NETWORK.replace("host", "hostssl"))
    moved.chmod(0o644)
    os.chown(moved, path.stat().st_uid, path.stat().st_gid)
    os.utime(moved, (1e9, 1e9))
    moved.rename(path)
    dry = require(home, server, "--dry-run")
    assert dry.returncode == 0 and "TLS is required" not in dry.stdout and "it may go by older rules, which do not\n" in dry.stdout, dry.stdout
    told = json.loads(require(home, server, "--dry-run", "--json").stdout)
    assert (told["changes"], told["loaded"], told["proved"]) == ([], False, False)
    assert connect(server, "disable").stdout == "f\n"
    done = require(home, server, "--yes")
    assert done.returncode == 0 and f"Proved: user {USER} of database postgres is let in from 127.0.0.1 with TLS, and not without\n" in done.stdout, done.stderr
    assert "pg_hba.conf" in connect(server, "disable").stderr
    told = json.loads(require(home, server, "--dry-run", "--json").stdout)
    assert (told["changes"], told["loaded"]) == ([], True)


# Somebody else has put it there, and not had it loaded: from then on, nobody comes from here with TLS.
REJECTS = "hostssl all all 127.0.0.1/32 reject\n"


def unloaded(path):
    return f"{path} was changed since the server has loaded it: a reload brings all that is new there, and may lock others out\n"


def test_what_others_have_not_had_loaded_is_told_before(home, make):
    server = make(LOCAL + NETWORK)
    path = data(server) / "pg_hba.conf"
    # Not of what it has written, and had loaded, itself.
    for words in ("--yes", "--undo"):
        assert require(home, server, words).returncode == 0
        assert json.loads(require(home, server, "--dry-run", "--json").stdout)["unloaded"] == [], words
    path.write_text(LOCAL + REJECTS + NETWORK)
    told = json.loads(require(home, server, "--dry-run", "--json", "--lock-out").stdout)
    assert (len(told["changes"]), told["unloaded"], told["loaded"]) == (1, [str(path)], False)
    assert unloaded(path) in require(home, server, "--dry-run", "--lock-out").stdout
    assert connect(server, "require").stdout == "t\n"
    done = require(home, server, "--yes", "--lock-out")
    assert done.returncode == 1 and unloaded(path) in done.stdout and "is not let in with TLS, and was before" in done.stderr, done
    assert f"all was put back as it was; but by now the server has loaded what was new in {path}\n" in done.stderr
    assert path.read_text() == LOCAL + REJECTS + NETWORK and "pg_hba.conf rejects" in connect(server, "require").stderr


def test_where_no_line_is_to_be_changed_the_files_are_loaded_all_the_same(home, make):
    """No time would tell of rules that are for other machines, where the clock was set back since."""
    server = make(LOCAL + NETWORK.replace("host", "hostssl"))
    loaded = ask(server, "SELECT pg_conf_load_time()")
    assert require(home, server, "--dry-run").returncode == 0 and ask(server, "SELECT pg_conf_load_time()") == loaded
    assert require(home, server, "--yes").returncode == 0 and ask(server, "SELECT pg_conf_load_time()") != loaded


HORRORS = "\n".join([
    "# a comment that \\", "host goes on all 0.0.0.0/0 trust", LOCAL.strip() + "\r",
    "  \thost\tall\t\"" + USER + "\" 10.0.0.0  255.0.0.0 md5 # why \"not\"",
    "\"host\" \"all\" \"a \"\"quoted\"\" one\",b ::/0 scram-sha-256\r",
    "ho\\", "st replication,postgres all samenet pass\\\r", "word",
    "host\"\" all all .example.com scram-sha-256",
    "hostnossl all all 192.0.2.0/24 reject", "hostnossl all all 192.0.2.0/24 \\", " scram-sha-256",
    "hostnogssenc all all all scram-sha-256#", "host all all all reject", "hostssl all all all cert map=x",
    "host all all 127.0.0.0/8 scram-sha-256", "host all all ::1/128 trust", "host all all samehost trust", "host all all \"samehost\" trust",
    "host all all localhost trust", "host sameuser,@names +group,@names 198.51.100.7 255.255.255.255 scram-sha-256", "", ",", "# end\\"])

REQUIRED = "\n".join([
    "# a comment that \\", "host goes on all 0.0.0.0/0 trust", LOCAL.strip() + "\r",
    "  \thostssl\tall\t\"" + USER + "\" 10.0.0.0  255.0.0.0 md5 # why \"not\"",
    "\"hostssl\" \"all\" \"a \"\"quoted\"\" one\",b ::/0 scram-sha-256\r",
    "ho\\", "stssl replication,postgres all samenet pass\\\r", "word",
    "hostssl\"\" all all .example.com scram-sha-256",
    "hostnossl all all 192.0.2.0/24 reject", "#hostnossl all all 192.0.2.0/24 \\", " scram-sha-256",
    "hostssl all all all scram-sha-256#", "host all all all reject", "hostssl all all all cert map=x",
    "host all all 127.0.0.0/8 scram-sha-256", "host all all ::1/128 trust", "host all all samehost trust", "hostssl all all \"samehost\" trust",
    "host all all localhost trust", "hostssl sameuser,@names +group,@names 198.51.100.7 255.255.255.255 scram-sha-256", "", ",", "# end\\"])


def test_no_other_byte_is_changed(home, make):
    server = make(LOCAL)
    path = data(server) / "pg_hba.conf"
    (data(server) / "names").write_text("one, two\n\"three\"\n")
    path.write_bytes(HORRORS.encode())
    path.chmod(0o640)
    before = path.stat()
    dry = require(home, server, "--dry-run")
    assert (dry.returncode, dry.stderr) == (0, "")
    assert path.read_bytes() == HORRORS.encode()
    done = require(home, server, "--yes")
    assert done.returncode == 0, done.stderr
    assert path.read_bytes() == REQUIRED.encode()
    assert (mode_of(path), path.stat().st_uid, path.stat().st_gid) == (0o640, before.st_uid, before.st_gid)
    assert "could prove it" in done.stderr  # nobody gets in by the loopback's rules other than before


def test_undone_every_line_is_what_it_was(home, make):
    server = make(LOCAL)
    path = data(server) / "pg_hba.conf"
    (data(server) / "names").write_text("one\n")
    path.write_bytes(HORRORS.encode())
    nothing = require(home, server, "--undo")
    assert (nothing.returncode, nothing.stdout) == (0, "There is nothing to undo: no change by require-tls --data-dir is recorded there.\n")
    assert require(home, server, "--yes").returncode == 0
    assert mode_of(data(server) / "pganchor-hba.before") == 0o600
    done = require(home, server, "--undo")
    assert (done.returncode, done.stderr) == (0, "")
    assert path.read_bytes() == HORRORS.encode()
    assert not (data(server) / "pganchor-hba.before").exists()


@without_asan
def test_undone_is_what_the_server_has_loaded(home, make, hurried):  # noqa: F811
    server = make(LOCAL + NETWORK)
    assert require(home, server, "--yes").returncode == 0
    required, record = (data(server) / "pg_hba.conf").read_bytes(), (data(server) / "pganchor-hba.before").read_bytes()
    with without_loading(f"{server.superuser} dbname=postgres"):
        done = require(home, server, "--undo", "--yes", env=hurried)
    assert done.returncode == 1 and "nothing was undone: the server was told to load its configuration, and has not done so in 15 seconds" in done.stderr, done
    assert ((data(server) / "pg_hba.conf").read_bytes(), (data(server) / "pganchor-hba.before").read_bytes()) == (required, record)
    conf = data(server) / "postgresql.conf"
    before = conf.read_text()
    conf.write_text(before + "this is = wrong = here\n")
    done = require(home, server, "--undo", "--yes")
    conf.write_text(before)
    assert done.returncode == 1 and f"{conf}, line {before.count(chr(10)) + 1}: the server says: syntax error" in done.stderr, done
    assert ((data(server) / "pg_hba.conf").read_bytes(), (data(server) / "pganchor-hba.before").read_bytes()) == (required, record)
    assert require(home, server, "--undo", "--yes").returncode == 0 and connect(server, "disable").stdout == "f\n"


def test_undone_what_others_have_changed_since_stays(home, make):
    server = make(LOCAL + NETWORK + "host all all 10.0.0.0/8 md5\n")
    path = data(server) / "pg_hba.conf"
    assert require(home, server, "--yes").returncode == 0
    path.write_text("# new\n" + path.read_text().replace("md5", "scram-sha-256"))
    done = require(home, server, "--undo")
    assert done.returncode == 0 and "stays: hostssl all all 10.0.0.0/8 md5" in done.stderr
    assert path.read_text() == "# new\n" + LOCAL + NETWORK + "hostssl all all 10.0.0.0/8 scram-sha-256\n"
    assert connect(server, "disable").stdout == "f\n"
    path.write_text("# new\n" + LOCAL + NETWORK + "hostssl all all 10.0.0.0/8 md5\n")
    done = require(home, server, "--undo")  # what it was is still known
    assert (done.returncode, done.stderr) == (0, "") and path.read_text() == "# new\n" + LOCAL + NETWORK + "host all all 10.0.0.0/8 md5\n"
    assert not (data(server) / "pganchor-hba.before").exists()


WITH_TLS = NETWORK.replace("host", "hostssl")


@pytest.mark.parametrize("lines", [WITH_TLS + "host all all 0.0.0.0/0 reject\n" + NETWORK, NETWORK + WITH_TLS + NETWORK, WITH_TLS * 2 + NETWORK + WITH_TLS],
                         ids=["before", "between", "around"])
def test_undone_a_line_that_read_so_before_stays(home, make, lines):
    server = make(LOCAL + lines)
    path = data(server) / "pg_hba.conf"
    assert require(home, server, "--yes", "--lock-out").returncode == 0 and path.read_text() != LOCAL + lines
    done = require(home, server, "--undo")
    assert (done.returncode, done.stderr, path.read_text()) == (0, "", LOCAL + lines)


@pytest.mark.parametrize("edit", [lambda line: line.replace(" all", "  all", 1), lambda line: "#" + line, lambda line: ""], ids=["edited", "comment", "gone"])
def test_undone_a_line_that_read_so_before_is_not_taken_for_one_that_is_gone(home, make, edit):
    server = make(LOCAL + WITH_TLS + "host all all 0.0.0.0/0 reject\n" + NETWORK)
    path = data(server) / "pg_hba.conf"
    assert require(home, server, "--yes", "--lock-out").returncode == 0
    by_hand = LOCAL + WITH_TLS + "host all all 0.0.0.0/0 reject\n" + edit(WITH_TLS)
    path.write_text(by_hand)
    done = require(home, server, "--undo")
    assert (done.returncode, path.read_text()) == (0, by_hand), done
    assert (data(server) / "pganchor-hba.before").exists()


def test_undone_after_two_times_what_stays_is_told(home, make):
    server = make(LOCAL + WITH_TLS + NETWORK)
    path = data(server) / "pg_hba.conf"
    assert require(home, server, "--yes", "--lock-out").returncode == 0
    path.write_text(path.read_text() + NETWORK)
    assert require(home, server, "--yes", "--lock-out").returncode == 0
    done = require(home, server, "--undo")
    assert (done.returncode, path.read_text()) == (0, LOCAL + WITH_TLS * 2 + NETWORK)
    assert f"stays: {WITH_TLS}" in done.stderr and (data(server) / "pganchor-hba.before").exists(), done


def test_undone_where_it_cannot_be_told_which_line_it_was_all_stay(home, make):
    server = make(LOCAL + NETWORK)
    path = data(server) / "pg_hba.conf"
    assert require(home, server, "--yes").returncode == 0
    path.write_text(LOCAL + WITH_TLS + "host all all 0.0.0.0/0 reject\n" + WITH_TLS)
    done = require(home, server, "--undo")
    assert (done.returncode, path.read_text()) == (0, LOCAL + WITH_TLS + "host all all 0.0.0.0/0 reject\n" + WITH_TLS)
    assert "No line of pg_hba.conf was put back" in done.stdout


def test_undone_where_others_have_changed_every_line_it_says_so(home, make):
    server = make(LOCAL + NETWORK)
    path = data(server) / "pg_hba.conf"
    assert require(home, server, "--yes").returncode == 0
    by_hand = path.read_text().replace("0.0.0.0/0", "127.0.0.1/0")
    path.write_text(by_hand)
    done = require(home, server, "--undo")
    assert (done.returncode, done.stdout) == (0, "No line of pg_hba.conf was put back: its rules stay as they are\n")
    assert path.read_text() == by_hand
    path.write_text(LOCAL + NETWORK.replace("host", "hostssl"))
    assert require(home, server, "--undo").returncode == 0
    assert path.read_text() == LOCAL + NETWORK


@pytest.mark.parametrize("edit", [lambda text: text.replace("hostssl ", "hostssl  "), lambda text: text.replace("\n", "\r\n"),
                                  lambda text: text[:-1], lambda text: LOCAL], ids=["a blank", "line ends", "no end", "gone"])
def test_undo_where_others_have_changed_every_line_tells_each(home, make, edit):
    server = make(LOCAL + NETWORK)
    path = data(server) / "pg_hba.conf"
    assert require(home, server, "--yes").returncode == 0
    by_hand = edit(path.read_text()).encode()
    path.write_bytes(by_hand)
    ask(server, "SELECT pg_reload_conf()")
    kept = (data(server) / "pganchor-hba.before").read_bytes()
    warning = f"warning  {path}: somebody has changed this line since, and it stays as it is: {WITH_TLS}"
    for words, said in ((("--dry-run",), "would be"), (("--yes",), "was"), ((), "was")):
        done = undo(home, server, *words)
        assert (done.returncode, done.stderr, done.stdout) == (0, "", f"{warning}No line of pg_hba.conf {said} put back: its rules stay as they are. "
                                                               f"What they were is kept in {data(server)}/pganchor-hba.before\n")
    told = json.loads(undo(home, server, "--yes", "--json").stdout)
    assert (told["changed"], [line["kind"] for line in told["plan"]]) == (False, ["warning"])
    assert path.read_bytes() == by_hand and (data(server) / "pganchor-hba.before").read_bytes() == kept
    path.write_text(LOCAL + WITH_TLS)
    done = undo(home, server, "--yes")
    assert (done.returncode, path.read_text()) == (0, LOCAL + NETWORK) and not (data(server) / "pganchor-hba.before").exists()


def test_a_file_that_the_server_refuses_is_left_alone(home, make):
    server = make(LOCAL + NETWORK)
    path = data(server) / "pg_hba.conf"
    for line in "host all all all nonsense\n", "hots all all all trust\n", "\ufeffhost all all all trust\n":
        path.write_text(line + LOCAL + NETWORK)
        done = require(home, server, "--yes")
        assert done.returncode == 1 and "pg_hba.conf, line 1: the server says: " in done.stderr, done.stderr
        assert path.read_text() == line + LOCAL + NETWORK


def test_who_would_be_locked_out_is_listed_before(home, make):
    server = make(LOCAL + NETWORK)
    with subprocess.Popen(["psql", "-XAtq", server.conninfo(sslmode="disable", application_name="nightly")], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as plain:
        plain.stdin.write("SELECT 1;\n")
        plain.stdin.flush()
        assert plain.stdout.readline() == "1\n"
        told = json.loads(require(home, server, "--dry-run", "--json").stdout)
        (one,) = told["locked_out"]
        assert (one["kind"], one["user"], one["address"], one["application"]) == ("client backend", USER, "127.0.0.1", "nightly")
        assert [change["line"] for change in told["changes"]] == [2] and not one["shut_out"] and told["shut_out"] == []
        # What stays for the machine itself lets it in again, or is for somebody else.
        for rule, count in (("host all all 127.0.0.0/8 md5", 0), ("host sameuser all samehost md5", 0), ("host all +pg_monitor samehost md5", 1),
                            ("host \"all\" all localhost md5", 1), ("host all all 127.0.0.2/32 md5", 1), ("host replication all 127.0.0.1/32 md5", 1),
                            (f"host all \"{USER}\" localhost md5", 0), (f"host all {USER} 127.0.0.1/32 reject\nhost all all samehost md5", 1)):
            give_rules(server, LOCAL + rule + "\n" + NETWORK)
            told = json.loads(require(home, server, "--dry-run", "--json").stdout)
            assert len(told["locked_out"]) == count, rule
        plain.stdin.close()


@pytest.fixture
def by_service(home, stepca, make):
    bootstrap(home, stepca)
    server = make(LOCAL + NETWORK + "host\tall all 10.0.0.0/8 md5 # \\t\n")
    write(home, f"[prod]\nhost=localhost\nport={server.port}\nuser={USER}\ndbname={USER}\npassword={server.password}\nsslmode=verify-full\n"
          "gssencmode=disable\n")
    return server


def test_over_sql_the_lines_are_shown_and_written_if_that_is_asked_for(home, by_service):
    path = data(by_service) / "pg_hba.conf"
    path.chmod(0o640)
    before = path.read_bytes()
    shown = home.pganchor("server", "require-tls", "prod")
    assert shown.returncode == 0 and "  + " + NETWORK.replace("host", "hostssl") in shown.stdout, shown.stderr
    assert path.read_bytes() == before
    done = home.pganchor("server", "require-tls", "prod", "--write-by-sql", "--yes")
    assert done.returncode == 0 and "Proved: a new connection with TLS is let in, and one without it is not\n" in done.stdout, (done.stdout, done.stderr)
    assert path.read_bytes() == before.replace(b"host\t", b"hostssl\t").replace(b"host ", b"hostssl ") and mode_of(path) == 0o640
    assert "pg_hba.conf" in connect(by_service, "disable").stderr


def test_over_sql_what_is_in_the_file_and_not_loaded_is_not_taken_for_required(home, by_service):
    (data(by_service) / "pg_hba.conf").write_text(LOCAL + NETWORK.replace("host", "hostssl"))
    shown = home.pganchor("server", "require-tls", "prod")
    assert shown.returncode == 0 and "TLS is required" not in shown.stdout and "has loaded them is not seen from here" in shown.stdout, shown
    assert home.pganchor("server", "require-tls", "prod", "--write-by-sql", "--dry-run").stdout == shown.stdout
    assert connect(by_service, "disable").stdout == "f\n"
    done = home.pganchor("server", "require-tls", "prod", "--write-by-sql", "--yes")
    assert (done.returncode, done.stderr) == (0, "") and "Proved: a new connection with TLS is let in, and one without it is not\n" in done.stdout, done
    assert "pg_hba.conf" in connect(by_service, "disable").stderr and not (home / RECORD).exists()


def test_over_sql_where_no_line_is_to_be_changed_it_is_proved_as_far_as_can_be_seen(home, by_service):
    path = data(by_service) / "pg_hba.conf"
    words = ["server", "require-tls", "prod", "--write-by-sql", "--yes"]
    # From the machine itself, it is let in without TLS: nothing is seen of the others.
    own = f"host all {USER} 127.0.0.1/32 scram-sha-256\n"
    give_rules(by_service, LOCAL + NETWORK + own)
    for said in ("  + hostssl", "The server has loaded the files"):
        done = home.pganchor(*words)
        assert done.returncode == 0 and said in done.stdout and "Proved" not in done.stdout, done
        assert "that one without it is not could not be seen from here" in done.stderr and connect(by_service, "disable").stdout == "f\n"
        assert path.read_text() == LOCAL + NETWORK.replace("host", "hostssl") + own
    (home / RECORD).unlink()
    path.write_text(LOCAL + REJECTS + NETWORK.replace("host", "hostssl"))
    done = home.pganchor(*words)
    assert done.returncode == 1 and "TLS is not required: a new connection does not get in" in done.stderr, done
    assert "no file was changed, and the server goes by them as they are now" in done.stderr and not (home / RECORD).exists()


def test_over_sql_what_others_have_not_had_loaded_is_told_before(home, by_service):
    path = data(by_service) / "pg_hba.conf"
    text = path.read_text().replace(NETWORK, REJECTS + NETWORK)
    assert json.loads(home.pganchor("server", "require-tls", "prod", "--json").stdout)["unloaded"] == []
    # The server tells such times to the second.
    end = time.monotonic() + 120
    while ask(by_service, "SELECT (pg_stat_file('pg_hba.conf')).change > pg_conf_load_time()") == "f\n":
        path.write_text(text)
        assert time.monotonic() < end
    assert json.loads(home.pganchor("server", "require-tls", "prod", "--json").stdout)["unloaded"] == [str(path)]
    assert unloaded(path) in home.pganchor("server", "require-tls", "prod").stdout
    assert connect(by_service, "require").stdout == "t\n"
    done = home.pganchor("server", "require-tls", "prod", "--write-by-sql", "--yes", "--lock-out")
    assert done.returncode == 1 and unloaded(path) in done.stdout and "a new connection does not get in" in done.stderr, done
    assert f"it was written back as it was; but by now the server has loaded what was new in {path}\n" in done.stderr
    assert path.read_text() == text and "pg_hba.conf rejects" in connect(by_service, "require").stderr


RECORD = ".config/pganchor/servers.json"


def require_over_sql(home, server):
    """What pg_hba.conf was before, and has become."""
    path = data(server) / "pg_hba.conf"
    before = path.read_bytes()
    done = home.pganchor("server", "require-tls", "prod", "--write-by-sql", "--yes")
    assert done.returncode == 0 and done.stdout.endswith("next:\n    pganchor server undo prod\n"), done
    return before, path.read_bytes()


def test_over_sql_undo_writes_back_what_was_there(home, by_service):
    path = data(by_service) / "pg_hba.conf"
    path.chmod(0o640)
    before, after = require_over_sql(home, by_service)
    (entry,) = json.loads((home / RECORD).read_text())["servers"]
    assert (entry["service"], [change["command"] for change in entry["changes"]]) == ("prod", ["require-tls"]) and mode_of(home / RECORD) == 0o600
    shown = home.pganchor("server", "undo", "prod", "--dry-run")
    assert shown.returncode == 0 and f"put back in {path}: {NETWORK}" in shown.stdout and path.read_bytes() == after, shown
    done = home.pganchor("server", "undo", "prod", "--yes")
    assert done.returncode == 0 and "Proved: " in done.stdout, done
    assert path.read_bytes() == before and mode_of(path) == 0o640 and not (home / RECORD).exists()
    assert connect(by_service, "disable").stdout == "f\n"
    assert home.pganchor("server", "undo", "prod").stdout.startswith("There is nothing to undo")


def test_over_sql_what_was_changed_by_a_service_is_not_denied_by_the_data_directory(home, by_service):
    server = by_service
    require_over_sql(home, server)
    done = undo(home, server, "--yes")
    assert (done.returncode, done.stdout) == (0, "There is nothing to undo by --data-dir: service prod is by which pganchor server has changed something there. "
                                                 "This undoes it:\n    pganchor server undo prod\n")
    assert "no change by require-tls --data-dir is recorded" in require(home, server, "--undo").stdout
    assert home.pganchor("server", "undo", "prod", "--yes").returncode == 0


def test_over_sql_undo_leaves_what_others_have_written_since(home, by_service):
    path = data(by_service) / "pg_hba.conf"
    before, after = require_over_sql(home, by_service)
    path.write_bytes(after.replace(b"10.0.0.0/8 md5", b"10.1.0.0/16 md5") + b"host all other 192.0.2.0/24 md5\n")
    done = home.pganchor("server", "undo", "prod", "--yes")
    assert done.returncode == 0 and "somebody has changed this line since, and it stays as it is: hostssl\tall all 10.0.0.0/8 md5 # \\t\n" in done.stdout, done
    assert path.read_bytes() == (before.replace(b"host\tall all 10.0.0.0/8 md5", b"hostssl\tall all 10.1.0.0/16 md5") + b"host all other 192.0.2.0/24 md5\n")
    assert not (home / RECORD).exists()


def test_over_sql_undo_that_lets_nobody_in_is_written_back_too(home, by_service):
    path = data(by_service) / "pg_hba.conf"
    before, after = require_over_sql(home, by_service)
    record = (home / RECORD).read_bytes()
    command = ["strace", "-qqq", "-o", home / "trace", "-e", "trace=connect"]
    words = ["--", home.program.binary, "server", "undo", "prod"]
    assert home.run([*command, *words, "--dry-run"], env=NO_LEAKS).returncode == 0
    connects = (home / "trace").read_text().count("connect(")
    done = home.run([*command, "-e", f"inject=connect:error=ECONNREFUSED:when={connects + 1}+", *words, "--yes"], env=NO_LEAKS)
    assert done.returncode == 1 and "nothing was undone: a new connection does not get in" in done.stderr and "it was written back as it was" in done.stderr, done
    assert path.read_bytes() == after and (home / RECORD).read_bytes() == record and "pg_hba.conf" in connect(by_service, "disable").stderr
    # Who was killed before the file was written has a record, and nothing to be written.
    path.write_bytes(before)
    ask(by_service, "SELECT pg_reload_conf()")
    done = home.pganchor("server", "undo", "prod", "--yes")
    assert done.returncode == 0 and path.read_bytes() == before and not (home / RECORD).exists(), done


def test_over_sql_the_file_is_written_back_where_nobody_gets_in(home, by_service):
    path = data(by_service) / "pg_hba.conf"
    before = path.read_bytes()
    command = ["strace", "-qqq", "-o", home / "trace", "-e", "trace=connect"]
    words = ["--", home.program.binary, "server", "require-tls", "prod"]
    assert home.run([*command, *words], env=NO_LEAKS).returncode == 0
    connects = (home / "trace").read_text().count("connect(")
    done = home.run([*command, "-e", f"inject=connect:error=ECONNREFUSED:when={connects + 1}+", *words, "--write-by-sql", "--yes"], env=NO_LEAKS)
    assert done.returncode == 1 and "a new connection does not get in" in done.stderr and "it was written back as it was\n" in done.stderr, done.stderr
    assert path.read_bytes() == before and not (home / RECORD).exists()
    assert connect(by_service, "disable").stdout == "f\n"


def limit(server, length):
    """How long the files may become that its sessions write."""
    postmaster = (data(server) / "postmaster.pid").read_text().split()[0]
    subprocess.run(as_user(["prlimit", "--pid", postmaster, f"--fsize={length}:"], ordinary_user()), check=True)


def test_over_sql_a_file_of_which_only_a_part_was_written_is_written_back(home, by_service):
    """A disk that is full in the middle of it: lo_export has truncated the file by then."""
    path = data(by_service) / "pg_hba.conf"
    # The server's own files are smaller than that, and what it writes is larger by some bytes.
    before = path.read_bytes() + (b"#" + 1022 * b"x" + b"\n") * 1030
    path.write_bytes(before)
    limit(by_service, len(before) + 1)
    done = home.pganchor("server", "require-tls", "prod", "--write-by-sql", "--yes", "--json")
    limit(by_service, "unlimited")
    assert done.returncode == 1 and "it was written back as it was" in done.stderr, done.stderr
    assert path.read_bytes() == before
    assert connect(by_service, "disable").stdout == "f\n"


def test_over_sql_who_would_be_locked_out_is_listed_and_nobody_for_good(home, by_service):
    rules = LOCAL + NETWORK + f"hostnossl replication {USER} 10.0.0.0/8 md5\nhost all {USER} samehost reject\n"
    give_rules(by_service, rules)
    with subprocess.Popen(["psql", "-XAtq", by_service.conninfo(sslmode="disable")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as plain:
        plain.stdin.write("SELECT 1;\n")
        plain.stdin.flush()
        assert plain.stdout.readline() == "1\n"
        told = json.loads(home.pganchor("server", "require-tls", "prod", "--json").stdout)
        plain.stdin.close()
    (one,) = told["locked_out"]
    assert (one["user"], one["address"], one["shut_out"]) == (USER, "127.0.0.1", False)
    assert [rule["line"] for rule in told["shut_out"]] == [3]
    done = home.pganchor("server", "require-tls", "prod", "--write-by-sql", "--yes")
    assert done.returncode == 1 and "--lock-out" in done.stderr and (data(by_service) / "pg_hba.conf").read_text() == rules
    done = home.pganchor("server", "require-tls", "prod", "--write-by-sql", "--yes", "--lock-out")
    assert done.returncode == 0 and "pg_hba.conf" in connect(by_service, "disable").stderr, done.stderr


# What no rule that is shown may tell, in the places where a rule can have it.
SECRET_RULES = """host all nobody 10.9.9.9/32 ldap ldapserver=h ldapbasedn="dc=a" ldapbindpasswd="S3CR3T, too" # bind: ldapbindpasswd=S3CR3T
hostnossl all nobody 10.9.9.8/32 radius radiusservers=127.0.0.1 radiussecrets="S3CR3T"
host all nobody 10.9.9.7/32 ldap \\
  ldapserver=h ldapbasedn=dc=a ldapbindpasswd=S3CR3T
"""


def test_no_secret_of_a_rule_is_shown(home, make):
    """Of a directory: by whatever shows a rule, before and after, as lines and as JSON."""
    server = make(LOCAL + NETWORK + SECRET_RULES)
    path = data(server) / "pg_hba.conf"
    before = path.read_bytes()
    told = [require(home, server, "--lock-out", *words) for words in (["--dry-run"], ["--dry-run", "--json"], ["--yes"])]
    assert all(done.returncode == 0 for done in told), [done.stderr for done in told]
    assert 'ldapserver=h ldapbasedn="dc=a" ldapbindpasswd=********' in told[0].stdout and "(******** is not shown, and stays as it is)" in told[0].stdout
    after = path.read_bytes()
    assert after.count(b"S3CR3T") == 4 and before.count(b"S3CR3T") == 4
    told.append(home.pganchor("server", "disable-tls", "--data-dir", data(server), "--user", SUPERUSER, "--dry-run"))
    path.write_bytes(after.replace(b"10.9.9.9", b"10.9.9.99"))
    told.append(home.pganchor("server", "disable-tls", "--data-dir", data(server), "--user", SUPERUSER, "--dry-run"))
    told.append(require(home, server, "--undo", "--yes"))
    assert "stays: hostssl all nobody 10.9.9.9/32 ldap" in told[-1].stderr, told[-1].stderr
    for done in told:
        assert "S3CR3T" not in done.stdout + done.stderr, (done.args, done.stdout, done.stderr)


def test_no_secret_is_told_in_the_servers_words(home, make):
    """It quotes what it cannot read, such as the rest of a password with a comma in it."""
    server = make(LOCAL + NETWORK)
    path = data(server) / "pg_hba.conf"
    path.write_text(path.read_text() + "host all nobody 10.9.9.9/32 ldap ldapserver=h ldapbasedn=dc=a ldapbindpasswd=S3CR3T,S3CR3T\n")
    for words in (["--dry-run"], ["--dry-run", "--json"], ["--yes"]):
        done = require(home, server, *words)
        assert done.returncode == 1 and ", line 3: the server says: authentication option" in done.stderr, done
        assert "S3CR3T" not in done.stdout + done.stderr


def test_over_sql_the_file_is_in_no_log(home, by_service):
    """It goes as a parameter, which no log shows, whatever is logged."""
    give_rules(by_service, LOCAL + NETWORK + SECRET_RULES)
    for setting in ("log_statement = 'all'", "log_min_duration_statement = 0", "log_duration = on", "log_min_error_statement = debug5",
                    "log_parameter_max_length_on_error = -1"):
        ask(by_service, f"ALTER ROLE {USER} SET {setting}")
    try:
        done = home.pganchor("server", "require-tls", "prod", "--write-by-sql", "--yes", "--lock-out")
    finally:
        ask(by_service, f"ALTER ROLE {USER} RESET ALL")
    assert done.returncode == 0 and "Proved" in done.stdout, done.stderr
    path = data(by_service) / "pg_hba.conf"
    assert path.read_text().count("S3CR3T") == 4 and path.read_text().count("hostssl") == 3
    by_service.daemon.wait_for("lo_export")
    log = by_service.daemon.text()
    assert "S3CR3T" not in log and b"S3CR3T".hex() not in log.lower()
    assert "S3CR3T" not in done.stdout + done.stderr
    assert ask(by_service, "SELECT count(*) FROM pg_largeobject_metadata") == "0\n"


def test_over_sql_a_file_that_is_too_large_is_said_so(home, by_service):
    path = data(by_service) / "pg_hba.conf"
    before = path.read_bytes() + b"#" + 16 * 1024 * 1024 * b"x" + b"\n"
    path.write_bytes(before)
    done = home.pganchor("server", "require-tls", "prod", "--write-by-sql", "--yes")
    assert done.returncode == 1 and "larger than 16 MiB" in done.stderr and "nothing was changed" in done.stderr, done.stderr
    assert path.read_bytes() == before


def test_why_a_file_cannot_be_written_is_said_with_what_helps(home, make, tmp_path):
    """One that is mounted by itself, as in a container, and that no rename replaces."""
    server = make(LOCAL + NETWORK)
    path = data(server) / "pg_hba.conf"
    before = path.read_bytes()
    unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    words = [home.program.binary, "server", "require-tls", "--data-dir", data(server), "--user", SUPERUSER, "--yes"]
    done = home.run([*unshare, "sh", "-c", 'mount --bind "$0" "$0" && exec "$@"', path, *words])
    assert done.returncode == 1 and "change the file that is mounted there" in done.stderr and "all was put back as it was" in done.stderr, done.stderr
    assert path.read_bytes() == before


def test_over_sql_no_password_goes_to_a_weak_service(home, by_service):
    write(home, f"[prod]\nhost=localhost\nport={by_service.port}\nuser={USER}\npassword={by_service.password}\nsslmode=require\n")
    before = by_service.connections()
    done = home.pganchor("server", "require-tls", "prod", "--write-by-sql", "--yes")
    assert done.returncode == 1 and "weaker than verify-full" in done.stderr
    assert by_service.connections() == before


def test_a_standby_that_would_stay_away_is_told_of(home, make, tmp_path):
    server = make(LOCAL + NETWORK + f"host replication {USER} all scram-sha-256\n")
    (tmp_path / "wal").mkdir()
    with subprocess.Popen(["pg_receivewal", "-v", "-D", tmp_path / "wal", "-d", server.conninfo(sslmode="disable", dbname=None)], stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True) as standby:
        try:
            said = []
            while "starting log streaming" not in "".join(said):
                said.append(standby.stderr.readline())
                assert said[-1], said
            told = require(home, server, "--dry-run")
        finally:
            standby.terminate()
            standby.communicate()
    assert f"  walsender: user {USER}, from 127.0.0.1, since " in told.stdout and ", application pg_receivewal\n" in told.stdout, told.stdout
    assert "A standby or subscription stays away until the sslmode of its primary_conninfo or CONNECTION is verify-full" in told.stdout
    assert f"  + hostssl replication {USER} all scram-sha-256\n" in told.stdout


def test_what_is_weak_is_pointed_out(home, make):
    server = make(LOCAL + "".join(f"hostssl all all 10.0.0.0/8 {way}\n" for way in ("trust", "password", "md5", "scram-sha-256")))
    told = json.loads(require(home, server, "--dry-run", "--json").stdout)
    assert [weak["line"] for weak in told["weak"]] == [2, 3, 4]


def test_without_tls_nobody_is_shut_out(home, make_postgres):
    """Every view of a server without a pair says that ssl is on, once it was switched on: the handshake alone tells."""
    server = make_postgres(hba=LOCAL + NETWORK)
    done = require(home, server, "--yes")
    assert done.returncode == 1 and "pganchor server enable-tls" in done.stderr
    ask(server, "ALTER SYSTEM SET ssl = on")
    ask(server, "SELECT pg_reload_conf()")
    end = time.monotonic() + 120
    while ask(server, "SHOW ssl") != "on\n":
        assert time.monotonic() < end
    done = require(home, server, "--yes")
    assert done.returncode == 1 and "that it has no TLS, though ssl is on" in done.stderr
    assert (data(server) / "pg_hba.conf").read_text() == LOCAL + NETWORK


@pytest.mark.parametrize("rules", [NETWORK.replace("host", "hostnossl"), f"hostssl all all 0.0.0.0/0 reject\n{NETWORK}",
                                   f"hostssl all +{USER} all reject\n{NETWORK}"])
def test_nobody_is_locked_out_for_good_unless_that_is_wanted(home, make, rules):
    """Whom a rule lets in without TLS alone is let in by none any more."""
    server = make(LOCAL + rules)
    path = data(server) / "pg_hba.conf"
    done = require(home, server, "--yes")
    assert done.returncode == 1 and "--lock-out" in done.stderr and "Nothing was changed" in done.stderr, done.stderr
    assert f"User {USER} of database postgres is let in from 127.0.0.1 without TLS, and not with it\n" in done.stdout
    assert path.read_text() == LOCAL + rules and connect(server, "disable").stdout == "f\n"
    done = require(home, server, "--yes", "--lock-out")
    assert done.returncode == 0 and f"Proved: user {USER} of database postgres is let in from 127.0.0.1 no more" in done.stdout, done.stderr
    assert "pg_hba.conf" in connect(server, "disable").stderr and "pg_hba.conf" in connect(server, "require").stderr
    assert require(home, server, "--undo").returncode == 0 and path.read_text() == LOCAL + rules


def test_whom_no_rule_lets_in_is_told_where_nobody_can_be_tried(home, make):
    server = make(LOCAL + "hostnossl replication all 10.0.0.0/8 md5\nhostssl replication all 10.1.0.0/16 md5\nhostssl all all 192.0.2.0/24 reject\n"
                  "hostnossl all all 192.0.2.0/24 md5\nhost a,b all 192.0.2.7/32 md5\nhost all all 192.0.0.0/8 md5\n")
    done = require(home, server, "--yes")
    told = [line for line in done.stdout.splitlines() if "not let in with TLS either" in line]
    assert done.returncode == 1 and len(told) == 2, done.stdout
    # Of 10.0.0.0/8, some have another way.
    assert "pg_hba.conf, line 2: " in told[0]
    assert "  such as any other user of database replication, from 10.0.0.0: no rule is for them\n" in done.stdout
    # Whom line 6 is for comes by this one.
    assert "pg_hba.conf, line 5: " in told[1] and told[1].endswith(": hostnossl all all 192.0.2.0/24 md5")
    assert f"  such as any other user of database a, from 192.0.2.0: refused by {data(server)}/pg_hba.conf, line 4\n" in done.stdout
    assert "2 rules, 0 sessions" in done.stderr


def test_the_machine_itself_gets_in_as_before(home, make):
    server = make(LOCAL + NETWORK)
    path = data(server) / "pg_hba.conf"
    path.write_text(LOCAL + f"host all {USER} 127.0.0.0/8 scram-sha-256\n" + NETWORK)
    before = path.read_bytes()
    done = require(home, server, "--yes")
    assert done.returncode == 0, done.stderr  # that rule is for the machine itself, and stays
    assert f"could prove it: {path}, line 2, which is for the machine itself and stays, lets it in without TLS" in done.stderr
    assert connect(server, "disable").stdout == "f\n"
    assert require(home, server, "--undo").returncode == 0
    assert path.read_bytes() == before


def traced(home, server, *expressions):
    return home.run(["strace", "-f", "-qqq", "-o", home / "trace", *(word for one in expressions for word in ("-e", one)), "--", home.program.binary,
                     "server", "require-tls", "--data-dir", str(data(server)), "--user", SUPERUSER, "--yes"], env=NO_LEAKS)


def test_where_the_proof_fails_all_is_put_back(home, make):
    """Behind the reload, nobody can connect."""
    server = make(LOCAL + NETWORK)
    path = data(server) / "pg_hba.conf"
    before = path.read_bytes()
    assert traced(home, server, "trace=connect").returncode == 0
    connects = [line for line in (home / "trace").read_text().splitlines() if "connect(" in line]
    assert require(home, server, "--undo").returncode == 0
    done = traced(home, server, "trace=connect", f"inject=connect:error=ECONNREFUSED:when={len(connects) - 1}+")
    assert done.returncode == 1 and "is not let in with TLS" in done.stderr and "all was put back as it was\n" in done.stderr, done.stderr
    assert path.read_bytes() == before and not (data(server) / "pganchor-hba.before").exists()
    assert connect(server, "disable").stdout == "f\n"


# Where it is killed: at each so-many-th of these calls. That of sendto is what it asks the server.
CALLS = {"rename,renameat,renameat2": 1, "fsync,fdatasync": 3, "sendto": 9}
if WHOLE:
    CALLS = {**dict.fromkeys(CALLS, 1), "write,unlink,unlinkat,linkat,fchmod,fchown,fsetxattr,ftruncate,flock": 1, "openat": 5}


@pytest.mark.parametrize(("call", "step"), CALLS.items())
def test_killed_anywhere_it_is_the_old_file_or_the_new_one(home, make, call, step):
    server = make(LOCAL + NETWORK)
    path = data(server) / "pg_hba.conf"
    before = path.read_bytes()
    names = sorted(entry.name for entry in data(server).iterdir())
    assert traced(home, server, f"trace={call}").returncode == 0
    count = len((home / "trace").read_text().splitlines())
    assert count > 1 and require(home, server, "--undo").returncode == 0
    for number in range(count, 0, -step):
        traced(home, server, f"trace={call}", f"inject={call}:signal=SIGKILL:when={number}")
        assert path.read_bytes() in (before, before.replace(b"host ", b"hostssl ")), number
        again = require(home, server, "--yes")
        assert again.returncode == 0 and "pg_hba.conf" in connect(server, "disable").stderr, (number, again.stdout, again.stderr)
        assert connect(server, "require").stdout == "t\n"
        undone = require(home, server, "--undo")
        assert undone.returncode == 0 and path.read_bytes() == before, number
        assert sorted(entry.name for entry in data(server).iterdir()) == names, number


def test_without_a_terminal_yes_has_to_be_said(home, make):
    server = make(LOCAL + NETWORK)
    done = require(home, server)
    assert done.returncode == 2 and "--yes" in done.stderr
    assert (data(server) / "pg_hba.conf").read_text() == LOCAL + NETWORK and os.path.exists(data(server))
