/* chroot(2). A daemon that goes into a directory of its own mostly connects after that, and then
 * sees neither the system's policy nor a user's files: so what is in force is read before. A
 * process that has no libpq loaded by then is left alone: it pays for a look at the names that its
 * objects define. */
#include "gate/chroot.h"

#include "gate/dl.h"
#include "gate/elf.h"
#include "gate/export.h"
#include "gate/libpq.h"
#include "gate/rules.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

static int look_for_libpq(struct dl_phdr_info *info, size_t size, void *found)
{
	struct gate_object object;

	(void)size;
	if (gate_object_of(info, &object) && gate_object_find(&object, GATE_LIBPQ_MARK) != NULL)
		*(bool *)found = true;
	return *(bool *)found;
}

static bool has_libpq(void)
{
	bool found = false;

	gate_each_object(look_for_libpq, &found);
	return found;
}

/* libc's own, or that of whatever else stands behind the gate; NULL where there is none. */
static int (*next_chroot(void))(const char *)
{
	static int (*_Atomic next)(const char *);
	int (*function)(const char *) = atomic_load(&next);
	void *address;

	if (function != NULL)
		return function;
	address = gate_loader()->sym(RTLD_NEXT, "chroot");
	memcpy(&function, &address, sizeof function);
	atomic_store(&next, function);
	return function;
}

int gate_chroot(const char *path, int (*next)(const char *path))
{
	const int saved = errno;

	if (next == NULL) {
		errno = ENOSYS;
		return -1;
	}
	if (has_libpq())
		gate_rules_release(gate_rules_acquire());
	errno = saved;
	return next(path);
}

GATE_EXPORT int chroot(const char *path)
{
	return gate_chroot(path, next_chroot());
}
