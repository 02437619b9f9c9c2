/* cli/cmd_service_add.c: what is warned of, and that nothing is done by half where memory runs out.
 */
#include "service_home.h"
#include "printed.h"
#include "played_addition.h"

#include "cli/cli.h"
#include "cli/cmd_service.h"
#include "cli/print_service_add.h"
#include "cli/print_unpinned.h"
#include "service/surroundings.h"

#define WARNING "pganchor: warning: "

static void what_is_warned_of(void **state)
{
	static const struct {
		const char *composed;
		const char *unpinned;
		const char *around;
		const char *said;
	} cases[] = {
	    {"", "", "", ""},
	    {"c", "", "", WARNING "c\n"},
	    {"c\nd", "", "a", WARNING "c\n" WARNING "d\n" WARNING "a\n"},
	    {"", "u", "a", WARNING "u\n" WARNING "a\n"},
	    {"c", "one:\n    two\n    three", "", WARNING "c\n" WARNING "one: two; three\n"},
	    {"", "one:\n    two\n", "a", WARNING "one: two\n" WARNING "a\n"},
	    {"", "one\n", "", WARNING "one\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		here.needs_tls = true;
		here.composed = cases[i].composed;
		here.unpinned = cases[i].unpinned;
		here.around = cases[i].around;
		assert_int_equal(run("add prod --host h"), PGA_EXIT_DONE);
		assert_string_equal(printed.errors, cases[i].said);
		assert_int_equal(run("add prod --host h -j"), PGA_EXIT_DONE);
		assert_string_equal(printed.errors, cases[i].said);
	}
	/* A check has seen whose the servers are, and without TLS there is no root. */
	here.composed = here.around = "";
	here.unpinned = "u";
	assert_int_equal(run("add prod --host h --check"), PGA_EXIT_DONE);
	assert_string_equal(printed.errors, "");
	here.needs_tls = false;
	for (int check = 0; check < 2; check++) {
		assert_int_equal(
		    run(check == 1 ? "add prod --host h --check" : "add prod --host h"),
		    PGA_EXIT_DONE);
		assert_string_equal(printed.errors, "");
		assert_null(strstr(happened, "unpinned"));
	}
}

#define OTHERS WARNING "/f can be read by others: chmod 600 it, for the password's sake\n"

static void what_the_files_say(void **state)
{
	static const struct {
		const char *words;
		bool readable;
		const char *user;
		const char *system;
		const char *said; /* "@" is the test's directory */
	} cases[] = {
	    {"add prod -H h password=x", true, "", "", OTHERS},
	    {"add prod -H h password=x", false, "", "", ""},
	    {"add prod -H h", true, "", "", ""},
	    {"add prod -H h password=x --system", true, "", "", ""},
	    {"add prod -H h", false, "[prod]\n", "", ""},
	    {"add prod -H h", false, "[prod]\n", "[a]\n[prod]\n",
	     WARNING "@/pg_service.conf, line 2, has a service prod, too: for you, the new entry "
		     "shadows that one\n"},
	    {"add prod -H h --system", false, "[prod]\n", "[a]\n[prod]\n",
	     WARNING "@/.pg_service.conf, line 1, has a service prod, too: for you, that entry "
		     "shadows this one\n"},
	    {"add prod -H h --system", false, "[other]\n", "[prod]\n", ""},
	    {"add prod -H h password=x", true, "", "[prod]\n",
	     OTHERS WARNING "@/pg_service.conf, line 1, has a service prod, too: for you, the new "
			    "entry shadows that one\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pga_text expected = PGA_TEXT_EMPTY;

		put(".pg_service.conf", cases[i].user);
		put("pg_service.conf", cases[i].system);
		here.readable = cases[i].readable;
		assert_int_equal(run(cases[i].words), PGA_EXIT_DONE);
		for (const char *at = cases[i].said; *at != '\0'; at++)
			pga_text_addf(&expected, "%.*s", *at == '@' ? (int)sizeof scratch : 1,
				      *at == '@' ? scratch : at);
		assert_string_equal(printed.errors, pga_text_string(&expected));
		pga_text_free(&expected);
	}
	/* One that cannot be read is not spoken of. */
	assert_int_equal(unlink("pg_service.conf"), 0);
	assert_int_equal(mkdir("pg_service.conf", 0700), 0);
	assert_int_equal(run("add prod -H h"), PGA_EXIT_DONE);
	assert_string_equal(printed.errors, "");
}

static void wherever_memory_runs_out(void **state)
{
	long number = 0;
	long failed = 0;

	(void)state;
	put("pg_service.conf", "[a=b]\n");
	here.needs_tls = true;
	here.unpinned = "one:\n    two";
	do {
		int result;

		has_failed = false;
		left = ++number;
		result = run("add a=b --host h password=x");
		left = 0;
		failed += result != PGA_EXIT_DONE;
		if (result != PGA_EXIT_DONE)
			assert_true(has_failed && is_about_memory(printed.errors));
		else
			assert_true(strstr(printed.errors, "one: two\n") != NULL ||
				    is_about_memory(printed.errors));
	} while (has_failed);
	assert_true(failed > 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(what_is_warned_of, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(what_the_files_say, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(wherever_memory_runs_out, begin, remove_scratch),
	};

	return cmocka_run_group_tests(tests, make_root_once, free_root);
}
