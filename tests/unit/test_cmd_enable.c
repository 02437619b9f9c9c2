/* cli/cmd_enable.c, cli/enable_prepare.h: which files enable changes, what it says of them and of
 * what comes next, and the options of both commands. */
#include "cmocka_start.h"
#include "printed.h"
#include "played_enable.h"

#include "cli/cli.h"

#include <errno.h>

#define MORE                                                                  \
	"pganchor enable --machine reaches more than sessions: cron's jobs, " \
	"services, sudo, set-user-ID programs\n"

/* ---- enable ---- */

static void what_is_enabled(void **state)
{
	static const struct {
		const char *words;
		const char *happened;
		const char *output;
	} cases[] = {
	    {"enable", "module\non /session = " ENTRY "\napply /session\nsessions\n",
	     "session: /session: written\n" AGAIN STATUS},
	    {"enable --session --shell",
	     "module\non /session = " ENTRY "\non /.bashrc = " ENTRY "\non /.profile = " ENTRY
	     "\napply /session /.bashrc\nsessions\n",
	     "session: /session: written\nshell: /.bashrc: written\nshell: /.profile: "
	     "unchanged\n" AGAIN ", or start a new shell" STATUS},
	    {"enable --shell",
	     "module\non /.bashrc = " ENTRY "\non /.profile = " ENTRY
	     "\napply /.bashrc\nsessions\n",
	     "shell: /.bashrc: written\nshell: /.profile: unchanged\n" AGAIN
	     ", or start a new shell" STATUS},
	    {"enable --system",
	     "module\non /machine = " ENTRY "\non /profile = " ENTRY "\napply /machine\nsessions\n",
	     "machine: /machine: written\nprofile: /profile: unchanged\n" AGAIN STATUS MORE},
	    {"enable --ld-so-preload",
	     "module\non /preload = " ENTRY "\napply /preload\nsessions\n",
	     "preload: /preload: written\nevery program that is started from now on has the "
	     "gate\n"},
	    {"enable --ld-so-preload --system",
	     "module\non /machine = " ENTRY "\non /profile = " ENTRY "\non /preload = " ENTRY
	     "\napply /machine /preload\nsessions\n",
	     "machine: /machine: written\nprofile: /profile: unchanged\npreload: "
	     "/preload: "
	     "written\nevery program that is started from now on has the gate\n"},
	    {"enable --unit a", "module\ncheck a\non /unit/a = " ENTRY "\napply\nsessions\n",
	     "unit: /unit/a: unchanged\n"},
	    {"enable --session --unit a",
	     "module\ncheck user's a\non /user-unit/a = " ENTRY "\napply\nsessions\n",
	     "user-unit: /user-unit/a: unchanged\n"},
	    {"enable -n --system",
	     "module\non /machine = " ENTRY "\non /profile = " ENTRY "\nsessions\n",
	     "machine: /machine: would be written\n  lines of /machine\nprofile: /profile: "
	     "unchanged\n  lines of /profile\n"},
	    {"enable --system --root /tmp",
	     "module\nimage /tmp\non /tmp/machine = " ENTRY "\non /tmp/profile = " ENTRY
	     "\napply\nsessions\n",
	     "machine: /tmp/machine: unchanged\nprofile: /tmp/profile: unchanged\n"},
	    {"enable --system --root /",
	     "module\non /machine = " ENTRY "\non /profile = " ENTRY "\napply /machine\nsessions\n",
	     "machine: /machine: written\nprofile: /profile: unchanged\n" AGAIN STATUS MORE},
	};

	(void)state;
	nothing_is_on();
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (run(cases[i].words) != PGA_EXIT_DONE ||
		    strcmp(happened, cases[i].happened) != 0)
			fail_msg("%s: %s%s", cases[i].words, happened, printed.errors);
		assert_string_equal(printed.output, cases[i].output);
		assert_string_equal(printed.errors, "");
	}
}

static void what_comes_next(void **state)
{
	static const struct {
		const char *words;
		const char *off;
		bool no_session;
		const char *hint;
	} cases[] = {
	    {"enable", "/session", true, "next: pganchor enable --shell\n"},
	    {"enable --session --shell", "/session", true, AGAIN ", or start a new shell" STATUS},
	    {"enable --system", "/machine", true, AGAIN STATUS MORE},
	    {"enable --unit a", "/unit/a", false,
	     "next:\n    systemctl daemon-reload && systemctl restart a\n"},
	    {"enable --session --unit a", "/user-unit/a", false,
	     "next:\n    systemctl --user daemon-reload && systemctl --user restart a\n"},
	    {"enable --unit a@", "/unit/a@", false,
	     "next:\n    systemctl daemon-reload && systemctl restart 'a@*'\n"},
	    {"enable --unit a@.service", "/unit/a@.service", false,
	     "next:\n    systemctl daemon-reload && systemctl restart 'a@*'\n"},
	    {"enable --unit a@b", "/unit/a@b", false,
	     "next:\n    systemctl daemon-reload && systemctl restart a@b\n"},
	    {"enable --unit -a\\x2d", "/unit/-a\\x2d", false,
	     "next:\n    systemctl daemon-reload && systemctl restart -- '-a\\x2d'\n"},
	    {"enable --unit a --root /tmp", "/tmp/unit/a", false,
	     "next:\n    systemctl daemon-reload && systemctl restart a\n"},
	    {"enable --system --root /tmp", "/tmp/machine", false, NULL},
	    {"enable --system -n", "/machine", false, NULL},
	    {"enable --system", "/other", false, NULL},
	    {"enable --ld-so-preload --root /tmp", "/tmp/preload", false, NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *hint;

		here.off[0] = cases[i].off;
		here.no_session = cases[i].no_session;
		assert_int_equal(run(cases[i].words), PGA_EXIT_DONE);
		hint = strstr(printed.output, "next:");
		if (cases[i].hint == NULL) {
			assert_null(hint);
			assert_null(strstr(printed.output, "from now on"));
			continue;
		}
		assert_non_null(hint);
		assert_string_equal(hint, cases[i].hint);
	}
}

/* What a service preloads already stays, behind the gate. */
static void what_a_service_preloads(void **state)
{
	static const struct {
		const char *before;
		const char *preload; /* NULL: it cannot be written */
	} cases[] = {
	    {"", ENTRY},
	    {"/a.so", ENTRY ":/a.so"},
	    {"/a.so " ENTRY ":/b.so ", ENTRY ":/a.so:/b.so"},
	    {ENTRY, ENTRY},
	    {"\"/a b.so\"", NULL},
	    {"/a'.so", NULL},
	    {"/a\\x.so", NULL},
	    {"/a.so:%h/b.so", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char expected[300];

		here.before = cases[i].before;
		here.off[0] = "/unit/a";
		assert_int_equal(run("enable --unit a"),
				 cases[i].preload != NULL ? PGA_EXIT_DONE : PGA_EXIT_FAILED);
		if (cases[i].preload != NULL) {
			(void)snprintf(
			    expected, sizeof expected,
			    "module\ncheck a\non /unit/a = %s\napply /unit/a\nsessions\n",
			    cases[i].preload);
			assert_string_equal(happened, expected);
			continue;
		}
		assert_string_equal(happened, "module\ncheck a\n");
		(void)snprintf(
		    expected, sizeof expected,
		    "pganchor: a preloads something that pganchor cannot add to: %s\n    write "
		    "a drop-in by hand; nothing was changed\n",
		    cases[i].before);
		assert_string_equal(printed.errors, expected);
	}
}

/* ---- options ---- */

static void options_of_them(void **state)
{
	static const struct {
		const char *words;
		int status;
		const char *errors;
	} cases[] = {
	    {"enable a", 2, "enable: a: not an option, and no argument is taken"},
	    {"disable --session a", 2, "disable: a: not an option, and no argument is taken"},
	    {"enable -a", 2, "enable: -a: no such option"},
	    {"enable --all", 2, "enable: --all: no such option"},
	    {"enable --own", 2, "enable: --own: no such option"},
	    {"enable --unit", 2, "enable: --unit: needs a value"},
	    {"disable --alll", 2, "disable: --alll: no such option; did you mean --all?"},
	    {"disable --all --session", 2, "disable: --all is the machine's, and all of that"},
	    {"disable --all --shell", 2, "disable: --all is the machine's, and all of that"},
	    {"disable --all --unit a", 2, "disable: --all is the machine's, and all of that"},
	    {"enable --root /tmp", 2,
	     "enable: --root is for --machine, --system, --ld-so-preload and --unit"},
	    {"enable --shell --root /tmp", 2,
	     "enable: --root is for --machine, --system, --ld-so-preload and --unit"},
	    {"enable --session --unit a --root /tmp", 2,
	     "enable: --root is for --machine, --system, --ld-so-preload and --unit"},
	    {"enable --system --root ''", 2, "enable: --root: the name of the directory is empty"},
	};
	static const char hint[] = "    name a directory that is there; nothing was changed\n";
	char expected[300];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(run(cases[i].words), cases[i].status);
		(void)snprintf(expected, sizeof expected,
			       "pganchor: %s\n    see pganchor %s --help\n", cases[i].errors,
			       cases[i].words[0] == 'e' ? "enable" : "disable");
		if (strstr(printed.errors, cases[i].errors) == NULL)
			fail_msg("%s: %s", cases[i].words, printed.errors);
		assert_string_equal(happened, "");
		assert_string_equal(printed.output, "");
	}
	assert_int_equal(run("enable --system --root /none"), PGA_EXIT_FAILED);
	(void)snprintf(expected, sizeof expected,
		       "pganchor: --root /none: No such file or directory\n%s", hint);
	assert_string_equal(printed.errors, expected);
	assert_int_equal(run("enable --system --root /dev/null"), PGA_EXIT_FAILED);
	(void)snprintf(expected, sizeof expected, "pganchor: --root /dev/null: not a directory\n%s",
		       hint);
	assert_string_equal(printed.errors, expected);
	assert_string_equal(happened, "");
}

static void help(void **state)
{
	static const char of_enable[] = "usage: pganchor enable [OPTION ...]\n\nLoads the gate";
	static const char of_disable[] = "usage: pganchor disable [OPTION ...]\n\nTakes out again";

	(void)state;
	assert_int_equal(run("enable -h a"), PGA_EXIT_DONE);
	assert_memory_equal(printed.output, of_enable, strlen(of_enable));
	assert_non_null(strstr(printed.output, "as systemd starts them;\n"));
	assert_null(strstr(printed.output, "--keep-going"));
	assert_non_null(strstr(printed.output, "changed; 2 usage.\n\n  pganchor enable --session"));
	assert_int_equal(run("disable --help"), PGA_EXIT_DONE);
	assert_memory_equal(printed.output, of_disable, strlen(of_disable));
	assert_non_null(strstr(printed.output, "as systemd starts them;\n"));
	assert_non_null(strstr(printed.output, "      --keep-going "));
	assert_non_null(strstr(printed.output, "taken out was); 2 usage.\n\n  pganchor disable\n"));
	assert_string_equal(happened, "");
}

static void as_json(void **state)
{
	(void)state;
	nothing_is_on();
	assert_int_equal(run("enable --session -n --json"), PGA_EXIT_DONE);
	assert_string_equal(
	    printed.output,
	    "{\n  \"dry_run\": true,\n  \"files\": [\n    {\n      \"way\": \"session\",\n   "
	    "   \"path\": \"/session\",\n      \"changed\": true,\n      \"failed\": false,\n  "
	    "    \"lines\": [\n        \"  lines of /session\"\n      ]\n    }\n  ],\n  "
	    "\"findings\": [],\n  \"warnings\": []\n}\n");
	here.failing = "/machine";
	assert_int_equal(run("disable --system --keep-going -j"), PGA_EXIT_FAILED);
	assert_non_null(strstr(printed.output,
			       "\"path\": \"/machine\",\n      \"changed\": false,\n      "
			       "\"failed\": true,\n"));
	assert_non_null(strstr(printed.output,
			       "\"path\": \"/profile\",\n      \"changed\": true,\n      "
			       "\"failed\": false,\n"));
}

#define WARNED(of) "pganchor: warning: no " of "\n"

/* It is told when it is found, before what fails, and the report has all of it. */
static void what_is_found(void **state)
{
	static const char *const ids[] = {"programs-of-32-bits", "image-without-module",
					  "unit-not-found", "session-not-of-systemd"};
	const char *at;

	(void)state;
	nothing_is_on();
	here.found = true;
	assert_int_equal(run("enable --unit a --root /tmp --json"), PGA_EXIT_DONE);
	assert_string_equal(printed.errors, WARNED("32 bits") WARNED("module") WARNED("such unit")
						WARNED("session"));
	at = strstr(printed.output, "\n  \"findings\": [\n");
	for (size_t i = 0; i < COUNT(ids); i++) {
		char expected[100];

		(void)snprintf(expected, sizeof expected,
			       "\"id\": \"%s\",\n      \"severity\": \"warning\",\n", ids[i]);
		assert_non_null(at);
		at = strstr(at, expected);
	}
	assert_non_null(at);
	here.no_unit = true;
	assert_int_equal(run("enable --unit a"), PGA_EXIT_FAILED);
	assert_string_equal(
	    printed.errors,
	    WARNED("32 bits")
		WARNED("such unit") "pganchor: it failed\n    mend it; nothing was changed\n");
	here.no_module = true;
	assert_int_equal(run("enable"), PGA_EXIT_FAILED);
	assert_string_equal(
	    printed.errors,
	    WARNED("32 bits") "pganchor: it failed\n    mend it; nothing was changed\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(as_json, begin),
	    cmocka_unit_test_setup(what_is_enabled, begin),
	    cmocka_unit_test_setup(what_comes_next, begin),
	    cmocka_unit_test_setup(what_a_service_preloads, begin),
	    cmocka_unit_test_setup(options_of_them, begin),
	    cmocka_unit_test_setup(help, begin),
	    cmocka_unit_test_setup(what_is_found, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
