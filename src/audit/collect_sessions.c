/* Who is connected, and how: clients, standbys and subscribers. */
#include "audit/collect.h"

#include <stdlib.h>

#define MOST_SESSIONS 10000

/* Of other roles' sessions somebody without pg_read_all_stats sees no more than that they are
 * there: the views of TLS have no row for them. */
static const char question[] =
    "SELECT a.pid, a.backend_type, a.usename, a.datname, a.application_name, "
    "pg_catalog.host(a.client_addr), "
    "pg_catalog.to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), "
    "a.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid(), "
    "s.pid IS NOT NULL, s.ssl, s.version, s.cipher, s.bits, s.client_dn, g.encrypted "
    "FROM pg_catalog.pg_stat_activity a "
    "LEFT JOIN pg_catalog.pg_stat_ssl s ON s.pid OPERATOR(pg_catalog.=) a.pid "
    "LEFT JOIN pg_catalog.pg_stat_gssapi g ON g.pid OPERATOR(pg_catalog.=) a.pid "
    "WHERE a.usesysid IS NOT NULL AND (a.backend_type IS NULL OR "
    "a.backend_type OPERATOR(pg_catalog.=) ANY (ARRAY['client backend', 'walsender'])) "
    "ORDER BY a.backend_start, a.pid";

static void take(void *context, const PGresult *row)
{
	struct pga_audit *audit = context;
	struct pga_audit_session *session =
	    pga_audit_grow(audit, &audit->sessions, &audit->session_count, sizeof *session);

	if (session == NULL)
		return;
	session->pid = pga_audit_number(row, 0);
	session->kind = pga_audit_column(audit, row, 1);
	session->user = pga_audit_column(audit, row, 2);
	session->database = pga_audit_column(audit, row, 3);
	session->application = pga_audit_masked(audit, row, 4);
	session->address = pga_audit_column(audit, row, 5);
	session->since = pga_audit_column(audit, row, 6);
	session->own = pga_audit_true(row, 7);
	session->seen = pga_audit_true(row, 8);
	session->tls = pga_audit_true(row, 9);
	session->protocol = pga_audit_column(audit, row, 10);
	session->cipher = pga_audit_column(audit, row, 11);
	session->bits = pga_audit_number(row, 12);
	session->client = pga_audit_column(audit, row, 13);
	session->gss = pga_audit_true(row, 14);
}

int pga_audit_collect_sessions(struct pga_audit *audit, struct pga_audit_connection *connection,
			       struct pga_error *error)
{
	const int asked = pga_audit_ask(connection, question, MOST_SESSIONS, take, audit, error);
	size_t hidden = 0;

	if (asked < 0)
		return -1;
	if (asked > 0) {
		pga_audit_not_seen(audit, "the sessions", error->message, "GRANT pg_monitor TO %s");
		return 0;
	}
	if (connection->cut)
		pga_audit_not_seen(audit, "the sessions behind the first 10000",
				   "there are too many", "");
	for (size_t i = 0; i < audit->session_count; i++)
		hidden += !audit->sessions[i].seen;
	if (hidden > 0)
		pga_audit_not_seen(audit, "the sessions of other roles",
				   "only their owners and pg_read_all_stats see how they came in",
				   "GRANT pg_monitor TO %s");
	return 0;
}
