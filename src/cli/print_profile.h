/* Shows profiles: what is in them, and why they are believed. */
#ifndef PGA_CLI_PRINT_PROFILE_H
#define PGA_CLI_PRINT_PROFILE_H

#include "profile/applied.h"
#include "profile/source.h"

#include <jansson.h>
#include <stddef.h>

/* Whose word it is, as a text: "signed by the key …". The caller frees it; NULL when memory ran
 * out. */
char *pga_profile_trust_text(const struct pga_fetched_profile *fetched);

/* The same as one word, for programs. */
const char *pga_profile_trust_word(enum pga_profile_trust trust);

void pga_print_profile(const struct pga_fetched_profile *fetched,
		       const struct pga_applied *applied);

/* NULL when memory ran out. */
json_t *pga_profile_as_json(const struct pga_fetched_profile *fetched,
			    const struct pga_applied *applied);

#endif
