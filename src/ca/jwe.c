#include "ca/jwe.h"

#include "ca/base64url.h"

#include <jansson.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ALGORITHM    "PBES2-HS256+A128KW"
#define LONGEST      ((size_t)64 * 1024) /* no key comes near it */
#define LONGEST_SALT 256
#define WRAP_KEY     16
#define IV           12
#define TAG          16

enum part { HEADER, WRAPPED, VECTOR, CONTENT, AUTHENTIC, PARTS };

struct part_bytes {
	unsigned char *bytes;
	size_t size;
};

struct jwe {
	const char *header; /* as it stands there: it is authenticated, too */
	size_t header_length;
	struct part_bytes parts[PARTS];
	struct part_bytes salt;
	json_int_t count;
	size_t key_size; /* of AES in GCM */
};

static int refuse(const char *whose, const char *why, struct pga_error *error)
{
	return pga_fail(error, "is it the address of a step-ca?",
			"%s: its key is not in a form that is known: %s", whose, why);
}

static int split(struct jwe *jwe, const char *compact, const char *whose, struct pga_error *error)
{
	const char *at = compact;

	if (strlen(compact) > LONGEST)
		return refuse(whose, "too long", error);
	for (size_t i = 0; i < PARTS; i++) {
		const size_t length = strcspn(at, ".");

		if (i == HEADER) {
			jwe->header = at;
			jwe->header_length = length;
		}
		if (at[length] != (i + 1 < PARTS ? '.' : '\0'))
			return refuse(whose, "it has not five parts", error);
		jwe->parts[i].bytes = pga_base64url_decode(at, length, &jwe->parts[i].size);
		if (jwe->parts[i].bytes == NULL)
			return jwe->parts[i].size != 0
				   ? pga_fail_memory(error)
				   : refuse(whose, "a part of it is not base64url", error);
		at += length + 1;
	}
	return 0;
}

static bool is(const json_t *header, const char *key, const char *value)
{
	const char *text = json_string_value(json_object_get(header, key));

	return text != NULL && strcmp(text, value) == 0;
}

static int read_parameters(struct jwe *jwe, const json_t *header, const char *whose,
			   struct pga_error *error)
{
	const json_t *salt = json_object_get(header, "p2s");

	if (!is(header, "alg", ALGORITHM))
		return refuse(whose, "its algorithm is not " ALGORITHM, error);
	jwe->key_size = is(header, "enc", "A256GCM") ? 32 : is(header, "enc", "A128GCM") ? 16 : 0;
	if (jwe->key_size == 0 || json_object_get(header, "zip") != NULL ||
	    json_object_get(header, "crit") != NULL)
		return refuse(whose, "its content is not by AES in GCM", error);
	jwe->count = json_integer_value(json_object_get(header, "p2c"));
	if (jwe->count < PGA_JWE_LEAST_COUNT || jwe->count > PGA_JWE_MOST_COUNT)
		return pga_fail(error, "ask who runs the CA",
				"%s: its password is to be hashed %lld times, and what is done is "
				"%d to %d",
				whose, (long long)jwe->count, PGA_JWE_LEAST_COUNT,
				PGA_JWE_MOST_COUNT);
	if (!json_is_string(salt) || json_string_length(salt) > LONGEST_SALT)
		return refuse(whose, "it has no salt", error);
	jwe->salt.bytes = pga_base64url_decode(json_string_value(salt), json_string_length(salt),
					       &jwe->salt.size);
	if (jwe->salt.bytes == NULL)
		return jwe->salt.size != 0 ? pga_fail_memory(error)
					   : refuse(whose, "its salt is not base64url", error);
	if (jwe->salt.size < 8)
		return refuse(whose, "its salt is too short", error);
	if (jwe->parts[WRAPPED].size != jwe->key_size + 8 || jwe->parts[VECTOR].size != IV ||
	    jwe->parts[AUTHENTIC].size != TAG)
		return refuse(whose, "a part of it has another length", error);
	return 0;
}

static int read_header(struct jwe *jwe, const char *whose, struct pga_error *error)
{
	json_t *header = json_loadb((const char *)jwe->parts[HEADER].bytes, jwe->parts[HEADER].size,
				    JSON_REJECT_DUPLICATES, NULL);
	int result;

	if (!json_is_object(header))
		result = refuse(whose, "its header is no JSON", error);
	else
		result = read_parameters(jwe, header, whose, error);
	json_decref(header);
	return result;
}

/* The salt is that of the header behind the algorithm's name (RFC 7518, 4.8.1.1). */
static bool derive(const struct jwe *jwe, const char *password, size_t length,
		   unsigned char key[WRAP_KEY])
{
	unsigned char salt[sizeof ALGORITHM + LONGEST_SALT];

	memcpy(salt, ALGORITHM, sizeof ALGORITHM);
	memcpy(salt + sizeof ALGORITHM, jwe->salt.bytes, jwe->salt.size);
	return PKCS5_PBKDF2_HMAC(password, (int)length, salt,
				 (int)(sizeof ALGORITHM + jwe->salt.size), (int)jwe->count,
				 EVP_sha256(), WRAP_KEY, key) == 1;
}

/* Whether it is unwrapped: AES key wrap (RFC 3394) tells whether the key was the right one. */
static bool unwrap(const struct jwe *jwe, const unsigned char *wrap_key, unsigned char *key)
{
	const struct part_bytes *wrapped = &jwe->parts[WRAPPED];
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int length = 0;
	bool done = false;

	if (context != NULL) {
		EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
		done = EVP_DecryptInit_ex(context, EVP_aes_128_wrap(), NULL, wrap_key, NULL) == 1 &&
		       EVP_DecryptUpdate(context, key, &length, wrapped->bytes,
					 (int)wrapped->size) == 1 &&
		       (size_t)length == jwe->key_size;
	}
	EVP_CIPHER_CTX_free(context);
	ERR_clear_error();
	return done;
}

/* Into bytes, of which there are as many as of the content. */
static bool decrypt(const struct jwe *jwe, const unsigned char *key, unsigned char *bytes)
{
	const EVP_CIPHER *cipher = jwe->key_size == 32 ? EVP_aes_256_gcm() : EVP_aes_128_gcm();
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int length = 0;
	int last = 0;
	const bool done =
	    context != NULL &&
	    EVP_DecryptInit_ex(context, cipher, NULL, key, jwe->parts[VECTOR].bytes) == 1 &&
	    EVP_DecryptUpdate(context, NULL, &length, (const unsigned char *)jwe->header,
			      (int)jwe->header_length) == 1 &&
	    EVP_DecryptUpdate(context, bytes, &length, jwe->parts[CONTENT].bytes,
			      (int)jwe->parts[CONTENT].size) == 1 &&
	    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, TAG, jwe->parts[AUTHENTIC].bytes) ==
		1 &&
	    EVP_DecryptFinal_ex(context, bytes + length, &last) == 1;

	EVP_CIPHER_CTX_free(context);
	ERR_clear_error();
	return done;
}

static int open_content(const struct jwe *jwe, const unsigned char *key, const char *whose,
			struct pga_text *plain, struct pga_error *error)
{
	const size_t size = jwe->parts[CONTENT].size;
	unsigned char *bytes = malloc(size + TAG);
	int result = -1;

	if (bytes == NULL)
		return pga_fail_memory(error);
	if (decrypt(jwe, key, bytes)) {
		pga_text_add_bytes(plain, bytes, size);
		result = plain->failed ? pga_fail_memory(error) : 0;
	} else {
		(void)refuse(whose, "it was changed since it was protected", error);
	}
	OPENSSL_cleanse(bytes, size + TAG);
	free(bytes);
	return result;
}

static int open_with(const struct jwe *jwe, const char *whose, const char *password, size_t length,
		     struct pga_text *plain, bool *wrong, struct pga_error *error)
{
	unsigned char wrap_key[WRAP_KEY];
	unsigned char key[32 + 8]; /* the wrapped form has 8 more */
	int result;

	if (!derive(jwe, password, length, wrap_key)) {
		result = pga_fail(error, NULL, "OpenSSL has no PBKDF2 with SHA-256");
	} else if (!unwrap(jwe, wrap_key, key)) {
		*wrong = true;
		result = pga_fail(error, NULL, "%s: the password is wrong", whose);
	} else {
		result = open_content(jwe, key, whose, plain, error);
	}
	OPENSSL_cleanse(wrap_key, sizeof wrap_key);
	OPENSSL_cleanse(key, sizeof key);
	return result;
}

int pga_jwe_open(const char *compact, const char *whose, const char *password, size_t length,
		 struct pga_text *plain, bool *wrong, struct pga_error *error)
{
	struct jwe jwe;
	int result = -1;

	memset(&jwe, 0, sizeof jwe);
	*wrong = false;
	if (split(&jwe, compact, whose, error) == 0 && read_header(&jwe, whose, error) == 0)
		result = open_with(&jwe, whose, password, length, plain, wrong, error);
	for (size_t i = 0; i < PARTS; i++)
		free(jwe.parts[i].bytes);
	free(jwe.salt.bytes);
	return result;
}
