/* pganchor ca: certificate authorities of one's own. */
#include "cli/cmd_ca.h"

#include "cert/lifetime.h"
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
static const struct pga_habit of_step[] = {
    {"bootstrap", "bootstrap"}, {"certificate", "cert issue"}, {"renew", "cert renew"},
    {"revoke", "cert revoke"},  {"root", "bootstrap"},
};

static int run(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof of_step / sizeof of_step[0]; i++)
		if (strcmp(argv[1], of_step[i].word) == 0)
			return pga_no_such_command("", argv[1], of_step[i].meant);
	return pga_commands_run(&pga_cmd_ca, argc, argv);
}

int pga_take_lifetime(void *into, const struct pga_option *option, const char *value)
{
	long *seconds = (long *)((char *)into + option->target);

	if (pga_lifetime_read(value, seconds))
		return PGA_EXIT_DONE;
	return pga_usage_error("ca local", "--%s: %s: no span of time, such as 90d or 12h",
			       option->name, value);
}
