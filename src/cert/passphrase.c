#include "cert/passphrase.h"

#include "base/text.h"
#include "password/ask_keyring.h"
#include "password/keep.h"
#include "policy/passwords.h"

#include <openssl/rand.h>

#include <stdint.h>
#include <string.h>

#define BYTES 16

static struct pga_password_entry entry_of(const char *key)
{
	struct pga_password_entry entry = {.kind = PGA_SECRET_PASSPHRASE};

	entry.words[PGA_SECRET_FILE] = (char *)(uintptr_t)key;
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
	return pga_ask_keyring_state(error) == PGA_SECRET_DONE ? 0 : -1;
}

int pga_passphrase_get(const char *key, struct pga_secret *secret, struct pga_error *error)
{
	const struct pga_password_entry entry = entry_of(key);

	memset(secret, 0, sizeof *secret);
	return pga_ask_keyring_get(&entry, secret, error) == PGA_SECRET_DONE ? 0 : -1;
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
