/* Objects, their GOT entries and what the dynamic linker knows of them, as a test lays them out,
 * for units that are linked with PLAYED_LOADER. An object is where its bytes are: its address is
 * that of its place in the list. */
#ifndef PGA_TESTS_PLAYED_LOADER_H
#define PGA_TESTS_PLAYED_LOADER_H

#include "gate/dl.h"
#include "gate/elf.h"

#include <errno.h>
#include <string.h>

enum { OBJECTS = 100, FUNCTIONS = 24, SLOTS = 12, SPAN = 64 };

struct played_object {
	char bytes[SPAN]; /* its functions are addresses in here */
	struct link_map map;
	bool unreadable;
	const char *functions[FUNCTIONS]; /* the first one is at the first byte, and so on */
	void *addresses[FUNCTIONS];       /* or here, if not NULL */
	struct {
		const char *name;
		void *value;
		bool fixed; /* cannot be written */
	} entries[SLOTS];
};

static struct played_object objects[OBJECTS];
static int looked_at; /* how often the entries of some object were */
/* Whose the addresses of the real libc and of this program are. */
static struct played_object *libc_object, *own_object;

static bool is_libcs(const void *address)
{
	int *(*function)(void) = __errno_location;

	return memcmp(&address, &function, sizeof address) == 0;
}

extern const char __executable_start;
extern const char _end;

static struct played_object *object_at(const void *address)
{
	for (size_t i = 0; i < OBJECTS; i++)
		if ((const char *)address >= objects[i].bytes &&
		    (const char *)address < objects[i].bytes + SPAN)
			return &objects[i];
	if (is_libcs(address))
		return libc_object;
	return (const char *)address >= &__executable_start && (const char *)address < &_end
		   ? own_object
		   : NULL;
}

static inline void *function_of(struct played_object *object, const char *name)
{
	for (size_t i = 0; i < FUNCTIONS && object->functions[i] != NULL; i++)
		if (strcmp(object->functions[i], name) == 0)
			return object->addresses[i] != NULL ? object->addresses[i]
							    : object->bytes + i;
	return NULL;
}

/* The linker leads the gate's calls here (--wrap). */
const struct link_map *__wrap_gate_object_at(const void *address, const void **base);
bool __wrap_gate_object_mapped(const struct link_map *map, struct gate_object *object);
bool __wrap_gate_object_loaded(const struct link_map *map, struct gate_object *object);
void *__wrap_gate_object_find(const struct gate_object *object, const char *name);
void __wrap_gate_object_got_entries(const struct gate_object *object, gate_got_visit *visit,
				    void *context);
bool __wrap_gate_object_write(const struct gate_object *object, void **entry, void *value);
bool __wrap_gate_object_swap(const struct gate_object *object, void **entry, void *before,
			     void *value);

/* What another thread writes into an entry before the gate's next swap of it; NULL: nothing. */
static void *written_before;

const struct link_map *__wrap_gate_object_at(const void *address, const void **base)
{
	struct played_object *object = object_at(address);

	if (object == NULL)
		return NULL;
	*base = object->bytes;
	return &object->map;
}

static inline bool describe(uintptr_t base, const ElfW(Dyn) * dynamic, struct gate_object *object)
{
	memset(object, 0, sizeof *object);
	object->base = base;
	object->dynamic = dynamic;
	return !object_at((const void *)base)->unreadable;
}

bool __wrap_gate_object_mapped(const struct link_map *map, struct gate_object *object)
{
	return describe(map->l_addr, map->l_ld, object);
}

bool __wrap_gate_object_loaded(const struct link_map *map, struct gate_object *object)
{
	return describe(map->l_addr, map->l_ld, object);
}

void *__wrap_gate_object_find(const struct gate_object *object, const char *name)
{
	return function_of(object_at((const void *)object->base), name);
}

void __wrap_gate_object_got_entries(const struct gate_object *object, gate_got_visit *visit,
				    void *context)
{
	struct played_object *played = object_at((const void *)object->base);

	looked_at++;
	for (size_t i = 0; i < SLOTS && played->entries[i].name != NULL; i++)
		visit(object, played->entries[i].name, &played->entries[i].value, context);
}

bool __wrap_gate_object_write(const struct gate_object *object, void **entry, void *value)
{
	struct played_object *played = object_at((const void *)object->base);

	for (size_t i = 0; i < SLOTS; i++)
		if (entry == &played->entries[i].value && !played->entries[i].fixed) {
			*entry = value;
			return true;
		}
	return false;
}

bool __wrap_gate_object_swap(const struct gate_object *object, void **entry, void *before,
			     void *value)
{
	if (written_before != NULL)
		*entry = written_before;
	written_before = NULL;
	return *entry == before && __wrap_gate_object_write(object, entry, value);
}

/* All of them, with nothing in them. */
static inline void lay_out_objects(void)
{
	memset(objects, 0, sizeof objects);
	looked_at = 0;
	for (size_t i = 0; i < OBJECTS; i++) {
		objects[i].map.l_addr = (ElfW(Addr))objects[i].bytes;
		objects[i].map.l_ld = (ElfW(Dyn) *)(void *)objects[i].bytes;
		objects[i].map.l_name = (char *)(uintptr_t) "";
		objects[i].map.l_prev = i > 0 ? &objects[i - 1].map : NULL;
		objects[i].map.l_next = i + 1 < OBJECTS ? &objects[i + 1].map : NULL;
	}
}

#endif
