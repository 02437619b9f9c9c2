#include "ca/http_chain.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <string.h>

/* In the place of X509_verify_cert(). OpenSSL hands over what the server sent as the certificates
 * that are not trusted, its own among them. */
static int verify(X509_STORE_CTX *context, void *to)
{
	STACK_OF(X509) **chain = to;
	int verified;

	(void)X509_VERIFY_PARAM_clear_flags(X509_STORE_CTX_get0_param(context),
					    X509_V_FLAG_PARTIAL_CHAIN);
	verified = X509_verify_cert(context);
	if (verified <= 0) {
		/* libcurl goes by the first error in the queue, and that of a signature is none of
		 * verification to it; libssl puts its own there. */
		ERR_clear_error();
		return verified;
	}
	sk_X509_pop_free(*chain, X509_free);
	*chain = X509_chain_up_ref(X509_STORE_CTX_get0_untrusted(context));
	if (*chain == NULL)
		X509_STORE_CTX_set_error(context, X509_V_ERR_OUT_OF_MEM);
	return *chain != NULL;
}

static CURLcode set_verify(CURL *curl, void *tls, void *chain)
{
	(void)curl;
	SSL_CTX_set_cert_verify_callback(tls, verify, chain);
	return CURLE_OK;
}

CURLcode pga_http_chain_watch(CURL *curl, STACK_OF(X509) * *chain)
{
	const curl_version_info_data *libcurl = curl_version_info(CURLVERSION_NOW);
	CURLcode code;

	/* What another TLS library hands to the callback is no SSL_CTX. */
	if (libcurl->ssl_version == NULL || strncmp(libcurl->ssl_version, "OpenSSL/", 8) != 0)
		return CURLE_NOT_BUILT_IN;
	code = curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, set_verify);
	return code != CURLE_OK ? code : curl_easy_setopt(curl, CURLOPT_SSL_CTX_DATA, chain);
}
