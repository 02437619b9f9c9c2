/* cli/main.c, cli/commands.c, cli/usage.c: the way to the subcommands, and what is said of a
 * command line that is not understood. */
#include "cmocka_start.h"
#include "printed.h"

#include "cli/commands.h"
#include "cli/conninfo_word.h"

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

#define COMMAND(named)                                \
	static int run_##named(int argc, char **argv) \
	{                                             \
		return call(#named, argc, argv);      \
	}                                             \
	const struct pga_command pga_cmd_##named = {  \
	    .name = #named,                           \
	    .summary = "the summary of " #named,      \
	    .usage = "[OPTION ...]",                  \
	    .about = "About " #named ".",             \
	    .run = run_##named,                       \
	}

COMMAND(anchor);
COMMAND(bootstrap);
COMMAND(completion);
COMMAND(crl);
COMMAND(disable);
COMMAND(doctor);
COMMAND(enable);
COMMAND(explain);
COMMAND(forecast);
COMMAND(log);
COMMAND(onboard);
COMMAND(password);
COMMAND(probe);
COMMAND(profile);
COMMAND(run);
COMMAND(status);
COMMAND(uninstall);

/* Nothing waits for a person. */
char *pga_notices_line(void)
{
	return NULL;
}

/* One that is made of others. */
static int run_add(int argc, char **argv)
{
	return call("add", argc, argv);
}

static const struct pga_command add = {.name = "service add",
				       .summary = "adds",
				       .usage = "[OPTION ...]",
				       .about = "Adds.",
				       .run = run_add};
static const struct pga_command *const inner[] = {&add, NULL};
static const struct pga_habit inner_habits[] = {{"new", "add"}, {NULL, NULL}};

static int run_service(int argc, char **argv)
{
	return pga_commands_run(&pga_cmd_service, argc, argv);
}

const struct pga_command pga_cmd_service = {
    .name = "service",
    .summary = "the summary of service",
    .about = "About service.",
    .examples = "  pganchor service add\n",
    .run = run_service,
    .commands = inner,
    .habits = inner_habits,
};

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
	    {"pganchor service add -j", "add: add -j"},
	    {"pganchor run -- psql", "run: run -- psql"},
	    {"pganchor explain", "explain: explain"},
	    {"pganchor enable -h", "enable: enable -h"},
	    {"pganchor disable", "disable: disable"},
	    {"pganchor status --help", "status: status --help"},
	    {"pganchor log", "log: log"},
	    {"pganchor crl list", "crl: crl list"},
	    {"pganchor forecast", "forecast: forecast"},
	    {"pganchor uninstall -n", "uninstall: uninstall -n"},
	    {"pganchor completion bash", "completion: completion bash"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(run_words(cases[i].words), 7);
		assert_string_equal(called, cases[i].called);
		assert_string_equal(printed.output, "");
		assert_string_equal(printed.errors, "");
	}
}

/* What is printed begins with this. */
static void assert_begins(const char *text, const char *beginning)
{
	if (strncmp(text, beginning, strlen(beginning)) != 0)
		fail_msg("%s: does not begin with %s", text, beginning);
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
		assert_begins(printed.output, usage);
		assert_non_null(strstr(printed.output, "  bootstrap   the summary of bootstrap"));
		assert_non_null(strstr(printed.output, "  log         the summary of log"));
		assert_non_null(strstr(printed.output, "The first steps:\n"));
		assert_string_equal(printed.errors, "");
		assert_string_equal(called, "");
	}
	assert_int_equal(run_words("pganchor"), PGA_EXIT_USAGE);
	assert_begins(printed.errors, usage);
	assert_string_equal(printed.output, "");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(run_words(i == 0 ? "pganchor version" : "pganchor --version"),
				 PGA_EXIT_DONE);
		assert_string_equal(printed.output, PACKAGE_STRING "\n");
	}
}

static void help_of_a_command(void **state)
{
	static const struct {
		const char *words;
		const char *usage;
	} cases[] = {
	    {"pganchor help log", "log"},
	    {"pganchor help log -h", "log"},
	    {"pganchor help --help log", "log"},
	    {"pganchor help service add", "service add"},
	    {"pganchor service help add", "service add"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char usage[100];

		(void)snprintf(usage, sizeof usage, "usage: pganchor %s ", cases[i].usage);
		assert_int_equal(run_words(cases[i].words), PGA_EXIT_DONE);
		assert_begins(printed.output, usage);
		assert_string_equal(printed.errors, "");
		assert_string_equal(called, "");
	}
	assert_int_equal(run_words("pganchor help service"), PGA_EXIT_DONE);
	assert_begins(printed.output, "usage: pganchor service COMMAND [OPTION ...]\n");
	assert_int_equal(run_words("pganchor help log x"), PGA_EXIT_USAGE);
	assert_string_equal(printed.errors, "pganchor: log: x: there is no help of its own\n"
					    "    see pganchor log --help\n");
	assert_int_equal(run_words("pganchor help lgo"), PGA_EXIT_USAGE);
	assert_begins(printed.errors, "pganchor: lgo: no such command; did you mean log?\n");
	assert_int_equal(run_words("pganchor help service dad"), PGA_EXIT_USAGE);
	assert_begins(printed.errors,
		      "pganchor: service: dad: no such command; did you mean service add?\n");
}

static void what_was_meant(void **state)
{
	static const struct {
		const char *word;
		const char *kind;
		const char *meant; /* NULL: nothing */
	} cases[] = {
	    {"add", "command", "service add or anchor add"},
	    {"list", "command", "service list or anchor list"},
	    {"ls", "command", "service list or anchor list"},
	    {"show", "command", "service show or anchor show"},
	    {"rm", "command", "service remove or anchor remove"},
	    {"remove", "command", "service remove or anchor remove"},
	    {"check", "command", "explain"},
	    {"exec", "command", "run"},
	    {"on", "command", "enable"},
	    {"off", "command", "disable"},
	    {"bootstap", "command", "bootstrap"},
	    {"lgo", "command", "log"},
	    {"hlep", "command", "help"},
	    {"--hepl", "option", "--help"},
	    {"--vesion", "option", "--version"},
	    {"vresion", "command", "version"},
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
			    "pganchor: could not write to the standard output: No space "
			    "left on device\n");
}

/* ---- options ---- */

static const struct option options[] = {{"file", required_argument, NULL, 'f'},
					{"help", no_argument, NULL, 'h'},
					{"hello", optional_argument, NULL, 'e'},
					{"since", required_argument, NULL, 's'},
					{"sincere", no_argument, NULL, 1},
					{"hz", no_argument, NULL, 2},
					{.name = NULL}};

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
	    {"x --hlep", "--hlep: no such option; did you mean --help?"},
	    /* The word before is a long one, and right. */
	    {"x --help -zh", "-z: no such option"},
	    {"x --file=a -zh", "-z: no such option"},
	    {"x --hello -zh", "-z: no such option"},
	    {"x --hello=a -zh", "-z: no such option"},
	    {"x -z zhelp", "-z: no such option"},
	    {"x -hz", "-hz: no such option; did you mean --hz?"},
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

static void commands_of_a_command(void **state)
{
	(void)state;
	assert_int_equal(run_words("pganchor service ad"), PGA_EXIT_USAGE);
	assert_string_equal(printed.errors,
			    "pganchor: service: ad: no such command; did you mean service "
			    "add?\n    pganchor service --help lists the commands\n");
	assert_int_equal(run_words("pganchor service new"), PGA_EXIT_USAGE);
	assert_begins(printed.errors,
		      "pganchor: service: new: no such command; did you mean service add?\n");
	assert_int_equal(run_words("pganchor service version"), PGA_EXIT_USAGE);
	assert_string_equal(printed.errors,
			    "pganchor: service: version: no such command\n    pganchor service "
			    "--help lists the commands\n");
	assert_int_equal(run_words("pganchor service"), PGA_EXIT_USAGE);
	assert_begins(printed.errors, "usage: pganchor service COMMAND [OPTION ...]\n");
	assert_string_equal(called, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(which_command),
	    cmocka_unit_test(help_and_version),
	    cmocka_unit_test(help_of_a_command),
	    cmocka_unit_test(what_was_meant),
	    cmocka_unit_test(output_that_is_lost),
	    cmocka_unit_test(options_that_are_not_understood),
	    cmocka_unit_test(the_host_of_psql),
	    cmocka_unit_test(words_of_a_connection_string),
	    cmocka_unit_test(commands_of_a_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
