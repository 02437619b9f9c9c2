/* GOT entries that were bound past the gate. RTLD_DEEPBIND has an object look for symbols in itself
 * and in what it needs before it looks where a preloaded library stands: PHP opens every extension
 * so. What is loaded into another namespace (dlmopen) does not see the preloaded library at all. So
 * the GOT entries themselves are looked at: libpq's own GOT entry of PQconnectPoll, where every
 * connection is checked, and the GOT entries of the objects that use libpq, which give their
 * callers the good error message. */
#include "gate/got.h"

#include "gate/caller.h"
#include "gate/dl.h"
#include "gate/elf.h"
#include "gate/libpq.h"
#include "gate/wrappers.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A loaded object that is a libpq or calls one. */
struct candidate {
	struct candidate *next;
	char *path; /* "" is the program itself */
};

/* Some object of the process is a libpq, and all others were looked at for whether they call one.
 * Before, nobody can. */
static atomic_bool any_libpq;

/* Set once something was opened with RTLD_DEEPBIND: what comes in so looks for the dynamic linker's
 * functions in libc before it looks where the gate stands, and would open a libpq past it. */
static gate_stand_in *_Atomic deep;

void gate_rebind_deep(gate_stand_in *stand_in)
{
	atomic_store(&deep, stand_in);
}

/* Up to what the objects of the process are looked at and done with: the loader's counts of loads
 * and unloads, and how many objects there were. Any thread may read and write it; in two halves,
 * since on some machines a word of 64 bits needs a library that the gate has not. An older one
 * costs only that some are looked at again, and so does a mixture: the count of loads is written
 * last and read first, so it is that of a thread that has come as far. */
struct progress {
	_Atomic uint32_t loads;
	_Atomic uint32_t others;
};

static struct progress done;

#define LOADS(state)   ((state) >> 32)
#define UNLOADS(state) (((state) >> 16) & 0xffff)
#define OBJECTS(state) ((state)&0xffff)

static uint64_t load_progress(const struct progress *progress)
{
	const uint64_t loads = atomic_load(&progress->loads);

	return loads << 32 | atomic_load(&progress->others);
}

static void store_progress(struct progress *progress, uint64_t state)
{
	atomic_store(&progress->others, (uint32_t)(state & 0xffffffff));
	atomic_store(&progress->loads, (uint32_t)(state >> 32));
}

static uint64_t state_of(unsigned long long loads, unsigned long long unloads, size_t objects)
{
	return (uint64_t)loads << 32 | (unloads & 0xffff) << 16 | (objects & 0xffff);
}

struct collection {
	uint64_t done; /* when it began */
	uint64_t now;
	size_t position;
	struct candidate *candidates;
	bool callers;  /* those who call libpq are looked for, not only libpqs */
	bool libpq;    /* one was found */
	bool complete; /* nothing was left out for want of memory */
};

/* What is looked for in an object's GOT. */
struct search {
	gate_stand_in *stand_in; /* NULL: not the dynamic linker's functions */
	bool wrappers;
	bool found;
};

static void look_at_entry(const struct gate_object *object, const char *name, void **entry,
			  void *context)
{
	struct search *search = context;

	(void)object;
	(void)entry;
	search->found = search->found || (search->wrappers && gate_is_wrapped(name)) ||
			(search->stand_in != NULL && search->stand_in(name) != NULL);
}

/* Whether the object is a libpq, or has a GOT entry of one of its functions. Not all that has one
 * needs libpq by name: it may be another library that brings it, or a libpq under a name of its
 * own.
 */
static bool is_candidate(const struct gate_object *object, struct collection *collection)
{
	struct search search = {atomic_load(&deep), collection->callers, false};

	if (gate_object_find(object, GATE_LIBPQ_MARK) != NULL) {
		collection->libpq = true;
		return true;
	}
	if (search.wrappers || search.stand_in != NULL)
		gate_object_got_entries(object, look_at_entry, &search);
	return search.found;
}

static void note_candidate(struct collection *collection, const char *path)
{
	struct candidate *candidate = calloc(1, sizeof *candidate);

	if (candidate != NULL) {
		candidate->path = strdup(path);
		candidate->next = collection->candidates;
		collection->candidates = candidate;
	}
	if (candidate == NULL || candidate->path == NULL)
		collection->complete = false;
}

static int collect(struct dl_phdr_info *info, size_t size, void *context)
{
	struct collection *collection = context;
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
	if (info->dlpi_name == NULL || !gate_object_of(info, &object) ||
	    !is_candidate(&object, collection))
		return 0;
	note_candidate(collection, info->dlpi_name);
	return 0;
}

/* The GOT entries of one object are looked at with this. */
struct rebinding {
	void *object; /* a handle of it */
	void *space;  /* of its namespace, NULL in the program's own */
	gate_stand_in *stand_in;
	const void *base; /* where it starts */
	bool is_libpq;
};

/* For a GOT entry that leads to the gate already. There, the caller tells which libpq it means, by
 * its return address: one that calls as the last thing it does has left that of its own caller.
 * With a second libpq in the process that may be another's; so users of that get wrappers of its
 * own. */
static struct gate_libpq *meant(const struct rebinding *rebinding)
{
	bool internal;
	struct gate_libpq *libpq = gate_libpq_of(rebinding->base, &internal);

	return libpq != NULL && libpq->number > 0 && !internal ? libpq : NULL;
}

/* The libpq whose function the GOT entry leads to. A GOT entry that has not been used yet leads
 * back into its own object, to the code that looks the symbol up. */
static struct gate_libpq *target(const struct rebinding *rebinding, const void *value)
{
	const void *base = NULL;
	const struct link_map *map = gate_object_at(value, &base);
	struct gate_libpq *libpq;

	if (map == NULL)
		return NULL;
	if (base == gate_own_base())
		return rebinding->space == NULL ? meant(rebinding) : NULL;
	libpq = gate_libpq_of_object(map);
	if (libpq == NULL && base == rebinding->base)
		libpq = gate_libpq_with(gate_loader()->sym(rebinding->object, GATE_LIBPQ_MARK));
	return libpq;
}

/* Whether libpq's own call of this function by this entry is to come to the gate. What libpq's
 * functions call of each other is libpq's own affair, but for PQconnectPoll, where its settings are
 * looked at; and PQpass, which PQconnectionNeedsPassword() asks: see gate_refuse_unstarted(). */
static bool is_ours_in_libpq(const char *name)
{
	return strcmp(name, "PQconnectPoll") == 0 || strcmp(name, "PQpass") == 0;
}

const void *gate_libc_address(void)
{
	int *(*function)(void) = __errno_location;
	const void *address;

	memcpy(&address, &function, sizeof address);
	return address;
}

/* Whether this entry of one of the dynamic linker's functions was bound past the gate, or will be.
 * What stands before the gate in the order of symbols stays there. */
static bool is_past_the_gate(const struct rebinding *rebinding, const char *name, const void *value)
{
	const void *libc = NULL;
	const void *base = NULL;
	const void *found;

	if (gate_object_at(value, &base) == NULL)
		return false;
	/* One that has not been used yet leads back into its own object. */
	if (base == rebinding->base) {
		found = gate_loader()->sym(RTLD_DEFAULT, name);
		return gate_object_at(found, &base) != NULL && base == gate_own_base();
	}
	return gate_object_at(gate_libc_address(), &libc) != NULL && base == libc;
}

static void rebind_entry(const struct gate_object *object, const char *name, void **entry,
			 void *context)
{
	const struct rebinding *rebinding = context;
	struct gate_libpq *libpq;
	void *function = rebinding->stand_in != NULL ? rebinding->stand_in(name) : NULL;
	bool own;

	if (function != NULL &&
	    (rebinding->space != NULL || is_past_the_gate(rebinding, name, *entry)))
		(void)gate_object_write(object, entry, function);
	if (!gate_is_wrapped(name))
		return;
	libpq = target(rebinding, *entry);
	if (libpq == NULL)
		return;
	own = libpq != GATE_LIBPQ_BEYOND ? libpq->base == rebinding->base : rebinding->is_libpq;
	if (own && !is_ours_in_libpq(name))
		return;
	(void)gate_object_write(object, entry,
				own && strcmp(name, "PQconnectPoll") == 0
				    ? gate_own_poll(libpq)
				    : gate_wrapper(libpq, name));
}

static void rebind_object(void *handle, const struct link_map *map, void *space,
			  gate_stand_in *stand_in)
{
	struct rebinding rebinding = {.object = handle, .space = space, .stand_in = stand_in};
	const void *conninfo;
	struct gate_object object;

	if (gate_object_at(map->l_ld, &rebinding.base) == NULL ||
	    rebinding.base == gate_own_base() || !gate_object_loaded(map, &object))
		return;
	conninfo = gate_object_find(&object, GATE_LIBPQ_MARK);
	rebinding.is_libpq = conninfo != NULL;
	/* What a libpq calls in other libraries is bound with it, before anybody calls it. But one
	 * that the program has linked in is called by itself, past the gate, and is left alone. */
	if (*map->l_name != '\0')
		(void)gate_libpq_with(conninfo);
	gate_object_got_entries(&object, rebind_entry, &rebinding);
}

/* A handle of it; NULL where it has been closed meanwhile. */
static void *open_candidate(const struct candidate *candidate, Lmid_t space)
{
	if (candidate->path == NULL)
		return NULL;
	if (space != LM_ID_BASE)
		return gate_loader()->mopen(space, candidate->path, RTLD_LAZY | RTLD_NOLOAD);
	return gate_loader()->open(*candidate->path != '\0' ? candidate->path : NULL,
				   RTLD_LAZY | RTLD_NOLOAD);
}

/* Looks at all that were noted, each held by a handle meanwhile, and frees them. apart: a handle of
 * their namespace, where it is not the program's own. */
static void rebind_candidates(struct collection *collection, Lmid_t space, void *apart,
			      gate_stand_in *stand_in)
{
	while (collection->candidates != NULL) {
		struct candidate *candidate = collection->candidates;
		void *handle = open_candidate(candidate, space);

		if (handle != NULL) {
			rebind_object(handle, handle, apart, stand_in);
			(void)dlclose(handle);
		}
		collection->candidates = candidate->next;
		free(candidate->path);
		free(candidate);
	}
}

/* Looks at what was loaded since then. Returns whether there is a libpq in it. */
static bool rebind_since(uint64_t state, bool callers)
{
	struct collection collection = {.done = state, .callers = callers, .complete = true};

	/* Under the loader's lock they are only noted: what follows asks the loader itself. */
	gate_each_object(collect, &collection);
	rebind_candidates(&collection, LM_ID_BASE, NULL, atomic_load(&deep));
	/* Only now: a thread that opens the same object meanwhile, or a child that is forked, has
	 * to do it itself rather than go on while it is not done. */
	if (collection.complete && (callers || !collection.libpq) &&
	    collection.now != collection.done)
		store_progress(&done, collection.now);
	return collection.libpq;
}

void gate_rebind_new(void)
{
	const bool callers = atomic_load(&any_libpq);

	if (!rebind_since(load_progress(&done), callers) || callers)
		return;
	/* With the first libpq, what was loaded before it can call it too. */
	(void)rebind_since(0, true);
	atomic_store(&any_libpq, true);
}

/* LD_PRELOAD=libpq.so.5 stands before a gate of /etc/ld.so.preload, and every object is bound to it
 * instead. */
void gate_rebind_at_start(void)
{
	const void *base = NULL;
	const struct link_map *map = gate_object_at(&any_libpq, &base);
	struct gate_object object;

	while (map != NULL && (map = map->l_prev) != NULL)
		if (gate_object_mapped(map, &object) &&
		    gate_object_find(&object, GATE_LIBPQ_MARK) != NULL) {
			gate_rebind_new();
			return;
		}
}

/* The same as `done`, for each namespace of dlmopen(): glibc has this many. */
static struct progress done_in[16];

/* In another namespace all objects are looked at: what calls the dynamic linker's functions there
 * may use libpq by their addresses alone. */
static int collect_all(struct dl_phdr_info *info, size_t size, void *context)
{
	struct collection *collection = context;

	(void)size;
	collection->now = state_of(info->dlpi_adds, info->dlpi_subs, collection->position);
	if (collection->now == collection->done)
		return 1;
	if (info->dlpi_name == NULL || *info->dlpi_name == '\0')
		return 0;
	note_candidate(collection, info->dlpi_name);
	return 0;
}

void gate_rebind_space(void *handle, gate_stand_in *stand_in)
{
	struct collection collection = {.complete = true};
	struct progress *progress;
	Lmid_t space;

	if (dlinfo(handle, RTLD_DI_LMID, &space) != 0 || space == LM_ID_BASE)
		return;
	progress = (size_t)space < sizeof done_in / sizeof done_in[0] ? &done_in[space] : NULL;
	if (progress != NULL)
		collection.done = load_progress(progress);
	/* Their list is the loader's, and changes while another thread opens or closes something in
	 * there: so they are noted under its lock. */
	gate_each_object_in(space, collect_all, &collection);
	rebind_candidates(&collection, space, handle, stand_in);
	if (progress != NULL && collection.complete)
		store_progress(progress, collection.now);
}
