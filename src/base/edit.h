/* Edits files so that a crash at any instant leaves the old file or the new one. */
#ifndef PGA_BASE_EDIT_H
#define PGA_BASE_EDIT_H

#include "base/directory.h"
#include "base/error.h"
#include "base/edit_lock.h"
#include "base/file_identity.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

/* One file that is being changed. Several can be changed as one: base/transaction.h. Begin them
 * always in the same order, since each holds a lock on its directory until pga_edit_end. */
struct pga_edit {
	char *path;             /* of the file itself: symbolic links are followed, not replaced */
	bool linked;            /* the name that was given is such a link */
	bool leads_outside;     /* with a begin that failed: a link leads it out of the home */
	bool existed;           /* there was a file */
	struct pga_text before; /* its bytes */
	mode_t mode;            /* what it has, or is to get */
	struct pga_made made;   /* directories that were made for it */
	bool unnoted;           /* the manifest (base/manifest.h) need not know of it */
	bool owned;             /* set between begin and stage: the new file gets this owner and
				   group, and not those that the old one had */
	uid_t owner;
	gid_t group;
	struct pga_text notes; /* what is to be noted there besides */

	char *staged_path; /* where the new bytes are while they are staged; NULL otherwise */

	/* What follows is this module's own. */
	const char *name; /* in the directory: the end of path */
	struct pga_directory directory;
	struct pga_lock *lock;
	int file;   /* the old file, open: its attributes can be read when its name is gone */
	int staged; /* the staged file, locked, so that nobody takes it for one left behind */
	struct pga_leftover *leftover;  /* the staged file */
	struct pga_file_identity stamp; /* of the old file */
	struct pga_file_identity after; /* of what is in its place since it was applied */
	struct timespec modified;       /* the old file's */
	nlink_t names;                  /* that the old file has */
};

/* Locks the file's directory (waiting for another pganchor that holds it), makes missing
 * directories with mode 0700, removes what an edit that was killed has left staged, and reads the
 * file. mode is what a new file gets; one that exists keeps its mode, owner, group and extended
 * attributes. What root makes in another user's directory is that user's, and a symbolic link is
 * followed where base/path.h does. On failure, nothing is held and nothing stays; pga_edit_end need
 * not be called. */
int pga_edit_begin(struct pga_edit *edit, const char *path, mode_t mode, struct pga_error *error);

/* The same for a file that others read too: missing directories get directory_mode. */
int pga_edit_begin_in(struct pga_edit *edit, const char *path, mode_t mode, mode_t directory_mode,
		      struct pga_error *error);

/* Writes the new bytes to a temporary file in the same directory and flushes it to the disk. The
 * file itself is as before. Warns where it has other names (hard links): they will keep the old
 * bytes. */
int pga_edit_stage(struct pga_edit *edit, const char *bytes, size_t length,
		   struct pga_error *error);

/* Notes it in the manifest, renames the staged file over the old one and flushes the directory.
 * Refuses when another program has changed the file since it was read. */
int pga_edit_commit(struct pga_edit *edit, struct pga_error *error);

/* The two halves of a commit, for one that may have to be taken back: apply renames, or with
 * `remove` takes the file away, and looks at the file before in the same way; keep lets the
 * directories stay that were made for it, and gives the lock back. */
int pga_edit_apply(struct pga_edit *edit, bool remove, struct pga_error *error);
void pga_edit_keep(struct pga_edit *edit);

/* After apply: brings back the bytes, mode, owner, attributes and time that the file had, or that
 * there was none. What another program has written since stays, and is an error. */
int pga_edit_take_back(struct pga_edit *edit, struct pga_error *error);

/* Removes what was staged and not committed, with the directories made for it, and gives the lock
 * back. Safe on an edit that is all zero. */
void pga_edit_end(struct pga_edit *edit);

#endif
