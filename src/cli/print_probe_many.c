#include "cli/print_probe_many.h"

#include "base/printable.h"
#include "base/terminal.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/print_probe.h"
#include "report/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS_A_DAY 86400

/* Wider columns are not made for one long name. */
#define WIDEST_SERVER  40
#define WIDEST_SERVICE 20

/* What the column of servers says already is left out: "HOST:PORT: " before it, " to HOST:PORT". */
static char *without_label(const char *why, const char *label)
{
	static const char to[] = "could not connect to ";
	const size_t length = strlen(label);
	struct pga_text text = PGA_TEXT_EMPTY;

	if (strncmp(why, label, length) == 0 && strncmp(why + length, ": ", 2) == 0) {
		why += length + 2;
	} else if (strncmp(why, to, strlen(to)) == 0 &&
		   strncmp(why + strlen(to), label, length) == 0) {
		pga_text_add(&text, "could not connect");
		why += strlen(to) + length;
	}
	pga_text_add_printable(&text, why, "");
	return pga_text_take(&text);
}

/* The one line that explains it: of a server that is good, nothing. */
static const char *reason_of(const struct pga_probe *probe, const struct pga_grade *grade)
{
	if (probe->why != NULL)
		return probe->why;
	return grade->count > 0 && grade->reasons[0].grade > 'A' ? grade->reasons[0].text : "";
}

/* The report of one probe, and all the services that lead to the server. */
static char *object_of(const struct pga_fleet_server *server, const struct pga_probe *probe,
		       const struct pga_grade *grade)
{
	json_t *report = pga_probe_as_json(server->target, probe, grade);
	pga_json_set(report, "services", pga_json_lines(server->service_lines));
	return pga_json_line(report);
}

struct pga_probe_line *pga_probe_line(const struct pga_fleet_server *server,
				      const struct pga_probe *probe, bool json, bool metrics)
{
	struct pga_probe_line *line = calloc(1, sizeof *line);
	struct pga_grade grade;

	if (line == NULL)
		return NULL;
	pga_grade_make(probe, server->target, &grade);
	line->letter = grade.letter;
	line->status = pga_probe_status(probe);
	line->dated = probe->earliest != 0;
	line->left = line->dated ? probe->earliest - probe->now : 0;
	line->why = without_label(reason_of(probe, &grade), server->label);
	if (json)
		line->json = object_of(server, probe, &grade);
	if (metrics)
		line->row = pga_metrics_row(server, probe, &grade);
	if (line->why != NULL && (!json || line->json != NULL) && (!metrics || line->row != NULL))
		return line;
	pga_probe_line_free(line);
	return NULL;
}

void pga_probe_line_free(struct pga_probe_line *line)
{
	if (line == NULL)
		return;
	free(line->why);
	free(line->json);
	pga_metrics_row_free(line->row);
	free(line);
}

static size_t at_most(size_t length, size_t most)
{
	return length < most ? length : most;
}

void pga_probe_report_begin(struct pga_probe_report *report)
{
	size_t *width = report->width;

	width[0] = strlen("SERVER");
	for (size_t i = 0; i < report->fleet->count; i++) {
		const struct pga_fleet_server *server = &report->fleet->list[i];
		const size_t lengths[] = {at_most(strlen(server->label), WIDEST_SERVER),
					  at_most(strlen(server->services), WIDEST_SERVICE)};

		for (size_t k = 0; k < 2; k++)
			width[k] = lengths[k] > width[k] ? lengths[k] : width[k];
	}
	if (width[1] > 0 && width[1] < strlen("SERVICE"))
		width[1] = strlen("SERVICE");
	if (report->form == PGA_PROBE_JSON) {
		(void)puts("{\n  \"servers\": [");
	} else if (report->form == PGA_PROBE_TEXT) {
		(void)printf("GRADE  %-*s  ", (int)width[0], "SERVER");
		if (width[1] > 0)
			(void)printf("%-*s  ", (int)width[1], "SERVICE");
		(void)puts("DAYS  WHY");
	}
}

static enum pga_colour colour_of(char letter)
{
	if (letter == 'A')
		return PGA_GREEN;
	return letter == 'B' || letter == 'C' ? PGA_YELLOW : PGA_RED;
}

static void print_line(const struct pga_probe_report *report, const struct pga_fleet_server *server,
		       const struct pga_probe_line *line)
{
	char days[24] = "-";

	if (line->dated && line->left < 0)
		(void)snprintf(days, sizeof days, "over");
	else if (line->dated)
		(void)snprintf(days, sizeof days, "%ld", (long)(line->left / SECONDS_A_DAY));
	pga_print(stdout, "%s%-5c%s  %-*s  ", pga_colour(stdout, colour_of(line->letter)),
		  line->letter, pga_colour(stdout, PGA_PLAIN), (int)report->width[0],
		  server->label);
	if (report->width[1] > 0)
		pga_print(stdout, "%-*s  ", (int)report->width[1], server->services);
	pga_print(stdout, line->why[0] != '\0' ? "%4s  %s\n" : "%4s\n", days, line->why);
}

/* What is weaker than policy is worse than what is not there. */
static void keep_worst(struct pga_probe_report *report, const struct pga_fleet_server *server,
		       struct pga_probe_line *line)
{
	const bool worse = report->worst == NULL || line->status > report->status ||
			   (line->status == report->status && line->letter > report->worst_letter);

	if (!worse)
		return;
	report->worst = server;
	report->status = line->status;
	report->worst_letter = line->letter;
	free(report->worst_why);
	report->worst_why = line->why;
	line->why = NULL;
}

void pga_probe_report_add(struct pga_probe_report *report, const struct pga_fleet_server *server,
			  struct pga_probe_line *line)
{
	if (report->form == PGA_PROBE_JSON)
		(void)printf("%s    %s", report->shown > 0 ? ",\n" : "", line->json);
	else if (report->form == PGA_PROBE_TEXT)
		print_line(report, server, line);
	(void)fflush(stdout);
	report->shown++;
	report->grades[line->letter >= 'A' && line->letter <= 'Z' ? line->letter : 0]++;
	keep_worst(report, server, line);
}

static void print_counts(const struct pga_probe_report *report)
{
	const char *before = ": ";

	(void)printf("\n%zu server%s", report->shown, report->shown == 1 ? "" : "s");
	for (int letter = 'A'; letter <= 'Z'; letter++) {
		if (report->grades[letter] == 0)
			continue;
		(void)printf("%s%zu %c", before, report->grades[letter], letter);
		before = ", ";
	}
	if (report->grades[0] > 0)
		(void)printf("%s%zu without an answer", before, report->grades[0]);
	(void)putchar('\n');
}

static void print_end(const struct pga_probe_report *report, bool signalled)
{
	print_counts(report);
	if (signalled)
		(void)printf("interrupted: %zu of %zu were probed\n", report->shown,
			     report->fleet->count);
	if (report->worst == NULL || report->worst_letter == 'A')
		return;
	pga_print(stdout, "the worst: %s: %s\n", report->worst->label, report->worst_why);
	pga_print(stdout, "all of it: pganchor probe %s\n", report->worst->target->word);
}

static json_t *grades_json(const struct pga_probe_report *report)
{
	json_t *grades = json_object();

	for (int letter = 'A'; letter <= 'F'; letter++) {
		const char key[] = {(char)letter, '\0'};

		pga_json_set(grades, key, json_integer((json_int_t)report->grades[letter]));
	}
	return grades;
}

static int print_json_end(struct pga_probe_report *report, bool signalled)
{
	json_t *end = json_object();
	char *text;

	pga_json_set(end, "grades", grades_json(report));
	pga_json_set(end, "unanswered", json_integer((json_int_t)report->grades[0]));
	pga_json_set(end, "worst",
		     report->worst != NULL ? pga_json_text(report->worst->label) : json_null());
	pga_json_set(end, "complete", json_boolean(!signalled));
	pga_json_set(end, "warnings", pga_json_lines(pga_warnings()));
	text = pga_json_line(end);
	if (text != NULL)
		(void)printf("%s  ],\n  %s\n", report->shown > 0 ? "\n" : "", text + 1);
	free(text);
	return text != NULL ? 0 : -1;
}

int pga_probe_report_end(struct pga_probe_report *report, bool signalled)
{
	if (report->form == PGA_PROBE_TEXT) {
		print_end(report, signalled);
	} else if (report->form == PGA_PROBE_JSON && print_json_end(report, signalled) != 0) {
		struct pga_error error;

		(void)pga_fail(&error, NULL, "could not write the report as JSON");
		pga_print_error(&error);
		report->status = PGA_EXIT_FAILED;
	}
	free(report->worst_why);
	report->worst_why = NULL;
	return report->status;
}
