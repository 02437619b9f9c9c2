/* tls/certificate.h: what is read as one certificate. */
#include "certificates.h"
#include "failing.h"

#include <openssl/err.h>

#include <stdio.h>
#include <stdlib.h>

/* Reads it, and compares. The rest of the text is behind the certificate; before: before it. */
static void assert_read(const char *text, const char *message)
{
	struct pga_certificate certificate;
	struct pga_error error;
	const int result = pga_certificate_read(&certificate, "here", text, strlen(text), &error);

	/* Nothing is left for who looks for OpenSSL's reason next. */
	assert_int_equal(ERR_peek_error(), 0);
	if (message == NULL) {
		assert_int_equal(result, 0);
		assert_non_null(certificate.x509);
		pga_certificate_free(&certificate);
	} else {
		assert_int_equal(result, -1);
		assert_string_equal(error.message, message);
		assert_non_null(strstr(error.hint, "othing was pinned"));
	}
	assert_null(certificate.x509);
	assert_null(certificate.pem);
}

static void what_is_read(void **state)
{
	struct pga_certificate root = make_root("root");
	const char *pem = root.pem;
	const size_t line = strlen("-----BEGIN CERTIFICATE-----\n");
	char text[8192];
	char long_line[400];

	(void)state;
	memset(long_line, ' ', sizeof long_line);
	memcpy(long_line + 390, "x\n", 3);
#define AROUND(before, after) \
	((void)snprintf(text, sizeof text, "%s%s%s", before, pem, after), text)
	assert_read(AROUND("", ""), NULL);
	assert_read(AROUND(" \t\r\n", " \t\r\n\n"), NULL);
	assert_read(AROUND("", pem), "here: more than one certificate, where one root is expected");
	assert_read(AROUND("", "\n \nx"), "here: something else follows the certificate");
	assert_read(AROUND("", "x\n"), "here: something else follows the certificate");
	assert_read(AROUND("", long_line), "here: something else follows the certificate");
	assert_read(AROUND("", "-----BEGIN CERTIFICAT-----"),
		    "here: something else follows the certificate");
	assert_read(AROUND("x\n", ""), "here: not a certificate in PEM form");
	assert_read("", "here: not a certificate in PEM form");
	assert_read("-----BEGIN CERTIFICATE-----\n", "here: damaged PEM");
	assert_read("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
		    "here: the PEM block holds no X.509 certificate");
	(void)snprintf(text, sizeof text, "-----BEGIN CERTIFICATE-----\nNote: a\n\n%s", pem + line);
	assert_read(text, "here: damaged PEM");
	(void)snprintf(text, sizeof text, "-----BEGIN TRUSTED CERTIFICATE-----\n%s", pem + line);
	assert_read(text, "here: not a certificate in PEM form");
	pga_certificate_free(&root);
}

/* The bytes as PEM, read as a certificate. */
static int read_der(const unsigned char *der, size_t length, struct pga_error *error)
{
	BIO *bio = BIO_new(BIO_s_mem());
	struct pga_certificate certificate;
	char *text = NULL;
	int result;
	long size;

	assert_true(PEM_write_bio(bio, "CERTIFICATE", "", der, (long)length) > 0);
	size = BIO_get_mem_data(bio, &text);
	(void)BIO_write(bio, "", 1);
	(void)BIO_get_mem_data(bio, &text);
	result = pga_certificate_read(&certificate, "here", text, (size_t)size, error);
	pga_certificate_free(&certificate);
	BIO_free(bio);
	return result;
}

static void one_form_alone_is_hashed(void **state)
{
	static const char message[] = "here: the PEM block holds no X.509 certificate";
	X509 *x509 = make_certificate(&(struct kind){.name = "root"});
	unsigned char bytes[4096];
	unsigned char *at = bytes + 1;
	const int length = i2d_X509(x509, &at);
	struct pga_error error;

	(void)state;
	assert_int_equal(bytes[2], 0x82);
	assert_int_equal(read_der(bytes + 1, (size_t)length, &error), 0);
	/* A byte behind it. */
	bytes[1 + length] = 0;
	assert_int_equal(read_der(bytes + 1, (size_t)length + 1, &error), -1);
	assert_string_equal(error.message, message);
	/* Its length in one byte more than is needed. */
	bytes[0] = 0x30;
	bytes[1] = 0x83;
	bytes[2] = 0;
	assert_int_equal(read_der(bytes, (size_t)length + 1, &error), -1);
	assert_string_equal(error.message, message);
	X509_free(x509);
}

static void a_nul_is_no_text(void **state)
{
	struct pga_certificate root = make_root("root");
	struct pga_certificate certificate;
	struct pga_error error;
	const size_t length = strlen(root.pem);

	(void)state;
	assert_int_equal(pga_certificate_read(&certificate, "here", root.pem, length, &error), 0);
	pga_certificate_free(&certificate);
	assert_int_equal(pga_certificate_read(&certificate, "here", root.pem, length + 1, &error),
			 -1);
	assert_string_equal(error.message, "here: not a certificate in PEM form");
	pga_certificate_free(&root);
}

static void its_names(void **state)
{
	struct pga_certificate certificate;
	struct pga_error error;
	char name[64 + 1];
	unsigned char digest[32];
	unsigned size = 0;
	char hex[PGA_PIN_LENGTH + 1];
	X509 *x509 = make_certificate(
	    &(struct kind){.name = "b\u00fc, \x1b", .issuer = "the other", .serial = 77});

	(void)state;
	assert_int_equal(X509_digest(x509, EVP_sha256(), digest, &size), 1);
	for (unsigned i = 0; i < size; i++)
		(void)snprintf(hex + (size_t)2 * i, 3, "%02x", digest[i]);
	assert_int_equal(pga_certificate_of(&certificate, x509, &error), 0);
	assert_string_equal(certificate.subject, "CN=b\u00fc\\, \\1B");
	assert_string_equal(certificate.issuer, "CN=the other");
	assert_string_equal(certificate.pin, hex);
	pga_certificate_free(&certificate);
	X509_free(x509);
	memset(name, 'x', 64);
	name[64] = '\0';
	certificate = make_root(name);
	assert_int_equal(strlen(certificate.subject), 67);
	assert_string_equal(certificate.subject, certificate.issuer);
	pga_certificate_free(&certificate);
}

/* OpenSSL's own allocations, too. */
static void *openssl_malloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return malloc(size);
}

static void *openssl_realloc(void *block, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return realloc(block, size);
}

static void openssl_free(void *block, const char *file, int line)
{
	(void)file;
	(void)line;
	free(block);
}

static char *root_pem;

static int read_and_check(struct pga_error *said)
{
	struct pga_certificate certificate;
	int result = pga_certificate_read(&certificate, "here", root_pem, strlen(root_pem), said);

	if (result == 0) {
		assert_int_equal(strlen(certificate.pin), PGA_PIN_LENGTH);
		assert_string_equal(certificate.pem, root_pem);
		assert_string_equal(certificate.subject, "CN=root");
		assert_string_equal(certificate.issuer, "CN=root");
		result = pga_certificate_check_anchor(&certificate, "here", said);
	}
	pga_certificate_free(&certificate);
	return result;
}

/* It is read, and good, or it is not: never the half of it. */
static void without_memory(void **state)
{
	struct pga_certificate root = make_root("root");
	struct pga_error error;
	long failed = 0;
	long number = 0;

	(void)state;
	root_pem = root.pem;
	do {
		has_failed = false;
		left = ++number;
		failed += read_and_check(&error) != 0;
		left = 0;
	} while (has_failed);
	assert_true(failed > 20);
	pga_certificate_free(&root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_read),     cmocka_unit_test(one_form_alone_is_hashed),
	    cmocka_unit_test(a_nul_is_no_text), cmocka_unit_test(its_names),
	    cmocka_unit_test(without_memory),
	};

	if (CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) != 1)
		return 1;

	return cmocka_run_group_tests(tests, NULL, NULL);
}
