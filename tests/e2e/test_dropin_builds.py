"""The drop-in before a libpq that others than Debian have built: in each, the clients, and every way that a libpq is opened."""

import pytest

from builds import BUILDS
from dropins import built_dropin_home  # noqa: F401
from gated import WEAK
from languages import PGSQL
from test_gate import (  # noqa: F401
    test_a_verified_connection_works, test_a_weak_connection_is_refused,
    test_an_impostor_is_refused_in_libpqs_own_words_and_the_reason_is_told)
from test_ways import *  # noqa: F401, F403

pytestmark = pytest.mark.plain_build
SHARE = ("build_name", 1)


def is_out_of_place(item):
    """A libpq with a path of its own is none of the machine's."""
    return item.originalname == "test_two_libpqs_in_one_process"


@pytest.fixture(params=[*BUILDS, "versions"])
def build_name(request):
    return request.param


@pytest.fixture
def home(built_dropin_home, build_name):
    return built_dropin_home(build_name)


def test_it_is_that_build_behind_the_drop_in(home):
    code = 'import ctypes; pq = ctypes.CDLL("libpq.so.5"); pq.PQconnectdb; print(pq.PQlibVersion(), open("/proc/self/maps").read())'
    version, maps = home.pganchor("run", "--", "/usr/bin/python3", "-c", code).stdout.split(" ", 1)
    assert version.startswith("18") and str(home.libpq) in maps and str(home.dropin) in maps


def test_with_the_preload_too(anchored, postgres):
    """PHP opens its extension past whatever is preloaded (RTLD_DEEPBIND), and finds the drop-in first."""
    def connect(**settings):
        return anchored.run(["pganchor", "run", "--", "php", "-r", PGSQL, postgres.conninfo(**settings)],
                            env={"LD_LIBRARY_PATH": anchored.dropin})

    seen = postgres.connections()
    assert WEAK in connect().stdout
    assert postgres.connections() == seen
    assert connect(sslmode="verify-full").stdout == "t\n"
