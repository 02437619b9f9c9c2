/* A private key of our own. It is made here, and leaves the machine never. */
#ifndef PGA_CERT_KEY_H
#define PGA_CERT_KEY_H

#include "base/error.h"
#include "base/text.h"

#include <openssl/evp.h>

#include <stdbool.h>

enum pga_key_kind {
	PGA_KEY_EC,      /* P-256 */
	PGA_KEY_RSA,     /* 3072 bits */
	PGA_KEY_ED25519, /* libpq takes it; not every server and driver does */
	PGA_KEY_KINDS,
};

/* Of "ec", "rsa", "ed25519"; PGA_KEY_KINDS for what is none. */
enum pga_key_kind pga_key_kind_of(const char *word);

/* A new one. EVP_PKEY_free() overwrites it. NULL with the reason. */
EVP_PKEY *pga_key_make(enum pga_key_kind kind, struct pga_error *error);

/* Adds it in PEM form (PKCS#8), under the passphrase where that is not NULL. To be wiped by the
 * caller: pga_text_wipe(). */
int pga_key_write(const EVP_PKEY *key, const char *passphrase, struct pga_text *pem,
		  struct pga_error *error);

/* The one that the PEM text holds; whose names the source. passphrase: NULL where none is known;
 * *wants_one (or NULL) says that there has to be one, or another. NULL with the reason; nothing is
 * asked on a terminal. */
EVP_PKEY *pga_key_read(const char *pem, size_t length, const char *whose, const char *passphrase,
		       bool *wants_one, struct pga_error *error);

#endif
