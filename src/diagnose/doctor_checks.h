/* The checks of doctor, each in the file of its subject; pga_checks in doctor_table.c is the list.
 */
#ifndef PGA_DIAGNOSE_DOCTOR_CHECKS_H
#define PGA_DIAGNOSE_DOCTOR_CHECKS_H

#include "diagnose/doctor.h"

typedef int pga_check_run(const struct pga_doctor *doctor, struct pga_findings *findings,
			  struct pga_error *error);

#define PGA_ABOUT_ROOTS "roots"

pga_check_run pga_check_anchors;
pga_check_run pga_check_environment;
pga_check_run pga_check_keys;
pga_check_run pga_check_passfile;
pga_check_run pga_check_policy;
pga_check_run pga_check_root_crt;
pga_check_run pga_check_certs;
pga_check_run pga_check_clients;
pga_check_run pga_check_clock;
pga_check_run pga_check_container;
pga_check_run pga_check_home;
pga_check_run pga_check_libpq;
pga_check_run pga_check_local_ca;
pga_check_run pga_check_preload;
pga_check_run pga_check_sandboxes;
pga_check_run pga_check_servers;
pga_check_run pga_check_services;
pga_check_run pga_check_sources;
pga_check_run pga_check_start_files;
pga_check_run pga_check_status;
pga_check_run pga_check_timer;
pga_check_run pga_check_writable;

#endif
