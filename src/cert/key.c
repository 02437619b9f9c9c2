#include "cert/key.h"

#include "base/file.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <string.h>

static const char *const words[] = {
    [PGA_KEY_EC] = "ec",
    [PGA_KEY_RSA] = "rsa",
    [PGA_KEY_ED25519] = "ed25519",
};

bool pga_key_kind_read(const char *word, enum pga_key_kind *kind)
{
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(word, words[i]) == 0) {
			*kind = (enum pga_key_kind)i;
			return true;
		}
	return false;
}

int pga_fail_openssl(struct pga_error *error, const char *what)
{
	const unsigned long code = ERR_peek_last_error();
	const char *why = ERR_reason_error_string(code);

	(void)pga_fail(error, NULL, "%s: %s", what, why != NULL ? why : "OpenSSL gives no reason");
	ERR_clear_error();
	return -1;
}

EVP_PKEY *pga_key_make(enum pga_key_kind kind, struct pga_error *error)
{
	EVP_PKEY *key = NULL;

	switch (kind) {
	case PGA_KEY_EC:
		key = EVP_EC_gen("P-256");
		break;
	case PGA_KEY_RSA:
		key = EVP_RSA_gen(3072);
		break;
	case PGA_KEY_ED25519:
		key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		break;
	}
	if (key == NULL)
		(void)pga_fail_openssl(error, "could not make a private key");
	return key;
}

/* A BIO whose memory is overwritten when it is freed. */
int pga_key_write(const EVP_PKEY *key, struct pga_text *pem, struct pga_error *error)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	char *bytes = NULL;
	long length;
	int result = -1;

	if (bio == NULL ||
	    PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1) {
		(void)pga_fail_openssl(error, "could not write a private key");
		goto done;
	}
	length = BIO_get_mem_data(bio, &bytes);
	pga_text_add_bytes(pem, bytes, (size_t)length);
	result = pem->failed ? pga_fail_memory(error) : 0;
done:
	BIO_free(bio);
	return result;
}

/* Is asked only where there is a passphrase. */
static int has_passphrase(char *buffer, int room, int writing, void *context)
{
	(void)buffer;
	(void)room;
	(void)writing;
	*(bool *)context = true;
	return -1;
}

EVP_PKEY *pga_key_read(const char *path, const struct pga_text *pem, struct pga_error *error)
{
	BIO *bio = BIO_new_mem_buf(pga_text_string(pem), (int)pem->length);
	bool asked = false;
	EVP_PKEY *key =
	    bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, has_passphrase, &asked) : NULL;

	BIO_free(bio);
	if (key == NULL)
		(void)pga_fail(error, NULL,
			       asked ? "%s: the private key has a passphrase"
				     : "%s: no private key in PEM form",
			       path);
	ERR_clear_error();
	return key;
}

EVP_PKEY *pga_key_read_file(const char *path, struct pga_error *error)
{
	struct pga_text pem = PGA_TEXT_EMPTY;
	EVP_PKEY *key = NULL;

	if (pga_file_read(path, &pem, NULL, error) == 0)
		key = pga_key_read(path, &pem, error);
	pga_text_wipe(&pem);
	return key;
}

void pga_key_tell(const EVP_PKEY *key, struct pga_text *text)
{
	char group[32];
	size_t length;

	if (EVP_PKEY_is_a(key, "EC") &&
	    EVP_PKEY_get_group_name(key, group, sizeof group, &length) == 1)
		pga_text_addf(text, "EC %s", strcmp(group, "prime256v1") == 0 ? "P-256" : group);
	else if (EVP_PKEY_is_a(key, "RSA"))
		pga_text_addf(text, "RSA %d bits", EVP_PKEY_get_bits(key));
	else
		pga_text_add(text, EVP_PKEY_get0_type_name(key));
}

bool pga_key_is_of(const EVP_PKEY *key, const X509 *certificate)
{
	const EVP_PKEY *public = X509_get0_pubkey(certificate);

	return public != NULL && EVP_PKEY_eq(key, public) == 1;
}
