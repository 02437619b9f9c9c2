/* gate/lock.c: the lock, which is made once in a process. */
#include "cmocka_start.h"

#include "gate/lock.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* The linker leads the gate's calls here (--wrap), as libc calls mmap() where off_t has 64 bits. */
void *__real_mmap64(void *at, size_t size, int protection, int flags, int file, off64_t offset);
void *__wrap_mmap64(void *at, size_t size, int protection, int flags, int file, off64_t offset);
int __wrap_munmap(void *at, size_t size);
int __wrap_madvise(void *at, size_t size, int advice);

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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_lock_is_made_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
