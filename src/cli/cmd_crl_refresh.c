/* pganchor crl refresh: fetches the revocation lists anew. */
#include "cli/cmd_crl.h"

#include "anchor/notices.h"
#include "base/terminal.h"
#include "cli/cli.h"
#include "report/json.h"
#include "service/crl_refresh.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct asked {
	bool due;
	bool dry_run;
	bool json;
	bool quiet; /* nothing is printed but errors */
};

static const char *word_of(enum pga_crl_outcome outcome)
{
	static const char *const words[] = {
	    [PGA_CRL_NOT_DUE] = "not-due",
	    [PGA_CRL_SAME] = "unchanged",
	    [PGA_CRL_REPLACED] = "replaced",
	    [PGA_CRL_FAILED] = "failed",
	};

	return words[outcome];
}

static json_t *text_or_null(const char *text)
{
	return text != NULL && text[0] != '\0' ? pga_json_text(text) : json_null();
}

static int print_json(const struct pga_crls_report *report, const struct asked *asked, int status)
{
	json_t *items = json_array();

	for (size_t i = 0; i < report->count; i++) {
		const struct pga_crl_refreshed *item = &report->items[i];

		pga_json_add(items,
			     json_pack("{s:o, s:o, s:o, s:s, s:o, s:I, s:o, s:o}", "name",
				       pga_json_text(item->name), "issuer",
				       pga_json_text(item->issuer), "source",
				       text_or_null(item->source), "change", word_of(item->outcome),
				       "next_update", text_or_null(item->next_update), "revoked",
				       (json_int_t)item->revoked, "why", text_or_null(item->why),
				       "hint", text_or_null(item->hint)));
	}
	return pga_json_print(json_pack("{s:o, s:b, s:o}", "crls", items, "dry_run",
					(int)asked->dry_run, "servers_revoked",
					pga_json_lines(pga_text_string(&report->notes))),
			      status);
}

static void print_item(const struct pga_crl_refreshed *item, bool dry_run)
{
	struct pga_error error;

	switch (item->outcome) {
	case PGA_CRL_NOT_DUE:
		pga_print(stdout, "%s: not due yet\n", item->name);
		break;
	case PGA_CRL_SAME:
		pga_print(stdout, "%s: there is no newer one\n", item->name);
		break;
	case PGA_CRL_REPLACED:
		pga_print(stdout, "%s: %s; %ld revoked, the next by %s\n", item->name,
			  dry_run ? "would be replaced" : "replaced", item->revoked,
			  item->next_update[0] != '\0' ? item->next_update : "a date not said");
		break;
	case PGA_CRL_FAILED:
		(void)pga_fail(&error, item->hint, "crl %s: %s", item->name, item->why);
		pga_print_error(&error);
		break;
	}
}

/* The first of this anchor that failed; NULL: none. */
static const struct pga_crl_refreshed *failed_of(const struct pga_crls_report *report,
						 const char *anchor)
{
	for (size_t i = 0; i < report->count; i++)
		if (report->items[i].outcome == PGA_CRL_FAILED &&
		    strcmp(report->items[i].anchor, anchor) == 0)
			return &report->items[i];
	return NULL;
}

/* Nobody watches a timer: what failed waits for a person, until it is settled. */
static void leave_notice(const struct pga_crls_report *report, const char *anchor, bool due)
{
	const struct pga_crl_refreshed *failed = failed_of(report, anchor);
	struct pga_text message = PGA_TEXT_EMPTY;
	struct pga_notice_change change = {.subject = anchor, .kind = "crl"};
	struct pga_error error;

	/* Whoever typed the command reads of it now. */
	if (failed != NULL && !due)
		return;
	if (failed != NULL) {
		pga_text_addf(&message, "the CRL %s was not refreshed: %s; pganchor crl refresh %s",
			      failed->name, failed->why, failed->name);
		change.message = pga_text_string(&message);
	}
	if (message.failed)
		(void)pga_fail_memory(&error);
	if (message.failed || pga_notices_change(&change, 1, &error) != 0)
		pga_print_warning("no notice was left: %s", error.message);
	pga_text_free(&message);
}

static void leave_notices(const struct pga_crls_report *report, bool due)
{
	for (size_t i = 0; i < report->count; i++) {
		size_t first = 0;

		while (strcmp(report->items[first].anchor, report->items[i].anchor) != 0)
			first++;
		if (first == i && report->items[i].anchor[0] != '\0')
			leave_notice(report, report->items[i].anchor, due);
	}
}

static int refresh(const char *const *names, const struct asked *asked)
{
	struct pga_crls_report report;
	struct pga_error error;
	int status = PGA_EXIT_FAILED;

	if (pga_crls_refresh(names, asked->due, asked->dry_run, &report, &error) != 0) {
		pga_print_error(&error);
		goto done;
	}
	status = report.failed > 0 ? PGA_EXIT_FAILED : PGA_EXIT_DONE;
	pga_warn_of_crl_lines("", pga_text_string(&report.notes),
			      asked->dry_run
				  ? ": its certificate is revoked: libpq would refuse the server"
				  : ": its certificate is revoked: libpq refuses the server");
	if (names == NULL && !asked->dry_run)
		leave_notices(&report, asked->due);
	if (asked->json) {
		status = print_json(&report, asked, status);
		goto done;
	}
	if (report.count == 0 && !asked->due)
		(void)puts("no CRL was put in place by pganchor");
	for (size_t i = 0; i < report.count; i++)
		if (!asked->quiet && (!asked->due || report.items[i].outcome > PGA_CRL_SAME))
			print_item(&report.items[i], asked->dry_run);
done:
	pga_crls_report_free(&report);
	return status;
}

int pga_refresh_due_crls(bool dry_run, bool quiet)
{
	const struct asked asked = {.due = true, .dry_run = dry_run, .quiet = quiet};

	return refresh(NULL, &asked);
}

static const struct pga_option options[] = {
    {.name = "due",
     .target = offsetof(struct asked, due),
     .help = "those alone that are half-way to the next update, or have no such date and were "
	     "fetched a week ago; and say nothing of what is as before: so for a timer"},
    {.name = "dry-run",
     .letter = 'n',
     .target = offsetof(struct asked, dry_run),
     .help = "fetch and try them, change nothing, say what would be replaced"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct asked, json),
     .help = "report in JSON"},
};

static int run(int argc, char **argv)
{
	struct asked asked = {.json = false};
	int status;

	if (!pga_options_read(&pga_cmd_crl_refresh, argc, argv, &asked, &status))
		return status;
	return refresh(optind < argc ? (const char *const *)argv + optind : NULL, &asked);
}

const struct pga_command pga_cmd_crl_refresh = {
    .name = "crl refresh",
    .summary = "fetch CRLs anew, and put newer ones in place",
    .usage = "[NAME ...] [OPTION ...]",
    .about = "Asks the address or file that each CRL came from. A newer one, signed by the same "
	     "key, is tried on the servers of all services and takes the place of the old one; one "
	     "that is older, or has a lower number, or with which libpq would refuse a server, is "
	     "not taken, and the old one stays.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .word = "the name of a CRL",
    .least = 0,
    .most = 1000,
    .statuses = "Exit status: 0 all are as new as can be, 1 one could not be fetched or not be "
		"taken, 2 usage.",
    .run = run,
};
