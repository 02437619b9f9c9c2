/* The libpq of a caller. dlsym(RTLD_NEXT) would find none in a process that loaded it with
 * RTLD_LOCAL, as the extensions of every scripting language do; and a process can hold two, each
 * with connections of its own. So the object that the call came from is looked up by its return
 * address, and then what its calls of libpq are bound to.
 *
 * What is looked for is PQconninfo, which the gate does not export: what defines it is a libpq, and
 * no gate. */
#include "gate/wrappers.h"
#include "gate/imports.h"
#include "gate/dl.h"
#include "gate/elf.h"

#include <dlfcn.h>
#include <link.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Those found so far, without a gap; behind the last one there is always none. A process has one,
 * seldom two. */
static _Atomic(struct gate_libpq *) known[GATE_LIBPQS + 1];

char gate_libpq_beyond;

/* Names as they stand here, and not their addresses, need no relocation. */
static const struct {
	char name[24];
	size_t offset;
	bool optional;
} functions[] = {
#define CALL(symbol, field)                                       \
	{                                                         \
		symbol, offsetof(struct gate_libpq, field), false \
	}
#define OPTIONAL(symbol, field)                                  \
	{                                                        \
		symbol, offsetof(struct gate_libpq, field), true \
	}
    CALL("PQconnectStartParams", calls.connectStartParams),
    CALL("PQconninfo", calls.conninfo),
    CALL("PQconninfoParse", calls.conninfoParse),
    CALL("PQconninfoFree", calls.conninfoFree),
    CALL("PQfreemem", calls.freemem),
    CALL("PQfinish", calls.finish),
    CALL("PQerrorMessage", calls.errorMessage),
    CALL("PQstatus", calls.status),
    CALL("PQconnectPoll", connectPoll),
    CALL("PQconnectdb", connectdb),
    CALL("PQconnectStart", connectStart),
    CALL("PQconnectdbParams", connectdbParams),
    CALL("PQsetdbLogin", setdbLogin),
    CALL("PQping", ping),
    CALL("PQpingParams", pingParams),
    CALL("PQcancel", cancel),
    CALL("PQrequestCancel", requestCancel),
    CALL("PQreset", reset),
    CALL("PQresetStart", resetStart),
    CALL("PQresetPoll", resetPoll),
    CALL("PQconsumeInput", consumeInput),
    CALL("PQsocket", socket),
    CALL("PQhost", host),
    OPTIONAL("PQhostaddr", hostaddr),
    CALL("PQport", port),
    CALL("PQpass", pass),
    CALL("PQsslInUse", sslInUse),
    CALL("PQsslStruct", sslStruct),
    OPTIONAL("PQgssEncInUse", gssEncInUse),
    OPTIONAL("PQencryptPasswordConn", encryptPasswordConn),
    CALL("PQregisterEventProc", registerEventProc),
    CALL("PQsetInstanceData", setInstanceData),
    CALL("PQinstanceData", instanceData),
#undef CALL
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

static struct gate_libpq *find_known(const void *base)
{
	struct gate_libpq *libpq;

	for (unsigned i = 0; (libpq = atomic_load(&known[i])) != NULL; i++)
		if (libpq->base == base)
			return libpq;
	return NULL;
}

/* What it calls in other libraries is bound to the gate before anybody calls it. */
static struct gate_libpq *ready(struct gate_libpq *libpq)
{
	if (libpq != NULL && libpq != GATE_LIBPQ_BEYOND && !atomic_load(&libpq->ready)) {
		gate_imports_bind(libpq);
		atomic_store(&libpq->ready, true);
	}
	return libpq;
}

/* For those who are to do without a libpq where the gate cannot stand before it. */
static struct gate_libpq *reached(struct gate_libpq *libpq)
{
	return libpq != GATE_LIBPQ_BEYOND ? ready(libpq) : NULL;
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

/* A handle through which the libpq's functions are found, and those of what it needs. Never given
 * back: the libpq stays loaded, since its functions are kept. The handle of an object that came
 * with the program is searched from that object on only after dlopen() has made its list of what it
 * needs. */
static void *hold(const struct link_map *map, bool *apart)
{
	Lmid_t space = LM_ID_BASE;
	void *handle;

	memcpy(&handle, &map, sizeof handle);
	if (dlinfo(handle, RTLD_DI_LMID, &space) != 0)
		return NULL;
	*apart = space != LM_ID_BASE;
	if (!*apart)
		return gate_loader()->open(map->l_name, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
	return gate_loader()->mopen(space, map->l_name, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
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

struct gate_libpq *gate_libpq_with(const void *conninfo)
{
	struct gate_libpq *libpq;
	const void *base = NULL;
	const struct link_map *map = conninfo != NULL ? gate_object_at(conninfo, &base) : NULL;

	if (map == NULL)
		return NULL;
	libpq = find_known(base);
	if (libpq != NULL)
		return ready(libpq);
	/* From here on there is a libpq, and one that the gate cannot stand before is refused. */
	if (gate_libpq_number(GATE_LIBPQS - 1) != NULL)
		return GATE_LIBPQ_BEYOND;
	libpq = calloc(1, sizeof *libpq);
	if (libpq == NULL)
		return GATE_LIBPQ_BEYOND;
	libpq->base = base;
	libpq->object = hold(map, &libpq->apart);
	if (libpq->object == NULL || !fill(libpq)) {
		free(libpq);
		return GATE_LIBPQ_BEYOND;
	}
	return ready(enlist(libpq));
}

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
		*libpq = gate_libpq_with(gate_object_find(&target, "PQconninfo"));
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
		libpq = gate_libpq_with(gate_loader()->sym(RTLD_DEFAULT, "PQconninfo"));
	if (libpq == NULL && *map->l_name != '\0') {
		object = gate_loader()->open(map->l_name, RTLD_LAZY | RTLD_NOLOAD);
		if (object == NULL)
			return NULL;
		libpq = gate_libpq_with(gate_loader()->sym(object, "PQconninfo"));
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
		*(void **)conninfo = gate_object_find(&object, "PQconninfo");
	return *(void **)conninfo != NULL;
}

static struct gate_libpq *first_of_process(void)
{
	struct gate_libpq *libpq = gate_libpq_with(gate_loader()->sym(RTLD_DEFAULT, "PQconninfo"));
	void *conninfo = NULL;

	if (libpq == NULL)
		libpq = ready(gate_libpq_number(0));
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
	struct gate_libpq *libpq = map != NULL ? find_known(base) : NULL;

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
	struct gate_libpq *libpq = map != NULL ? find_known(base) : NULL;

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
