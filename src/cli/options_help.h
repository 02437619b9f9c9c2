/* What --help prints. */
#ifndef PGA_CLI_OPTIONS_HELP_H
#define PGA_CLI_OPTIONS_HELP_H

#include "cli/options.h"

#include <stdio.h>

/* A command's usage, options and examples, by its table. */
void pga_options_help(const struct pga_command *command);

/* The same of a command that is made of subcommands: each with its summary. */
void pga_commands_help(FILE *stream, const struct pga_command *command);

#endif
