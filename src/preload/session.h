/* What of the machine decides whether a session's programs keep LD_PRELOAD, and can live with it.
 */
#ifndef PGA_PRELOAD_SESSION_H
#define PGA_PRELOAD_SESSION_H

#include <stdbool.h>

/* Whether a systemd of this user runs, which reads environment.d(5). */
bool pga_user_session_runs(void);

/* Whether somebody listens at /dev/log, where the gate tells what mode = audit lets through. */
bool pga_log_is_heard(void);

/* Whether X sessions are children of an ssh-agent that is set-group-ID, as Debian's are: ld.so then
 * takes LD_PRELOAD out of their environment. Below root (NULL: on this machine). */
bool pga_x_sessions_lose_preload(const char *root);

/* The ld.so of musl, which ends a program when it is to load the gate; NULL where there is none.
 * The caller frees it. */
char *pga_find_musl(const char *root);

#endif
