/* What pganchor itself takes, and its end. */
#include "base/terminal.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "diagnose/notice_findings.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One a line, as --help shows them: what a first day takes before the rest. */
/* clang-format off */
static const struct pga_command *const commands[] = {
    &pga_cmd_onboard,
    &pga_cmd_bootstrap,
    &pga_cmd_service,
    &pga_cmd_password,
    &pga_cmd_enable,
    &pga_cmd_status,
    &pga_cmd_doctor,
    &pga_cmd_explain,
    &pga_cmd_probe,
    &pga_cmd_audit,
    &pga_cmd_run,
    &pga_cmd_log,
    &pga_cmd_anchor,
    &pga_cmd_crl,
    &pga_cmd_ca,
    &pga_cmd_cert,
    &pga_cmd_forecast,
    &pga_cmd_server,
    &pga_cmd_profile,
    &pga_cmd_disable,
    &pga_cmd_uninstall,
    &pga_cmd_completion,
    NULL,
};
/* clang-format on */

static const struct pga_heading headings[] = {
    {&pga_cmd_onboard, "to begin with"},
    {&pga_cmd_status, "from day to day"},
    {&pga_cmd_anchor, "what is trusted"},
    {&pga_cmd_disable, "and besides"},
    {NULL, NULL},
};

static const struct pga_habit habits[] = {
    {"accept", "anchor accept"},
    {"forget", "anchor forget"},
    {"verify", "anchor verify"},
    {"keyring", "password"},
    {"step", "bootstrap"},
    {"add", "service add or anchor add"},
    {"list", "service list or anchor list"},
    {"ls", "service list or anchor list"},
    {"show", "service show or anchor show"},
    {"rm", "service remove or anchor remove"},
    {"remove", "service remove or anchor remove"},
    {"pin", "anchor add"},
    {"harden", "service harden"},
    {"refresh", "anchor refresh or crl refresh"},
    {"rename", "anchor rename"},
    {"set-hosts", "anchor set-hosts"},
    {"check", "explain"},
    {"exec", "run"},
    {"on", "enable"},
    {"off", "disable"},
    {NULL, NULL},
};

const struct pga_command pga_cmd_pganchor = {
    .name = "",
    .about = "Makes PostgreSQL's clients verify the server they talk to.",
    .examples = "help COMMAND tells what a command takes, as COMMAND --help does;\n"
		"version tells which one this is.\n\n"
		"The first steps:\n"
		"  pganchor onboard acme.profile\n"
		"or, without a profile of the company's:\n"
		"  pganchor bootstrap --ca-url https://ca.example.com:9000 --fingerprint HEX\n"
		"  pganchor service add prod --host db.example.com\n"
		"  pganchor run -- psql service=prod\n",
    .commands = commands,
    .headings = headings,
    .habits = habits,
};

/* What waits for a person is told whoever is at a terminal, in a line; these tell it themselves, or
 * have an output of their own that nothing is to be added to. */
static bool tells_notices(int argc, char **argv)
{
	static const char *const silent[] = {"status", "completion", "help", "version",
					     "uninstall"};

	if (argc < 2 || argv[1][0] == '-' || isatty(STDERR_FILENO) == 0)
		return false;
	for (size_t i = 0; i < sizeof silent / sizeof silent[0]; i++)
		if (strcmp(argv[1], silent[i]) == 0)
			return false;
	return argc < 3 || strcmp(argv[1], "anchor") != 0 || strcmp(argv[2], "refresh") != 0;
}

static void tell_notices(void)
{
	char *line = pga_notices_line();

	if (line != NULL)
		pga_print(stderr, "pganchor: notice: %s\n", line);
	free(line);
}

static int dispatch(int argc, char **argv)
{
	if (argc > 1 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0)) {
		(void)puts(PACKAGE_STRING);
		return PGA_EXIT_DONE;
	}
	return pga_commands_run(&pga_cmd_pganchor, argc, argv);
}

int main(int argc, char **argv)
{
	struct pga_error error;
	int status;

	if (tells_notices(argc, argv))
		tell_notices();
	status = dispatch(argc, argv);

	/* What is lost must not look like a short answer. */
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return status;
	(void)pga_fail_errno(&error, NULL, "could not write to the standard output");
	pga_print_error(&error);
	return PGA_EXIT_FAILED;
}
