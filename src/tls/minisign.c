#include "tls/minisign.h"

#include "base/printable.h"
#include "base/text.h"
#include "tls/base64.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNTRUSTED "untrusted comment: "
#define TRUSTED   "trusted comment: "

enum { ALGORITHM = 2, NUMBER = 8, KEY = 32, SIGNATURE = 64, DIGEST = 64 };

/* A line of a file, without its line end. */
struct line {
	const char *bytes;
	size_t length;
};

/* Takes the next line off the rest; an empty one where there is no more. */
static struct line take_line(struct line *rest)
{
	const char *newline = rest->length > 0 ? memchr(rest->bytes, '\n', rest->length) : NULL;
	struct line line = *rest;
	size_t gone = rest->length;

	if (newline != NULL) {
		line.length = (size_t)(newline - rest->bytes);
		gone = line.length + 1;
	}
	rest->bytes += gone;
	rest->length -= gone;
	if (line.length > 0 && line.bytes[line.length - 1] == '\r')
		line.length--;
	return line;
}

static bool begins(struct line line, const char *with)
{
	return line.length >= strlen(with) && memcmp(line.bytes, with, strlen(with)) == 0;
}

/* The bytes of a line that has exactly this many: 0, 1 where it has not, or -1 for want of memory.
 */
static int decode(struct line line, unsigned char *bytes, size_t wanted)
{
	size_t size;
	unsigned char *decoded = pga_base64_decode(line.bytes, line.length, &size);
	int result = decoded == NULL && size > 0 ? -1 : 1;

	if (decoded != NULL && size == wanted) {
		memcpy(bytes, decoded, wanted);
		result = 0;
	}
	free(decoded);
	return result;
}

/* The first byte is the lowest; zeros in front are not written. */
static void name_key(const unsigned char number[NUMBER], char id[PGA_MINISIGN_ID + 1])
{
	uint64_t value = 0;

	for (size_t i = NUMBER; i > 0; i--)
		value = value << 8 | number[i - 1];
	(void)snprintf(id, PGA_MINISIGN_ID + 1, "%" PRIX64, value);
}

static int fail_key(const char *whose, struct pga_error *error)
{
	return pga_fail(error,
			"a public key is the file that minisign -G has made beside the secret one, "
			"minisign.pub, or its second line",
			"%s: not a public key of minisign's", whose);
}

int pga_minisign_key_read(struct pga_minisign_key *key, const char *whose, const char *bytes,
			  size_t length, struct pga_error *error)
{
	unsigned char decoded[ALGORITHM + NUMBER + KEY];
	struct line rest = {bytes, length};
	struct line line;
	int failed;

	memset(key, 0, sizeof *key);
	line = take_line(&rest);
	if (begins(line, UNTRUSTED))
		line = take_line(&rest);
	if (take_line(&rest).length > 0 || line.length != sizeof key->text - 1)
		return fail_key(whose, error);
	failed = decode(line, decoded, sizeof decoded);
	if (failed < 0)
		return pga_fail_memory(error);
	if (failed != 0 || memcmp(decoded, "Ed", ALGORITHM) != 0)
		return fail_key(whose, error);
	memcpy(key->text, line.bytes, line.length);
	memcpy(key->number, decoded + ALGORITHM, NUMBER);
	memcpy(key->key, decoded + ALGORITHM + NUMBER, KEY);
	name_key(key->number, key->id);
	return 0;
}

static int fail_signature(const char *whose, struct pga_error *error)
{
	return pga_fail(error, "sign the file anew: minisign -S -m FILE",
			"%s: not a signature of minisign's", whose);
}

/* minisign shows it, and so does pganchor: it is one line of text. The comment that minisign writes
 * where none is given has tabs. */
static bool is_text(struct line line)
{
	for (size_t i = 0; i < line.length; i++)
		if (((unsigned char)line.bytes[i] < ' ' && line.bytes[i] != '\t') ||
		    line.bytes[i] == 0x7f)
			return false;
	return true;
}

int pga_minisign_signature_read(struct pga_minisign_signature *signature, const char *whose,
				const char *bytes, size_t length, struct pga_error *error)
{
	unsigned char decoded[ALGORITHM + NUMBER + SIGNATURE];
	struct line rest = {bytes, length};
	const struct line untrusted = take_line(&rest);
	const struct line first = take_line(&rest);
	const struct line comment = take_line(&rest);
	const struct line second = take_line(&rest);
	int failed;

	memset(signature, 0, sizeof *signature);
	failed = decode(first, decoded, sizeof decoded);
	if (failed == 0)
		failed = decode(second, signature->global, SIGNATURE);
	if (failed < 0)
		return pga_fail_memory(error);
	if (failed == 0 && memcmp(decoded, "Ed", ALGORITHM) == 0)
		return pga_fail(error,
				"sign it anew, without -l: minisign -S -m FILE (the default since "
				"minisign 0.8)",
				"%s: a signature of the old kind, which is not of the file's "
				"digest",
				whose);
	if (failed != 0 || memcmp(decoded, "ED", ALGORITHM) != 0 || !begins(untrusted, UNTRUSTED) ||
	    !begins(comment, TRUSTED) || !is_text(comment) || take_line(&rest).length > 0)
		return fail_signature(whose, error);
	memcpy(signature->number, decoded + ALGORITHM, NUMBER);
	memcpy(signature->signature, decoded + ALGORITHM + NUMBER, SIGNATURE);
	name_key(signature->number, signature->id);
	signature->comment =
	    strndup(comment.bytes + strlen(TRUSTED), comment.length - strlen(TRUSTED));
	return signature->comment != NULL ? 0 : pga_fail_memory(error);
}

/* 1: signed; 0: not; -1: OpenSSL could not tell. */
static int is_signed(const unsigned char signature[SIGNATURE], const unsigned char key[KEY],
		     const unsigned char *bytes, size_t length)
{
	EVP_PKEY *public = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, KEY);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	int result = -1;

	/* Of one that does not verify, it returns 0, or less for one that is no signature at all.
	 */
	if (public != NULL && context != NULL &&
	    EVP_DigestVerifyInit(context, NULL, NULL, NULL, public) == 1)
		result = EVP_DigestVerify(context, signature, SIGNATURE, bytes, length) == 1;
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(public);
	return result;
}

/* The comment is signed behind the signature's own bytes. */
static int comment_is_signed(const struct pga_minisign_signature *signature,
			     const struct pga_minisign_key *key)
{
	struct pga_text both = PGA_TEXT_EMPTY;
	int result = -1;

	pga_text_add_bytes(&both, signature->signature, SIGNATURE);
	pga_text_add(&both, signature->comment);
	if (!both.failed)
		result = is_signed(signature->global, key->key, (unsigned char *)both.bytes,
				   both.length);
	pga_text_free(&both);
	return result;
}

static int verify(const struct pga_minisign_signature *signature,
		  const struct pga_minisign_key *key, const char *bytes, size_t length)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;
	int result;

	if (EVP_Digest(bytes, length, digest, &size, EVP_blake2b512(), NULL) != 1 || size != DIGEST)
		return -1;
	result = is_signed(signature->signature, key->key, digest, DIGEST);
	return result == 1 ? comment_is_signed(signature, key) : result;
}

int pga_minisign_verify(const struct pga_minisign_signature *signature,
			const struct pga_minisign_key *key, const char *whose, const char *bytes,
			size_t length, struct pga_error *error)
{
	int result;

	if (memcmp(signature->number, key->number, NUMBER) != 0)
		return pga_fail(error, "ask who hands out the profile which key it is signed by",
				"%s: signed by the key %s, and not by %s", whose, signature->id,
				key->id);
	ERR_clear_error();
	result = verify(signature, key, bytes, length);
	if (result == 0)
		(void)pga_fail(error,
			       "one of the two was changed, or they are of different versions: "
			       "fetch both again, and ask who hands them out",
			       "%s: the signature is not that of this file by the key %s", whose,
			       key->id);
	else if (result < 0)
		(void)pga_fail(error,
			       "its provider has no Ed25519 or BLAKE2b, as in a FIPS mode, or no "
			       "memory was left; the file's digest does without: --sha256 HEX",
			       "%s: OpenSSL could not verify it", whose);
	ERR_clear_error();
	return result == 1 ? 0 : -1;
}

void pga_minisign_signature_free(struct pga_minisign_signature *signature)
{
	free(signature->comment);
	memset(signature, 0, sizeof *signature);
}
