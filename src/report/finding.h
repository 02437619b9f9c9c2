/* What a check has to say: one model for whatever checks, whether text or JSON shows it. */
#ifndef PGA_REPORT_FINDING_H
#define PGA_REPORT_FINDING_H

#include "base/error.h"
#include "base/text.h"
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

/* Mends what a finding is about, which is its object: adds what it does, a line each, in words that
 * follow "would" ("set the mode of /home/a/.pgpass to 0600"), and does it, unless dry_run. Nothing
 * added is nothing to do. Returns -1 with nothing changed. */
typedef int pga_fix(const char *object, bool dry_run, struct pga_text *done,
		    struct pga_error *error);

/* Each text is one line, which may quote anybody: whoever prints it makes it printable. */
struct pga_finding {
	enum pga_finding_id id;
	enum pga_severity severity;
	const char *subject; /* what was looked at, in a word */
	char *object;        /* the very one that it is about, by which it is accepted and mended: a
				service, a path, a variable; NULL where there is but one */
	pga_fix *fix;        /* what doctor --fix does; NULL where a person has to */
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

/* Give the finding that was added last its detail, its hint, or its object: once each. */
void pga_findings_detail(struct pga_findings *findings, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void pga_findings_hint(struct pga_findings *findings, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void pga_findings_object(struct pga_findings *findings, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* And what mends it. */
void pga_findings_fix(struct pga_findings *findings, pga_fix *fix);

/* The heaviest severity among them; PGA_SEVERITY_OK of none. */
enum pga_severity pga_findings_worst(const struct pga_findings *findings);

/* Frees them, and leaves an empty list. */
void pga_findings_free(struct pga_findings *findings);

#endif
