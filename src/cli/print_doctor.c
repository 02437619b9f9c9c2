#include "cli/print_doctor.h"

#include "base/home_text.h"
#include "base/printable.h"
#include "base/shell_word.h"
#include "base/terminal.h"
#include "report/json.h"

#include <stdlib.h>

void pga_finding_add_name(struct pga_text *text, const struct pga_finding *finding)
{
	struct pga_text object = PGA_TEXT_EMPTY;

	pga_text_add(text, pga_finding_word(finding->id));
	if (finding->object == NULL)
		return;
	pga_text_add_home_short(&object, finding->object);
	pga_text_addf(text, ":%s", pga_text_string(&object));
	text->failed = text->failed || object.failed;
	pga_text_free(&object);
}

static enum pga_colour colour_of(enum pga_severity severity)
{
	static const enum pga_colour colours[] = {[PGA_SEVERITY_OK] = PGA_GREEN,
						  [PGA_SEVERITY_NOTE] = PGA_PLAIN,
						  [PGA_SEVERITY_WARNING] = PGA_YELLOW,
						  [PGA_SEVERITY_ERROR] = PGA_RED};

	return colours[severity];
}

/* A line, the user's home as ~. */
static void print_line(const char *line)
{
	struct pga_text shown = PGA_TEXT_EMPTY;

	pga_text_add_home_short(&shown, line);
	pga_print(stdout, "    %s\n", pga_text_string(&shown));
	pga_text_free(&shown);
}

static void print_finding(const struct pga_finding *finding)
{
	struct pga_text name = PGA_TEXT_EMPTY;
	struct pga_text word = PGA_TEXT_EMPTY;
	struct pga_text message = PGA_TEXT_EMPTY;

	pga_finding_add_name(&name, finding);
	pga_text_add_shell_word(&word, pga_text_string(&name));
	pga_text_add_home_short(&message, finding->message);
	pga_print(stdout, "%s%s%s: %s  [%s]\n", pga_colour(stdout, colour_of(finding->severity)),
		  pga_severity_word(finding->severity), pga_colour(stdout, PGA_PLAIN),
		  pga_text_string(&message), pga_text_string(&word));
	if (finding->detail != NULL)
		print_line(finding->detail);
	if (finding->hint != NULL)
		print_line(finding->hint);
	pga_text_free(&name);
	pga_text_free(&word);
	pga_text_free(&message);
}

static void print_fine(const struct pga_doctor_report *report)
{
	for (size_t i = 0; pga_checks[i].run != NULL; i++)
		if (report->checkup->results[i] == PGA_CHECK_FINE)
			pga_print(stdout, "%sok%s: %s\n", pga_colour(stdout, PGA_GREEN),
				  pga_colour(stdout, PGA_PLAIN), pga_checks[i].looks_at);
}

void pga_print_doctor(const struct pga_doctor_report *report)
{
	const struct pga_findings *findings = &report->doctor->findings;

	for (size_t i = 0; i < findings->count; i++)
		if (findings->list[i].severity > PGA_SEVERITY_OK || report->all)
			print_finding(&findings->list[i]);
	if (report->all)
		print_fine(report);
}

int pga_print_doctor_json(const struct pga_doctor_report *report, int status)
{
	return pga_json_print(
	    json_pack("{s:o}", "findings", pga_json_findings(&report->doctor->findings)), status);
}
