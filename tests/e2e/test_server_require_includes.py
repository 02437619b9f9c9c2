"""pganchor server require-tls where pg_hba.conf includes other files, and names roles by regular expressions: PostgreSQL 16 and later."""

import json
import os
import subprocess

import pytest

from local_cas import data
from postgres import NAMES, SUPERUSER, USER
from services import bootstrap, write
from test_server_require_tls import LOCAL, connect, require

RULE = f"host all {USER} 0.0.0.0/0 scram-sha-256\n"
# In the order in which the server comes by them; those that it does not are rules all the same.
FILES = {
    "pg_hba.conf": LOCAL + 'include "rules/one" # beside it\ninclude_if_exists none\r\ninclude_dir rules/more\ninclude \\\n rules/../last\n',
    "rules/one": f"host all {USER} 10.0.0.0/8 md5\ninclude two\n",
    "rules/two": "hostnossl replication all 10.0.0.0/8 reject\nhost all /^a 192.0.2.0/24 md5",
    "rules/more/20.conf": f"\n# comment\nhostssl all all 198.51.100.0/24 cert\n\"host\" all \"{USER}\" 198.51.100.0/24 md5\n",
    "rules/more/3.conf": "include ../shared # in two places\n",
    "rules/more/10.conf": "include ../shared\n",
    "rules/shared": f"host all {USER},/^nob 203.0.113.0/24 scram-sha-256\n",
    "rules/more/.hidden.conf": RULE,
    "rules/more/other": RULE,
    "last": RULE,
}
UNSEEN = ("rules/more/.hidden.conf", "rules/more/other")


@pytest.fixture
def included(postgres_of, stepca, version):
    server = postgres_of(version).start(*stepca.issue(*NAMES), hba=LOCAL)
    (data(server) / "rules/more").mkdir(parents=True)
    owner = data(server).stat()
    for name, text in FILES.items():
        (data(server) / name).write_bytes(text.encode())
        os.chown(data(server) / name, owner.st_uid, owner.st_gid)
    before = subprocess.run(["psql", "-XAtc", "SELECT pg_conf_load_time() FROM pg_reload_conf()", server.superuser], capture_output=True, check=True)
    while subprocess.run(["psql", "-XAtc", "SELECT pg_conf_load_time()", server.superuser], capture_output=True, check=True).stdout == before.stdout:
        pass
    yield server
    server.stop()


def read(server):
    return {name: (data(server) / name).read_bytes().decode() for name in FILES}


REQUIRED = {name: text if name in UNSEEN else text.replace("host all", "hostssl all").replace('"host"', '"hostssl"')
            for name, text in FILES.items()}


@pytest.mark.parametrize("version", [17, 18, 19])
def test_every_file_that_is_included_is_changed_or_none(home, included, version):
    server = included
    assert connect(server, "disable").stdout == "f\n"
    changes = json.loads(require(home, server, "--dry-run", "--json").stdout)["changes"]
    assert [(change["file"].replace(f"{data(server)}/", ""), change["line"]) for change in changes] == [
        ("rules/one", 1), ("rules/two", 2), ("rules/shared", 1), ("rules/more/20.conf", 4), ("rules/shared", 1), ("last", 1)]
    done = require(home, server, "--yes")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert read(server) == REQUIRED
    assert "pg_hba.conf" in connect(server, "disable").stderr and connect(server, "require").stdout == "t\n"
    done = require(home, server, "--undo")
    assert (done.returncode, done.stderr) == (0, "") and read(server) == FILES
    assert connect(server, "disable").stdout == "f\n"
    # What somebody changes since is told of each file.
    (data(server) / "rules/two").chmod((data(server) / "rules/two").stat().st_mode & 0o777)
    assert json.loads(require(home, server, "--dry-run", "--json").stdout)["unloaded"] == [str(data(server) / "rules/two")]


@pytest.fixture
def by_service(home, stepca, included):
    subprocess.run(["psql", "-XAtqc", f"ALTER ROLE {USER} SUPERUSER", included.superuser], check=True)
    bootstrap(home, stepca)
    write(home, f"[prod]\nhost=localhost\nport={included.port}\nuser={USER}\ndbname={USER}\npassword={included.password}\nsslmode=verify-full\n"
          "gssencmode=disable\n")
    return included


@pytest.mark.parametrize("version", [17, 18, 19])
def test_over_sql_every_file_that_is_included_is_written_or_none(home, by_service, version):
    server = by_service
    words = ["server", "require-tls", "prod", "--write-by-sql", "--yes"]
    # The server's user cannot write the last one: those before it are by then.
    (data(server) / "last").chmod(0o444)
    done = home.pganchor(*words)
    assert done.returncode == 1 and f"could not write {data(server)}/last: " in done.stderr and "it was written back as it was" in done.stderr, done.stderr
    assert f"{data(server)}/last, line 1:\n  - {RULE}  + {RULE.replace('host', 'hostssl')}" in done.stdout
    assert read(server) == FILES and connect(server, "disable").stdout == "f\n"
    (data(server) / "last").chmod(0o640)
    modes = [(data(server) / name).stat().st_mode for name in FILES]
    done = home.pganchor(*words)
    assert done.returncode == 0 and "Proved: a new connection with TLS is let in, and one without it is not\n" in done.stdout, (done.stdout, done.stderr)
    assert read(server) == REQUIRED and [(data(server) / name).stat().st_mode for name in FILES] == modes
    assert "pg_hba.conf" in connect(server, "disable").stderr and connect(server, "require").stdout == "t\n"
    again = home.pganchor(*words)
    assert again.returncode == 0 and "The server has loaded the files, which want TLS already" in again.stdout, again.stderr
    done = home.pganchor("server", "undo", "prod", "--yes")
    assert done.returncode == 0 and f"put back in {data(server)}/rules/two: host all /^a 192.0.2.0/24 md5" in done.stdout, (done.stdout, done.stderr)
    assert read(server) == FILES and [(data(server) / name).stat().st_mode for name in FILES] == modes
    assert connect(server, "disable").stdout == "f\n"


@pytest.mark.parametrize("version", [17, 18, 19])
def test_who_is_meant_by_an_expression_is_known(home, included, version):
    server = included
    with subprocess.Popen(["psql", "-XAtq", server.conninfo(sslmode="disable")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as plain:
        plain.stdin.write("SELECT 1;\n")
        plain.stdin.flush()
        assert plain.stdout.readline() == "1\n"
        for rule, count in ("all /^ap+$", 0), ("all /^ap$", 1), ("all \"/^A\"", 1), ("/p{2} /a|b", 0), ("\"/x\" all", 1):
            (data(server) / "pg_hba.conf").write_text(LOCAL + f"host {rule} 127.0.0.0/8 md5\ninclude last\n")
            told = json.loads(require(home, server, "--dry-run", "--json").stdout)
            assert len(told["locked_out"]) == count, rule
        plain.stdin.close()
