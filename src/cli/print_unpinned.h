/* What is said of roots that are trusted by libpq and not pinned. */
#ifndef PGA_CLI_PRINT_UNPINNED_H
#define PGA_CLI_PRINT_UNPINNED_H

#include "anchor/unpinned.h"
#include "base/error.h"
#include "base/text.h"
#include "policy/effective.h"
#include "policy/pins.h"
#include "policy/policy.h"

#include <stdbool.h>
#include <stddef.h>

/* Whether that is where libpq looks for roots with these settings; for want of memory it is not. */
bool pga_is_of_root_crt(const struct pga_effective *effective);

/* Adds a line for each, the first few in full, but for the one with this pin (NULL: none). Returns
 * how many there are. */
size_t pga_list_unpinned(const struct pga_unpinned_roots *unpinned, const char *except,
			 struct pga_text *list);

/* Adds what is to be said of those of the file that libpq reads its roots from (NULL: root.crt):
 * nothing where the gate refuses none of their servers. Returns -1 with the reason. */
int pga_tell_unpinned(const char *path, const struct pga_policy *policy,
		      const struct pga_pins *pins, struct pga_text *text, struct pga_error *error);

/* Warns of those of the file that libpq reads its roots from (NULL: root.crt), where the gate
 * refuses their servers. Returns -1 with the reason. */
int pga_warn_of_unpinned(const char *path, const struct pga_policy *policy,
			 const struct pga_pins *pins, struct pga_error *error);

#endif
