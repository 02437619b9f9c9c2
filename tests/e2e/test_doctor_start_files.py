"""Doctor reads the files that set the environment of what is started later, runs none of them, and --fix changes a value in them and
nothing else."""

import pytest

import services
from doctors import command, found, mend, one
from services import write

# Each with a line that weakens, and as --fix leaves it.
FILES = [
    (".bashrc", "export PGSSLMODE=require", "export PGSSLMODE=verify-full"),
    (".bashrc", "  PGSSLMODE='allow' ; export PGSSLMODE", "  PGSSLMODE='verify-full' ; export PGSSLMODE"),
    (".bash_profile", 'export PGHOST=a PGSSLMODE="prefer" PGPORT=1', 'export PGHOST=a PGSSLMODE="verify-full" PGPORT=1'),
    (".profile", "if true; then export PGREQUIRESSL=1; fi", "if true; then export PGREQUIRESSL=0; fi"),
    (".zshenv", "export PGGSSENCMODE=prefer", "export PGGSSENCMODE=disable"),
    (".zshrc", "alias p='PGSSLMODE=disable psql'", "alias p='PGSSLMODE=verify-full psql'"),
    (".bash_aliases", "export SSLKEYLOGFILE=/tmp/keys", "export SSLKEYLOGFILE="),
    (".config/fish/config.fish", "set -gx PGSSLMODE require", "set -gx PGSSLMODE verify-full"),
    (".config/fish/conf.d/db.fish", "set -x PGSSLMODE 'require'", "set -x PGSSLMODE 'verify-full'"),
    (".pam_environment", "PGSSLMODE DEFAULT=require", "PGSSLMODE DEFAULT=verify-full"),
    (".config/environment.d/db.conf", "PGSSLMODE=require", "PGSSLMODE=verify-full"),
    (".config/systemd/user/app.service", '[Service]\nEnvironment="PGSSLMODE=require" A=b', '[Service]\nEnvironment="PGSSLMODE=verify-full" A=b'),
    (".config/systemd/user/app.service.d/x.conf", "[Service]\nEnvironment=PGOAUTHDEBUG=UNSAFE", "[Service]\nEnvironment=PGOAUTHDEBUG="),
]


@pytest.mark.parametrize("name, before, after", FILES)
def test_a_file_that_weakens(home, name, before, after):
    path = write(home, f"# PGSSLMODE=require\n{before}\nlast line without an end", name)
    path.chmod(0o640)
    finding = one(home, "start-file-weakens")
    assert finding["object"].startswith(f"{path}:") and finding["severity"] == "error" and finding["fixable"]
    assert "line 2" in finding["message"] or "line 3" in finding["message"]
    # Without a terminal, the command wants its consent in words.
    assert home.run(["sh", "-c", command(finding)]).returncode == 2
    done = home.run(["sh", "-c", f"{command(finding)} --yes"])
    assert done.returncode in (0, 3) and f"in {path}" in done.stdout, done.stderr
    assert path.read_text() == f"# PGSSLMODE=require\n{after}\nlast line without an end" and path.stat().st_mode & 0o777 == 0o640
    assert found(home, "start-file-weakens") == []


@pytest.mark.parametrize("text", [
    "# export PGSSLMODE=require", "echo $PGSSLMODE", "unset PGSSLMODE", "export PGSSLMODE", "MYPGSSLMODE=require", "export PGSSLMODE=$MODE",
    "export PGSSLMODE=verify-full", "PGSSLMODE=`mode`", "export PGSSLMODE=", "export PGSSLMODES=require", "export PGPASSWORD=$(pass show db)", ""])
def test_lines_that_do_no_harm(home, text):
    write(home, text, ".bashrc")
    assert [finding for name in ("start-file-weakens", "start-file-password") for finding in found(home, name)] == []


def test_every_byte_else_stays(home):
    text = b"\xff\xfe\r\nexport PGSSLMODE=require\r\n\r\nexport PGSSLMODE=prefer PGSSLMODE=verify-full\r\n\x1b"
    path = write(home, text, ".bashrc")
    assert home.pganchor("doctor", "--fix", "--yes", f"start-file-weakens:{path}:PGSSLMODE").returncode in (0, 3)
    assert path.read_bytes() == text.replace(b"=require", b"=verify-full").replace(b"=prefer", b"=verify-full")


def test_a_file_with_nul_bytes_is_left_alone(home):
    path = write(home, b"export PGSSLMODE=require\n\0export A=b\n", ".bashrc")
    done = home.pganchor("doctor", "--fix", "--yes", "start-file-weakens")
    assert done.returncode == 1 and "NUL bytes" in done.stdout and path.read_bytes() == b"export PGSSLMODE=require\n\0export A=b\n"


def test_no_file_is_run(home):
    write(home, f"touch {home.path}/ran\nexport PGSSLMODE=require\n", ".bashrc")
    assert len(found(home, "start-file-weakens")) == 1 and not (home / "ran").exists()


def test_a_password_in_a_file(home):
    path = write(home, "A=b\nexport PGPASSWORD='hunter2'\n", ".bashrc")
    finding = one(home, "start-file-password", f"{path}:PGPASSWORD")
    assert "hunter2" not in home.pganchor("doctor").stdout
    mend(home, finding)
    assert path.read_text() == "A=b\n" and found(home, "start-file-password") == []


def test_a_variable_that_leads_elsewhere(home):
    write(home, "export PGSERVICEFILE=/tmp/other\n", ".bashrc")
    finding = one(home, "start-file-changes")
    assert finding["severity"] == "note" and "PGSERVICEFILE=/tmp/other" in finding["message"]


def test_a_file_that_cannot_be_read_is_told(home):
    (home / ".zshrc").mkdir()
    write(home, "export PGSSLMODE=require\n", ".bashrc")
    assert one(home, "check-failed")["object"] == str(home / ".zshrc") and len(found(home, "start-file-weakens")) == 1


def test_the_home_is_shown_as_a_tilde_and_taken_so(home):
    """Of somebody whose home it is by the user database, too: a shell finds the file by that name."""
    path = write(home, "export PGSSLMODE=require\n", ".bashrc")
    done = home.pganchor("doctor", "--fix", "--yes", f"start-file-weakens:{path}:PGSSLMODE", env=services.environment(home))
    assert done.returncode in (0, 3) and "verify-full" in path.read_text()
