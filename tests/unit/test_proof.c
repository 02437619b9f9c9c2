/* anchor/proof.h: what libpq could not use of a file of roots, and with which CRLs. */
#include "certificates.h"
#include "failing.h"
#include "directory.h"

#include "anchor/proof.h"
#include "anchor/root_crt.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

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

static struct pga_crl_places no_crls;

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

static void a_root_alone(void **state)
{
	const struct pga_proof proof = {.root = &root};
	const struct pga_proof of_twin = {.root = &twin};

	(void)state;
	put_two(root.pem, "");
	assert_tried(&proof, &no_crls, "", false);
	assert_tried(&of_twin, &no_crls, NOT_FOUND, false);
	put_two(other.pem, namesake.pem);
	assert_tried(&proof, &no_crls, NOT_FOUND, false);
	put_two(twin.pem, root.pem);
	assert_tried(&proof, &no_crls, "", false);
	assert_tried(&of_twin, &no_crls, "", false);
	put_two("", "");
	assert_tried(&proof, &no_crls, "OpenSSL cannot read it: no certificate or crl found",
		     false);
}

static void a_root_that_says_what_it_is_for(void **state)
{
	const struct pga_proof proof = {.root = &root};

	(void)state;
	for (int reject = 0; reject < 2; reject++) {
		X509 *trusted = X509_dup(root.x509);
		BIO *bio = BIO_new_file("roots", "w");
		ASN1_OBJECT *purpose = OBJ_nid2obj(NID_server_auth);

		assert_int_equal(reject ? X509_add1_reject_object(trusted, purpose)
					: X509_add1_trust_object(trusted, purpose),
				 1);
		assert_int_equal(PEM_write_bio_X509_AUX(bio, trusted), 1);
		BIO_free(bio);
		X509_free(trusted);
		assert_tried(&proof, &no_crls,
			     reject ? "it says itself that the root is not to be trusted for "
				      "servers (TRUSTED CERTIFICATE)"
				    : "",
			     false);
	}
}

static void a_chain_of_the_root(void **state)
{
	STACK_OF(X509) *chain = good_chain();
	STACK_OF(X509) *expired = chain_of("Root", key, -2, "serverAuth");
	STACK_OF(X509) *client = chain_of("Root", key, 0, "clientAuth");
	STACK_OF(X509) *orphan = chain_of("Nobody", other_key, 0, "serverAuth");
	STACK_OF(X509) *of_other = chain_of("Other", other_key, 0, "serverAuth");
	const struct pga_proof good = {.root = &root, .chain = chain};
	char wanted[256];

	(void)state;
	put_two(root.pem, "");
	assert_tried(&good, &no_crls, "", false);
	assert_tried(&(struct pga_proof){.root = &root, .chain = expired}, &no_crls,
		     "certificate has expired", false);
	assert_tried(&(struct pga_proof){.root = &root, .chain = client}, &no_crls, "un", false);
	assert_tried(&(struct pga_proof){.root = &root, .chain = orphan}, &no_crls,
		     "unable to get local issuer certificate", false);
	/* The chain of another root says nothing where that is not there. */
	assert_tried(&(struct pga_proof){.root = &root, .chain = of_other, .chain_root = &other},
		     &no_crls, "", false);
	put_two(root.pem, other.pem);
	assert_tried(&(struct pga_proof){.root = &root, .chain = of_other, .chain_root = &other},
		     &no_crls, "", false);
	assert_tried(&(struct pga_proof){.root = &root, .chain = expired, .chain_root = &other},
		     &no_crls, "certificate has expired", false);
	(void)snprintf(
	    wanted, sizeof wanted,
	    "the chain ends in another root of the file (SHA-256 %s), as OpenSSL builds it",
	    other.pin);
	assert_tried(&(struct pga_proof){.root = &root, .chain = of_other}, &no_crls, wanted,
		     false);
	/* It ends in the twin, which the gate takes for the root: it has the name, and verifies. */
	put_two(twin.pem, root.pem);
	assert_tried(&good, &no_crls, "", false);
	put_two(namesake.pem, root.pem);
	assert_tried(&good, &no_crls, "certificate signature failure", false);
	sk_X509_pop_free(chain, X509_free);
	sk_X509_pop_free(expired, X509_free);
	sk_X509_pop_free(client, X509_free);
	sk_X509_pop_free(orphan, X509_free);
	sk_X509_pop_free(of_other, X509_free);
}

/* Which of OpenSSL's objects cannot be made, or set up; 0: all can. */
static long openssl_until;
static bool openssl_has_failed;

static bool openssl_fails(void)
{
	if (openssl_until == 0 || --openssl_until > 0)
		return false;
	openssl_has_failed = true;
	return true;
}

SSL_CTX *__real_SSL_CTX_new(const SSL_METHOD *method);
SSL_CTX *__wrap_SSL_CTX_new(const SSL_METHOD *method);
X509_STORE *__real_X509_STORE_new(void);
X509_STORE *__wrap_X509_STORE_new(void);
X509_STORE_CTX *__real_X509_STORE_CTX_new(void);
X509_STORE_CTX *__wrap_X509_STORE_CTX_new(void);
int __real_X509_STORE_CTX_init(X509_STORE_CTX *context, X509_STORE *store, X509 *leaf,
			       STACK_OF(X509) * chain);
int __wrap_X509_STORE_CTX_init(X509_STORE_CTX *context, X509_STORE *store, X509 *leaf,
			       STACK_OF(X509) * chain);

SSL_CTX *__wrap_SSL_CTX_new(const SSL_METHOD *method)
{
	return openssl_fails() ? NULL : __real_SSL_CTX_new(method);
}

X509_STORE *__wrap_X509_STORE_new(void)
{
	return openssl_fails() ? NULL : __real_X509_STORE_new();
}

X509_STORE_CTX *__wrap_X509_STORE_CTX_new(void)
{
	return openssl_fails() ? NULL : __real_X509_STORE_CTX_new();
}

int __wrap_X509_STORE_CTX_init(X509_STORE_CTX *context, X509_STORE *store, X509 *leaf,
			       STACK_OF(X509) * chain)
{
	return openssl_fails() ? 0 : __real_X509_STORE_CTX_init(context, store, leaf, chain);
}

/* What cannot be tried is never said to be good, nor to be a CRL's fault. */
static void tries_without_memory(const struct pga_proof *proof, const struct pga_crl_places *crls,
				 bool good, long least)
{
	long number = 0;
	bool ends;

	do {
		struct pga_text fault = PGA_TEXT_EMPTY;
		bool by_crl = true;

		openssl_has_failed = false;
		openssl_until = ++number;
		memset(&error, 0, sizeof error);
		if (pga_proof_try(proof, crls, "roots", &fault, &by_crl, &error) != 0) {
			assert_true(openssl_has_failed);
			assert_string_equal(error.message, "out of memory");
		} else {
			assert_int_equal(fault.length == 0, good && !openssl_has_failed);
			if (openssl_has_failed)
				assert_false(by_crl);
		}
		openssl_until = 0;
		pga_text_free(&fault);
	} while (openssl_has_failed);
	assert_true(number > least);
	if (proof->chain == NULL)
		return;
	number = 0;
	do {
		openssl_has_failed = false;
		openssl_until = ++number;
		ends = pga_proof_ends_in(proof->chain, proof->root);
		assert_int_equal(ends, !openssl_has_failed);
		openssl_until = 0;
	} while (openssl_has_failed);
	assert_int_equal(number, 5);
}

static void without_memory_for_openssl(void **state)
{
	STACK_OF(X509) *chain = good_chain();
	char crl[] = "crl";
	const struct pga_crl_places places = {.file = crl};

	(void)state;
	put_two(root.pem, "");
	tries_without_memory(&(struct pga_proof){.root = &root}, &no_crls, true, 3);
	tries_without_memory(&(struct pga_proof){.root = &root, .chain = chain}, &no_crls, true, 5);
	/* It ends in the twin, and has to verify with the root alone. */
	put_two(twin.pem, root.pem);
	tries_without_memory(&(struct pga_proof){.root = &root, .chain = chain}, &no_crls, true, 9);
	/* With a CRL that is too old. */
	put_two(root.pem, "");
	put_crl("crl", &root, key, 0, -60);
	tries_without_memory(&(struct pga_proof){.root = &root, .chain = chain}, &places, false, 7);
	sk_X509_pop_free(chain, X509_free);
}

static void which_root_a_chain_ends_in(void **state)
{
	STACK_OF(X509) *chain = good_chain();
	STACK_OF(X509) *expired = chain_of("Root", key, -2, "serverAuth");

	(void)state;
	assert_true(pga_proof_ends_in(chain, &root));
	assert_true(pga_proof_ends_in(chain, &twin));
	assert_false(pga_proof_ends_in(chain, &namesake));
	assert_false(pga_proof_ends_in(chain, &other));
	assert_false(pga_proof_ends_in(expired, &root));
	assert_int_equal(ERR_peek_error(), 0);
	sk_X509_pop_free(chain, X509_free);
	sk_X509_pop_free(expired, X509_free);
}

static void crls(void **state)
{
	STACK_OF(X509) *chain = good_chain();
	STACK_OF(X509) *expired = chain_of("Root", key, -2, "serverAuth");
	const struct pga_proof proof = {.root = &root, .chain = chain};
	const struct pga_proof alone = {.root = &root};
	char file[] = "crl";
	char directory[] = ".";
	char missing[] = "none";
	char hashed[32];
	const struct pga_crl_places in_file = {.file = file};
	const struct pga_crl_places in_directory = {.directory = directory};
	const struct pga_crl_places nowhere = {.file = missing};

	(void)state;
	put_two(root.pem, "");
	assert_tried(&proof, &nowhere, "", false);
	assert_tried(&alone, &nowhere, "", false);
	put_crl("crl", &root, key, 8, DAY);
	assert_tried(&proof, &in_file, "", false);
	assert_tried(&alone, &in_file, "", false);
	put_crl("crl", &root, key, 7, DAY);
	assert_tried(&proof, &in_file, "certificate revoked", false);
	put_crl("crl", &root, key, 0, -60);
	assert_tried(&proof, &in_file, "CRL has expired", true);
	assert_tried(&(struct pga_proof){.root = &root, .chain = expired}, &in_file, "C", false);
	put_crl("crl", &other, other_key, 0, DAY);
	assert_tried(&proof, &in_file, "unable to get certificate CRL", true);
	assert_tried(&alone, &in_file, "unable to get certificate CRL", true);
	/* Of a directory, by OpenSSL's name for it. An empty one asks for CRLs as well. */
	assert_tried(&proof, &in_directory, "unable to get certificate CRL", true);
	(void)snprintf(hashed, sizeof hashed, "%08lx.r0",
		       X509_NAME_hash_ex(X509_get_subject_name(root.x509), NULL, NULL, NULL));
	put_crl(hashed, &root, key, 0, DAY);
	assert_tried(&proof, &in_directory, "", false);
	assert_tried(&alone, &in_directory, "", false);
	sk_X509_pop_free(chain, X509_free);
	sk_X509_pop_free(expired, X509_free);
}

static int find_places(struct pga_error *said)
{
	struct pga_crl_places places;
	const int result = pga_crl_places_find(&places, said);

	pga_crl_places_free(&places);
	return result;
}

static void assert_places(const char *file, const char *directory)
{
	struct pga_crl_places places;

	assert_int_equal(pga_crl_places_find(&places, &error), 0);
	if (file != NULL)
		assert_string_equal(places.file, file);
	else
		assert_null(places.file);
	if (directory != NULL)
		assert_string_equal(places.directory, directory);
	else
		assert_null(places.directory);
	pga_crl_places_free(&places);
}

static void where_crls_are(void **state)
{
	char home[128];

	(void)state;
	(void)snprintf(home, sizeof home, "%s/.postgresql/root.crl", scratch);
	assert_int_equal(setenv("HOME", scratch, 1), 0);
	assert_places(home, NULL);
	without_each(find_places, true);
	assert_int_equal(setenv("PGSSLCRL", "", 1), 0);
	assert_int_equal(setenv("PGSSLCRLDIR", "", 1), 0);
	assert_places(home, NULL);
	assert_int_equal(setenv("PGSSLCRL", "f", 1), 0);
	assert_places("f", NULL);
	assert_int_equal(setenv("PGSSLCRLDIR", "d", 1), 0);
	assert_places("f", "d");
	without_each(find_places, false);
	assert_int_equal(unsetenv("PGSSLCRL"), 0);
	assert_places(NULL, "d");
	assert_int_equal(unsetenv("PGSSLCRLDIR"), 0);
}

/* The texts that are tried. */
static struct pga_text own;
static struct pga_text all;
static struct pga_proof proved;
static char *crl_fault;

static int try_both(struct pga_error *said)
{
	const struct pga_proof_file own_file = {"own", NULL, &own};
	const struct pga_proof_file root_file = {"root.crt", NULL, &all};
	const size_t descriptors = descriptors_open();
	int result;

	free(crl_fault);
	result = pga_proof_files(&proved, &own_file, &root_file, &crl_fault, said);
	assert_int_equal(descriptors_open(), descriptors);
	if (result == 0)
		assert_null(crl_fault);
	return result;
}

#define COULD_NOT ": libpq could not verify this CA's servers with it: "

static void both_files(void **state)
{
	STACK_OF(X509) *chain = good_chain();
	const struct pga_proof_file own_file = {"own", NULL, &own};
	const struct pga_proof_file no_file = {NULL, NULL, NULL};
	char wanted[256];

	(void)state;
	assert_int_equal(setenv("HOME", scratch, 1), 0);
	proved = (struct pga_proof){.root = &root, .chain = chain};
	pga_text_add(&own, root.pem);
	pga_text_add(&all, root.pem);
	assert_int_equal(try_both(&error), 0);
	without_each(try_both, true);
	/* Each of the two counts. */
	pga_text_free(&all);
	pga_text_add(&all, other.pem);
	assert_int_equal(try_both(&error), -1);
	assert_string_equal(error.message, "root.crt" COULD_NOT NOT_FOUND);
	assert_memory_equal(error.hint, "--scoped leaves that file alone: ", 33);
	pga_text_add_bytes(&all, "\0\n", 2);
	assert_int_equal(try_both(&error), -1);
	assert_string_equal(error.message, "root.crt" COULD_NOT NOT_FOUND PGA_ROOT_CRT_NUL);
	assert_int_equal(pga_proof_files(&proved, &own_file, &no_file, &crl_fault, &error), 0);
	pga_text_free(&own);
	pga_text_add(&own, other.pem);
	assert_int_equal(pga_proof_files(&proved, &own_file, &no_file, &crl_fault, &error), -1);
	assert_string_equal(error.message, "own" COULD_NOT NOT_FOUND);
	assert_string_equal(error.hint, "nothing was changed");
	/* A file that is there. */
	put_two(root.pem, "");
	assert_int_equal(pga_proof_files(&proved, &(struct pga_proof_file){"own", "roots", &own},
					 &no_file, &crl_fault, &error),
			 0);
	/* What only a CRL is in the way of is no fault of the files. */
	put_crl("crl", &other, other_key, 0, DAY);
	assert_int_equal(setenv("PGSSLCRL", "crl", 1), 0);
	assert_int_equal(pga_proof_files(&proved, &(struct pga_proof_file){"own", "roots", &own},
					 &no_file, &crl_fault, &error),
			 0);
	assert_string_equal(crl_fault, "crl: unable to get certificate CRL");
	free(crl_fault);
	assert_int_equal(unsetenv("PGSSLCRL"), 0);
	assert_int_equal(setenv("PGSSLCRLDIR", ".", 1), 0);
	assert_int_equal(pga_proof_files(&proved, &(struct pga_proof_file){"own", "roots", &own},
					 &(struct pga_proof_file){"root.crt", "roots", &own},
					 &crl_fault, &error),
			 0);
	assert_string_equal(crl_fault, ".: unable to get certificate CRL");
	free(crl_fault);
	crl_fault = NULL;
	put_crl("crl", &root, key, 7, DAY);
	assert_int_equal(setenv("PGSSLCRL", "crl", 1), 0);
	assert_int_equal(pga_proof_files(&proved, &(struct pga_proof_file){"own", "roots", &own},
					 &no_file, &crl_fault, &error),
			 -1);
	(void)snprintf(wanted, sizeof wanted, "own" COULD_NOT "certificate revoked");
	assert_string_equal(error.message, wanted);
	assert_null(crl_fault);
	assert_int_equal(unsetenv("PGSSLCRL"), 0);
	assert_int_equal(unsetenv("PGSSLCRLDIR"), 0);
	pga_text_free(&own);
	pga_text_free(&all);
	sk_X509_pop_free(chain, X509_free);
}

static void what_the_kernel_takes(void **state)
{
	STACK_OF(X509) *chain = good_chain();
	static const char message[] = "cannot try what would be written: ";
	int input;

	(void)state;
	assert_int_equal(setenv("HOME", scratch, 1), 0);
	proved = (struct pga_proof){.root = &root, .chain = chain};
	pga_text_add(&own, root.pem);
	pga_text_add(&all, root.pem);
	at_once = 100;
	assert_int_equal(try_both(&error), 0);
	at_once = 0;
	/* Where nobody has the first descriptor, it is as good as another. */
	input = dup(0);
	(void)close(0);
	assert_int_equal(try_both(&error), 0);
	assert_int_equal(dup2(input, 0), 0);
	(void)close(input);
	write_error = ENOSPC;
	assert_int_equal(try_both(&error), -1);
	assert_memory_equal(error.message, message, strlen(message));
	assert_non_null(strstr(error.message, strerror(ENOSPC)));
	none_is_written = true;
	assert_int_equal(try_both(&error), -1);
	assert_memory_equal(error.message, message, strlen(message));
	none_is_written = false;
	write_error = 0;
	none_is_made = true;
	assert_int_equal(try_both(&error), -1);
	assert_memory_equal(error.message, message, strlen(message));
	assert_non_null(strstr(error.message, strerror(EMFILE)));
	none_is_made = false;
	pga_text_free(&own);
	pga_text_free(&all);
	sk_X509_pop_free(chain, X509_free);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_scratch, remove_scratch)
	const struct CMUnitTest tests[] = {
	    TEST(a_root_alone),
	    TEST(a_root_that_says_what_it_is_for),
	    TEST(a_chain_of_the_root),
	    TEST(without_memory_for_openssl),
	    TEST(which_root_a_chain_ends_in),
	    TEST(crls),
	    TEST(where_crls_are),
	    TEST(both_files),
	    TEST(what_the_kernel_takes),
	};

	return cmocka_run_group_tests(tests, make_roots, free_roots);
}
