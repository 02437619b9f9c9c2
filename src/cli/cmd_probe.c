/* pganchor probe: what a server shows, and what it is worth. */
#include "cli/cli.h"
#include "cli/print_probe.h"
#include "cli/probe_many.h"

#include "base/many.h"
#include "base/memory_file.h"
#include "base/terminal.h"
#include "report/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The hosts of one word, one after the other. */
static int probe(const struct pga_probe_asked *asked, const struct pga_probe_targets *targets,
		 json_t *report, struct pga_error *error)
{
	json_t *servers = asked->json ? json_array() : NULL;
	int status = PGA_EXIT_DONE;

	for (size_t i = 0; i < targets->count; i++) {
		const struct pga_probe_target *target = &targets->list[i];
		struct pga_probe probed;
		struct pga_grade grade;
		int printed = 0;
		int one;

		if (pga_probe_run(target, &asked->limits, &probed, error) != 0) {
			pga_probe_free(&probed);
			json_decref(servers);
			return -1;
		}
		pga_grade_make(&probed, target, &grade);
		if (asked->json)
			pga_json_add(servers, pga_probe_as_json(target, &probed, &grade));
		else
			printed = pga_print_probe(target, &probed, &grade, error);
		if (!asked->json && i + 1 < targets->count)
			(void)putchar('\n');
		one = pga_probe_status(&probed);
		status = one > status ? one : status;
		pga_probe_free(&probed);
		if (printed != 0)
			return -1;
	}
	if (asked->json)
		pga_json_set(report, "servers", servers);
	return status;
}

static int run_on(const struct pga_probe_asked *asked, const char *word)
{
	struct pga_policy policy = {0};
	struct pga_pins pins = {0};
	struct pga_probe_trusts trusts = {.policy = &policy, .pins = &pins};
	struct pga_probe_targets targets = {NULL, 0};
	json_t *report = asked->json ? json_object() : NULL;
	struct pga_error error;
	int status = -1;

	if (pga_keep_what_is_read_once("PGSERVICEFILE", false, &error) == 0 &&
	    pga_policy_load(&policy, &error) == 0 && pga_pins_load(&pins, &policy, &error) == 0 &&
	    pga_probe_targets_add(&targets, word, &trusts, &error) == 0)
		status = probe(asked, &targets, report, &error);
	if (status < 0) {
		json_decref(report);
		pga_print_error(&error);
		status = PGA_EXIT_FAILED;
	} else if (asked->json) {
		status = pga_json_print(report, status);
	}
	pga_probe_targets_free(&targets);
	pga_probe_trusts_free(&trusts);
	pga_pins_free(&pins);
	pga_policy_free(&policy);
	return status;
}

static int take_jobs(void *into, const struct pga_option *option, const char *value)
{
	struct pga_probe_asked *asked = into;
	char *end;

	errno = 0;
	asked->jobs = strtol(value, &end, 10);
	if (errno == 0 && end != value && *end == '\0' && asked->jobs > 0 &&
	    asked->jobs <= PGA_MANY_MOST_JOBS)
		return PGA_EXIT_DONE;
	return pga_usage_error("probe", "--%s %s: not a number from 1 to %d", option->name, value,
			       PGA_MANY_MOST_JOBS);
}

/* NULL, or what does not go together. */
static const char *contradiction(const struct pga_probe_asked *asked)
{
	const bool many = asked->all || asked->file != NULL;

	if (asked->word == NULL && !many)
		return "which server: a service, HOST, HOST:PORT, --all or --file LIST";
	if (asked->word != NULL && many)
		return "a server, or --all and --file";
	if (asked->only != NULL && !many)
		return "--only is of those of --all and --file";
	if (asked->listen != NULL && (asked->json || asked->metrics != NULL))
		return "--listen: what is answered there are metrics, and nothing is printed";
	if (asked->listen != NULL && asked->file != NULL && strcmp(asked->file, "-") == 0)
		return "--listen: the list is read again for each request, so it is a file";
	if (asked->json && asked->metrics != NULL && strcmp(asked->metrics, "-") == 0)
		return "--json, or --metrics to the standard output";
	return NULL;
}

static int run(int argc, char **argv)
{
	struct pga_probe_asked asked = {.limits.max_time = 10000};
	const char *wrong;
	int status;

	/* An entry is asked for by its name: of this one libpq would take what that does not say.
	 */
	(void)unsetenv("PGSERVICE");
	if (!pga_options_read(&pga_cmd_probe, argc, argv, &asked, &status))
		return status;
	asked.limits.connect_timeout = asked.limits.max_time;
	if (optind < argc)
		asked.word = argv[optind];
	wrong = contradiction(&asked);
	if (wrong != NULL)
		return pga_usage_error("probe", "%s", wrong);
	if (asked.listen != NULL)
		return pga_probe_listen(&asked);
	if (asked.word == NULL || asked.metrics != NULL)
		return pga_probe_many(&asked);
	return run_on(&asked, asked.word);
}

static const struct pga_option options[] = {
    {.name = "all",
     .target = offsetof(struct pga_probe_asked, all),
     .help = "every service, and each of their servers once"},
    {.name = "file",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct pga_probe_asked, file),
     .argument = "LIST",
     .help = "the servers of a list, one a line, as they are named here; -: of the standard input",
     .names = PGA_NAMES_FILE},
    {.name = "only",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct pga_probe_asked, only),
     .argument = "NAME",
     .help = "of those, the service, HOST or HOST:PORT of this name alone"},
    {.name = "jobs",
     .kind = PGA_OPTION_TAKEN,
     .argument = "N",
     .help = "so many servers at once; 64 if left out",
     .take = take_jobs},
    {.name = "max-time",
     .kind = PGA_OPTION_SECONDS,
     .target = offsetof(struct pga_probe_asked, limits.max_time),
     .argument = "SECONDS",
     .help = "give up on a server after this time; 10 if left out"},
    {.name = "metrics",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct pga_probe_asked, metrics),
     .argument = "FILE",
     .help = "write it for Prometheus too, to a file for node_exporter's textfile collector; -: "
	     "to the standard output, and nothing else",
     .names = PGA_NAMES_FILE},
    {.name = "listen",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct pga_probe_asked, listen),
     .argument = "ADDRESS",
     .help = "answer a scraper of Prometheus at 127.0.0.1:PORT or [::1]:PORT, and probe whenever "
	     "it asks"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct pga_probe_asked, json),
     .help = "report in JSON"},
};

const struct pga_command pga_cmd_probe = {
    .name = "probe",
    .summary = "what a server shows and takes, who connects to it, and a grade",
    .usage = "SERVICE | HOST[:PORT] [OPTION ...]\n"
	     "--all | --file LIST [--only NAME] [--jobs N] [OPTION ...]",
    .about =
	"Asks a PostgreSQL server for TLS as a client does, and tells what it shows: protocol and "
	"cipher, the chain with what is pinned of it, for which names and until when, and what the "
	"CRLs say. Where it is not verified, one line says why, and another what to do. Then what "
	"else the server takes: connections without encryption, GSSAPI encryption, TLS without a "
	"request; what it asks a client for to log in, and whether channel binding works with its "
	"certificate; which drivers connect; and a grade, with every reason for it.\n\n"
	"No password is sent. A made-up user and database are asked for, or those of the service, "
	"which go to a verified server alone and are encrypted.\n\n"
	"Of many servers a line each is printed, in the order in which they are named, and what "
	"all "
	"come to; they are asked several at once. For Prometheus, metrics have the names of "
	"blackbox_exporter's where they mean the same. With --listen nothing is probed that was "
	"not "
	"named at the start: /metrics is all of it, /probe?target=NAME one of them.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .statuses = "Exit status: 0 verified; 1 no answer, or failed; 2 usage; 3 not verified, or "
		"weaker than the policy; of several servers, that of the worst.",
    .examples = "  pganchor probe prod\n"
		"  pganchor probe db.example.com:5433\n"
		"  pganchor probe 'host=db.example.com hostaddr=127.0.0.1 port=6432'\n"
		"  pganchor probe --all --metrics /var/lib/prometheus/node-exporter/pganchor.prom\n"
		"  pganchor probe --all --listen 127.0.0.1:9187\n",
    .word = "a service or a host",
    .most = 1,
    .names = PGA_NAMES_SERVICE,
    .run = run,
};
