/* Findings as people read them. */
#ifndef PGA_REPORT_TEXT_H
#define PGA_REPORT_TEXT_H

#include "report/finding.h"

#include <stdio.h>

/* Prints "MESSAGE: DETAIL", the message in the colour of its severity, and the hint below it; where
 * there is no detail, the hint is in its place. All of it is made printable. */
void pga_print_finding(FILE *stream, const struct pga_finding *finding);

/* Prints those with this subject, which is what the reader is reading of: it is not printed. */
void pga_print_findings(FILE *stream, const struct pga_findings *findings, const char *subject);

/* Warns of those with this subject, as pga_print_warning() does: "MESSAGE: DETAIL", and the hint
 * below it. */
void pga_warn_of_findings(const struct pga_findings *findings, const char *subject);

/* Warns of those that were added to the first so many, and of memory that ran out meanwhile. */
void pga_warn_since(const struct pga_findings *findings, size_t before);

#endif
