/* The dynamic linker: its own functions, where the gate's module exports others of the same names,
 * and the objects that it has loaded. */
#ifndef PGA_GATE_DL_H
#define PGA_GATE_DL_H

#include <dlfcn.h>
#include <link.h>
#include <stdbool.h>

/* Each is written once or, by threads that look for them at the same time, to the same. */
struct gate_loader {
	void *(*_Atomic open)(const char *file, int mode);
	void *(*_Atomic mopen)(Lmid_t space, const char *file, int mode);
	void *(*_Atomic sym)(void *object, const char *name);
	void *(*_Atomic vsym)(void *object, const char *name, const char *version);
};

/* libc's dlopen, dlmopen, dlsym and dlvsym, or those of whatever else stands behind the gate.
 * Allocates nothing. */
const struct gate_loader *gate_loader(void);

/* dl_iterate_phdr(), such that no fork() falls into it: see lock.h. visit may ask the loader for
 * nothing, and takes no lock of the gate. */
void gate_each_object(int (*visit)(struct dl_phdr_info *info, size_t size, void *context),
		      void *context);

/* The same for the objects of a namespace of dlmopen(); for none of them where it has no libc. */
void gate_each_object_in(Lmid_t space,
			 int (*visit)(struct dl_phdr_info *info, size_t size, void *context),
			 void *context);

/* The object that this address is in, and where it starts; NULL where it is in none. */
const struct link_map *gate_object_at(const void *address, const void **base);

/* Where the gate itself starts. */
const void *gate_own_base(void);

#endif
