/* Who calls a server: the entries of pg_service.conf, where they lead, and what each of them makes
 * of a chain. */
#ifndef PGA_PROBE_CALLERS_H
#define PGA_PROBE_CALLERS_H

#include "base/error.h"
#include "policy/pins.h"
#include "policy/policy.h"
#include "probe/fleet.h"

#include <openssl/x509.h>

#include <stdbool.h>
#include <stddef.h>

struct addrinfo;

/* All zero before it is begun. */
struct pga_callers {
	struct pga_probe_trusts trusts;
	struct pga_fleet fleet;      /* each server once, with the names of its services */
	struct addrinfo **addresses; /* of each of these; NULL: its name cannot be looked up */
};

/* Reads the entries of both service files, asks libpq what each comes to, and looks up their hosts,
 * many at once: those of this port alone, or with 0 of every one. Policy and pins have to outlive
 * it. Returns 0; -1 with the reason; the number of a signal, as pga_many_run(). To be freed in the
 * first two cases. */
int pga_callers_find(struct pga_callers *callers, unsigned port, const struct pga_policy *policy,
		     const struct pga_pins *pins, struct pga_error *error);
void pga_callers_free(struct pga_callers *callers);

/* Whether this one leads to the port at one of these addresses. */
bool pga_caller_leads(const struct pga_callers *callers, size_t index,
		      const struct addrinfo *addresses, unsigned port);

/* What a client makes of a chain. */
struct pga_chain_view {
	bool verified; /* for its host, as policy and pins want it */
	bool no_roots; /* it has nothing to verify with */
	char *anchor;  /* that the chain ends in; NULL: in none that is pinned */
	char *why;     /* it is not verified, in a line; NULL where it is */
	char *hint;    /* what to do about it; NULL: nothing is known */
};

/* The chain has the server's own certificate first. May run in many threads at once. Returns -1 for
 * want of memory. To be freed in either case. */
int pga_chain_view_of(const struct pga_probe_target *target, STACK_OF(X509) * chain,
		      struct pga_chain_view *view, struct pga_error *error);
void pga_chain_view_free(struct pga_chain_view *view);

#endif
