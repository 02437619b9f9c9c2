/* The table of subcommands, and the way to them. */
#include "base/guess.h"
#include "base/terminal.h"
#include "cli/cli.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} commands[] = {
    {"bootstrap", pga_cmd_bootstrap,
     "fetch a CA root, prove it by its fingerprint, pin and install it"},
    {"service", pga_cmd_service,
     "add, list, show and remove verify-full entries of pg_service.conf"},
    {"run", pga_cmd_run, "start a program that can make no connection weaker than verify-full"},
    {"explain", pga_cmd_explain,
     "show what libpq would really use for a conninfo, and the verdict"},
    {"enable", pga_cmd_enable, "load the gate into every program of a session, machine or service"},
    {"disable", pga_cmd_disable, "undo what enable did"},
    {"status", pga_cmd_status, "is the gate active here, and in which running programs"},
    {"log", pga_cmd_log, "show what a policy in audit mode would have refused"},
};

static void print_help(FILE *stream)
{
	(void)fputs("usage: pganchor COMMAND [OPTION ...]\n\n"
		    "Makes PostgreSQL's clients verify the server they talk to.\n\ncommands:\n",
		    stream);
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		(void)fprintf(stream, "  %-10s  %s\n", commands[i].name, commands[i].summary);
	(void)fputs("\n  -h, --help     show this, or with a command, the command's options; "
		    "\"pganchor help COMMAND\" does, too\n"
		    "  -V, --version  show the version\n\n"
		    "The first steps:\n"
		    "  pganchor bootstrap --ca-url https://ca.example.com:9000 --fingerprint HEX\n"
		    "  pganchor service add prod --host db.example.com\n"
		    "  pganchor run -- psql service=prod\n",
		    stream);
}

/* The words of other programs, and of `service` without it. */
static const char *const others[][2] = {
    {"add", "service add"},   {"list", "service list"}, {"ls", "service list"},
    {"show", "service show"}, {"rm", "service remove"}, {"remove", "service remove"},
    {"check", "explain"},     {"exec", "run"},          {"on", "enable"},
    {"off", "disable"},
};

static int no_such_command(const char *word)
{
	struct pga_guess guess = pga_guess_begin(word);

	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		if (strcmp(word, others[i][0]) == 0)
			return pga_no_such_command(NULL, word, others[i][1]);
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		pga_guess_try(&guess, word, commands[i].name);
	pga_guess_try(&guess, word, "help");
	pga_guess_try(&guess, word, "--help");
	pga_guess_try(&guess, word, "--version");
	return pga_no_such_command(NULL, word, guess.best);
}

static bool is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static int run(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (strcmp(argv[0], commands[i].name) == 0)
			return commands[i].run(argc, argv);
	return no_such_command(argv[0]);
}

/* "help COMMAND" for "COMMAND --help", and "help service add" for "service add --help". argv[0] is
 * the word behind help, NULL where there is none. */
static int help(char **argv)
{
	char option[] = "--help";
	char *asked[] = {argv[0], option, NULL, NULL};

	if (argv[0] == NULL || is_help(argv[0]) || strcmp(argv[0], "help") == 0) {
		print_help(stdout);
		return PGA_EXIT_DONE;
	}
	if (strcmp(argv[0], "service") != 0 || argv[1] == NULL || is_help(argv[1]))
		return run(2, asked);
	asked[1] = argv[1];
	asked[2] = option;
	return run(3, asked);
}

static int dispatch(int argc, char **argv)
{
	if (argc < 2) {
		print_help(stderr);
		return PGA_EXIT_USAGE;
	}
	if (is_help(argv[1])) {
		print_help(stdout);
		return PGA_EXIT_DONE;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		(void)puts(PACKAGE_STRING);
		return PGA_EXIT_DONE;
	}
	if (strcmp(argv[1], "help") == 0)
		return help(argv + 2);
	return run(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	int status = dispatch(argc, argv);
	struct pga_error error;

	/* What is lost must not look like a short answer. */
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return status;
	(void)pga_fail_errno(&error, NULL, "cannot write to the standard output");
	pga_print_error(&error);
	return PGA_EXIT_FAILED;
}
