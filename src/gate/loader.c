#include "gate/loader.h"

#include "gate/object.h"

#include <stdatomic.h>
#include <string.h>

static struct gate_loader real;
static atomic_bool filled;

const struct link_map *gate_object_at(const void *address, const void **base)
{
#ifdef HAVE__DL_FIND_OBJECT
	struct dl_find_object found;
	void *pc;

	/* Without the search for the nearest symbol that dladdr1() makes. */
	memcpy(&pc, &address, sizeof pc);
	if (_dl_find_object(pc, &found) != 0)
		return NULL;
	*base = found.dlfo_map_start;
	return found.dlfo_link_map;
#else
	struct link_map *map = NULL;
	Dl_info info;

	if (dladdr1(address, &info, (void **)&map, RTLD_DL_LINKMAP) == 0)
		return NULL;
	*base = info.dli_fbase;
	return map;
#endif
}

const void *gate_own_base(void)
{
	static const void *_Atomic own;
	const void *base = atomic_load(&own);

	if (base == NULL && gate_object_at(&real, &base) != NULL)
		atomic_store(&own, base);
	return base;
}

/* What the search has found so far. */
struct search {
	bool behind_gate;
	struct gate_loader found;
};

static void take(const struct gate_object *object, const char *name, void *function)
{
	void *address = gate_object_find(object, name);
	void *already;

	memcpy(&already, function, sizeof already);
	if (already == NULL && address != NULL)
		memcpy(function, &address, sizeof address);
}

/* The objects come in the order in which they are searched. The next one behind the gate that
 * defines a function is the one that RTLD_NEXT means; dlsym() itself cannot be asked for it. */
static int look_into(struct dl_phdr_info *info, size_t size, void *context)
{
	struct search *search = context;
	struct gate_object object;

	(void)size;
	if (!gate_object_of(info, &object))
		return 0;
	/* link.h: the dynamic section of whoever says so, the gate. */
	if (object.dynamic == _DYNAMIC) {
		search->behind_gate = true;
		return 0;
	}
	if (!search->behind_gate)
		return 0;
	take(&object, "dlopen", &search->found.open);
	take(&object, "dlmopen", &search->found.mopen);
	take(&object, "dlsym", &search->found.sym);
	take(&object, "dlvsym", &search->found.vsym);
	return 0;
}

const struct gate_loader *gate_loader(void)
{
	struct search search = {0};

	if (atomic_load(&filled))
		return &real;
	(void)dl_iterate_phdr(look_into, &search);
	/* Two threads that come here at once write the same. */
	real = search.found;
	atomic_store(&filled, true);
	return &real;
}
