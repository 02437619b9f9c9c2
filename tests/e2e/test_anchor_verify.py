"""pganchor anchor verify, on a real keyring: what somebody has changed in anchors.conf is told, and what bootstrap changes is followed."""

import json
import os
import re

import pytest

from bootstrapping import CONF, ROOT_CRT
from certificates import make_root
from hostile import stepca_answers
from keyring import PASSWORD
from tracing import NO_LEAKS

ONE, TWO = make_root("One root"), make_root("Two root")
EVIL = "e1" * 32
AWAY = {"DBUS_SESSION_BUS_ADDRESS": None, "XDG_RUNTIME_DIR": None}
KEPT = "the keyring keeps a copy of {} anchor{}\n"


def section(name, root, hosts="*.example.com", scope="root.crt"):
    pin = root if isinstance(root, str) else root.fingerprint
    return f"[{name}]\nsource = https://ca.example.com\nhosts = {hosts}\nscope = {scope}\npin = {pin}\n"


@pytest.fixture
def user(home, keyring):
    """user(words..., env=) -> what pganchor says; .verify(words...) of `anchor verify`; .write(sections...) anchors.conf. The
    anchors one, in root.crt, and two, which is scoped, are pinned, and their roots where they belong."""
    def run(*words, env=None, **kwargs):
        return home.pganchor(*words, env={**keyring.environment, **(env or {})}, **kwargs)

    def write(*sections):
        (home / CONF).write_text("".join(sections))

    run.home, run.keyring, run.write = home, keyring, write
    run.verify = lambda *words, **kwargs: run("anchor", "verify", *words, **kwargs)
    (home / ".config/pganchor/anchors").mkdir(parents=True, mode=0o700)
    for name, root in (("one", ONE), ("two", TWO)):
        (home / f".config/pganchor/anchors/{name}.crt").write_text(root.pem)
    (home / ".postgresql").mkdir(mode=0o700)
    (home / ROOT_CRT).write_text(ONE.pem)
    write(section("one", ONE), section("two", TWO, "db.example.net", "scoped"))
    return run


@pytest.fixture
def kept(user):
    """The same, once the keyring has a copy."""
    assert does(user.verify("--keep", "--yes")).endswith(KEPT.format(2, "s"))
    return user


def does(done):
    assert done.returncode == 0, done.stderr
    return done.stdout


def fails(done, *words, status=1):
    assert done.returncode == status, (done.stdout, done.stderr)
    for word in words:
        assert word in done.stderr, done.stderr
    return done.stdout


def test_without_a_copy_it_says_how_to_make_one(user):
    before = user.home.snapshot()
    assert fails(user.verify(), "the keyring has no copy of the pins\n", '"pganchor anchor verify --keep"') == ""
    assert json.loads(fails(user.verify("--json"), "no copy"))["copy"] == "none"
    assert user.home.snapshot() == before


def test_what_is_kept_is_verified(user):
    done = user.verify("--keep", "--yes")
    assert does(done) == (f"one: not in the keyring: pin {ONE.fingerprint}, hosts *.example.com, scope root.crt\n"
                          f"two: not in the keyring: pin {TWO.fingerprint}, hosts db.example.net, scope scoped\n"
                          + KEPT.format(2, "s")) and done.stderr == ""
    done = user.verify()
    assert does(done) == "2 anchors are as the keyring has them\n" and done.stderr == ""
    assert does(user.verify("--keep", "--yes")) == "2 anchors are as the keyring has them\n"
    report = json.loads(does(user.verify("--json")))
    assert report == {"file": str(user.home / CONF), "copy": "kept", "stored": False, "differences": [], "missing_roots": [],
                      "warnings": [], "anchors": [
                          {"anchor": "one", "pin": ONE.fingerprint, "hosts": "*.example.com", "scope": "root.crt"},
                          {"anchor": "two", "pin": TWO.fingerprint, "hosts": "db.example.net", "scope": "scoped"}]}
    # It has nothing to do with the session in which it was made.
    user.keyring.restart(PASSWORD)
    assert does(user.verify()) == "2 anchors are as the keyring has them\n"


ONE_PIN, TWO_PIN = ONE.fingerprint, TWO.fingerprint


@pytest.mark.parametrize("sections, lines, changes", [
    ([section("one", EVIL), section("two", TWO, "db.example.net", "scoped")],
     [f"one: the pin is {EVIL}, and {ONE_PIN} in the keyring"], {("one", "pin")}),
    ([section("one", ONE, "*"), section("two", TWO, "db.example.net", "scoped")],
     ["one: the hosts are *, more than *.example.com in the keyring"], {("one", "more hosts")}),
    ([section("one", ONE, "a.example.com b.c.example.com"), section("two", TWO, "db.example.net", "scoped")],
     ["one: the hosts are a.example.com b.c.example.com, fewer than *.example.com in the keyring"], {("one", "fewer hosts")}),
    ([section("one", ONE, "*.example.com"), section("two", TWO, "db.example.net.evil.example", "scoped")],
     ["two: the hosts are db.example.net.evil.example, and db.example.net in the keyring"], {("two", "other hosts")}),
    ([section("one", ONE)],
     [f"two: in the keyring alone: pin {TWO_PIN}, hosts db.example.net, scope scoped"], {("two", "gone")}),
    ([section("one", ONE), section("two", TWO, "db.example.net", "scoped"), section("evil", EVIL, "*")],
     [f"evil: not in the keyring: pin {EVIL}, hosts *, scope root.crt"], {("evil", "added")}),
    ([section("one", ONE, scope="scoped"), section("two", TWO, "db.example.net", "scoped")],
     ["one: the scope is scoped, and root.crt in the keyring"], {("one", "scope")}),
    ([section("one", TWO), section("two", ONE, "db.example.net", "scoped")],
     [f"one: the pin is {TWO_PIN}, and {ONE_PIN} in the keyring", f"two: the pin is {ONE_PIN}, and {TWO_PIN} in the keyring"],
     {("one", "pin"), ("two", "pin")}),
], ids=["pin", "more hosts", "fewer hosts", "other hosts", "gone", "added", "scope", "two"])
def test_each_change_is_told_with_both_values(kept, sections, lines, changes):
    kept.write(*sections)
    done = kept.verify()
    said = fails(done, f"{CONF}: not as the keyring has it: {len(lines)} difference", '"pganchor anchor verify --keep"')
    assert [line for line in said.splitlines() if " its root is not in " not in line and not line.startswith("    ")] == lines
    ways_back = re.findall(r"\n    (?:pganchor bootstrap --ca-url |if it is not yours, take out lines )", said)
    assert len(ways_back) >= len(changes)
    report = json.loads(fails(kept.verify("--json")))
    assert {(one["anchor"], one["change"]) for one in report["differences"]} == changes
    assert does(kept.verify("--keep", "--yes")).splitlines()[:len(lines)] == lines
    assert json.loads(kept.verify("--json").stdout)["differences"] == []


def test_a_file_that_is_gone_or_damaged_is_noticed(kept):
    (kept.home / CONF).write_text("[one]\nhosts = *\n")
    fails(kept.verify(), "anchors.conf, line 1")
    (kept.home / CONF).unlink()
    said = fails(kept.verify(), "2 differences")
    assert said.count("in the keyring alone") == 2


def test_what_means_the_same_is_no_difference(kept):
    kept.write("# a note\n", section("two", TWO, "DB.example.net,db.example.net", "scoped").replace("source = ", "source = https://x"),
               section("one", ONE, "a.example.com *.EXAMPLE.com"))
    assert does(kept.verify()) == "2 anchors are as the keyring has them\n"


def test_the_roots_have_to_be_where_they_were_installed(kept):
    anchors = kept.home / ".config/pganchor/anchors"
    (kept.home / ROOT_CRT).write_text(TWO.pem)
    (anchors / "two.crt").write_text(ONE.pem)
    (anchors / "one.crt").unlink()
    said = fails(kept.verify(), "a root is not where it was installed", "the command that is shown brings it back")
    assert said.splitlines() == [f"one: its root is not in {anchors / 'one.crt'}",
                                 f"one: its root is not in {kept.home / ROOT_CRT}",
                                 f"    pganchor bootstrap --ca-url https://ca.example.com --fingerprint {ONE_PIN} --name one",
                                 f"two: its root is not in {anchors / 'two.crt'}",
                                 f"    pganchor bootstrap --ca-url https://ca.example.com --fingerprint {TWO_PIN} --name two",
                                 "2 anchors are as the keyring has them"]
    report = json.loads(fails(kept.verify("--json")))
    assert [(one["anchor"], os.path.basename(one["path"])) for one in report["missing_roots"]] == [
        ("one", "one.crt"), ("one", "root.crt"), ("two", "two.crt")]


def tty(user, *words, **kwargs):
    return user.home.pganchor_tty("anchor", "verify", *words, env=user.keyring.environment, **kwargs)


def test_keep_shows_what_changes_and_asks(kept):
    kept.write(section("one", EVIL))
    question = r"Type yes: $"
    for answer in ("no", "", "y", "yes!"):
        done = tty(kept, "--keep", answers=[(question, answer)])
        assert done.returncode == 1 and "you have not said yes" in done.output
        assert f"one: the pin is {EVIL}, and {ONE.fingerprint} in the keyring" in done.output
        assert "two: in the keyring alone" in done.output
    fails(kept.verify(), "2 differences")
    fails(kept.verify("--keep"), "could not ask on the terminal", "--yes")
    fails(kept.verify(), "2 differences")
    done = tty(kept, "--keep", answers=[(question, "yes")])
    assert done.returncode == 0 and done.output.endswith(KEPT.format(1, ""))
    assert "differences" not in kept.verify().stderr
    fails(kept.verify("--yes"), "--yes goes with --keep alone", status=2)


def test_there_may_be_nothing_to_keep(user):
    (user.home / CONF).unlink()
    fails(user.verify("--keep", "--yes"), "there is nothing to keep")
    user.write(section("one", ONE))
    does(user.verify("--keep", "--yes"))
    (user.home / CONF).unlink()
    fails(user.verify("--keep", "--yes"), "no anchor of the user's is pinned now, and the copy has 1: not kept", "--yes --empty")
    done = tty(user, "--keep", answers=[("No anchor is pinned now.* none of those that it has\\? Type yes: ", "no")])
    assert done.returncode == 1 and "you have not said yes" in done.output
    fails(user.verify(), "1 difference")
    fails(user.verify("--keep", "--empty"), "--empty goes with --keep --yes alone", status=2)
    assert does(user.verify("--keep", "--yes", "--empty")).endswith(KEPT.format(0, "s"))
    assert does(user.verify()) == "0 anchors are as the keyring has them\n"


def test_the_copy_can_be_forgotten(kept):
    does(kept("password", "set", "db.example.com", "-U", "joe", input="x\n"))
    fails(kept.verify("--keep", "--forget"), "one of them", status=2)
    assert does(kept.verify("--forget")) == "the keyring has no copy of the pins any more\n"
    fails(kept.verify(), "the keyring has no copy of the pins\n")
    fails(kept.verify("--forget"), "the keyring has no copy of the pins\n")
    assert does(kept("password", "get", "db.example.com")) == "x\n"
    does(kept.verify("--keep", "--yes"))
    assert json.loads(does(kept.verify("--forget", "--json")))["copy"] == "none"


def test_what_it_says_to_type_brings_back_what_the_keyring_has(user, https_ca):
    ca = https_ca(stepca_answers(ONE), authority=ONE)

    def pinned(pin, hosts, scope="root.crt"):
        return section("one", pin, hosts, scope).replace("https://ca.example.com", ca.url)

    def paste(said):
        commands = [line.strip() for line in said.splitlines() if line.startswith("    pganchor bootstrap ")]
        assert len(commands) == 1, said
        does(user.home.run(["sh", "-c", f"{user.home.program.binary}{commands[0].removeprefix('pganchor')}"], env=user.keyring.environment))

    user.write(pinned(ONE, "*.a.example.com *.example.net"))
    does(user.verify("--keep", "--yes"))
    evil = section("evil", EVIL, "*")
    for changed in (pinned(ONE, "*"), pinned(EVIL, "*", "scoped"), pinned(TWO, "db.example.org")):
        user.write(changed)
        paste(fails(user.verify(), "as the keyring has it"))
        assert does(user.verify()) == "1 anchor is as the keyring has it\n"
    (user.home / ROOT_CRT).unlink()
    paste(fails(user.verify(), "a root is not where it was installed"))
    whole = (user.home / CONF).read_text()
    user.write("# mine\n", evil, "\n# a note on one\n", whole)
    assert f"\n    if it is not yours, take out lines 2 to 6 of {user.home / CONF}\n" in fails(user.verify(), "1 difference")
    (user.home / CONF).unlink()
    said = fails(user.verify(), "URL: its CA's address")
    assert f"\n    pganchor bootstrap --ca-url URL --fingerprint {ONE_PIN} --name one --hosts '*.a.example.com *.example.net' --replace\n" in said


def test_the_copy_does_not_follow_what_is_wider_than_it_says(kept, bootstrap):
    two = section("two", TWO, "db.example.net", "scoped")
    for sections in ([two], [section("one", EVIL, "*"), two]):
        kept.write(*sections)
        done = bootstrap(ONE, "--name", "one", "--replace")
        assert does(done) and "one is valid for hosts now that the keyring does not have it for" in done.stderr
        assert '"pganchor anchor verify" shows' in done.stderr
        assert fails(kept.verify(), "1 difference").startswith("one: the hosts are *, more than *.example.com in the keyring\n")
    assert bootstrap(ONE, "--name", "one", "--replace", "--hosts", "db.example.com").stderr == ""
    assert does(kept.verify()) == "2 anchors are as the keyring has them\n"


def test_many_are_kept_whole(user):
    user.write(*(section(f"a{number}", f"{number:064x}", f"*.d{number}.example.com db{number}.example.net", "scoped")
                 for number in range(120)))
    does(user.verify("--keep", "--yes"))
    assert json.loads(user.verify("--json").stdout)["differences"] == []


def test_each_file_has_a_copy_of_its_own(kept):
    other = {"XDG_CONFIG_HOME": str(kept.home / "other")}
    fails(kept.verify(env=other), "no copy")
    assert does(kept.verify())


def test_the_passwords_do_not_stumble_over_it(kept):
    name = ["password", "set", "db.example.com", "-U", "joe"]
    assert "no password is kept" in does(kept("password", "list"))
    assert json.loads(does(kept("password", "list", "--json")))["passwords"] == []
    fails(kept("password", "export"), "no password is kept")
    assert does(kept(*name, input="x\n")) and "pins" not in does(kept("password", "list"))
    (kept.home / ".pgpass").write_text("two.example.com:*:*:joe:two\n")
    (kept.home / ".pgpass").chmod(0o600)
    assert "moved line 1" in does(kept("password", "import"))
    assert does(kept("password", "export")).count("\n") == 2
    does(kept("password", "clear", "db.example.com"))
    fails(kept("password", "clear", "--key", CONF), "nothing is kept")
    assert does(kept.verify()) == "2 anchors are as the keyring has them\n"
    index = kept.home / ".config/pganchor/passwords.conf"
    index.write_text(f'pins file="{kept.home / CONF}"\n')
    fails(kept("password", "list"), "passwords.conf, line 1")


@pytest.mark.parametrize("how", ["empty", "cut", "more", "nonsense"])
def test_a_copy_that_is_none_is_told_of(kept, how):
    def ask(request):
        helper = kept.home.program.prefix / "libexec/pganchor/pganchor-secret"
        return does(kept.home.run([helper], env=kept.keyring.environment, input=request))

    line = ask(f"get\0pins\0{kept.home / CONF}\0")
    assert line.startswith('pins version="1" anchors="2" name="one" pin="')
    broken = {"empty": "", "cut": line[:line.index(' name="two"')], "more": line + ' name="a"', "nonsense": "nonsense"}[how]
    ask(f"set\0pins\0{kept.home / CONF}\0{broken}\0")
    fails(kept.verify(), "cannot be read", '"pganchor anchor verify --keep" makes a new one')
    assert json.loads(fails(kept.verify("--json")))["copy"] == "unreadable"
    assert does(kept.verify("--keep", "--yes")).endswith(KEPT.format(2, "s")) and does(kept.verify())


def test_a_keyring_that_cannot_be_asked_is_told_of_as_for_passwords(kept):
    kept.keyring.lock()
    for words in ([], ["--keep", "--yes"], ["--json"]):
        assert fails(kept.verify(*words), "the keyring is locked", "pganchor password unlock") == ""
    assert "Prompt" not in kept.keyring.bus.text()
    fails(kept.verify(env=AWAY), "there is no keyring: this session has no bus", "run this in the desktop's session")
    kept.keyring.stop()
    fails(kept.verify(), "has not answered in time")
    kept.keyring.cont()


@pytest.fixture
def bootstrap(user, https_ca):
    """bootstrap(root, *args) of a CA with this root."""
    def run(root, *args, **kwargs):
        ca = https_ca(stepca_answers(root), authority=root)
        return user("bootstrap", "--ca-url", ca.url, "--fingerprint", root.fingerprint, *args, **kwargs)

    return run


NEW = make_root("New root")


def test_bootstrap_brings_the_copy_up_to_date(kept, bootstrap):
    done = bootstrap(NEW, "--name", "new", "--hosts", "*.new.example.com")
    assert does(done) and "keyring" not in done.stdout + done.stderr and does(kept.verify()) == "3 anchors are as the keyring has them\n"
    does(bootstrap(NEW, "--hosts", "db.new.example.com", "--scoped", "--replace"))
    assert does(kept.verify()) == "3 anchors are as the keyring has them\n"
    does(bootstrap(make_root("Newer root"), "--name", "new", "--replace"))
    assert does(kept.verify()) == "3 anchors are as the keyring has them\n"
    before = kept.home.snapshot()
    does(bootstrap(make_root("Not pinned"), "--name", "newest", "--dry-run"))
    assert kept.home.snapshot() == before and does(kept.verify())


def test_what_was_pinned_too_is_followed(kept, bootstrap):
    (kept.home / ROOT_CRT).write_text(ONE.pem + make_root("Older root").pem)
    does(bootstrap(NEW, "--name", "new", "--pin-existing"))
    assert does(kept.verify()) == "4 anchors are as the keyring has them\n"
    (kept.home / ROOT_CRT).write_text((kept.home / ROOT_CRT).read_text() + make_root("Oldest root").pem)
    does(kept("bootstrap", "--pin-existing", "--yes"))
    assert does(kept.verify()) == "5 anchors are as the keyring has them\n"


def test_bootstrap_hides_no_change_of_somebody_else_s(kept, bootstrap):
    kept.write(section("one", EVIL, "*"), section("two", TWO, "db.example.net", "scoped"), section("evil", "e2" * 32, "*"))
    does(bootstrap(NEW, "--name", "new"))
    said = fails(kept.verify(), "3 differences")
    assert f"one: the pin is {EVIL}, and" in said and "one: the hosts are *, more than" in said and "evil: not in" in said
    # The right root again, by its fingerprint: what else was changed is still told.
    does(bootstrap(ONE, "--name", "one", "--replace"))
    said = fails(kept.verify(), "2 differences")
    assert "one: the pin" not in said and "one: the hosts are *, more than *.example.com in the keyring" in said
    does(bootstrap(ONE, "--name", "one", "--replace", "--hosts", "*.example.com"))
    assert fails(kept.verify(), "1 difference").startswith("evil: not in the keyring")


def test_bootstrap_neither_asks_nor_fails_for_the_copy(kept, bootstrap):
    kept.keyring.lock()
    done = bootstrap(NEW, "--name", "new", "--json")
    assert does(done) and re.search('the keyring is locked: the copy .* is older now; .*"pganchor anchor verify --keep"', done.stderr)
    assert any("pganchor anchor verify --keep" in warning for warning in json.loads(done.stdout)["warnings"])
    assert "Prompt" not in kept.keyring.bus.text()
    # What changes nothing makes it no older.
    assert "keyring" not in bootstrap(NEW, "--name", "new").stderr
    kept.keyring.restart(PASSWORD)
    assert fails(kept.verify(), "1 difference").startswith("new: not in the keyring")
    kept.keyring.stop()
    done = bootstrap(make_root("Other root"), "--name", "other")
    assert does(done) and re.search("has not answered in time: the copy .* is older now", done.stderr)
    kept.keyring.cont()


def test_without_a_copy_bootstrap_says_nothing_and_makes_none(user, bootstrap):
    done = bootstrap(NEW, "--name", "new")
    assert does(done) and "keyring" not in done.stdout + done.stderr
    fails(user.verify(), "no copy")


@pytest.mark.parametrize("env, inject", [
    (AWAY, []), ({**AWAY, "XDG_RUNTIME_DIR": "/nowhere"}, []), ({"DBUS_SESSION_BUS_ADDRESS": "autolaunch:"}, []),
    ({}, ["-e", "inject=access,faccessat,faccessat2:error=ENOENT"]),
], ids=["no bus", "no socket", "autolaunch", "no pganchor-secret"])
def test_where_no_keyring_can_be_asked_bootstrap_starts_nothing(kept, https_ca, env, inject):
    ca = https_ca(stepca_answers(NEW), authority=NEW)
    log = kept.home / "trace"
    done = kept.home.run(["strace", "-f", "-qq", "-o", log, "-e", "trace=execve,access,faccessat,faccessat2", *inject, "--",
                          kept.home.program.binary, "bootstrap", "--ca-url", ca.url, "--fingerprint", NEW.fingerprint,
                          "--name", "new"], env={**kept.keyring.environment, **NO_LEAKS, **env})
    assert does(done) and "keyring" not in done.stderr and log.read_text().count("execve(") == 1
    assert fails(kept.verify(), "1 difference").startswith("new: not in the keyring")


def test_keepassxc_keeps_a_copy_too(user, keepassxc, bootstrap):
    env = keepassxc.environment
    assert does(user.verify("--keep", "--yes", env=env)).endswith(KEPT.format(2, "s"))
    fails(user.verify(), "no copy")
    assert does(user.verify(env=env)) == "2 anchors are as the keyring has them\n"
    does(bootstrap(NEW, "--name", "new", env=env))
    assert does(user.verify(env=env)) == "3 anchors are as the keyring has them\n"
    user.write(section("one", EVIL))
    fails(user.verify(env=env), "3 differences")
    does(user.verify("--keep", "--yes", env=env))
    keepassxc.lock()
    fails(user.verify(env=env), "the keyring is locked")
    done = bootstrap(make_root("Other root"), "--name", "other", env=env)
    assert does(done) and "the keyring is locked: the copy" in done.stderr
