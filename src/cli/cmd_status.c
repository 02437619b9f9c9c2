/* pganchor status: is the gate active here, by which way, and which running programs have a libpq
 * with it or without. */
#include "cli/cli.h"

#include "base/terminal.h"
#include "cli/print_status.h"
#include "diagnose/status.h"
#include "report/text.h"

static int report(bool json)
{
	struct pga_status status;
	struct pga_error error;
	const int result = pga_status_look(&status, &error);
	int exit_status = pga_exit_of(pga_findings_worst(&status.findings));

	pga_warn_of_findings(&status.findings, PGA_ABOUT_ACTIVATION);
	if (result != 0) {
		pga_print_error(&error);
		exit_status = PGA_EXIT_FAILED;
	} else if (json) {
		exit_status = pga_print_status_json(&status, exit_status);
	} else {
		pga_print_status(&status);
	}
	pga_status_free(&status);
	return exit_status;
}

static int run(int argc, char **argv)
{
	bool json = false;
	int status;

	if (!pga_options_read(&pga_cmd_status, argc, argv, &json, &status))
		return status;
	return report(json);
}

static const struct pga_option options[] = {
    {.name = "json", .letter = 'j', .target = 0, .help = "report in JSON"},
};

const struct pga_command pga_cmd_status = {
    .name = "status",
    .summary = "is the gate active here, and in which running programs",
    .usage = "[--json]",
    .about = "Says whether the gate is active here (what this shell starts has it), which files "
	     "enable it, the policy in force, and which of your running programs (for root, "
	     "everybody's) have a libpq: which one, and whether the gate is in them. One with a "
	     "libpq or another driver linked into itself, or with a protocol of its own, is listed "
	     "as such: the gate sees nothing of that.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .statuses = "Exit status: 0 active; 3 not active here, or the policy cannot be read, or a "
		"program has a libpq and no gate; 1 failed, 2 usage.",
    .run = run,
};
