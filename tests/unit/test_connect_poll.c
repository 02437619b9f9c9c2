/* gate/connect_poll.c: PQconnectPoll, and connections that begin again. */
#include "cmocka_start.h"

#include "played_gate.h"

#include "gate/connect_poll.h"

/* ---- PQconnectPoll ---- */

static void poll_as(PostgresPollingStatusType expected, const char *does)
{
	assert_int_equal(gate_PQconnectPoll(&libpq, false, CONN), expected);
	check_did(does);
}

static void a_connection_that_begins_is_judged(void **state)
{
	(void)state;
	begin();
	poll_as(PGRES_POLLING_WRITING, "forget judge poll tell");
	assert_ptr_equal(play.before.begun, CONN);
	assert_ptr_equal(play.before.begun_rules, &play.rules);
	assert_ptr_equal(play.before.effective.options, play.options);
	assert_int_equal(play.settings_freed, 1);
	assert_false(atomic_load(&libpq.poll_seen));
	/* A question leads to nowhere. */
	begin();
	play.question = true;
	play.verdict.allowed = play.admitted = false;
	poll_as(PGRES_POLLING_WRITING, "forget poll tell");
	assert_null(play.before.begun);
	assert_int_equal(play.settings_freed, 1);
	begin();
	play.no_settings = true;
	poll_as(PGRES_POLLING_FAILED,
		"forget refuse unstarted(pganchor refused this connection: out of memory)");
	begin();
	play.admitted = play.verdict.allowed = false;
	play.verdict.reasons = 1;
	poll_as(PGRES_POLLING_FAILED, "forget judge refuse unstarted(why)");
	/* In audit mode it goes on, and is told. */
	begin();
	play.verdict.allowed = false;
	play.verdict.reasons = 1;
	poll_as(PGRES_POLLING_WRITING, "forget judge log(why) poll tell");
	assert_null(play.before.begun);
	begin();
	play.no_rules = true;
	play.admitted = play.verdict.allowed = false;
	poll_as(PGRES_POLLING_FAILED, "forget judge refuse unstarted(why)");
}

/* Within a call of the same libpq; what began at an entry point was told there. */
static void libpqs_own_step_is_of_the_call(void **state)
{
	struct gate_call *call;
	struct gate_libpq other;

	(void)state;
	begin();
	play.verdict.reasons = 1;
	call = gate_call_begin(&libpq);
	call->judged = true;
	assert_int_equal(gate_PQconnectPoll(&libpq, true, CONN), PGRES_POLLING_WRITING);
	assert_true(atomic_load(&libpq.poll_seen));
	assert_ptr_equal(play.before.list, call->list);
	assert_null(play.before.outer);
	assert_ptr_equal(call->begun, CONN);
	call->judged = false;
	call->ambiguous = true;
	assert_int_equal(gate_PQconnectPoll(&libpq, true, CONN), PGRES_POLLING_WRITING);
	/* A program's own step is a call of its own, and so is one within another libpq's. */
	assert_int_equal(gate_PQconnectPoll(&libpq, false, CONN), PGRES_POLLING_WRITING);
	assert_ptr_equal(play.before.outer, call);
	other = libpq;
	call->libpq = &other;
	assert_int_equal(gate_PQconnectPoll(&libpq, true, CONN), PGRES_POLLING_WRITING);
	assert_ptr_equal(play.before.outer, call);
	call->libpq = &libpq;
	/* One that was refused is over once, and no step after it. */
	play.status = CONNECTION_STARTED;
	play.refused_inside = true;
	assert_int_equal(gate_PQconnectPoll(&libpq, true, CONN), PGRES_POLLING_FAILED);
	play.refused_inside = false;
	assert_int_equal(gate_PQconnectPoll(&libpq, true, CONN), PGRES_POLLING_WRITING);
	gate_call_end(call);
	check_did("forget judge poll tell forget judge log(ambiguous: why) poll tell "
		  "forget judge log(why) poll tell forget judge log(why) poll tell "
		  "poll tell end(0) poll tell");
}

static void a_connection_that_was_made_is_looked_at(void **state)
{
	(void)state;
	begin();
	play.status = CONNECTION_STARTED;
	poll_as(PGRES_POLLING_WRITING, "poll tell");
	play.status = CONNECTION_MADE;
	play.holds = true;
	poll_as(PGRES_POLLING_WRITING, "judge(session) session poll tell");
	/* Where its SSL_write() is seen, it is looked at then. */
	play.tls = 1;
	poll_as(PGRES_POLLING_WRITING, "judge(session) session poll tell");
	atomic_store(&libpq.writes_seen, true);
	poll_as(PGRES_POLLING_WRITING, "poll tell");
	play.tls = 0;
	poll_as(PGRES_POLLING_WRITING, "judge(session) session poll tell");
	play.holds = false;
	play.dead = 5;
	poll_as(PGRES_POLLING_FAILED, "judge(session) session cut end(5) refuse(weak session)");
	play.rules.policy.mode = PGA_MODE_AUDIT;
	poll_as(PGRES_POLLING_WRITING, "judge(session) session log(weak session) poll tell");
	play.holds = true;
	poll_as(PGRES_POLLING_WRITING, "judge(session) session poll tell");
	/* What was refused within it is over at once. */
	play.status = CONNECTION_STARTED;
	play.refused_inside = true;
	poll_as(PGRES_POLLING_FAILED, "poll tell end(5)");
}

/* By what was found out as it began, in this call; else by a look at its settings. */
static void a_session_is_judged_by_what_is_known(void **state)
{
	struct pga_text refusal = PGA_TEXT_EMPTY;
	struct gate_libpq other;
	struct gate_call *call;
	bool holds = false;

	(void)state;
	begin();
	call = gate_call_begin(&libpq);
	call->begun = CONN;
	call->begun_rules = __wrap_gate_rules_acquire();
	call->effective.options = play.options;
	play.holds = true;
	assert_int_equal(gate_conn_judge(&libpq, CONN, &holds, &refusal), PGA_MODE_ENFORCE);
	assert_true(holds);
	play.holds = false;
	play.rules.policy.mode = PGA_MODE_AUDIT;
	call->ambiguous = true;
	assert_int_equal(gate_conn_judge(&libpq, CONN, &holds, &refusal), PGA_MODE_AUDIT);
	assert_false(holds);
	pga_text_free(&refusal);
	assert_true(gate_conn_holds(&libpq, CONN, &refusal));
	play.rules.policy.mode = PGA_MODE_ENFORCE;
	assert_false(gate_conn_holds(&libpq, CONN, &refusal));
	/* Another object's, or another libpq's, is none. */
	call->begun = (PGconn *)(void *)&started;
	assert_int_equal(gate_conn_judge(&libpq, CONN, &holds, &refusal), PGA_MODE_ENFORCE);
	call->begun = CONN;
	other = libpq;
	call->libpq = &other;
	assert_int_equal(gate_conn_judge(&libpq, CONN, &holds, &refusal), PGA_MODE_ENFORCE);
	call->libpq = &libpq;
	gate_call_end(call);
	check_did("session session log(ambiguous: weak session) "
		  "session log(ambiguous: weak session) session "
		  "judge(session) session judge(session) session");
	pga_text_free(&refusal);
	/* In no call. */
	begin();
	play.rules.policy.mode = PGA_MODE_AUDIT;
	assert_int_equal(gate_conn_judge(&libpq, CONN, &holds, &refusal), PGA_MODE_AUDIT);
	assert_false(holds);
	check_did("judge(session) session log(weak session)");
	pga_text_free(&refusal);
	/* Its settings are refused, are not known, or there are no rules: it does not hold. */
	begin();
	play.holds = true;
	play.verdict.allowed = false;
	play.rules.policy.mode = PGA_MODE_AUDIT;
	holds = true;
	assert_int_equal(gate_conn_judge(&libpq, CONN, &holds, &refusal), PGA_MODE_AUDIT);
	assert_false(holds);
	play.rules.broken = true;
	holds = true;
	assert_int_equal(gate_conn_judge(&libpq, CONN, &holds, &refusal), PGA_MODE_ENFORCE);
	assert_false(holds);
	play.rules.broken = false;
	play.no_rules = true;
	play.verdict.allowed = true;
	assert_int_equal(gate_conn_judge(&libpq, CONN, &holds, &refusal), PGA_MODE_ENFORCE);
	assert_false(holds);
	assert_string_equal(pga_text_string(&refusal), "whywhywhy");
	pga_text_free(&refusal);
	assert_int_equal(play.settings_freed, 3);
	play.no_rules = false;
	play.no_settings = true;
	holds = true;
	assert_int_equal(gate_conn_judge(&libpq, CONN, &holds, &refusal), PGA_MODE_ENFORCE);
	assert_false(holds);
	assert_string_equal(pga_text_string(&refusal),
			    "pganchor refused this connection: out of memory");
	pga_text_free(&refusal);
	check_did("judge(session) judge(session) judge(session)");
}

/* Whether libpq's own calls come by is tried once. */
static void own_calls_are_seen_or_not(void **state)
{
	(void)state;
	begin();
	play.polls_itself = true;
	assert_true(gate_sees_polls(&libpq));
	assert_true(gate_sees_polls(&libpq));
	assert_int_equal(play.finished, 1);
	check_did("try");
	/* From then on its steps are steps. */
	assert_int_equal(gate_PQconnectPoll(&libpq, true, CONN), PGRES_POLLING_WRITING);
	check_did("forget judge poll tell");
	begin();
	play.others_poll = true;
	assert_false(gate_sees_polls(&libpq));
	check_did("try forget judge poll tell");
	begin();
	play.finished = 1;
	assert_false(gate_sees_polls(&libpq));
	assert_false(gate_sees_polls(&libpq));
	assert_int_equal(play.finished, 2);
	check_did("try");
	begin();
	play.no_connection = true;
	assert_false(gate_sees_polls(&libpq));
	assert_int_equal(play.finished, 0);
	begin();
	atomic_store(&libpq.poll_seen, true);
	assert_true(gate_sees_polls(&libpq));
	check_did("");
}

/* ---- beginning again ---- */

static void reset_as(const char *does, bool goes_on)
{
	gate_PQreset(&libpq, false, CONN);
	did("and");
	assert_int_equal(gate_PQresetStart(&libpq, false, CONN), goes_on ? 17 : 0);
	check_did(does);
}

static void what_begins_again_is_judged(void **state)
{
	(void)state;
	begin();
	atomic_store(&libpq.poll_seen, true);
	reset_as("reset tell and start reset", true);
	/* Where its own steps are not seen, here. */
	begin();
	atomic_store(&libpq.poll_asked, true);
	reset_as("forget judge reset tell and forget judge start reset", true);
	assert_int_equal(play.settings_freed, 2);
	play.verdict.reasons = 1;
	reset_as("forget judge log(why) reset tell and forget judge log(why) start reset", true);
	play.admitted = false;
	reset_as("forget judge cut refuse(why) and forget judge cut refuse(why)", false);
	play.dead = 3;
	reset_as("forget judge cut consume refuse(why) and forget judge cut consume refuse(why)",
		 false);
	play.no_settings = true;
	reset_as("forget and forget", false);
	/* Of no object libpq says what there is to say. */
	gate_PQreset(&libpq, false, NULL);
	check_did("reset tell nothing");
	assert_int_equal(gate_PQresetPoll(&libpq, false, CONN), PGRES_POLLING_WRITING);
	assert_ptr_equal(play.before.libpq, &libpq);
	check_did("poll reset tell");
}

/* What has begun within a call is forgotten with it; without memory for one nothing is done. */
static void calls_come_to_their_ends(void **state)
{
	(void)state;
	begin();
	atomic_store(&libpq.poll_seen, true);
	play.begins = true;
	reset_as("reset tell and start reset", true);
	assert_int_equal(play.acquired, 2);
	assert_int_equal(gate_PQresetPoll(&libpq, false, CONN), PGRES_POLLING_WRITING);
	assert_int_equal(play.acquired, 3);
	check_did("poll reset tell");
	play.begins = false;
	play.blocks_left = 1;
	assert_int_equal(gate_PQresetPoll(&libpq, false, CONN), PGRES_POLLING_FAILED);
	play.blocks_left = 1;
	assert_int_equal(gate_PQconnectPoll(&libpq, false, CONN), PGRES_POLLING_FAILED);
	play.blocks_left = 1;
	gate_PQreset(&libpq, false, CONN);
	play.blocks_left = 1;
	assert_int_equal(gate_PQresetStart(&libpq, false, CONN), 0);
	check_did("");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_connection_that_begins_is_judged),
	    cmocka_unit_test(libpqs_own_step_is_of_the_call),
	    cmocka_unit_test(a_connection_that_was_made_is_looked_at),
	    cmocka_unit_test(a_session_is_judged_by_what_is_known),
	    cmocka_unit_test(own_calls_are_seen_or_not),
	    cmocka_unit_test(what_begins_again_is_judged),
	    cmocka_unit_test(calls_come_to_their_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
