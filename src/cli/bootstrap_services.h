/* The services that used an anchor which is no longer in root.crt. */
#ifndef PGA_CLI_BOOTSTRAP_SERVICES_H
#define PGA_CLI_BOOTSTRAP_SERVICES_H

#include "anchor/anchors.h"
#include "base/error.h"

#include <stdbool.h>

/* After an anchor was taken out of root.crt, or would be: names the entries that use that file and
 * have a host that the anchor is valid for, each with the command that gives it the anchor's own
 * file. Returns -1 with the reason. */
int pga_warn_of_services(const struct pga_anchoring *done, bool dry_run, struct pga_error *error);

#endif
