/* The public keys that are trusted for profiles. */
#ifndef PGA_PROFILE_KEYS_H
#define PGA_PROFILE_KEYS_H

#include "base/error.h"
#include "tls/minisign.h"

#include <stddef.h>

struct pga_profile_keys {
	struct pga_minisign_key *keys;
	size_t count;
};

/* Reads the key that the user has given, a file of minisign's or the key itself, and no other; or,
 * where given is NULL, those of PGA_PROFILE_KEY_DIRECTORY, which may be none. Returns -1 for what
 * is no key, and for one of the directory that others than the administrator can write. The caller
 * frees the keys, after an error too. */
int pga_profile_keys_load(struct pga_profile_keys *keys, const char *given,
			  struct pga_error *error);

/* The key that the signature says has made it; NULL where it is not among them. */
const struct pga_minisign_key *pga_profile_key_of(const struct pga_profile_keys *keys,
						  const struct pga_minisign_signature *signature);

void pga_profile_keys_free(struct pga_profile_keys *keys);

#endif
