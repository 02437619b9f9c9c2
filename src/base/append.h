/* Adds lines at the end of a file of the user's that only grows, while other processes do so, too.
 * What was there stays as it is, byte by byte. */
#ifndef PGA_BASE_APPEND_H
#define PGA_BASE_APPEND_H

#include "base/error.h"
#include "base/text.h"

struct pga_append {
	const char *path;
	int file;
	struct pga_text content; /* what it holds by now */
};

/* Opens the file for it, locked against others that do the same, and reads it. One that is not
 * there is made, mode 0600, and so are its directory and the one above that, 0700. Both the
 * directory and the file have to be the process's own user's: nobody's process leaves a file of its
 * own in another's home, or follows what another has put there. Waits for the lock for a second at
 * the most. Returns -1 with nothing held; else to be ended. */
int pga_append_begin(struct pga_append *append, const char *path, struct pga_error *error);

/* Adds whole lines, in one write, and has them on the disk. A last line without its end gets that
 * first. Where it fails, the file is what it was. */
int pga_append_lines(struct pga_append *append, const struct pga_text *lines,
		     struct pga_error *error);

void pga_append_end(struct pga_append *append);

#endif
