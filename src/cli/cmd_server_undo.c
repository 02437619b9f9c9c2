/* pganchor server undo: the last change is put back. */
#include "cli/cmd_server.h"

#include "cli/cli.h"

static const struct pga_option options[] = {
    PGA_SERVER_OFF_OPTIONS(
	"though pg_hba.conf lets some in by hostssl alone, and it has no TLS then"),
};

static int run(int argc, char **argv)
{
	return pga_server_run(&pga_cmd_server_undo, argc, argv, NULL, pga_server_plan_undo);
}

const struct pga_command pga_cmd_server_undo = {
    .name = "server undo",
    .summary = "put back what pganchor server has changed last",
    PGA_SERVER_WORDS,
    .about = "Puts back the last change of pganchor server that is recorded in the data directory, "
	     "or of a SERVICE in your own servers.json; once more, the one before. A setting that "
	     "somebody has changed since stays as it is, "
	     "and that is said.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .statuses = PGA_SERVER_STATUSES("done, or there was nothing to undo"),
    .examples = "  pganchor server undo --data-dir /srv/postgresql/data\n",
    .run = run,
};
