/* Findings about files of configuration in SARIF 2.1.0 (OASIS), which code scanners and their
 * dashboards read. */
#ifndef PGA_REPORT_SARIF_H
#define PGA_REPORT_SARIF_H

#include "report/finding.h"

#include <jansson.h>

/* One result. Whatever is NULL is left out. */
struct pga_sarif_result {
	const char *rule;      /* its kind, by the word of a finding's id */
	const char *rule_text; /* what the kind is, whatever it was found in */
	const char *tags;      /* of the kind: what else it is known as, separated by ", " */
	enum pga_severity severity;
	const char *message;
	const char *detail;
	const char *hint;
	const char *server; /* whose configuration it is */
	const char *file;   /* an absolute path there */
	long line;          /* from 1 on; 0 where it is about no line */
	const char *text;   /* the line */
	const char *same;   /* what it is about, by which it is known again in the next run, though
			       its line has moved or its message has another number in it; NULL:
			       by the text, or else by the message */
};

/* Begins a log of one run of this version of pganchor. */
json_t *pga_sarif_begin(const char *version);

/* Adds a result, and its rule where no result before had it. What cannot be added for want of
 * memory makes pga_json_print() fail, as everywhere. */
void pga_sarif_add(json_t *log, const struct pga_sarif_result *result);

/* Adds what was not looked at; where the severity is an error, the run as a whole has failed. */
void pga_sarif_not_seen(json_t *log, enum pga_severity severity, const char *server,
			const char *message);

#endif
