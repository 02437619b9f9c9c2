/* The certificate that the server shows, its chain, and the files that it is to come from. */
#include "audit/collect.h"
#include "audit/judge.h"

#include <string.h>

#define SECONDS_A_DAY 86400
#define SOON          30

static void judge_strength(struct pga_audit *audit)
{
	struct pga_findings *findings = &audit->findings;

	for (size_t i = 0; i < audit->chain_length; i++) {
		const struct pga_audit_certificate *item = &audit->chain[i];

		if (item->weak == NULL)
			continue;
		pga_findings_add(findings, PGA_SERVED_CERTIFICATE_WEAK, PGA_SEVERITY_WARNING,
				 PGA_AUDIT_CERT,
				 i == 0 ? "the server's certificate is weak: %s"
					: "a certificate of the server's chain is weak: %s",
				 item->weak);
		pga_findings_object(findings, "%s", item->subject);
		pga_findings_detail(findings, "%s, %s, %s", item->subject, item->key,
				    item->signature);
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

void pga_audit_judge_certificate(struct pga_audit *audit)
{
	struct pga_findings *findings = &audit->findings;

	for (size_t i = 0; i < audit->chain_length; i++) {
		const struct pga_audit_certificate *item = &audit->chain[i];
		const time_t left = item->ends - audit->now;
		const long days = (long)(left / SECONDS_A_DAY);

		/* One of a day is renewed within it: what counts is what is left of its life. */
		if (item->ends == 0 || days >= SOON || left > (item->ends - item->begins) / 6)
			continue;
		pga_findings_add(findings, PGA_SERVED_CERTIFICATE_EXPIRES_SOON,
				 PGA_SEVERITY_WARNING, PGA_AUDIT_CERT,
				 i == 0 ? "the server's certificate ends in %ld day%s"
					: "a certificate of the server's chain ends in %ld day%s",
				 days, days == 1 ? "" : "s");
		pga_findings_object(findings, "%s", item->subject);
		pga_findings_detail(findings, "%s, %s", item->subject, item->to);
		pga_audit_hint_command(audit, "pganchor forecast --service", audit->service);
	}
	judge_strength(audit);
	judge_callers(audit);
	judge_files(audit);
	if (audit->chain_length > 0 && audit->chain[0].names[0] == '\0') {
		pga_findings_add(findings, PGA_SERVED_CERTIFICATE_UNNAMED, PGA_SEVERITY_WARNING,
				 PGA_AUDIT_CERT,
				 "the server's certificate has no subject alternative name");
		pga_findings_detail(findings, "libpq takes its common name; most other drivers "
					      "refuse it");
	}
}
