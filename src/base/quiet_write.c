#include "base/quiet_write.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

/* The signal that comes with this error; 0: none. */
static int signal_of(int error)
{
	return error == EPIPE ? SIGPIPE : error == EFBIG ? SIGXFSZ : 0;
}

ssize_t pga_write_quietly(int descriptor, const void *bytes, size_t length)
{
	const struct timespec now = {0, 0};
	sigset_t raised;
	sigset_t pending;
	sigset_t before;
	ssize_t written;
	int failed;

	(void)sigemptyset(&raised);
	(void)sigaddset(&raised, SIGPIPE);
	(void)sigaddset(&raised, SIGTTOU);
	(void)sigaddset(&raised, SIGXFSZ);
	(void)pthread_sigmask(SIG_BLOCK, &raised, &before);
	(void)sigpending(&pending);
	written = write(descriptor, bytes, length);
	failed = errno;
	/* One that was waiting before stays. */
	if (written < 0 && signal_of(failed) != 0 &&
	    sigismember(&pending, signal_of(failed)) == 0) {
		(void)sigemptyset(&raised);
		(void)sigaddset(&raised, signal_of(failed));
		(void)sigtimedwait(&raised, NULL, &now);
	}
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = failed;
	return written;
}
