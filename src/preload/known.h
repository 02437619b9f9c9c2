/* What is known by the name of its file: libpq, the gate, and what speaks PostgreSQL's protocol
 * without libpq. */
#ifndef PGA_PRELOAD_KNOWN_H
#define PGA_PRELOAD_KNOWN_H

#include <stdbool.h>

/* Whether the file is a libpq, and not the drop-in. libpqwalreceiver.so is the server's, and none.
 */
bool pga_is_libpq(const char *path);

/* Whether it is the drop-in: a libpq.so.5 in a directory of pganchor's. */
bool pga_is_dropin(const char *path);

/* Whether it is the gate's module, the drop-in, or the library that programs link. */
bool pga_is_gate(const char *path);

/* A program that speaks the protocol itself: the gate sees nothing of the connections that it makes
 * so, whatever else it has loaded. */
struct pga_speaker {
	const char *name;
	const char *advice; /* how its connections are verified */
};

/* The speaker that has this file; NULL where it is none that is known. */
const struct pga_speaker *pga_find_speaker(const char *path);

/* The driver without libpq that this library is; NULL where it is none that is known. */
const char *pga_find_driver(const char *path);

/* Whether a value of LD_PRELOAD, or the content of an ld.so.preload, has a libpq before the gate's
 * module, or has a libpq and no module. What ld.so loads first, programs are bound to. */
bool pga_puts_libpq_first(const char *preload);

#endif
