/* The directory that an edited file is in: found without following anybody else's link, made where
 * it is missing, and held by a descriptor, so that nobody can put another one in its place. */
#ifndef PGA_BASE_DIRECTORY_H
#define PGA_BASE_DIRECTORY_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stddef.h>
#include <sys/types.h>

/* Directories that were made and may have to go again, outermost first. */
struct pga_made {
	struct pga_leftover **leftovers;
	size_t count;
};

struct pga_directory {
	int fd;
	char *path;  /* without a link in it */
	uid_t owner; /* its own, and its group */
	gid_t group;
};

/* Opens the directory at this path, in which no link is followed any more. Those of its directories
 * that are missing are made, each with this mode (whatever the umask is) and the owner that
 * pga_act_as() gives it, and noted in made, which is all zero before. Nothing stays after a
 * failure. */
int pga_directory_open(struct pga_directory *directory, struct pga_made *made, const char *path,
		       mode_t mode, struct pga_error *error);

/* Forgets the directories that were made; they stay. */
void pga_made_keep(struct pga_made *made);

/* Removes them, as far as they are empty. */
void pga_made_remove(struct pga_made *made);

void pga_directory_close(struct pga_directory *directory);

#endif
