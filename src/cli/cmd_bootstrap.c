/* pganchor bootstrap: fetch a CA root, prove it, pin it, install it. */
#include "cli/cli.h"

#include "anchor/anchors.h"
#include "anchor/anchors_conf.h"
#include "ca/url.h"
#include "ca/stepca.h"
#include "tls/fingerprint.h"
#include "anchor/known_roots.h"
#include "ca/proxy.h"
#include "base/terminal.h"
#include "cli/bootstrap_existing.h"
#include "cli/bootstrap_known.h"
#include "cli/print_bootstrap.h"
#include "cli/bootstrap_services.h"
#include "cli/bootstrap_warnings.h"
#include "cli/consent.h"
#include "policy/pins.h"

#include <curl/curl.h>

#include <stddef.h>
#include <stdlib.h>

struct bootstrap {
	const char *ca_url;
	const char *fingerprint;
	const char *name;
	const char *hosts;
	bool scoped;
	bool unscoped;
	bool replace;
	bool pin_existing;
	bool yes;
	bool dry_run;
	bool json;
	struct pga_http http;

	/* Read from the options. */
	struct pga_ca_url ca;
	char pin[PGA_PIN_LENGTH + 1];
	char *host_patterns; /* NULL: not given */
	char *fallback_name;

	/* What the CA showed in /health, and by which root that verifies. */
	STACK_OF(X509) * chain;
	struct pga_known_roots known;
	const struct pga_known_root *chain_root; /* NULL: the one that was fetched */
};

static const struct pga_option options[] = {
    {.name = "ca-url",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct bootstrap, ca_url),
     .argument = "URL",
     .help = "the CA: https://ca.example.com:9000, or ca.example.com/prefix"},
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
     .target = offsetof(struct bootstrap, http.proxy),
     .argument = "URL",
     .help = "as curl's; if left out, https_proxy and no_proxy count"},
    {.name = "connect-timeout",
     .kind = PGA_OPTION_SECONDS,
     .target = offsetof(struct bootstrap, http.connect_timeout),
     .argument = "SECONDS",
     .help = "10 if left out"},
    {.name = "max-time",
     .kind = PGA_OPTION_SECONDS,
     .target = offsetof(struct bootstrap, http.max_time),
     .argument = "SECONDS",
     .help = "for one request; 30 if left out"},
    {.name = "yes",
     .target = offsetof(struct bootstrap, yes),
     .help = "nothing is asked where --fingerprint is given; it does not stand for the "
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
    .statuses = "Exit status: 0 done, or as it was to be already; 1 failed; 2 usage.",
    .examples = "The fingerprint, on the CA:\n"
		"  step certificate fingerprint root_ca.crt\n"
		"  openssl x509 -noout -fingerprint -sha256 -in root_ca.crt\n",
    .run = run,
};

/* There is no CA that the other options could be about. */
static bool is_pin_existing_alone(const struct bootstrap *bootstrap)
{
	return bootstrap->fingerprint == NULL && bootstrap->name == NULL &&
	       bootstrap->hosts == NULL && bootstrap->http.proxy == NULL && !bootstrap->scoped &&
	       !bootstrap->unscoped && !bootstrap->replace && !bootstrap->json;
}

/* Which options go together. Returns the exit status. */
static int check_together(const struct bootstrap *bootstrap)
{
	if (bootstrap->ca_url == NULL && !bootstrap->pin_existing)
		return pga_usage_error("bootstrap", "--ca-url is missing");
	if (bootstrap->ca_url == NULL && !is_pin_existing_alone(bootstrap))
		return pga_usage_error("bootstrap", "--ca-url is missing; without it, "
						    "--pin-existing goes with --yes and "
						    "--dry-run alone");
	if (bootstrap->scoped && bootstrap->unscoped)
		return pga_usage_error("bootstrap", "--scoped and --unscoped: one of them");
	return PGA_EXIT_DONE;
}

/* What the options say has to make sense before anybody is asked. */
static int check_options(struct bootstrap *bootstrap, struct pga_error *error)
{
	if (pga_ca_url_read(&bootstrap->ca, bootstrap->ca_url, error) != 0)
		return -1;
	bootstrap->fallback_name = pga_ca_url_name(&bootstrap->ca);
	if (bootstrap->fallback_name == NULL)
		return pga_fail_memory(error);
	if (bootstrap->fingerprint != NULL &&
	    pga_fingerprint_parse(bootstrap->fingerprint, bootstrap->pin, error) != 0)
		return -1;
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
	if (bootstrap->http.proxy != NULL && pga_proxy_check(bootstrap->http.proxy, error) != 0)
		return -1;
	if (bootstrap->fingerprint == NULL && bootstrap->yes)
		return pga_fail(error, PGA_FINGERPRINT_ADVICE,
				"--fingerprint is missing, and --yes does not stand for it");
	if (bootstrap->fingerprint == NULL && !pga_consent_possible())
		return pga_fail(error, PGA_FINGERPRINT_ADVICE,
				"--fingerprint is missing, and there is no terminal to ask on");
	return 0;
}

/* What is to be so. */
static struct pga_anchor make_anchor(const struct bootstrap *bootstrap,
				     const struct pga_certificate *root)
{
	return (struct pga_anchor){
	    .proof = {.root = root,
		      .chain = bootstrap->chain,
		      .chain_root = bootstrap->chain_root != NULL
					? &bootstrap->chain_root->certificate
					: NULL},
	    .name = bootstrap->name,
	    .fallback_name = bootstrap->fallback_name,
	    .source = bootstrap->ca.url,
	    .hosts = bootstrap->host_patterns,
	    .scoped = bootstrap->scoped,
	    .unscoped = bootstrap->unscoped,
	    .replace = bootstrap->replace,
	};
}

/* Where the root is pinned already, there is nothing to ask; what would fail after a yes fails
 * before the question. */
static int ask(struct bootstrap *bootstrap, const struct pga_certificate *root,
	       struct pga_error *error)
{
	struct pga_shown_root shown = {.url = bootstrap->ca.url,
				       .root = root,
				       .name = bootstrap->name,
				       .fallback_name = bootstrap->fallback_name,
				       .replace = bootstrap->replace};
	const struct pga_anchor anchor = make_anchor(bootstrap, root);
	struct pga_text warning = PGA_TEXT_EMPTY;
	bool pinned;
	int result = -1;

	pga_warn_before_pinning(root, bootstrap->chain);
	if (pga_known_roots_read(&bootstrap->known, bootstrap->ca.url, error) != 0)
		goto done;
	shown.rotates = pga_known_roots_of(&bootstrap->known, bootstrap->chain) != NULL;
	if (pga_known_look(&shown, &pinned, &warning, error) != 0 ||
	    pga_known_try(&anchor, error) != 0)
		goto done;
	if (pinned && warning.length != 0)
		pga_print_warning("%s", pga_text_string(&warning));
	result =
	    pinned ? 0 : pga_consent(bootstrap->ca.url, root, pga_text_string(&warning), error);
done:
	pga_text_free(&warning);
	return result;
}

/* Takes the one root that the CA shows, if the user says on the terminal that it is the right one.
 */
static int ask_for_root(struct bootstrap *bootstrap, struct pga_certificate *root,
			struct pga_error *error)
{
	struct pga_stepca_roots roots;
	const char *url = bootstrap->ca.url;
	int result = -1;

	if (pga_stepca_roots(&bootstrap->http, url, &roots, error) != 0)
		return -1;
	if (roots.count > 1) {
		pga_show_roots(url, &roots);
		(void)pga_fail(error, "name the one that you trust: --fingerprint", "%s: %zu roots",
			       url, roots.count);
	} else if (pga_certificate_check_anchor(&roots.roots[0], url, error) == 0 &&
		   pga_stepca_health(&bootstrap->http, url, roots.roots[0].pem, &bootstrap->chain,
				     error) == 0 &&
		   ask(bootstrap, &roots.roots[0], error) == 0) {
		*root = roots.roots[0];
		roots.count = 0;
		result = 0;
	}
	pga_stepca_roots_free(&roots);
	return result;
}

/* A root that is proved by its fingerprint may be one that the CA has yet to move to: then its TLS
 * comes from a root that is pinned already from the same address. */
static int check_health(struct bootstrap *bootstrap, const struct pga_certificate *root,
			struct pga_error *error)
{
	struct pga_text roots = PGA_TEXT_EMPTY;
	const char *url = bootstrap->ca.url;
	int result = -1;

	if (pga_known_roots_read(&bootstrap->known, url, error) != 0)
		return -1;
	pga_text_add(&roots, root->pem);
	for (size_t i = 0; i < bootstrap->known.count; i++)
		pga_text_add(&roots, bootstrap->known.roots[i].certificate.pem);
	if (roots.failed)
		(void)pga_fail_memory(error);
	else
		result = pga_stepca_health(&bootstrap->http, url, pga_text_string(&roots),
					   &bootstrap->chain, error);
	pga_text_free(&roots);
	if (result == 0 && !pga_proof_ends_in(bootstrap->chain, root))
		bootstrap->chain_root = pga_known_roots_of(&bootstrap->known, bootstrap->chain);
	return result;
}

/* The caller frees the root, which starts all zero, after an error too. */
static int fetch_root(struct bootstrap *bootstrap, struct pga_certificate *root,
		      struct pga_error *error)
{
	const char *url = bootstrap->ca.url;

	if (bootstrap->fingerprint == NULL)
		return ask_for_root(bootstrap, root, error);
	if (pga_stepca_root(&bootstrap->http, url, bootstrap->pin, root, error) != 0 ||
	    pga_certificate_check_anchor(root, url, error) != 0 ||
	    check_health(bootstrap, root, error) != 0)
		return -1;
	pga_warn_before_pinning(root, bootstrap->chain);
	return 0;
}

/* Returns the exit status, or -1 with the reason. What was done is told whatever came behind. */
static int report(const struct bootstrap *bootstrap, const struct pga_certificate *root,
		  const struct pga_anchoring *done, struct pga_error *error)
{
	struct pga_existing existing = {NULL, 0};
	int status = PGA_EXIT_DONE;

	if (bootstrap->pin_existing)
		status = pga_existing_pin(root, bootstrap->dry_run, &existing, error);
	if (!bootstrap->json)
		pga_report_text(done, root, &existing, bootstrap->ca.url, bootstrap->dry_run);
	pga_report_warnings(done, bootstrap->dry_run);
	pga_warn_of_crls(done);
	pga_warn_of_scope(done);
	if (pga_warn_of_services(done, bootstrap->dry_run, error) != 0)
		status = -1;
	if (bootstrap->chain_root != NULL)
		pga_warn_of_rotation(bootstrap->ca.url, done->name, bootstrap->chain_root->name);
	if (!done->known && !bootstrap->pin_existing &&
	    pga_existing_warn(root, bootstrap->dry_run, error) != 0)
		status = -1;
	/* It has the warnings, too. */
	if (bootstrap->json &&
	    pga_report_json(done, root, &existing, bootstrap->dry_run) != PGA_EXIT_DONE &&
	    status == PGA_EXIT_DONE)
		status = PGA_EXIT_FAILED;
	pga_existing_free(&existing);
	return status;
}

/* Returns the exit status, or -1 with the reason. */
static int install(const struct bootstrap *bootstrap, const struct pga_certificate *root,
		   struct pga_error *error)
{
	const struct pga_anchor anchor = make_anchor(bootstrap, root);
	struct pga_anchoring done;
	int result = pga_anchor_install(&anchor, bootstrap->dry_run, &done, error);

	if (result == 0) {
		result = report(bootstrap, root, &done, error);
		pga_anchoring_free(&done);
	}
	return result;
}

static int run(int argc, char **argv)
{
	struct bootstrap bootstrap = {.http = {NULL, PGA_HTTP_CONNECT_TIMEOUT, PGA_HTTP_MAX_TIME}};
	struct pga_certificate root = {.x509 = NULL};
	struct pga_error error;
	int status;

	if (!pga_options_read(&pga_cmd_bootstrap, argc, argv, &bootstrap, &status))
		return status;
	status = check_together(&bootstrap);
	if (status != PGA_EXIT_DONE)
		return status;
	if (bootstrap.ca_url == NULL)
		return pga_existing_roots_alone(bootstrap.yes, bootstrap.dry_run);
	if (check_options(&bootstrap, &error) != 0) {
		pga_print_error(&error);
		status = PGA_EXIT_USAGE;
	} else if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		(void)pga_fail(&error, NULL, "libcurl does not start");
		pga_print_error(&error);
		status = PGA_EXIT_FAILED;
	} else {
		status = fetch_root(&bootstrap, &root, &error);
		if (status == 0)
			status = install(&bootstrap, &root, &error);
		if (status < 0) {
			pga_print_error(&error);
			status = PGA_EXIT_FAILED;
		}
		curl_global_cleanup();
	}
	pga_certificate_free(&root);
	sk_X509_pop_free(bootstrap.chain, X509_free);
	pga_known_roots_free(&bootstrap.known);
	pga_ca_url_free(&bootstrap.ca);
	free(bootstrap.host_patterns);
	free(bootstrap.fallback_name);
	return status;
}
