/* Private keys: made here, written in PEM form, read back, and in no place longer than that takes.
 */
#ifndef PGA_CERT_KEY_H
#define PGA_CERT_KEY_H

#include "base/error.h"
#include "base/text.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <stdbool.h>

enum pga_key_kind {
	PGA_KEY_EC,      /* P-256: what is made where nobody says otherwise */
	PGA_KEY_RSA,     /* 3072 bits */
	PGA_KEY_ED25519, /* no digest that SCRAM's channel binding could use: see tls/handshake.h */
};

/* What people write for the kinds, for messages: "ec, rsa or ed25519". */
#define PGA_KEY_KINDS "ec, rsa or ed25519"

/* Reads the word. Returns false for one that is none of them. */
bool pga_key_kind_read(const char *word, enum pga_key_kind *kind);

/* Makes a new one. The caller frees it by EVP_PKEY_free(); NULL with OpenSSL's reason. */
EVP_PKEY *pga_key_make(enum pga_key_kind kind, struct pga_error *error);

/* Adds the key in PEM form (PKCS#8), not encrypted, to pem, which is empty before and is to be
 * freed by pga_text_wipe(). */
int pga_key_write(const EVP_PKEY *key, struct pga_text *pem, struct pga_error *error);

/* Reads such bytes, or a file. path is for messages. Nobody is asked for a passphrase: NULL, with
 * that as the reason, where the key has one, and where there is no key. */
EVP_PKEY *pga_key_read(const char *path, const struct pga_text *pem, struct pga_error *error);
EVP_PKEY *pga_key_read_file(const char *path, struct pga_error *error);

/* "EC P-256", "RSA 3072 bits", "ED25519": for people to read. */
void pga_key_tell(const EVP_PKEY *key, struct pga_text *text);

/* Whether the certificate is for this very key. */
bool pga_key_is_of(const EVP_PKEY *key, const X509 *certificate);

/* Says that OpenSSL could not do it, with its reason: "WHAT: WHY". Returns -1. */
int pga_fail_openssl(struct pga_error *error, const char *what);

#endif
