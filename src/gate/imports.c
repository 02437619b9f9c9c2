#include "gate/imports.h"

#include "gate/connect_poll.h"
#include "gate/dl.h"
#include "gate/elf.h"
#include "gate/libpq.h"
#include "gate/peer.h"

#include <stddef.h>
#include <string.h>

/* A GOT entry leads to a function without an argument that would tell whose it is: so each libpq
 * has functions of its own. */
#define IMPORTS(with, number)                                                                  \
	static int SSL_write_##number(void *ssl, const void *bytes, int count)                 \
	{                                                                                      \
		return gate_tls_write(gate_libpq_number(number), ssl, bytes, count);           \
	}                                                                                      \
	static int SSL_connect_##number(void *ssl)                                             \
	{                                                                                      \
		return gate_tls_connect(gate_libpq_number(number), ssl);                       \
	}                                                                                      \
	static int getaddrinfo_##number(const char *node, const char *service,                 \
					const struct addrinfo *hints, struct addrinfo **found) \
	{                                                                                      \
		return gate_look_up(gate_libpq_number(number), node, service, hints, found);   \
	}
GATE_EACH_LIBPQ(IMPORTS, )

#define SSL_WRITE(with, number)   (gate_function *)SSL_write_##number,
#define SSL_CONNECT(with, number) (gate_function *)SSL_connect_##number,
#define GETADDRINFO(with, number) (gate_function *)getaddrinfo_##number,

static const struct import {
	const char *name;
	size_t real; /* where libpq's own is kept in a struct gate_libpq */
	size_t seen;
	gate_function *instead[GATE_LIBPQS];
} imports[] = {
    {"SSL_write",
     offsetof(struct gate_libpq, import_SSL_write),
     offsetof(struct gate_libpq, writes_seen),
     {GATE_EACH_LIBPQ(SSL_WRITE, )}},
    {"SSL_connect",
     offsetof(struct gate_libpq, import_SSL_connect),
     offsetof(struct gate_libpq, handshakes_seen),
     {GATE_EACH_LIBPQ(SSL_CONNECT, )}},
    {"getaddrinfo",
     offsetof(struct gate_libpq, import_getaddrinfo),
     offsetof(struct gate_libpq, lookups_seen),
     {GATE_EACH_LIBPQ(GETADDRINFO, )}},
};

struct binding {
	struct gate_libpq *libpq;
	const struct import *import;
	bool bound;  /* some entry leads to the gate now */
	bool missed; /* some other does not */
};

/* What libpq would call by this entry, which has this value; NULL where that cannot be told. */
static void *original(const struct binding *binding, const struct gate_object *object, void *value)
{
	const void *base = NULL;
	const struct link_map *map = gate_object_at(value, &base);

	/* One that has not been used yet leads back into its own object. */
	if (map != NULL && (base != binding->libpq->base ||
			    value == gate_object_find(object, binding->import->name)))
		return value;
	return gate_libpq_would_call(binding->libpq, binding->import->name);
}

/* Binds an entry that has this value. Whether that could be done, or another gate stands there. */
static bool bind_from(struct binding *binding, const struct gate_object *object, void **entry,
		      void *value)
{
	void *_Atomic *real =
	    (void *_Atomic *)(void *)((char *)binding->libpq + binding->import->real);
	void *called;
	void *instead;

	memcpy(&instead, &binding->import->instead[binding->libpq->number], sizeof instead);
	if (value != instead && gate_peer_take(binding->libpq, value))
		return true;
	if (value != instead) {
		called = original(binding, object, value);
		if (called != NULL)
			atomic_store(real, called);
	}
	binding->bound = value == instead || gate_object_swap(object, entry, value, instead);
	return binding->bound;
}

static void bind_entry(const struct gate_object *object, const char *name, void **entry,
		       void *context)
{
	struct binding *binding = context;
	void *value = __atomic_load_n(entry, __ATOMIC_ACQUIRE);
	void *before;
	bool done;

	if (strcmp(name, binding->import->name) != 0 || atomic_load(&binding->libpq->peer) != NULL)
		return;
	/* Once more where another gate, or the loader, has written it meanwhile. */
	do {
		before = value;
		done = bind_from(binding, object, entry, before);
		value = __atomic_load_n(entry, __ATOMIC_ACQUIRE);
	} while (!done && value != before);
	if (!done)
		binding->missed = true;
}

void gate_imports_bind(struct gate_libpq *libpq)
{
	const void *base = NULL;
	const struct link_map *map = gate_object_at(libpq->base, &base);
	struct gate_object object;

	if (map == NULL || !gate_object_loaded(map, &object))
		return;
	/* All gates begin with the same entry: whose that becomes, stands before this libpq. */
	for (size_t i = 0; i < sizeof imports / sizeof imports[0]; i++) {
		struct binding binding = {libpq, &imports[i], false, false};
		atomic_bool *seen = (atomic_bool *)(void *)((char *)libpq + imports[i].seen);

		gate_object_got_entries(&object, bind_entry, &binding);
		atomic_store(seen, binding.bound && !binding.missed);
	}
}

bool gate_sees_sessions(struct gate_libpq *libpq)
{
	if (!atomic_load(&libpq->writes_seen) || !atomic_load(&libpq->lookups_seen))
		gate_imports_bind(libpq);
	return (atomic_load(&libpq->writes_seen) && atomic_load(&libpq->lookups_seen)) ||
	       gate_sees_polls(libpq);
}

bool gate_sees_lookups(struct gate_libpq *libpq)
{
	return atomic_load(&libpq->lookups_seen) || gate_sees_polls(libpq);
}

void gate_say_unseen(const struct gate_libpq *libpq, struct pga_text *refusal)
{
	pga_text_add(refusal, "pganchor refused this connection: what this libpq does cannot be "
			      "looked at: ");
	if (!atomic_load(&libpq->lookups_seen))
		pga_text_add(refusal, "its calls of other libraries cannot be bound to the gate");
	else
		pga_text_add(refusal, "it does not use a shared OpenSSL, and calls its own "
				      "PQconnectPoll where nobody sees it\n    use a libpq that is "
				      "linked with a shared OpenSSL");
}
