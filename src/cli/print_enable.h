/* What enable and disable say of what they did. */
#ifndef PGA_CLI_PRINT_ENABLE_H
#define PGA_CLI_PRINT_ENABLE_H

#include "cli/enable_prepare.h"
#include "preload/enable.h"

#include <stdbool.h>
#include <stddef.h>

/* Prints what became of each file, and what comes next; where it is not settled, since ld.so does
 * not find what it was to, that is left out. Returns the status. */
int pga_print_enable(const struct pga_asked *asked, const struct pga_activation *files,
		     size_t count, bool settled, int status);

/* The same in JSON. Returns the status, or that of a report that could not be written. */
int pga_print_enable_json(const struct pga_asked *asked, const struct pga_activation *files,
			  size_t count, int status);

#endif
