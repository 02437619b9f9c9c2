"""What the gate does holds with libpq 17 and 18 as it does with this machine's: the same tests, run there; and what only these
have."""

import pytest

import test_gate
import test_ways
from libpqs import RELEASES
from test_gate import (  # noqa: F401
    CLIENTS, WEAK, anchored, client, run_gated, write_policy,
    test_a_cancel_in_clear_can_be_refused, test_a_pinned_root_is_let_through,
    test_a_refused_object_is_safe_to_poll_reset_and_finish, test_a_refused_ping_makes_no_attempt_and_says_why,
    test_a_root_of_another_ca_in_root_crt_is_not_enough_once_something_is_pinned,
    test_a_server_refused_after_the_handshake_leaves_a_safe_object,
    test_a_server_whose_root_is_not_pinned_gets_no_startup_packet, test_a_verified_object_can_be_reset,
    test_an_anchor_vouches_for_its_hosts_alone, test_an_unreadable_policy_refuses_everything,
    test_every_reason_is_told_with_its_origin, test_exempt_hosts_may_be_weak_and_an_address_counts_before_the_name,
    test_explain_says_what_is_weak, test_explain_shows_value_origin_and_verdict, test_gss_encryption_is_locked_out,
    test_however_the_weakness_is_said, test_libpqs_own_refusals_stay_word_for_word, test_malformed_pins_refuse_everything,
    test_min_tls_is_held, test_min_tls_is_held_where_nothing_could_be_locked, test_the_message_is_one_error_with_its_way_out,
    test_trust_verified_needs_no_pin, test_what_is_allowed_and_not_locked_is_what_libpq_does_alone)
from test_ways import (  # noqa: F401
    extension, opener, test_however_an_extension_is_opened, test_however_it_is_opened_the_session_is_looked_at)

# pgbench comes with the server, which these machines have not.
there = pytest.mark.parametrize("client", ["psql", "pg_dump", "pg_isready", "psycopg2"], indirect=True)


@pytest.fixture(params=RELEASES, ids=[f"libpq{version}" for version in RELEASES])
def libpq(request):
    return request.param


@pytest.fixture
def home(rooted_home, libpq):
    return rooted_home(libpq)


def test_it_is_that_libpq(home, libpq):
    assert home.run(["psql", "--version"]).stdout.startswith(f"psql (PostgreSQL) {libpq}")


@there
def test_a_weak_connection_is_refused(anchored, postgres, client):
    test_gate.test_a_weak_connection_is_refused(anchored, postgres, client)


@there
def test_a_verified_connection_works(anchored, postgres, client):
    test_gate.test_a_verified_connection_works(anchored, postgres, client)


@there
def test_an_impostor_is_refused_in_libpqs_own_words(anchored, impostor_postgres, client):
    test_gate.test_an_impostor_is_refused_in_libpqs_own_words(anchored, impostor_postgres, client)


def test_what_is_found_by_ctypes(anchored, postgres):
    test_ways.test_a_language(anchored, postgres, "python-ctypes")
