/* The connections that GUI clients, editors and psql keep in files of their own, which the gate
 * does not see before they are made, and those of drivers other than libpq never. */
#include "diagnose/doctor_checks.h"

#include "clients/stores.h"

#define ABOUT_CLIENTS "clients"

static void tell_weak(const struct pga_kept_connection *weak, struct pga_findings *findings)
{
	pga_findings_add(findings, PGA_CLIENT_WEAK, PGA_SEVERITY_ERROR, ABOUT_CLIENTS,
			 "%s%s%s%s%s is weaker than the policy", weak->client,
			 weak->name[0] != '\0' ? ": the connection " : ": a connection", weak->name,
			 weak->host[0] != '\0' ? " to " : "", weak->host);
	pga_findings_detail(findings, "%s; it is kept in %s", weak->why, weak->file);
	pga_findings_hint(findings, "%s", weak->mend);
	pga_findings_object(findings, "%s %s", weak->client,
			    weak->name[0] != '\0' ? weak->name : weak->host);
}

static void tell_unread(const struct pga_unread_store *unread, struct pga_findings *findings)
{
	pga_findings_add(findings, PGA_CLIENT_UNREADABLE, PGA_SEVERITY_WARNING, ABOUT_CLIENTS,
			 "%s: its connections could not be looked at", unread->client);
	pga_findings_detail(findings, "%s", unread->why);
	if (unread->hint[0] != '\0')
		pga_findings_hint(findings, "%s", unread->hint);
	pga_findings_object(findings, "%s", unread->file);
}

int pga_check_clients(const struct pga_doctor *doctor, struct pga_findings *findings,
		      struct pga_error *error)
{
	struct pga_kept kept;
	const int result = pga_clients_look(&kept, &doctor->policy, error);

	for (size_t i = 0; i < kept.weak_count; i++)
		tell_weak(&kept.weak[i], findings);
	for (size_t i = 0; i < kept.unread_count; i++)
		tell_unread(&kept.unread[i], findings);
	if (result != 0 && !kept.failed)
		pga_check_failed(findings, ABOUT_CLIENTS, "what clients keep", error);
	if (kept.failed || findings->failed) {
		pga_kept_free(&kept);
		return pga_fail_memory(error);
	}
	pga_kept_free(&kept);
	return 0;
}
