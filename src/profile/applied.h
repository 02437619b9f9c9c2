/* profiles.conf, beside anchors.conf: which profiles were applied, and which version of each. The
 * gate never reads it. One section a profile:
 *
 *     [NAME]
 *     version = 7
 *     digest = SHA-256 of the profile's bytes
 *     source = where it came from: a file, an address
 *     key = the public key that has signed it, as minisign writes it; of one that was never signed,
 *           none
 *     applied = 2026-11-22T06:00:00Z
 *
 * Other keys are kept, and are pganchor onboard's: what was there before, for a merge. */
#ifndef PGA_PROFILE_APPLIED_H
#define PGA_PROFILE_APPLIED_H

#include "base/error.h"
#include "base/text.h"
#include "profile/source.h"

#include <stdbool.h>
#include <stddef.h>

#define PGA_APPLIED_FILE "profiles.conf"

struct pga_applied_profile {
	char *name;
	unsigned long long version;
	char *digest; /* each "" where the file does not say */
	char *source;
	char *key;
	char *applied;
};

struct pga_applied {
	char *path; /* of the file, whether or not it is there */
	struct pga_text bytes;
	struct pga_applied_profile *profiles; /* in the order of the file */
	size_t count;
};

/* Reads the user's file; no file is no profile. Returns -1, with the line, for one that cannot be
 * read or is no such file: what cannot be known refuses. The caller frees it, after an error too.
 */
int pga_applied_load(struct pga_applied *applied, struct pga_error *error);

/* The same of the bytes of such a file. applied starts all zero. */
int pga_applied_parse(struct pga_applied *applied, const char *path, const char *bytes,
		      size_t length, struct pga_error *error);

/* The profile of this name; NULL where none was applied. */
const struct pga_applied_profile *pga_applied_named(const struct pga_applied *applied,
						    const char *name);

/* The options that say it, for hints. */
#define PGA_LEAVE_OLDER     "--allow-older"
#define PGA_LEAVE_OTHER_KEY "--allow-other-key"

/* What the user has said explicitly. */
struct pga_applied_leave {
	bool older;     /* an older version than was applied may be taken */
	bool other_key; /* so may one that is not signed by the key of the one that was applied */
};

/* Whether this profile may take the place of what was applied under its name. Refused are an older
 * version, the same version with other bytes, and over a signed profile one that is not signed by
 * the same key; the administrator's own may be unsigned. Returns -1 with the reason and the way
 * out.
 */
int pga_applied_check(const struct pga_applied *applied, const struct pga_fetched_profile *fetched,
		      const struct pga_applied_leave *leave, struct pga_error *error);

/* Whether these very bytes are what was applied under the profile's name. */
bool pga_applied_has(const struct pga_applied *applied, const struct pga_fetched_profile *fetched);

/* The file as text, for a transaction: adds to after what stands in before, with what is known of
 * this profile set (applied: a time as in the rest, PGA_X509_DATE bytes at most). Of one that was
 * signed, the key stays though this one is not. Every other byte is kept. Want of memory is
 * after->failed. */
void pga_applied_set(const struct pga_text *before, const struct pga_fetched_profile *fetched,
		     const char *when, struct pga_text *after);

void pga_applied_free(struct pga_applied *applied);

#endif
