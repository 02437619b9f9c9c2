/* The rules of pgbouncer's auth_hba_file, which is written as pg_hba.conf is. */
#include "audit/mask.h"
#include "audit/pgbouncer.h"

#include <string.h>

static bool lets_remote_in(const struct pga_hba_line *line)
{
	return line->kind == PGA_HBA_RULE && line->method != NULL && !pga_hba_rejects(line) &&
	       pga_hba_is_remote(line);
}

bool pga_pgbouncer_rules_let_plain_in(const struct pga_pgbouncer_judging *judging)
{
	for (size_t i = 0; i < judging->rules.count; i++)
		if (lets_remote_in(&judging->rules.lines[i]) &&
		    pga_hba_lets_plain_in(&judging->rules.lines[i]))
			return true;
	return false;
}

/* What stands behind the method, as words. A comment is left out: it may have a secret as well. */
static void add_options(struct pga_text *text, const struct pga_hba_line *line)
{
	bool behind = false;

	for (size_t i = 0; i < line->count; i++) {
		const struct pga_hba_field *field = &line->fields[i];

		for (size_t k = 0; behind && k < field->count; k++) {
			pga_text_add(text, k == 0 ? " " : ",");
			pga_audit_mask_option(text, field->tokens[k].value);
		}
		behind = behind || field->tokens == line->method;
	}
}

/* The line, with another method where one is given. Options are of their method: another one has
 * none of them. */
static void add_line(struct pga_text *text, const struct pga_hba_file *file,
		     const struct pga_hba_line *line, const char *method)
{
	const char *bytes = pga_text_string(&file->bytes);
	const struct pga_hba_token *is = line->method;

	pga_text_add_bytes(text, bytes + line->start, is->start - line->start);
	if (method != NULL) {
		pga_text_add(text, method);
		return;
	}
	pga_text_add_bytes(text, bytes + is->start, is->end - is->start);
	add_options(text, line);
}

static void find(const struct pga_pgbouncer_judging *judging, const struct pga_hba_line *line,
		 enum pga_finding_id id, enum pga_severity severity, const char *what)
{
	struct pga_audit *audit = judging->audit;
	const struct pga_pgbouncer_place place = {
	    pga_pgbouncer_value(judging->ini, PGA_PGBOUNCER_AUTH_HBA_FILE), (long)line->number};
	struct pga_text is = PGA_TEXT_EMPTY;
	struct pga_text better = PGA_TEXT_EMPTY;

	add_line(&is, &judging->rules, line, NULL);
	add_line(&better, &judging->rules, line, "scram-sha-256");
	pga_pgbouncer_find(audit, id, severity, &place, what);
	pga_findings_detail(&audit->findings, "%s", pga_text_string(&is));
	pga_findings_hint(&audit->findings, "%s", pga_text_string(&better));
	audit->failed = audit->failed || is.failed || better.failed;
	pga_text_free(&is);
	pga_text_free(&better);
}

void pga_pgbouncer_judge_rules(const struct pga_pgbouncer_judging *judging)
{
	for (size_t i = 0; i < judging->rules.count; i++) {
		const struct pga_hba_line *line = &judging->rules.lines[i];
		const char *method;

		if (!lets_remote_in(line))
			continue;
		method = line->method->value;
		if (strcmp(method, "trust") == 0)
			find(judging, line, PGA_POOLER_TRUST, PGA_SEVERITY_ERROR,
			     "anybody who reaches pgbouncer is whoever they say");
		else if (strcmp(method, "password") == 0)
			find(judging, line, PGA_POOLER_WEAK_PASSWORD,
			     judging->plain ? PGA_SEVERITY_ERROR : PGA_SEVERITY_WARNING,
			     "the client sends the password itself");
		else if (strcmp(method, "md5") == 0)
			find(judging, line, PGA_POOLER_WEAK_PASSWORD, PGA_SEVERITY_WARNING,
			     "passwords that are not stored as SCRAM go by MD5, which can be "
			     "guessed from what is heard");
	}
}
