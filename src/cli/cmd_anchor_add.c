/* pganchor anchor add: pin a root out of whatever has it. */
#include "cli/adding_options.h"
#include "cli/cli.h"
#include "cli/step_habits.h"

static const struct pga_option options[] = {
    PGA_ADDING_WHAT,
    PGA_ADDING_ANCHOR,
    PGA_ADDING_HOW,
};

static int run(int argc, char **argv)
{
	return pga_adding_run(&pga_cmd_anchor_add, argc, argv);
}

const struct pga_command pga_cmd_anchor_add = {
    .name = "anchor add",
    .summary = "pin a root out of a file, an address or a CA",
    .usage = "SOURCE [--fingerprint HEX] [OPTION ...]\n"
	     "SOURCE --host HOST[:PORT] [OPTION ...]\n"
	     "SOURCE --all [OPTION ...]",
    .about = "Pins a CA's root and installs it where libpq looks for roots. SOURCE is a file of "
	     "certificates (PEM, DER or PKCS#7), - for standard input, an https address of such a "
	     "file, or the address of a step-ca; what it was taken for is said. Running it again "
	     "changes nothing, but brings back what is missing.\n\n"
	     "Of a bundle of many roots, libpq tries each in every connection. --host finds the "
	     "one that a server needs, by a handshake with it, and leaves the others out.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .option_habits = pga_step_habits,
    .statuses = "Exit status: 0 done, or as it was to be already; 1 failed; 2 usage.",
    .examples = "  pganchor anchor add root_ca.crt --hosts '*.example.com'\n"
		"  pganchor anchor add https://pki.example.com/bundle.pem --host db.example.com\n",
    .word = "SOURCE",
    .most = 1,
    .names = PGA_NAMES_FILE,
    .run = run,
};
