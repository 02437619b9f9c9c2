/* The question whether a root that nothing proves is to be trusted. */
#ifndef PGA_CLI_CONSENT_H
#define PGA_CLI_CONSENT_H

#include "anchor/anchors.h"
#include "anchor/source.h"
#include "base/error.h"

/* Shows the root that the source of this anchor has, and asks. Returns 0 when the
 * user then types yes, or the fingerprint, and Enter; -1 for everything else. What was typed before
 * the root was shown is thrown away. A warning, where it is not empty, stands before all. */
int pga_consent(const struct pga_anchor *anchor, const struct pga_candidates *found,
		const char *warning, struct pga_error *error);

/* Shows several roots on the terminal. */
void pga_show_roots(const char *location, const struct pga_candidates *candidates);

#endif
