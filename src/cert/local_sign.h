/* What the local CA signs. */
#ifndef PGA_CERT_LOCAL_SIGN_H
#define PGA_CERT_LOCAL_SIGN_H

#include "cert/local_ca.h"

#include <openssl/x509.h>

#include <stdbool.h>
#include <stddef.h>

/* How long a certificate is valid, in seconds, and may be at most. */
#define PGA_LOCAL_LIFETIME (90L * 86400)
#define PGA_LOCAL_LONGEST  (397L * 86400)
#define PGA_LOCAL_SHORTEST 60L

struct pga_local_wish {
	bool server;              /* for a server; else for a client, a database user */
	const char *common_name;  /* of a client the user; NULL for a server's: one that says so */
	const char *const *names; /* of a server: DNS names and addresses */
	size_t count;
	long lifetime; /* seconds; no longer than the CA is valid itself */
};

/* Whether the CA may sign for all of these names, and each is one of a host. Returns -1 with those
 * that are not, and which would be. */
int pga_local_check_names(const struct pga_local_ca *ca, const char *const *names, size_t count,
			  struct pga_error *error);

/* Signs, and verifies what it has signed as strictly as OpenSSL can. The caller frees *leaf by
 * X509_free(). */
int pga_local_sign(const struct pga_local_ca *ca, const struct pga_local_wish *wish, EVP_PKEY *key,
		   X509 **leaf, struct pga_error *error);

/* The same once more for what an old certificate says, with this key: its names, use and lifetime.
 */
int pga_local_sign_again(const struct pga_local_ca *ca, X509 *old, EVP_PKEY *key, X509 **leaf,
			 struct pga_error *error);

#endif
