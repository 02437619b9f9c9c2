/* Several files that change together or not at all. */
#ifndef PGA_BASE_TRANSACTION_H
#define PGA_BASE_TRANSACTION_H

#include "base/error.h"
#include "base/edit.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

enum pga_change { PGA_UNCHANGED, PGA_CREATED, PGA_CHANGED, PGA_REMOVED };

/* One of the files, all zero before its edit begins. */
struct pga_transaction_file {
	struct pga_edit edit;
	struct pga_text after; /* the new bytes */
	enum pga_change change;
	bool committed;
};

/* Notes that the file is to get the bytes of after. Returns -1 if memory ran out while they were
 * put together. */
int pga_transaction_put(struct pga_transaction_file *file, struct pga_error *error);

/* Writes those files that change, in this order. All new bytes are on the disk before the first
 * rename; when one fails, those before it are taken back, as pga_edit_take_back() does. Signals
 * that end the program wait meanwhile. What is made is noted in the manifest before
 * (base/manifest.h). */
int pga_transaction_write(struct pga_transaction_file *const *files, size_t count,
			  struct pga_error *error);

/* The same in two steps: after the first, the new bytes are in files of their own (staged_path of
 * their edits), where they can be tried. */
int pga_transaction_stage(struct pga_transaction_file *const *files, size_t count,
			  struct pga_error *error);
int pga_transaction_commit(struct pga_transaction_file *const *files, size_t count,
			   struct pga_error *error);

/* Ends the edit and frees all; safe on one that is all zero. */
void pga_transaction_end(struct pga_transaction_file *file);

#endif
