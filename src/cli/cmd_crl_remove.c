/* pganchor crl remove: takes out the revocation lists that pganchor has put in place. */
#include "cli/cmd_crl.h"

#include "base/terminal.h"
#include "cli/cli.h"
#include "report/json.h"
#include "service/crl_removal_try.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct asked {
	bool all;
	bool yes;
	bool dry_run;
	bool json;
};

static int print_json(const struct pga_crl_removal *removal, const struct asked *asked)
{
	return pga_json_print(json_pack("{s:o, s:o, s:o, s:b}", "removed",
					pga_json_lines(pga_crl_removal_names(removal)), "left",
					pga_json_lines(pga_crl_removal_left(removal)), "services",
					pga_json_lines(pga_crl_removal_services(removal)),
					"dry_run", (int)asked->dry_run),
			      PGA_EXIT_DONE);
}

static void print_text(const struct pga_crl_removal *removal, bool dry_run)
{
	if (pga_crl_removal_names(removal)[0] == '\0')
		(void)puts("no CRL was put in place by pganchor");
	pga_print_crl_lines(stdout, dry_run ? "would remove " : "removed ",
			    pga_crl_removal_names(removal));
	pga_print_crl_lines(
	    stdout, dry_run ? "would take sslcrl from service " : "took sslcrl from service ",
	    pga_crl_removal_services(removal));
}

/* CRLs that stay may be too few for a server, since libpq wants those of all of its CAs. */
static int ask(const struct pga_crl_removal *removal, const struct asked *asked,
	       struct pga_error *error)
{
	static const char way[] =
	    "--all takes out all of them, and --yes does it all the same; nothing was changed";
	struct pga_crl_verdicts verdicts;
	struct pga_text first = PGA_TEXT_EMPTY;
	struct pga_text why = PGA_TEXT_EMPTY;
	const char *refused;
	int result = pga_crl_removal_try(removal, &verdicts, error);

	refused = pga_text_string(&verdicts.refused);
	if (result == 0 && verdicts.refused.length > 0 && asked->dry_run) {
		pga_warn_of_crl_lines("would be refused: ", refused, "");
	} else if (result == 0 && verdicts.refused.length > 0) {
		pga_text_addf(&first, "Without it, libpq would refuse these servers:\n%s", refused);
		pga_text_addf(&why, "without it, libpq would refuse a server: %.*s",
			      (int)strcspn(refused, "\n"), refused);
		result = pga_ask_about_crls(
		    pga_text_string(&first),
		    "Take it out all the same? Type yes: ", pga_text_string(&why), way, error);
	}
	pga_text_free(&first);
	pga_text_free(&why);
	pga_crl_verdicts_free(&verdicts);
	return result;
}

static int act(const struct pga_crl_choice *choice, const struct asked *asked)
{
	struct pga_error error;
	struct pga_crl_removal *removal = pga_crl_removal_begin(choice, true, &error);
	struct pga_transaction_file *const *files;
	size_t count = 0;
	int status = PGA_EXIT_FAILED;

	if (removal == NULL)
		goto failed;
	files = pga_crl_removal_files(removal, &count);
	if (count > 0 && !asked->yes && ask(removal, asked, &error) != 0)
		goto failed;
	if (count > 0 && !asked->dry_run && pga_transaction_write(files, count, &error) != 0)
		goto failed;
	pga_warn_of_crl_lines("", pga_crl_removal_left(removal),
			      " is not what was put there any more: what is there is yours, and "
			      "stays");
	status = PGA_EXIT_DONE;
	if (asked->json)
		status = print_json(removal, asked);
	else
		print_text(removal, asked->dry_run);
	goto done;
failed:
	pga_print_error(&error);
done:
	pga_crl_removal_end(removal);
	return status;
}

static const struct pga_option options[] = {
    {.name = "all",
     .target = offsetof(struct asked, all),
     .help = "all that pganchor has put in place"},
    {.name = "yes",
     .target = offsetof(struct asked, yes),
     .help = "do not try the servers, and do not ask"},
    {.name = "dry-run",
     .letter = 'n',
     .target = offsetof(struct asked, dry_run),
     .help = "change nothing, say what would be removed"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct asked, json),
     .help = "report in JSON"},
};

static int run(int argc, char **argv)
{
	struct asked asked = {.json = false};
	struct pga_crl_choice choice = {.anchors = NULL};
	int status;

	if (!pga_options_read(&pga_cmd_crl_remove, argc, argv, &asked, &status))
		return status;
	if (asked.all == (optind < argc))
		return pga_usage_error("crl remove", asked.all ? "--all has no names beside it"
							       : "the name of a CRL, or --all, is "
								 "missing");
	choice.all = asked.all;
	choice.names = asked.all ? NULL : (const char *const *)argv + optind;
	return act(&choice, &asked);
}

const struct pga_command pga_cmd_crl_remove = {
    .name = "crl remove",
    .summary = "take out CRLs that pganchor has put in place",
    .usage = "NAME ... | --all [OPTION ...]",
    .about =
	"Takes the CRLs out of root.crl, or of the anchor's own file, which goes with the last "
	"of them, as does the sslcrl of the services that name it. CRLs of the user's stay, to "
	"the byte. Without any CRL, libpq asks for none, and no certificate counts as "
	"revoked; with some of them alone, it may refuse servers: that is tried first.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .word = "the name of a CRL",
    .least = 0,
    .most = 1000,
    .statuses = "Exit status: 0 removed, 1 failed: nothing was changed, 2 usage.",
    .run = run,
};
