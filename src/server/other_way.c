#include "server/other_way.h"

#include "tls/pg_answer.h"

#include <stdlib.h>

static bool is_there(struct pga_cluster_session *session, const char *question)
{
	struct pga_error ignored;
	PGresult *rows = pga_cluster_ask(session, question, &ignored);
	const bool there = rows != NULL && PQntuples(rows) == 1 && !PQgetisnull(rows, 0, 0);

	PQclear(rows);
	return there;
}

/* Which it is that counts is seen on the server. */
static void look_into_directory(struct pga_server_work *work)
{
	struct pga_cluster_session *session = work->target.session;

	if (is_there(session, "SELECT (pg_catalog.pg_stat_file('" PGA_HBA_BEFORE "', true)).size"))
		work->other_file = PGA_HBA_BEFORE;
	else if (is_there(session,
			  "SELECT (pg_catalog.pg_stat_file('" PGA_SERVER_RECORD "', true)).size"))
		work->other_file = PGA_SERVER_RECORD;
}

/* Of this user, and this server. */
static void look_for_services(struct pga_server_work *work)
{
	struct pga_servers_entry entry = {.service = ""};
	struct pga_error ignored;
	json_t *changes = NULL;
	char *system = NULL;
	char *directory = NULL;
	unsigned port;

	if (pga_server_identify(work->target.session, &system, &directory, &port, &ignored) == 0) {
		entry.system = system;
		entry.directory = directory;
		(void)pga_servers_read(&entry, &changes, NULL, &work->record.other, &ignored);
	}
	json_decref(changes);
	free(system);
	free(directory);
}

void pga_server_find_other_way(struct pga_server_work *work)
{
	if (work->target.session == NULL || work->record.other != NULL)
		return;
	if (work->target.login.service != NULL)
		look_into_directory(work);
	else
		look_for_services(work);
}
