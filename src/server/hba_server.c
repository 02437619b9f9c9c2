#include "server/hba_server.h"

#include "policy/linked.h"
#include "policy/verdict.h"
#include "server/hba_sql.h"
#include "service/ask.h"
#include "service/check_many.h"

#include <stdlib.h>
#include <string.h>

static void ignore_progress(void *context, size_t done)
{
	(void)context;
	(void)done;
}

static int verify_server(const struct pga_require_wish *wish, struct pga_error *error)
{
	struct pga_checked_service *checked = calloc(1, sizeof *checked);
	int result = -1;

	if (checked == NULL)
		return pga_fail_memory(error);
	checked->name = wish->service;
	if (pga_check_many(checked, 1, wish->policy, wish->pins, ignore_progress, NULL, error) != 0)
		(void)0;
	else if (checked->problem != NULL || !checked->trusted)
		(void)pga_fail(error, "pganchor probe says more",
			       "the server of %s is not verified: %s", wish->service,
			       checked->problem != NULL ? checked->problem
							: "its root is not pinned for it");
	else
		result = 0;
	pga_checked_services_free(checked, 1);
	return result;
}

/* No password goes to a server that is weaker than the policy wants, or not verified. */
static int verify(const struct pga_require_wish *wish, struct pga_error *error)
{
	const char *const keywords[] = {"service", NULL};
	const char *const values[] = {wish->service, NULL};
	const struct pga_parameters parameters = {keywords, values, 0};
	struct pga_effective effective = {0};
	struct pga_verdict verdict;
	int result;

	if (pga_ask(&parameters, &effective, error) != 0)
		return -1;
	pga_effective_trace(&pga_linked_libpq, &parameters, &effective);
	pga_judge(&effective, wish->policy, &verdict);
	result = verdict.allowed && verdict.needs_tls
		     ? verify_server(wish, error)
		     : pga_fail(error, "pganchor service harden makes it verify-full",
				"service %s is weaker than verify-full", wish->service);
	pga_verdict_free(&verdict);
	pga_effective_free(&pga_linked_libpq, &effective);
	return result;
}

PGconn *pga_hba_server_connect(const char *service)
{
	const char *const keywords[] = {"service",    "application_name", "client_encoding",
					"gssencmode", "connect_timeout",  NULL};
	const char *const values[] = {service, "pganchor", "UTF8", "disable", "10", NULL};

	return PQconnectdbParams(keywords, values, 0);
}

char *pga_hba_server_ask(const struct pga_hba_server *server, const char *question,
			 struct pga_error *error)
{
	PGresult *rows = pga_cluster_ask(server->session, question, error);
	char *value = NULL;

	if (rows != NULL) {
		value = strdup(PQntuples(rows) == 1 ? PQgetvalue(rows, 0, 0) : "");
		if (value == NULL)
			(void)pga_fail_memory(error);
	}
	PQclear(rows);
	return value;
}

static int look_around(struct pga_hba_server *server, struct pga_error *error)
{
	if (pga_cluster_command(server->session,
				"SELECT pg_catalog.set_config('search_path', '', false)",
				error) != 0)
		return -1;
	server->seen_from = pga_hba_server_ask(
	    server, "SELECT coalesce(pg_catalog.host(pg_catalog.inet_client_addr()), '')", error);
	if (server->seen_from == NULL)
		return -1;
	server->own = pga_hba_server_ask(
	    server, "SELECT coalesce(pg_catalog.host(pg_catalog.inet_server_addr()), '')", error);
	return server->own != NULL ? 0 : -1;
}

static int log_in(struct pga_hba_server *server, struct pga_error *error)
{
	PGconn *connection = pga_hba_server_connect(server->service);
	const char *said = PQerrorMessage(connection);
	const char *host = PQhostaddr(connection);

	if (PQstatus(connection) != CONNECTION_OK || PQsslInUse(connection) != 1) {
		(void)pga_fail(error, NULL, "could not log in by service %s: %.*s", server->service,
			       (int)strcspn(said, "\n"), said);
		PQfinish(connection);
		return -1;
	}
	server->host = strdup(host[0] != '\0' ? host : PQhost(connection));
	server->user = strdup(PQuser(connection));
	server->database = strdup(PQdb(connection));
	server->port = (unsigned)strtoul(PQport(connection), NULL, 10);
	server->version = PQserverVersion(connection) / 10000;
	server->session = pga_cluster_session_of(connection, error);
	if (server->session == NULL)
		return -1;
	server->source = pga_hba_by_sql(server->session);
	return server->host != NULL && server->user != NULL && server->database != NULL
		   ? look_around(server, error)
		   : pga_fail_memory(error);
}

int pga_hba_server_open(struct pga_hba_server *server, const struct pga_require_wish *wish,
			struct pga_error *error)
{
	memset(server, 0, sizeof *server);
	server->service = wish->service;
	if (wish->service != NULL)
		return verify(wish, error) == 0 ? log_in(server, error) : -1;
	if (pga_cluster_look(&server->cluster, wish->directory, error) != 0)
		return -1;
	server->source = pga_hba_local;
	server->version = server->cluster.version;
	server->port = server->cluster.port;
	return 0;
}

int pga_hba_server_enter(struct pga_hba_server *server, const struct pga_require_wish *wish,
			 struct pga_error *error)
{
	if (server->service != NULL)
		return 0;
	if (server->cluster.postmaster == 0)
		return pga_fail(error, "start it; nothing was changed",
				"the server of %s does not run: it has to look at its rules itself "
				"before they count",
				server->cluster.directory);
	server->session = pga_cluster_enter(&server->cluster, wish->user, error);
	return server->session != NULL ? 0 : -1;
}

void pga_hba_server_close(struct pga_hba_server *server)
{
	pga_cluster_leave(server->session);
	pga_cluster_free(&server->cluster);
	free(server->host);
	free(server->user);
	free(server->database);
	free(server->seen_from);
	free(server->own);
	memset(server, 0, sizeof *server);
}

char *pga_hba_server_file(const struct pga_hba_server *server, const char *name,
			  struct pga_error *error)
{
	struct pga_text path = PGA_TEXT_EMPTY;
	char *directory = server->service == NULL
			      ? strdup(server->cluster.directory)
			      : pga_hba_server_ask(server, "SHOW data_directory", error);
	char *result = NULL;

	if (directory == NULL)
		return NULL;
	pga_text_addf(&path, "%s/%s", directory, name);
	free(directory);
	result = pga_text_take(&path);
	if (result == NULL)
		(void)pga_fail_memory(error);
	return result;
}
