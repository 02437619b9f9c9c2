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

void pga_twins_free(struct pga_twins *twins);

#endif
