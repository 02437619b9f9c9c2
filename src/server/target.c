#include "server/target.h"

#include "server/alone.h"
#include "base/text.h"
#include "tls/server_chain.h"
#include "tls/pg_answer.h"

#include <libpq-fe.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <stdlib.h>
#include <string.h>

/* The first of listen_addresses, a list with commas; one that stands for all is "localhost". */
static char *first_address(const char *list)
{
	const size_t length = strcspn(list, ", ");
	char *one = strndup(list, length);

	if (one == NULL)
		return NULL;
	if (strcmp(one, "*") == 0 || strcmp(one, "0.0.0.0") == 0 || strcmp(one, "::") == 0) {
		free(one);
		return strdup("localhost");
	}
	return one;
}

int pga_server_target_find_host(struct pga_server_target *target, struct pga_error *error)
{
	PGresult *rows = pga_cluster_ask(target->session,
					 "SELECT setting FROM pg_catalog.pg_settings WHERE name = "
					 "'listen_addresses'",
					 error);

	if (rows == NULL)
		return -1;
	target->host = first_address(PQntuples(rows) == 1 ? pga_pg_value(rows, 0, 0) : "");
	PQclear(rows);
	return target->host != NULL ? 0 : pga_fail_memory(error);
}

int pga_server_target_open(struct pga_server_target *target, const char *directory,
			   const char *user, bool may_be_stopped, struct pga_error *error)
{
	memset(target, 0, sizeof *target);
	if (pga_cluster_look(&target->cluster, directory, error) != 0)
		return -1;
	if (target->cluster.postmaster == 0)
		return may_be_stopped
			   ? 0
			   : pga_fail(error,
				      "start it: what is changed has to be proved. Where its log "
				      "says that its TLS keeps it from that, pganchor server undo "
				      "--data-dir puts back what was changed, and pg_ctl -o '-c "
				      "ssl=off' start starts it without",
				      "%s: its server does not run", target->cluster.directory);
	target->session = pga_cluster_enter(&target->cluster, user, error);
	if (target->session == NULL)
		return -1;
	return pga_server_target_find_host(target, error);
}

int pga_server_identify(struct pga_cluster_session *session, char **system, char **directory,
			unsigned *port, struct pga_error *error)
{
	PGresult *row = pga_cluster_ask(
	    session,
	    "SELECT system_identifier, pg_catalog.current_setting('data_directory'), "
	    "pg_catalog.current_setting('port') FROM pg_catalog.pg_control_system()",
	    error);
	int result = -1;

	if (row == NULL)
		return -1;
	if (PQntuples(row) != 1 || PQnfields(row) != 3) {
		(void)pga_fail(error, NULL, "the server does not say which one it is");
	} else {
		*system = strdup(pga_pg_value(row, 0, 0));
		*directory = strdup(pga_pg_value(row, 0, 1));
		*port = (unsigned)strtoul(pga_pg_value(row, 0, 2), NULL, 10);
		result = *system != NULL && *directory != NULL ? 0 : pga_fail_memory(error);
	}
	PQclear(row);
	return result;
}

static bool is_by_socket(const struct pga_service_login *login)
{
	return login->host[0] == '/' || login->host[0] == '@';
}

/* Where a handshake shows what it has come to. */
static int find_way(struct pga_server_target *target, const char *where, unsigned port,
		    struct pga_error *error)
{
	const struct pga_service_login *login = &target->login;

	target->cluster.port = is_by_socket(login) ? port : login->port;
	if (is_by_socket(login) && where == NULL)
		return pga_server_target_find_host(target, error);
	target->host = strdup(is_by_socket(login) ? where : login->host);
	return target->host != NULL ? 0 : pga_fail_memory(error);
}

int pga_server_target_lock(const struct pga_service_login *login, struct pga_error *error)
{
	struct pga_text server = PGA_TEXT_EMPTY;
	int result;

	pga_text_addf(&server, "service %s", login->service);
	result = pga_server_alone_at(login->session, pga_text_string(&server), error);
	pga_text_free(&server);
	return result;
}

/* Whoever is to switch TLS on cannot be helped by what needs it. */
static int fail_without_tls(const char *hint, const struct pga_error *why, struct pga_error *error)
{
	struct pga_text both = PGA_TEXT_EMPTY;

	pga_text_add(&both, hint);
	pga_text_add(&both,
		     "; and where TLS is off, name a service with host=/DIRECTORY of its "
		     "Unix-domain socket, which ssh -NL "
		     "/DIRECTORY/.s.PGSQL.5432:/run/postgresql/.s.PGSQL.5432 HOST brings "
		     "here, into a directory of your own (mkdir -m 700). Nothing was changed");
	(void)pga_fail(error, both.failed ? NULL : pga_text_string(&both), "%s", why->message);
	pga_text_free(&both);
	return -1;
}

int pga_server_target_open_service(struct pga_server_target *target, const char *service,
				   const char *where, const struct pga_policy *policy,
				   const struct pga_pins *pins, struct pga_error *error)
{
	unsigned port = 0;
	struct pga_error why;
	int result;

	memset(target, 0, sizeof *target);
	result = pga_service_login(&target->login, service, policy, pins, true, &why);
	target->session = target->login.session;
	if (result == PGA_SERVICE_UNVERIFIED)
		return fail_without_tls("pganchor probe says more", &why, error);
	if (result == PGA_SERVICE_TOO_WEAK)
		return fail_without_tls(why.hint, &why, error);
	if (result != 0) {
		*error = why;
		return -1;
	}
	if (!target->login.superuser)
		return pga_fail(error,
				"name a service whose user is one: ALTER SYSTEM and what the "
				"server's files are is for superusers; nothing was changed",
				"user %s of service %s is no superuser", target->login.user,
				service);
	return pga_server_identify(target->session, &target->system, &target->cluster.directory,
				   &port, error) == 0
		   ? find_way(target, where, port, error)
		   : -1;
}

void pga_server_target_close(struct pga_server_target *target)
{
	if (target->login.service != NULL)
		pga_service_leave(&target->login);
	else
		pga_cluster_leave(target->session);
	pga_cluster_free(&target->cluster);
	free(target->system);
	free(target->host);
	memset(target, 0, sizeof *target);
}

const char *pga_server_target_address(const struct pga_server_target *target)
{
	const struct pga_service_login *login = &target->login;

	return login->service != NULL && !is_by_socket(login) && login->address[0] != '\0'
		   ? login->address
		   : target->host;
}

static int ask(const struct pga_server_target *target, const char *name, char leaf[65],
	       struct pga_server_said *said, struct pga_error *error)
{
	const struct pga_server server = {.host = name,
					  .port = target->cluster.port,
					  .address = pga_server_target_address(target),
					  .way = PGA_SERVER_REQUESTED,
					  .connect_timeout = 5000,
					  .max_time = 10000};
	unsigned char sum[EVP_MAX_MD_SIZE];
	STACK_OF(X509) *chain = NULL;
	unsigned length = 0;
	int result = -1;

	leaf[0] = '\0';
	if (pga_server_chain(&server, &chain, said, error) != 0) {
		result = said->without ? 0 : -1;
	} else if (X509_digest(sk_X509_value(chain, 0), EVP_sha256(), sum, &length) == 1) {
		pga_hex(sum, length, leaf);
		result = 1;
	} else {
		(void)pga_fail_memory(error);
	}
	sk_X509_pop_free(chain, X509_free);
	ERR_clear_error();
	return result;
}

int pga_server_target_shows(const struct pga_server_target *target, char leaf[65],
			    struct pga_error *error)
{
	struct pga_server_said said = {.without = false};
	const int result = ask(target, target->host, leaf, &said, error);

	return result < 0 && target->by_name && said.postgresql ? 1 : result;
}

int pga_server_target_shows_to(const struct pga_server_target *target, const char *name,
			       char leaf[65], struct pga_error *error)
{
	struct pga_server_said said = {.without = false};

	/* No name goes out for an address, whichever that is. */
	return ask(target, name != NULL ? name : "127.0.0.1", leaf, &said, error);
}
