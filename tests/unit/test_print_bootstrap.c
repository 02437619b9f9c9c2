/* cli/print_bootstrap.h: what bootstrap tells of what it did, in words and as JSON. */
#include "cmocka_start.h"
#include "printed.h"

#include "base/terminal.h"
#include "cli/cli.h"
#include "cli/print_bootstrap.h"
#include "tls/certificate_text.h"

#include <jansson.h>

#define D8(digits) digits digits digits digits digits digits digits digits
#define PIN(digit) D8(D8(#digit))

/* tls/certificate_text.h has a test of its own. */
int __wrap_pga_certificate_tell(const struct pga_certificate *certificate, struct pga_text *text,
				struct pga_error *error);

static bool is_told;

int __wrap_pga_certificate_tell(const struct pga_certificate *certificate, struct pga_text *text,
				struct pga_error *error)
{
	if (!is_told)
		return pga_fail(error, NULL, "no word");
	pga_text_addf(text, "    subject      %s\n    ...\n", certificate->subject);
	return 0;
}

static char subject[] = "CN=Root";
static const struct pga_certificate root = {.pin = PIN(1),
					    .subject = subject,
					    .not_before = "2026-01-02T03:04:05Z",
					    .not_after = "2036-01-02T03:04:05Z"};

static struct pga_pinned_too others[] = {
    {.name = "existing-2", .pin = PIN(2), .subject = (char[]){"CN=Two"}},
    {.name = "existing-3", .pin = PIN(3), .subject = (char[]){"CN=Thr\033ee"}},
};

static char name[] = "company";
static char source[] = "https://ca";
static char every[] = "*";
static char hosts[] = "db.example.com";
static char conf[] = "/c/anchors.conf";
static char crt[] = "/c/company.crt";
static char sources[] = "/c/sources.conf";
static char root_crt[] = "/p/root.crt";
static char replaced[] = PIN(9);

static struct pga_anchoring done;
static struct pga_existing existing;
static const char *url;
static bool dry_run;

static int begin(void **state)
{
	(void)state;
	done = (struct pga_anchoring){.name = name,
				      .source = source,
				      .hosts = every,
				      .conf = {conf, PGA_UNCHANGED},
				      .crt = {crt, PGA_UNCHANGED},
				      .root_crt = {root_crt, PGA_UNCHANGED},
				      .sources = {sources, PGA_UNCHANGED}};
	is_told = true;
	existing = (struct pga_existing){others, 0};
	url = "https://CA:443/";
	dry_run = false;
	(void)unsetenv("PGSSLROOTCERT");
	return 0;
}

/* ---- in words ---- */

static int report(void *context)
{
	(void)context;
	pga_report_text(&done, &root, &existing, url, dry_run);
	return 0;
}

#define TOLD       "    subject      CN=Root\n    ...\n"
#define PINNED     "    pin          " PIN(1) "\n    hosts        "
#define ABOUT      TOLD PINNED
#define EVERY_HOST ABOUT "every host\n"
#define NEXT       "Next: pganchor service add NAME --host HOST"
#define DRY        "This was a dry run: nothing was written.\n"

static void assert_report(const char *expected)
{
	(void)prints(report, NULL);
	assert_string_equal(printed.output, expected);
	assert_string_equal(printed.errors, "");
}

static void a_new_one(void **state)
{
	(void)state;
	done.conf.change = done.crt.change = PGA_CREATED;
	done.root_crt.change = PGA_CHANGED;
	done.sources.change = PGA_CREATED;
	assert_report("The root of https://CA:443/ is pinned as anchor company.\n" EVERY_HOST
		      "Made /c/anchors.conf: the pin\nMade /c/company.crt: the root alone\n"
		      "Changed /p/root.crt: the root, where libpq looks for it\n"
		      "Made /c/sources.conf: where it comes from\n" NEXT "\n");
	dry_run = true;
	done.sources.change = PGA_UNCHANGED;
	done.root_crt.change = PGA_REMOVED;
	done.hosts = hosts;
	assert_report(
	    "The root of https://CA:443/ would be pinned as anchor company.\n" ABOUT
	    "db.example.com\nWould make /c/anchors.conf: the pin\nWould make /c/company.crt: the "
	    "root alone\nWould remove /p/root.crt: the root, where libpq looks for it\n" DRY);
}

static void one_in_the_place_of_another(void **state)
{
	(void)state;
	done.replaced = replaced;
	done.conf.change = PGA_CHANGED;
	dry_run = true;
	assert_report("The root of https://CA:443/ would be pinned as anchor company, in place of "
		      "the one before.\n" EVERY_HOST "Would change /c/anchors.conf: the pin\n" DRY);
	dry_run = false;
	done.root_crt.path = NULL;
	done.root_crt.change = PGA_CHANGED;
	done.conf.change = PGA_UNCHANGED;
	done.crt.change = PGA_REMOVED;
	done.scoped = true;
	assert_report("The root of https://CA:443/ is pinned as anchor company, in place of the "
		      "one before.\n" EVERY_HOST "Removed /c/company.crt: the root alone\n" NEXT
		      " --anchor company\n");
}

static void one_that_is_known(void **state)
{
	static const struct {
		enum pga_change conf, crt, root_crt, sources;
		size_t others;
		const char *source;
		const char *first;
	} cases[] = {
	    {PGA_UNCHANGED, PGA_UNCHANGED, PGA_UNCHANGED, PGA_UNCHANGED, 0, "https://ca",
	     ". Nothing was changed."},
	    {PGA_UNCHANGED, PGA_UNCHANGED, PGA_UNCHANGED, PGA_UNCHANGED, 1, "https://ca", "."},
	    {PGA_CHANGED, PGA_UNCHANGED, PGA_UNCHANGED, PGA_UNCHANGED, 0, "https://ca",
	     ". Something was missing or different:"},
	    {PGA_UNCHANGED, PGA_CREATED, PGA_UNCHANGED, PGA_UNCHANGED, 0, "https://ca",
	     ". Something was missing or different:"},
	    {PGA_UNCHANGED, PGA_UNCHANGED, PGA_CHANGED, PGA_UNCHANGED, 1, "https://ca",
	     ". Something was missing or different:"},
	    {PGA_UNCHANGED, PGA_UNCHANGED, PGA_UNCHANGED, PGA_CHANGED, 0, "https://ca",
	     ". Something was missing or different:"},
	    {PGA_UNCHANGED, PGA_UNCHANGED, PGA_UNCHANGED, PGA_UNCHANGED, 0, "https://other",
	     ", from https://other. Nothing was changed."},
	};

	(void)state;
	done.known = true;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char expected[300];

		done.conf.change = cases[i].conf;
		done.crt.change = cases[i].crt;
		done.root_crt.change = cases[i].root_crt;
		done.sources.change = cases[i].sources;
		existing.count = cases[i].others;
		done.source = (char *)(uintptr_t)cases[i].source;
		(void)prints(report, NULL);
		(void)snprintf(expected, sizeof expected,
			       "The root of https://CA:443/ is pinned already, as anchor "
			       "company%s\n" EVERY_HOST,
			       cases[i].first);
		printed.output[strlen(expected)] = '\0';
		assert_string_equal(printed.output, expected);
	}
}

static void what_is_gone_from_root_crt(void **state)
{
	static const struct {
		bool old_stays;
		bool replaced;
		const char *gone;
	} cases[] = {
	    {false, false, "this root is no longer in it"},
	    {true, false,
	     "the copy of this root that was put there for the anchor is no longer in it"},
	    {true, true, "this root is no longer in it"},
	    {false, true, "this root is no longer in it"},
	};

	(void)state;
	done.scoped = true;
	done.root_crt.change = PGA_CHANGED;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char expected[600];

		done.old_stays = cases[i].old_stays;
		done.replaced = cases[i].replaced ? replaced : NULL;
		(void)snprintf(
		    expected, sizeof expected,
		    "The root of https://CA:443/ is pinned as anchor company%s.\n" EVERY_HOST
		    "Changed /p/root.crt: %s\n" NEXT " --anchor company\n",
		    cases[i].replaced ? ", in place of the one before" : "", cases[i].gone);
		assert_report(expected);
	}
}

static void those_of_root_crt(void **state)
{
	(void)state;
	existing.count = 2;
	assert_report(
	    "The root of https://CA:443/ is pinned as anchor company.\n" EVERY_HOST
	    "Pinned too, as anchor existing-2: CN=Two (" PIN(
		2) ")\nPinned too, as anchor existing-3: CN=Thr\\x1Bee (" PIN(3) ")\n" NEXT "\n");
	dry_run = true;
	existing.count = 1;
	assert_report("The root of https://CA:443/ would be pinned as anchor company.\n" EVERY_HOST
		      "Would be pinned too, as anchor existing-2: CN=Two (" PIN(2) ")\n" DRY);
}

static void one_that_cannot_be_told(void **state)
{
	(void)state;
	is_told = false;
	(void)prints(report, NULL);
	assert_string_equal(printed.output,
			    "The root of https://CA:443/ is pinned as anchor company.\n" PINNED
			    "every host\n" NEXT "\n");
	assert_string_equal(printed.errors,
			    "pganchor: warning: what the root is could not be told: no word\n");
}

/* ---- as JSON ---- */

static int report_json(void *context)
{
	(void)context;
	return pga_report_json(&done, &root, "step-ca", &existing, dry_run);
}

/* The report, but for the warnings of the tests before. */
static void assert_json(const char *expected)
{
	json_error_t why;
	json_t *wanted = json_loads(expected, 0, &why);
	json_t *got;

	assert_non_null(wanted);
	assert_int_equal(prints(report_json, NULL), PGA_EXIT_DONE);
	assert_string_equal(printed.errors, "");
	got = json_loads(printed.output, 0, &why);
	assert_non_null(got);
	assert_int_equal(json_object_del(got, "warnings"), 0);
	if (!json_equal(got, wanted))
		fail_msg("%s is not %s", printed.output, expected);
	json_decref(got);
	json_decref(wanted);
}

static void all_of_it_as_json(void **state)
{
	(void)state;
	done.conf.change = PGA_CREATED;
	done.crt.change = PGA_CHANGED;
	done.root_crt.change = PGA_REMOVED;
	done.sources.change = PGA_CREATED;
	assert_json("{\"anchor\": \"company\", \"pin\": \"" PIN(
	    1) "\", \"source\": \"https://ca\", \"kind\": \"step-ca\", \"subject\": \"CN=Root\", "
	       "\"not_before\": "
	       "\"2026-01-02T03:04:05Z\", \"not_after\": \"2036-01-02T03:04:05Z\", \"hosts\": "
	       "\"*\", \"scope\": \"root.crt\", \"already_pinned\": false, \"changed\": true, "
	       "\"replaced\": null, \"dry_run\": false, \"files\": {\"anchors.conf\": {\"path\": "
	       "\"/c/anchors.conf\", \"change\": \"created\"}, \"anchor.crt\": {\"path\": "
	       "\"/c/company.crt\", \"change\": \"changed\"}, \"root.crt\": {\"path\": "
	       "\"/p/root.crt\", \"change\": \"removed\"}, \"sources.conf\": {\"path\": "
	       "\"/c/sources.conf\", \"change\": \"created\"}}, \"pinned_too\": []}");
	done.conf.change = done.crt.change = done.sources.change = PGA_UNCHANGED;
	done.root_crt.path = NULL;
	done.root_crt.change = PGA_UNCHANGED;
	done.scoped = done.known = dry_run = true;
	done.replaced = replaced;
	done.hosts = hosts;
	assert_json("{\"anchor\": \"company\", \"pin\": \"" PIN(
	    1) "\", \"source\": \"https://ca\", \"kind\": \"step-ca\", \"subject\": \"CN=Root\", "
	       "\"not_before\": "
	       "\"2026-01-02T03:04:05Z\", \"not_after\": \"2036-01-02T03:04:05Z\", \"hosts\": "
	       "\"db.example.com\", \"scope\": \"scoped\", \"already_pinned\": true, \"changed\": "
	       "false, \"replaced\": \"" PIN(
		   9) "\", \"dry_run\": true, \"files\": {\"anchors.conf\": {\"path\": "
		      "\"/c/anchors.conf\", \"change\": \"unchanged\"}, \"anchor.crt\": "
		      "{\"path\": \"/c/company.crt\", \"change\": \"unchanged\"}, \"root.crt\": "
		      "null, \"sources.conf\": {\"path\": \"/c/sources.conf\", \"change\": "
		      "\"unchanged\"}}, \"pinned_too\": []}");
	existing.count = 2;
	assert_json("{\"anchor\": \"company\", \"pin\": \"" PIN(
	    1) "\", \"source\": \"https://ca\", \"kind\": \"step-ca\", \"subject\": \"CN=Root\", "
	       "\"not_before\": "
	       "\"2026-01-02T03:04:05Z\", \"not_after\": \"2036-01-02T03:04:05Z\", \"hosts\": "
	       "\"db.example.com\", \"scope\": \"scoped\", \"already_pinned\": true, \"changed\": "
	       "true, \"replaced\": \"" PIN(
		   9) "\", \"dry_run\": true, \"files\": {\"anchors.conf\": {\"path\": "
		      "\"/c/anchors.conf\", \"change\": \"unchanged\"}, \"anchor.crt\": "
		      "{\"path\": \"/c/company.crt\", \"change\": \"unchanged\"}, \"root.crt\": "
		      "null, \"sources.conf\": {\"path\": \"/c/sources.conf\", \"change\": "
		      "\"unchanged\"}}, \"pinned_too\": [{\"anchor\": \"existing-2\", \"pin\": "
		      "\"" PIN(2) "\", \"subject\": \"CN=Two\"}, {\"anchor\": \"existing-3\", "
				  "\"pin\": \"" PIN(3) "\", \"subject\": \"CN=Thr\\u001bee\"}]}");
}

/* ---- what is warned of ---- */

static int warn(void *context)
{
	(void)context;
	pga_report_warnings(&done, dry_run);
	return 0;
}

static void assert_warned(const char *expected)
{
	(void)prints(warn, NULL);
	assert_string_equal(printed.output, "");
	assert_string_equal(printed.errors, expected);
}

static void a_root_crt_where_none_was(void **state)
{
	(void)state;
	done.root_crt.change = PGA_CHANGED;
	assert_warned("");
	done.root_crt.change = PGA_CREATED;
	assert_warned(
	    "pganchor: warning: /p/root.crt did not exist before: from now on, libpq verifies "
	    "every server of\n    this user by it. With those of other CAs, sslmode=prefer, the "
	    "default, goes on in plain text, without a word;\n    sslmode=require behaves as "
	    "verify-ca and fails. --scoped --replace avoids both\n");
	dry_run = true;
	assert_warned(
	    "pganchor: warning: /p/root.crt does not exist yet: from then on, libpq verifies "
	    "every server of\n    this user by it. With those of other CAs, sslmode=prefer, the "
	    "default, goes on in plain text, without a word;\n    sslmode=require behaves as "
	    "verify-ca and fails. --scoped avoids both\n");
}

static void what_stays(void **state)
{
	(void)state;
	done.old_stays = true;
	assert_warned("pganchor: warning: /p/root.crt still holds this root, put there by somebody "
		      "else: libpq goes on trusting it\n");
	done.replaced = replaced;
	assert_warned("pganchor: warning: /p/root.crt still holds the root that was pinned before, "
		      "put there by somebody else: libpq goes on trusting it\n");
}

static void roots_elsewhere(void **state)
{
	(void)state;
	(void)setenv("PGSSLROOTCERT", "", 1);
	assert_warned("");
	(void)setenv("PGSSLROOTCERT", "/a", 1);
	assert_warned("pganchor: warning: PGSSLROOTCERT is set to /a: libpq looks there, not in "
		      "root.crt\n");
	done.scoped = true;
	assert_warned("");
}

#define EACH_TEST(test) cmocka_unit_test_setup(test, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    EACH_TEST(a_new_one),         EACH_TEST(one_in_the_place_of_another),
	    EACH_TEST(one_that_is_known), EACH_TEST(what_is_gone_from_root_crt),
	    EACH_TEST(those_of_root_crt), EACH_TEST(one_that_cannot_be_told),
	    EACH_TEST(all_of_it_as_json), EACH_TEST(a_root_crt_where_none_was),
	    EACH_TEST(what_stays),        EACH_TEST(roots_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
