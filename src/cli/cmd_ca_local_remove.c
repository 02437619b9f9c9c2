/* pganchor ca local remove: the CA is trusted no more, and goes with its key. */
#include "anchor/removal.h"
#include "base/terminal.h"
#include "cli/anchor_losses.h"
#include "cli/anchor_view.h"
#include "cli/bootstrap_copy.h"
#include "cli/cli.h"
#include "cli/cmd_ca.h"
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
	size_t forgotten; /* certificates that it has signed, in certs.conf */
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

/* The pin first: what is not trusted can sign as it likes. */
static int act(struct removing *removing, struct pga_error *error)
{
	struct pga_followed_copy copy = {.possible = false};
	int result = 0;

	if (!removing->dry_run)
		pga_followed_copy_begin(&copy);
	if (removing->count > 0)
		result = pga_anchors_remove(removing->names, removing->count, false,
					    removing->dry_run, &removing->done, error);
	pga_followed_copy_end(&copy);
	if (result == 0)
		result = pga_local_ca_remove_files(&removing->ca, removing->dry_run,
						   &removing->files_gone, error);
	return result == 0 ? pga_local_records_drop(removing->dry_run, &removing->forgotten, error)
			   : -1;
}

static void print_text(const struct removing *removing)
{
	const char *did = removing->dry_run ? "Would remove" : "Removed";

	if (removing->count == 0 && !removing->files_gone)
		(void)puts("There is no local CA.");
	for (size_t i = 0; i < removing->done.count; i++)
		pga_print(stdout, "%s anchor %s (pin %s)\n", did, removing->done.anchors[i].name,
			  removing->done.anchors[i].pin);
	if (removing->files_gone)
		pga_print(stdout, "%s the local CA and its key\n    %s\n    %s\n", did,
			  removing->ca.crt_path, removing->ca.key_path);
	if (removing->forgotten > 0)
		pga_print(stdout, "%zu certificate%s that it has signed %s renewed no more\n",
			  removing->forgotten, removing->forgotten == 1 ? "" : "s",
			  removing->forgotten == 1 ? "is" : "are");
	if (removing->dry_run)
		(void)puts("This was a dry run: nothing was changed.");
}

static int print_json(const struct removing *removing)
{
	json_t *anchors = json_array();

	for (size_t i = 0; i < removing->done.count; i++)
		pga_json_add(anchors, pga_json_text(removing->done.anchors[i].name));
	return pga_json_print(
	    json_pack("{s:o, s:I, s:b, s:o, s:b}", "anchors", anchors, "forgotten",
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
	status = remove_ca(&removing);
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
	     "services use it, and asks where one is cut off. What it has signed stays, and nobody "
	     "trusts it any more.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .statuses = "Exit status: 0 gone, or there was none; 1 failed; 2 usage.",
    .examples = "  pganchor ca local remove\n",
    .run = run,
};
