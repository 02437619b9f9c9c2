/* pganchor run: starts a program with the gate in it. */
#include "cli/cli.h"

#include "base/terminal.h"
#include "base/text.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MODULE PKGLIBDIR "/pganchor-gate.so"

/* What a shell answers for a program that cannot be found, or not be started (POSIX, "Exit Status
 * for Commands"). */
#define EXIT_NOT_FOUND   127
#define EXIT_NOT_STARTED 126

static void print_help(FILE *stream)
{
	(void)fputs("usage: pganchor run [--] PROGRAM [ARGUMENT ...]\n\n"
		    "Starts PROGRAM with the gate loaded into it (LD_PRELOAD): a connection "
		    "through libpq that is\n"
		    "weaker than sslmode=verify-full is refused, and says why. Exit status and "
		    "signals are the\n"
		    "program's. A connection that no libpq makes is not seen.\n\n"
		    "  -h, --help  show this\n\n"
		    "  pganchor run -- psql service=prod\n",
		    stream);
}

/* Whether the module is one of the entries of LD_PRELOAD, which blanks and colons separate
 * (ld.so(8)). */
static bool holds_module(const char *preload)
{
	while (*preload != '\0') {
		size_t length = strcspn(preload, " :");

		if (length == strlen(MODULE) && strncmp(preload, MODULE, length) == 0)
			return true;
		preload += length;
		preload += strspn(preload, " :");
	}
	return false;
}

/* The gate goes first, so that what else is preloaded meets its calls behind it. */
static int add_module(void)
{
	const char *preload = getenv("LD_PRELOAD");
	struct pga_text text = PGA_TEXT_EMPTY;
	int result;

	if (preload != NULL && holds_module(preload))
		return 0;
	pga_text_add(&text, MODULE);
	if (preload != NULL && preload[0] != '\0')
		pga_text_addf(&text, ":%s", preload);
	result = text.failed ? -1 : setenv("LD_PRELOAD", pga_text_string(&text), 1);
	pga_text_free(&text);
	return result;
}

int pga_cmd_run(int argc, char **argv)
{
	static const struct option options[] = {{"help", no_argument, NULL, 'h'},
						{NULL, 0, NULL, 0}};
	struct pga_error error;
	int option;

	/* "+": what comes behind the program's name is the program's. */
	while ((option = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
		if (option != 'h')
			return PGA_EXIT_USAGE;
		print_help(stdout);
		return PGA_EXIT_DONE;
	}
	if (optind == argc)
		return pga_usage_error("run", "no program to start");
	/* The loader only warns of a module that it cannot load, and starts the program without. */
	if (access(MODULE, R_OK) != 0) {
		(void)pga_fail_errno(&error, "install pganchor again; nothing was started",
				     "cannot read the gate %s", MODULE);
		pga_print_error(&error);
		return PGA_EXIT_FAILED;
	}
	if (add_module() != 0) {
		(void)pga_fail_memory(&error);
		pga_print_error(&error);
		return PGA_EXIT_FAILED;
	}
	(void)execvp(argv[optind], argv + optind);
	option = errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_STARTED;
	(void)pga_fail_errno(&error, NULL, "cannot start %s", argv[optind]);
	pga_print_error(&error);
	return option;
}
