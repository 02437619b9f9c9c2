/* The gate's lock; and the order between fork() and walks through the loaded objects. Nothing here
 * is held over other libraries' fork handlers but a count, which nobody waits for without end. */
#include "gate/lock.h"

#include "base/signals.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* ---- the lock ---- */

struct lock {
	pthread_mutex_t mutex;
	sigset_t signals; /* of the thread that has it, from before */
};

static _Atomic(struct lock *) lock;

/* On a page that the kernel fills with zeros in every child (since Linux 4.14), whether it was
 * forked through libc and its fork handlers or not. Zeros are what PTHREAD_MUTEX_INITIALIZER is. */
static struct lock *make_lock(void)
{
	static struct lock last_resort = {.mutex = PTHREAD_MUTEX_INITIALIZER};
	const size_t size = (size_t)sysconf(_SC_PAGESIZE);
	void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct lock *made = page != MAP_FAILED ? page : &last_resort;
	struct lock *there = NULL;

	if (page != MAP_FAILED)
		(void)madvise(page, size, MADV_WIPEONFORK);
	if (atomic_compare_exchange_strong(&lock, &there, made))
		return made;
	if (page != MAP_FAILED)
		(void)munmap(page, size);
	return there;
}

void gate_lock(void)
{
	struct lock *own = atomic_load(&lock);
	sigset_t signals;

	if (own == NULL)
		own = make_lock();
	pga_block_signals(&signals);
	(void)pthread_mutex_lock(&own->mutex);
	own->signals = signals;
}

void gate_unlock(void)
{
	struct lock *own = atomic_load(&lock);
	const sigset_t signals = own->signals;

	(void)pthread_mutex_unlock(&own->mutex);
	pga_restore_signals(&signals);
}

/* ---- walks and fork() ---- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_uint walkers; /* threads that walk */
static atomic_uint forks;   /* threads between their fork handlers */
static atomic_uint waiting; /* threads that walk once those have forked */

static atomic_uint sleepers;

/* This thread does. Other libraries' fork handlers, and what stands before malloc(), may ask the
 * dynamic linker for something; and a signal handler may fork in the middle of a walk. */
static __thread unsigned own_forks __attribute__((tls_model("initial-exec")));
static __thread unsigned own_walks __attribute__((tls_model("initial-exec")));

/* Whoever waits for a count to become 0. That is seldom, and a system call for each walk too much.
 */
static void wake(atomic_uint *count)
{
	if (atomic_load(&sleepers) > 0)
		(void)syscall(SYS_futex, count, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

/* Waits until the count is no more than that, for a second at the most. Returns whether it is. Not
 * by a function of libc: in most of those that wait for some time, pthread_cancel() acts. */
static bool wait_for(atomic_uint *count, unsigned most)
{
	const int saved = errno;
	struct timespec begun;
	struct timespec now;
	unsigned value;

	(void)clock_gettime(CLOCK_MONOTONIC, &begun);
	now = begun;
	while ((value = atomic_load(count)) > most &&
	       (now.tv_sec - begun.tv_sec) * 1000000000LL + now.tv_nsec - begun.tv_nsec <
		   1000000000LL) {
		/* The kernel's struct timespec of this system call, also where libc's is larger. */
		const long nap[] = {0, 250000000};

		atomic_fetch_add(&sleepers, 1);
		(void)syscall(SYS_futex, count, FUTEX_WAIT_PRIVATE, value, nap, NULL, 0);
		atomic_fetch_sub(&sleepers, 1);
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
	}
	errno = saved;
	return value <= most;
}

/* The same, and where it is more after a second, makes it that. Walks are short: what is counted
 * then is most likely a thread that is not there any more, in a child that was made without fork(),
 * and so without fork handlers. */
static void wait_and_clear(atomic_uint *count, unsigned most)
{
	if (!wait_for(count, most))
		atomic_store(count, most);
}

/* One less, where it was not cleared meanwhile. */
static void leave(atomic_uint *count)
{
	unsigned value = atomic_load(count);

	while (value > 0 && !atomic_compare_exchange_weak(count, &value, value - 1))
		;
	wake(count);
}

static void before_fork(void)
{
	/* Those that have waited for another fork() go first: a program may fork all the time. */
	if (own_forks++ == 0 && own_walks == 0)
		wait_and_clear(&waiting, 0);
	atomic_fetch_add(&forks, 1);
	wait_and_clear(&walkers, own_walks);
}

static void after_fork(void)
{
	/* A handler that was registered in the middle of a fork() has not begun with it. */
	if (own_forks == 0)
		return;
	own_forks--;
	if (atomic_fetch_sub(&forks, 1) == 1)
		wake(&forks);
}

static void after_fork_in_child(void)
{
	own_forks = 0;
	atomic_store(&forks, 0);
	atomic_store(&walkers, own_walks);
	atomic_store(&waiting, 0);
	atomic_store(&sleepers, 0);
}

static void survive_fork(void)
{
	(void)pthread_atfork(before_fork, after_fork, after_fork_in_child);
}

void gate_walk_begin(void)
{
	bool waits = own_forks == 0 && own_walks == 0;

	(void)pthread_once(&once, survive_fork);
	own_walks++;
	atomic_fetch_add(&walkers, 1);
	while (waits && atomic_load(&forks) > 0) {
		atomic_fetch_add(&waiting, 1);
		leave(&walkers);
		waits = wait_for(&forks, 0);
		atomic_fetch_add(&walkers, 1);
		leave(&waiting);
	}
}

void gate_walk_end(void)
{
	leave(&walkers);
	own_walks--;
}
