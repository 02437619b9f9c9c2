#include "tls/crl_trial.h"

#include "base/terminal.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <stdlib.h>
#include <string.h>

/* The roots as libpq has them; NULL where it could not load them. */
static SSL_CTX *load_roots(const char *path)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_client_method());

	if (tls != NULL && (path != NULL ? SSL_CTX_load_verify_locations(tls, path, NULL)
					 : SSL_CTX_set_default_verify_paths(tls)) != 1) {
		SSL_CTX_free(tls);
		tls = NULL;
	}
	return tls;
}

/* Verifies as libssl does in a client's handshake (ssl_verify_cert_chain() of ssl_cert.c). NULL for
 * want of memory. */
static X509_STORE_CTX *verify(SSL_CTX *tls, STACK_OF(X509) * chain)
{
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *parameters;

	if (context == NULL || X509_STORE_CTX_init(context, SSL_CTX_get_cert_store(tls),
						   sk_X509_value(chain, 0), chain) != 1) {
		X509_STORE_CTX_free(context);
		return NULL;
	}
	parameters = X509_STORE_CTX_get0_param(context);
	X509_VERIFY_PARAM_set_auth_level(parameters, SSL_CTX_get_security_level(tls));
	(void)X509_STORE_CTX_set_default(context, "ssl_server");
	(void)X509_VERIFY_PARAM_set1(parameters, SSL_CTX_get0_param(tls));
	(void)X509_verify_cert(context);
	return context;
}

static int verify_with(SSL_CTX *tls, STACK_OF(X509) * chain, STACK_OF(X509) * *verified,
		       long *result, struct pga_error *error)
{
	X509_STORE_CTX *context = verify(tls, chain);

	if (context == NULL)
		return pga_fail_memory(error);
	*result = X509_STORE_CTX_get_error(context);
	if (verified != NULL && *result == X509_V_OK)
		*verified = X509_STORE_CTX_get1_chain(context);
	X509_STORE_CTX_free(context);
	return *result == X509_V_ERR_OUT_OF_MEM ? pga_fail_memory(error) : 0;
}

int pga_crl_trial(const struct pga_trial_files *files, STACK_OF(X509) * chain,
		  STACK_OF(X509) * *verified, long *result, struct pga_error *error)
{
	SSL_CTX *tls = load_roots(files->roots);
	X509_STORE *store;
	int tried;

	*result = X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
	if (verified != NULL)
		*verified = NULL;
	ERR_clear_error();
	if (tls == NULL)
		return 0;
	tried = verify_with(tls, chain, verified, result, error);
	store = SSL_CTX_get_cert_store(tls);
	if (tried == 0 && *result == X509_V_OK &&
	    (files->crl_file != NULL || files->crl_directory != NULL) &&
	    X509_STORE_load_locations(store, files->crl_file, files->crl_directory) == 1) {
		(void)X509_STORE_set_flags(store,
					   X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
		tried = verify_with(tls, chain, NULL, result, error);
	}
	SSL_CTX_free(tls);
	ERR_clear_error();
	return tried;
}

bool pga_crl_trial_is_of_crl(long result)
{
	switch (result) {
	case X509_V_ERR_UNABLE_TO_GET_CRL:
	case X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE:
	case X509_V_ERR_CRL_SIGNATURE_FAILURE:
	case X509_V_ERR_CRL_NOT_YET_VALID:
	case X509_V_ERR_CRL_HAS_EXPIRED:
	case X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD:
	case X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD:
	case X509_V_ERR_CERT_REVOKED:
	case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
	case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
	case X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION:
	case X509_V_ERR_DIFFERENT_CRL_SCOPE:
	case X509_V_ERR_CRL_PATH_VALIDATION_ERROR:
		return true;
	default:
		return false;
	}
}

static char *subject_of(X509 *certificate)
{
	char *raw = pga_x509_name(X509_get_subject_name(certificate));
	char *shown = raw != NULL ? pga_printable(raw) : NULL;

	free(raw);
	return shown;
}

/* The first of the list that this certificate's issuer has signed, or says so. */
static const struct pga_crl *crl_for(const struct pga_crl_list *list, X509 *certificate)
{
	for (size_t i = 0; i < list->count; i++)
		if (X509_NAME_cmp(X509_CRL_get_issuer(list->crls[i].x509),
				  X509_get_issuer_name(certificate)) == 0)
			return &list->crls[i];
	return NULL;
}

static void explain_scope(X509 *certificate, const char *subject, const struct pga_crl *crl,
			  struct pga_text *why, struct pga_text *hint)
{
	struct pga_text addresses = PGA_TEXT_EMPTY;
	const bool authority = X509_check_ca(certificate) > 0;

	pga_crl_points_of(certificate, &addresses);
	if (crl->only_authorities && !authority) {
		pga_text_addf(why,
			      "the CRL of %s is for certificates of CAs alone "
			      "(onlyContainsCACerts), and that of %s is a server's",
			      crl->issuer, subject);
		pga_text_add(hint, "ask who runs the CA for its CRL of other certificates");
	} else if (crl->only_users && authority) {
		pga_text_addf(why,
			      "the CRL of %s is for certificates of servers and users alone "
			      "(onlyContainsUserCerts), and %s is a CA",
			      crl->issuer, subject);
		pga_text_add(hint, "ask who runs the CA for its CRL of CAs");
	} else {
		pga_text_addf(why,
			      "the CRL of %s is for certificates with its distribution point alone "
			      "(%s; it says so in a%s issuing distribution point), and that of %s "
			      "names %s",
			      crl->issuer, crl->point != NULL ? crl->point : "none",
			      crl->scope_is_critical ? " critical" : "n", subject,
			      addresses.length > 0 ? "another" : "none");
		pga_text_add(hint, "the CA has to put that distribution point into its "
				   "certificates (crlDistributionPoints in step-ca's template), "
				   "or to sign a CRL without one");
	}
	pga_text_free(&addresses);
}

/* Of each certificate but the root, whose issuer's CRL libpq wants. */
static void add_missing(const STACK_OF(X509) * verified, const struct pga_crl_list *list,
			struct pga_text *missing)
{
	for (int i = 0; i + 1 < sk_X509_num(verified); i++) {
		X509 *certificate = sk_X509_value(verified, i);
		char *issuer;

		if (crl_for(list, certificate) != NULL)
			continue;
		issuer = subject_of(sk_X509_value(verified, i + 1));
		pga_text_addf(missing, "%s%s", missing->length > 0 ? " and " : "",
			      issuer != NULL ? issuer : "");
		free(issuer);
	}
}

void pga_crl_trial_explain(const STACK_OF(X509) * verified, const struct pga_crl_list *list,
			   long result, struct pga_text *why, struct pga_text *hint)
{
	struct pga_text missing = PGA_TEXT_EMPTY;
	bool scope = false;

	for (int i = 0;
	     result == X509_V_ERR_DIFFERENT_CRL_SCOPE && !scope && i + 1 < sk_X509_num(verified);
	     i++) {
		X509 *certificate = sk_X509_value(verified, i);
		const struct pga_crl *crl = crl_for(list, certificate);
		char *subject = subject_of(certificate);

		scope = crl != NULL && crl->has_scope;
		if (scope)
			explain_scope(certificate, subject != NULL ? subject : "", crl, why, hint);
		free(subject);
	}
	add_missing(verified, list, &missing);
	if (missing.length > 0) {
		pga_text_addf(why,
			      "%slibpq wants a CRL of every CA of the chain, and there is none of "
			      "%s",
			      why->length > 0 ? "; and " : "", pga_text_string(&missing));
		pga_text_addf(hint,
			      "%sgive that one, too, in the same command: pganchor crl add "
			      "ROOT.crl URL (the key of a root signs one with openssl ca "
			      "-gencrl)",
			      hint->length > 0 ? "; and " : "");
	}
	pga_text_addf(why, "%sOpenSSL %ld, %s%s", why->length > 0 ? " (" : "", result,
		      X509_verify_cert_error_string(result), why->length > 0 ? ")" : "");
	pga_text_free(&missing);
}

static bool has_digest(X509_CRL *x509, const char *digest)
{
	unsigned char raw[EVP_MAX_MD_SIZE];
	char hex[PGA_PIN_LENGTH + 1];
	unsigned length = 0;

	if (X509_CRL_digest(x509, EVP_sha256(), raw, &length) != 1 || length * 2 != PGA_PIN_LENGTH)
		return false;
	pga_hex(raw, length, hex);
	return strcmp(hex, digest) == 0;
}

bool pga_crl_is_found(const char *path, const char *digest)
{
	X509_STORE *store = X509_STORE_new();
	const STACK_OF(X509_OBJECT) * objects;
	bool found = false;

	if (store != NULL && X509_STORE_load_locations(store, path, NULL) == 1) {
		objects = X509_STORE_get0_objects(store);
		for (int i = 0; !found && i < sk_X509_OBJECT_num(objects); i++) {
			X509_CRL *crl = X509_OBJECT_get0_X509_CRL(sk_X509_OBJECT_value(objects, i));

			found = crl != NULL && has_digest(crl, digest);
		}
	}
	X509_STORE_free(store);
	ERR_clear_error();
	return found;
}

static void add_address(const GENERAL_NAME *name, struct pga_text *addresses)
{
	const char *bytes;
	size_t length;

	if (name->type != GEN_URI)
		return;
	bytes = (const char *)ASN1_STRING_get0_data(name->d.ia5);
	length = (size_t)ASN1_STRING_length(name->d.ia5);
	if (memchr(bytes, '\0', length) != NULL || memchr(bytes, '\n', length) != NULL ||
	    length > 2048 ||
	    (strncasecmp(bytes, "http://", 7) != 0 && strncasecmp(bytes, "https://", 8) != 0))
		return;
	pga_text_add_bytes(addresses, bytes, length);
	pga_text_add(addresses, "\n");
}

void pga_crl_points_of(X509 *certificate, struct pga_text *addresses)
{
	CRL_DIST_POINTS *points =
	    X509_get_ext_d2i(certificate, NID_crl_distribution_points, NULL, NULL);

	for (int i = 0; i < sk_DIST_POINT_num(points); i++) {
		const DIST_POINT_NAME *name = sk_DIST_POINT_value(points, i)->distpoint;
		const GENERAL_NAMES *names =
		    name != NULL && name->type == 0 ? name->name.fullname : NULL;

		for (int j = 0; j < sk_GENERAL_NAME_num(names); j++)
			add_address(sk_GENERAL_NAME_value(names, j), addresses);
	}
	CRL_DIST_POINTS_free(points);
}
