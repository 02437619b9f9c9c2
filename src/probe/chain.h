/* What a server's chain comes to, in memory. */
#ifndef PGA_PROBE_CHAIN_H
#define PGA_PROBE_CHAIN_H

#include "probe/probe.h"

/* Verifies the chain that was shown, its own certificate first, for the target's host, and fills in
 * all of the probe that is about it. Returns -1 for want of memory. */
int pga_probe_chain(const struct pga_probe_target *target, STACK_OF(X509) * shown,
		    struct pga_probe *probe, struct pga_error *error);

/* The line that explains why it is not verified, and the hint, for the fault that was found; those
 * of a server that does not come so far. Nothing where it is verified. Returns -1 for want of
 * memory. */
int pga_probe_explain(const struct pga_probe_target *target, struct pga_probe *probe,
		      struct pga_error *error);

#endif
