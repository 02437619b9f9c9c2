/* The system's configuration of one name: NAME.conf in SYSCONFDIR/pganchor, then every FILE.conf in
 * its NAME.d, in the order of the names' bytes. Nobody but the administrator may be able to write
 * any of it. */
#ifndef PGA_POLICY_SYSTEM_FILES_H
#define PGA_POLICY_SYSTEM_FILES_H

#include "base/error.h"
#include "base/file_identity.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

/* A file or directory, there or not, as it was just before it was read. */
struct pga_system_place {
	char *path;
	struct pga_file_identity stamp;
};

struct pga_system_files {
	struct pga_system_place *places;
	size_t count;
};

/* Takes what one file says. The path lives as long as the files. Returns -1 with the reason where
 * it says nothing that can be. */
typedef int pga_take_file(void *context, const char *path, const struct pga_text *content,
			  struct pga_error *error);

/* Reads the files that are there, and has each taken. stake: what who may write them could change,
 * for messages. Returns -1 for what cannot be read, what others than the administrator can write
 * (base/ownership.h), and what is not taken. To be freed in either case. */
int pga_system_files_read(struct pga_system_files *files, const char *name, const char *stake,
			  pga_take_file *take, void *context, struct pga_error *error);

/* Whether none of the places has changed since; so is nothing that was never read. */
bool pga_system_files_are_fresh(const struct pga_system_files *files);

void pga_system_files_free(struct pga_system_files *files);

/* Whether nobody but the administrator can write what is at this path. */
int pga_system_check_ownership(const char *path, const char *stake, struct pga_error *error);

#endif
