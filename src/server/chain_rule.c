#include "server/chain_rule.h"

#include "tls/host_name.h"
#include "tls/openssl_error.h"
#include "tls/x509_text.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <stdlib.h>

STACK_OF(X509) * pga_server_chain_read(BIO *bio, const char *path, struct pga_error *error)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	X509 *one;

	while (bio != NULL && chain != NULL &&
	       (one = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
		if (sk_X509_push(chain, one) <= 0)
			X509_free(one);
	BIO_free(bio);
	if (chain == NULL || sk_X509_num(chain) == 0) {
		(void)pga_fail_openssl(error, path);
		sk_X509_free(chain);
		return NULL;
	}
	ERR_clear_error();
	return chain;
}

static int check_dates(X509 *certificate, const char *path, struct pga_server_plan *plan,
		       struct pga_error *error)
{
	char date[PGA_X509_DATE];

	(void)pga_x509_date(X509_get0_notBefore(certificate), date);
	if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0)
		return pga_fail(error, "is the clock of this machine right? Nothing was changed",
				"%s: it is not valid before %s", path, date);
	(void)pga_x509_date(X509_get0_notAfter(certificate), date);
	if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0)
		return pga_fail(error,
				"a new one comes from pganchor cert issue; nothing was changed",
				"%s: it has expired on %s", path, date);
	pga_plan_add(plan, PGA_PLAN_CHECKED, "%s: valid to %s", path, date);
	return 0;
}

/* The server sends them in this order, and a client that finds a gap gets no further. */
static int check_order(STACK_OF(X509) * chain, const char *path, struct pga_server_plan *plan,
		       struct pga_error *error)
{
	X509 *last = sk_X509_value(chain, sk_X509_num(chain) - 1);
	char *issuer;

	for (int i = 0; i + 1 < sk_X509_num(chain); i++)
		if (X509_check_issued(sk_X509_value(chain, i + 1), sk_X509_value(chain, i)) !=
		    X509_V_OK)
			return pga_fail(
			    error,
			    "the server's own certificate first, then each one's issuer; "
			    "nothing was changed",
			    "%s: certificate %d has not signed certificate %d", path, i + 2, i + 1);
	issuer = pga_x509_name(X509_get_issuer_name(last));
	pga_plan_add(plan, PGA_PLAN_CHECKED, "%s: %d certificate%s, and clients need the root %s",
		     path, sk_X509_num(chain), sk_X509_num(chain) == 1 ? "" : "s in order",
		     issuer != NULL ? issuer : "");
	if (sk_X509_num(chain) == 1 && X509_check_issued(last, last) == X509_V_OK)
		pga_plan_add(plan, PGA_PLAN_WARNING,
			     "%s: it is signed by itself: a client verifies it by this very file "
			     "alone",
			     path);
	free(issuer);
	return 0;
}

static int check_names(X509 *leaf, const char *path, const struct pga_server_pair *pair,
		       struct pga_server_plan *plan, struct pga_error *error)
{
	char *names = pga_x509_alternative_names(leaf);

	if (names == NULL)
		return pga_fail_memory(error);
	for (size_t i = 0; i < pair->host_count; i++) {
		if (pga_certificate_names_host(leaf, pair->hosts[i]) == PGA_NAMED_NOT) {
			(void)pga_fail(error,
				       "a client with sslmode=verify-full would refuse it; nothing "
				       "was changed",
				       "%s: it does not name %s, but %s", path, pair->hosts[i],
				       names[0] != '\0' ? names : "nobody");
			free(names);
			return -1;
		}
		pga_plan_add(plan, PGA_PLAN_CHECKED, "%s: it names %s", path, pair->hosts[i]);
	}
	if (names[0] == '\0')
		pga_plan_add(plan, PGA_PLAN_WARNING,
			     "%s: it has no subject alternative name: several drivers refuse it",
			     path);
	else if (pair->host_count == 0)
		pga_plan_add(plan, PGA_PLAN_WARNING,
			     "%s: it is for %s; --host NAME, as clients call the server, has that "
			     "checked",
			     path, names);
	free(names);
	return 0;
}

int pga_server_chain_check(STACK_OF(X509) * chain, const char *path,
			   const struct pga_server_pair *pair, struct pga_server_plan *plan,
			   struct pga_error *error)
{
	X509 *first = sk_X509_value(chain, 0);
	int result = -1;

	if (X509_check_purpose(first, X509_PURPOSE_SSL_SERVER, 0) != 1)
		(void)pga_fail(error, "nothing was changed",
			       "%s: it is not for a server (extended key usage)", path);
	else if (check_dates(first, path, plan, error) == 0 &&
		 check_order(chain, path, plan, error) == 0 &&
		 check_names(first, path, pair, plan, error) == 0)
		result = 0;
	ERR_clear_error();
	return result;
}
