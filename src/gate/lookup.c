/* libpq's getaddrinfo(): the last that it asks before it opens a TCP connection. libpq reads the
 * environment and the service file once more after the gate has judged them, and another thread may
 * have changed them meanwhile. Where verify-full is locked, that changes nothing that matters. A
 * connection that needs no TLS, to a host that the policy exempts or to a socket, is held to that
 * here. */
#include "gate/call.h"
#include "gate/imports.h"

static bool may_look_up(const struct gate_call *call, const char *node)
{
	if (call == NULL || call->lookups == GATE_LOOK_UP_ANY)
		return true;
	/* An address counts before a name, to libpq and to the policy, and is what is asked here.
	 */
	return call->lookups == GATE_LOOK_UP_EXEMPT && node != NULL &&
	       pga_policy_exempts(&call->rules->policy, node);
}

int gate_look_up(struct gate_libpq *libpq, const char *node, const char *service,
		 const struct addrinfo *hints, struct addrinfo **found)
{
	struct gate_call *call = gate_call_current();

	if (libpq == NULL)
		return EAI_FAIL;
	if (call != NULL && call->libpq == libpq && !may_look_up(call, node)) {
		call->lookup_refused = true;
		return EAI_FAIL;
	}
	return libpq->getAddrInfo(node, service, hints, found);
}
