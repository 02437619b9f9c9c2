/* Where a path really leads. */
#ifndef PGA_BASE_PATH_H
#define PGA_BASE_PATH_H

#include "base/error.h"

#include <stdbool.h>

struct pga_real_path {
	char *path;         /* absolute, without a link in it; the end of it may be missing */
	bool linked;        /* its last name was a link */
	bool leads_outside; /* it was in the home directory by its name, and is not */
};

/* Follows the links of the path as the kernel does, as far as they are the user's own or root's:
 * where somebody else's lead is theirs to change at any time. Returns -1 for such a link, for one
 * that leads nowhere, and with an error that names it for what cannot be looked at. */
int pga_real_path(struct pga_real_path *real, const char *path, struct pga_error *error);

void pga_real_path_free(struct pga_real_path *real);

/* Whether both lead to one file that is there. */
bool pga_path_is_same(const char *left, const char *right);

#endif
