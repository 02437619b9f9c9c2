/* pganchor audit: what of servers is weak, and in whose hands. */
#include "cli/audit_terminate.h"
#include "cli/cli.h"
#include "cli/print_audit.h"

#include "audit/audit.h"
#include "audit/html.h"
#include "audit/sarif.h"
#include "base/many.h"
#include "base/memory_file.h"
#include "base/terminal.h"
#include "report/json.h"
#include "report/sarif.h"
#include "report/saved.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* On one command line. */
#define MOST_POOLERS 64

struct asked {
	long jobs;
	long max_time; /* milliseconds */
	enum pga_severity fail_on;
	const char *poolers[MOST_POOLERS]; /* files */
	size_t pooler_count;
	const char *html; /* files; NULL: none */
	const char *sarif;
	bool terminate;
	bool dry_run;
	bool yes;
	bool json;
};

struct auditing {
	const struct asked *asked;
	struct pga_audit_counts counts;
	struct pga_audit_page page;
	struct pga_unencrypted unencrypted;
	json_t *log; /* NULL: none is asked for */
	bool weak;
};

static int take_fail_on(void *into, const struct pga_option *option, const char *value)
{
	struct asked *asked = into;

	for (int severity = PGA_SEVERITY_NOTE; severity <= PGA_SEVERITY_ERROR; severity++)
		if (strcmp(value, pga_severity_word((enum pga_severity)severity)) == 0) {
			asked->fail_on = (enum pga_severity)severity;
			return PGA_EXIT_DONE;
		}
	return pga_usage_error("audit", "--%s %s: error, warning or note", option->name, value);
}

static int take_jobs(void *into, const struct pga_option *option, const char *value)
{
	struct asked *asked = into;
	char *end;

	errno = 0;
	asked->jobs = strtol(value, &end, 10);
	if (errno == 0 && end != value && *end == '\0' && asked->jobs > 0 &&
	    asked->jobs <= PGA_MANY_MOST_JOBS)
		return PGA_EXIT_DONE;
	return pga_usage_error("audit", "--%s %s: not a number from 1 to %d", option->name, value,
			       PGA_MANY_MOST_JOBS);
}

static int take_pooler(void *into, const struct pga_option *option, const char *value)
{
	struct asked *asked = into;

	if (asked->pooler_count == MOST_POOLERS)
		return pga_usage_error("audit", "--%s: %d times at the most", option->name,
				       MOST_POOLERS);
	asked->poolers[asked->pooler_count++] = value;
	return PGA_EXIT_DONE;
}

/* A finding that a server could not be audited is no weakness of it. */
static bool is_weak(const struct auditing *auditing, const struct pga_audit *audit)
{
	return audit->connected && pga_findings_worst(&audit->findings) >= auditing->asked->fail_on;
}

static int print_json(const struct auditing *auditing, const struct pga_audit *audit,
		      struct pga_error *error)
{
	char *line = pga_json_line(pga_audit_as_json(audit));

	if (line == NULL)
		return pga_fail_memory(error);
	(void)printf("%s    %s", auditing->counts.servers > 0 ? ",\n" : "", line);
	free(line);
	return 0;
}

static int take(void *context, struct pga_audit *audit, struct pga_error *error)
{
	struct auditing *auditing = context;
	int result = 0;

	if (auditing->asked->json) {
		result = print_json(auditing, audit, error);
	} else {
		if (auditing->counts.servers > 0)
			(void)putchar('\n');
		pga_print_audit(audit);
	}
	(void)fflush(stdout);
	if (auditing->asked->html != NULL)
		pga_audit_page_add(&auditing->page, audit);
	if (auditing->asked->sarif != NULL)
		pga_audit_sarif_add(auditing->log, audit);
	if (auditing->asked->terminate)
		pga_unencrypted_add(&auditing->unencrypted, audit);
	auditing->weak = auditing->weak || is_weak(auditing, audit);
	pga_audit_count(&auditing->counts, audit);
	pga_audit_free(audit);
	return result;
}

static void end_report(const struct auditing *auditing, int status)
{
	const struct pga_audit_counts *counts = &auditing->counts;

	if (!auditing->asked->json)
		pga_print_audit_counts(counts);
	else
		(void)printf(
		    "\n  ],\n  \"counts\": {\"servers\": %zu, \"not_audited\": %zu, "
		    "\"error\": %zu, \"warning\": %zu, \"note\": %zu},\n  \"exit\": %d\n}\n",
		    counts->servers, counts->not_audited, counts->findings[PGA_SEVERITY_ERROR],
		    counts->findings[PGA_SEVERITY_WARNING], counts->findings[PGA_SEVERITY_NOTE],
		    status);
}

/* A text that could not be made is NULL. */
static int save(const char *path, char *text, struct pga_error *error)
{
	const int result =
	    text != NULL ? pga_report_save(path, text, error) : pga_fail_memory(error);

	free(text);
	return result;
}

static int save_reports(struct auditing *auditing, struct pga_error *error)
{
	const struct asked *asked = auditing->asked;
	json_t *log = auditing->log;

	auditing->log = NULL;
	if (asked->sarif != NULL && save(asked->sarif, pga_json_line(log), error) != 0)
		return -1;
	if (asked->html != NULL &&
	    save(asked->html, pga_audit_page_text(&auditing->page, PACKAGE_VERSION, time(NULL)),
		 error) != 0)
		return -1;
	return 0;
}

/* Behind the servers. */
static int audit_poolers(struct auditing *auditing, const struct pga_policy *policy,
			 struct pga_error *error)
{
	for (size_t i = 0; i < auditing->asked->pooler_count; i++) {
		struct pga_audit *audit = pga_audit_pgbouncer(auditing->asked->poolers[i], policy);

		if (audit == NULL || audit->failed || audit->findings.failed) {
			pga_audit_free(audit);
			return pga_fail_memory(error);
		}
		if (take(auditing, audit, error) != 0)
			return -1;
	}
	return 0;
}

static int audit(const struct asked *asked, const char *const *services, size_t count)
{
	struct pga_policy policy = {0};
	struct pga_pins pins = {0};
	struct auditing auditing = {.asked = asked};
	const struct pga_audit_question question = {.services = services,
						    .count = count,
						    .jobs = (size_t)asked->jobs,
						    .seconds = (asked->max_time + 999) / 1000,
						    .policy = &policy,
						    .pins = &pins,
						    .progress = "auditing"};
	struct pga_error error;
	int result = -1;
	int status = PGA_EXIT_DONE;

	if (pga_keep_what_is_read_once("PGSERVICEFILE", false, &error) == 0 &&
	    pga_policy_load(&policy, &error) == 0 && pga_pins_load(&pins, &policy, &error) == 0) {
		if (asked->json)
			(void)puts("{\n  \"servers\": [");
		if (asked->sarif != NULL)
			auditing.log = pga_sarif_begin(PACKAGE_VERSION);
		result = count > 0 ? pga_audit_run(&question, take, &auditing, &error) : 0;
		if (result == 0)
			result = audit_poolers(&auditing, &policy, &error);
		if (result == 0)
			result = save_reports(&auditing, &error);
		if (auditing.weak)
			status = PGA_EXIT_WEAK;
		else if (result != 0 || auditing.counts.not_audited > 0)
			status = PGA_EXIT_FAILED;
		end_report(&auditing, result < 0 ? PGA_EXIT_FAILED : status);
	}
	if (result > 0)
		pga_many_end(result);
	if (result < 0) {
		pga_print_error(&error);
		status = PGA_EXIT_FAILED;
	}
	if (result == 0 && asked->terminate) {
		const int ended = pga_unencrypted_end(&auditing.unencrypted, &question,
						      asked->dry_run, asked->yes);

		status = ended != PGA_EXIT_DONE ? ended : status;
	}
	pga_unencrypted_free(&auditing.unencrypted);
	json_decref(auditing.log);
	pga_audit_page_free(&auditing.page);
	pga_pins_free(&pins);
	pga_policy_free(&policy);
	return status;
}

/* The report itself goes to stdout. */
static bool is_no_file(const char *path)
{
	return path != NULL && (path[0] == '\0' || strcmp(path, "-") == 0);
}

/* What could not be written in the end would have been asked for in vain. */
static int try_reports(const struct asked *asked)
{
	struct pga_error error;
	char *html = NULL;
	char *sarif = NULL;
	int status = PGA_EXIT_DONE;

	if ((asked->html != NULL && pga_report_try(asked->html, &html, &error) != 0) ||
	    (asked->sarif != NULL && pga_report_try(asked->sarif, &sarif, &error) != 0)) {
		pga_print_error(&error);
		status = PGA_EXIT_FAILED;
	} else if (html != NULL && sarif != NULL && strcmp(html, sarif) == 0) {
		status = pga_usage_error("audit", "--html and --sarif name the same file: %s",
					 asked->html);
	}
	free(html);
	free(sarif);
	return status;
}

/* Each once, in the order of their first mention. Returns how many there are. */
static size_t leave_out_repeated(char **names, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		size_t same = 0;

		while (same < kept && strcmp(names[same], names[i]) != 0)
			same++;
		if (same == kept)
			names[kept++] = names[i];
	}
	return kept;
}

static int run(int argc, char **argv)
{
	struct asked asked = {.max_time = 30000, .fail_on = PGA_SEVERITY_ERROR};
	int status;

	/* An entry is asked for by its name: of this one libpq would take what that does not say.
	 */
	(void)unsetenv("PGSERVICE");
	if (!pga_options_read(&pga_cmd_audit, argc, argv, &asked, &status))
		return status;
	if (optind == argc && asked.pooler_count == 0)
		return pga_usage_error("audit", "a service, or --pgbouncer FILE, is missing");
	if (is_no_file(asked.html) || is_no_file(asked.sarif))
		return pga_usage_error("audit", "--html and --sarif need the name of a file");
	if (asked.terminate && asked.json)
		return pga_usage_error("audit", "--terminate-unencrypted is for people: without "
						"--json");
	if (!asked.terminate && (asked.dry_run || asked.yes))
		return pga_usage_error("audit", "--dry-run and --yes go with "
						"--terminate-unencrypted");
	if (asked.dry_run && asked.yes)
		return pga_usage_error("audit", "--dry-run or --yes");
	status = try_reports(&asked);
	if (status != PGA_EXIT_DONE)
		return status;
	return audit(&asked, (const char *const *)argv + optind,
		     leave_out_repeated(argv + optind, (size_t)(argc - optind)));
}

static const struct pga_option options[] = {
    {.name = "fail-on",
     .kind = PGA_OPTION_TAKEN,
     .argument = "SEVERITY",
     .help = "exit with status 3 for findings of this severity and above: error (if left out), "
	     "warning or note",
     .take = take_fail_on},
    {.name = "pgbouncer",
     .kind = PGA_OPTION_TAKEN,
     .argument = "FILE",
     .help = "audit this pgbouncer.ini, too; as often as there are files",
     .names = PGA_NAMES_FILE,
     .take = take_pooler},
    {.name = "jobs",
     .kind = PGA_OPTION_TAKEN,
     .argument = "N",
     .help = "so many servers at once; 64 if left out",
     .take = take_jobs},
    {.name = "max-time",
     .kind = PGA_OPTION_SECONDS,
     .target = offsetof(struct asked, max_time),
     .argument = "SECONDS",
     .help = "give up on a server after this time; 30 if left out"},
    {.name = "html",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct asked, html),
     .argument = "FILE",
     .help = "write a page for an auditor, too: one file, without scripts",
     .names = PGA_NAMES_FILE},
    {.name = "sarif",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct asked, sarif),
     .argument = "FILE",
     .help = "write what was found in configuration as SARIF 2.1.0, too, for code scanners",
     .names = PGA_NAMES_FILE},
    {.name = "terminate-unencrypted",
     .target = offsetof(struct asked, terminate),
     .help = "end the sessions without encryption that came by the network, after a question"},
    {.name = "dry-run",
     .letter = 'n',
     .target = offsetof(struct asked, dry_run),
     .help = "end none of them, list them"},
    {.name = "yes", .target = offsetof(struct asked, yes), .help = "end them without a question"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct asked, json),
     .help = "report in JSON"},
};

const struct pga_command pga_cmd_audit = {
    .name = "audit",
    .summary = "what is weak about servers: sessions, rules, replication, settings",
    .usage = "SERVICE ... [--fail-on SEVERITY] [--html FILE] [--sarif FILE] [--json]\n"
	     "SERVICE ... [--jobs N] [--max-time SECONDS] [OPTION ...]\n"
	     "[SERVICE ...] --pgbouncer FILE [OPTION ...]\n"
	     "SERVICE ... --terminate-unencrypted [--dry-run | --yes] [OPTION ...]",
    .about =
	"Logs in to servers by their services, over verified connections alone, and reads what "
	"they know of themselves: which sessions and standbys have no TLS or an old one, which "
	"rules of pg_hba.conf let somebody in without it or by a weak method, whether what the "
	"server itself connects to (its primary, subscriptions, foreign servers) is verified, its "
	"certificate, its settings and its release. What could not be seen is told, with the right "
	"that is missing. Nothing is changed there, and no password is shown.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .statuses = "Exit status: 0 nothing of that severity; 1 failed, or a server could not be "
		"audited; 2 usage; 3 there are findings at or above --fail-on.",
    .examples = "  pganchor audit prod\n"
		"  pganchor audit prod reports --fail-on warning --json\n"
		"  pganchor audit prod --html audit.html\n"
		"  pganchor audit --pgbouncer /etc/pgbouncer/pgbouncer.ini\n",
    .word = "a service",
    .least = 0,
    .most = SIZE_MAX,
    .names = PGA_NAMES_SERVICE,
    .run = run,
};
