/* What status finds is hazardous, too. */
#include "diagnose/doctor_checks.h"

static void copy(const struct pga_finding *from, struct pga_findings *findings)
{
	pga_findings_add(findings, from->id, from->severity, from->subject, "%s", from->message);
	if (from->detail != NULL)
		pga_findings_detail(findings, "%s", from->detail);
	if (from->hint != NULL)
		pga_findings_hint(findings, "%s", from->hint);
	if (from->object != NULL)
		pga_findings_object(findings, "%s", from->object);
	pga_findings_fix(findings, from->fix);
}

int pga_check_status(const struct pga_doctor *doctor, struct pga_findings *findings,
		     struct pga_error *error)
{
	const struct pga_findings *found = &doctor->status.findings;

	for (size_t i = 0; i < found->count && !findings->failed; i++)
		copy(&found->list[i], findings);
	return findings->failed ? pga_fail_memory(error) : 0;
}
