/* Signals that have to wait while a thread is in the middle of something. */
#ifndef PGA_BASE_SIGNALS_H
#define PGA_BASE_SIGNALS_H

#include <signal.h>

/* Blocks them in this thread; before is what pga_restore_signals() gives back. Those that a thread
 * raises itself stay: programs handle them in the middle of an instruction, and blocked they would
 * be the end of the process. */
void pga_block_signals(sigset_t *before);
void pga_restore_signals(const sigset_t *before);

#endif
