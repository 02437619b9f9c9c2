/* gate/call.c: the call of libpq that a thread is in, where calls end as they have begun, where
 * they are left by longjmp(), and where coroutines end them in another order or in another thread.
 */
#include "cmocka_start.h"

#include "gate/call.h"

#include <pthread.h>
#include <stdlib.h>

/* What the linker leads here (--wrap). */
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void __wrap_gate_rules_release(const struct gate_rules *rules);
void __wrap_pga_effective_free(const struct pga_libpq *calls, struct pga_effective *effective);

static bool no_memory;
static int released, freed;
static const struct gate_rules rules;
static struct gate_libpq libpq;
static const PGconn *const conn = (const PGconn *)(const void *)&libpq;

void *__wrap_calloc(size_t count, size_t size)
{
	return no_memory ? NULL : __real_calloc(count, size);
}

void __wrap_gate_rules_release(const struct gate_rules *of)
{
	released += of == &rules;
}

void __wrap_pga_effective_free(const struct pga_libpq *calls, struct pga_effective *effective)
{
	assert_ptr_equal(calls, &libpq.calls);
	assert_non_null(effective);
	freed++;
}

/* A call of a function that is still running: its frame is above that of whoever asks. */
static struct gate_call *begin(int frame)
{
	const char *const here = __builtin_frame_address(0);
	struct gate_call *call = gate_call_begin_at(&libpq, here + 100000 + frame);

	assert_non_null(call);
	return call;
}

static int start(void **state)
{
	(void)state;
	released = freed = 0;
	no_memory = false;
	return gate_call_current() == NULL ? 0 : -1;
}

static void test_calls_end_as_they_began(void **state)
{
	struct gate_call *const outer = begin(500);
	struct gate_call *const inner = begin(400);

	(void)state;
	assert_ptr_equal(outer->libpq, &libpq);
	assert_null(outer->outer);
	assert_ptr_equal(inner->outer, outer);
	assert_ptr_equal(inner->list, outer->list);
	assert_ptr_equal(*inner->list, inner);
	assert_true((const char *)outer->frame - (const char *)inner->frame == 100);
	assert_ptr_equal(gate_call_current(), inner);
	gate_call_end(inner);
	assert_ptr_equal(gate_call_current(), outer);
	gate_call_end(outer);
	assert_null(gate_call_current());
	assert_int_equal(released + freed, 0);
}

static void test_without_memory_there_is_none(void **state)
{
	struct gate_call *const outer = begin(500);

	(void)state;
	no_memory = true;
	assert_null(gate_call_begin_at(&libpq, outer->frame));
	assert_ptr_equal(gate_call_current(), outer);
	gate_call_end(outer);
}

/* Whoever begins another call from the same frame or one further out is in none of those. */
static void test_what_was_left_is_over(void **state)
{
	struct gate_call *const outermost = begin(900);
	struct gate_call *const left = begin(500);
	struct gate_call *const again = begin(500);
	struct gate_call *const within = begin(400);
	struct gate_call *const further_out = begin(600);

	(void)state;
	assert_ptr_equal(left->outer, outermost);
	assert_ptr_equal(again->outer, outermost);
	assert_ptr_equal(within->outer, again);
	assert_ptr_equal(further_out->outer, outermost);
	assert_ptr_equal(gate_call_current(), further_out);
	/* Those who were left may come back after all, as coroutines do. */
	gate_call_end(left);
	gate_call_end(within);
	assert_ptr_equal(gate_call_current(), further_out);
	gate_call_end(further_out);
	assert_ptr_equal(gate_call_current(), outermost);
	gate_call_end(outermost);
	gate_call_end(again);
	assert_null(gate_call_current());
}

/* And whoever asks from further out is in none of them. */
static void test_what_is_below_whoever_asks_is_over(void **state)
{
	const char *const here = __builtin_frame_address(0);
	struct gate_call *const outer = begin(500);
	struct gate_call *const left = gate_call_begin_at(&libpq, here - 100000);
	struct gate_call *const within = gate_call_begin_at(&libpq, here - 100100);

	(void)state;
	assert_ptr_equal(within->outer, left);
	assert_ptr_equal(gate_call_current(), outer);
	gate_call_end(within);
	gate_call_end(left);
	assert_ptr_equal(gate_call_current(), outer);
	gate_call_end(outer);
}

static void test_coroutines_end_in_any_order(void **state)
{
	struct gate_call *const first = begin(500);
	struct gate_call *const second = begin(400);
	struct gate_call *const third = begin(300);

	(void)state;
	gate_call_end(first);
	assert_null(second->outer);
	assert_ptr_equal(gate_call_current(), third);
	assert_ptr_equal(third->outer, second);
	gate_call_end(second);
	assert_ptr_equal(gate_call_current(), third);
	assert_null(third->outer);
	gate_call_end(third);
	assert_null(gate_call_current());
}

static void test_the_object_is_forgotten(void **state)
{
	struct gate_call *const call = begin(500);

	(void)state;
	gate_call_forget_begun(call);
	assert_int_equal(released + freed, 0);
	for (int turn = 1; turn <= 2; turn++) {
		call->begun = conn;
		call->begun_rules = &rules;
		gate_call_forget_begun(call);
		gate_call_forget_begun(call);
		assert_null(call->begun);
		assert_null(call->begun_rules);
		assert_int_equal(released, turn);
		assert_int_equal(freed, turn);
	}
	call->begun = conn;
	call->begun_rules = &rules;
	gate_call_end(call);
	assert_int_equal(released, 3);
	assert_int_equal(freed, 3);
}

/* What has begun in another thread, and what that one is in. */
static struct gate_call *others_at_first, *others, *others_current;
static pthread_barrier_t turn;

static void *be_another_thread(void *unused)
{
	others_at_first = gate_call_current();
	others = begin(500);
	others->begun = conn;
	others->begun_rules = &rules;
	(void)pthread_barrier_wait(&turn);
	/* Here it is ended elsewhere. */
	(void)pthread_barrier_wait(&turn);
	others_current = gate_call_current();
	return unused;
}

static void test_another_thread_ends_it(void **state)
{
	struct gate_call *own;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_barrier_init(&turn, NULL, 2), 0);
	assert_int_equal(pthread_create(&thread, NULL, be_another_thread, NULL), 0);
	(void)pthread_barrier_wait(&turn);
	assert_null(others_at_first);
	own = begin(500);
	assert_null(own->outer);
	assert_true(own->list != others->list);
	gate_call_end(others);
	assert_ptr_equal(gate_call_current(), own);
	assert_int_equal(released, 1);
	assert_int_equal(freed, 1);
	(void)pthread_barrier_wait(&turn);
	assert_int_equal(pthread_join(thread, NULL), 0);
	/* It stays in that one's list. */
	assert_ptr_equal(others_current, others);
	assert_null(others->begun);
	gate_call_end(own);
	assert_null(gate_call_current());
	free(others);
	(void)pthread_barrier_destroy(&turn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_calls_end_as_they_began, start),
	    cmocka_unit_test_setup(test_without_memory_there_is_none, start),
	    cmocka_unit_test_setup(test_what_was_left_is_over, start),
	    cmocka_unit_test_setup(test_what_is_below_whoever_asks_is_over, start),
	    cmocka_unit_test_setup(test_coroutines_end_in_any_order, start),
	    cmocka_unit_test_setup(test_the_object_is_forgotten, start),
	    cmocka_unit_test_setup(test_another_thread_ends_it, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
