/* The entries of pg_service.conf. */
#include "diagnose/doctor_checks.h"

#include "base/shell_word.h"

#define ABOUT_SERVICES "services"

/* The first of the reasons: they are lines. */
static void add_first_line(struct pga_text *text, const char *lines)
{
	const char *line;
	size_t length;

	if (pga_next_line(&lines, &line, &length))
		pga_text_add_bytes(text, line, length);
}

static void judge(const struct pga_listed *listed, struct pga_findings *findings)
{
	const bool system = listed->file->place == PGA_SERVICE_SYSTEM;
	const bool weak = listed->evaluation.state == PGA_ENTRY_WEAK;
	struct pga_text word = PGA_TEXT_EMPTY;
	struct pga_text why = PGA_TEXT_EMPTY;

	if (listed->hidden || listed->entry->name == NULL ||
	    (!weak && listed->evaluation.state != PGA_ENTRY_BROKEN))
		return;
	pga_text_add_shell_word(&word, listed->entry->name);
	add_first_line(&why, pga_text_string(&listed->evaluation.why));
	pga_findings_add(findings, weak ? PGA_SERVICE_WEAK : PGA_SERVICE_BROKEN,
			 weak ? PGA_SEVERITY_ERROR : PGA_SEVERITY_WARNING, ABOUT_SERVICES,
			 "service %s%s %s", listed->entry->name, system ? " (of the machine)" : "",
			 weak ? "is weaker than the policy" : "does not work");
	pga_findings_detail(findings, "%s", pga_text_string(&why));
	pga_findings_hint(findings, "pganchor service %s %s%s", weak ? "harden" : "show",
			  system && weak ? "--system " : "", pga_text_string(&word));
	pga_findings_object(findings, "%s", listed->entry->name);
	findings->failed = findings->failed || word.failed || why.failed;
	pga_text_free(&word);
	pga_text_free(&why);
}

int pga_check_services(const struct pga_doctor *doctor, struct pga_findings *findings,
		       struct pga_error *error)
{
	for (size_t i = 0; i < doctor->services.count; i++)
		judge(&doctor->services.entries[i], findings);
	return findings->failed ? pga_fail_memory(error) : 0;
}
