/* What the gate hangs on a connection that it has refused, and what it answers in libpq's place.
 * libpq is played by the test. */
#include "cmocka_start.h"

#include "gate/refusal.h"
#include "gate_fakes.h"
#include "refused_libpq.h"
#include "settings.h"

#include <malloc.h>

static void what_was_refused_says_so(void **state)
{
	PGEventConnReset about = {the_connection()};

	(void)state;
	libpq = fake_libpq();
	assert_string_equal(message(), OWN);
	gate_refuse(libpq, the_connection(), "refused: first");
	assert_string_equal(message(), "refused: first\n");
	assert_string_equal(fake.error, TOLD("refused: first"));
	assert_string_equal(gate_PQhost(libpq, false, the_connection()), "db.example.com");
	assert_string_equal(gate_PQpass(libpq, false, the_connection()), "its password");
	gate_refuse(libpq, the_connection(), "refused: second");
	assert_string_equal(message(), "refused: second\n");
	/* Another event changes nothing. */
	assert_int_equal(fake.proc(PGEVT_CONNRESET, &about, libpq), 1);
	assert_string_equal(message(), "refused: second\n");
	gate_forget(libpq, the_connection());
	assert_string_equal(message(), TOLD("refused: second"));
	gate_forget(libpq, the_connection());
	gate_refuse(libpq, the_connection(), "refused: third");
	destroy_connection();
	assert_string_equal(message(), TOLD("refused: third"));
}

static void an_old_libpq_is_told_nothing(void **state)
{
	(void)state;
	libpq = fake_libpq();
	libpq->PQencryptPasswordConn = NULL;
	gate_refuse(libpq, the_connection(), "refused");
	assert_string_equal(message(), "refused\n");
	assert_string_equal(fake.error, OWN);
	destroy_connection();
}

static int set_nothing(PGconn *conn, PGEventProc proc, void *data)
{
	(void)conn;
	(void)proc;
	(void)data;
	return 0;
}

/* What cannot be hung on an object is given back: nothing adds up. */
static void what_cannot_be_hung_is_freed(void **state)
{
	enum { TURNS = 2000 };
	size_t before = 0;

	(void)state;
	libpq = fake_libpq();
	libpq->PQsetInstanceData = set_nothing;
	for (int i = 0; i < 2 * TURNS; i++) {
		if (i == TURNS)
			before = mallinfo2().uordblks;
		fake.error = OWN;
		gate_add_note(libpq, the_connection(), "    one\n");
		assert_string_equal(message(), OWN);
		gate_refuse(libpq, the_connection(), "refused");
		assert_string_equal(message(), TOLD("refused"));
	}
	assert_true(mallinfo2().uordblks < before + TURNS);
}

static void a_note_is_added_to_libpqs_words(void **state)
{
	(void)state;
	libpq = fake_libpq();
	gate_add_note(libpq, the_connection(), "    one\n");
	assert_string_equal(message(), OWN "    one\n");
	gate_add_note(libpq, the_connection(), "    two\n");
	assert_string_equal(message(), OWN "    one\n    two\n");
	/* What failed since has other words. */
	fake.error = "others\n";
	assert_string_equal(message(), "others\n");
	gate_add_note(libpq, the_connection(), "    three\n");
	assert_string_equal(message(), "others\n    three\n");
	/* A refusal is told before it. */
	gate_refuse(libpq, the_connection(), "refused");
	assert_string_equal(message(), "refused\n");
	gate_add_note(libpq, the_connection(), "    four\n");
	assert_string_equal(message(), "refused\n");
	assert_string_equal(gate_PQhost(libpq, false, the_connection()), "db.example.com");
	destroy_connection();
}

static void what_has_not_begun_answers_itself(void **state)
{
	static const struct {
		const char *settings;
		const char *host, *hostaddr, *port;
	} rows[] = {
	    {"host=a,b hostaddr=1.2.3.4,5.6.7.8 port=1,2", "a", "1.2.3.4", "1"},
	    {"host=a port=5432", "a", "", "5432"},
	    {"host=,b hostaddr=1.2.3.4 port=,", "1.2.3.4", "1.2.3.4", ""},
	    {"", "", "", ""},
	    {"-hostaddr host=a", "a", "", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct settings settings;

		libpq = fake_libpq();
		make_settings(&settings, rows[i].settings);
		gate_refuse_unstarted(libpq, the_connection(), &settings.effective, "refused");
		assert_string_equal(message(), "refused\n");
		assert_string_equal(gate_PQhost(libpq, false, the_connection()), rows[i].host);
		assert_string_equal(gate_PQhostaddr(libpq, false, the_connection()),
				    rows[i].hostaddr);
		assert_string_equal(gate_PQport(libpq, false, the_connection()), rows[i].port);
		assert_string_equal(gate_PQpass(libpq, false, the_connection()), "");
		destroy_connection();
		fake.hostaddr = "9.9.9.9";
		assert_string_equal(gate_PQhost(libpq, false, the_connection()), "db.example.com");
		assert_string_equal(gate_PQhostaddr(libpq, false, the_connection()), "9.9.9.9");
		assert_string_equal(gate_PQport(libpq, false, the_connection()), "5432");
		assert_string_equal(gate_PQpass(libpq, false, the_connection()), "its password");
	}
	/* A libpq that has no PQhostaddr(). */
	libpq->PQhostaddr = NULL;
	assert_string_equal(gate_PQhostaddr(libpq, false, the_connection()), "");
	/* And one that has no name for the host. */
	fake.host = "";
	assert_string_equal(gate_PQhost(libpq, false, the_connection()), "");
}

static void of_no_libpq_nothing_is_known(void **state)
{
	static const char *const nothing = NULL;

	(void)state;
	assert_string_equal(gate_PQerrorMessage(NULL, false, NULL),
			    "pganchor refused this connection: it is of no libpq that the gate can "
			    "wrap\n    a process may have 32 of them, of version 10 or "
			    "later\n");
	assert_null(gate_PQhost(NULL, false, NULL));
	assert_null(gate_PQhostaddr(NULL, false, NULL));
	assert_null(gate_PQport(NULL, false, NULL));
	assert_null(gate_PQpass(NULL, false, NULL));
	/* And nothing is begun. */
	assert_null(gate_PQconnectdb(NULL, false, "host=h"));
	assert_null(gate_PQconnectStart(NULL, false, "host=h"));
	assert_null(gate_PQconnectdbParams(NULL, false, &nothing, &nothing, 0));
	assert_null(gate_PQconnectStartParams(NULL, false, &nothing, &nothing, 0));
	assert_null(gate_PQsetdbLogin(NULL, false, "h", "1", "", "", "d", "u", "p"));
	assert_int_equal(gate_PQping(NULL, false, "host=h"), PQPING_NO_ATTEMPT);
	assert_int_equal(gate_PQpingParams(NULL, false, &nothing, &nothing, 0), PQPING_NO_ATTEMPT);
	assert_int_equal(gate_PQconnectPoll(NULL, false, the_connection()), PGRES_POLLING_FAILED);
	assert_int_equal(gate_PQresetPoll(NULL, false, the_connection()), PGRES_POLLING_FAILED);
	assert_int_equal(gate_PQresetStart(NULL, false, the_connection()), 0);
	gate_PQreset(NULL, false, the_connection());
}

/* libpq's own words are told where there is no memory for more, and a later note finds some. */
static void without_memory_a_note_is_left_out(void **state)
{
	(void)state;
	for (int blocks = 0; blocks < 3; blocks++) {
		libpq = fake_libpq();
		blocks_left = blocks;
		gate_add_note(libpq, the_connection(), "a note\n");
		assert_int_equal(blocks_left, 0);
		assert_string_equal(message(), OWN);
		gate_add_note(libpq, the_connection(), "a note\n");
		assert_string_equal(message(), OWN);
		blocks_left = -1;
		gate_add_note(libpq, the_connection(), "a note\n");
		assert_string_equal(message(), OWN "a note\n");
		gate_add_note(libpq, the_connection(), "and another\n");
		assert_string_equal(message(), OWN "a note\nand another\n");
		blocks_left = blocks;
		gate_add_note(libpq, the_connection(), "and one more\n");
		blocks_left = -1;
		destroy_connection();
	}
}

/* A refusal that cannot be kept is told by libpq as far as that lets us. */
static void without_memory_libpq_tells_the_refusal(void **state)
{
	(void)state;
	libpq = fake_libpq();
	blocks_left = 0;
	gate_refuse(libpq, the_connection(), "refused");
	assert_string_equal(message(), TOLD("refused"));
	blocks_left = 1;
	gate_refuse(libpq, the_connection(), "refused again");
	assert_string_equal(message(), TOLD("refused again"));
	blocks_left = -1;
	destroy_connection();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(without_memory_a_note_is_left_out),
	    cmocka_unit_test(without_memory_libpq_tells_the_refusal),
	    cmocka_unit_test(what_was_refused_says_so),
	    cmocka_unit_test(an_old_libpq_is_told_nothing),
	    cmocka_unit_test(what_cannot_be_hung_is_freed),
	    cmocka_unit_test(a_note_is_added_to_libpqs_words),
	    cmocka_unit_test(what_has_not_begun_answers_itself),
	    cmocka_unit_test(of_no_libpq_nothing_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
