/* The private key of a client's certificate (sslkey). */
#ifndef PGA_PASSWORD_PRIVATE_KEY_H
#define PGA_PASSWORD_PRIVATE_KEY_H

#include "base/error.h"
#include "password/secret.h"

/* Whether the passphrase opens the key in the file, PEM as libpq reads it. Returns -1 where it does
 * not, where the key needs none, and where there is no key. */
int pga_private_key_check(const char *path, const struct pga_secret *passphrase,
			  struct pga_error *error);

/* Whether there is such a key at all: returns -1 where the file is none, or the key has no
 * passphrase. */
int pga_private_key_wants_one(const char *path, struct pga_error *error);

#endif
