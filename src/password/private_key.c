#include "password/private_key.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct asked {
	const struct pga_secret *passphrase;
	bool wanted; /* OpenSSL has asked for it */
};

static int give(char *buffer, int room, int writing, void *context)
{
	struct asked *asked = context;

	(void)writing;
	asked->wanted = true;
	if (asked->passphrase->length > (size_t)room)
		return -1;
	memcpy(buffer, asked->passphrase->bytes, asked->passphrase->length);
	return (int)asked->passphrase->length;
}

int pga_private_key_check(const char *path, const struct pga_secret *passphrase,
			  struct pga_error *error)
{
	struct asked asked = {passphrase, false};
	FILE *file = fopen(path, "re");
	EVP_PKEY *key;

	if (file == NULL)
		return pga_fail_errno(error, NULL, "%s", path);
	key = PEM_read_PrivateKey(file, NULL, give, &asked);
	(void)fclose(file);
	ERR_clear_error();
	EVP_PKEY_free(key);
	if (!asked.wanted)
		return pga_fail(error, NULL,
				key != NULL ? "%s: the key has no passphrase"
					    : "%s: no private key in PEM form",
				path);
	return key != NULL ? 0
			   : pga_fail(error, "nothing was kept",
				      "%s: the passphrase does not open it", path);
}
