#include "audit/ciphers.h"

#include <openssl/ssl.h>
#include <string.h>
#include <strings.h>

#define SEPARATORS ":,; " /* ciphers(1) */

/* What a cipher's name, or an alias, has a part of between "-" or "_", where it is weak. The
 * aliases' other words (MEDIUM, ...) say nothing by themselves. */
static const char *const weak_parts[] = {
    "NULL", "eNULL", "aNULL",  "ADH",   "AECDH",  "RC4", "RC2",      "DES",      "3DES",
    "IDEA", "SEED",  "MD5",    "EXP",   "EXPORT", "LOW", "EXPORT40", "EXPORT56", "COMPLEMENTOFALL",
    "anon", "CBC3",  "RC4MD5", "DES40", NULL};

static bool is_one_of(const char *word, size_t length, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strlen(*list) == length && strncasecmp(*list, word, length) == 0)
			return true;
	return false;
}

/* Whether one of its parts is a weak one's. */
static bool has_weak_part(const char *name, size_t length)
{
	for (size_t at = 0; at < length;) {
		size_t part = strcspn(name + at, "-_+");

		part = part < length - at ? part : length - at;
		if (is_one_of(name + at, part, weak_parts))
			return true;
		at += part + 1;
	}
	return false;
}

bool pga_audit_is_weak_cipher(const char *cipher, long bits)
{
	return bits < 128 || has_weak_part(cipher, strlen(cipher));
}

static void add_name(struct pga_text *named, const char *name, size_t length)
{
	pga_text_add(named, named->length > 0 ? ", " : "");
	pga_text_add_bytes(named, name, length);
}

static bool is_weak(const SSL_CIPHER *cipher)
{
	return SSL_CIPHER_get_auth_nid(cipher) == NID_auth_null ||
	       SSL_CIPHER_get_digest_nid(cipher) == NID_md5 ||
	       pga_audit_is_weak_cipher(SSL_CIPHER_get_name(cipher),
					SSL_CIPHER_get_bits(cipher, NULL));
}

/* What the list comes to here, at the security level that most servers have where it says none:
 * below it (@SECLEVEL=0) are the anonymous ones that HIGH has, too. */
static void add_let_in(struct pga_text *named, const char *ciphers)
{
	SSL_CTX *context = SSL_CTX_new(TLS_method());
	STACK_OF(SSL_CIPHER) *list = NULL;
	SSL *ssl = NULL;

	if (context != NULL) {
		SSL_CTX_set_security_level(context, 1);
		(void)SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
		if (SSL_CTX_set_cipher_list(context, ciphers) == 1)
			ssl = SSL_new(context);
	}
	named->failed = named->failed || context == NULL;
	list = ssl != NULL ? SSL_get1_supported_ciphers(ssl) : NULL;
	for (int i = 0; i < sk_SSL_CIPHER_num(list); i++) {
		const char *name = SSL_CIPHER_get_name(sk_SSL_CIPHER_value(list, i));

		if (is_weak(sk_SSL_CIPHER_value(list, i)))
			add_name(named, name, strlen(name));
	}
	sk_SSL_CIPHER_free(list);
	SSL_free(ssl);
	SSL_CTX_free(context);
}

/* Whether the list takes the word away for good. */
static bool is_taken_away(const char *list, const char *word, size_t length)
{
	for (; *list != '\0'; list += strspn(list, SEPARATORS)) {
		const size_t size = strcspn(list, SEPARATORS);

		if (list[0] == '!' && size == length + 1 &&
		    strncasecmp(list + 1, word, length) == 0)
			return true;
		list += size;
	}
	return false;
}

/* Adds the words of the list that fit, and that it does not take away. */
static void add_words(struct pga_text *named, const char *list,
		      bool (*fits)(const char *word, size_t length))
{
	for (const char *at = list; *at != '\0'; at += strspn(at, SEPARATORS)) {
		const size_t length = strcspn(at, SEPARATORS);
		const char *word = at + (*at == '?' || *at == '*');
		const size_t size = length - (size_t)(word - at);

		if (strchr("!-+", *at) == NULL && fits(word, size) &&
		    !is_taken_away(list, word, size))
			add_name(named, word, size);
		at += length;
	}
}

static bool is_weak_word(const char *word, size_t length)
{
	static const char *const whole[] = {"@SECLEVEL=0", "DEFAULT@SECLEVEL=0", "ALL@SECLEVEL=0",
					    NULL};

	return has_weak_part(word, length) || is_one_of(word, length, whole);
}

static bool is_all(const char *word, size_t length)
{
	return length == strlen("ALL") && strncasecmp(word, "ALL", length) == 0;
}

bool pga_audit_has_cipher(const char *ciphers)
{
	SSL_CTX *context = SSL_CTX_new(TLS_method());
	const bool has = context == NULL || SSL_CTX_set_cipher_list(context, ciphers) == 1;

	SSL_CTX_free(context);
	return has;
}

void pga_audit_weak_ciphers(const char *ciphers, struct pga_text *named)
{
	add_let_in(named, ciphers);
	add_words(named, ciphers, is_weak_word);
	if (!is_taken_away(ciphers, "aNULL", strlen("aNULL")))
		add_words(named, ciphers, is_all);
}

static bool is_weak_tls13(const char *word, size_t length)
{
	/* The tag of the first is 8 bytes; the others have no encryption at all. */
	static const char *const weak[] = {"TLS_AES_128_CCM_8_SHA256", "TLS_SHA256_SHA256",
					   "TLS_SHA384_SHA384", NULL};

	return is_one_of(word, length, weak);
}

void pga_audit_weak_tls13_ciphers(const char *ciphers, struct pga_text *named)
{
	add_words(named, ciphers, is_weak_tls13);
}

/* Curves of fewer than 224 bits. */
static bool is_weak_group(const char *word, size_t length)
{
	static const char *const weak[] = {"secp112",  "secp128", "secp160", "secp192",
					   "prime192", "sect113", "sect131", "sect163",
					   "sect193",  "P-192",   NULL};

	for (size_t i = 0; weak[i] != NULL; i++)
		if (length >= strlen(weak[i]) && strncasecmp(word, weak[i], strlen(weak[i])) == 0)
			return true;
	return false;
}

void pga_audit_weak_groups(const char *groups, struct pga_text *named)
{
	add_words(named, groups, is_weak_group);
}
