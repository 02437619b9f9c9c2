/* What libpq verifies a server with by these settings, in memory: to verify once more, at another
 * time, or with other roots. */
#ifndef PGA_SERVICE_TRUSTED_H
#define PGA_SERVICE_TRUSTED_H

#include "base/error.h"
#include "policy/effective.h"
#include "policy/pins.h"
#include "service/roots.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <stdbool.h>
#include <stddef.h>

/* What is taken away from every file of roots, and what is added to it. */
struct pga_root_changes {
	char (*without)[PGA_PIN_LENGTH + 1];
	size_t without_count;
	STACK_OF(X509) * with; /* NULL: nothing */
};

/* Whether the root with this pin is taken away, or is one that is added. */
bool pga_root_is_without(const struct pga_root_changes *changes, const char *pin);
bool pga_root_is_with(const struct pga_root_changes *changes, const char *pin);

struct pga_trusted {
	SSL_CTX *tls;  /* its store has the roots and the CRLs, and asks for them if libpq would */
	bool system;   /* the roots are those of the system's store */
	bool *present; /* of each that is to be away, whether it was there */
	bool none;     /* there is no file of roots */
	struct pga_text why; /* why libpq can use none; empty where it can */
};

/* Loads what initialize_SSL() of libpq's fe-secure-openssl.c loads. Directories are read whole, so
 * that every date is there. Returns -1 for want of memory. To be freed in either case. */
int pga_trusted_load(struct pga_trusted *trusted, struct pga_roots *roots,
		     const struct pga_effective *effective, const struct pga_root_changes *changes,
		     struct pga_error *error);
void pga_trusted_free(struct pga_trusted *trusted);

#endif
