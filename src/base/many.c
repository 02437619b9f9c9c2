#include "base/many.h"

#include "base/signals.h"
#include "base/progress.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* One that is slow holds back what came of those behind it: so many for each thread. */
#define WAITING_A_THREAD 16

/* Far more than looking up a name and a handshake need; 512 of them must not look like gigabytes.
 */
#define STACK ((size_t)1024 * 1024)

/* The line is drawn anew at most so often, in milliseconds. */
#define REDRAWN 100

static const int stopping[] = {SIGINT, SIGTERM, SIGHUP};

struct slot {
	bool done;
	void *result;
};

/* All of it. It is the threads' as long as one of them is there: the last one frees it. */
struct pool {
	struct pga_many copy;
	pthread_mutex_t lock;
	pthread_cond_t room; /* there is room for another result, or it is over */
	struct slot *slots;  /* a ring: that of an index is at its remainder */
	size_t window;
	size_t next;  /* the first one that no thread has begun */
	size_t taken; /* so many were handed over */
	size_t done;
	size_t failed;
	bool over; /* none is to be begun any more */
	size_t users;
	int news; /* an eventfd: something is done */
};

static void free_pool(struct pool *pool)
{
	for (size_t i = 0; pool->slots != NULL && i < pool->window; i++)
		if (pool->slots[i].done)
			(pool->copy.drop != NULL ? pool->copy.drop : free)(pool->slots[i].result);
	free(pool->slots);
	if (pool->news >= 0)
		(void)close(pool->news);
	(void)pthread_cond_destroy(&pool->room);
	(void)pthread_mutex_destroy(&pool->lock);
	free(pool);
}

static void leave_pool(struct pool *pool)
{
	bool last;

	(void)pthread_mutex_lock(&pool->lock);
	last = --pool->users == 0;
	(void)pthread_mutex_unlock(&pool->lock);
	if (last)
		free_pool(pool);
}

/* Returns false where there is none to begin any more. */
static bool begin_one(struct pool *pool, size_t *index)
{
	bool begun;

	(void)pthread_mutex_lock(&pool->lock);
	while (!pool->over && pool->next < pool->copy.count &&
	       pool->next - pool->taken >= pool->window)
		(void)pthread_cond_wait(&pool->room, &pool->lock);
	begun = !pool->over && pool->next < pool->copy.count;
	if (begun)
		*index = pool->next++;
	(void)pthread_mutex_unlock(&pool->lock);
	return begun;
}

static void finish_one(struct pool *pool, size_t index, void *result, bool failed)
{
	const uint64_t one = 1;
	struct slot *slot = &pool->slots[index % pool->window];

	(void)pthread_mutex_lock(&pool->lock);
	slot->done = true;
	slot->result = result;
	pool->done++;
	pool->failed += failed;
	(void)pthread_mutex_unlock(&pool->lock);
	/* It fails only where it is full, and then nobody has to be told. */
	if (write(pool->news, &one, sizeof one) < 0)
		return;
}

static void *run_thread(void *argument)
{
	struct pool *pool = argument;
	size_t index;

	while (begin_one(pool, &index)) {
		bool failed = false;
		void *result = pool->copy.work(pool->copy.context, index, &failed);

		finish_one(pool, index, result, failed);
	}
	leave_pool(pool);
	return NULL;
}

static struct pool *make_pool(const struct pga_many *many, size_t jobs, struct pga_error *error)
{
	struct pool *pool = calloc(1, sizeof *pool);

	if (pool == NULL) {
		(void)pga_fail_memory(error);
		return NULL;
	}
	pool->copy = *many;
	pool->window = jobs * WAITING_A_THREAD;
	pool->users = 1;
	(void)pthread_mutex_init(&pool->lock, NULL);
	(void)pthread_cond_init(&pool->room, NULL);
	pool->news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pool->slots = calloc(pool->window, sizeof *pool->slots);
	if (pool->news >= 0 && pool->slots != NULL)
		return pool;
	if (pool->slots == NULL)
		(void)pga_fail_memory(error);
	else
		(void)pga_fail_errno(error, NULL, "could not wait for several servers at once");
	free_pool(pool);
	return NULL;
}

/* Begins as many threads as there may be; with fewer than wanted it takes longer, and no more. */
static size_t begin_threads(struct pool *pool, pthread_t *threads, size_t jobs,
			    struct pga_error *error)
{
	pthread_attr_t attributes;
	size_t begun = 0;
	int fault = 0;

	(void)pthread_attr_init(&attributes);
	(void)pthread_attr_setstacksize(&attributes, STACK);
	while (begun < jobs && fault == 0) {
		(void)pthread_mutex_lock(&pool->lock);
		pool->users++;
		(void)pthread_mutex_unlock(&pool->lock);
		fault = pthread_create(&threads[begun], &attributes, run_thread, pool);
		if (fault == 0)
			begun++;
		else
			leave_pool(pool);
	}
	(void)pthread_attr_destroy(&attributes);
	if (begun == 0) {
		errno = fault;
		(void)pga_fail_errno(error, NULL, "could not begin a thread");
	}
	return begun;
}

/* Hands over what is done, up to the first that is not. */
static int hand_over(struct pool *pool, struct pga_progress *progress, struct pga_error *error)
{
	int result = 0;

	(void)pthread_mutex_lock(&pool->lock);
	while (result == 0 && pool->taken < pool->copy.count) {
		struct slot *slot = &pool->slots[pool->taken % pool->window];
		const size_t index = pool->taken;
		void *given = slot->result;

		if (!slot->done)
			break;
		slot->done = false;
		slot->result = NULL;
		(void)pthread_mutex_unlock(&pool->lock);
		pga_progress_erase(progress);
		result = pool->copy.take(pool->copy.context, index, given, error);
		(void)pthread_mutex_lock(&pool->lock);
		pool->taken++;
		(void)pthread_cond_signal(&pool->room);
	}
	progress->done = pool->done;
	progress->failed = pool->failed;
	(void)pthread_mutex_unlock(&pool->lock);
	return result;
}

/* Waits until something is done; returns the number of a signal that came, or 0. */
static int wait_for_news(const struct pool *pool, int signals, int timeout)
{
	struct pollfd polled[2] = {{.fd = pool->news, .events = POLLIN},
				   {.fd = signals, .events = POLLIN}};
	struct signalfd_siginfo came;
	uint64_t times;

	if (poll(polled, 2, timeout) < 0)
		return 0;
	if ((polled[1].revents & POLLIN) != 0 &&
	    read(signals, &came, sizeof came) == (ssize_t)sizeof came)
		return (int)came.ssi_signo;
	if ((polled[0].revents & POLLIN) != 0 && read(pool->news, &times, sizeof times) < 0)
		return 0;
	return 0;
}

/* Until all are taken, an error, or a signal. */
static int oversee(struct pool *pool, int signals, struct pga_error *error)
{
	struct pga_progress progress = {.what = pool->copy.progress, .count = pool->copy.count};
	int result = 0;

	while (result == 0 && pool->taken < pool->copy.count) {
		pga_progress_draw(&progress);
		result = wait_for_news(pool, signals, progress.what != NULL ? REDRAWN : -1);
		if (hand_over(pool, &progress, error) != 0 && result == 0)
			result = -1;
	}
	pga_progress_erase(&progress);
	return result;
}

static void stop(struct pool *pool)
{
	(void)pthread_mutex_lock(&pool->lock);
	pool->over = true;
	(void)pthread_cond_broadcast(&pool->room);
	(void)pthread_mutex_unlock(&pool->lock);
}

/* A signal that is ignored here stays so. */
static void choose_signals(sigset_t *chosen)
{
	(void)sigemptyset(chosen);
	for (size_t i = 0; i < sizeof stopping / sizeof stopping[0]; i++) {
		struct sigaction action;

		if (sigaction(stopping[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
			(void)sigaddset(chosen, stopping[i]);
	}
}

/* Threads are born with the mask of who begins them. */
static int run_pool(struct pool *pool, size_t jobs, int signals, struct pga_error *error)
{
	pthread_t *threads = calloc(jobs, sizeof *threads);
	sigset_t before;
	size_t begun;
	int result;

	if (threads == NULL)
		return pga_fail_memory(error);
	pga_block_signals(&before);
	begun = begin_threads(pool, threads, jobs, error);
	pga_restore_signals(&before);
	result = begun > 0 ? oversee(pool, signals, error) : -1;
	stop(pool);
	for (size_t i = 0; i < begun; i++)
		(void)(result > 0 ? pthread_detach(threads[i]) : pthread_join(threads[i], NULL));
	free(threads);
	return result;
}

int pga_many_run(const struct pga_many *many, struct pga_error *error)
{
	size_t jobs = many->jobs > 0 ? many->jobs : PGA_MANY_JOBS;
	struct pool *pool;
	sigset_t chosen;
	sigset_t before;
	int signals;
	int result;

	if (many->count == 0)
		return 0;
	if (jobs > many->count)
		jobs = many->count;
	pool = make_pool(many, jobs, error);
	if (pool == NULL)
		return -1;
	choose_signals(&chosen);
	(void)pthread_sigmask(SIG_BLOCK, &chosen, &before);
	signals = signalfd(-1, &chosen, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals < 0)
		result = pga_fail_errno(error, NULL, "could not wait for signals");
	else
		result = run_pool(pool, jobs, signals, error);
	if (signals >= 0)
		(void)close(signals);
	/* Of a signal that has stopped it, the second one is the end at once. */
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	leave_pool(pool);
	return result;
}

void pga_many_end(int signal_number)
{
	(void)fflush(stdout);
	(void)signal(signal_number, SIG_DFL);
	(void)raise(signal_number);
	_exit(128 + signal_number);
}
