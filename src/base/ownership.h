/* Whether a file that others rely on can be written by nobody but the administrator. */
#ifndef PGA_BASE_OWNERSHIP_H
#define PGA_BASE_OWNERSHIP_H

#include "base/error.h"

#include <sys/types.h>

/* Goes along this absolute path as the kernel does, and checks the file or directory at its end and
 * every directory and symbolic link on the way, more strictly than sshd(8) with StrictModes
 * (safe_path() of OpenSSH), which looks at no link: each belongs to root or to `trusted`, and
 * neither its group nor others may write it. A directory with the sticky bit, such as /tmp, may be
 * written by all: nobody can take away there what is not his. A path where nothing is passes; a
 * symbolic link that leads to nothing does not.
 * Returns -1 with the place that is at fault; stake: what they could change who may write it. */
int pga_check_ownership(const char *path, uid_t trusted, const char *stake,
			struct pga_error *error);

#endif
