/* The files of a removal, while they are put together; anchor/removal.h is what others see. */
#ifndef PGA_ANCHOR_REMOVING_H
#define PGA_ANCHOR_REMOVING_H

#include "anchor/removal.h"
#include "base/transaction.h"

struct pga_removing {
	struct pga_removal *result;
	struct pga_transaction_file conf; /* in the order in which they are locked */
	struct pga_transaction_file sources;
	struct pga_transaction_file *crts;   /* of the anchors that go */
	struct pga_transaction_file *joined; /* of others, which one of them joins */
	size_t joined_count;
	struct pga_transaction_file root;
	struct pga_transaction_file *const *others; /* the caller's */
	size_t other_count;
	struct pga_pins pins; /* of anchors.conf, before */
};

/* Begins the edit of a file. The system's are root's to change. */
int pga_removing_begin(struct pga_transaction_file *file, bool system, const char *path,
		       mode_t mode, struct pga_error *error);

/* Whether the anchor of this name goes. */
bool pga_removing_has(const struct pga_removal *result, const char *name);

/* Takes their own files away, and their roots out of the files of other anchors. */
int pga_removing_own_files(struct pga_removing *removing, struct pga_error *error);

/* Takes the copies out of root.crt, where one of them may have one. */
int pga_removing_root_crt(struct pga_removing *removing, struct pga_error *error);

#endif
