/* What the drop-in does as it is loaded, which the module need not do. A program that has libpq by
 * way of another library, or opens it, finds libc's chroot() before the drop-in's: so the GOT
 * entries of chroot in what is loaded by then are bound to it. Nothing is opened or allocated: many
 * a program has a libpq that it never uses. */
#include "gate/chroot.h"
#include "gate/dl.h"
#include "gate/elf.h"
#include "gate/got.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <string.h>

static int (*_Atomic libcs)(const char *path);

static int chroot_before_libcs(const char *path)
{
	return gate_chroot(path, atomic_load(&libcs));
}

struct binding {
	const void *libc; /* where it starts */
	bool finds_libcs; /* an entry that has not been used yet will be bound to libc's */
};

static void bind_entry(const struct gate_object *object, const char *name, void **entry,
		       void *context)
{
	const struct binding *binding = context;
	int (*const function)(const char *) = chroot_before_libcs;
	const void *own = NULL;
	const void *base = NULL;
	void *value;
	void *instead;

	if (strcmp(name, "chroot") != 0)
		return;
	value = __atomic_load_n(entry, __ATOMIC_ACQUIRE);
	if (gate_object_at(value, &base) == NULL)
		return;
	/* One that has not been used yet leads back into its own object. What else stands before
	 * libc's stays there: fakechroot, or the module. */
	if (base != binding->libc &&
	    (!binding->finds_libcs || gate_object_at(object->dynamic, &own) == NULL || base != own))
		return;
	memcpy(&instead, &function, sizeof instead);
	(void)gate_object_swap(object, entry, value, instead);
}

static int bind_object(struct dl_phdr_info *info, size_t size, void *binding)
{
	struct gate_object object;

	(void)size;
	/* The program itself is called "". */
	if (gate_object_of(info, &object) &&
	    (*info->dlpi_name == '\0' || gate_object_may_call(&object, "chroot")))
		gate_object_got_entries(&object, bind_entry, binding);
	return 0;
}

__attribute__((constructor)) static void come_in(void)
{
	struct binding binding = {NULL, false};
	const struct link_map *libc = gate_object_at(gate_libc_address(), &binding.libc);
	struct gate_object object;
	void *function;

	if (libc == NULL || !gate_object_mapped(libc, &object))
		return;
	function = gate_object_find(&object, "chroot");
	if (function == NULL)
		return;
	memcpy(&libcs, &function, sizeof function);
	binding.finds_libcs = gate_loader()->sym(RTLD_DEFAULT, "chroot") == function;
	gate_each_object(bind_object, &binding);
}
