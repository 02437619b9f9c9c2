/* The server's own settings, its release, and what was not seen. */
#include "audit/ciphers.h"
#include "audit/collect.h"
#include "audit/judge.h"

#include "base/pg_releases.h"
#include "base/shell_word.h"

#include <string.h>

void pga_audit_hint_command(struct pga_audit *audit, const char *command, const char *operand)
{
	const bool option = strrchr(command, ' ')[1] == '-';
	struct pga_text text = PGA_TEXT_EMPTY;

	pga_text_addf(&text, operand[0] == '-' && !option ? "%s -- " : "%s ", command);
	pga_text_add_shell_word(&text, operand);
	pga_findings_hint(&audit->findings, "%s", pga_text_string(&text));
	audit->failed = audit->failed || text.failed;
	pga_text_free(&text);
}

static bool is(const char *text, const char *word)
{
	return text != NULL && strcmp(text, word) == 0;
}

static void judge_tls(struct pga_audit *audit)
{
	struct pga_findings *findings = &audit->findings;
	const char *minimum = pga_audit_setting(audit, "ssl_min_protocol_version");

	if (is(pga_audit_setting(audit, "ssl"), "off")) {
		pga_findings_add(findings, PGA_SERVER_WITHOUT_TLS, PGA_SEVERITY_ERROR,
				 PGA_AUDIT_SETTINGS, "TLS is off: ssl = off");
		pga_findings_object(findings, "ssl");
		pga_audit_hint_command(audit,
				       "on its machine: pganchor server enable-tls --data-dir",
				       audit->data[0] != '\0' ? audit->data : "DIRECTORY");
		return;
	}
	if (minimum != NULL && strcmp(minimum, "TLSv1.2") != 0 && strcmp(minimum, "TLSv1.3") != 0) {
		pga_findings_add(findings, PGA_SERVER_TLS_OLD, PGA_SEVERITY_ERROR,
				 PGA_AUDIT_SETTINGS,
				 "TLS older than 1.2 is let in: "
				 "ssl_min_protocol_version = '%s'",
				 minimum);
		pga_findings_object(findings, "ssl_min_protocol_version");
		pga_findings_hint(findings,
				  "ALTER SYSTEM SET ssl_min_protocol_version = 'TLSv1.2'");
	}
}

/* A finding about the setting, where it has weak ones. */
static void judge_list(struct pga_audit *audit, const char *name,
		       void (*add_weak)(const char *list, struct pga_text *named), const char *what)
{
	const char *list = pga_audit_setting(audit, name);
	struct pga_text named = PGA_TEXT_EMPTY;

	if (list != NULL)
		add_weak(list, &named);
	if (named.length > 0) {
		pga_findings_add(&audit->findings, PGA_SERVER_CIPHERS_WEAK, PGA_SEVERITY_WARNING,
				 PGA_AUDIT_SETTINGS, "%s lets in weak %s: %s", name, what,
				 pga_text_string(&named));
		pga_findings_object(&audit->findings, "%s", name);
		pga_findings_detail(&audit->findings, "%s", list);
		pga_findings_hint(&audit->findings, "ALTER SYSTEM RESET %s", name);
	}
	audit->failed = audit->failed || named.failed;
	pga_text_free(&named);
}

/* ssl_groups is ssl_ecdh_curve's name from 18 on. */
static void judge_ciphers(struct pga_audit *audit)
{
	judge_list(audit, "ssl_ciphers", pga_audit_weak_ciphers, "ciphers");
	judge_list(audit, "ssl_tls13_ciphers", pga_audit_weak_tls13_ciphers, "ciphers");
	judge_list(audit, "ssl_groups", pga_audit_weak_groups, "groups");
	judge_list(audit, "ssl_ecdh_curve", pga_audit_weak_groups, "groups");
}

static void judge_passwords(struct pga_audit *audit)
{
	struct pga_findings *findings = &audit->findings;
	struct pga_text names = PGA_TEXT_EMPTY;

	if (is(pga_audit_setting(audit, "password_encryption"), "md5")) {
		pga_findings_add(findings, PGA_SERVER_MD5, PGA_SEVERITY_WARNING, PGA_AUDIT_SETTINGS,
				 "new passwords are stored as MD5: password_encryption = 'md5'");
		pga_findings_object(findings, "password_encryption");
		pga_findings_hint(findings,
				  "ALTER SYSTEM SET password_encryption = 'scram-sha-256'");
	}
	for (size_t i = 0; i < audit->override_count; i++) {
		pga_findings_add(findings, PGA_SERVER_MD5, PGA_SEVERITY_WARNING, PGA_AUDIT_SETTINGS,
				 "new passwords are stored as MD5 by %s: "
				 "password_encryption = 'md5'",
				 audit->overrides[i].of);
		pga_findings_object(findings, "%s", audit->overrides[i].of);
		pga_findings_hint(findings, "%s", audit->overrides[i].mends);
	}
	if (audit->md5_role_count == 0)
		return;
	for (size_t i = 0; i < audit->md5_role_count && i < 10; i++)
		pga_text_addf(&names, "%s%s", i > 0 ? ", " : "", audit->md5_roles[i]);
	if (audit->md5_role_count > 10)
		pga_text_add(&names, ", ...");
	pga_findings_add(findings, PGA_ROLES_MD5, PGA_SEVERITY_WARNING, PGA_AUDIT_SETTINGS,
			 "%zu role%s %s a password that is stored as MD5", audit->md5_role_count,
			 audit->md5_role_count == 1 ? "" : "s",
			 audit->md5_role_count == 1 ? "has" : "have");
	pga_findings_detail(findings, "%s", pga_text_string(&names));
	pga_findings_hint(findings, "\\password NAME in psql, with password_encryption = "
				    "'scram-sha-256'");
	audit->failed = audit->failed || names.failed;
	pga_text_free(&names);
}

/* Of a major version that is newer than the list nothing is known. */
static void judge_release(struct pga_audit *audit)
{
	struct pga_findings *findings = &audit->findings;
	const int major = audit->version / 10000;
	const int last = pga_pg_release_of(0, major);

	if (audit->version == 0)
		return;
	if (major < pga_pg_oldest_major()) {
		pga_findings_add(findings, PGA_SERVER_RELEASE_OLD, PGA_SEVERITY_ERROR,
				 PGA_AUDIT_SERVER, "PostgreSQL %d gets no releases any more",
				 major);
	} else if (audit->version < last) {
		pga_findings_add(findings, PGA_SERVER_RELEASE_OLD, PGA_SEVERITY_WARNING,
				 PGA_AUDIT_SERVER, "PostgreSQL %d.%d is older than %d.%d", major,
				 audit->version % 10000, major, last % 10000);
		pga_findings_detail(findings, "which was released on %s", pga_pg_mended[0].day);
	}
}

static void add_start_fails(struct pga_audit *audit, const char *name, const char *why)
{
	struct pga_findings *findings = &audit->findings;

	pga_findings_add(findings, PGA_SERVER_START_FAILS, PGA_SEVERITY_ERROR, PGA_AUDIT_SETTINGS,
			 "the server will not start again with its %s", name);
	pga_findings_object(findings, "%s", name);
	pga_findings_detail(findings, "%s", why);
}

/* In the order of their names, of which "" is any. */
static bool is_later(const char *minimum, const char *maximum)
{
	return minimum != NULL && maximum != NULL && minimum[0] != '\0' && maximum[0] != '\0' &&
	       strcmp(minimum, maximum) > 0;
}

/* Settings that each are good, and with which TLS cannot be set up (be_tls_init()). */
static void judge_together(struct pga_audit *audit)
{
	const char *ciphers = pga_audit_setting(audit, "ssl_ciphers");

	if (is(pga_audit_setting(audit, "ssl"), "off"))
		return;
	if (is_later(pga_audit_setting(audit, "ssl_min_protocol_version"),
		     pga_audit_setting(audit, "ssl_max_protocol_version")))
		add_start_fails(audit, "ssl_min_protocol_version",
				"it is later than ssl_max_protocol_version");
	if (ciphers != NULL && !pga_audit_has_cipher(ciphers))
		add_start_fails(audit, "ssl_ciphers",
				"it has no cipher that the OpenSSL of this machine knows");
}

static void judge_newer(struct pga_audit *audit)
{
	struct pga_findings *findings = &audit->findings;

	if (!audit->rules_newer && !audit->settings_newer)
		return;
	pga_findings_add(findings, PGA_SERVER_FILES_NEWER, PGA_SEVERITY_WARNING, PGA_AUDIT_SETTINGS,
			 "%s were changed since the server has loaded them",
			 !audit->settings_newer ? "the rules"
			 : !audit->rules_newer  ? "the settings"
						: "settings and rules");
	pga_findings_object(findings, "%s", audit->rules_newer ? "pg_hba.conf" : "postgresql.conf");
	pga_findings_detail(findings, "what is told of rules here is of the file, and those in "
				      "force may be weaker");
	pga_findings_hint(findings, "SELECT pg_reload_conf()");
}

/* What is in the files, and was refused when they were read: a reload goes on without it, and a
 * start does not. */
static void judge_start(struct pga_audit *audit)
{
	struct pga_findings *findings = &audit->findings;

	for (size_t i = 0; i < audit->refused_count; i++) {
		const struct pga_audit_refused *refused = &audit->refused[i];

		pga_findings_add(
		    findings, PGA_SERVER_START_FAILS, PGA_SEVERITY_ERROR, PGA_AUDIT_SETTINGS,
		    "the server will not start again: %s:%ld is refused%s%s", refused->file,
		    refused->line, refused->name[0] != '\0' ? ", " : "", refused->name);
		pga_findings_object(findings, "%s", refused->name);
		pga_findings_detail(findings, "%s", refused->why);
	}
}

void pga_audit_judge_settings(struct pga_audit *audit)
{
	struct pga_findings *findings = &audit->findings;

	judge_release(audit);
	judge_tls(audit);
	judge_ciphers(audit);
	judge_passwords(audit);
	judge_start(audit);
	judge_together(audit);
	judge_newer(audit);
	for (size_t i = 0; i < audit->setting_count; i++) {
		const struct pga_audit_setting *setting = &audit->settings[i];

		if (!setting->pending)
			continue;
		pga_findings_add(findings, PGA_SERVER_RESTART_PENDING, PGA_SEVERITY_NOTE,
				 PGA_AUDIT_SETTINGS, "%s will be another after the next restart",
				 setting->name);
		pga_findings_object(findings, "%s", setting->name);
	}
}

void pga_audit_judge_unseen(struct pga_audit *audit)
{
	struct pga_findings *findings = &audit->findings;

	for (size_t i = 0; i < audit->unseen_count; i++) {
		const struct pga_audit_unseen *unseen = &audit->unseen[i];

		pga_findings_add(findings, PGA_AUDIT_INCOMPLETE, PGA_SEVERITY_NOTE,
				 PGA_AUDIT_UNSEEN, "not seen: %s", unseen->what);
		pga_findings_object(findings, "%s", unseen->what);
		pga_findings_detail(findings, "%s", unseen->why);
		if (unseen->right[0] != '\0')
			pga_findings_hint(findings, "%s", unseen->right);
	}
}

void pga_audit_judge(struct pga_audit *audit)
{
	pga_audit_judge_settings(audit);
	pga_audit_judge_certificate(audit);
	pga_audit_judge_rules(audit);
	pga_audit_judge_sessions(audit);
	pga_audit_judge_outward(audit);
	pga_audit_judge_unseen(audit);
}
