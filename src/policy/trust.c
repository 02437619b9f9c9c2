#include "policy/trust.h"

#include "base/host.h"

#include <stddef.h>

bool pga_trust_by_pins(const struct pga_policy *policy, const struct pga_pins *pins)
{
	return policy->trust == PGA_TRUST_PINNED &&
	       (pins->count > 0 || policy->user_anchors == PGA_REFUSE);
}

/* The first section of the root that is the system's, or the user's: NULL where there is none.
 * *valid: one of them is for this host. */
static const struct pga_pin *look(const struct pga_pins *pins, const char *pin, const char *host,
				  bool system, bool *valid)
{
	const struct pga_pin *const *sections;
	const size_t count = pga_pins_of_root(pins, pin, &sections);
	const struct pga_pin *first = NULL;

	*valid = false;
	for (size_t i = 0; i < count; i++) {
		if (sections[i]->system != system)
			continue;
		if (first == NULL)
			first = sections[i];
		*valid = *valid || pga_host_matches_any(sections[i]->hosts, host);
	}
	return first;
}

const struct pga_pin *pga_root_refused(const struct pga_pins *pins, const char *pin,
				       const char *host)
{
	bool by_system;
	bool by_user;
	const struct pga_pin *system = look(pins, pin, host, true, &by_system);
	const struct pga_pin *user = look(pins, pin, host, false, &by_user);

	if (system != NULL && !by_system)
		return system;
	return user != NULL && !by_user ? user : NULL;
}

bool pga_root_is_valid_for(const struct pga_pins *pins, const char *pin, const char *host)
{
	return pga_pins_find(pins, pin) != NULL && pga_root_refused(pins, pin, host) == NULL;
}
