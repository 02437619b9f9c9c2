#include "cert/passphrase.h"

#include "base/file.h"
#include "base/text.h"
#include "base/unconst.h"
#include "cert/key.h"
#include "password/ask_keyring.h"
#include "password/keep.h"
#include "policy/passwords.h"

#include <openssl/err.h>
#include <openssl/rand.h>

#include <string.h>

#define BYTES 16

static struct pga_password_entry entry_of(const char *key)
{
	struct pga_password_entry entry = {.kind = PGA_SECRET_PASSPHRASE};

	entry.words[PGA_SECRET_FILE] = pga_unconst(key);
	return entry;
}

int pga_passphrase_make(struct pga_secret *secret, struct pga_error *error)
{
	unsigned char random[BYTES];

	if (pga_secret_begin(secret) != 0)
		return pga_fail_memory(error);
	if (RAND_priv_bytes(random, sizeof random) != 1)
		return pga_fail(error, NULL, "OpenSSL has no random numbers");
	pga_hex(random, sizeof random, secret->bytes);
	secret->length = strlen(secret->bytes);
	explicit_bzero(random, sizeof random);
	return 0;
}

int pga_passphrase_check(struct pga_error *error)
{
	struct pga_error why;

	if (pga_ask_keyring_state(&why) == PGA_SECRET_DONE)
		return 0;
	return pga_fail(error,
			pga_ask_keyring_is_possible()
			    ? why.hint
			    : "run this in the desktop's session; or without --encrypt-key, where "
			      "the mode of its file protects the key",
			"%s", why.message);
}

int pga_passphrase_get(const char *key, struct pga_secret *secret, struct pga_error *error)
{
	const struct pga_password_entry entry = entry_of(key);

	memset(secret, 0, sizeof *secret);
	return pga_ask_keyring_get(&entry, secret, error) == PGA_SECRET_DONE ? 0 : -1;
}

static int open_key(const char *path, const struct pga_secret *secret, EVP_PKEY **key,
		    struct pga_error *error)
{
	struct pga_text pem = PGA_TEXT_EMPTY;
	int result = -1;

	if (pga_file_read(path, &pem, NULL, error) == 0) {
		*key = pga_key_read(pga_text_string(&pem), pem.length, path, secret->bytes, NULL,
				    error);
		result = *key != NULL ? 0 : -1;
	}
	pga_text_wipe(&pem);
	return result;
}

int pga_passphrase_unlock(const char *key, struct pga_cert_state *state, struct pga_secret *secret,
			  struct pga_error *error)
{
	struct pga_error why;
	X509 *leaf = pga_cert_leaf(state);

	memset(secret, 0, sizeof *secret);
	if (state->key != NULL || !state->encrypted)
		return 0;
	if (pga_passphrase_get(key, secret, &why) != 0)
		return pga_fail(error,
				why.hint[0] != '\0'
				    ? why.hint
				    : "have the keyring keep it: pganchor password set --key FILE",
				"%s: the key has a passphrase: %s", key, why.message);
	if (open_key(key, secret, &state->key, error) != 0)
		return -1;
	if (leaf != NULL && X509_check_private_key(leaf, state->key) == 1)
		return 0;
	ERR_clear_error();
	EVP_PKEY_free(state->key);
	state->key = NULL;
	return pga_fail(error, "pganchor cert issue makes both anew",
			"%s: the key is not the certificate's", key);
}

int pga_passphrase_keep(const char *key, const struct pga_secret *secret, struct pga_secret *before,
			struct pga_error *error)
{
	const struct pga_password_entry entry = entry_of(key);
	enum pga_secret_status status;

	memset(before, 0, sizeof *before);
	status = pga_ask_keyring_get(&entry, before, error);
	if (status == PGA_SECRET_NONE)
		pga_secret_end(before);
	else if (status != PGA_SECRET_DONE)
		return -1;
	return pga_password_keep(&entry, secret, error) == PGA_SECRET_DONE ? 0 : -1;
}

int pga_passphrase_take_back(const char *key, const struct pga_secret *before,
			     struct pga_error *error)
{
	const struct pga_password_entry entry = entry_of(key);
	const enum pga_secret_status status = before->bytes != NULL
						  ? pga_password_keep(&entry, before, error)
						  : pga_password_drop(&entry, error);

	return status == PGA_SECRET_DONE ? 0 : -1;
}
