/* pganchor status: how things are here, on one screen. */
#include "cli/cli.h"

#include "base/terminal.h"
#include "cli/print_overview.h"
#include "cli/print_status.h"
#include "cli/time_limit.h"
#include "diagnose/overview.h"
#include "report/text.h"

#include <stdlib.h>

/* What is on this machine is looked at in milliseconds; who waits for longer waits for a file
 * system, or for a directory of users, that does not answer. */
#define LIMIT_SECONDS 10

struct asked {
	bool all;
	bool json;
};

/* As it was before doctor: by what status itself looks at. */
static int status_of(const struct pga_overview *overview)
{
	const struct pga_doctor *doctor = &overview->doctor;
	enum pga_severity worst = PGA_SEVERITY_OK;

	for (size_t i = 0; i < doctor->status.findings.count; i++) {
		const struct pga_finding *finding = &doctor->status.findings.list[i];

		if (finding->severity > worst &&
		    pga_accepted_for(&doctor->accepted, finding, doctor->now) == NULL)
			worst = finding->severity;
	}
	return pga_exit_of(worst);
}

static int report(const struct asked *asked)
{
	struct pga_overview overview;
	struct pga_error error;
	int status;

	if (pga_overview_look(&overview, &error) != 0) {
		pga_print_error(&error);
		status = PGA_EXIT_FAILED;
	} else {
		status = status_of(&overview);
		pga_warn_of_findings(&overview.doctor.status.findings, PGA_ABOUT_ACTIVATION);
		if (asked->json)
			status = pga_print_status_json(&overview, status);
		else if (asked->all)
			pga_print_status(&overview.doctor.status);
		else
			pga_print_overview(&overview);
	}
	pga_overview_free(&overview);
	return status;
}

static int run(int argc, char **argv)
{
	struct asked asked = {.json = false};
	int status;

	if (!pga_options_read(&pga_cmd_status, argc, argv, &asked, &status))
		return status;
	pga_time_limit(LIMIT_SECONDS,
		       "pganchor: could not look at this machine within 10 seconds: does the file "
		       "system of the home directory answer?\n");
	return report(&asked);
}

static const struct pga_option options[] = {
    {.name = "all",
     .target = offsetof(struct asked, all),
     .help = "every file that enables the gate, every key of the policy, every program"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct asked, json),
     .help = "report in JSON"},
};

const struct pga_command pga_cmd_status = {
    .name = "status",
    .summary = "how things are here, on one screen",
    .usage = "[--all | --json]",
    .about = "Shows what is wrong first, and what to type; then whether the gate is active here "
	     "(what this shell starts has it) and in which of your running programs (for root, "
	     "everybody's), the anchors and what ends next, services, keyring, timer, policy, and "
	     "how much doctor would tell. --all shows all there is to know of gate, policy and "
	     "programs. No server, no bus and no other program is asked.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .statuses = "Exit status: 0 active; 3 not active here, or the policy cannot be read, or a "
		"program has a libpq and no gate; 1 failed, 2 usage.",
    .run = run,
};
