/* cli/service_check.c: what is said of servers that libpq or the gate would refuse, and with which
 * exit status. */
#include "cmocka_start.h"
#include "printed.h"

#include "cli/cli.h"
#include "cli/cmd_service.h"
#include "cli/service_check.h"
#include "cli/print_unpinned.h"

#include <openssl/x509_vfy.h>

/* ---- the servers, as the test plays them ---- */

static struct {
	struct pga_checked_host items[3];
	size_t count;
	const char *problem;
	bool trusted;
	bool no_memory; /* for the check */
	bool no_hiding; /* for the environment */
	bool of_root_crt;
	const struct pga_pin *bound;
	int shown;    /* how often the environment was brought back, less how often hidden */
	int reported; /* the status that was told as JSON; -1: none was */
	int listed;   /* how often what they showed was printed */
} here;
static struct pga_addition asked;
static struct pga_added added;
static const char *found; /* the id of it */

void pga_bring_environment_back(void)
{
	here.shown++;
}

int pga_hide_environment_again(struct pga_error *error)
{
	here.shown--;
	return here.no_hiding ? pga_fail_memory(error) : 0;
}

bool pga_checked_is_exempt(const struct pga_checked_host *item, const struct pga_policy *policy)
{
	(void)item;
	(void)policy;
	return false;
}

int pga_check_hosts(const struct pga_effective *effective, const struct pga_policy *policy,
		    const struct pga_pins *pins, const struct pga_pin *bound,
		    struct pga_check *check, struct pga_error *error)
{
	assert_int_equal(here.shown, 1);
	assert_ptr_equal(effective, &added.here.effective);
	assert_ptr_equal(policy, &added.policy);
	assert_ptr_equal(pins, &added.pins);
	here.bound = bound;
	check->items = here.items;
	check->count = here.count;
	check->problem = here.problem;
	check->trusted = here.trusted;
	return here.no_memory ? pga_fail_memory(error) : 0;
}

int pga_addition_json(const struct pga_addition *of, const struct pga_added *with, bool written,
		      int status)
{
	assert_ptr_equal(of, &asked);
	assert_ptr_equal(with, &added);
	assert_false(written);
	/* Why is in the report. */
	assert_int_equal(with->findings.count, 1);
	assert_int_equal(with->findings.list[0].severity, PGA_SEVERITY_ERROR);
	here.reported = status;
	return status;
}

void pga_addition_checked(const struct pga_check *check)
{
	assert_ptr_equal(check, &added.check);
	here.listed++;
}

bool pga_is_of_root_crt(const struct pga_effective *effective)
{
	assert_ptr_equal(effective, &added.here.effective);
	return here.of_root_crt;
}

static struct pga_host host = {.name = (char[]){"db"}, .address = (char[]){""}};
static struct pga_pin anchor = {.name = (char[]){"corp"}};

static int begin(void **state)
{
	(void)state;
	memset(&here, 0, sizeof here);
	memset(&asked, 0, sizeof asked);
	memset(&added, 0, sizeof added);
	here.reported = -1;
	here.trusted = true;
	here.count = 1;
	for (size_t i = 0; i < COUNT(here.items); i++)
		here.items[i] = (struct pga_checked_host){.host = &host, .trusted = true};
	asked.change.name = "s";
	return 0;
}

static int check_it(void *context)
{
	int status;

	(void)context;
	status = pga_addition_check(&asked, &added);
	assert_int_equal(added.findings.count > 0,
			 status != PGA_EXIT_DONE && !here.no_memory && !here.no_hiding);
	found = added.findings.count > 0 ? pga_finding_word(added.findings.list[0].id) : "";
	pga_findings_free(&added.findings);
	return status;
}

/* For people, and as JSON: the error is the same. */
static void assert_check(int status, const char *said)
{
	for (int json = 0; json < 2; json++) {
		asked.json = json == 1;
		here.shown = here.listed = 0;
		here.reported = -1;
		assert_int_equal(prints(check_it, NULL), status);
		assert_string_equal(printed.output, "");
		assert_string_equal(printed.errors, said);
		assert_int_equal(here.shown, 0);
	}
}

static void one_that_is_good(void **state)
{
	(void)state;
	assert_check(PGA_EXIT_DONE, "");
	assert_int_equal(here.listed, 0);
	assert_int_equal(here.reported, -1);
	asked.json = false;
	assert_int_equal(prints(check_it, NULL), PGA_EXIT_DONE);
	assert_int_equal(here.listed, 1);
	assert_null(here.bound);
	added.composition.choice.anchor = &anchor;
	assert_check(PGA_EXIT_DONE, "");
	assert_null(here.bound);
	added.composition.choice.named = true;
	assert_check(PGA_EXIT_DONE, "");
	assert_ptr_equal(here.bound, &anchor);
}

static void want_of_memory(void **state)
{
	(void)state;
	for (int which = 1; which < 4; which++) {
		here.no_memory = (which & 1) != 0;
		here.no_hiding = (which & 2) != 0;
		assert_check(PGA_EXIT_FAILED, "pganchor: out of memory\n");
		assert_int_equal(here.listed, 0);
	}
}

#define FAILED  "pganchor: service s: refused\n    nothing was written"
#define ANOTHER ". This may be another server than you mean"

static void what_libpq_refuses(void **state)
{
	static const struct {
		bool answered, shown;
		long result;
		const char *said;
		const char *id;
	} cases[] = {
	    {false, false, X509_V_OK, FAILED "; leave --check out", "server-not-reached"},
	    {true, true, X509_V_OK, FAILED ANOTHER, "server-not-verified"},
	    {true, false, X509_V_OK, FAILED ". What answers there shows no certificate",
	     "server-without-certificate"},
	    {true, true, X509_V_ERR_CERT_HAS_EXPIRED, FAILED ". Whoever runs",
	     "server-certificate-not-in-date"},
	    {true, true, X509_V_ERR_CERT_NOT_YET_VALID, FAILED ". Whoever runs",
	     "server-certificate-not-in-date"},
	    {true, true, X509_V_ERR_UNABLE_TO_GET_CRL, FAILED ". libpq wants a CRL",
	     "server-without-crl"},
	    {true, true, X509_V_ERR_CRL_HAS_EXPIRED, FAILED ". libpq wants a CRL",
	     "server-without-crl"},
	    {true, true, X509_V_ERR_CRL_NOT_YET_VALID, FAILED ". libpq wants a CRL",
	     "server-without-crl"},
	    {true, true, X509_V_ERR_DIFFERENT_CRL_SCOPE, FAILED ". libpq wants a CRL",
	     "server-without-crl"},
	    {true, true, X509_V_ERR_CERT_REVOKED, FAILED ". Its CA has taken",
	     "server-certificate-revoked"},
	    {true, true, X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, FAILED ". No root",
	     "server-root-unknown"},
	    {true, true, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, FAILED ". No root",
	     "server-root-unknown"},
	    {true, true, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, FAILED ". No root",
	     "server-root-unknown"},
	    {true, true, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, FAILED ". No root",
	     "server-root-unknown"},
	    {true, true, X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, FAILED ". No root",
	     "server-root-unknown"},
	};

	(void)state;
	here.problem = "refused";
	here.count = 3;
	/* Nothing hangs on those that are no problem. */
	here.items[0].handshake.verify_result = X509_V_ERR_CERT_REVOKED;
	here.items[0].handshake.answered = true;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pga_checked_host *item = &here.items[1];

		item->problem = (char[]){"refused"};
		item->handshake.answered = cases[i].answered;
		item->handshake.shown = cases[i].shown;
		item->handshake.verify_result = cases[i].result;
		for (int json = 0; json < 2; json++) {
			asked.json = json == 1;
			here.reported = -1;
			assert_int_equal(prints(check_it, NULL), PGA_EXIT_FAILED);
			assert_int_equal(here.reported, json == 1 ? PGA_EXIT_FAILED : -1);
			if (strncmp(printed.errors, cases[i].said, strlen(cases[i].said)) != 0)
				fail_msg("case %zu: %s", i, printed.errors);
			assert_string_equal(found, cases[i].id);
		}
	}
	/* The first of them, too. */
	here.count = 1;
	here.items[0].problem = (char[]){"refused"};
	assert_int_equal(prints(check_it, NULL), PGA_EXIT_FAILED);
	assert_non_null(strstr(printed.errors, FAILED ". Its CA has taken"));
	here.problem = "change sslmode";
	assert_int_equal(prints(check_it, NULL), PGA_EXIT_FAILED);
	assert_non_null(strstr(printed.errors, "Leave sslmode as it is"));
	assert_string_equal(found, "roots-missing");
}

static void what_the_gate_refuses(void **state)
{
	(void)state;
	here.trusted = false;
	added.composition.choice.named = true;
	added.composition.choice.anchor = &anchor;
	assert_check(PGA_EXIT_WEAK, "pganchor: service s: the server's chain does not end in the "
				    "anchor corp\n    nothing was written\n");
	assert_string_equal(found, "root-of-another-anchor");
	assert_int_equal(here.reported, PGA_EXIT_WEAK);
	added.composition.choice.named = false;
	here.count = 2;
	here.items[1].trusted = false;
	here.items[1].handshake.root = (char[]){"CN=R"};
	(void)strcpy(here.items[1].handshake.root_pin, "ab");
	for (int which = 0; which < 2; which++) {
		here.of_root_crt = which == 1;
		assert_int_equal(prints(check_it, NULL), PGA_EXIT_WEAK);
		assert_non_null(strstr(
		    printed.errors, "the chain of db ends in the root CN=R (SHA-256 ab), which"));
		assert_int_equal(strstr(printed.errors, "--pin-existing") != NULL, which == 1);
		assert_string_equal(found, "root-not-pinned");
	}
	for (int which = 0; which < 3; which++) {
		here.items[1].pin = which == 0 ? &anchor : NULL;
		here.items[1].handshake.root = which == 0 ? (char[]){"CN=R"} : NULL;
		here.items[1].trusted = which == 2;
		assert_int_equal(prints(check_it, NULL), PGA_EXIT_WEAK);
		assert_non_null(strstr(printed.errors, "ends in a root that is not pinned for it"));
		assert_string_equal(found, "root-not-pinned-for-host");
	}
}

/* Those of the entry, and no other. */
static void whose_root_is_not_pinned(void **state)
{
	(void)state;
	here.trusted = false;
	for (size_t which = 0; which < 3; which++) {
		here.items[0].trusted = which != 0;
		here.items[2].trusted = false;
		here.items[which].handshake.root = (char[]){"CN=R"};
		here.count = which == 0 ? 1 : 2;
		assert_int_equal(prints(check_it, NULL), PGA_EXIT_WEAK);
		assert_int_equal(strstr(printed.errors, "the chain of db ends in the root CN=R") !=
				     NULL,
				 which == 0);
	}
}

static void what_the_environment_spoils(void **state)
{
	(void)state;
	pga_text_add(&added.here.why, "why");
	added.here.state = PGA_ENTRY_WEAK;
	assert_check(PGA_EXIT_WEAK,
		     "pganchor: service s: weaker than the policy with the environment of this "
		     "shell: why\n    nothing was written; unset the variable, or give the "
		     "setting\n");
	assert_int_equal(here.reported, PGA_EXIT_WEAK);
	assert_string_equal(found, "environment-weakens");
	added.here.state = PGA_ENTRY_BROKEN;
	assert_check(PGA_EXIT_FAILED,
		     "pganchor: service s: libpq refuses it with the environment of this shell: "
		     "why\n    nothing was written; unset the variable, or give the setting\n");
	assert_int_equal(here.reported, PGA_EXIT_FAILED);
	assert_string_equal(found, "environment-breaks");
	pga_text_free(&added.here.why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(one_that_is_good, begin),
	    cmocka_unit_test_setup(want_of_memory, begin),
	    cmocka_unit_test_setup(what_libpq_refuses, begin),
	    cmocka_unit_test_setup(what_the_gate_refuses, begin),
	    cmocka_unit_test_setup(whose_root_is_not_pinned, begin),
	    cmocka_unit_test_setup(what_the_environment_spoils, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
