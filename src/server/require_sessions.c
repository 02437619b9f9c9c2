/* Who is connected now, and could not come back once TLS is required. */
#include "server/require.h"

#include <stdlib.h>
#include <string.h>

/* Whether a rule stays that lets the machine's own in without TLS. */
static bool lets_loopback_in(const struct pga_hba_tree *tree)
{
	for (size_t i = 0; i < tree->place_count; i++) {
		const struct pga_hba_line *line = pga_hba_tree_line(tree, i);

		if (pga_hba_lets_plain_in(line) && !pga_hba_is_remote(line))
			return true;
	}
	return false;
}

static bool lets_gss_in(const struct pga_hba_tree *tree)
{
	for (size_t i = 0; i < tree->place_count; i++) {
		const struct pga_hba_line *line = pga_hba_tree_line(tree, i);

		if (line->kind == PGA_HBA_RULE && line->type == PGA_HBA_HOSTGSSENC &&
		    strcmp(line->method->value, "reject") != 0)
			return true;
	}
	return false;
}

static bool is_loopback(const char *address)
{
	return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

static int add(struct pga_requiring *requiring, const PGresult *rows, int row,
	       struct pga_error *error)
{
	struct pga_plain_session *more =
	    realloc(requiring->locked_out,
		    (requiring->locked_out_count + 1) * sizeof *requiring->locked_out);

	if (more == NULL)
		return pga_fail_memory(error);
	requiring->locked_out = more;
	more = &more[requiring->locked_out_count++];
	*more = (struct pga_plain_session){
	    .pid = strdup(PQgetvalue(rows, row, 0)),
	    .kind = strdup(PQgetvalue(rows, row, 1)),
	    .user = strdup(PQgetvalue(rows, row, 2)),
	    .database = strdup(PQgetvalue(rows, row, 3)),
	    .application = strdup(PQgetvalue(rows, row, 4)),
	    .address = strdup(PQgetvalue(rows, row, 5)),
	    .since = strdup(PQgetvalue(rows, row, 6)),
	    .gss = PQgetvalue(rows, row, 7)[0] == 't',
	};
	if (more->pid == NULL || more->kind == NULL || more->user == NULL ||
	    more->database == NULL || more->application == NULL || more->address == NULL ||
	    more->since == NULL)
		return pga_fail_memory(error);
	return 0;
}

int pga_require_find_locked_out(struct pga_requiring *requiring, struct pga_error *error)
{
	PGresult *rows = pga_cluster_ask(
	    requiring->session,
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
	const bool loopback = lets_loopback_in(&requiring->tree);
	const bool gss = lets_gss_in(&requiring->tree);
	int result = rows != NULL ? 0 : -1;

	for (int i = 0; result == 0 && i < PQntuples(rows); i++) {
		if (loopback && is_loopback(PQgetvalue(rows, i, 5)))
			continue;
		if (gss && PQgetvalue(rows, i, 7)[0] == 't')
			continue;
		result = add(requiring, rows, i, error);
	}
	PQclear(rows);
	return result;
}
