/* Certificates for the units, right or wrong in one way. */
#ifndef PGA_TESTS_UNIT_CERTIFICATES_H
#define PGA_TESTS_UNIT_CERTIFICATES_H

#include "cmocka_start.h"

#include "tls/certificate.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <stdbool.h>
#include <string.h>

#define DAY (24L * 60 * 60)

/* What a certificate is to be; what is not said is as a root has it. */
struct kind {
	const char *name;      /* its CN; "" for no subject at all */
	const char *issuer;    /* NULL: itself */
	EVP_PKEY *key;         /* NULL: one of its own, EC P-256 */
	EVP_PKEY *signer;      /* NULL: the same */
	long begins;           /* seconds from now; 0: yesterday */
	long ends;             /* 0: in a month */
	const char *basic;     /* basicConstraints; NULL: CA:TRUE; "": none */
	const char *usage;     /* keyUsage; NULL: none */
	const char *purpose;   /* extendedKeyUsage; NULL: none */
	X509 *names_key_of;    /* its authorityKeyIdentifier is that of this one */
	const char *names_how; /* keyid:always, issuer:always */
	long serial;
};

static void add_extension(X509 *x509, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX context;

	X509V3_set_ctx(&context, issuer, x509, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	assert_non_null(extension);
	assert_int_equal(X509_add_ext(x509, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

static void set_names(X509 *x509, const struct kind *kind)
{
	X509_NAME *name = X509_NAME_new();
	const char *const texts[] = {kind->name, kind->issuer != NULL ? kind->issuer : kind->name};

	assert_non_null(name);
	for (int i = 0; i < 2; i++) {
		X509_NAME_free(name);
		name = X509_NAME_new();
		if (texts[i][0] != '\0')
			assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
								    (const unsigned char *)texts[i],
								    -1, -1, 0),
					 1);
		assert_int_equal(i == 0 ? X509_set_subject_name(x509, name)
					: X509_set_issuer_name(x509, name),
				 1);
	}
	X509_NAME_free(name);
}

/* All but its signature. The caller frees it. */
static X509 *make_unsigned(const struct kind *kind, EVP_PKEY *key)
{
	X509 *x509 = X509_new();

	assert_non_null(x509);
	assert_int_equal(X509_set_version(x509, X509_VERSION_3), 1);
	assert_int_equal(
	    ASN1_INTEGER_set(X509_get_serialNumber(x509), kind->serial != 0 ? kind->serial : 1), 1);
	assert_non_null(
	    X509_gmtime_adj(X509_getm_notBefore(x509), kind->begins != 0 ? kind->begins : -DAY));
	assert_non_null(
	    X509_gmtime_adj(X509_getm_notAfter(x509), kind->ends != 0 ? kind->ends : 30 * DAY));
	assert_int_equal(X509_set_pubkey(x509, key), 1);
	set_names(x509, kind);
	if (kind->basic == NULL || kind->basic[0] != '\0')
		add_extension(x509, x509, NID_basic_constraints,
			      kind->basic != NULL ? kind->basic : "critical,CA:TRUE");
	if (kind->usage != NULL)
		add_extension(x509, x509, NID_key_usage, kind->usage);
	if (kind->purpose != NULL)
		add_extension(x509, x509, NID_ext_key_usage, kind->purpose);
	add_extension(x509, x509, NID_subject_key_identifier, "hash");
	if (kind->names_key_of != NULL)
		add_extension(x509, kind->names_key_of, NID_authority_key_identifier,
			      kind->names_how);
	return x509;
}

static EVP_PKEY *make_key(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	assert_non_null(key);
	return key;
}

static void sign_with(X509 *x509, EVP_PKEY *key)
{
	const int kind = EVP_PKEY_get_base_id(key);
	const bool edwards = kind == EVP_PKEY_ED25519 || kind == EVP_PKEY_ED448;

	assert_true(X509_sign(x509, key, edwards ? NULL : EVP_sha256()) > 0);
}

/* The caller frees it. */
static X509 *make_certificate(const struct kind *kind)
{
	EVP_PKEY *key = kind->key != NULL ? kind->key : make_key();
	X509 *x509 = make_unsigned(kind, key);

	sign_with(x509, kind->signer != NULL ? kind->signer : key);
	if (kind->key == NULL)
		EVP_PKEY_free(key);
	return x509;
}

/* As pganchor has it; pga_certificate_free() frees it. */
static struct pga_certificate take_certificate(X509 *x509)
{
	struct pga_certificate certificate;
	struct pga_error error;

	assert_int_equal(pga_certificate_of(&certificate, x509, &error), 0);
	X509_free(x509);
	return certificate;
}

__attribute__((unused)) static struct pga_certificate make_root(const char *name)
{
	return take_certificate(make_certificate(&(struct kind){.name = name}));
}

/* Gives it an end that nobody can read. Returns whether this OpenSSL still reads such a
 * certificate: 3.5 does not. */
__attribute__((unused)) static bool end_oddly(X509 *x509, EVP_PKEY *key)
{
	unsigned char *der = NULL;
	const unsigned char *at;
	X509 *again;
	int length;

	assert_int_equal(ASN1_STRING_set(X509_getm_notAfter(x509), "never", 5), 1);
	sign_with(x509, key);
	length = i2d_X509(x509, &der);
	assert_true(length > 0);
	at = der;
	again = d2i_X509(NULL, &at, length);
	ERR_clear_error();
	OPENSSL_free(der);
	X509_free(again);
	return again != NULL;
}

#endif
