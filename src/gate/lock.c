/* The gate's lock; and the order between fork() and walks through the loaded objects. Nothing here
 * is held over other libraries' fork handlers but a count, which nobody waits for without end. */
#include "gate/lock.h"

#include "gate/gate.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Those that a thread raises itself stay: programs handle them in the middle of an instruction, and
 * blocked they would be the end of the process. */
static void block_signals(sigset_t *before)
{
	static const int own[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS};
	sigset_t others;

	(void)sigfillset(&others);
	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
		(void)sigdelset(&others, own[i]);
	(void)pthread_sigmask(SIG_BLOCK, &others, before);
}

static void restore_signals(const sigset_t *before)
{
	(void)pthread_sigmask(SIG_SETMASK, before, NULL);
}

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
	block_signals(&signals);
	(void)pthread_mutex_lock(&own->mutex);
	own->signals = signals;
}

void gate_unlock(void)
{
	struct lock *own = atomic_load(&lock);
	const sigset_t signals = own->signals;

	(void)pthread_mutex_unlock(&own->mutex);
	restore_signals(&signals);
}

/* ---- walks and fork() ---- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_uint walkers; /* threads that walk */
static atomic_uint forks;   /* threads between their fork handlers */
static atomic_uint waiting; /* threads that walk once those have forked */

static atomic_uint sleepers;

/* This thread forks, or walks: it waits for no fork. Other libraries' fork handlers, and what
 * stands before malloc(), may ask the dynamic linker for something. */
static __thread unsigned busy __attribute__((tls_model("initial-exec")));

/* Whoever waits for a count to become 0. That is seldom, and a system call for each walk too much.
 */
static void wake(atomic_uint *count)
{
	if (atomic_load(&sleepers) > 0)
		(void)syscall(SYS_futex, count, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

/* Waits until the count is 0, for a second at the most. Returns whether it is. No function of libc
 * is at hand for it: pthread_cancel() acts in those that wait for some time, and dlsym() is none.
 */
static bool wait_for_none(atomic_uint *count)
{
	const int saved = errno;
	struct timespec begun;
	struct timespec now;
	unsigned value;

	(void)clock_gettime(CLOCK_MONOTONIC, &begun);
	now = begun;
	while ((value = atomic_load(count)) > 0 &&
	       (now.tv_sec - begun.tv_sec) * 1000000000LL + now.tv_nsec - begun.tv_nsec <
		   1000000000LL) {
		/* The kernel's struct timespec of this system call, also where libc's is larger. */
		const long most[] = {0, 250000000};

		atomic_fetch_add(&sleepers, 1);
		(void)syscall(SYS_futex, count, FUTEX_WAIT_PRIVATE, value, most, NULL, 0);
		atomic_fetch_sub(&sleepers, 1);
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
	}
	errno = saved;
	return value == 0;
}

/* The same, and where it is not 0 after a second, makes it that. Walks are short: what is counted
 * then is most likely a thread that is not there any more, in a child that was made without fork(),
 * and so without fork handlers. */
static void wait_and_clear(atomic_uint *count)
{
	if (!wait_for_none(count))
		atomic_store(count, 0);
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
	if (busy++ == 0)
		wait_and_clear(&waiting);
	atomic_fetch_add(&forks, 1);
	wait_and_clear(&walkers);
}

static void after_fork(void)
{
	/* A handler that was registered in the middle of a fork() has not begun with it. */
	if (busy == 0)
		return;
	busy--;
	if (atomic_fetch_sub(&forks, 1) == 1)
		wake(&forks);
}

static void after_fork_in_child(void)
{
	busy = 0;
	atomic_store(&forks, 0);
	atomic_store(&walkers, 0);
	atomic_store(&waiting, 0);
	atomic_store(&sleepers, 0);
}

static void survive_fork(void)
{
	(void)pthread_atfork(before_fork, after_fork, after_fork_in_child);
}

void gate_walk_begin(sigset_t *signals)
{
	bool waits = busy == 0;

	(void)pthread_once(&once, survive_fork);
	block_signals(signals);
	busy++;
	atomic_fetch_add(&walkers, 1);
	while (waits && atomic_load(&forks) > 0) {
		atomic_fetch_add(&waiting, 1);
		leave(&walkers);
		waits = wait_for_none(&forks);
		atomic_fetch_add(&walkers, 1);
		leave(&waiting);
	}
}

void gate_walk_end(const sigset_t *signals)
{
	leave(&walkers);
	busy--;
	restore_signals(signals);
}
