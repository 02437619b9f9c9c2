/* pganchor server disable-tls: TLS off, with nobody locked out. */
#include "cli/cmd_server.h"

#include "cli/cli.h"

static const struct pga_option options[] = {
    {.name = "lock-out",
     .target = offsetof(struct pga_asked_server, wish.lock_out),
     .help = "though pg_hba.conf lets some in by hostssl alone"},
    PGA_SERVER_HOST_OPTION("of a SERVICE that leads to a socket: where the server is reached over "
			   "TCP"),
    PGA_SERVER_OPTIONS,
};

static int run(int argc, char **argv)
{
	struct pga_asked_server asked = {.dry_run = false};
	int status;

	if (!pga_server_read(&pga_cmd_server_disable_tls, argc, argv, &asked, &status))
		return status;
	return pga_server_act(&pga_cmd_server_disable_tls, &asked, "disable-tls",
			      pga_server_plan_disable);
}

const struct pga_command pga_cmd_server_disable_tls = {
    .name = "server disable-tls",
    .summary = "switch TLS off, with nobody locked out",
    .usage = "--data-dir DIRECTORY [OPTION ...]\nSERVICE [OPTION ...]",
    .about =
	"Says what it costs: which sessions lose their encryption, or do not come back at all. "
	"Where pg_hba.conf lets some in by hostssl, they would be locked out: then nothing is "
	"changed. Then ALTER SYSTEM, a reload, and the server has to answer that it does not "
	"use TLS. A SERVICE that wants TLS itself would be locked out, too.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .word = "the name of a service",
    .most = 1,
    .names = PGA_NAMES_SERVICE,
    .statuses = "Exit status: 0 done; 1 failed: nothing was changed, or what is said; 2 usage, and "
		"where there is no terminal to ask on.",
    .examples = "  pganchor server disable-tls --dry-run --data-dir /srv/postgresql/data\n",
    .run = run,
};
