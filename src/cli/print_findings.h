/* Findings of doctor and status for people. */
#ifndef PGA_CLI_PRINT_FINDINGS_H
#define PGA_CLI_PRINT_FINDINGS_H

#include "base/text.h"
#include "report/finding.h"

#include <stddef.h>
#include <stdio.h>

/* Adds what is said of a finding, which may quote anybody: as one line, with ~ for the home. */
void pga_finding_add_said(struct pga_text *text, const char *said);

/* Adds "ERROR: MESSAGE" in colour for this stream: with what it is about before the message where
 * that does not say so itself, and the home as ~. word: in the place of the severity's; NULL: that.
 */
void pga_finding_add_message(struct pga_text *text, FILE *stream, const struct pga_finding *finding,
			     const char *word);

/* Prints the message, the detail and the hint, a line each, those two indented and cut to the
 * width, the detail to two such lines; of a hint that is a command and more words, the command
 * alone. */
void pga_print_finding_briefly(FILE *stream, const struct pga_finding *finding, size_t width);

#endif
