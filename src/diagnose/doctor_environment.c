/* The environment of this shell. */
#include "diagnose/doctor_checks.h"

#include "diagnose/variables.h"

#include <stdlib.h>
#include <string.h>

#define ABOUT_ENVIRONMENT "environment"

static const struct {
	enum pga_finding_id id;
	enum pga_severity severity;
} weights[] = {
    [PGA_VARIABLE_WEAKENS] = {PGA_ENVIRONMENT_WEAKENS, PGA_SEVERITY_ERROR},
    [PGA_VARIABLE_PASSWORD] = {PGA_ENVIRONMENT_PASSWORD, PGA_SEVERITY_WARNING},
    [PGA_VARIABLE_CHANGES] = {PGA_ENVIRONMENT_CHANGES, PGA_SEVERITY_NOTE},
};

static void judge(const struct pga_variable *variable, const char *value,
		  const struct pga_policy *policy, struct pga_findings *findings)
{
	const enum pga_variable_effect effect = variable->effect(value, policy);

	if (effect == PGA_VARIABLE_FINE)
		return;
	if (effect == PGA_VARIABLE_PASSWORD)
		pga_findings_add(findings, weights[effect].id, weights[effect].severity,
				 ABOUT_ENVIRONMENT, "%s is set in this environment",
				 variable->name);
	else
		pga_findings_add(findings, weights[effect].id, weights[effect].severity,
				 ABOUT_ENVIRONMENT, "this environment has %s=%s", variable->name,
				 value);
	pga_findings_detail(findings, "%s", variable->why);
	if (effect == PGA_VARIABLE_PASSWORD)
		pga_findings_hint(findings,
				  "unset %s: pganchor password set HOST -U USER keeps it in the "
				  "keyring",
				  variable->name);
	else
		pga_findings_hint(findings, "unset %s", variable->name);
	pga_findings_object(findings, "%s", variable->name);
}

int pga_check_environment(const struct pga_doctor *doctor, struct pga_findings *findings,
			  struct pga_error *error)
{
	for (const struct pga_variable *one = pga_variables; one->name != NULL; one++) {
		const char *value = getenv(one->name);

		if (value != NULL && value[0] != '\0')
			judge(one, value, &doctor->policy, findings);
	}
	return findings->failed ? pga_fail_memory(error) : 0;
}
