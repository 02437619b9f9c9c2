/* Walks through the loader's list of objects, and fork().
 *
 * glibc renews the lock of dlopen() and dlsym() in a child, but not the one that dl_iterate_phdr()
 * takes: a child that was forked while another thread held it would wait for ever in its first
 * dlopen(). So fork() waits until no thread walks, and a thread that is about to walk waits until
 * nobody forks. Neither waits for more than a second: other libraries' fork handlers run in between
 * and may wait for that thread, or hold what a walk asks for.
 *
 * A signal handler that forks in the middle of a walk of its own thread waits for nothing. Its
 * child can start another program; once it were to return into the walk, glibc could not give that
 * lock back. To block signals around each walk would prevent it, and make dlsym() five times
 * slower. */
#ifndef PGA_GATE_LOCK_H
#define PGA_GATE_LOCK_H

/* Around each walk. */
void gate_walk_begin(void);
void gate_walk_end(void);

/* The one lock of the gate, for a few instructions at a time, never across a call of libpq or of
 * the file system. No signal handler runs in the thread that has it. A child that is forked
 * meanwhile, in whatever way, does not inherit it: so at each moment what it protects has to be
 * such that another process can go on with it. */
void gate_lock(void);
void gate_unlock(void);

#endif
