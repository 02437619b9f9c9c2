/* pganchor ca local remove: the CA is trusted no more, and goes with its key. */
#include "anchor/removal.h"
#include "base/terminal.h"
#include "cli/anchor_losses.h"
#include "cli/anchor_view.h"
#include "cli/bootstrap_copy.h"
#include "cli/cli.h"
#include "cli/cmd_ca.h"
#include "cli/cmd_cert.h"
#include "policy/linked.h"
#include "policy/trust.h"
#include "report/json.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct removing {
	bool yes;
	bool dry_run;
	bool json;

	struct pga_local_ca ca;
	struct pga_pins pins;
	const char **names; /* of its anchors */
	size_t count;
	struct pga_anchor_view view;
	struct pga_removal done;
	bool files_gone;
	struct pga_cert_views certs;
	json_t *servers;  /* that were put back */
	json_t *left;     /* certificates that it has signed, and nobody trusts any more */
	size_t forgotten; /* both, in certs.conf */
};

static bool goes(const struct pga_pin *pin, const void *context)
{
	const struct removing *removing = context;

	return !pin->system && pga_pins_named(&removing->pins, pin->name) != NULL &&
	       strcmp(pin->source, PGA_LOCAL_CA_SOURCE) == 0;
}

/* Says which services lose it first, and asks where one is cut off. */
static int agree(const struct removing *removing, struct pga_error *error)
{
	const struct pga_pin **anchors =
	    calloc(removing->count + 1, sizeof(const struct pga_pin *));
	FILE *stream = removing->json ? stderr : stdout;
	struct pga_losses losses = {.count = 0};
	struct pga_pins then = {.count = 0};
	int result = -1;

	if (anchors == NULL)
		return pga_fail_memory(error);
	for (size_t i = 0; i < removing->count; i++) {
		anchors[i] =
		    pga_anchor_view_find(&removing->view, removing->names[i], false, error);
		if (anchors[i] == NULL)
			goto done;
	}
	if (pga_pins_without(&then, &removing->view.pins, goes, removing, error) != 0 ||
	    pga_losses_find(&losses, &removing->view, anchors, removing->count, &then, error) != 0)
		goto done;
	if (losses.count > 0) {
		pga_print(stream, "The local CA is used by:\n");
		pga_losses_print(stream, &losses);
		(void)fflush(stream);
	}
	result = losses.cut_off > 0 && !removing->yes && !removing->dry_run
		     ? pga_losses_ask(&losses, "Remove it all the same? Type yes: ", error)
		     : 0;
done:
	pga_losses_free(&losses);
	pga_pins_view_free(&then);
	free((void *)anchors);
	return result;
}

/* The data directory of a server that shows this certificate, or NULL. The caller frees it. */
static char *served_by(const struct pga_cert_record *record)
{
	const char *end = strrchr(record->certificate, '/');

	return end != NULL && strcmp(end + 1, PGA_SERVED_CRT) == 0
		   ? strndup(record->certificate, (size_t)(end - record->certificate))
		   : NULL;
}

/* A server that cannot be reached now is no reason to go on trusting the CA. */
static bool unserve(struct removing *removing, const char *directory)
{
	struct pga_unserving done;
	struct pga_error why;
	bool undone = true;

	if (pga_ca_local_unserve(directory, NULL, removing->dry_run, &done, &why) == 0)
		pga_json_add(removing->servers, pga_json_text(directory));
	else
		undone = false;
	if (!undone)
		pga_print_warning("the server of %s is as it was, and shows a certificate that "
				  "nobody trusts any more: %s; pganchor ca local serve --undo "
				  "puts it back",
				  directory, why.message);
	pga_unserving_free(&done);
	return undone;
}

/* What it has signed: servers are put back, and of the rest nobody can renew it any more. */
static int forget(struct removing *removing, struct pga_error *error)
{
	static char *const all[] = {NULL};
	int result = pga_cert_views_read(&removing->certs, all, error);

	for (size_t i = 0; result == 0 && i < removing->certs.count; i++) {
		const struct pga_cert_view *view = &removing->certs.list[i];
		bool forgotten = removing->dry_run;
		char *directory;

		if (strcmp(view->record->way, PGA_CERT_WAY_LOCAL) != 0 ||
		    view->record->ca[0] != '\0')
			continue;
		directory = served_by(view->record);
		if (directory != NULL)
			forgotten = unserve(removing, directory) || forgotten;
		else
			pga_json_add(removing->left, pga_json_text(view->record->certificate));
		free(directory);
		removing->forgotten++;
		if (!forgotten)
			result = pga_cert_forget(view->record, &view->state, error);
	}
	return result;
}

/* The servers first, which are verified until then; then the pin: what is not trusted can sign as
 * it likes. */
static int act(struct removing *removing, struct pga_error *error)
{
	struct pga_followed_copy copy = {.possible = false};
	int result;

	/* The user's own PGUSER and PGPASSWORD count for them. */
	pga_restore_environment(&removing->view.hidden);
	result = forget(removing, error);
	if (result == 0 && pga_hide_environment(&removing->view.hidden) != 0)
		result = pga_fail_memory(error);
	if (result == 0 && !removing->dry_run)
		pga_followed_copy_begin(&copy);
	if (result == 0 && removing->count > 0)
		result = pga_anchors_remove(removing->names, removing->count, false,
					    removing->dry_run, &removing->done, error);
	pga_followed_copy_end(&copy);
	if (result != 0)
		return -1;
	return pga_local_ca_remove_files(&removing->ca, removing->dry_run, &removing->files_gone,
					 error);
}

static void print_text(const struct removing *removing)
{
	const char *did = removing->dry_run ? "Would remove" : "Removed";

	if (removing->count == 0 && !removing->files_gone && removing->forgotten == 0)
		(void)puts("There is no local CA.");
	for (size_t i = 0; i < json_array_size(removing->servers); i++)
		pga_print(stdout, "%s back the server of %s\n",
			  removing->dry_run ? "Would put" : "Put",
			  json_string_value(json_array_get(removing->servers, i)));
	for (size_t i = 0; i < removing->done.count; i++)
		pga_print(stdout, "%s anchor %s (pin %s)\n", did, removing->done.anchors[i].name,
			  removing->done.anchors[i].pin);
	if (removing->files_gone)
		pga_print(stdout, "%s the local CA and its key\n    %s\n    %s\n", did,
			  removing->ca.crt_path, removing->ca.key_path);
	for (size_t i = 0; i < json_array_size(removing->left); i++)
		pga_print(stdout, "Left %s, which it has signed: nobody trusts it any more\n",
			  json_string_value(json_array_get(removing->left, i)));
	if (removing->dry_run)
		(void)puts("This was a dry run: nothing was changed.");
}

static int print_json(struct removing *removing)
{
	json_t *anchors = json_array();

	for (size_t i = 0; i < removing->done.count; i++)
		pga_json_add(anchors, pga_json_text(removing->done.anchors[i].name));
	return pga_json_print(
	    json_pack("{s:o, s:O, s:O, s:I, s:b, s:o, s:b}", "anchors", anchors, "servers",
		      removing->servers, "left", removing->left, "forgotten",
		      (json_int_t)removing->forgotten, "removed", (int)removing->files_gone, "key",
		      pga_json_text(removing->ca.key_path), "dry_run", (int)removing->dry_run),
	    PGA_EXIT_DONE);
}

static int remove_ca(struct removing *removing)
{
	struct pga_error error;

	/* Whatever is wrong with it, it goes. */
	(void)pga_local_ca_open(&removing->ca, NULL, &error);
	if (removing->ca.crt_path == NULL ||
	    pga_local_ca_anchors(&removing->pins, &removing->names, &removing->count, &error) !=
		0 ||
	    pga_anchor_view_load(&removing->view, &error) != 0 || agree(removing, &error) != 0 ||
	    act(removing, &error) != 0) {
		pga_print_error(&error);
		return PGA_EXIT_FAILED;
	}
	if (removing->json)
		return print_json(removing);
	print_text(removing);
	return PGA_EXIT_DONE;
}

static const struct pga_option options[] = {
    {.name = "yes",
     .target = offsetof(struct removing, yes),
     .help = "ask nothing, though services are cut off"},
    {.name = "dry-run",
     .letter = 'n',
     .target = offsetof(struct removing, dry_run),
     .help = "change nothing, and say what would be removed"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct removing, json),
     .help = "report in JSON"},
};

static int run(int argc, char **argv)
{
	struct removing removing = {.json = false};
	int status;

	if (!pga_options_read(&pga_cmd_ca_local_remove, argc, argv, &removing, &status))
		return status;
	removing.servers = json_array();
	removing.left = json_array();
	status = remove_ca(&removing);
	json_decref(removing.servers);
	json_decref(removing.left);
	pga_cert_views_free(&removing.certs);
	pga_removal_free(&removing.done);
	pga_anchor_view_free(&removing.view);
	free((void *)removing.names);
	pga_pins_free(&removing.pins);
	pga_local_ca_free(&removing.ca);
	return status;
}

const struct pga_command pga_cmd_ca_local_remove = {
    .name = "ca local remove",
    .summary = "trust the CA no more, and take it away with its key",
    .usage = "[OPTION ...]",
    .about = "Takes away the pin of the local CA, its certificate and its key. First it says which "
	     "services use it, and asks where one is cut off. Servers that show what it has signed "
	     "are put back to what they had, as by serve --undo. What was issued otherwise stays, "
	     "and nobody trusts it any more.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .statuses = "Exit status: 0 gone, or there was none; 1 failed; 2 usage.",
    .examples = "  pganchor ca local remove\n",
    .run = run,
};
