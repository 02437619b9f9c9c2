/* cli/cmd_service_add.c: what is asked for, and in which order it is looked at. */
#include "service_home.h"
#include "printed.h"
#include "played_addition.h"

#include "cli/cli.h"

/* ---- the words ---- */
#define STEPS(settings) "policy pins compose" settings " look hide write"

static void what_is_asked_for(void **state)
{
	static const struct {
		const char *words;
		const char *happened;
	} cases[] = {
	    {"add prod --host h", STEPS(" host=xn-h") " prod written"},
	    {"add prod -H h -p 1 -d d -U u",
	     STEPS(" host=xn-h port=1 dbname=d user=u") " prod written"},
	    {"add --port 1 --dbname d --user u --anchor a prod host=h",
	     STEPS(" port=1 dbname=d user=u host=xn-h of a") " prod written"},
	    {"add prod hostaddr=10.0.0.1 options=-c_x=y",
	     STEPS(" hostaddr=10.0.0.1 options=-c x=y") " prod written"},
	    {"add prod --host h user=", STEPS(" host=xn-h user=") " prod written"},
	    {"add prod --host h --system", STEPS(" host=xn-h for all") " prod for all written"},
	    {"add prod --host h --replace -n", STEPS(" host=xn-h") " prod anew dry written"},
	    {"add prod --host h --dry-run --json", STEPS(" host=xn-h") " prod dry json"},
	    {"add prod --host h -j", STEPS(" host=xn-h") " prod json-written"},
	    {"add prod --host h --check",
	     "policy pins compose host=xn-h look hide check write prod written"},
	    /* Names that look like other things. */
	    {"add a=b --host h", STEPS(" host=xn-h") " a=b written"},
	    {"add host --host h", STEPS(" host=xn-h") " host written"},
	    {"add -H h -- -x", STEPS(" host=xn-h") " -x written"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(run(cases[i].words), PGA_EXIT_DONE);
		assert_string_equal(happened, cases[i].happened);
		assert_string_equal(printed.errors, "");
		assert_string_equal(printed.output, "");
		assert_int_equal(here.shown, 0);
	}
	here.unchanged = true;
	assert_int_equal(run("add prod --host h -j"), PGA_EXIT_DONE);
	assert_string_equal(happened, STEPS(" host=xn-h") " prod json");
}

static void what_is_not_understood(void **state)
{
	static const struct {
		const char *words;
		const char *said;
	} cases[] = {
	    {"add prod", "no --host: whose certificate should be verified?"},
	    {"add prod port=1", "no --host: whose certificate should be verified?"},
	    {"add prod h", "h: not of the form KEYWORD=VALUE; the host is --host h"},
	    {"add prod port=1 h", "h: not of the form KEYWORD=VALUE; the host is --host h"},
	    {"add prod --host h x", "x: not of the form KEYWORD=VALUE"},
	    {"add prod =x", "=x: not of the form KEYWORD=VALUE"},
	    {"add prod --host h =x", "=x: not of the form KEYWORD=VALUE"},
	    {"add host=h", "host=h: the service's name comes first"},
	    {"add host=h prod=x", "host=h: the service's name comes first"},
	    {"add prod --host bad", "bad: no host"},
	    {"add prod host=bad port=1", "bad: no host"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char expected[300];

		assert_int_equal(run(cases[i].words), PGA_EXIT_USAGE);
		(void)snprintf(expected, sizeof expected,
			       "pganchor: service add: %s\n    see pganchor service add --help\n",
			       cases[i].said);
		assert_string_equal(printed.errors, expected);
		assert_string_equal(happened, "");
	}
	for (int form = 0; form < 2; form++) {
		assert_int_equal(
		    run(form == 0 ? "add prod --host h host=i" : "add prod -H h port=1 port=2"),
		    PGA_EXIT_USAGE);
		assert_non_null(strstr(printed.errors, form == 0 ? "host" : "port"));
		assert_string_equal(happened, "");
	}
	assert_int_equal(run("add"), PGA_EXIT_USAGE);
	assert_int_equal(run("add --help"), PGA_EXIT_DONE);
	assert_string_equal(happened, "");
}

/* ---- the steps ---- */

static void the_step_that_fails(void **state)
{
	static const struct {
		const char *step;
		const char *happened;
	} cases[] = {
	    {"policy", "policy"},
	    {"pins", "policy pins"},
	    {"compose", "policy pins compose host=xn-h"},
	    {"unpinned", "policy pins compose host=xn-h unpinned"},
	    {"look", "policy pins compose host=xn-h unpinned look hide"},
	    {"hide", "policy pins compose host=xn-h unpinned look hide"},
	    {"write", "policy pins compose host=xn-h unpinned look hide write prod"},
	};

	(void)state;
	here.needs_tls = true;
	here.unpinned = "not pinned";
	for (size_t i = 0; i < COUNT(cases); i++) {
		char expected[200];

		here.fails = cases[i].step;
		assert_int_equal(run("add prod --host h"), PGA_EXIT_FAILED);
		assert_string_equal(happened, cases[i].happened);
		(void)snprintf(expected, sizeof expected, "pganchor: %s: Permission denied\n",
			       cases[i].step);
		assert_string_equal(printed.errors, expected);
	}
	here.acting = 1000;
	assert_int_equal(run("add prod --host h --system"), PGA_EXIT_FAILED);
	assert_string_equal(printed.errors,
			    "pganchor: write: Permission denied\n    run it as root, such as "
			    "with sudo; nothing was changed\n");
	assert_int_equal(run("add a] --host h"), PGA_EXIT_FAILED);
	assert_string_equal(happened, "");
}

static void what_is_refused(void **state)
{
	(void)state;
	here.state = PGA_ENTRY_WEAK;
	assert_int_equal(run("add prod --host h"), PGA_EXIT_WEAK);
	assert_string_equal(happened, "policy pins compose host=xn-h refused");
	here.state = PGA_ENTRY_ALLOWED;
	here.checked = PGA_EXIT_FAILED;
	assert_int_equal(run("add prod --host h --check"), PGA_EXIT_FAILED);
	assert_string_equal(happened, "policy pins compose host=xn-h look hide check");
}

/* What a new name may not hold, one that is there may. */
static void names_that_are_there(void **state)
{
	(void)state;
	assert_int_equal(run("add a\tb --host h"), PGA_EXIT_FAILED);
	assert_string_equal(happened, "");
	assert_int_equal(run("add a\tb --host h --replace"), PGA_EXIT_DONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(what_is_asked_for, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(what_is_not_understood, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(the_step_that_fails, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(what_is_refused, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(names_that_are_there, begin, remove_scratch),
	};

	return cmocka_run_group_tests(tests, make_root_once, free_root);
}
