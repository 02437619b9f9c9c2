#include "gate/dl.h"

#include "gate/elf.h"
#include "gate/lock.h"

#include <gnu/lib-names.h>
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

void gate_each_object(int (*visit)(struct dl_phdr_info *info, size_t size, void *context),
		      void *context)
{
	gate_walk_begin();
	(void)dl_iterate_phdr(visit, context);
	gate_walk_end();
}

/* Writes where the object defines the function, unless that is known already. */
static void take(const struct gate_object *object, const char *name, void *function)
{
	void *address = gate_object_find(object, name);
	void *already;

	memcpy(&already, function, sizeof already);
	if (already == NULL)
		memcpy(function, &address, sizeof address);
}

/* dl_iterate_phdr() shows the objects of the namespace that it is called from. So it is called from
 * the libc of that namespace, by a function of its that calls another one with two pointers. */
typedef void *search_function(const void *key, const void *base, size_t count, size_t size,
			      int (*compare)(const void *, const void *));

void gate_each_object_in(Lmid_t space,
			 int (*visit)(struct dl_phdr_info *info, size_t size, void *context),
			 void *context)
{
	void *libc = gate_loader()->mopen(space, LIBC_SO, RTLD_LAZY | RTLD_NOLOAD);
	const struct link_map *map = libc;
	struct gate_object object;
	search_function *search = NULL;
	int (*walk)(const void *, const void *) = NULL;
	const void *visit_address;

	/* Not by dlsym(), which another library may stand before. */
	if (map != NULL && gate_object_mapped(map, &object)) {
		take(&object, "bsearch", &search);
		take(&object, "dl_iterate_phdr", &walk);
	}
	memcpy(&visit_address, &visit, sizeof visit_address);
	if (search != NULL && walk != NULL) {
		gate_walk_begin();
		(void)search(visit_address, context, 1, 1, walk);
		gate_walk_end();
	}
	if (libc != NULL)
		(void)dlclose(libc);
}

const void *gate_own_base(void)
{
	static const void *_Atomic own;
	const void *base = atomic_load(&own);

	if (base == NULL && gate_object_at(&real, &base) != NULL)
		atomic_store(&own, base);
	return base;
}

/* Takes what this object defines and no object in front of it has. Returns whether all is there. */
static bool take_from(const struct link_map *map, struct gate_loader *found)
{
	struct gate_object object;

	if (!gate_object_mapped(map, &object))
		return false;
	take(&object, "dlopen", &found->open);
	take(&object, "dlmopen", &found->mopen);
	take(&object, "dlsym", &found->sym);
	take(&object, "dlvsym", &found->vsym);
	return found->open != NULL && found->mopen != NULL && found->sym != NULL &&
	       found->vsym != NULL;
}

/* The list is in the order in which objects are searched. The next one behind the gate that defines
 * a function is the one that RTLD_NEXT means; dlsym() itself cannot be asked for it. Nor can
 * dl_iterate_phdr() or any other function that a sanitizer's runtime stands before: that asks
 * dlsym() for libc's own before it can pass a call on. The list needs no lock, for libc is among
 * the objects that the program was started with, and those stay. */
static void take_all(const struct link_map *own, struct gate_loader *found)
{
	const struct link_map *map = own->l_next;

	while (map != NULL && !take_from(map, found))
		map = map->l_next;
	if (map != NULL)
		return;
	/* A gate that was opened by dlopen() stands behind libc. */
	for (map = own; map->l_prev != NULL;)
		map = map->l_prev;
	while (map != own && !take_from(map, found))
		map = map->l_next;
}

const struct gate_loader *gate_loader(void)
{
	struct gate_loader found = {NULL, NULL, NULL, NULL};
	const void *base = NULL;
	const struct link_map *own;

	if (atomic_load(&filled))
		return &real;
	own = gate_object_at(&real, &base);
	if (own != NULL)
		take_all(own, &found);
	/* Two threads that come here at once write the same; one by one, since an assignment of the
	 * whole would be none of atomic fields. */
	atomic_store(&real.open, atomic_load(&found.open));
	atomic_store(&real.mopen, atomic_load(&found.mopen));
	atomic_store(&real.sym, atomic_load(&found.sym));
	atomic_store(&real.vsym, atomic_load(&found.vsym));
	atomic_store(&filled, true);
	return &real;
}
