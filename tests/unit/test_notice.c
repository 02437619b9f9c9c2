/* gate/notice.c: where a notice is written, and that nothing of it reaches the program. What
 * standard error is, and what comes of writing there, is the test's. */
#include "cmocka_start.h"

#include "gate/notice.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The linker leads the gate's calls here (--wrap), as libc calls them where off_t has 64 bits. */
int __wrap_fstat64(int descriptor, struct stat *status);
int __wrap_fcntl64(int descriptor, int what, ...);
int __wrap_isatty(int descriptor);
int __wrap_poll(struct pollfd *polled, nfds_t count, int timeout);
ssize_t __wrap_write(int descriptor, const void *bytes, size_t length);
int __wrap_sigpending(sigset_t *signals);
int __wrap_sigtimedwait(const sigset_t *signals, siginfo_t *info, const struct timespec *timeout);

static struct {
	struct {
		bool closed;
		mode_t mode;
		dev_t device;
		ino_t inode;
		int flags;
	} files[3];
	bool terminal;
	int polled;
	short events;
	int written; /* what write() answers; 0: all */
	int error;
	bool pending;
	/* what was done */
	char told[2 * PIPE_BUF];
	size_t length;
	int waited;
} play;

int __wrap_fstat64(int descriptor, struct stat *status)
{
	if (descriptor < 0)
		return -1;
	assert_true(descriptor <= 2);
	memset(status, 0, sizeof *status);
	status->st_mode = play.files[descriptor].mode;
	status->st_dev = play.files[descriptor].device;
	status->st_ino = play.files[descriptor].inode;
	return play.files[descriptor].closed ? -1 : 0;
}

int __wrap_fcntl64(int descriptor, int what, ...)
{
	assert_int_equal(what, F_GETFL);
	return play.files[descriptor].flags;
}

int __wrap_isatty(int descriptor)
{
	assert_int_equal(descriptor, STDERR_FILENO);
	return play.terminal;
}

int __wrap_poll(struct pollfd *polled, nfds_t count, int timeout)
{
	assert_int_equal(polled->fd, STDERR_FILENO);
	assert_int_equal(polled->events, POLLOUT);
	assert_int_equal(count, 1);
	assert_int_equal(timeout, 0);
	polled->revents = play.events;
	return play.polled;
}

ssize_t __wrap_write(int descriptor, const void *bytes, size_t length)
{
	sigset_t blocked;

	assert_int_equal(descriptor, STDERR_FILENO);
	assert_true(length < sizeof play.told);
	memcpy(play.told, bytes, length);
	play.length = length;
	assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &blocked), 0);
	assert_true(sigismember(&blocked, SIGPIPE) == 1 && sigismember(&blocked, SIGTTOU) == 1);
	assert_int_equal(sigismember(&blocked, SIGTERM), 0);
	errno = play.error;
	return play.written != 0 ? play.written : (ssize_t)length;
}

int __wrap_sigpending(sigset_t *signals)
{
	(void)sigemptyset(signals);
	if (play.pending)
		(void)sigaddset(signals, SIGPIPE);
	return 0;
}

int __wrap_sigtimedwait(const sigset_t *signals, siginfo_t *info, const struct timespec *timeout)
{
	assert_true(sigismember(signals, SIGPIPE) == 1 && sigismember(signals, SIGTTOU) == 0);
	assert_null(info);
	assert_true(timeout->tv_sec == 0 && timeout->tv_nsec == 0);
	play.waited++;
	return SIGPIPE;
}

/* A pipe that somebody else reads. */
static void begin(void)
{
	memset(&play, 0, sizeof play);
	for (size_t i = 0; i < 3; i++) {
		play.files[i].mode = S_IFIFO | 0600;
		play.files[i].device = 7;
		play.files[i].inode = 10 + i;
		play.files[i].flags = O_RDONLY;
	}
	play.files[2].flags = O_WRONLY;
	play.polled = 1;
	play.events = POLLOUT;
	assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
}

static void check_told(bool expected)
{
	sigset_t before;
	sigset_t after;

	memset(play.told, 0, sizeof play.told);
	assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &before), 0);
	gate_notice("refused");
	assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
	assert_int_equal(sigismember(&before, SIGPIPE), sigismember(&after, SIGPIPE));
	assert_int_equal(sigismember(&before, SIGTTOU), sigismember(&after, SIGTTOU));
	assert_string_equal(play.told, expected ? "refused\n" : "");
}

static void a_pipe_is_told(void **state)
{
	(void)state;
	begin();
	check_told(true);
	/* One of the program's own is not: its other end is lower. */
	for (size_t end = 0; end < 2; end++) {
		begin();
		play.files[end].inode = play.files[2].inode;
		check_told(false);
		play.files[end].flags = O_RDONLY | O_NONBLOCK;
		check_told(false);
		play.files[end].flags = O_WRONLY;
		check_told(true);
		play.files[end].flags = O_RDONLY;
		play.files[end].device++;
		check_told(true);
		play.files[end].device--;
		play.files[end].closed = true;
		check_told(true);
	}
	begin();
	play.files[2].closed = true;
	check_told(false);
}

static void other_streams_are_told_where_they_are_read(void **state)
{
	(void)state;
	begin();
	play.files[2].mode = S_IFCHR | 0600;
	check_told(false);
	play.terminal = true;
	check_told(true);
	play.terminal = false;
	play.files[2].mode = S_IFSOCK | 0600;
	assert_int_equal(setenv("JOURNAL_STREAM", "7:12", 1), 0);
	check_told(true);
	assert_int_equal(setenv("JOURNAL_STREAM", "7:11", 1), 0);
	check_told(false);
	assert_int_equal(setenv("JOURNAL_STREAM", "6:12", 1), 0);
	check_told(false);
	assert_int_equal(setenv("JOURNAL_STREAM", "7:13", 1), 0);
	check_told(false);
	assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
}

static void who_would_wait_does_not_write(void **state)
{
	(void)state;
	begin();
	play.polled = 0;
	play.events = 0;
	check_told(false);
	play.polled = -1;
	check_told(false);
	play.polled = 1;
	play.events = POLLOUT | POLLERR;
	check_told(false);
	play.events = POLLERR;
	check_told(false);
}

static void a_signal_of_it_is_taken_back(void **state)
{
	(void)state;
	begin();
	check_told(true);
	play.written = -1;
	play.error = EPIPE;
	check_told(true);
	assert_int_equal(play.waited, 1);
	/* Not one that was there before, nor where there is none. */
	play.pending = true;
	check_told(true);
	play.pending = false;
	play.error = EAGAIN;
	check_told(true);
	play.error = EPIPE;
	play.written = 1;
	check_told(true);
	assert_int_equal(play.waited, 1);
}

static void no_more_than_a_pipe_takes_at_once(void **state)
{
	static char text[2 * PIPE_BUF];

	(void)state;
	begin();
	memset(text, 'x', sizeof text - 1);
	gate_notice(text);
	assert_int_equal(play.length, PIPE_BUF);
	assert_true(play.told[PIPE_BUF - 2] == 'x' && play.told[PIPE_BUF - 1] == '\n');
	/* A program that has closed its stream has none. */
	begin();
	{
		FILE *const before = stderr;

		stderr = fmemopen(text, sizeof text, "w");
		assert_non_null(stderr);
		gate_notice("refused");
		(void)fclose(stderr);
		stderr = before;
	}
	assert_int_equal(play.length, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_pipe_is_told),
	    cmocka_unit_test(other_streams_are_told_where_they_are_read),
	    cmocka_unit_test(who_would_wait_does_not_write),
	    cmocka_unit_test(a_signal_of_it_is_taken_back),
	    cmocka_unit_test(no_more_than_a_pipe_takes_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
