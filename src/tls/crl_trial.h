/* What libpq would say of a server with other CRLs, and why. */
#ifndef PGA_TLS_CRL_TRIAL_H
#define PGA_TLS_CRL_TRIAL_H

#include "base/error.h"
#include "base/text.h"
#include "tls/crl.h"

#include <openssl/x509.h>

#include <stdbool.h>

/* The files that a connection has, as initialize_SSL() of libpq's fe-secure-openssl.c reads them.
 */
struct pga_trial_files {
	const char *roots;         /* NULL: the system's */
	const char *crl_file;      /* NULL: none */
	const char *crl_directory; /* NULL: none */
};

/* Verifies the chain that a server showed, its own certificate first: without any CRL, then with
 * those of the files. *verified (or NULL) is what it comes to without, the root last, NULL where it
 * does not verify; sk_X509_pop_free(*verified, X509_free) frees it. *result is what comes of it
 * with the CRLs, an X509_V_ERR_ or X509_V_OK. Where no CRL can be read, libpq asks for none.
 * Returns -1 for want of memory. */
int pga_crl_trial(const struct pga_trial_files *files, STACK_OF(X509) * chain,
		  STACK_OF(X509) * *verified, long *result, struct pga_error *error);

/* Whether it is a CRL that libpq refuses a chain for. */
bool pga_crl_trial_is_of_crl(long result);

/* Adds why a chain that verifies without CRLs does not with those of the list, in a sentence, and
 * to hint what would work. */
void pga_crl_trial_explain(const STACK_OF(X509) * verified, const struct pga_crl_list *list,
			   long result, struct pga_text *why, struct pga_text *hint);

/* Whether OpenSSL, as libpq uses it, loads the file and finds the CRL with this digest in it. */
bool pga_crl_is_found(const char *path, const char *digest);

/* The addresses, http and https alone, of the CRLs that a certificate names, one a line. */
void pga_crl_points_of(X509 *certificate, struct pga_text *addresses);

#endif
