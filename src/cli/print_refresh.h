/* What pganchor anchor refresh says. */
#ifndef PGA_CLI_PRINT_REFRESH_H
#define PGA_CLI_PRINT_REFRESH_H

#include "anchor/refresh.h"
#include "diagnose/going_roots.h"

#include <stdbool.h>

struct pga_refresh_report {
	const struct pga_refresh *refresh;
	const struct pga_going_roots *going;
	bool dry_run;
	bool quiet; /* of what is as before, nothing */
};

void pga_print_refresh(const struct pga_refresh_report *report);

/* The same as one JSON object. Returns the exit status. */
int pga_print_refresh_json(const struct pga_refresh_report *report, int status);

#endif
