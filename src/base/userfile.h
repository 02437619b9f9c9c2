/* The files of the user's own configuration, which a process goes on knowing when it can reach them
 * no more. */
#ifndef PGA_BASE_USERFILE_H
#define PGA_BASE_USERFILE_H

#include "base/error.h"
#include "base/file_identity.h"
#include "base/text.h"

#include <stdbool.h>

struct pga_user_file {
	char *path;              /* NULL: this process has no home, and so no such file */
	bool found;              /* there is a file, if only an empty one */
	struct pga_text content; /* empty where there is none */
	struct pga_file_identity stamp;
};

/* Reads $XDG_CONFIG_HOME/pganchor/NAME as it is now. before: as this process has read it before;
 * NULL for the first time. A file that has gone out of the process's reach since
 * (pga_user_config_is_out_of_reach()) is what it was before, and nothing where it was never read.
 * Returns -1 for one that cannot be read although it is this user's; what it was before is kept
 * then too, for the next time. */
int pga_user_file_read(struct pga_user_file *file, const char *name,
		       const struct pga_user_file *before, struct pga_error *error);

/* Whether the same file counts as then, and is the one that was read. */
bool pga_user_file_is_fresh(const struct pga_user_file *file, const char *name);

void pga_user_file_free(struct pga_user_file *file);

#endif
