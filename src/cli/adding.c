#include "cli/adding.h"

#include "anchor/anchors_conf.h"
#include "base/terminal.h"
#include "ca/proxy.h"
#include "cli/bootstrap_existing.h"
#include "cli/bootstrap_known.h"
#include "cli/bootstrap_services.h"
#include "cli/bootstrap_timer.h"
#include "cli/bootstrap_warnings.h"
#include "cli/cli.h"
#include "cli/consent.h"
#include "cli/print_bootstrap.h"
#include "cli/question.h"
#include "policy/pins.h"
#include "tls/fingerprint.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* There is no source that the other options could be about. */
static bool is_pin_existing_alone(const struct pga_adding *adding)
{
	return adding->fingerprint == NULL && adding->name == NULL && adding->hosts == NULL &&
	       adding->host == NULL && adding->ca_file == NULL && !adding->all &&
	       adding->request.http.proxy == NULL && !adding->scoped && !adding->unscoped &&
	       !adding->system && !adding->replace && !adding->json;
}

static bool may_be(const struct pga_adding *adding, const char *name)
{
	for (size_t i = 0; i < adding->meant_count; i++)
		if (strcmp(adding->meant[i]->name, name) == 0)
			return true;
	return false;
}

/* What is asked of the source has to be possible with it. */
static int check_with_source(const struct pga_adding *adding)
{
	const char *command = adding->command->name;
	const char *alone = adding->name != NULL   ? "--name"
			    : adding->replace      ? "--replace"
			    : adding->host != NULL ? "--host"
			    : adding->pin_existing ? "--pin-existing"
						   : NULL;

	if (adding->ca_file != NULL && !may_be(adding, "https") && !may_be(adding, "team"))
		return pga_usage_error(command, "--ca-file: it verifies an https address, and "
						"this is none");
	if (adding->all && alone != NULL)
		return pga_usage_error(command, "--all and %s: one of them", alone);
	if (adding->all && adding->meant[0]->verify != NULL && adding->meant_count == 1)
		return pga_usage_error(command, "--all: it is for files of certificates");
	return PGA_EXIT_DONE;
}

/* Which options go together. Returns the exit status. */
static int check_together(struct pga_adding *adding, const char *word)
{
	const char *command = adding->command->name;
	const bool bootstraps = adding->command == &pga_cmd_bootstrap;
	const int status = pga_adding_find_source(adding, word);

	if (status != PGA_EXIT_DONE)
		return status;
	if (adding->request.team != NULL && adding->locations[PGA_SOURCE_NUMBER_team] == NULL)
		return pga_usage_error(command, "--team goes with --team-url");
	if (adding->request.context != NULL &&
	    adding->locations[PGA_SOURCE_NUMBER_stepconfig] == NULL)
		return pga_usage_error(command, "--step-context goes with --step-config");
	if (adding->request.address != NULL && adding->locations[PGA_SOURCE_NUMBER_server] == NULL)
		return pga_usage_error(command, "--hostaddr goes with --from-server");
	if (adding->typed == NULL && !adding->pin_existing)
		return pga_usage_error(command, bootstraps
						    ? "--ca-url is missing, or another source"
						    : "the source is missing");
	if (adding->typed == NULL && !is_pin_existing_alone(adding))
		return pga_usage_error(command, "--ca-url is missing, or another source; without "
						"one, --pin-existing goes with --yes and --dry-run "
						"alone");
	if (adding->scoped && adding->unscoped)
		return pga_usage_error(command, "--scoped and --unscoped: one of them");
	if (adding->system && (adding->unscoped || adding->pin_existing))
		return pga_usage_error(command, "--system and %s: root.crt is a user's own",
				       adding->unscoped ? "--unscoped" : "--pin-existing");
	return adding->typed != NULL ? check_with_source(adding) : PGA_EXIT_DONE;
}

/* Only a fingerprint proves; else somebody has to be there who can be asked. */
static int check_proof(const struct pga_adding *adding, struct pga_error *error)
{
	static const char whole[] = "with --all, it is the SHA-256 of the whole file: sha256sum "
				    "FILE, of a file that came to you by a way that you trust";
	const char *hint = adding->all ? whole : PGA_FINGERPRINT_ADVICE;

	if (adding->request.pin[0] != '\0' || adding->whole_digest[0] != '\0' ||
	    adding->request.source->resolve != NULL)
		return 0;
	if (adding->yes)
		return pga_fail(error, hint,
				"--fingerprint is missing, and --yes does not replace it");
	if (!pga_question_possible())
		return pga_fail(error, hint,
				"--fingerprint is missing, and there is no terminal to ask on");
	return 0;
}

/* What is wrong with a file is what there is to put right first: it is told in the place of the
 * fingerprint that is missing. */
static int blame_file(const struct pga_adding *adding, struct pga_error *error)
{
	struct pga_candidates found = {.count = 0};
	struct pga_error wrong;
	int result;

	if (adding->request.source != &pga_source_file)
		return -1;
	result = pga_source_fetch(&adding->request, &found, &wrong);
	if (result == 0 && found.count == 1)
		result = pga_certificate_check_anchor(&found.roots[0], found.where, &wrong);
	if (result != 0)
		*error = wrong;
	pga_candidates_free(&found);
	return -1;
}

/* The way to it from anywhere, for when it is asked again. */
static int find_ca_file(struct pga_adding *adding, struct pga_error *error)
{
	adding->ca_path = realpath(adding->ca_file, NULL);
	if (adding->ca_path == NULL)
		return pga_fail_errno(error, "it is a file of certificates in PEM form",
				      "--ca-file: could not find %s", adding->ca_file);
	adding->request.ca_file = adding->ca_path;
	return 0;
}

/* With --all, it is that of all bytes. */
static int read_fingerprint(struct pga_adding *adding, struct pga_error *error)
{
	struct pga_source_request *request = &adding->request;
	char given[PGA_PIN_LENGTH + 1];

	if (adding->all)
		return pga_fingerprint_parse(adding->fingerprint, adding->whole_digest, error);
	if (pga_fingerprint_parse(adding->fingerprint, given, error) != 0 ||
	    pga_source_confirm(request, given, error) != 0)
		return -1;
	memcpy(request->pin, given, sizeof given);
	return 0;
}

/* What the options say has to make sense before anybody is asked. */
static int check_options(struct pga_adding *adding, struct pga_error *error)
{
	struct pga_source_request *request = &adding->request;

	request->source = adding->meant[0];
	if (adding->ca_file != NULL && find_ca_file(adding, error) != 0)
		return -1;
	if (request->source->read(request, adding->typed, error) != 0)
		return -1;
	if (adding->fingerprint != NULL && read_fingerprint(adding, error) != 0)
		return -1;
	if (adding->name != NULL && !pga_pin_name_is_valid(adding->name))
		return pga_fail(error, "such as --name company",
				"--name: %s: not 1 to 64 of the letters A-Z a-z 0-9 . _ - with "
				"neither . nor - in front",
				adding->name);
	if (adding->hosts != NULL) {
		adding->host_patterns = pga_anchors_conf_hosts(adding->hosts, error);
		if (adding->host_patterns == NULL)
			return -1;
	}
	if (adding->host != NULL && pga_adding_check_host(adding->host, error) != 0)
		return -1;
	if (request->http.proxy != NULL && pga_proxy_check(request->http.proxy, error) != 0)
		return -1;
	return check_proof(adding, error) == 0 ? 0 : blame_file(adding, error);
}

/* What sources.conf keeps: nothing of a server that was reached in another way than by its name,
 * since it may not be so again. */
static struct pga_source_record make_record(const struct pga_adding *adding)
{
	const struct pga_candidates *found = &adding->found;
	const struct pga_source_request *request = &adding->request;

	if (request->address != NULL)
		return (struct pga_source_record){.kind = NULL};
	return (struct pga_source_record){.kind = request->source->name,
					  .location = request->asked,
					  .ca_file = request->ca_file,
					  .etag = found->etag,
					  .digest =
					      found->digest[0] != '\0' ? found->digest : NULL};
}

/* What is to be so. A source that is called by an address names the anchor by it, where there is
 * one root there. */
static struct pga_anchor make_anchor(const struct pga_adding *adding)
{
	const struct pga_candidates *found = &adding->found;
	const struct pga_source_request *request = &adding->request;

	return (struct pga_anchor){
	    .proof = {.root = &found->roots[0],
		      .chain = found->chain,
		      .chain_root =
			  found->chain_root != NULL ? &found->chain_root->certificate : NULL},
	    .name = adding->name,
	    .fallback_name =
		request->name != NULL && !adding->of_bundle ? request->name : adding->made_name,
	    .source = request->location,
	    .record = make_record(adding),
	    .of_bundle = adding->of_bundle,
	    .hosts = adding->host_patterns,
	    .new_hosts = request->hosts,
	    .scoped = adding->scoped,
	    .unscoped = adding->unscoped,
	    .system = adding->system,
	    .replace = adding->replace,
	};
}

/* Where the root is pinned already, there is nothing to ask; what would fail after a yes fails
 * before the question. */
static int ask(struct pga_adding *adding, struct pga_error *error)
{
	const struct pga_anchor anchor = make_anchor(adding);
	struct pga_text warning = PGA_TEXT_EMPTY;
	bool rotates;
	bool pinned;
	int result = -1;

	if (pga_source_rotates(&adding->request, &adding->found, &rotates, error) != 0 ||
	    pga_known_look(&anchor, rotates, &pinned, &warning, error) != 0 ||
	    pga_known_try(&anchor, error) != 0)
		goto done;
	if (pinned && warning.length != 0)
		pga_print_warning("%s", pga_text_string(&warning));
	result =
	    pinned ? 0 : pga_consent(&anchor, &adding->found, pga_text_string(&warning), error);
done:
	pga_text_free(&warning);
	return result;
}

/* What the system says of it is told before anybody is asked. */
static int look_at_system(const struct pga_adding *adding, struct pga_error *error)
{
	struct pga_text said = PGA_TEXT_EMPTY;
	const int result = pga_known_to_system(&adding->found.roots[0], &said, error);

	if (result == 0 && said.length > 0 && !adding->json)
		pga_print(stdout, "%s: %s.\n", adding->request.location, pga_text_string(&said));
	pga_text_free(&said);
	return result;
}

static void say_left_out(const struct pga_adding *adding)
{
	if (adding->left_out == 0 || adding->json)
		return;
	pga_print(stdout, "%s: %zu other %s left out.\n", adding->found.where, adding->left_out,
		  adding->left_out == 1 ? "certificate is" : "certificates are");
	(void)fflush(stdout);
}

static int warn_before(const struct pga_adding *adding, struct pga_error *error)
{
	const struct pga_candidates *found = &adding->found;
	const char *hosts =
	    adding->host_patterns != NULL ? adding->host_patterns : adding->request.hosts;

	pga_warn_before_pinning(&found->roots[0], found->chain);
	if (found->has_private_key)
		pga_print_warning("%s: a private key stands beside the certificate: it is "
				  "nobody's but its owner's, and has no place in a file that "
				  "others get",
				  found->where);
	return hosts != NULL ? pga_warn_of_constraints(&found->roots[0], hosts, error) : 0;
}

/* Takes the one root that is proven, or that the user says on the terminal is the right one. */
static int find_root(struct pga_adding *adding, struct pga_error *error)
{
	const struct pga_source_request *request = &adding->request;
	struct pga_candidates *found = &adding->found;

	if (pga_certificate_check_anchor(&found->roots[0], request->location, error) != 0 ||
	    pga_source_verify(request, found, error) != 0 ||
	    (!adding->system && look_at_system(adding, error) != 0))
		return -1;
	say_left_out(adding);
	if (warn_before(adding, error) != 0)
		return -1;
	return found->proven ? 0 : ask(adding, error);
}

/* Returns the exit status, or -1 with the reason. What was done is told whatever came behind. */
static int report(struct pga_adding *adding, const struct pga_anchoring *done,
		  struct pga_error *error)
{
	const struct pga_certificate *root = &adding->found.roots[0];
	const struct pga_known_root *chain_root = adding->found.chain_root;
	const char *location = adding->request.location;
	struct pga_existing existing = {NULL, 0};
	int status = PGA_EXIT_DONE;

	if (adding->pin_existing)
		status = pga_existing_pin(root, adding->dry_run, &existing, error);
	if (!adding->json)
		pga_report_text(done, root, &existing, location, adding->dry_run);
	pga_report_warnings(done, adding->dry_run);
	pga_warn_of_crls(done);
	pga_warn_of_scope(done);
	if (pga_warn_of_services(done, adding->dry_run, error) != 0)
		status = -1;
	if (chain_root != NULL)
		pga_warn_of_rotation(location, done->name, chain_root->name);
	if (!done->known && !adding->pin_existing && !adding->system &&
	    pga_existing_warn(root, adding->dry_run, error) != 0)
		status = -1;
	pga_followed_copy_end(&adding->copy);
	/* It has the warnings, too. */
	if (adding->json &&
	    pga_report_json(done, root, adding->request.source->name, &existing, adding->dry_run) !=
		PGA_EXIT_DONE &&
	    status == PGA_EXIT_DONE)
		status = PGA_EXIT_FAILED;
	pga_existing_free(&existing);
	return status;
}

static int report_briefly(struct pga_adding *adding, const struct pga_anchoring *done)
{
	if (!adding->json && !done->known)
		pga_print(stdout, "%s anchor %s for %s: %s\n    SHA-256 %s\n",
			  adding->dry_run ? "Would pin" : "Pinned", done->name, done->hosts,
			  adding->found.roots[0].subject, adding->found.roots[0].pin);
	(void)fflush(stdout);
	pga_warn_of_crls(done);
	pga_followed_copy_end(&adding->copy);
	return PGA_EXIT_DONE;
}

/* A root that is pinned already and valid for all of these hosts stays as it is; one that is not
 * is the user's to widen. */
static int keep_pinned(struct pga_adding *adding, struct pga_error *error)
{
	const char *pin = adding->found.roots[0].pin;
	struct pga_pins pins;
	const struct pga_pin *known;
	int result = 0;

	if (pga_pins_load(&pins, NULL, error) != 0)
		return -1;
	known = pga_pins_find(&pins, pin);
	if (known != NULL && pga_host_matches_any(known->hosts, adding->hosts)) {
		free(adding->host_patterns);
		adding->host_patterns = NULL;
		adding->scoped = known->scoped;
	} else if (known != NULL) {
		char hint[sizeof error->hint];

		(void)snprintf(hint, sizeof hint,
			       "pganchor anchor set-hosts %s '%s %s' makes it valid for that, too",
			       known->name, known->hosts, adding->hosts);
		result =
		    pga_fail(error, hint, "anchor %s: this root is pinned already, and not for %s",
			     known->name, adding->hosts);
	}
	pga_pins_free(&pins);
	return result;
}

/* Returns the exit status, or -1 with the reason. */
static int install(struct pga_adding *adding, struct pga_error *error)
{
	const struct pga_anchor anchor = make_anchor(adding);
	struct pga_anchoring done;
	int result;

	/* The system's pins are no user's. */
	if (!adding->dry_run && !adding->system)
		pga_followed_copy_begin(&adding->copy);
	result = pga_anchor_install(&anchor, adding->dry_run, &done, error);
	if (result == 0) {
		adding->pinned = !done.known && !adding->dry_run;
		result =
		    adding->for_host ? report_briefly(adding, &done) : report(adding, &done, error);
		/* Who disabled it is not asked again for an anchor that was there. */
		if (result == PGA_EXIT_DONE && adding->command == &pga_cmd_bootstrap &&
		    !adding->no_timer && !adding->system && !done.known)
			pga_bootstrap_timer(adding->dry_run, adding->json);
		adding->installed = done.name;
		done.name = NULL;
		pga_anchoring_free(&done);
	}
	pga_followed_copy_end(&adding->copy);
	return result;
}

/* A CA says itself which root is its own; nobody chooses for it. */
static int fail_several(const struct pga_adding *adding, struct pga_error *error)
{
	pga_show_roots(adding->request.location, &adding->found);
	return pga_fail(error, "name the one that you trust: --fingerprint", "%s: %zu roots",
			adding->request.location, adding->found.count);
}

/* Returns the exit status, or -1 with the reason. */
static int add(struct pga_adding *adding, struct pga_error *error)
{
	if (pga_adding_fetch(adding, error) != 0)
		return -1;
	if (adding->all)
		return pga_adding_all(adding, error);
	if (adding->found.count > 1 && adding->request.source->verify != NULL &&
	    adding->host == NULL)
		return fail_several(adding, error);
	if (pga_adding_choose(adding, error) != 0)
		return -1;
	pga_anchor_name_of(&adding->found.roots[0], adding->made_name);
	if (adding->for_host && keep_pinned(adding, error) != 0)
		return -1;
	return find_root(adding, error) == 0 ? install(adding, error) : -1;
}

/* Returns the exit status. */
static int pin_existing_alone(struct pga_adding *adding)
{
	int status;

	if (adding->yes && !adding->dry_run)
		pga_followed_copy_begin(&adding->copy);
	status = pga_existing_roots_alone(adding->yes, adding->dry_run);
	pga_followed_copy_end(&adding->copy);
	return status;
}

int pga_adding_run_as(struct pga_adding *adding, const char *word)
{
	struct pga_error error;
	int status = check_together(adding, word);

	if (status != PGA_EXIT_DONE)
		return status;
	if (adding->typed == NULL)
		return pin_existing_alone(adding);
	if (check_options(adding, &error) != 0) {
		pga_print_error(&error);
		status = PGA_EXIT_USAGE;
	} else {
		status = add(adding, &error);
		if (status < 0) {
			pga_print_error(&error);
			status = PGA_EXIT_FAILED;
		}
	}
	pga_candidates_free(&adding->found);
	pga_source_request_free(&adding->request);
	free(adding->host_patterns);
	free(adding->ca_path);
	return status;
}

int pga_adding_run(const struct pga_command *command, int argc, char **argv)
{
	struct pga_adding adding = {
	    .command = command,
	    .request.http = {NULL, PGA_HTTP_CONNECT_TIMEOUT, PGA_HTTP_MAX_TIME}};
	int status;

	if (!pga_options_read(command, argc, argv, &adding, &status))
		return status;
	status = pga_adding_run_as(&adding, optind < argc ? argv[optind] : NULL);
	free(adding.installed);
	return status;
}
