/* The roots that may stand in an anchor's own file beside its own: while a CA moves from one root
 * to another, a connection that is bound to the anchor needs both. */
#ifndef PGA_POLICY_JOINED_H
#define PGA_POLICY_JOINED_H

#include "policy/pins.h"

#include <stdbool.h>

/* Whether the root with this pin is the anchor's own, or pinned for every host that the anchor is
 * valid for: then it adds nothing to what the anchor's own file may be trusted for. What the system
 * pins is joined by the system's alone. */
bool pga_pin_joins(const struct pga_pins *pins, const char *pin, const struct pga_pin *anchor);

#endif
