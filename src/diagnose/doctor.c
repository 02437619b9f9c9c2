#include "diagnose/doctor.h"

#include "diagnose/quiet_libpq.h"
#include "policy/linked.h"

#include <stdlib.h>
#include <string.h>

#define ABOUT_FILES "files"

void pga_check_failed(struct pga_findings *findings, const char *subject, const char *object,
		      const struct pga_error *error)
{
	pga_findings_add(findings, PGA_CHECK_FAILED, PGA_SEVERITY_WARNING, subject,
			 "%s could not be looked at", object);
	pga_findings_detail(findings, "%s", error->message);
	if (error->hint[0] != '\0')
		pga_findings_hint(findings, "%s", error->hint);
	pga_findings_object(findings, "%s", object);
}

/* Policy and pins: what cannot be read is told by the checks of status. */
static void read_rules(struct pga_doctor *doctor, struct pga_error *why)
{
	if (pga_policy_load(&doctor->policy, why) == 0 &&
	    pga_pins_load(&doctor->pins, &doctor->policy, why) == 0)
		return;
	doctor->broken = true;
	pga_pins_free(&doctor->pins);
	pga_policy_free(&doctor->policy);
	memset(&doctor->pins, 0, sizeof doctor->pins);
	memset(&doctor->policy, 0, sizeof doctor->policy);
}

static void read_services(struct pga_doctor *doctor)
{
	struct pga_error error;
	const bool user = pga_service_file_read(&doctor->user, PGA_SERVICE_USER, &error) == 0;

	if (!user)
		pga_check_failed(&doctor->findings, ABOUT_FILES, "the service file of the user",
				 &error);
	doctor->services_unread =
	    pga_service_file_read(&doctor->system, PGA_SERVICE_SYSTEM, &error) != 0;
	if (doctor->services_unread)
		pga_check_failed(&doctor->findings, ABOUT_FILES, "the service file of the machine",
				 &error);
	doctor->services_unread = doctor->services_unread || !user;
}

static int begin(struct pga_doctor *doctor, struct pga_error *error)
{
	struct pga_hidden_environment hidden;
	struct pga_error unread;
	struct pga_error why;
	int result;

	doctor->now = time(NULL);
	if (pga_accepted_load(&doctor->accepted, &unread) != 0) {
		pga_check_failed(&doctor->findings, "accepted", PGA_ACCEPTED_FILE, &unread);
		pga_accepted_free(&doctor->accepted);
	}
	if (pga_hide_environment(&hidden) != 0)
		return pga_fail_memory(error);
	read_rules(doctor, &why);
	read_services(doctor);
	result = pga_service_list_make(&doctor->services, &doctor->user, &doctor->system,
				       &doctor->policy, &doctor->pins, error);
	if (result == 0 && !doctor->quick) {
		doctor->entries =
		    pga_entry_facts_find(&doctor->user, &doctor->system, &doctor->policy, error);
		result = doctor->entries != NULL ? 0 : -1;
	}
	pga_restore_environment(&hidden);
	if (result != 0 || pga_status_look(&doctor->status, error) != 0)
		return -1;
	/* Status could read them: nothing tells of what is not looked at without them. */
	if (doctor->broken && !doctor->status.broken) {
		*error = why;
		return -1;
	}
	return 0;
}

int pga_doctor_begin(struct pga_doctor *doctor, struct pga_error *error)
{
	const struct pga_quiet quiet = pga_quiet_begin();
	const int result = begin(doctor, error);

	pga_quiet_end(&quiet);
	return result;
}

static bool is_due(const struct pga_doctor *doctor, const struct pga_check *check)
{
	return (doctor->online || !check->online) && (!doctor->quick || !check->slow);
}

static enum pga_check_result result_since(const struct pga_findings *findings, size_t before)
{
	for (size_t i = before; i < findings->count; i++)
		if (findings->list[i].severity > PGA_SEVERITY_NOTE)
			return PGA_CHECK_FOUND;
	return PGA_CHECK_FINE;
}

/* The worst first; those of one weight as they were found. Few: nobody waits for this. */
static void order(struct pga_findings *findings)
{
	for (size_t i = 1; i < findings->count; i++) {
		const struct pga_finding finding = findings->list[i];
		size_t k = i;

		for (; k > 0 && findings->list[k - 1].severity < finding.severity; k--)
			findings->list[k] = findings->list[k - 1];
		findings->list[k] = finding;
	}
}

static int run_checks(struct pga_doctor *doctor, struct pga_checkup *checkup,
		      struct pga_error *error)
{
	struct pga_findings *findings = &doctor->findings;

	for (size_t i = 0; pga_checks[i].run != NULL; i++) {
		const size_t before = findings->count;

		checkup->results[i] = PGA_CHECK_SKIPPED;
		if (!is_due(doctor, &pga_checks[i]))
			continue;
		if (pga_checks[i].run(doctor, findings, error) != 0)
			return -1;
		checkup->results[i] = result_since(findings, before);
	}
	return 0;
}

int pga_doctor_run(struct pga_doctor *doctor, struct pga_checkup *checkup, struct pga_error *error)
{
	const struct pga_quiet quiet = pga_quiet_begin();
	const int result = run_checks(doctor, checkup, error);

	pga_quiet_end(&quiet);
	if (result != 0)
		return -1;
	if (!doctor->quick)
		pga_accepted_judge(&doctor->accepted, doctor->now, doctor->online,
				   &doctor->findings);
	if (doctor->findings.failed)
		return pga_fail_memory(error);
	order(&doctor->findings);
	return 0;
}

void pga_doctor_count(const struct pga_doctor *doctor, struct pga_doctor_counts *counts)
{
	memset(counts, 0, sizeof *counts);
	for (size_t i = 0; i < doctor->findings.count; i++) {
		const struct pga_finding *finding = &doctor->findings.list[i];
		const bool accepted =
		    pga_accepted_for(&doctor->accepted, finding, doctor->now) != NULL;

		counts->accepted += accepted;
		counts->of[finding->severity] += !accepted;
		counts->fixable += !accepted && finding->fix != NULL;
	}
}

enum pga_severity pga_doctor_worst(const struct pga_doctor *doctor)
{
	enum pga_severity worst = PGA_SEVERITY_OK;

	for (size_t i = 0; i < doctor->findings.count; i++) {
		const struct pga_finding *finding = &doctor->findings.list[i];

		if (finding->severity > worst &&
		    pga_accepted_for(&doctor->accepted, finding, doctor->now) == NULL)
			worst = finding->severity;
	}
	return worst;
}

void pga_doctor_free(struct pga_doctor *doctor)
{
	pga_status_free(&doctor->status);
	pga_entry_facts_free(doctor->entries, doctor->services.count);
	pga_service_list_free(&doctor->services);
	pga_service_file_free(&doctor->user);
	pga_service_file_free(&doctor->system);
	pga_pins_free(&doctor->pins);
	pga_policy_free(&doctor->policy);
	pga_accepted_free(&doctor->accepted);
	pga_findings_free(&doctor->findings);
}
