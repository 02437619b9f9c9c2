/* Slots that were bound past the gate. RTLD_DEEPBIND has an object look for symbols in itself and
 * in what it needs before it looks where a preloaded library stands: PHP opens every extension so.
 * What is loaded into another namespace (dlmopen) does not see the preloaded library at all. So the
 * slots themselves are looked at: libpq's own slot of PQconnectPoll, which is the wall, and the
 * slots of the objects that use libpq, which give their callers the good error message. */
#include "gate/doors.h"
#include "gate/loader.h"
#include "gate/object.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A loaded object that is a libpq or uses one. */
struct candidate {
	struct candidate *next;
	char *path;
};

/* Up to what the objects of the process are looked at and done with: the loader's counts of loads
 * and unloads, and how many objects there were, in one number, since any thread may read and write
 * it. An older one costs only that some are looked at again. */
static _Atomic uint64_t done;

#define LOADS(state)   ((state) >> 40)
#define UNLOADS(state) (((state) >> 20) & 0xfffff)
#define OBJECTS(state) ((state)&0xfffff)

static uint64_t state_of(unsigned long long loads, unsigned long long unloads, size_t objects)
{
	return (loads & 0xffffff) << 40 | (unloads & 0xfffff) << 20 | (objects & 0xfffff);
}

struct collection {
	uint64_t done; /* when it began */
	uint64_t now;
	size_t position;
	struct candidate *candidates;
	bool complete; /* nothing was left out for want of memory */
};

static int collect(struct dl_phdr_info *info, size_t size, void *context)
{
	struct collection *collection = context;
	struct candidate *candidate;
	struct gate_object object;
	const uint64_t now = state_of(info->dlpi_adds, info->dlpi_subs, collection->position + 1);

	(void)size;
	if (collection->position++ == 0 && LOADS(now) == LOADS(collection->done) &&
	    UNLOADS(now) == UNLOADS(collection->done)) {
		collection->now = collection->done;
		return 1;
	}
	collection->now = now;
	/* Once an object has gone, the order of the rest may be another: all are looked at. */
	if (collection->position <= OBJECTS(collection->done) &&
	    UNLOADS(now) == UNLOADS(collection->done))
		return 0;
	if (info->dlpi_name == NULL || info->dlpi_name[0] == '\0' ||
	    !gate_object_of(info, &object) ||
	    (!gate_object_needs(&object, "libpq") &&
	     gate_object_find(&object, "PQconninfo") == NULL))
		return 0;
	candidate = calloc(1, sizeof *candidate);
	if (candidate != NULL) {
		candidate->path = strdup(info->dlpi_name);
		candidate->next = collection->candidates;
		collection->candidates = candidate;
	}
	if (candidate == NULL || candidate->path == NULL)
		collection->complete = false;
	return 0;
}

/* The slots of one object are looked at with this. */
struct rebinding {
	void *object; /* a handle of it */
	void *space;  /* of its namespace, NULL in the program's own */
	gate_stand_in *stand_in;
	const void *base; /* where it starts */
};

/* For a slot that leads to the gate already. There, the caller tells which libpq it means, by its
 * return address: one that calls as the last thing it does has left that of its own caller. With a
 * second libpq in the process that may be another's; so users of that get doors of its own. */
static struct gate_libpq *meant(const struct rebinding *rebinding)
{
	bool internal;
	struct gate_libpq *libpq = gate_libpq_of(rebinding->base, &internal);

	return libpq != NULL && libpq->number > 0 && !internal ? libpq : NULL;
}

/* The libpq whose function the slot leads to. A slot that has not been used yet leads back into its
 * own object, to the code that looks the symbol up. */
static struct gate_libpq *target(const struct rebinding *rebinding, const void *value)
{
	const void *base = NULL;
	const struct link_map *map = gate_object_at(value, &base);
	struct gate_object object;
	void *conninfo = NULL;

	if (map == NULL)
		return NULL;
	if (base == gate_own_base())
		return rebinding->space == NULL ? meant(rebinding) : NULL;
	if (gate_object_read(map->l_addr, map->l_ld, NULL, 0, &object))
		conninfo = gate_object_find(&object, "PQconninfo");
	if (conninfo == NULL && base == rebinding->base)
		conninfo = gate_loader()->sym(rebinding->object, "PQconninfo");
	return gate_libpq_with(conninfo, rebinding->space);
}

static void rebind_slot(const struct gate_object *object, const char *name, void **slot,
			void *context)
{
	const struct rebinding *rebinding = context;
	struct gate_libpq *libpq;
	void *function = rebinding->space != NULL ? rebinding->stand_in(name) : NULL;
	bool own;
	bool is_wall;

	if (function != NULL)
		(void)gate_object_write(object, slot, function);
	if (!gate_is_door(name))
		return;
	libpq = target(rebinding, *slot);
	if (libpq == NULL)
		return;
	/* What libpq's functions call of each other is libpq's own affair, but for the wall; and
	 * PQpass, which PQconnectionNeedsPassword() asks: see gate_refuse_unstarted(). */
	own = libpq->base == rebinding->base;
	is_wall = strcmp(name, "PQconnectPoll") == 0;
	if (own && !is_wall && strcmp(name, "PQpass") != 0)
		return;
	if (gate_object_write(object, slot, gate_door(libpq, name)) && own && is_wall)
		libpq->wall_seen = true;
}

static void rebind_object(void *handle, const struct link_map *map, void *space,
			  gate_stand_in *stand_in)
{
	struct rebinding rebinding = {handle, space, stand_in, NULL};
	const ElfW(Ehdr) * file;
	struct gate_object object;

	/* An object's headers stand at its start. */
	if (gate_object_at(map->l_ld, &rebinding.base) == NULL)
		return;
	file = rebinding.base;
	if (memcmp(file->e_ident, ELFMAG, SELFMAG) != 0 || rebinding.base == gate_own_base())
		return;
	if (gate_object_read(
		map->l_addr, map->l_ld,
		(const ElfW(Phdr) *)(const void *)((const char *)rebinding.base + file->e_phoff),
		file->e_phnum, &object))
		gate_object_slots(&object, rebind_slot, &rebinding);
}

void gate_rebind_new(void)
{
	struct collection collection = {.done = atomic_load(&done), .complete = true};

	/* Under the loader's lock they are only noted: what follows asks the loader itself. */
	gate_each_object(collect, &collection);
	while (collection.candidates != NULL) {
		struct candidate *candidate = collection.candidates;
		void *handle = candidate->path != NULL
				   ? gate_loader()->open(candidate->path, RTLD_LAZY | RTLD_NOLOAD)
				   : NULL;

		if (handle != NULL) {
			rebind_object(handle, handle, NULL, NULL);
			(void)dlclose(handle);
		}
		collection.candidates = candidate->next;
		free(candidate->path);
		free(candidate);
	}
	/* Only now: a thread that opens the same object meanwhile, or a child that is forked, has
	 * to do it itself rather than go on while it is not done. */
	if (collection.complete && collection.now != collection.done)
		atomic_store(&done, collection.now);
}

/* The same as `done`, for each namespace of dlmopen(): glibc has this many. */
static _Atomic uint64_t done_in[16];

/* In another namespace all objects are looked at: what calls the dynamic linker's functions there
 * may use libpq by their addresses alone. */
static int collect_all(struct dl_phdr_info *info, size_t size, void *context)
{
	struct collection *collection = context;
	struct candidate *candidate;

	(void)size;
	collection->now = state_of(info->dlpi_adds, info->dlpi_subs, ++collection->position);
	if (LOADS(collection->now) == LOADS(collection->done) &&
	    UNLOADS(collection->now) == UNLOADS(collection->done)) {
		collection->now = collection->done;
		return 1;
	}
	if (info->dlpi_name == NULL || info->dlpi_name[0] == '\0')
		return 0;
	candidate = calloc(1, sizeof *candidate);
	if (candidate != NULL) {
		candidate->path = strdup(info->dlpi_name);
		candidate->next = collection->candidates;
		collection->candidates = candidate;
	}
	if (candidate == NULL || candidate->path == NULL)
		collection->complete = false;
	return 0;
}

void gate_rebind_space(void *handle, gate_stand_in *stand_in)
{
	struct collection collection = {.complete = true};
	Lmid_t space;
	bool counted;

	if (dlinfo(handle, RTLD_DI_LMID, &space) != 0 || space == LM_ID_BASE)
		return;
	counted = space > 0 && (size_t)space < sizeof done_in / sizeof done_in[0];
	if (counted)
		collection.done = atomic_load(&done_in[space]);
	/* Their list is the loader's, and changes while another thread opens or closes something in
	 * there: so they are noted under its lock, and each is held by a handle while it is looked
	 * at. */
	gate_each_object_in(space, collect_all, &collection);
	while (collection.candidates != NULL) {
		struct candidate *candidate = collection.candidates;
		void *object =
		    candidate->path != NULL
			? gate_loader()->mopen(space, candidate->path, RTLD_LAZY | RTLD_NOLOAD)
			: NULL;

		if (object != NULL) {
			rebind_object(object, object, handle, stand_in);
			(void)dlclose(object);
		}
		collection.candidates = candidate->next;
		free(candidate->path);
		free(candidate);
	}
	if (counted && collection.complete && collection.now != collection.done)
		atomic_store(&done_in[space], collection.now);
}
