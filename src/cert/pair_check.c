/* Whether a pair can be used, before it is written and behind. */
#include "cert/pair.h"

#include "base/unconst.h"
#include "tls/openssl_error.h"
#include "tls/x509_pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <string.h>

/* A peer refuses more than 100 kB of them. */
#define MOST_CERTIFICATES 20

/* What is wrong with dates is more often a clock than the CA. */
static int fail_verification(int code, struct pga_error *error)
{
	const char *what = X509_verify_cert_error_string(code);

	if (code == X509_V_ERR_CERT_NOT_YET_VALID || code == X509_V_ERR_CERT_HAS_EXPIRED)
		return pga_fail(error,
				"nothing was changed; is the clock of this machine right, and that "
				"of the CA?",
				"what the CA has issued is of no use now: %s", what);
	return pga_fail(error, "nothing was changed; ask who runs the CA",
			"what the CA has issued does not lead to a root that is pinned from it: %s",
			what);
}

static int verify(STACK_OF(X509) * chain, STACK_OF(X509) * roots, bool server, time_t at,
		  struct pga_error *error)
{
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	int result = -1;

	if (context == NULL ||
	    X509_STORE_CTX_init(context, NULL, sk_X509_value(chain, 0), chain) != 1) {
		X509_STORE_CTX_free(context);
		return pga_fail_memory(error);
	}
	X509_STORE_CTX_set0_trusted_stack(context, roots);
	(void)X509_STORE_CTX_set_purpose(context, server ? X509_PURPOSE_SSL_SERVER
							 : X509_PURPOSE_SSL_CLIENT);
	if (at != 0)
		X509_STORE_CTX_set_time(context, 0, at);
	if (X509_verify_cert(context) == 1)
		result = 0;
	else
		(void)fail_verification(X509_STORE_CTX_get_error(context), error);
	X509_STORE_CTX_free(context);
	ERR_clear_error();
	return result;
}

/* OpenSSL has a level of security below which libpq and the server get nothing loaded: a weak key
 * or signature anywhere in the chain is enough. */
static int check_level(STACK_OF(X509) * all, EVP_PKEY *key, struct pga_error *error)
{
	SSL_CTX *context = SSL_CTX_new(TLS_method());
	STACK_OF(X509) *behind = sk_X509_dup(all);
	const bool taken =
	    context != NULL && behind != NULL &&
	    SSL_CTX_use_cert_and_key(context, sk_X509_shift(behind), key, behind, 1) == 1;
	const char *why = ERR_reason_error_string(ERR_peek_last_error());

	if (!taken)
		(void)pga_fail(error, "nothing was changed; ask who runs the CA",
			       "OpenSSL does not load what the CA has issued: %s",
			       why != NULL ? why : "it gives no reason");
	sk_X509_free(behind);
	SSL_CTX_free(context);
	return taken ? 0 : -1;
}

int pga_pair_check(const struct pga_text *chain, EVP_PKEY *key, const char *roots, bool server,
		   time_t at, struct pga_error *error)
{
	STACK_OF(X509) *all = pga_x509_all_of_pem(pga_text_string(chain), chain->length, NULL);
	STACK_OF(X509) *trusted = pga_x509_all_of_pem(roots != NULL ? roots : "",
						      roots != NULL ? strlen(roots) : 0, NULL);
	int result = -1;

	if (all == NULL || trusted == NULL)
		(void)pga_fail_memory(error);
	else if (sk_X509_num(all) == 0)
		(void)pga_fail(error, NULL, "the CA has issued no certificate");
	else if (sk_X509_num(all) > MOST_CERTIFICATES)
		(void)pga_fail(error, "nothing was changed; ask who runs the CA",
			       "the CA has issued a chain of %d certificates, and more than %d are "
			       "none",
			       sk_X509_num(all), MOST_CERTIFICATES);
	else if (X509_check_private_key(sk_X509_value(all, 0), key) != 1)
		(void)pga_fail(error, "nothing was changed; ask who runs the CA",
			       "the CA has issued a certificate for another key");
	else if (X509_check_ca(sk_X509_value(all, 0)) == 1)
		(void)pga_fail(error, "nothing was changed; ask who runs the CA",
			       "the CA has issued the certificate of a CA");
	else if (check_level(all, key, error) == 0)
		result = roots != NULL ? verify(all, trusted, server, at, error) : 0;
	ERR_clear_error();
	sk_X509_pop_free(all, X509_free);
	sk_X509_pop_free(trusted, X509_free);
	return result;
}

/* initialize_SSL() of libpq's fe-secure-openssl.c, and be_tls_init() of the server's. */
static int load(SSL_CTX *context, const struct pga_pair_files *files, struct pga_error *error)
{
	if (SSL_CTX_use_certificate_chain_file(context, files->certificate) != 1)
		return pga_fail_openssl(error, files->certificate);
	if (SSL_CTX_use_PrivateKey_file(context, files->key, SSL_FILETYPE_PEM) != 1)
		return pga_fail_openssl(error, files->key);
	if (SSL_CTX_check_private_key(context) != 1)
		return pga_fail_openssl(error, "the certificate and its key");
	return 0;
}

int pga_pair_load(const struct pga_pair_files *files, const char *passphrase,
		  struct pga_error *error)
{
	SSL_CTX *context = SSL_CTX_new(TLS_method());
	int result;

	if (context == NULL)
		return pga_fail_memory(error);
	/* It gives the text that it gets here, and asks on the terminal where that is NULL. */
	SSL_CTX_set_default_passwd_cb(context, PEM_def_callback);
	SSL_CTX_set_default_passwd_cb_userdata(context,
					       pga_unconst(passphrase != NULL ? passphrase : ""));
	result = load(context, files, error);
	SSL_CTX_free(context);
	return result;
}
