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

/* Whom the file is for, where it has to be made. */
enum pga_append_for {
	PGA_FOR_THE_USER, /* mode 0600, in directories of mode 0700 */
	PGA_FOR_EVERYBODY /* to read: 0644, 0755 */
};

/* Opens the file for it, locked against others that do the same, and reads it. One that is not
 * there is made, and so are its directory and the one above that. Both the
 * directory and the file have to be the process's own user's: nobody's process leaves a file of its
 * own in another's home, or follows what another has put there. Waits for the lock for a second at
 * the most. Returns -1 with nothing held; else to be ended. */
int pga_append_begin(struct pga_append *append, const char *path, enum pga_append_for whom,
		     struct pga_error *error);

/* Adds whole lines, in one write, and has them on the disk. A last line without its end gets that
 * first. Where it fails, the file is what it was. */
int pga_append_lines(struct pga_append *append, const struct pga_text *lines,
		     struct pga_error *error);

void pga_append_end(struct pga_append *append);

#endif
