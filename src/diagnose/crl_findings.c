#include "diagnose/crl_findings.h"

#include "anchor/crls.h"
#include "report/moment.h"

/* Half of its time is when it is refreshed; so far behind that, nobody has. */
static time_t soon(const struct pga_crl_record *record, time_t end)
{
	const time_t begin = pga_crl_time(record->this_update);

	return end - (end - begin) / 4;
}

static void judge(const struct pga_crl_record *record, time_t now, struct pga_findings *findings)
{
	const time_t end = pga_crl_time(record->next_update);
	const bool over = end <= now;
	char when[PGA_MOMENT];

	if (record->next_update[0] == '\0' || now < soon(record, end))
		return;
	pga_moment(end, false, when);
	pga_findings_add(findings, over ? PGA_CRL_EXPIRED : PGA_CRL_EXPIRES_SOON,
			 over ? PGA_SEVERITY_ERROR : PGA_SEVERITY_WARNING, PGA_ABOUT_CRLS,
			 "the CRL %s %s %s", record->name, over ? "has expired on" : "expires on",
			 when);
	pga_findings_object(findings, "%s", record->name);
	pga_findings_detail(findings, "libpq %s the servers of %s",
			    over ? "refuses" : "will refuse", record->issuer);
	if (record->source[0] != '\0')
		pga_findings_hint(findings, "pganchor crl refresh %s: asks %s for a newer one",
				  record->name, record->source);
	else
		pga_findings_hint(findings,
				  "pganchor crl add FILE puts a newer one in place, and pganchor "
				  "crl remove %s takes it out",
				  record->name);
}

int pga_crls_judge(time_t now, struct pga_findings *findings, struct pga_error *error)
{
	struct pga_crls crls;
	struct pga_error unread;

	if (pga_crls_read(&crls, &unread) != 0) {
		pga_findings_add(findings, PGA_CRLS_UNREADABLE, PGA_SEVERITY_WARNING,
				 PGA_ABOUT_CRLS, "no CRL is refreshed");
		pga_findings_detail(findings, "%s", unread.message);
		if (unread.hint[0] != '\0')
			pga_findings_hint(findings, "%s", unread.hint);
	}
	for (size_t i = 0; i < crls.count; i++) {
		bool there = false;

		if (pga_crl_is_there(&crls.records[i], &there, &unread) != 0 || there)
			judge(&crls.records[i], now, findings);
	}
	pga_crls_free(&crls);
	return findings->failed ? pga_fail_memory(error) : 0;
}
