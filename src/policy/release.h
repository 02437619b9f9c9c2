/* Whom the keyring's passwords may go to: servers of whom more is held than that some CA has signed
 * for them. */
#ifndef PGA_POLICY_RELEASE_H
#define PGA_POLICY_RELEASE_H

#include "policy/effective.h"
#include "policy/pins.h"
#include "policy/policy.h"

/* Why a password stays in the keyring. */
enum pga_release {
	PGA_RELEASE,              /* it need not */
	PGA_RELEASE_LOCAL,        /* a Unix-domain socket shows no certificate */
	PGA_RELEASE_NOT_ENFORCED, /* mode = audit */
	PGA_RELEASE_NOT_BY_PINS,  /* trust = verified, or nothing is pinned */
	PGA_RELEASE_EXEMPT,       /* allow-weak names the host */
	PGA_RELEASE_UNPINNED,     /* no anchor is valid for the host */
};

/* Whether a password may go to this host, as PQhost() calls it, by what is known before it is
 * asked: policy and pins. Its session has to hold, too (gate/session.h). */
enum pga_release pga_release_to(const struct pga_policy *policy, const struct pga_pins *pins,
				const char *host);

/* Whether it may to every host of a connection. */
enum pga_release pga_release_to_all(const struct pga_policy *policy, const struct pga_pins *pins,
				    const struct pga_effective *effective);

/* The reason, to stand behind the host and a colon; and the way out. */
const char *pga_release_reason(enum pga_release release);
const char *pga_release_hint(enum pga_release release);

#endif
