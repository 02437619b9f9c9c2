#include "gate/peer.h"

#include "gate/dl.h"
#include "gate/elf.h"
#include "gate/export.h"
#include "gate/wrappers.h"

#include <string.h>

/* By this name the gates of a process know each other, in whatever namespace they are. What it
 * gives out is called with what it knows the libpq by, whether that libpq itself has called, and
 * the arguments of libpq's own function. What means something else has another name: to the gate of
 * another build nothing is handed on that it would take for something else. */
static const char asked[] = "pganchor_gate_1";
GATE_EXPORT gate_peer_ask pganchor_gate_1;

gate_function *pganchor_gate_1(const void *base, const char *name, void **libpq)
{
	*libpq = gate_libpq_at(base);
	return *libpq != NULL ? gate_at(name) : NULL;
}

struct peer {
	gate_peer_ask *ask;
	const void *base; /* of the libpq */
};

static bool has_way(const char *name, void *context)
{
	const struct peer *peer = context;
	void *known = NULL;

	return peer->ask(peer->base, name, &known) != NULL;
}

bool gate_peer_take(struct gate_libpq *libpq, const void *function)
{
	struct peer peer = {NULL, libpq->base};
	const void *base = NULL;
	const struct link_map *map = gate_object_at(function, &base);
	struct gate_object object;
	void *address;

	if (map == NULL || base == gate_own_base() || base == libpq->base ||
	    !gate_object_mapped(map, &object))
		return false;
	address = gate_object_find(&object, asked);
	memcpy(&peer.ask, &address, sizeof peer.ask);
	/* One that lacks a wrapper would not judge what this gate does. */
	if (peer.ask == NULL || !gate_each_wrapper(has_way, &peer))
		return false;
	atomic_store(&libpq->peer, peer.ask);
	return true;
}

gate_function *gate_peer_way(const struct gate_libpq *libpq, const char *name, void **known)
{
	gate_peer_ask *ask = atomic_load(&libpq->peer);

	return ask != NULL ? ask(libpq->base, name, known) : NULL;
}
