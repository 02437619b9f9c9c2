/* The reading of a command line by its table. */
#include "cli/options.h"

#include "base/text.h"
#include "cli/cli.h"
#include "cli/options_help.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

/* A day: whoever waits longer has made a mistake. */
#define LONGEST_WAIT 86400.0

/* More than any command has, and --help. */
#define MOST_OPTIONS 48

/* What getopt_long() returns for the table's first option. */
#define FIRST 256

/* The table, as getopt_long() wants it. */
struct table {
	struct option options[MOST_OPTIONS + 2];
	char letters[2 * MOST_OPTIONS + 3];
};

static bool may_lack_value(const struct pga_option *option)
{
	return option->argument != NULL && option->argument[0] == '[';
}

/* getopt_long() gives a value that may be left out where it stands behind a "=", and leaves the
 * next word alone, which is it as well. */
static const char *optional_value(int argc, char *const *argv)
{
	if (optarg != NULL)
		return optarg;
	return optind < argc && argv[optind][0] != '-' ? argv[optind++] : "";
}

/* The table starts all zero, and so ends where nothing more is put. */
static void fill_table(const struct pga_command *command, struct table *table)
{
	char *letters = table->letters;
	size_t count = 0;

	if (command->stops)
		*letters++ = '+';
	for (; count < command->option_count && count < MOST_OPTIONS; count++) {
		const struct pga_option *option = &command->options[count];
		const int has_value = option->argument == NULL ? no_argument
				      : may_lack_value(option) ? optional_argument
							       : required_argument;
		const int value = option->letter != 0 ? option->letter : FIRST + (int)count;

		table->options[count] = (struct option){option->name, has_value, NULL, value};
		if (option->letter == 0)
			continue;
		*letters++ = option->letter;
		if (has_value == required_argument)
			*letters++ = ':';
	}
	table->options[count] = (struct option){"help", no_argument, NULL, 'h'};
	*letters = 'h';
}

static const struct pga_option *option_of(const struct pga_command *command, int value)
{
	for (size_t i = 0; i < command->option_count; i++)
		if (value == FIRST + (int)i || value == command->options[i].letter)
			return &command->options[i];
	return NULL;
}

/* Seconds with a fraction, as curl takes them, in milliseconds. */
static bool read_seconds(const char *text, long *milliseconds)
{
	char *end;
	double seconds = strtod(text, &end); /* 0 where there is no number */

	if (*end != '\0' || !(seconds >= 0.001) || seconds > LONGEST_WAIT)
		return false;
	*milliseconds = (long)(seconds * 1000);
	return true;
}

static int take(const struct pga_command *command, const struct pga_option *option,
		const char *value, void *into)
{
	char *target = (char *)into + option->target;

	switch (option->kind) {
	case PGA_OPTION_FLAG:
		memcpy(target, &(const bool){true}, sizeof(bool));
		break;
	case PGA_OPTION_VALUE:
		memcpy(target, &value, sizeof value);
		break;
	case PGA_OPTION_SECONDS: {
		long milliseconds;

		if (!read_seconds(value, &milliseconds))
			return pga_usage_error(command->name, "--%s: not a number of seconds",
					       option->name);
		memcpy(target, &milliseconds, sizeof milliseconds);
		break;
	}
	case PGA_OPTION_TAKEN:
		return option->take(into, option, value);
	}
	return PGA_EXIT_DONE;
}

const char *pga_host_behind_h(int argc, char *const *argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strncmp(argv[i], "-h", 2) != 0)
			continue;
		if (argv[i][2] != '\0')
			return argv[i] + 2;
		if (i + 1 < argc && argv[i + 1][0] != '-')
			return argv[i + 1];
	}
	return NULL;
}

/* --help, or for a command that takes a host, what psql means by -h. */
static int help(const struct pga_command *command, int argc, char *const *argv)
{
	const char *host = pga_host_behind_h(argc, argv);

	if (host != NULL && option_of(command, 'H') != NULL)
		return pga_usage_error(command->name, "-h is --help; the host is -H %s", host);
	pga_options_help(command);
	return PGA_EXIT_DONE;
}

static int check_words(const struct pga_command *command, int argc, char *const *argv)
{
	const size_t count = (size_t)(argc - optind);

	if (count < command->least)
		return pga_usage_error(command->name, "an argument is missing: %s", command->word);
	if (count > command->most && command->stray != NULL)
		return pga_usage_error(command->name, "%s: not an option; %s %s", argv[optind],
				       command->stray, argv[optind]);
	if (count > command->most && command->most == 0)
		return pga_usage_error(command->name, "%s: not an option, and no argument is taken",
				       argv[optind]);
	if (count > command->most)
		return pga_usage_error(command->name, "%s: too many arguments",
				       argv[optind + (int)command->most]);
	return PGA_EXIT_DONE;
}

/* Reports the option of another program's that the word is, in its habits. Returns 0 where it is
 * none. */
static int check_habits(const struct pga_command *command, const char *word)
{
	const struct pga_habit *habit = command->option_habits;

	if (habit == NULL || strncmp(word, "--", 2) != 0)
		return 0;
	word += 2;
	for (; habit->word != NULL; habit++)
		if (strlen(habit->word) == strcspn(word, "=") &&
		    strncmp(habit->word, word, strlen(habit->word)) == 0)
			return pga_usage_error(command->name, "--%s: no such option; %s",
					       habit->word, habit->meant);
	return 0;
}

bool pga_options_read(const struct pga_command *command, int argc, char **argv, void *into,
		      int *status)
{
	struct table table = {.options = {{.name = NULL}}};
	int value;

	fill_table(command, &table);
	opterr = 0;
	while ((value = getopt_long(argc, argv, table.letters, table.options, NULL)) != -1) {
		const struct pga_option *option = option_of(command, value);

		if (value == 'h') {
			*status = help(command, argc, argv);
			return false;
		}
		if (option == NULL) {
			*status = check_habits(command, argv[optind - 1]);
			if (*status == 0)
				*status = pga_bad_option(command->name, argv, table.options);
			return false;
		}
		*status = take(command, option,
			       may_lack_value(option) ? optional_value(argc, argv) : optarg, into);
		if (*status != PGA_EXIT_DONE)
			return false;
	}
	*status = check_words(command, argc, argv);
	return *status == PGA_EXIT_DONE;
}
