#include "tls/certificate_text.h"

#include "base/printable.h"
#include "tls/name_constraints.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <string.h>
#include <time.h>

#define DAY 86400

static void tell_curve(const EVP_PKEY *key, struct pga_text *text)
{
	char group[64] = "";
	size_t length = 0;
	const char *nist = NULL;

	if (EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group,
					   &length) == 1)
		nist = EC_curve_nid2nist(OBJ_sn2nid(group));
	pga_text_add(text, "EC ");
	if (nist != NULL)
		pga_text_add(text, nist);
	else if (group[0] != '\0')
		pga_text_add_printable(text, group, "");
	else
		pga_text_addf(text, "%d bits", EVP_PKEY_get_bits(key));
}

/* The usual one is 65537. With 3, a mistake in a program that verifies is enough to forge. */
static void tell_exponent(const EVP_PKEY *key, struct pga_text *text)
{
	BIGNUM *exponent = NULL;
	char *digits = NULL;

	if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1 &&
	    !BN_is_word(exponent, RSA_F4)) {
		if (BN_num_bits(exponent) <= 64)
			digits = BN_bn2dec(exponent);
		pga_text_addf(text, ", public exponent %s%s", digits != NULL ? digits : "of ",
			      digits != NULL ? "" : "more than 64 bits");
		if (BN_num_bits(exponent) < 17)
			pga_text_add(text, " (weak)");
	}
	OPENSSL_free(digits);
	BN_free(exponent);
}

void pga_certificate_tell_key(const struct pga_certificate *certificate, struct pga_text *text)
{
	const EVP_PKEY *key = X509_get0_pubkey(certificate->x509);

	if (key == NULL) {
		pga_text_add(text, "unreadable");
	} else if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC) {
		tell_curve(key, text);
	} else if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA ||
		   EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA_PSS) {
		pga_text_addf(text, "%s %d bits", EVP_PKEY_get0_type_name(key),
			      EVP_PKEY_get_bits(key));
		tell_exponent(key, text);
	} else {
		/* OpenSSL's own names of the others are capitals. */
		const char *name = EVP_PKEY_get0_type_name(key);

		pga_text_add(text, EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ? "Ed25519"
				   : EVP_PKEY_get_base_id(key) == EVP_PKEY_ED448 ? "Ed448"
				   : name != NULL                                ? name
										 : "unknown");
	}
	ERR_clear_error();
}

void pga_certificate_tell_signature(const struct pga_certificate *certificate,
				    struct pga_text *text)
{
	const int algorithm = X509_get_signature_nid(certificate->x509);
	const char *name = algorithm != NID_undef ? OBJ_nid2ln(algorithm) : NULL;

	pga_text_add(text, name != NULL ? name : "an algorithm that OpenSSL does not know");
	ERR_clear_error();
}

void pga_certificate_tell_days(const struct pga_certificate *certificate, struct pga_text *text)
{
	int days = 0;
	int seconds = 0;

	if (ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate->x509)) != 1)
		pga_text_add(text, "an unreadable date");
	else if (days < 0 || seconds < 0)
		pga_text_add(text, "expired");
	else
		pga_text_addf(text, "%d %s left", days, days == 1 ? "day" : "days");
	ERR_clear_error();
}

int pga_certificate_tell(const struct pga_certificate *certificate, struct pga_text *text,
			 struct pga_error *error)
{
	pga_text_addf(text, "    subject      %s\n", certificate->subject);
	if (strcmp(certificate->issuer, certificate->subject) != 0)
		pga_text_addf(text, "    issuer       %s\n", certificate->issuer);
	pga_text_addf(text, "    valid        %.10s to %.10s, ", certificate->not_before,
		      certificate->not_after);
	pga_certificate_tell_days(certificate, text);
	pga_text_add(text, "\n    key          ");
	pga_certificate_tell_key(certificate, text);
	pga_text_add(text, ", signed with ");
	pga_certificate_tell_signature(certificate, text);
	pga_text_add(text, "\n    may sign for ");
	if (pga_name_constraints_tell(certificate, text, error) != 0)
		return -1;
	pga_text_add(text, "\n");
	return text->failed ? pga_fail_memory(error) : 0;
}
