/* The libpq of a caller. dlsym(RTLD_NEXT) would find none in a process that loaded it with
 * RTLD_LOCAL, as the extensions of every scripting language do; and a process can hold two. So the
 * object that the call came from is looked up by its return address, and then what its calls of
 * libpq are bound to. */
#include "gate/caller.h"

#include "gate/dl.h"
#include "gate/elf.h"
#include "gate/wrappers.h"

#include <dlfcn.h>
#include <link.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

/* An object that has called the gate, and the libpq that it needs. Looked up once: finding an
 * object's needs takes the loader's lock. The name is compared too, since an object that was
 * unloaded may have left its address to another. No memory is asked for, since PQcancel() may be
 * called in a signal handler; where there are more objects, the rest are looked up each time. */
#define CALLERS 64

struct caller {
	const struct link_map *map;
	const void *dynamic;
	uint64_t name;
	_Atomic(struct gate_libpq *) libpq; /* written last */
};

static struct caller callers[CALLERS];
static atomic_uint callers_claimed;

/* FNV-1a. */
static uint64_t hash_of(const char *name)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (; *name != '\0'; name++)
		hash = (hash ^ (unsigned char)*name) * 0x100000001b3;
	return hash;
}

static struct gate_libpq *recall(const struct link_map *map)
{
	const unsigned count = atomic_load(&callers_claimed);
	const uint64_t name = hash_of(map->l_name);

	for (unsigned i = 0; i < count && i < CALLERS; i++) {
		struct gate_libpq *libpq = atomic_load(&callers[i].libpq);

		if (libpq != NULL && callers[i].map == map && callers[i].dynamic == map->l_ld &&
		    callers[i].name == name)
			return libpq;
	}
	return NULL;
}

static void remember(const struct link_map *map, struct gate_libpq *libpq)
{
	unsigned place = atomic_load(&callers_claimed);

	while (place < CALLERS &&
	       !atomic_compare_exchange_weak(&callers_claimed, &place, place + 1))
		;
	if (place >= CALLERS)
		return;
	callers[place].map = map;
	callers[place].dynamic = map->l_ld;
	callers[place].name = hash_of(map->l_name);
	atomic_store(&callers[place].libpq, libpq);
}

/* The GOT entry of a function of libpq that the gate does not stand before, bound by the loader: it
 * tells which libpq. */
static void note_entry(const struct gate_object *object, const char *name, void **entry,
		       void *context)
{
	struct gate_libpq **libpq = context;
	const void *own = NULL;
	const void *base = NULL;
	const struct link_map *map;
	struct gate_object target;

	if (*libpq != NULL || strncmp(name, "PQ", 2) != 0 || gate_is_wrapped(name))
		return;
	map = gate_object_at(*entry, &base);
	/* One that has not been used yet leads back into its own object. */
	if (map == NULL || (gate_object_at(object->dynamic, &own) != NULL && base == own))
		return;
	if (gate_object_mapped(map, &target))
		*libpq = gate_libpq_with(gate_object_find(&target, GATE_LIBPQ_MARK));
}

static struct gate_libpq *bound_to(const struct link_map *map)
{
	struct gate_libpq *libpq = NULL;
	struct gate_object object;

	if (gate_object_mapped(map, &object))
		gate_object_got_entries(&object, note_entry, &libpq);
	return libpq;
}

/* The libpq that this object's calls go to: the one that its GOT entries are bound to; or, where
 * none is bound yet, the one that the loader will find, first in the program's own scope and then
 * in what the object needs. */
static struct gate_libpq *needed_by(const struct link_map *map)
{
	struct gate_libpq *libpq = recall(map);
	void *object;

	if (libpq != NULL)
		return libpq;
	libpq = bound_to(map);
	if (libpq == NULL)
		libpq = gate_libpq_with(gate_loader()->sym(RTLD_DEFAULT, GATE_LIBPQ_MARK));
	if (libpq == NULL && map->l_name[0] != '\0') {
		object = gate_loader()->open(map->l_name, RTLD_LAZY | RTLD_NOLOAD);
		if (object == NULL)
			return NULL;
		libpq = gate_libpq_with(gate_loader()->sym(object, GATE_LIBPQ_MARK));
		(void)dlclose(object);
	}
	if (libpq != NULL)
		remember(map, libpq);
	return libpq;
}

/* For callers that use libpq without needing it: they were handed a pointer, or found it with
 * dlsym(). Only looks: the loader's lock is held here, and another thread may wait for it within
 * the loader. */
static int look_for_libpq(struct dl_phdr_info *info, size_t size, void *conninfo)
{
	struct gate_object object;

	(void)size;
	if (gate_object_of(info, &object))
		*(void **)conninfo = gate_object_find(&object, GATE_LIBPQ_MARK);
	return *(void **)conninfo != NULL;
}

/* For those who are to do without a libpq where the gate cannot stand before it. */
static struct gate_libpq *reached(struct gate_libpq *libpq)
{
	return libpq != GATE_LIBPQ_BEYOND ? gate_libpq_ready(libpq) : NULL;
}

static struct gate_libpq *first_of_process(void)
{
	struct gate_libpq *libpq =
	    gate_libpq_with(gate_loader()->sym(RTLD_DEFAULT, GATE_LIBPQ_MARK));
	void *conninfo = NULL;

	if (libpq == NULL)
		libpq = gate_libpq_ready(gate_libpq_number(0));
	if (libpq == NULL) {
		gate_each_object(look_for_libpq, &conninfo);
		libpq = gate_libpq_with(conninfo);
	}
	return libpq;
}

struct gate_libpq *gate_libpq_of(const void *caller, bool *internal)
{
	const void *base = NULL;
	const struct link_map *map = gate_object_at(caller, &base);
	struct gate_libpq *libpq = map != NULL ? gate_libpq_at(base) : NULL;

	if (libpq == NULL && map != NULL)
		libpq = needed_by(map);
	if (libpq == NULL)
		libpq = first_of_process();
	libpq = reached(libpq);
	if (internal != NULL)
		*internal = libpq != NULL && map != NULL && libpq->base == base;
	return libpq;
}

struct gate_libpq *gate_libpq_known_of(const void *caller, bool *internal)
{
	const void *base = NULL;
	const struct link_map *map = gate_object_at(caller, &base);
	struct gate_libpq *libpq = map != NULL ? gate_libpq_at(base) : NULL;

	*internal = libpq != NULL;
	if (libpq == NULL && map != NULL)
		libpq = recall(map);
	if (libpq == NULL && map != NULL)
		libpq = bound_to(map);
	if (libpq == GATE_LIBPQ_BEYOND)
		return NULL;
	return libpq != NULL ? libpq : gate_libpq_number(0);
}

struct gate_libpq *gate_libpq_any(void)
{
	struct gate_libpq *libpq = first_of_process();

	if (libpq == NULL && gate_loader()->open("libpq.so.5", RTLD_LAZY | RTLD_GLOBAL) != NULL)
		libpq = first_of_process();
	return reached(libpq);
}
