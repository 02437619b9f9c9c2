/* What a step-ca does with certificates: its provisioners, and those that it signs, renews, takes
 * back. All over TLS that the CA's own roots verify. */
#ifndef PGA_CA_STEPCA_CERTS_H
#define PGA_CA_STEPCA_CERTS_H

#include "ca/http.h"
#include "ca/stepca_answers.h"
#include "base/error.h"
#include "base/text.h"

#include <jansson.h>

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/* One that is asked. */
struct pga_stepca {
	const struct pga_http *http;
	const char *url;   /* no slash at the end */
	const char *roots; /* PEM of those that verify it */
};

/* GET /provisioners, all of its pages. To be freed in any case. */
int pga_stepca_provisioners(const struct pga_stepca *ca, struct pga_provisioners *provisioners,
			    struct pga_error *error);

/* How many seconds the CA's clock is ahead of ours, by the date and the here of either; 0 where it
 * is not known. */
long pga_stepca_ahead(time_t date, time_t here);

/* POST /sign: a CSR (PEM), by a token. not_after: "24h", or a moment as RFC 3339 has it; NULL: what
 * the CA gives. Returns -1 with HTTP's reason, and answer says more; to be freed in any case. */
int pga_stepca_sign(const struct pga_stepca *ca, const char *csr, const char *token,
		    const char *not_after, struct pga_stepca_answer *answer,
		    struct pga_error *error);

/* POST to any of its addresses that answers with a certificate, such as /renew and /rekey, as
 * request says (its certificate and key, or its token, and what is posted). path: "/1.0/renew". */
int pga_stepca_ask(const struct pga_stepca *ca, const char *path,
		   const struct pga_http_request *request, struct pga_stepca_answer *answer,
		   struct pga_error *error);

/* Adds a token for a JWK provisioner's key, as `step ca token` makes it: to be used once, within
 * five minutes. audience: "/1.0/sign". names: the SANs; none: the subject alone. key: the JWK, as
 * it came out of the JWE. */
struct pga_stepca_claims {
	const char *subject;
	const char *const *names;
	size_t name_count;
	const char *audience; /* the path */
	const char *root_pin; /* SHA-256 of the CA's root */
	time_t now;           /* by the CA's clock, where that is known */
};
int pga_stepca_token(const struct pga_stepca *ca, const struct pga_provisioner *provisioner,
		     const char *jwk, const struct pga_stepca_claims *claims,
		     struct pga_text *token, struct pga_error *error);

#endif
