/* gate/connect.c: what is locked, refused and handed on where a connection begins. */
#include "cmocka_start.h"

#include "played_gate.h"

#include <fcntl.h>

/* ---- the entry points ---- */

#define LOCKED           "dbname=host=h sslmode=verify-full "
#define NO_GSS           "gssencmode=disable "
#define CONNECTS(locked) "judge(parameters) connect(" locked "1) tell"

static void connect_as(const char *does)
{
	assert_ptr_equal(gate_PQconnectdb(&libpq, false, "host=h"),
			 play.no_connection ? NULL : CONN);
	check_did(does);
}

static void check_call(bool judged, enum gate_lookups lookups)
{
	assert_ptr_equal(play.before.libpq, &libpq);
	assert_int_equal(play.before.judged, judged);
	assert_int_equal(play.before.lookups, lookups);
	assert_int_equal(play.before.ambiguous, play.ambiguous && play.asked == 0);
	assert_ptr_equal(play.before.rules, play.asked == 0 ? &play.rules : NULL);
}

static void what_was_judged_is_locked(void **state)
{
	(void)state;
	begin();
	play.ambiguous = true;
	connect_as(CONNECTS(LOCKED));
	check_call(true, GATE_LOOK_UP_ANY);
	play.verdict.lock_gss = true;
	connect_as(CONNECTS(LOCKED NO_GSS));
	play.verdict.lock_min_tls = true;
	connect_as(CONNECTS(LOCKED NO_GSS "ssl_min_protocol_version=TLSv1.3 "));
	play.verdict.lock_gss = false;
	connect_as(CONNECTS(LOCKED "ssl_min_protocol_version=TLSv1.3 "));
	/* Where the program has it already, too: what it took it from may change. */
	play.rules.policy.channel_binding = PGA_BINDING_REQUIRE;
	(void)snprintf(play.verdict.auth, sizeof play.verdict.auth, "gss,md5");
	connect_as(CONNECTS(LOCKED "ssl_min_protocol_version=TLSv1.3 channel_binding=require "
				   "require_auth=gss,md5 "));
	play.verdict.lock_gss = true;
	connect_as(CONNECTS(LOCKED NO_GSS "ssl_min_protocol_version=TLSv1.3 "
					  "channel_binding=require require_auth=gss,md5 "));
	/* Nothing, in audit mode. */
	play.rules.policy.mode = PGA_MODE_AUDIT;
	connect_as(CONNECTS("dbname=host=h "));
	check_call(true, GATE_LOOK_UP_ANY);
	assert_int_equal(play.settings_freed, 7);
	/* An exempt host has what it asks for, and no other is looked up. */
	begin();
	play.rules.policy.channel_binding = PGA_BINDING_REQUIRE;
	play.verdict.needs_tls = false;
	play.verdict.exempt = true;
	connect_as(CONNECTS("dbname=host=h "));
	check_call(true, GATE_LOOK_UP_EXEMPT);
}

static void a_socket_is_held(void **state)
{
	static char require[] = "require", disable[] = "disable";

	(void)state;
	begin();
	play.verdict.needs_tls = false;
	atomic_store(&libpq.writes_seen, true);
	connect_as(CONNECTS(LOCKED NO_GSS));
	check_call(true, GATE_LOOK_UP_ANY);
	play.options[0].val = disable;
	connect_as(CONNECTS(LOCKED));
	check_call(true, GATE_LOOK_UP_ANY);
	play.options[0].val = require;
	connect_as(CONNECTS(LOCKED));
	check_call(true, GATE_LOOK_UP_NONE);
	play.rules.policy.gss_encryption = PGA_ALLOW;
	connect_as(CONNECTS(LOCKED));
	check_call(true, GATE_LOOK_UP_ANY);
	/* A libpq without TLS, or without GSSAPI. */
	atomic_store(&libpq.writes_seen, false);
	connect_as(CONNECTS("dbname=host=h "));
	check_call(true, GATE_LOOK_UP_NONE);
	play.rules.policy.gss_encryption = PGA_REFUSE;
	play.options[0].keyword = NULL;
	atomic_store(&libpq.writes_seen, true);
	connect_as(CONNECTS(LOCKED));
	check_call(true, GATE_LOOK_UP_ANY);
}

/* One of the keyring's is for a connection that is held to TLS, to all of its hosts; and its file
 * is the call's. */
static void a_password_is_handed_over(void **state)
{
	(void)state;
	begin();
	play.has_password = true;
	play.verdict.lock_gss = play.verdict.lock_min_tls = true;
	play.rules.policy.channel_binding = PGA_BINDING_REQUIRE;
	(void)snprintf(play.verdict.auth, sizeof play.verdict.auth, "md5");
	connect_as(CONNECTS(LOCKED NO_GSS "ssl_min_protocol_version=TLSv1.3 "
					  "channel_binding=require require_auth=md5 "
					  "passfile=the keyring's "));
	assert_true(play.held && play.before.passfile > STDERR_FILENO);
	assert_int_equal(fcntl(play.before.passfile, F_GETFD), -1);
	assert_ptr_equal(play.looked_back, CONN);
	/* A ping asks for none. */
	begin();
	play.has_password = true;
	(void)gate_PQping(&libpq, false, "host=h");
	assert_false(play.held);
	for (int i = 0; i < 4; i++) {
		begin();
		play.has_password = true;
		play.verdict.needs_tls = i != 0;
		play.verdict.local = i == 1;
		play.verdict.exempt = i == 2;
		play.rules.policy.mode = i == 3 ? PGA_MODE_AUDIT : PGA_MODE_ENFORCE;
		(void)gate_PQconnectdb(&libpq, false, "host=h");
		assert_true(!play.held && play.before.passfile == -1);
	}
	pga_text_free(&play.did);
}

#define UNBEGUN "unbegun(target_session_attrs=refused-by-pganchor)"

static void what_is_refused_does_not_begin(void **state)
{
	(void)state;
	begin();
	play.admitted = play.verdict.allowed = false;
	connect_as("judge(parameters) " UNBEGUN " refuse(why)");
	play.no_connection = true;
	connect_as("judge(parameters) " UNBEGUN);
	/* Of what is refused, nobody asks what is seen. */
	play.sessions_seen = play.lookups_seen = false;
	connect_as("judge(parameters) " UNBEGUN);
	/* Nor does anything begin where the rules are not known. */
	begin();
	play.admitted = play.verdict.allowed = false;
	play.verdict.lock_min_tls = true;
	play.no_rules = true;
	connect_as("judge(parameters) " UNBEGUN " refuse(why)");
	/* In audit mode it does, and is told. */
	begin();
	play.verdict.allowed = false;
	play.rules.policy.mode = PGA_MODE_AUDIT;
	connect_as("judge(parameters) log(why) connect(dbname=host=h 1) tell");
	play.ambiguous = true;
	connect_as("judge(parameters) log(ambiguous: why) connect(dbname=host=h 1) tell");
}

static void what_is_not_seen_is_refused(void **state)
{
	(void)state;
	begin();
	play.sessions_seen = false;
	connect_as("judge(parameters) " UNBEGUN " refuse(why; unseen)");
	play.rules.policy.mode = PGA_MODE_AUDIT;
	connect_as("judge(parameters) log(why; unseen) connect(dbname=host=h 1) tell");
	/* Of what needs no TLS, the lookups alone. */
	play.rules.policy.mode = PGA_MODE_ENFORCE;
	play.verdict.needs_tls = false;
	play.verdict.exempt = true;
	connect_as(CONNECTS("dbname=host=h "));
	play.sessions_seen = true;
	play.lookups_seen = false;
	connect_as("judge(parameters) " UNBEGUN " refuse(why; unseen)");
}

/* What libpq does not take, it says itself; and nothing may come of it. */
static void what_libpq_does_not_take_is_not_judged(void **state)
{
	(void)state;
	begin();
	play.asked = 1;
	connect_as("connect(dbname=host=h 1) tell");
	check_call(false, GATE_LOOK_UP_NONE);
	play.rules.policy.mode = PGA_MODE_AUDIT;
	connect_as("connect(dbname=host=h 1) tell");
	check_call(false, GATE_LOOK_UP_ANY);
	play.asked = -1;
	connect_as(UNBEGUN " refuse(pganchor refused this connection: out of memory)");
}

/* The parameters with their locks, two blocks, and the call. */
static void without_memory_nothing_begins(void **state)
{
	static const char *const nothing = NULL;

	(void)state;
	for (int blocks = 1; blocks <= 3; blocks++) {
		begin();
		play.blocks_left = blocks;
		assert_null(gate_PQconnectdb(&libpq, false, "host=h"));
		play.blocks_left = blocks;
		assert_int_equal(gate_PQpingParams(&libpq, false, &nothing, &nothing, 0),
				 PQPING_NO_ATTEMPT);
		check_did("judge(parameters) judge(parameters)");
	}
}

/* What has begun within a call is forgotten with it. */
static void a_call_comes_to_its_end(void **state)
{
	static const char *const nothing = NULL;

	(void)state;
	begin();
	play.begins = true;
	connect_as(CONNECTS(LOCKED));
	assert_int_equal(play.acquired, 2);
	assert_int_equal(gate_PQpingParams(&libpq, false, &nothing, &nothing, 0), PQPING_REJECT);
	assert_int_equal(play.acquired, 4);
	check_did("judge(parameters) ping(sslmode=verify-full 0)");
}

/* Another thread has made another host of it. */
static void a_lookup_that_was_refused_is_told(void **state)
{
	(void)state;
	begin();
	play.lookup_refused = true;
	connect_as("judge(parameters) connect(" LOCKED
		   "1) refuse(pganchor refused this connection: "
		   "its host was changed while it was looked at\n    another thread of this "
		   "program changes its environment, or somebody the service file) tell");
	play.no_connection = true;
	connect_as("judge(parameters) connect(" LOCKED "1) tell nothing");
}

static void a_connection_string_is_taken_as_libpq_takes_it(void **state)
{
	(void)state;
	begin();
	/* One that is none as the value of dbname is parsed: it says something or nothing. */
	assert_ptr_equal(gate_PQconnectdb(&libpq, false, "postgres://h"), CONN);
	play.says_nothing = true;
	assert_ptr_equal(gate_PQconnectdb(&libpq, false, ""), CONN);
	assert_int_equal(play.parsed_freed, 2);
	assert_int_equal(play.messages_freed, 0);
	check_did("judge(parameters) connect(dbname=postgres://h sslmode=verify-full 1) tell "
		  "judge(parameters) connect(sslmode=verify-full 1) tell");
	play.parse_fails = play.parse_tells = true;
	assert_ptr_equal(gate_PQconnectdb(&libpq, false, "bad"), CONN);
	assert_ptr_equal(gate_PQconnectStart(&libpq, false, "bad"), CONN);
	assert_int_equal(gate_PQping(&libpq, false, "bad"), PQPING_NO_RESPONSE);
	assert_int_equal(play.messages_freed, 3);
	assert_int_equal(play.parsed_freed, 2);
	play.parse_tells = false;
	assert_ptr_equal(gate_PQconnectdb(&libpq, false, "bad"), CONN);
	assert_ptr_equal(gate_PQconnectdb(&libpq, false, NULL), CONN);
	check_did("connectdb(bad) connectStart(bad) ping(bad) connectdb(bad) connectdb(NULL)");
	assert_ptr_equal(gate_PQconnectStart(&libpq, false, "a=b"), CONN);
	assert_int_equal(gate_PQping(&libpq, false, "a=b"), PQPING_REJECT);
	check_did("judge(parameters) start(dbname=a=b sslmode=verify-full 1) tell "
		  "judge(parameters) ping(dbname=a=b sslmode=verify-full 1)");
	check_call(true, GATE_LOOK_UP_ANY);
}

static void libpqs_own_calls_pass(void **state)
{
	static const char *const keywords[] = {"host", "port", NULL};
	static const char *const values[] = {"h", NULL, NULL};

	(void)state;
	begin();
	(void)gate_PQconnectdb(&libpq, true, "x=y");
	(void)gate_PQconnectStart(&libpq, true, "x=y");
	(void)gate_PQping(&libpq, true, "x=y");
	(void)gate_PQconnectdbParams(&libpq, true, keywords, values, 0);
	(void)gate_PQconnectStartParams(&libpq, true, keywords, values, 0);
	(void)gate_PQpingParams(&libpq, true, keywords, values, 0);
	(void)gate_PQsetdbLogin(&libpq, true, "h", "1", "o", "t", "d", "u", "p");
	check_did("connectdb(x=y) connectStart(x=y) ping(x=y) connect(host=h port=- 0) "
		  "start(host=h port=- 0) ping(host=h port=- 0) login(h 1 o t d u p)");
	/* A program's, that leaves out one of the two. */
	(void)gate_PQconnectdbParams(&libpq, false, NULL, values, 0);
	(void)gate_PQconnectStartParams(&libpq, false, NULL, values, 0);
	(void)gate_PQpingParams(&libpq, false, NULL, values, 0);
	check_did("connect(0) start(0) ping(0)");
	(void)gate_PQconnectdbParams(&libpq, false, keywords + 2, NULL, 0);
	(void)gate_PQconnectStartParams(&libpq, false, keywords + 2, NULL, 0);
	(void)gate_PQpingParams(&libpq, false, keywords + 2, NULL, 0);
	check_did("connect(0) start(0) ping(0)");
	(void)gate_PQconnectdbParams(&libpq, false, keywords, values, 0);
	(void)gate_PQconnectStartParams(&libpq, false, keywords, values, 1);
	(void)gate_PQsetdbLogin(&libpq, false, "h", "1", "o", "t", "d", "u", "p");
	check_did("judge(parameters) connect(host=h port=- sslmode=verify-full 0) tell "
		  "judge(parameters) start(host=h port=- sslmode=verify-full 1) tell "
		  "judge(parameters) connect(dbname=d host=h port=1 options=o user=u password=p "
		  "sslmode=verify-full 1) tell");
}

static void a_ping_is_judged(void **state)
{
	static const char *const keywords[] = {"host", NULL};
	static const char *const values[] = {"h", NULL};

	(void)state;
	begin();
	assert_int_equal(gate_PQpingParams(&libpq, false, keywords, values, 0), PQPING_REJECT);
	check_did("judge(parameters) ping(host=h sslmode=verify-full 0)");
	check_call(true, GATE_LOOK_UP_ANY);
	play.admitted = play.verdict.allowed = false;
	assert_int_equal(gate_PQpingParams(&libpq, false, keywords, values, 0), PQPING_NO_ATTEMPT);
	check_did("judge(parameters) notice(why)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_judged_is_locked),
	    cmocka_unit_test(a_socket_is_held),
	    cmocka_unit_test(a_password_is_handed_over),
	    cmocka_unit_test(what_is_refused_does_not_begin),
	    cmocka_unit_test(what_is_not_seen_is_refused),
	    cmocka_unit_test(what_libpq_does_not_take_is_not_judged),
	    cmocka_unit_test(without_memory_nothing_begins),
	    cmocka_unit_test(a_call_comes_to_its_end),
	    cmocka_unit_test(a_lookup_that_was_refused_is_told),
	    cmocka_unit_test(a_connection_string_is_taken_as_libpq_takes_it),
	    cmocka_unit_test(libpqs_own_calls_pass),
	    cmocka_unit_test(a_ping_is_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
