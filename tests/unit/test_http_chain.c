/* ca/http_chain.h: how a server's chain is verified, and kept. libcurl is played by the test. */
#include "certificates.h"
#include "played_curl.h"

#include <curl/curl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

static int (*verify)(X509_STORE_CTX *, void *);
static void *verify_to;
static bool no_chain;

void __wrap_SSL_CTX_set_cert_verify_callback(SSL_CTX *tls, int (*with)(X509_STORE_CTX *, void *),
					     void *context);
STACK_OF(X509) * __real_X509_chain_up_ref(STACK_OF(X509) * chain);
STACK_OF(X509) * __wrap_X509_chain_up_ref(STACK_OF(X509) * chain);

void __wrap_SSL_CTX_set_cert_verify_callback(SSL_CTX *tls, int (*with)(X509_STORE_CTX *, void *),
					     void *context)
{
	assert_ptr_equal(tls, &handle);
	verify = with;
	verify_to = context;
}

STACK_OF(X509) * __wrap_X509_chain_up_ref(STACK_OF(X509) * chain)
{
	return no_chain ? NULL : __real_X509_chain_up_ref(chain);
}

/* What libssl would ask for: whether the leaf, with what is shown, comes from the root. */
static int verify_one(X509 *leaf, STACK_OF(X509) * shown, X509 *root, int *reason)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	int result;

	assert_int_equal(X509_STORE_add_cert(store, root), 1);
	assert_int_equal(X509_STORE_CTX_init(context, store, leaf, shown), 1);
	X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
	result = verify(context, verify_to);
	*reason = X509_STORE_CTX_get_error(context);
	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
	return result;
}

static void what_a_server_shows(void **state)
{
	EVP_PKEY *key = make_key();
	X509 *root = make_certificate(&(struct kind){.name = "Root", .key = key});
	X509 *namesake = make_certificate(&(struct kind){.name = "Root"});
	X509 *leaf = make_certificate(
	    &(struct kind){.name = "leaf", .issuer = "Root", .signer = key, .basic = "CA:FALSE"});
	STACK_OF(X509) *shown = sk_X509_new_null();
	STACK_OF(X509) *chain = NULL;
	int reason;

	(void)state;
	request.roots = "roots";
	request.chain = &chain;
	assert_int_equal(get(&patient), 0);
	assert_int_equal(play.set_verify(&handle, &handle, play.chain), CURLE_OK);
	assert_ptr_equal(verify_to, &chain);
	assert_int_equal(sk_X509_push(shown, leaf), 1);
	for (int turn = 1; turn <= 2; turn++) {
		assert_int_equal(verify_one(leaf, shown, root, &reason), 1);
		assert_int_equal(sk_X509_num(chain), 1);
		assert_ptr_equal(sk_X509_value(chain, 0), leaf);
	}
	/* One that does not verify leaves what was shown before, and nothing in the queue. */
	assert_int_equal(verify_one(leaf, shown, namesake, &reason), 0);
	assert_int_not_equal(reason, X509_V_OK);
	assert_int_equal(ERR_peek_error(), 0);
	assert_int_equal(sk_X509_num(chain), 1);
	/* What is no root ends no chain. */
	assert_int_equal(verify_one(leaf, shown, leaf, &reason), 0);
	no_chain = true;
	assert_int_equal(verify_one(leaf, shown, root, &reason), 0);
	assert_int_equal(reason, X509_V_ERR_OUT_OF_MEM);
	assert_null(chain);
	no_chain = false;
	sk_X509_pop_free(shown, X509_free);
	X509_free(root);
	X509_free(namesake);
	EVP_PKEY_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_a_server_shows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
