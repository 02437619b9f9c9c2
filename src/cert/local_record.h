/* What the local CA has signed is renewed like any other certificate: certs.conf knows it. */
#ifndef PGA_CERT_LOCAL_RECORD_H
#define PGA_CERT_LOCAL_RECORD_H

#include "base/error.h"

#include <openssl/x509.h>

#include <stdbool.h>
#include <stddef.h>

struct pga_local_known {
	const char *name;        /* that it is to have, if no other certificate has it */
	const char *certificate; /* absolute paths */
	const char *key;
	bool server;
	const char *directory; /* of the CA; NULL: the user's own */
	unsigned port;         /* of a server on localhost that shows it; 0: none is known */
	const char *data;      /* its data directory: it is told by a signal; NULL: none */
	const X509 *leaf;      /* the certificate */
	bool fresh;            /* it was signed just now */
};

/* Makes it known, or what has changed of it. *name gets what it is called, and the caller frees it.
 */
int pga_local_record_put(const struct pga_local_known *known, char **name, struct pga_error *error);

#endif
