/* The one screen of pganchor status. */
#ifndef PGA_CLI_PRINT_OVERVIEW_H
#define PGA_CLI_PRINT_OVERVIEW_H

#include "diagnose/overview.h"

#include <jansson.h>

/* What is wrong first, the worst first, and what to type; then how things are, a line each. No more
 * than 24 lines, of 80 columns but for a command that is longer. */
void pga_print_overview(const struct pga_overview *overview);

/* Adds the same figures to a report. */
void pga_overview_as_json(const struct pga_overview *overview, json_t *object);

#endif
