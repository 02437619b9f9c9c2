"""pganchor-secret, the program that asks the keyring for the others: each thing that it can be asked, in each state of a real one."""

import os
import re
import subprocess

import pytest

# The tool has no part in it.
pytestmark = pytest.mark.no_instruments

DONE, NONE, LOCKED, ABSENT, LATE, FAILED = range(6)
JOE = ("password", "db.example.com", "*", "*", "joe")
ANN = ("password", "db.example.com", "5433", "app:1", "ann\\b")
KEY = ("passphrase", "/home/joe/.postgresql/postgresql.key")


@pytest.fixture
def ask(pganchor, keyring):
    """ask(verb, words..., env={}) -> (status, standard output, standard error)"""
    def ask(*fields, env=None, raw=None):
        environment = {"HOME": str(keyring.directory), **keyring.environment, **(env or {})}
        done = subprocess.run([pganchor.prefix / "libexec/pganchor/pganchor-secret"],
                              input=raw if raw is not None else b"".join(field.encode() + b"\0" for field in fields),
                              env={name: value for name, value in environment.items() if value is not None},
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        assert (done.returncode == DONE) == (done.stderr == b"")
        return done.returncode, done.stdout.decode(), done.stderr.decode()
    return ask


def test_what_is_kept_is_given_back_until_it_is_cleared(ask):
    assert ask("get", *JOE) == (NONE, "", "pganchor-secret: the keyring has no such item\n")
    assert ask("set", *JOE, "s:e\\cr=et \xe9") == (DONE, "", "")
    assert ask("get", *JOE) == (DONE, "s:e\\cr=et \xe9", "")
    assert ask("set", *JOE, "another") == (DONE, "", "")
    assert ask("get", *JOE) == (DONE, "another", "")
    assert ask("list") == (DONE, "\0".join(JOE) + "\0", "")
    assert ask("clear", *JOE)[0] == DONE
    assert ask("get", *JOE)[0] == NONE and ask("clear", *JOE)[0] == NONE and ask("list") == (DONE, "", "")


def test_each_entry_is_one_of_its_own(ask):
    for number, entry in enumerate((JOE, ANN, KEY)):
        assert ask("set", *entry, f"secret {number}")[0] == DONE
    for number, entry in enumerate((JOE, ANN, KEY)):
        assert ask("get", *entry) == (DONE, f"secret {number}", "")
    assert ask("get", "password", "db.example.com", "*", "*", "ann")[0] == NONE
    assert sorted(ask("list")[1].rstrip("\0").split("\0")) == sorted(JOE + ANN + KEY)


def test_a_password_file_has_a_line_of_each_that_is_there(ask):
    ask("set", *JOE, "a:b\\c")
    ask("set", *ANN, "plain")
    joe, ann = "db.example.com:*:*:joe:a\\:b\\\\c\n", "db.example.com:5433:app\\:1:ann\\\\b:plain\n"
    assert ask("passfile", *JOE, *ANN) == (DONE, joe + ann, "")
    assert ask("passfile", *ANN, "password", "x", "*", "*", "joe", *JOE)[:2] == (NONE, ann + joe)
    assert ask("passfile", *KEY)[:2] == (FAILED, "")


@pytest.mark.parametrize("raw", [
    b"", b"get", b"get\0", b"nothing\0", b"get\0password\0db\0*\0*\0", b"get\0password\0db\0*\0*\0\0", b"get\0other\0a\0",
    b"get\0password\0db\0*\0*\0joe\0more\0", b"set\0password\0db\0*\0*\0joe\0", b"set\0password\0db\0*\0*\0joe\0a\0b\0",
    b"set\0password\0db\0*\0*\0joe\0a\nb\0", b"set\0password\0db\0*\0*\0joe\0a\rb\0", b"list\0more\0", b"state",
    b"passfile\0", b"passfile\0" + b"password\0h\0*\0*\0u\0" * 257, b"get\0" + b"x" * 100000])
def test_what_is_no_request_is_refused(ask, raw):
    assert ask(raw=raw)[:2] == (FAILED, "") and ask("list") == (DONE, "", "")


def test_of_a_locked_keyring_nothing_is_told_and_nobody_is_asked(ask, keyring):
    ask("set", *JOE, "secret")
    for lock in (keyring.lock, lambda: keyring.restart("another password")):
        lock()
        for request in (("get", *JOE), ("passfile", *JOE), ("set", *JOE, "new"), ("clear", *JOE), ("list",), ("state",),
                        ("get", *ANN)):
            assert ask(*request)[:2] == (LOCKED, ""), request
    assert "Prompt" not in keyring.bus.text()
    keyring.restart()
    assert ask("get", *JOE) == (DONE, "secret", "") and ask("state") == (DONE, "", "")


def test_unlock_has_the_desktop_ask(ask, keyring):
    assert ask("unlock") == (DONE, "", "")
    keyring.lock()
    # Without a display its window cannot be shown, which is as if it had been closed.
    assert ask("unlock")[0] == LOCKED
    assert "org.gnome.keyring.SystemPrompter" in keyring.bus.text()


def test_where_there_is_no_bus_none_is_started(ask, tmp_path):
    away = {"DBUS_SESSION_BUS_ADDRESS": None, "XDG_RUNTIME_DIR": None, "DISPLAY": ":99"}
    for env in (away, {**away, "XDG_RUNTIME_DIR": str(tmp_path)}, {**away, "DBUS_SESSION_BUS_ADDRESS": "autolaunch:"},
                {**away, "DBUS_SESSION_BUS_ADDRESS": f"unix:path={tmp_path}/none"}):
        status, output, errors = ask("state", env=env)
        assert (status, output) == (ABSENT, "") and "there is no keyring" in errors


def test_the_bus_is_found_by_the_runtime_directory_too(ask):
    assert ask("state", env={"DBUS_SESSION_BUS_ADDRESS": None})[0] == DONE


@pytest.mark.parametrize("request_", [("get", *JOE), ("passfile", *JOE, *JOE), ("set", *JOE, "x"), ("clear", *JOE), ("list",), ("state",)])
def test_a_keyring_that_does_not_answer_has_its_time(ask, keyring, request_):
    keyring.stop()
    assert ask(*request_)[:2] == (LATE, "")
    keyring.cont()
    assert ask("state")[0] == DONE


def test_one_that_died_is_gone_and_the_next_one_knows_all(ask, keyring):
    ask("set", *JOE, "secret")
    keyring.kill()
    # D-Bus starts one, which nobody has unlocked.
    assert ask("get", *JOE)[:2] == (LOCKED, "")
    keyring.restart()
    assert ask("get", *JOE) == (DONE, "secret", "")


@pytest.mark.parametrize("turn", range(4))
def test_one_that_dies_while_it_is_asked_is_no_wait(pganchor, keyring, turn):
    keyring.stop()
    process = subprocess.Popen([pganchor.prefix / "libexec/pganchor/pganchor-secret"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env=keyring.environment)
    process.stdin.write(b"state\0")
    process.stdin.close()
    # Its first threads are GLib's: it has begun to ask. How far it comes until then is another each time.
    while turn > 0 and process.poll() is None and len(os.listdir(f"/proc/{process.pid}/task")) < turn:
        pass
    keyring.kill()
    assert process.wait(60) in (LOCKED, ABSENT)
    assert re.fullmatch(rb"pganchor-secret: .*\n", process.stderr.read())
    process.stdout.close()
    process.stderr.close()


def test_a_request_that_never_comes_has_its_time_too(pganchor, keyring):
    process = subprocess.Popen([pganchor.prefix / "libexec/pganchor/pganchor-secret"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env=keyring.environment)
    assert process.wait(60) == LATE
    process.communicate()


def test_no_other_program_s_items_are_ours(ask, keyring):
    attributes = ["host", "db.example.com", "port", "*", "dbname", "*", "user", "joe", "kind", "password"]
    subprocess.run(["secret-tool", "store", "--label=theirs", *attributes], input=b"theirs", check=True, timeout=60,
                   env={"PATH": "/usr/bin", "HOME": str(keyring.directory), **keyring.environment})
    assert ask("get", *JOE)[0] == NONE and ask("clear", *JOE)[0] == NONE and ask("list") == (DONE, "", "")


def test_variables_that_make_glib_talk_are_not_heard(ask):
    ask("set", *JOE, "secret")
    assert ask("get", *JOE, env={"G_DBUS_DEBUG": "all", "G_MESSAGES_DEBUG": "all"}) == (DONE, "secret", "")


def test_nobody_else_can_look_into_its_memory(pganchor, keyring):
    process = subprocess.Popen([pganchor.prefix / "libexec/pganchor/pganchor-secret"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env=keyring.environment)
    try:
        with open(f"/proc/{process.pid}/limits", encoding="ascii") as limits:
            while re.search(r"^Max core file size +(\S+)", limits.read(), re.M)[1] != "0":
                limits.seek(0)
    finally:
        process.kill()
        process.communicate()


def test_keepassxc_is_a_keyring_too(pganchor, keepassxc):
    def ask(*fields):
        done = subprocess.run([pganchor.prefix / "libexec/pganchor/pganchor-secret"], env=keepassxc.environment, timeout=60,
                              input=b"".join(field.encode() + b"\0" for field in fields), capture_output=True)
        return done.returncode, done.stdout.decode()

    assert ask("set", *JOE, "a:b")[0] == DONE and ask("set", *KEY, "other")[0] == DONE
    assert ask("get", *JOE) == (DONE, "a:b") and ask("passfile", *JOE) == (DONE, "db.example.com:*:*:joe:a\\:b\n")
    assert ask("set", *JOE, "new") == (DONE, "") and ask("get", *JOE) == (DONE, "new") and ask("get", *ANN)[0] == NONE
    assert ask("clear", *KEY)[0] == DONE and ask("list") == (DONE, "\0".join(JOE) + "\0")
    keepassxc.lock()
    for request in (("get", *JOE), ("passfile", *JOE), ("set", *JOE, "newer"), ("clear", *JOE), ("list",), ("state",), ("get", *ANN)):
        assert ask(*request)[:2] == (LOCKED, ""), request
