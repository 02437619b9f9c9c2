/* What service harden says, to people and as JSON. */
#ifndef PGA_CLI_PRINT_HARDEN_H
#define PGA_CLI_PRINT_HARDEN_H

#include "service/harden.h"

#include <stdbool.h>
#include <stdio.h>

/* How far it has come. */
enum pga_harden_step {
	PGA_HARDEN_ASKED,  /* it is shown before the question */
	PGA_HARDEN_WOULD,  /* a dry run */
	PGA_HARDEN_DONE,   /* it is written */
	PGA_HARDEN_NOTHING /* it could have been, and was not */
};

/* Prints those entries that are ready, with all that changes and why, and those that need nothing.
 */
void pga_print_harden(FILE *stream, const struct pga_harden *harden, enum pga_harden_step step);

/* Says of each entry that is left as it is, why, and what there is to type. */
void pga_print_harden_left(const struct pga_harden *harden);

/* Prints the report; returns the status. */
int pga_harden_json(const struct pga_harden *harden, enum pga_harden_step step, int status);

/* The same of what was put back. */
void pga_print_unharden(const struct pga_unharden *undo, bool dry_run);
int pga_unharden_json(const struct pga_unharden *undo, bool dry_run, int status);

/* Adds the command that hardens this entry by that name, and the like. */
void pga_add_harden_command(const struct pga_harden *harden, const struct pga_hardening *item,
			    const char *host, struct pga_text *command);

#endif
