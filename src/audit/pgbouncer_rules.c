/* The rules of pgbouncer's auth_hba_file, which is written as pg_hba.conf is. */
#include "audit/pgbouncer.h"

#include <string.h>

static bool lets_remote_in(const struct pga_hba_line *line)
{
	return line->kind == PGA_HBA_RULE && line->method != NULL &&
	       strcmp(line->method->value, "reject") != 0 && pga_hba_is_remote(line);
}

bool pga_pgbouncer_rules_let_plain_in(const struct pga_pgbouncer_judging *judging)
{
	for (size_t i = 0; i < judging->rules.count; i++)
		if (lets_remote_in(&judging->rules.lines[i]) &&
		    pga_hba_lets_plain_in(&judging->rules.lines[i]))
			return true;
	return false;
}

/* The line without its end, with another method where one is given. */
static void add_line(struct pga_text *text, const struct pga_hba_file *file,
		     const struct pga_hba_line *line, const char *method)
{
	const char *bytes = pga_text_string(&file->bytes);
	size_t end = line->start + line->length;

	while (end > line->start && pga_is_blank(bytes[end - 1]))
		end--;
	if (method == NULL) {
		pga_text_add_bytes(text, bytes + line->start, end - line->start);
		return;
	}
	pga_text_add_bytes(text, bytes + line->start, line->method->start - line->start);
	pga_text_add(text, method);
	pga_text_add_bytes(text, bytes + line->method->end, end - line->method->end);
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
