/* For LD_PRELOAD: whoever only waits does not, and the clock has gone on by as much all the same.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <poll.h>
#include <stdatomic.h>
#include <time.h>

static atomic_llong waited; /* milliseconds */

int poll(struct pollfd *polled, nfds_t count, int milliseconds)
{
	const struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000L};

	if (count > 0)
		return ppoll(polled, count, milliseconds < 0 ? NULL : &time, NULL);
	waited += milliseconds;
	return 0;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	int (*own)(clockid_t, struct timespec *) = NULL;
	int result;

	*(void **)&own = dlsym(RTLD_NEXT, "clock_gettime");
	result = own(clock, now);
	if (result != 0 || clock != CLOCK_MONOTONIC)
		return result;
	now->tv_nsec += waited % 1000 * 1000000;
	now->tv_sec += waited / 1000 + now->tv_nsec / 1000000000;
	now->tv_nsec %= 1000000000;
	return 0;
}
