/* Certificates as they are put together here: what the local CA and what it signs have in common.
 */
#ifndef PGA_CERT_SIGN_H
#define PGA_CERT_SIGN_H

#include "base/error.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <stddef.h>
#include <time.h>

/* An extension, in the words of x509v3_config(5). */
struct pga_extension {
	int nid;
	const char *value; /* NULL: it has none */
};

struct pga_to_be_signed {
	const X509_NAME *subject;
	EVP_PKEY *key; /* whose certificate it is */
	X509 *issuer;  /* NULL: it signs itself */
	EVP_PKEY *signer;
	time_t from;
	time_t until;
	const struct pga_extension *extensions;
	size_t count;
};

/* The caller frees it by X509_free(); NULL with OpenSSL's reason. */
X509 *pga_sign(const struct pga_to_be_signed *what, struct pga_error *error);

/* A name of a CN alone, and with an O before it where that is not NULL. Freed by X509_NAME_free();
 * NULL for want of memory, and for what no such name can be. */
X509_NAME *pga_common_name(const char *organisation, const char *common_name);

#endif
