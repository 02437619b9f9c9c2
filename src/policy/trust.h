/* Whom the gate believes of those that libpq has verified (trust, in pganchor-policy(5)): as soon
 * as one anchor is pinned, and unless the policy says trust = verified, a chain has to end in an
 * anchor that is valid for the host.
 *
 * One root may stand in several files. What the system's say of it together is the hosts of all of
 * them. Where the user's own says something of it, too, it is valid for the hosts that both have:
 * a user adds roots, and takes hosts away from one of the system's, but adds none to it. */
#ifndef PGA_POLICY_TRUST_H
#define PGA_POLICY_TRUST_H

#include "policy/pins.h"
#include "policy/policy.h"

#include <stdbool.h>

/* Whether the pins count. Where none but the system's are taken (user-anchors = refuse), they do if
 * there is none, too: the system's, once they are gone, must not leave less than there was. */
bool pga_trust_by_pins(const struct pga_policy *policy, const struct pga_pins *pins);

/* Whether the root with this pin is pinned, and valid for this host, as PQhost() calls it. */
bool pga_root_is_valid_for(const struct pga_pins *pins, const char *pin, const char *host);

/* The section by which it is not, though it is pinned; else NULL. Belongs to the pins. */
const struct pga_pin *pga_root_refused(const struct pga_pins *pins, const char *pin,
				       const char *host);

#endif
