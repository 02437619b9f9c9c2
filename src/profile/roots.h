/* The roots of a profile's anchors: those that are here, and from their sources those that are
 * not. */
#ifndef PGA_PROFILE_ROOTS_H
#define PGA_PROFILE_ROOTS_H

#include "base/error.h"
#include "profile/profile.h"
#include "tls/certificate.h"

#include <stdbool.h>
#include <stddef.h>

struct pga_profile_root {
	const struct pga_profile_anchor *anchor; /* whose it may be; belongs to the profile */
	struct pga_certificate certificate;      /* it has one of the anchor's pins */
	bool fetched;                            /* from the source, now; what follows is there */
	char *kind;                              /* of the source, for sources.conf */
	char *location;                          /* as people are shown it, for anchors.conf */
	char *asked;                             /* where that was learnt; NULL: the location */
	char *etag;                              /* NULL: none */
	char *digest;                            /* NULL: none */
};

struct pga_profile_roots {
	struct pga_profile_root *roots; /* in the order of the anchors, and of their pins */
	size_t count;
};

/* Told before a source is asked. */
typedef void pga_profile_asks(void *context, const struct pga_profile_anchor *anchor);

/* Starts all zero. pins: those that are there; a root that is pinned and whose file is right is not
 * asked for. A source that cannot be asked for one of several roots is none the worse while there
 * is another one; with settled set, it is not asked for more than one root either. Returns -1 where
 * an anchor has no root at all; to be freed in any case. */
int pga_profile_roots_find(struct pga_profile_roots *roots, const struct pga_profile *profile,
			   const struct pga_pins *pins, bool settled, pga_profile_asks *asks,
			   void *context, struct pga_error *error);

void pga_profile_roots_free(struct pga_profile_roots *roots);

#endif
