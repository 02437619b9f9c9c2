/* The files in which libpq looks a service up, and the entries in them. */
#ifndef PGA_SERVICE_SERVICEFILE_H
#define PGA_SERVICE_SERVICEFILE_H

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

enum pga_service_place {
	PGA_SERVICE_USER,   /* PGSERVICEFILE, or ~/.pg_service.conf */
	PGA_SERVICE_SYSTEM, /* pg_service.conf in PGSYSCONFDIR, or in the directory that libpq was
			       built with */
};

/* One section. */
struct pga_entry {
	char *name;      /* NULL: the header has no closing bracket, and libpq never finds it */
	size_t line;     /* of the header, from 1 */
	size_t start;    /* of the header, and the first byte behind the entry: offsets in the */
	size_t end;      /* file's bytes */
	size_t shadowed; /* line of an earlier entry of the same name in the same file, which libpq
			    takes; 0: none */
	bool ldap;       /* has a line that makes libpq ask an LDAP server */
};

struct pga_service_file {
	char *path;
	enum pga_service_place place;
	bool found;
	struct pga_text bytes;
	struct pga_entry *entries; /* in the file's order */
	size_t count;
	const struct pga_entry **by_name; /* those that have one, by name and then by line */
	size_t named;
};

/* "user" or "system". */
const char *pga_service_place_name(enum pga_service_place place);

/* The path of the file, which the caller frees. NULL where libpq would find none. */
char *pga_service_path(enum pga_service_place place, struct pga_error *error);

/* Reads the file and finds its entries. A file that is not there has none; a symbolic link to
 * nothing is an error. */
int pga_service_file_read(struct pga_service_file *file, enum pga_service_place place,
			  struct pga_error *error);

/* The entry that libpq takes for this name; NULL where the file has none. */
const struct pga_entry *pga_service_file_find(const struct pga_service_file *file,
					      const char *name);

/* Refuses bytes that are no text: at a NUL, libpq's lines and everybody else's part. */
int pga_service_text_check(const char *path, const char *bytes, size_t length,
			   struct pga_error *error);

void pga_service_file_free(struct pga_service_file *file);

#endif
