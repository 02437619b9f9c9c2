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

void pga_warn_of_rotation(const char *url, const char *name, const char *chain_name)
{
	pga_print_warning("the TLS of %s still comes from anchor %s: anchor %s is proved by its "
			  "fingerprint, and no server of it was seen yet\n    keep both until the "
			  "CA and its servers have moved",
			  url, chain_name, name);
}
