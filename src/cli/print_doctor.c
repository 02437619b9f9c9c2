#include "cli/print_doctor.h"

#include "base/home_text.h"
#include "base/shell_word.h"
#include "base/terminal.h"
#include "cli/print_findings.h"
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

/* One line, the user's home as ~. */
static void print_line(const char *line)
{
	struct pga_text shown = PGA_TEXT_EMPTY;

	pga_finding_add_said(&shown, line);
	pga_print(stdout, "    %s\n", pga_text_string(&shown));
	pga_text_free(&shown);
}

/* Accepted: by whom, and why. */
static void print_acceptance(const struct pga_acceptance *acceptance)
{
	const char *user = acceptance->words[PGA_ACCEPTED_USER];
	const char *since = acceptance->words[PGA_ACCEPTED_SINCE];
	const char *until = acceptance->words[PGA_ACCEPTED_UNTIL];
	struct pga_text line = PGA_TEXT_EMPTY;

	pga_text_addf(&line, "accepted by %s%s%.10s%s%s: %s",
		      acceptance->system                ? "the system"
		      : user != NULL && user[0] != '\0' ? user
							: "somebody",
		      since != NULL ? " on " : "", since != NULL ? since : "",
		      until != NULL ? ", until " : "", until != NULL ? until : "",
		      acceptance->words[PGA_ACCEPTED_REASON]);
	print_line(pga_text_string(&line));
	pga_text_free(&line);
}

static void print_finding(const struct pga_finding *finding,
			  const struct pga_acceptance *acceptance)
{
	struct pga_text name = PGA_TEXT_EMPTY;
	struct pga_text word = PGA_TEXT_EMPTY;
	struct pga_text message = PGA_TEXT_EMPTY;

	pga_finding_add_name(&name, finding);
	pga_text_add_shell_word(&word, pga_text_string(&name));
	pga_finding_add_message(&message, stdout, finding, acceptance != NULL ? "accepted" : NULL);
	pga_print(stdout, "%s  [%s]\n", pga_text_string(&message), pga_text_string(&word));
	if (acceptance != NULL)
		print_acceptance(acceptance);
	else if (finding->detail != NULL)
		print_line(finding->detail);
	if (acceptance == NULL && finding->hint != NULL)
		print_line(finding->hint);
	pga_text_free(&name);
	pga_text_free(&word);
	pga_text_free(&message);
}

static const struct pga_acceptance *acceptance_of(const struct pga_doctor *doctor,
						  const struct pga_finding *finding)
{
	return pga_accepted_for(&doctor->accepted, finding, doctor->now);
}

/* The open ones, or the accepted ones behind them. */
static void print_findings(const struct pga_doctor_report *report, bool accepted)
{
	const struct pga_findings *findings = &report->doctor->findings;

	for (size_t i = 0; i < findings->count; i++) {
		const struct pga_finding *finding = &findings->list[i];
		const struct pga_acceptance *acceptance = acceptance_of(report->doctor, finding);

		if ((acceptance != NULL) == accepted && finding->severity > PGA_SEVERITY_OK &&
		    pga_finding_is_asked(finding, report->asked))
			print_finding(finding, acceptance);
	}
}

/* Checked, and fine. */
static void print_fine(const struct pga_doctor_report *report)
{
	for (size_t i = 0; pga_checks[i].run != NULL; i++)
		if (report->checkup->results[i] == PGA_CHECK_FINE)
			pga_print(stdout, "%sok%s: %s\n", pga_colour(stdout, PGA_GREEN),
				  pga_colour(stdout, PGA_PLAIN), pga_checks[i].looks_at);
}

static const char *plural(size_t count)
{
	return count == 1 ? "" : "s";
}

static void print_summary(const struct pga_doctor_report *report)
{
	struct pga_doctor_counts counts;
	size_t tried = report->fixes != NULL ? report->fixes->failed : 0;

	pga_doctor_count(report->doctor, &counts);
	if (counts.of[PGA_SEVERITY_ERROR] + counts.of[PGA_SEVERITY_WARNING] +
		counts.of[PGA_SEVERITY_NOTE] + counts.accepted ==
	    0) {
		(void)puts("No hazard was found; --all shows what was looked at.");
		return;
	}
	(void)printf("%zu error%s, %zu warning%s, %zu note%s", counts.of[PGA_SEVERITY_ERROR],
		     plural(counts.of[PGA_SEVERITY_ERROR]), counts.of[PGA_SEVERITY_WARNING],
		     plural(counts.of[PGA_SEVERITY_WARNING]), counts.of[PGA_SEVERITY_NOTE],
		     plural(counts.of[PGA_SEVERITY_NOTE]));
	if (counts.accepted > 0)
		(void)printf(", %zu accepted", counts.accepted);
	(void)putchar('\n');
	/* What has just failed is not promised again. */
	if (counts.fixable > tried)
		(void)printf("pganchor doctor --fix mends %zu of them\n", counts.fixable - tried);
}

/* Of what was asked for, what is not there. */
static void print_missing(const struct pga_doctor_report *report)
{
	const struct pga_findings *findings = &report->doctor->findings;

	for (size_t k = 0; k < report->asked->count; k++) {
		const char *name = report->asked->names[k];
		bool found = false;

		for (size_t i = 0; i < findings->count && !found; i++)
			found = findings->list[i].severity > PGA_SEVERITY_OK &&
				pga_finding_is_named(&findings->list[i], name);
		if (!found)
			pga_print(stdout, "not found here: %s\n", name);
	}
}

void pga_print_doctor(const struct pga_doctor_report *report)
{
	if (report->fixes != NULL)
		(void)putchar('\n');
	print_findings(report, false);
	print_findings(report, true);
	if (report->fixes == NULL)
		print_missing(report);
	if (report->asked->all)
		print_fine(report);
	if (report->asked->count == 0)
		print_summary(report);
}

static json_t *text_or_null(const char *text)
{
	return text != NULL ? pga_json_text(text) : json_null();
}

static json_t *acceptance_as_json(const struct pga_acceptance *acceptance)
{
	if (acceptance == NULL)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:o, s:b}", "reason",
			 text_or_null(acceptance->words[PGA_ACCEPTED_REASON]), "user",
			 text_or_null(acceptance->words[PGA_ACCEPTED_USER]), "since",
			 text_or_null(acceptance->words[PGA_ACCEPTED_SINCE]), "until",
			 text_or_null(acceptance->words[PGA_ACCEPTED_UNTIL]), "system",
			 (int)acceptance->system);
}

/* Those that are asked for, each with what doctor knows besides. */
static json_t *findings_as_json(const struct pga_doctor_report *report)
{
	const struct pga_findings *findings = &report->doctor->findings;
	json_t *all = pga_json_findings(findings);
	json_t *asked = json_array();

	for (size_t i = 0; all != NULL && i < json_array_size(all); i++) {
		json_t *one = json_array_get(all, i);
		const struct pga_finding *finding = &findings->list[i];

		if (!pga_finding_is_asked(finding, report->asked))
			continue;
		pga_json_set(one, "fixable", json_boolean(finding->fix != NULL));
		pga_json_set(one, "accepted",
			     acceptance_as_json(acceptance_of(report->doctor, finding)));
		pga_json_add(asked, json_incref(one));
	}
	json_decref(all);
	return asked;
}

static json_t *checks_as_json(const struct pga_doctor_report *report)
{
	static const char *const words[] = {[PGA_CHECK_SKIPPED] = "skipped",
					    [PGA_CHECK_FINE] = "fine",
					    [PGA_CHECK_FOUND] = "found"};
	json_t *checks = json_array();

	for (size_t i = 0; pga_checks[i].run != NULL; i++)
		pga_json_add(checks, json_pack("{s:s, s:s, s:s}", "subject", pga_checks[i].subject,
					       "looks_at", pga_checks[i].looks_at, "result",
					       words[report->checkup->results[i]]));
	return checks;
}

static json_t *fixes_as_json(const struct pga_doctor_report *report)
{
	json_t *fixes = json_array();

	for (size_t i = 0; i < report->fixes->count; i++) {
		const struct pga_doctor_fix *fix = &report->fixes->list[i];

		pga_json_add(
		    fixes,
		    json_pack("{s:o, s:o, s:o}", "finding", pga_json_text(fix->name), "does",
			      pga_json_lines(pga_text_string(&fix->does)), "error",
			      fix->failed ? pga_json_text(fix->error.message) : json_null()));
	}
	return fixes;
}

json_t *pga_doctor_counts_as_json(const struct pga_doctor_counts *counts)
{
	return json_pack("{s:i, s:i, s:i}", "error", (int)counts->of[PGA_SEVERITY_ERROR], "warning",
			 (int)counts->of[PGA_SEVERITY_WARNING], "note",
			 (int)counts->of[PGA_SEVERITY_NOTE]);
}

int pga_print_doctor_json(const struct pga_doctor_report *report, int status)
{
	struct pga_doctor_counts counts;
	json_t *object;

	pga_doctor_count(report->doctor, &counts);
	object = json_pack("{s:o, s:o, s:o, s:i}", "findings", findings_as_json(report), "checks",
			   checks_as_json(report), "open", pga_doctor_counts_as_json(&counts),
			   "accepted", (int)counts.accepted);
	if (object != NULL && report->fixes != NULL) {
		pga_json_set(object, "fixes", fixes_as_json(report));
		pga_json_set(object, "dry_run", json_boolean(report->asked->dry_run));
	}
	return pga_json_print(object, status);
}
