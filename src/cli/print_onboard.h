/* What onboard says. */
#ifndef PGA_CLI_PRINT_ONBOARD_H
#define PGA_CLI_PRINT_ONBOARD_H

#include "cli/onboarding.h"

#include <stdio.h>

/* What becomes of everything, before it is done. */
void pga_print_onboard_plan(FILE *stream, const struct pga_application *application);

/* The table of the services, what failed and why, and what to type. status: what it ends with. */
void pga_print_onboard_end(const struct pga_onboarding *onboarding);

/* All of it in JSON. Returns the status, or that of a report that could not be written. */
int pga_print_onboard_json(const struct pga_onboarding *onboarding, int status);

/* Days from now to this time; *known: it is one. */
long pga_onboard_days(const char *when, bool *known);

#endif
