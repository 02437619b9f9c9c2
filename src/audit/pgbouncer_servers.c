/* The servers that a pgbouncer connects to. */
#include "audit/pgbouncer.h"

#include "audit/collect.h"
#include "audit/judge.h"

#include <stdio.h>
#include <stdlib.h>

/* The names of so many databases are told. */
#define MOST_NAMES 5

static char *said(struct pga_audit *audit, const char *keyword, const char *value)
{
	char *text = NULL;

	if (asprintf(&text, "%s=%s", keyword, value) < 0) {
		audit->failed = true;
		return NULL;
	}
	return text;
}

/* In libpq's words, by which the gate judges. Returns whether it would let it through. */
static bool judge_database(const struct pga_pgbouncer_judging *judging,
			   const struct pga_pgbouncer_database *database)
{
	struct pga_audit *audit = judging->audit;
	const char *ca = pga_pgbouncer_value(judging->ini, PGA_PGBOUNCER_SERVER_CA_FILE);
	const struct {
		const char *keyword;
		const char *value;
	} words[] = {
	    {"host", database->host},
	    {"port", database->port},
	    {"dbname", database->dbname},
	    {"user", database->user},
	    {"sslmode", pga_pgbouncer_value(judging->ini, PGA_PGBOUNCER_SERVER_SSLMODE)},
	    {"sslrootcert", ca[0] != '\0' ? ca : NULL},
	    /* It knows no GSSAPI. */
	    {"gssencmode", "disable"},
	};
	char *settings[sizeof words / sizeof words[0] + 1] = {NULL};
	struct pga_audit_outward *outward =
	    pga_audit_grow(audit, &audit->outward, &audit->outward_count, sizeof *outward);
	size_t count = 0;

	if (outward == NULL)
		return true;
	outward->way = PGA_AUDIT_POOLED;
	outward->enabled = true;
	outward->name = pga_audit_copy(audit, database->name);
	outward->database =
	    pga_audit_copy(audit, database->dbname != NULL ? database->dbname : database->name);
	outward->user = pga_audit_copy(audit, database->user != NULL ? database->user : "");
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		settings[count] =
		    words[i].value != NULL ? said(audit, words[i].keyword, words[i].value) : NULL;
		count += settings[count] != NULL ? 1 : 0;
	}
	pga_audit_judge_settings_of(audit, outward, (const char *const *)settings, judging->policy);
	for (size_t i = 0; i < count; i++)
		free(settings[i]);
	return !outward->judged || outward->allowed;
}

static void add_name(struct pga_text *names, size_t *count, const char *name)
{
	if ((*count)++ < MOST_NAMES) {
		pga_text_add(names, names->length > 0 ? ", " : "");
		pga_text_add_shortened(names, name, 63);
	}
}

/* What comes before the names of the databases that the gate would refuse. */
static const char *weakness_of(const struct pga_pgbouncer_judging *judging)
{
	if (pga_pgbouncer_is(judging, PGA_PGBOUNCER_SERVER_SSLMODE, "verify-full"))
		return "the policy refuses such connections to the servers of";
	if (pga_pgbouncer_is(judging, PGA_PGBOUNCER_SERVER_SSLMODE, "verify-ca"))
		return "any certificate of the CA will do for the servers of";
	return "pgbouncer does not verify the servers of";
}

/* Its mode is for all databases: one finding. */
static void judge_databases(const struct pga_pgbouncer_judging *judging)
{
	const struct pga_pgbouncer *ini = judging->ini;
	const bool full = pga_pgbouncer_is(judging, PGA_PGBOUNCER_SERVER_SSLMODE, "verify-full");
	struct pga_text names = PGA_TEXT_EMPTY;
	struct pga_text what = PGA_TEXT_EMPTY;
	size_t weak = 0;

	for (size_t i = 0; i < ini->database_count && !judging->audit->failed; i++)
		if (!judge_database(judging, &ini->databases[i]))
			add_name(&names, &weak, ini->databases[i].name);
	if (weak > 0) {
		pga_text_addf(&what, "%s %s", weakness_of(judging), pga_text_string(&names));
		if (weak > MOST_NAMES)
			pga_text_addf(&what, " and %zu more", weak - MOST_NAMES);
		pga_pgbouncer_find_setting(judging, PGA_POOLER_SERVER_NOT_VERIFIED,
					   PGA_SEVERITY_ERROR, PGA_PGBOUNCER_SERVER_SSLMODE,
					   full ? NULL : "verify-full", pga_text_string(&what));
	}
	judging->audit->failed = judging->audit->failed || names.failed || what.failed;
	pga_text_free(&names);
	pga_text_free(&what);
}

static bool verifies(const struct pga_pgbouncer_judging *judging)
{
	return pga_pgbouncer_is(judging, PGA_PGBOUNCER_SERVER_SSLMODE, "verify-ca") ||
	       pga_pgbouncer_is(judging, PGA_PGBOUNCER_SERVER_SSLMODE, "verify-full");
}

void pga_pgbouncer_judge_servers(const struct pga_pgbouncer_judging *judging)
{
	judge_databases(judging);
	if (verifies(judging) && !pga_pgbouncer_is_set(judging, PGA_PGBOUNCER_SERVER_CA_FILE))
		pga_pgbouncer_find_setting(
		    judging, PGA_POOLER_ANY_CA,
		    judging->policy->public_ca == PGA_REFUSE ? PGA_SEVERITY_ERROR
							     : PGA_SEVERITY_WARNING,
		    PGA_PGBOUNCER_SERVER_CA_FILE, "FILE",
		    "every CA that this machine trusts vouches for the servers");
}
