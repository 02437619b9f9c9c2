/* The seccomp filter that asks a watcher about every connect(2) of a process and of all that it
 * starts, whatever environment or root directory these have: seccomp(2), seccomp_unotify(2). */
#ifndef PGA_PRELOAD_WATCH_FILTER_H
#define PGA_PRELOAD_WATCH_FILTER_H

#include "base/error.h"

#include <stdbool.h>

/* Whether this process is under this filter already. */
bool pga_watch_filter_is_there(void);

/* Puts this process, which has one thread, under it for good. Returns the descriptor by which the
 * watcher is asked, closed by execve(2); -1 where the kernel refuses that, with the reason. Until
 * somebody answers there, connects wait; once all copies of the descriptor are closed, they fail
 * (ENOSYS). */
int pga_watch_filter_install(struct pga_error *error);

#endif
