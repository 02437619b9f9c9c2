/* What pganchor status tells of the running programs. */
#ifndef PGA_CLI_PRINT_PROCESSES_H
#define PGA_CLI_PRINT_PROCESSES_H

#include "diagnose/processes.h"

#include <jansson.h>

json_t *pga_process_as_json(const struct pga_process *process);

/* Prints the table of those with a libpq or another way to PostgreSQL; those with the gate alone
 * are only counted. */
void pga_print_processes(const struct pga_processes *processes);

#endif
