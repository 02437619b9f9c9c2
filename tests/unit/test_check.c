/* service/check.h: whom each host of an entry turns out to be, and whether all of them are trusted.
 */
#include "failing.h"
#include "tls_server.h"
#include "directory.h"

#include "policy/linked.h"
#include "service/ask.h"
#include "service/check.h"

#include <stdio.h>

static EVP_PKEY *key;
static EVP_PKEY *other_key;
static struct pga_certificate root;
static struct pga_certificate other;
static X509 *leaf;
static X509 *other_leaf;
static struct pga_error error;
static char asked[256];
static struct pga_policy policy;

/* Of the root, and of the other: all three of the first, two of the second. */
static struct tls_server ours;
static struct tls_server theirs;

static struct pga_hidden_environment hidden;

static int start_all(void **state)
{
	(void)state;
	policy = (struct pga_policy){.trust = PGA_TRUST_PINNED,
				     .user_anchors = PGA_ALLOW,
				     .min_tls = PGA_TLS_1_2,
				     .channel_binding = PGA_BINDING_PREFER};
	key = make_key();
	other_key = make_key();
	root = take_certificate(make_certificate(&(struct kind){.name = "Root", .key = key}));
	other =
	    take_certificate(make_certificate(&(struct kind){.name = "Other", .key = other_key}));
	leaf = make_leaf("Root", key, key);
	other_leaf = make_leaf("Other", key, other_key);
	ours = (struct tls_server){.manner = IS_POSTGRES, .leaf = leaf, .key = key};
	theirs = (struct tls_server){.manner = IS_POSTGRES, .leaf = other_leaf, .key = key};
	start_server(&ours);
	start_server(&theirs);
	return make_scratch(state) != 0 || setenv("HOME", scratch, 1) != 0
		   ? -1
		   : pga_hide_environment(&hidden);
}

static int stop_all(void **state)
{
	stop_server(&ours, asked, sizeof asked);
	stop_server(&theirs, asked, sizeof asked);
	pga_restore_environment(&hidden);
	pga_certificate_free(&root);
	pga_certificate_free(&other);
	X509_free(leaf);
	X509_free(other_leaf);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other_key);
	return remove_scratch(state);
}

/* Both roots, or one of them, in the file that is trusted. */
static void trust(bool first, bool second)
{
	char text[8192];

	(void)snprintf(text, sizeof text, "%s%s", first ? root.pem : "", second ? other.pem : "");
	put("roots", text);
}

static struct pga_pins pins_of(const struct pga_certificate *certificate, const char *hosts)
{
	struct pga_pins pins;
	char text[256];

	(void)snprintf(text, sizeof text, "[n]\nhosts = %s\npin = %s\n", hosts, certificate->pin);
	assert_int_equal(pga_pins_parse(&pins, "x", text, strlen(text), &error), 0);
	return pins;
}

/* Checks the hosts; the mode and the timeout may be others than the usual. */
static void check_hosts(const char *hosts, const char *ports, const char *mode, const char *timeout,
			const struct pga_pins *pins, const struct pga_pin *bound,
			struct pga_check *check)
{
	char roots[64];
	const char *const keywords[] = {"host", "port", "sslmode", "sslrootcert", "connect_timeout",
					"user", NULL};
	const char *const values[] = {hosts, ports, mode, roots, timeout, "u", NULL};
	const struct pga_parameters parameters = {keywords, values, 0};
	struct pga_effective effective;

	(void)snprintf(roots, sizeof roots, "%s/%s", scratch,
		       strcmp(mode, "require") == 0 ? "none" : "roots");
	if (pga_ask(&parameters, &effective, &error) != 0)
		fail_msg("%s", error.message);
	memset(check, 'x', sizeof *check);
	assert_int_equal(pga_check_hosts(&effective, &policy, pins, bound, check, &error), 0);
	pga_effective_free(&pga_linked_libpq, &effective);
}

static void check_one(int port, const struct pga_pins *pins, const struct pga_pin *bound,
		      struct pga_check *check)
{
	char text[16];

	(void)snprintf(text, sizeof text, "%d", port);
	check_hosts("127.0.0.1", text, "verify-full", "10", pins, bound, check);
	assert_int_equal(check->count, 1);
}

static void assert_a_date(const char *text)
{
	assert_int_equal(strlen(text), strlen("2026-11-22T06:00:00Z"));
	assert_memory_equal(text, "20", 2);
	assert_int_equal(text[19], 'Z');
}

static void whom_it_found(void **state)
{
	struct pga_pins pins = pins_of(&root, "*");
	const struct pga_checked_host *item;
	struct pga_check check;

	(void)state;
	trust(true, false);
	check_one(ours.port, &pins, NULL, &check);
	item = &check.items[0];
	assert_true(check.trusted && item->trusted && item->handshake.answered &&
		    item->handshake.shown);
	assert_false(item->skipped);
	assert_null(check.problem);
	assert_null(item->problem);
	assert_ptr_equal(item->pin, &pins.pins[0]);
	assert_string_equal(item->handshake.protocol, "TLSv1.3");
	assert_memory_equal(item->handshake.cipher, "TLS_", 4);
	assert_string_equal(item->handshake.subject, "CN=leaf");
	assert_string_equal(item->handshake.issuer, "CN=Root");
	assert_string_equal(item->handshake.names, "DNS:localhost, IP Address:127.0.0.1");
	assert_string_equal(item->handshake.root, "CN=Root");
	assert_string_equal(item->handshake.root_pin, root.pin);
	assert_a_date(item->handshake.valid_from);
	assert_a_date(item->handshake.valid_to);
	assert_true(strcmp(item->handshake.valid_from, item->handshake.valid_to) < 0);
	pga_check_free(&check);
	assert_null(check.items);
	pga_pins_free(&pins);
}

/* Wherever it is in the list, one that is not trusted counts, and the first problem is told. */
static void every_host_counts(void **state)
{
	struct pga_pins pins = pins_of(&root, "*");
	struct pga_check check;
	char ports[64];

	(void)state;
	for (int verified = 0; verified < 2; verified++) {
		trust(true, verified);
		for (int bad = 0; bad < 3; bad++) {
			(void)snprintf(
			    ports, sizeof ports, "%d,%d,%d", bad == 0 ? theirs.port : ours.port,
			    bad == 1 ? theirs.port : ours.port, bad == 2 ? theirs.port : ours.port);
			check_hosts("127.0.0.1,127.0.0.1,127.0.0.1", ports, "verify-full", "10",
				    &pins, NULL, &check);
			assert_int_equal(check.count, 3);
			assert_false(check.trusted);
			for (int i = 0; i < 3; i++) {
				assert_int_equal(check.items[i].trusted, i != bad);
				assert_int_equal(check.items[i].problem == NULL,
						 i != bad || verified);
				assert_true(check.items[i].handshake.shown &&
					    check.items[i].handshake.answered);
				assert_ptr_equal(check.items[i].pin,
						 i != bad ? &pins.pins[0] : NULL);
			}
			assert_ptr_equal(check.problem, check.items[bad].problem);
			if (!verified) {
				assert_non_null(strstr(check.problem, "certificate verify failed"));
				assert_non_null(strstr(
				    check.problem, " (unable to get local issuer certificate)"));
				assert_int_equal(check.items[bad].handshake.verify_result,
						 X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
				assert_string_equal(check.items[bad].handshake.subject, "CN=leaf");
				assert_string_equal(check.items[bad].handshake.issuer, "CN=Other");
				assert_string_equal(check.items[bad].handshake.root_pin, "");
				assert_null(check.items[bad].handshake.root);
			} else {
				assert_string_equal(check.items[bad].handshake.root_pin, other.pin);
			}
			pga_check_free(&check);
		}
	}
	pga_pins_free(&pins);
}

static void what_trust_depends_on(void **state)
{
	struct pga_pins pins = pins_of(&root, "*");
	struct pga_pins other_pins = pins_of(&other, "*");
	struct pga_pins elsewhere = pins_of(&root, "127.0.0.2");
	struct pga_pins here = pins_of(&root, "127.0.0.1");
	const struct pga_pins none = {.count = 0};
	struct pga_host_set exempt;
	const struct {
		const struct pga_pins *pins;
		const struct pga_pin *bound;
		bool trusted;
		bool trusted_if_verified;
	} cases[] = {
	    {&pins, NULL, true, true},
	    {&here, NULL, true, true},
	    {&elsewhere, NULL, false, true},
	    {&other_pins, NULL, false, true},
	    {&none, NULL, true, true},
	    {&pins, &pins.pins[0], true, true},
	    /* One that is bound is the only one, but for those that are pinned for all of its
	     * hosts. */
	    {&pins, &other_pins.pins[0], true, true},
	    {&here, &other_pins.pins[0], false, false},
	};

	(void)state;
	trust(true, false);
	assert_int_equal(pga_host_set_make(&exempt, "127.0.0.1", 9), 0);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pga_check check;

		check_one(ours.port, cases[i].pins, cases[i].bound, &check);
		assert_int_equal(check.trusted, cases[i].trusted);
		pga_check_free(&check);
		policy.trust = PGA_TRUST_VERIFIED;
		check_one(ours.port, cases[i].pins, cases[i].bound, &check);
		assert_int_equal(check.trusted, cases[i].trusted_if_verified);
		pga_check_free(&check);
		policy.trust = PGA_TRUST_PINNED;
		policy.allow_weak = &exempt;
		policy.allow_weak_count = 1;
		check_one(ours.port, cases[i].pins, cases[i].bound, &check);
		assert_int_equal(check.trusted, cases[i].trusted_if_verified);
		pga_check_free(&check);
		policy.allow_weak_count = 0;
	}
	pga_host_set_free(&exempt);
	pga_pins_free(&pins);
	pga_pins_free(&other_pins);
	pga_pins_free(&elsewhere);
	pga_pins_free(&here);
}

/* A root that was renewed with its key is as good, where it is trusted as well. */
static void twins_of_the_root(void **state)
{
	struct pga_certificate twin = take_certificate(
	    make_certificate(&(struct kind){.name = "Root", .key = key, .serial = 2, .ends = -2}));
	struct pga_certificate namesake = make_root("Root");
	const struct {
		const char *first; /* of the file that is trusted */
		const char *second;
		const struct pga_certificate *pinned;
		bool trusted;
	} cases[] = {
	    {root.pem, twin.pem, &root, true},     {root.pem, twin.pem, &twin, true},
	    {root.pem, "", &twin, false},          {root.pem, namesake.pem, &namesake, false},
	    {root.pem, namesake.pem, &root, true},
	};
	struct pga_check check;
	char text[8192];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pga_pins pins = pins_of(cases[i].pinned, "*");
		struct pga_pins elsewhere = pins_of(cases[i].pinned, "elsewhere");

		(void)snprintf(text, sizeof text, "%s%s", cases[i].first, cases[i].second);
		put("roots", text);
		check_one(ours.port, &pins, NULL, &check);
		assert_string_equal(check.items[0].handshake.root_pin, root.pin);
		assert_int_equal(check.trusted, cases[i].trusted);
		assert_ptr_equal(check.items[0].pin, cases[i].trusted ? &pins.pins[0] : NULL);
		pga_check_free(&check);
		check_one(ours.port, &elsewhere, NULL, &check);
		assert_false(check.trusted);
		assert_ptr_equal(check.items[0].pin, cases[i].trusted ? &elsewhere.pins[0] : NULL);
		pga_check_free(&check);
		pga_pins_free(&pins);
		pga_pins_free(&elsewhere);
	}
	/* Rather one that is valid for this host. */
	{
		struct pga_pins pins;

		(void)snprintf(text, sizeof text,
			       "[a]\nhosts = elsewhere\npin = %s\n[b]\npin = %s\n", root.pin,
			       twin.pin);
		assert_int_equal(pga_pins_parse(&pins, "x", text, strlen(text), &error), 0);
		(void)snprintf(text, sizeof text, "%s%s", root.pem, twin.pem);
		put("roots", text);
		check_one(ours.port, &pins, NULL, &check);
		assert_true(check.trusted);
		assert_ptr_equal(check.items[0].pin, &pins.pins[1]);
		pga_check_free(&check);
		pga_pins_free(&pins);
	}
	pga_certificate_free(&twin);
	pga_certificate_free(&namesake);
}

static void where_there_is_no_handshake(void **state)
{
	static const struct {
		const char *host;
		const char *mode;
		bool skipped;
	} hosts[] = {
	    {"/run", "verify-full", true},       {"127.0.0.1", "prefer", true},
	    {"127.0.0.1", "allow", true},        {"127.0.0.1", "disable", true},
	    {"127.0.0.1", "require", false},     {"127.0.0.1", "verify-ca", false},
	    {"127.0.0.1", "verify-full", false},
	};
	const struct pga_pins none = {.count = 0};
	char port[16];

	(void)state;
	trust(true, false);
	(void)snprintf(port, sizeof port, "%d", ours.port);
	for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
		struct pga_check check;

		check_hosts(hosts[i].host, port, hosts[i].mode, "10", &none, NULL, &check);
		assert_int_equal(check.items[0].skipped, hosts[i].skipped);
		assert_int_equal(check.items[0].handshake.shown, !hosts[i].skipped);
		assert_true(check.trusted);
		if (strcmp(hosts[i].mode, "require") == 0) {
			assert_string_equal(check.items[0].handshake.root_pin, "");
			assert_null(check.items[0].handshake.root);
		}
		pga_check_free(&check);
	}
}

/* One that is refused is described as far as that goes. */
static void what_a_refused_server_shows(void **state)
{
	X509 *odd = make_unsigned(&(struct kind){.name = "odd", .issuer = "Root"}, key);
	struct tls_server server = {.manner = IS_POSTGRES, .leaf = odd, .key = key};
	const struct pga_pins none = {.count = 0};
	const struct pga_handshake *handshake;
	const bool read = end_oddly(odd, key);
	struct pga_check check;

	(void)state;
	trust(true, false);
	start_server(&server);
	check_one(server.port, &none, NULL, &check);
	handshake = &check.items[0].handshake;
	assert_false(check.trusted);
	assert_true(handshake->answered);
	assert_int_equal(handshake->shown, read);
	if (read) {
		assert_int_not_equal(handshake->verify_result, X509_V_OK);
		assert_string_equal(handshake->subject, "CN=odd");
		assert_string_equal(handshake->issuer, "CN=Root");
		assert_string_equal(handshake->names, "");
		assert_a_date(handshake->valid_from);
		assert_string_equal(handshake->valid_to, "no date");
	}
	pga_check_free(&check);
	stop_server(&server, asked, sizeof asked);
	X509_free(odd);
}

static void nobody_is_there(void **state)
{
	struct tls_server gone = {.manner = IS_SILENT, .leaf = leaf, .key = key};
	const struct pga_pins none = {.count = 0};
	struct pga_check check;
	char port[16];

	(void)state;
	trust(true, false);
	start_server(&gone);
	(void)snprintf(port, sizeof port, "%d", gone.port);
	check_hosts("127.0.0.1", port, "verify-full", "1", &none, NULL, &check);
	assert_string_equal(check.problem, "the server did not answer within 1 seconds");
	assert_true(check.items[0].handshake.answered);
	assert_false(check.items[0].handshake.shown || check.trusted);
	pga_check_free(&check);
	stop_server(&gone, asked, sizeof asked);
	check_hosts("127.0.0.1", port, "verify-full", "0", &none, NULL, &check);
	assert_non_null(strstr(check.problem, "Connection refused"));
	/* Its two lines as one. */
	assert_null(strchr(check.problem, '\n'));
	assert_non_null(strstr(check.problem, "; Is the server running"));
	assert_false(check.items[0].handshake.answered || check.items[0].handshake.shown ||
		     check.trusted);
	pga_check_free(&check);
}

static struct pga_effective asked_for;
static struct pga_pins pinned;

/* What could not be looked at is not trusted, and is told as that. */
static int check_once(struct pga_error *said)
{
	struct pga_check check;
	const int result = pga_check_hosts(&asked_for, &policy, &pinned, NULL, &check, said);

	left = 0;
	if (result != 0) {
		assert_null(check.items);
		return result;
	}
	assert_int_equal(check.count, 2);
	if (check.trusted) {
		assert_false(has_failed);
		for (int i = 0; i < 2; i++) {
			const struct pga_handshake *handshake = &check.items[i].handshake;

			assert_non_null(handshake->protocol);
			assert_non_null(handshake->cipher);
			assert_non_null(handshake->subject);
			assert_non_null(handshake->issuer);
			assert_non_null(handshake->names);
			assert_non_null(handshake->valid_from);
			assert_non_null(handshake->valid_to);
			assert_string_equal(handshake->root, "CN=Root");
		}
	} else if (strstr(check.problem, "out of memory") == NULL) {
		fail_msg("%s", check.problem);
	}
	pga_check_free(&check);
	return 0;
}

static void without_memory(void **state)
{
	char port[16];
	const char *const keywords[] = {"host", "port", "sslmode", "sslrootcert", NULL};
	const char *const values[] = {"127.0.0.1,127.0.0.1", port, "verify-full", "roots", NULL};
	const struct pga_parameters parameters = {keywords, values, 0};

	(void)state;
	trust(true, false);
	(void)snprintf(port, sizeof port, "%d", ours.port);
	pinned = pins_of(&root, "*");
	assert_int_equal(pga_ask(&parameters, &asked_for, &error), 0);
	without_each(check_once, true);
	pga_effective_free(&pga_linked_libpq, &asked_for);
	pga_pins_free(&pinned);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(whom_it_found),
	    cmocka_unit_test(every_host_counts),
	    cmocka_unit_test(what_trust_depends_on),
	    cmocka_unit_test(twins_of_the_root),
	    cmocka_unit_test(where_there_is_no_handshake),
	    cmocka_unit_test(what_a_refused_server_shows),
	    cmocka_unit_test(nobody_is_there),
	    cmocka_unit_test(without_memory),
	};

	return cmocka_run_group_tests(tests, start_all, stop_all);
}
