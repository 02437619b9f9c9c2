#include "cert/local_renew.h"

#include "cert/local_sign.h"
#include "tls/openssl_error.h"
#include "tls/x509_text.h"

#include <openssl/bio.h>
#include <openssl/pem.h>

#include <stdlib.h>

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

static int add_pem(X509 *leaf, struct pga_text *chain, struct pga_error *error)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem = bio != NULL && PEM_write_bio_X509(bio, leaf) == 1 ? pga_bio_text(bio) : NULL;

	BIO_free(bio);
	if (pem == NULL)
		return pga_fail_openssl(error, "could not write a certificate");
	pga_text_add(chain, pem);
	free(pem);
	return chain->failed ? pga_fail_memory(error) : 0;
}

int pga_local_renew(const char *directory, X509 *old, EVP_PKEY *key, struct pga_text *chain,
		    X509 **leaf, struct pga_error *error)
{
	struct pga_local_ca ca;
	int result = -1;

	*leaf = NULL;
	if (open_ca(directory, &ca, error) == 0 &&
	    pga_local_sign_again(&ca, old, key, leaf, error) == 0)
		result = add_pem(*leaf, chain, error);
	if (result != 0) {
		X509_free(*leaf);
		*leaf = NULL;
	}
	pga_local_ca_free(&ca);
	return result;
}
