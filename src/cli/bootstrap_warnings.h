/* What bootstrap warns of: what was done, and does not do what one would think. */
#ifndef PGA_CLI_BOOTSTRAP_WARNINGS_H
#define PGA_CLI_BOOTSTRAP_WARNINGS_H

#include "anchor/anchors.h"

/* On standard error, each with what to do. */
void pga_warn_of_crls(const struct pga_anchoring *done);

#endif
