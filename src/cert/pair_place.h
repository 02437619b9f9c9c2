/* Where one file of a pair is: a part of pair_swap.c. */
#ifndef PGA_CERT_PAIR_PLACE_H
#define PGA_CERT_PAIR_PLACE_H

#include "base/directory.h"
#include "base/edit_lock.h"
#include "base/error.h"
#include "base/file_identity.h"

#include <stdbool.h>

#define PGA_PAIR_PREFIX ".pganchor-pair-"

enum pga_pair_half { PGA_PAIR_CERTIFICATE, PGA_PAIR_KEY, PGA_PAIR_HALVES };

/* In a generation, and behind PGA_PAIR_NOW: "certificate" and "key". */
extern const char *const pga_pair_half_names[PGA_PAIR_HALVES];
#define PGA_PAIR_NOW "now"

/* The directory that it is in, where no link leads on but our own. */
struct pga_pair_place {
	struct pga_directory directory;
	struct pga_made made;
	struct pga_lock *lock;
	char *name;
	char *link; /* what it is as a link of ours: the swap's */
	bool there;
	struct pga_file_identity stamp; /* of the file that was copied: likewise */
};

/* Finds and locks it; links of the user's are followed, as base/path.h does. Returns 1 where its
 * directory is not there. To be closed in any case; place is all zero before, but for a directory
 * of -1. */
int pga_pair_place_open(struct pga_pair_place *place, const char *path, enum pga_pair_half half,
			struct pga_error *error);
void pga_pair_place_close(struct pga_pair_place *place);

/* What is made there belongs to the directory's owner, up to pga_act_as_self(). Returns -1 with
 * errno. */
int pga_pair_place_act(const struct pga_pair_place *place);

#endif
