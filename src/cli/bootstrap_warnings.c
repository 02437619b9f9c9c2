#include "cli/bootstrap_warnings.h"

#include "base/terminal.h"

void pga_warn_of_crls(const struct pga_anchoring *done)
{
	if (done->crl_fault != NULL)
		pga_print_warning("libpq cannot verify this CA's servers yet: %s\n    it wants a "
				  "CRL of every CA where it finds one of any: add those of this CA "
				  "(its root's and its\n    intermediates') to that file, move it "
				  "away, or give connections to this CA an sslcrl of their own",
				  done->crl_fault);
}
