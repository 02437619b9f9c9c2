/* cli/bootstrap_warnings.h: what is warned of before and after a root is pinned. */
#include "cmocka_start.h"
#include "certificates.h"
#include "printed.h"

#include "cli/bootstrap_warnings.h"

/* ---- after it ---- */

static struct pga_anchoring done;
static char name[] = "company";
static char fault[] = "no CRL";

static int warn_after(void *context)
{
	(void)context;
	pga_warn_of_crls(&done);
	pga_warn_of_scope(&done);
	return 0;
}

static void what_has_become_of_it(void **state)
{
	(void)state;
	done.name = name;
	(void)prints(warn_after, NULL);
	assert_string_equal(printed.errors, "");
	done.crl_fault = fault;
	(void)prints(warn_after, NULL);
	assert_string_equal(
	    printed.errors,
	    "pganchor: warning: libpq cannot verify this CA's servers yet: no CRL\n    it wants a "
	    "CRL of every CA where it finds one of any: add those of this CA (its root's and "
	    "its\n    intermediates') to that file, move it away, or give connections to this CA "
	    "an sslcrl of their own\n");
	done.crl_fault = NULL;
	done.kept_scoped = true;
	(void)prints(warn_after, NULL);
	assert_string_equal(printed.errors,
			    "pganchor: warning: anchor company stays scoped, as it was: root.crt "
			    "is left alone\n    the same command with --unscoped puts it there\n");
	assert_string_equal(printed.output, "");
}

static int warn_of_rotation(void *context)
{
	(void)context;
	pga_warn_of_rotation("https://ca", "new", "old");
	return 0;
}

static void a_ca_that_moves(void **state)
{
	(void)state;
	(void)prints(warn_of_rotation, NULL);
	assert_string_equal(printed.errors,
			    "pganchor: warning: the TLS of https://ca still comes from anchor old: "
			    "anchor new is proved by its fingerprint, and no server of it was seen "
			    "yet\n    keep both until the CA and its servers have moved\n");
}

/* ---- before it ---- */

struct shown {
	struct pga_certificate root;
	STACK_OF(X509) * chain;
};

static int warn_before(void *context)
{
	const struct shown *shown = context;

	pga_warn_before_pinning(&shown->root, shown->chain);
	return 0;
}

/* A root that ends in so many seconds. */
static struct pga_certificate root_until(long ends)
{
	return take_certificate(make_certificate(&(struct kind){.name = "Root", .ends = ends}));
}

static void a_root_that_expires(void **state)
{
	static const struct {
		long ends;
		bool warned;
	} cases[] = {
	    {DAY, true},
	    {21 * DAY - 600, true},
	    {21 * DAY + 600, false},
	    {22 * DAY, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct shown shown = {root_until(cases[i].ends), sk_X509_new_null()};
		char expected[300] = "";

		if (cases[i].warned)
			(void)snprintf(expected, sizeof expected,
				       "pganchor: warning: the root expires at %s, and libpq "
				       "refuses every server of it from then on: ask who runs the "
				       "CA for the next one\n",
				       shown.root.not_after);
		(void)prints(warn_before, &shown);
		assert_string_equal(printed.errors, expected);
		assert_string_equal(printed.output, "");
		sk_X509_free(shown.chain);
		pga_certificate_free(&shown.root);
	}
}

/* The first of those that the CA showed is its server's own. */
static void a_signature_without_a_digest(void **state)
{
	enum { KINDS = 4 };
	EVP_PKEY *keys[KINDS] = {EVP_EC_gen("P-256"), EVP_RSA_gen(2048),
				 EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"),
				 EVP_PKEY_Q_keygen(NULL, NULL, "ED448")};
	static const char *const said[KINDS] = {NULL, NULL, "ED25519", "ED448"};
	X509 *above = make_certificate(&(struct kind){.name = "Above", .signer = keys[0]});
	struct shown shown = {root_until(30 * DAY), sk_X509_new_null()};

	(void)state;
	for (size_t i = 0; i < KINDS; i++) {
		X509 *leaf = make_certificate(&(struct kind){.name = "leaf", .signer = keys[i]});
		char expected[500] = "";

		if (said[i] != NULL)
			(void)snprintf(
			    expected, sizeof expected,
			    "pganchor: warning: this CA signs with %s, for which libpq knows no "
			    "digest: to servers with such certificates, SCRAM (password\n    "
			    "authentication) fails with \"could not find digest for NID\" unless "
			    "channel_binding=disable is set; an EC or RSA key of the\n    issuing "
			    "CA avoids it\n",
			    said[i]);
		assert_int_equal(sk_X509_push(shown.chain, leaf), 1);
		assert_int_equal(sk_X509_push(shown.chain, above), 2);
		(void)prints(warn_before, &shown);
		assert_string_equal(printed.errors, expected);
		sk_X509_zero(shown.chain);
		X509_free(leaf);
	}
	for (size_t i = 0; i < KINDS; i++)
		EVP_PKEY_free(keys[i]);
	X509_free(above);
	sk_X509_free(shown.chain);
	pga_certificate_free(&shown.root);
}

/* What has a signature that is none of OpenSSL's. */
static void a_signature_that_is_not_known(void **state)
{
	struct shown shown = {root_until(30 * DAY), sk_X509_new_null()};
	X509 *leaf = X509_new();

	(void)state;
	assert_int_equal(sk_X509_push(shown.chain, leaf), 1);
	(void)prints(warn_before, &shown);
	assert_non_null(strstr(printed.errors, "this CA signs with undefined, for which"));
	X509_free(leaf);
	sk_X509_free(shown.chain);
	pga_certificate_free(&shown.root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_has_become_of_it),
	    cmocka_unit_test(a_ca_that_moves),
	    cmocka_unit_test(a_root_that_expires),
	    cmocka_unit_test(a_signature_without_a_digest),
	    cmocka_unit_test(a_signature_that_is_not_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
