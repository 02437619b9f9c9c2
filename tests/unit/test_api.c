/* pganchor.h: what a program that asks the gate itself is told. What is judged, and how, is the
 * test's. */
#include "cmocka_start.h"

#include "gate/libpq.h"
#include "gate/rules.h"
#include "gate/wrappers.h"
#include "pganchor.h"
#include "policy/explain.h"

#include <stdlib.h>
#include <string.h>

#define CONN ((PGconn *)(void *)&play)

static struct {
	struct gate_libpq libpq;
	struct gate_rules rules;
	bool no_libpq, no_rules, no_settings, refuses;
	bool parse_fails, parse_tells;
	bool bad, weak;
	bool empty; /* nothing is asked of libpq */
	const char *keyword, *value;
	int expand;
	int effective_freed, verdicts_freed, acquired, released, traced, parsed_freed,
	    messages_freed;
	PQconninfoOption options[1];
} play;

/* What the linker leads here (--wrap). */
struct gate_libpq *__wrap_gate_libpq_any(void);
struct gate_libpq *__wrap_gate_libpq_of(const void *caller, bool *internal);
int __wrap_pga_effective_ask(const struct pga_libpq *calls, const struct pga_parameters *parameters,
			     struct pga_effective *effective, struct pga_error *error);
void __wrap_pga_effective_trace(const struct pga_libpq *calls,
				const struct pga_parameters *parameters,
				struct pga_effective *effective);
void __wrap_pga_effective_free(const struct pga_libpq *calls, struct pga_effective *effective);
const struct gate_rules *__wrap_gate_rules_acquire(void);
void __wrap_gate_rules_release(const struct gate_rules *rules);
void __wrap_pga_judge(const struct pga_effective *effective, const struct pga_policy *policy,
		      struct pga_verdict *verdict);
void __wrap_pga_verdict_free(struct pga_verdict *verdict);
void __wrap_pga_explain_verdict(const struct pga_effective *effective,
				const struct pga_policy *policy, const struct pga_verdict *verdict,
				const char *but, struct pga_text *text);
PGconn *__wrap_gate_at_PQconnectdbParams(struct gate_libpq *libpq, bool internal,
					 const char *const *keywords, const char *const *values,
					 int expand_dbname);
PGconn *__wrap_gate_at_PQconnectdb(struct gate_libpq *libpq, bool internal, const char *conninfo);
enum pga_mode __wrap_gate_conn_judge(struct gate_libpq *libpq, PGconn *conn, bool *holds,
				     struct pga_text *refusal);
void __wrap_pga_explain_settings(const struct pga_effective *effective, bool all,
				 struct pga_text *text);

struct gate_libpq *__wrap_gate_libpq_any(void)
{
	return play.no_libpq ? NULL : &play.libpq;
}

struct gate_libpq *__wrap_gate_libpq_of(const void *caller, bool *internal)
{
	assert_non_null(caller);
	assert_null(internal);
	return play.no_libpq ? NULL : &play.libpq;
}

static void check_parameters(const struct pga_libpq *calls, const struct pga_parameters *parameters)
{
	assert_ptr_equal(calls, &play.libpq.calls);
	assert_int_equal(parameters->expand_dbname, play.expand);
	if (play.empty) {
		assert_null(parameters->keywords[0]);
		return;
	}
	assert_string_equal(parameters->keywords[0], play.keyword);
	assert_string_equal(parameters->values[0], play.value);
	assert_null(parameters->keywords[1]);
}

int __wrap_pga_effective_ask(const struct pga_libpq *calls, const struct pga_parameters *parameters,
			     struct pga_effective *effective, struct pga_error *error)
{
	check_parameters(calls, parameters);
	if (play.no_settings)
		return pga_fail(error, NULL, "libpq refuses");
	effective->options = play.options;
	return 0;
}

void __wrap_pga_effective_trace(const struct pga_libpq *calls,
				const struct pga_parameters *parameters,
				struct pga_effective *effective)
{
	check_parameters(calls, parameters);
	assert_ptr_equal(effective->options, play.options);
	play.traced++;
}

void __wrap_pga_effective_free(const struct pga_libpq *calls, struct pga_effective *effective)
{
	assert_ptr_equal(calls, &play.libpq.calls);
	assert_non_null(effective);
	play.effective_freed++;
}

const struct gate_rules *__wrap_gate_rules_acquire(void)
{
	assert_int_equal(play.traced, 1);
	play.acquired += !play.no_rules;
	return play.no_rules ? NULL : &play.rules;
}

void __wrap_gate_rules_release(const struct gate_rules *rules)
{
	play.released += rules == &play.rules;
}

void __wrap_pga_judge(const struct pga_effective *effective, const struct pga_policy *policy,
		      struct pga_verdict *verdict)
{
	assert_ptr_equal(effective->options, play.options);
	assert_ptr_equal(policy, &play.rules.policy);
	verdict->allowed = !play.refuses;
	if (play.refuses)
		pga_text_add(&verdict->why, "too weak");
}

void __wrap_pga_verdict_free(struct pga_verdict *verdict)
{
	pga_text_free(&verdict->why);
	play.verdicts_freed++;
}

void __wrap_pga_explain_verdict(const struct pga_effective *effective,
				const struct pga_policy *policy, const struct pga_verdict *verdict,
				const char *but, struct pga_text *text)
{
	assert_ptr_equal(effective->options, play.options);
	assert_ptr_equal(policy, &play.rules.policy);
	assert_int_equal(verdict->allowed, !play.refuses);
	assert_null(but);
	pga_text_add(text, "all of it\n");
}

void __wrap_pga_explain_settings(const struct pga_effective *effective, bool all,
				 struct pga_text *text)
{
	assert_ptr_equal(effective->options, play.options);
	assert_true(all);
	pga_text_add(text, "every one\n");
}

PGconn *__wrap_gate_at_PQconnectdbParams(struct gate_libpq *libpq, bool internal,
					 const char *const *keywords, const char *const *values,
					 int expand_dbname)
{
	const struct pga_parameters parameters = {keywords, values, expand_dbname};

	assert_false(internal);
	if (libpq == NULL)
		return NULL;
	check_parameters(&libpq->calls, &parameters);
	return CONN;
}

PGconn *__wrap_gate_at_PQconnectdb(struct gate_libpq *libpq, bool internal, const char *conninfo)
{
	assert_false(internal);
	assert_string_equal(conninfo, "host=h");
	return libpq != NULL ? CONN : NULL;
}

enum pga_mode __wrap_gate_conn_judge(struct gate_libpq *libpq, PGconn *conn, bool *holds,
				     struct pga_text *refusal)
{
	assert_true(libpq == &play.libpq && conn == CONN);
	*holds = !play.weak;
	pga_text_add(refusal, play.weak ? "weak session" : "told for nothing");
	return PGA_MODE_AUDIT;
}

static PQconninfoOption *parse(const char *conninfo, char **message)
{
	assert_non_null(conninfo);
	if (play.parse_tells)
		*message = strdup("first line\nsecond line\n");
	return play.parse_fails ? NULL : play.options;
}

static void free_parsed(PQconninfoOption *options)
{
	assert_ptr_equal(options, play.options);
	play.parsed_freed++;
}

static void free_message(void *message)
{
	free(message);
	play.messages_freed++;
}

static ConnStatusType status(const PGconn *conn)
{
	assert_ptr_equal(conn, CONN);
	return play.bad ? CONNECTION_BAD : CONNECTION_OK;
}

static int begin(void **state)
{
	(void)state;
	memset(&play, 0, sizeof play);
	play.keyword = "dbname";
	play.value = "host=h";
	play.expand = 1;
	play.libpq.calls = (struct pga_libpq){.PQconninfoParse = parse,
					      .PQconninfoFree = free_parsed,
					      .PQfreemem = free_message,
					      .PQstatus = status};
	return 0;
}

/* What was taken is given back. */
static int end(void **state)
{
	(void)state;
	return play.acquired == play.released ? 0 : -1;
}

static void judges(const char *conninfo, enum pganchor_verdict expected, const char *expected_why)
{
	char untouched;
	char *why = &untouched;
	const int freed = play.verdicts_freed;
	const int effective_freed = play.effective_freed;

	play.traced = 0;
	assert_int_equal(pganchor_judge(conninfo, &why), expected);
	if (expected_why == NULL)
		assert_null(why);
	else
		assert_string_equal(why, expected_why);
	pganchor_free(why);
	assert_int_equal(play.verdicts_freed, freed + 1);
	assert_int_equal(play.effective_freed, effective_freed + !play.no_libpq);
	play.traced = 0;
	assert_int_equal(pganchor_judge(conninfo, NULL), expected);
}

#define NO_LIBPQ "no libpq in this process, and libpq.so.5 could not be loaded"

static void each_verdict_and_its_reasons(void **state)
{
	(void)state;
	judges("host=h", PGANCHOR_ALLOWED, NULL);
	assert_int_equal(play.parsed_freed, 2);
	play.refuses = true;
	judges("host=h", PGANCHOR_REFUSED, "too weak");
	play.rules.broken = true;
	(void)strcpy(play.rules.error.message, "broken rules");
	judges("host=h", PGANCHOR_ERROR, "broken rules");
	play.no_rules = true;
	judges("host=h", PGANCHOR_ERROR, "out of memory");
	play.no_settings = true;
	judges("host=h", PGANCHOR_ERROR, "libpq refuses");
	assert_int_equal(play.traced, 0);
	play.no_libpq = true;
	judges("host=h", PGANCHOR_ERROR, NO_LIBPQ);
	pganchor_free(NULL);
}

static void what_is_no_connection_string(void **state)
{
	(void)state;
	play.parse_fails = play.parse_tells = true;
	judges("host=h", PGANCHOR_ERROR, "first line");
	assert_int_equal(play.messages_freed, 2);
	play.parse_tells = false;
	judges("host=h", PGANCHOR_ERROR, "out of memory");
	assert_int_equal(play.messages_freed, 2);
	assert_int_equal(play.parsed_freed, 0);
	/* What libpq says of one that is. */
	play.parse_fails = false;
	play.parse_tells = true;
	judges("host=h", PGANCHOR_ALLOWED, NULL);
	assert_int_equal(play.messages_freed, 4);
}

static void blanks_are_nothing(void **state)
{
	static const char *const empty[] = {"", " ", "\t", "\n", "\v", "\f", "\r", " \t\n\v\f\r"};

	(void)state;
	play.empty = true;
	for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++)
		judges(empty[i], PGANCHOR_ALLOWED, NULL);
	play.empty = false;
	play.value = "  host=h ";
	judges("  host=h ", PGANCHOR_ALLOWED, NULL);
}

static void parameters_are_judged_as_they_are(void **state)
{
	static const char *const keywords[] = {"host", NULL};
	static const char *const values[] = {"h", NULL};
	char *why = NULL;

	(void)state;
	play.keyword = "host";
	play.value = "h";
	for (int expand = 0; expand < 2; expand++) {
		play.expand = expand;
		play.traced = 0;
		assert_int_equal(pganchor_judge_params(keywords, values, expand, &why),
				 PGANCHOR_ALLOWED);
		assert_null(why);
	}
	play.refuses = true;
	play.traced = 0;
	assert_int_equal(pganchor_judge_params(keywords, values, 1, &why), PGANCHOR_REFUSED);
	assert_string_equal(why, "too weak");
	pganchor_free(why);
	play.no_libpq = true;
	play.traced = 0;
	assert_int_equal(pganchor_judge_params(keywords, values, 1, &why), PGANCHOR_ERROR);
	assert_string_equal(why, NO_LIBPQ);
	pganchor_free(why);
	assert_int_equal(play.verdicts_freed, 4);
	assert_int_equal(play.effective_freed, 3);
	assert_int_equal(play.parsed_freed, 0);
}

static void explains(enum pganchor_verdict expected, const char *text)
{
	enum pganchor_verdict verdict = (enum pganchor_verdict)7;
	char *told;

	play.traced = 0;
	told = pganchor_explain("host=h", &verdict);
	assert_int_equal(verdict, expected);
	assert_string_equal(told, text);
	pganchor_free(told);
	play.traced = 0;
	told = pganchor_explain("host=h", NULL);
	assert_string_equal(told, text);
	pganchor_free(told);
}

static void what_is_explained(void **state)
{
	(void)state;
	explains(PGANCHOR_ALLOWED, "all of it\n\nevery one\n");
	play.refuses = true;
	explains(PGANCHOR_REFUSED, "all of it\n\nevery one\n");
	play.no_settings = true;
	explains(PGANCHOR_ERROR, "libpq refuses\n");
	assert_int_equal(play.verdicts_freed, 6);
}

static void connections_go_through_the_gate(void **state)
{
	static const char *const keywords[] = {"host", NULL};
	static const char *const values[] = {"h", NULL};

	(void)state;
	play.keyword = "host";
	play.value = "h";
	for (play.expand = 0; play.expand < 2; play.expand++)
		assert_ptr_equal(pganchor_connect_params(keywords, values, play.expand), CONN);
	assert_ptr_equal(pganchor_connect("host=h"), CONN);
	play.no_libpq = true;
	assert_null(pganchor_connect_params(keywords, values, 1));
	assert_null(pganchor_connect("host=h"));
}

static void verifies(PGconn *conn, enum pganchor_verdict expected, const char *expected_why)
{
	char untouched;
	char *why = &untouched;

	assert_int_equal(pganchor_verify(conn, &why), expected);
	if (expected_why == NULL)
		assert_null(why);
	else
		assert_string_equal(why, expected_why);
	pganchor_free(why);
	assert_int_equal(pganchor_verify(conn, NULL), expected);
}

static void a_connection_that_stands_is_verified(void **state)
{
	(void)state;
	verifies(CONN, PGANCHOR_ALLOWED, NULL);
	play.weak = true;
	verifies(CONN, PGANCHOR_REFUSED, "weak session");
	verifies(NULL, PGANCHOR_ERROR, "the connection is not established");
	play.bad = true;
	verifies(CONN, PGANCHOR_ERROR, "the connection is not established");
	play.bad = false;
	play.no_libpq = true;
	verifies(CONN, PGANCHOR_ERROR, "the connection is not established");
	assert_string_equal(pganchor_version(), PACKAGE_VERSION);
}

#define FRESH(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    FRESH(each_verdict_and_its_reasons),
	    FRESH(what_is_no_connection_string),
	    FRESH(blanks_are_nothing),
	    FRESH(parameters_are_judged_as_they_are),
	    FRESH(what_is_explained),
	    FRESH(connections_go_through_the_gate),
	    FRESH(a_connection_that_stands_is_verified),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
