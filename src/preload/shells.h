/* The start files of users' shells, into which the gate's lines go. */
#ifndef PGA_PRELOAD_SHELLS_H
#define PGA_PRELOAD_SHELLS_H

#include "preload/block.h"
#include "base/error.h"

#include <stddef.h>

/* As many as all known shells have. */
#define PGA_SHELL_FILES 6

struct pga_shell_file {
	char *path;
	enum pga_form form;
};

struct pga_shell_files {
	struct pga_shell_file list[PGA_SHELL_FILES];
	size_t count;
};

/* The files that together are read by the user's shell (SHELL), whatever it is started for. Returns
 * -1 for a shell that is not known, or no home; files is to be freed all the same. */
int pga_shell_files(struct pga_shell_files *files, struct pga_error *error);

/* Those of every known shell: another one may have been the user's when the lines were written. */
int pga_shell_files_of_all(struct pga_shell_files *files, struct pga_error *error);

void pga_shell_files_free(struct pga_shell_files *files);

#endif
