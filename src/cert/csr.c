#include "cert/csr.h"

#include "tls/openssl_error.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <stdbool.h>
#include <string.h>

static GENERAL_NAME *text_name(int type, const char *value)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_IA5STRING *text = ASN1_IA5STRING_new();

	if (name == NULL || text == NULL || ASN1_STRING_set(text, value, -1) != 1) {
		ASN1_IA5STRING_free(text);
		GENERAL_NAME_free(name);
		return NULL;
	}
	GENERAL_NAME_set0_value(name, type, text);
	return name;
}

GENERAL_NAME *pga_csr_name(const char *value)
{
	ASN1_OCTET_STRING *address = a2i_IPADDRESS(value);
	GENERAL_NAME *name;

	if (address == NULL)
		return text_name(strstr(value, "://") != NULL ? GEN_URI
				 : strchr(value, '@') != NULL ? GEN_EMAIL
							      : GEN_DNS,
				 value);
	name = GENERAL_NAME_new();
	if (name != NULL)
		GENERAL_NAME_set0_value(name, GEN_IPADD, address);
	else
		ASN1_OCTET_STRING_free(address);
	return name;
}

static bool add_names(X509_REQ *request, const char *const *names, size_t count)
{
	GENERAL_NAMES *all = GENERAL_NAMES_new();
	STACK_OF(X509_EXTENSION) *extensions = NULL;
	bool added = all != NULL;

	for (size_t i = 0; i < count && added; i++) {
		GENERAL_NAME *name = pga_csr_name(names[i]);

		added = name != NULL && sk_GENERAL_NAME_push(all, name) > 0;
		if (!added)
			GENERAL_NAME_free(name);
	}
	added = added && X509V3_add1_i2d(&extensions, NID_subject_alt_name, all, 0, 0) == 1 &&
		X509_REQ_add_extensions(request, extensions) == 1;
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	GENERAL_NAMES_free(all);
	return added;
}

static bool copy_names(X509_REQ *request, X509 *certificate)
{
	const int at = X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1);
	STACK_OF(X509_EXTENSION) *one = sk_X509_EXTENSION_new_null();
	/* Not the stack's own. */
	const bool copied =
	    one != NULL &&
	    (at < 0 || (sk_X509_EXTENSION_push(one, X509_get_ext(certificate, at)) > 0 &&
			X509_REQ_add_extensions(request, one) == 1));

	sk_X509_EXTENSION_free(one);
	return copied;
}

static bool sign(X509_REQ *request, EVP_PKEY *key)
{
	/* Ed25519 has a hash of its own. */
	const EVP_MD *hash = EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256();

	return X509_REQ_set_version(request, X509_REQ_VERSION_1) == 1 &&
	       X509_REQ_set_pubkey(request, key) == 1 && X509_REQ_sign(request, key, hash) > 0;
}

/* Adds it in PEM form; ready: it could be made. */
static int write_request(X509_REQ *request, bool ready, struct pga_text *pem,
			 struct pga_error *error)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *bytes = NULL;
	int result = -1;

	if (!ready || bio == NULL || PEM_write_bio_X509_REQ(bio, request) != 1) {
		(void)pga_fail_openssl(error, "could not make a certificate request");
	} else {
		const long length = BIO_get_mem_data(bio, &bytes);

		pga_text_add_bytes(pem, bytes, (size_t)length);
		result = pem->failed ? pga_fail_memory(error) : 0;
	}
	BIO_free(bio);
	return result;
}

int pga_csr_make(EVP_PKEY *key, const char *common_name, const char *const *names, size_t count,
		 struct pga_text *pem, struct pga_error *error)
{
	X509_REQ *request = X509_REQ_new();
	const bool ready = request != NULL &&
			   X509_NAME_add_entry_by_NID(
			       X509_REQ_get_subject_name(request), NID_commonName, MBSTRING_UTF8,
			       (const unsigned char *)common_name, -1, -1, 0) == 1 &&
			   (count == 0 || add_names(request, names, count)) && sign(request, key);
	const int result = write_request(request, ready, pem, error);

	X509_REQ_free(request);
	return result;
}

int pga_csr_make_like(EVP_PKEY *key, X509 *certificate, struct pga_text *pem,
		      struct pga_error *error)
{
	X509_REQ *request = X509_REQ_new();
	const bool ready =
	    request != NULL &&
	    X509_REQ_set_subject_name(request, X509_get_subject_name(certificate)) == 1 &&
	    copy_names(request, certificate) && sign(request, key);
	const int result = write_request(request, ready, pem, error);

	X509_REQ_free(request);
	return result;
}
