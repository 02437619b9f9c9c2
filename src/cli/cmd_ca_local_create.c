/* pganchor ca local create: makes the CA, and pins it. */
#include "base/terminal.h"
#include "cli/anchor_view.h"
#include "cli/cli.h"
#include "cli/cmd_ca.h"
#include "cli/cmd_cert.h"
#include "cli/print_bootstrap.h"
#include "password/secret.h"
#include "policy/pins.h"
#include "report/json.h"

#include <stddef.h>
#include <stdio.h>

struct asked {
	struct pga_local_ca_wish wish;
	bool json;
};

static const char *done_of(const struct pga_local_ca_made *made, bool dry_run)
{
	if (made->created)
		return dry_run ? "Would make" : "Made";
	return dry_run ? "Would sign anew" : "Signed anew, with the same key,";
}

void pga_print_ca_local(FILE *stream, const struct pga_local_ca *ca,
			const struct pga_local_ca_made *made, bool dry_run, bool told)
{
	const bool changes = made->created || made->renewed;

	if (changes)
		pga_print(stream, "%s the local CA %s\n", done_of(made, dry_run), ca->root.subject);
	else if (told)
		pga_print(stream, "There is the local CA %s already\n", ca->root.subject);
	if (changes || told)
		pga_print(stream,
			  "    signs for " PGA_LOCAL_CA_SIGNS_FOR ", and nobody else\n"
			  "    valid to %s\n"
			  "    key %s\n",
			  ca->root.not_after, ca->key_path);
	if (made->anchoring.conf.change != PGA_UNCHANGED || told)
		pga_print(stream, "%s as anchor %s%s, in %s\n",
			  made->anchoring.conf.change == PGA_UNCHANGED ? "Pinned already"
			  : dry_run                                    ? "Would pin it"
								       : "Pinned it",
			  made->anchoring.name,
			  made->anchoring.scoped ? ", and nothing else (root.crt is as it was)"
						 : " and in root.crt",
			  made->anchoring.crt.path);
}

static int print_json(const struct pga_local_ca *ca, const struct pga_local_ca_made *made,
		      bool dry_run)
{
	const struct pga_anchoring *done = &made->anchoring;

	return pga_json_print(
	    json_pack("{s:o, s:s, s:o, s:o, s:b, s:s, s:s, s:o, s:o, s:b, s:b, s:b, s:{s:o, s:o, "
		      "s:o}}",
		      "anchor", pga_json_text(done->name), "pin", ca->root.pin, "subject",
		      pga_json_text(ca->root.subject), "hosts", pga_hosts_as_json(done->hosts),
		      "scoped", (int)done->scoped, "not_before", ca->root.not_before, "not_after",
		      ca->root.not_after, "key", pga_json_text(ca->key_path), "certificate",
		      pga_json_text(ca->crt_path), "created", (int)made->created, "renewed",
		      (int)made->renewed, "dry_run", (int)dry_run, "files", "anchors.conf",
		      pga_json_file(&done->conf), "anchor", pga_json_file(&done->crt), "root.crt",
		      pga_json_file(&done->root_crt)),
	    PGA_EXIT_DONE);
}

static int act(const struct asked *asked)
{
	struct pga_local_ca_made made;
	struct pga_local_ca ca;
	struct pga_error error;
	int status = PGA_EXIT_FAILED;

	if (pga_local_ca_open(&ca, NULL, &error) != 0 ||
	    pga_ca_local_ensure(&ca, &asked->wish, &made, &error) != 0) {
		pga_print_error(&error);
		goto done;
	}
	status = PGA_EXIT_DONE;
	if (asked->json) {
		status = print_json(&ca, &made, asked->wish.dry_run);
	} else {
		pga_print_ca_local(stdout, &ca, &made, asked->wish.dry_run, true);
		(void)puts(asked->wish.dry_run
			       ? "This was a dry run: nothing was changed."
			       : "next:\n    pganchor ca local serve DATA-DIRECTORY");
	}
	pga_local_ca_made_free(&made);
done:
	pga_local_ca_free(&ca);
	return status;
}

static const struct pga_option options[] = {
    {.name = "name",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct asked, wish.anchor),
     .argument = "NAME",
     .help = "of the anchor; \"" PGA_LOCAL_CA_ANCHOR "\" if left out"},
    {.name = "lifetime",
     .kind = PGA_OPTION_TAKEN,
     .target = offsetof(struct asked, wish.lifetime),
     .take = pga_cert_take_span,
     .argument = "SPAN",
     .help = "how long it is valid, such as 90d; 365d if left out, and 825d at most"},
    {.name = "renew",
     .target = offsetof(struct asked, wish.renew),
     .help = "sign it anew, with the same key, though it is not due: what it has signed stays "
	     "valid"},
    {.name = "unscoped",
     .target = offsetof(struct asked, wish.unscoped),
     .help = "put it into root.crt, too, where libpq looks for the roots of all hosts"},
    {.name = "dry-run",
     .letter = 'n',
     .target = offsetof(struct asked, wish.dry_run),
     .help = "do everything but write, and say what would be written"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct asked, json),
     .help = "report in JSON"},
};

static int run(int argc, char **argv)
{
	struct asked asked = {.wish = {.lifetime = PGA_LOCAL_CA_LIFETIME}};
	int status;

	if (!pga_options_read(&pga_cmd_ca_local_create, argc, argv, &asked, &status))
		return status;
	pga_secret_hide_process();
	if (asked.wish.lifetime > PGA_LOCAL_CA_LONGEST || asked.wish.lifetime < 3600)
		return pga_usage_error("ca local create",
				       "--lifetime: a local CA is valid for 1h to 825d");
	return act(&asked);
}

const struct pga_command pga_cmd_ca_local_create = {
    .name = "ca local create",
    .summary = "make the CA, and pin it",
    .usage = "[OPTION ...]",
    .about =
	"Makes a CA (P-256, pathlen 0, critical name constraints), with its key in a file that "
	"you alone can read, and pins it as an anchor. Where there is one, nothing is "
	"changed, but what is missing of the anchor is brought back; near its end, it is signed "
	"anew with the same key, so that what it has signed stays valid.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .statuses = "Exit status: 0 done, or as it was to be already; 1 failed: nothing was changed; 2 "
		"usage.",
    .examples = "  pganchor ca local create\n",
    .run = run,
};
