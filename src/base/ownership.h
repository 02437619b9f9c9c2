/* Whether the system's files can be written by nobody but the system's administrator. */
#ifndef PGA_BASE_OWNERSHIP_H
#define PGA_BASE_OWNERSHIP_H

#include "base/error.h"

/* Checks the file or folder at this path and every folder above it, behind all symbolic links, as
 * sshd(8) does with StrictModes (safe_path() of OpenSSH): each belongs to root, or to whoever owns
 * the installed gate, who could as well replace that; and neither its group nor others may write
 * it. A folder with the sticky bit, such as /tmp, may be written by all: nobody can take away there
 * what is not his. A path where nothing is passes. Returns -1 with the place that is at fault. */
int pga_check_ownership(const char *path, struct pga_error *error);

#endif
