/* Many anchors at once, as of a bundle: in one transaction, and with work that grows as their
 * number does. */
#ifndef PGA_ANCHOR_INSTALL_MANY_H
#define PGA_ANCHOR_INSTALL_MANY_H

#include "anchor/anchor_name.h"
#include "anchor/anchors.h"
#include "tls/certificate.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* What is to be so: each of these roots is an anchor. */
struct pga_many_anchors {
	const struct pga_certificate *roots;
	size_t count;
	const char *source;
	struct pga_source_record record; /* of each (see anchors.h) */
	const char *hosts;               /* of those that are new; NULL: every host */
	bool scoped;                     /* likewise: leave root.crt alone */
	bool system;
};

struct pga_many_anchored {
	char *name;
	bool known; /* the root was pinned before: its hosts and its scope stay as they were */
};

/* What was done, or would be. */
struct pga_many_done {
	struct pga_many_anchored *anchors; /* in the order of the roots */
	size_t count;
	size_t new_count;
	size_t crt_changes;          /* files of anchors that were made or changed */
	struct pga_anchor_file conf; /* path is NULL where a file plays no part */
	struct pga_anchor_file root_crt;
	struct pga_anchor_file sources;
};

/* Pins and installs those that are not yet, and brings back what is missing of the others. New ones
 * get names of their own subject's. With dry_run, everything is done but the writing. On failure,
 * every file is as it was. The caller frees done. */
int pga_anchors_install_many(const struct pga_many_anchors *anchors, bool dry_run,
			     struct pga_many_done *done, struct pga_error *error);

void pga_many_done_free(struct pga_many_done *done);

#endif
