/* The way from a command line to the command that it names. */
#ifndef PGA_CLI_COMMANDS_H
#define PGA_CLI_COMMANDS_H

#include "cli/options.h"

/* Runs the subcommand that argv[1] names, or prints the help that is asked for: --help, help, and
 * help with the name of a subcommand behind it. Returns the exit status. */
int pga_commands_run(const struct pga_command *command, int argc, char **argv);

/* The last word of the command's name: what is typed for it behind the command it belongs to. */
const char *pga_command_word(const struct pga_command *command);

#endif
