/* Threads that walk through the loaded objects and fork as a test tells them, one step after
 * another, with a kernel, a clock and a fork() of its own. */
#ifndef PGA_TESTS_ACTING_THREADS_H
#define PGA_TESTS_ACTING_THREADS_H

#include "gate/lock.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

/* The linker leads the gate's calls here (--wrap). */
long __wrap_syscall(long number, ...);
int __wrap_clock_gettime(clockid_t id, struct timespec *now);
int __wrap_pthread_atfork(void (*before)(void), void (*parent)(void), void (*child)(void));

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

#define OF_ACTORS(test) cmocka_unit_test_setup_teardown(test, make_actors, end_actors)

#endif
