#include "cert/key.h"

#include "tls/openssl_error.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <string.h>

static const char *const words[PGA_KEY_KINDS] = {
    [PGA_KEY_EC] = "ec",
    [PGA_KEY_RSA] = "rsa",
    [PGA_KEY_ED25519] = "ed25519",
};

enum pga_key_kind pga_key_kind_of(const char *word)
{
	enum pga_key_kind kind = 0;

	while (kind < PGA_KEY_KINDS && strcmp(word, words[kind]) != 0)
		kind++;
	return kind;
}

EVP_PKEY *pga_key_make(enum pga_key_kind kind, struct pga_error *error)
{
	EVP_PKEY *key = NULL;

	if (kind == PGA_KEY_EC)
		key = EVP_EC_gen("P-256");
	else if (kind == PGA_KEY_RSA)
		key = EVP_RSA_gen(3072);
	else if (kind == PGA_KEY_ED25519)
		key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	if (key == NULL)
		(void)pga_fail_openssl(error, "could not make a private key");
	return key;
}

/* By way of a BIO whose memory is overwritten when it is freed. */
int pga_key_write(const EVP_PKEY *key, const char *passphrase, struct pga_text *pem,
		  struct pga_error *error)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	const EVP_CIPHER *cipher = passphrase != NULL ? EVP_aes_256_cbc() : NULL;
	const int length = passphrase != NULL ? (int)strlen(passphrase) : 0;
	char *bytes = NULL;
	long length_of;
	int result = -1;

	if (bio == NULL ||
	    PEM_write_bio_PKCS8PrivateKey(bio, key, cipher, passphrase, length, NULL, NULL) != 1) {
		(void)pga_fail_openssl(error, "could not write a private key");
		goto done;
	}
	length_of = BIO_get_mem_data(bio, &bytes);
	pga_text_add_bytes(pem, bytes, (size_t)length_of);
	result = pem->failed ? pga_fail_memory(error) : 0;
done:
	BIO_free(bio);
	return result;
}

struct asked {
	const char *passphrase;
	bool wanted;
};

static int give(char *buffer, int room, int writing, void *context)
{
	struct asked *asked = context;
	const size_t length = asked->passphrase != NULL ? strlen(asked->passphrase) : 0;

	(void)writing;
	asked->wanted = true;
	if (asked->passphrase == NULL || length > (size_t)room)
		return -1;
	memcpy(buffer, asked->passphrase, length);
	return (int)length;
}

EVP_PKEY *pga_key_read(const char *pem, size_t length, const char *whose, const char *passphrase,
		       bool *wants_one, struct pga_error *error)
{
	struct asked asked = {passphrase, false};
	BIO *bio = BIO_new_mem_buf(pem, (int)length);
	EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, give, &asked) : NULL;

	BIO_free(bio);
	ERR_clear_error();
	if (key == NULL && !asked.wanted)
		(void)pga_fail(error, NULL, "%s: no private key in PEM form", whose);
	else if (key == NULL && passphrase == NULL)
		(void)pga_fail(error, NULL, "%s: the private key has a passphrase", whose);
	else if (key == NULL)
		(void)pga_fail(error, NULL, "%s: the passphrase does not open the private key",
			       whose);
	if (wants_one != NULL)
		*wants_one = key == NULL && asked.wanted;
	return key;
}
