"""pganchor password, on a real keyring: what is kept and given back, and libpq's password file, of which nothing is lost."""

import json
import os
import re
import subprocess

import pytest

from home import HANG_UP
from keyring import PASSWORD
from tracing import NO_LEAKS

PIN = "a1" * 32
PINNED = f"[test]\npin = {PIN}\nsource = https://ca.example.com\nhosts = *.example.com\nscope = root.crt\n"


@pytest.fixture
def user(home, keyring):
    """user(words..., input=) -> what `pganchor password` says; .home, .keyring; *.example.com is pinned."""
    (home / ".config/pganchor").mkdir(parents=True, mode=0o700)
    (home / ".config/pganchor/anchors.conf").write_text(PINNED)

    def run(*words, env=None, **kwargs):
        return home.pganchor("password", *words, env={**keyring.environment, **(env or {})}, **kwargs)
    run.home, run.keyring, run.index = home, keyring, home / ".config/pganchor/passwords.conf"
    return run


def does(done):
    assert done.returncode == 0, done.stderr
    return done.stdout


def fails(done, *words, status=1):
    assert done.returncode == status, (done.stdout, done.stderr)
    for word in words:
        assert word in done.stderr, done.stderr
    return done.stderr


def fails_and_says(done):
    """What it says on standard output, having failed without a word of an error."""
    fails(done)
    assert done.stderr == ""
    return done.stdout


def passfile(user, content):
    path = user.home / ".pgpass"
    path.write_bytes(content)
    path.chmod(0o600)
    return path


def test_one_is_kept_shown_and_removed(user):
    done = user("set", "db.example.com", "-U", "joe", input="s:e\\cret\n")
    assert does(done) == "the keyring has the password of joe at db.example.com\n" and done.stderr == ""
    assert user.index.read_text() == 'password host="db.example.com" port="*" dbname="*" user="joe"\n'
    assert user.index.stat().st_mode & 0o777 == 0o600
    assert does(user("get", "db.example.com")) == "s:e\\cret\n"
    assert does(user("set", "db.example.com", "-U", "joe", input="another")) and len(user.index.read_text().splitlines()) == 1
    assert does(user("get", "db.example.com", "-U", "joe")) == "another\n"
    assert does(user("clear", "db.example.com", "--dry-run")).startswith("would remove") and user.index.read_text()
    assert does(user("clear", "db.example.com")) == "removed the password of joe at db.example.com\n"
    assert user.index.read_text() == ""
    fails(user("get", "db.example.com"), "nothing is kept of it")
    fails(user("clear", "db.example.com"), "nothing is kept of it")


@pytest.mark.parametrize("words, entry", [
    (["db.example.com"], ("db.example.com", "*", "*", "USER")),
    (["db.example.com:5433"], ("db.example.com", "5433", "*", "USER")),
    (["[2001:db8::1]:5433", "-U", "ann"], ("2001:db8::1", "5433", "*", "ann")),
    (["-H", "db.example.com", "-p", "5434", "-d", "app", "-U", "ann"], ("db.example.com", "5434", "app", "ann")),
    (["postgresql://ann@db.example.com:5433/app"], ("db.example.com", "5433", "app", "ann")),
    (["host=db.example.com user='a n'", "-d", "x"], ("db.example.com", "*", "x", "a n")),
    (["service=prod"], ("db.example.com", "*", "app", "ann")),
    (["prod", "--service"], ("db.example.com", "*", "app", "ann")),
    (["prod", "--service", "-U", "joe"], ("db.example.com", "*", "app", "joe")),
    (["hostaddr=10.1.2.3 user=ann"], ("10.1.2.3", "*", "*", "ann")),
])
def test_where_is_what_libpq_makes_of_it(user, words, entry):
    (user.home / ".pg_service.conf").write_text("[prod]\nhost=db.example.com\ndbname=app\nuser=ann\n")
    name = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    does(user("set", *words, input="x\n"))
    host, port, dbname, login = entry
    login = name if login == "USER" else login
    assert user.index.read_text() == f'password host="{host}" port="{port}" dbname="{dbname}" user="{login}"\n'
    assert does(user("get", *words)) == "x\n"


@pytest.mark.parametrize("words, why", [
    ([], "no server is named"), (["-H", "*"], "any host would go to none"), (["*"], "not a server"), (["root@localhost"], "the user is said with -U NAME"),
    (["host=a,b"], "several servers"), (["dbname=x"], "no server is named"), (["no", "--service"], 'definition of service "no" not found'),
    (["postgresql://joe:secret@db.example.com"], "a password is no part of the command"), (["a", "--key", "f"], "a key is for any server")])
def test_what_names_no_server_is_refused(user, words, why):
    assert "secret" not in fails(user("set", *words, input="x\n"), why)
    assert not user.index.exists()


@pytest.mark.parametrize("given, why", [("", "no password was given"), ("\n", "no password was given"), ("a\nb\n", "more than one line"),
                                        ("a\rb\n", "no NUL or line end"), ("a\0b\n", "no NUL or line end"), ("x" * 5000, "4000 bytes")])
def test_what_no_password_file_could_hold_is_not_kept(user, given, why):
    fails(user("set", "db.example.com", input=given), why)
    assert not user.index.exists() and json.loads(does(user("list", "--json")))["passwords"] == []


def tty(user, *words, answers=(), **kwargs):
    return user.home.pganchor_tty("password", *words, answers=answers, env=user.keyring.environment, **kwargs)


def test_at_a_terminal_it_is_typed_twice_and_not_seen(user):
    asked = [("Password of joe at db.example.com: ", "hidden"), ("again: ", "hidden")]
    done = tty(user, "set", "db.example.com", "-U", "joe", answers=asked)
    assert done.returncode == 0 and "hidden" not in done.output
    assert does(user("get", "db.example.com")) == "hidden\n"
    done = tty(user, "set", "db.example.com", "-U", "joe", answers=[(": ", "one"), ("again: ", "two")])
    assert done.returncode == 1 and "they are not the same" in done.output and does(user("get", "db.example.com")) == "hidden\n"
    assert tty(user, "set", "db.example.com", answers=[(": ", HANG_UP)]).returncode != 0


def test_a_terminal_shows_one_with_show_alone(user):
    does(user("set", "db.example.com", "-U", "joe", input="hidden\n"))
    for verb in ("get", "export"):
        done = tty(user, verb, "db.example.com")
        assert done.returncode == 2 and "hidden" not in done.output and "--show" in done.output
        assert "hidden" in tty(user, verb, "db.example.com", "--show").output


def test_the_echo_comes_back_where_the_prompt_is_interrupted(user):
    script = ('pganchor password set db.example.com; stty -a | grep -o -- "-\\?\\becho\\b"')
    done = user.home.run_tty(["sh", "-c", f"trap : INT; {script}"], [("Password of .*: ", "\x03")], env=user.keyring.environment)
    assert re.search(r"^echo$", done.output, re.M) and done.returncode == 0, done.output


def test_several_of_one_host_are_told_apart(user):
    for name in ("joe", "ann"):
        does(user("set", "db.example.com", "-U", name, input=f"{name}'s\n"))
    fails(user("get", "db.example.com"), "several fit: joe at db.example.com; ann at db.example.com\n", "-U, -p and -d say which")
    assert does(user("get", "db.example.com", "-U", "ann")) == "ann's\n"
    assert does(user("export")) == "db.example.com:*:*:joe:joe's\ndb.example.com:*:*:ann:ann's\n"
    assert does(user("export", "-H", "db.example.com", "-U", "joe")) == "db.example.com:*:*:joe:joe's\n"
    before = user.index.read_text()
    fails(user("clear", "db.example.com"), "could not ask on the terminal", "--yes removes them")
    done = tty(user, "clear", "db.example.com", answers=[("Type yes: ", "y")])
    assert done.returncode == 1 and "nothing was removed" in done.output
    assert re.search(r"joe at db.example.com\r?\nann at db.example.com\r?\n", done.output)
    assert does(user("clear", "db.example.com", "-n")).count("would remove") == 2 and user.index.read_text() == before
    done = tty(user, "clear", "db.example.com", answers=[("Type yes: ", "yes")])
    assert done.returncode == 0 and done.output.count("removed the password") == 2 and user.index.read_text() == ""
    for name in ("joe", "ann"):
        does(user("set", "db.example.com", "-U", name, input="x\n"))
    assert does(user("clear", "db.example.com", "--yes")).count("removed") == 2 and user.index.read_text() == ""


def test_words_of_habit_are_understood(user):
    for word in ("update", "change"):
        fails(user(word), "did you mean password set?", status=2)
    fails(user.home.pganchor("keyring"), "did you mean password?", status=2)
    fails(user.home.pganchor("verify"), "did you mean anchor verify?", status=2)


def test_what_is_not_said_is_anything_the_user_too(user):
    (user.home / ".pg_service.conf").write_text("[prod]\nhost=db.example.com\nport=5433\ndbname=app\nuser=joe\n")
    name = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    does(user("set", "db.example.com", "-U", "joe", input="joe's\n"))
    for words in (["db.example.com"], ["db.example.com", "-p", "5433"], ["db.example.com", "-d", "app"], ["service=prod"],
                  ["postgresql://db.example.com/app"], ["prod", "--service"]):
        assert does(user("get", *words)) == "joe's\n", words
        assert does(user("export", *words)).endswith(":joe:joe's\n"), words
        assert does(user("clear", "-n", *words)) == "would remove the password of joe at db.example.com\n", words
    # It is another's than his who asks, and yet it is the one.
    does(user("set", "db.example.net", "-U", "ann", input="ann's\n"))
    assert does(user("clear", "db.example.net")).startswith("removed") and "ann" not in user.index.read_text()
    # A service gets what the gate would use: the first that fits. So does a part that fits none but "*".
    does(user("set", "db.example.com", "-U", "joe", "-d", "other", input="other\n"))
    does(user("set", "db.example.com", "-U", "joe", "-d", "app", input="later\n"))
    fails(user("get", "db.example.com", "-U", "joe"), "several fit: ")
    assert does(user("get", "db.example.com", "-d", "*")) == "joe's\n" and does(user("get", "db.example.com", "-d", "other")) == "other\n"
    does(user("set", "db.example.com", "-U", name, input="mine\n"))
    assert does(user("get", "db.example.com", "-p", "5433")) == "mine\n"
    fails(user("get", "db.example.com", "-U", "nobody"), "db.example.com, user nobody: nothing is kept of it")


def test_list_says_what_is_missing_on_either_side(user):
    assert "no password is kept" in does(user("list"))
    does(user("set", "db.example.com", "-U", "joe", input="x\n"))
    does(user("set", "db.example.net", "-U", "joe", input="x\n"))
    user.index.write_text("# of mine\n" + user.index.read_text().splitlines()[0] + "\n"
                          'password host="gone.example.com" port="*" dbname="*" user="joe"\n')
    report = json.loads(does(user("list", "--json")))
    assert report["keyring"] == "unlocked" and report["file"] == str(user.index)
    assert [(one["host"], one["keyring"], one["stays"]) for one in report["passwords"]] == [
        ("db.example.com", "kept", None), ("gone.example.com", "missing", "missing in the keyring"),
        ("db.example.net", "not in the index", "no anchor is valid for it")]
    text = does(user("list"))
    assert re.search(r"joe at gone.example.com +missing +no: missing in the keyring", text)
    assert re.search(r"joe at db.example.com +kept +yes", text) and re.search(r"db.example.net +not in the index +no: no anchor", text)
    does(user("clear", "db.example.com"))
    does(user("set", "db.example.com", "-U", "joe", input="x\n"))
    kept = user.index.read_text()
    user.index.write_text("# of mine\n" + kept.splitlines()[1] + "\n")
    assert re.search(r"joe at db.example.com +not in the index +no: not in passwords.conf", does(user("list")))
    assert {one["host"]: one["stays"] for one in json.loads(does(user("list", "--json")))["passwords"]} == {
        "gone.example.com": "missing in the keyring", "db.example.com": "not in passwords.conf",
        "db.example.net": "no anchor is valid for it"}
    user.index.write_text(kept)
    # Each way out of it.
    assert "the keyring had none" in does(user("clear", "gone.example.com"))
    does(user("set", "db.example.net", "-U", "joe", input="x\n"))
    assert [one["keyring"] for one in json.loads(does(user("list", "--json")))["passwords"]] == ["kept", "kept"]
    assert user.index.read_text().startswith("# of mine\n")


def test_what_the_keyring_alone_has_is_found(user):
    does(user("set", "db.example.com", "-U", "joe", input="x\n"))
    user.index.unlink()
    assert does(user("get", "db.example.com")) == "x\n" and does(user("export")) == "db.example.com:*:*:joe:x\n"
    user.keyring.lock()
    fails(user("get", "db.example.com"), "the keyring is locked")
    user.keyring.restart(PASSWORD)
    assert does(user("clear", "db.example.com", "-U", "joe")) == "removed the password of joe at db.example.com\n"
    assert json.loads(does(user("list", "--json")))["passwords"] == []


def test_set_says_what_the_gate_will_not_do(user):
    done = user("set", "db.example.net", "-U", "joe", input="x\n")
    assert does(done) and "the password will stay in the keyring: no anchor is valid for it\n    pganchor bootstrap" in done.stderr
    done = user("set", "-H", "/tmp", "-U", "joe", input="x\n")
    assert does(done) and "Unix-domain socket" in done.stderr
    passfile(user, b"# a note\n*:*:*:joe:old\n")
    done = user("set", "db.example.com", "-U", "joe", input="x\n")
    assert ".pgpass, line 2, is for such connections, too, and libpq takes that one first" in done.stderr
    assert user("set", "db.example.com", "-U", "ann", input="x\n").stderr == ""


def test_nothing_is_asked_for_and_nothing_changed_while_the_keyring_is_locked(user):
    does(user("set", "db.example.com", "-U", "joe", input="x\n"))
    path = passfile(user, b"two.example.com:*:*:joe:two\n")
    user.keyring.lock()
    before = user.home.snapshot()
    for words in (("set", "two.example.com"), ("get", "db.example.com"), ("clear", "db.example.com"), ("import",), ("export",)):
        fails(user(*words, input="x\n"), "the keyring is locked", "pganchor password unlock")
    done = tty(user, "set", "two.example.com")
    assert "Password of" not in done.output and "the keyring is locked" in done.output
    done = user("list")
    assert "the keyring is locked" in done.stderr and re.search("db.example.com +unknown +unknown", does(done))
    assert user.home.snapshot() == before and path.read_bytes()
    assert "Prompt" not in user.keyring.bus.text()
    for env, why in (({"DISPLAY": None, "WAYLAND_DISPLAY": None}, "there is no display here; run this in the desktop's session"),
                     ({"DISPLAY": ":99"}, "the question for its password was dismissed, or nothing of the desktop could ask")):
        done = user("unlock", env=env)
        fails(done, "the keyring is locked", why)
        assert "pganchor password unlock" not in done.stderr
    assert "Prompter" in user.keyring.bus.text()
    user.keyring.restart(PASSWORD)
    assert does(user("unlock")) == "the keyring is unlocked\n" and does(user("get", "db.example.com")) == "x\n"


def test_without_a_bus_it_says_what_to_do_there(user):
    away = {"DBUS_SESSION_BUS_ADDRESS": None, "XDG_RUNTIME_DIR": None}
    fails(user("set", "db.example.com", input="x\n", env=away), "there is no keyring: this session has no bus", "a line of ~/.pgpass, or PGPASSWORD")
    assert does(user("list", env=away)) and user("list", env=away).stderr == ""


def test_a_keyring_that_does_not_answer_is_no_wait(user):
    user.keyring.stop()
    fails(user("set", "db.example.com", input="x\n"), "has not answered in time")
    user.keyring.cont()
    assert not user.index.exists()


def test_a_broken_index_is_told_of_before_anything_is_kept(user):
    user.index.write_text("nonsense\n")
    for words in (("set", "db.example.com"), ("get", "db.example.com"), ("list",)):
        fails(user(*words, input="x\n"), "passwords.conf, line 1")
    user.index.unlink()
    assert json.loads(does(user("list", "--json")))["passwords"] == []


def test_the_passphrase_of_a_key_is_tried_first(user):
    key = user.home / "postgresql.key"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-aes256", "-pass", "pass:open", "-out", key], check=True)
    fails(user("set", "--key", "postgresql.key", input="wrong\n"), "the passphrase does not open it")
    assert not user.index.exists()
    assert does(user("set", "--key", "postgresql.key", input="open\n")) == f"the keyring has the passphrase of the private key {key}\n"
    assert user.index.read_text() == f'passphrase file="{key}"\n'
    assert does(user("get", "--key", key)) == "open\n" and "the private key" in does(user("list"))
    does(user("clear", "--key", "postgresql.key"))
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True)
    fails(user("set", "--key", key, input="x\n"), "the key has no passphrase")
    fails(user("set", "--key", user.index, input="x\n"), "no private key")
    fails(user("export", "--key", key), "no passphrases", status=2)
    for bad, why in (("nosuch", "No such file"), (user.index, "no private key"), (key, "the key has no passphrase")):
        done = tty(user, "set", "--key", bad)
        assert done.returncode == 1 and why in done.output and "Passphrase of" not in done.output


FILE = (b"# a comment: db.example.com:*:*:joe:no\r\n"
        b"one.example.com:5432:app:joe:first\n"
        b"two.example.com:*:a\\:b:jo\\\\e:t\\:w\\\\o:behind\r\n"
        b"\n"
        b"*:*:*:ann:any\n"
        b"localhost:*:*:joe:local\n"
        b"db.example.net:*:*:joe:unpinned\n"
        b" # no comment\n"
        b"one.example.com:5432:app:joe:second\n"
        b"three.example.com:*:*:joe:\n"
        b"four.example.com:*:\\*:joe:star\n"
        b"five.example.com:*:*:joe:five\\")


def test_import_moves_what_may_go_and_loses_no_other_byte(user):
    path = passfile(user, FILE)
    before = user.home.snapshot()
    planned = fails_and_says(user("import", "--dry-run"))
    assert user.home.snapshot() == before and json.loads(does(user("list", "--json")))["passwords"] == []
    done = user("import")
    assert fails_and_says(done) == planned.replace("would move", "moved").replace("would leave", "left") and done.stderr == ""
    assert done.stdout.endswith("\nmoved 2 lines, left 7\n")
    for line in ("moved line 3: jo\\e at two.example.com, database a:b\n", "moved line 12: joe at five.example.com\n",
                 "left line 2: joe at one.example.com, port 5432, database app: without it libpq would take line 9\n",
                 "left line 5: ann at *: it is for any host", "left line 6: joe at localhost: libpq takes it for Unix-domain sockets",
                 "left line 7: joe at db.example.net: no anchor is valid for it\n    pganchor bootstrap",
                 "left line 9: joe at one.example.com, port 5432, database app: it is never used: libpq takes line 2, which is for the same\n",
                 "left line 10: joe at three.example.com: a part of it is empty", "left line 11: joe at four.example.com"):
        assert line in done.stdout, done.stdout
    lines = FILE.splitlines(keepends=True)
    assert path.read_bytes() == b"".join(lines[:2] + lines[3:11]) and path.stat().st_mode & 0o777 == 0o600
    assert does(user("get", "two.example.com", "-U", "jo\\e")) == "t:w\\o\n" and does(user("get", "five.example.com")) == "five\\\n"
    assert does(user("export", "two.example.com", "-U", "jo\\e")) == "two.example.com:*:a\\:b:jo\\\\e:t\\:w\\\\o\n"
    # Once more: there is nothing to do.
    after = path.stat()
    assert fails_and_says(user("import")).endswith("\nmoved 0 lines, left 7\n") and path.stat().st_mtime_ns == after.st_mtime_ns


def test_what_stays_behind_a_line_keeps_it_there(user):
    path = passfile(user, b"db.example.com:*:*:joe:new\n*:*:*:joe:old\n")
    assert "left line 1: joe at db.example.com: without it libpq would take line 2" in fails_and_says(user("import"))
    path = passfile(user, b"*:*:*:ann:old\ndb.example.com:*:*:joe:new\ndb.example.com:*:*:joe:new\n")
    assert fails_and_says(user("import")).endswith("moved 2 lines, left 1\n") and path.read_bytes() == b"*:*:*:ann:old\n"


@pytest.mark.parametrize("first, second, covered", [
    ("*:*:*:*:old", "db.example.com:5432:app:joe:new", True), ("db.example.com:*:*:joe:old", "db.example.com:5432:*:joe:new", True),
    ("db.example.com:*:*:joe:same", "db.example.com:5432:*:joe:same", True), ("*:*:*:joe:", "db.example.com:5432:*:joe:new", True),
    ("db.example.com:5432:*:joe:old", "db.example.com:*:*:joe:new", False), ("*:*:app:joe:old", "db.example.com:*:*:joe:new", False),
    ("*:*:\\*:joe:old", "db.example.com:*:*:joe:new", False)])
def test_a_line_that_an_earlier_one_covers_is_left_as_never_used(user, first, second, covered):
    passfile(user, f"{first}\n{second}\n".encode())
    said = user("import", "--dry-run").stdout
    assert ("line 2: " in said and "it is never used: libpq takes line 1" in said) == covered, said


def test_import_leaves_what_the_keyring_has_otherwise(user):
    does(user("set", "db.example.com", "-U", "jo e", input="newer\n"))
    path = passfile(user, b"db.example.com:*:*:jo e:older\none.example.com:*:*:joe:one\n")
    planned = fails_and_says(user("import", "-n"))
    assert planned.endswith("would move 1 line, would leave 1\n")
    said = fails_and_says(user("import"))
    assert said == planned.replace("would move", "moved").replace("would leave", "left")
    assert ("left line 1: jo e at db.example.com: the keyring has another password for it\n    --replace puts this one in its place; "
            "or first: pganchor password clear db.example.com -U 'jo e'\n") in said
    assert path.read_bytes() == b"db.example.com:*:*:jo e:older\n" and does(user("get", "db.example.com", "-U", "jo e")) == "newer\n"
    # The same one is no other.
    path.write_bytes(b"one.example.com:*:*:joe:one\n")
    assert does(user("import")).endswith("moved 1 line, left 0\n") and path.read_bytes() == b""
    path.write_bytes(b"db.example.com:*:*:jo e:older\n")
    assert does(user("import", "--replace")).endswith("moved 1 line, left 0\n") and path.read_bytes() == b""
    assert does(user("get", "db.example.com", "-U", "jo e")) == "older\n"


def test_what_import_says_to_type_keeps_what_the_line_has(user):
    path = passfile(user, b"localhost:5433:a b:jo'e:local\n*:*:*:ann:any\n")
    said = fails_and_says(user("import")).splitlines()
    for number in (1, 2):
        assert any(line.endswith(f"take line {number} out of {path} by hand then, since libpq takes that first") for line in said), said
    commands = [line.strip() for line in said if line.startswith("    pganchor password set ")]
    assert commands[1] == "pganchor password set HOST -U ann"
    does(user.home.run(["sh", "-c", f"{user.home.program.binary}{commands[0].removeprefix('pganchor')}"], input="x\n",
                       env=user.keyring.environment))
    assert user.index.read_text() == 'password host="localhost" port="5433" dbname="a b" user="jo\'e"\n'


def test_import_copies_with_keep_and_tells_in_json(user):
    path = passfile(user, FILE)
    report = json.loads(fails_and_says(user("import", "--keep", "--json")))
    assert (report["moved"], report["copied"], report["left"]) == (0, 3, 6)
    assert path.read_bytes() == FILE and report["file"] == str(path) and report["dry_run"] is False
    assert {one["line"]: one["is"] for one in report["lines"]} == {2: "copied", 3: "copied", 5: "left", 6: "left", 7: "left", 9: "left",
                                                                  10: "left", 11: "left", 12: "copied"}


def test_import_finds_the_file_as_libpq_does_or_takes_a_word(user):
    other = user.home / "other"
    other.write_text("db.example.com:*:*:joe:x\n")
    other.chmod(0o600)
    fails(user("import"), ".pgpass: there is no such file")
    assert "moved" in does(user("import", env={"PGPASSFILE": other, "PGPASSWORD": "another"})) and other.read_text() == ""
    other.write_text("db.example.com:*:*:joe:y\n")
    assert "moved 1 line, left 0\n" in does(user("import", "other", "--replace")) and does(user("get", "db.example.com")) == "y\n"


def test_import_follows_a_link_and_keeps_it(user):
    (user.home / "kept").write_bytes(b"# note\ndb.example.com:*:*:joe:x\n")
    (user.home / "kept").chmod(0o600)
    (user.home / ".pgpass").symlink_to("kept")
    does(user("import"))
    assert (user.home / ".pgpass").is_symlink() and (user.home / "kept").read_bytes() == b"# note\n"


def test_an_import_that_is_killed_loses_nothing_wherever(user):
    """Each run is killed at the next of the system calls that change something, until one is through."""
    lines = [f"h{number}.example.com:*:*:joe:p{number}" for number in range(3)]
    for nth in range(1, 60):
        path = passfile(user, "".join(line + "\n" for line in lines).encode())
        trace = ["strace", "-f", "-o", "/dev/null", "-e", "trace=renameat,renameat2,rename,fsync,execve",
                 "-e", f"inject=renameat,renameat2,rename,fsync:signal=KILL:when={nth}", "--"]
        done = user.home.run([*trace, user.home.program.binary, "password", "import"], env={**user.keyring.environment, **NO_LEAKS})
        left = path.read_text().splitlines()
        for number, line in enumerate(lines):
            assert line in left or does(user("get", f"h{number}.example.com")) == f"p{number}\n", (nth, line)
        report = json.loads(does(user("list", "--json")))["passwords"]
        assert all(one["keyring"] != "missing" for one in report), (nth, report)
        if done.returncode == 0:
            assert left == [] and nth > 3
            return
        for one in report:
            does(user("clear", "-H", one["host"], "-U", one["user"]))
    pytest.fail("it never came to its end")


def test_export_adds_to_a_file_of_the_user_s_alone(user):
    does(user("set", "db.example.com", "-U", "joe", input="a:b\n"))
    path = user.home / "new"
    assert does(user("export", "--into", "new")) == "added 1 line to new\n"
    assert path.read_text() == "db.example.com:*:*:joe:a\\:b\n" and path.stat().st_mode & 0o777 == 0o600
    path.write_bytes(b"# note\r\nno end")
    does(user("export", "--into", "new"))
    assert path.read_bytes() == b"# note\r\nno end\ndb.example.com:*:*:joe:a\\:b\n"
    # What is there is not added once more; what libpq would never come to is told.
    does(user("set", "db.example.com", "-U", "ann", input="ann's\n"))
    done = user("export", "--into", "new")
    assert does(done) == "added 1 line to new\n" and done.stderr == ""
    assert path.read_bytes().endswith(b":joe:a\\:b\ndb.example.com:*:*:ann:ann's\n")
    before = path.stat()
    assert does(user("export", "--into", "new")) == "added 0 lines to new\n" and path.stat().st_mtime_ns == before.st_mtime_ns
    path.write_bytes(b"# note\n*:*:*:joe:old\ndb.example.com:5432:*:ann:old\n")
    done = user("export", "--into", "new")
    assert does(done) == "added 2 lines to new\n" and done.stderr.count("warning") == 1
    assert "new, line 2, is for all that the line of joe at db.example.com is for: libpq takes that one first" in done.stderr
    path.chmod(0o644)
    fails(user("export", "--into", "new"), "others than its user have access")


def test_no_secret_is_in_an_argument_an_environment_or_a_file(user):
    trace = user.home / "trace"
    watched = ["strace", "-f", "-v", "-s", "9999", "-e", "trace=execve", "-o", trace, "--", user.home.program.binary, "password"]
    passfile(user, b"two.example.com:*:*:joe:sesame-two\n")
    for words, given in ((["set", "db.example.com", "-U", "joe"], "sesame-one\n"), (["get", "db.example.com"], None),
                         (["import"], None), (["export", "db.example.com"], None), (["clear", "db.example.com"], None)):
        done = user.home.run([*watched, *words], input=given, env={**user.keyring.environment, **NO_LEAKS})
        assert does(done) is not None
        assert "pganchor-secret" in trace.read_text() and "sesame" not in trace.read_text()
        trace.unlink()
    for path in user.home.path.rglob("*"):
        assert not path.is_file() or b"sesame" not in path.read_bytes(), path
    # gnome-keyring's own file is encrypted.
    for path in user.keyring.directory.rglob("*"):
        assert not path.is_file() or b"sesame" not in path.read_bytes(), path
    assert not [name for name in os.listdir("/dev/shm") if "pganchor" in name]
