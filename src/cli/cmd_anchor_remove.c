/* pganchor anchor remove: a root is trusted no more. */
#include "anchor/known_roots.h"
#include "anchor/removal.h"
#include "base/terminal.h"
#include "cli/anchor_losses.h"
#include "cli/anchor_view.h"
#include "cli/bootstrap_copy.h"
#include "cli/cli.h"
#include "cli/cmd_crl.h"
#include "cli/print_bootstrap.h"
#include "policy/linked.h"
#include "policy/trust.h"
#include "report/json.h"
#include "service/crl_removal.h"

#include <openssl/evp.h>

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct removal {
	bool system;
	bool yes;
	bool dry_run;
	bool json;

	const char *const *names;
	size_t count;
	struct pga_anchor_view view;
	const struct pga_pin **pins; /* of those that go */
	struct pga_pins then;        /* those that stay */
	struct pga_losses losses;
	struct pga_removal done;
	struct pga_text crls;         /* the names of CRLs that go with them, one a line, */
	struct pga_text crls_left;    /* those that became the user's and stay, */
	struct pga_text crl_services; /* and the services that have such as their sslcrl */
	struct pga_followed_copy copy;
};

static bool goes(const struct pga_pin *pin, const void *context)
{
	const struct removal *removal = context;

	for (size_t i = 0; i < removal->done.count; i++)
		if (removal->pins[i] == pin)
			return true;
	return false;
}

/* Tries it, and finds what it comes to. */
static int look(struct removal *removal, struct pga_error *error)
{
	if (pga_anchors_remove(removal->names, removal->count, removal->system, true,
			       &removal->done, error) != 0 ||
	    pga_anchor_view_load(&removal->view, error) != 0)
		return -1;
	removal->pins = calloc(removal->done.count + 1, sizeof(const struct pga_pin *));
	if (removal->pins == NULL)
		return pga_fail_memory(error);
	for (size_t i = 0; i < removal->done.count; i++) {
		removal->pins[i] = pga_anchor_view_find(
		    &removal->view, removal->done.anchors[i].name, removal->system, error);
		if (removal->pins[i] == NULL)
			return -1;
	}
	if (pga_pins_without(&removal->then, &removal->view.pins, goes, removal, error) != 0)
		return -1;
	return pga_losses_find(&removal->losses, &removal->view, removal->pins, removal->done.count,
			       &removal->then, error);
}

static void print_anchors(const struct removal *removal)
{
	const struct pga_removal *done = &removal->done;

	for (size_t i = 0; i < done->count; i++) {
		const struct pga_removed_anchor *anchor = &done->anchors[i];

		pga_print(stdout, "%s anchor %s%s (pin %s)\n",
			  removal->dry_run ? "Would remove" : "Removed", anchor->name,
			  done->system ? " of the system's" : "", anchor->pin);
		if (anchor->crt_change == PGA_REMOVED)
			pga_print(stdout, "    %s\n", anchor->crt_path);
		if (anchor->cut)
			pga_print(stdout, "    its copy in %s%s\n", done->root_crt.path,
				  done->root_crt.change == PGA_REMOVED
				      ? ", which had nothing else in it and goes with it"
				      : "");
	}
	pga_print_crl_lines(stdout, "    its CRL ", pga_text_string(&removal->crls));
	pga_print_crl_lines(stdout, "    sslcrl of service ",
			    pga_text_string(&removal->crl_services));
	if (done->conf.change == PGA_REMOVED)
		pga_print(stdout, "%s %s: no anchor of %s is pinned then\n",
			  removal->dry_run ? "Would remove" : "Removed", done->conf.path,
			  done->system ? "the system's" : "yours");
	if (removal->dry_run)
		(void)puts("This was a dry run: nothing was changed.");
}

/* The gate takes a chain that ends in another certificate of the same name and key for one that
 * ends in a pinned root (gate/twin.c). */
static void warn_of_twins(const struct removal *removal, const struct pga_pin *gone)
{
	struct pga_certificate root;

	if (!pga_known_root_read(gone, NULL, &root))
		return;
	for (size_t i = 0; i < removal->then.count; i++) {
		const struct pga_pin *pin = &removal->then.pins[i];
		struct pga_certificate other;

		if (!pga_known_root_read(pin, NULL, &other))
			continue;
		if (X509_subject_name_cmp(root.x509, other.x509) == 0 &&
		    EVP_PKEY_eq(X509_get0_pubkey(root.x509), X509_get0_pubkey(other.x509)) == 1)
			pga_print_warning("anchor %s stays, with another certificate of the same "
					  "name and key: servers of %s go on being trusted by it",
					  pin->name, gone->name);
		pga_certificate_free(&other);
	}
	pga_certificate_free(&root);
}

static void warn_of_system(const struct removal *removal, const struct pga_pin *gone)
{
	const struct pga_pin *const *sections;
	const size_t count = pga_pins_of_root(&removal->then, gone->pin, &sections);

	if (count > 0)
		pga_print_warning("the root of %s is pinned as %s in %s, too: that stays",
				  gone->name, sections[0]->name, sections[0]->path);
	else if (!gone->system && pga_pins_named(&removal->then, gone->name) != NULL)
		pga_print_warning("the system has an anchor %s, too, of another root: that stays",
				  gone->name);
}

static void warn_of_rest(const struct removal *removal)
{
	const struct pga_removal *done = &removal->done;

	for (size_t i = 0; i < done->count; i++) {
		const struct pga_removed_anchor *anchor = &done->anchors[i];

		if (anchor->stays_in_root_crt)
			pga_print_warning("%s still holds the root of %s, put there by somebody "
					  "else: libpq goes on trusting it",
					  done->root_crt.path, anchor->name);
		if (anchor->crt_is_other)
			pga_print_warning("%s: does not hold the pinned root alone: it stays",
					  anchor->crt_path);
		warn_of_system(removal, removal->pins[i]);
		warn_of_twins(removal, removal->pins[i]);
	}
	if (done->comments_lost)
		pga_print_warning("%s: the comments in it go with the file", done->conf.path);
	if (done->root_crt.change == PGA_REMOVED)
		pga_print_warning("without %s, libpq verifies no server of %s unless sslmode says "
				  "so, and sslmode=verify-full without an sslrootcert refuses all",
				  done->root_crt.path, "yours");
	if (removal->then.count == 0 && removal->view.policy.trust == PGA_TRUST_PINNED &&
	    removal->view.policy.user_anchors == PGA_ALLOW)
		pga_print_warning("no anchor is pinned then: the gate takes every root that libpq "
				  "trusts, until one is");
}

static json_t *anchors_as_json(const struct removal *removal)
{
	json_t *array = json_array();

	for (size_t i = 0; i < removal->done.count; i++) {
		const struct pga_removed_anchor *anchor = &removal->done.anchors[i];

		pga_json_add(array, json_pack("{s:s, s:s, s:b, s:o, s:b, s:b, s:b}", "anchor",
					      anchor->name, "pin", anchor->pin, "system",
					      (int)removal->done.system, "file",
					      pga_json_text(anchor->crt_path), "file_removed",
					      (int)(anchor->crt_change == PGA_REMOVED),
					      "taken_out_of_root_crt", (int)anchor->cut,
					      "stays_in_root_crt", (int)anchor->stays_in_root_crt));
	}
	return array;
}

static int report_json(const struct removal *removal)
{
	const struct pga_removal *done = &removal->done;

	return pga_json_print(
	    json_pack(
		"{s:o, s:o, s:o, s:I, s:b, s:{s:o, s:o, s:o}}", "anchors", anchors_as_json(removal),
		"crls", pga_json_lines(pga_text_string(&removal->crls)), "services",
		pga_losses_as_json(&removal->losses), "cut_off",
		(json_int_t)removal->losses.cut_off, "dry_run", (int)removal->dry_run, "files",
		"anchors.conf", pga_json_file(&done->conf), "root.crt",
		pga_json_file(&done->root_crt), "sources.conf", pga_json_file(&done->sources)),
	    PGA_EXIT_DONE);
}

/* Says which services lose their anchor first, and asks where one is cut off. */
static int agree(const struct removal *removal, struct pga_error *error)
{
	const struct pga_losses *losses = &removal->losses;
	FILE *stream = removal->json ? stderr : stdout;

	const bool asks = losses->cut_off > 0 && !removal->yes && !removal->dry_run;

	if (losses->count > 0 && (!removal->json || asks)) {
		pga_print(stream, "%s by:\n",
			  removal->done.count == 1 ? "This anchor is used"
						   : "These anchors are used");
		pga_losses_print(stream, losses);
		(void)fflush(stream);
	}
	return asks ? pga_losses_ask(losses, "Remove it all the same? Type yes: ", error) : 0;
}

/* The CRLs of their CAs, which nobody would refresh any more. */
static struct pga_crl_removal *begin_crls(struct removal *removal, const char **names,
					  struct pga_error *error)
{
	const struct pga_crl_choice choice = {.anchors = names};
	struct pga_hidden_environment hidden;
	struct pga_crl_removal *crls;

	for (size_t i = 0; i < removal->done.count; i++)
		names[i] = removal->done.anchors[i].name;
	/* An entry is looked at as it is in its file. */
	if (pga_hide_environment(&hidden) != 0) {
		(void)pga_fail_memory(error);
		return NULL;
	}
	crls = pga_crl_removal_begin(&choice, true, error);
	pga_restore_environment(&hidden);
	if (crls == NULL)
		return NULL;
	pga_text_add(&removal->crls, pga_crl_removal_names(crls));
	pga_text_add(&removal->crls_left, pga_crl_removal_left(crls));
	pga_text_add(&removal->crl_services, pga_crl_removal_services(crls));
	if (!removal->crls.failed && !removal->crls_left.failed && !removal->crl_services.failed)
		return crls;
	pga_crl_removal_end(crls);
	(void)pga_fail_memory(error);
	return NULL;
}

static int remove_with(struct removal *removal, const struct pga_crl_removal *crls,
		       struct pga_error *error)
{
	size_t count = 0;
	struct pga_transaction_file *const *files =
	    crls != NULL ? pga_crl_removal_files(crls, &count) : NULL;

	if (!removal->system)
		pga_followed_copy_begin(&removal->copy);
	pga_removal_free(&removal->done);
	return pga_anchors_remove_with(removal->names, removal->count, removal->system, false,
				       files, count, &removal->done, error);
}

static int act(struct removal *removal, struct pga_error *error)
{
	const char **names = calloc(removal->done.count + 1, sizeof *names);
	struct pga_crl_removal *crls = NULL;
	int result = -1;

	if (names == NULL)
		return pga_fail_memory(error);
	if (!removal->system)
		crls = begin_crls(removal, names, error);
	if (removal->system || crls != NULL)
		result = removal->dry_run ? 0 : remove_with(removal, crls, error);
	pga_crl_removal_end(crls);
	free(names);
	return result;
}

static int remove_anchors(struct removal *removal)
{
	struct pga_error error;
	int status = PGA_EXIT_FAILED;

	if (look(removal, &error) != 0 || agree(removal, &error) != 0) {
		pga_print_error(&error);
		return PGA_EXIT_FAILED;
	}
	/* Read while their files are there. */
	warn_of_rest(removal);
	if (act(removal, &error) == 0) {
		status = PGA_EXIT_DONE;
		pga_followed_copy_end(&removal->copy);
		pga_warn_of_crl_lines("", pga_text_string(&removal->crls_left),
				      " is not what was put there any more: what is there is "
				      "yours, and stays");
		if (removal->json)
			status = report_json(removal);
		else
			print_anchors(removal);
	} else {
		pga_print_error(&error);
	}
	pga_followed_copy_end(&removal->copy);
	return status;
}

static const struct pga_option options[] = {
    {.name = "system",
     .target = offsetof(struct removal, system),
     .help = "the system's, of every user; as root"},
    {.name = "yes",
     .target = offsetof(struct removal, yes),
     .help = "ask nothing, though services are cut off"},
    {.name = "dry-run",
     .letter = 'n',
     .target = offsetof(struct removal, dry_run),
     .help = "change nothing, say what would be removed, and from whom"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct removal, json),
     .help = "report in JSON"},
};

static int run(int argc, char **argv)
{
	struct removal removal = {.json = false};
	int status;

	if (!pga_options_read(&pga_cmd_anchor_remove, argc, argv, &removal, &status))
		return status;
	removal.names = (const char *const *)argv + optind;
	removal.count = (size_t)(argc - optind);
	status = remove_anchors(&removal);
	free((void *)removal.pins);
	pga_pins_view_free(&removal.then);
	pga_losses_free(&removal.losses);
	pga_text_free(&removal.crls);
	pga_text_free(&removal.crls_left);
	pga_text_free(&removal.crl_services);
	pga_removal_free(&removal.done);
	pga_anchor_view_free(&removal.view);
	return status;
}

const struct pga_command pga_cmd_anchor_remove = {
    .name = "anchor remove",
    .summary = "trust a root no more",
    .usage = "NAME ... [OPTION ...]",
    .about = "Takes the pins out of anchors.conf, the roots out of anchors/NAME.crt and, as far as "
	     "pganchor put them there, out of root.crt; every other byte stays. All of them, or "
	     "none. First it says which services use them, and asks where one is cut off.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .word = "the name of an anchor",
    .least = 1,
    .most = SIZE_MAX,
    .names = PGA_NAMES_ANCHOR,
    .run = run,
};
