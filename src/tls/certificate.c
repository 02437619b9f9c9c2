#include "tls/certificate.h"

#include "base/printable.h"
#include "base/terminal.h"
#include "base/text.h"
#include "tls/x509_pem.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BEGIN_CERTIFICATE "-----BEGIN CERTIFICATE-----"
#define WHITE_SPACE       " \t\r\n"

int pga_certificate_pin(const X509 *x509, char pin[PGA_PIN_LENGTH + 1])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned length = 0;

	if (X509_digest(x509, EVP_sha256(), digest, &length) != 1 || length * 2 != PGA_PIN_LENGTH)
		return -1;
	pga_hex(digest, length, pin);
	return 0;
}

int pga_certificate_key(const X509 *x509, char key[PGA_PIN_LENGTH + 1])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned char *der = NULL;
	unsigned length = 0;
	const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &der);
	const bool done = size > 0 &&
			  EVP_Digest(der, (size_t)size, digest, &length, EVP_sha256(), NULL) == 1 &&
			  length * 2 == PGA_PIN_LENGTH;

	OPENSSL_free(der);
	if (!done)
		return -1;
	pga_hex(digest, length, key);
	return 0;
}

static char *name_text(const X509_NAME *name)
{
	char *raw = pga_x509_name(name);
	char *text = raw != NULL ? pga_printable(raw) : NULL;

	free(raw);
	return text;
}

static void date_text(const ASN1_TIME *time, char text[PGA_CERTIFICATE_DATE])
{
	if (!pga_x509_date(time, text))
		(void)snprintf(text, PGA_CERTIFICATE_DATE, "an unreadable date");
}

/* The DER bytes of the one certificate in the text; NULL, with the reason, where it is not exactly
 * one. OPENSSL_free() frees them. */
static unsigned char *decode_pem(const char *whose, const char *pem, size_t length,
				 long *der_length, struct pga_error *error)
{
	static const char hint[] = "is it the right URL? Nothing was pinned";
	size_t blank = strspn(pem, WHITE_SPACE);
	BIO *bio = NULL;
	char *name = NULL;
	char *header = NULL;
	unsigned char *der = NULL;
	char rest[128];

	if (memchr(pem, '\0', length) != NULL || length > INT_MAX ||
	    strncmp(pem + blank, BEGIN_CERTIFICATE, strlen(BEGIN_CERTIFICATE)) != 0) {
		(void)pga_fail(error, hint, "%s: not a certificate in PEM form", whose);
		return NULL;
	}
	bio = BIO_new_mem_buf(pem, (int)length);
	if (bio == NULL || PEM_read_bio(bio, &name, &header, &der, der_length) != 1 ||
	    header[0] != '\0') {
		(void)pga_fail(error, hint, "%s: damaged PEM", whose);
		goto failed;
	}
	while (BIO_gets(bio, rest, sizeof rest) > 0) {
		if (rest[strspn(rest, WHITE_SPACE)] == '\0')
			continue;
		(void)pga_fail(error, hint, "%s: %s", whose,
			       strncmp(rest, BEGIN_CERTIFICATE, strlen(BEGIN_CERTIFICATE)) == 0
				   ? "more than one certificate, where one root is expected"
				   : "something else follows the certificate");
		goto failed;
	}
	goto done;
failed:
	OPENSSL_free(der);
	der = NULL;
done:
	OPENSSL_free(name);
	OPENSSL_free(header);
	BIO_free(bio);
	return der;
}

/* Whether these are the bytes that OpenSSL would write for the certificate. A signature over other
 * bytes than those that are hashed would give one certificate two pins. */
static bool is_canonical(const X509 *x509, const unsigned char *der, long length)
{
	unsigned char *own = NULL;
	int own_length = i2d_X509(x509, &own);
	bool same = own_length == length && memcmp(own, der, (size_t)length) == 0;

	OPENSSL_free(own);
	return same;
}

int pga_certificate_of(struct pga_certificate *certificate, X509 *x509, struct pga_error *error)
{
	memset(certificate, 0, sizeof *certificate);
	(void)X509_up_ref(x509);
	certificate->x509 = x509;
	certificate->pem = pga_x509_pem(x509);
	certificate->subject = name_text(X509_get_subject_name(x509));
	certificate->issuer = name_text(X509_get_issuer_name(x509));
	if (pga_certificate_pin(x509, certificate->pin) != 0 || certificate->pem == NULL ||
	    certificate->subject == NULL || certificate->issuer == NULL) {
		pga_certificate_free(certificate);
		return pga_fail_memory(error);
	}
	date_text(X509_get0_notBefore(x509), certificate->not_before);
	date_text(X509_get0_notAfter(x509), certificate->not_after);
	return 0;
}

int pga_certificate_of_der(struct pga_certificate *certificate, const char *whose,
			   const unsigned char *der, long length, struct pga_error *error)
{
	const unsigned char *at = der;
	X509 *x509 = d2i_X509(NULL, &at, length);
	int result = -1;

	memset(certificate, 0, sizeof *certificate);
	if (x509 == NULL || at != der + length || !is_canonical(x509, der, length))
		(void)pga_fail(error, "nothing was pinned",
			       "%s: the PEM block holds no X.509 certificate", whose);
	else
		result = pga_certificate_of(certificate, x509, error);
	X509_free(x509);
	return result;
}

int pga_certificate_read(struct pga_certificate *certificate, const char *whose, const char *pem,
			 size_t length, struct pga_error *error)
{
	long der_length = 0;
	unsigned char *der;
	int result = -1;

	memset(certificate, 0, sizeof *certificate);
	der = decode_pem(whose, pem, length, &der_length, error);
	if (der != NULL)
		result = pga_certificate_of_der(certificate, whose, der, der_length, error);
	OPENSSL_free(der);
	ERR_clear_error();
	return result;
}

void pga_certificate_free(struct pga_certificate *certificate)
{
	X509_free(certificate->x509);
	free(certificate->pem);
	free(certificate->subject);
	free(certificate->issuer);
	memset(certificate, 0, sizeof *certificate);
}
