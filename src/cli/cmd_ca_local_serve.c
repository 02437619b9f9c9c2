/* pganchor ca local serve: verify-full to a server on this machine, in one command. */
#include "base/shell_word.h"
#include "base/terminal.h"
#include "cert/local_serve.h"
#include "cli/cli.h"
#include "cli/cmd_ca.h"
#include "cli/cmd_cert.h"
#include "cli/conninfo_word.h"
#include "cli/local_pair_options.h"
#include "password/secret.h"
#include "report/json.h"
#include "tls/x509_text.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAMES_AT_MOST 64

struct asked {
	struct pga_serve_wish wish;
	const char *kind;
	const char *directory;
	bool undo;
	bool json;

	const char *names[NAMES_AT_MOST];
	char *anchor; /* the file with the root, for who connects */
	char *name;   /* by which the certificate is renewed */
};

static int take_name(void *into, const struct pga_option *option, const char *value)
{
	struct asked *asked = into;
	struct pga_local_wish *wish = &asked->wish.pair.wish;

	if (wish->count == NAMES_AT_MOST)
		return pga_usage_error("ca local serve", "--%s: more than %d names", option->name,
				       NAMES_AT_MOST);
	asked->names[wish->count++] = value;
	return PGA_EXIT_DONE;
}

static int print_json(const struct asked *asked, const struct pga_serving *serving)
{
	char not_after[PGA_X509_DATE];
	json_t *proved_at;
	json_t *object;

	(void)pga_x509_date(X509_get0_notAfter(serving->pair.leaf), not_after);
	proved_at = json_array();
	for (size_t i = 0; i < PGA_SERVED_ADDRESSES; i++)
		if (serving->at[i] == PGA_SERVED_PROVED)
			pga_json_add(proved_at, json_string(pga_served_addresses[i]));
	object = json_pack(
	    "{s:o, s:o, s:o, s:o, s:o, s:s, s:b, s:b, s:b, s:b, s:o, s:b}", "directory",
	    pga_json_text(serving->cluster.directory), "certificate",
	    pga_json_text(serving->certificate), "key", pga_json_text(serving->key), "names",
	    pga_cert_names_as_json(serving->pair.leaf), "port",
	    serving->runs ? json_integer((json_int_t)serving->cluster.port) : json_null(),
	    "not_after", not_after, "issued", (int)!serving->pair.kept, "configured",
	    (int)serving->altered, "running", (int)serving->runs, "proved", (int)serving->proved,
	    "proved_at", proved_at, "dry_run", (int)asked->wish.dry_run);
	return pga_json_print(object, PGA_EXIT_DONE);
}

static void print_certificate(const struct asked *asked, const struct pga_serving *serving)
{
	const bool dry_run = asked->wish.dry_run;
	char not_after[PGA_X509_DATE];

	(void)pga_x509_date(X509_get0_notAfter(serving->pair.leaf), not_after);
	pga_print(stdout, "%s, valid to %s\n    %s\n    %s\n",
		  serving->pair.kept ? "The server's certificate is there already"
		  : dry_run          ? "Would issue the server's certificate"
				     : "Issued the server's certificate",
		  not_after, serving->certificate, serving->key);
	if (serving->altered)
		pga_print(stdout,
			  "%s ssl, ssl_cert_file%s and ssl_key_file in %s/postgresql.auto.conf\n",
			  dry_run ? "Would set" : "Set", asked->wish.clients ? ", ssl_ca_file" : "",
			  serving->cluster.directory);
}

/* To which addresses the name leads is the machine's to say, and who listens there is another
 * matter: each is looked at. */
static void print_proof(const struct pga_serving *serving)
{
	const unsigned port = serving->cluster.port;

	pga_print(stdout, "Proved: localhost:%u shows it, and sslmode=verify-full takes it\n",
		  port);
	for (size_t i = 0; i < PGA_SERVED_ADDRESSES; i++) {
		const char *address = pga_served_addresses[i];

		if (serving->at[i] == PGA_SERVED_BY_OTHER)
			pga_print_warning("%s, port %u: another certificate is shown there, and "
					  "verify-full does not take it: another server listens on "
					  "that address",
					  address, port);
		else
			pga_print(stdout, "    %s: %s\n", address,
				  serving->at[i] == PGA_SERVED_PROVED ? "so does this address"
								      : "nothing listens there");
	}
}

/* What works as it stands: a new server has no database of the user's name, but this one. The user
 * knows the port of a server that does not run. */
static void print_next(const struct asked *asked, const struct pga_serving *serving)
{
	struct pga_text conninfo = PGA_TEXT_EMPTY;
	struct pga_text word = PGA_TEXT_EMPTY;
	struct pga_text port = PGA_TEXT_EMPTY;

	if (serving->runs)
		pga_text_addf(&port, "%u", serving->cluster.port);
	else
		pga_text_add(&port, "PORT");
	pga_conninfo_add("host", "localhost", &conninfo);
	pga_conninfo_add("port", pga_text_string(&port), &conninfo);
	pga_conninfo_add("dbname", "postgres", &conninfo);
	pga_conninfo_add("sslmode", "verify-full", &conninfo);
	(void)puts("next:");
	if (asked->anchor != NULL) {
		pga_conninfo_add("sslrootcert", asked->anchor, &conninfo);
		pga_text_add_shell_word(&word, pga_text_string(&conninfo));
		pga_print(stdout,
			  "    psql %s\n"
			  "    pganchor service add local --host localhost --port %s "
			  "--dbname postgres\n",
			  pga_text_string(&word), pga_text_string(&port));
	}
	if (asked->name != NULL)
		pga_print(stdout, "    pganchor cert timer enable %s\n", asked->name);
	pga_text_free(&word);
	pga_text_add_shell_word(&word, serving->cluster.directory);
	pga_print(stdout, "    pganchor ca local serve --undo %s\n", pga_text_string(&word));
	pga_text_free(&conninfo);
	pga_text_free(&word);
	pga_text_free(&port);
}

static void print_text(const struct asked *asked, const struct pga_serving *serving)
{
	print_certificate(asked, serving);
	if (serving->proved)
		print_proof(serving);
	else if (!serving->runs)
		pga_print(stdout,
			  "The server does not run: from its next start on, it shows it. The same "
			  "command proves it then\n");
	if (asked->wish.dry_run)
		(void)puts("This was a dry run: nothing was changed.");
	else
		print_next(asked, serving);
}

/* The user's own is made where there is none yet; that of a directory has to be there. */
static int find_ca(struct asked *asked, struct pga_local_ca *ca, struct pga_error *error)
{
	const struct pga_local_ca_wish wish = {.lifetime = PGA_LOCAL_CA_LIFETIME,
					       .dry_run = asked->wish.dry_run};
	struct pga_local_ca_made made;

	if (asked->directory == NULL && geteuid() == 0 && getenv("SUDO_USER") != NULL)
		pga_print_warning(
		    "the CA is root's, and root alone trusts it: --ca DIRECTORY takes "
		    "that of the user who connects");
	if (pga_local_ca_open(ca, asked->directory, error) != 0)
		return -1;
	if (asked->directory != NULL)
		return ca->found ? 0 : pga_fail_no_local_ca(ca, error);
	if (pga_ca_local_ensure(ca, &wish, &made, error) != 0)
		return -1;
	pga_print_ca_local(asked->json ? stderr : stdout, ca, &made, asked->wish.dry_run, false);
	asked->anchor = strdup(made.anchoring.crt.path);
	pga_local_ca_made_free(&made);
	return asked->anchor != NULL ? 0 : pga_fail_memory(error);
}

/* "local-15_main" of /var/lib/postgresql/15/main, since a name has no "/". */
static char *know(const struct asked *asked, const struct pga_serving *serving)
{
	const struct pga_cluster *cluster = &serving->cluster;
	struct pga_text name = PGA_TEXT_EMPTY;
	const char *end = strrchr(cluster->directory, '/');
	char *known_as = NULL;

	while (end > cluster->directory && end[-1] != '/')
		end--;
	pga_text_addf(&name, "local-%s", end);
	const struct pga_local_known known = {.name = pga_text_string(&name),
					      .certificate = serving->certificate,
					      .key = serving->key,
					      .server = true,
					      .directory = asked->directory,
					      .port = serving->runs ? cluster->port : 0,
					      .data = cluster->directory,
					      .leaf = serving->pair.leaf,
					      .fresh = !serving->pair.kept};
	if (!asked->wish.dry_run)
		known_as = pga_ca_local_know(&known);
	pga_text_free(&name);
	return known_as;
}

/* Whoever may change the directory has another CA, or none. */
static void tell_own_ca(const struct pga_cluster *cluster, struct pga_error *error)
{
	if (cluster->directory != NULL && geteuid() != 0 && geteuid() != cluster->owner)
		(void)snprintf(error->hint, sizeof error->hint,
			       "run it as that user or as root, such as with sudo; there, --ca "
			       "DIRECTORY takes your own CA");
}

static int act(struct asked *asked)
{
	struct pga_serving serving = {.runs = false};
	struct pga_local_ca ca = {.found = false};
	struct pga_cluster cluster;
	struct pga_error error;
	int status = PGA_EXIT_FAILED;

	/* No CA is made for what is none. */
	if (pga_cluster_look(&cluster, asked->wish.directory, &error) != 0) {
		tell_own_ca(&cluster, &error);
		pga_print_error(&error);
	} else if (find_ca(asked, &ca, &error) != 0 ||
		   pga_local_serve(&ca, &asked->wish, &serving, &error) != 0) {
		pga_print_error(&error);
	} else {
		status = PGA_EXIT_DONE;
		asked->name = know(asked, &serving);
		if (serving.cluster.left)
			pga_print_warning("%s/postmaster.pid is there, and no such process: the "
					  "server has crashed, or runs in a container, and has to "
					  "be started again",
					  serving.cluster.directory);
		if (asked->json)
			status = print_json(asked, &serving);
		else
			print_text(asked, &serving);
	}
	pga_cluster_free(&cluster);
	pga_serving_free(&serving);
	pga_local_ca_free(&ca);
	free(asked->anchor);
	free(asked->name);
	return status;
}

static const struct pga_option options[] = {
    {.name = "host",
     .kind = PGA_OPTION_TAKEN,
     .argument = "NAME",
     .take = take_name,
     .help = "one more name or address that the certificate is for, such as app.test; as often as "
	     "there are"},
    {.name = "user",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct asked, wish.user),
     .argument = "NAME",
     .help = "the superuser of a server that runs; the owner of the directory or PGUSER, and "
	     "postgres, if left out"},
    PGA_LOCAL_PAIR_OPTIONS(struct asked, wish.pair.wish.lifetime, kind, directory),
    {.name = "clients",
     .target = offsetof(struct asked, wish.clients),
     .help = "have the server take clients' certificates of the local CA, too (ssl_ca_file): for "
	     "those of ca local issue --for client, and clientcert=verify-full in pg_hba.conf"},
    {.name = "replace",
     .target = offsetof(struct asked, wish.replace),
     .help = "though the server shows a certificate of another CA, or takes those of its clients"},
    {.name = "undo",
     .target = offsetof(struct asked, undo),
     .help = "put back what was there before, and take the pair away"},
    {.name = "dry-run",
     .letter = 'n',
     .target = offsetof(struct asked, wish.dry_run),
     .help = "do everything but write, and say what would be written"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct asked, json),
     .help = "report in JSON"},
};

static int run(int argc, char **argv)
{
	struct asked asked = {
	    .wish = {.pair = {.wish = {.server = true, .count = 3, .lifetime = PGA_LOCAL_LIFETIME},
			      .keep = true}},
	    .names = {"localhost", "127.0.0.1", "::1"}};
	struct pga_local_pair_wish *pair = &asked.wish.pair;
	int status;

	pair->wish.names = asked.names;
	if (!pga_options_read(&pga_cmd_ca_local_serve, argc, argv, &asked, &status))
		return status;
	pga_secret_hide_process();
	if (asked.undo) {
		if (pair->wish.count > 3 || asked.kind != NULL || asked.directory != NULL ||
		    asked.wish.clients || asked.wish.replace)
			return pga_usage_error("ca local serve",
					       "--undo: with --user, --dry-run and --json alone");
		return pga_ca_local_undo(argv[optind], asked.wish.user, asked.wish.dry_run,
					 asked.json);
	}
	pair->kind = asked.kind != NULL ? pga_key_kind_of(asked.kind) : PGA_KEY_EC;
	if (pair->kind == PGA_KEY_KINDS)
		return pga_usage_error("ca local serve", "--key: %s: none of ec, rsa and ed25519",
				       asked.kind);
	if (pair->wish.lifetime > PGA_LOCAL_LONGEST || pair->wish.lifetime < PGA_LOCAL_SHORTEST)
		return pga_usage_error("ca local serve",
				       "--lifetime: a certificate is valid for 1m to 397d");
	asked.wish.directory = argv[optind];
	return act(&asked);
}

const struct pga_command pga_cmd_ca_local_serve = {
    .name = "ca local serve",
    .summary = "verify-full to a PostgreSQL server here",
    .usage = "DATA-DIRECTORY [OPTION ...]",
    .about =
	"Gives the server of this data directory a certificate of the local CA, which is made "
	"where there is none yet, for localhost, 127.0.0.1 and ::1. The pair goes into the "
	"data directory, beside what is there. A server that runs is set to it by ALTER SYSTEM, "
	"loads it, and has to show it in a verify-full handshake: where it does not, all is put "
	"back as it was. Of one that does not run, the configuration is written "
	"(postgresql.auto.conf). A second time changes nothing, and proves it again. --undo puts "
	"back what was there before, byte for byte where nobody else has changed it since.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .word = "the data directory of a server",
    .least = 1,
    .most = 1,
    .names = PGA_NAMES_DIRECTORY,
    .statuses = "Exit status: 0 done; 1 failed: nothing was changed, or what is said; 2 usage.",
    .examples = "  pganchor ca local serve /srv/postgresql/data\n"
		"  sudo pganchor ca local serve --ca ~/.config/pganchor/local-ca "
		"/var/lib/postgresql/15/main\n"
		"  pganchor ca local serve --undo /srv/postgresql/data\n",
    .run = run,
};
