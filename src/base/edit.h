/* Edits files so that a crash at any instant leaves the old file or the new one. */
#ifndef PGA_BASE_EDIT_H
#define PGA_BASE_EDIT_H

#include "base/error.h"
#include "base/folder.h"
#include "base/stamp.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* One file that is being changed. Several can be changed as one: begin all, stage all, and only
 * then commit one after the other. Begin them always in the same order, since each holds a lock on
 * its folder until pga_edit_end. */
struct pga_edit {
	char *path;             /* of the file itself: symbolic links are followed, not replaced */
	char *folder;           /* that the file is in */
	bool existed;           /* there was a file */
	struct pga_text before; /* its bytes */

	char *staged_path; /* where the new bytes are while they are staged; NULL otherwise */

	/* What follows is this room's own. */
	int lock;
	struct pga_folders made;
	struct pga_stamp stamp;
	mode_t mode;
	uid_t owner;
	gid_t group;
};

/* Locks the file's folder (waiting for another pganchor that holds it), makes missing folders with
 * mode 0700, removes what an edit that was killed has left staged, and reads the file. mode is what
 * a new file gets; one that exists keeps its mode, owner, group and extended attributes. On
 * failure, nothing is held and nothing stays; pga_edit_end need not be called. */
int pga_edit_begin(struct pga_edit *edit, const char *path, mode_t mode, struct pga_error *error);

/* The same for a file that others read too: missing folders get folder_mode. */
int pga_edit_begin_in(struct pga_edit *edit, const char *path, mode_t mode, mode_t folder_mode,
		      struct pga_error *error);

/* Writes the new bytes to a temporary file in the same folder and flushes it to the disk. The file
 * itself is as before. */
int pga_edit_stage(struct pga_edit *edit, const char *bytes, size_t length,
		   struct pga_error *error);

/* Renames the staged file over the old one and flushes the folder. Refuses when another program has
 * changed the file since it was read. */
int pga_edit_commit(struct pga_edit *edit, struct pga_error *error);

/* Removes what was staged and not committed, with the folders made for it, and gives the lock back.
 * Safe on an edit that is all zero. */
void pga_edit_end(struct pga_edit *edit);

#endif
