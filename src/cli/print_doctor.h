/* What pganchor doctor has found. */
#ifndef PGA_CLI_PRINT_DOCTOR_H
#define PGA_CLI_PRINT_DOCTOR_H

#include "base/text.h"
#include "diagnose/doctor.h"

#include <stdbool.h>

struct pga_doctor_report {
	const struct pga_doctor *doctor;
	const struct pga_checkup *checkup;
	bool all; /* what is fine, too */
};

/* Adds "ID:OBJECT", or ID where there is no object, with the home as ~: as --accept and --fix take
 * it. */
void pga_finding_add_name(struct pga_text *text, const struct pga_finding *finding);

/* For people. */
void pga_print_doctor(const struct pga_doctor_report *report);

/* The same as one JSON object. Returns the exit status. */
int pga_print_doctor_json(const struct pga_doctor_report *report, int status);

#endif
