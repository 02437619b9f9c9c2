/* What the files of a rotation (rotation.h) are composed with. */
#ifndef PGA_ANCHOR_ROTATING_H
#define PGA_ANCHOR_ROTATING_H

#include "anchor/rotation.h"
#include "base/text.h"
#include "base/transaction.h"

#include <sys/types.h>

/* The files in the order in which they are locked; an own file for each member between. */
enum { PGA_ROTATING_ANCHORS, PGA_ROTATING_SOURCES, PGA_ROTATING_OWN };

struct pga_rotating {
	const struct pga_rotation *is;
	struct pga_rotated *done;
	struct pga_transaction_file *files;
	size_t count;
	struct pga_pins before; /* of anchors.conf */
	struct pga_pins after;
	char now[PGA_CERTIFICATE_DATE];
};

/* The own file of the member with this index; and root.crt, which is the last. */
struct pga_transaction_file *pga_rotating_own_file(const struct pga_rotating *rotating,
						   size_t member);
struct pga_transaction_file *pga_rotating_root_crt(const struct pga_rotating *rotating);

/* The name that the member has in the end. */
const char *pga_rotating_name_of(const struct pga_member *member);

/* The member that takes this one's name; NULL: none does. */
const struct pga_member *pga_rotating_taker_of(const struct pga_rotation *is,
					       const struct pga_member *member);

/* Locks and reads a file; path is taken over, NULL is want of memory. What the gate would refuse is
 * not written: see anchors.c. */
int pga_rotating_begin(struct pga_rotating *rotating, struct pga_transaction_file *file, char *path,
		       mode_t mode, struct pga_error *error);

/* Puts what was composed in the place of text. */
void pga_rotating_take(struct pga_text *text, struct pga_text *composed);

/* The own file in which what is bound to the member finds its roots; and root.crt, in which what is
 * pinned comes and what is dropped goes. Once the sections are composed. */
int pga_rotating_compose_own(struct pga_rotating *rotating, size_t index, struct pga_error *error);
int pga_rotating_compose_root(struct pga_rotating *rotating, struct pga_error *error);

#endif
