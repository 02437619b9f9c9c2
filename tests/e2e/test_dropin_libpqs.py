"""The drop-in before libpq 17, 18 and 19: what holds with the preload there."""

import pytest

from dropins import rooted_dropin_home  # noqa: F401
from test_libpqs import *  # noqa: F401, F403

pytestmark = pytest.mark.plain_build
SHARE = ("libpq", 1)


def is_out_of_place(item):
    """What comes by dlopen() and dlsym() meets the drop-in as all do: nothing begins past it."""
    return item.originalname == "test_min_tls_is_held_where_nothing_could_be_locked"


@pytest.fixture
def home(rooted_dropin_home, libpq):
    return rooted_dropin_home(libpq)
