#include "audit/sarif.h"

#include "base/text.h"
#include "report/json.h"
#include "report/sarif.h"

#include <stdlib.h>
#include <string.h>

/* The object of a finding about a rule is "FILE:LINE". Returns the length of the file's name; 0
 * where it is no path: the server does not say where its file is. */
static size_t file_and_line(const char *object, long *line)
{
	const char *colon = strrchr(object, ':');

	if (object[0] != '/' || colon == NULL)
		return 0;
	*line = strtol(colon + 1, NULL, 10);
	return (size_t)(colon - object);
}

static const char *file_of_setting(const struct pga_audit *audit, const char *name)
{
	for (size_t i = 0; i < audit->setting_count; i++)
		if (strcmp(audit->settings[i].name, name) == 0 && audit->settings[i].file[0] == '/')
			return audit->settings[i].file;
	return NULL;
}

static void add(json_t *log, const struct pga_audit *audit, const struct pga_finding *finding)
{
	const bool of_rule = strcmp(finding->subject, PGA_AUDIT_RULES) == 0;
	const char *cis = pga_audit_cis(finding->id);
	struct pga_text file = PGA_TEXT_EMPTY;
	struct pga_sarif_result result = {.rule = pga_finding_word(finding->id),
					  .tags = cis[0] != '\0' ? cis : NULL,
					  .severity = finding->severity,
					  .message = finding->message,
					  .detail = finding->detail,
					  .hint = finding->hint,
					  .server = audit->service};

	if (of_rule && finding->object != NULL)
		pga_text_add_bytes(&file, finding->object,
				   file_and_line(finding->object, &result.line));
	if (file.length > 0)
		result.file = pga_text_string(&file);
	if (of_rule)
		result.text = finding->detail;
	else if (strcmp(finding->subject, PGA_AUDIT_SETTINGS) == 0 && finding->object != NULL)
		result.file = file_of_setting(audit, finding->object);
	/* an object that is NULL makes the report fail */
	pga_sarif_add(file.failed ? NULL : log, &result);
	pga_text_free(&file);
}

void pga_audit_sarif_add(json_t *log, const struct pga_audit *audit)
{
	if (audit->failed || audit->findings.failed)
		pga_json_set(log, "runs", NULL);
	for (size_t i = 0; i < audit->findings.count; i++) {
		const struct pga_finding *finding = &audit->findings.list[i];

		if (!audit->connected)
			pga_sarif_not_seen(log, PGA_SEVERITY_ERROR, audit->service,
					   finding->message);
		else if (strcmp(finding->subject, PGA_AUDIT_UNSEEN) == 0)
			pga_sarif_not_seen(log, PGA_SEVERITY_WARNING, audit->service,
					   finding->message);
		else if (strcmp(finding->subject, PGA_AUDIT_SESSIONS) != 0)
			add(log, audit, finding);
	}
}
