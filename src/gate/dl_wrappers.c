/* dlopen, dlmopen, dlsym and dlvsym, in the module that is preloaded: what is loaded past the gate
 * is bound to it, and who asks for a wrapper's address gets the gate's.
 *
 * libc's functions look at their return address: for the caller's RUNPATH, its namespace, and what
 * RTLD_NEXT means; and where they fail, dlerror() names the caller. So where that counts they are
 * called as the last thing, in a jump that leaves the caller's return address in its place. */
#include "base/text.h"
#include "gate/caller.h"
#include "gate/dl.h"
#include "gate/elf.h"
#include "gate/export.h"
#include "gate/got.h"
#include "gate/jump.h"
#include "gate/libpq.h"
#include "gate/wrappers.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Run by the dynamic linker as the program starts (Makefile.am). */
void gate_start(void) __attribute__((visibility("hidden")));
void gate_start(void)
{
	gate_rebind_at_start();
}

/* In the place of the start files' (Makefile.am): libc's pthread_atfork() asks by it which object a
 * handler belongs to. A module that is never unloaded needs no name. */
extern void *const __dso_handle __attribute__((visibility("hidden")));
void *const __dso_handle = NULL;

/* A wrapper is a function that asks another one, in an ordinary call, what it has to give back:
 * LIBCS_OWN where libc's own function has to be called from where the wrapper was. GCC makes a jump
 * of the call in a return statement (a sibling call) where it optimizes, and nothing of the wrapper
 * is needed any more: so it has no variable whose address is taken, and whatever the rest of the
 * module is built with, it is optimized and has nothing put in front of its end. On POWER it makes
 * no such jump at all: jump.h. */
static char libcs_own;
#define LIBCS_OWN ((void *)&libcs_own)

#if defined(__clang__)
#define JUMP_TO __attribute__((musttail)) return
#define JUMPS                                                                       \
	__attribute__((no_instrument_function, no_profile_instrument_function,      \
		       disable_sanitizer_instrumentation, no_sanitize("undefined"), \
		       no_stack_protector))
#else
/* From GCC 12 on. */
#if __has_attribute(no_sanitize_coverage)
#define UNCOVERED __attribute__((no_sanitize_coverage))
#else
#define UNCOVERED
#endif
#define JUMP_TO return
#define JUMPS                                                                                     \
	__attribute__((                                                                           \
	    optimize("O2", "optimize-sibling-calls", "omit-frame-pointer", "no-stack-protector"), \
	    no_instrument_function, no_profile_instrument_function,                               \
	    no_sanitize("address", "thread", "undefined"))) UNCOVERED
#endif
#define ASKED __attribute__((noinline))

/* Whether dlopen() of this file may be called from here: nothing about it hangs on the caller. A
 * name without a slash is looked for in the caller's RUNPATH, and "$ORIGIN" is the caller's
 * directory.
 */
static bool same_for_every_caller(const char *file)
{
	return file != NULL && strchr(file, '/') != NULL && strchr(file, '$') == NULL;
}

/* Where dlopen() looks for a file that the object with this address in it opens; NULL where that is
 * not known. The caller frees it. */
static Dl_serinfo *search_path(const void *caller)
{
	const void *base = NULL;
	const struct link_map *map = gate_object_at(caller, &base);
	Dl_serinfo *path = NULL;
	Dl_serinfo room;
	void *handle;

	if (map == NULL)
		return NULL;
	memcpy(&handle, &map, sizeof handle);
	if (dlinfo(handle, RTLD_DI_SERINFOSIZE, &room) == 0)
		path = calloc(1, room.dls_size);
	if (path != NULL && dlinfo(handle, RTLD_DI_SERINFOSIZE, path) == 0 &&
	    dlinfo(handle, RTLD_DI_SERINFO, path) == 0)
		return path;
	free(path);
	return NULL;
}

/* dlopen() of a name without a slash, as the caller would do it. Where a file of that name lies in
 * a directory of the caller's own, and cannot be opened, LIBCS_OWN: libc knows whether to go on
 * looking, and what to say. */
static void *open_for(const void *caller, const char *file, int mode)
{
	void *object = gate_loader()->open(file, mode | RTLD_NOLOAD);
	Dl_serinfo *path = object == NULL ? search_path(caller) : NULL;
	bool found = false;

	/* What stands behind the caller's own directories is the same for everybody. */
	for (unsigned i = 0; path != NULL && !found && i < path->dls_cnt; i++) {
		struct pga_text place = PGA_TEXT_EMPTY;

		/* For want of memory it is empty, which is the name of no file. */
		pga_text_addf(&place, "%s/%s", path->dls_serpath[i].dls_name, file);
		found = path->dls_serpath[i].dls_flags != LA_SER_DEFAULT &&
			access(pga_text_string(&place), R_OK) == 0;
		if (found)
			object = gate_loader()->open(pga_text_string(&place), mode);
		pga_text_free(&place);
	}
	free(path);
	if (found && object == NULL)
		return LIBCS_OWN;
	return object != NULL ? object : gate_loader()->open(file, mode);
}

/* The wrappers, under names that no other library can stand before. */
extern __typeof__(dlopen) gate_dlopen __attribute__((visibility("hidden")));
extern __typeof__(dlmopen) gate_dlmopen __attribute__((visibility("hidden")));
extern __typeof__(dlsym) gate_dlsym __attribute__((visibility("hidden")));
extern __typeof__(dlvsym) gate_dlvsym __attribute__((visibility("hidden")));

/* What objects in another namespace call instead of their own libc's functions. The program's libc
 * can serve them, for the loader is one; and what failed is told by its dlerror() then. */
static void *stand_in(const char *name)
{
	typedef void function(void);
	function *instead_of = NULL;
	void *address;

	if (strcmp(name, "dlopen") == 0)
		instead_of = (function *)gate_dlopen;
	else if (strcmp(name, "dlmopen") == 0)
		instead_of = (function *)gate_dlmopen;
	else if (strcmp(name, "dlsym") == 0)
		instead_of = (function *)gate_dlsym;
	else if (strcmp(name, "dlvsym") == 0)
		instead_of = (function *)gate_dlvsym;
	else if (strcmp(name, "dlerror") == 0)
		instead_of = (function *)dlerror;
	memcpy(&address, &instead_of, sizeof address);
	return address;
}

/* A namespace of its own was opened. */
static atomic_bool spaces;

/* Whether the caller is in another namespace than the program: by its return address the loader
 * knows what it means, and by no other. */
static bool is_elsewhere(const void *caller)
{
	const void *base = NULL;
	const struct link_map *map = atomic_load(&spaces) ? gate_object_at(caller, &base) : NULL;
	Lmid_t space = LM_ID_BASE;
	void *handle;

	memcpy(&handle, &map, sizeof handle);
	return map != NULL && dlinfo(handle, RTLD_DI_LMID, &space) == 0 && space != LM_ID_BASE;
}

/* Opens the file, if that may be done from here, and binds what came in to the gate at once: what
 * an object that is opened with RTLD_DEEPBIND binds past the gate may be called without a question
 * to the dynamic linker, for plugins register themselves as they are loaded. Where it is libc's own
 * function that opens it, that is done when the program next asks for something. */
static void *opened(const void *caller, const char *file, int mode)
{
	void *object = LIBCS_OWN;

	if ((mode & RTLD_DEEPBIND) != 0) {
		/* Its constructor may connect by a libpq that libc has opened just now. */
		gate_rebind_new();
		gate_rebind_deep(stand_in);
	}
	if (!is_elsewhere(caller) && same_for_every_caller(file))
		object = gate_loader()->open(file, mode);
	else if (!is_elsewhere(caller) && file != NULL && (mode & RTLD_DEEPBIND) != 0 &&
		 strpbrk(file, "/$") == NULL)
		object = open_for(caller, file, mode);
	/* What failed is told by dlerror(), which only the next question would change. */
	if (object != NULL) {
		gate_rebind_new();
		(void)dlerror();
	}
	return object;
}

ASKED static void *ask_dlopen(const void *caller, const char *file, int mode)
{
	return opened(caller, file, mode);
}

ASKED static void *ask_dlmopen(const void *caller, Lmid_t space, const char *file, int mode)
{
	if (space == LM_ID_BASE)
		return opened(caller, file, mode);
	/* In another namespace nothing can be called but through what dlsym() finds there: so it is
	 * looked at then. */
	atomic_store(&spaces, true);
	return LIBCS_OWN;
}

/* The gate's way in for what was found; or what was found, where it is no libpq's. */
static void *instead(void *found, const char *name)
{
	const void *base = NULL;
	const struct link_map *map = gate_object_at(found, &base);
	const struct gate_libpq *libpq;

	if (map == NULL || base == gate_own_base())
		return found;
	libpq = gate_libpq_of_object(map);
	/* Nothing failed, whatever was not found meanwhile. */
	(void)dlerror();
	return libpq != NULL ? gate_wrapper(libpq, name) : found;
}

/* Whether this is the gate's own function, in a process without a libpq: a program that asks
 * whether there is one has to be told that there is none. */
static bool stands_for_nothing(const void *found, const void *caller)
{
	const void *base = NULL;

	return gate_object_at(found, &base) != NULL && base == gate_own_base() &&
	       gate_libpq_of(caller, NULL) == NULL;
}

/* What RTLD_NEXT means to the caller: the first object behind the caller's that defines the name.
 */
struct next {
	const char *name;
	const ElfW(Dyn) * caller; /* the caller's dynamic section */
	bool behind_caller;
	bool behind_gate; /* and the caller before it */
	void *found;
};

static int look_behind_caller(struct dl_phdr_info *info, size_t size, void *context)
{
	struct next *next = context;
	struct gate_object object;

	(void)size;
	if (!gate_object_of(info, &object))
		return 0;
	if (object.dynamic == next->caller)
		next->behind_caller = true;
	else if (next->behind_caller && object.dynamic == _DYNAMIC)
		next->behind_gate = true;
	else if (next->behind_caller)
		next->found = gate_object_find(&object, next->name);
	return next->found != NULL;
}

/* libc's own dlsym() or, where there is a version, dlvsym(), called from here. */
static void *find(void *handle, const char *name, const char *version)
{
	return version != NULL ? gate_loader()->vsym(handle, name, version)
			       : gate_loader()->sym(handle, name);
}

/* RTLD_NEXT. What is not found, libc is to look for: it tells what failed. Where it would come by
 * the gate's own function, it looks behind that. */
static void *find_next(const void *caller, const char *name, const char *version)
{
	struct next next = {.name = name};
	const void *base = NULL;
	const struct link_map *map = gate_object_at(caller, &base);

	if (map == NULL)
		return LIBCS_OWN;
	next.caller = map->l_ld;
	gate_each_object(look_behind_caller, &next);
	if (next.found != NULL)
		return instead(next.found, name);
	return next.behind_gate ? instead(find(RTLD_NEXT, name, version), name) : LIBCS_OWN;
}

/* Whether the caller stands before the gate in the order of symbols. */
static bool stands_before(const void *caller)
{
	const void *base = NULL;
	const struct link_map *map = gate_object_at(caller, &base);
	const struct link_map *before = gate_object_at(gate_own_base(), &base);

	/* Both came with the program, and so do those in between. */
	while (before != NULL && (before = before->l_prev) != NULL)
		if (before == map)
			return true;
	return false;
}

/* The gate's own functions have no version, and dlvsym() would pass over them: a library that
 * stands before dlopen() or dlsym() looks for the next one so. NULL where that is not what is asked
 * for. */
static void *next_with_version(const void *caller, void *handle, const char *name,
			       const char *version)
{
	void *ours;

	if (handle != RTLD_NEXT || version == NULL || strcmp(name, "dlerror") == 0)
		return NULL;
	ours = stand_in(name);
	return ours != NULL && stands_before(caller) ? ours : NULL;
}

/* Before a program can call into what it has opened, it asks for an address in it: then what was
 * opened meanwhile is looked at. Those who ask for no object of their own are left alone:
 * allocators and sanitizers ask for RTLD_NEXT before they are able to do anything else. */
static void look_at_new(void *handle)
{
	if (handle == RTLD_NEXT || handle == RTLD_DEFAULT)
		return;
	gate_rebind_new();
	if (atomic_load(&spaces))
		gate_rebind_space(handle, stand_in);
}

/* RTLD_DEFAULT and RTLD_NEXT of a caller in another namespace: libpq's own function is given out,
 * and the check in its PQconnectPoll is behind it. */
static bool asks_elsewhere(void *handle, const void *caller)
{
	const void *base = NULL;
	const struct link_map *map;
	void *own;

	if ((handle != RTLD_NEXT && handle != RTLD_DEFAULT) || !is_elsewhere(caller))
		return false;
	map = gate_object_at(caller, &base);
	memcpy(&own, &map, sizeof own);
	gate_rebind_space(own, stand_in);
	return true;
}

/* What stands behind the gate's own function; NULL in most processes without a libpq. For a library
 * that asks for RTLD_DEFAULT dlerror() then names that, as libc's own does. */
static void *find_behind(const void *caller, void *handle, const char *name, const char *version)
{
	const void *base = NULL;
	const struct link_map *map = gate_object_at(caller, &base);
	void *found = find(RTLD_NEXT, name, version);
	void *own;

	if (found != NULL || handle != RTLD_DEFAULT || map == NULL || *map->l_name == '\0')
		return found;
	memcpy(&own, &map, sizeof own);
	return find(own, name, version);
}

ASKED static void *ask_dlsym(const void *caller, void *handle, const char *name,
			     const char *version)
{
	void *found = next_with_version(caller, handle, name, version);

	if (found != NULL)
		return found;
	look_at_new(handle);
	if (!gate_is_wrapped(name) || asks_elsewhere(handle, caller))
		return LIBCS_OWN;
	if (handle == RTLD_NEXT)
		return find_next(caller, name, version);
	found = find(handle, name, version);
	if (stands_for_nothing(found, caller))
		found = find_behind(caller, handle, name, version);
	return instead(found, name);
}

GATE_EXPORT JUMPS void *dlopen(const char *file, int mode)
{
	void *object = ask_dlopen(GATE_CALLER(), file, mode);

	if (object != LIBCS_OWN)
		return object;
	JUMP_TO GATE_JUMP(gate_loader()->open, file, mode);
}

GATE_EXPORT JUMPS void *dlmopen(Lmid_t nsid, const char *file, int mode)
{
	void *object = ask_dlmopen(GATE_CALLER(), nsid, file, mode);

	if (object != LIBCS_OWN)
		return object;
	JUMP_TO GATE_JUMP(gate_loader()->mopen, nsid, file, mode);
}

GATE_EXPORT JUMPS void *dlsym(void *handle, const char *name)
{
	void *found = ask_dlsym(GATE_CALLER(), handle, name, NULL);

	if (found != LIBCS_OWN)
		return found;
	JUMP_TO GATE_JUMP(gate_loader()->sym, handle, name);
}

GATE_EXPORT JUMPS void *dlvsym(void *handle, const char *name, const char *version)
{
	void *found = ask_dlsym(GATE_CALLER(), handle, name, version);

	if (found != LIBCS_OWN)
		return found;
	JUMP_TO GATE_JUMP(gate_loader()->vsym, handle, name, version);
}

#define ALIAS(name, ...) \
	extern __typeof__(name) gate_##name __attribute__((alias(#name), __VA_ARGS__))
ALIAS(dlopen, nothrow);
ALIAS(dlmopen, nothrow);
ALIAS(dlsym, nothrow, leaf);
ALIAS(dlvsym, nothrow, leaf);
