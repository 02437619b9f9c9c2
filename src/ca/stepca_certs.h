/* What a step-ca does with certificates: its provisioners, and those that it signs, renews, takes
 * back. All over TLS that the CA's own roots verify. */
#ifndef PGA_CA_STEPCA_CERTS_H
#define PGA_CA_STEPCA_CERTS_H

#include "ca/http.h"
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

struct pga_provisioner {
	char *name;
	char *type;          /* "JWK", "ACME", … */
	char *kid;           /* of a JWK's key; NULL: none */
	char *encrypted_key; /* of a JWK, a JWE; NULL: it does not hand it out */
	long least;          /* the lifetimes that it signs, in seconds; 0: it does not say */
	long most;
	long usual;
};

struct pga_provisioners {
	struct pga_provisioner *list; /* in the CA's order */
	size_t count;
	time_t date; /* the CA's clock as it answered; -1: not known */
	time_t here; /* ours, then */
};

/* GET /provisioners, all of its pages. To be freed in any case. */
int pga_stepca_provisioners(const struct pga_stepca *ca, struct pga_provisioners *provisioners,
			    struct pga_error *error);
void pga_provisioners_free(struct pga_provisioners *provisioners);

/* What came of a request. */
struct pga_stepca_answer {
	long status;           /* HTTP's; 0: there was none */
	bool unreached;        /* nobody was reached, or gave a whole answer in time */
	time_t date;           /* the CA's clock as it answered; -1: not known */
	time_t here;           /* ours, then */
	struct pga_text says;  /* the CA's own words for a refusal; its own, and any bytes */
	struct pga_text chain; /* PEM of the certificate that it signed, and the chain behind it */
};

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

void pga_stepca_answer_free(struct pga_stepca_answer *answer);

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
