#include "policy/release.h"

#include "policy/hostlist.h"
#include "policy/trust.h"

#include <stddef.h>

static bool some_anchor_is_valid_for(const struct pga_pins *pins, const char *host)
{
	for (size_t i = 0; i < pins->count; i++)
		if (pga_root_is_valid_for(pins, pins->pins[i].pin, host))
			return true;
	return false;
}

enum pga_release pga_release_to(const struct pga_policy *policy, const struct pga_pins *pins,
				const char *host)
{
	/* is_unixsock_path() of libpq; an empty name is its default, a socket. */
	if (host[0] == '\0' || host[0] == '/' || host[0] == '@')
		return PGA_RELEASE_LOCAL;
	if (policy->mode != PGA_MODE_ENFORCE)
		return PGA_RELEASE_NOT_ENFORCED;
	if (!pga_trust_by_pins(policy, pins))
		return PGA_RELEASE_NOT_BY_PINS;
	if (pga_policy_exempts(policy, host))
		return PGA_RELEASE_EXEMPT;
	return some_anchor_is_valid_for(pins, host) ? PGA_RELEASE : PGA_RELEASE_UNPINNED;
}

enum pga_release pga_release_to_all(const struct pga_policy *policy, const struct pga_pins *pins,
				    const struct pga_effective *effective)
{
	enum pga_release release = PGA_RELEASE;
	struct pga_hosts hosts = {0};
	struct pga_error error;

	if (pga_hosts_split(pga_effective_value(effective, "host"),
			    pga_effective_value(effective, "hostaddr"),
			    pga_effective_value(effective, "port"), &hosts, &error) != 0)
		release = PGA_RELEASE_UNPINNED;
	for (size_t i = 0; release == PGA_RELEASE && i < hosts.count; i++)
		release = pga_release_to(policy, pins, pga_host_label(&hosts.items[i]));
	pga_hosts_free(&hosts);
	return release;
}

const char *pga_release_reason(enum pga_release release)
{
	switch (release) {
	case PGA_RELEASE_LOCAL:
		return "a Unix-domain socket, which shows no certificate";
	case PGA_RELEASE_NOT_ENFORCED:
		return "the policy says mode = audit, which lets weak connections through";
	case PGA_RELEASE_NOT_BY_PINS:
		return "no anchor counts for it (trust = verified, or nothing is pinned)";
	case PGA_RELEASE_EXEMPT:
		return "the policy exempts it (allow-weak)";
	case PGA_RELEASE_UNPINNED:
		return "no anchor is valid for it";
	default:
		return "";
	}
}

const char *pga_release_hint(enum pga_release release)
{
	switch (release) {
	case PGA_RELEASE_NOT_ENFORCED:
		return "passwords of the keyring go to servers again once mode = enforce";
	case PGA_RELEASE_NOT_BY_PINS:
	case PGA_RELEASE_UNPINNED:
		return "pganchor bootstrap --ca-url URL --fingerprint HEX pins the root of its CA";
	default:
		return "";
	}
}
