/* Why the bytes of a profile are believed. */
#ifndef PGA_PROFILE_BELIEVE_H
#define PGA_PROFILE_BELIEVE_H

#include "base/error.h"
#include "base/text.h"
#include "profile/keys.h"
#include "profile/source.h"

#include <stdbool.h>

#define PGA_MINISIG ".minisig" /* behind the name of what is signed */

/* What was fetched, before anything of it is believed. Starts all zero, but for fetched. */
struct pga_believing {
	struct pga_fetched_profile *fetched; /* gets all but the profile itself and where */
	char *where;
	struct pga_text bytes;
	struct pga_text signature; /* of the file beside it */
	bool has_signature;
	char wanted_digest[PGA_PIN_LENGTH + 1]; /* empty: the user has given none */
	bool wants_signature;                   /* the user has given a key */
	struct pga_profile_keys keys;
	enum pga_profile_trust otherwise; /* whose word it is without digest and signature */
};

/* Whether the bytes are believed. Returns -1 with the reason. */
int pga_believe(struct pga_believing *believing, struct pga_error *error);

void pga_believing_free(struct pga_believing *believing);

#endif
