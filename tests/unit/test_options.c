/* cli/options.h, cli/options_help.h: a command line is read by its table, and the help is printed
 * from it. */
#include "cmocka_start.h"
#include "failing.h"
#include "printed.h"

#include "cli/cli.h"
#include "cli/options_help.h"

/* ---- a command that takes all that there is ---- */

struct asked {
	bool flag;
	const char *value;
	long wait;
	const char *taken;
	bool last;
};

static struct asked asked;

static int take(void *into, const struct pga_option *option, const char *value)
{
	struct asked *to = into;

	assert_string_equal(option->name, "taken");
	to->taken = value;
	return strcmp(value, "wrong") == 0 ? pga_usage_error("try", "wrong") : PGA_EXIT_DONE;
}

static const struct pga_option options[] = {
    {.name = "flag", .letter = 'f', .target = offsetof(struct asked, flag), .help = "says yes"},
    {.name = "value",
     .letter = 'v',
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct asked, value),
     .argument = "VALUE",
     .help = "a value"},
    {.name = "wait",
     .kind = PGA_OPTION_SECONDS,
     .target = offsetof(struct asked, wait),
     .argument = "SECONDS",
     .help = "so long"},
    {.name = "taken",
     .kind = PGA_OPTION_TAKEN,
     .argument = "WORD",
     .take = take,
     .help = "whatever"},
    {.name = "told-to-nobody-whatever-it-is",
     .target = offsetof(struct asked, last),
     .argument = NULL},
};

/* What differs from test to test. */
static struct pga_command command;
static int words_at;

static int try_command(int argc, char **argv)
{
	int status = 99;

	memset(&asked, 0, sizeof asked);
	asked.wait = -1;
	words_at = -1;
	if (!pga_options_read(&command, argc, argv, &asked, &status))
		return status + 100;
	words_at = argc - optind;
	return status;
}

static int begin(void **state)
{
	(void)state;
	command = (struct pga_command){.name = "try",
				       .usage = "[OPTION ...]",
				       .about = "Tries.",
				       .options = options,
				       .option_count = PGA_OPTION_COUNT(options)};
	return 0;
}

static int run(const char *words)
{
	return command_prints(try_command, words);
}

/* It is none, for this reason; NULL: it is the help. */
static void assert_refused(const char *words, const char *reason)
{
	char expected[300] = "";

	if (reason != NULL)
		(void)snprintf(expected, sizeof expected,
			       "pganchor: try: %s\n    see pganchor try --help\n", reason);
	assert_int_equal(run(words), 100 + (reason != NULL ? PGA_EXIT_USAGE : PGA_EXIT_DONE));
	assert_string_equal(printed.errors, expected);
	if (reason == NULL)
		assert_int_equal(strncmp(printed.output, "usage: pganchor try ", 20), 0);
	else
		assert_string_equal(printed.output, "");
}

static void assert_read(const char *words)
{
	assert_int_equal(run(words), PGA_EXIT_DONE);
	assert_string_equal(printed.errors, "");
	assert_string_equal(printed.output, "");
}

/* ---- the reading ---- */

static void options_of_each_kind(void **state)
{
	(void)state;
	assert_read("try");
	assert_false(asked.flag || asked.last);
	assert_read("try -f");
	assert_true(asked.flag);
	assert_false(asked.last);
	assert_read("try --flag --value a --taken b --told-to-nobody-whatever-it-is");
	assert_true(asked.flag && asked.last);
	assert_string_equal(asked.value, "a");
	assert_string_equal(asked.taken, "b");
	assert_read("try -fva");
	assert_true(asked.flag);
	assert_string_equal(asked.value, "a");
	assert_read("try -v -f --val=c");
	assert_string_equal(asked.value, "c");
	assert_false(asked.flag);
	assert_refused("try -v", "-v: needs a value");
	assert_refused("try --flag=a", "--flag: takes no value");
	assert_refused("try -x", "-x: no such option");
	assert_refused("try --taken wrong -x", "wrong");
	assert_string_equal(asked.taken, "wrong");
}

static void seconds(void **state)
{
	static const struct {
		const char *text;
		long milliseconds; /* 0: none */
	} cases[] = {
	    {"1", 1000},  {"1.5", 1500}, {"0.001", 1},        {"0.0009", 0},
	    {"0", 0},     {"-1", 0},     {"86400", 86400000}, {"86400.5", 0},
	    {"86401", 0}, {"1s", 0},     {"''", 0},           {"x", 0},
	    {"nan", 0},   {"inf", 0},    {"0.25", 250},       {"2.0019", 2001},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char words[50];

		(void)snprintf(words, sizeof words, "try --wait %s", cases[i].text);
		if (cases[i].milliseconds > 0) {
			assert_read(words);
			assert_int_equal(asked.wait, cases[i].milliseconds);
		} else {
			assert_refused(words, "--wait: not a number of seconds");
		}
	}
}

static void words_that_are_no_options(void **state)
{
	static const struct {
		size_t least, most;
		const char *stray;
		const char *words;
		const char *said; /* NULL: they are taken */
		int count;
	} cases[] = {
	    {0, 0, NULL, "try", NULL, 0},
	    {0, 0, NULL, "try a", "a: not an option, and no argument is taken", 0},
	    {0, 0, "the CA is", "try a b", "a: not an option; the CA is a", 0},
	    {1, 1, NULL, "try", "an argument is missing: WORD", 0},
	    {1, 1, NULL, "try a", NULL, 1},
	    {1, 1, NULL, "try a b", "b: too many arguments", 0},
	    {1, 1, "it is", "try a b", "a: not an option; it is a", 0},
	    {2, 3, NULL, "try a", "an argument is missing: WORD", 0},
	    {2, 3, "it is", "try a b c", NULL, 3},
	    {2, 3, NULL, "try a -f b", NULL, 2},
	    {2, 3, NULL, "try a b c d e", "d: too many arguments", 0},
	};

	(void)state;
	command.word = "WORD";
	for (size_t i = 0; i < COUNT(cases); i++) {
		command.least = cases[i].least;
		command.most = cases[i].most;
		command.stray = cases[i].stray;
		if (cases[i].said != NULL) {
			assert_refused(cases[i].words, cases[i].said);
		} else {
			assert_read(cases[i].words);
			assert_int_equal(words_at, cases[i].count);
		}
	}
}

/* What follows is another program's. */
static void one_that_stops(void **state)
{
	(void)state;
	command.most = 5;
	assert_read("try a -f");
	assert_true(asked.flag);
	command.stops = true;
	assert_read("try -v b a -f -x --help");
	assert_false(asked.flag);
	assert_string_equal(asked.value, "b");
	assert_int_equal(words_at, 4);
}

/* As many as there may be, and the last one of them. */
static void as_many_options(void **state)
{
	static char names[50][8];
	static struct pga_option many[50];

	(void)state;
	for (size_t i = 0; i < COUNT(many); i++) {
		(void)snprintf(names[i], sizeof names[i], "o%02zu", i);
		many[i] = (struct pga_option){.name = names[i],
					      .letter = (char)(i < 26 ? 'A' + i : 0),
					      .kind = PGA_OPTION_VALUE,
					      .argument = "A",
					      .target = offsetof(struct asked, value),
					      .help = "h"};
	}
	command.options = many;
	command.option_count = 48;
	assert_read("try -A 1 -Z 2 --o47 3");
	assert_string_equal(asked.value, "3");
	assert_refused("try --help", NULL);
	assert_refused("try -h", NULL);
	/* What is beyond them is none. */
	command.option_count = 50;
	assert_refused("try --o48 3", "--o48: no such option; did you mean --o08?");
}

static void help_or_the_host(void **state)
{
	static const struct pga_option host[] = {
	    {.name = "flag", .letter = 'f', .target = offsetof(struct asked, flag), .help = "h"},
	    {.name = "host",
	     .letter = 'H',
	     .kind = PGA_OPTION_VALUE,
	     .target = offsetof(struct asked, value),
	     .argument = "HOST",
	     .help = "h"}};

	(void)state;
	assert_refused("try --help", NULL);
	assert_refused("try --he -x", NULL);
	assert_refused("try -f -h db", NULL);
	command.options = host;
	command.option_count = COUNT(host);
	assert_refused("try --help", NULL);
	assert_refused("try -h", NULL);
	assert_refused("try -h -f", NULL);
	assert_refused("try -h db", "-h is --help; the host is -H db");
	assert_refused("try -hdb", "-h is --help; the host is -H db");
	assert_read("try -H db");
	assert_string_equal(asked.value, "db");
}

/* ---- the help ---- */

#define W8 "1234567 "

static void help_of_all_kinds(void **state)
{
	static const struct pga_option many[] = {
	    {.name = "a", .letter = 'a', .help = "one"},
	    {.name = "hidden-and-wide", .argument = "C"},
	    {.name = "as-wide-as-it-may1", .help = "26 wide; " W8 W8 W8 W8 W8 W8 "last"},
	    {.name = "wide-as-it-maynot12", .help = "27 wide"},
	    {.name = "b", .letter = 'b', .argument = "B", .help = W8 W8 W8 W8 W8 "1234567 1234"},
	    {.name = "c", .argument = "C", .help = W8 W8 W8 W8 W8 "1234567 12345"},
	};

	(void)state;
	command.usage = "A [OPTION ...]\nB\nC D";
	command.about =
	    "About this.\n\nA second one, with  two blanks.\n\n" W8 W8 W8 W8 W8 W8 W8 W8 W8
	    "12345678 " W8 W8;
	command.statuses = "Exit status: 0.";
	command.examples = "  try this\n  or that\n";
	command.options = many;
	command.option_count = COUNT(many);
	assert_int_equal(run("try -h"), 100);
	assert_string_equal(
	    printed.output,
	    "usage: pganchor try A [OPTION ...]\n"
	    "       pganchor try B\n"
	    "       pganchor try C D\n"
	    "\n"
	    "About this.\n"
	    "\n"
	    "A second one, with two blanks.\n"
	    "\n"
	    "1234567 1234567 1234567 1234567 1234567 1234567 1234567 1234567 1234567 12345678\n"
	    "1234567 1234567\n"
	    "\n"
	    "  -a, --a                   one\n"
	    "      --as-wide-as-it-may1  26 wide; 1234567 1234567 1234567 1234567 1234567\n"
	    "                            1234567 last\n"
	    "      --wide-as-it-maynot12\n"
	    "                            27 wide\n"
	    "  -b, --b B                 1234567 1234567 1234567 1234567 1234567 1234567 1234\n"
	    "      --c C                 1234567 1234567 1234567 1234567 1234567 1234567\n"
	    "                            12345\n"
	    "  -h, --help                show this\n"
	    "\n"
	    "Exit status: 0.\n"
	    "\n"
	    "  try this\n"
	    "  or that\n"
	    "\n"
	    "The manual: man pganchor-try\n");
	/* With short names alone, and nothing else to be told. */
	command.usage = "";
	command.about = NULL;
	command.statuses = command.examples = NULL;
	command.option_count = 2;
	assert_int_equal(run("try -h"), 100);
	assert_string_equal(printed.output, "usage: pganchor try\n\n  -a, --a     one\n  -h, "
					    "--help  show this\n\nThe manual: man pganchor-try\n");
	command.options = &many[3];
	command.option_count = 1;
	command.usage = "X";
	assert_int_equal(run("try -h"), 100);
	assert_string_equal(printed.output,
			    "usage: pganchor try X\n\n      --wide-as-it-maynot12\n              "
			    "27 wide\n  -h, --help  show this\n\nThe manual: man pganchor-try\n");
}

/* A word that fits no line begins where it would. */
static void help_of_a_long_word(void **state)
{
	static const struct pga_option wide[] = {
	    {.name = "abcdef",
	     .letter = 'a',
	     .help = "123456789-123456789-123456789-123456789-123456789-123456789-123456789 b"}};

	(void)state;
	command.options = wide;
	command.option_count = 1;
	assert_int_equal(run("try -h"), 100);
	assert_string_equal(
	    printed.output,
	    "usage: pganchor try [OPTION ...]\n\nTries.\n\n  -a, --abcdef  "
	    "123456789-123456789-123456789-123456789-123456789-123456789-123456789\n"
	    "                b\n  -h, --help    show this\n\nThe manual: man pganchor-try\n");
}

static int help_of_commands(void *context)
{
	pga_commands_help(stdout, context);
	return 0;
}

static void help_of_what_is_made_of_commands(void **state)
{
	static const struct pga_command one = {.name = "try it",
					       .summary = W8 W8 W8 W8 W8 W8 W8 W8 W8 "last"};
	static const struct pga_command two = {.name = "try another", .summary = "summary"};
	static const struct pga_command three = {.name = "three", .summary = "third"};
	static const struct pga_command *const of[] = {&one, &two, &three, NULL};
	static struct pga_command made = {
	    .name = "try", .about = "About it.", .examples = "  so\n", .commands = of};

	(void)state;
	(void)prints(help_of_commands, &made);
	assert_string_equal(
	    printed.output,
	    "usage: pganchor try COMMAND [OPTION ...]\n"
	    "\n"
	    "About it.\n"
	    "\n"
	    "commands:\n"
	    "  it       1234567 1234567 1234567 1234567 1234567 1234567 1234567 1234567\n"
	    "           1234567 last\n"
	    "  another  summary\n"
	    "  three    third\n"
	    "\n"
	    "  so\n"
	    "\n"
	    "The manual: man pganchor-try\n");
	made.name = "";
	(void)prints(help_of_commands, &made);
	assert_int_equal(strncmp(printed.output, "usage: pganchor COMMAND [OPTION ...]\n", 37), 0);
}

static int misread_without(void *context)
{
	char name[] = "try";
	char word[] = "--bogus";
	char *argv[] = {name, word, NULL};
	int status;

	has_failed = false;
	left = *(long *)context;
	optind = 0;
	status = try_command(2, argv);
	left = 0;
	return status;
}

/* It is none, whether or not that can be told. */
static void misread_without_memory(void **state)
{
	long number = 1;

	(void)state;
	assert_int_equal(prints(misread_without, &number), 100 + PGA_EXIT_USAGE);
	assert_true(has_failed);
	assert_string_equal(printed.errors,
			    "pganchor: try: out of memory\n    see pganchor try --help\n");
}

static int help_without(void *context)
{
	has_failed = false;
	left = *(long *)context;
	pga_options_help(&command);
	left = 0;
	return has_failed;
}

/* It stays a help, whatever is missing of it. */
static void help_without_memory(void **state)
{
	long number = 1;

	(void)state;
	while (prints(help_without, &number) != 0) {
		assert_int_equal(
		    strncmp(printed.output, "usage: pganchor try [OPTION ...]\n\n", 34), 0);
		assert_non_null(strstr(printed.output, "show this\n"));
		number++;
	}
	assert_true(number > 5);
}

#define EACH_TEST(test) cmocka_unit_test_setup(test, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    EACH_TEST(options_of_each_kind),
	    EACH_TEST(seconds),
	    EACH_TEST(words_that_are_no_options),
	    EACH_TEST(one_that_stops),
	    EACH_TEST(as_many_options),
	    EACH_TEST(help_or_the_host),
	    EACH_TEST(help_of_all_kinds),
	    EACH_TEST(help_of_a_long_word),
	    EACH_TEST(help_of_what_is_made_of_commands),
	    EACH_TEST(misread_without_memory),
	    EACH_TEST(help_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
