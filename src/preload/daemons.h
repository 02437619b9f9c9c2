/* Services whose programs do not get, or do not all get, the environment that a drop-in sets. */
#ifndef PGA_PRELOAD_DAEMONS_H
#define PGA_PRELOAD_DAEMONS_H

#include <stdbool.h>

struct pga_daemon {
	/* Their names, without what is behind a "@", and NULL; a "*" is any text. */
	const char *units[8];
	const char *file; /* only where this is there; NULL: everywhere */
	bool refused;     /* a drop-in would promise what does not hold; else it holds in part */
	const char *why;
	const char *advice; /* what holds instead, or what to do besides */
};

/* What is known of the service (with or without ".service") on the machine below root (NULL: this
 * one); NULL where nothing is. */
const struct pga_daemon *pga_find_daemon(const char *unit, const char *root);

#endif
