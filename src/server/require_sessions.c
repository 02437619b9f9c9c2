/* Who is connected now, and could not come back once TLS is required. */
#include "server/require.h"

#include "server/require_world.h"
#include "tls/pg_answer.h"

#include <stdlib.h>
#include <string.h>

static int add(struct pga_locked_out *locked_out, const PGresult *rows, int row, bool shut_out,
	       struct pga_error *error)
{
	struct pga_plain_session *more =
	    reallocarray(locked_out->sessions, locked_out->count + 1, sizeof *locked_out->sessions);

	if (more == NULL)
		return pga_fail_memory(error);
	locked_out->sessions = more;
	more = &more[locked_out->count++];
	*more = (struct pga_plain_session){
	    .pid = strdup(pga_pg_value(rows, row, 0)),
	    .kind = strdup(pga_pg_value(rows, row, 1)),
	    .user = strdup(pga_pg_value(rows, row, 2)),
	    .database = strdup(pga_pg_value(rows, row, 3)),
	    .application = strdup(pga_pg_value(rows, row, 4)),
	    .address = strdup(pga_pg_value(rows, row, 5)),
	    .since = strdup(pga_pg_value(rows, row, 6)),
	    .gss = pga_pg_value(rows, row, 7)[0] == 't',
	    .shut_out = shut_out,
	};
	if (more->pid == NULL || more->kind == NULL || more->user == NULL ||
	    more->database == NULL || more->application == NULL || more->address == NULL ||
	    more->since == NULL)
		return pga_fail_memory(error);
	return 0;
}

/* One session: whether it would be let in again as it has come, and if not, with TLS. */
static int judge(struct pga_locked_out *locked_out, const struct pga_hba_tree *tree,
		 const struct pga_hba_world *world, const PGresult *rows, int row,
		 struct pga_error *error)
{
	struct pga_hba_client client = {
	    .user = pga_pg_value(rows, row, 2),
	    .database = pga_pg_value(rows, row, 3),
	    .address = pga_pg_value(rows, row, 5),
	    .way = pga_pg_value(rows, row, 7)[0] == 't' ? PGA_HBA_BY_GSS : PGA_HBA_PLAIN,
	};
	bool came;

	if (pga_hba_admits(tree, world, &client, true))
		return 0;
	client.doubt = true;
	came = pga_hba_admits(tree, world, &client, false);
	client.way = PGA_HBA_BY_TLS;
	return add(locked_out, rows, row, came && !pga_hba_admits(tree, world, &client, true),
		   error);
}

int pga_require_find_locked_out(struct pga_cluster_session *session,
				const struct pga_hba_tree *tree, bool here,
				struct pga_locked_out *locked_out, struct pga_error *error)
{
	struct pga_require_world world;
	PGresult *rows = pga_cluster_ask(
	    session,
	    "SELECT a.pid, a.backend_type, coalesce(a.usename, ''), coalesce(a.datname, ''), "
	    "coalesce(a.application_name, ''), pg_catalog.host(a.client_addr), "
	    "pg_catalog.to_char(a.backend_start AT TIME ZONE 'UTC', "
	    "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), coalesce(g.encrypted, false) "
	    "FROM pg_catalog.pg_stat_activity a "
	    "LEFT JOIN pg_catalog.pg_stat_ssl s USING (pid) "
	    "LEFT JOIN pg_catalog.pg_stat_gssapi g USING (pid) "
	    "WHERE a.client_addr IS NOT NULL AND NOT coalesce(s.ssl, false) "
	    "ORDER BY a.backend_start, a.pid",
	    error);
	int result = rows != NULL ? 0 : -1;

	pga_require_world_begin(&world, session, here);
	for (int i = 0; result == 0 && i < PQntuples(rows); i++)
		result = judge(locked_out, tree, &world.world, rows, i, error);
	if (pga_require_world_end(&world, result == 0 ? error : &world.error) != 0)
		result = -1;
	PQclear(rows);
	return result;
}

void pga_locked_out_free(struct pga_locked_out *locked_out)
{
	for (size_t i = 0; i < locked_out->count; i++) {
		struct pga_plain_session *session = &locked_out->sessions[i];

		free(session->pid);
		free(session->kind);
		free(session->user);
		free(session->database);
		free(session->application);
		free(session->address);
		free(session->since);
	}
	free(locked_out->sessions);
	memset(locked_out, 0, sizeof *locked_out);
}
