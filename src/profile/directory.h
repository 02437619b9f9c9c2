/* The directories of the system's files of profiles. */
#ifndef PGA_PROFILE_DIRECTORY_H
#define PGA_PROFILE_DIRECTORY_H

#include "base/error.h"

/* Takes one of the directory's files. Returns -1 with the reason. */
typedef int pga_take_profile_file(void *context, const char *path, struct pga_error *error);

/* Has every file of the directory taken whose name ends so, in the order of the names' bytes; no
 * directory has none. stake: what who may write them could change, for messages. Returns -1 for
 * what cannot be read, what others than the administrator can write, and what is not taken. */
int pga_profile_directory(const char *directory, const char *suffix, const char *stake,
			  pga_take_profile_file *take, void *context, struct pga_error *error);

#endif
