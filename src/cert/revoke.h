/* Has a step-ca take a certificate back. */
#ifndef PGA_CERT_REVOKE_H
#define PGA_CERT_REVOKE_H

#include "ca/http.h"
#include "base/error.h"
#include "cert/record.h"
#include "cert/state.h"

/* The reasons that RFC 5280 (5.3.1) has for it, by number; NULL behind the last. */
extern const char *const pga_revoke_reasons[];

/* The number of a reason, -1 of what is none. */
int pga_revoke_reason_of(const char *word);

/* Asks the CA that has issued it, over TLS that the certificate itself authenticates. From then on
 * it is not renewed; who does not look at a CRL of the CA's goes on taking it until it ends.
 * Returns -1 with the reason. */
int pga_cert_revoke(const struct pga_cert_record *record, const struct pga_cert_state *state,
		    int reason, const struct pga_http *http, struct pga_error *error);

/* Behind it: a renewal that was under way may have put another one in its place, which nobody has
 * revoked. Returns -1 then. */
int pga_cert_revoke_look_again(const struct pga_cert_record *record,
			       const struct pga_cert_state *state, struct pga_error *error);

#endif
