#include "report/finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *pga_finding_word(enum pga_finding_id id)
{
#define WORD(id, word) [(id)] = (word),
	static const char *const words[] = {PGA_FINDING_IDS(WORD)};

	return words[id];
}

const char *pga_severity_word(enum pga_severity severity)
{
	static const char *const words[] = {[PGA_SEVERITY_OK] = "ok",
					    [PGA_SEVERITY_NOTE] = "note",
					    [PGA_SEVERITY_WARNING] = "warning",
					    [PGA_SEVERITY_ERROR] = "error"};

	return words[severity];
}

/* NULL where memory has run out. */
__attribute__((format(printf, 2, 0))) static char *format_text(struct pga_findings *findings,
							       const char *format,
							       va_list arguments)
{
	char *text = NULL;

	if (findings->failed)
		return NULL;
	if (vasprintf(&text, format, arguments) < 0) {
		findings->failed = true;
		return NULL;
	}
	return text;
}

void pga_findings_add(struct pga_findings *findings, enum pga_finding_id id,
		      enum pga_severity severity, const char *subject, const char *format, ...)
{
	struct pga_finding *grown;
	char *message;
	va_list arguments;

	va_start(arguments, format);
	message = format_text(findings, format, arguments);
	va_end(arguments);
	if (message == NULL)
		return;
	grown = reallocarray(findings->list, findings->count + 1, sizeof *grown);
	if (grown == NULL) {
		findings->failed = true;
		free(message);
		return;
	}
	findings->list = grown;
	grown[findings->count++] = (struct pga_finding){
	    .id = id, .severity = severity, .subject = subject, .message = message};
}

void pga_findings_detail(struct pga_findings *findings, const char *format, ...)
{
	va_list arguments;
	char *detail;

	va_start(arguments, format);
	detail = format_text(findings, format, arguments);
	va_end(arguments);
	if (detail != NULL)
		findings->list[findings->count - 1].detail = detail;
}

void pga_findings_hint(struct pga_findings *findings, const char *format, ...)
{
	va_list arguments;
	char *hint;

	va_start(arguments, format);
	hint = format_text(findings, format, arguments);
	va_end(arguments);
	if (hint != NULL)
		findings->list[findings->count - 1].hint = hint;
}

void pga_findings_object(struct pga_findings *findings, const char *format, ...)
{
	va_list arguments;
	char *object;

	va_start(arguments, format);
	object = format_text(findings, format, arguments);
	va_end(arguments);
	if (object != NULL)
		findings->list[findings->count - 1].object = object;
}

void pga_findings_fix(struct pga_findings *findings, pga_fix *fix)
{
	if (!findings->failed)
		findings->list[findings->count - 1].fix = fix;
}

enum pga_severity pga_findings_worst(const struct pga_findings *findings)
{
	enum pga_severity worst = PGA_SEVERITY_OK;

	for (size_t i = 0; i < findings->count; i++)
		if (findings->list[i].severity > worst)
			worst = findings->list[i].severity;
	return worst;
}

void pga_findings_free(struct pga_findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		free(findings->list[i].object);
		free(findings->list[i].message);
		free(findings->list[i].detail);
		free(findings->list[i].hint);
	}
	free(findings->list);
	memset(findings, 0, sizeof *findings);
}
