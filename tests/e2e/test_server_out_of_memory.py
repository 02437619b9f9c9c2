"""pganchor server and audit where memory runs out: a server is as it was, or as is said, and no weakness is passed over."""

import json

from certificates import make_root
from local_cas import data, state
from postgres import NAMES, SUPERUSER, USER
from services import bootstrap, write
from test_audit import service
from test_out_of_memory import failing_malloc, run_failing, without_wrapper  # noqa: F401
from test_server_enable_tls import altered, asked_for_tls, place, rules
from test_trust_faults import WHOLE

RULES = f"local all {SUPERUSER} peer map=tests\nhost all {USER} 0.0.0.0/0 scram-sha-256\n"
# Of the places where memory may run out, so many are tried at a landing.
PLACES = 6


def places(count, few=PLACES):
    """(which allocation fails, whether all behind it do, too); the last are those in which something has been changed already."""
    if WHOLE:
        return [(number, on) for number in range(1, count + 1) for on in (False, True)]
    step = max(1, count // few)
    return [(number, number // step % 2 == 1) for number in range(step, count + 1, step)]


def of(server):
    """What is set, what rules there are, what it shows, and which files lie there."""
    return altered(server), rules(server), asked_for_tls(server), {name for name in state(server) if not name.startswith(".pganchor")}


def test_a_server_is_as_it_was_or_as_is_said(home, failing_malloc, make_postgres, tmp_path):
    """Each command begins where the one before it has ended."""
    program, gate = without_wrapper(home)
    server = make_postgres(hba=RULES)
    place(server, make_root().issue(tmp_path, "localhost", "127.0.0.1"), "server")

    def run(words, at=0, on=False):
        return run_failing(home, failing_malloc, [program, "server", *words.split(), "--data-dir", data(server), "--user", SUPERUSER, "--yes"], at, on,
                           preload=gate)

    for words, back in (("enable-tls", "undo"), ("require-tls", "require-tls --undo"), ("require-tls --undo", "require-tls"), ("disable-tls", "undo"),
                        ("undo", "disable-tls")):
        old = of(server)
        good, count = run(words)
        now = new = of(server)
        assert (good.returncode, good.stderr) == (0, "") and new != old and count > PLACES, good
        failed = 0
        for number, on in places(count):
            if now == new:
                assert run(back)[0].returncode == 0 and of(server) == old, (words, number)
            done, _ = run(words, number, on)
            now, at = of(server), (words, number, on, done.stdout, done.stderr)
            assert done.returncode in (0, 1) and (done.returncode == 0 or done.stderr), at
            if done.returncode == 1 and now != old:
                # There was no memory left to put all of it back, and that is said.
                assert "what stays: " in done.stderr or "as it was before the change, but" in done.stderr, at
                run(back)
                assert run(words)[0].returncode == 0, at
                now = of(server)
                assert now == new, at
            else:
                assert now == (old if done.returncode else new), at
            failed += done.returncode
        assert failed > PLACES // 3, words
        if now == old:
            assert run(words)[0].returncode == 0 and of(server) == new


def findings(report):
    return {(one["id"], one["object"]) for server in report["servers"] for one in server["findings"]}


def test_an_audit_passes_nothing_over(home, failing_malloc, make_postgres, stepca):
    program, gate = without_wrapper(home)
    server = make_postgres(*stepca.issue(*NAMES), hba=RULES + "hostssl all all 10.1.0.0/16 trust\n")
    bootstrap(home, stepca)
    write(home, service(home, server))
    ini = home / "pgbouncer.ini"
    ini.write_text("[databases]\na = host=db.example.test\n[pgbouncer]\nlisten_addr = *\n")
    ini.chmod(0o600)
    argv = [program, "audit", "prod", "--pgbouncer", ini, "--json", "--jobs", "1"]
    good, count = run_failing(home, failing_malloc, argv, 0, preload=gate)
    wanted = findings(json.loads(good.stdout))
    assert good.returncode == 3 and len(wanted) > 4, good
    failed = 0
    for number, on in places(count, 40):
        done, _ = run_failing(home, failing_malloc, argv, number, on, preload=gate)
        if done.returncode == 1:
            # Of what could not be read, the report says it.
            said = done.stderr + done.stdout
            assert "out of memory" in said or "Cannot allocate memory" in said, (number, on, done.stdout, done.stderr)
            failed += 1
            continue
        assert done.stdout.endswith("}\n"), (number, on, done)
        found = findings(json.loads(done.stdout))
        told = {name for name, _ in found - wanted} & {"server-not-audited", "audit-incomplete"}
        assert done.returncode == 3 and (found == wanted or told), (number, on, done.stdout, done.stderr)
    assert failed > 10
