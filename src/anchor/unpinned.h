/* The roots that libpq trusts and that are not pinned: while any anchor is pinned, the gate refuses
 * their servers (trust = pinned). */
#ifndef PGA_ANCHOR_UNPINNED_H
#define PGA_ANCHOR_UNPINNED_H

#include "tls/certificate.h"
#include "base/error.h"
#include "policy/pins.h"

#include <stdbool.h>
#include <stddef.h>

struct pga_unpinned_roots {
	struct pga_certificate *roots;
	size_t count;
	size_t pinned; /* how many others there are in the file */
	bool readable; /* libpq finds a certificate in it at all */
};

/* Reads those of a file of roots, such as root.crt, as libpq reads it: self-signed certificates in
 * date whose pin is not among these, and that are no twins of one that is (gate/twin.c). No file,
 * one that libpq cannot read, and a pipe, which is not opened, have none. The caller frees them,
 * after an error too; -1 for want of memory. */
int pga_unpinned_roots_read(struct pga_unpinned_roots *unpinned, const char *path,
			    const struct pga_pins *pins, struct pga_error *error);

void pga_unpinned_roots_free(struct pga_unpinned_roots *unpinned);

#endif
