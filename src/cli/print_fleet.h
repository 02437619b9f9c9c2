/* What pganchor log --fleet prints. */
#ifndef PGA_CLI_PRINT_FLEET_H
#define PGA_CLI_PRINT_FLEET_H

#include "base/error.h"
#include "diagnose/audit_log.h"

/* Prints one line of JSON for each program, host and reason of each user, in their order: with the
 * name of this machine, how often, when first and when last. Lines of several runs or machines are
 * put together by adding the counts of those that have all else in common. Returns the status, or
 * that of lines that could not be made. */
int pga_print_fleet(const struct pga_records *records, int status);

#endif
