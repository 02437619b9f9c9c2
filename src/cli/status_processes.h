/* What pganchor status tells of the running programs. */
#ifndef PGA_CLI_STATUS_PROCESSES_H
#define PGA_CLI_STATUS_PROCESSES_H

#include "diagnose/processes.h"

#include <jansson.h>
#include <stdbool.h>

/* Whether one of them has a libpq that the gate does not stand before. */
bool pga_status_is_weak(const struct pga_processes *processes);

json_t *pga_status_json(const struct pga_process *process);

/* Prints the table of those with a libpq or another way to PostgreSQL, and what to do about each
 * kind that the gate does not cover. */
void pga_status_print(const struct pga_processes *processes);

#endif
