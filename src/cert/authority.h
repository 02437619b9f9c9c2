/* The step-ca that issues and renews: one from which an anchor came, whose root verifies its TLS.
 */
#ifndef PGA_CERT_AUTHORITY_H
#define PGA_CERT_AUTHORITY_H

#include "base/error.h"
#include "policy/pins.h"

#include <openssl/x509.h>

struct pga_cert_authority {
	char *anchor;                      /* the name of the anchor */
	char *url;                         /* https://ca.example.com:9000, no slash at the end */
	char *roots;                       /* PEM of all roots that are pinned from this address */
	char root_pin[PGA_PIN_LENGTH + 1]; /* the anchor's */
};

/* Finds it by the name of an anchor, or the address of a CA from which there is one. With word NULL
 * it is the one step-ca that anchors came from; where there are several, the one with whose root
 * the chain verifies (NULL: no chain is there yet). Returns -1 where there is none, or it cannot be
 * told which. To be freed in either case. */
int pga_cert_authority_find(const char *word, STACK_OF(X509) * chain,
			    struct pga_cert_authority *authority, struct pga_error *error);

void pga_cert_authority_free(struct pga_cert_authority *authority);

#endif
