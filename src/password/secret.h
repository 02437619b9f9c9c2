/* A password, or a passphrase, in memory: out of swap and core dumps as far as the system allows,
 * and never in a place that was given back with it. */
#ifndef PGA_PASSWORD_SECRET_H
#define PGA_PASSWORD_SECRET_H

#include <stddef.h>

#define PGA_SECRET_MOST 4000 /* bytes; whoever types more is pasting something else */

struct pga_secret {
	char *bytes; /* ends in a NUL that `length` does not count */
	size_t length;
};

/* From here on, this process dumps no core, and others of its user cannot look into it. Those that
 * it starts may have a limit of their own for core dumps again, up to the one that there was. */
void pga_secret_hide_process(void);

/* An empty one, with room for PGA_SECRET_MOST bytes and the NUL. Returns -1 for want of memory. */
int pga_secret_begin(struct pga_secret *secret);

/* Overwrites and frees it; safe on one that is all zero. */
void pga_secret_end(struct pga_secret *secret);

#endif
