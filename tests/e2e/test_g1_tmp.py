import pytest, os
from test_out_of_memory import failing_malloc, run_failing, without_wrapper
from test_server_enable_tls import *
STEP=int(os.environ.get("STEP","25"))

def test_enable(home, make_postgres, authority, pair, failing_malloc):
    program, gate = without_wrapper(home)
    server = make_postgres()
    place(server, pair, "server")
    argv = [program, "server", "enable-tls", "--data-dir", data(server), "--user", SUPERUSER, "--yes"]
    undo = [program, "server", "undo", "--data-dir", data(server), "--user", SUPERUSER, "--yes"]
    start = state(server)
    good, count = run_failing(home, failing_malloc, argv, 0, preload=gate)
    print("COUNT", count, good.returncode, good.stderr)
    done, c2 = run_failing(home, failing_malloc, undo, 0, preload=gate)
    print("UNDO", c2, done.returncode, done.stderr)
    assert altered(server) == {}
    from collections import Counter
    seen = Counter()
    for on in (False, True):
        for number in range(1, count + 1, STEP):
            done, _ = run_failing(home, failing_malloc, argv, number, on=on, preload=gate)
            now = altered(server); rec = (data(server) / "pganchor-server.json").exists(); tls = asked_for_tls(server) is not None
            key=(done.returncode, bool(now), rec, tls, done.stderr[:200])
            seen[key]+=1
            if now or rec or tls:
                d,_ = run_failing(home, failing_malloc, undo, 0, preload=gate)
                if altered(server) != {}: print("STUCK", number, on, key, d.stdout, d.stderr); break
    for k,v in seen.items(): print(v,k)
    # undo under failure
    seen = Counter()
    for number in range(1, c2 + 1, STEP):
        run_failing(home, failing_malloc, argv, 0, preload=gate)
        done, _ = run_failing(home, failing_malloc, undo, number, preload=gate)
        now = altered(server); rec = (data(server) / "pganchor-server.json").exists(); tls = asked_for_tls(server) is not None
        seen[(done.returncode, bool(now), rec, tls, done.stderr[:200])]+=1
        run_failing(home, failing_malloc, undo, 0, preload=gate)
        assert altered(server)=={}
    print("UNDO")
    for k,v in seen.items(): print(v,k)
    assert 0
