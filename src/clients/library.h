/* Libraries that are needed for the files of some clients alone, and so are opened only where such
 * a file is. */
#ifndef PGA_CLIENTS_LIBRARY_H
#define PGA_CLIENTS_LIBRARY_H

#include "base/error.h"

#include <stddef.h>

/* A function that is wanted of it, and where its address goes. */
struct pga_wanted_function {
	const char *name;
	void *into; /* a pointer to a function pointer */
};

/* Opens the library of this soname, and finds all of the functions. package: Debian's name of it,
 * for the hint; path: the file that it is for. It stays open. Returns -1 where it is missing, or
 * has not all of them. */
int pga_library_open(const char *soname, const char *package, const char *path,
		     const struct pga_wanted_function *wanted, size_t count,
		     struct pga_error *error);

#endif
