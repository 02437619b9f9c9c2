/* pganchor doctor: what is hazardous on this machine, why, and what mends it. */
#include "cli/cli.h"

#include "base/terminal.h"
#include "cli/print_doctor.h"
#include "diagnose/doctor.h"

#include <stdlib.h>

struct asked {
	bool all;
	bool online;
	bool json;
};

static int examine(const struct asked *asked)
{
	struct pga_doctor doctor = {.online = asked->online};
	struct pga_checkup checkup;
	const struct pga_doctor_report report = {&doctor, &checkup, asked->all};
	struct pga_error error;
	int status = PGA_EXIT_FAILED;

	if (pga_doctor_begin(&doctor, &error) != 0 ||
	    pga_doctor_run(&doctor, &checkup, &error) != 0) {
		pga_print_error(&error);
	} else {
		status = pga_exit_of(pga_findings_worst(&doctor.findings));
		if (asked->json)
			status = pga_print_doctor_json(&report, status);
		else
			pga_print_doctor(&report);
	}
	pga_doctor_free(&doctor);
	return status;
}

static int run(int argc, char **argv)
{
	struct asked asked = {.all = false};
	int status;

	if (!pga_options_read(&pga_cmd_doctor, argc, argv, &asked, &status))
		return status;
	return examine(&asked);
}

static const struct pga_option options[] = {
    {.name = "all", .target = offsetof(struct asked, all), .help = "show what is fine, too"},
    {.name = "online",
     .target = offsetof(struct asked, online),
     .help = "look at the servers, too"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct asked, json),
     .help = "report in JSON"},
};

const struct pga_command pga_cmd_doctor = {
    .name = "doctor",
    .summary = "what is hazardous on this machine, why, and what mends it",
    .usage = "[--all] [--online] [--json]",
    .about = "Looks at everything here by which a connection to PostgreSQL can be weaker than it "
	     "seems, and prints each hazard with why it matters and the command that mends it, the "
	     "worst first.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .statuses = "Exit status: 0 nothing is weaker than the policy; 1 failed; 2 usage; 3 something "
		"is.",
    .run = run,
};
