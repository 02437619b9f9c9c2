/* Roots that are as good for a verified chain as the one that it ends in. */
#ifndef PGA_TLS_TWINS_H
#define PGA_TLS_TWINS_H

#include "base/error.h"
#include "policy/pins.h"

#include <openssl/ssl.h>

#include <stddef.h>

struct pga_twins {
	char (*pins)[PGA_PIN_LENGTH + 1];
	size_t count;
};

/* The trusted certificates of a name in the session's chain with which alone it verifies, too: by
 * one of these that is pinned, the gate takes the session (gate/twin.c). Adds to twins;
 * the caller frees them, after an error too. Returns -1 for want of memory. */
int pga_twins_find(const SSL *session, struct pga_twins *twins, struct pga_error *error);

/* The same of a chain that was verified with these roots. */
int pga_twins_of_chain(STACK_OF(X509) * chain, X509_STORE *trusted, struct pga_twins *twins,
		       struct pga_error *error);

/* The section of the pins by which the gate takes a chain whose root has this pin, and that could
 * end in these twins as well: one that is valid for the host, as PQhost() calls it; else the first
 * that is pinned at all, by which it is refused (pga_root_is_valid_for()); NULL where none is.
 * Belongs to the pins. */
const struct pga_pin *pga_twins_pinned(const struct pga_twins *twins, const char *root_pin,
				       const struct pga_pins *pins, const char *host);

/* The same of a verified session, whose twins are looked for where the root's own pin is not
 * enough. NULL for want of memory, too. */
const struct pga_pin *pga_session_pinned(const SSL *session, const struct pga_pins *pins,
					 const char *host);

void pga_twins_free(struct pga_twins *twins);

#endif
