/* dlopen, dlmopen, dlsym and dlvsym, in the module that is preloaded: what is loaded past the gate
 * is bound to it, and who asks for a door's address gets the gate's.
 *
 * libc's functions look at their return address: for the caller's RUNPATH, its namespace, and what
 * RTLD_NEXT means. So where that counts they are called as the last thing, in a jump that leaves
 * the caller's return address in its place. */
#include "gate/doors.h"
#include "gate/loader.h"
#include "gate/object.h"

#include <string.h>

/* In the place of the start files' (Makefile.am): libc's pthread_atfork() asks by it which object a
 * handler belongs to. A module that is never unloaded needs no name. */
extern void *const __dso_handle __attribute__((visibility("hidden")));
void *const __dso_handle = NULL;

/* GCC makes such a jump of a call in a return statement at -O2 (sibling call). */
#if defined(__clang__)
#define JUMP_TO __attribute__((musttail)) return
#define JUMPS
#else
#define JUMP_TO return
#define JUMPS   __attribute__((optimize("O2", "omit-frame-pointer", "no-stack-protector")))
#endif

/* Whether dlopen() of this file may be called from here: nothing about it hangs on the caller. A
 * name without a slash is looked for in the caller's RUNPATH, and "$ORIGIN" is the caller's folder.
 */
static bool same_for_every_caller(const char *file)
{
	return file != NULL && strchr(file, '/') != NULL && strchr(file, '$') == NULL;
}

GATE_EXPORT JUMPS void *dlopen(const char *file, int mode)
{
	void *object;

	if (!same_for_every_caller(file)) {
		/* What comes in now is looked at when the caller next asks for something: before
		 * that it can call nothing. */
		gate_rebind_new();
		JUMP_TO gate_loader()->open(file, mode);
	}
	object = gate_loader()->open(file, mode);
	if (object != NULL)
		gate_rebind_new();
	return object;
}

GATE_EXPORT void *dlmopen(Lmid_t nsid, const char *file, int mode)
{
	void *handle = gate_loader()->mopen(nsid, file, mode);

	if (handle == NULL)
		return NULL;
	if (nsid == LM_ID_BASE)
		gate_rebind_new();
	else
		gate_rebind_space(handle);
	return handle;
}

/* The gate's way in for what was found; or what was found, where it is no libpq's. */
static void *instead(void *found, const char *name)
{
	const void *base = NULL;
	const struct link_map *map = found != NULL ? gate_object_at(found, &base) : NULL;
	const struct gate_libpq *libpq = NULL;
	struct gate_object object;

	if (map == NULL || base == gate_own_base())
		return found;
	if (gate_object_read(map->l_addr, map->l_ld, NULL, 0, &object))
		libpq = gate_libpq_with(gate_object_find(&object, "PQconninfo"), NULL);
	return libpq != NULL ? gate_door(libpq, name) : found;
}

/* What RTLD_NEXT means to the caller: the first object behind the caller's that defines the name.
 */
struct next {
	const char *name;
	const ElfW(Dyn) * caller; /* the caller's dynamic section */
	bool behind_caller;
	void *found;
};

static int look_behind_caller(struct dl_phdr_info *info, size_t size, void *context)
{
	struct next *next = context;
	struct gate_object object;

	(void)size;
	if (!gate_object_of(info, &object))
		return 0;
	if (object.dynamic == next->caller) {
		next->behind_caller = true;
		return 0;
	}
	if (next->behind_caller && object.dynamic != _DYNAMIC)
		next->found = gate_object_find(&object, next->name);
	return next->found != NULL;
}

static void *find_next(const void *caller, const char *name)
{
	struct next next = {.name = name};
	const void *base = NULL;
	const struct link_map *map = gate_object_at(caller, &base);

	if (map == NULL)
		return NULL;
	next.caller = map->l_ld;
	gate_each_object(look_behind_caller, &next);
	return next.found;
}

/* Before a program can call into what it has opened, it asks for an address in it: then what was
 * opened meanwhile is looked at. Those who ask for no object of their own are left alone:
 * allocators and sanitizers ask for RTLD_NEXT before they are able to do anything else. */
static bool asks_in_object(const void *handle)
{
	return handle != RTLD_NEXT && handle != RTLD_DEFAULT;
}

GATE_EXPORT JUMPS void *dlsym(void *handle, const char *name)
{
	if (asks_in_object(handle))
		gate_rebind_new();
	if (!gate_is_door(name))
		JUMP_TO gate_loader()->sym(handle, name);
	if (handle == RTLD_NEXT)
		return instead(find_next(GATE_CALLER(), name), name);
	return instead(gate_loader()->sym(handle, name), name);
}

GATE_EXPORT JUMPS void *dlvsym(void *handle, const char *name, const char *version)
{
	if (asks_in_object(handle))
		gate_rebind_new();
	if (!gate_is_door(name))
		JUMP_TO gate_loader()->vsym(handle, name, version);
	if (handle == RTLD_NEXT)
		return instead(find_next(GATE_CALLER(), name), name);
	return instead(gate_loader()->vsym(handle, name, version), name);
}
