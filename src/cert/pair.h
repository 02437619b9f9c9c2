/* A certificate and its private key: two files, and one thing. At no instant, killed at whatever
 * system call, does the certificate stand beside another key.
 *
 * - Nothing is there yet: the key first, then the certificate. libpq takes no notice of a key
 *   without a certificate, and refuses a certificate without its key.
 * - The same key: the certificate alone changes, by one rename.
 * - Another key: two names cannot change at once, so for a while both are symbolic links to
 *   DIRECTORY/.pganchor-pair-NAME/now/{certificate,key}, where "now" is a link, to the old pair
 *   first; then one rename of "now" switches both; then each becomes a file again, with the same
 *   bytes. What a killed run leaves of that is a pair that matches, and the next one tidies it. */
#ifndef PGA_CERT_PAIR_H
#define PGA_CERT_PAIR_H

#include "base/error.h"
#include "base/text.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <stdbool.h>
#include <sys/types.h>

/* Where it is, and whose. */
struct pga_pair_files {
	const char *certificate; /* paths */
	const char *key;
	mode_t key_mode; /* of a new key, and of one in the place of another: 0600, or 0640 */
	bool owned;      /* by these; else by whoever makes it, or owns the directory */
	uid_t owner;
	gid_t group;
};

/* What is on the disk. */
struct pga_pair {
	bool has_certificate;
	bool has_key;
	bool encrypted;            /* the key has a passphrase, so that it is not known whether both
				      match */
	bool matches;              /* the key is the certificate's */
	STACK_OF(X509) * chain;    /* the certificate first; NULL: none that can be read */
	EVP_PKEY *key;             /* NULL likewise */
	struct pga_text chain_pem; /* the bytes of both files; the key's are wiped */
	struct pga_text key_pem;
	struct pga_error fault; /* why they are no pair; message "" where they are one */
};

/* Reads both, the certificate first, as libpq does. No file is no error: fault says so. passphrase:
 * NULL where none is known. Returns -1 where a file cannot be read or for want of memory; to be
 * freed in any case. */
int pga_pair_read(const struct pga_pair_files *files, const char *passphrase, struct pga_pair *pair,
		  struct pga_error *error);
void pga_pair_free(struct pga_pair *pair);

/* Whether libpq takes both as they are on the disk: it loads the certificate with its chain and the
 * key, whose owner and mode it checks, and finds that they match; and whether the chain is complete
 * up to one of the roots (PEM), for a client's certificate or a server's. Returns -1 with the
 * reason. */
int pga_pair_prove(const struct pga_pair_files *files, const char *passphrase, const char *roots,
		   bool server, struct pga_error *error);

/* Writes the certificate (PEM, with its chain), and the key (PEM; NULL: the one that is there is
 * the certificate's, and stays). What is there goes, whosever it is: the caller has asked.
 * keep_old: a copy of it stays beside, as NAME.old (or .old2, …), whose paths are added to kept,
 * one a line. On failure all is as it was. */
int pga_pair_write(const struct pga_pair_files *files, const struct pga_text *chain,
		   const struct pga_text *key, bool keep_old, struct pga_text *kept,
		   struct pga_error *error);

/* Tidies what a killed write has left, so that both are files again. Nothing to do is no error. */
int pga_pair_tidy(const struct pga_pair_files *files, struct pga_error *error);

#endif
