#include "tls/at_time.h"

#include "base/text.h"
#include "tls/certificate.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509_vfy.h>

#include <stdlib.h>
#include <string.h>

bool pga_fault_is_of_time(const struct pga_fault *fault)
{
	switch (fault->code) {
	case X509_V_ERR_CERT_NOT_YET_VALID:
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CRL_NOT_YET_VALID:
	case X509_V_ERR_CRL_HAS_EXPIRED:
		return true;
	default:
		return false;
	}
}

bool pga_fault_is_of_crl(const struct pga_fault *fault)
{
	switch (fault->code) {
	case X509_V_ERR_CRL_NOT_YET_VALID:
	case X509_V_ERR_CRL_HAS_EXPIRED:
	case X509_V_ERR_UNABLE_TO_GET_CRL:
	case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
	case X509_V_ERR_DIFFERENT_CRL_SCOPE:
	case X509_V_ERR_CRL_SIGNATURE_FAILURE:
	case X509_V_ERR_CRL_PATH_VALIDATION_ERROR:
		return true;
	default:
		return false;
	}
}

bool pga_fault_is_no_root(const struct pga_fault *fault)
{
	switch (fault->code) {
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		return true;
	default:
		return false;
	}
}

time_t pga_time_of(const ASN1_TIME *date)
{
	struct tm parts;

	return date != NULL && ASN1_TIME_to_tm(date, &parts) == 1 ? timegm(&parts) : 0;
}

time_t pga_fault_date(const struct pga_fault *fault)
{
	switch (fault->code) {
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return pga_time_of(X509_get0_notBefore(fault->certificate));
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return pga_time_of(X509_get0_notAfter(fault->certificate));
	case X509_V_ERR_CRL_NOT_YET_VALID:
		return fault->crl != NULL ? pga_time_of(X509_CRL_get0_lastUpdate(fault->crl)) : 0;
	case X509_V_ERR_CRL_HAS_EXPIRED:
		return fault->crl != NULL ? pga_time_of(X509_CRL_get0_nextUpdate(fault->crl)) : 0;
	default:
		return 0;
	}
}

static int name_crl(const X509_CRL *crl, char id[PGA_PIN_LENGTH + 1])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned length = 0;

	if (X509_CRL_digest(crl, EVP_sha256(), digest, &length) != 1)
		return -1;
	pga_hex(digest, length, id);
	return 0;
}

static int add(struct pga_verified *verified, X509_STORE_CTX *context)
{
	struct pga_fault *grown =
	    reallocarray(verified->faults, verified->count + 1, sizeof *grown);
	X509 *certificate = X509_STORE_CTX_get_current_cert(context);
	struct pga_fault *fault;

	if (grown == NULL)
		return -1;
	verified->faults = grown;
	fault = &grown[verified->count];
	memset(fault, 0, sizeof *fault);
	fault->code = X509_STORE_CTX_get_error(context);
	fault->depth = X509_STORE_CTX_get_error_depth(context);
	if (certificate != NULL && X509_up_ref(certificate) == 1)
		fault->certificate = certificate;
	if (pga_fault_is_of_crl(fault)) {
		X509_CRL *crl = X509_STORE_CTX_get0_current_crl(context);

		if (crl != NULL && X509_CRL_up_ref(crl) == 1)
			fault->crl = crl;
	}
	verified->count++;
	if (fault->crl != NULL)
		return name_crl(fault->crl, fault->id);
	return fault->certificate != NULL ? pga_certificate_pin(fault->certificate, fault->id) : 0;
}

/* What OpenSSL says twice: that there is no root, of one certificate and then of the next. */
static bool is_said(const struct pga_verified *verified)
{
	const struct pga_fault *last = &verified->faults[verified->count - 1];

	for (size_t i = 0; i + 1 < verified->count; i++) {
		const struct pga_fault *fault = &verified->faults[i];

		if ((pga_fault_is_no_root(fault) && pga_fault_is_no_root(last)) ||
		    (fault->code == last->code && strcmp(fault->id, last->id) == 0))
			return true;
	}
	return false;
}

static void drop_last(struct pga_verified *verified)
{
	verified->count--;
	X509_free(verified->faults[verified->count].certificate);
	X509_CRL_free(verified->faults[verified->count].crl);
}

/* Goes on: there may be more. */
static int look(int good, X509_STORE_CTX *context)
{
	struct pga_verified *verified = X509_STORE_CTX_get_app_data(context);

	if (good == 1)
		return 1;
	if (add(verified, context) != 0) {
		verified->failed = true;
		return 0;
	}
	if (is_said(verified))
		drop_last(verified);
	return 1;
}

int pga_verify_at(STACK_OF(X509) * chain, SSL_CTX *tls, bool as_server, time_t at,
		  struct pga_verified *verified, struct pga_error *error)
{
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *parameters;

	memset(verified, 0, sizeof *verified);
	verified->failed =
	    context == NULL || X509_STORE_CTX_init(context, SSL_CTX_get_cert_store(tls),
						   sk_X509_value(chain, 0), chain) != 1;
	if (!verified->failed) {
		parameters = X509_STORE_CTX_get0_param(context);
		X509_VERIFY_PARAM_set_auth_level(parameters, SSL_CTX_get_security_level(tls));
		if (as_server)
			(void)X509_STORE_CTX_set_default(context, "ssl_server");
		(void)X509_VERIFY_PARAM_set1(parameters, SSL_CTX_get0_param(tls));
		X509_VERIFY_PARAM_set_time(parameters, at);
		X509_STORE_CTX_set_app_data(context, verified);
		X509_STORE_CTX_set_verify_cb(context, look);
		/* Where it ends without a word to the callback, memory ran out. */
		if (X509_verify_cert(context) != 1 && verified->count == 0)
			verified->failed = true;
		verified->chain = X509_STORE_CTX_get1_chain(context);
	}
	X509_STORE_CTX_free(context);
	ERR_clear_error();
	return verified->failed ? pga_fail_memory(error) : 0;
}

void pga_verified_free(struct pga_verified *verified)
{
	for (size_t i = 0; i < verified->count; i++) {
		X509_free(verified->faults[i].certificate);
		X509_CRL_free(verified->faults[i].crl);
	}
	free(verified->faults);
	sk_X509_pop_free(verified->chain, X509_free);
	memset(verified, 0, sizeof *verified);
}
