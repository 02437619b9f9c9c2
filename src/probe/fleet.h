/* The servers that are probed together: each once, whichever entries lead to it. */
#ifndef PGA_PROBE_FLEET_H
#define PGA_PROBE_FLEET_H

#include "base/error.h"
#include "base/text.h"
#include "probe/target.h"
#include "service/servicefile.h"

#include <stdbool.h>
#include <stddef.h>

struct pga_fleet_server {
	const struct pga_probe_target *target; /* belongs to the fleet's targets */
	char *label;         /* HOST:PORT, with brackets round an address with colons */
	char *services;      /* the services that lead to it, ", " between; "" where none does */
	char *service_lines; /* the same, a line each */
};

struct pga_fleet {
	struct pga_probe_targets targets;
	struct pga_fleet_server *list; /* in the order in which they were added */
	size_t count;
	struct pga_text left_out; /* services that cannot be probed: a line each, NAME: why */
};

/* Adds every service of the files: each of its hosts. The one of the user's file hides that of the
 * machine's. An entry that has no server to probe is told in left_out. Returns -1 for want of
 * memory. */
int pga_fleet_add_services(struct pga_fleet *fleet, const struct pga_service_file *user,
			   const struct pga_service_file *system, struct pga_probe_trusts *trusts,
			   struct pga_error *error);

/* Adds the words of a list: one a line, blanks around it, empty lines and those that begin with "#"
 * left out. Returns -1 at the first one that cannot be probed, with its number; path is for that.
 */
int pga_fleet_add_list(struct pga_fleet *fleet, const char *path, const struct pga_text *list,
		       struct pga_probe_trusts *trusts, struct pga_error *error);

/* Makes the list of servers, each once, of the targets that were added. only, if not NULL, is a
 * service's name, a host or HOST:PORT: the others are left out. Two entries with the same server
 * and other roots, or a client's certificate of their own, are two. Returns -1 for want of memory.
 */
int pga_fleet_make(struct pga_fleet *fleet, const char *only, struct pga_error *error);

/* Safe on one that is all zero. */
void pga_fleet_free(struct pga_fleet *fleet);

#endif
