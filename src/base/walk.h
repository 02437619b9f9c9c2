/* The way along a path, as the kernel goes it. */
#ifndef PGA_BASE_WALK_H
#define PGA_BASE_WALK_H

#include "base/text.h"

#include <stddef.h>
#include <sys/stat.h>

/* Where the walk is: what a link says is put in the place of its name. All zero before it begins.
 */
struct pga_walk {
	struct pga_text place; /* where it has come to, without a link in it; "" is the root
				  directory */
	struct pga_text left;  /* the whole of what was to go... */
	size_t gone;           /* ...and how much of that has been gone */
	size_t linked;         /* how much of it a link has said */
	unsigned links;
};

/* Is told of the root directory, of every place on the way and of every link, before that is
 * followed. A value that is not 0 ends the walk. */
typedef int pga_walk_check(void *context, const char *place, const struct stat *status);

/* Goes along this absolute path to its end. Returns 0 there; what check returned where it ended the
 * walk; or -1 with errno where the kernel would not come to the end. Then place is the one that
 * could not be looked at, and behind `gone` is what would have come next. pga_walk_free() in any
 * case. */
int pga_walk_go(struct pga_walk *walk, const char *path, pga_walk_check *check, void *context);

void pga_walk_free(struct pga_walk *walk);

#endif
