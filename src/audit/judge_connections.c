/* What the server itself connects to, where it is weak. */
#include "audit/judge.h"
#include "audit/collect.h"

#include <stdlib.h>
#include <string.h>

/* The reasons in a line. */
static char *in_a_line(struct pga_audit *audit, const char *lines)
{
	char *line = pga_audit_copy(audit, lines);
	size_t length = line != NULL ? strlen(line) : 0;

	while (length > 0 && line[length - 1] == '\n')
		line[--length] = '\0';
	for (char *at = line; at != NULL && *at != '\0'; at++)
		if (*at == '\n')
			*at = ';';
	return line;
}

static enum pga_finding_id id_of(enum pga_audit_way way)
{
	return way == PGA_AUDIT_RECEIVER       ? PGA_RECEIVER_WEAK
	       : way == PGA_AUDIT_SUBSCRIPTION ? PGA_SUBSCRIPTION_WEAK
					       : PGA_FOREIGN_SERVER_WEAK;
}

static void add_message(struct pga_audit *audit, const struct pga_audit_outward *outward)
{
	struct pga_findings *findings = &audit->findings;
	const enum pga_finding_id id =
	    outward->judged ? id_of(outward->way) : PGA_OUTWARD_NOT_JUDGED;
	const char *what = outward->judged ? "is weaker than verify-full" : "could not be judged";
	enum pga_severity severity = PGA_SEVERITY_WARNING;

	if (outward->judged && outward->allowed) {
		what = "is verified, and weaker than the policy";
		severity = outward->old_tls ? PGA_SEVERITY_WARNING : PGA_SEVERITY_NOTE;
	} else if (outward->judged && outward->enabled) {
		severity = PGA_SEVERITY_ERROR;
	}

	switch (outward->way) {
	case PGA_AUDIT_RECEIVER:
		pga_findings_add(findings, id, severity, PGA_AUDIT_OUTWARD,
				 "the connection of this standby to its primary %s%s", what,
				 outward->enabled ? "" : " (not connected now)");
		break;
	case PGA_AUDIT_SUBSCRIPTION:
		pga_findings_add(findings, id, severity, PGA_AUDIT_OUTWARD,
				 "subscription %s of database %s %s%s", outward->name,
				 outward->database, what, outward->enabled ? "" : " (disabled)");
		break;
	case PGA_AUDIT_MAPPING:
		pga_findings_add(findings, id, severity, PGA_AUDIT_OUTWARD,
				 "foreign server %s of database %s, for %s, %s", outward->name,
				 outward->database, outward->user, what);
		break;
	case PGA_AUDIT_DBLINK:
		pga_findings_add(findings, id, severity, PGA_AUDIT_OUTWARD,
				 "dblink in %s of database %s %s", outward->name, outward->database,
				 what);
		break;
	case PGA_AUDIT_POOLED:
		/* It is judged with its file. */
		break;
	case PGA_AUDIT_FOREIGN:
		pga_findings_add(findings, id, severity, PGA_AUDIT_OUTWARD,
				 "foreign server %s of database %s %s", outward->name,
				 outward->database, what);
		break;
	}
}

static void add_hint(struct pga_audit *audit, const struct pga_audit_outward *outward)
{
	static const char mends[] = "sslmode=verify-full, and sslrootcert with the root that its "
				    "server's certificate ends in";
	struct pga_findings *findings = &audit->findings;
	struct pga_text name = PGA_TEXT_EMPTY;

	pga_audit_add_name(&name, outward->name);
	if (outward->way == PGA_AUDIT_RECEIVER)
		pga_findings_hint(findings, "ALTER SYSTEM SET primary_conninfo, with %s", mends);
	else if (outward->way == PGA_AUDIT_SUBSCRIPTION)
		pga_findings_hint(findings, "ALTER SUBSCRIPTION %s CONNECTION, with %s",
				  pga_text_string(&name), mends);
	else if (outward->way == PGA_AUDIT_DBLINK)
		pga_findings_hint(findings,
				  "give it %s; or a foreign server of dblink_fdw, which "
				  "keeps the password out of the text",
				  mends);
	else
		pga_findings_hint(findings, "ALTER SERVER %s OPTIONS, with %s",
				  pga_text_string(&name), mends);
	audit->failed = audit->failed || name.failed;
	pga_text_free(&name);
}

void pga_audit_judge_outward(struct pga_audit *audit)
{
	for (size_t i = 0; i < audit->outward_count; i++) {
		const struct pga_audit_outward *outward = &audit->outward[i];
		char *why;

		if (outward->judged && outward->allowed && outward->why[0] == '\0')
			continue;
		why = in_a_line(audit, outward->why);
		add_message(audit, outward);
		pga_findings_object(&audit->findings, "%s", outward->name);
		pga_findings_detail(&audit->findings, "%s", why != NULL ? why : "");
		if (outward->judged && !outward->allowed)
			add_hint(audit, outward);
		free(why);
	}
}
