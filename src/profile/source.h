/* Where a profile comes from, and why it is believed: a file that nobody else can write, an address
 * whose bytes have the digest that was given, or a signature by a key that is trusted here. */
#ifndef PGA_PROFILE_SOURCE_H
#define PGA_PROFILE_SOURCE_H

#include "base/error.h"
#include "ca/http.h"
#include "profile/profile.h"
#include "tls/minisign.h"

#include <stdbool.h>
#include <stddef.h>

/* Every NAME.profile in it, by name, with NAME.profile.minisig beside it where it is signed. */
#define PGA_PROFILE_DIRECTORY SYSCONFDIR "/pganchor/profile.d"
/* Every NAME.pub in it is a public key of minisign's that is trusted for profiles. */
#define PGA_PROFILE_KEY_DIRECTORY SYSCONFDIR "/pganchor/profile-keys.d"

/* As typed. */
struct pga_profile_source {
	const char *word;       /* a file, "-" for standard input, or an https address */
	const char *sha256;     /* --sha256: of the bytes; or NULL */
	const char *public_key; /* --public-key: minisign's file, or the key itself; or NULL */
	const char *ca_file;    /* --ca-file: who verifies the address; NULL: the system's CAs */
	struct pga_http http;
};

/* Whose word it is. */
enum pga_profile_trust {
	PGA_PROFILE_BY_OWNER,     /* nobody but root and the user can write the file */
	PGA_PROFILE_BY_DIGEST,    /* its bytes have the digest that was given */
	PGA_PROFILE_BY_SIGNATURE, /* it is signed by a key that is trusted here */
	PGA_PROFILE_BY_SYSTEM,    /* it is in PGA_PROFILE_DIRECTORY, which is the administrator's;
				     the signature beside it, if any, is good */
	PGA_PROFILE_BY_USER,      /* standard input */
};

struct pga_fetched_profile {
	struct pga_profile profile;
	enum pga_profile_trust trust;
	char *where;                     /* the file from the root directory on, the address, or
					    "standard input" */
	char digest[PGA_PIN_LENGTH + 1]; /* SHA-256 of its bytes */
	bool is_signed;
	char key_id[PGA_MINISIGN_ID + 1]; /* as minisign shows it; "" where it is not signed */
	char key[PGA_MINISIGN_KEY_TEXT];  /* the key itself, as minisign writes it; likewise */
	char *comment;                    /* the trusted comment, verified; NULL where not signed */
};

/* Fetches, believes and reads. Returns -1 with the reason and the way out; then nothing is left to
 * free. */
int pga_profile_fetch(const struct pga_profile_source *source, struct pga_fetched_profile *fetched,
		      struct pga_error *error);

struct pga_system_profiles {
	struct pga_fetched_profile *profiles; /* in the order of the files' names */
	size_t count;
};

/* Reads all of PGA_PROFILE_DIRECTORY; no such directory is no profile. Returns -1 for any that is
 * no profile, that others than the administrator can write, whose signature is not good, or whose
 * name another one has. The caller frees them, after an error too. */
int pga_profiles_of_system(struct pga_system_profiles *profiles, struct pga_error *error);

void pga_fetched_profile_free(struct pga_fetched_profile *fetched);
void pga_system_profiles_free(struct pga_system_profiles *profiles);

#endif
