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

/* Where the server says that it is set. */
static void place_setting(struct pga_sarif_result *result, const struct pga_audit *audit,
			  const char *name)
{
	for (size_t i = 0; i < audit->setting_count; i++)
		if (strcmp(audit->settings[i].name, name) == 0 &&
		    audit->settings[i].file[0] == '/') {
			result->file = audit->settings[i].file;
			result->line = audit->settings[i].line;
		}
}

/* What a kind of finding is, whatever it is found in: dashboards show it as a title. NULL for kinds
 * that are no finding of a configuration. */
static const char *title_of(enum pga_finding_id id)
{
	static const char *const titles[PGA_FINDING_ID_COUNT] = {
	    [PGA_RECEIVER_WEAK] = "A standby does not verify its primary",
	    [PGA_SUBSCRIPTION_WEAK] = "A subscription does not verify its publisher",
	    [PGA_FOREIGN_SERVER_WEAK] = "A foreign server is not verified",
	    [PGA_OUTWARD_NOT_JUDGED] = "What the server connects to could not be judged",
	    [PGA_RULE_WITHOUT_TLS] = "A rule lets clients in without TLS",
	    [PGA_RULE_TRUST] = "A rule lets anybody in who reaches the server",
	    [PGA_RULE_LOCAL_TRUST] = "A rule lets in anybody on the server's machine",
	    [PGA_RULE_WEAK_PASSWORD] = "A rule takes passwords by a weak method",
	    [PGA_RULE_GSS] = "A rule takes GSSAPI encryption in the place of TLS",
	    [PGA_RULE_SHADOWED] = "Nobody gets as far as a rule",
	    [PGA_RULE_ERROR] = "A line of pg_hba.conf has an error",
	    [PGA_SERVED_CERTIFICATE_EXPIRES_SOON] = "The server's certificate ends soon",
	    [PGA_SERVED_CERTIFICATE_UNNAMED] =
		"The server's certificate has no subject alternative name",
	    [PGA_SERVED_CERTIFICATE_WEAK] = "A certificate that the server shows is weak",
	    [PGA_SERVED_CERTIFICATE_OLD] = "The server shows another certificate than its file",
	    [PGA_SERVED_CERTIFICATE_REFUSED] = "A service would not take the server's certificate",
	    [PGA_SERVER_WITHOUT_TLS] = "The server has TLS switched off",
	    [PGA_SERVER_TLS_OLD] = "The server takes old versions of TLS",
	    [PGA_SERVER_CIPHERS_WEAK] = "The server takes weak ciphers",
	    [PGA_SERVER_MD5] = "New passwords are stored as MD5",
	    [PGA_ROLES_MD5] = "Passwords of roles are stored as MD5",
	    [PGA_SERVER_RELEASE_OLD] = "The server is older than the last release",
	    [PGA_POOLER_SERVER_NOT_VERIFIED] = "pgbouncer does not verify its servers",
	    [PGA_POOLER_ANY_CA] = "pgbouncer takes every CA of the machine's store",
	    [PGA_POOLER_WITHOUT_TLS] = "pgbouncer lets clients in without TLS",
	    [PGA_POOLER_TRUST] = "pgbouncer lets anybody in who reaches it",
	    [PGA_POOLER_WEAK_PASSWORD] = "pgbouncer takes passwords by a weak method",
	    [PGA_POOLER_TLS_OLD] = "pgbouncer takes old versions of TLS",
	    [PGA_POOLER_CIPHERS_WEAK] = "pgbouncer takes weak ciphers",
	    [PGA_POOLER_FILE_OPEN] = "Others can read a file of pgbouncer's with secrets",
	    [PGA_POOLER_SETTING_LOST] = "A later section takes a setting of TLS back",
	    [PGA_POOLER_ERROR] = "pgbouncer does not start with its file",
	    [PGA_SERVER_RESTART_PENDING] = "A setting waits for a restart",
	    [PGA_SERVER_START_FAILS] = "The server does not start with its settings",
	    [PGA_SERVER_FILES_NEWER] = "The server has not loaded its files as they are",
	};

	return titles[id];
}

/* What a finding is about, without what changes from day to day, as the days that are left. Two
 * foreign servers can have one name, and the message has more. */
static const char *same_of(const struct pga_finding *finding)
{
	if (pga_audit_is_of_lines(finding) || strcmp(finding->subject, PGA_AUDIT_OUTWARD) == 0)
		return NULL;
	return finding->object != NULL ? finding->object : "";
}

static void add(json_t *log, const struct pga_audit *audit, const struct pga_finding *finding)
{
	const bool of_rule = pga_audit_is_of_lines(finding);
	const char *cis = pga_audit_cis(finding->id);
	struct pga_text file = PGA_TEXT_EMPTY;
	struct pga_sarif_result result = {.rule = pga_finding_word(finding->id),
					  .rule_text = title_of(finding->id),
					  .tags = cis[0] != '\0' ? cis : NULL,
					  .severity = finding->severity,
					  .message = finding->message,
					  .detail = finding->detail,
					  .hint = finding->hint,
					  .server = audit->service,
					  .same = same_of(finding)};

	if (of_rule && finding->object != NULL)
		pga_text_add_bytes(&file, finding->object,
				   file_and_line(finding->object, &result.line));
	if (file.length > 0)
		result.file = pga_text_string(&file);
	if (of_rule)
		result.text = finding->detail;
	else if (strcmp(finding->subject, PGA_AUDIT_SETTINGS) == 0 && finding->object != NULL)
		place_setting(&result, audit, finding->object);
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
