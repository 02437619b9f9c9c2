/* libpq warns of a password file that others may read each time that it is asked anything. Doctor
 * tells it once. */
#ifndef PGA_DIAGNOSE_QUIET_LIBPQ_H
#define PGA_DIAGNOSE_QUIET_LIBPQ_H

#include <stddef.h>

struct pga_quiet {
	int error;     /* the standard error stream; -1: nothing was changed */
	size_t warned; /* how long pga_warnings() was */
};

/* Where it would warn, the standard error stream goes nowhere until the end, which prints what
 * pganchor itself has warned of meanwhile. */
struct pga_quiet pga_quiet_begin(void);
void pga_quiet_end(const struct pga_quiet *quiet);

#endif
