#include "cert/placing.h"

#include "base/file.h"
#include "base/text.h"
#include "cert/key.h"
#include "tls/x509_pem.h"

#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include <string.h>
#include <unistd.h>

int pga_key_digest(const EVP_PKEY *key, char digest[PGA_KEY_DIGEST + 1], struct pga_error *error)
{
	unsigned char bytes[SHA256_DIGEST_LENGTH];
	unsigned char *der = NULL;
	const int length = i2d_PUBKEY(key, &der);

	if (length <= 0 || EVP_Digest(der, (size_t)length, bytes, NULL, EVP_sha256(), NULL) != 1) {
		OPENSSL_free(der);
		return pga_fail_memory(error);
	}
	OPENSSL_free(der);
	pga_hex(bytes, sizeof bytes, digest);
	return 0;
}

static EVP_PKEY *key_of_certificate(const struct pga_text *pem)
{
	X509 *leaf = pga_x509_of_pem(pga_text_string(pem), pem->length);
	EVP_PKEY *key = leaf != NULL ? X509_get_pubkey(leaf) : NULL;

	X509_free(leaf);
	ERR_clear_error();
	return key;
}

/* The public key of what is there by now; NULL where nothing is, or it cannot be told. */
static EVP_PKEY *key_there(const struct pga_cert_record *record)
{
	struct pga_text pem = PGA_TEXT_EMPTY;
	struct pga_error ignored;
	EVP_PKEY *key = NULL;
	bool encrypted;
	bool found = false;

	if (pga_file_read(record->certificate, &pem, &found, &ignored) == 0 && found)
		key = key_of_certificate(&pem);
	else if (access(record->certificate, F_OK) != 0 &&
		 pga_file_read(record->key, &pem, &found, &ignored) == 0 && found)
		key = pga_key_read(pga_text_string(&pem), pem.length, record->key, NULL, &encrypted,
				   &ignored);
	pga_text_wipe(&pem);
	return key;
}

int pga_cert_record_key_there(const struct pga_cert_record *record, char digest[PGA_KEY_DIGEST + 1],
			      struct pga_error *error)
{
	EVP_PKEY *key = key_there(record);
	int result = 0;

	digest[0] = '\0';
	if (key != NULL)
		result = pga_key_digest(key, digest, error);
	EVP_PKEY_free(key);
	return result;
}

int pga_cert_record_is_unplaced(const struct pga_cert_record *record, struct pga_error *error)
{
	char digest[PGA_KEY_DIGEST + 1];

	if (record->placing[0] == '\0')
		return 0;
	if (pga_cert_record_key_there(record, digest, error) != 0)
		return -1;
	return digest[0] == '\0' || strstr(record->placing, digest) == NULL;
}
