/* What OpenSSL said of the certificate of a server that libpq did not take. */
#ifndef PGA_TLS_VERIFICATION_H
#define PGA_TLS_VERIFICATION_H

#include "base/text.h"

#include <openssl/ssl.h>

/* Of the last verification that was watched. */
struct pga_verification {
	X509 *certificate;      /* the server's; NULL where none was looked at */
	STACK_OF(X509) * chain; /* that it showed, its own certificate first */
	long result;            /* X509_V_OK, or why it did not verify (openssl/x509_vfy.h) */
	int depth;         /* of the certificate in the chain that it did not verify for: 0 is the
			      server's */
	char protocol[16]; /* TLSv1.3 */
	char cipher[64];   /* TLS_AES_256_GCM_SHA384 */
};

/* From now on, each server's certificate that libpq's OpenSSL verifies in this thread is noted
 * here, until pga_verification_unwatch(). Where libpq has another OpenSSL than the tool, none is.
 */
void pga_verification_watch(struct pga_verification *verification);
void pga_verification_unwatch(void);

/* Adds OpenSSL's reason, and nothing where it has none. */
void pga_verification_reason(const struct pga_verification *verification, struct pga_text *text);

void pga_verification_free(struct pga_verification *verification);

#endif
