/* The servers of the services, asked over the network: with --online alone. */
#include "diagnose/doctor_checks.h"

#include "base/many.h"
#include "base/shell_word.h"
#include "diagnose/forecast.h"
#include "policy/linked.h"
#include "probe/probe.h"

#include <stdlib.h>
#include <string.h>

static const struct pga_probe_limits limits = {.connect_timeout = 5000, .max_time = 15000};

struct asking {
	struct pga_probe_targets targets;
	struct pga_findings *findings;
};

static void drop(void *result)
{
	if (result != NULL)
		pga_probe_free(result);
	free(result);
}

static void *ask(void *context, size_t index, bool *failed)
{
	const struct asking *asking = context;
	struct pga_probe *probe = calloc(1, sizeof *probe);
	struct pga_error ignored;

	*failed = probe == NULL ||
		  pga_probe_run(&asking->targets.list[index], &limits, probe, &ignored) != 0;
	if (!*failed)
		return probe;
	drop(probe);
	return NULL;
}

static void judge(struct pga_findings *findings, const struct pga_probe_target *target,
		  const struct pga_probe *probe)
{
	const bool tls = probe->answer == PGA_PROBE_TLS;
	const char *service = target->service != NULL ? target->service : target->word;
	struct pga_text word = PGA_TEXT_EMPTY;

	if (tls && probe->verified)
		return;
	pga_findings_add(findings,
			 tls                                 ? PGA_SERVER_NOT_VERIFIED
			 : probe->answer == PGA_PROBE_NO_TLS ? PGA_SERVER_WITHOUT_CERTIFICATE
							     : PGA_SERVER_NOT_REACHED,
			 tls || probe->answer == PGA_PROBE_NO_TLS ? PGA_SEVERITY_ERROR
								  : PGA_SEVERITY_WARNING,
			 PGA_ABOUT_SERVERS, "the server %s:%u of service %s %s", target->host,
			 target->port, service,
			 tls                                 ? "is not verified"
			 : probe->answer == PGA_PROBE_NO_TLS ? "uses no TLS"
							     : "was not reached");
	if (probe->why != NULL)
		pga_findings_detail(findings, "%s", probe->why);
	pga_text_add_shell_word(&word, service);
	pga_findings_hint(findings, "pganchor probe %s: says more", pga_text_string(&word));
	pga_findings_object(findings, "%s", service);
	findings->failed = findings->failed || word.failed;
	pga_text_free(&word);
}

static int take(void *context, size_t index, void *result, struct pga_error *error)
{
	const struct asking *asking = context;

	if (result == NULL)
		return pga_fail_memory(error);
	judge(asking->findings, &asking->targets.list[index], result);
	drop(result);
	return 0;
}

/* One that cannot be probed (a socket, an entry that libpq refuses) is told by other checks. */
static void add_targets(const struct pga_doctor *doctor, struct pga_probe_trusts *trusts,
			struct asking *asking)
{
	struct pga_error ignored;

	for (size_t i = 0; i < doctor->services.count; i++) {
		const struct pga_listed *listed = &doctor->services.entries[i];

		if (!listed->hidden && listed->entry->name != NULL &&
		    (listed->evaluation.state == PGA_ENTRY_ALLOWED ||
		     listed->evaluation.state == PGA_ENTRY_WEAK))
			(void)pga_probe_targets_add(&asking->targets, listed->entry->name, trusts,
						    &ignored);
	}
}

int pga_check_servers(const struct pga_doctor *doctor, struct pga_findings *findings,
		      struct pga_error *error)
{
	struct pga_probe_trusts trusts = {.policy = &doctor->policy, .pins = &doctor->pins};
	struct asking asking = {.findings = findings};
	const struct pga_many many = {
	    .work = ask, .take = take, .drop = drop, .context = &asking, .progress = "probing"};
	struct pga_hidden_environment hidden;
	struct pga_many counted = many;
	int result;

	if (pga_hide_environment(&hidden) != 0)
		return pga_fail_memory(error);
	add_targets(doctor, &trusts, &asking);
	counted.count = asking.targets.count;
	result = counted.count > 0 ? pga_many_run(&counted, error) : 0;
	if (result > 0)
		pga_many_end(result);
	pga_restore_environment(&hidden);
	pga_probe_targets_free(&asking.targets);
	pga_probe_trusts_free(&trusts);
	if (result == 0 && findings->failed)
		return pga_fail_memory(error);
	return result;
}
