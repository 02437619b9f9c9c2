/* anchor/proof.h: what libpq could not use of a file of roots. */
#include "directory.h"
#include "tried_roots.h"

#include "anchor/proof.h"
#include "anchor/root_crt.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

static struct pga_crl_places no_crls;

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
	assert_tried(&proof, &no_crls, "OpenSSL could not read it: no certificate or crl found",
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_root_alone),
	    TEST(a_root_that_says_what_it_is_for),
	    TEST(a_chain_of_the_root),
	    TEST(without_memory_for_openssl),
	    TEST(which_root_a_chain_ends_in),
	};

	return cmocka_run_group_tests(tests, make_roots, free_roots);
}
