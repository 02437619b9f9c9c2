"""pganchor doctor --fix: shown before it is done, done once it is agreed to, and what cannot be done is said."""

import json

import services
from doctors import examine, found
from services import write


def hazards(home):
    key = write(home, "key\n", ".postgresql/postgresql.key")
    key.chmod(0o644)
    start = write(home, "export PGSSLMODE=require\n", ".bashrc")
    return key, start


def test_a_dry_run_changes_nothing(home):
    key, start = hazards(home)
    before = home.snapshot()
    done = home.pganchor("doctor", "--fix", "--dry-run")
    assert done.returncode == 0 and home.snapshot() == before
    assert f"would set the mode of {key} to 0600 (it is 0644)\n" in done.stdout and f"would write PGSSLMODE=verify-full in {start}\n" in done.stdout
    told = json.loads(home.pganchor("doctor", "--fix", "-n", "--json").stdout)
    assert told["dry_run"] is True and {fix["finding"] for fix in told["fixes"]} >= {f"key-open:{key}", f"start-file-weakens:{start}:PGSSLMODE"}
    assert home.snapshot() == before


def test_without_a_terminal_nothing_is_done(home):
    hazards(home)
    before = home.snapshot()
    done = home.pganchor("doctor", "--fix")
    assert done.returncode == 2 and "--yes" in done.stderr and home.snapshot() == before


def test_a_question_on_the_terminal(home):
    key, start = hazards(home)
    before = home.snapshot()
    done = home.pganchor_tty("doctor", "--fix", answers=[("Type yes: ", "no")])
    assert done.returncode == 1 and "nothing was changed" in done.output and home.snapshot() == before
    assert done.output.index("set the mode of") < done.output.index("Type yes")
    done = home.pganchor_tty("doctor", "--fix", answers=[("Type yes: ", "yes")])
    assert key.stat().st_mode & 0o777 == 0o600 and "verify-full" in start.read_text()
    assert "done: set the mode of" in done.output


def test_one_that_is_named_alone(home):
    key, start = hazards(home)
    home.pganchor("doctor", "--fix", "--yes", "key-open")
    assert key.stat().st_mode & 0o777 == 0o600 and "require" in start.read_text()


def test_all_of_them_and_what_is_left_is_shown(home):
    key, start = hazards(home)
    write(home, "PGPASSWORD=x\n", ".profile")
    report, status = examine(home, "--fix", "--yes")
    assert status in (0, 3) and [fix["error"] for fix in report["fixes"]] == [None] * len(report["fixes"]) and report["dry_run"] is False
    left = {finding["id"] for finding in report["findings"]}
    assert "start-file-password" in left and not left & {"key-open", "start-file-weakens"}
    done = home.pganchor("doctor", "--fix", "--yes")
    assert "There is nothing that --fix can mend.\n" in done.stdout


def test_names_that_are_none_or_cannot_be_mended(home):
    hazards(home)
    write(home, "PGPASSWORD=x\n", ".profile")
    for name, said in (("nonsense", "no such finding"), ("key-open:/elsewhere", "no such finding"), ("start-file-password", "cannot mend")):
        done = home.pganchor("doctor", "--fix", "--yes", "key-open", name)
        assert done.returncode == 2 and said in done.stderr and (home / ".postgresql/postgresql.key").stat().st_mode & 0o777 == 0o644


def test_what_cannot_be_mended_is_said_and_the_rest_is_done(home, recording_server):
    key, _ = hazards(home)
    server = recording_server(ssl_answer=b"N")
    write(home, f"[prod]\nhost=localhost\nport={server.port}\nsslmode=require\n")
    before = (home / services.USER).read_bytes()
    done = home.pganchor("doctor", "--fix", "--yes", env=services.environment(home))
    assert done.returncode == 1 and "not fixed: service-weak:prod: " in done.stdout and "done: set the mode of" in done.stdout
    # What has just failed is not promised once more.
    assert "[service-weak:prod]" in done.stdout and "pganchor doctor --fix mends" not in done.stdout, done.stdout
    assert (home / services.USER).read_bytes() == before and key.stat().st_mode & 0o777 == 0o600
    server.finish()


def test_what_cannot_be_written_is_said(home):
    _, start = hazards(home)
    before = home.snapshot()
    done = home.pganchor("doctor", "--fix", "--yes", "start-file-weakens", full_disk=True)
    assert done.returncode == 1 and "not fixed: start-file-weakens" in done.stdout
    assert start.read_bytes() == before[".bashrc"].content


def test_what_was_accepted_is_left_unless_it_is_named(home):
    key, _ = hazards(home)
    assert home.pganchor("doctor", "--accept", "key-open", "--reason", "a test").returncode == 0
    home.pganchor("doctor", "--fix", "--yes")
    assert key.stat().st_mode & 0o777 == 0o644
    home.pganchor("doctor", "--fix", "--yes", "key-open")
    assert key.stat().st_mode & 0o777 == 0o600


def test_a_key_that_is_somebody_elses_is_left(home):
    """The mode of a link's target is changed where that is the user's own."""
    target = write(home, "key\n", "keys/real")
    target.chmod(0o644)
    (home / ".postgresql").mkdir()
    (home / ".postgresql/postgresql.key").symlink_to(target)
    assert home.pganchor("doctor", "--fix", "--yes", "key-open").returncode in (0, 3)
    assert target.stat().st_mode & 0o777 == 0o600 and found(home, "key-open") == []
