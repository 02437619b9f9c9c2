/* What bootstrap warns of: what was done, and does not do what one would think. */
#ifndef PGA_CLI_BOOTSTRAP_WARNINGS_H
#define PGA_CLI_BOOTSTRAP_WARNINGS_H

#include "anchor/anchors.h"

/* Before a root is pinned: that its days are numbered, and that libpq cannot use SCRAM with servers
 * whose certificates are signed as the first of the chain is, which the CA showed. */
void pga_warn_before_pinning(const struct pga_certificate *root, STACK_OF(X509) * chain);

/* Those of these hosts for which the CA can never sign. Returns -1 for want of memory. */
int pga_warn_of_constraints(const struct pga_certificate *root, const char *hosts,
			    struct pga_error *error);

/* On standard error, each with what to do. */
void pga_warn_of_crls(const struct pga_anchoring *done);
void pga_warn_of_scope(const struct pga_anchoring *done);
void pga_warn_of_rotation(const char *url, const char *name, const char *chain_name);

#endif
