#include "tls/x509_pem.h"

#include "tls/openssl_error.h"
#include "tls/x509_text.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <limits.h>
#include <stdlib.h>

static BIO *reader(const char *pem, size_t length)
{
	return length <= INT_MAX ? BIO_new_mem_buf(pem, (int)length) : NULL;
}

static X509 *next(BIO *bio)
{
	char empty[] = ""; /* keeps OpenSSL from asking for a passphrase on the terminal */

	return PEM_read_bio_X509(bio, NULL, NULL, empty);
}

X509 *pga_x509_of_pem(const char *pem, size_t length)
{
	BIO *bio = reader(pem, length);
	X509 *certificate = bio != NULL ? next(bio) : NULL;

	BIO_free(bio);
	ERR_clear_error();
	return certificate;
}

STACK_OF(X509) * pga_x509_all_of_pem(const char *pem, size_t length, bool *damaged)
{
	STACK_OF(X509) *all = sk_X509_new_null();
	BIO *bio = reader(pem, length);
	bool kept = all != NULL && bio != NULL;
	X509 *one;

	while (kept && (one = next(bio)) != NULL) {
		kept = sk_X509_push(all, one) > 0;
		if (!kept)
			X509_free(one);
	}
	if (kept && damaged != NULL)
		*damaged = ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE;
	BIO_free(bio);
	ERR_clear_error();
	if (kept)
		return all;
	sk_X509_pop_free(all, X509_free);
	return NULL;
}

char *pga_x509_pem(X509 *certificate)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem = NULL;

	if (bio != NULL && PEM_write_bio_X509(bio, certificate) == 1)
		pem = pga_bio_text(bio);
	BIO_free(bio);
	return pem;
}

int pga_x509_add_pem(X509 *certificate, struct pga_text *pem, struct pga_error *error)
{
	char *text = pga_x509_pem(certificate);

	if (text == NULL)
		return pga_fail_openssl(error, "could not write a certificate");
	pga_text_add(pem, text);
	free(text);
	return pem->failed ? pga_fail_memory(error) : 0;
}
