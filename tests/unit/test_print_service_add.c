/* cli/print_service_add.h: what is said of a new entry, to people and as JSON. */
#include "cmocka_start.h"
#include "failing.h"
#include "printed.h"

#include "cli/cli.h"
#include "cli/print_service_add.h"
#include "report/json.h"

/* ---- one that was added ---- */

static struct pga_addition asked;
static struct pga_added added;
static struct pga_checked_host hosts[3];
static struct pga_host db = {.name = (char[]){"db"}, .address = (char[]){"10.0.0.1"}};
static struct pga_host socket_host = {.name = (char[]){""}, .address = (char[]){"/run"}};
static struct pga_pin corp = {.name = (char[]){"corp"}};
static bool written;
static int status;

static void set(struct pga_settings *settings, const char *keyword, const char *value)
{
	struct pga_error error;

	assert_int_equal(pga_settings_add(settings, keyword, value, &error), 0);
}

static int begin(void **state)
{
	(void)state;
	memset(&asked, 0, sizeof asked);
	memset(&added, 0, sizeof added);
	memset(hosts, 0, sizeof hosts);
	asked.change.name = "prod";
	added.check.items = hosts;
	set(&added.composition.settings, "host", "db");
	set(&added.composition.settings, "password", "x");
	set(&added.composition.settings, "dbname", "a password=y");
	return 0;
}

static int end(void **state)
{
	(void)state;
	pga_settings_free(&asked.wish.settings);
	pga_settings_free(&added.composition.settings);
	pga_text_free(&added.composition.evaluation.why);
	pga_text_free(&added.warnings);
	pga_text_free(&added.changed.removed);
	return 0;
}

static char protocol[] = "TLSv1.3";
static char cipher[] = "AES";
static char subject[] = "CN=db\033";
static char issuer[] = "CN=ca";
static char names[] = "db, x";
static char valid_from[] = "2026";
static char valid_to[] = "2027";
static char expired[] = "expired";

static const struct pga_handshake seen = {.answered = true,
					  .shown = true,
					  .protocol = protocol,
					  .cipher = cipher,
					  .subject = subject,
					  .issuer = issuer,
					  .names = names,
					  .valid_from = valid_from,
					  .valid_to = valid_to};

/* A socket, one that libpq refuses and one that it believes. */
static void make_hosts(void)
{
	added.check.count = 3;
	hosts[0] =
	    (struct pga_checked_host){.host = &socket_host, .skipped = true, .trusted = true};
	hosts[1] = (struct pga_checked_host){
	    .host = &db, .problem = expired, .handshake = {.answered = true}};
	hosts[2] = (struct pga_checked_host){.host = &db, .trusted = true, .handshake = seen};
}

/* ---- as JSON ---- */

static int print_json(void *context)
{
	(void)context;
	return pga_addition_json(&asked, &added, written, status);
}

#define HEAD(written, verdict, reasons)                                                       \
	"{\n  \"service\": \"prod\",\n  \"written\": " written ",\n  \"verdict\": \"" verdict \
	"\",\n  \"reasons\": [" reasons "],\n  \"settings\": {\n    \"host\": \"db\",\n    "  \
	"\"password\": \"********\",\n    \"dbname\": \"a password=********\"\n  },\n"

static void as_json(void **state)
{
	(void)state;
	written = true;
	status = PGA_EXIT_DONE;
	assert_int_equal(prints(print_json, NULL), PGA_EXIT_DONE);
	assert_string_equal(printed.output, HEAD("true", "allowed", "") "  \"warnings\": []\n}\n");
	written = false;
	status = PGA_EXIT_WEAK;
	added.composition.evaluation.state = PGA_ENTRY_WEAK;
	pga_text_add(&added.composition.evaluation.why, "one\ntwo");
	pga_text_add(&added.warnings, "three\nfour");
	asked.json = asked.check = true;
	assert_int_equal(prints(print_json, NULL), PGA_EXIT_WEAK);
	assert_string_equal(
	    printed.output,
	    HEAD("false", "weak",
		 "\n    \"one\",\n    \"two\"\n  ") "  \"warnings\": [\n    \"three\",\n    "
						    "\"four\"\n  ],\n  \"check\": [],\n  "
						    "\"findings\": []\n}\n");
	assert_string_equal(printed.errors, "");
}

static void where_it_is(void **state)
{
	(void)state;
	added.changed.path = (char[]){"/f"};
	added.changed.line = 12;
	added.composition.choice.anchor = &corp;
	for (unsigned bits = 0; bits < 8; bits++) {
		char expected[500];

		added.changed.replaced = (bits & 1U) != 0;
		added.changed.unchanged = (bits & 2U) != 0;
		asked.change.dry_run = (bits & 4U) != 0;
		(void)prints(print_json, NULL);
		(void)snprintf(expected, sizeof expected,
			       "  \"warnings\": [],\n  \"file\": \"/f\",\n  \"line\": 12,\n  "
			       "\"replaced\": %s,\n  \"unchanged\": %s,\n  \"dry_run\": %s,\n  "
			       "\"anchor\": \"corp\"\n}\n",
			       (bits & 1U) != 0 ? "true" : "false",
			       (bits & 2U) != 0 ? "true" : "false",
			       (bits & 4U) != 0 ? "true" : "false");
		assert_string_equal(strstr(printed.output, "  \"warnings\""), expected);
	}
}

#define OF_DB                                                                                  \
	"\"protocol\": \"TLSv1.3\",\n      \"cipher\": \"AES\",\n      \"subject\": "          \
	"\"CN=db\\u001B\",\n      \"issuer\": \"CN=ca\",\n      \"names\": \"db, x\",\n      " \
	"\"valid_from\": \"2026\",\n      \"valid_to\": \"2027\",\n      "

static void what_the_servers_showed(void **state)
{
	(void)state;
	asked.check = true;
	make_hosts();
	(void)prints(print_json, NULL);
	assert_string_equal(
	    strstr(printed.output, "  \"check\""),
	    "  \"check\": [\n    {\n      \"host\": \"/run\",\n      \"tls\": false,\n      "
	    "\"trusted\": true\n    },\n    {\n      \"host\": \"db\",\n      \"tls\": true,\n     "
	    " "
	    "\"trusted\": false,\n      \"problem\": \"expired\"\n    },\n    {\n      \"host\": "
	    "\"db\",\n      \"tls\": true,\n      \"trusted\": true,\n      \"problem\": null,\n   "
	    "   " OF_DB "\"root\": \"\",\n      \"root_sha256\": \"\",\n      \"key_sha256\": "
	    "\"\",\n      \"anchor\": null\n   "
	    " }\n  ],\n  \"findings\": []\n}\n");
	hosts[2].handshake.root = (char[]){"CN=R"};
	(void)strcpy(hosts[2].handshake.root_pin, "ab");
	hosts[2].pin = &corp;
	(void)prints(print_json, NULL);
	assert_non_null(strstr(printed.output, OF_DB "\"root\": \"CN=R\",\n      \"root_sha256\": "
						     "\"ab\",\n      \"key_sha256\": \"\",\n      "
						     "\"anchor\": \"corp\"\n    }\n  ],\n"));
}

static void wherever_memory_runs_out(void **state)
{
	long number = 0;
	long failed = 0;

	(void)state;
	json_set_alloc_funcs(malloc, free);
	asked.check = true;
	make_hosts();
	added.changed.path = (char[]){"/f"};
	added.composition.choice.anchor = &corp;
	written = true;
	status = PGA_EXIT_DONE;
	do {
		int result;

		has_failed = false;
		left = ++number;
		result = prints(print_json, NULL);
		left = 0;
		if (result != PGA_EXIT_DONE) {
			failed++;
			assert_true(has_failed);
			assert_int_equal(result, PGA_EXIT_FAILED);
			assert_string_equal(printed.output, "");
		}
	} while (has_failed);
	assert_true(failed > 10);
}

/* ---- to people ---- */

static int print_refused(void *context)
{
	(void)context;
	return pga_addition_refused(&asked, &added);
}

static void what_is_refused(void **state)
{
	(void)state;
	added.composition.evaluation.state = PGA_ENTRY_WEAK;
	pga_text_add(&added.composition.evaluation.why, "one\ntwo\033");
	for (int json = 0; json < 2; json++) {
		asked.json = json == 1;
		assert_int_equal(prints(print_refused, NULL), PGA_EXIT_WEAK);
		assert_string_equal(
		    printed.errors,
		    "pganchor: service prod: refused, since it would be weaker than the policy:\n  "
		    "  "
		    "one\n    two\\x1B\n    nothing was written; leave out what weakens it\n");
		assert_string_equal(
		    printed.output,
		    json == 1
			? HEAD("false", "weak",
			       "\n    \"one\",\n    \"two\\u001B\"\n  ") "  \"warnings\": []\n}\n"
			: "");
	}
}

static int print_checked(void *context)
{
	(void)context;
	pga_addition_checked(&added.check);
	return 0;
}

#define BELIEVED                                                                            \
	"    protocol     TLSv1.3\n    cipher       AES\n    certificate  CN=db\\x1B\n    " \
	"names        db, x\n    valid from   2026\n    valid to     2027\n"

static void what_is_checked(void **state)
{
	(void)state;
	make_hosts();
	added.check.problem = hosts[1].problem;
	(void)prints(print_checked, NULL);
	assert_string_equal(printed.output,
			    "checked /run:\n    TLS          not asked for: nothing to check\n"
			    "checked db:\n    refused      as the error says\n"
			    "checked db:\n" BELIEVED "    root         none: the chain was not "
			    "verified\n    sha256       \n    "
			    "pinned       no\n");
	/* Another's problem is told here; and what the server has shown. */
	added.check.count = 2;
	added.check.problem = "another";
	hosts[0] = (struct pga_checked_host){
	    .host = &db, .problem = (char[]){"bad\033"}, .handshake = seen};
	hosts[1] = (struct pga_checked_host){
	    .host = &db, .trusted = true, .pin = &corp, .handshake = seen};
	hosts[1].handshake.root = (char[]){"CN=R"};
	(void)strcpy(hosts[1].handshake.root_pin, "ab");
	(void)prints(print_checked, NULL);
	assert_string_equal(
	    printed.output,
	    "checked db:\n    refused      bad\\x1B\n    it showed    CN=db\\x1B\n    names        "
	    "db, "
	    "x\n    signed by    CN=ca\n    valid from   2026\n    valid to     2027\nchecked "
	    "db:\n" BELIEVED "    root         CN=R\n    sha256       ab\n    "
	    "pinned       anchor corp\n");
	hosts[1].trusted = false;
	(void)prints(print_checked, NULL);
	assert_non_null(strstr(printed.output,
			       "    pinned       anchor corp, which is not valid for this host\n"));
	/* Without memory a field is empty. */
	for (long number = 1; number == 1 || has_failed; number++) {
		has_failed = false;
		left = number;
		(void)prints(print_checked, NULL);
		left = 0;
		assert_non_null(strstr(printed.output, "    valid to     "));
		assert_null(strstr(printed.output, "(null)"));
	}
}

static int print_warnings(void *text)
{
	pga_addition_warnings(text);
	return 0;
}

static void what_is_warned_of(void **state)
{
	(void)state;
	(void)prints(print_warnings, &added.warnings);
	assert_string_equal(printed.errors, "");
	pga_text_add(&added.warnings, "one\ntwo three");
	(void)prints(print_warnings, &added.warnings);
	assert_string_equal(printed.errors,
			    "pganchor: warning: one\npganchor: warning: two three\n");
	pga_text_add(&added.warnings, "\n");
	(void)prints(print_warnings, &added.warnings);
	assert_string_equal(printed.errors,
			    "pganchor: warning: one\npganchor: warning: two three\n");
}

static int print_written(void *context)
{
	(void)context;
	pga_addition_written(&asked, &added);
	return 0;
}

#define ENTRY    "    host=db\n    password=********\n    dbname=a password=********\n"
#define USE      "next:\n    psql service=prod\n    pganchor run -- psql service=prod\n"
#define DRY_NEXT "next: the same command without --dry-run\n"

static void what_is_written(void **state)
{
	static const struct {
		bool dry_run;
		bool replaced;
		bool unchanged;
		const char *said;
		const char *hint;
	} cases[] = {
	    {false, false, false, "wrote [prod] to", USE},
	    {false, true, false, "replaced [prod] in", USE},
	    {false, false, true, "nothing to change: [prod] in", USE},
	    {false, true, true, "nothing to change: [prod] in", USE},
	    {true, false, false, "would write [prod] to", DRY_NEXT},
	    {true, true, false, "would replace [prod] in", DRY_NEXT},
	    {true, true, true, "nothing to change: [prod] in", USE},
	};

	(void)state;
	added.changed.path = (char[]){"/f\033"};
	added.changed.line = 12;
	for (size_t i = 0; i < COUNT(cases); i++)
		for (int removed = 0; removed < 2; removed++) {
			char expected[500];

			asked.change.dry_run = cases[i].dry_run;
			added.changed.replaced = cases[i].replaced;
			added.changed.unchanged = cases[i].unchanged;
			pga_text_add(&added.changed.removed,
				     removed == 1 ? "[prod]\npassword=z\n" : "");
			(void)prints(print_written, NULL);
			(void)snprintf(expected, sizeof expected,
				       "%s /f\\x1B, line 12:\n" ENTRY "%s%s", cases[i].said,
				       removed == 1 && !cases[i].unchanged
					   ? "in place of:\n    [prod]\n    password=********\n"
					   : "",
				       cases[i].hint);
			assert_string_equal(printed.output, expected);
			pga_text_free(&added.changed.removed);
		}
	/* By one byte, too. */
	added.changed.unchanged = false;
	pga_text_add(&added.changed.removed, "\n");
	(void)prints(print_written, NULL);
	assert_non_null(strstr(printed.output, "in place of:\n    \n"));
}

static void what_is_to_be_done(void **state)
{
	(void)state;
	added.changed.path = (char[]){"/f"};
	added.composition.choice.anchor = &corp;
	(void)prints(print_written, NULL);
	assert_non_null(
	    strstr(printed.output, ENTRY "anchor: corp, through ~/.postgresql/root.crt\n" USE));
	added.composition.choice.sslrootcert = (char[]){"/c"};
	(void)prints(print_written, NULL);
	assert_non_null(
	    strstr(printed.output, ENTRY "anchor: corp, through sslrootcert, and no other\n" USE));
	added.composition.no_roots = true;
	(void)prints(print_written, NULL);
	assert_non_null(
	    strstr(printed.output,
		   "other\nnext:\n    pganchor bootstrap --ca-url URL --fingerprint HEX\n"));
	/* A file of his own is his to fill. */
	set(&asked.wish.settings, "sslrootcert", "/c");
	(void)prints(print_written, NULL);
	assert_null(strstr(printed.output, "next:"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(as_json, begin, end),
	    cmocka_unit_test_setup_teardown(where_it_is, begin, end),
	    cmocka_unit_test_setup_teardown(what_the_servers_showed, begin, end),
	    cmocka_unit_test_setup_teardown(what_is_refused, begin, end),
	    cmocka_unit_test_setup_teardown(what_is_checked, begin, end),
	    cmocka_unit_test_setup_teardown(what_is_warned_of, begin, end),
	    cmocka_unit_test_setup_teardown(what_is_written, begin, end),
	    cmocka_unit_test_setup_teardown(what_is_to_be_done, begin, end),
	    cmocka_unit_test_setup_teardown(wherever_memory_runs_out, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
