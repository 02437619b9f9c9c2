#include "gate/doors.h"

#include <string.h>

/* What a program reaches that calls libpq's functions by their names: the caller tells which libpq
 * it means, and `with` finds it. */
#define EXPORT(with, type, name, names, ...)                               \
	GATE_EXPORT type name(__VA_ARGS__)                                 \
	{                                                                  \
		bool internal;                                             \
		struct gate_libpq *libpq = with(GATE_CALLER(), &internal); \
                                                                           \
		return gate_##name(libpq, internal, GATE_UNWRAP names);    \
	}
GATE_SIGNAL_DOORS(EXPORT, gate_libpq_known_of)
GATE_OTHER_DOORS(EXPORT, gate_libpq_of)

/* What a program reaches by an address: it is one libpq's function, whoever calls. */
#define WAY_IN(number, type, name, names, ...)                                           \
	static type name##_##number(__VA_ARGS__)                                         \
	{                                                                                \
		return gate_##name(gate_libpq_number(number), false, GATE_UNWRAP names); \
	}
#define WAYS_IN(number) GATE_DOORS(WAY_IN, number)
GATE_EACH_LIBPQ(WAYS_IN)
/* Of a libpq that the gate cannot stand before: there is none of this number. */
WAYS_IN(8)

struct door {
	const char *name;
	void (*ways_in[GATE_LIBPQS + 1])(void);
};

#define WAY(name, number) (void (*)(void)) name##_##number
#define ROW(with, type, name, names, ...)                                                     \
	{#name,                                                                               \
	 {WAY(name, 0), WAY(name, 1), WAY(name, 2), WAY(name, 3), WAY(name, 4), WAY(name, 5), \
	  WAY(name, 6), WAY(name, 7), WAY(name, 8)}},
static const struct door doors[] = {GATE_DOORS(ROW, )};

static const struct door *find(const char *name)
{
	/* All of them start alike, and few other names do. */
	if (name[0] != 'P' || name[1] != 'Q')
		return NULL;
	for (size_t i = 0; i < sizeof doors / sizeof doors[0]; i++)
		if (strcmp(name, doors[i].name) == 0)
			return &doors[i];
	return NULL;
}

bool gate_is_door(const char *name)
{
	return find(name) != NULL;
}

void *gate_door(const struct gate_libpq *libpq, const char *name)
{
	const struct door *door = find(name);
	void *address;

	if (door == NULL)
		return NULL;
	memcpy(&address, &door->ways_in[libpq != GATE_LIBPQ_BEYOND ? libpq->number : GATE_LIBPQS],
	       sizeof address);
	return address;
}
