/* Signed tokens (JWT, RFC 7519), and the keys that sign them. */
#ifndef PGA_CA_JWS_H
#define PGA_CA_JWS_H

#include "base/error.h"
#include "base/text.h"

#include <jansson.h>
#include <openssl/evp.h>

#include <stdbool.h>
#include <time.h>

/* The private key of a JWK (RFC 7517): EC (P-256, P-384, P-521), OKP (Ed25519), RSA. whose: for
 * messages. The caller frees it; NULL with the reason. */
EVP_PKEY *pga_jwk_key(const json_t *jwk, const char *whose, struct pga_error *error);

/* Adds to token the claims, signed: HEADER.CLAIMS.SIGNATURE. header, which stays as it is: what is
 * to stand there besides alg (that of the key) and typ; or NULL. Returns -1 for a key that signs no
 * token. */
int pga_jws_sign(EVP_PKEY *key, json_t *header, const json_t *claims, struct pga_text *token,
		 struct pga_error *error);

/* What a token says that was given, and nothing that proves it: each NULL or -1 where it does not
 * say. */
struct pga_token {
	char *subject;
	char *issuer;
	char *audience; /* the first */
	time_t not_before;
	time_t expires;
	const char *root_pin; /* sha: of the CA's root */
	json_t *names;        /* sans: an array; or NULL */
	json_t *claims;
};

/* Returns -1 for what is no token. To be freed in any case. */
int pga_token_read(struct pga_token *token, const char *text, struct pga_error *error);
void pga_token_free(struct pga_token *token);

#endif
