#include "base/signals.h"

#include <pthread.h>
#include <stddef.h>

void pga_block_signals(sigset_t *before)
{
	static const int own[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS};
	sigset_t others;

	(void)sigfillset(&others);
	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
		(void)sigdelset(&others, own[i]);
	(void)pthread_sigmask(SIG_BLOCK, &others, before);
}

void pga_restore_signals(const sigset_t *before)
{
	(void)pthread_sigmask(SIG_SETMASK, before, NULL);
}
