/* pganchor anchor set-hosts: the hosts that an anchor is valid for. */
#include "anchor/anchors_conf.h"
#include "anchor/new_hosts.h"
#include "base/terminal.h"
#include "cli/anchor_losses.h"
#include "cli/anchor_view.h"
#include "cli/bootstrap_copy.h"
#include "cli/cli.h"
#include "cli/print_bootstrap.h"
#include "report/json.h"
#include "tls/name_constraints.h"

#include <getopt.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct scoping {
	bool system;
	bool yes;
	bool dry_run;
	bool json;

	const char *name;
	char *hosts; /* as anchors.conf has them */
	struct pga_anchor_view view;
	struct pga_anchor_facts facts;
	struct pga_text may_sign;
	struct pga_pins then;
	struct pga_losses losses;
	struct pga_anchor_file conf;
};

/* Against what the CA's own certificate lets it sign for. */
static int look_at_constraints(struct scoping *scoping, struct pga_error *error)
{
	const struct pga_certificate *root = &scoping->facts.certificate;
	struct pga_text outside = PGA_TEXT_EMPTY;
	int result;

	if (!scoping->facts.has_certificate)
		return 0;
	result = pga_name_constraints_tell(root, &scoping->may_sign, error);
	if (result == 0)
		result = pga_name_constraints_outside(root, scoping->hosts, &outside, error);
	if (result == 0 && outside.length > 0)
		pga_print_warning("%s: its CA can never sign for that: libpq would refuse each of "
				  "its certificates",
				  pga_text_string(&outside));
	pga_text_free(&outside);
	return result;
}

static int look(struct scoping *scoping, struct pga_error *error)
{
	const struct pga_pin *pin;

	if (pga_anchor_view_load(&scoping->view, error) != 0)
		return -1;
	pin = pga_anchor_view_find(&scoping->view, scoping->name, scoping->system, error);
	if (pin == NULL)
		return -1;
	if (pin->system && !scoping->system)
		return pga_fail(error, "--system, as root, changes it for every user",
				"anchor %s: an anchor of the system's, and you have none of this "
				"name",
				scoping->name);
	if (pga_anchor_set_hosts(scoping->name, scoping->hosts, scoping->system, true,
				 &scoping->conf, error) != 0 ||
	    pga_anchor_facts_read(&scoping->facts, &scoping->view, pin, error) != 0 ||
	    look_at_constraints(scoping, error) != 0 ||
	    pga_pins_with_hosts(&scoping->then, &scoping->view.pins, pin, scoping->hosts, error) !=
		0)
		return -1;
	return pga_losses_find(&scoping->losses, &scoping->view, &pin, 1, &scoping->then, error);
}

static const char *for_people(const char *hosts)
{
	return strcmp(hosts, "*") == 0 ? "every host" : hosts;
}

static void print_plan(const struct scoping *scoping)
{
	pga_print(stdout, "Anchor %s is valid for %s.\n", scoping->name,
		  for_people(scoping->facts.pin->hosts));
	if (scoping->may_sign.length > 0)
		pga_print(stdout, "    its CA may sign for %s\n",
			  pga_text_string(&scoping->may_sign));
	pga_losses_print(stdout, &scoping->losses);
	(void)fflush(stdout);
}

static int report(const struct scoping *scoping)
{
	const bool changed = scoping->conf.change != PGA_UNCHANGED;

	if (scoping->json)
		return pga_json_print(
		    json_pack("{s:o, s:s, s:b, s:o, s:o, s:o, s:o, s:I, s:b, s:b, s:{s:o}}",
			      "anchor", pga_json_text(scoping->name), "pin",
			      scoping->facts.pin->pin, "system", (int)scoping->system, "hosts",
			      pga_hosts_as_json(scoping->hosts), "hosts_before",
			      pga_hosts_as_json(scoping->facts.pin->hosts), "may_sign_for",
			      scoping->may_sign.length > 0
				  ? pga_json_text(pga_text_string(&scoping->may_sign))
				  : json_null(),
			      "services", pga_losses_as_json(&scoping->losses), "cut_off",
			      (json_int_t)scoping->losses.cut_off, "changed", (int)changed,
			      "dry_run", (int)scoping->dry_run, "files", "anchors.conf",
			      pga_json_file(&scoping->conf)),
		    PGA_EXIT_DONE);
	if (!changed)
		pga_print(stdout, "That is so already: nothing was changed.\n");
	else
		pga_print(stdout, "%s valid for %s.\n%s",
			  scoping->dry_run ? "It would be" : "From now on it is",
			  for_people(scoping->hosts),
			  scoping->dry_run ? "This was a dry run: nothing was changed.\n" : "");
	return PGA_EXIT_DONE;
}

static int agree(const struct scoping *scoping, struct pga_error *error)
{
	if (!scoping->json)
		print_plan(scoping);
	if (scoping->losses.cut_off == 0 || scoping->yes || scoping->dry_run)
		return 0;
	if (scoping->json)
		pga_losses_print(stderr, &scoping->losses);
	return pga_losses_ask(&scoping->losses, "Change it all the same? Type yes: ", error);
}

static int write_hosts(struct scoping *scoping, struct pga_error *error)
{
	struct pga_followed_copy copy = {.possible = false};
	int result;

	if (scoping->dry_run || scoping->conf.change == PGA_UNCHANGED)
		return 0;
	free(scoping->conf.path);
	if (!scoping->system)
		pga_followed_copy_begin(&copy);
	result = pga_anchor_set_hosts(scoping->name, scoping->hosts, scoping->system, false,
				      &scoping->conf, error);
	pga_followed_copy_end(&copy);
	return result;
}

/* The words behind the name, or one list of them. */
static int take_hosts(struct scoping *scoping, char *const *words, struct pga_error *error)
{
	struct pga_text list = PGA_TEXT_EMPTY;

	for (; *words != NULL; words++)
		pga_text_addf(&list, "%s ", *words);
	if (list.failed)
		(void)pga_fail_memory(error);
	else
		scoping->hosts = pga_anchors_conf_hosts(pga_text_string(&list), error);
	pga_text_free(&list);
	return scoping->hosts != NULL ? 0 : -1;
}

static const struct pga_option options[] = {
    {.name = "system",
     .target = offsetof(struct scoping, system),
     .help = "of one of the system's, for every user; as root"},
    {.name = "yes",
     .target = offsetof(struct scoping, yes),
     .help = "ask nothing, though services are cut off"},
    {.name = "dry-run",
     .letter = 'n',
     .target = offsetof(struct scoping, dry_run),
     .help = "change nothing, say what would be changed, and for whom"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct scoping, json),
     .help = "report in JSON"},
};

static int run(int argc, char **argv)
{
	struct scoping scoping = {.json = false};
	struct pga_error error;
	int status;

	if (!pga_options_read(&pga_cmd_anchor_set_hosts, argc, argv, &scoping, &status))
		return status;
	scoping.name = argv[optind];
	status = PGA_EXIT_USAGE;
	if (take_hosts(&scoping, argv + optind + 1, &error) == 0) {
		status = look(&scoping, &error) == 0 && agree(&scoping, &error) == 0 &&
				 write_hosts(&scoping, &error) == 0
			     ? report(&scoping)
			     : -1;
		if (status < 0)
			pga_print_error(&error);
		status = status < 0 ? PGA_EXIT_FAILED : status;
	} else {
		pga_print_error(&error);
	}
	free(scoping.hosts);
	free(scoping.conf.path);
	pga_text_free(&scoping.may_sign);
	pga_pins_view_free(&scoping.then);
	pga_losses_free(&scoping.losses);
	pga_anchor_facts_free(&scoping.facts);
	pga_anchor_view_free(&scoping.view);
	return status;
}

const struct pga_command pga_cmd_anchor_set_hosts = {
    .name = "anchor set-hosts",
    .summary = "say which hosts an anchor is valid for",
    .usage = "NAME PATTERN ... [OPTION ...]",
    .about = "Changes the hosts that the anchor is pinned for, and nothing else: '*' is every "
	     "host, '*.example.com' each below example.com, anything else one name or address. "
	     "What the CA's own certificate lets it sign for is shown beside them. First it says "
	     "which services the gate would refuse, and asks where there are any.",
    .examples = "  pganchor anchor set-hosts company '*.example.com' db.example.org\n",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .word = "the name of an anchor, and host patterns",
    .least = 2,
    .most = SIZE_MAX,
    .names = PGA_NAMES_ANCHOR,
    .run = run,
};
