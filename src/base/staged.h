/* Files that are written beside the one whose place they take, and not yet in it. */
#ifndef PGA_BASE_STAGED_H
#define PGA_BASE_STAGED_H

#include "base/cleanup.h"
#include "base/directory.h"
#include "base/error.h"

/* What their names begin with; sixteen hexadecimal digits follow. */
#define PGA_STAGED_PREFIX ".pganchor-staged-"

/* Makes one, which nobody but its owner can open, and locks it. Returns its descriptor, with its
 * path, which the caller frees, and the note that removes it. Returns -1 with errno and the path
 * where the directory does not allow it; with the error, and no path, where memory or descriptors
 * have run out. */
int pga_staged_make(const struct pga_directory *directory, char **path,
		    struct pga_leftover **leftover, struct pga_error *error);

/* Removes those of the directory that a process which was killed has left: they have such a name,
 * belong to who would make them now, and no process has them locked. */
void pga_staged_sweep(const struct pga_directory *directory);

#endif
