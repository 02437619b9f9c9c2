/* libpq says "certificate verify failed" of an unknown CA, an expired certificate and a revoked one
 * alike, and frees the session that knows more in the step in which it made it. But OpenSSL tells
 * of each verification that ends (CRYPTO_get_ex_new_index(3)). What is noted is all that the
 * refused server has shown: there is no second connection, which would have to believe it. */
#include "tls/verification.h"

#include <openssl/x509_vfy.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* A verification ends in the thread that has begun it. */
static _Thread_local struct pga_verification *watching;

static pthread_once_t registered = PTHREAD_ONCE_INIT;

static STACK_OF(X509) * copy_of(STACK_OF(X509) * chain)
{
	return chain != NULL ? X509_chain_up_ref(chain) : NULL;
}

/* libpq's is verified with the session that it is of; whoever else verifies has none. */
static void on_end(void *context, void *data, CRYPTO_EX_DATA *all_data, int index, long number,
		   void *argument)
{
	struct pga_verification *verification = watching;
	const SSL *session =
	    verification != NULL
		? X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx())
		: NULL;
	X509 *certificate = session != NULL ? X509_STORE_CTX_get0_cert(context) : NULL;

	(void)data;
	(void)all_data;
	(void)index;
	(void)number;
	(void)argument;
	if (certificate == NULL || (SSL_get_verify_mode(session) & SSL_VERIFY_PEER) == 0 ||
	    X509_up_ref(certificate) != 1)
		return;
	X509_free(verification->certificate);
	verification->certificate = certificate;
	sk_X509_pop_free(verification->chain, X509_free);
	verification->chain = copy_of(X509_STORE_CTX_get0_untrusted(context));
	verification->result = X509_STORE_CTX_get_error(context);
	verification->depth = X509_STORE_CTX_get_error_depth(context);
	(void)snprintf(verification->protocol, sizeof verification->protocol, "%s",
		       SSL_get_version(session));
	(void)snprintf(verification->cipher, sizeof verification->cipher, "%s",
		       SSL_get_cipher_name(session));
}

static void do_register(void)
{
	(void)CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_X509_STORE_CTX, 0, NULL, NULL, NULL, on_end);
}

void pga_verification_watch(struct pga_verification *verification)
{
	memset(verification, 0, sizeof *verification);
	(void)pthread_once(&registered, do_register);
	watching = verification;
}

void pga_verification_unwatch(void)
{
	watching = NULL;
}

void pga_verification_reason(const struct pga_verification *verification, struct pga_text *text)
{
	if (verification->certificate == NULL || verification->result == X509_V_OK)
		return;
	pga_text_add(text, X509_verify_cert_error_string(verification->result));
	if (verification->depth > 0)
		pga_text_addf(text, ", at depth %d of its chain", verification->depth);
}

void pga_verification_free(struct pga_verification *verification)
{
	X509_free(verification->certificate);
	verification->certificate = NULL;
	sk_X509_pop_free(verification->chain, X509_free);
	verification->chain = NULL;
}
