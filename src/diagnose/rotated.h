/* The files that logrotate has moved a log to: auth.log.1, secure-20261101, auth.log.2.gz. */
#ifndef PGA_DIAGNOSE_ROTATED_H
#define PGA_DIAGNOSE_ROTATED_H

#include "base/error.h"
#include "base/text.h"

#include <stddef.h>
#include <time.h>

struct pga_rotated {
	char **paths; /* that can be read as they are */
	size_t count;
	struct pga_text compressed; /* the others, with ", " between */
};

/* Finds those of the log at the path, which has a directory, that were written to at this moment or
 * later. The caller frees them, after an error too. Returns -1 with the reason. */
int pga_rotated_find(struct pga_rotated *rotated, const char *path, time_t since,
		     struct pga_error *error);

void pga_rotated_free(struct pga_rotated *rotated);

#endif
