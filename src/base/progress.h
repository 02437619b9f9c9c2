/* A line on a terminal that says how far it is, and goes away when it is over. */
#ifndef PGA_BASE_PROGRESS_H
#define PGA_BASE_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

struct pga_progress {
	const char *what; /* "probing"; NULL: nothing is drawn */
	size_t count;
	size_t done;
	size_t failed;

	/* What follows is this module's own. */
	bool drawn;
	size_t drawn_done;
};

/* Draws the line on the standard error, where that is a terminal that can take it back, and
 * something has changed; sets what to NULL where it is none. */
void pga_progress_draw(struct pga_progress *progress);

/* Takes the line away, before something else is printed. */
void pga_progress_erase(struct pga_progress *progress);

#endif
