/* pganchor ca: certificate authorities of one's own. */
#include "cli/cmd_ca.h"

#include "cli/cli.h"
#include "cli/commands.h"

#include <stddef.h>
#include <string.h>

static const struct pga_command *const commands[] = {&pga_cmd_ca_local, NULL};

static const struct pga_habit habits[] = {
    {"init", "local"},
    {"dev", "local"},
    {NULL, NULL},
};

static int run(int argc, char **argv);

const struct pga_command pga_cmd_ca = {
    .name = "ca",
    .summary = "a development CA of your own, for localhost",
    .about = "A certificate authority of your own, for the servers on this machine. For those of "
	     "others, pganchor bootstrap pins the CA that there is.",
    .examples = "  pganchor ca local serve /srv/postgresql/data\n",
    .run = run,
    .commands = commands,
    .habits = habits,
};

/* "step ca bootstrap" and others of step's are commands of their own here. */
static const struct {
	const char *word;
	const char *typed;
	const char *meant;
} of_step[] = {
    {"bootstrap", "ca bootstrap", "bootstrap"}, {"certificate", "ca certificate", "cert issue"},
    {"renew", "ca renew", "cert renew"},        {"rekey", "ca rekey", "cert renew --rekey"},
    {"revoke", "ca revoke", "cert revoke"},     {"root", "ca root", "bootstrap"},
};

static int run(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof of_step / sizeof of_step[0]; i++)
		if (strcmp(argv[1], of_step[i].word) == 0)
			return pga_no_such_command("", of_step[i].typed, of_step[i].meant);
	return pga_commands_run(&pga_cmd_ca, argc, argv);
}
