#include "cli/time_limit.h"

#include "cli/cli.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct {
	unsigned seconds;
	const char *message;
} limit;

/* Whatever the others hang in is ended with the process, if the kernel can end it at all. */
static void *wait_for_the_end(void *nothing)
{
	struct timespec left = {(time_t)limit.seconds, 0};

	while (nanosleep(&left, &left) != 0)
		;
	(void)!write(STDERR_FILENO, limit.message, strlen(limit.message));
	_exit(PGA_EXIT_FAILED);
	return nothing;
}

void pga_time_limit(unsigned seconds, const char *message)
{
	sigset_t all;
	sigset_t before;
	pthread_t thread;

	limit.seconds = seconds;
	limit.message = message;
	/* Signals are the main thread's. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&thread, NULL, wait_for_the_end, NULL) == 0)
		(void)pthread_detach(thread);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}
