/* The process that is asked about every connect of the watched ones. */
#ifndef PGA_PRELOAD_WATCHER_H
#define PGA_PRELOAD_WATCHER_H

#include "base/error.h"
#include "preload/watch.h"

#include <sys/types.h>

/* Looks whether this program can be watched here: -1 where not. */
int pga_watcher_check(pid_t program, int listener, struct pga_error *error);

/* Answers what is asked at this descriptor until the last process under the filter has gone. */
void pga_watcher_answer(int listener, const struct pga_watch_ports *ports);

#endif
