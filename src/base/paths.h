/* Where pganchor's own files are. Where libpq's are is libpq's to say: see policy/libpq.h. */
#ifndef PGA_BASE_PATHS_H
#define PGA_BASE_PATHS_H

#include "base/error.h"

#include <stdbool.h>

/* Whether the process runs in secure-execution mode (AT_SECURE of getauxval(3), ld.so(8)): a
 * set-user-ID or set-group-ID program, or one with file capabilities. Its environment is that of
 * a caller who has less power than it. */
bool pga_is_secure_execution(void);

/* The user's home directory, $HOME or else that of the password file, as libpq 15 and later find it
 * (pqGetHomeDirectory). In secure-execution mode it is that of the user whose power the process
 * has, by the password file alone; the caller's does not count. The caller of this function frees
 * it; NULL with errno ENOENT when there is none, with another errno when it could not be found out.
 */
char *pga_home(void);

/* Says why there is none, by the errno of pga_home() or pga_user_config(). Returns -1. */
int pga_fail_home(struct pga_error *error);

/* $XDG_CONFIG_HOME/pganchor/NAME, or ~/.config/pganchor/NAME (the XDG base directory specification:
 * a relative XDG_CONFIG_HOME does not count, and in secure-execution mode none does). The caller
 * frees it; NULL as pga_home() is. */
char *pga_user_config(const char *name);

/* Whether that file is out of the process's reach and none of its user's: it cannot be opened for
 * want of permission, and the home directory (or XDG_CONFIG_HOME) either belongs to another user or
 * cannot be entered. So it is for a daemon that has dropped its privileges and still has
 * HOME=/root, and under ProtectHome= of systemd.exec(5). path: what pga_user_config() gave. */
bool pga_user_config_is_out_of_reach(const char *path);

#endif
