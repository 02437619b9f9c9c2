"""The keyring's passwords behind the drop-in, and with libpqs that are built in other ways: what holds with the preload and this
machine's libpq."""

import pytest

from dropins import dropin_home  # noqa: F401
from test_passwords_of_the_keyring import (  # noqa: F401
    conninfo, keep, kept, psql, run, test_a_client_connects_without_a_prompt, test_a_connections_settings_name_the_users_own_file,
    test_a_server_of_a_root_that_is_not_pinned_gets_nothing, test_libpqs_own_way_is_left, test_psql_connects_anew,
    test_the_passphrase_of_the_key_is_used, test_what_libpq_finds_by_itself_is_used, with_certificate)

pytestmark = pytest.mark.plain_build


@pytest.fixture(params=["drop-in", "bsymbolic"])
def home(request):
    if request.param == "drop-in":
        return request.getfixturevalue("dropin_home")
    return request.getfixturevalue("built_home")(request.param)
