/* pganchor ca: certificate authorities of one's own. */
#include "cli/cmd_ca.h"

#include "cert/lifetime.h"
#include "cli/cli.h"
#include "cli/commands.h"

#include <stddef.h>

static const struct pga_command *const commands[] = {&pga_cmd_ca_local, NULL};

static const struct pga_habit habits[] = {
    {"bootstrap", "local, or pganchor bootstrap"},
    {"root", "pganchor anchor list"},
    {"init", "local"},
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

static int run(int argc, char **argv)
{
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
