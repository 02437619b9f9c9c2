/* cli/cmd_enable.c, cli/enable_prepare.h: what enable and disable do, and say, where something
 * fails. */
#include "cmocka_start.h"
#include "printed.h"
#include "played_enable.h"

#include "cli/cli.h"

#include <errno.h>

#define FAILED "pganchor: it failed\n    mend it; nothing was changed\n"

static void all_or_nothing(void **state)
{
	static const struct {
		const char *words;
		const char *failing;
		const char *nowhere;
		const char *happened;
		const char *errors;
	} cases[] = {
	    {"enable --system", "/machine", NULL,
	     "module\non /machine = " ENTRY "\non /profile = " ENTRY "\n", FAILED},
	    {"enable --system", NULL, "/profile", "module\non /machine = " ENTRY "\n", FAILED},
	    {"enable --system", "/machine", "/profile", "module\non /machine = " ENTRY "\n",
	     FAILED FAILED},
	    {"enable --shell", "/.bashrc", NULL, "module\non /.bashrc = " ENTRY "\n", FAILED},
	    {"enable --shell", NULL, "/.profile", "module\non /.bashrc = " ENTRY "\n", FAILED},
	    {"enable --shell --ld-so-preload", "/.bashrc", NULL,
	     "module\non /.bashrc = " ENTRY "\non /preload = " ENTRY "\n", FAILED},
	    {"disable", "/.zshenv", NULL, "off /session\noff /.bashrc\noff /.zshenv\n", FAILED},
	    {"disable", NULL, "/.zshenv", "off /session\noff /.bashrc\n", FAILED},
	    {"disable --all", "/unit/a.service", NULL,
	     "units\noff /dropin\noff /machine\noff /profile\noff /preload\noff "
	     "/unit/a.service\noff "
	     "/unit/b.service\n",
	     FAILED},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		for (int json = 0; json < 2; json++) {
			char words[50];

			here.failing = cases[i].failing;
			here.nowhere = cases[i].nowhere;
			(void)snprintf(words, sizeof words, "%s%s", cases[i].words,
				       json == 1 ? " -j" : "");
			assert_int_equal(run(words), PGA_EXIT_FAILED);
			assert_string_equal(happened, cases[i].happened);
			assert_string_equal(printed.errors, cases[i].errors);
			assert_string_equal(printed.output, "");
		}
}

static void as_much_as_can_be(void **state)
{
	(void)state;
	here.failing = "/machine";
	here.off[0] = "/preload";
	assert_int_equal(run("disable --system --keep-going"), PGA_EXIT_FAILED);
	assert_string_equal(happened, "off /machine\noff /profile\napply /profile\n");
	assert_string_equal(printed.errors, "pganchor: it failed\n    mend it\n");
	assert_string_equal(printed.output, "profile: /profile: removed\n" AGAIN STATUS);
	here.hint = "mend it";
	assert_int_equal(run("disable --system --keep-going"), PGA_EXIT_FAILED);
	assert_string_equal(printed.errors, "pganchor: it failed\n    mend it\n");
	here.nowhere = "/profile";
	here.failing = NULL;
	assert_int_equal(run("disable --system --keep-going -j"), PGA_EXIT_FAILED);
	assert_string_equal(
	    printed.output,
	    "{\n  \"dry_run\": false,\n  \"files\": [\n    {\n      \"way\": \"machine\",\n  "
	    "    \"path\": \"/machine\",\n      \"changed\": true,\n      \"failed\": false,\n "
	    "     \"lines\": [\n        \"  lines of /machine\"\n      ]\n    }\n  ],\n  "
	    "\"findings\": [],\n  \"warnings\": []\n}\n");
}

static void what_is_in_the_way(void **state)
{
	(void)state;
	here.no_module = true;
	assert_int_equal(run("enable"), PGA_EXIT_FAILED);
	assert_string_equal(happened, "module\n");
	assert_string_equal(printed.errors, FAILED);
	here.no_module = false;
	here.no_entry = true;
	assert_int_equal(run("enable --system --root /tmp"), PGA_EXIT_FAILED);
	assert_string_equal(happened, "module\n");
	assert_string_equal(printed.errors, FAILED);
	/* What is taken out needs no module. */
	here.no_module = true;
	assert_int_equal(run("disable --session"), PGA_EXIT_DONE);
	begin(NULL);
	here.no_unit = true;
	assert_int_equal(run("enable --unit a"), PGA_EXIT_FAILED);
	assert_string_equal(happened, "module\ncheck a\n");
	assert_string_equal(printed.errors, FAILED);
	here.no_units = true;
	assert_int_equal(run("disable --all"), PGA_EXIT_FAILED);
	assert_string_equal(happened, "units\n");
	assert_string_equal(printed.errors, FAILED);
	here.strange_shell = true;
	assert_int_equal(run("enable --shell"), PGA_EXIT_FAILED);
	assert_string_equal(happened, "module\n");
	assert_string_equal(printed.errors, FAILED);
}

static void want_of_memory(void **state)
{
	(void)state;
	here.no_text = true;
	here.before = "/a.so";
	assert_int_equal(run("enable --unit a"), PGA_EXIT_FAILED);
	assert_string_equal(happened, "module\ncheck a\n");
	assert_string_equal(printed.errors, "pganchor: out of memory\n");
}

static void who_has_no_home(void **state)
{
	(void)state;
	here.no_home = true;
	assert_int_equal(run("disable --shell"), PGA_EXIT_FAILED);
	assert_string_equal(happened, "");
	assert_string_equal(printed.errors, FAILED);
	assert_string_equal(printed.output, "");
}

static void what_cannot_be_written(void **state)
{
	(void)state;
	here.no_apply = true;
	here.off[0] = "/machine";
	here.stays = "/profile";
	assert_int_equal(run("enable --system"), PGA_EXIT_FAILED);
	assert_string_equal(printed.output, "");
	assert_string_equal(printed.errors,
			    FAILED "pganchor: warning: /profile: changed all the same, and "
				   "could not be taken back\n");
	assert_null(strstr(happened, "sessions"));
}

/* Who is told to be root is not it, and wants the machine's files. */
static void who_is_told_to_be_root(void **state)
{
	static const struct {
		const char *words;
		uid_t acting;
		const char *reason;
		bool told;
	} cases[] = {
	    {"enable --system", 1000, "a: Permission denied", true},
	    {"enable --ld-so-preload", 1000, "a: Permission denied", true},
	    {"enable --unit a", 1000, "a: Permission denied", true},
	    {"disable --system", 1000, "a: Permission denied", true},
	    {"enable --system", 0, "a: Permission denied", false},
	    {"enable --system", 1000, "a: No such file", false},
	    {"enable --system --root /tmp", 1000, "a: Permission denied", false},
	    {"enable --session", 1000, "a: Permission denied", false},
	    {"enable --shell", 1000, "a: Permission denied", false},
	    {"enable --session --system", 1000, "a: Permission denied", false},
	    {"enable --shell --system", 1000, "a: Permission denied", false},
	    {"enable --session --unit a", 1000, "a: Permission denied", false},
	};

	(void)state;
	here.no_apply = true;
	for (size_t i = 0; i < COUNT(cases); i++) {
		/* Where it is found before anything is written, likewise. */
		here.failing = strcmp(cases[i].words, "enable --system") == 0 ? "/profile" : NULL;
		acting = cases[i].acting;
		here.reason = cases[i].reason;
		assert_int_equal(run(cases[i].words), PGA_EXIT_FAILED);
		if ((strstr(printed.errors,
			    "run it as root, such as with sudo; nothing was changed") != NULL) !=
		    cases[i].told)
			fail_msg("%s: %s", cases[i].words, printed.errors);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(as_much_as_can_be, begin),
	    cmocka_unit_test_setup(all_or_nothing, begin),
	    cmocka_unit_test_setup(what_is_in_the_way, begin),
	    cmocka_unit_test_setup(want_of_memory, begin),
	    cmocka_unit_test_setup(who_has_no_home, begin),
	    cmocka_unit_test_setup(what_cannot_be_written, begin),
	    cmocka_unit_test_setup(who_is_told_to_be_root, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
