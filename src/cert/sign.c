#include "cert/sign.h"

#include "tls/openssl_error.h"

#include <openssl/rand.h>
#include <openssl/x509v3.h>

/* 127 bits that nobody can guess, and the first of them is set: as long as others are. */
static int give_number(X509 *certificate)
{
	unsigned char bytes[16];
	BIGNUM *number = NULL;
	int done = 0;

	if (RAND_bytes(bytes, sizeof bytes) == 1) {
		bytes[0] = (unsigned char)((bytes[0] & 0x3F) | 0x40);
		number = BN_bin2bn(bytes, sizeof bytes, NULL);
	}
	if (number != NULL &&
	    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL)
		done = 1;
	BN_free(number);
	return done;
}

static int give_extension(X509 *certificate, X509 *issuer, const struct pga_extension *extension)
{
	X509V3_CTX context;
	X509_EXTENSION *made;
	int done;

	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	made = X509V3_EXT_conf_nid(NULL, &context, extension->nid, extension->value);
	done = made != NULL && X509_add_ext(certificate, made, -1) == 1;
	X509_EXTENSION_free(made);
	return done;
}

static int fill(X509 *certificate, const struct pga_to_be_signed *what)
{
	X509 *issuer = what->issuer != NULL ? what->issuer : certificate;

	if (X509_set_version(certificate, X509_VERSION_3) != 1 || give_number(certificate) != 1 ||
	    ASN1_TIME_set(X509_getm_notBefore(certificate), what->from) == NULL ||
	    ASN1_TIME_set(X509_getm_notAfter(certificate), what->until) == NULL ||
	    X509_set_subject_name(certificate, what->subject) != 1 ||
	    X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) != 1 ||
	    X509_set_pubkey(certificate, what->key) != 1)
		return 0;
	for (size_t i = 0; i < what->count; i++)
		if (give_extension(certificate, issuer, &what->extensions[i]) != 1)
			return 0;
	return 1;
}

X509 *pga_sign(const struct pga_to_be_signed *what, struct pga_error *error)
{
	X509 *certificate = X509_new();

	if (certificate != NULL && fill(certificate, what) == 1 &&
	    X509_sign(certificate, what->signer, EVP_sha256()) > 0)
		return certificate;
	(void)pga_fail_openssl(error, "could not put a certificate together");
	X509_free(certificate);
	return NULL;
}

static int add_to_name(X509_NAME *name, const char *key, const char *value)
{
	return X509_NAME_add_entry_by_txt(name, key, MBSTRING_UTF8, (const unsigned char *)value,
					  -1, -1, 0);
}

X509_NAME *pga_common_name(const char *organisation, const char *common_name)
{
	X509_NAME *name = X509_NAME_new();

	if (name != NULL && (organisation == NULL || add_to_name(name, "O", organisation) == 1) &&
	    add_to_name(name, "CN", common_name) == 1)
		return name;
	X509_NAME_free(name);
	return NULL;
}
