/* What bootstrap asks and says. */
#ifndef PGA_CLI_BOOTSTRAP_REPORT_H
#define PGA_CLI_BOOTSTRAP_REPORT_H

#include "anchor/anchors.h"
#include "anchor/fetch.h"
#include "base/error.h"

#include <stdbool.h>

/* Whether there is a terminal to ask on. It is asked on itself, as ssh does, whatever standard
 * input is. */
bool pga_consent_possible(void);

/* Shows the root that the CA at this URL says is its own, and asks. Returns 0 when the user types
 * yes, or the fingerprint; -1 for everything else. */
int pga_consent(const char *url, const struct pga_certificate *root, struct pga_error *error);

/* Shows several roots on the terminal. */
void pga_show_roots(const char *url, const struct pga_stepca_roots *roots);

/* Say what was done, to standard output, and what it means for other connections, to standard
 * error. The JSON returns -1 where something is not UTF-8. */
void pga_report_text(const struct pga_anchoring *done, const struct pga_certificate *root,
		     bool dry_run);
int pga_report_json(const struct pga_anchoring *done, const struct pga_certificate *root,
		    bool dry_run, struct pga_error *error);
void pga_report_warnings(const struct pga_anchoring *done, bool dry_run);

#endif
