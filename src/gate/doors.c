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

/* A name as it stands, and the functions told by code: tables of addresses would have to be
 * relocated as each program starts, on a page of its own. */
#define NAME(with, type, name, names, ...) #name,
static const char doors[][24] = {GATE_DOORS(NAME, )};

typedef void function(void);

#define PICK(with, type, name, names, ...)           \
	if (strcmp(wanted, #name) == 0)              \
		switch (number) {                    \
		case 0:                              \
			return (function *)name##_0; \
		case 1:                              \
			return (function *)name##_1; \
		case 2:                              \
			return (function *)name##_2; \
		case 3:                              \
			return (function *)name##_3; \
		case 4:                              \
			return (function *)name##_4; \
		case 5:                              \
			return (function *)name##_5; \
		case 6:                              \
			return (function *)name##_6; \
		case 7:                              \
			return (function *)name##_7; \
		default:                             \
			return (function *)name##_8; \
		}

static function *way_in(const char *wanted, unsigned number)
{
	GATE_DOORS(PICK, )
	return NULL;
}

bool gate_is_door(const char *name)
{
	/* All of them start alike, and few other names do. */
	if (name[0] != 'P' || name[1] != 'Q')
		return false;
	for (size_t i = 0; i < sizeof doors / sizeof doors[0]; i++)
		if (strcmp(name, doors[i]) == 0)
			return true;
	return false;
}

void *gate_door(const struct gate_libpq *libpq, const char *name)
{
	function *way = way_in(name, libpq != GATE_LIBPQ_BEYOND ? libpq->number : GATE_LIBPQS);
	void *address;

	memcpy(&address, &way, sizeof address);
	return address;
}
