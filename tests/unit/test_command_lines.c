/* cli/main.c, cli/usage.c: the way to the subcommands, and what is said of a command line that is
 * not understood. */
#include "cmocka_start.h"
#include "printed.h"

#include <fcntl.h>

/* The tool's own main(), which is not this program's. */
int pganchor(int argc, char **argv);
#define main pganchor
#include "cli/main.c" /* NOLINT(bugprone-suspicious-include) */
#undef main

/* ---- the subcommands, as the test plays them ---- */

static char called[400];

static int call(const char *name, int argc, char **argv)
{
	(void)snprintf(called, sizeof called, "%s:", name);
	for (int i = 0; i < argc; i++) {
		(void)strcat(called, " ");
		(void)strcat(called, argv[i]);
	}
	assert_null(argv[argc]);
	return 7;
}

#define COMMAND(name)                             \
	int pga_cmd_##name(int argc, char **argv) \
	{                                         \
		return call(#name, argc, argv);   \
	}

COMMAND(bootstrap)
COMMAND(disable)
COMMAND(enable)
COMMAND(explain)
COMMAND(log)
COMMAND(run)
COMMAND(service)
COMMAND(status)

static int run_words(const char *words)
{
	called[0] = '\0';
	return command_prints(pganchor, words);
}

/* ---- dispatch ---- */

static void which_command(void **state)
{
	static const struct {
		const char *words;
		const char *called;
	} cases[] = {
	    {"pganchor bootstrap", "bootstrap: bootstrap"},
	    {"pganchor service list -j", "service: service list -j"},
	    {"pganchor run -- psql", "run: run -- psql"},
	    {"pganchor explain", "explain: explain"},
	    {"pganchor enable -h", "enable: enable -h"},
	    {"pganchor disable", "disable: disable"},
	    {"pganchor status --help", "status: status --help"},
	    {"pganchor log", "log: log"},
	    {"pganchor help log", "log: log --help"},
	    {"pganchor help log x", "log: log --help"},
	    {"pganchor help service", "service: service --help"},
	    {"pganchor help service add", "service: service add --help"},
	    {"pganchor help service -h", "service: service --help"},
	    {"pganchor help service --help", "service: service --help"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(run_words(cases[i].words), 7);
		assert_string_equal(called, cases[i].called);
		assert_string_equal(printed.output, "");
		assert_string_equal(printed.errors, "");
	}
}

static void help_and_version(void **state)
{
	static const char usage[] = "usage: pganchor COMMAND [OPTION ...]\n";
	static const char *const words[] = {"pganchor -h",          "pganchor --help",
					    "pganchor help",        "pganchor help -h",
					    "pganchor help --help", "pganchor help help"};

	(void)state;
	for (size_t i = 0; i < COUNT(words); i++) {
		assert_int_equal(run_words(words[i]), PGA_EXIT_DONE);
		assert_memory_equal(printed.output, usage, strlen(usage));
		assert_non_null(strstr(printed.output, "  bootstrap   fetch a CA root"));
		assert_non_null(strstr(printed.output, "  log         show what a policy"));
		assert_non_null(strstr(printed.output, "The first steps:\n"));
		assert_string_equal(printed.errors, "");
		assert_string_equal(called, "");
	}
	assert_int_equal(run_words("pganchor"), PGA_EXIT_USAGE);
	assert_memory_equal(printed.errors, usage, strlen(usage));
	assert_string_equal(printed.output, "");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(run_words(i == 0 ? "pganchor -V" : "pganchor --version"),
				 PGA_EXIT_DONE);
		assert_string_equal(printed.output, PACKAGE_STRING "\n");
	}
}

static void what_was_meant(void **state)
{
	static const struct {
		const char *word;
		const char *kind;
		const char *meant; /* NULL: nothing */
	} cases[] = {
	    {"add", "command", "service add"},
	    {"list", "command", "service list"},
	    {"ls", "command", "service list"},
	    {"show", "command", "service show"},
	    {"rm", "command", "service remove"},
	    {"remove", "command", "service remove"},
	    {"check", "command", "explain"},
	    {"exec", "command", "run"},
	    {"on", "command", "enable"},
	    {"off", "command", "disable"},
	    {"bootstap", "command", "bootstrap"},
	    {"lgo", "command", "log"},
	    {"hlep", "command", "help"},
	    {"--hepl", "option", "--help"},
	    {"--vesion", "option", "--version"},
	    {"zzzzzzzz", "command", NULL},
	    {"-z", "option", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char words[100];
		char expected[300];

		(void)snprintf(words, sizeof words, "pganchor %s", cases[i].word);
		assert_int_equal(run_words(words), PGA_EXIT_USAGE);
		(void)snprintf(
		    expected, sizeof expected,
		    "pganchor: %s: no such %s%s%s%s\n    pganchor --help lists the commands\n",
		    cases[i].word, cases[i].kind, cases[i].meant != NULL ? "; did you mean " : "",
		    cases[i].meant != NULL ? cases[i].meant : "",
		    cases[i].meant != NULL ? "?" : "");
		assert_string_equal(printed.errors, expected);
		assert_string_equal(printed.output, "");
		assert_string_equal(called, "");
	}
}

/* What is lost is no short answer. */
static int print_to_full(void *context)
{
	static char option[] = "--help";
	static char name[] = "pganchor";
	char *argv[] = {name, option, NULL};
	const int before = dup(1);
	const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	int status;

	(void)context;
	assert_true(before >= 0 && full >= 0 && dup2(full, 1) == 1);
	status = pganchor(2, argv);
	assert_int_equal(dup2(before, 1), 1);
	(void)close(full);
	(void)close(before);
	clearerr(stdout);
	return status;
}

static void output_that_is_lost(void **state)
{
	(void)state;
	assert_int_equal(prints(print_to_full, NULL), PGA_EXIT_FAILED);
	assert_string_equal(printed.errors,
			    "pganchor: cannot write to the standard output: No space "
			    "left on device\n");
}

/* ---- options ---- */

static const struct option options[] = {
    {"file", required_argument, NULL, 'f'},  {"help", no_argument, NULL, 'h'},
    {"hello", optional_argument, NULL, 'e'}, {"since", required_argument, NULL, 's'},
    {"sincere", no_argument, NULL, 1},       {NULL, 0, NULL, 0}};

static int parse(int argc, char **argv)
{
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "f:hs:", options, NULL)) != -1)
		if (option == '?')
			return pga_bad_option("command", argv, options);
	return PGA_EXIT_DONE;
}

static void options_that_are_not_understood(void **state)
{
	static const struct {
		const char *words;
		const char *said; /* NULL: it is understood */
	} cases[] = {
	    {"x -f a --file=b --since c --sincere --help --hello --hello=a", NULL},
	    {"x --fi a", NULL},
	    {"x --file", "--file: needs a value"},
	    {"x --fi", "--file: needs a value"},
	    {"x --since", "--since: needs a value"},
	    {"x --sincere=1", "--sincere: takes no value"},
	    {"x --help=", "--help: takes no value"},
	    {"x --he", "--he: could be any of --help, --hello"},
	    {"x --he=secret", "--he: could be any of --help, --hello"},
	    {"x --s", "--s: could be any of --since, --sincere"},
	    {"x --flie", "--flie: no such option; did you mean --file?"},
	    {"x --flie=secret", "--flie: no such option; did you mean --file?"},
	    {"x --zzzzzz=secret", "--zzzzzz: no such option"},
	    {"x -z", "-z: no such option"},
	    {"x -f", "-f: needs a value"},
	    {"x -hs", "-s: needs a value"},
	    {"x -zh", "-z: no such option"},
	    {"x -sincere", NULL},
	    {"x -help", "-help: no such option; did you mean --help?"},
	    {"x -hello", "-hello: no such option; did you mean --hello?"},
	    {"x -hellos", "-e: no such option"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char expected[200] = "";
		int status = command_prints(parse, cases[i].words);

		if (cases[i].said != NULL)
			(void)snprintf(expected, sizeof expected,
				       "pganchor: command: %s\n    see pganchor command --help\n",
				       cases[i].said);
		if (strcmp(printed.errors, expected) != 0 ||
		    status != (cases[i].said != NULL ? PGA_EXIT_USAGE : PGA_EXIT_DONE))
			fail_msg("%s: %d, %s", cases[i].words, status, printed.errors);
	}
}

static bool json;
static int parsed;

static void print_some_help(FILE *stream)
{
	(void)fputs("some help\n", stream);
}

static int parse_json(int argc, char **argv)
{
	const int status = pga_json_option(argc, argv, "command", print_some_help, &json);

	parsed = optind;
	return status;
}

static void json_alone(void **state)
{
	(void)state;
	json = true;
	assert_int_equal(command_prints(parse_json, "x a"), PGA_GO_ON);
	assert_false(json);
	assert_int_equal(parsed, 1);
	assert_int_equal(command_prints(parse_json, "x -j a"), PGA_GO_ON);
	assert_true(json);
	assert_int_equal(parsed, 2);
	assert_int_equal(command_prints(parse_json, "x --json --json"), PGA_GO_ON);
	assert_true(json);
	assert_int_equal(command_prints(parse_json, "x -j -h"), PGA_EXIT_DONE);
	assert_string_equal(printed.output, "some help\n");
	assert_int_equal(command_prints(parse_json, "x -j --hlep"), PGA_EXIT_USAGE);
	assert_string_equal(printed.errors,
			    "pganchor: command: --hlep: no such option; did you mean "
			    "--help?\n    see pganchor command --help\n");
	assert_string_equal(printed.output, "");
}

static void the_host_of_psql(void **state)
{
	static const struct {
		const char *words;
		const char *host; /* NULL: none */
	} cases[] = {
	    {"-h a", NULL},   {"x", NULL},       {"x -h", NULL},        {"x -h a", "a"},
	    {"x -ha", "a"},   {"x -h -j", NULL}, {"x -h -j -h b", "b"}, {"x -j -h b -h c", "b"},
	    {"x -g a", NULL}, {"x xh a", NULL},  {"x -- -h a", NULL},   {"x -h -- a", NULL},
	};
	struct command_line line;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *rest = line.words;
		const char *host;

		memset(&line, 0, sizeof line);
		(void)snprintf(line.words, sizeof line.words, "%s", cases[i].words);
		while (rest != NULL)
			line.argv[line.argc++] = strsep(&rest, " ");
		host = pga_host_behind_h(line.argc, line.argv);
		assert_int_equal(host == NULL, cases[i].host == NULL);
		if (host != NULL)
			assert_string_equal(host, cases[i].host);
	}
}

static void words_of_a_connection_string(void **state)
{
	static const struct {
		const char *value;
		const char *word;
	} cases[] = {
	    {"a", "host=a"},
	    {"", "'host='\\'\\'"},
	    {"a b", "'host='\\''a b'\\'"},
	    {"a\tb", "'host='\\''a'\"$(printf '\\011')\"'b'\\'"},
	    {"a'b", "'host='\\''a\\'\\''b'\\'"},
	    {"a\\b", "'host='\\''a\\\\b'\\'"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pga_text text = PGA_TEXT_EMPTY;

		pga_conninfo_word("host", cases[i].value, &text);
		assert_string_equal(pga_text_string(&text), cases[i].word);
		pga_text_free(&text);
	}
}

static int no_such_of_service(void *meant)
{
	return pga_no_such_command("service", "ad", meant);
}

static void commands_of_a_command(void **state)
{
	static char meant[] = "add";

	(void)state;
	assert_int_equal(prints(no_such_of_service, meant), PGA_EXIT_USAGE);
	assert_string_equal(printed.errors,
			    "pganchor: service: ad: no such command; did you mean service "
			    "add?\n    pganchor service --help lists the commands\n");
	assert_int_equal(prints(no_such_of_service, NULL), PGA_EXIT_USAGE);
	assert_string_equal(printed.errors,
			    "pganchor: service: ad: no such command\n    pganchor service "
			    "--help lists the commands\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(which_command),
	    cmocka_unit_test(help_and_version),
	    cmocka_unit_test(what_was_meant),
	    cmocka_unit_test(output_that_is_lost),
	    cmocka_unit_test(options_that_are_not_understood),
	    cmocka_unit_test(json_alone),
	    cmocka_unit_test(the_host_of_psql),
	    cmocka_unit_test(words_of_a_connection_string),
	    cmocka_unit_test(commands_of_a_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
