/* base/staged.h: a new file beside the one that it is to replace, and what a process that was ended
 * has left of it. */
#include "cmocka_start.h"
#include "failing_calls.h"
#include "directory.h"

#include "base/staged.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

#define SOMEBODY 12345

static struct pga_directory here;

static int begin(void **state)
{
	if (make_scratch(state) != 0)
		return -1;
	here = (struct pga_directory){.path = scratch, .owner = geteuid(), .group = getegid()};
	here.fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return here.fd >= 0 ? 0 : -1;
}

static int end(void **state)
{
	(void)close(here.fd);
	return remove_scratch(state);
}

static bool exists(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0;
}

/* ---- a new one ---- */

struct staged {
	int file;
	char *path;
	struct pga_leftover *leftover;
	struct pga_error error;
};

static struct staged stage(void)
{
	struct staged staged = {.path = scratch, .leftover = (void *)scratch};

	staged.file = pga_staged_make(&here, &staged.path, &staged.leftover, &staged.error);
	return staged;
}

static void assert_made(struct staged *staged)
{
	struct stat status;
	int other;

	assert_true(staged->file >= 0);
	assert_memory_equal(staged->path, scratch, strlen(scratch));
	assert_memory_equal(staged->path + strlen(scratch), "/" PGA_STAGED_PREFIX,
			    strlen("/" PGA_STAGED_PREFIX));
	assert_int_equal(strlen(staged->path),
			 strlen(scratch) + strlen("/" PGA_STAGED_PREFIX) + 16);
	assert_int_equal(stat(staged->path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(fcntl(staged->file, F_GETFL) & O_ACCMODE, O_RDWR);
	assert_int_equal(names_in("."), 1);
	other = open(staged->path, O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(other, LOCK_SH | LOCK_NB), -1);
	assert_int_equal(close(other), 0);
	/* It goes with the note of it. */
	pga_leftover_remove(staged->leftover);
	assert_int_equal(names_in("."), 0);
	assert_int_equal(close(staged->file), 0);
	free(staged->path);
}

static void a_new_file(void **state)
{
	const size_t open_files = names_in("/proc/self/fd");
	struct pga_text calls = PGA_TEXT_EMPTY;
	struct staged staged;
	sigset_t signals;

	(void)state;
	trace_calls(&calls);
	staged = stage();
	trace_calls(NULL);
	assert_string_equal(pga_text_string(&calls),
			    "openat .pganchor-sta RDWR CREAT EXCL NOFOLLOW NONBLOCK NOCTTY CLOEXEC "
			    "0600\nfcntl DUPFD_CLOEXEC 3\nflock EX NB\n");
	pga_text_free(&calls);
	assert_made(&staged);
	assert_int_equal(sigprocmask(SIG_BLOCK, NULL, &signals), 0);
	assert_int_equal(sigismember(&signals, SIGTERM), 0);
	/* Where a name is taken, it gets another. */
	fail_call("openat", 1, 2, EEXIST);
	staged = stage();
	assert_true(end_failing());
	assert_made(&staged);
	assert_int_equal(names_in("/proc/self/fd"), open_files);
}

static bool held;

static void look_at_signals(void)
{
	sigset_t now;

	held = sigprocmask(SIG_BLOCK, NULL, &now) == 0 && sigismember(&now, SIGTERM) == 1;
}

/* No signal comes between a file and the note of it. */
static void signals_wait(void **state)
{
	struct staged staged;

	(void)state;
	call_before("openat", 1, look_at_signals);
	staged = stage();
	assert_true(held);
	look_at_signals();
	assert_false(held);
	assert_made(&staged);
}

static void zero_is_a_file(void **state)
{
	const int input = dup(0);
	struct staged staged;

	(void)state;
	(void)close(0);
	give_zero(1);
	staged = stage();
	assert_true(end_failing());
	assert_int_equal(staged.file, 0);
	assert_made(&staged);
	assert_int_equal(dup2(input, 0), 0);
	(void)close(input);
}

static void one_that_cannot_be_made(void **state)
{
	static const struct {
		const char *call;
		int code;
		const char *message; /* NULL: it is for the caller to say, with errno */
	} cases[] = {
	    {"getrandom", EIO, "could not choose a name: Input/output error"},
	    {"realloc", EIO, "could not choose a name: Cannot allocate memory"},
	    {"openat", EACCES, NULL},
	    {"pga_act_as", EPERM, NULL},
	    {"malloc", ENOMEM, "out of memory"},
	    {"fcntl", EMFILE, "could not keep a directory open: Too many open files"},
	};
	const size_t open_files = names_in("/proc/self/fd");

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct staged staged;
		int why;

		fail_call(cases[i].call, 1, 1, cases[i].code);
		staged = stage();
		why = errno;
		assert_true(end_failing());
		assert_int_equal(staged.file, -1);
		assert_null(staged.leftover);
		if (cases[i].message != NULL) {
			assert_null(staged.path);
			assert_string_equal(staged.error.message, cases[i].message);
		} else {
			assert_non_null(staged.path);
			assert_int_equal(why, cases[i].code);
		}
		free(staged.path);
		assert_int_equal(names_in("."), 0);
		assert_int_equal(names_in("/proc/self/fd"), open_files);
	}
}

/* ---- what was left ---- */

#define LEFT PGA_STAGED_PREFIX "0123456789abcdef"

static void what_nobody_holds_goes(void **state)
{
	static const char *const others[] = {PGA_STAGED_PREFIX "0123456789abcde",
					     PGA_STAGED_PREFIX "0123456789abcdef0",
					     PGA_STAGED_PREFIX "0123456789ABCDEF",
					     PGA_STAGED_PREFIX "0123456789abcdeg",
					     PGA_STAGED_PREFIX "0123456789abcdefx",
					     PGA_STAGED_PREFIX,
					     "x" LEFT,
					     "0123456789abcdef"};
	const size_t open_files = names_in("/proc/self/fd");
	struct pga_text calls = PGA_TEXT_EMPTY;

	(void)state;
	for (size_t i = 0; i < COUNT(others); i++)
		put(others[i], "");
	put(LEFT, "");
	put(PGA_STAGED_PREFIX "fedcba9876543210", "");
	pga_staged_sweep(&here);
	assert_false(exists(LEFT) || exists(PGA_STAGED_PREFIX "fedcba9876543210"));
	assert_int_equal(names_in("."), COUNT(others));
	for (size_t i = 0; i < COUNT(others); i++)
		assert_true(exists(others[i]));
	put(LEFT, "");
	trace_calls(&calls);
	pga_staged_sweep(&here);
	trace_calls(NULL);
	assert_string_equal(pga_text_string(&calls),
			    "openat . DIRECTORY CLOEXEC 0000\n"
			    "openat .pganchor-sta RDWR NOFOLLOW NONBLOCK NOCTTY CLOEXEC 0000\n"
			    "flock EX NB\nunlinkat .pganchor-sta 0\n");
	pga_text_free(&calls);
	assert_int_equal(names_in("/proc/self/fd"), open_files);
}

static void what_somebody_holds_stays(void **state)
{
	int holder;

	(void)state;
	put(LEFT, "");
	holder = open(LEFT, O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(holder, LOCK_SH), 0);
	pga_staged_sweep(&here);
	assert_true(exists(LEFT));
	assert_int_equal(close(holder), 0);
	pga_staged_sweep(&here);
	assert_false(exists(LEFT));
}

/* What has such a name and is nothing of ours. */
static void what_is_none_stays(void **state)
{
	(void)state;
	assert_int_equal(mkdir(LEFT, 0700), 0);
	pga_staged_sweep(&here);
	assert_int_equal(rmdir(LEFT), 0);
	assert_int_equal(mkfifo(LEFT, 0600), 0);
	pga_staged_sweep(&here);
	assert_int_equal(unlink(LEFT), 0);
	put("target", "");
	assert_int_equal(symlink("target", LEFT), 0);
	pga_staged_sweep(&here);
	assert_true(exists("target"));
	assert_int_equal(unlink(LEFT), 0);
	put(LEFT, "");
	if (geteuid() == 0) {
		assert_int_equal(chown(LEFT, SOMEBODY, (gid_t)-1), 0);
		pga_staged_sweep(&here);
		assert_true(exists(LEFT));
	}
}

static void what_cannot_be_looked_at_stays(void **state)
{
	static const struct {
		const char *call;
		unsigned number;
	} cases[] = {{"openat", 1}, {"openat", 2}, {"fstat", 1}, {"flock", 1}, {"pga_act_as", 1}};
	const size_t open_files = names_in("/proc/self/fd");
	const int input = dup(0);

	(void)state;
	put(LEFT, "");
	for (size_t i = 0; i < COUNT(cases); i++) {
		fail_call(cases[i].call, cases[i].number, 1, EIO);
		pga_staged_sweep(&here);
		assert_true(end_failing());
		assert_true(exists(LEFT));
	}
	/* Whatever number the files get. */
	(void)close(0);
	for (unsigned number = 1; number < 3; number++) {
		put(LEFT, "");
		give_zero(number);
		pga_staged_sweep(&here);
		assert_true(end_failing());
		assert_false(exists(LEFT));
	}
	assert_int_equal(dup2(input, 0), 0);
	(void)close(input);
	assert_int_equal(names_in("/proc/self/fd"), open_files);
}

#define IN_A_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_A_DIRECTORY(a_new_file),
	    IN_A_DIRECTORY(zero_is_a_file),
	    IN_A_DIRECTORY(signals_wait),
	    IN_A_DIRECTORY(one_that_cannot_be_made),
	    IN_A_DIRECTORY(what_nobody_holds_goes),
	    IN_A_DIRECTORY(what_somebody_holds_stays),
	    IN_A_DIRECTORY(what_is_none_stays),
	    IN_A_DIRECTORY(what_cannot_be_looked_at_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
