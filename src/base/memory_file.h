/* Files without a name, for a library that reads its files by their path. */
#ifndef PGA_BASE_MEMORY_FILE_H
#define PGA_BASE_MEMORY_FILE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct pga_memory_file {
	int descriptor; /* -1: none */
	char path[32];  /* by which this process opens it */
};

#define PGA_NO_MEMORY_FILE \
	{                  \
		-1, ""     \
	}

/* Makes an empty one, which no program that is started inherits. Returns -1 where there is no /proc
 * to open it by, too. */
int pga_memory_file_make(struct pga_memory_file *file, struct pga_error *error);

/* Puts these bytes in the place of all that the file holds. */
int pga_memory_file_put(const struct pga_memory_file *file, const char *bytes, size_t length,
			struct pga_error *error);

/* Safe on PGA_NO_MEMORY_FILE. */
void pga_memory_file_end(struct pga_memory_file *file);

/* Whether the path is a name of a descriptor of this process, as /dev/fd/63 is. */
bool pga_is_descriptor(const char *path);

/* A pipe can be read once: PGSERVICEFILE=<(decrypt services) has nothing left for whoever reads it
 * second. Where the variable names a pipe, reads it to its end, as libpq would, and lets the path
 * lead to a copy in memory from then on, in this process and in those that it starts. The variable
 * keeps its value where that is a descriptor of this process (/dev/fd/63), else it gets the copy's;
 * with descriptors_alone set, such other pipes (mkfifo), which somebody may not have begun to
 * write, are left alone. Returns -1 where the pipe cannot be read. */
int pga_keep_what_is_read_once(const char *variable, bool descriptors_alone,
			       struct pga_error *error);

#endif
