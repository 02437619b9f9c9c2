#include "diagnose/coverage.h"

bool pga_process_is_bare(const struct pga_process *process)
{
	return (process->gate == NULL && process->libpq_count > 0) || process->own_libpq;
}

/* Whether it has a way to PostgreSQL linked in that the gate does not see. */
static bool is_inside(const struct pga_process *process)
{
	return process->inside != NULL;
}

/* Likewise, of a libpq as well. */
static bool is_bare_inside(const struct pga_process *process)
{
	return is_inside(process) && pga_process_is_bare(process);
}

/* Whether the gate is in it and lets a libpq of it connect to no server by TCP. */
static bool hides_tls(const struct pga_process *process)
{
	bool hides = false;

	for (size_t i = 0; i < process->libpq_count; i++)
		hides = hides || process->libpqs[i].hides_tls;
	return hides && process->gate != NULL;
}

bool pga_process_is_elsewhere(const struct pga_process *process)
{
	return process->gate == NULL && process->libpq_count > 0 && process->module_missing;
}

/* Whether the gate could come into it, or could but for its power. */
static bool is_within_reach(const struct pga_process *process)
{
	return pga_process_is_bare(process) && !is_inside(process) &&
	       !pga_process_is_elsewhere(process);
}

bool pga_process_is_powerful(const struct pga_process *process)
{
	return is_within_reach(process) && process->secure;
}

/* Whether it would have the gate, were it started again. */
static bool is_restartable(const struct pga_process *process)
{
	return is_within_reach(process) && !process->secure;
}

static size_t count(const struct pga_processes *processes,
		    bool (*is)(const struct pga_process *process))
{
	size_t found = 0;

	for (size_t i = 0; i < processes->count; i++)
		found += is(&processes->list[i]) ? 1 : 0;
	return found;
}

/* Those that start again, or are started otherwise. */
static void judge_bare(const struct pga_processes *processes, struct pga_findings *findings)
{
	const size_t bare = count(processes, is_restartable);
	const size_t powerful = count(processes, pga_process_is_powerful);
	const size_t elsewhere = count(processes, pga_process_is_elsewhere);

	if (bare > 0) {
		pga_findings_add(findings, PGA_PROGRAMS_WITHOUT_GATE, PGA_SEVERITY_ERROR,
				 PGA_ABOUT_PROGRAMS, "%zu with a libpq and without the gate", bare);
		pga_findings_hint(findings,
				  "start %s again where the gate is active, or with pganchor run",
				  bare == 1 ? "it" : "them");
	}
	if (powerful > 0) {
		pga_findings_add(findings, PGA_PROGRAMS_PRIVILEGED, PGA_SEVERITY_ERROR,
				 PGA_ABOUT_PROGRAMS,
				 "%zu with a libpq and more power than its caller's, such as "
				 "set-user-ID, into which ld.so loads no gate",
				 powerful);
		pga_findings_hint(
		    findings, "do not let %s connect over TCP, or pganchor enable --ld-so-preload",
		    powerful == 1 ? "it" : "them");
	}
	if (elsewhere > 0) {
		pga_findings_add(findings, PGA_PROGRAMS_WITHOUT_MODULE, PGA_SEVERITY_ERROR,
				 PGA_ABOUT_PROGRAMS,
				 "%zu whose root directory has no module, as in a container, a "
				 "chroot or a sandbox",
				 elsewhere);
		pga_findings_hint(findings, "install pganchor there too");
	}
}

static void judge_hidden(const struct pga_processes *processes, struct pga_findings *findings)
{
	const size_t hidden = count(processes, hides_tls);

	if (hidden == 0)
		return;
	pga_findings_add(findings, PGA_PROGRAMS_TLS_HIDDEN, PGA_SEVERITY_WARNING,
			 PGA_ABOUT_PROGRAMS, "%zu with a libpq that has no shared OpenSSL", hidden);
	pga_findings_detail(findings, "the gate cannot look at a session of it, and lets it "
				      "connect by TCP to exempt hosts alone");
}

static void judge_inside(const struct pga_processes *processes, struct pga_findings *findings)
{
	const size_t inside = count(processes, is_inside);
	const bool bare = count(processes, is_bare_inside) > 0;

	if (inside == 0)
		return;
	pga_findings_add(findings, PGA_PROGRAMS_UNSEEN,
			 bare ? PGA_SEVERITY_ERROR : PGA_SEVERITY_WARNING, PGA_ABOUT_PROGRAMS,
			 "%zu with a way to PostgreSQL inside that the gate does not see", inside);
	pga_findings_hint(findings,
			  "give %s sslmode=verify-full and sslrootcert by %s own settings",
			  inside == 1 ? "it" : "them", inside == 1 ? "its" : "their");
}

void pga_coverage_judge(const struct pga_processes *processes, struct pga_findings *findings)
{
	judge_bare(processes, findings);
	judge_hidden(processes, findings);
	judge_inside(processes, findings);
}
