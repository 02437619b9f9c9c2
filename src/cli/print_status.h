/* What pganchor status prints. */
#ifndef PGA_CLI_PRINT_STATUS_H
#define PGA_CLI_PRINT_STATUS_H

#include "diagnose/overview.h"
#include "diagnose/status.h"

/* All that there is to know. */
void pga_print_status(const struct pga_status *status);

/* The figures of the overview, too. Returns the exit status, or that of a report that could not be
 * made. */
int pga_print_status_json(const struct pga_overview *overview, int exit_status);

#endif
