/* gate/lock.c: the lock, and who waits for whom where threads walk through the loaded objects and
 * others fork. No thread waits here for a time: each is an actor that the test lets go on, the
 * kernel's futex and the clock are the test's, and so are the handlers that fork() would call. */
#include "cmocka_start.h"

#include "gate/lock.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The linker leads the gate's calls here (--wrap). */
long __wrap_syscall(long number, ...);
int __wrap_clock_gettime(clockid_t id, struct timespec *now);
int __wrap_pthread_atfork(void (*before)(void), void (*parent)(void), void (*child)(void));
/* As libc calls mmap() where off_t has 64 bits. */
void *__real_mmap64(void *at, size_t size, int protection, int flags, int file, off64_t offset);
void *__wrap_mmap64(void *at, size_t size, int protection, int flags, int file, off64_t offset);
int __wrap_munmap(void *at, size_t size);
int __wrap_madvise(void *at, size_t size, int advice);

/* ---- walks and fork() ---- */

struct actor {
	pthread_t thread;
	sem_t go, back;
	void (*does)(void);
	bool asleep, over;
	const void *count; /* what it waits for, and how much that was */
	unsigned value;
};

static __thread struct actor *self;
static struct timespec now;
static void (*before_fork)(void), (*after_fork)(void), (*in_child)(void);
static int registered;
static int wakes;
static const void *woken;
static bool stops_in_wakes;

int __wrap_pthread_atfork(void (*before)(void), void (*parent)(void), void (*child)(void))
{
	before_fork = before;
	after_fork = parent;
	in_child = child;
	registered++;
	return 0;
}

int __wrap_clock_gettime(clockid_t id, struct timespec *told)
{
	assert_int_equal(id, CLOCK_MONOTONIC);
	*told = now;
	errno = EINVAL;
	return 0;
}

/* Until the test lets it go on. */
static void stop(void)
{
	self->asleep = true;
	assert_int_equal(sem_post(&self->back), 0);
	assert_int_equal(sem_wait(&self->go), 0);
	self->asleep = false;
}

long __wrap_syscall(long number, ...)
{
	va_list arguments;
	unsigned *count;
	int what;
	unsigned value;
	const long *nap;

	va_start(arguments, number);
	count = va_arg(arguments, unsigned *);
	what = va_arg(arguments, int);
	value = va_arg(arguments, unsigned);
	nap = va_arg(arguments, const long *);
	assert_null(va_arg(arguments, void *));
	assert_int_equal(va_arg(arguments, int), 0);
	va_end(arguments);
	assert_int_equal(number, SYS_futex);
	if (what == FUTEX_WAKE_PRIVATE) {
		assert_int_equal(value, INT_MAX);
		assert_null(nap);
		woken = count;
		wakes++;
		if (stops_in_wakes)
			stop();
		return 0;
	}
	assert_int_equal(what, FUTEX_WAIT_PRIVATE);
	assert_int_equal(nap[0], 0);
	assert_int_equal(nap[1], 250000000);
	self->count = count;
	self->value = value;
	stop();
	errno = EAGAIN;
	return -1;
}

static void *act(void *actor)
{
	self = actor;
	while (sem_wait(&self->go) == 0 && !self->over) {
		errno = ENOTTY;
		self->does();
		assert_int_equal(errno, ENOTTY);
		assert_int_equal(sem_post(&self->back), 0);
	}
	return NULL;
}

/* Lets it go on, until it has done what it does or waits. Returns whether it waits. */
static bool waits(struct actor *actor)
{
	assert_int_equal(sem_post(&actor->go), 0);
	assert_int_equal(sem_wait(&actor->back), 0);
	return actor->asleep;
}

static bool begins(struct actor *actor, void (*does)(void))
{
	assert_false(actor->asleep);
	actor->does = does;
	return waits(actor);
}

static void does(struct actor *actor, void (*what)(void))
{
	assert_false(begins(actor, what));
}

static void pass(long nanoseconds)
{
	now.tv_nsec += nanoseconds;
	now.tv_sec += now.tv_nsec / 1000000000;
	now.tv_nsec %= 1000000000;
}

/* A second passes for one that waits: it does so up to the last nanosecond, and no longer. */
static void waits_for_a_second(struct actor *actor)
{
	static const long steps[] = {250000000, 250000000, 250000000, 249999999};
	const void *count = actor->count;
	const unsigned value = actor->value;

	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		pass(steps[i]);
		assert_true(waits(actor));
		assert_ptr_equal(actor->count, count);
		assert_int_equal(actor->value, value);
	}
	pass(1);
}

static void check_wakes(int expected)
{
	assert_int_equal(wakes, expected);
	wakes = 0;
}

enum { ACTORS = 4 };
static struct actor actors[ACTORS];

#define A (&actors[0])
#define B (&actors[1])
#define C (&actors[2])
#define D (&actors[3])

/* In threads that have never walked nor forked, in a child that begins anew. */
static int make_actors(void **state)
{
	(void)state;
	now = (struct timespec){5, 900000000};
	stops_in_wakes = false;
	for (size_t i = 0; i < ACTORS; i++) {
		struct actor *actor = &actors[i];

		memset(actor, 0, sizeof *actor);
		if (sem_init(&actor->go, 0, 0) != 0 || sem_init(&actor->back, 0, 0) != 0 ||
		    pthread_create(&actor->thread, NULL, act, actor) != 0)
			return -1;
	}
	does(A, gate_walk_begin);
	does(A, gate_walk_end);
	does(A, in_child);
	wakes = 0;
	return 0;
}

static int end_actors(void **state)
{
	(void)state;
	for (size_t i = 0; i < ACTORS; i++) {
		if (actors[i].asleep)
			return -1;
		actors[i].over = true;
		if (sem_post(&actors[i].go) != 0 || pthread_join(actors[i].thread, NULL) != 0)
			return -1;
	}
	return 0;
}

/* Whether somebody walks, or forks, or is about to: by who would have to wait for it. */
static void check_nobody(struct actor *walker, struct actor *forker)
{
	does(forker, before_fork);
	does(forker, after_fork);
	does(walker, gate_walk_begin);
	does(walker, gate_walk_end);
}

static void who_is_alone_waits_for_nobody(void **state)
{
	(void)state;
	check_nobody(A, B);
	check_nobody(A, A);
	does(A, gate_walk_begin);
	does(B, gate_walk_begin);
	does(A, gate_walk_end);
	does(B, gate_walk_end);
	check_nobody(B, A);
	assert_int_equal(registered, 1);
	check_wakes(0);
}

static void walk_often(void)
{
	for (int i = 0; i < 200000; i++) {
		gate_walk_begin();
		gate_walk_end();
	}
}

/* Each is counted, however many come and go at once. */
static void walks_at_once_are_counted(void **state)
{
	(void)state;
	for (size_t i = 0; i < ACTORS; i++) {
		actors[i].does = walk_often;
		assert_int_equal(sem_post(&actors[i].go), 0);
	}
	for (size_t i = 0; i < ACTORS; i++)
		assert_int_equal(sem_wait(&actors[i].back), 0);
	check_nobody(A, B);
}

static void a_fork_waits_for_walks(void **state)
{
	const void *walkers;

	(void)state;
	does(A, gate_walk_begin);
	does(C, gate_walk_begin);
	assert_true(begins(B, before_fork));
	walkers = B->count;
	assert_int_equal(B->value, 2);
	does(C, gate_walk_end);
	assert_ptr_equal(woken, walkers);
	check_wakes(1);
	assert_true(waits(B));
	assert_ptr_equal(B->count, walkers);
	assert_int_equal(B->value, 1);
	does(A, gate_walk_end);
	check_wakes(1);
	assert_false(waits(B));
	does(B, after_fork);
	check_wakes(0);
	check_nobody(A, B);
}

/* What walks is a thread that is not there any more: it is waited for once. */
static void a_fork_does_not_wait_for_ever(void **state)
{
	(void)state;
	does(A, gate_walk_begin);
	assert_true(begins(B, before_fork));
	assert_int_equal(B->value, 1);
	waits_for_a_second(B);
	assert_false(waits(B));
	does(B, after_fork);
	does(B, before_fork);
	does(B, after_fork);
	/* Where it is there after all, it is not counted twice. */
	does(A, gate_walk_end);
	check_nobody(C, B);
	check_nobody(A, B);
	check_wakes(0);
}

/* In a signal handler, or a function that stands before malloc(). */
static void a_thread_does_not_wait_for_itself(void **state)
{
	(void)state;
	does(A, before_fork);
	does(A, gate_walk_begin);
	does(A, gate_walk_end);
	does(A, after_fork);
	does(A, gate_walk_begin);
	does(A, before_fork);
	does(A, after_fork);
	does(A, gate_walk_begin);
	does(A, before_fork);
	does(A, gate_walk_begin);
	does(A, gate_walk_end);
	does(A, after_fork);
	/* But for others. */
	does(B, gate_walk_begin);
	assert_true(begins(A, before_fork));
	assert_int_equal(A->value, 3);
	does(B, gate_walk_end);
	assert_false(waits(A));
	/* And who waits for it is one that walks still. */
	does(A, after_fork);
	assert_true(begins(B, before_fork));
	assert_int_equal(B->value, 2);
	does(A, gate_walk_end);
	assert_true(waits(B));
	does(A, gate_walk_end);
	assert_false(waits(B));
	does(B, after_fork);
	check_nobody(A, B);
}

static void a_walk_waits_for_forks(void **state)
{
	const void *forks;

	(void)state;
	does(A, before_fork);
	does(C, before_fork);
	assert_true(begins(B, gate_walk_begin));
	forks = B->count;
	assert_int_equal(B->value, 2);
	/* Nobody waits meanwhile for who waits, but a handler's own fork is one. */
	does(A, before_fork);
	check_wakes(0);
	does(A, after_fork);
	does(A, after_fork);
	check_wakes(0);
	does(C, after_fork);
	assert_ptr_equal(woken, forks);
	check_wakes(1);
	assert_false(waits(B));
	/* It walks now. */
	assert_true(begins(A, before_fork));
	assert_int_equal(A->value, 1);
	assert_ptr_not_equal(A->count, forks);
	does(B, gate_walk_end);
	assert_false(waits(A));
	does(A, after_fork);
	check_nobody(B, A);
}

static void a_walk_does_not_wait_for_ever(void **state)
{
	(void)state;
	does(A, before_fork);
	assert_true(begins(B, gate_walk_begin));
	waits_for_a_second(B);
	assert_false(waits(B));
	/* It walks, and the fork still lasts; and in the middle of a walk nobody waits. */
	does(B, gate_walk_begin);
	assert_true(begins(C, gate_walk_begin));
	waits_for_a_second(C);
	assert_false(waits(C));
	does(C, gate_walk_end);
	does(B, gate_walk_end);
	assert_true(begins(C, before_fork));
	assert_int_equal(C->value, 1);
	does(B, gate_walk_end);
	assert_false(waits(C));
	does(C, after_fork);
	does(A, after_fork);
	check_nobody(B, A);
}

/* A program that forks all the time lets walk who has waited for it. */
static void who_has_waited_goes_first(void **state)
{
	const void *forks;
	const void *waiting;

	(void)state;
	does(A, before_fork);
	assert_true(begins(B, gate_walk_begin));
	forks = B->count;
	does(A, after_fork);
	assert_true(begins(A, before_fork));
	waiting = A->count;
	assert_ptr_not_equal(waiting, forks);
	assert_int_equal(A->value, 1);
	wakes = 0;
	assert_false(waits(B));
	assert_ptr_equal(woken, waiting);
	check_wakes(1);
	/* Now A waits for the walk itself. */
	assert_true(waits(A));
	assert_ptr_not_equal(A->count, waiting);
	assert_ptr_not_equal(A->count, forks);
	assert_int_equal(A->value, 1);
	does(B, gate_walk_end);
	assert_false(waits(A));
	does(A, after_fork);
	check_nobody(B, A);
}

/* Unless it forks within its own walk, or within its own fork. */
static void who_cannot_wait_goes_on(void **state)
{
	(void)state;
	does(A, gate_walk_begin);
	assert_true(begins(C, before_fork));
	assert_true(begins(B, gate_walk_begin));
	does(A, before_fork);
	does(A, before_fork);
	does(A, after_fork);
	does(A, after_fork);
	does(A, gate_walk_end);
	assert_false(waits(C));
	does(C, before_fork);
	does(C, after_fork);
	does(C, after_fork);
	assert_false(waits(B));
	does(B, gate_walk_end);
	/* A handler that was registered in the middle of a fork() ends none. */
	does(B, after_fork);
	check_nobody(A, B);
}

static void a_fork_may_come_between(void **state)
{
	const void *forks;
	const void *walkers;

	(void)state;
	does(A, before_fork);
	assert_true(begins(B, gate_walk_begin));
	forks = B->count;
	does(A, after_fork);
	assert_true(begins(A, before_fork));
	/* B has waited and says so, and just then A begins. */
	stops_in_wakes = true;
	assert_true(waits(B));
	stops_in_wakes = false;
	assert_true(waits(A));
	walkers = A->count;
	assert_ptr_not_equal(walkers, forks);
	wakes = 0;
	assert_true(waits(B));
	assert_ptr_equal(B->count, forks);
	assert_ptr_equal(woken, walkers);
	check_wakes(1);
	assert_false(waits(A));
	does(A, after_fork);
	assert_false(waits(B));
	does(B, gate_walk_end);
	check_nobody(B, A);
}

static void who_has_waited_is_not_waited_for_for_ever(void **state)
{
	(void)state;
	does(A, before_fork);
	assert_true(begins(B, gate_walk_begin));
	does(A, after_fork);
	assert_true(begins(A, before_fork));
	waits_for_a_second(A);
	assert_false(waits(A));
	/* By then B has waited for a second too, and walks. */
	assert_false(waits(B));
	does(A, after_fork);
	assert_true(begins(A, before_fork));
	assert_int_equal(A->value, 1);
	does(B, gate_walk_end);
	assert_false(waits(A));
	does(A, after_fork);
	check_nobody(B, A);
}

/* Of the threads that its parent had, it has the one that forked, in the middle of a walk here. */
static void a_child_begins_anew(void **state)
{
	const void *walkers;

	(void)state;
	does(A, gate_walk_begin);
	does(B, gate_walk_begin);
	assert_true(begins(A, before_fork));
	walkers = A->count;
	assert_true(begins(C, gate_walk_begin));
	waits_for_a_second(A);
	assert_false(waits(A));
	wakes = 0;
	does(A, in_child);
	does(A, after_fork);
	does(A, gate_walk_begin);
	does(A, gate_walk_end);
	check_wakes(0);
	assert_true(begins(D, before_fork));
	assert_ptr_equal(D->count, walkers);
	assert_int_equal(D->value, 1);
	does(A, gate_walk_end);
	check_wakes(1);
	assert_false(waits(D));
	does(D, after_fork);
	check_nobody(A, D);
	/* The others are still there, for they are not in a child: they come to their end. */
	assert_false(waits(C));
	does(C, gate_walk_end);
	does(B, gate_walk_end);
}

/* ---- the lock ---- */

static struct {
	bool fails, interrupted;
	int mapped, unmapped, advised;
	void *page;
	size_t size;
} memory;

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* Those of the gate alone come here. */
void *__wrap_mmap64(void *at, size_t size, int protection, int flags, int file, off64_t offset)
{
	memory.mapped++;
	assert_true(at == NULL && size == page_size() && file == -1 && offset == 0);
	assert_int_equal(protection, PROT_READ | PROT_WRITE);
	assert_int_equal(flags, MAP_PRIVATE | MAP_ANONYMOUS);
	if (memory.interrupted) {
		/* Another thread is quicker. */
		memory.interrupted = false;
		memory.fails = !memory.fails;
		gate_lock();
		gate_unlock();
		memory.fails = !memory.fails;
	}
	memory.page =
	    memory.fails ? MAP_FAILED : __real_mmap64(at, size, protection, flags, file, offset);
	return memory.page;
}

int __wrap_munmap(void *at, size_t size)
{
	assert_ptr_equal(at, memory.page);
	assert_int_equal(size, page_size());
	return ++memory.unmapped;
}

int __wrap_madvise(void *at, size_t size, int advice)
{
	assert_true(at == memory.page && size == page_size() && advice == MADV_WIPEONFORK);
	memory.advised++;
	return 0;
}

/* The lock is made once in a process. */
static void in_a_child(void (*scenario)(void))
{
	const pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		(void)alarm(60);
		scenario();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* cmocka's would not end the child. */
#define CHECK(what)                                \
	do {                                       \
		if (!(what))                       \
			_exit(__LINE__ % 251 + 1); \
	} while (0)

/* What the thread that has it does not get. Those that it raises itself, it does; and libc keeps
 * some to itself. */
static bool are_blocked(const sigset_t *signals)
{
	static const int own[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS};
	static const int others[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGALRM, SIGTERM, SIGCHLD,
				     SIGUSR1, SIGUSR2, SIGPIPE, SIGIO,   SIGABRT};

	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
		if (sigismember(signals, own[i]) != 0)
			return false;
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		if (sigismember(signals, others[i]) != 1)
			return false;
	return sigismember(signals, SIGRTMIN) == 1 && sigismember(signals, SIGRTMAX) == 1;
}

static void *try_to_lock(void *mutex)
{
	return pthread_mutex_trylock(mutex) != 0 ? mutex : NULL;
}

/* Whether a thread has it, as another one finds it. */
static bool is_taken(void *page)
{
	pthread_t other;
	void *taken;

	CHECK(pthread_create(&other, NULL, try_to_lock, page) == 0);
	CHECK(pthread_join(other, &taken) == 0);
	return taken != NULL;
}

static void check_lock(void *page)
{
	sigset_t before;
	sigset_t signals;

	CHECK(sigemptyset(&before) == 0 && sigaddset(&before, SIGUSR2) == 0);
	CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
	gate_lock();
	CHECK(pthread_sigmask(SIG_SETMASK, NULL, &signals) == 0);
	CHECK(are_blocked(&signals));
	CHECK(page == NULL || is_taken(page));
	gate_unlock();
	CHECK(pthread_sigmask(SIG_SETMASK, NULL, &signals) == 0);
	for (int signal = 1; signal < 32; signal++)
		CHECK(sigismember(&signals, signal) == (signal == SIGUSR2));
	CHECK(page == NULL || !is_taken(page));
}

static void lock_on_a_page(void)
{
	gate_lock();
	CHECK(memory.mapped == 1 && memory.advised == 1 && is_taken(memory.page));
	gate_unlock();
	check_lock(memory.page);
	CHECK(memory.mapped == 1 && memory.advised == 1 && memory.unmapped == 0);
}

static void lock_without_a_page(void)
{
	memory.fails = true;
	gate_lock();
	gate_unlock();
	check_lock(NULL);
	CHECK(memory.mapped == 1 && memory.advised == 0 && memory.unmapped == 0);
}

/* The other one's has no page. */
static void lock_too_late(void)
{
	memory.interrupted = true;
	gate_lock();
	CHECK(memory.mapped == 2 && memory.unmapped == 1 && !is_taken(memory.page));
	gate_unlock();
	check_lock(NULL);
	CHECK(memory.mapped == 2);
}

static void lock_too_late_without_a_page(void)
{
	memory.interrupted = memory.fails = true;
	gate_lock();
	gate_unlock();
	check_lock(NULL);
	CHECK(memory.mapped == 2 && memory.advised == 1 && memory.unmapped == 0);
}

static void the_lock_is_made_once(void **state)
{
	(void)state;
	in_a_child(lock_on_a_page);
	in_a_child(lock_without_a_page);
	in_a_child(lock_too_late);
	in_a_child(lock_too_late_without_a_page);
}

#define OF_ACTORS(test) cmocka_unit_test_setup_teardown(test, make_actors, end_actors)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_lock_is_made_once),
	    OF_ACTORS(who_is_alone_waits_for_nobody),
	    OF_ACTORS(walks_at_once_are_counted),
	    OF_ACTORS(a_fork_waits_for_walks),
	    OF_ACTORS(a_fork_does_not_wait_for_ever),
	    OF_ACTORS(a_thread_does_not_wait_for_itself),
	    OF_ACTORS(a_walk_waits_for_forks),
	    OF_ACTORS(a_walk_does_not_wait_for_ever),
	    OF_ACTORS(who_has_waited_goes_first),
	    OF_ACTORS(who_cannot_wait_goes_on),
	    OF_ACTORS(a_fork_may_come_between),
	    OF_ACTORS(who_has_waited_is_not_waited_for_for_ever),
	    OF_ACTORS(a_child_begins_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
