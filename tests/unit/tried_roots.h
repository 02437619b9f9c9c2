/* Roots, chains and CRLs that are tried as libpq would use them, and a kernel that takes the bytes
 * as the test lets it. */
#ifndef PGA_TESTS_TRIED_ROOTS_H
#define PGA_TESTS_TRIED_ROOTS_H

#include "certificates.h"
#include "failing.h"
#include "directory.h"

#include "anchor/proof.h"
#include "anchor/root_crt.h"

#include <openssl/err.h>

/* How the kernel takes the bytes that are tried: at most so many at once (0: all); or not at all.
 */
static size_t at_once;
static bool none_is_made;
static int write_error;
static bool none_is_written;

int __real_memfd_create(const char *name, unsigned flags);
int __wrap_memfd_create(const char *name, unsigned flags);
ssize_t __real_write(int file, const void *bytes, size_t length);
ssize_t __wrap_write(int file, const void *bytes, size_t length);

int __wrap_memfd_create(const char *name, unsigned flags)
{
	errno = EMFILE;
	return none_is_made ? -1 : __real_memfd_create(name, flags);
}

ssize_t __wrap_write(int file, const void *bytes, size_t length)
{
	errno = write_error;
	if (none_is_written)
		return 0;
	if (write_error != 0)
		return -1;
	return __real_write(file, bytes, at_once > 0 && length > at_once ? at_once : length);
}

static EVP_PKEY *key;
static struct pga_certificate root;
static struct pga_certificate twin; /* of the same name and key */
static struct pga_certificate other;
static struct pga_certificate namesake;
static EVP_PKEY *other_key;
static struct pga_error error;

static int make_roots(void **state)
{
	struct kind kind = {.name = "Root"};

	(void)state;
	kind.key = key = make_key();
	other_key = make_key();
	root = take_certificate(make_certificate(&kind));
	kind.serial = 2;
	twin = take_certificate(make_certificate(&kind));
	other =
	    take_certificate(make_certificate(&(struct kind){.name = "Other", .key = other_key}));
	namesake = make_root("Root");
	return 0;
}

static int free_roots(void **state)
{
	(void)state;
	pga_certificate_free(&root);
	pga_certificate_free(&twin);
	pga_certificate_free(&other);
	pga_certificate_free(&namesake);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other_key);
	return 0;
}

/* A chain of one certificate, of the issuer. */
static STACK_OF(X509) *
    chain_of(const char *issuer, EVP_PKEY *signer, long ends, const char *purpose)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	X509 *leaf = make_certificate(&(struct kind){.name = "leaf",
						     .issuer = issuer,
						     .signer = signer,
						     .ends = ends,
						     .basic = "CA:FALSE",
						     .purpose = purpose,
						     .serial = 7});

	assert_non_null(chain);
	assert_int_equal(sk_X509_push(chain, leaf), 1);
	return chain;
}

static STACK_OF(X509) * good_chain(void)
{
	return chain_of("Root", key, 0, "serverAuth");
}

static void put_two(const char *first, const char *second)
{
	char text[8192];

	(void)snprintf(text, sizeof text, "%s%s", first, second);
	put("roots", text);
}

/* A CRL of the issuer that holds this number (0: none), with its next one due then. */
static void put_crl(const char *path, const struct pga_certificate *issuer, EVP_PKEY *signer,
		    long revoked, long due)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *time = ASN1_TIME_new();
	BIO *bio = BIO_new_file(path, "w");

	assert_int_equal(X509_CRL_set_version(crl, X509_CRL_VERSION_2), 1);
	assert_int_equal(X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->x509)), 1);
	assert_non_null(X509_gmtime_adj(time, -DAY));
	assert_int_equal(X509_CRL_set1_lastUpdate(crl, time), 1);
	assert_non_null(X509_gmtime_adj(time, due));
	assert_int_equal(X509_CRL_set1_nextUpdate(crl, time), 1);
	if (revoked != 0) {
		X509_REVOKED *entry = X509_REVOKED_new();
		ASN1_INTEGER *number = ASN1_INTEGER_new();

		assert_int_equal(ASN1_INTEGER_set(number, revoked), 1);
		assert_int_equal(X509_REVOKED_set_serialNumber(entry, number), 1);
		assert_non_null(X509_gmtime_adj(time, -DAY));
		assert_int_equal(X509_REVOKED_set_revocationDate(entry, time), 1);
		assert_int_equal(X509_CRL_add0_revoked(crl, entry), 1);
		ASN1_INTEGER_free(number);
	}
	assert_true(X509_CRL_sign(crl, signer, EVP_sha256()) > 0);
	assert_int_equal(PEM_write_bio_X509_CRL(bio, crl), 1);
	BIO_free(bio);
	ASN1_TIME_free(time);
	X509_CRL_free(crl);
}

/* Tries the file roots. What is said begins with these words; "" for nothing. */
static void assert_tried(const struct pga_proof *proof, const struct pga_crl_places *crls,
			 const char *words, bool by_crl)
{
	struct pga_text fault = PGA_TEXT_EMPTY;
	bool by = !by_crl;

	/* What somebody has left in the queue is none of the file's, and nothing is left behind. */
	ERR_raise(ERR_LIB_PEM, PEM_R_BAD_DECRYPT);
	assert_int_equal(pga_proof_try(proof, crls, "roots", &fault, &by, &error), 0);
	assert_int_equal(ERR_peek_error(), 0);
	if (words[0] == '\0' ? fault.length != 0
			     : strncmp(pga_text_string(&fault), words, strlen(words)) != 0)
		fail_msg("%s: %s", words, pga_text_string(&fault));
	assert_int_equal(by, by_crl);
	pga_text_free(&fault);
}

#define NOT_FOUND "OpenSSL does not find the root in it"

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_scratch, remove_scratch)

#endif
