"""packaging/quickstart.sh: the whole job shown on real parts, and nothing left of it."""

import os
import pwd
import re
import signal
import subprocess
import tempfile
from pathlib import Path

import psycopg2
import psycopg2.errors
import pytest

pytestmark = pytest.mark.plain_build

QUICKSTART = Path(__file__).resolve().parent.parent.parent / "packaging" / "quickstart.sh"
SECONDS = 600


@pytest.fixture
def temporary(session_directory):
    """TMPDIR of the script: what it leaves there is what it leaves. Its servers run as another user when we are root."""
    directory = Path(tempfile.mkdtemp(prefix="quickstart-", dir=session_directory))
    directory.chmod(0o711)
    return directory


@pytest.fixture
def environment(tmp_path, temporary):
    home = tmp_path / "home"
    home.mkdir()
    cache = {name: os.environ[name] for name in ("PGANCHOR_TEST_CACHE", "CCACHE_DIR") if name in os.environ}
    return {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(temporary), "LC_ALL": "C.UTF-8", **cache,
            # A user's own settings have no part in it.
            "PGSSLMODE": "disable", "PGHOST": "nowhere.invalid", "PGSERVICE": "nothing", "XDG_CONFIG_HOME": "/nonexistent"}


@pytest.fixture
def installed(pganchor):
    """The words that have it build none: one build shows that the script can. The policy of what is installed is the prefix's, which
    other tests write: a test that has this is not one of own_builds."""
    return ["--with", pganchor.prefix]


def start(environment, *options):
    return subprocess.Popen([QUICKSTART, "--no-install", *options], env=environment, cwd="/", stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)


def alive(mark):
    """The command lines of processes that name a path below the directory `mark`."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if f"{mark}/" in command:
            found.append(command)
    return found


def shows_the_job(output, tls="SSL connection (protocol: TLSv1.3,"):
    order = ["$ pganchor bootstrap --ca-url https://localhost:", "is pinned as anchor",
             "$ pganchor service add prod --host localhost", "sslmode=verify-full",
             "$ psql -X service=prod", tls, "$ pganchor run -- psql -X service=prod", tls,
             "$ pganchor run -- psql", "pganchor refused this connection: sslmode=require (conninfo) is weaker than verify-full",
             "$ pganchor run -- psql", "pganchor refused this connection: sslmode=prefer (libpq's default) is weaker than verify-full",
             "$ pganchor run -- psql -X 'service=prod port=", "certificate verify failed", "All steps did what they should."]
    rest = output
    for part in order:
        assert part in rest, f"no {part!r} in what follows:\n{rest}"
        rest = rest.split(part, 1)[1]


@pytest.mark.own_builds
def test_quickstart_shows_the_whole_job_and_cleans_up(environment, temporary):
    process = start(environment)
    output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, output
    assert "A real step-ca is built" in output
    shows_the_job(output)
    assert list(temporary.iterdir()) == [] and list(Path(environment["HOME"]).iterdir()) == []
    assert alive(temporary) == []


def test_without_go_it_says_so_and_shows_the_job_all_the_same(environment, temporary, installed, tmp_path):
    """A PATH that has everything but go, and a cache without a step-ca that was built before."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for directory in reversed(environment["PATH"].split(":")):
        for program in Path(directory).glob("*") if os.path.isdir(directory) else ():
            # A link that leads nowhere has a name all the same.
            if program.name != "go" and not os.path.lexists(programs / program.name):
                (programs / program.name).symlink_to(program)
    process = start({**environment, "PATH": str(programs), "PGANCHOR_TEST_CACHE": str(tmp_path / "cache")}, *installed)
    output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, output
    assert "step-ca cannot be had here: Go" in output and "Instead of a step-ca" in output
    shows_the_job(output)
    assert list(temporary.iterdir()) == [] and alive(temporary) == []


def test_the_psql_of_version_18_is_understood(environment, temporary, installed, libpq_roots, tmp_path):
    """Its \\conninfo is a table. It is run where it is, by its own dynamic linker."""
    root = libpq_roots(18).directory
    linker, library = next(root.glob("usr/lib*/ld-linux-*")), next(root.glob("usr/lib/*/libpq.so.5")).parent
    psql = tmp_path / "psql"
    psql.write_text(f'#!/bin/sh\nexec {linker} --library-path {library} {root}/usr/lib/postgresql/18/bin/psql "$@"\n')
    psql.chmod(0o755)
    process = start({**environment, "PATH": f"{tmp_path}:{environment['PATH']}"}, "--without-step-ca", *installed)
    output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, output
    shows_the_job(output, tls="| TLSv1.3")


def test_nobody_else_gets_at_what_it_makes(environment, temporary, installed):
    """Neither at the files, nor, by a password that somebody may have seen, at the user whom the server runs as."""
    process = start(environment, "--without-step-ca", *installed)
    shown, port = "", None
    for line in process.stdout:
        shown += line
        port = re.match(r"The real one listens on port (\d+) ", line)
        if port:
            break
    os.kill(process.pid, signal.SIGSTOP)
    try:
        assert port, shown
        made = list(temporary.iterdir())
        assert made and all(path.stat().st_mode & 0o077 == 0 for path in made)
        server = {"host": "127.0.0.1", "port": int(port[1]), "dbname": "postgres"}
        password = next(temporary.glob("*/home/.pgpass")).read_text().strip().split(":")[-1]
        owner = pwd.getpwuid(next(temporary.glob("*/pg-server")).stat().st_uid).pw_name
        for user in ("superuser", "postgres", "root", owner):
            with pytest.raises(psycopg2.OperationalError, match="no pg_hba.conf entry"):
                psycopg2.connect(**server, user=user, password=password)
        connection = psycopg2.connect(**server, user="app", password=password)
        connection.autocommit = True
        session = connection.cursor()
        for text in ("COPY (SELECT 1) TO PROGRAM 'cat'", "SELECT pg_read_file('PG_VERSION')", "CREATE ROLE other"):
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                session.execute(text)
        connection.close()
    finally:
        os.kill(process.pid, signal.SIGCONT)
        rest, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, shown + rest


@pytest.mark.parametrize("how, when", [(signal.SIGINT, "$ pganchor bootstrap"), (signal.SIGTERM, "$ ./configure")])
def test_a_quickstart_that_is_stopped_leaves_nothing(environment, temporary, installed, how, when):
    """While all servers run, and in the middle of the build."""
    process = start(environment, "--without-step-ca", *(installed if "bootstrap" in when else []))
    shown = ""
    for line in process.stdout:
        shown += line
        if line.startswith(when):
            break
    while not alive(temporary):
        assert process.poll() is None, shown
    # As a terminal does at Ctrl-C: to everything in the foreground.
    os.killpg(process.pid, how)
    rest, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 128 + how, shown + rest
    assert list(temporary.iterdir()) == [] and alive(temporary) == []


@pytest.mark.own_builds
def test_nor_does_a_tool_that_is_stopped_in_the_build(environment, temporary, tmp_path):
    """autoreconf has a directory of its own in TMPDIR, and leaves it where it is interrupted."""
    tool = tmp_path / "autoreconf"
    tool.write_text(f'#!/bin/sh\nmktemp -d -t arXXXXXX >{tmp_path}/made.new\nmv {tmp_path}/made.new {tmp_path}/made\nexec sleep 600\n')
    tool.chmod(0o755)
    process = start({**environment, "PATH": f"{tmp_path}:{environment['PATH']}"}, "--without-step-ca")
    while not (tmp_path / "made").exists():
        assert process.poll() is None, process.stdout.read()
    assert Path((tmp_path / "made").read_text().strip()).is_dir()
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 128 + signal.SIGINT, output
    assert list(temporary.iterdir()) == []


@pytest.mark.own_builds
def test_what_it_costs_is_said_before():
    done = subprocess.run([QUICKSTART, "--help"], capture_output=True, text=True)
    for text in (done.stdout, (QUICKSTART.parent.parent / "README.md").read_text()):
        assert re.search(r"280 MB .*1\.5 GB on\s+(the\s+)?disk.*ten\s+minutes", text, re.S)


@pytest.mark.own_builds
def test_an_unknown_option_is_a_usage_error(environment, temporary):
    process = start(environment, "--no-such-option")
    output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 2 and output.startswith("Usage: packaging/quickstart.sh")
    assert list(temporary.iterdir()) == []


@pytest.mark.own_builds
def test_a_prefix_without_a_pganchor_is_a_usage_error(environment, temporary, tmp_path):
    process = start(environment, "--with", tmp_path)
    output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 2 and output == "quickstart.sh: --with wants a directory with bin/pganchor in it\n"
