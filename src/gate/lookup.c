/* libpq's getaddrinfo(): the last that it asks before it opens a TCP connection. libpq reads the
 * environment and the service file once more after the gate has judged them, and another thread may
 * have changed them meanwhile. Where verify-full is locked, that changes nothing that matters. A
 * connection that needs no TLS, to a host that the policy exempts or to a socket, is held to that
 * here. */
#include "gate/call.h"
#include "gate/imports.h"
#include "gate/judge.h"
#include "gate/libpq.h"

static bool is_exempt(const struct gate_call *call, const char *node)
{
	/* An address counts before a name, to libpq and to the policy, and is what is asked here.
	 */
	return node != NULL && pga_policy_exempts(&call->rules->policy, node);
}

static bool may_look_up(struct gate_call *call, const struct gate_libpq *libpq, const char *node)
{
	/* A connection that began past every wrapper, and of which PQconnectPoll was not seen
	 * either: of its settings nothing is known. */
	if (call == NULL || call->libpq != libpq)
		return gate_is_audit();
	if (call->lookups == GATE_LOOK_UP_ANY ||
	    (call->lookups == GATE_LOOK_UP_EXEMPT && is_exempt(call, node)))
		return true;
	call->lookup_refused = true;
	return false;
}

int gate_look_up(struct gate_libpq *libpq, const char *node, const char *service,
		 const struct addrinfo *hints, struct addrinfo **found)
{
	int (*look_up)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	struct gate_call *call = gate_call_current();

	if (libpq == NULL || !may_look_up(call, libpq, node))
		return EAI_FAIL;
	/* What comes now takes its time: another thread may fork, or this one be cancelled. */
	if (call != NULL)
		gate_call_close_passfile(call);
	look_up = atomic_load(&libpq->import_getaddrinfo);
	return (look_up != NULL ? look_up : getaddrinfo)(node, service, hints, found);
}
