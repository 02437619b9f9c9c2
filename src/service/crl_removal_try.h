/* What becomes of servers when CRLs are taken out: those that stay may be too few. */
#ifndef PGA_SERVICE_CRL_REMOVAL_TRY_H
#define PGA_SERVICE_CRL_REMOVAL_TRY_H

#include "service/crl_removal.h"
#include "service/crl_try.h"

/* Tries the servers of all services without them; verdicts are to be freed in either case. */
int pga_crl_removal_try(const struct pga_crl_removal *removal, struct pga_crl_verdicts *verdicts,
			struct pga_error *error);

#endif
