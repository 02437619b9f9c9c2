#include "clients/library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

int pga_library_open(const char *soname, const char *package, const char *path,
		     const struct pga_wanted_function *wanted, size_t count,
		     struct pga_error *error)
{
	void *library = dlopen(soname, RTLD_NOW | RTLD_LOCAL);
	char hint[120];

	(void)snprintf(hint, sizeof hint, "sudo apt install %s", package);
	if (library == NULL)
		return pga_fail(error, hint, "could not read %s: it needs %s", path, soname);
	for (size_t i = 0; i < count; i++) {
		void *found = dlsym(library, wanted[i].name);

		if (found == NULL)
			return pga_fail(error, hint,
					"could not read %s: %s is too old, it has no %s", path,
					soname, wanted[i].name);
		memcpy(wanted[i].into, &found, sizeof found);
	}
	return 0;
}
