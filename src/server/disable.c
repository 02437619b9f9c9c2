/* TLS off: the plan, and who is in the way of it. */
#include "server/change.h"

#include "base/text.h"

#include <libpq-fe.h>

#include <stdlib.h>
#include <string.h>

/* Of those in the way, so many are named. */
#define NAMED 5

/* The columns are there in every release but file_name, which is in 16 and later. */
int pga_server_check_lock_out(struct pga_server_work *work, bool lock_out, struct pga_error *error)
{
	PGresult *rows = pga_cluster_ask(
	    work->target.session,
	    "SELECT coalesce(pg_catalog.to_jsonb(rule)->>'file_name', "
	    "pg_catalog.current_setting('hba_file')) || ', line ' || line_number, "
	    "pg_catalog.array_to_string(database, ',') || ' ' || "
	    "pg_catalog.array_to_string(user_name, ',') || ' ' || coalesce(address, '') "
	    "FROM pg_catalog.pg_hba_file_rules AS rule "
	    "WHERE type = 'hostssl' AND auth_method <> 'reject' ORDER BY 1, line_number",
	    error);
	struct pga_text list = PGA_TEXT_EMPTY;
	int result = rows != NULL ? 0 : -1;

	for (int i = 0; rows != NULL && i < PQntuples(rows); i++) {
		pga_plan_add(&work->plan, PGA_PLAN_WARNING,
			     "%s lets in by TLS alone: hostssl %s: nobody gets in by it any more",
			     PQgetvalue(rows, i, 0), PQgetvalue(rows, i, 1));
		if (i < NAMED)
			pga_text_addf(&list, "%s%s", i > 0 ? "; " : "", PQgetvalue(rows, i, 0));
	}
	if (rows != NULL && PQntuples(rows) > 0 && !lock_out)
		result =
		    pga_fail(error,
			     "write host in the place of hostssl there and reload the server "
			     "first, or --lock-out, if nobody comes in by these. Nothing was "
			     "changed",
			     "without TLS, whom pg_hba.conf lets in by hostssl would be locked "
			     "out: %d rule%s (%s%s)",
			     PQntuples(rows), PQntuples(rows) == 1 ? "" : "s",
			     pga_text_string(&list), PQntuples(rows) > NAMED ? "; …" : "");
	pga_text_free(&list);
	PQclear(rows);
	return result;
}

/* Who loses it: these sessions stay encrypted until they end, and do not come back so. */
static int warn_of_sessions(struct pga_server_work *work, struct pga_error *error)
{
	PGresult *rows = pga_cluster_ask(
	    work->target.session,
	    "SELECT coalesce(a.usename, ''), coalesce(a.application_name, ''), "
	    "coalesce(a.client_addr::text, ''), a.backend_type "
	    "FROM pg_catalog.pg_stat_ssl AS s JOIN pg_catalog.pg_stat_activity AS a USING (pid) "
	    "WHERE s.ssl ORDER BY a.backend_start, a.pid",
	    error);

	if (rows == NULL)
		return -1;
	for (int i = 0; i < PQntuples(rows) && i < NAMED; i++)
		pga_plan_add(&work->plan, PGA_PLAN_WARNING,
			     "%s%s (%s) from %s has TLS now: it comes back without, or not at all "
			     "where its sslmode is require or more",
			     strcmp(PQgetvalue(rows, i, 3), "walsender") == 0 ? "the standby or "
										"subscriber "
									      : "",
			     PQgetvalue(rows, i, 0), PQgetvalue(rows, i, 1),
			     PQgetvalue(rows, i, 2));
	if (PQntuples(rows) > NAMED)
		pga_plan_add(&work->plan, PGA_PLAN_WARNING, "and %d more sessions likewise",
			     PQntuples(rows) - NAMED);
	PQclear(rows);
	pga_plan_add(&work->plan, PGA_PLAN_WARNING,
		     "passwords, queries and rows go over the network for anybody to read, and "
		     "nothing proves the server to its clients any more");
	return 0;
}

int pga_server_plan_disable(struct pga_server_work *work, const struct pga_server_wish *wish,
			    struct pga_error *error)
{
	const char *const wanted[PGA_SET_COUNT] = {[PGA_SET_ON] = "off"};

	if (pga_server_settings_check(&work->settings, wanted, error) != 0 ||
	    pga_server_check_lock_out(work, wish->lock_out, error) != 0 ||
	    warn_of_sessions(work, error) != 0)
		return -1;
	pga_server_goals_of(&work->settings, wanted, work->goals, work->back);
	work->changes = work->goals[PGA_SET_ON].altered;
	work->on = false;
	pga_server_settings_plan(&work->settings, wanted, &work->plan);
	pga_plan_add(&work->plan, PGA_PLAN_STEP,
		     "%s, port %u, has to answer that it does not use TLS; else all is put back",
		     work->target.host, work->target.cluster.port);
	return pga_plan_check(&work->plan, error);
}
