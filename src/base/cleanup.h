/* What must not stay behind when a signal ends the program: staged files (with passwords in them),
 * the lock, directories that were made for a file that never came. */
#ifndef PGA_BASE_CLEANUP_H
#define PGA_BASE_CLEANUP_H

#include "base/error.h"

#include <signal.h>

struct pga_leftover;

/* Makes a note of the name in the directory; flags are those of unlinkat(2). While there is a note,
 * SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGXCPU and SIGXFSZ, where they would end the program,
 * remove what is noted first, the last note first; then the program ends by the signal, as whoever
 * started it expects. A signal that was ignored stays ignored. Returns NULL with the error when
 * memory or descriptors have run out. */
struct pga_leftover *pga_leftover_add(int directory, const char *name, int flags,
				      struct pga_error *error);

/* Forgets the note; what it names stays. NULL is no note. */
void pga_leftover_forget(struct pga_leftover *leftover);

/* Removes what it names, and forgets it. */
void pga_leftover_remove(struct pga_leftover *leftover);

/* Holds these signals back, from here to pga_signals_release(): for what is to be done as a whole.
 * One inside the other is allowed. */
void pga_signals_hold(sigset_t *before);
void pga_signals_release(const sigset_t *before);

#endif
