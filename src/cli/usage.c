/* What the subcommands have in common in reading their command lines. */
#include "cli/cli.h"

#include "base/terminal.h"

#include <getopt.h>
#include <stdarg.h>

int pga_usage_error(const char *command, const char *format, ...)
{
	va_list arguments;

	(void)fprintf(stderr, "%spganchor: %s: ", pga_colour(stderr, PGA_RED), command);
	va_start(arguments, format);
	pga_vprint(stderr, format, arguments);
	va_end(arguments);
	(void)fprintf(stderr, "%s\n    see pganchor %s --help\n", pga_colour(stderr, PGA_PLAIN),
		      command);
	return PGA_EXIT_USAGE;
}

int pga_bad_option(const char *command, char *const *argv)
{
	const char *word = argv[optind - 1];

	/* getopt_long() leaves the letter of a short option, or of a long one that lacks its value,
	 * in optopt. */
	if (word[0] == '-' && word[1] != '-' && optopt != 0)
		return pga_usage_error(command, "-%c: no such option, or its value is missing",
				       optopt);
	return pga_usage_error(command, "%s: no such option, or its value is missing or too much",
			       word);
}

bool pga_json_option(int argc, char **argv, const char *command, void (*print_help)(FILE *),
		     bool *json, int *status)
{
	static const struct option options[] = {
	    {"help", no_argument, NULL, 'h'}, {"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
	int option;

	*json = false;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "hj", options, NULL)) != -1) {
		if (option == 'h') {
			print_help(stdout);
			*status = PGA_EXIT_DONE;
			return false;
		}
		if (option != 'j') {
			*status = pga_bad_option(command, argv);
			return false;
		}
		*json = true;
	}
	return true;
}
