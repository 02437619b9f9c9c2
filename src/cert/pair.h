/* A certificate and its private key: two files, and one thing. At no instant, killed at whatever
 * system call, does the certificate stand beside another key. What is there is read by state.h.
 *
 * - Nothing is there yet: the key first, then the certificate. libpq takes no notice of a key
 *   without a certificate, and refuses a certificate without its key.
 * - The same key: the certificate alone changes, by one rename.
 * - Another key: two names cannot change at once, so for a moment both are symbolic links to
 *   .pganchor-pair-NAME/now/{certificate,key} beside the certificate, where "now" is a link, to a
 *   copy of the old pair first; one rename of "now" switches both; then each becomes a file again,
 *   with the same bytes. What a killed run leaves of that is a pair that matches, and the next one
 *   tidies it. */
#ifndef PGA_CERT_PAIR_H
#define PGA_CERT_PAIR_H

#include "base/error.h"
#include "base/text.h"

#include <openssl/evp.h>

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

/* Where it is, and whose. */
struct pga_pair_files {
	const char *certificate; /* paths */
	const char *key;
	mode_t key_mode; /* of a new key, and of one in the place of another: 0600, or 0640 */
	bool owned;      /* by these; else by whoever makes it, or owns the directory */
	uid_t owner;
	gid_t group;
};

/* Whether the certificate (PEM, with its chain) is the key's, OpenSSL takes both, and the chain is
 * complete up to one of the roots (PEM; NULL: to none, it is not looked at) at this time (0: now),
 * for a client or a server: before anything is written.
 * Returns -1 with the reason. */
int pga_pair_check(const struct pga_text *chain, EVP_PKEY *key, const char *roots, bool server,
		   time_t at, struct pga_error *error);

/* Whether OpenSSL takes both files as libpq and the server hand them over: the certificate with its
 * chain, then the key. passphrase: NULL where it has none. Returns -1 with the reason. */
int pga_pair_load(const struct pga_pair_files *files, const char *passphrase,
		  struct pga_error *error);

/* Writes the certificate (PEM, with its chain), and the key (PEM; NULL: the one that is there is
 * the certificate's, and stays). What is there goes, whosever it is: the caller has asked.
 * keep_old: a copy of it stays beside, as NAME.old (or .old2, …), whose paths are added to kept,
 * one a line. On failure all is as it was. */
int pga_pair_write(const struct pga_pair_files *files, const struct pga_text *chain,
		   const struct pga_text *key, bool keep_old, struct pga_text *kept,
		   struct pga_error *error);

/* The same in the place of a pair that is known: under the locks of its directory it is seen that
 * the certificate's file still has the bytes `was`, since another pganchor, or a person, may have
 * changed both meanwhile, to another key even. Returns 1 where it has not, and nothing was changed
 * then. */
int pga_pair_replace(const struct pga_pair_files *files, const struct pga_text *was,
		     const struct pga_text *chain, const struct pga_text *key,
		     struct pga_error *error);

/* Takes these copies away again, of a pair that was brought back. */
void pga_pair_remove_copies(struct pga_text *kept);

/* Whether a killed write has left something beside the certificate. */
bool pga_pair_is_untidy(const struct pga_pair_files *files);

/* Tidies what a killed write has left, so that both are files again. Nothing to do is no error. */
int pga_pair_tidy(const struct pga_pair_files *files, struct pga_error *error);

#endif
