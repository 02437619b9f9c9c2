/* cli/cmd_bootstrap.c: what is done in which order, by which options, and where it ends. */
#include "cmocka_start.h"
#include "failing.h"
#include "printed.h"

#include "anchor/anchors.h"
#include "anchor/known_roots.h"
#include "ca/stepca.h"
#include "cli/bootstrap_existing.h"
#include "cli/bootstrap_known.h"
#include "cli/bootstrap_services.h"
#include "cli/bootstrap_warnings.h"
#include "cli/cli.h"
#include "cli/consent.h"
#include "cli/print_bootstrap.h"

#include <curl/curl.h>

/* ---- all that it calls, as the test plays it ---- */

#define D8(digits) digits digits digits digits digits digits digits digits
#define PIN        D8(D8("1"))

static struct {
	const char *fails; /* the call of this name */
	bool no_terminal;
	size_t roots;        /* that the CA shows; 0: one */
	size_t known_roots;  /* that are pinned from there */
	bool moves;          /* the CA's TLS comes from the first of them */
	bool pinned;         /* the root is already */
	const char *warning; /* of what is known */
	bool known;          /* it was there before */
	int existing;        /* the status of the others */
	int json;            /* and of the report */
	/* What happened: */
	char calls[1500];
	STACK_OF(X509) * chain;
} here;

static struct pga_known_root from_there[] = {
    {.name = (char[]){"old"}, .certificate = {.pem = (char[]){"OLD "}}},
    {.name = (char[]){"older"}, .certificate = {.pem = (char[]){"OLDER "}}}};
static char anchor_name[] = "company";

__attribute__((format(printf, 1, 2))) static void note(const char *format, ...)
{
	const size_t length = strlen(here.calls);
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(here.calls + length, sizeof here.calls - length, format, arguments);
	va_end(arguments);
}

/* Whether it goes well. */
static int ends(const char *call, struct pga_error *error)
{
	if (here.fails == NULL || strcmp(here.fails, call) != 0)
		return 0;
	return pga_fail(error, NULL, "%s fails", call);
}

static const char *or_none(const char *text)
{
	return text != NULL ? text : "-";
}

/* The root, as the CA shows it. */
static void show(struct pga_certificate *root)
{
	memset(root, 0, sizeof *root);
	(void)snprintf(root->pin, sizeof root->pin, "%s", PIN);
	root->pem = __real_strdup("ROOT ");
}

int pga_stepca_root(const struct pga_http *http, const char *ca_url, const char *pin,
		    struct pga_certificate *root, struct pga_error *error)
{
	note("root(%s %s %ld %ld) ", ca_url, or_none(http->proxy), http->connect_timeout,
	     http->max_time);
	assert_string_equal(pin, PIN);
	assert_null(root->pem);
	if (ends("root", error) != 0)
		return -1;
	show(root);
	return 0;
}

int pga_stepca_roots(const struct pga_http *http, const char *ca_url,
		     struct pga_stepca_roots *roots, struct pga_error *error)
{
	note("roots(%s %ld) ", ca_url, http->max_time);
	roots->count = here.roots != 0 ? here.roots : 1;
	for (size_t i = 0; i < roots->count; i++)
		show(&roots->roots[i]);
	if (ends("roots", error) == 0)
		return 0;
	pga_stepca_roots_free(roots);
	return -1;
}

void pga_stepca_roots_free(struct pga_stepca_roots *roots)
{
	for (size_t i = 0; i < roots->count; i++)
		pga_certificate_free(&roots->roots[i]);
}

int pga_stepca_health(const struct pga_http *http, const char *ca_url, const char *roots,
		      STACK_OF(X509) * *chain, struct pga_error *error)
{
	note("health(%s %s%ld) ", ca_url, roots, http->max_time);
	*chain = here.chain = sk_X509_new_null();
	return ends("health", error);
}

int pga_certificate_check_anchor(const struct pga_certificate *certificate, const char *whose,
				 struct pga_error *error)
{
	assert_string_equal(certificate->pin, PIN);
	note("check(%s) ", whose);
	return ends("check", error);
}

void pga_certificate_free(struct pga_certificate *certificate)
{
	free(certificate->pem);
	memset(certificate, 0, sizeof *certificate);
}

int pga_known_roots_read(struct pga_known_roots *known, const char *source, struct pga_error *error)
{
	note("known(%s) ", source);
	known->roots = from_there;
	known->count = here.known_roots;
	(void)pga_fail(error, NULL, "an error before");
	return ends("known", error);
}

const struct pga_known_root *pga_known_roots_of(const struct pga_known_roots *known,
						STACK_OF(X509) * chain)
{
	assert_ptr_equal(chain, here.chain);
	return here.moves ? &known->roots[0] : NULL;
}

void pga_known_roots_free(struct pga_known_roots *known)
{
	memset(known, 0, sizeof *known);
}

bool pga_proof_ends_in(STACK_OF(X509) * chain, const struct pga_certificate *root)
{
	assert_ptr_equal(chain, here.chain);
	assert_string_equal(root->pem, "ROOT ");
	note("ends-in ");
	return !here.moves || here.pinned;
}

int pga_known_look(const struct pga_shown_root *shown, bool *pinned, struct pga_text *warning,
		   struct pga_error *error)
{
	assert_string_equal(shown->root->pin, PIN);
	note("look(%s %s %s%s%s) ", shown->url, or_none(shown->name), shown->fallback_name,
	     shown->rotates ? " rotates" : "", shown->replace ? " replace" : "");
	*pinned = here.pinned;
	pga_text_add(warning, here.warning != NULL ? here.warning : "");
	return warning->failed ? pga_fail_memory(error) : ends("look", error);
}

static void note_anchor(const char *call, const struct pga_anchor *anchor)
{
	assert_string_equal(anchor->proof.root->pin, PIN);
	assert_ptr_equal(anchor->proof.chain, here.chain);
	note("%s(%s %s %s %s%s%s%s%s%s) ", call, or_none(anchor->name), anchor->fallback_name,
	     anchor->source, or_none(anchor->hosts), anchor->scoped ? " scoped" : "",
	     anchor->unscoped ? " unscoped" : "", anchor->replace ? " replace" : "",
	     anchor->proof.chain_root != NULL ? " by " : "",
	     anchor->proof.chain_root != NULL ? anchor->proof.chain_root->pem : "");
}

int pga_known_try(const struct pga_anchor *anchor, struct pga_error *error)
{
	note_anchor("try", anchor);
	return ends("try", error);
}

int pga_consent(const char *url, const struct pga_certificate *root, const char *warning,
		struct pga_error *error)
{
	assert_string_equal(root->pin, PIN);
	note("ask(%s %s) ", url, warning);
	return ends("ask", error);
}

bool pga_consent_possible(void)
{
	return !here.no_terminal;
}

void pga_show_roots(const char *url, const struct pga_stepca_roots *roots)
{
	note("show(%s %zu) ", url, roots->count);
}

void pga_warn_before_pinning(const struct pga_certificate *root, STACK_OF(X509) * chain)
{
	assert_string_equal(root->pin, PIN);
	assert_ptr_equal(chain, here.chain);
	note("before ");
}

int pga_anchor_install(const struct pga_anchor *anchor, bool dry_run, struct pga_anchoring *done,
		       struct pga_error *error)
{
	note_anchor(dry_run ? "would" : "install", anchor);
	if (ends("install", error) != 0)
		return -1;
	memset(done, 0, sizeof *done);
	done->name = anchor_name;
	done->known = here.known;
	return 0;
}

void pga_anchoring_free(struct pga_anchoring *done)
{
	assert_ptr_equal(done->name, anchor_name);
	note("done ");
}

int pga_existing_pin(const struct pga_certificate *root, bool dry_run,
		     struct pga_existing *existing, struct pga_error *error)
{
	assert_string_equal(root->pin, PIN);
	assert_true(existing->pinned == NULL && existing->count == 0);
	note("pin-existing%s ", dry_run ? "-dry" : "");
	existing->count = 7;
	return ends("pin-existing", error) != 0 ? -1 : here.existing;
}

int pga_existing_warn(const struct pga_certificate *root, bool dry_run, struct pga_error *error)
{
	assert_string_equal(root->pin, PIN);
	note("warn-existing%s ", dry_run ? "-dry" : "");
	return ends("warn-existing", error);
}

void pga_existing_free(struct pga_existing *existing)
{
	existing->count = 0;
	note("free ");
}

int pga_existing_roots_alone(bool yes, bool dry_run)
{
	note("alone%s%s ", yes ? "-yes" : "", dry_run ? "-dry" : "");
	return 5;
}

void pga_report_text(const struct pga_anchoring *done, const struct pga_certificate *root,
		     const struct pga_existing *existing, const char *url, bool dry_run)
{
	assert_ptr_equal(done->name, anchor_name);
	assert_string_equal(root->pin, PIN);
	note("text%s(%s %zu) ", dry_run ? "-dry" : "", url, existing->count);
}

int pga_report_json(const struct pga_anchoring *done, const struct pga_certificate *root,
		    const struct pga_existing *existing, bool dry_run)
{
	assert_ptr_equal(done->name, anchor_name);
	assert_string_equal(root->pin, PIN);
	note("json%s(%zu) ", dry_run ? "-dry" : "", existing->count);
	return here.json;
}

void pga_report_warnings(const struct pga_anchoring *done, bool dry_run)
{
	assert_ptr_equal(done->name, anchor_name);
	note("warnings%s ", dry_run ? "-dry" : "");
}

void pga_warn_of_crls(const struct pga_anchoring *done)
{
	assert_ptr_equal(done->name, anchor_name);
	note("crls ");
}

void pga_warn_of_scope(const struct pga_anchoring *done)
{
	assert_ptr_equal(done->name, anchor_name);
	note("scope ");
}

int pga_warn_of_services(const struct pga_anchoring *done, bool dry_run, struct pga_error *error)
{
	assert_ptr_equal(done->name, anchor_name);
	note("services%s ", dry_run ? "-dry" : "");
	return ends("services", error);
}

void pga_warn_of_rotation(const char *url, const char *name, const char *chain_name)
{
	note("rotation(%s %s %s) ", url, name, chain_name);
}

CURLcode curl_global_init(long flags)
{
	struct pga_error error;

	assert_int_equal(flags, CURL_GLOBAL_DEFAULT);
	return ends("curl", &error) == 0 ? CURLE_OK : CURLE_FAILED_INIT;
}

void curl_global_cleanup(void)
{
	note("cleanup");
}

static int begin(void **state)
{
	(void)state;
	memset(&here, 0, sizeof here);
	return 0;
}

static int bootstrap(int argc, char **argv)
{
	return pga_cmd_bootstrap.run(argc, argv);
}

static void assert_run(const char *words, int status, const char *calls, const char *errors)
{
	char line[500];

	(void)snprintf(line, sizeof line, "bootstrap %s", words);
	here.calls[0] = '\0';
	here.chain = NULL;
	assert_int_equal(command_prints(bootstrap, line), status);
	assert_string_equal(here.calls, calls);
	assert_string_equal(printed.errors, errors);
	assert_string_equal(printed.output, "");
}

/* ---- with the fingerprint ---- */

#define WITH    "--ca-url ca --fingerprint " PIN
#define ROOT    "root(https://ca - 10000 30000) check(https://ca) "
#define HEALTH  "known(https://ca) health(https://ca ROOT 30000) "
#define ENDS    "ends-in before "
#define INSTALL "install(- ca https://ca -) "
#define TOLD    "warnings crls scope services "
#define END     "free done cleanup"

static void a_root_by_its_fingerprint(void **state)
{
	(void)state;
	assert_run(WITH, PGA_EXIT_DONE,
		   ROOT HEALTH ENDS INSTALL "text(https://ca 0) " TOLD "warn-existing " END, "");
	here.known = true;
	assert_run(WITH " --json", PGA_EXIT_DONE, ROOT HEALTH ENDS INSTALL TOLD "json(0) " END, "");
	here.known = false;
	assert_run(WITH " --dry-run --name n --hosts b,a --unscoped --replace --yes", PGA_EXIT_DONE,
		   ROOT HEALTH ENDS
		   "would(n ca https://ca b a unscoped replace) text-dry(https://ca 0) "
		   "warnings-dry crls scope services-dry warn-existing-dry " END,
		   "");
	assert_run(
	    WITH " --scoped --proxy http://p --connect-timeout 2 --max-time 3 --pin-existing",
	    PGA_EXIT_DONE,
	    "root(https://ca http://p 2000 3000) check(https://ca) known(https://ca) "
	    "health(https://ca ROOT 3000) " ENDS "install(- ca https://ca - scoped) pin-existing "
	    "text(https://ca 7) " TOLD END,
	    "");
	assert_run(WITH " -j -n --pin-existing", PGA_EXIT_DONE,
		   ROOT HEALTH ENDS "would(- ca https://ca -) pin-existing-dry warnings-dry crls "
				    "scope services-dry json-dry(7) " END,
		   "");
}

/* Its TLS comes from what is pinned already. */
static void a_ca_that_moves(void **state)
{
	(void)state;
	here.known_roots = 2;
	here.moves = true;
	assert_run(WITH, PGA_EXIT_DONE,
		   ROOT "known(https://ca) health(https://ca ROOT OLD OLDER 30000) " ENDS
			"install(- ca https://ca - by OLD ) text(https://ca 0) " TOLD
			"rotation(https://ca company old) warn-existing " END,
		   "");
	here.pinned = true; /* and from the new one, too */
	assert_run(WITH, PGA_EXIT_DONE,
		   ROOT "known(https://ca) health(https://ca ROOT OLD OLDER 30000) " ENDS INSTALL
			"text(https://ca 0) " TOLD "warn-existing " END,
		   "");
}

static void where_it_fails(void **state)
{
	static const struct {
		const char *fails;
		const char *calls;
	} cases[] = {
	    {"root", "root(https://ca - 10000 30000) cleanup"},
	    {"check", ROOT "cleanup"},
	    {"known", ROOT "known(https://ca) cleanup"},
	    {"health", ROOT HEALTH "cleanup"},
	    {"install", ROOT HEALTH ENDS INSTALL "cleanup"},
	    {"services", ROOT HEALTH ENDS INSTALL "text(https://ca 0) " TOLD "warn-existing " END},
	    {"warn-existing",
	     ROOT HEALTH ENDS INSTALL "text(https://ca 0) " TOLD "warn-existing " END},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char errors[100];

		here.fails = cases[i].fails;
		(void)snprintf(errors, sizeof errors, "pganchor: %s fails\n", cases[i].fails);
		assert_run(WITH, PGA_EXIT_FAILED, cases[i].calls, errors);
	}
	here.fails = "curl";
	assert_run(WITH, PGA_EXIT_FAILED, "", "pganchor: libcurl does not start\n");
	/* What was done is told all the same. */
	here.fails = "pin-existing";
	assert_run(WITH " --pin-existing", PGA_EXIT_FAILED,
		   ROOT HEALTH ENDS INSTALL "pin-existing text(https://ca 7) " TOLD END,
		   "pganchor: pin-existing fails\n");
	here.fails = NULL;
	here.existing = PGA_EXIT_FAILED;
	assert_run(WITH " --pin-existing", PGA_EXIT_FAILED,
		   ROOT HEALTH ENDS INSTALL "pin-existing text(https://ca 7) " TOLD END, "");
}

static void a_report_that_fails(void **state)
{
	(void)state;
	here.json = PGA_EXIT_FAILED;
	assert_run(WITH " --json", PGA_EXIT_FAILED,
		   ROOT HEALTH ENDS INSTALL TOLD "warn-existing json(0) " END, "");
	here.fails = "services";
	assert_run(WITH " --json", PGA_EXIT_FAILED,
		   ROOT HEALTH ENDS INSTALL TOLD "warn-existing json(0) " END,
		   "pganchor: services fails\n");
}

/* ---- without it ---- */

#define ROOTS "roots(https://ca 30000) check(https://ca) health(https://ca ROOT 30000) "
#define LOOK  "before known(https://ca) look(https://ca - ca) "
#define TRY   "try(- ca https://ca -) "
#define DONE  INSTALL "text(https://ca 0) " TOLD "warn-existing " END

static void a_root_that_is_asked_about(void **state)
{
	(void)state;
	assert_run("--ca-url ca", PGA_EXIT_DONE, ROOTS LOOK TRY "ask(https://ca ) " DONE, "");
	here.warning = "careful";
	assert_run("--ca-url ca", PGA_EXIT_DONE, ROOTS LOOK TRY "ask(https://ca careful) " DONE,
		   "");
	here.pinned = true;
	assert_run("--ca-url ca", PGA_EXIT_DONE, ROOTS LOOK TRY DONE,
		   "pganchor: warning: careful\n");
	here.warning = NULL;
	assert_run("--ca-url ca", PGA_EXIT_DONE, ROOTS LOOK TRY DONE, "");
	here.pinned = false;
	here.moves = true;
	assert_run("--ca-url ca --name n --replace -n", PGA_EXIT_DONE,
		   ROOTS "before known(https://ca) look(https://ca n ca rotates replace) "
			 "try(n ca https://ca - replace) ask(https://ca ) would(n ca https://ca - "
			 "replace) text-dry(https://ca 0) warnings-dry crls scope services-dry "
			 "warn-existing-dry " END,
		   "");
}

static void several_roots(void **state)
{
	(void)state;
	here.roots = 2;
	assert_run("--ca-url ca", PGA_EXIT_FAILED,
		   "roots(https://ca 30000) show(https://ca 2) cleanup",
		   "pganchor: https://ca: 2 roots\n    name the one that you trust: "
		   "--fingerprint\n");
}

static void where_asking_fails(void **state)
{
	static const struct {
		const char *fails;
		const char *calls;
	} cases[] = {
	    {"roots", "roots(https://ca 30000) cleanup"},
	    {"check", "roots(https://ca 30000) check(https://ca) cleanup"},
	    {"health", ROOTS "cleanup"},
	    {"known", ROOTS "before known(https://ca) cleanup"},
	    {"look", ROOTS LOOK "cleanup"},
	    {"try", ROOTS LOOK TRY "cleanup"},
	    {"ask", ROOTS LOOK TRY "ask(https://ca ) cleanup"},
	    {"install", ROOTS LOOK TRY "ask(https://ca ) " INSTALL "cleanup"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char errors[100];

		here.fails = cases[i].fails;
		(void)snprintf(errors, sizeof errors, "pganchor: %s fails\n", cases[i].fails);
		assert_run("--ca-url ca", PGA_EXIT_FAILED, cases[i].calls, errors);
	}
}

/* ---- without a CA ---- */

static void roots_that_are_there(void **state)
{
	static const char *const others[] = {"--fingerprint " PIN, "--name n", "--hosts a",
					     "--proxy http://p",   "--scoped", "--unscoped",
					     "--replace",          "--json"};

	(void)state;
	assert_run("--pin-existing", 5, "alone ", "");
	assert_run("--pin-existing --yes", 5, "alone-yes ", "");
	assert_run("--pin-existing -n --max-time 3", 5, "alone-dry ", "");
	for (size_t i = 0; i < COUNT(others); i++) {
		char words[200];

		(void)snprintf(words, sizeof words, "--pin-existing %s", others[i]);
		assert_run(words, PGA_EXIT_USAGE, "",
			   "pganchor: bootstrap: --ca-url is missing; without it, --pin-existing "
			   "goes with --yes and --dry-run alone\n    see pganchor bootstrap "
			   "--help\n");
	}
	assert_run("--yes", PGA_EXIT_USAGE, "",
		   "pganchor: bootstrap: --ca-url is missing\n    see pganchor bootstrap --help\n");
}

/* ---- options that make no sense ---- */

static void options_that_cannot_be(void **state)
{
	static const struct {
		const char *words;
		bool no_terminal;
		const char *said; /* how it begins */
	} cases[] = {
	    {WITH " --scoped --unscoped", false,
	     "pganchor: bootstrap: --scoped and --unscoped: one of them\n"},
	    {WITH " --bogus", false, "pganchor: bootstrap: --bogus: no such option"},
	    {"--ca-url http://ca --fingerprint " PIN, false,
	     "pganchor: --ca-url: only https is possible\n"},
	    {"--ca-url ca --fingerprint abc", false, "pganchor: --fingerprint: "},
	    {WITH " --name -a", false,
	     "pganchor: --name: -a: not 1 to 64 of the letters A-Z a-z 0-9 . _ - with neither . "
	     "nor "
	     "- in front\n    such as --name company\n"},
	    {WITH " --hosts ''", false, "pganchor: --hosts: "},
	    {WITH " --proxy ftp://p", false, "pganchor: --proxy: "},
	    {"--ca-url ca --yes", false,
	     "pganchor: --fingerprint is missing, and --yes does not stand for it\n    on the "
	     "CA: "},
	    {"--ca-url ca", true,
	     "pganchor: --fingerprint is missing, and there is no terminal to ask on\n    on the "
	     "CA: "},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char words[200];

		here.no_terminal = cases[i].no_terminal;
		here.calls[0] = '\0';
		(void)snprintf(words, sizeof words, "bootstrap %s", cases[i].words);
		assert_int_equal(command_prints(bootstrap, words), PGA_EXIT_USAGE);
		assert_string_equal(here.calls, "");
		if (strncmp(printed.errors, cases[i].said, strlen(cases[i].said)) != 0)
			fail_msg("%s: %s", cases[i].words, printed.errors);
	}
	/* With the fingerprint, nobody is asked. */
	here.no_terminal = true;
	here.known = true;
	assert_run(WITH " --yes", PGA_EXIT_DONE,
		   ROOT HEALTH ENDS INSTALL "text(https://ca 0) " TOLD END, "");
}

/* ---- without memory ---- */

static int bootstrap_without(void *context)
{
	static char words[][70] = {"bootstrap", "--ca-url", "ca", "--fingerprint",
				   PIN,         "--hosts",  "a"};
	char *argv[COUNT(words) + 1] = {NULL};
	int status;

	for (size_t i = 0; i < COUNT(words); i++)
		argv[i] = words[i];
	optind = 0;
	here.calls[0] = '\0';
	here.chain = NULL;
	has_failed = false;
	left = *(long *)context;
	status = bootstrap(COUNT(words), argv);
	left = 0;
	return status;
}

static void without_memory(void **state)
{
	long number = 1;
	bool before = false;
	bool behind = false;

	(void)state;
	for (;; number++) {
		const int status = prints(bootstrap_without, &number);

		if (!has_failed)
			break;
		assert_string_equal(printed.errors, "pganchor: out of memory\n");
		if (status == PGA_EXIT_USAGE)
			assert_string_equal(here.calls, "");
		else
			assert_int_equal(status, PGA_EXIT_FAILED);
		before = before || status == PGA_EXIT_USAGE;
		behind = behind || status == PGA_EXIT_FAILED;
		assert_null(strstr(here.calls, "install"));
	}
	assert_true(before && behind);
	assert_non_null(strstr(here.calls, "install"));
}

#define EACH_TEST(test) cmocka_unit_test_setup(test, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    EACH_TEST(a_root_by_its_fingerprint),
	    EACH_TEST(a_ca_that_moves),
	    EACH_TEST(where_it_fails),
	    EACH_TEST(a_report_that_fails),
	    EACH_TEST(a_root_that_is_asked_about),
	    EACH_TEST(several_roots),
	    EACH_TEST(where_asking_fails),
	    EACH_TEST(roots_that_are_there),
	    EACH_TEST(options_that_cannot_be),
	    EACH_TEST(without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
