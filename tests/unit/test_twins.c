/* tls/twins.h: which trusted roots a verified chain could end in as well. */
#include "failing.h"
#include "certificates.h"

#include "tls/certificate.h"
#include "tls/twins.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>

static EVP_PKEY *root_key;
static EVP_PKEY *middle_key;
static X509 *root;
static X509 *middle;
static X509 *leaf;
static SSL_CTX *client_context;
static SSL_CTX *server_context;
static SSL *client;
static SSL *server;

static X509 *of_root_key(const struct kind *like)
{
	struct kind kind = *like;

	kind.key = root_key;
	return make_certificate(&kind);
}

static void trust(X509 *certificate)
{
	assert_int_equal(X509_STORE_add_cert(SSL_CTX_get_cert_store(client_context), certificate),
			 1);
}

static void shake_hands(void)
{
	BIO *ours;
	BIO *theirs;

	client = SSL_new(client_context);
	server = SSL_new(server_context);
	assert_int_equal(BIO_new_bio_pair(&ours, 0, &theirs, 0), 1);
	SSL_set_bio(client, ours, ours);
	SSL_set_bio(server, theirs, theirs);
	SSL_set_connect_state(client);
	SSL_set_accept_state(server);
	for (int turn = 0; turn < 10 && !SSL_is_init_finished(client); turn++) {
		(void)SSL_do_handshake(client);
		(void)SSL_do_handshake(server);
	}
	assert_true(SSL_is_init_finished(client));
	assert_int_equal(SSL_get_verify_result(client), X509_V_OK);
	assert_int_equal(sk_X509_num(SSL_get0_verified_chain(client)), 3);
	ERR_clear_error();
}

/* The chain of a session: leaf, middle, root. */
static int begin(void **state)
{
	(void)state;
	root_key = make_key();
	middle_key = make_key();
	root = of_root_key(&(struct kind){.name = "Root"});
	middle = make_certificate(&(struct kind){.name = "Middle",
						 .issuer = "Root",
						 .key = middle_key,
						 .signer = root_key,
						 .serial = 5});
	leaf = make_certificate(&(struct kind){.name = "leaf",
					       .issuer = "Middle",
					       .key = middle_key,
					       .basic = "CA:FALSE",
					       .purpose = "serverAuth",
					       .serial = 7});
	client_context = SSL_CTX_new(TLS_client_method());
	server_context = SSL_CTX_new(TLS_server_method());
	SSL_CTX_set_verify(client_context, SSL_VERIFY_PEER, NULL);
	assert_int_equal(SSL_CTX_use_certificate(server_context, leaf), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(server_context, middle_key), 1);
	assert_int_equal(SSL_CTX_add1_chain_cert(server_context, middle), 1);
	trust(root);
	shake_hands();
	return 0;
}

static int end(void **state)
{
	(void)state;
	SSL_free(client);
	SSL_free(server);
	SSL_CTX_free(client_context);
	SSL_CTX_free(server_context);
	X509_free(root);
	X509_free(middle);
	X509_free(leaf);
	EVP_PKEY_free(root_key);
	EVP_PKEY_free(middle_key);
	return 0;
}

static bool is_among(const struct pga_twins *twins, const X509 *certificate)
{
	char pin[PGA_PIN_LENGTH + 1];
	bool found = false;

	assert_int_equal(pga_certificate_pin(certificate, pin), 0);
	for (size_t i = 0; i < twins->count; i++)
		found = found || strcmp(twins->pins[i], pin) == 0;
	return found;
}

static void assert_twins(size_t count)
{
	struct pga_twins twins = {.count = 0};
	struct pga_error error;

	assert_int_equal(pga_twins_find(client, &twins, &error), 0);
	assert_int_equal(twins.count, count);
	assert_true(is_among(&twins, root));
	/* What did not verify is nobody's error. */
	assert_int_equal(ERR_peek_error(), 0);
	pga_twins_free(&twins);
	assert_null(twins.pins);
	assert_int_equal(twins.count, 0);
}

/* Each is trusted after the handshake, as the file of roots would have it. */
static const struct {
	struct kind kind;
	bool of_key;
	bool is_twin;
} others[] = {
    {{.name = "Root", .serial = 2}, true, true},
    {{.name = "Root", .serial = 3, .begins = -20 * DAY, .ends = -DAY}, true, true},
    {{.name = "Root", .serial = 4}, false, false},
    {{.name = "Root", .serial = 5, .purpose = "clientAuth"}, true, false},
    {{.name = "Other", .serial = 6}, true, false},
};

static void roots_of_one_name(void **state)
{
	size_t count = 1;

	(void)state;
	assert_twins(count);
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		X509 *other = others[i].of_key ? of_root_key(&others[i].kind)
					       : make_certificate(&others[i].kind);

		trust(other);
		count += others[i].is_twin;
		assert_twins(count);
		X509_free(other);
	}
}

/* One that is in the middle may be a root of its own. */
static void roots_of_the_middle(void **state)
{
	X509 *own = make_certificate(&(struct kind){.name = "Middle", .key = middle_key});
	X509 *no_root = make_certificate(&(struct kind){.name = "leaf", .key = middle_key});

	(void)state;
	/* Not by itself: it is no root. */
	trust(middle);
	assert_twins(1);
	trust(own);
	assert_twins(2);
	/* The server's own certificate is none of them. */
	trust(no_root);
	assert_twins(2);
	X509_free(own);
	X509_free(no_root);
}

static int find_once(struct pga_error *error)
{
	struct pga_twins twins = {.count = 0};
	const int result = pga_twins_find(client, &twins, error);

	if (result == 0)
		assert_int_equal(twins.count, 3);
	assert_int_equal(ERR_peek_error(), 0);
	pga_twins_free(&twins);
	return result;
}

static void without_memory(void **state)
{
	X509 *twin = of_root_key(&others[0].kind);
	X509 *own = make_certificate(&(struct kind){.name = "Middle", .key = middle_key});

	(void)state;
	trust(twin);
	trust(own);
	without_each(find_once, false);
	X509_free(twin);
	X509_free(own);
}

static void a_pin(void **state)
{
	struct pga_certificate certificate = make_root("Pinned");
	unsigned char digest[32];
	unsigned length;
	char pin[PGA_PIN_LENGTH + 1];
	X509 *x509 = NULL;
	BIO *pem = BIO_new_mem_buf(certificate.pem, -1);

	(void)state;
	x509 = PEM_read_bio_X509(pem, NULL, NULL, NULL);
	assert_non_null(x509);
	assert_int_equal(pga_certificate_pin(x509, pin), 0);
	assert_int_equal(strlen(pin), PGA_PIN_LENGTH);
	assert_string_equal(pin, certificate.pin);
	assert_int_equal(X509_digest(x509, EVP_sha256(), digest, &length), 1);
	for (size_t i = 0; i < sizeof digest; i++) {
		char pair[3];

		(void)snprintf(pair, sizeof pair, "%02x", digest[i]);
		assert_memory_equal(pin + 2 * i, pair, 2);
	}
	X509_free(x509);
	BIO_free(pem);
	pga_certificate_free(&certificate);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
	    TEST(roots_of_one_name),
	    TEST(roots_of_the_middle),
	    TEST(without_memory),
	    cmocka_unit_test(a_pin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
