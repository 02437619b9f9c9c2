/* The server's own settings, its certificate, its release, and what was not seen. */
#include "audit/collect.h"
#include "audit/judge.h"

#include <string.h>

#define SECONDS_A_DAY 86400
#define SOON          30

static bool is(const char *text, const char *word)
{
	return text != NULL && strcmp(text, word) == 0;
}

/* What every view of the server's calls applied, and is not. */
static void judge_files(struct pga_audit *audit)
{
	struct pga_findings *findings = &audit->findings;
	const bool other = audit->file_pin != NULL && audit->file_pin[0] != '\0' &&
			   audit->chain_length > 0 &&
			   strcmp(audit->file_pin, audit->chain[0].pin) != 0;

	if (audit->file_fault != NULL) {
		pga_findings_add(
		    findings, PGA_SERVED_CERTIFICATE_OLD, PGA_SEVERITY_ERROR, PGA_AUDIT_CERT,
		    "the server will not start again: its certificate or key cannot be "
		    "loaded");
		pga_findings_object(findings, "ssl_cert_file");
		pga_findings_detail(findings, "%s", audit->file_fault);
	} else if (other) {
		pga_findings_add(findings, PGA_SERVED_CERTIFICATE_OLD, PGA_SEVERITY_ERROR,
				 PGA_AUDIT_CERT,
				 "the server shows another certificate than the one in its file");
		pga_findings_object(findings, "ssl_cert_file");
		pga_findings_detail(findings,
				    "it was not loaded yet, or a reload has failed, and then the "
				    "next start does: its log says which");
		pga_findings_hint(findings, "SELECT pg_reload_conf()");
	}
}

/* Each has verified it for its own host, or not. */
static void judge_callers(struct pga_audit *audit)
{
	struct pga_findings *findings = &audit->findings;

	for (size_t i = 0; i < audit->caller_count; i++) {
		const struct pga_audit_caller *caller = &audit->callers[i];

		if (caller->verified)
			continue;
		pga_findings_add(findings, PGA_SERVED_CERTIFICATE_REFUSED,
				 caller->weak ? PGA_SEVERITY_WARNING : PGA_SEVERITY_ERROR,
				 PGA_AUDIT_CERT,
				 caller->weak ? "service %s (%s) could not verify its certificate"
					      : "service %s (%s) does not take its certificate",
				 caller->services, caller->host);
		pga_findings_object(findings, "%s", caller->services);
		pga_findings_detail(findings, "%s", caller->why);
		if (caller->hint[0] != '\0')
			pga_findings_hint(findings, "%s", caller->hint);
	}
}

void pga_audit_judge_certificate(struct pga_audit *audit)
{
	struct pga_findings *findings = &audit->findings;

	for (size_t i = 0; i < audit->chain_length; i++) {
		const struct pga_audit_certificate *item = &audit->chain[i];
		const long days = (long)((item->ends - audit->now) / SECONDS_A_DAY);

		if (item->ends == 0 || days >= SOON)
			continue;
		pga_findings_add(findings, PGA_SERVED_CERTIFICATE_EXPIRES_SOON,
				 PGA_SEVERITY_WARNING, PGA_AUDIT_CERT,
				 i == 0 ? "the server's certificate ends in %ld day%s"
					: "a certificate of the server's chain ends in %ld day%s",
				 days, days == 1 ? "" : "s");
		pga_findings_object(findings, "%s", item->subject);
		pga_findings_detail(findings, "%s, %s", item->subject, item->to);
		pga_findings_hint(findings, "pganchor forecast --service %s", audit->service);
	}
	judge_files(audit);
	judge_callers(audit);
	if (audit->chain_length > 0 && audit->chain[0].names[0] == '\0') {
		pga_findings_add(findings, PGA_SERVED_CERTIFICATE_UNNAMED, PGA_SEVERITY_WARNING,
				 PGA_AUDIT_CERT,
				 "the server's certificate has no subject alternative name");
		pga_findings_detail(findings, "libpq takes its common name; most other drivers "
					      "refuse it");
	}
}

static void judge_tls(struct pga_audit *audit)
{
	struct pga_findings *findings = &audit->findings;
	const char *minimum = pga_audit_setting(audit, "ssl_min_protocol_version");

	if (is(pga_audit_setting(audit, "ssl"), "off")) {
		pga_findings_add(findings, PGA_SERVER_WITHOUT_TLS, PGA_SEVERITY_ERROR,
				 PGA_AUDIT_SETTINGS, "TLS is off: ssl = off");
		pga_findings_object(findings, "ssl");
		pga_findings_hint(findings,
				  "on its machine: pganchor server enable-tls --data-dir %s",
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

void pga_audit_weak_ciphers(const char *ciphers, struct pga_text *named)
{
	static const char *const weak[] = {"NULL", "RC4", "DES", "EXP", "LOW", "ADH", "MD5", "ALL"};

	for (const char *at = ciphers; at != NULL && *at != '\0';) {
		const size_t length = strcspn(at, ":, ");

		for (size_t i = 0; i < sizeof weak / sizeof weak[0]; i++)
			if (at[0] != '!' && at[0] != '-' && length >= strlen(weak[i]) &&
			    strncmp(at + (at[0] == '+'), weak[i], strlen(weak[i])) == 0) {
				pga_text_add(named, named->length > 0 ? ", " : "");
				pga_text_add_bytes(named, at, length);
				break;
			}
		at += length + strspn(at + length, ":, ");
	}
}

static void judge_ciphers(struct pga_audit *audit)
{
	const char *ciphers = pga_audit_setting(audit, "ssl_ciphers");
	struct pga_text named = PGA_TEXT_EMPTY;

	pga_audit_weak_ciphers(ciphers, &named);
	if (named.length > 0) {
		pga_findings_add(&audit->findings, PGA_SERVER_CIPHERS_WEAK, PGA_SEVERITY_WARNING,
				 PGA_AUDIT_SETTINGS, "ssl_ciphers lets in weak ciphers: %s",
				 pga_text_string(&named));
		pga_findings_object(&audit->findings, "ssl_ciphers");
		pga_findings_detail(&audit->findings, "%s", ciphers);
		pga_findings_hint(&audit->findings, "ALTER SYSTEM RESET ssl_ciphers");
	}
	audit->failed = audit->failed || named.failed;
	pga_text_free(&named);
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

/* The last releases that mended something for servers, of 2026-11-12. */
static void judge_release(struct pga_audit *audit)
{
	static const int releases[] = {140025, 150020, 160016, 170012, 180007};
	struct pga_findings *findings = &audit->findings;
	const int major = audit->version / 10000;

	for (size_t i = 0; i < sizeof releases / sizeof releases[0]; i++) {
		if (releases[i] / 10000 != major || audit->version >= releases[i])
			continue;
		pga_findings_add(findings, PGA_SERVER_RELEASE_OLD, PGA_SEVERITY_WARNING,
				 PGA_AUDIT_SERVER, "PostgreSQL %d.%d is older than %d.%d", major,
				 audit->version % 10000, major, releases[i] % 10000);
		pga_findings_detail(findings, "which was released on 2026-11-12");
	}
	if (major < releases[0] / 10000) {
		pga_findings_add(findings, PGA_SERVER_RELEASE_OLD, PGA_SEVERITY_ERROR,
				 PGA_AUDIT_SERVER, "PostgreSQL %d gets no releases any more",
				 major);
	}
}

void pga_audit_judge_settings(struct pga_audit *audit)
{
	struct pga_findings *findings = &audit->findings;

	judge_release(audit);
	judge_tls(audit);
	judge_ciphers(audit);
	judge_passwords(audit);
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
