/* Adds lines at the end of a file that only grows, while other processes do so, too; in a process
 * that is somebody else's. What was there stays as it is, byte by byte. */
#ifndef PGA_BASE_APPEND_H
#define PGA_BASE_APPEND_H

#include "base/error.h"
#include "base/text.h"

#include <signal.h>

/* Whom the file is for, where it has to be made. */
enum pga_append_for {
	PGA_FOR_THE_USER, /* mode 0600, in directories of mode 0700 */
	PGA_FOR_EVERYBODY /* to read: 0644, 0755 */
};

struct pga_append {
	const char *path;
	struct pga_text content; /* what it holds by now */

	/* What follows is this module's own. */
	int file;
	sigset_t signals; /* of the thread, from before */
	int cancellation;
};

/* Opens the file for it, locked against others that do the same, and reads it. One that is not
 * there is made, and so are its directory and the one above that. Both the directory and the file
 * have to be the process's own user's: nobody's process leaves a file of its own in another's home,
 * or follows what another has put there. Waits for the lock for a second at the most. Between begin
 * and end, the thread handles no signal and is not cancelled: either could leave the lock held.
 * Returns -1 with nothing held; else to be ended. */
int pga_append_begin(struct pga_append *append, const char *path, enum pga_append_for whom,
		     struct pga_error *error);

/* Adds whole lines, in one write. A last line without its end gets that first. Where it fails, the
 * file is what it was; but for one that has been replaced meanwhile, which was never this. */
int pga_append_lines(struct pga_append *append, const struct pga_text *lines,
		     struct pga_error *error);

/* Takes away what was added behind so many bytes: the length of the content before. */
int pga_append_take_back(struct pga_append *append, size_t length, struct pga_error *error);

/* Has it on the disk. Without it, a machine that loses power within the next seconds can lose what
 * was added. */
int pga_append_sync(const struct pga_append *append, struct pga_error *error);

void pga_append_end(struct pga_append *append);

#endif
