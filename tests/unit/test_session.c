/* The gate's look at a session: what holds, what does not, and the words of each refusal. libpq and
 * OpenSSL are played by the test; what the real ones do is for tests/e2e. */
#include "cmocka_start.h"

#include "base/text.h"
#include "gate/imports.h"
#include "gate/rules.h"
#include "gate/session.h"
#include "gate_fakes.h"
#include "played_session.h"
#include "settings.h"

#include <sys/socket.h>
#include <unistd.h>

/* What is said; "" where it holds. */
static void says(const char *expected)
{
	struct pga_text refusal = PGA_TEXT_EMPTY;
	const bool holds =
	    gate_session_holds(libpq, &rules, the_connection(), &settings.effective, &refusal);

	assert_string_equal(pga_text_string(&refusal), expected);
	assert_int_equal(holds, expected[0] == '\0');
	pga_text_free(&refusal);
}

#define ANCHOR "[a]\npin = " PIN("ab") "\nhosts = *.example.com\n"

static void a_sound_session_holds(void **state)
{
	(void)state;
	begin("", NULL);
	says("");
	fake.version = 0x0303;
	says("");
	fake.bits = 1;
	says("");
	end();
	begin("min-tls=1.3", ANCHOR);
	says("");
	end();
}

static void what_cannot_be_looked_at_does_not_hold(void **state)
{
	static const char linked[] = REFUSED "this libpq's TLS session cannot be looked at: "
					     "OpenSSL is linked into it";

	(void)state;
	begin("", NULL);
	fake.no_session = true;
	says(REFUSED "this libpq's TLS session cannot be looked at: it does not use OpenSSL");
	fake.no_session = false;
	libpq->SSL_get_verify_result = NULL;
	says(linked);
	libpq->SSL_get_verify_result = fake_verify_result;
	libpq->SSL_version = NULL;
	says(linked);
	libpq->SSL_version = fake_version;
	atomic_store(&libpq->openssl_known, false);
	libpq->base = &fake; /* in no object that has an OpenSSL */
	says(linked);
	end();
}

static void what_was_not_verified_does_not_hold(void **state)
{
	(void)state;
	begin("", NULL);
	fake.verify_result = 10;
	says(REFUSED "its certificate was not verified (OpenSSL's verify error 10)");
	fake.verify_result = -1;
	says(REFUSED "its certificate was not verified (OpenSSL's verify error -1)");
	end();
}

static void what_is_too_old_does_not_hold(void **state)
{
	(void)state;
	begin("", NULL);
	fake.version = 0x0302;
	says(REFUSED "its TLS is older than TLSv1.2, the least that the policy takes");
	end();
	begin("min-tls=1.3", NULL);
	fake.version = 0x0303;
	says(REFUSED "its TLS is older than TLSv1.3, the least that the policy takes");
	end();
}

static void what_encrypts_nothing_does_not_hold(void **state)
{
	(void)state;
	begin("", NULL);
	fake.bits = 0;
	says(REFUSED "its TLS session is not encrypted (cipher NULL-SHA)");
	fake.bits = -1;
	says(REFUSED "its TLS session is not encrypted (cipher NULL-SHA)");
	libpq->SSL_CIPHER_get_name = NULL;
	says(REFUSED "its TLS session is not encrypted (cipher none)");
	libpq->SSL_CIPHER_get_name = fake_cipher_name;
	fake.bits = 256;
	fake.no_cipher = true;
	says(REFUSED "its TLS session is not encrypted (cipher none)");
	/* An OpenSSL that does not tell. */
	libpq->SSL_get_current_cipher = NULL;
	says("");
	libpq->SSL_get_current_cipher = fake_cipher;
	libpq->SSL_CIPHER_get_bits = NULL;
	says("");
	end();
}

static void a_root_that_is_not_pinned_does_not_hold(void **state)
{
	static const char other[] = "[b]\npin = " PIN("cd") "\n";

	(void)state;
	begin("", other);
	says(UNPINNED);
	rules.policy.trust = PGA_TRUST_VERIFIED;
	says("");
	end();
	/* The server's own certificate is no root. */
	begin("", "[c]\npin = " PIN("01") "\n");
	says(UNPINNED);
	fake.chain_length = 1;
	says("");
	end();
}

static void an_anchor_is_valid_for_its_hosts(void **state)
{
	(void)state;
	begin("", "[a]\npin = " PIN("ab") "\nhosts = *.example.org x\n");
	says(REFUSED "its certificate chain ends in anchor a, which is not valid for this host "
		     "(hosts = *.example.org x)\n    if it should: pganchor bootstrap --ca-url "
		     "URL --fingerprint HEX --name a --hosts PATTERNS --replace");
	fake.host = "x";
	says("");
	end();
}

static void a_root_that_cannot_be_seen_does_not_hold(void **state)
{
	static const char unseen[] = REFUSED "the root of its certificate chain cannot be seen";

	(void)state;
	begin("", ANCHOR);
	fake.chain_length = 0;
	says(unseen);
	fake.chain_length = -1;
	says(unseen);
	fake.chain_length = 2;
	fake.digest_fails = 1;
	says(unseen);
	fake.digest_length = 31;
	says(unseen);
	fake.digest_length = 33;
	says(unseen);
	fake.digest_length = 32;
	says("");
	libpq->SSL_get0_verified_chain = NULL;
	says(unseen);
	libpq->SSL_get0_verified_chain = fake_chain;
	libpq->OPENSSL_sk_num = NULL;
	says(unseen);
	libpq->OPENSSL_sk_num = fake_length;
	libpq->OPENSSL_sk_value = NULL;
	says(unseen);
	libpq->OPENSSL_sk_value = fake_element;
	libpq->X509_digest = NULL;
	says(unseen);
	libpq->X509_digest = fake_digest;
	libpq->EVP_sha256 = NULL;
	says(unseen);
	end();
}

static void a_pin_is_every_digit_of_the_digest(void **state)
{
	static struct fake_certificate certificate = {0x1e, 'x'};
	char pin[PGA_PIN_LENGTH + 1];

	(void)state;
	begin("", NULL);
	assert_true(gate_certificate_pin(libpq, &certificate, pin));
	assert_string_equal(pin, PIN("1e"));
	end();
}

/* ---- a chain that ends in a twin of a pinned root ---- */
static struct fake_certificate pinned = {0xcd, 'r'};
static struct fake_certificate another = {0xef, 'r'};

static void begin_twin(const char *hosts)
{
	char anchors[256];

	(void)snprintf(anchors, sizeof anchors, "[b]\npin = " PIN("cd") "\nhosts = %s\n", hosts);
	begin("", anchors);
	fake.trusted[0] = &another;
	fake.trusted[1] = &pinned;
	fake.trusted_length = 2;
	fake.verifies_with = 0xcd;
}

/* What was made was given back, and nothing is left in OpenSSL's queue. */
static void is_tidy(void)
{
	assert_int_equal(fake.freed_verifying, fake.verifying);
	assert_int_equal(fake.freed_stores, fake.stores);
	assert_int_equal(fake.marks, fake.drops);
}

static void a_twin_holds(void **state)
{
	(void)state;
	begin_twin("*");
	says("");
	assert_true(fake.verifying == 2 && fake.stores == 1 && fake.marks == 1);
	assert_true(fake.freed_chains > 0);
	is_tidy();
	end();
	/* The one that the chain ends in is pinned for another host, its twin for this one. */
	begin_twin("*");
	pga_pins_free(&rules.pins);
	{
		static const char both[] =
		    "[a]\npin = " PIN("ab") "\nhosts = x\n[b]\npin = " PIN("cd") "\n";
		struct pga_error error;

		assert_int_equal(pga_pins_parse(&rules.pins, "f", both, strlen(both), &error), 0);
	}
	says("");
	end();
}

static void what_is_no_twin_does_not_hold(void **state)
{
	(void)state;
	begin_twin("*");
	fake.verifies_with = 0;
	says(UNPINNED);
	is_tidy();
	fake.verifies_with = 0xcd;
	fake.no_purpose = true;
	says(UNPINNED);
	fake.no_purpose = false;
	fake.no_begin = true;
	says(UNPINNED);
	is_tidy();
	fake.no_begin = false;
	fake.trusted_length = 1; /* the pinned one is not trusted */
	says(UNPINNED);
	fake.trusted_length = 0;
	says(UNPINNED);
	/* The server's own certificate has the name. */
	fake.trusted_length = 2;
	fake.chain[1]->name = 'q';
	fake.chain[0]->name = 'r';
	says(UNPINNED);
	fake.chain[1]->name = 'r';
	fake.chain[0]->name = 's';
	says("");
	end();
	begin_twin("elsewhere");
	says(UNPINNED);
	end();
}

/* Nor what OpenSSL has no memory for, or does not begin to verify. */
static void what_cannot_be_verified_alone_does_not_hold(void **state)
{
	(void)state;
	begin_twin("*");
	fake.no_store = true;
	says(UNPINNED);
	fake.no_store = false;
	fake.no_room_in_store = true;
	says(UNPINNED);
	fake.no_room_in_store = false;
	fake.no_begin_alone = true;
	says(UNPINNED);
	fake.no_begin_alone = false;
	for (int verify = 1; verify <= 2; verify++) {
		fake.verifying = 0;
		fake.no_verify = verify;
		says(UNPINNED);
	}
	fake.no_verify = 0;
	assert_false(fake.null_used);
	says("");
	/* The first of its name is as good as another. */
	fake.trusted[0] = &pinned;
	fake.trusted[1] = &another;
	says("");
	fake.trusted_length = 1;
	says("");
	end();
}

/* In a chain of three it is the root's, or that of the certificate before it. */
static void each_certificate_of_a_chain_may_have_a_twin(void **state)
{
	static struct fake_certificate last = {0x99, 'q'};

	(void)state;
	begin_twin("*");
	fake.chain[2] = &last;
	fake.chain_length = 3;
	says("");
	is_tidy();
	last.name = 'r';
	fake.chain[1]->name = 'i';
	says("");
	is_tidy();
	fake.chain[1]->name = 'r';
	end();
}

/* Where OpenSSL lacks one of what it takes, nothing of it is called. */
static void without_a_function_there_is_no_twin(void **state)
{
	static const size_t needed[] = {offsetof(struct gate_libpq, SSL_get_SSL_CTX),
					offsetof(struct gate_libpq, SSL_CTX_get_cert_store),
					offsetof(struct gate_libpq, X509_STORE_CTX_new),
					offsetof(struct gate_libpq, X509_STORE_CTX_free),
					offsetof(struct gate_libpq, X509_STORE_CTX_init),
					offsetof(struct gate_libpq, X509_STORE_CTX_set_default),
					offsetof(struct gate_libpq, X509_STORE_CTX_set_flags),
					offsetof(struct gate_libpq, X509_verify_cert),
					offsetof(struct gate_libpq, X509_STORE_CTX_get1_certs),
					offsetof(struct gate_libpq, X509_STORE_new),
					offsetof(struct gate_libpq, X509_STORE_free),
					offsetof(struct gate_libpq, X509_STORE_add_cert),
					offsetof(struct gate_libpq, X509_get_subject_name),
					offsetof(struct gate_libpq, X509_free),
					offsetof(struct gate_libpq, OPENSSL_sk_pop_free),
					offsetof(struct gate_libpq, ERR_set_mark),
					offsetof(struct gate_libpq, ERR_pop_to_mark)};

	(void)state;
	for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
		begin_twin("*");
		memset((char *)libpq + needed[i], 0, sizeof(void *));
		says(UNPINNED);
		assert_int_equal(fake.marks + fake.drops + fake.verifying, 0);
		end();
	}
}

/* ---- what is no TLS ---- */

static void what_is_not_encrypted_does_not_hold(void **state)
{
	static const char plain[] =
	    REFUSED "the connection is not encrypted\n    set sslmode=verify-full";

	(void)state;
	begin("", NULL);
	fake.tls = 0;
	fake.status = CONNECTION_MADE;
	says(""); /* it will ask for TLS */
	fake.status = CONNECTION_OK;
	says(plain);
	fake.status = CONNECTION_MADE;
	make_settings(&settings, "host=db.example.com sslmode=require");
	says(plain);
	make_settings(&settings, "host=db.example.com -sslmode");
	says(plain);
	fake.host = NULL;
	says("pganchor refused the server : the connection is not encrypted\n    set "
	     "sslmode=verify-full");
	end();
}

static void gssapi_holds_by_the_policy(void **state)
{
	(void)state;
	begin("", NULL);
	fake.gss = 1;
	says(REFUSED
	     "the session has GSSAPI encryption instead of TLS\n    set gssencmode=disable");
	rules.policy.gss_encryption = PGA_ALLOW;
	fake.verify_result = 10;
	says("");
	libpq->PQgssEncInUse = NULL;
	says(REFUSED "its certificate was not verified (OpenSSL's verify error 10)");
	end();
}

static void an_exempt_host_holds(void **state)
{
	(void)state;
	begin("weak=db.example.com", NULL);
	fake.tls = 0;
	fake.status = CONNECTION_OK;
	says("");
	fake.host = "other";
	make_settings(&settings, "host=other");
	says("pganchor refused the server other: the connection is not encrypted\n    set "
	     "sslmode=verify-full");
	end();
}

static void a_socket_holds_by_the_policy(void **state)
{
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	begin("", NULL);
	fake.tls = 0;
	fake.status = CONNECTION_OK;
	fake.socket = pair[0];
	says("");
	rules.policy.unix_socket = PGA_REFUSE;
	says(REFUSED "the policy refuses Unix-domain sockets");
	/* With TLS it is none, whatever the descriptor is by now. */
	fake.tls = 1;
	fake.verify_result = 10;
	says(REFUSED "its certificate was not verified (OpenSSL's verify error 10)");
	end();
	assert_int_equal(close(pair[0]) + close(pair[1]), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_sound_session_holds),
	    cmocka_unit_test(what_cannot_be_looked_at_does_not_hold),
	    cmocka_unit_test(what_was_not_verified_does_not_hold),
	    cmocka_unit_test(what_is_too_old_does_not_hold),
	    cmocka_unit_test(what_encrypts_nothing_does_not_hold),
	    cmocka_unit_test(a_root_that_is_not_pinned_does_not_hold),
	    cmocka_unit_test(an_anchor_is_valid_for_its_hosts),
	    cmocka_unit_test(a_root_that_cannot_be_seen_does_not_hold),
	    cmocka_unit_test(a_pin_is_every_digit_of_the_digest),
	    cmocka_unit_test(a_twin_holds),
	    cmocka_unit_test(what_is_no_twin_does_not_hold),
	    cmocka_unit_test(what_cannot_be_verified_alone_does_not_hold),
	    cmocka_unit_test(each_certificate_of_a_chain_may_have_a_twin),
	    cmocka_unit_test(without_a_function_there_is_no_twin),
	    cmocka_unit_test(what_is_not_encrypted_does_not_hold),
	    cmocka_unit_test(gssapi_holds_by_the_policy),
	    cmocka_unit_test(an_exempt_host_holds),
	    cmocka_unit_test(a_socket_holds_by_the_policy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
