/* An audit as one page of HTML, to be handed to an auditor. */
#ifndef PGA_AUDIT_HTML_H
#define PGA_AUDIT_HTML_H

#include "audit/audit.h"
#include "base/text.h"

#include <stddef.h>
#include <time.h>

/* All zero while nothing was added. */
struct pga_audit_page {
	struct pga_text summary; /* a row for each server */
	struct pga_text servers; /* a section for each */
	size_t count;
	size_t not_audited;                /* servers that could not be connected to */
	size_t unseen;                     /* things that could not be looked at, of the others */
	size_t of[PGA_SEVERITY_ERROR + 1]; /* findings of each severity */
	bool failed;                       /* memory ran out */
};

/* Adds a server, behind those that were added before. */
void pga_audit_page_add(struct pga_audit_page *page, const struct pga_audit *audit);

/* The whole page, as of this moment, which the caller frees; NULL where memory ran out, now or
 * before. */
char *pga_audit_page_text(const struct pga_audit_page *page, const char *version, time_t now);

void pga_audit_page_free(struct pga_audit_page *page);

#endif
