/* tls/verification.c: what is noted of a verification that OpenSSL ends. */
#include "cmocka_start.h"

#include "certificates.h"
#include "tls/verification.h"

#include <openssl/x509_vfy.h>

/* A verification that comes to this end; of a session that verifies its peer, if it has one. */
static void verify(X509 *certificate, int mode, int error, int depth)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL *session = SSL_new(context);
	X509_STORE_CTX *store = X509_STORE_CTX_new();

	assert_non_null(session);
	assert_non_null(store);
	assert_int_equal(
	    X509_STORE_CTX_init(store, SSL_CTX_get_cert_store(context), certificate, NULL), 1);
	SSL_set_verify(session, mode, NULL);
	if (mode >= 0)
		assert_int_equal(X509_STORE_CTX_set_ex_data(
				     store, SSL_get_ex_data_X509_STORE_CTX_idx(), session),
				 1);
	X509_STORE_CTX_set_error(store, error);
	X509_STORE_CTX_set_error_depth(store, depth);
	X509_STORE_CTX_free(store);
	SSL_free(session);
	SSL_CTX_free(context);
}

static void check_reason(const struct pga_verification *verification, const char *expected)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	pga_verification_reason(verification, &text);
	assert_string_equal(pga_text_string(&text), expected);
	pga_text_free(&text);
}

static void what_a_server_has_shown_is_noted(void **state)
{
	struct pga_verification verification;
	X509 *first = make_certificate(&(struct kind){.name = "a"});
	X509 *second = make_certificate(&(struct kind){.name = "b"});

	(void)state;
	memset(&verification, 1, sizeof verification);
	pga_verification_watch(&verification);
	assert_null(verification.certificate);
	assert_int_equal(verification.result + verification.depth, 0);
	assert_string_equal(verification.protocol, "");
	check_reason(&verification, "");
	verify(first, SSL_VERIFY_PEER, X509_V_ERR_CERT_HAS_EXPIRED, 0);
	assert_ptr_equal(verification.certificate, first);
	assert_int_equal(verification.result, X509_V_ERR_CERT_HAS_EXPIRED);
	assert_int_equal(verification.depth, 0);
	assert_true(verification.protocol[0] != '\0' && verification.cipher[0] != '\0');
	check_reason(&verification, "certificate has expired");
	/* The last one counts. */
	verify(second, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
	       X509_V_ERR_CERT_HAS_EXPIRED, 1);
	assert_ptr_equal(verification.certificate, second);
	check_reason(&verification, "certificate has expired, at depth 1 of its chain");
	verify(first, SSL_VERIFY_PEER, X509_V_OK, 0);
	assert_ptr_equal(verification.certificate, first);
	check_reason(&verification, "");
	pga_verification_free(&verification);
	assert_null(verification.certificate);
	verification.result = X509_V_ERR_CERT_HAS_EXPIRED;
	check_reason(&verification, "");
	/* It is nobody else's by then. */
	pga_verification_unwatch();
	X509_free(first);
	X509_free(second);
}

static void what_is_no_servers_is_not_noted(void **state)
{
	struct pga_verification verification;
	X509 *x509 = make_certificate(&(struct kind){.name = "a"});

	(void)state;
	pga_verification_watch(&verification);
	verify(NULL, SSL_VERIFY_PEER, X509_V_ERR_CERT_HAS_EXPIRED, 0);
	verify(x509, SSL_VERIFY_NONE, X509_V_ERR_CERT_HAS_EXPIRED, 0);
	verify(x509, -1, X509_V_ERR_CERT_HAS_EXPIRED, 0);
	assert_null(verification.certificate);
	assert_int_equal(verification.result, 0);
	/* And nobody is told once nobody watches. */
	pga_verification_unwatch();
	verify(x509, SSL_VERIFY_PEER, X509_V_ERR_CERT_HAS_EXPIRED, 0);
	assert_null(verification.certificate);
	X509_free(x509);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_a_server_has_shown_is_noted),
	    cmocka_unit_test(what_is_no_servers_is_not_noted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
