/* What the server itself connects to: its primary, publications, foreign servers. */
#include "audit/collect.h"

#include <string.h>

#define MOST_OUTWARD 10000

struct taking {
	struct pga_audit *audit;
	const struct pga_policy *policy;
	bool received; /* the connection to a primary is among what was seen */
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

	taking->received = true;
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

/* From 19 on: by a foreign server and its owner's mapping, which only that database knows. */
static void take_by_server(void *context, const PGresult *row)
{
	struct taking *taking = context;
	struct pga_audit_outward *outward = begin(taking, PGA_AUDIT_SUBSCRIPTION, row);

	if (outward == NULL)
		return;
	if (!pga_audit_true(row, 6)) {
		outward->shown = pga_audit_copy(taking->audit, "");
		outward->why = pga_audit_copy(taking->audit,
					      "it connects as a foreign server says, and only an "
					      "audit of its database sees that");
		return;
	}
	if (pga_audit_true(row, 7))
		taking->hidden++;
	pga_audit_judge_options(taking->audit, outward, pga_audit_value(row, 4),
				pga_audit_value(row, 5), taking->policy);
}

/* One that does not connect by libpq, to some other database maybe. */
static void take_other(struct taking *taking, const PGresult *row)
{
	struct pga_audit *audit = taking->audit;
	struct pga_audit_outward *outward = begin(taking, PGA_AUDIT_FOREIGN, row);
	struct pga_text why = PGA_TEXT_EMPTY;

	if (outward == NULL)
		return;
	pga_text_addf(&why, "its wrapper, %s, is not one that connects by libpq",
		      pga_audit_value(row, 9));
	outward->shown = pga_audit_copy(audit, "");
	outward->why = pga_audit_take_text(audit, &why);
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

	if (!is_of_libpq(pga_audit_value(row, 4))) {
		if (strcmp(pga_audit_value(row, 4), "file_fdw_validator") != 0 &&
		    pga_audit_true(row, 10))
			take_other(taking, row);
		return;
	}
	outward = begin(taking, mapped ? PGA_AUDIT_MAPPING : PGA_AUDIT_FOREIGN, row);
	if (mapped && pga_audit_true(row, 8))
		taking->hidden++;
	if (outward != NULL)
		pga_audit_judge_options(taking->audit, outward, pga_audit_value(row, 6),
					mapped ? pga_audit_value(row, 7) : NULL, taking->policy);
}

static const char receiver[] = "SELECT 'its primary', '', '', true, conninfo FROM "
			       "pg_catalog.pg_stat_wal_receiver WHERE conninfo IS NOT NULL";

/* While it does not stream, there is no row: then what it would connect by. */
static const char receiver_to_be[] =
    "SELECT 'its primary', '', '', false, c.setting FROM pg_catalog.pg_settings c "
    "WHERE c.name OPERATOR(pg_catalog.=) 'primary_conninfo' AND c.setting "
    "OPERATOR(pg_catalog.<>) '' AND pg_catalog.pg_is_in_recovery() AND NOT EXISTS "
    "(SELECT FROM pg_catalog.pg_stat_wal_receiver WHERE conninfo IS NOT NULL)";

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
    "coalesce(pg_catalog.array_to_json(m.umoptions)::pg_catalog.text, '[]'), m.umoptions IS NULL, "
    "w.fdwname, w.fdwhandler OPERATOR(pg_catalog.<>) 0 AND (m.umid IS NULL OR m.umid "
    "OPERATOR(pg_catalog.=) (SELECT pg_catalog.min(o.umid) FROM pg_catalog.pg_user_mappings o "
    "WHERE o.srvid OPERATOR(pg_catalog.=) s.oid)) "
    "FROM pg_catalog.pg_foreign_server s "
    "JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid OPERATOR(pg_catalog.=) s.srvfdw "
    "LEFT JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) w.fdwvalidator "
    "LEFT JOIN pg_catalog.pg_user_mappings m ON m.srvid OPERATOR(pg_catalog.=) s.oid "
    "ORDER BY s.srvname, m.usename";

/* From 19 on, a subscription can have a foreign server in the place of a connection string. */
static const char by_server[] =
    "SELECT s.subname, d.datname, r.rolname, s.subenabled, "
    "coalesce(pg_catalog.array_to_json(f.srvoptions)::pg_catalog.text, '[]'), "
    "coalesce(pg_catalog.array_to_json(m.umoptions)::pg_catalog.text, '[]'), "
    "d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database(), "
    "m.umid IS NOT NULL AND m.umoptions IS NULL "
    "FROM pg_catalog.pg_subscription s "
    "JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) s.subdbid "
    "LEFT JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) s.subowner "
    "LEFT JOIN pg_catalog.pg_foreign_server f ON f.oid OPERATOR(pg_catalog.=) s.subserver "
    "LEFT JOIN LATERAL (SELECT u.umid, u.umoptions FROM pg_catalog.pg_user_mappings u "
    "WHERE u.srvid OPERATOR(pg_catalog.=) s.subserver AND (u.umuser OPERATOR(pg_catalog.=) "
    "s.subowner OR u.umuser OPERATOR(pg_catalog.=) 0) ORDER BY u.umuser DESC LIMIT 1) m ON true "
    "WHERE s.subserver OPERATOR(pg_catalog.<>) 0 ORDER BY d.datname, s.subname";

static int others(struct taking *taking, struct pga_audit_connection *connection,
		  struct pga_error *error);

int pga_audit_collect_outward(struct pga_audit *audit, struct pga_audit_connection *connection,
			      const struct pga_policy *policy, struct pga_error *error)
{
	struct taking taking = {audit, policy, false, 0};

	const struct {
		const char *question;
		pga_audit_row *take;
		const char *what;
		const char *right;
	} asked[] = {
	    {receiver, take_receiver, "the connection to its primary", "GRANT pg_monitor TO %s"},
	    {receiver_to_be, take_receiver, NULL, NULL},
	    {subscription, take_subscription, "where the subscriptions connect to",
	     "GRANT SELECT (subconninfo) ON pg_subscription TO %s"},
	    {audit->version >= 190000 ? by_server : NULL, take_by_server,
	     "the subscriptions that connect by foreign servers", ""},
	    {foreign, take_foreign, "the foreign servers", ""},
	};

	for (size_t done = 0; done < sizeof asked / sizeof asked[0]; done++) {
		int answer;

		if (asked[done].question == NULL)
			continue;
		answer = pga_audit_ask(connection, asked[done].question, MOST_OUTWARD,
				       asked[done].take, &taking, error);
		if (answer < 0)
			return -1;
		if (answer > 0 && asked[done].what != NULL)
			pga_audit_not_seen(audit, asked[done].what, error->message,
					   asked[done].right);
		if (connection->cut && asked[done].what != NULL)
			pga_audit_not_seen(audit, asked[done].what,
					   "there are more than 10000: these are left out", "");
	}
	if (taking.hidden > 0 && !audit->superuser)
		pga_audit_not_seen(audit, "the options of other roles' user mappings",
				   "only a superuser and the owner of the server sees them", "");
	if (audit->standby && !audit->monitor && !taking.received)
		pga_audit_not_seen(audit, "the connection to its primary",
				   "the role does not see it", "GRANT pg_monitor TO %s");
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
