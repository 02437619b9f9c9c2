/* tls/certificate.h: each rule of what can be an anchor. */
#include "certificates.h"
#include "failing.h"

#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <stdlib.h>

/* Its faults behind the words that all have in common; "" for none. */
static const char *faults_of(X509 *x509, struct pga_error *error)
{
	static const char before[] = "CA: \"CN=root\" cannot be an anchor: ";
	struct pga_certificate certificate = take_certificate(x509);
	const int result = pga_certificate_check_anchor(&certificate, "CA", error);

	assert_int_equal(ERR_peek_error(), 0);
	pga_certificate_free(&certificate);
	if (result == 0)
		return "";
	assert_int_equal(result, -1);
	assert_memory_equal(error->hint, "nothing was pinned; ", 20);
	assert_memory_equal(error->message, before, sizeof before - 1);
	return error->message + sizeof before - 1;
}

static void assert_faults(const struct kind *kind, const char *faults)
{
	struct pga_error error;

	assert_string_equal(faults_of(make_certificate(kind), &error), faults);
}

#define NO_CA_FALSE "its basicConstraints say CA:FALSE, so it is no CA certificate"
#define NO_BASIC    "it has no basicConstraints, so it is no CA certificate"
#define NO_SIGN     "its keyUsage has no keyCertSign, so it may not sign certificates"

static void what_makes_a_root(void **state)
{
	static const struct {
		struct kind kind;
		const char *faults;
	} kinds[] = {
	    {{.name = "root"}, ""},
	    {{.name = "root", .usage = "keyCertSign"}, ""},
	    {{.name = "root", .purpose = "serverAuth"}, ""},
	    {{.name = "root", .begins = -2, .ends = 60}, ""},
	    {{.name = "root", .basic = "critical,CA:TRUE,pathlen:0"}, ""},
	    {{.name = "root", .basic = ""}, NO_BASIC},
	    {{.name = "root", .basic = "CA:FALSE"}, NO_CA_FALSE},
	    {{.name = "root", .usage = "digitalSignature,cRLSign"}, NO_SIGN},
	    {{.name = "root", .purpose = "clientAuth"},
	     "its extendedKeyUsage does not allow TLS servers"},
	    /* One fault of these is enough to be said. */
	    {{.name = "root", .purpose = "clientAuth", .usage = "cRLSign"}, NO_SIGN},
	    {{.name = "root", .basic = "CA:FALSE", .usage = "cRLSign"}, NO_CA_FALSE "; " NO_SIGN},
	    {{.name = "root", .issuer = "other"},
	     "it is not self-signed but issued by \"CN=other\", and libpq needs the root itself"},
	    {{.name = "root", .issuer = "other", .basic = ""},
	     "it is not self-signed but issued by \"CN=other\", and libpq needs the root "
	     "itself; " NO_BASIC},
	};

	(void)state;
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		assert_faults(&kinds[i].kind, kinds[i].faults);
}

static void its_dates(void **state)
{
	struct pga_error error;
	const char *faults;
	X509 *x509;

	(void)state;
	faults = faults_of(make_certificate(&(struct kind){.name = "root", .begins = 60}), &error);
	assert_memory_equal(faults, "it is not valid before 20", 25);
	assert_int_equal(faults[strlen(faults) - 1], 'Z');
	faults = faults_of(make_certificate(&(struct kind){.name = "root", .ends = -2}), &error);
	assert_memory_equal(faults, "it expired at 20", 16);
	assert_int_equal(faults[strlen(faults) - 1], 'Z');
	faults = faults_of(
	    make_certificate(&(struct kind){.name = "root", .begins = 60, .ends = -60}), &error);
	assert_non_null(strstr(faults, "; it expired at 20"));
	for (int end = 0; end < 2; end++) {
		EVP_PKEY *key = make_key();

		x509 = make_unsigned(&(struct kind){.name = "root"}, key);
		assert_int_equal(
		    ASN1_STRING_set(end ? X509_getm_notAfter(x509) : X509_getm_notBefore(x509),
				    "991332010203Z", -1),
		    1);
		sign_with(x509, key);
		assert_string_equal(faults_of(x509, &error), "its dates cannot be read");
		EVP_PKEY_free(key);
	}
}

/* The times as they are shown. */
static void dates_are_shown(void **state)
{
	EVP_PKEY *key = make_key();
	X509 *x509 = make_unsigned(&(struct kind){.name = "root"}, key);
	struct pga_certificate certificate;

	(void)state;
	assert_int_equal(ASN1_TIME_set_string(X509_getm_notBefore(x509), "20261122060000Z"), 1);
	assert_int_equal(ASN1_STRING_set(X509_getm_notAfter(x509), "no date", -1), 1);
	sign_with(x509, key);
	certificate = take_certificate(x509);
	assert_string_equal(certificate.not_before, "2026-11-22T06:00:00Z");
	assert_string_equal(certificate.not_after, "an unreadable date");
	pga_certificate_free(&certificate);
	EVP_PKEY_free(key);
}

static void whose_signature_it_is(void **state)
{
	static const char another[] = "its authorityKeyIdentifier names another key than its own, "
				      "so that OpenSSL does not take it "
				      "for self-signed";
	EVP_PKEY *other_key = make_key();
	X509 *other = make_certificate(&(struct kind){.name = "root", .serial = 2});
	struct pga_error error;

	(void)state;
	assert_faults(&(struct kind){.name = "root", .signer = other_key},
		      "its signature is not its own, though it names itself as the issuer");
	assert_faults(
	    &(struct kind){.name = "root", .names_key_of = other, .names_how = "keyid:always"},
	    another);
	assert_faults(
	    &(struct kind){.name = "root", .names_key_of = other, .names_how = "issuer:always"},
	    another);
	/* And without a name, whatever else. */
	{
		struct pga_certificate nameless =
		    take_certificate(make_certificate(&(struct kind){.name = ""}));

		assert_int_equal(pga_certificate_check_anchor(&nameless, "CA", &error), -1);
		assert_string_equal(error.message,
				    "CA: \"\" cannot be an anchor: it has no subject");
		pga_certificate_free(&nameless);
	}
	X509_free(other);
	EVP_PKEY_free(other_key);
}

static void extensions_that_nobody_knows(void **state)
{
	struct pga_error error;

	(void)state;
	for (int critical = 0; critical < 2; critical++) {
		EVP_PKEY *key = make_key();
		X509 *x509 = make_unsigned(&(struct kind){.name = "root"}, key);

		ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
		ASN1_OBJECT *object = OBJ_txt2obj("1.2.3.4", 1);
		X509_EXTENSION *extension;

		assert_int_equal(ASN1_OCTET_STRING_set(value, (const unsigned char *)"\5\0", 2), 1);
		extension = X509_EXTENSION_create_by_OBJ(NULL, object, critical, value);
		assert_int_equal(X509_add_ext(x509, extension, -1), 1);
		sign_with(x509, key);
		assert_string_equal(
		    faults_of(x509, &error),
		    critical ? "it has a critical extension that OpenSSL does not know" : "");
		X509_EXTENSION_free(extension);
		ASN1_OBJECT_free(object);
		ASN1_OCTET_STRING_free(value);
		EVP_PKEY_free(key);
	}
}

static void damaged_extensions(void **state)
{
	EVP_PKEY *key = make_key();
	X509 *x509 = make_unsigned(&(struct kind){.name = "root"}, key);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *extension;
	struct pga_error error;

	(void)state;
	assert_int_equal(ASN1_OCTET_STRING_set(value, (const unsigned char *)"\xff", 1), 1);
	extension = X509_EXTENSION_create_by_NID(NULL, NID_subject_alt_name, 0, value);
	assert_int_equal(X509_add_ext(x509, extension, -1), 1);
	sign_with(x509, key);
	assert_non_null(strstr(faults_of(x509, &error), "its extensions are damaged"));
	X509_EXTENSION_free(extension);
	ASN1_OCTET_STRING_free(value);
	EVP_PKEY_free(key);
}

static EVP_PKEY *rsa_of(const BIGNUM *modulus)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	BIGNUM *exponent = BN_new();
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	EVP_PKEY *key = NULL;
	OSSL_PARAM *parameters;

	assert_int_equal(BN_set_word(exponent, 65537), 1);
	assert_int_equal(OSSL_PARAM_BLD_push_BN(builder, "n", modulus), 1);
	assert_int_equal(OSSL_PARAM_BLD_push_BN(builder, "e", exponent), 1);
	parameters = OSSL_PARAM_BLD_to_param(builder);
	assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
	assert_int_equal(EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters), 1);
	OSSL_PARAM_free(parameters);
	OSSL_PARAM_BLD_free(builder);
	BN_free(exponent);
	EVP_PKEY_CTX_free(context);
	return key;
}

/* One of which nobody has the private half: to make that takes minutes with so many bits. OpenSSL
 * finds no fault with it where it has no small factor; one that is not so small it may hit by
 * chance, once in some million times with these. */
static EVP_PKEY *rsa_of_bits(int bits)
{
	BIGNUM *modulus = BN_new();
	bool has_small_factor;
	EVP_PKEY *key;

	do {
		assert_int_equal(BN_rand(modulus, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD), 1);
		has_small_factor = false;
		for (BN_ULONG factor = 3; !has_small_factor && factor < 100000; factor += 2)
			has_small_factor = BN_mod_word(modulus, factor) == 0;
	} while (has_small_factor);
	key = rsa_of(modulus);
	BN_free(modulus);
	return key;
}

static EVP_PKEY *explicit_curve(void)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;

	assert_int_equal(EVP_PKEY_keygen_init(context), 1);
	assert_int_equal(EVP_PKEY_CTX_set_group_name(context, "P-256"), 1);
	assert_int_equal(EVP_PKEY_CTX_set_ec_param_enc(context, OPENSSL_EC_EXPLICIT_CURVE), 1);
	assert_int_equal(EVP_PKEY_generate(context, &key), 1);
	EVP_PKEY_CTX_free(context);
	return key;
}

/* A certificate as it comes out of its own DER form, which tells what its key was written as. */
static X509 *read_again(X509 *x509)
{
	unsigned char *der = NULL;
	const int length = i2d_X509(x509, &der);
	const unsigned char *at = der;
	X509 *again = d2i_X509(NULL, &at, length);

	assert_non_null(again);
	OPENSSL_free(der);
	X509_free(x509);
	return again;
}

static void its_key(void **state)
{
	EVP_PKEY *signer = make_key();
	struct {
		EVP_PKEY *key;
		bool own; /* it can sign */
		const char *fault;
	} keys[] = {
	    {EVP_RSA_gen(2048), true, ""},
	    {EVP_EC_gen("P-384"), true, ""},
	    {EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), true, ""},
	    {EVP_PKEY_Q_keygen(NULL, NULL, "ED448"), true, ""},
	    {EVP_RSA_gen(2047), true, "its RSA key has 2047 bits, and 2048 are needed"},
	    {EVP_EC_gen("P-224"), true, "its EC key has 224 bits, and 256 are needed"},
	    {explicit_curve(), true, "its EC key brings a curve of its own instead of naming one"},
	    {rsa_of_bits(16384), false, ""},
	    {rsa_of_bits(16385), false, "its RSA key has 16385 bits, and 16384 are the most"},
	    {EVP_PKEY_Q_keygen(NULL, NULL, "X25519"), false,
	     "its key is neither RSA, EC, Ed25519 nor Ed448"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		const struct kind kind = {
		    .name = "root", .key = keys[i].key, .signer = keys[i].own ? NULL : signer};
		static const char others[] =
		    "its signature is not its own, though it names itself as the issuer";
		struct pga_error error;
		const char *faults;

		assert_non_null(kind.key);
		faults = faults_of(read_again(make_certificate(&kind)), &error);
		if (!keys[i].own) {
			assert_memory_equal(faults, others, sizeof others - 1);
			faults += sizeof others - 1;
			faults += faults[0] != '\0' ? 2 : 0;
		}
		assert_string_equal(faults, keys[i].fault);
		EVP_PKEY_free(keys[i].key);
	}
	EVP_PKEY_free(signer);
}

static void a_key_of_no_kind(void **state)
{
	EVP_PKEY *key = make_key();
	X509 *x509 = make_unsigned(&(struct kind){.name = "root"}, key);
	unsigned char *bytes = OPENSSL_malloc(4);
	struct pga_error error;

	(void)state;
	memset(bytes, 0, 4);
	assert_int_equal(X509_PUBKEY_set0_param(X509_get_X509_PUBKEY(x509),
						OBJ_txt2obj("1.2.3.4", 1), V_ASN1_UNDEF, NULL,
						bytes, 4),
			 1);
	sign_with(x509, key);
	assert_string_equal(faults_of(read_again(x509), &error), "its key cannot be read");
	EVP_PKEY_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_makes_a_root),
	    cmocka_unit_test(its_dates),
	    cmocka_unit_test(dates_are_shown),
	    cmocka_unit_test(whose_signature_it_is),
	    cmocka_unit_test(extensions_that_nobody_knows),
	    cmocka_unit_test(damaged_extensions),
	    cmocka_unit_test(its_key),
	    cmocka_unit_test(a_key_of_no_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
