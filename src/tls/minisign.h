/* Signatures of minisign(1): Ed25519 over the BLAKE2b-512 of a file. OpenSSL alone verifies them.
 * The format is that of jedisct1's minisign 0.11: a public key is "Ed", an id of 8 bytes and 32
 * bytes; a signature "ED", the id and 64 bytes; each in base64 in a line of its own behind an
 * untrusted comment, and in a signature's file a trusted comment and a signature of the two. */
#ifndef PGA_TLS_MINISIGN_H
#define PGA_TLS_MINISIGN_H

#include "base/error.h"

#include <stddef.h>

#define PGA_MINISIGN_ID       16 /* hex digits at most, as minisign shows them */
#define PGA_MINISIGN_KEY_TEXT 57 /* base64 of 42 bytes, and a NUL */
#define PGA_MINISIGN_LIMIT    ((size_t)16 * 1024)

struct pga_minisign_key {
	char id[PGA_MINISIGN_ID + 1];
	char text[PGA_MINISIGN_KEY_TEXT]; /* as minisign writes it */
	unsigned char number[8];          /* of which the id is made */
	unsigned char key[32];
};

/* What a signature's file says, before anything of it is believed. */
struct pga_minisign_signature {
	char id[PGA_MINISIGN_ID + 1]; /* of the key that it says has made it */
	unsigned char number[8];
	unsigned char signature[64];
	unsigned char global[64]; /* of the signature and the comment */
	char *comment;            /* the trusted comment; to be shown once it is verified */
};

/* Reads a public key: minisign's file, or its second line alone. whose: what it is, for messages.
 * Returns -1 for anything else. */
int pga_minisign_key_read(struct pga_minisign_key *key, const char *whose, const char *bytes,
			  size_t length, struct pga_error *error);

/* Reads a signature's file. Returns -1 for anything else, and for one of the old kind, "Ed", which
 * is not of the file's digest; then nothing is left to free. */
int pga_minisign_signature_read(struct pga_minisign_signature *signature, const char *whose,
				const char *bytes, size_t length, struct pga_error *error);

/* Whether this key has signed these bytes, and the trusted comment. whose: of the signature.
 * Returns -1 with the reason. */
int pga_minisign_verify(const struct pga_minisign_signature *signature,
			const struct pga_minisign_key *key, const char *whose, const char *bytes,
			size_t length, struct pga_error *error);

void pga_minisign_signature_free(struct pga_minisign_signature *signature);

#endif
