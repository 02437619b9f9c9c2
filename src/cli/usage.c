/* What is said of a command line that cannot be read, with a guess of what was meant. */
#include "cli/usage.h"

#include "base/guess.h"
#include "base/terminal.h"
#include "base/text.h"
#include "cli/cli.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int pga_usage_error(const char *command, const char *format, ...)
{
	va_list arguments;

	pga_print(stderr, "%spganchor: %s: ", pga_colour(stderr, PGA_RED), command);
	va_start(arguments, format);
	pga_vprint(stderr, format, arguments);
	va_end(arguments);
	(void)fprintf(stderr, "%s\n    see pganchor %s --help\n", pga_colour(stderr, PGA_PLAIN),
		      command);
	return PGA_EXIT_USAGE;
}

/* The options that a long one may mean: its name, or every one that begins with it. `one` gets the
 * last of them. Returns how many. */
static size_t options_of(const char *name, size_t length, const struct option *options,
			 const struct option **one, struct pga_text *names)
{
	size_t count = 0;

	for (; options->name != NULL; options++) {
		if (strncmp(options->name, name, length) != 0)
			continue;
		*one = options;
		if (options->name[length] == '\0')
			return 1;
		pga_text_addf(names, "%s--%s", count > 0 ? ", " : "", options->name);
		count++;
	}
	return count;
}

/* Its value is not shown: it may hold a password. */
static int no_such_option(const char *command, const char *name, const struct option *options)
{
	struct pga_guess guess = pga_guess_begin(name);

	for (; options->name != NULL; options++)
		pga_guess_try(&guess, name, options->name);
	if (guess.best == NULL)
		return pga_usage_error(command, "--%s: no such option", name);
	return pga_usage_error(command, "--%s: no such option; did you mean --%s?", name,
			       guess.best);
}

/* What is wrong with a long option, whose word begins with "--"; 0 where nothing is. */
static int bad_long_option(const char *command, const char *word, const struct option *options)
{
	struct pga_text names = PGA_TEXT_EMPTY;
	const struct option *one = NULL;
	const size_t length = strcspn(word + 2, "=");
	const bool has_value = word[2 + length] == '=';
	char *name = strndup(word + 2, length);
	size_t count;
	int status = 0;

	if (name == NULL)
		return pga_usage_error(command, "out of memory");
	count = options_of(name, length, options, &one, &names);
	if (count == 0)
		status = no_such_option(command, name, options);
	else if (count > 1)
		status = pga_usage_error(command, "--%s: could be any of %s", name,
					 pga_text_string(&names));
	else if (one->has_arg == required_argument && !has_value)
		status = pga_usage_error(command, "--%s: needs a value", one->name);
	else if (one->has_arg == no_argument && has_value)
		status = pga_usage_error(command, "--%s: takes no value", one->name);
	free(name);
	pga_text_free(&names);
	return status;
}

/* The long option that the word is with one dash; NULL: none. */
static const char *with_one_dash(const char *word, const struct option *options)
{
	if (word == NULL || word[0] != '-')
		return NULL;
	for (; options->name != NULL; options++)
		if (strcmp(word + 1, options->name) == 0)
			return options->name;
	return NULL;
}

/* getopt_long() leaves the letter in optopt, and is still at its word where more letters follow. */
static int bad_short_option(const char *command, char *const *argv, const struct option *options)
{
	const char *meant = with_one_dash(argv[optind], options);

	if (meant == NULL)
		meant = with_one_dash(argv[optind - 1], options);
	if (meant != NULL)
		return pga_usage_error(command, "-%s: no such option; did you mean --%s?", meant,
				       meant);
	for (; options->name != NULL; options++)
		if (options->val == optopt && options->has_arg == required_argument)
			return pga_usage_error(command, "-%c: needs a value", optopt);
	return pga_usage_error(command, "-%c: no such option", optopt);
}

int pga_bad_option(const char *command, char *const *argv, const struct option *options)
{
	const char *word = argv[optind - 1];
	int status = 0;

	if (strncmp(word, "--", 2) == 0)
		status = bad_long_option(command, word, options);
	return status != 0 ? status : bad_short_option(command, argv, options);
}

int pga_no_such_command(const char *command, const char *word, const char *meant)
{
	const bool inner = command[0] != '\0';

	pga_print(stderr, "%spganchor: %s%s%s: no such %s", pga_colour(stderr, PGA_RED), command,
		  inner ? ": " : "", word, word[0] == '-' ? "option" : "command");
	if (meant != NULL)
		pga_print(stderr, "; did you mean %s%s%s?", command, inner ? " " : "", meant);
	pga_print(stderr, "%s\n    pganchor %s%s--help lists the commands\n",
		  pga_colour(stderr, PGA_PLAIN), command, inner ? " " : "");
	return PGA_EXIT_USAGE;
}
