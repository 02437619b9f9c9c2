/* A secret that a password protects, as step-ca keeps the key of a JWK provisioner: JWE in its
 * compact form (RFC 7516), the key by PBES2-HS256+A128KW (RFC 7518, 4.8), the content by AES in
 * GCM. */
#ifndef PGA_CA_JWE_H
#define PGA_CA_JWE_H

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

/* How often the password is hashed is what the CA says, and costs this machine its time: a fifth of
 * a second for 600,000. */
#define PGA_JWE_LEAST_COUNT 1000
#define PGA_JWE_MOST_COUNT  5000000

/* Adds to plain what is in it; to be wiped by the caller (pga_text_wipe()). whose: for messages.
 * Returns -1 for what is none, or of another algorithm; and, with *wrong set, where the password is
 * not the one that it was protected with. No server is asked. */
int pga_jwe_open(const char *compact, const char *whose, const char *password, size_t length,
		 struct pga_text *plain, bool *wrong, struct pga_error *error);

#endif
