/* What an audit has found in a server's configuration, as SARIF. */
#ifndef PGA_AUDIT_SARIF_H
#define PGA_AUDIT_SARIF_H

#include "audit/audit.h"

#include <jansson.h>

/* Adds what was found of this server to a log (report/sarif.h), by file and line where they are
 * known, but for sessions, which are no configuration; and what could not be seen. */
void pga_audit_sarif_add(json_t *log, const struct pga_audit *audit);

#endif
