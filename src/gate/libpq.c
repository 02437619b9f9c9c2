/* The libpqs of the process. A process can hold two, each with connections of its own.
 *
 * What is looked for is GATE_LIBPQ_MARK, which the gate does not export: what defines it is a
 * libpq, and no gate. */
#include "gate/libpq.h"

#include "gate/dl.h"
#include "gate/elf.h"
#include "gate/imports.h"

#include <dlfcn.h>
#include <link.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Those found so far, without a gap; behind the last one there is always none. A process has one,
 * seldom two. */
static _Atomic(struct gate_libpq *) known[GATE_LIBPQS + 1];

char gate_libpq_beyond;

/* Names as they stand here, and not their addresses, need no relocation. */
static const struct {
	char name[32];
	size_t offset;
	bool optional;
} functions[] = {
#define SHARED(name)   {#name, offsetof(struct gate_libpq, calls.name), false},
#define NEEDED(name)   {#name, offsetof(struct gate_libpq, name), false},
#define OPTIONAL(name) {#name, offsetof(struct gate_libpq, name), true},
    PGA_LIBPQ_FUNCTIONS(SHARED) GATE_LIBPQ_NEEDED(NEEDED) GATE_LIBPQ_OPTIONAL(OPTIONAL)
#undef SHARED
#undef NEEDED
#undef OPTIONAL
};

/* Finds every function of the libpq in this object. POSIX lets dlsym's result be a function; memcpy
 * says so to C. */
static bool fill(struct gate_libpq *libpq)
{
	for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
		void *address = gate_loader()->sym(libpq->object, functions[i].name);

		if (address == NULL && !functions[i].optional)
			return false;
		memcpy((char *)libpq + functions[i].offset, &address, sizeof address);
	}
	return true;
}

struct gate_libpq *gate_libpq_at(const void *base)
{
	struct gate_libpq *libpq;

	for (unsigned i = 0; (libpq = atomic_load(&known[i])) != NULL; i++)
		if (libpq->base == base)
			return libpq;
	return NULL;
}

struct gate_libpq *gate_libpq_ready(struct gate_libpq *libpq)
{
	if (libpq != NULL && libpq != GATE_LIBPQ_BEYOND && !atomic_load(&libpq->ready)) {
		gate_imports_bind(libpq);
		atomic_store(&libpq->ready, true);
	}
	return libpq;
}

struct gate_libpq *gate_libpq_number(unsigned number)
{
	return atomic_load(&known[number]);
}

/* Gives a new libpq its number; or the one that another thread has found meanwhile. */
static struct gate_libpq *enlist(struct gate_libpq *libpq)
{
	for (unsigned i = 0; i < GATE_LIBPQS; i++) {
		struct gate_libpq *there = NULL;

		libpq->number = i;
		if (atomic_compare_exchange_strong(&known[i], &there, libpq))
			return libpq;
		if (there->base == libpq->base) {
			free(libpq);
			return there;
		}
	}
	free(libpq);
	return GATE_LIBPQ_BEYOND;
}

/* A handle through which an object's functions are found, and those of what it needs; with
 * RTLD_NODELETE as a mode, it is never unloaded, though the handle be given back. The handle of an
 * object that came with the program is searched from that object on only after dlopen() has made
 * its list of what it needs. */
static void *hold(const struct link_map *map, int mode, bool *apart)
{
	Lmid_t space = LM_ID_BASE;
	void *handle;

	memcpy(&handle, &map, sizeof handle);
	if (dlinfo(handle, RTLD_DI_LMID, &space) != 0)
		return NULL;
	*apart = space != LM_ID_BASE;
	mode |= RTLD_LAZY | RTLD_NOLOAD;
	if (!*apart)
		return gate_loader()->open(map->l_name, mode);
	return gate_loader()->mopen(space, map->l_name, mode);
}

void *gate_libpq_would_call(const struct gate_libpq *libpq, const char *name)
{
	void *own = gate_loader()->sym(libpq->object, name);
	void *program = libpq->apart ? NULL : gate_loader()->sym(RTLD_DEFAULT, name);

	/* Nothing failed that the program had asked for. */
	(void)dlerror();
	/* The program's own scope comes before libpq's, or after it with RTLD_DEEPBIND. */
	if (program == NULL || program == own)
		return own;
	return own == NULL ? program : NULL;
}

struct gate_libpq *gate_libpq_with(const void *mark)
{
	struct gate_libpq *libpq;
	const void *base = NULL;
	const struct link_map *map = mark != NULL ? gate_object_at(mark, &base) : NULL;

	if (map == NULL)
		return NULL;
	libpq = gate_libpq_at(base);
	if (libpq != NULL)
		return gate_libpq_ready(libpq);
	/* From here on there is a libpq, and one that the gate cannot stand before is refused. */
	if (gate_libpq_number(GATE_LIBPQS - 1) != NULL)
		return GATE_LIBPQ_BEYOND;
	libpq = calloc(1, sizeof *libpq);
	if (libpq == NULL)
		return GATE_LIBPQ_BEYOND;
	libpq->base = base;
	/* Never given back, since its functions are kept. */
	libpq->object = hold(map, RTLD_NODELETE, &libpq->apart);
	if (libpq->object == NULL || !fill(libpq)) {
		free(libpq);
		return GATE_LIBPQ_BEYOND;
	}
	return gate_libpq_ready(enlist(libpq));
}

/* Whether a loaded object of that name is a drop-in: it has a name of libpq's and the wrappers, and
 * needs the libpq that has the rest. */
static bool is_dropin(const char *name, const struct gate_object *object)
{
	const char *slash = strrchr(name, '/');

	return slash != NULL && strncmp(slash, "/libpq.so", strlen("/libpq.so")) == 0 &&
	       gate_object_find(object, "PQconnectPoll") != NULL &&
	       gate_object_find(object, GATE_LIBPQ_MARK) == NULL;
}

static void *mark_behind(const struct link_map *map)
{
	bool apart;
	void *dropin = hold(map, 0, &apart);
	void *mark = NULL;

	if (dropin != NULL) {
		mark = gate_loader()->sym(dropin, GATE_LIBPQ_MARK);
		(void)dlclose(dropin);
	}
	return mark;
}

struct gate_libpq *gate_libpq_of_object(const struct link_map *map)
{
	struct gate_object object;
	void *mark;

	if (!gate_object_mapped(map, &object))
		return NULL;
	mark = gate_object_find(&object, GATE_LIBPQ_MARK);
	if (mark == NULL && is_dropin(map->l_name, &object))
		mark = mark_behind(map);
	return gate_libpq_with(mark);
}
