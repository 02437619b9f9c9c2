/* bootstrap and the roots that root.crt has already, put there by hand: once an anchor is pinned,
 * the gate refuses their servers. */
#ifndef PGA_CLI_BOOTSTRAP_EXISTING_H
#define PGA_CLI_BOOTSTRAP_EXISTING_H

#include "anchor/certificate.h"
#include "base/error.h"

#include <stdbool.h>

/* After root was pinned, or would be: names those that are not, on standard error; or, with pin,
 * pins them too, each as an anchor of its own, and says so (quiet: not on standard output). Where
 * the policy does not ask for pins, there is nothing to do. Returns -1 with the reason. */
int pga_existing_roots(const struct pga_certificate *root, bool pin, bool dry_run, bool quiet,
		       struct pga_error *error);

/* The same without a CA: shows the roots of root.crt that are not pinned, and with yes pins them.
 * Prints what there is to say. Returns the exit status: without yes it is that of a failure, since
 * nothing was pinned. */
int pga_existing_roots_alone(bool yes, bool dry_run);

#endif
