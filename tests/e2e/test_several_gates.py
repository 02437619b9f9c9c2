"""Several gates in one process: a program that links libpganchor on a machine with the drop-in, both under the preload, and plugins that
meet another one than the program does. One of them judges, whichever comes first."""

import itertools

import pytest

from dropins import installed
from gated import WEAK, write_anchor

pytestmark = pytest.mark.plain_build

GATES = ["linked", "dropin", "preload"]
SETS = [gates for count in (2, 3) for gates in itertools.combinations(GATES, count)]
OPENED = ["local", "deepbind", "mopen"]


@pytest.fixture(params=SETS, ids="+".join)
def gates(request):
    return request.param


@pytest.fixture
def program(gates, compile_program):
    packages = ["pganchor", "libpq"] if "linked" in gates else ["libpq"]
    return compile_program("several.c", packages, words=("-Wl,--no-as-needed",))


@pytest.fixture
def plugin(compile_program):
    return compile_program("several.c", ["libpq"], rpath=False, words=("-DPLUGIN", "-shared", "-fPIC"))


@pytest.fixture
def settings(home, gates):
    env = {"LD_LIBRARY_PATH": installed(home.program).parent} if "dropin" in gates else {}
    return {**env, "LD_PRELOAD": home.program.module} if "preload" in gates else env


@pytest.fixture(params=OPENED)
def opened(request):
    return request.param


@pytest.fixture
def callers(opened):
    """Not both where the plugin has a libc of its own: the libcs take each other's values in a thread (pthread_getspecific) for their
    own, and two OpenSSLs then free each other's memory, with no gate in the process either."""
    return ["plugin", "plugin"] if opened == "mopen" else ["own", "plugin"]


@pytest.fixture
def attempt(anchored, settings, program, plugin, opened):
    """attempt(steps) -> what came of each, in a process that has opened the plugin before."""
    def run(steps, **env):
        done = anchored.run([program, opened, plugin, *itertools.chain(*steps)], env={**settings, **env})
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.splitlines()

    return run


@pytest.mark.parametrize("first", [0, 1], ids=["program", "plugin"])
def test_whoever_connects_first(attempt, postgres, callers, first):
    strong, weak = postgres.conninfo(sslmode="verify-full"), postgres.conninfo()
    who = callers[first:] + callers[:first]
    steps = [(name, conninfo) for conninfo in (strong, weak) for name in who] + [(f"{name}+poll+reset", strong) for name in who]
    assert attempt(steps) == ["ok "] * 2 + [f"bad {WEAK}"] * 2 + ["ok "] * 2


def test_a_plugin_that_connects_as_it_is_loaded(attempt, postgres, callers):
    """Its own calls meet the gate that it finds, if any; the others come to that libpq after it. What begins past all of them must have
    nothing that only a lock makes strong."""
    strong, weak = postgres.conninfo(sslmode="verify-full", gssencmode="disable"), postgres.conninfo()
    steps = [(name, conninfo) for name in callers[::-1] for conninfo in (strong, weak)]
    assert attempt(steps, AT_LOAD=strong) == ["ok ", "ok ", f"bad {WEAK}", "ok ", f"bad {WEAK}"]


def test_what_libpq_says_is_told_by_each(attempt, callers):
    answers = attempt([(name, "host=nowhere.invalid sslmode=verify-full") for name in callers])
    for answer in answers:
        assert answer.startswith('bad could not translate host name "nowhere.invalid" to address: '), answer
        assert "Non-recoverable" not in answer


def test_what_the_session_shows_is_told_by_each(attempt, anchored, postgres, callers):
    write_anchor(anchored, "other", "0" * 64)
    strong = postgres.conninfo(sslmode="verify-full")
    answers = attempt([(name + how, strong) for how in ("", "+poll") for name in callers])
    said = "bad pganchor refused the server localhost: its certificate chain ends in a root that is not pinned"
    assert all(answer.startswith(said) for answer in answers), answers


@pytest.mark.parametrize("gates", [("linked", "dropin")], ids="+".join, indirect=True)
@pytest.mark.parametrize("opened", ["deepbind"], indirect=True)
def test_both_connect_for_the_first_time_at_once(attempt, postgres):
    """Both gates come to the libpq, and write to its pages, at the same time."""
    strong = postgres.conninfo(sslmode="verify-full")
    for _ in range(80):
        assert attempt([("together", strong)]) == ["ok ", "ok "]


def test_audit_mode_tells_of_each_once(audited, postgres, settings, program, plugin, opened, callers):
    steps = [(name + how, postgres.conninfo()) for how in ("", "+poll") for name in callers]
    done, log = audited(program, opened, plugin, *itertools.chain(*steps), env=settings, gated=False)
    assert done.stdout == "ok \n" * 4, done.stdout + done.stderr
    assert log.count("reasons=") == 4, log
