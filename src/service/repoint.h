/* Lets the entries of a service file name another file in the place of one. Pure but for looking
 * at the files that are named. */
#ifndef PGA_SERVICE_REPOINT_H
#define PGA_SERVICE_REPOINT_H

#include "base/error.h"
#include "base/text.h"

#include <stddef.h>

/* Adds to after what stands in before, with new_path in the place of each value of sslrootcert and
 * of sslcrl that leads to the file at old_path, by whatever name or link; every other byte stays.
 * names gets the entries, one a line, and *count how many values there were. Returns -1 where a
 * line would become too long for libpq. */
int pga_service_repoint(const struct pga_text *before, const char *old_path, const char *new_path,
			struct pga_text *after, struct pga_text *names, size_t *count,
			struct pga_error *error);

#endif
