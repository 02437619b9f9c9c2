/* What a certificate has to be so that libpq, by way of OpenSSL, takes it as the end of a chain,
 * and so that it is worth it. */
#include "tls/certificate.h"

#include "base/text.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <limits.h>
#include <stdbool.h>

/* Adds what is wrong to the text, or nothing. */
typedef void rule(const struct pga_certificate *certificate, struct pga_text *wrong);

static void add(struct pga_text *wrong, const char *what)
{
	if (wrong->length > 0)
		pga_text_add(wrong, "; ");
	pga_text_add(wrong, what);
}

/* OpenSSL, as libpq sets it up, ends a chain only in a self-signed certificate. The signature's
 * digest does not matter: nobody relies on a root's own signature, and SHA-1 was usual. */
static void is_self_signed(const struct pga_certificate *certificate, struct pga_text *wrong)
{
	const X509_NAME *subject = X509_get_subject_name(certificate->x509);
	const X509_NAME *issuer = X509_get_issuer_name(certificate->x509);
	EVP_PKEY *key = X509_get0_pubkey(certificate->x509);
	const int issued = X509_check_issued(certificate->x509, certificate->x509);

	if (X509_NAME_entry_count(subject) == 0)
		add(wrong, "it has no subject");
	if (X509_NAME_cmp(subject, issuer) != 0) {
		add(wrong, "");
		pga_text_addf(wrong,
			      "it is not self-signed but issued by \"%s\", and libpq needs the "
			      "root itself",
			      certificate->issuer);
	} else if (issued == X509_V_ERR_AKID_ISSUER_SERIAL_MISMATCH ||
		   issued == X509_V_ERR_AKID_SKID_MISMATCH) {
		add(wrong, "its authorityKeyIdentifier names another key than its own, so that "
			   "OpenSSL does not take it for self-signed");
	} else if (key != NULL && X509_verify(certificate->x509, key) != 1) {
		add(wrong, "its signature is not its own, though it names itself as the issuer");
	}
}

static void may_certify(const struct pga_certificate *certificate, struct pga_text *wrong)
{
	uint32_t flags = X509_get_extension_flags(certificate->x509);
	size_t before = wrong->length;

	if ((flags & EXFLAG_INVALID) != 0)
		add(wrong, "its extensions are damaged");
	if ((flags & EXFLAG_BCONS) == 0)
		add(wrong, "it has no basicConstraints, so it is no CA certificate");
	else if ((flags & EXFLAG_CA) == 0)
		add(wrong, "its basicConstraints say CA:FALSE, so it is no CA certificate");
	/* All bits are set where the extension is absent. */
	if ((X509_get_key_usage(certificate->x509) & KU_KEY_CERT_SIGN) == 0)
		add(wrong, "its keyUsage has no keyCertSign, so it may not sign certificates");
	if ((flags & EXFLAG_CRITICAL) != 0)
		add(wrong, "it has a critical extension that OpenSSL does not know");
	/* OpenSSL holds extendedKeyUsage and nsCertType against the root as well. */
	if (wrong->length == before &&
	    X509_check_purpose(certificate->x509, X509_PURPOSE_SSL_SERVER, 1) != 1)
		add(wrong, "its extendedKeyUsage does not allow TLS servers");
}

static void is_in_date(const struct pga_certificate *certificate, struct pga_text *wrong)
{
	int begun = X509_cmp_current_time(X509_get0_notBefore(certificate->x509));
	int ends = X509_cmp_current_time(X509_get0_notAfter(certificate->x509));

	if (begun == 0 || ends == 0)
		add(wrong, "its dates cannot be read");
	if (begun > 0) {
		add(wrong, "");
		pga_text_addf(wrong, "it is not valid before %s", certificate->not_before);
	}
	if (ends < 0) {
		add(wrong, "");
		pga_text_addf(wrong, "it expired at %s", certificate->not_after);
	}
}

/* The kinds of keys, and how many bits they need (NIST SP 800-57: 112 bits of security for RSA,
 * what every CA starts with for EC). OpenSSL verifies by no RSA key that has more than the most. */
static const struct strength {
	const char *name;
	int type;
	int least;
	int most;
} strengths[] = {
    {"RSA", EVP_PKEY_RSA, 2048, OPENSSL_RSA_MAX_MODULUS_BITS},
    {"RSA-PSS", EVP_PKEY_RSA_PSS, 2048, OPENSSL_RSA_MAX_MODULUS_BITS},
    {"EC", EVP_PKEY_EC, 256, INT_MAX},
    {"Ed25519", EVP_PKEY_ED25519, 0, INT_MAX},
    {"Ed448", EVP_PKEY_ED448, 0, INT_MAX},
};

static const struct strength *strength_of(const EVP_PKEY *key)
{
	for (size_t i = 0; i < sizeof strengths / sizeof strengths[0]; i++)
		if (EVP_PKEY_get_base_id(key) == strengths[i].type)
			return &strengths[i];
	return NULL;
}

/* A curve of the sender's own making (CVE-2020-0601). */
static bool has_explicit_curve(const EVP_PKEY *key)
{
	int explicit_curve = 0;

	return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
	       EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
				      &explicit_curve) == 1 &&
	       explicit_curve != 0;
}

/* Whether its numbers make a key: with an exponent of 1, say, anybody can sign. */
static bool is_sound(EVP_PKEY *key)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	bool sound = context != NULL && EVP_PKEY_public_check(context) == 1;

	EVP_PKEY_CTX_free(context);
	return sound;
}

/* The most bits of an RSA key's public exponent that every program which verifies can count with.
 */
#define LONGEST_EXPONENT 33

static bool has_long_exponent(const EVP_PKEY *key)
{
	BIGNUM *exponent = NULL;
	const bool is_long = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1 &&
			     BN_num_bits(exponent) > LONGEST_EXPONENT;

	BN_free(exponent);
	return is_long;
}

static void has_strong_key(const struct pga_certificate *certificate, struct pga_text *wrong)
{
	EVP_PKEY *key = X509_get0_pubkey(certificate->x509);
	const struct strength *strength = key != NULL ? strength_of(key) : NULL;
	const int bits = key != NULL ? EVP_PKEY_get_bits(key) : 0;

	if (key == NULL)
		add(wrong, "its key cannot be read");
	else if (strength == NULL)
		add(wrong, "its key is neither RSA, EC, Ed25519 nor Ed448");
	else if (bits < strength->least || bits > strength->most) {
		add(wrong, "");
		pga_text_addf(wrong, "its %s key has %d bits, and %d are %s", strength->name, bits,
			      bits < strength->least ? strength->least : strength->most,
			      bits < strength->least ? "needed" : "the most");
	} else if (has_long_exponent(key))
		add(wrong, "its RSA key has a public exponent above 2^32, with which OpenSSL need "
			   "not verify");
	else if (has_explicit_curve(key))
		add(wrong, "its EC key brings a curve of its own instead of naming one");
	else if (!is_sound(key))
		add(wrong, "its key is none: the numbers in it are not those of a key");
}

static rule *const rules[] = {is_self_signed, may_certify, is_in_date, has_strong_key};

static bool is_issued_by_another(const struct pga_certificate *certificate)
{
	return X509_NAME_cmp(X509_get_subject_name(certificate->x509),
			     X509_get_issuer_name(certificate->x509)) != 0;
}

int pga_certificate_check_anchor(const struct pga_certificate *certificate, const char *whose,
				 struct pga_error *error)
{
	struct pga_text wrong = PGA_TEXT_EMPTY;
	int result = 0;

	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
		rules[i](certificate, &wrong);
	ERR_clear_error();
	if (wrong.failed)
		result = pga_fail_memory(error);
	else if (wrong.length > 0)
		result =
		    pga_fail(error,
			     is_issued_by_another(certificate)
				 ? "nothing was pinned; get the certificate of that issuer, "
				   "and so on up to the one that has issued itself"
				 : "nothing was pinned; the CA needs a self-signed root, in date, "
				   "with RSA 2048, EC P-256 or Ed25519 and up",
			     "%s: \"%s\" cannot be an anchor: %s", whose, certificate->subject,
			     pga_text_string(&wrong));
	pga_text_free(&wrong);
	return result;
}
