/* pganchor run: starts a program with the gate in it. */
#include "cli/cli.h"

#include "activate/module.h"
#include "activate/program.h"
#include "base/terminal.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a shell answers for a program that cannot be found, or not be started (POSIX, "Exit Status
 * for Commands"). */
#define EXIT_NOT_FOUND   127
#define EXIT_NOT_STARTED 126

static void print_help(FILE *stream)
{
	(void)fputs("usage: pganchor run [-r] [--] PROGRAM [ARGUMENT ...]\n\n"
		    "Starts PROGRAM with the gate loaded into it (LD_PRELOAD): a connection "
		    "through libpq that is\n"
		    "weaker than sslmode=verify-full is refused, and says why. Exit status and "
		    "signals are the\n"
		    "program's. A connection that no libpq makes is not seen: where the program's "
		    "file tells that,\n"
		    "a warning says so.\n\n"
		    "  -r, --require  do not start a program that the gate cannot see: exit status "
		    "3\n"
		    "  -h, --help     show this\n\n"
		    "  pganchor run -- psql service=prod\n",
		    stream);
}

/* The gate goes first, so that what else is preloaded meets its calls behind it. */
static int add_module(bool for_32_bit)
{
	char *entry = for_32_bit ? pga_module_entry_32() : strdup(PGA_MODULE);
	const char *preload = getenv("LD_PRELOAD");
	struct pga_text text = PGA_TEXT_EMPTY;
	int result;

	if (preload != NULL && pga_module_is_in(preload)) {
		free(entry);
		return 0;
	}
	pga_text_add(&text, entry != NULL ? entry : PGA_MODULE);
	free(entry);
	if (preload != NULL && preload[0] != '\0')
		pga_text_addf(&text, ":%s", preload);
	result = text.failed ? -1 : setenv("LD_PRELOAD", pga_text_string(&text), 1);
	pga_text_free(&text);
	return result;
}

/* Becomes the program; returns only where that fails. */
static int start(char **argv, bool required)
{
	struct pga_error error;
	const enum pga_cover cover = pga_program_look(argv[0], &error);
	int status = PGA_EXIT_FAILED;

	if (cover == PGA_UNCOVERED && required) {
		pga_print_error(&error);
		return PGA_EXIT_WEAK;
	}
	if (cover == PGA_UNCOVERED || cover == PGA_HINDERED)
		pga_print_warning("%s\n    %s", error.message, error.next);
	/* The loader only warns of a module that it cannot load, and starts the program without.
	 * What it may read hangs on the effective user and capabilities. */
	if (faccessat(AT_FDCWD, PGA_MODULE, R_OK, AT_EACCESS) != 0) {
		(void)pga_fail_errno(&error, "install pganchor again; nothing was started",
				     "cannot read the gate %s", PGA_MODULE);
	} else if (add_module(cover == PGA_COVERED_32) != 0) {
		(void)pga_fail_memory(&error);
	} else {
		(void)execvp(argv[0], argv);
		status = errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_STARTED;
		(void)pga_fail_errno(&error, NULL, "cannot start %s", argv[0]);
	}
	pga_print_error(&error);
	return status;
}

int pga_cmd_run(int argc, char **argv)
{
	static const struct option options[] = {{"help", no_argument, NULL, 'h'},
						{"require", no_argument, NULL, 'r'},
						{NULL, 0, NULL, 0}};
	bool required = false;
	int option;

	opterr = 0;
	/* "+": what comes behind the program's name is the program's. */
	while ((option = getopt_long(argc, argv, "+hr", options, NULL)) != -1) {
		if (option == 'h') {
			print_help(stdout);
			return PGA_EXIT_DONE;
		}
		if (option != 'r')
			return pga_bad_option("run", argv);
		required = true;
	}
	if (optind == argc)
		return pga_usage_error("run", "no program to start");
	return start(argv + optind, required);
}
