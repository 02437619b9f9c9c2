/* What a check has to say: one model for whatever checks, whether text or JSON shows it. */
#ifndef PGA_REPORT_FINDING_H
#define PGA_REPORT_FINDING_H

#include "report/finding_ids.h"

#include <stdbool.h>
#include <stddef.h>

#define PGA_FINDING_ENUMERATOR(id, word) id,
enum pga_finding_id { PGA_FINDING_IDS(PGA_FINDING_ENUMERATOR) PGA_FINDING_ID_COUNT };

/* The order is that of their weight. */
enum pga_severity {
	PGA_SEVERITY_OK,      /* as it should be */
	PGA_SEVERITY_NOTE,    /* good to know */
	PGA_SEVERITY_WARNING, /* somebody has to look: it may be weaker than it seems */
	PGA_SEVERITY_ERROR,   /* something is weaker than the policy, or does not work */
};

/* Each text is one line, which may quote anybody: whoever prints it makes it printable. */
struct pga_finding {
	enum pga_finding_id id;
	enum pga_severity severity;
	const char *subject; /* what was looked at, in a word */
	char *message;       /* what is so */
	char *detail;        /* why, or what comes of it; NULL where there is no more to say */
	char *hint;          /* what to do about it; NULL likewise */
};

/* A list that grows, all zero while it is empty. Running out of memory is remembered in `failed`,
 * so that a list can be made in many steps and checked once. */
struct pga_findings {
	struct pga_finding *list;
	size_t count;
	bool failed; /* memory ran out at some step: the list is not all that was found */
};

/* The words for an id and for a severity. */
const char *pga_finding_word(enum pga_finding_id id);
const char *pga_severity_word(enum pga_severity severity);

/* Adds a finding with this message. The list keeps a copy of all but the subject, which is to
 * outlive it: a constant. */
void pga_findings_add(struct pga_findings *findings, enum pga_finding_id id,
		      enum pga_severity severity, const char *subject, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Give the finding that was added last its detail, or its hint: once each. */
void pga_findings_detail(struct pga_findings *findings, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void pga_findings_hint(struct pga_findings *findings, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The heaviest severity among them; PGA_SEVERITY_OK of none. */
enum pga_severity pga_findings_worst(const struct pga_findings *findings);

/* Frees them, and leaves an empty list. */
void pga_findings_free(struct pga_findings *findings);

#endif
