/* For the unit of cli/cmd_bootstrap.c: all that it and the source of a step-ca call, as the test
 * plays it, with a note of each call. */
#ifndef PGA_TESTS_PLAYED_BOOTSTRAP_H
#define PGA_TESTS_PLAYED_BOOTSTRAP_H

#include "cmocka_start.h"
#include "failing.h"
#include "printed.h"

#include "anchor/anchor_name.h"
#include "anchor/anchors.h"
#include "anchor/known_roots.h"
#include "ca/stepca.h"
#include "cli/adding.h"
#include "cli/bootstrap_existing.h"
#include "cli/bootstrap_known.h"
#include "cli/bootstrap_services.h"
#include "cli/bootstrap_warnings.h"
#include "cli/cli.h"
#include "cli/consent.h"
#include "cli/question.h"
#include "cli/print_bootstrap.h"

#define D8(digits) digits digits digits digits digits digits digits digits
#define PIN        D8(D8("1"))

static struct {
	const char *systems; /* what the system says of the root; NULL: nothing */
	const char *fails;   /* the call of this name */
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
	int held; /* certificates that nobody has freed yet */
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
	here.held++;
}

int pga_stepca_root(const struct pga_http *http, const char *ca_url, const char *pin,
		    struct pga_stepca_roots *roots, struct pga_error *error)
{
	note("root(%s %s %ld %ld) ", ca_url, or_none(http->proxy), http->connect_timeout,
	     http->max_time);
	assert_string_equal(pin, PIN);
	memset(roots, 0, sizeof *roots);
	if (ends("root", error) != 0)
		return -1;
	show(&roots->roots[0]);
	roots->count = 1;
	return 0;
}

int pga_stepca_roots(const struct pga_http *http, const char *ca_url,
		     struct pga_stepca_roots *roots, struct pga_error *error)
{
	note("roots(%s %ld) ", ca_url, http->max_time);
	memset(roots, 0, sizeof *roots);
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
	while (roots->count > 0)
		pga_certificate_free(&roots->roots[--roots->count]);
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
	here.held -= certificate->pem != NULL;
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

int pga_known_look(const struct pga_anchor *anchor, bool rotates, bool *pinned,
		   struct pga_text *warning, struct pga_error *error)
{
	assert_string_equal(anchor->proof.root->pin, PIN);
	note("look(%s %s %s%s%s%s) ", anchor->source, or_none(anchor->name), anchor->fallback_name,
	     rotates ? " rotates" : "", anchor->replace ? " replace" : "",
	     anchor->system ? " system" : "");
	*pinned = here.pinned;
	pga_text_add(warning, here.warning != NULL ? here.warning : "");
	return warning->failed ? pga_fail_memory(error) : ends("look", error);
}

static void note_anchor(const char *call, const struct pga_anchor *anchor)
{
	assert_string_equal(anchor->proof.root->pin, PIN);
	assert_ptr_equal(anchor->proof.chain, here.chain);
	note("%s(%s %s %s %s%s%s%s%s%s%s) ", call, or_none(anchor->name), anchor->fallback_name,
	     anchor->source, or_none(anchor->hosts), anchor->scoped ? " scoped" : "",
	     anchor->unscoped ? " unscoped" : "", anchor->system ? " system" : "",
	     anchor->replace ? " replace" : "", anchor->proof.chain_root != NULL ? " by " : "",
	     anchor->proof.chain_root != NULL ? anchor->proof.chain_root->pem : "");
}

/* What the system says of it is told before all. */
int pga_known_to_system(const struct pga_certificate *root, struct pga_text *said,
			struct pga_error *error)
{
	assert_string_equal(root->pin, PIN);
	pga_text_add(said, here.systems != NULL ? here.systems : "");
	return said->failed ? pga_fail_memory(error) : ends("system", error);
}

int pga_known_try(const struct pga_anchor *anchor, struct pga_error *error)
{
	note_anchor("try", anchor);
	return ends("try", error);
}

int pga_consent(const struct pga_anchor *anchor, const struct pga_candidates *found,
		const char *warning, struct pga_error *error)
{
	assert_string_equal(anchor->proof.root->pin, PIN);
	assert_int_equal(found->count, 1);
	note("ask(%s %s) ", anchor->source, warning);
	return ends("ask", error);
}

bool pga_question_possible(void)
{
	return !here.no_terminal;
}

void pga_show_roots(const char *location, const struct pga_candidates *candidates)
{
	note("show(%s %zu) ", location, candidates->count);
}

void pga_anchor_name_of(const struct pga_certificate *root, char name[PGA_ANCHOR_NAME])
{
	assert_string_equal(root->pin, PIN);
	(void)snprintf(name, PGA_ANCHOR_NAME, "made");
}

int pga_warn_of_constraints(const struct pga_certificate *root, const char *for_hosts,
			    struct pga_error *error)
{
	assert_string_equal(root->pin, PIN);
	note("constraints(%s) ", for_hosts);
	return ends("constraints", error);
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
		    const char *kind, const struct pga_existing *existing, bool dry_run)
{
	assert_ptr_equal(done->name, anchor_name);
	assert_string_equal(root->pin, PIN);
	assert_string_equal(kind, "step-ca");
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

int pga_adding_all(struct pga_adding *adding, struct pga_error *error)
{
	note("all(%s) ", adding->whole_digest);
	return ends("all", error) != 0 ? -1 : PGA_EXIT_DONE;
}

/* ---- the command ---- */

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
	assert_int_equal(here.held, 0);
	assert_string_equal(here.calls, calls);
	assert_string_equal(printed.errors, errors);
	assert_string_equal(printed.output, "");
}

#endif
