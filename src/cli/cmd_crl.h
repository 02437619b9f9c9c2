/* What the subcommands of `pganchor crl` share; each stands in cmd_crl_NAME.c. */
#ifndef PGA_CLI_CMD_CRL_H
#define PGA_CLI_CMD_CRL_H

#include "anchor/crls.h"
#include "base/error.h"
#include "base/text.h"

#include <jansson.h>
#include <stdbool.h>
#include <time.h>

/* Prints the lines, each with what stands before it. */
void pga_print_crl_lines(FILE *stream, const char *before, const char *lines);

/* Warns of each line. */
void pga_warn_of_crl_lines(const char *before, const char *lines, const char *behind);

/* Asks whether it is to be done all the same, after what is to be read first. Returns -1 where the
 * answer is no, or nobody can be asked: the hint is way then, and why the message. */
int pga_ask_about_crls(const char *first, const char *question, const char *why, const char *way,
		       struct pga_error *error);

/* Whole days from now until then; below 0: it is past. */
long pga_crl_days_left(time_t then);

/* What "pganchor crl refresh --due" does, with quiet without a word of what went well. Returns the
 * exit status. */
int pga_refresh_due_crls(bool dry_run, bool quiet);

/* Warns of variables that have libpq read other CRLs than root.crl in this shell. */
void pga_warn_of_crl_variables(void);

#endif
