/* How new passwords are stored, which is a setting of each session: by roles, databases and
 * functions, and by the server itself where the role that asks has a value of its own. */
#include "audit/collect.h"

#include <stdlib.h>
#include <string.h>

#define MOST_OVERRIDES 1000
#define SETTING        "password_encryption"

/* Before 14, "on" and the like were words for it. */
static const char overrides[] =
    "SELECT pg_catalog.concat_ws(' ', CASE WHEN s.called IS NOT NULL THEN "
    "pg_catalog.concat('function ', s.called::pg_catalog.regprocedure) "
    "WHEN s.setrole OPERATOR(pg_catalog.<>) 0 THEN pg_catalog.concat('role ', r.rolname, "
    "CASE WHEN s.setdatabase OPERATOR(pg_catalog.<>) 0 THEN ' in' END) "
    "WHEN s.setdatabase OPERATOR(pg_catalog.=) 0 THEN 'all roles' END, "
    "CASE WHEN s.setdatabase OPERATOR(pg_catalog.<>) 0 THEN "
    "pg_catalog.concat('database ', d.datname) END), "
    "pg_catalog.concat(CASE WHEN s.called IS NOT NULL THEN "
    "pg_catalog.concat('ALTER ROUTINE ', s.called::pg_catalog.regprocedure) "
    "WHEN s.setrole OPERATOR(pg_catalog.<>) 0 THEN "
    "pg_catalog.concat('ALTER ROLE ', pg_catalog.quote_ident(r.rolname), CASE WHEN s.setdatabase "
    "OPERATOR(pg_catalog.<>) 0 THEN pg_catalog.concat(' IN DATABASE ', "
    "pg_catalog.quote_ident(d.datname)) END) "
    "WHEN s.setdatabase OPERATOR(pg_catalog.<>) 0 THEN "
    "pg_catalog.concat('ALTER DATABASE ', pg_catalog.quote_ident(d.datname)) "
    "ELSE 'ALTER ROLE ALL' END, ' RESET " SETTING "') "
    "FROM (SELECT setdatabase, setrole, NULL::pg_catalog.oid AS called, "
    "pg_catalog.unnest(setconfig) AS said FROM pg_catalog.pg_db_role_setting "
    "UNION ALL SELECT 0, 0, oid, pg_catalog.unnest(proconfig) FROM pg_catalog.pg_proc) s "
    "LEFT JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) s.setrole "
    "LEFT JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) s.setdatabase "
    "WHERE s.said OPERATOR(pg_catalog.~*) '^" SETTING "=(md5|on|true|yes|1)$' "
    "ORDER BY s.setdatabase, s.setrole, s.called";

/* What the server was started with counts before its files, and nobody is told its value. */
static const char own[] =
    "SELECT CASE WHEN pg_catalog.pg_read_file('postmaster.opts') OPERATOR(pg_catalog.~*) "
    "'password.encryption' THEN NULL ELSE coalesce(f.setting, s.boot_val) END, "
    "CASE WHEN f.setting IS NULL THEN 'default' ELSE 'configuration file' END, "
    "f.sourcefile, f.sourceline FROM pg_catalog.pg_settings s "
    "LEFT JOIN pg_catalog.pg_file_settings f ON f.name OPERATOR(pg_catalog.=) s.name "
    "AND f.error IS NULL WHERE s.name OPERATOR(pg_catalog.=) '" SETTING "' "
    "ORDER BY f.seqno DESC LIMIT 1";

static void take_override(void *context, const PGresult *row)
{
	struct pga_audit *audit = context;
	struct pga_audit_override *item =
	    pga_audit_grow(audit, &audit->overrides, &audit->override_count, sizeof *item);

	if (item == NULL)
		return;
	item->of = pga_audit_column(audit, row, 0);
	item->mends = pga_audit_column(audit, row, 1);
}

struct asking {
	struct pga_audit *audit;
	struct pga_audit_setting *setting;
	bool told;
};

static void put(struct pga_audit *audit, char **into, const PGresult *row, int column)
{
	free(*into);
	*into = pga_audit_column(audit, row, column);
}

static void take_own(void *context, const PGresult *row)
{
	struct asking *asking = context;

	if (pga_audit_value(row, 0)[0] == '\0')
		return;
	put(asking->audit, &asking->setting->value, row, 0);
	put(asking->audit, &asking->setting->source, row, 1);
	put(asking->audit, &asking->setting->file, row, 2);
	asking->setting->line = pga_audit_number(row, 3);
	asking->told = true;
}

/* The sources of a value that is of the session alone, or of some sessions (GucSource_Names). */
static bool is_of_session(const char *source)
{
	static const char *const words[] = {"global",        "database", "user",
					    "database user", "client",   "session"};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(words[i], source) == 0)
			return true;
	return false;
}

static struct pga_audit_setting *find(struct pga_audit *audit)
{
	for (size_t i = 0; i < audit->setting_count; i++)
		if (strcmp(audit->settings[i].name, SETTING) == 0)
			return &audit->settings[i];
	return NULL;
}

int pga_audit_collect_overrides(struct pga_audit *audit, struct pga_audit_connection *connection,
				struct pga_error *error)
{
	struct asking asking = {audit, find(audit), false};
	int asked =
	    pga_audit_ask(connection, overrides, MOST_OVERRIDES, take_override, audit, error);

	if (asked > 0)
		pga_audit_not_seen(audit, "the settings of roles and databases", error->message,
				   "");
	if (asked < 0 || asking.setting == NULL || !is_of_session(asking.setting->source))
		return asked < 0 ? -1 : 0;
	asked = pga_audit_ask(connection, own, 1, take_own, &asking, error);
	if (asked >= 0 && !asking.told)
		pga_audit_not_seen(audit, "the server's own " SETTING,
				   "the session that asks has a value of its own, and only a "
				   "superuser sees the files",
				   "");
	return asked < 0 ? -1 : 0;
}
