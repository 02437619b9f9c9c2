/* base/many.h: several at once, handed over in order, and the ends that it can come to. */
#include "cmocka_start.h"

#include "base/many.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT 300

/* So many threads may be begun; the one behind them fails. */
static size_t may_begin = SIZE_MAX;

int __real_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int __wrap_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
			  void *(*start)(void *), void *argument)
{
	if (may_begin == 0)
		return EAGAIN;
	may_begin--;
	return __real_pthread_create(thread, attributes, start, argument);
}

struct play {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t waits_for; /* the first item is not done before this one is */
	bool finished[COUNT];
	size_t taken;
	size_t ahead; /* so many were begun behind one that was not taken, at most */
	size_t ends_at;
	bool let_go;
};

static void begin(struct play *play)
{
	memset(play, 0, sizeof *play);
	(void)pthread_mutex_init(&play->lock, NULL);
	(void)pthread_cond_init(&play->changed, NULL);
	play->ends_at = SIZE_MAX;
	may_begin = SIZE_MAX;
}

static void *work(void *context, size_t index, bool *failed)
{
	struct play *play = context;
	size_t *result = malloc(sizeof *result);

	if (result != NULL)
		*result = index;
	*failed = index % 2 == 1;
	(void)pthread_mutex_lock(&play->lock);
	if (index - play->taken > play->ahead)
		play->ahead = index - play->taken;
	while (index == 0 && play->waits_for > 0 && !play->finished[play->waits_for])
		(void)pthread_cond_wait(&play->changed, &play->lock);
	play->finished[index] = true;
	(void)pthread_cond_broadcast(&play->changed);
	(void)pthread_mutex_unlock(&play->lock);
	return result;
}

static int take(void *context, size_t index, void *result, struct pga_error *error)
{
	struct play *play = context;
	const size_t given = *(size_t *)result;

	free(result);
	assert_int_equal(given, index);
	(void)pthread_mutex_lock(&play->lock);
	assert_int_equal(play->taken, index);
	play->taken++;
	(void)pthread_mutex_unlock(&play->lock);
	return index == play->ends_at ? pga_fail(error, NULL, "enough") : 0;
}

static void test_hands_over_in_order(void **state)
{
	struct play play;
	const struct pga_many many = {
	    .count = COUNT, .jobs = 4, .work = work, .take = take, .context = &play};
	struct pga_error error;

	(void)state;
	begin(&play);
	/* The first one holds up nobody whom there is room for, and not more are begun. */
	play.waits_for = 63;
	assert_int_equal(pga_many_run(&many, &error), 0);
	assert_int_equal(play.taken, COUNT);
	assert_in_range(play.ahead, 63, 64);
}

static void test_nothing_to_do(void **state)
{
	const struct pga_many many = {.count = 0, .work = work, .take = take};
	struct pga_error error;

	(void)state;
	assert_int_equal(pga_many_run(&many, &error), 0);
}

static void test_fewer_threads_than_wanted(void **state)
{
	struct play play;
	const struct pga_many many = {.count = COUNT, .work = work, .take = take, .context = &play};
	struct pga_error error;

	(void)state;
	begin(&play);
	may_begin = 1;
	assert_int_equal(pga_many_run(&many, &error), 0);
	assert_int_equal(play.taken, COUNT);
	may_begin = 0;
	assert_int_equal(pga_many_run(&many, &error), -1);
	assert_string_equal(error.message,
			    "could not begin a thread: Resource temporarily unavailable");
}

static void test_taking_ends_it(void **state)
{
	struct play play;
	const struct pga_many many = {
	    .count = COUNT, .jobs = 8, .work = work, .take = take, .context = &play};
	struct pga_error error;

	(void)state;
	begin(&play);
	play.ends_at = 5;
	assert_int_equal(pga_many_run(&many, &error), -1);
	assert_string_equal(error.message, "enough");
	assert_int_equal(play.taken, 6);
}

/* The second item sends the signal, and does not end before somebody lets it go. */
static void *work_until_let_go(void *context, size_t index, bool *failed)
{
	struct play *play = context;

	if (index == 1) {
		(void)kill(getpid(), SIGINT);
		(void)pthread_mutex_lock(&play->lock);
		while (!play->let_go)
			(void)pthread_cond_wait(&play->changed, &play->lock);
		play->finished[1] = true;
		(void)pthread_cond_broadcast(&play->changed);
		(void)pthread_mutex_unlock(&play->lock);
		return NULL;
	}
	return work(context, index, failed);
}

static void test_a_signal_ends_it_at_once(void **state)
{
	struct play play;
	const struct pga_many many = {
	    .count = COUNT, .jobs = 2, .work = work_until_let_go, .take = take, .context = &play};
	struct pga_error error;

	(void)state;
	begin(&play);
	assert_int_equal(pga_many_run(&many, &error), SIGINT);
	assert_in_range(play.taken, 0, 1);
	(void)pthread_mutex_lock(&play.lock);
	play.let_go = true;
	(void)pthread_cond_broadcast(&play.changed);
	while (!play.finished[1])
		(void)pthread_cond_wait(&play.changed, &play.lock);
	(void)pthread_mutex_unlock(&play.lock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_hands_over_in_order),       cmocka_unit_test(test_nothing_to_do),
	    cmocka_unit_test(test_fewer_threads_than_wanted), cmocka_unit_test(test_taking_ends_it),
	    cmocka_unit_test(test_a_signal_ends_it_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
