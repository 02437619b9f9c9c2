/* What becomes of the servers of all services with the CRLs of a plan. */
#ifndef PGA_SERVICE_CRL_TRY_H
#define PGA_SERVICE_CRL_TRY_H

#include "base/error.h"
#include "base/text.h"
#include "service/crl_plan.h"
#include "service/crl_servers.h"

#include <stddef.h>

struct pga_crl_verdicts {
	struct pga_text refused; /* would be refused, and are not now: "LABEL: WHY", a line each */
	struct pga_text hint;    /* what would work, of the first of them */
	struct pga_text unreached; /* could not be tried: "LABEL: WHY", likewise */
	struct pga_text revoked;   /* are refused since their certificate is revoked: "LABEL" */
	struct pga_text still;     /* are refused because of CRLs now, and then: "LABEL: WHY" */
	size_t tried;              /* that the change is about, and that showed a chain */
	size_t passed;
};

/* Tries each server whose file of CRLs the plan changes: in memory, and by libpq, with the bytes
 * that are to be written. A plan that is composed, with its services bound. To be freed in either
 * case; -1 for want of memory or of a file in memory. */
int pga_crl_plan_try(const struct pga_crl_plan *plan, const struct pga_crl_servers *servers,
		     struct pga_crl_verdicts *verdicts, struct pga_error *error);

void pga_crl_verdicts_free(struct pga_crl_verdicts *verdicts);

#endif
