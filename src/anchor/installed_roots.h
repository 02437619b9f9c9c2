/* Whether the roots of the user's anchors are where bootstrap has put them. */
#ifndef PGA_ANCHOR_INSTALLED_ROOTS_H
#define PGA_ANCHOR_INSTALLED_ROOTS_H

#include "base/error.h"
#include "policy/pins.h"

#include <stddef.h>

struct pga_missing_root {
	const struct pga_pin *anchor; /* of the pins */
	char *path;                   /* the file that does not have the pinned root */
};

struct pga_missing_roots {
	struct pga_missing_root *roots;
	size_t count;
};

/* Looks for the root of each of the user's own pins in its anchors/NAME.crt, which has it and no
 * other but those that join it, and unless it is scoped in root.crt, the path of which this is. A
 * file that is not there, or that libpq could not read, does not have it. To be freed in any case;
 * -1 for want of memory.
 */
int pga_missing_roots_find(struct pga_missing_roots *missing, const struct pga_pins *pins,
			   const char *root_crt, struct pga_error *error);

void pga_missing_roots_free(struct pga_missing_roots *missing);

#endif
