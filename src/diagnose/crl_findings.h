/* What is to be said of the CRLs that pganchor has put in place: which have expired, and which will
 * without a newer one. Nobody is asked; the files alone are read. */
#ifndef PGA_DIAGNOSE_CRL_FINDINGS_H
#define PGA_DIAGNOSE_CRL_FINDINGS_H

#include "base/error.h"
#include "report/finding.h"

#include <time.h>

/* The subject of what is found. */
#define PGA_ABOUT_CRLS "crls"

/* Adds to the findings. One that is in place no more is passed over. Returns -1 for want of memory.
 */
int pga_crls_judge(time_t now, struct pga_findings *findings, struct pga_error *error);

#endif
