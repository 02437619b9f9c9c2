/* What is said of a command line that cannot be read. */
#ifndef PGA_CLI_USAGE_H
#define PGA_CLI_USAGE_H

#include <getopt.h>

/* Prints "pganchor: COMMAND: ..." and "see pganchor COMMAND --help" to stderr. Returns
 * PGA_EXIT_USAGE. */
int pga_usage_error(const char *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Reports what getopt_long() did not understand of these options, with a guess of what was meant.
 * Returns PGA_EXIT_USAGE. */
int pga_bad_option(const char *command, char *const *argv, const struct option *options);

/* Reports a subcommand that is none: of pganchor, where command is "", or of that command. meant
 * is the guess, NULL for none. Returns PGA_EXIT_USAGE. */
int pga_no_such_command(const char *command, const char *word, const char *meant);

#endif
