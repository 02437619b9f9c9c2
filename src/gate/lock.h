/* Walks through the loader's list of objects, and fork().
 *
 * glibc renews the lock of dlopen() and dlsym() in a child, but not the one that dl_iterate_phdr()
 * takes: a child that was forked while another thread held it would wait for ever in its first
 * dlopen(). So fork() waits until no thread walks, and a thread that is about to walk waits until
 * nobody forks. Neither waits for more than a second: other libraries' fork handlers run in between
 * and may wait for that thread, or hold what a walk asks for. */
#ifndef PGA_GATE_LOCK_H
#define PGA_GATE_LOCK_H

#include <signal.h>

/* Around each walk. No signal handler runs in between: in one that forks, the child could not give
 * the loader's lock back. */
void gate_walk_begin(sigset_t *signals);
void gate_walk_end(const sigset_t *signals);

#endif
