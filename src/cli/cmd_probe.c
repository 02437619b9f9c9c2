/* pganchor probe: what a server shows, and what it is worth. */
#include "cli/cli.h"
#include "cli/print_probe.h"

#include "base/memory_file.h"
#include "base/terminal.h"
#include "report/json.h"

#include <stdlib.h>

struct asked {
	long max_time;
	bool json;
};

/* The hosts of one word, one after the other. */
static int probe(const struct asked *asked, const struct pga_probe_targets *targets, json_t *report,
		 struct pga_error *error)
{
	const struct pga_probe_limits limits = {.connect_timeout = asked->max_time,
						.max_time = asked->max_time};
	json_t *servers = asked->json ? json_array() : NULL;
	int status = PGA_EXIT_DONE;

	for (size_t i = 0; i < targets->count; i++) {
		const struct pga_probe_target *target = &targets->list[i];
		struct pga_probe probed;
		struct pga_grade grade;
		int one;

		if (pga_probe_run(target, &limits, &probed, error) != 0) {
			pga_probe_free(&probed);
			json_decref(servers);
			return -1;
		}
		pga_grade_make(&probed, target, &grade);
		if (asked->json)
			pga_json_add(servers, pga_probe_as_json(target, &probed, &grade));
		else
			pga_print_probe(target, &probed, &grade);
		if (!asked->json && i + 1 < targets->count)
			(void)putchar('\n');
		one = pga_probe_status(&probed);
		if (one == PGA_EXIT_FAILED || status == PGA_EXIT_DONE)
			status = one;
		pga_probe_free(&probed);
	}
	if (asked->json)
		pga_json_set(report, "servers", servers);
	return status;
}

static int run_on(const struct asked *asked, const char *word)
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

static int run(int argc, char **argv)
{
	struct asked asked = {.max_time = 10000};
	int status;

	if (!pga_options_read(&pga_cmd_probe, argc, argv, &asked, &status))
		return status;
	return run_on(&asked, argv[optind]);
}

static const struct pga_option options[] = {
    {.name = "max-time",
     .kind = PGA_OPTION_SECONDS,
     .target = offsetof(struct asked, max_time),
     .argument = "SECONDS",
     .help = "give up on a server after this time; 10 if left out"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct asked, json),
     .help = "report in JSON"},
};

const struct pga_command pga_cmd_probe = {
    .name = "probe",
    .summary = "what a server shows and takes, who connects to it, and a grade",
    .usage = "SERVICE | HOST[:PORT] [OPTION ...]",
    .about =
	"Asks a PostgreSQL server for TLS as a client does, and tells what it shows: protocol and "
	"cipher, the chain with what is pinned of it, for which names and until when, and what the "
	"CRLs say. Where it is not verified, one line says why, and another what to do. Then what "
	"else the server takes: connections without encryption, GSSAPI encryption, TLS without a "
	"request; what it asks a client for to log in, and whether channel binding works with its "
	"certificate; which drivers connect; and a grade, with every reason for it.\n\n"
	"No password is sent. A made-up user and database are asked for, or those of the service, "
	"which go to a verified server alone and are encrypted.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .statuses = "Exit status: 0 verified; 1 no answer, or failed; 2 usage; 3 not verified, or "
		"weaker than the policy.",
    .examples = "  pganchor probe prod\n"
		"  pganchor probe db.example.com:5433\n"
		"  pganchor probe 'host=db.example.com hostaddr=127.0.0.1 port=6432'\n",
    .word = "a service or a host",
    .least = 1,
    .most = 1,
    .names = PGA_NAMES_SERVICE,
    .run = run,
};
