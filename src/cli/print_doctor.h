/* What pganchor doctor has found. */
#ifndef PGA_CLI_PRINT_DOCTOR_H
#define PGA_CLI_PRINT_DOCTOR_H

#include "base/text.h"
#include "cli/cmd_doctor.h"
#include "diagnose/doctor.h"

#include <jansson.h>

struct pga_doctor_report {
	const struct pga_doctor *doctor;
	const struct pga_checkup *checkup;
	const struct pga_doctor_asked *asked;
	const struct pga_doctor_fixes *fixes; /* NULL: nothing was to be mended */
};

/* Adds "ID:OBJECT", or ID where there is no object, with the home as ~: as --accept and --fix take
 * it. */
void pga_finding_add_name(struct pga_text *text, const struct pga_finding *finding);

/* For people. */
void pga_print_doctor(const struct pga_doctor_report *report);

/* The open findings by their severity. */
json_t *pga_doctor_counts_as_json(const struct pga_doctor_counts *counts);

/* The same as one JSON object. Returns the exit status. */
int pga_print_doctor_json(const struct pga_doctor_report *report, int status);

#endif
