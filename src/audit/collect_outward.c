/* What the server itself connects to: its primary, publications, foreign servers. */
#include "audit/collect.h"

#include <string.h>

#define MOST_OUTWARD 10000

struct taking {
	struct pga_audit *audit;
	const struct pga_policy *policy;
	size_t hidden; /* mappings whose options were not told */
};

static struct pga_audit_outward *begin(struct taking *taking, enum pga_audit_way way,
				       const PGresult *row)
{
	struct pga_audit *audit = taking->audit;
	struct pga_audit_outward *outward =
	    pga_audit_grow(audit, &audit->outward, &audit->outward_count, sizeof *outward);

	if (outward == NULL)
		return NULL;
	outward->way = way;
	outward->name = pga_audit_column(audit, row, 0);
	outward->database = pga_audit_column(audit, row, 1);
	outward->user = pga_audit_column(audit, row, 2);
	outward->enabled = pga_audit_true(row, 3);
	return outward;
}

static void take_receiver(void *context, const PGresult *row)
{
	struct taking *taking = context;
	struct pga_audit_outward *outward = begin(taking, PGA_AUDIT_RECEIVER, row);

	if (outward != NULL)
		pga_audit_judge_conninfo(taking->audit, outward, pga_audit_value(row, 4),
					 taking->policy);
}

static void take_subscription(void *context, const PGresult *row)
{
	struct taking *taking = context;
	struct pga_audit_outward *outward = begin(taking, PGA_AUDIT_SUBSCRIPTION, row);

	if (outward != NULL)
		pga_audit_judge_conninfo(taking->audit, outward, pga_audit_value(row, 4),
					 taking->policy);
}

/* The wrappers that connect by libpq. */
static bool is_of_libpq(const char *validator)
{
	return strcmp(validator, "postgres_fdw_validator") == 0 ||
	       strcmp(validator, "dblink_fdw_validator") == 0 ||
	       strcmp(validator, "postgresql_fdw_validator") == 0;
}

static void take_foreign(void *context, const PGresult *row)
{
	struct taking *taking = context;
	const bool mapped = pga_audit_true(row, 5);
	struct pga_audit_outward *outward;

	if (!is_of_libpq(pga_audit_value(row, 4)))
		return;
	outward = begin(taking, mapped ? PGA_AUDIT_MAPPING : PGA_AUDIT_FOREIGN, row);
	if (mapped && pga_audit_true(row, 8))
		taking->hidden++;
	if (outward != NULL)
		pga_audit_judge_options(taking->audit, outward, pga_audit_value(row, 6),
					mapped ? pga_audit_value(row, 7) : NULL, taking->policy);
}

static const char receiver[] = "SELECT 'its primary', '', '', true, conninfo FROM "
			       "pg_catalog.pg_stat_wal_receiver WHERE conninfo IS NOT NULL";

/* From 19 on, a subscription can have a foreign server in the place of a connection string. */
static const char subscription[] =
    "SELECT s.subname, d.datname, r.rolname, s.subenabled, s.subconninfo "
    "FROM pg_catalog.pg_subscription s "
    "JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) s.subdbid "
    "LEFT JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) s.subowner "
    "WHERE s.subconninfo IS NOT NULL ORDER BY d.datname, s.subname";

static const char foreign[] =
    "SELECT s.srvname, pg_catalog.current_database(), m.usename, true, "
    "coalesce(p.proname::pg_catalog.text, ''), m.umid IS NOT NULL, "
    "coalesce(pg_catalog.array_to_json(s.srvoptions)::pg_catalog.text, '[]'), "
    "coalesce(pg_catalog.array_to_json(m.umoptions)::pg_catalog.text, '[]'), m.umoptions IS NULL "
    "FROM pg_catalog.pg_foreign_server s "
    "JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid OPERATOR(pg_catalog.=) s.srvfdw "
    "LEFT JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) w.fdwvalidator "
    "LEFT JOIN pg_catalog.pg_user_mappings m ON m.srvid OPERATOR(pg_catalog.=) s.oid "
    "ORDER BY s.srvname, m.usename";

static int others(struct taking *taking, struct pga_audit_connection *connection,
		  struct pga_error *error);

int pga_audit_collect_outward(struct pga_audit *audit, struct pga_audit_connection *connection,
			      const struct pga_policy *policy, struct pga_error *error)
{
	struct taking taking = {audit, policy, 0};
	int asked = pga_audit_ask(connection, receiver, 1, take_receiver, &taking, error);

	if (asked < 0)
		return -1;
	if (asked > 0)
		pga_audit_not_seen(audit, "the connection to its primary", error->message,
				   "GRANT pg_monitor TO %s");
	asked = pga_audit_ask(connection, subscription, MOST_OUTWARD, take_subscription, &taking,
			      error);
	if (asked < 0)
		return -1;
	if (asked > 0)
		pga_audit_not_seen(audit, "where the subscriptions connect to", error->message,
				   "GRANT SELECT (subconninfo) ON pg_subscription TO %s");
	asked = pga_audit_ask(connection, foreign, MOST_OUTWARD, take_foreign, &taking, error);
	if (asked < 0)
		return -1;
	if (asked > 0)
		pga_audit_not_seen(audit, "the foreign servers", error->message, "");
	if (taking.hidden > 0)
		pga_audit_not_seen(audit, "the options of other roles' user mappings",
				   "only a superuser and the owner of the server sees them", "");
	return others(&taking, connection, error);
}

static void take_name(void *context, const PGresult *row)
{
	struct pga_text *names = context;

	pga_text_add(names, names->length > 0 ? ", " : "");
	pga_text_add_shortened(names, pga_audit_value(row, 0), 63);
}

/* Foreign servers are of one database, and a connection is to one. */
static int others(struct taking *taking, struct pga_audit_connection *connection,
		  struct pga_error *error)
{
	struct pga_text names = PGA_TEXT_EMPTY;
	struct pga_text why = PGA_TEXT_EMPTY;
	const int asked = pga_audit_ask(
	    connection,
	    "SELECT datname FROM pg_catalog.pg_database WHERE datallowconn AND NOT datistemplate "
	    "AND datname OPERATOR(pg_catalog.<>) pg_catalog.current_database() ORDER BY datname",
	    100, take_name, &names, error);

	if (asked == 0 && names.length > 0) {
		pga_text_addf(&why,
			      "an audit sees those of the database that it connects to; the "
			      "others are %s",
			      pga_text_string(&names));
		pga_audit_not_seen(taking->audit, "the foreign servers of other databases",
				   pga_text_string(&why), "");
	}
	taking->audit->failed = taking->audit->failed || names.failed || why.failed;
	pga_text_free(&names);
	pga_text_free(&why);
	return asked < 0 ? -1 : 0;
}
