/* gate/lock.c: who waits for whom where threads walk through the loaded objects and others fork. */
#include "cmocka_start.h"
#include "acting_threads.h"

#include "gate/lock.h"

#include <semaphore.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    OF_ACTORS(who_is_alone_waits_for_nobody),
	    OF_ACTORS(walks_at_once_are_counted),
	    OF_ACTORS(a_fork_waits_for_walks),
	    OF_ACTORS(a_fork_does_not_wait_for_ever),
	    OF_ACTORS(a_thread_does_not_wait_for_itself),
	    OF_ACTORS(a_walk_waits_for_forks),
	    OF_ACTORS(a_walk_does_not_wait_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
