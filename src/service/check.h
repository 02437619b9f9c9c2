/* Whether the servers of an entry can be connected to with it, as far as the TLS handshake. */
#ifndef PGA_SERVICE_CHECK_H
#define PGA_SERVICE_CHECK_H

#include "base/error.h"
#include "policy/effective.h"
#include "policy/pins.h"
#include "policy/policy.h"
#include "tls/handshake.h"
#include "policy/hostlist.h"

#include <stdbool.h>
#include <stddef.h>

struct pga_checked_host {
	const struct pga_host *host; /* belongs to the check's hosts */
	bool skipped;  /* a socket, or an sslmode that demands no TLS: there is no handshake to look
			  at */
	char *problem; /* why libpq refuses the server, in its words and OpenSSL's; NULL where it
			  does not */
	struct pga_handshake handshake;
	const struct pga_pin *pin; /* the anchor that the chain ends in; NULL where it is not
				      pinned; belongs to the pins */
	bool trusted;              /* as the gate would say: see policy trust */
};

struct pga_check {
	struct pga_hosts hosts;
	struct pga_checked_host *items; /* one for each host, in their order */
	size_t count;
	const char *problem; /* of the first host that has one */
	bool trusted;        /* every one of them is */
};

/* Whether its sslmode demands TLS: what does not goes on without, whatever becomes of it. */
bool pga_demands_tls(const struct pga_effective *effective);

/* Does the handshake with each host. What libpq refuses, or the policy would not trust, is no
 * failure of this function. bound, if not NULL, is the one anchor that is valid, but for those that
 * join it. Returns -1 for want of memory. */
int pga_check_hosts(const struct pga_effective *effective, const struct pga_policy *policy,
		    const struct pga_pins *pins, const struct pga_pin *bound,
		    struct pga_check *check, struct pga_error *error);

/* Whether the policy exempts the host from what the gate asks of a session. */
bool pga_checked_is_exempt(const struct pga_checked_host *item, const struct pga_policy *policy);

void pga_check_free(struct pga_check *check);

#endif
