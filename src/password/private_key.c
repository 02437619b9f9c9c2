#include "password/private_key.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct asked {
	const struct pga_secret *passphrase; /* NULL: it is to be seen whether there is one */
	bool wanted;                         /* OpenSSL has asked for it */
};

static int give(char *buffer, int room, int writing, void *context)
{
	struct asked *asked = context;

	(void)writing;
	asked->wanted = true;
	if (asked->passphrase == NULL || asked->passphrase->length > (size_t)room)
		return -1;
	memcpy(buffer, asked->passphrase->bytes, asked->passphrase->length);
	return (int)asked->passphrase->length;
}

/* Reads it. Returns -1 where it is none, or has no passphrase; else *opened says whether the
 * passphrase was the right one. */
static int read_key(const char *path, struct asked *asked, bool *opened, struct pga_error *error)
{
	FILE *file = fopen(path, "re");
	EVP_PKEY *key;

	if (file == NULL)
		return pga_fail_errno(error, NULL, "%s", path);
	key = PEM_read_PrivateKey(file, NULL, give, asked);
	(void)fclose(file);
	ERR_clear_error();
	EVP_PKEY_free(key);
	*opened = key != NULL;
	if (asked->wanted)
		return 0;
	return pga_fail(
	    error, NULL,
	    key != NULL ? "%s: the key has no passphrase" : "%s: no private key in PEM form", path);
}

int pga_private_key_wants_one(const char *path, struct pga_error *error)
{
	struct asked asked = {NULL, false};
	bool opened = false;

	return read_key(path, &asked, &opened, error);
}

int pga_private_key_check(const char *path, const struct pga_secret *passphrase,
			  struct pga_error *error)
{
	struct asked asked = {passphrase, false};
	bool opened = false;

	if (read_key(path, &asked, &opened, error) != 0)
		return -1;
	return opened ? 0
		      : pga_fail(error, "nothing was kept", "%s: the passphrase does not open it",
				 path);
}
