/* pganchor anchor refresh: what the sources of the anchors have now. */
#include "anchor/refresh.h"
#include "base/terminal.h"
#include "ca/proxy.h"
#include "cli/bootstrap_copy.h"
#include "cli/cli.h"
#include "cli/cmd_crl.h"
#include "cli/print_refresh.h"
#include "cli/question.h"
#include "diagnose/going_roots.h"
#include "diagnose/refresh_notices.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct refreshing {
	struct pga_http http;
	bool drop;
	bool due;
	bool system;
	bool yes;
	bool dry_run;
	bool json;

	struct pga_refresh refresh;
	struct pga_going_roots going;
	struct pga_followed_copy copy;
};

/* An error of one is no other's. Returns -1 for want of memory. */
static int ask_all(struct refreshing *refreshing, struct pga_error *error)
{
	for (size_t i = 0; i < refreshing->refresh.count; i++)
		if (pga_refresh_ask(&refreshing->refresh, &refreshing->refresh.sources[i],
				    &refreshing->http, error) != 0)
			return -1;
	return 0;
}

static void show_dropped(FILE *out, const struct pga_refresh *refresh)
{
	for (size_t i = 0; i < refresh->count; i++)
		for (size_t k = 0; k < refresh->sources[i].count; k++)
			if (refresh->sources[i].roots[k].dropped)
				pga_print(out, "    %s, SHA-256 %s\n",
					  refresh->sources[i].roots[k].name,
					  refresh->sources[i].roots[k].digits);
}

/* On a terminal, what is to go is shown first. Returns -1 where it is not to go. */
static int confirm(const struct refreshing *refreshing, struct pga_error *error)
{
	static const char hint[] = "nothing was changed; --yes asks nothing";
	struct pga_question question;
	struct pga_answer answer;
	int result;

	if (refreshing->going.dropped == 0 || refreshing->yes || refreshing->dry_run ||
	    !pga_question_possible())
		return 0;
	if (pga_question_begin(&question, hint, error) != 0)
		return -1;
	pga_print(question.out, "These anchors are to go, and no server needs them:\n");
	show_dropped(question.out, &refreshing->refresh);
	result = pga_question_ask(&question, "Take them out? Type yes: ", &answer, error);
	pga_question_end(&question);
	if (result == 0 && (!answer.whole || strcmp(answer.text, "yes") != 0))
		result = pga_fail(error, hint, "the answer was not yes");
	return result;
}

static void pin_all(struct refreshing *refreshing)
{
	if (!refreshing->dry_run && !refreshing->system)
		pga_followed_copy_begin(&refreshing->copy);
	for (size_t i = 0; i < refreshing->refresh.count; i++)
		pga_refresh_pin(&refreshing->refresh, &refreshing->refresh.sources[i],
				refreshing->dry_run);
	pga_followed_copy_end(&refreshing->copy);
}

/* What is only for the next time, and for a person who is not there. */
static size_t write_down(const struct refreshing *refreshing)
{
	struct pga_error error;

	if (refreshing->dry_run)
		return pga_refresh_waiting(&refreshing->refresh, &refreshing->going);
	if (pga_refresh_note(&refreshing->refresh, &error) != 0)
		pga_print_warning("it was not written down that the sources were asked: %s",
				  error.message);
	if (refreshing->system)
		return pga_refresh_waiting(&refreshing->refresh, &refreshing->going);
	return pga_refresh_leave_notices(&refreshing->refresh, &refreshing->going);
}

static int report(const struct refreshing *refreshing, size_t waiting)
{
	const struct pga_refresh_report report = {&refreshing->refresh, &refreshing->going,
						  refreshing->dry_run, refreshing->due};
	int status = waiting > 0 ? PGA_EXIT_WEAK : PGA_EXIT_DONE;

	for (size_t i = 0; i < refreshing->refresh.count; i++) {
		if (!refreshing->refresh.sources[i].failed)
			continue;
		pga_print_error(&refreshing->refresh.sources[i].error);
		status = PGA_EXIT_FAILED;
	}
	if (refreshing->json)
		return pga_print_refresh_json(&report, status);
	pga_print_refresh(&report);
	return status;
}

static int refresh(struct refreshing *refreshing)
{
	struct pga_error error;

	if (ask_all(refreshing, &error) != 0 ||
	    pga_going_roots_look(&refreshing->going, &refreshing->refresh, refreshing->drop,
				 &error) != 0 ||
	    confirm(refreshing, &error) != 0) {
		pga_print_error(&error);
		return PGA_EXIT_FAILED;
	}
	pin_all(refreshing);
	return report(refreshing, write_down(refreshing));
}

static const struct pga_option options[] = {
    {.name = "drop",
     .target = offsetof(struct refreshing, drop),
     .help = "take out the roots that have expired or that their CA has withdrawn, where no server "
	     "needs them"},
    {.name = "due",
     .target = offsetof(struct refreshing, due),
     .help = "only the sources that were not asked for a week, and say nothing of what is as "
	     "before: so for the timer"},
    {.name = "system",
     .target = offsetof(struct refreshing, system),
     .help = "the system's anchors, of every user; as root"},
    {.name = "proxy",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct refreshing, http.proxy),
     .argument = "URL",
     .help = "as curl's; if left out, https_proxy and no_proxy count"},
    {.name = "connect-timeout",
     .kind = PGA_OPTION_SECONDS,
     .target = offsetof(struct refreshing, http.connect_timeout),
     .argument = "SECONDS",
     .help = "10 if left out"},
    {.name = "max-time",
     .kind = PGA_OPTION_SECONDS,
     .target = offsetof(struct refreshing, http.max_time),
     .argument = "SECONDS",
     .help = "for one request; 30 if left out"},
    {.name = "yes",
     .target = offsetof(struct refreshing, yes),
     .help = "ask nothing before roots are taken out"},
    {.name = "dry-run",
     .letter = 'n',
     .target = offsetof(struct refreshing, dry_run),
     .help = "ask the sources, change nothing, say what would be changed"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct refreshing, json),
     .help = "report in JSON"},
};

static int run(int argc, char **argv)
{
	struct refreshing refreshing = {
	    .http = {NULL, PGA_HTTP_CONNECT_TIMEOUT, PGA_HTTP_MAX_TIME}};
	struct pga_error error;
	int status;

	if (!pga_options_read(&pga_cmd_anchor_refresh, argc, argv, &refreshing, &status))
		return status;
	if (refreshing.http.proxy != NULL && pga_proxy_check(refreshing.http.proxy, &error) != 0) {
		pga_print_error(&error);
		return PGA_EXIT_USAGE;
	}
	if (pga_refresh_begin(&refreshing.refresh, (const char *const *)argv + optind,
			      (size_t)(argc - optind), refreshing.system, refreshing.due,
			      &error) == 0) {
		status = refresh(&refreshing);
	} else {
		pga_print_error(&error);
		status = PGA_EXIT_FAILED;
	}
	/* Those of the user's anchors are looked at in the same run. */
	if (optind == argc && !refreshing.system &&
	    pga_refresh_due_crls(refreshing.dry_run, refreshing.json) != PGA_EXIT_DONE)
		status = PGA_EXIT_FAILED;
	pga_going_roots_free(&refreshing.going);
	pga_refresh_end(&refreshing.refresh);
	return status;
}

const struct pga_command pga_cmd_anchor_refresh = {
    .name = "anchor refresh",
    .summary = "follow a CA to its new root",
    .usage = "[NAME ...] [OPTION ...]",
    .about =
	"Asks where the anchors came from what is there now. A step-ca is asked over TLS that "
	"comes from a root of its own that is pinned already; what it says is proven by that, and "
	"a root that it has since is pinned, for the same hosts, beside the one before, in "
	"root.crt "
	"and in the anchors' own files: connections go on while its servers move from one to the "
	"other. What an address, a file or a server shows is proven by nobody: it is shown, and "
	"pinned by you.\n\n"
	"A root that has expired or that its CA has withdrawn stays, until --drop, and until no "
	"server of a service needs it; one that does not answer may still need it. "
	"Without a name, CRLs that are due are fetched, too.",
    .statuses = "Exit status: 0 done, or nothing is new; 3 something waits for you; 1 a source "
		"could not be asked, or failed; 2 usage.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .word = "the name of an anchor",
    .least = 0,
    .most = SIZE_MAX,
    .names = PGA_NAMES_ANCHOR,
    .run = run,
};
