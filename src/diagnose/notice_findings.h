/* The notices of what waits for a person (anchor/notices.h), as findings and as one line. */
#ifndef PGA_DIAGNOSE_NOTICE_FINDINGS_H
#define PGA_DIAGNOSE_NOTICE_FINDINGS_H

#include "policy/pins.h"
#include "report/finding.h"

/* Adds a warning for each; and one where the notices cannot be read. */
void pga_notices_judge(const struct pga_pins *pins, struct pga_findings *findings);

/* The first of them, and how many more there are, as one line: printable, for a command on a
 * terminal. The caller frees it; NULL where there is none, or none can be read. */
char *pga_notices_line(void);

#endif
