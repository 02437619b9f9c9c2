/* gate/lock.c: whose turn it is where threads walk and fork all the time, and what a child has of
 * its parent's walks. */
#include "cmocka_start.h"
#include "acting_threads.h"

#include "gate/lock.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    OF_ACTORS(who_has_waited_goes_first),
	    OF_ACTORS(who_cannot_wait_goes_on),
	    OF_ACTORS(a_fork_may_come_between),
	    OF_ACTORS(who_has_waited_is_not_waited_for_for_ever),
	    OF_ACTORS(a_child_begins_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
