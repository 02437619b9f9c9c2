/* pganchor server disable-tls: TLS off, with nobody locked out. */
#include "cli/cmd_server.h"

#include "cli/cli.h"

static const struct pga_option options[] = {
    PGA_SERVER_OFF_OPTIONS("though pg_hba.conf lets some in by hostssl alone"),
};

static int run(int argc, char **argv)
{
	return pga_server_run(&pga_cmd_server_disable_tls, argc, argv, "disable-tls",
			      pga_server_plan_disable);
}

const struct pga_command pga_cmd_server_disable_tls = {
    .name = "server disable-tls",
    .summary = "switch TLS off, with nobody locked out",
    PGA_SERVER_WORDS,
    .about =
	"Says what it costs: which sessions lose their encryption, or do not come back at all. "
	"Where pg_hba.conf lets some in by hostssl, they would be locked out: then nothing is "
	"changed. Then ALTER SYSTEM, a reload, and the server has to answer that it does not "
	"use TLS. A SERVICE that wants TLS itself would be locked out, too.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .statuses = PGA_SERVER_STATUSES("done"),
    .examples = "  pganchor server disable-tls --dry-run --data-dir /srv/postgresql/data\n",
    .run = run,
};
