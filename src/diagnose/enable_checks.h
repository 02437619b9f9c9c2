/* What pganchor enable looks at before it writes: whether the gate will be where it promises. What
 * is not so is found, as warnings. */
#ifndef PGA_DIAGNOSE_ENABLE_CHECKS_H
#define PGA_DIAGNOSE_ENABLE_CHECKS_H

#include "preload/enable.h"
#include "base/error.h"
#include "report/finding.h"

#include <stdbool.h>

/* Everywhere, root is the directory below which the machine's files are (NULL: this machine), and
 * ways has an element for each way: whether it is asked for. */

/* Whether a drop-in holds for the service: refused with an error, or warned of. *preload is what
 * the service preloads already: the last assignment of LD_PRELOAD wins in systemd, so that a
 * drop-in which did not repeat it would take it away. The caller frees it. */
int pga_check_unit(const char *unit, const char *root, bool user, char **preload,
		   struct pga_findings *findings, struct pga_error *error);

/* Whether the drop-in may be put before the machine's libpq: looked at before it is loaded, and
 * then tried. What an image's own one finds there, nobody can try from here. */
int pga_check_dropin(const char *root, struct pga_error *error);

/* Finds an image without the module, or the drop-in. */
void pga_check_image(const bool *ways, const char *root, struct pga_findings *findings);

/* Finds sessions that will not have the gate, and programs that cannot live with it. */
void pga_check_sessions(const bool *ways, const char *root, struct pga_findings *findings);

/* Whether the module may be loaded where it is asked for: looked at before it is, by us as by
 * others.
 */
int pga_check_module(const bool *ways, const char *root, struct pga_findings *findings,
		     struct pga_error *error);

#endif
