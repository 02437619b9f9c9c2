/* pganchor server undo: the last change is put back. */
#include "cli/cmd_server.h"

#include "cli/cli.h"

static const struct pga_option options[] = {
    {.name = "lock-out",
     .target = offsetof(struct pga_asked_server, wish.lock_out),
     .help = "though pg_hba.conf lets some in by hostssl alone, and it has no TLS then"},
    PGA_SERVER_HOST_OPTION("of a SERVICE that leads to a socket: where the server is reached over "
			   "TCP"),
    PGA_SERVER_OPTIONS,
};

static int run(int argc, char **argv)
{
	struct pga_asked_server asked = {.dry_run = false};
	int status;

	if (!pga_server_read(&pga_cmd_server_undo, argc, argv, &asked, &status))
		return status;
	return pga_server_act(&pga_cmd_server_undo, &asked, NULL, pga_server_plan_undo);
}

const struct pga_command pga_cmd_server_undo = {
    .name = "server undo",
    .summary = "put back what pganchor server has changed last",
    .usage = "--data-dir DIRECTORY [OPTION ...]\nSERVICE [OPTION ...]",
    .about = "Puts back the last change of pganchor server that is recorded in the data directory, "
	     "or of a SERVICE in your own servers.json; once more, the one before. A setting that "
	     "somebody has changed since stays as it is, "
	     "and that is said.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .word = "the name of a service",
    .most = 1,
    .names = PGA_NAMES_SERVICE,
    .statuses = "Exit status: 0 done, or there was nothing to undo; 1 failed: nothing was changed, "
		"or what is said; 2 usage, and where there is no terminal to ask on.",
    .examples = "  pganchor server undo --data-dir /srv/postgresql/data\n",
    .run = run,
};
