#include "cert/local_renew.h"

#include "cert/local_sign.h"
#include "tls/x509_pem.h"

static int open_ca(const char *directory, struct pga_local_ca *ca, struct pga_error *error)
{
	const struct pga_local_ca_wish wish = {.lifetime = PGA_LOCAL_CA_LIFETIME};
	struct pga_local_ca_made made;
	const bool own = directory[0] == '\0';

	if (pga_local_ca_open(ca, own ? NULL : directory, error) != 0)
		return -1;
	if (!ca->found)
		return pga_fail_no_local_ca(ca, error);
	if (!own || !pga_local_ca_is_due(ca))
		return 0;
	if (pga_local_ca_make(ca, &wish, &made, error) != 0)
		return -1;
	pga_local_ca_made_free(&made);
	return 0;
}

int pga_local_renew(const char *directory, X509 *old, EVP_PKEY *key, struct pga_text *chain,
		    X509 **leaf, struct pga_error *error)
{
	struct pga_local_ca ca;
	int result = -1;

	*leaf = NULL;
	if (open_ca(directory, &ca, error) == 0 &&
	    pga_local_sign_again(&ca, old, key, leaf, error) == 0)
		result = pga_x509_add_pem(*leaf, chain, error);
	if (result != 0) {
		X509_free(*leaf);
		*leaf = NULL;
	}
	pga_local_ca_free(&ca);
	return result;
}
