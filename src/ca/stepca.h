/* The roots of a step-ca, and its word over TLS. */
#ifndef PGA_CA_STEPCA_H
#define PGA_CA_STEPCA_H

#include "tls/certificate.h"
#include "ca/http.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define PGA_STEPCA_ROOTS 16 /* as many roots as are looked at */

struct pga_stepca_roots {
	char *url; /* that was asked, for messages */
	struct pga_certificate roots[PGA_STEPCA_ROOTS];
	size_t count;
	bool other_kind; /* with an error: whoever answered is no step-ca, or does not know the root
			  */
	bool unreached;  /* nobody was reached */
};

/* GET URL/root/PIN of a step-ca that cannot be verified yet: the one certificate in the answer. The
 * caller has to compare its pin, and frees it with pga_stepca_roots_free(). ca_url has no slash at
 * the end. */
int pga_stepca_root(const struct pga_http *http, const char *ca_url, const char *pin,
		    struct pga_stepca_roots *roots, struct pga_error *error);

/* GET URL/roots of the same: what it says its roots are, and nothing that proves it. At least one;
 * the caller frees them with pga_stepca_roots_free(). */
int pga_stepca_roots(const struct pga_http *http, const char *ca_url,
		     struct pga_stepca_roots *roots, struct pga_error *error);

/* Safe after an error, too. */
void pga_stepca_roots_free(struct pga_stepca_roots *roots);

/* GET URL/roots and URL/federation over TLS that one of these roots (PEM) verifies, and by which
 * the answer is proven: the roots that the CA has now, each once, in its order, those that it is
 * federated with behind its own. At least one; to be freed by pga_stepca_roots_free(). *chain as
 * of pga_stepca_health(). */
int pga_stepca_present(const struct pga_http *http, const char *ca_url, const char *roots,
		       struct pga_stepca_roots *present, STACK_OF(X509) * *chain,
		       struct pga_error *error);

/* GET URL/health over TLS that one of these roots (PEM) verifies: whoever merely knows somebody
 * else's root cannot answer that. *chain gets the certificates that the CA showed, its own first;
 * sk_X509_pop_free(*chain, X509_free) frees them, and it may be NULL after an error. */
int pga_stepca_health(const struct pga_http *http, const char *ca_url, const char *roots,
		      STACK_OF(X509) * *chain, struct pga_error *error);

#endif
