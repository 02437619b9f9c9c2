/* What is said where there is nothing to undo. */
#ifndef PGA_CLI_PRINT_SERVER_NOTHING_H
#define PGA_CLI_PRINT_SERVER_NOTHING_H

#include "server/change.h"

#include <stdbool.h>

/* Whether lines of pg_hba.conf are recorded that somebody has changed since, all of them: the plan
 * tells each. */
bool pga_server_nothing_has_lines(const struct pga_server_work *work);

/* Prints it: no more than is known. */
void pga_print_server_nothing(const struct pga_server_work *work, bool dry_run);

#endif
