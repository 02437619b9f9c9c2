/* The user's anchors on disk: pinned in anchors.conf, alone in anchors/NAME.crt, for all of libpq
 * in root.crt, and where they came from in sources.conf. All change together or not at all. The
 * system's are in SYSCONFDIR/pganchor, for every user to read, without a root.crt. */
#ifndef PGA_ANCHOR_ANCHORS_H
#define PGA_ANCHOR_ANCHORS_H

#include "anchor/proof.h"
#include "anchor/source_records.h"
#include "base/error.h"
#include "base/transaction.h"

#include <stdbool.h>

/* What is to be so. */
struct pga_anchor {
	struct pga_proof proof; /* the root, and what its CA showed */
	const char *name;       /* NULL: the one that the pin has already, or else fallback_name */
	const char *fallback_name;
	const char *source;
	/* For sources.conf; all zero: nothing is kept there. Its location is the source where it
	 * says none; checked and changed are the time of the writing. */
	struct pga_source_record record;
	const char *hosts;     /* for which it is valid; NULL: as it is, or else new_hosts */
	const char *new_hosts; /* of one that is new; NULL: every host */
	bool of_bundle; /* it is one of several roots of the source: another one that is pinned
			   from there says nothing of it */
	bool system;    /* for every user of the machine: scoped, since root.crt is a user's */
	bool scoped;    /* leave root.crt alone */
	bool unscoped;  /* put it into root.crt, if it is scoped so far */
	bool replace;   /* where the name has another pin, or the anchor other hosts or scope */
};

struct pga_anchor_file {
	char *path;
	enum pga_change change;
};

/* What was done, or would be. */
struct pga_anchoring {
	char *name;
	char *source;
	char *hosts;
	bool scoped;
	bool system;
	bool kept_scoped; /* since it was, and unscoped does not say otherwise */
	bool known;       /* the pin was there before */
	char *replaced;   /* the pin that the name had before; NULL: none */
	bool old_stays;   /* and root.crt still holds that one, put there by somebody else */
	char *crl_fault;  /* why libpq's CRLs let no server of this CA through; NULL: they do */
	struct pga_anchor_file conf;
	struct pga_anchor_file crt;
	struct pga_anchor_file root_crt; /* path is NULL where it plays no part */
	struct pga_anchor_file sources;  /* likewise: sources.conf */
};

/* Pins and installs the anchor, once the CA's chain verifies with the new files as libpq verifies.
 * With dry_run, everything is done but the writing. A second time changes nothing, but brings back
 * what is missing. On failure, every file is as it was. The caller frees done. */
int pga_anchor_install(const struct pga_anchor *anchor, bool dry_run, struct pga_anchoring *done,
		       struct pga_error *error);

/* Whether the gate will take this file of the system's: one that others can write, or put another
 * in the place of, it does not, and so it is not written. Returns -1 with the reason. */
int pga_anchor_check_owners(const char *path, struct pga_error *error);

/* Frees what it holds; safe on one that is all zero. */
void pga_anchoring_free(struct pga_anchoring *done);

#endif
