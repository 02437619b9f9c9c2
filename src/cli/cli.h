/* What the subcommands share. Each stands in the file of its name, cmd_NAME.c, as one function. */
#ifndef PGA_CLI_CLI_H
#define PGA_CLI_CLI_H

#include "base/text.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

/* Exit statuses of the tool. */
enum pga_exit {
	PGA_EXIT_DONE = 0,
	PGA_EXIT_FAILED = 1,
	PGA_EXIT_USAGE = 2,
	PGA_EXIT_WEAK = 3, /* something is weaker than policy */
};

/* A subcommand: argv[0] is its name, options by getopt_long. Returns the exit status. */
int pga_cmd_bootstrap(int argc, char **argv);
int pga_cmd_disable(int argc, char **argv);
int pga_cmd_enable(int argc, char **argv);
int pga_cmd_explain(int argc, char **argv);
int pga_cmd_log(int argc, char **argv);
int pga_cmd_run(int argc, char **argv);
int pga_cmd_service(int argc, char **argv);
int pga_cmd_status(int argc, char **argv);

/* Prints "pganchor: COMMAND: ..." and "see pganchor COMMAND --help" to stderr. Returns
 * PGA_EXIT_USAGE. */
int pga_usage_error(const char *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Reports what getopt_long() did not understand of these options, with a guess of what was meant.
 * Returns PGA_EXIT_USAGE. */
int pga_bad_option(const char *command, char *const *argv, const struct option *options);

/* Reports a subcommand that is none: of pganchor, where command is NULL, or of that command. meant
 * is the guess, NULL for none. Returns PGA_EXIT_USAGE. */
int pga_no_such_command(const char *command, const char *word, const char *meant);

/* The word behind -h, which is --help here and the host for psql; NULL: there is none. */
const char *pga_host_behind_h(int argc, char *const *argv);

/* Adds KEYWORD=VALUE of a connection string as one word of a shell's command line. */
void pga_conninfo_word(const char *keyword, const char *value, struct pga_text *text);

/* What is returned in the place of an exit status by what a command goes on after. */
#define PGA_GO_ON (-1)

/* The options of a command that has no others than --json and --help. Returns PGA_GO_ON, and optind
 * is at the first argument; or what the command ends with. */
int pga_json_option(int argc, char **argv, const char *command, void (*print_help)(FILE *),
		    bool *json);

#endif
