#include "policy/trust.h"

#include "base/host.h"

#include <stddef.h>

bool pga_trust_by_pins(const struct pga_policy *policy, const struct pga_pins *pins)
{
	return policy->trust == PGA_TRUST_PINNED && pins->count > 0;
}

bool pga_pin_is_valid_for(const struct pga_pin *pin, const char *host)
{
	return pin != NULL && pga_host_matches_any(pin->hosts, host);
}
