/* pganchor bootstrap: fetch a CA root, prove it, pin it, install it. */
#include "cli/cli.h"

#include "anchor/anchors.h"
#include "anchor/anchors_conf.h"
#include "anchor/source.h"
#include "ca/proxy.h"
#include "tls/fingerprint.h"
#include "base/terminal.h"
#include "cli/bootstrap_copy.h"
#include "cli/bootstrap_existing.h"
#include "cli/bootstrap_known.h"
#include "cli/print_bootstrap.h"
#include "cli/bootstrap_services.h"
#include "cli/bootstrap_warnings.h"
#include "cli/consent.h"
#include "cli/question.h"
#include "cli/sources.h"
#include "cli/step_habits.h"
#include "policy/pins.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOURCE_NUMBER(source, ...)  SOURCE_##source
#define SOURCE_ADDRESS(source, ...) &pga_source_##source

enum { PGA_SOURCES(SOURCE_NUMBER), SOURCE_COUNT };

static const struct pga_source *const sources[] = {PGA_SOURCES(SOURCE_ADDRESS)};

struct bootstrap {
	const char *locations[SOURCE_COUNT]; /* of the sources, as typed */
	const char *fingerprint;
	const char *name;
	const char *hosts;
	bool scoped;
	bool unscoped;
	bool system;
	bool replace;
	bool pin_existing;
	bool yes;
	bool dry_run;
	bool json;

	/* Read from the options. */
	const char *typed; /* the location of the source that was chosen */
	struct pga_source_request request;
	char *host_patterns; /* NULL: not given */

	struct pga_candidates found;
	struct pga_followed_copy copy;
};

#define SOURCE_OPTION(source, option, value, what, text)                          \
	{                                                                         \
		.name = (option), .kind = PGA_OPTION_VALUE,                       \
		.target = offsetof(struct bootstrap, locations[SOURCE_##source]), \
		.argument = (value), .help = (text), .names = (what)              \
	}

/* Those of the sources come first: each has its source's number. */
static const struct pga_option options[] = {
    PGA_SOURCES(SOURCE_OPTION),
    {.name = "step-context",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct bootstrap, request.context),
     .argument = "NAME",
     .help = "which of the contexts of --step-config; the current one if left out"},
    {.name = "team",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct bootstrap, request.team),
     .argument = "NAME",
     .help = "what stands for the <> in --team-url"},
    {.name = "fingerprint",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct bootstrap, fingerprint),
     .argument = "HEX",
     .help = "SHA-256 of the root, with or without colons; without it, the root is shown on the "
	     "terminal and you are asked"},
    {.name = "name",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct bootstrap, name),
     .argument = "NAME",
     .help = "what to call the anchor; the CA's host if left out",
     .names = PGA_NAMES_ANCHOR},
    {.name = "scoped",
     .target = offsetof(struct bootstrap, scoped),
     .help = "leave root.crt alone: only services that name the anchor use it"},
    {.name = "unscoped",
     .target = offsetof(struct bootstrap, unscoped),
     .help = "put an anchor that is scoped into root.crt; without it, it stays so"},
    {.name = "hosts",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct bootstrap, hosts),
     .argument = "PATTERNS",
     .help = "the hosts it is valid for: '*.example.com db.example.org'"},
    {.name = "system",
     .target = offsetof(struct bootstrap, system),
     .help = "pin it for every user of this machine, in /etc/pganchor; as root. No root.crt is "
	     "touched"},
    {.name = "replace",
     .target = offsetof(struct bootstrap, replace),
     .help = "take the place of another root with that name, or change the anchor's hosts or "
	     "scope"},
    {.name = "pin-existing",
     .target = offsetof(struct bootstrap, pin_existing),
     .help = "pin the roots that root.crt has already, too: the gate refuses the servers of those "
	     "that are not; without --ca-url, shows them and fetches nothing, and --yes pins "
	     "them"},
    {.name = "proxy",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct bootstrap, request.http.proxy),
     .argument = "URL",
     .help = "as curl's; if left out, https_proxy and no_proxy count"},
    {.name = "connect-timeout",
     .kind = PGA_OPTION_SECONDS,
     .target = offsetof(struct bootstrap, request.http.connect_timeout),
     .argument = "SECONDS",
     .help = "10 if left out"},
    {.name = "max-time",
     .kind = PGA_OPTION_SECONDS,
     .target = offsetof(struct bootstrap, request.http.max_time),
     .argument = "SECONDS",
     .help = "for one request; 30 if left out"},
    {.name = "yes",
     .target = offsetof(struct bootstrap, yes),
     .help = "nothing is asked where --fingerprint is given; it does not replace the "
	     "fingerprint"},
    {.name = "dry-run",
     .letter = 'n',
     .target = offsetof(struct bootstrap, dry_run),
     .help = "do everything but write, and say what would be written"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct bootstrap, json),
     .help = "report in JSON"},
};

static int run(int argc, char **argv);

const struct pga_command pga_cmd_bootstrap = {
    .name = "bootstrap",
    .summary = "fetch a CA root, prove it by its fingerprint, pin and install it",
    .usage = "--ca-url URL [--fingerprint HEX] [OPTION ...]\n"
	     "--pin-existing [--yes] [--dry-run]",
    .stray = "the CA is --ca-url",
    .about = "Fetches the root of a step-ca, proves it by its fingerprint, pins it and installs it "
	     "where libpq looks for roots. Running it again changes nothing, but brings back what "
	     "is missing.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .option_habits = pga_step_habits,
    .statuses = "Exit status: 0 done, or as it was to be already; 1 failed; 2 usage.",
    .examples = "The fingerprint, on the CA:\n"
		"  step certificate fingerprint root_ca.crt\n"
		"  openssl x509 -noout -fingerprint -sha256 -in root_ca.crt\n",
    .run = run,
};

/* There is no source that the other options could be about. */
static bool is_pin_existing_alone(const struct bootstrap *bootstrap)
{
	return bootstrap->fingerprint == NULL && bootstrap->name == NULL &&
	       bootstrap->hosts == NULL && bootstrap->request.http.proxy == NULL &&
	       !bootstrap->scoped && !bootstrap->unscoped && !bootstrap->system &&
	       !bootstrap->replace && !bootstrap->json;
}

/* The one whose location was given, if any. Returns the exit status. */
static int choose_source(struct bootstrap *bootstrap)
{
	size_t chosen = 0;

	for (size_t i = 0; i < SOURCE_COUNT; i++) {
		if (bootstrap->locations[i] == NULL)
			continue;
		if (bootstrap->typed != NULL)
			return pga_usage_error("bootstrap", "--%s and --%s: one of them",
					       options[chosen].name, options[i].name);
		chosen = i;
		bootstrap->typed = bootstrap->locations[i];
		bootstrap->request.source = sources[i];
	}
	return PGA_EXIT_DONE;
}

/* Which options go together. Returns the exit status. */
static int check_together(struct bootstrap *bootstrap)
{
	if (choose_source(bootstrap) != PGA_EXIT_DONE)
		return PGA_EXIT_USAGE;
	if (bootstrap->request.team != NULL && bootstrap->locations[SOURCE_team] == NULL)
		return pga_usage_error("bootstrap", "--team goes with --team-url");
	if (bootstrap->request.context != NULL && bootstrap->locations[SOURCE_stepconfig] == NULL)
		return pga_usage_error("bootstrap", "--step-context goes with --step-config");
	if (bootstrap->typed == NULL && !bootstrap->pin_existing)
		return pga_usage_error("bootstrap", "--ca-url is missing");
	if (bootstrap->typed == NULL && !is_pin_existing_alone(bootstrap))
		return pga_usage_error("bootstrap", "--ca-url is missing; without it, "
						    "--pin-existing goes with --yes and "
						    "--dry-run alone");
	if (bootstrap->scoped && bootstrap->unscoped)
		return pga_usage_error("bootstrap", "--scoped and --unscoped: one of them");
	if (bootstrap->system && (bootstrap->unscoped || bootstrap->pin_existing))
		return pga_usage_error("bootstrap", "--system and %s: root.crt is a user's own",
				       bootstrap->unscoped ? "--unscoped" : "--pin-existing");
	return PGA_EXIT_DONE;
}

/* What the options say has to make sense before anybody is asked. */
static int check_options(struct bootstrap *bootstrap, struct pga_error *error)
{
	struct pga_source_request *request = &bootstrap->request;
	char given[PGA_PIN_LENGTH + 1];

	if (request->source->read(request, bootstrap->typed, error) != 0)
		return -1;
	if (bootstrap->fingerprint != NULL) {
		if (pga_fingerprint_parse(bootstrap->fingerprint, given, error) != 0 ||
		    pga_source_confirm(request, given, error) != 0)
			return -1;
		memcpy(request->pin, given, sizeof given);
	}
	if (bootstrap->name != NULL && !pga_pin_name_is_valid(bootstrap->name))
		return pga_fail(error, "such as --name company",
				"--name: %s: not 1 to 64 of the letters A-Z a-z 0-9 . _ - with "
				"neither . nor - in front",
				bootstrap->name);
	if (bootstrap->hosts != NULL) {
		bootstrap->host_patterns = pga_anchors_conf_hosts(bootstrap->hosts, error);
		if (bootstrap->host_patterns == NULL)
			return -1;
	}
	if (request->http.proxy != NULL && pga_proxy_check(request->http.proxy, error) != 0)
		return -1;
	if (request->pin[0] != '\0' || request->source->resolve != NULL)
		return 0;
	if (bootstrap->yes)
		return pga_fail(error, PGA_FINGERPRINT_ADVICE,
				"--fingerprint is missing, and --yes does not replace it");
	if (!pga_question_possible())
		return pga_fail(error, PGA_FINGERPRINT_ADVICE,
				"--fingerprint is missing, and there is no terminal to ask on");
	return 0;
}

/* What is to be so. */
static struct pga_anchor make_anchor(const struct bootstrap *bootstrap)
{
	const struct pga_candidates *found = &bootstrap->found;

	return (struct pga_anchor){
	    .proof = {.root = &found->roots[0],
		      .chain = found->chain,
		      .chain_root =
			  found->chain_root != NULL ? &found->chain_root->certificate : NULL},
	    .name = bootstrap->name,
	    .fallback_name = bootstrap->request.name,
	    .source = bootstrap->request.location,
	    .record = {.kind = bootstrap->request.source->name,
		       .location = bootstrap->request.asked,
		       .ca_file = bootstrap->request.ca_file},
	    .hosts = bootstrap->host_patterns,
	    .new_hosts = bootstrap->request.hosts,
	    .scoped = bootstrap->scoped,
	    .unscoped = bootstrap->unscoped,
	    .system = bootstrap->system,
	    .replace = bootstrap->replace,
	};
}

/* Where the root is pinned already, there is nothing to ask; what would fail after a yes fails
 * before the question. */
static int ask(struct bootstrap *bootstrap, struct pga_error *error)
{
	const struct pga_anchor anchor = make_anchor(bootstrap);
	struct pga_text warning = PGA_TEXT_EMPTY;
	bool rotates;
	bool pinned;
	int result = -1;

	if (pga_source_rotates(&bootstrap->request, &bootstrap->found, &rotates, error) != 0 ||
	    pga_known_look(&anchor, rotates, &pinned, &warning, error) != 0 ||
	    pga_known_try(&anchor, error) != 0)
		goto done;
	if (pinned && warning.length != 0)
		pga_print_warning("%s", pga_text_string(&warning));
	result = pinned ? 0
			: pga_consent(anchor.source, anchor.proof.root, pga_text_string(&warning),
				      error);
done:
	pga_text_free(&warning);
	return result;
}

/* What the system says of it is told before anybody is asked. */
static int look_at_system(const struct bootstrap *bootstrap, struct pga_error *error)
{
	struct pga_text said = PGA_TEXT_EMPTY;
	const int result = pga_known_to_system(&bootstrap->found.roots[0], &said, error);

	if (result == 0 && said.length > 0 && !bootstrap->json)
		pga_print(stdout, "%s: %s.\n", bootstrap->request.location, pga_text_string(&said));
	pga_text_free(&said);
	return result;
}

/* Takes the one root that is proven, or that the user says on the terminal is the right one. */
static int find_root(struct bootstrap *bootstrap, struct pga_error *error)
{
	struct pga_source_request *request = &bootstrap->request;
	struct pga_candidates *found = &bootstrap->found;

	if (pga_source_resolve(request, error) != 0)
		return -1;
	/* What is taken for granted, before anything is done by it. */
	if (request->told != NULL)
		pga_print(bootstrap->json ? stderr : stdout, "%s.\n", request->told);
	if (pga_source_fetch(request, found, error) != 0)
		return -1;
	if (found->note != NULL)
		pga_print_warning("%s", found->note);
	if (found->count > 1) {
		pga_show_roots(request->location, found);
		return pga_fail(error, "name the one that you trust: --fingerprint",
				"%s: %zu roots", request->location, found->count);
	}
	if (pga_certificate_check_anchor(&found->roots[0], request->location, error) != 0 ||
	    pga_source_verify(request, found, error) != 0 ||
	    (!bootstrap->system && look_at_system(bootstrap, error) != 0))
		return -1;
	pga_warn_before_pinning(&found->roots[0], found->chain);
	return found->proven ? 0 : ask(bootstrap, error);
}

/* Returns the exit status, or -1 with the reason. What was done is told whatever came behind. */
static int report(struct bootstrap *bootstrap, const struct pga_anchoring *done,
		  struct pga_error *error)
{
	const struct pga_certificate *root = &bootstrap->found.roots[0];
	const struct pga_known_root *chain_root = bootstrap->found.chain_root;
	const char *location = bootstrap->request.location;
	struct pga_existing existing = {NULL, 0};
	int status = PGA_EXIT_DONE;

	if (bootstrap->pin_existing)
		status = pga_existing_pin(root, bootstrap->dry_run, &existing, error);
	if (!bootstrap->json)
		pga_report_text(done, root, &existing, location, bootstrap->dry_run);
	pga_report_warnings(done, bootstrap->dry_run);
	pga_warn_of_crls(done);
	pga_warn_of_scope(done);
	if (pga_warn_of_services(done, bootstrap->dry_run, error) != 0)
		status = -1;
	if (chain_root != NULL)
		pga_warn_of_rotation(location, done->name, chain_root->name);
	if (!done->known && !bootstrap->pin_existing && !bootstrap->system &&
	    pga_existing_warn(root, bootstrap->dry_run, error) != 0)
		status = -1;
	pga_followed_copy_end(&bootstrap->copy);
	/* It has the warnings, too. */
	if (bootstrap->json &&
	    pga_report_json(done, root, &existing, bootstrap->dry_run) != PGA_EXIT_DONE &&
	    status == PGA_EXIT_DONE)
		status = PGA_EXIT_FAILED;
	pga_existing_free(&existing);
	return status;
}

/* Returns the exit status, or -1 with the reason. */
static int install(struct bootstrap *bootstrap, struct pga_error *error)
{
	const struct pga_anchor anchor = make_anchor(bootstrap);
	struct pga_anchoring done;
	int result;

	/* The system's pins are no user's. */
	if (!bootstrap->dry_run && !bootstrap->system)
		pga_followed_copy_begin(&bootstrap->copy);
	result = pga_anchor_install(&anchor, bootstrap->dry_run, &done, error);
	if (result == 0) {
		result = report(bootstrap, &done, error);
		pga_anchoring_free(&done);
	}
	pga_followed_copy_end(&bootstrap->copy);
	return result;
}

/* Returns the exit status. */
static int pin_existing_alone(struct bootstrap *bootstrap)
{
	int status;

	if (bootstrap->yes && !bootstrap->dry_run)
		pga_followed_copy_begin(&bootstrap->copy);
	status = pga_existing_roots_alone(bootstrap->yes, bootstrap->dry_run);
	pga_followed_copy_end(&bootstrap->copy);
	return status;
}

static int run(int argc, char **argv)
{
	struct bootstrap bootstrap = {
	    .request.http = {NULL, PGA_HTTP_CONNECT_TIMEOUT, PGA_HTTP_MAX_TIME}};
	struct pga_error error;
	int status;

	if (!pga_options_read(&pga_cmd_bootstrap, argc, argv, &bootstrap, &status))
		return status;
	status = check_together(&bootstrap);
	if (status != PGA_EXIT_DONE)
		return status;
	if (bootstrap.request.source == NULL)
		return pin_existing_alone(&bootstrap);
	if (check_options(&bootstrap, &error) != 0) {
		pga_print_error(&error);
		status = PGA_EXIT_USAGE;
	} else {
		status = find_root(&bootstrap, &error);
		if (status == 0)
			status = install(&bootstrap, &error);
		if (status < 0) {
			pga_print_error(&error);
			status = PGA_EXIT_FAILED;
		}
	}
	pga_candidates_free(&bootstrap.found);
	pga_source_request_free(&bootstrap.request);
	free(bootstrap.host_patterns);
	return status;
}
