/* How far the gate covers the programs that run: what of them it does not see, and what to do about
 * that. */
#ifndef PGA_DIAGNOSE_COVERAGE_H
#define PGA_DIAGNOSE_COVERAGE_H

#include "diagnose/processes.h"
#include "report/finding.h"

#include <stdbool.h>

/* The subject of what is found of programs. */
#define PGA_ABOUT_PROGRAMS "programs"

/* Whether it has a libpq that the gate does not stand before. */
bool pga_process_is_bare(const struct pga_process *process);

/* Whether that is so because ld.so finds no module where it runs; or because no LD_PRELOAD brings
 * the gate into a program with that much power. */
bool pga_process_is_elsewhere(const struct pga_process *process);
bool pga_process_is_powerful(const struct pga_process *process);

/* Adds a finding for each kind that the gate does not cover: an error where one of them has a libpq
 * without the gate, and a warning otherwise. */
void pga_coverage_judge(const struct pga_processes *processes, struct pga_findings *findings);

#endif
