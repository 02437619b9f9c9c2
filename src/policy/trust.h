/* Whom the gate believes of those that libpq has verified (trust, in pganchor-policy(5)): as soon
 * as one anchor is pinned, and unless the policy says trust = verified, a chain has to end in an
 * anchor that is valid for the host. */
#ifndef PGA_POLICY_TRUST_H
#define PGA_POLICY_TRUST_H

#include "policy/pins.h"
#include "policy/policy.h"

#include <stdbool.h>

/* Whether the pins count. */
bool pga_trust_by_pins(const struct pga_policy *policy, const struct pga_pins *pins);

/* Whether the anchor is valid for this host, as PQhost() calls it; none, NULL, is not. */
bool pga_pin_is_valid_for(const struct pga_pin *pin, const char *host);

#endif
