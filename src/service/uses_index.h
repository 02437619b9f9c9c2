/* What pga_uses_find() has found; service/uses.h is what others see. */
#ifndef PGA_SERVICE_USES_INDEX_H
#define PGA_SERVICE_USES_INDEX_H

#include "service/roots.h"
#include "service/uses.h"

#include <sys/types.h>

/* An anchor's own file, and which of the files of one directory it is. */
struct pga_own_file_of {
	dev_t device;
	ino_t inode;
	const struct pga_pin *pin;
};

/* A file of roots that an entry names: root.crt, or one that is no anchor's own. */
struct pga_file_of_roots {
	char *path;
	dev_t device; /* with inode 0: there is none */
	ino_t inode;
	char *pins; /* of its certificates, sorted, one a line; "" where they cannot be read */
	size_t count;
};

/* A host of an entry, by the name read backwards in small letters. */
struct pga_host_of_use {
	char *backwards;
	size_t use;
};

struct pga_own_use {
	const struct pga_pin *pin;
	size_t use;
};

struct pga_uses_index {
	const struct pga_policy *policy;
	const struct pga_pins *pins;
	struct pga_roots roots;          /* for the home alone */
	struct pga_file_of_roots *files; /* the first is root.crt */
	size_t file_count;
	struct pga_own_file_of *own_files; /* sorted; made when it is first wanted */
	size_t own_file_count;
	bool own_files_made;
	struct pga_host_of_use
	    *hosts; /* of those that read a file which is no anchor's own; sorted */
	size_t host_count;
	struct pga_own_use *own; /* sorted */
	size_t own_count;
};

#define PGA_PIN_LINE (PGA_PIN_LENGTH + 1)

/* Compares two pins, which need not end in a NUL. */
int pga_compare_pin_lines(const void *left, const void *right);

/* The name read backwards in small letters, without a dot at the end, as base/host.c compares
 * names. The caller frees it; NULL for want of memory. */
char *pga_host_backwards(const char *name, size_t length);

#endif
