#include "cli/commands.h"

#include "base/guess.h"
#include "cli/cli.h"
#include "cli/options_help.h"

#include <string.h>

const char *pga_command_word(const struct pga_command *command)
{
	const char *blank = strrchr(command->name, ' ');

	return blank != NULL ? blank + 1 : command->name;
}

static const struct pga_command *find(const struct pga_command *command, const char *word)
{
	for (const struct pga_command *const *one = command->commands; *one != NULL; one++)
		if (strcmp(pga_command_word(*one), word) == 0)
			return *one;
	return NULL;
}

static int no_such_command(const struct pga_command *command, const char *word)
{
	struct pga_guess guess = pga_guess_begin(word);

	for (const struct pga_habit *habit = command->habits; habit->word != NULL; habit++)
		if (strcmp(word, habit->word) == 0)
			return pga_no_such_command(command->name, word, habit->meant);
	for (const struct pga_command *const *one = command->commands; *one != NULL; one++)
		pga_guess_try(&guess, word, pga_command_word(*one));
	pga_guess_try(&guess, word, "help");
	pga_guess_try(&guess, word, "--help");
	if (command->name[0] == '\0') {
		pga_guess_try(&guess, word, "version");
		pga_guess_try(&guess, word, "--version");
	}
	return pga_no_such_command(command->name, word, guess.best);
}

static bool is_help(const char *word)
{
	return strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* The help of the command that the words name. */
static int help(const struct pga_command *command, char *const *words)
{
	for (; *words != NULL; words++) {
		const struct pga_command *one;

		if (is_help(*words))
			continue;
		if (command->commands == NULL)
			return pga_usage_error(command->name, "%s: there is no help of its own",
					       *words);
		one = find(command, *words);
		if (one == NULL)
			return no_such_command(command, *words);
		command = one;
	}
	if (command->commands != NULL)
		pga_commands_help(stdout, command);
	else
		pga_options_help(command);
	return PGA_EXIT_DONE;
}

int pga_commands_run(const struct pga_command *command, int argc, char **argv)
{
	const struct pga_command *one;

	if (argc < 2) {
		pga_commands_help(stderr, command);
		return PGA_EXIT_USAGE;
	}
	if (is_help(argv[1]))
		return help(command, argv + 2);
	one = find(command, argv[1]);
	return one != NULL ? one->run(argc - 1, argv + 1) : no_such_command(command, argv[1]);
}
