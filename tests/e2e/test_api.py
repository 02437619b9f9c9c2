"""libpganchor: a program that asks, and one that is only linked with it before libpq."""

import subprocess

import pytest

from gated import WEAK, write_anchor
from services import policy as write_policy

pytestmark = pytest.mark.no_instruments


@pytest.fixture
def judge(compile_program):
    return compile_program("judge.c", ["pganchor"])


def test_a_weak_conninfo_is_judged_explained_and_not_connected(anchored, postgres, judge):
    seen = postgres.connections()
    done = anchored.run([judge, postgres.conninfo()])
    assert done.stdout.startswith("judge 1\nsslmode=prefer (libpq's default) is weaker than verify-full\nexplain 1\n")
    assert "\nexplain 1\nrefused\n    sslmode=prefer (libpq's default) is weaker" in done.stdout
    assert f"connect bad\n{WEAK}\n" in done.stdout
    assert "verify -1\nthe connection is not established\n" in done.stdout
    assert postgres.password not in done.stdout
    assert postgres.connections() == seen


def test_a_verified_conninfo_is_allowed_connected_and_verified(anchored, postgres, judge):
    done = anchored.run([judge, postgres.conninfo(sslmode="verify-full")])
    assert done.stdout.startswith("judge 0\nno reasons\nexplain 0\n")
    assert "connect ok\nverify 0\nno reasons\n" in done.stdout


def test_in_audit_mode_the_verdict_is_told_all_the_same(anchored, postgres, judge):
    write_policy(anchored, "mode = audit\nlog = off\n")
    done = anchored.run([judge, postgres.conninfo()])
    assert done.stdout.startswith("judge 1\n")
    assert "connect ok\nverify 1\npganchor refused this connection: sslmode=prefer" in done.stdout


def test_a_server_that_is_not_pinned_is_not_connected(anchored, postgres, judge):
    write_anchor(anchored, "other", "0" * 64)
    done = anchored.run([judge, postgres.conninfo(sslmode="verify-full")])
    assert done.stdout.startswith("judge 0\n")
    assert "connect bad\npganchor refused the server localhost: its certificate chain ends in a root" in done.stdout


@pytest.mark.parametrize("conninfo, error", [
    ("nonsense=1", 'invalid connection option "nonsense"'),
    ("justaword", 'missing "=" after "justaword" in connection info string'),
])
def test_what_libpq_refuses_is_an_error_in_its_words(anchored, judge, conninfo, error):
    done = anchored.run([judge, conninfo])
    assert done.stdout.startswith(f"judge -1\n{error}\nexplain -1\n{error}\nconnect bad\n{error}\n")


def test_blanks_alone_are_the_environments_connection(anchored, judge):
    assert "host   " in anchored.run([judge, "  "], env={"PGHOST": "db.example.test"}).stdout
    assert anchored.run([judge, "  "], env={"PGHOST": "db.example.test", "PGSSLMODE": "verify-full",
                                            "PGPORT": "1"}).stdout.startswith("judge 0\n")


def test_a_program_that_is_only_linked_is_held(anchored, postgres, compile_program):
    program = compile_program("connect.c", ["pganchor", "libpq"])
    done = anchored.run([program, "connectdb", postgres.conninfo()])
    assert f"status bad\nmessage {WEAK}\n" in done.stdout
    done = anchored.run([program, "connectdb", postgres.conninfo(sslmode="verify-full")])
    assert done.stdout == "status ok\ntls 1\nsocket open\n"


def test_linked_and_preloaded_together(anchored, postgres, compile_program):
    program = compile_program("connect.c", ["pganchor", "libpq"])
    done = anchored.pganchor("run", "--", program, "connectdb", postgres.conninfo())
    assert f"status bad\nmessage {WEAK}\n" in done.stdout
    done = anchored.pganchor("run", "--", program, "start+reset", postgres.conninfo(sslmode="verify-full"))
    assert done.stdout == "status ok\ntls 1\nsocket open\n" * 2


def test_cplusplus(anchored, compile_program):
    program = compile_program("judge.cc", ["pganchor"], compiler="c++")
    assert anchored.run([program, "host=x sslmode=verify-full"]).stdout == "0 \n"


def test_the_library_needs_no_libpq_itself(pganchor):
    needed = subprocess.run(["readelf", "-d", pganchor.prefix / "lib/libpganchor.so.0"], capture_output=True, text=True)
    assert [line for line in needed.stdout.splitlines() if "NEEDED" in line and "[libc.so.6]" not in line] == []
    assert "[libc.so.6]" in needed.stdout


def test_threads_share_the_rules(anchored, postgres, compile_program):
    """Many threads connect at once, weak and verified; each gets its own answer."""
    program = compile_program("threads.c", ["libpq"], words=("-pthread",))
    done = anchored.pganchor("run", "--", program, postgres.conninfo(sslmode="verify-full"), postgres.conninfo())
    assert done.stdout == "160 verified, 160 refused, 0 wrong\n", done.stderr


def test_a_program_that_calls_only_what_pganchor_stands_before(anchored, postgres, compile_program, tmp_path):
    """The linker would leave libpq out of it, and there would be none to stand before."""
    source = tmp_path / "ping.c"
    source.write_text('#include <libpq-fe.h>\n#include <stdio.h>\n'
                      'int main(int argc, char **argv) { return argc == 2 ? printf("%d\\n", PQping(argv[1])) < 0 : 2; }\n')
    ping = compile_program(source, ["pganchor"], words=("-Wl,--as-needed",))
    assert anchored.run([ping, postgres.conninfo(sslmode="verify-full")]).stdout == "0\n"
    assert anchored.run([ping, postgres.conninfo()]).stdout == "3\n"
