/* cli/cmd_service.c, cli/cmd_service_remove.c: what the subcommands of service share, and what is
 * said of an entry that is taken out. */
#include "service_home.h"
#include "printed.h"

#include "base/memory_file.h"
#include "cli/cli.h"
#include "cli/cmd_service.h"
#include "cli/commands.h"
#include "service/write.h"

#define OF_USER    ".pg_service.conf"
#define OF_MACHINE "pg_service.conf"

/* ---- what fails, as the test wants it ---- */

static struct {
	const char *policy;
	const char *pins;
	const char *kept;
	const char *deleted;
	bool hiding;
} fails_so;
static uid_t acting;

int __wrap_pga_policy_load(struct pga_policy *loaded, struct pga_error *why);
int __wrap_pga_policy_load(struct pga_policy *loaded, struct pga_error *why)
{
	if (fails_so.policy != NULL)
		return pga_fail(why, "mend it", "%s", fails_so.policy);
	*loaded = policy;
	return 0;
}

int __wrap_pga_pins_load(struct pga_pins *pins, struct pga_error *why);
int __wrap_pga_pins_load(struct pga_pins *pins, struct pga_error *why)
{
	static const char file[] =
	    "[a]\npin = "
	    "0123456789012345678901234567890123456789012345678901234567890123"
	    "\n";

	assert_int_equal(pga_pins_parse(pins, "anchors.conf", file, strlen(file), why), 0);
	return fails_so.pins != NULL ? pga_fail(why, "mend it", "%s", fails_so.pins) : 0;
}

int __wrap_pga_keep_what_is_read_once(const char *variable, bool descriptors_alone,
				      struct pga_error *why);
int __wrap_pga_keep_what_is_read_once(const char *variable, bool descriptors_alone,
				      struct pga_error *why)
{
	assert_string_equal(variable, "PGSERVICEFILE");
	assert_false(descriptors_alone);
	return fails_so.kept != NULL ? pga_fail(why, "again", "%s", fails_so.kept) : 0;
}

int __real_pga_hide_environment(struct pga_hidden_environment *hiding);
int __wrap_pga_hide_environment(struct pga_hidden_environment *hiding);
int __wrap_pga_hide_environment(struct pga_hidden_environment *hiding)
{
	return fails_so.hiding ? -1 : __real_pga_hide_environment(hiding);
}

static int ran; /* how often a subcommand did */

int __wrap_pga_commands_run(const struct pga_command *command, int argc, char **argv);
int __wrap_pga_commands_run(const struct pga_command *command, int argc, char **argv)
{
	assert_ptr_equal(command, &pga_cmd_service);
	assert_int_equal(argc, 2);
	assert_string_equal(argv[1], "list");
	assert_null(getenv("PGHOST"));
	ran++;
	return 7;
}

int __real_pga_service_delete(const struct pga_change *change, struct pga_changed *changed,
			      struct pga_error *why);
int __wrap_pga_service_delete(const struct pga_change *change, struct pga_changed *changed,
			      struct pga_error *why);
int __wrap_pga_service_delete(const struct pga_change *change, struct pga_changed *changed,
			      struct pga_error *why)
{
	if (fails_so.deleted != NULL)
		return pga_fail(why, "", "%s", fails_so.deleted);
	return __real_pga_service_delete(change, changed, why);
}

uid_t __real_geteuid(void);
uid_t __wrap_geteuid(void);
uid_t __wrap_geteuid(void)
{
	return acting;
}

static int begin(void **state)
{
	memset(&fails_so, 0, sizeof fails_so);
	acting = __real_geteuid();
	return make_home(state);
}

/* ---- the environment ---- */

static void who_sees_the_environment(void **state)
{
	(void)state;
	assert_int_equal(setenv("PGHOST", "h", 1), 0);
	ran = 0;
	assert_int_equal(command_prints(pga_cmd_service.run, "service list"), 7);
	assert_int_equal(ran, 1);
	assert_string_equal(getenv("PGHOST"), "h");
	assert_int_equal(pga_hide_environment_again(&error), 0);
	assert_null(getenv("PGHOST"));
	pga_bring_environment_back();
	assert_string_equal(getenv("PGHOST"), "h");
	fails_so.hiding = true;
	assert_int_equal(pga_hide_environment_again(&error), -1);
	assert_string_equal(error.message, "out of memory");
	assert_int_equal(command_prints(pga_cmd_service.run, "service list"), PGA_EXIT_FAILED);
	assert_string_equal(printed.errors, "pganchor: out of memory\n");
	fails_so.hiding = false;
	fails_so.kept = "a pipe";
	assert_int_equal(command_prints(pga_cmd_service.run, "service list"), PGA_EXIT_FAILED);
	assert_string_equal(printed.errors, "pganchor: a pipe\n    again\n");
	assert_int_equal(ran, 1);
	assert_string_equal(getenv("PGHOST"), "h");
	assert_int_equal(unsetenv("PGHOST"), 0);
}

/* ---- what the entries are looked at with ---- */

static int read_services(void *context)
{
	return pga_find_services(context, &error);
}

static void what_is_read(void **state)
{
	struct pga_found_services services;

	(void)state;
	put(OF_USER, "[u]\n");
	put(OF_MACHINE, "[m]\n[n]\n");
	memset(&services, 0xa5, sizeof services);
	assert_int_equal(read_services(&services), 0);
	assert_int_equal(services.user.place, PGA_SERVICE_USER);
	assert_int_equal(services.user.count, 1);
	assert_int_equal(services.system.place, PGA_SERVICE_SYSTEM);
	assert_int_equal(services.system.count, 2);
	assert_int_equal(services.policy.min_tls, PGA_TLS_1_2);
	pga_found_services_free(&services);
	assert_int_equal(services.user.count + services.system.count, 0);
	assert_int_equal(unlink(OF_MACHINE), 0);
	assert_int_equal(mkdir(OF_MACHINE, 0700), 0);
	for (int which = 0; which < 3; which++) {
		memset(&services, 0xa5, sizeof services);
		if (which == 1) {
			assert_int_equal(unlink(OF_USER), 0);
			assert_int_equal(mkdir(OF_USER, 0700), 0);
		}
		fails_so.policy = which == 2 ? "a bad policy" : NULL;
		assert_int_equal(read_services(&services), -1);
		assert_int_equal(services.user.count, which == 0 ? 1 : 0);
		assert_non_null(strstr(error.message, which == 0   ? "/pg_service.conf"
						      : which == 1 ? "/.pg_service.conf"
								   : "a bad policy"));
		pga_found_services_free(&services);
	}
}

static int read_pins(void *context)
{
	pga_pins_or_none(context);
	return 0;
}

static void pins_that_cannot_be_read(void **state)
{
	struct pga_pins pins = {.count = 0};

	(void)state;
	(void)prints(read_pins, &pins);
	assert_string_equal(printed.errors, "");
	assert_int_equal(pins.count, 1);
	pga_pins_free(&pins);
	fails_so.pins = "bad pins";
	(void)prints(read_pins, &pins);
	assert_string_equal(printed.errors, "pganchor: warning: bad pins\n");
	assert_int_equal(pins.count, 0);
	assert_null(pins.pins);
}

/* ---- what is printed by several ---- */

static int print_next(void *name)
{
	pga_print_next_use(name);
	return 0;
}

static int print_bootstrap(void *nothing)
{
	(void)nothing;
	pga_print_next_bootstrap();
	return 0;
}

static void what_comes_next(void **state)
{
	(void)state;
	(void)prints(print_next, (char[]){"prod"});
	assert_string_equal(
	    printed.output,
	    "next:\n    psql service=prod\n    pganchor run -- psql service=prod\n");
	(void)prints(print_next, (char[]){"a;b"});
	assert_string_equal(
	    printed.output,
	    "next:\n    psql 'service=a;b'\n    pganchor run -- psql 'service=a;b'\n");
	(void)prints(print_bootstrap, NULL);
	assert_string_equal(printed.output,
			    "next:\n    pganchor bootstrap --ca-url URL --fingerprint HEX\n");
}

static void who_is_told_to_be_root(void **state)
{
	static const struct {
		enum pga_service_place place;
		uid_t acting;
		int code;
		bool told;
	} cases[] = {
	    {PGA_SERVICE_SYSTEM, 1000, EACCES, true},  {PGA_SERVICE_SYSTEM, 1, EACCES, true},
	    {PGA_SERVICE_SYSTEM, 0, EACCES, false},    {PGA_SERVICE_USER, 1000, EACCES, false},
	    {PGA_SERVICE_SYSTEM, 1000, ENOSPC, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		acting = cases[i].acting;
		errno = cases[i].code;
		(void)pga_fail_errno(&error, "as it was", "could not write");
		pga_advise_root_for_file(cases[i].place, &error);
		assert_string_equal(error.hint,
				    cases[i].told
					? "run it as root, such as with sudo; nothing was changed"
					: "as it was");
	}
}

static int print_reasons(void *reasons)
{
	pga_print_reasons(stderr, reasons);
	return 0;
}

/* Of a copy that ends where the text does. */
static int print_lines(void *text)
{
	const size_t length = strlen(text);
	char *copy = malloc(length);

	assert_non_null(copy);
	for (size_t i = 0; i < length; i++)
		copy[i] = ((char *)text)[i];
	pga_print_service_lines(stdout, "  ", copy, length);
	free(copy);
	return 0;
}

static void lines_under_each_other(void **state)
{
	static const struct {
		const char *text;
		const char *lines;
	} cases[] = {
	    {"[a]\nhost=h\n", "  [a]\n  host=h\n"},
	    {"[a]\r\nhost=h\r\n", "  [a]\n  host=h\n"},
	    {"\n\n[a]", "  \n  \n  [a]\n"},
	    {"password=x\nuser=a\033\n", "  password=********\n  user=a\\x1B\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[40];

		(void)snprintf(text, sizeof text, "%s", cases[i].text);
		(void)prints(print_lines, text);
		assert_string_equal(printed.output, cases[i].lines);
	}
	(void)prints(print_reasons, (char[]){"one\033\ntwo\n\nthree"});
	assert_string_equal(printed.errors, "    one\\x1B\n    two\n    \n    three\n");
	(void)prints(print_reasons, (char[]){"one\n"});
	assert_string_equal(printed.errors, "    one\n");
	assert_string_equal(printed.output, "");
}

/* A line is empty then, and there all the same. */
static void lines_without_memory(void **state)
{
	long number = 1; /* the test's own copy */

	(void)state;
	do {
		has_failed = false;
		left = ++number;
		(void)prints(print_lines, (char[]){"a=b\nc=d\n"});
		left = 0;
		if (has_failed)
			assert_true(strcmp(printed.output, "  \n  c=d\n") == 0 ||
				    strcmp(printed.output, "  a=b\n  \n") == 0);
		else
			assert_string_equal(printed.output, "  a=b\n  c=d\n");
		assert_string_equal(printed.errors, "");
	} while (has_failed);
	assert_true(number > 4);
}

/* ---- remove ---- */

static int run(const char *words)
{
	return command_prints(pga_cmd_service_remove.run, words);
}

/* With the test's directory for "@". */
static void assert_is(const char *got, const char *wanted)
{
	struct pga_text expected = PGA_TEXT_EMPTY;

	for (; *wanted != '\0'; wanted++)
		pga_text_addf(&expected, "%.*s", *wanted == '@' ? (int)sizeof scratch : 1,
			      *wanted == '@' ? scratch : wanted);
	assert_string_equal(got, pga_text_string(&expected));
	pga_text_free(&expected);
}

static void assert_printed(const char *output, const char *errors)
{
	assert_is(printed.output, output);
	assert_is(printed.errors, errors);
}

#define TWICE "[a]\nhost=h\n\n[b]\nhost=i\npassword=x\n\n[a]\nuser=u\n[a]\n"
#define IS_TOO                                                                                     \
	"pganchor: warning: @/pg_service.conf, line 2, has a service b, too: the name means that " \
	"one from now on\n"

static void what_is_taken_out(void **state)
{
	static const struct {
		const char *words;
		const char *output;
		const char *errors;
		const char *user; /* NULL: as it was */
	} cases[] = {
	    {"remove b",
	     "removed from @/.pg_service.conf, line 4:\n    [b]\n    host=i\n    "
	     "password=********\n",
	     IS_TOO, "[a]\nhost=h\n\n[a]\nuser=u\n[a]\n"},
	    {"remove -n b",
	     "would remove from @/.pg_service.conf, line 4:\n    [b]\n    host=i\n    "
	     "password=********\n",
	     IS_TOO, NULL},
	    {"remove a",
	     "removed from @/.pg_service.conf, line 1, and 2 more of the same name:\n    [a]\n    "
	     "host=h\n    [a]\n    "
	     "user=u\n    [a]\n",
	     "", "[b]\nhost=i\npassword=x\n"},
	    {"remove b --json",
	     "{\n  \"service\": \"b\",\n  \"removed\": true,\n  \"dry_run\": false,\n  \"file\": "
	     "\"@/.pg_service.conf\",\n  \"line\": 4,\n  \"entries\": 1,\n  \"warnings\": [\n",
	     IS_TOO, "[a]\nhost=h\n\n[a]\nuser=u\n[a]\n"},
	    {"remove a -jn",
	     "{\n  \"service\": \"a\",\n  \"removed\": false,\n  \"dry_run\": true,\n  \"file\": "
	     "\"@/.pg_service.conf\",\n  \"line\": 1,\n  \"entries\": 3,\n  \"warnings\": [\n",
	     "", NULL},
	    /* Of the machine's own, nothing comes to light. */
	    {"remove --system -n b", "would remove from @/pg_service.conf, line 2:\n    [b]\n", "",
	     NULL},
	    {"remove c", "",
	     "pganchor: service c: there is none of this name in @/.pg_service.conf\n    "
	     "\"pganchor service list\" shows those there are\n",
	     NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const bool json = strstr(cases[i].words, "j") != NULL;

		put(OF_USER, TWICE);
		put(OF_MACHINE, "# of all\n[b]\n");
		assert_int_equal(run(cases[i].words),
				 cases[i].output[0] != '\0' ? PGA_EXIT_DONE : PGA_EXIT_FAILED);
		/* Of the warnings in JSON, there are those of every test before. */
		if (json && strstr(printed.output, "\"warnings\": [") != NULL)
			*(strstr(printed.output, "\"warnings\": [") + strlen("\"warnings\": [\n")) =
			    '\0';
		assert_printed(cases[i].output, cases[i].errors);
		assert_holds(OF_USER, cases[i].user != NULL ? cases[i].user : TWICE);
	}
}

static void two_of_a_name(void **state)
{
	(void)state;
	put(OF_USER, "[a]\n[a]\n");
	assert_int_equal(run("remove a"), PGA_EXIT_DONE);
	assert_printed("removed from @/.pg_service.conf, line 1, and 1 more of the same name:\n    "
		       "[a]\n    [a]\n",
		       "");
	/* What no new one may be called. */
	put(OF_USER, "[a\tb]\n");
	assert_int_equal(run("remove a\tb"), PGA_EXIT_DONE);
	assert_holds(OF_USER, "");
	/* What is wrong with the machine's file is not said here. */
	put(OF_USER, "[a]\n");
	assert_int_equal(mkdir(OF_MACHINE, 0700), 0);
	assert_int_equal(run("remove a"), PGA_EXIT_DONE);
	assert_printed("removed from @/.pg_service.conf, line 1:\n    [a]\n", "");
}

static void what_cannot_be_taken_out(void **state)
{
	(void)state;
	acting = 1000;
	fails_so.deleted = "Permission denied";
	assert_int_equal(run("remove --system a"), PGA_EXIT_FAILED);
	assert_printed("", "pganchor: Permission denied\n    run it as root, such as with sudo; "
			   "nothing was changed\n");
	assert_int_equal(run("remove a"), PGA_EXIT_FAILED);
	assert_printed("", "pganchor: Permission denied\n");
	fails_so.deleted = "the file was written to";
	assert_int_equal(run("remove a]"), PGA_EXIT_FAILED);
	assert_null(strstr(printed.errors, "written to"));
	assert_int_equal(run("remove"), PGA_EXIT_USAGE);
	assert_int_equal(run("remove a b"), PGA_EXIT_USAGE);
	assert_int_equal(run("remove --help"), PGA_EXIT_DONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(who_sees_the_environment, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(what_is_read, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(pins_that_cannot_be_read, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(what_comes_next, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(who_is_told_to_be_root, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(lines_under_each_other, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(lines_without_memory, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(what_is_taken_out, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(two_of_a_name, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(what_cannot_be_taken_out, begin, remove_scratch),
	};

	return cmocka_run_group_tests(tests, make_root_once, free_root);
}
