#include "tls/crl.h"

#include "base/printable.h"
#include "base/terminal.h"
#include "base/text.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define PEM_CRL "X509 CRL"

static bool digest(const unsigned char *bytes, size_t length, char hex[PGA_PIN_LENGTH + 1])
{
	unsigned char raw[EVP_MAX_MD_SIZE];
	unsigned size = 0;

	if (EVP_Digest(bytes, length, raw, &size, EVP_sha256(), NULL) != 1 ||
	    size * 2 != PGA_PIN_LENGTH)
		return false;
	pga_hex(raw, size, hex);
	return true;
}

/* The bytes of an extension, and nothing where there is none. */
static void add_extension(const X509_CRL *x509, int nid, struct pga_text *text)
{
	const int at = X509_CRL_get_ext_by_NID(x509, nid, -1);
	const ASN1_OCTET_STRING *data =
	    at >= 0 ? X509_EXTENSION_get_data(X509_CRL_get_ext(x509, at)) : NULL;

	pga_text_addf(text, "%d:", data != NULL ? ASN1_STRING_length(data) : 0);
	if (data != NULL)
		pga_text_add_bytes(text, ASN1_STRING_get0_data(data),
				   (size_t)ASN1_STRING_length(data));
}

static int find_digests(struct pga_crl *crl)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	unsigned char *name = NULL;
	unsigned char *der = NULL;
	const int name_length = i2d_X509_NAME(X509_CRL_get_issuer(crl->x509), &name);
	const int length = i2d_X509_CRL(crl->x509, &der);
	bool done = false;

	if (name_length > 0 && length > 0) {
		pga_text_add_bytes(&text, name, (size_t)name_length);
		add_extension(crl->x509, NID_authority_key_identifier, &text);
		add_extension(crl->x509, NID_issuing_distribution_point, &text);
		done = !text.failed && digest(der, (size_t)length, crl->digest) &&
		       digest((const unsigned char *)text.bytes, text.length, crl->scope);
	}
	pga_text_free(&text);
	OPENSSL_free(name);
	OPENSSL_free(der);
	return done ? 0 : -1;
}

/* Hex digits without zeros in front. */
static char *number_of(const X509_CRL *x509)
{
	ASN1_INTEGER *number = X509_CRL_get_ext_d2i(x509, NID_crl_number, NULL, NULL);
	BIGNUM *value = number != NULL ? ASN1_INTEGER_to_BN(number, NULL) : NULL;
	char *hex = value != NULL && BN_is_negative(value) == 0 ? BN_bn2hex(value) : NULL;
	char *copy = strdup(hex != NULL ? hex + strspn(hex, "0") : "");

	OPENSSL_free(hex);
	BN_free(value);
	ASN1_INTEGER_free(number);
	return copy;
}

/* The first address of the point, or that it is named in another way. */
static char *point_of(const DIST_POINT_NAME *point)
{
	const GENERAL_NAMES *names = point->type == 0 ? point->name.fullname : NULL;

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		struct pga_text text = PGA_TEXT_EMPTY;
		char *raw;
		char *shown;

		if (name->type != GEN_URI)
			continue;
		raw = strndup((const char *)ASN1_STRING_get0_data(name->d.ia5),
			      (size_t)ASN1_STRING_length(name->d.ia5));
		shown = raw != NULL ? pga_printable(raw) : NULL;
		free(raw);
		pga_text_add_shortened(&text, shown != NULL ? shown : "", PGA_LONGEST_SHOWN);
		free(shown);
		return shown != NULL ? pga_text_take(&text) : NULL;
	}
	return strdup("no address");
}

static int read_scope(struct pga_crl *crl)
{
	int critical = -1;
	ISSUING_DIST_POINT *scope =
	    X509_CRL_get_ext_d2i(crl->x509, NID_issuing_distribution_point, &critical, NULL);
	int result = 0;

	crl->delta = X509_CRL_get_ext_by_NID(crl->x509, NID_delta_crl, -1) >= 0;
	/* There, and not readable: OpenSSL does not take it. */
	crl->has_scope =
	    X509_CRL_get_ext_by_NID(crl->x509, NID_issuing_distribution_point, -1) >= 0;
	crl->scope_is_critical = critical > 0;
	if (scope == NULL)
		return 0;
	crl->only_authorities = scope->onlyCA > 0;
	crl->only_users = scope->onlyuser > 0;
	crl->only_attributes = scope->onlyattr > 0;
	crl->indirect = scope->indirectCRL > 0;
	crl->only_some_reasons = scope->onlysomereasons != NULL;
	if (scope->distpoint != NULL) {
		crl->point = point_of(scope->distpoint);
		result = crl->point != NULL ? 0 : -1;
	}
	ISSUING_DIST_POINT_free(scope);
	return result;
}

static char *issuer_text(const X509_CRL *x509)
{
	char *raw = pga_x509_name(X509_CRL_get_issuer(x509));
	char *text = raw != NULL ? pga_printable(raw) : NULL;

	free(raw);
	return text;
}

static char *pem_text(X509_CRL *x509)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;

	if (bio != NULL && PEM_write_bio_X509_CRL(bio, x509) == 1)
		text = pga_bio_text(bio);
	BIO_free(bio);
	return text;
}

/* Describes one that OpenSSL has read, and keeps it. Returns -1 for want of memory. */
static int describe(struct pga_crl *crl, X509_CRL *x509)
{
	const ASN1_TIME *next = X509_CRL_get0_nextUpdate(x509);

	memset(crl, 0, sizeof *crl);
	crl->x509 = x509;
	crl->pem = pem_text(x509);
	crl->issuer = issuer_text(x509);
	crl->number = number_of(x509);
	crl->revoked = sk_X509_REVOKED_num(X509_CRL_get_REVOKED(x509));
	if (crl->revoked < 0)
		crl->revoked = 0;
	(void)pga_x509_date(X509_CRL_get0_lastUpdate(x509), crl->this_update);
	if (next != NULL)
		(void)pga_x509_date(next, crl->next_update);
	return crl->pem != NULL && crl->issuer != NULL && crl->number != NULL &&
		       find_digests(crl) == 0 && read_scope(crl) == 0
		   ? 0
		   : -1;
}

/* Whether it is for want of memory that OpenSSL could not read it. */
static bool ran_out(void)
{
	unsigned long code;
	bool out = false;

	while ((code = ERR_get_error()) != 0)
		out = out || ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE;
	return out;
}

/* As pga_fail(), for what is no CRL: 1, or -1 for want of memory. */
#define NO_CRL(error, ...) (ran_out() ? pga_fail_memory(error) : (pga_fail(error, __VA_ARGS__), 1))

static int add(struct pga_crl_list *list, X509_CRL *x509, const char *whose,
	       struct pga_error *error)
{
	struct pga_crl *grown;

	if (list->count == PGA_CRL_LIMIT) {
		X509_CRL_free(x509);
		return NO_CRL(error, "nothing was changed", "%s: more than %d CRLs", whose,
			      PGA_CRL_LIMIT);
	}
	grown = reallocarray(list->crls, list->count + 1, sizeof *list->crls);
	if (grown == NULL) {
		X509_CRL_free(x509);
		return pga_fail_memory(error);
	}
	list->crls = grown;
	return describe(&grown[list->count++], x509) == 0 ? 0 : pga_fail_memory(error);
}

/* Exactly one, to the last byte. */
static int add_der(struct pga_crl_list *list, const char *whose, const unsigned char *bytes,
		   long length, struct pga_error *error)
{
	const unsigned char *at = bytes;
	X509_CRL *x509 = d2i_X509_CRL(NULL, &at, length);

	if (x509 != NULL && at == bytes + length)
		return add(list, x509, whose, error);
	X509_CRL_free(x509);
	return NO_CRL(error, "is it the right address or file? Nothing was changed",
		      "%s: holds no X.509 CRL that OpenSSL can read", whose);
}

static int add_pem(struct pga_crl_list *list, const char *whose, BIO *bio, struct pga_error *error)
{
	static const char next[] = "is it the right address or file? Nothing was changed";
	char *name = NULL;
	char *header = NULL;
	unsigned char *der = NULL;
	long length = 0;
	int result = 0;

	while (result == 0 && PEM_read_bio(bio, &name, &header, &der, &length) == 1) {
		if (strcmp(name, PEM_CRL) != 0 || header[0] != '\0')
			result = NO_CRL(error, next, "%s: holds a PEM block that is no CRL: %s",
					whose, name);
		else
			result = add_der(list, whose, der, length, error);
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_free(der);
	}
	if (result != 0)
		return result;
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return pga_fail(error, next, "%s: damaged PEM", whose);
	return list->count > 0
		   ? 0
		   : pga_fail(error, next, "%s: neither a CRL in DER form nor PEM", whose);
}

int pga_crl_list_read(struct pga_crl_list *list, const char *whose, const char *bytes,
		      size_t length, struct pga_error *error)
{
	BIO *bio;
	int result = -1;

	memset(list, 0, sizeof *list);
	ERR_clear_error();
	if (length > INT_MAX)
		return NO_CRL(error, "nothing was changed", "%s: too large", whose);
	/* A SEQUENCE, which no text begins with. */
	if (length > 0 && bytes[0] == 0x30) {
		result = add_der(list, whose, (const unsigned char *)bytes, (long)length, error);
	} else if (length > 0 && memchr(bytes, '\0', length) != NULL) {
		result = NO_CRL(error, "is it the right address or file? Nothing was changed",
				"%s: neither a CRL in DER form nor PEM", whose);
	} else {
		bio = length > 0 ? BIO_new_mem_buf(bytes, (int)length) : BIO_new(BIO_s_mem());
		result = bio != NULL ? add_pem(list, whose, bio, error) : pga_fail_memory(error);
		BIO_free(bio);
	}
	ERR_clear_error();
	if (result != 0)
		pga_crl_list_free(list);
	return result;
}

int pga_crl_list_find(struct pga_crl_list *list, const char *bytes, size_t length,
		      struct pga_error *error)
{
	BIO *bio = length <= INT_MAX ? BIO_new_mem_buf(bytes, (int)length) : NULL;
	X509_CRL *x509;
	char empty[] = "";
	int result = 0;

	memset(list, 0, sizeof *list);
	if (bio == NULL)
		return pga_fail_memory(error);
	while (result == 0 && list->count < PGA_CRL_LIMIT &&
	       (x509 = PEM_read_bio_X509_CRL(bio, NULL, NULL, empty)) != NULL)
		result = add(list, x509, "", error);
	BIO_free(bio);
	if (result == 0 && ran_out())
		result = pga_fail_memory(error);
	ERR_clear_error();
	return result;
}

/* What OpenSSL does not look at, unless it is asked to (X509_V_FLAG_EXTENDED_CRL_SUPPORT and
 * X509_V_FLAG_USE_DELTAS, which libpq does not set). */
static const char *unusable_kind(const struct pga_crl *crl)
{
	if (crl->delta)
		return "it is a delta CRL, which says only what has changed since another one: "
		       "libpq uses none";
	if (crl->indirect)
		return "it is an indirect CRL, which speaks for other CAs, too: libpq uses none";
	if (crl->only_some_reasons)
		return "it is for some reasons of revocation alone: libpq uses none like that";
	if (crl->only_attributes)
		return "it is for attribute certificates alone, which no server has";
	return NULL;
}

int pga_crl_check(const struct pga_crl *crl, const char *whose, struct pga_error *error)
{
	const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl->x509);
	const char *unusable = unusable_kind(crl);

	if (unusable != NULL)
		return pga_fail(
		    error, "ask who runs the CA for its complete CRL; nothing was changed",
		    "%s: the CRL of %s cannot be used: %s", whose, crl->issuer, unusable);
	if (crl->this_update[0] == '\0' || (next != NULL && crl->next_update[0] == '\0'))
		return pga_fail(error, "nothing was changed",
				"%s: the CRL of %s has a date that cannot be read", whose,
				crl->issuer);
	if (X509_cmp_current_time(X509_CRL_get0_lastUpdate(crl->x509)) > 0)
		return pga_fail(error, "is this machine's clock right? Nothing was changed",
				"%s: the CRL of %s is not valid before %s", whose, crl->issuer,
				crl->this_update);
	if (next != NULL && X509_cmp_current_time(next) < 0)
		return pga_fail(error,
				"libpq refuses every server of a CA whose CRL has expired: get "
				"the present one; nothing was changed",
				"%s: the CRL of %s has expired, on %s", whose, crl->issuer,
				crl->next_update);
	return 0;
}

bool pga_crl_is_signed_by(const struct pga_crl *crl, X509 *issuer)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);
	const bool is =
	    key != NULL &&
	    X509_NAME_cmp(X509_CRL_get_issuer(crl->x509), X509_get_subject_name(issuer)) == 0 &&
	    X509_CRL_verify(crl->x509, key) == 1;

	ERR_clear_error();
	return is;
}

bool pga_crl_is_signed_by_key(const struct pga_crl *crl, const char *key)
{
	const size_t length = strlen(key);
	unsigned char *der =
	    length > 0 && length % 4 == 0 && length < 65536 ? malloc(length / 4 * 3) : NULL;
	const int size =
	    der != NULL ? EVP_DecodeBlock(der, (const unsigned char *)key, (int)length) : -1;
	const unsigned char *at = der;
	/* The zero bytes that stand for the padding are behind the key, where nobody looks. */
	EVP_PKEY *public = size > 0 ? d2i_PUBKEY(NULL, &at, size) : NULL;
	const bool is = public != NULL && X509_CRL_verify(crl->x509, public) == 1;

	EVP_PKEY_free(public);
	free(der);
	ERR_clear_error();
	return is;
}

char *pga_crl_key(X509 *issuer)
{
	unsigned char *der = NULL;
	const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(issuer), &der);
	char *text = size > 0 ? malloc((size_t)(size + 2) / 3 * 4 + 1) : NULL;

	if (text != NULL)
		(void)EVP_EncodeBlock((unsigned char *)text, der, size);
	OPENSSL_free(der);
	return text;
}

int pga_crl_number_compare(const char *number, const char *other)
{
	const size_t length = strlen(number);
	const size_t other_length = strlen(other);

	if (length == 0 || other_length == 0)
		return 0;
	if (length != other_length)
		return length < other_length ? -1 : 1;
	return strcasecmp(number, other);
}

void pga_crl_free(struct pga_crl *crl)
{
	X509_CRL_free(crl->x509);
	free(crl->pem);
	free(crl->issuer);
	free(crl->number);
	free(crl->point);
	memset(crl, 0, sizeof *crl);
}

void pga_crl_list_free(struct pga_crl_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		pga_crl_free(&list->crls[i]);
	free(list->crls);
	memset(list, 0, sizeof *list);
}
