"""pganchor uninstall: the home is as it was found, byte by byte, and what is the user's stays."""

import hashlib
import json

import pytest

from anchoring import RENAMES
from certificates import make_root
from services import USER, add, bootstrap, service, write
from tracing import NO_LEAKS

CONFIG = ".config/pganchor"
ROOT_CRT = ".postgresql/root.crt"
BASHRC = "# mine\nalias a=b"  # without an end of its last line
SERVICES = "# my services\n[mine]\nhost=mine.example\nsslmode=verify-full\nport=5433"
OWN_ROOT, MY_OTHER_ROOT = make_root("My own root"), make_root("My other root")
BOTH = OWN_ROOT.pem + make_root("A third root").pem


def uninstall(home, *args, **kwargs):
    return home.pganchor("uninstall", *args, **kwargs)


def without_time(entries, *names):
    """The lines of pganchor enable stand in files of which nothing else is noted."""
    return {name: entry._replace(mtime_ns=None) if name in names else entry for name, entry in entries.items()}


def goes_back(home, before):
    """It does, and the dry run before it has changed nothing and said the same."""
    shells = (".bashrc", ".bash_profile")
    between = home.snapshot()
    would = uninstall(home, "--dry-run", "--json")
    assert would.returncode == 0, would.stderr
    assert home.snapshot() == between
    done = uninstall(home, "--yes", "--json")
    assert done.returncode == 0, done.stderr
    assert without_time(home.snapshot(), *shells) == without_time(before, *shells), done.stdout
    would, done = json.loads(would.stdout), json.loads(done.stdout)
    assert would.pop("dry_run") is True and done.pop("dry_run") is False
    assert would == done
    return done


def walk(home, ca):
    """All that writes into a home."""
    bootstrap(home, ca)
    assert add(home, "prod", "--host", "localhost").returncode == 0
    assert add(home, "test", "--host", "localhost", "--port", "5433").returncode == 0
    assert home.pganchor("enable", "--session", "--shell", env={"SHELL": "/bin/bash"}).returncode == 0


def test_a_new_home(home, stepca):
    walk(home, stepca)
    done = goes_back(home, {})
    assert done["kept"] == [] and done["cut_off"] == []
    again = uninstall(home, "--yes")
    assert again.returncode == 0 and "Nothing of pganchor's is in this home" in again.stdout


def test_the_timer_goes(home, stepca):
    bootstrap(home, stepca)
    done = home.pganchor("anchor", "timer", "enable", "--yes")
    assert done.returncode == 0, done.stderr
    assert (home / ".config/systemd/user/pganchor-refresh.timer").exists()
    done = uninstall(home, "--yes")
    assert done.returncode == 0, done.stderr
    assert home.snapshot() == {}, done.stdout


@pytest.fixture
def with_much(home):
    """A home with files of each kind that pganchor edits, which all have something unusual."""
    write(home, SERVICES)
    write(home, BASHRC, ".bashrc")
    write(home, "[[ -f ~/.bashrc ]] && . ~/.bashrc\n", ".bash_profile")
    write(home, "A note, and no end" + "\n" + OWN_ROOT.pem.rstrip("\n"), ROOT_CRT).chmod(0o640)
    write(home, "mode = enforce\n", f"{CONFIG}/policy.conf")
    write(home, "x = y\n", ".config/environment.d/10-mine.conf")
    (home / USER).chmod(0o644)
    (home / ".config").chmod(0o755)
    return home


def test_a_home_with_much_in_it(with_much, stepca):
    before = with_much.snapshot()
    walk(with_much, stepca)
    after = with_much.snapshot()
    assert all(after[path] != before[path] for path in (USER, ".bashrc", ROOT_CRT))
    done = goes_back(with_much, before)
    assert {step["action"] for step in done["steps"]} >= {"put back", "remove", "edit", "remove directory"}


def test_a_second_anchor_and_a_second_file_of_services(with_much, stepca, other_stepca):
    before = with_much.snapshot()
    bootstrap(with_much, stepca)
    bootstrap(with_much, other_stepca, "--name", "other", "--scoped", "--hosts", "127.0.0.1")
    elsewhere = {"PGSERVICEFILE": with_much / "elsewhere.conf"}
    assert add(with_much, "far", "--host", "localhost", env=elsewhere).returncode == 0
    goes_back(with_much, before)


def test_what_was_changed_since_is_named_and_left(home, stepca):
    walk(home, stepca)
    path = home / USER
    path.write_text(path.read_text().replace("port=5433", "port=5434"))
    with open(home / ROOT_CRT, "a", encoding="utf-8") as file:
        file.write(OWN_ROOT.pem)
    profile = home / ".config/environment.d/50-pganchor.conf"
    profile.write_text(profile.read_text().replace("LD_PRELOAD=", "LD_PRELOAD=/mine.so:"))
    done = uninstall(home, "--yes", "--json")
    assert done.returncode == 0, done.stderr
    kept = {item["what"]: item["why"] for item in json.loads(done.stdout)["kept"]}
    assert kept == {f"service test in {path}": "changed since pganchor wrote it",
                    str(profile): "somebody has changed the lines that pganchor enable wrote there"}
    assert "[test]" in path.read_text() and "[prod]" not in path.read_text()
    assert (home / ROOT_CRT).read_text() == OWN_ROOT.pem
    assert not (home / CONFIG).exists()


def test_who_is_cut_off_is_said_before(home, stepca):
    bootstrap(home, stepca)
    crt = home / CONFIG / "anchors/localhost.crt"
    write(home, f"[byhand]\nhost=localhost\nsslmode=verify-full\nsslrootcert={crt}\n\n[other]\nhost=db.example\nsslmode=verify-full\nsslrootcert=system\n")
    done = service(home, "list")
    answered = home.pganchor_tty("uninstall", answers=[("Cuts off service byhand .*(?s:.*)Type yes: $", "no")])
    assert answered.returncode == 1 and "you have not said yes" in answered.output
    assert crt.exists()
    answered = home.pganchor_tty("uninstall", answers=[("Type yes: $", "yes")])
    assert answered.returncode == 0 and "other" not in answered.output.replace("another", "")
    assert not crt.exists() and "[byhand]" in (home / USER).read_text()
    assert done.returncode in (0, 3)


def test_an_anchor_of_the_users_own_hand_stays(lived_in, stepca):
    before = lived_in.snapshot()
    bootstrap(lived_in, stepca)
    done = goes_back(lived_in, before)
    assert not any("old" in step["what"] for step in done["steps"])


@pytest.mark.parametrize("directory", ["anchors", "profiles"])
def test_what_was_begun_and_killed_goes(home, directory):
    """Before anything was noted: a lock, and a file that has not got its name."""
    (home / CONFIG / directory).mkdir(parents=True, mode=0o700)
    for name in (".pganchor.lock", ".pganchor-staged-0123456789abcdef"):
        (home / CONFIG / directory / name).write_text("")
    done = uninstall(home, "--yes")
    assert done.returncode == 0 and not (home / CONFIG).exists(), done.stdout + done.stderr


@pytest.mark.parametrize("words, again", [
    (["anchor", "add", "own.pem", "--fingerprint", OWN_ROOT.fingerprint, "--name", "own"], []),
    (["anchor", "add", "both.pem", "--all", "--fingerprint", hashlib.sha256(BOTH.encode()).hexdigest()], []),
    (["anchor", "rename", "own", "new"], ["anchor", "add", "own.pem", "--fingerprint", OWN_ROOT.fingerprint, "--name", "own"]),
    (["anchor", "remove", "own", "--yes"], ["anchor", "add", "own.pem", "--fingerprint", OWN_ROOT.fingerprint, "--name", "own"]),
], ids=lambda words: " ".join(words[:2]))
def test_what_was_killed_between_two_renames_goes(home, tmp_path, words, again):
    """The root is in root.crt before it is pinned; what was written first says that it was put there."""
    (home / ".postgresql").mkdir(mode=0o700)
    (home / ROOT_CRT).write_text(f"mine\n{MY_OTHER_ROOT.pem}")
    (home / "own.pem").write_text(OWN_ROOT.pem)
    (home / "both.pem").write_text(BOTH)
    before = without_time(home.snapshot(), ROOT_CRT, ".postgresql", ".")
    for number in range(1, 30):
        if again:
            assert home.pganchor(*again).returncode == 0
        killed = home.run(["strace", "-f", "-qq", "-o", tmp_path / "trace", "-e", f"trace={RENAMES}", "-e",
                           f"inject={RENAMES}:signal=SIGKILL:when={number}", "--", home.program.binary, *words], env=NO_LEAKS)
        done = uninstall(home, "--yes")
        assert done.returncode == 0, (number, done.stderr)
        assert without_time(home.snapshot(), ROOT_CRT, ".postgresql", ".") == before, (number, done.stdout)
        if killed.returncode == 0:
            break
        assert killed.returncode == -9, (number, killed.stderr)
    assert killed.returncode == 0 and number > 2, number


def test_a_root_that_nothing_records_is_left_and_told(home):
    """Such as one of a root.crt that came from another machine."""
    (home / ".postgresql").mkdir(mode=0o700)
    (home / ROOT_CRT).write_text(f"mine\n# pganchor anchor other\n{OWN_ROOT.pem}")
    before = home.snapshot()
    done = uninstall(home, "--yes", "--json")
    assert done.returncode == 0 and home.snapshot() == before, done.stderr
    [kept] = json.loads(done.stdout)["kept"]
    assert OWN_ROOT.fingerprint in kept["what"] and str(home / ROOT_CRT) in kept["what"] and "nothing records" in kept["why"]
    assert "Nothing of pganchor's" not in uninstall(home, "--yes").stdout


def test_an_own_file_that_a_service_names_is_the_users(home, tmp_path):
    """The anchor that made it is long gone."""
    root = OWN_ROOT.write_root(tmp_path / "own.crt")
    assert home.pganchor("bootstrap", root, "--fingerprint", OWN_ROOT.fingerprint, "--name", "mine").returncode == 0
    own = home / ".config/pganchor/anchors/mine.crt"
    assert own.exists() and home.pganchor("anchor", "remove", "mine", "--yes").returncode == 0 and not own.exists()
    own.parent.mkdir(parents=True, exist_ok=True)
    own.write_text(OWN_ROOT.pem)
    (home / ".pg_service.conf").write_text(f"[prod]\nhost=localhost\nsslmode=verify-full\nsslrootcert={own}\n")
    done = uninstall(home, "--yes")
    assert done.returncode == 0 and own.read_text() == OWN_ROOT.pem and str(own.name) in done.stdout, (done.stdout, done.stderr)


def test_without_a_terminal_it_wants_yes(home, stepca):
    bootstrap(home, stepca)
    before = home.snapshot()
    done = uninstall(home)
    assert done.returncode == 2 and "--yes" in done.stderr
    assert home.snapshot() == before


def test_the_machines_files_are_not_put_back(home):
    done = uninstall(home, "--system", "--yes")
    assert done.returncode == 1 and "nothing was changed" in done.stderr and "anchor remove --system" in done.stderr


def test_what_cannot_be_read_is_told_before_anything_is_done(home, stepca):
    walk(home, stepca)
    (home / ".bashrc").unlink()
    (home / ".bashrc").mkdir()
    before = home.snapshot()
    done = uninstall(home, "--yes")
    assert done.returncode == 1 and ".bashrc" in done.stderr
    assert home.snapshot() == before
