/* The checks of doctor, each in the file of its subject; pga_checks in doctor_table.c is the list.
 */
#ifndef PGA_DIAGNOSE_DOCTOR_CHECKS_H
#define PGA_DIAGNOSE_DOCTOR_CHECKS_H

#include "diagnose/doctor.h"

typedef int pga_check_run(const struct pga_doctor *doctor, struct pga_findings *findings,
			  struct pga_error *error);

pga_check_run pga_check_services;

#endif
