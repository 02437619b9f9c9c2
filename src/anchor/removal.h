/* Takes anchors away: the pin out of anchors.conf, anchors/NAME.crt, the copy that pganchor put
 * into root.crt, the record in
 * sources.conf. All of it, of all of them, or nothing. */
#ifndef PGA_ANCHOR_REMOVAL_H
#define PGA_ANCHOR_REMOVAL_H

#include "anchor/anchors.h"
#include "base/error.h"
#include "policy/pins.h"

#include <stdbool.h>
#include <stddef.h>

/* What becomes of one anchor. */
struct pga_removed_anchor {
	char *name;
	char pin[PGA_PIN_LENGTH + 1];
	bool scoped;
	char *crt_path;             /* its own file */
	enum pga_change crt_change; /* PGA_REMOVED, or PGA_UNCHANGED where there is none, */
	bool crt_is_other; /* or where it has something else in it than the pinned root: it stays */
	bool cut;          /* the copy that pganchor put into root.crt goes */
	bool
	    stays_in_root_crt; /* a copy that it did not put there, and libpq goes on trusting it */
};

/* What was done, or would be. */
struct pga_removal {
	struct pga_removed_anchor *anchors; /* in the order in which they were named, each once */
	size_t count;
	size_t left;                     /* anchors that stay in anchors.conf */
	bool system;                     /* it is the system's */
	struct pga_anchor_file conf;     /* PGA_REMOVED where no anchor stays */
	struct pga_anchor_file sources;  /* sources.conf */
	bool comments_lost;              /* and there were comments in it of somebody else's */
	struct pga_anchor_file root_crt; /* path is NULL where it plays no part; PGA_REMOVED where
					    nothing was left in it */
};

/* Removes the user's anchors of these names, or the system's. root.crt keeps every byte that
 * pganchor did not put there; one without a certificate is never left behind. Names that are there
 * twice count once. Returns -1, with nothing changed, where one of them is not pinned (the hint
 * names the nearest), and where anything else fails. With dry_run, everything is done but the
 * writing. The caller frees result. The keyring's copy of the pins is the caller's to follow
 * (cli/bootstrap_copy.h). */
int pga_anchors_remove(const char *const *names, size_t count, bool system, bool dry_run,
		       struct pga_removal *result, struct pga_error *error);

/* The same with other files, which change with them or not at all. */
struct pga_transaction_file;
int pga_anchors_remove_with(const char *const *names, size_t count, bool system, bool dry_run,
			    struct pga_transaction_file *const *others, size_t other_count,
			    struct pga_removal *result, struct pga_error *error);

/* Says that there is no anchor of this name among the user's or the system's, and which are near.
 * Returns -1. */
int pga_fail_no_anchor(const struct pga_pins *pins, const char *name, bool system,
		       struct pga_error *error);

/* Frees what it holds; safe on one that is all zero. */
void pga_removal_free(struct pga_removal *removal);

#endif
