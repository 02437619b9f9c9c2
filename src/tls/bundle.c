#include "tls/bundle.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define BYTE_ORDER_MARK "\xEF\xBB\xBF"

struct reading {
	struct pga_bundle *bundle;
	size_t room;
	const char *whose;
	bool has_block; /* of PEM */
	bool has_pkcs7;
};

static int add(struct reading *reading, struct pga_certificate *certificate,
	       struct pga_error *error)
{
	struct pga_bundle *bundle = reading->bundle;

	if (bundle->count == reading->room) {
		const size_t room = reading->room != 0 ? reading->room * 2 : 8;
		struct pga_certificate *grown =
		    reallocarray(bundle->certificates, room, sizeof *grown);

		if (grown == NULL) {
			pga_certificate_free(certificate);
			return pga_fail_memory(error);
		}
		bundle->certificates = grown;
		reading->room = room;
	}
	bundle->certificates[bundle->count++] = *certificate;
	return 0;
}

static int add_der(struct reading *reading, const unsigned char *der, long length,
		   struct pga_error *error)
{
	struct pga_certificate certificate;

	if (pga_certificate_of_der(&certificate, reading->whose, der, length, error) != 0)
		return -1;
	return add(reading, &certificate, error);
}

static int add_pkcs7(struct reading *reading, PKCS7 *pkcs7, struct pga_error *error)
{
	STACK_OF(X509) *certificates = NULL;

	if (PKCS7_type_is_signed(pkcs7) && pkcs7->d.sign != NULL)
		certificates = pkcs7->d.sign->cert;
	else if (PKCS7_type_is_signedAndEnveloped(pkcs7) && pkcs7->d.signed_and_enveloped != NULL)
		certificates = pkcs7->d.signed_and_enveloped->cert;
	reading->has_pkcs7 = true;
	for (int i = 0; i < sk_X509_num(certificates); i++) {
		struct pga_certificate certificate;

		if (pga_certificate_of(&certificate, sk_X509_value(certificates, i), error) != 0 ||
		    add(reading, &certificate, error) != 0)
			return -1;
	}
	return 0;
}

static int add_pkcs7_der(struct reading *reading, const unsigned char *der, long length,
			 struct pga_error *error)
{
	const unsigned char *at = der;
	PKCS7 *pkcs7 = d2i_PKCS7(NULL, &at, length);
	int result;

	if (pkcs7 == NULL || at != der + length)
		result =
		    pga_fail(error, "nothing was pinned", "%s: damaged PKCS#7", reading->whose);
	else
		result = add_pkcs7(reading, pkcs7, error);
	PKCS7_free(pkcs7);
	return result;
}

/* What such a block says of trust is OpenSSL's own, and not what is pinned. */
static int add_trusted(struct reading *reading, const unsigned char *der, long length,
		       struct pga_error *error)
{
	struct pga_certificate certificate;
	const unsigned char *at = der;
	X509 *x509 = d2i_X509_AUX(NULL, &at, length);
	unsigned char *plain = NULL;
	int plain_length;
	int result = -1;

	if (x509 == NULL || at != der + length) {
		(void)pga_fail(error, "nothing was pinned",
			       "%s: damaged PEM: a TRUSTED CERTIFICATE that holds none",
			       reading->whose);
		goto done;
	}
	/* Read again, so that nothing of it is left. */
	plain_length = i2d_X509(x509, &plain);
	if (plain_length <= 0)
		(void)pga_fail_memory(error);
	else if (pga_certificate_of_der(&certificate, reading->whose, plain, plain_length, error) ==
		 0)
		result = add(reading, &certificate, error);
done:
	OPENSSL_free(plain);
	X509_free(x509);
	return result;
}

static bool ends_in(const char *text, const char *end)
{
	const size_t length = strlen(text);

	return length >= strlen(end) && strcmp(text + length - strlen(end), end) == 0;
}

static int add_block(struct reading *reading, const char *name, const unsigned char *der,
		     long length, struct pga_error *error)
{
	reading->has_block = true;
	if (strcmp(name, PEM_STRING_X509) == 0 || strcmp(name, PEM_STRING_X509_OLD) == 0)
		return add_der(reading, der, length, error);
	if (strcmp(name, PEM_STRING_X509_TRUSTED) == 0)
		return add_trusted(reading, der, length, error);
	if (strcmp(name, PEM_STRING_PKCS7) == 0 || strcmp(name, PEM_STRING_PKCS7_SIGNED) == 0 ||
	    strcmp(name, PEM_STRING_CMS) == 0)
		return add_pkcs7_der(reading, der, length, error);
	if (ends_in(name, "PRIVATE KEY"))
		reading->bundle->has_private_key = true;
	return 0;
}

/* Whether what PEM_read_bio() has ended with is the end of the text. */
static bool is_at_end(void)
{
	const unsigned long code = ERR_peek_last_error();

	return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

static int read_pem(struct reading *reading, const char *bytes, size_t length,
		    struct pga_error *error)
{
	static const size_t mark = sizeof BYTE_ORDER_MARK - 1;
	BIO *bio;
	int result = 0;

	if (length >= mark && memcmp(bytes, BYTE_ORDER_MARK, mark) == 0) {
		bytes += mark;
		length -= mark;
	}
	bio = BIO_new_mem_buf(bytes, (int)length);
	if (bio == NULL)
		return pga_fail_memory(error);
	while (result == 0) {
		char *name = NULL;
		char *header = NULL;
		unsigned char *der = NULL;
		long der_length = 0;

		ERR_clear_error();
		if (PEM_read_bio(bio, &name, &header, &der, &der_length) != 1) {
			if (!is_at_end())
				result = pga_fail(error, "is it the whole file? Nothing was pinned",
						  "%s: damaged PEM, behind %zu certificates",
						  reading->whose, reading->bundle->count);
			break;
		}
		result = add_block(reading, name, der, der_length, error);
		OPENSSL_free(name);
		OPENSSL_free(header);
		/* It may be a key's. */
		OPENSSL_clear_free(der, (size_t)der_length);
	}
	BIO_free(bio);
	return result;
}

/* A DER form begins with a SEQUENCE; that of a long one has a byte that no text has there. */
static bool is_der(const char *bytes, size_t length)
{
	return length > 2 && bytes[0] == 0x30 &&
	       (((unsigned char)bytes[1] & 0x80) != 0 || (size_t)bytes[1] == length - 2);
}

static int read_der(struct reading *reading, const char *bytes, size_t length,
		    struct pga_error *error)
{
	const unsigned char *der = (const unsigned char *)bytes;
	const unsigned char *at = der;
	PKCS7 *pkcs7 = d2i_PKCS7(NULL, &at, (long)length);
	X509 *x509;
	int result;

	if (pkcs7 != NULL && at == der + length) {
		result = add_pkcs7(reading, pkcs7, error);
		PKCS7_free(pkcs7);
		return result;
	}
	PKCS7_free(pkcs7);
	at = der;
	x509 = d2i_X509(NULL, &at, (long)length);
	X509_free(x509);
	if (x509 == NULL)
		return pga_fail(error,
				"of a PKCS#12 file, openssl pkcs12 -nokeys -cacerts -in FILE "
				"writes the certificates as PEM",
				"%s: DER of something else than a certificate or PKCS#7",
				reading->whose);
	if (at != der + length)
		return pga_fail(error, "nothing was pinned",
				"%s: something else follows the certificate", reading->whose);
	return add_der(reading, der, (long)length, error);
}

static int compare(const void *left, const void *right)
{
	const struct pga_certificate *const *a = left;
	const struct pga_certificate *const *b = right;
	const int order = strcmp((*a)->pin, (*b)->pin);

	return order != 0 ? order : (*a > *b) - (*a < *b);
}

/* Of the same certificate twice, the first stays. */
static int leave_each_once(struct pga_bundle *bundle, struct pga_error *error)
{
	struct pga_certificate **order =
	    calloc(bundle->count + 1, sizeof(struct pga_certificate *));
	size_t kept = 0;

	if (order == NULL)
		return pga_fail_memory(error);
	for (size_t i = 0; i < bundle->count; i++)
		order[i] = &bundle->certificates[i];
	qsort(order, bundle->count, sizeof(struct pga_certificate *), compare);
	for (size_t i = bundle->count; i-- > 1;)
		if (strcmp(order[i]->pin, order[i - 1]->pin) == 0)
			pga_certificate_free(order[i]);
	for (size_t i = 0; i < bundle->count; i++)
		if (bundle->certificates[i].x509 != NULL)
			bundle->certificates[kept++] = bundle->certificates[i];
	bundle->count = kept;
	free(order);
	return 0;
}

/* Where there is none, what there is instead tells what to do. */
static int fail_empty(const struct reading *reading, const char *bytes, size_t length,
		      struct pga_error *error)
{
	const char *whose = reading->whose;

	if (reading->has_pkcs7)
		return pga_fail(error, "nothing was pinned", "%s: PKCS#7 without a certificate",
				whose);
	if (reading->bundle->has_private_key)
		return pga_fail(error,
				"a private key is nobody's but its owner's: what is wanted is the "
				"CA's certificate",
				"%s: a private key, and no certificate", whose);
	if (reading->has_block)
		return pga_fail(error, "nothing was pinned",
				"%s: PEM of something else than a "
				"certificate",
				whose);
	if (length == 0)
		return pga_fail(error, "nothing was pinned", "%s: it is empty", whose);
	if (memmem(bytes, length, "-----BEGIN", 10) != NULL)
		return pga_fail(error, "each -----BEGIN line has to begin its line",
				"%s: PEM with something in front of its lines", whose);
	return pga_fail(error,
			"the certificate itself is wanted, as -----BEGIN CERTIFICATE-----, in DER "
			"or in PKCS#7",
			"%s: no certificate in it", whose);
}

int pga_bundle_read(struct pga_bundle *bundle, const char *whose, const char *bytes, size_t length,
		    struct pga_error *error)
{
	struct reading reading = {.bundle = bundle, .whose = whose};
	int result;

	ERR_clear_error();
	if (length > INT_MAX)
		result = pga_fail(error, NULL, "%s: too large", whose);
	else if (is_der(bytes, length))
		result = read_der(&reading, bytes, length, error);
	else if (memchr(bytes, '\0', length) != NULL)
		result = pga_fail(error,
				  "is it UTF-16, or what a crash left of a file? PEM is plain text",
				  "%s: not PEM: it has NUL bytes", whose);
	else
		result = read_pem(&reading, bytes, length, error);
	if (result == 0 && bundle->count == 0)
		result = fail_empty(&reading, bytes, length, error);
	if (result == 0)
		result = leave_each_once(bundle, error);
	ERR_clear_error();
	return result;
}

void pga_bundle_free(struct pga_bundle *bundle)
{
	for (size_t i = 0; i < bundle->count; i++)
		pga_certificate_free(&bundle->certificates[i]);
	free(bundle->certificates);
	memset(bundle, 0, sizeof *bundle);
}
