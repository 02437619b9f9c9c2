#include "gate/wrappers.h"

#include "gate/caller.h"
#include "gate/export.h"
#include "gate/libpq.h"
#include "gate/peer.h"

#include <string.h>

#define AT(with, type, name, names, ...)                                          \
	type gate_at_##name(struct gate_libpq *libpq, bool internal, __VA_ARGS__) \
	{                                                                         \
		typedef type function(void *libpq, bool internal, __VA_ARGS__);   \
		void *known = NULL;                                               \
		gate_function *theirs =                                           \
		    libpq != NULL ? gate_peer_way(libpq, #name, &known) : NULL;   \
                                                                                  \
		if (theirs == NULL)                                               \
			return gate_##name(libpq, internal, GATE_UNWRAP names);   \
		return ((function *)theirs)(known, internal, GATE_UNWRAP names);  \
	}
GATE_WRAPPERS(AT, )

/* What a program reaches that calls libpq's functions by their names: the caller tells which libpq
 * it means, and `with` finds it. */
#define EXPORT(with, type, name, names, ...)                               \
	GATE_EXPORT type name(__VA_ARGS__)                                 \
	{                                                                  \
		bool internal;                                             \
		struct gate_libpq *libpq = with(GATE_CALLER(), &internal); \
                                                                           \
		return gate_at_##name(libpq, internal, GATE_UNWRAP names); \
	}
GATE_SIGNAL_WRAPPERS(EXPORT, gate_libpq_known_of)
GATE_OTHER_WRAPPERS(EXPORT, gate_libpq_of)

/* What a program reaches by an address: it is one libpq's function, whoever calls. */
#define WAY_IN(number, type, name, names, ...)                                              \
	static type name##_##number(__VA_ARGS__)                                            \
	{                                                                                   \
		return gate_at_##name(gate_libpq_number(number), false, GATE_UNWRAP names); \
	}
#define WAYS_IN(with, number) GATE_WRAPPERS(WAY_IN, number)
GATE_EACH_LIBPQ(WAYS_IN, )
/* Of a libpq that the gate cannot stand before: there is none of this number. */
#define BEYOND 32
WAYS_IN(, 32)
_Static_assert(BEYOND == GATE_LIBPQS, "the number behind the last one");

/* What libpq reaches that calls its own PQconnectPoll by a GOT entry. */
#define OWN_POLL(with, number)                                                       \
	static PostgresPollingStatusType own_poll_##number(PGconn *conn)             \
	{                                                                            \
		return gate_at_PQconnectPoll(gate_libpq_number(number), true, conn); \
	}
GATE_EACH_LIBPQ(OWN_POLL, )
OWN_POLL(, 32)

/* A name as it stands, and the functions told by code: tables of addresses would have to be
 * relocated as each program starts, on a page of its own. */
#define NAME(with, type, name, names, ...) #name,
static const char wrappers[][24] = {GATE_WRAPPERS(NAME, )};

#define WAY(name, number) \
	case number:      \
		return (gate_function *)name##_##number;
#define PICK(with, type, name, names, ...)                 \
	if (strcmp(wanted, #name) == 0)                    \
		switch (number) {                          \
			GATE_EACH_LIBPQ(WAY, name)         \
		default:                                   \
			return (gate_function *)name##_32; \
		}

static gate_function *way_in(const char *wanted, unsigned number)
{
	GATE_WRAPPERS(PICK, )
	return NULL;
}

static gate_function *own_poll(unsigned number)
{
	switch (number) {
		GATE_EACH_LIBPQ(WAY, own_poll)
	default:
		return (gate_function *)own_poll_32;
	}
}

#define PICK_AT(with, type, name, names, ...) \
	if (strcmp(wanted, #name) == 0)       \
		return (gate_function *)gate_at_##name;

gate_function *gate_at(const char *wanted)
{
	GATE_WRAPPERS(PICK_AT, )
	return NULL;
}

static unsigned number_of(const struct gate_libpq *libpq)
{
	return libpq != GATE_LIBPQ_BEYOND ? libpq->number : BEYOND;
}

static void *address_of(gate_function *way)
{
	void *address;

	memcpy(&address, &way, sizeof address);
	return address;
}

bool gate_is_wrapped(const char *name)
{
	/* All of them start alike, and few other names do. */
	if (name[0] != 'P' || name[1] != 'Q')
		return false;
	for (size_t i = 0; i < sizeof wrappers / sizeof wrappers[0]; i++)
		if (strcmp(name, wrappers[i]) == 0)
			return true;
	return false;
}

bool gate_each_wrapper(bool (*visit)(const char *name, void *context), void *context)
{
	bool all = true;

	for (size_t i = 0; all && i < sizeof wrappers / sizeof wrappers[0]; i++)
		all = visit(wrappers[i], context);
	return all;
}

void *gate_wrapper(const struct gate_libpq *libpq, const char *name)
{
	return address_of(way_in(name, number_of(libpq)));
}

void *gate_own_poll(const struct gate_libpq *libpq)
{
	return address_of(own_poll(number_of(libpq)));
}
