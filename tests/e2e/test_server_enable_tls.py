"""pganchor server enable-tls, disable-tls and undo: TLS is what is said afterwards, or all is as it was."""

import json
import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from certificates import make_root
from local_cas import data, openssl, pin_of, state
from postgres import HBA, SUPERUSER
from test_trust_faults import WHOLE
from tracing import NO_LEAKS


def change(home, server, *words, yes=True):
    return home.pganchor("server", words[0], "--data-dir", data(server), "--user", SUPERUSER, *(["--yes"] if yes else []), *words[1:])


def told(home, server, *words):
    done = change(home, server, *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def altered(server):
    """What ALTER SYSTEM has set."""
    lines = (data(server) / "postgresql.auto.conf").read_text().splitlines()
    return dict(line.split(" = ", 1) for line in lines if not line.startswith("#"))


def asked_for_tls(server):
    """The server's answer to an SSLRequest: S or N, and the SHA-256 of what it then shows."""
    done = subprocess.run(["openssl", "s_client", "-starttls", "postgres", "-connect", f"127.0.0.1:{server.port}"], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)
    if "-----BEGIN" not in done.stdout:
        return None
    shown = subprocess.run(["openssl", "x509", "-noout", "-fingerprint", "-sha256"], input=done.stdout, capture_output=True, text=True)
    return shown.stdout.split("=")[1].strip().replace(":", "").lower()


@pytest.fixture(scope="module")
def authority():
    return make_root()


@pytest.fixture
def pair(authority, tmp_path):
    return authority.issue(tmp_path, "localhost", "127.0.0.1", "db.example.test")


@pytest.fixture(scope="module")
def without_tls(clusters):
    server = clusters.start()
    yield server
    server.stop()


@pytest.fixture
def server(without_tls):
    """A server without TLS, which has nothing of a test before."""
    before = set(data(without_tls).iterdir())
    yield without_tls
    run_sql(without_tls, "ALTER SYSTEM RESET ALL", "SELECT pg_reload_conf()")
    for path in set(data(without_tls).iterdir()) - before:
        path.unlink()
    wait_for(lambda: asked_for_tls(without_tls) is None)


def run_sql(server, *commands):
    subprocess.run(["psql", "-XAtq", *[word for command in commands for word in ("-c", command)], server.superuser], check=True, capture_output=True)


def wait_for(condition):
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def place(server, pair, name="own"):
    """The pair where the server's user can read it, as the server wants it."""
    owner = data(server).stat()
    placed = [data(server) / f"{name}.crt", data(server) / f"{name}.key"]
    for path, copy in zip(pair, placed):
        copy.write_bytes(path.read_bytes())
        os.chown(copy, owner.st_uid, owner.st_gid)
        os.chmod(copy, 0o600)
    return placed


def words_of(pair):
    return ["--cert", pair[0], "--key", pair[1]]


def test_the_pair_of_the_data_directory(home, server, pair):
    place(server, pair, "server")
    assert asked_for_tls(server) is None
    done = change(home, server, "enable-tls", "--host", "db.example.test")
    assert (done.returncode, done.stderr) == (0, "")
    assert f", port {server.port}, shows the certificate with SHA-256 {pin_of(pair[0])}.\n" in done.stdout
    named = f"--data-dir {data(server)} --user {SUPERUSER}\n"
    assert done.stdout.partition("next:\n")[2].splitlines(keepends=True)[1:] == [
        "    pganchor bootstrap FILE --fingerprint HEX\n",
        f"    pganchor service add NAME --host db.example.test --port {server.port} --dbname DATABASE --user USER\n",
        "  who connects without TLS, by such a service; and then, that nobody can:\n",
        "    pganchor audit NAME\n", f"    pganchor server require-tls --dry-run {named}",
        "  as it was before:\n", f"    pganchor server undo {named}"]
    assert asked_for_tls(server) == pin_of(pair[0])
    assert altered(server) == {"ssl": "'on'"}


def test_a_pair_elsewhere_and_back_by_undo(home, server, pair):
    pair = place(server, pair)
    before = state(server)
    report = told(home, server, "enable-tls", *words_of(pair), "--min-version", "TLSv1.3")
    assert (report["changed"], report["proved"], report["tls"], report["served_before"], report["served"]) == (
        True, True, True, None, pin_of(pair[0]))
    assert altered(server) == {"ssl_cert_file": f"'{pair[0]}'", "ssl_key_file": f"'{pair[1]}'", "ssl": "'on'",
                               "ssl_min_protocol_version": "'TLSv1.3'"}
    report = told(home, server, "undo")
    assert (report["changed"], report["proved"], report["tls"], report["served"]) == (True, True, False, None)
    assert asked_for_tls(server) is None
    assert altered(server) == {} and state(server).keys() - before.keys() == set()
    again = change(home, server, "undo")
    assert (again.returncode, again.stdout) == (0, "There is nothing to undo: no change by --data-dir is recorded there.\n")


def test_a_second_time_changes_nothing_and_proves_it(home, server, pair):
    pair = place(server, pair)
    assert change(home, server, "enable-tls", *words_of(pair)).returncode == 0
    before = state(server)
    report = told(home, server, "enable-tls", *words_of(pair))
    assert (report["changed"], report["proved"], report["served"]) == (False, True, pin_of(pair[0]))
    assert state(server) == before


def test_another_pair_in_the_place_of_one(home, make_postgres, authority, pair, tmp_path):
    first = authority.issue(tmp_path, "localhost")
    server = make_postgres(*first)
    pair = place(server, pair)
    old = asked_for_tls(server)
    report = told(home, server, "enable-tls", *words_of(pair))
    assert (report["served_before"], report["served"]) == (old, pin_of(pair[0]))
    report = told(home, server, "undo")
    assert report["served"] == asked_for_tls(server) == old


def test_a_dry_run_shows_each_step_and_changes_nothing(home, server, pair):
    pair = place(server, pair)
    before = state(server)
    done = change(home, server, "enable-tls", *words_of(pair), "--dry-run", yes=False)
    assert done.returncode == 0, done.stderr
    assert f"ALTER SYSTEM SET ssl_cert_file = '{pair[0]}'" in done.stdout
    assert done.stdout.endswith("This was a dry run: nothing was changed.\n")
    assert state(server) == before and asked_for_tls(server) is None


def test_without_a_terminal_it_does_not_ask(home, server, pair):
    pair = place(server, pair)
    before = state(server)
    done = change(home, server, "enable-tls", *words_of(pair), yes=False)
    assert done.returncode == 2 and "--yes does it" in done.stderr
    assert state(server) == before


def refuse(home, server, *words):
    """What is said of a change that is refused before anything is done."""
    before = state(server)
    done = change(home, server, *words)
    assert done.returncode == 1, done.stdout
    assert state(server) == before
    return done.stderr


def test_what_the_server_would_not_take(home, server, authority, pair, tmp_path):
    pair = place(server, pair)
    assert "server.crt: " in refuse(home, server, "enable-tls")
    other = place(server, authority.issue(tmp_path, "localhost"), "other")
    assert "key values mismatch" in refuse(home, server, "enable-tls", "--cert", pair[0], "--key", other[1])
    place(server, pair, "server")
    os.chmod(data(server) / "server.key", 0o644)
    assert "its mode is 0644" in refuse(home, server, "enable-tls")
    assert "it does not name app.example.test" in refuse(home, server, "enable-tls", *words_of(pair), "--host", "app.example.test")
    assert "OpenSSL knows no cipher" in refuse(home, server, "enable-tls", *words_of(pair), "--ciphers", "NO-SUCH")
    assert "this release of PostgreSQL has no setting ssl_groups" in refuse(home, server, "enable-tls", *words_of(pair), "--groups", "X25519")
    assert "ssl_min_protocol_version is TLSv1.3" in refuse(
        home, server, "enable-tls", *words_of(pair), "--min-version", "TLSv1.3", "--max-version", "TLSv1.2")
    assert asked_for_tls(server) is None


def test_what_only_the_handshake_shows_is_put_back(home, make_postgres, pair):
    """A passphrase that is none: nobody but the server could have tried it."""
    server = make_postgres(settings={"ssl_passphrase_command": "echo wrong", "ssl_passphrase_command_supports_reload": "on"})
    crt, key = place(server, pair)
    openssl("pkcs8", "-topk8", "-v2", "aes-256-cbc", "-passout", "pass:right", "-in", pair[1], "-out", key)
    said = refuse(home, server, "enable-tls", *words_of((crt, key)))
    assert "it does not use TLS" in said and "all was put back as it was" in said
    assert asked_for_tls(server) is None
    assert change(home, server, "undo").stdout.startswith("There is nothing to undo")


def test_other_files_that_the_server_would_load(home, make_postgres, pair):
    server = make_postgres(settings={"ssl_crl_file": "no.crl"})
    assert "ssl_crl_file is no.crl: " in refuse(home, server, "enable-tls", *words_of(pair))
    (data(server) / "no.crl").write_bytes(pair[0].read_bytes())
    assert change(home, server, "enable-tls", *words_of(pair)).returncode == 0
    # It goes on showing the same certificate whatever it has loaded.
    subprocess.run(["psql", "-XAtqc", "ALTER SYSTEM SET ssl_ca_file = 'PG_VERSION'", "-c", "SELECT pg_reload_conf()", server.superuser],
                   check=True, capture_output=True)
    assert "ssl_ca_file is PG_VERSION: " in refuse(home, server, "enable-tls", *words_of(pair), "--min-version", "TLSv1.3")


def test_a_pair_that_the_server_could_not_read_is_copied(home, server, pair):
    os.chmod(pair[1], 0o644)
    before = state(server)
    done = change(home, server, "enable-tls", *words_of(pair))
    assert done.returncode == 0 and "gets a copy" in done.stdout, done.stderr
    assert asked_for_tls(server) == pin_of(pair[0])
    copied = {name for name in state(server).keys() - before.keys() if name.startswith("pganchor-server-")}
    assert {name.rsplit(".", 1)[1] for name in copied} == {"crt", "key"}
    for name in copied:
        found = (data(server) / name).stat()
        assert (found.st_mode & 0o777, found.st_uid) == (0o600, data(server).stat().st_uid)
    assert told(home, server, "undo")["changed"]
    assert state(server).keys() == before.keys() and asked_for_tls(server) is None


def link(server, name, to):
    """A link that the server's user has made in its directory."""
    path = data(server) / name
    path.unlink(missing_ok=True)
    path.symlink_to(to)
    owner = data(server).stat()
    os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
    return path


def test_a_link_in_the_data_directory_leads_where_its_owner_can_go(home, make_postgres, pair, tmp_path):
    """Root reads nothing for the server's user that this user could not read."""
    server = make_postgres(*pair)
    place(server, pair, "server")
    shown = asked_for_tls(server)
    secret = tmp_path / "secret"
    secret.write_text("host all the-secret-of-root 10.0.0.0/8 no-such-method\n")
    secret.chmod(0o600)
    if data(server).stat().st_uid == os.getuid():
        return  # it is one user's, who may
    rules = (data(server) / "pg_hba.conf").read_bytes()
    for name, command in (("pganchor-server.json", "enable-tls"), ("pganchor-hba.before", "disable-tls"), ("pg_hba.conf", "require-tls"),
                          ("PG_VERSION", "enable-tls")):
        before = (data(server) / name).read_bytes() if (data(server) / name).exists() else None
        path = link(server, name, secret)
        done = change(home, server, command)
        assert done.returncode == 1 and "Permission denied" in done.stderr, (name, done.stderr)
        assert "secret-of-root" not in done.stderr
        path.unlink()
        if before is not None:
            path.write_bytes(before)
            os.chown(path, data(server).stat().st_uid, data(server).stat().st_gid)
    assert secret.read_text() == "host all the-secret-of-root 10.0.0.0/8 no-such-method\n"
    assert asked_for_tls(server) == shown and (data(server) / "pg_hba.conf").read_bytes() == rules


def test_what_somebody_elses_link_leads_to_is_not_copied_for_the_server(home, server, pair):
    """Root's own key, say, which the server's user has a certificate of."""
    os.chmod(pair[1], 0o600)
    if data(server).stat().st_uid == os.getuid():
        return  # it is one user's
    said = refuse(home, server, "enable-tls", "--cert", pair[0], "--key", link(server, "mine.key", pair[1]))
    assert f"{pair[1]}: the server's user could not use it there, and what another user's symbolic link leads to is not copied" in said
    assert asked_for_tls(server) is None


def test_root_writes_what_the_servers_user_can_only_read(home, make_postgres, pair):
    """Rules that are root's, as a configuration's management puts them there."""
    server = make_postgres(*pair, hba=RULES)
    if data(server).stat().st_uid == os.getuid():
        return  # it is one user's
    path = data(server) / "pg_hba.conf"
    os.chown(path, os.getuid(), data(server).stat().st_gid)
    path.chmod(0o640)
    kept = path.stat()
    for command, written in (("require-tls", RULES.replace("host all alice", "hostssl all alice")), ("undo", RULES)):
        done = change(home, server, command)
        assert done.returncode == 0, done.stderr
        assert path.read_text() == written
        assert (path.stat().st_uid, path.stat().st_gid, path.stat().st_mode) == (kept.st_uid, kept.st_gid, kept.st_mode)


def test_tls_off_and_on_again(home, make_postgres, pair):
    server = make_postgres(*pair)
    with_tls = asked_for_tls(server)
    report = told(home, server, "disable-tls")
    assert (report["changed"], report["tls"], report["served_before"]) == (True, False, with_tls)
    assert asked_for_tls(server) is None
    report = told(home, server, "undo")
    assert report["served"] == asked_for_tls(server) == with_tls


def test_nobody_is_locked_out(home, make_postgres, pair):
    server = make_postgres(*pair, hba=HBA + "hostssl all alice 10.0.0.0/8 scram-sha-256\n")
    said = refuse(home, server, "disable-tls")
    assert "pg_hba.conf, line 6" in said and "--lock-out" in said
    assert asked_for_tls(server) is not None
    done = change(home, server, "disable-tls", "--lock-out")
    assert done.returncode == 0 and "hostssl all alice 10.0.0.0 255.0.0.0: nobody gets in by it any more\n" in done.stdout, done
    assert asked_for_tls(server) is None


def test_what_somebody_has_changed_since_stays(home, server, pair):
    pair = place(server, pair)
    assert change(home, server, "enable-tls", *words_of(pair), "--min-version", "TLSv1.3").returncode == 0
    subprocess.run(["psql", "-XAtqc", "ALTER SYSTEM SET ssl_min_protocol_version = 'TLSv1.2'", server.superuser], check=True)
    done = change(home, server, "undo")
    assert done.returncode == 0 and "somebody has changed it since, to 'TLSv1.2'" in done.stdout
    assert altered(server) == {"ssl_min_protocol_version": "'TLSv1.2'"}


def test_what_somebody_changes_while_it_asks_is_not_overwritten(home, server, pair):
    def yes():
        run_sql(server, "ALTER SYSTEM SET ssl_min_protocol_version = 'TLSv1.1'")
        return "yes"

    pair = place(server, pair)
    done = home.pganchor_tty("server", "enable-tls", "--data-dir", data(server), "--user", SUPERUSER, *words_of(pair), "--min-version", "TLSv1.3",
                             answers=[("Type yes: ", yes)])
    assert done.returncode == 1 and "somebody has changed ssl_min_protocol_version meanwhile" in done.output, done
    assert altered(server) == {"ssl_min_protocol_version": "'TLSv1.1'"} and asked_for_tls(server) is None


RULES = HBA + "host all alice 10.0.0.0/8 scram-sha-256 # of the office\n"


def rules(server):
    return (data(server) / "pg_hba.conf").read_text()


def test_tls_that_is_required_goes_with_its_rules(home, make_postgres, pair):
    server = make_postgres(*pair, hba=RULES)
    assert change(home, server, "require-tls").returncode == 0
    assert rules(server) == RULES.replace("host all alice", "hostssl all alice")
    done = change(home, server, "disable-tls")
    assert done.returncode == 0 and "put back in " in done.stdout, done.stderr
    assert rules(server) == RULES and asked_for_tls(server) is None
    # Once more: it is off, and nobody loses anything.
    (data(server) / "pg_hba.conf").write_text(RULES + "hostssl all bob 10.0.0.0/8 scram-sha-256\n")
    report = told(home, server, "disable-tls")
    assert (report["changed"], report["tls"]) == (False, False)
    done = change(home, server, "undo")
    assert done.returncode == 0 and "disable-tls has put back the rules that required TLS, too, and they stay so: " in done.stdout, done
    assert asked_for_tls(server) is not None


def test_undo_puts_the_rules_back_first(home, make_postgres, pair):
    server = make_postgres(hba=RULES)
    before = state(server)
    assert change(home, server, "enable-tls", *words_of(pair)).returncode == 0
    assert change(home, server, "require-tls").returncode == 0
    done = change(home, server, "undo")
    assert done.returncode == 0, done.stderr
    assert rules(server) == RULES and asked_for_tls(server) == pin_of(pair[0])
    # It costs what disable-tls does, and that is said before the steps.
    done = change(home, server, "undo")
    assert done.returncode == 0 and done.stdout.index("passwords, queries and rows") < done.stdout.index("steps:"), done
    assert asked_for_tls(server) is None and state(server) == before
    assert change(home, server, "undo").stdout.startswith("There is nothing to undo")


def test_other_rules_that_need_tls_are_in_the_way(home, make_postgres, pair):
    server = make_postgres(*pair, hba=RULES + "hostssl all bob 10.0.0.0/8 scram-sha-256\n")
    assert change(home, server, "require-tls").returncode == 0
    said = refuse(home, server, "disable-tls")
    assert "1 rule (" in said and "pg_hba.conf, line 7)" in said
    assert asked_for_tls(server) is not None


# With the first that is killed, and every which one; at every landing, those of a module are a sample of all.
KILLS = [("rename,renameat,renameat2", 1, 1), ("sendto", 1, 1), ("openat", 1, 7), ("unlink,unlinkat", 1, 1), ("fsync", 1, 1)] if WHOLE else [
    ("rename,renameat,renameat2", 1, 2), ("sendto", 12, 5)]


@pytest.fixture(scope="module")
def with_a_pair(clusters, authority, tmp_path_factory):
    """A server with TLS."""
    server = clusters.start(*authority.issue(tmp_path_factory.mktemp("first"), "localhost"))
    yield server
    server.stop()


@pytest.mark.parametrize("call, first, step", KILLS, ids=[kill[0].split(",")[0] for kill in KILLS])
def test_killed_anywhere_undo_is_the_way_back(home, with_a_pair, pair, call, first, step):
    """Between the settings of one pair and of the other, too, it has to be able to start."""
    server = with_a_pair
    words = words_of(pair)
    old = asked_for_tls(server)
    before = state(server)
    killed = 0
    real = home.program.binary.with_name("pganchor.real")
    program = real if real.exists() else home.program.binary
    for number in range(first, 2000, step):
        done = home.run(["strace", "-f", "-qqq", "-o", home / "trace", "-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL:when={number}",
                         "--", program, "server", "enable-tls", "--data-dir", str(data(server)), "--user", SUPERUSER, "--yes", *words],
                        env=NO_LEAKS)
        settings = altered(server)
        if len({settings.get(name) for name in ("ssl_cert_file", "ssl_key_file")} & {None}) and settings.keys() & {"ssl_cert_file", "ssl_key_file"}:
            assert settings["ssl"] == "'off'", number
        undone = change(home, server, "undo")
        assert undone.returncode == 0, (number, undone.stderr)
        assert asked_for_tls(server) == old and altered(server) == {}, number
        assert {name: at for name, at in state(server).items() if not name.startswith(".pganchor")} == before, number
        if done.returncode == 0:
            break
        killed += 1
    assert killed > 0 and done.returncode == 0
    assert state(server) == before



def test_undo_goes_back_behind_one_that_was_killed(home, with_a_pair, pair):
    """What that one had set in the meantime is no state to go back to."""
    server, words = with_a_pair, words_of(pair)
    old = asked_for_tls(server)
    real = home.program.binary.with_name("pganchor.real")
    program = real if real.exists() else home.program.binary
    seen = set()
    for number in range(10, 40):
        done = home.run(["strace", "-f", "-qqq", "-o", home / "trace", "-e", "trace=sendto", "-e", f"inject=sendto:signal=SIGKILL:when={number}",
                         "--", program, "server", "enable-tls", "--data-dir", str(data(server)), "--user", SUPERUSER, "--yes", *words],
                        env=NO_LEAKS)
        left = tuple(sorted(altered(server)))
        if done.returncode == 0 or left in seen:
            assert change(home, server, "undo").returncode == 0
            continue
        seen.add(left)
        assert change(home, server, "enable-tls", *words).returncode == 0 and asked_for_tls(server) == pin_of(pair[0]), number
        undone = change(home, server, "undo")
        assert (undone.returncode, asked_for_tls(server), altered(server)) == (0, old, {}), (number, undone)
        while "nothing to undo" not in change(home, server, "undo").stdout:
            assert (asked_for_tls(server), altered(server)) == (old, {}), number
    assert ("ssl",) in seen and len(seen) > 2, seen


def test_undo_goes_back_one_change_though_a_setting_of_the_one_before_was_put_back(home, with_a_pair, authority, pair, tmp_path):
    server, old, third = with_a_pair, asked_for_tls(with_a_pair), authority.issue(tmp_path, "localhost")
    assert change(home, server, "enable-tls", *words_of(pair), "--min-version", "TLSv1.3").returncode == 0
    run_sql(server, "ALTER SYSTEM RESET ssl_min_protocol_version", "SELECT pg_reload_conf()")
    assert change(home, server, "enable-tls", *words_of(third)).returncode == 0
    for shown in (pin_of(pair[0]), old):
        assert change(home, server, "undo").returncode == 0 and asked_for_tls(server) == shown


@pytest.mark.parametrize("words", ["ALTER SYSTEM SET ssl = true", "ALTER SYSTEM SET ssl = YES", "file"])
def test_on_has_many_words_and_a_name_may_be_in_capitals(home, server, pair, words):
    place(server, pair, "server")
    conf = data(server) / "postgresql.auto.conf"
    if words == "file":
        conf.write_text(conf.read_text() + "SSL = TRUE\nSSL_CERT_FILE = 'server.crt'\n")
        run_sql(server, "SELECT pg_reload_conf()")
    else:
        run_sql(server, words, "SELECT pg_reload_conf()")
    wait_for(lambda: asked_for_tls(server) is not None)
    before = asked_for_tls(server)
    for command in ("disable-tls", "undo", "undo"):
        done = change(home, server, command)
        assert done.returncode == 0, (command, done.stderr)
    assert asked_for_tls(server) == before and altered(server).get("ssl", altered(server).get("SSL")) == "'on'"
    if words == "file":
        assert "server.crt" in conf.read_text()


@pytest.fixture(scope="module")
def with_passphrase(clusters, authority, tmp_path_factory):
    """A server with TLS, whose key has a passphrase that a command reads from this file."""
    pair = authority.issue(tmp_path_factory.mktemp("pair"), "localhost")
    server = clusters.start()
    crt, key = place(server, pair, "server")
    word = data(server) / "word"
    word.write_text("right\n")
    word.chmod(0o644)
    openssl("pkcs8", "-topk8", "-v2", "aes-256-cbc", "-passout", "pass:right", "-in", pair[1], "-out", key)
    run_sql(server, f"ALTER SYSTEM SET ssl_passphrase_command = 'cat {word}'", "ALTER SYSTEM SET ssl_passphrase_command_supports_reload = on",
            "ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()")
    wait_for(lambda: asked_for_tls(server) is not None)
    yield server, word
    server.stop()


@pytest.mark.parametrize("words, said", [
    (["--min-version", "TLSv1.3"], "it goes on with TLSv1.2, though ssl_min_protocol_version is TLSv1.3"),
    (["--max-version", "TLSv1.2"], "it goes on with TLSv1.3, though ssl_max_protocol_version is TLSv1.2"),
    (["--ciphers", "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"], "which ssl_ciphers does not have"),
], ids=["min", "max", "ciphers"])
def test_the_certificate_it_showed_before_proves_nothing_of_the_rest(home, with_passphrase, words, said):
    """It loads all of its TLS or none of it, and goes on with what it had."""
    server, word = with_passphrase
    word.write_text("right\n")
    report = told(home, server, "enable-tls", *words)
    assert (report["changed"], report["loaded"], report["served"]) == (True, True, report["served_before"])
    report = told(home, server, "undo")
    assert (report["changed"], report["loaded"], report["served"]) == (True, True, report["served_before"])
    word.write_text("wrong\n")
    refused = refuse(home, server, "enable-tls", *words)
    assert said in refused and "all was put back as it was" in refused
    assert asked_for_tls(server) == report["served"]


def test_what_no_handshake_tells_is_said(home, with_passphrase):
    """TLS 1.3 at most is what it speaks without a bound, too."""
    server, word = with_passphrase
    word.write_text("wrong\n")
    done = change(home, server, "enable-tls", "--max-version", "TLSv1.3")
    assert done.returncode == 0 and "no handshake tells whether the server has loaded that" in done.stderr, done
    assert change(home, server, "undo").returncode == 0


def test_a_key_that_went_since_it_was_loaded(home, make_postgres, pair):
    """The server goes on with it, and would not start again."""
    server = make_postgres(hba=RULES)
    crt, key = place(server, pair)
    assert change(home, server, "enable-tls", *words_of((crt, key))).returncode == 0
    key.unlink()
    for words in (["require-tls"], ["require-tls", "--dry-run"]):
        said = refuse(home, server, *words)
        assert "would not start again with its TLS, though it goes on with what it has loaded: " in said and "own.key: " in said and "enable-tls --cert FILE" in said, said
    assert "own.key: " in refuse(home, server, "enable-tls")
    assert asked_for_tls(server) == pin_of(crt)


def test_two_at_once_one_behind_the_other(home, make_postgres, authority, pair, tmp_path):
    """The second plans for what the first has left, and undo knows of both."""
    server = make_postgres()
    before = state(server)
    pairs = {pin_of(one[0]): place(server, one, name) for name, one in (("one", pair), ("two", authority.issue(tmp_path, "localhost")))}
    with ThreadPoolExecutor() as pool:
        reports = list(pool.map(lambda one: told(home, server, "enable-tls", *words_of(one)), pairs.values()))
    first, second = sorted(reports, key=lambda report: report["served_before"] is not None)
    assert (first["served_before"], second["served_before"]) == (None, first["served"])
    assert {first["served"], second["served"]} == set(pairs) and asked_for_tls(server) == second["served"]
    for left in (first["served"], None):
        assert told(home, server, "undo")["served"] == left
    assert {name: at for name, at in state(server).items() if name[:4] not in ("one.", "two.")} == before
