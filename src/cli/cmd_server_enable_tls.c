/* pganchor server enable-tls: TLS on, proved. */
#include "cli/cmd_server.h"

#include "base/path.h"
#include "base/terminal.h"
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

static const struct pga_option options[] = {
    {.name = "cert",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct pga_asked_server, wish.certificate),
     .argument = "FILE",
     .names = PGA_NAMES_FILE,
     .help =
	 "its certificate (PEM, with its chain), which it uses where it is; the one that is set "
	 "(server.crt in the data directory) if left out; of a SERVICE, a path at the server"},
    {.name = "key",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct pga_asked_server, wish.key),
     .argument = "FILE",
     .names = PGA_NAMES_FILE,
     .help = "and its private key"},
    PGA_SERVER_HOST_OPTION("how clients call the server, which the certificate has to name; as "
			   "often as there are"),
    {.name = "ciphers",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct pga_asked_server, wish.ciphers),
     .argument = "LIST",
     .help = "ssl_ciphers, for TLS 1.2"},
    {.name = "tls13-ciphers",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct pga_asked_server, wish.tls13),
     .argument = "LIST",
     .help = "ssl_tls13_ciphers, of PostgreSQL 18 and later; \"\" for OpenSSL's own"},
    {.name = "groups",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct pga_asked_server, wish.groups),
     .argument = "LIST",
     .help = "ssl_groups, the key exchanges, of PostgreSQL 18 and later"},
    {.name = "min-version",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct pga_asked_server, wish.min),
     .argument = "VERSION",
     .help = "ssl_min_protocol_version: TLSv1.2 or TLSv1.3"},
    {.name = "max-version",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct pga_asked_server, wish.max),
     .argument = "VERSION",
     .help = "ssl_max_protocol_version: TLSv1.2, TLSv1.3, or \"\" for no bound"},
    PGA_SERVER_OPTIONS,
};

/* The server resolves a path by its data directory, and whoever types it by the present one. */
static int make_absolute(struct pga_server_wish *wish, const char **path, char **kept)
{
	struct pga_real_path real;
	struct pga_error error;

	if (*path == NULL)
		return PGA_EXIT_DONE;
	if (pga_real_path(&real, *path, &error) != 0 && !real.leads_outside)
		wish->linked_by_others = true;
	pga_real_path_free(&real);
	*kept = realpath(*path, NULL);
	if (*kept == NULL) {
		(void)pga_fail_errno(&error, "nothing was changed", "%s", *path);
		pga_print_error(&error);
		return PGA_EXIT_FAILED;
	}
	*path = *kept;
	return PGA_EXIT_DONE;
}

static bool is_version(const char *version, bool may_be_empty)
{
	return version == NULL || strcmp(version, "TLSv1.2") == 0 ||
	       strcmp(version, "TLSv1.3") == 0 || (may_be_empty && version[0] == '\0');
}

static int check_words(const struct pga_server_wish *wish)
{
	if ((wish->certificate == NULL) != (wish->key == NULL))
		return pga_usage_error("server enable-tls", "--cert and --key: both, or neither");
	if (!is_version(wish->min, false) || !is_version(wish->max, true))
		return pga_usage_error("server enable-tls",
				       "--min-version, --max-version: none of TLSv1.2 and TLSv1.3");
	return PGA_EXIT_DONE;
}

static int run(int argc, char **argv)
{
	struct pga_asked_server asked = {.dry_run = false};
	struct pga_server_wish *wish = &asked.wish;
	int status;

	if (!pga_server_read(&pga_cmd_server_enable_tls, argc, argv, &asked, &status))
		return status;
	status = check_words(wish);
	if (status == PGA_EXIT_DONE && wish->service == NULL)
		status = make_absolute(wish, &wish->certificate, &asked.certificate);
	if (status == PGA_EXIT_DONE && wish->service == NULL)
		status = make_absolute(wish, &wish->key, &asked.key);
	if (status == PGA_EXIT_DONE)
		status = pga_server_act(&pga_cmd_server_enable_tls, &asked, "enable-tls",
					pga_server_plan_enable);
	free(asked.certificate);
	free(asked.key);
	return status;
}

const struct pga_command pga_cmd_server_enable_tls = {
    .name = "server enable-tls",
    .summary = "switch TLS on, and prove it by a handshake",
    PGA_SERVER_WORDS,
    .about =
	"Checks what the server will be given, as it would itself: mode and owner of the key, that "
	"it is the certificate's, dates, purpose, chain, names, ciphers and versions. Then ALTER "
	"SYSTEM, a reload, and a handshake that has to show this very certificate: where it does "
	"not, all is put back, since every view of the server says that all is well even then.\n\n"
	"Nobody is locked out by it, and nobody is made to use TLS.\n\n"
	"Of a SERVICE, whose user has to be a superuser, the server is verified before, or reached "
	"by a Unix-domain socket. No file is written there, and of the key no byte is read: both "
	"files have to be at the server already. Afterwards the service has to get in once more.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .statuses = PGA_SERVER_STATUSES("done"),
    .examples =
	"  pganchor server enable-tls --dry-run --data-dir /srv/postgresql/data\n"
	"  pganchor server enable-tls --data-dir /srv/postgresql/data --host db.example.com\n",
    .run = run,
};
