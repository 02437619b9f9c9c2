/* What an audit has found, for people and for programs. */
#ifndef PGA_CLI_PRINT_AUDIT_H
#define PGA_CLI_PRINT_AUDIT_H

#include "audit/audit.h"

#include <jansson.h>
#include <stdio.h>

/* How many findings there were of each severity, in how many servers. */
struct pga_audit_counts {
	size_t servers;
	size_t not_audited;
	size_t findings[PGA_SEVERITY_ERROR + 1];
};

/* Prints a line. Whatever it quotes cannot steer a terminal, nor pass for another line: a line end
 * in a name is shown as \x0A. */
void pga_print_audit_line(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

void pga_audit_count(struct pga_audit_counts *counts, const struct pga_audit *audit);

/* One server: who it is, and the findings under a heading for each subject. */
void pga_print_audit(const struct pga_audit *audit);

/* What all of them come to; nothing for a single one. */
void pga_print_audit_counts(const struct pga_audit_counts *counts);

/* One server as an object; NULL for want of memory. */
json_t *pga_audit_as_json(const struct pga_audit *audit);

#endif
