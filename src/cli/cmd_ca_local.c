/* pganchor ca local: a development CA of one's own. */
#include "cli/cmd_ca.h"

#include "base/terminal.h"
#include "cert/record.h"
#include "cli/bootstrap_copy.h"
#include "cli/cli.h"
#include "cli/commands.h"

#include <stddef.h>
#include <string.h>

static const struct pga_command *const commands[] = {
    &pga_cmd_ca_local_create,
    &pga_cmd_ca_local_issue,
    &pga_cmd_ca_local_serve,
    &pga_cmd_ca_local_remove,
    NULL,
};

static const struct pga_habit habits[] = {
    {"init", "create"},      {"make", "create"},   {"install", "create"},
    {"new", "create"},       {"show", "create"},   {"rm", "remove"},
    {"uninstall", "remove"}, {"delete", "remove"}, {"sign", "issue"},
    {"renew", "create"},     {NULL, NULL},
};

static int run(int argc, char **argv);

const struct pga_command pga_cmd_ca_local = {
    .name = "ca local",
    .summary = "a CA for localhost: create, issue, serve, remove",
    .about =
	"A development CA of your own. Critical name constraints bind it to " PGA_LOCAL_CA_SIGNS_FOR
	": whoever gets at its key can be no other host to anybody. It is pinned as an anchor "
	"that is valid for these hosts alone, and never put into the system's store or a "
	"browser's.\n\n"
	"Without a COMMAND, it is created, as by create.",
    .examples = "  pganchor ca local\n"
		"  pganchor ca local serve /srv/postgresql/data\n",
    .run = run,
    .commands = commands,
    .habits = habits,
};

/* Options alone are those of create. */
static bool is_create(int argc, char **argv)
{
	return argc < 2 ||
	       (argv[1][0] == '-' && strcmp(argv[1], "--help") != 0 && strcmp(argv[1], "-h") != 0);
}

static int run(int argc, char **argv)
{
	if (is_create(argc, argv))
		return pga_cmd_ca_local_create.run(argc, argv);
	return pga_commands_run(&pga_cmd_ca_local, argc, argv);
}

int pga_ca_local_ensure(struct pga_local_ca *ca, const struct pga_local_ca_wish *wish,
			struct pga_local_ca_made *made, struct pga_error *error)
{
	struct pga_followed_copy copy = {.possible = false};
	int result;

	if (!wish->dry_run)
		pga_followed_copy_begin(&copy);
	result = pga_local_ca_make(ca, wish, made, error);
	pga_followed_copy_end(&copy);
	return result;
}

char *pga_ca_local_know(const struct pga_local_known *known)
{
	struct pga_error error;
	char *name;

	if (pga_local_record_put(known, &name, &error) == 0)
		return name;
	pga_print_warning("%s: it will not be renewed by itself, since %s could not be written: %s",
			  known->certificate, PGA_CERTS_FILE, error.message);
	return NULL;
}
