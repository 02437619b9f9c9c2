/* What pganchor log prints. */
#ifndef PGA_CLI_PRINT_LOG_H
#define PGA_CLI_PRINT_LOG_H

#include "base/error.h"
#include "diagnose/audit_log.h"
#include "diagnose/quiet.h"

/* A table, of which records that look the same are one line, the most frequent first; or that there
 * is none. Returns -1 for want of memory. */
int pga_print_log(const struct pga_records *records, struct pga_error *error);

/* quiet: for how long there has been nothing; NULL where that is not known. Returns the status, or
 * that of a report that could not be made. */
int pga_print_log_json(const struct pga_records *records, const struct pga_quiet *quiet,
		       int status);

#endif
