#include "gate/loader.h"

#include "gate/object.h"

#include <pthread.h>
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

/* Threads that walk do not wait for each other, only fork() for all of them: one may be waiting for
 * the loader's lock, and another hold that and be about to walk. Which is why readers go before the
 * writer, as is glibc's default. */
static pthread_rwlock_t walks = PTHREAD_RWLOCK_INITIALIZER;
static pthread_once_t walks_once = PTHREAD_ONCE_INIT;

/* This thread walks. A signal handler that forks meanwhile does not wait for it: it would wait for
 * itself. */
static __thread bool walking __attribute__((tls_model("initial-exec")));

/* The child of such a fork: what this thread is to give back is another lock's. */
static __thread bool adrift __attribute__((tls_model("initial-exec")));

static void before_fork(void)
{
	if (!walking)
		(void)pthread_rwlock_wrlock(&walks);
}

static void after_fork(void)
{
	if (!walking)
		(void)pthread_rwlock_unlock(&walks);
}

/* Here the thread that holds the lock has another number: it could not give it back. */
static void after_fork_in_child(void)
{
	static const pthread_rwlock_t free_lock = PTHREAD_RWLOCK_INITIALIZER;

	walks = free_lock;
	adrift = walking;
}

static void survive_fork(void)
{
	(void)pthread_atfork(before_fork, after_fork, after_fork_in_child);
}

void gate_each_object(int (*visit)(struct dl_phdr_info *info, size_t size, void *context),
		      void *context)
{
	(void)pthread_once(&walks_once, survive_fork);
	walking = true;
	(void)pthread_rwlock_rdlock(&walks);
	adrift = false;
	(void)dl_iterate_phdr(visit, context);
	if (!adrift)
		(void)pthread_rwlock_unlock(&walks);
	walking = false;
}

const void *gate_own_base(void)
{
	static const void *_Atomic own;
	const void *base = atomic_load(&own);

	if (base == NULL && gate_object_at(&real, &base) != NULL)
		atomic_store(&own, base);
	return base;
}

static void take(const struct gate_object *object, const char *name, void *function)
{
	void *address = gate_object_find(object, name);
	void *already;

	memcpy(&already, function, sizeof already);
	if (already == NULL && address != NULL)
		memcpy(function, &address, sizeof address);
}

/* Takes what this object defines and no object in front of it has. Returns whether all is there. */
static bool take_from(const struct link_map *map, struct gate_loader *found)
{
	struct gate_object object;

	if (!gate_object_read(map->l_addr, map->l_ld, NULL, 0, &object))
		return false;
	take(&object, "dlopen", &found->open);
	take(&object, "dlmopen", &found->mopen);
	take(&object, "dlsym", &found->sym);
	take(&object, "dlvsym", &found->vsym);
	return found->open != NULL && found->mopen != NULL && found->sym != NULL &&
	       found->vsym != NULL;
}

const struct gate_loader *gate_loader(void)
{
	struct gate_loader found = {NULL, NULL, NULL, NULL};
	const void *base = NULL;
	const struct link_map *own;
	const struct link_map *map;
	bool complete = false;

	if (atomic_load(&filled))
		return &real;
	/* The list is in the order in which objects are searched. The next one behind the gate that
	 * defines a function is the one that RTLD_NEXT means; dlsym() itself cannot be asked for
	 * it. Nor can dl_iterate_phdr() or any other function that a sanitizer's runtime stands
	 * before: that asks dlsym() for libc's own before it can pass a call on. The list needs no
	 * lock, for libc is among the objects that the program was started with, and those stay. */
	own = gate_object_at(&real, &base);
	for (map = own; map != NULL && !complete; map = map->l_next)
		complete = map != own && take_from(map, &found);
	/* A gate that was opened by dlopen() stands behind libc. */
	for (map = own; map != NULL && map->l_prev != NULL;)
		map = map->l_prev;
	for (; map != NULL && map != own && !complete; map = map->l_next)
		complete = take_from(map, &found);
	/* Two threads that come here at once write the same. */
	real = found;
	atomic_store(&filled, true);
	return &real;
}
