/* policy/effective.h: what is asked of libpq, and what is read of its answer. libpq itself is
 * played by the test: what the real one does is for tests/e2e. */
#include "cmocka_start.h"

#include "base/text.h"
#include "played_libpq.h"
#include "policy/secrets.h"
#include "settings.h"

static const char *const some_keywords[] = {"dbname", "user", NULL};
static const char *const some_values[] = {"host=h password=secret", NULL, NULL};
static const struct pga_parameters some = {some_keywords, some_values, 1};

static void the_tool_asks_twice(void **state)
{
	struct pga_effective effective;
	struct pga_error error;

	(void)state;
	/* The table of options has no target_session_attrs: brand_new stands in its place. */
	play("host=h brand_new=probe", "host=i brand_new=own");
	for (int i = 0; i < 2; i++) {
		const size_t at = option_of(&played.answers[i], "brand_new");
		static char name[] = "target_session_attrs";

		played.answers[i].options[at].keyword = name;
	}
	assert_int_equal(pga_effective_ask(&libpq, &some, &effective, &error), 0);
	check_asked("dbname=host=h password=secret user=NULL target_session_attrs=" PGA_PROBE " 1\n"
		    "dbname=host=h password=secret user=NULL sslmode=" PGA_PROBE " password=- 1\n");
	assert_string_equal(pga_effective_value(&effective, "host"), "h");
	assert_string_equal(pga_effective_value(&effective, "target_session_attrs"), "own");
	assert_int_equal(played.finished, 2);
	pga_effective_free(&libpq, &effective);
	assert_int_equal(played.freed, 2);
}

static void what_was_not_said_is_not_said(void **state)
{
	struct pga_effective effective;
	struct pga_error error;

	(void)state;
	play("host=h brand_new=probe", "host=i");
	for (int i = 0; i < 2; i++) {
		const size_t at = option_of(&played.answers[i], "brand_new");
		static char name[] = "target_session_attrs";

		played.answers[i].options[at].keyword = name;
	}
	assert_int_equal(pga_effective_ask(&libpq, &some, &effective, &error), 0);
	assert_string_equal(pga_effective_value(&effective, "target_session_attrs"), "");
	assert_string_equal(pga_effective_value(&effective, "host"), "h");
	pga_effective_free(&libpq, &effective);
}

static void the_gate_asks_once(void **state)
{
	struct pga_effective effective;
	struct pga_error error;

	(void)state;
	play("host=h", "");
	assert_int_equal(pga_effective_ask_quietly(&libpq, &some, &effective, &error), 0);
	check_asked("dbname=host=h password=secret user=NULL target_session_attrs=" PGA_PROBE
		    " password=- 1\n");
	assert_string_equal(pga_effective_value(&effective, "host"), "h");
	assert_string_equal(pga_effective_value(&effective, "user"), "");
	assert_null(pga_effective_value(&effective, "target_session_attrs"));
	assert_int_equal(played.finished, 1);
	pga_effective_free(&libpq, &effective);
	assert_int_equal(played.freed, 1);
	pga_effective_free(&libpq, &effective);
	assert_int_equal(played.freed, 1);
}

static void what_libpq_refuses_is_said_in_its_words(void **state)
{
	struct pga_effective effective;
	struct pga_error error;

	(void)state;
	play("", "");
	played.message = "cannot take \"secret\" here\nnor this\n";
	assert_int_equal(pga_effective_ask(&libpq, &some, &effective, &error), 1);
	assert_string_equal(error.message, "cannot take \"" PGA_MASK "\" here");
	assert_null(effective.options);
	assert_int_equal(played.finished, 1);
	assert_int_equal(pga_effective_ask_quietly(&libpq, &some, &effective, &error), 1);
	assert_int_equal(played.finished, 2);
	assert_int_equal(played.freed, 0);
}

static void without_memory_nothing_is_known(void **state)
{
	struct pga_effective effective;
	struct pga_error error;

	(void)state;
	play("", "");
	played.no_connection = true;
	assert_int_equal(pga_effective_ask(&libpq, &some, &effective, &error), -1);
	assert_string_equal(error.message, "out of memory");
	assert_int_equal(pga_effective_ask_quietly(&libpq, &some, &effective, &error), -1);
	assert_int_equal(played.finished, 0);
	play("", "");
	played.no_options = true;
	assert_int_equal(pga_effective_ask(&libpq, &some, &effective, &error), -1);
	assert_string_equal(error.message, "out of memory");
	assert_int_equal(played.finished, 1);
}

static void what_is_added_comes_last(void **state)
{
	static const char *const none[] = {NULL};
	const struct pga_parameters empty = {none, none, 0};

	(void)state;
	play("", "");
	assert_non_null(pga_effective_failed(&libpq, &some, "port", "x"));
	assert_non_null(pga_effective_failed(&libpq, &empty, "port", "x"));
	check_asked("dbname=host=h password=secret user=NULL port=x 1\nport=x 0\n");
}

/* As many as there are, and no byte of more: where they lie, nothing else does. */
static void many_parameters(void **state)
{
	enum { MANY = 40 };
	const char **keywords = calloc(MANY + 1, sizeof *keywords);
	const char **values = calloc(MANY, sizeof *values);
	struct pga_text wanted = PGA_TEXT_EMPTY;

	(void)state;
	assert_true(keywords != NULL && values != NULL);
	for (int i = 0; i < MANY; i++) {
		keywords[i] = i % 2 == 0 ? "host" : "user";
		values[i] = i % 3 == 0 ? "a" : "b";
		pga_text_addf(&wanted, "%s=%s ", keywords[i], values[i]);
	}
	pga_text_add(&wanted, "port=x 1\n");
	play("", "");
	assert_non_null(pga_effective_failed(&libpq, &(struct pga_parameters){keywords, values, 1},
					     "port", "x"));
	check_asked(pga_text_string(&wanted));
	pga_text_free(&wanted);
	free(keywords);
	free(values);
}

static void which_string_libpq_may_quote(void **state)
{
	static const char *const keywords[] = {"host", "dbname", "dbname", NULL};
	static const char *const values[] = {"h", "a=b", "c=d", NULL};
	static const char *const without_first[] = {"h", NULL, "c=d", NULL};

	(void)state;
	assert_string_equal(pga_effective_given(&(struct pga_parameters){keywords, values, 1}),
			    "a=b");
	assert_string_equal(
	    pga_effective_given(&(struct pga_parameters){keywords, without_first, 1}), "c=d");
	assert_null(pga_effective_given(&(struct pga_parameters){keywords, values, 0}));
	assert_null(pga_effective_given(&(struct pga_parameters){keywords + 3, values + 3, 1}));
}

static void when_oauth_is_unsafe(void **state)
{
	static const struct {
		const char *value;
		bool expected;
	} rows[] = {{NULL, false},     {"", false},          {"UNSAFE", true},
		    {"UNSAFE:", true}, {"UNSAFE:a,b", true}, {"UNSAFER", false},
		    {"unsafe", false}, {"a,UNSAFE", false},  {"UNSAF", false}};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		for (int knows = 0; knows < 2; knows++) {
			struct pga_effective effective;
			static char conn;

			play(knows != 0 ? "" : "-oauth_issuer", "");
			(void)unsetenv("PGOAUTHDEBUG");
			if (rows[i].value != NULL)
				(void)setenv("PGOAUTHDEBUG", rows[i].value, 1);
			assert_int_equal(
			    pga_effective_of(&libpq, (PGconn *)(void *)&conn, &effective), 0);
			assert_int_equal(effective.oauth_unsafe, knows != 0 && rows[i].expected);
			pga_effective_free(&libpq, &effective);
		}
	}
	(void)unsetenv("PGOAUTHDEBUG");
}

static void what_is_a_question(void **state)
{
	static const struct {
		const char *settings;
		bool expected;
	} rows[] = {
	    {"", false},
	    {"port=" PGA_PROBE, true},
	    {"port=5432", false},
	    {"port=" PGA_PROBE "x", false},
	    {"-port", false},
	    {"-port hostaddr=" PGA_PROBE, true},
	    {"hostaddr=" PGA_PROBE, true},
	    {"hostaddr=" PGA_PROBE "," PGA_PROBE "," PGA_PROBE, true},
	    {"hostaddr=" PGA_PROBE "," PGA_PROBE ",1.2.3.4", false},
	    {"hostaddr=1.2.3.4," PGA_PROBE, false},
	    {"hostaddr=" PGA_PROBE ",", false},
	    {"hostaddr=" PGA_PROBE "x", false},
	    {"hostaddr=", false},
	    {"-hostaddr", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct settings settings;

		make_settings(&settings, rows[i].settings);
		if (pga_effective_is_question(&settings.effective) != rows[i].expected)
			fail_msg("%s", rows[i].settings);
	}
}

static void an_option_is_found_by_its_whole_name(void **state)
{
	struct settings settings;

	(void)state;
	make_settings(&settings, "host=h");
	assert_null(pga_option_find(NULL, "host"));
	assert_null(pga_option_find(settings.options, "hos"));
	assert_null(pga_option_find(settings.options, "hosts"));
	assert_null(pga_option_find(settings.options, ""));
	assert_string_equal(pga_option_find(settings.options, "host")->keyword, "host");
	assert_string_equal(pga_option_find(settings.options, "hostaddr")->keyword, "hostaddr");
	assert_string_equal(pga_option_find(settings.options, "brand_new")->keyword, "brand_new");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_tool_asks_twice),
	    cmocka_unit_test(what_was_not_said_is_not_said),
	    cmocka_unit_test(the_gate_asks_once),
	    cmocka_unit_test(what_libpq_refuses_is_said_in_its_words),
	    cmocka_unit_test(without_memory_nothing_is_known),
	    cmocka_unit_test(what_is_added_comes_last),
	    cmocka_unit_test(many_parameters),
	    cmocka_unit_test(which_string_libpq_may_quote),
	    cmocka_unit_test(when_oauth_is_unsafe),
	    cmocka_unit_test(what_is_a_question),
	    cmocka_unit_test(an_option_is_found_by_its_whole_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
