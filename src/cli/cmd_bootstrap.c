/* pganchor bootstrap: fetch a CA root, prove it, pin it, install it. */
#include "cli/adding_options.h"
#include "cli/cli.h"
#include "cli/step_habits.h"

static const struct pga_option options[] = {
    PGA_ADDING_WHAT,
    PGA_ADDING_ANCHOR,
    PGA_ADDING_FLAG("pin-existing", pin_existing,
		    "pin the roots that root.crt has already, too: the gate refuses the servers of "
		    "those that are not; without a source, shows them and fetches nothing, and "
		    "--yes pins them"),
    PGA_ADDING_FLAG("no-timer", no_timer,
		    "do not have your systemd, where one runs, ask for new roots once a week"),
    PGA_ADDING_HOW,
};

static int run(int argc, char **argv)
{
	return pga_adding_run(&pga_cmd_bootstrap, argc, argv);
}

const struct pga_command pga_cmd_bootstrap = {
    .name = "bootstrap",
    .summary = "fetch a CA root, prove it by its fingerprint, pin and install it",
    .usage = "SOURCE [--fingerprint HEX] [OPTION ...]\n"
	     "--ca-url URL [--fingerprint HEX] [OPTION ...]\n"
	     "--from-server HOST[:PORT] [OPTION ...]\n"
	     "--step-config [PATH] [OPTION ...]\n"
	     "--team-url URL [OPTION ...]\n"
	     "--pin-existing [--yes] [--dry-run]",
    .about = "Fetches a CA's root, proves it by its fingerprint, pins it and installs it where "
	     "libpq looks for roots. Running it again changes nothing, but brings back what is "
	     "missing.\n\n"
	     "SOURCE is the address of a step-ca, an https address or a file of certificates (PEM, "
	     "DER or PKCS#7), - for standard input, a directory of step's, or HOST:PORT of a "
	     "PostgreSQL server; what it was taken for is said.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .option_habits = pga_step_habits,
    .statuses = "Exit status: 0 done, or as it was to be already; 1 failed; 2 usage.",
    .examples = "The fingerprint, on the CA:\n"
		"  step certificate fingerprint root_ca.crt\n"
		"  openssl x509 -noout -fingerprint -sha256 -in root_ca.crt\n",
    .word = "SOURCE",
    .most = 1,
    .names = PGA_NAMES_FILE,
    .run = run,
};
