/* What functions, views and rules say to dblink. */
#include "audit/collect.h"
#include "audit/dblink_calls.h"

#define MOST_TEXTS 10000
#define MOST_NAMED 20

/* A view is a rule of its own. What PostgreSQL has parsed depends on what it calls; what is kept as
 * a text has to be looked through. %s: bodies that are parsed, from 14 on. */
static const char texts[] =
    "SELECT t.said, pg_catalog.current_database(), r.rolname, true, t.words FROM ("
    "SELECT f.oid::pg_catalog.regprocedure::pg_catalog.text AS said, f.proowner AS owner, "
    "f.prosrc AS words FROM pg_catalog.pg_proc f "
    "JOIN pg_catalog.pg_language l ON l.oid OPERATOR(pg_catalog.=) f.prolang "
    "WHERE f.prosrc OPERATOR(pg_catalog.~*) 'dblink' AND l.lanname OPERATOR(pg_catalog.<>) "
    "ALL (ARRAY['c', 'internal'])%s "
    "UNION ALL SELECT pg_catalog.concat(CASE WHEN w.rulename OPERATOR(pg_catalog.<>) '_RETURN' "
    "THEN pg_catalog.concat(w.rulename, ' of ') END, w.ev_class::pg_catalog.regclass), "
    "c.relowner, pg_catalog.pg_get_ruledef(w.oid) FROM pg_catalog.pg_rewrite w "
    "JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) w.ev_class "
    "WHERE EXISTS (SELECT FROM pg_catalog.pg_depend d "
    "JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) d.refobjid "
    "WHERE d.objid OPERATOR(pg_catalog.=) w.oid "
    "AND d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_rewrite'::pg_catalog.regclass "
    "AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass "
    "AND p.proname OPERATOR(pg_catalog.~) '^dblink')) t "
    "LEFT JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) t.owner ORDER BY t.said";

static const char parsed[] =
    " UNION ALL SELECT f.oid::pg_catalog.regprocedure::pg_catalog.text, f.proowner, "
    "pg_catalog.pg_get_function_sqlbody(f.oid) FROM pg_catalog.pg_proc f "
    "WHERE f.prosqlbody IS NOT NULL AND pg_catalog.pg_get_function_sqlbody(f.oid) "
    "OPERATOR(pg_catalog.~) 'dblink'";

struct looking {
	struct pga_audit *audit;
	const struct pga_policy *policy;
	const PGresult *row;
	bool unseen;  /* a call of this text */
	size_t count; /* of texts with such calls */
	struct pga_text names;
};

static void take_call(void *context, const char *conninfo)
{
	struct looking *looking = context;
	struct pga_audit *audit = looking->audit;
	struct pga_audit_outward *outward;

	if (conninfo == NULL) {
		looking->unseen = true;
		return;
	}
	outward = pga_audit_grow(audit, &audit->outward, &audit->outward_count, sizeof *outward);
	if (outward == NULL)
		return;
	outward->way = PGA_AUDIT_DBLINK;
	outward->name = pga_audit_column(audit, looking->row, 0);
	outward->database = pga_audit_column(audit, looking->row, 1);
	outward->user = pga_audit_column(audit, looking->row, 2);
	outward->enabled = true;
	pga_audit_judge_conninfo(audit, outward, conninfo, looking->policy);
}

static void take_text(void *context, const PGresult *row)
{
	struct looking *looking = context;

	looking->row = row;
	looking->unseen = false;
	if (pga_dblink_calls(pga_audit_value(row, 4), take_call, looking) != 0)
		looking->audit->failed = true;
	if (!looking->unseen)
		return;
	if (looking->count++ < MOST_NAMED) {
		pga_text_add(&looking->names, looking->names.length > 0 ? ", " : "");
		pga_text_add_shortened(&looking->names, pga_audit_value(row, 0), 100);
	} else if (looking->count == MOST_NAMED + 1) {
		pga_text_add(&looking->names, ", ...");
	}
}

static void tell_unseen(struct looking *looking)
{
	struct pga_text what = PGA_TEXT_EMPTY;
	struct pga_text why = PGA_TEXT_EMPTY;

	pga_text_addf(&what, "where %zu function%s or view%s with dblink connect%s to",
		      looking->count, looking->count == 1 ? "" : "s",
		      looking->count == 1 ? "" : "s", looking->count == 1 ? "s" : "");
	pga_text_addf(&why, "it is put together when they run: %s",
		      pga_text_string(&looking->names));
	pga_audit_not_seen(looking->audit, pga_text_string(&what), pga_text_string(&why), "");
	looking->audit->failed = looking->audit->failed || what.failed || why.failed;
	pga_text_free(&what);
	pga_text_free(&why);
}

int pga_audit_collect_dblink(struct pga_audit *audit, struct pga_audit_connection *connection,
			     const struct pga_policy *policy, struct pga_error *error)
{
	static const char what[] = "what functions and views say to dblink";
	struct looking looking = {.audit = audit, .policy = policy};
	struct pga_text question = PGA_TEXT_EMPTY;
	int asked;

	pga_text_addf(&question, texts, audit->version >= 140000 ? parsed : "");
	asked = question.failed ? pga_fail_memory(error)
				: pga_audit_ask(connection, pga_text_string(&question), MOST_TEXTS,
						take_text, &looking, error);
	if (asked > 0)
		pga_audit_not_seen(audit, what, error->message, "");
	if (asked >= 0 && connection->cut)
		pga_audit_not_seen(audit, what, "there are more than 10000: these are left out",
				   "");
	if (asked >= 0 && looking.count > 0)
		tell_unseen(&looking);
	audit->failed = audit->failed || looking.names.failed;
	pga_text_free(&looking.names);
	pga_text_free(&question);
	return asked < 0 ? -1 : 0;
}
