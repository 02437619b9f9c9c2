/* base/edit_lock.h: whose a lock is, and what has its name without being one. */
#include "cmocka_start.h"
#include "failing_calls.h"
#include "directory.h"

#include "base/cleanup.h"
#include "base/edit_lock.h"
#include "base/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/utsname.h>

static int take(struct pga_lock **lock, struct pga_error *error)
{
	struct pga_directory directory = {.path = scratch, .owner = geteuid(), .group = getegid()};
	int result;

	memset(error, 0, sizeof *error);
	directory.fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(directory.fd >= 0);
	result = pga_lock_take(lock, &directory, error);
	assert_int_equal(close(directory.fd), 0);
	return result;
}

static bool exists(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0;
}

static void one_that_is_free(void **state)
{
	const size_t before = names_in("/proc/self/fd");
	struct utsname host;
	struct pga_error error;
	struct pga_lock *lock;
	struct pga_lock *again;
	struct stat status;
	char expected[256];
	int other;

	(void)state;
	assert_int_equal(uname(&host), 0);
	assert_int_equal(take(&lock, &error), 0);
	assert_non_null(lock);
	assert_int_equal(stat(PGA_LOCK_NAME, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	(void)snprintf(expected, sizeof expected, "%ld %s\n", (long)getpid(), host.nodename);
	assert_holds(PGA_LOCK_NAME, expected);
	other = open(PGA_LOCK_NAME, O_RDWR);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1);
	/* Once more, in the same process. */
	assert_int_equal(take(&again, &error), 0);
	assert_ptr_equal(again, lock);
	pga_lock_release(again);
	assert_true(exists(PGA_LOCK_NAME));
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1);
	pga_lock_release(lock);
	assert_false(exists(PGA_LOCK_NAME));
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(close(other), 0);
	pga_lock_release(NULL);
	assert_int_equal(names_in("/proc/self/fd"), before);
}

/* Two directories' locks, given back in either order. */
static void several(void **state)
{
	struct pga_lock *first;
	struct pga_lock *second;
	struct pga_error error;

	(void)state;
	for (int order = 0; order < 2; order++) {
		assert_int_equal(mkdir("other", 0700), 0);
		assert_int_equal(take(&first, &error), 0);
		assert_int_equal(chdir("other"), 0);
		assert_int_equal(take(&second, &error), 0);
		assert_ptr_not_equal(first, second);
		assert_int_equal(chdir(".."), 0);
		pga_lock_release(order == 0 ? first : second);
		assert_int_equal(exists(PGA_LOCK_NAME), order == 1);
		assert_int_equal(exists("other/" PGA_LOCK_NAME), order == 0);
		pga_lock_release(order == 0 ? second : first);
		assert_int_equal(rmdir("other"), 0);
		assert_int_equal(exists(PGA_LOCK_NAME), 0);
	}
}

static int held;

static void let_go(void)
{
	assert_int_equal(close(held), 0);
	assert_int_equal(unlink(PGA_LOCK_NAME), 0);
}

/* Who waits for less than a second says nothing. */
static void one_that_is_soon_free(void **state)
{
	struct pga_lock *lock;
	struct pga_error error;

	(void)state;
	for (int hurry = 0; hurry < 2; hurry++) {
		struct pga_text before = PGA_TEXT_EMPTY;

		pga_text_add(&before, pga_warnings());
		put(PGA_LOCK_NAME, "");
		assert_int_equal(chmod(PGA_LOCK_NAME, 0600), 0);
		held = open(PGA_LOCK_NAME, O_RDWR);
		assert_int_equal(flock(held, LOCK_EX), 0);
		call_before("flock", 2, let_go);
		hurry_clock(hurry);
		assert_int_equal(take(&lock, &error), 0);
		hurry_clock(0);
		assert_int_equal(strlen(pga_warnings()) > before.length, hurry == 1);
		pga_lock_release(lock);
		pga_text_free(&before);
	}
}

/* What a holder has written, and how it is called. %s is this host's name. */
static void who_has_it(void **state)
{
	static const struct {
		const char *written;
		const char *holder;
	} cases[] = {
	    {"12 %s\n", "process 12"},
	    {"1 %s\nmore", "process 1"},
	    {"12 elsewhere\n", "process 12 on elsewhere"},
	    {"12 elsewhere", "process 12 on elsewhere"},
	    {"12 1234567890123456789012345678901234567890123456789012345678901234567890\n",
	     "process 12 on 1234567890123456789012345678901234567890123456789012345678901234"},
	    {"", "another process"},
	    {"x", "another process"},
	    {"12", "another process"},
	    {"12\n%s", "another process"},
	    {"12x%s\n", "another process"},
	    {"0 %s\n", "another process"},
	    {"-1 %s\n", "another process"},
	};
	struct utsname host;

	(void)state;
	assert_int_equal(uname(&host), 0);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *mark = strstr(cases[i].written, "%s");
		const size_t length =
		    mark != NULL ? (size_t)(mark - cases[i].written) : strlen(cases[i].written);
		struct pga_lock *lock;
		struct pga_error error;
		char text[600];
		int holder;

		(void)snprintf(text, sizeof text, "%.*s%s%s", (int)length, cases[i].written,
			       mark != NULL ? host.nodename : "", mark != NULL ? mark + 2 : "");
		put(PGA_LOCK_NAME, text);
		assert_int_equal(chmod(PGA_LOCK_NAME, 0600), 0);
		holder = open(PGA_LOCK_NAME, O_RDWR);
		assert_int_equal(flock(holder, LOCK_EX), 0);
		hurry_clock(PGA_LOCK_WAIT + 1);
		assert_int_equal(take(&lock, &error), -1);
		hurry_clock(0);
		assert_null(lock);
		(void)snprintf(text, sizeof text,
			       "%s/" PGA_LOCK_NAME
			       ": locked by another pganchor (%s) for more than %d seconds",
			       scratch, cases[i].holder, PGA_LOCK_WAIT);
		assert_string_equal(error.message, text);
		assert_non_null(strstr(error.hint, "wait until it is done"));
		/* It is the other's, and stays. */
		assert_true(exists(PGA_LOCK_NAME));
		assert_int_equal(close(holder), 0);
		assert_int_equal(unlink(PGA_LOCK_NAME), 0);
	}
}

/* One that was left by a process which is no more. */
static void one_that_nobody_holds(void **state)
{
	struct pga_lock *lock;
	struct pga_error error;
	char text[300];
	struct utsname host;

	(void)state;
	assert_int_equal(uname(&host), 0);
	put(PGA_LOCK_NAME,
	    "1234567890 a-host-with-a-name-that-is-longer-than-that-of-this-one-is\n");
	assert_int_equal(take(&lock, &error), 0);
	(void)snprintf(text, sizeof text, "%ld %s\n", (long)getpid(), host.nodename);
	assert_holds(PGA_LOCK_NAME, text);
	pga_lock_release(lock);
	assert_false(exists(PGA_LOCK_NAME));
}

static void what_is_no_lock(void **state)
{
	struct pga_lock *lock;
	struct pga_error error;
	char said[200];

	(void)state;
	(void)snprintf(said, sizeof said, "%s/" PGA_LOCK_NAME ": not a lock of pganchor's",
		       scratch);
	for (int kind = 0; kind < 5; kind++) {
		if (kind == 0)
			assert_int_equal(mkdir(PGA_LOCK_NAME, 0700), 0);
		else if (kind == 1)
			assert_int_equal(symlink("target", PGA_LOCK_NAME), 0);
		else if (kind == 2)
			assert_int_equal(mkfifo(PGA_LOCK_NAME, 0600), 0);
		else
			put(PGA_LOCK_NAME, "mine");
		if (kind == 3)
			assert_int_equal(link(PGA_LOCK_NAME, "second"), 0);
		if (kind == 4 && geteuid() == 0)
			assert_int_equal(chown(PGA_LOCK_NAME, 12345, (gid_t)-1), 0);
		if (kind != 4 || geteuid() == 0) {
			assert_int_equal(take(&lock, &error), -1);
			assert_null(lock);
			assert_string_equal(error.message, said);
			assert_string_equal(error.hint, "see what it is, and remove it");
		}
		assert_true(exists(PGA_LOCK_NAME));
		assert_false(exists("target"));
		(void)unlink("second");
		assert_int_equal(remove(PGA_LOCK_NAME), 0);
	}
}

/* Where nothing can be locked, or nothing written. */
static void what_flock_says(void **state)
{
	static const struct {
		int code;
		bool goes_on;
	} cases[] = {
	    {ENOLCK, true}, {EOPNOTSUPP, true}, {ENOSYS, true}, {EINVAL, true}, {EIO, false}};
	const size_t before = names_in("/proc/self/fd");

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pga_lock *lock;
		struct pga_error error;

		fail_call("flock", 1, 1, cases[i].code);
		assert_int_equal(take(&lock, &error), cases[i].goes_on ? 0 : -1);
		assert_true(end_failing());
		assert_null(lock);
		assert_int_equal(error.message[0] == '\0', cases[i].goes_on);
		assert_false(exists(PGA_LOCK_NAME));
		assert_int_equal(names_in("/proc/self/fd"), before);
	}
	/* Another's is not taken away. */
	put(PGA_LOCK_NAME, "");
	for (int i = 0; i < 2; i++) {
		struct pga_lock *lock;
		struct pga_error error;

		fail_call("flock", 1, 1, i == 0 ? EIO : EINTR);
		assert_int_equal(take(&lock, &error), i == 0 ? -1 : 0);
		assert_true(end_failing());
		assert_true(exists(PGA_LOCK_NAME));
		pga_lock_release(lock);
	}
	assert_false(exists(PGA_LOCK_NAME));
}

static void what_open_says(void **state)
{
	static const struct {
		int code;
		bool there;
		const char *said; /* NULL: there is no lock, and it goes on; "" it has one */
	} cases[] = {
	    {EROFS, false, NULL},
	    {EROFS, true, NULL},
	    {EACCES, false, NULL},
	    {EPERM, false, NULL},
	    {ENOSPC, false, "could not lock @: No space left on device"},
	    {EMFILE, false, "could not lock @: Too many open files"},
	    {EMFILE, true, "could not lock @: Too many open files"},
	    {ENFILE, true, "could not lock @: Too many open files in system"},
	    {EPERM, true, "@/" PGA_LOCK_NAME ": not a lock of pganchor's"},
	    {ELOOP, true, "@/" PGA_LOCK_NAME ": not a lock of pganchor's"},
	    {EACCES, true,
	     "@/" PGA_LOCK_NAME
	     ": locked by another pganchor (another process) for more than 30 seconds"},
	};
	const size_t before = names_in("/proc/self/fd");

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pga_lock *lock;
		struct pga_error error;
		char *at;

		if (cases[i].there)
			put(PGA_LOCK_NAME, "");
		fail_call("openat", cases[i].there ? 2 : 1, 1, cases[i].code);
		hurry_clock(PGA_LOCK_WAIT + 1);
		assert_int_equal(take(&lock, &error), cases[i].said == NULL ? 0 : -1);
		hurry_clock(0);
		assert_true(end_failing());
		assert_null(lock);
		at = strstr(error.message, scratch);
		if (at != NULL) {
			memmove(at + 1, at + strlen(scratch), strlen(at + strlen(scratch)) + 1);
			*at = '@';
		}
		assert_string_equal(error.message, cases[i].said != NULL ? cases[i].said : "");
		assert_int_equal(exists(PGA_LOCK_NAME), cases[i].there);
		(void)unlink(PGA_LOCK_NAME);
		assert_int_equal(names_in("/proc/self/fd"), before);
	}
}

/* It went between two looks at it: then it is there to be made. */
static void one_that_goes_meanwhile(void **state)
{
	struct pga_lock *lock;
	struct pga_error error;

	(void)state;
	put(PGA_LOCK_NAME, "");
	fail_call("openat", 2, 1, ENOENT);
	assert_int_equal(take(&lock, &error), 0);
	assert_true(end_failing());
	assert_non_null(lock);
	pga_lock_release(lock);
	/* It went while it was being opened; but what hinders the next attempt is something else.
	 */
	put(PGA_LOCK_NAME, "");
	fail_call("openat", 2, 2, ENOENT);
	assert_int_equal(take(&lock, &error), -1);
	assert_true(end_failing());
	assert_null(lock);
	assert_non_null(strstr(error.message, "not a lock of pganchor's"));
}

/* Who cannot look at the directory, or has no memory, gets none. */
static void one_that_cannot_be_had(void **state)
{
	static const struct {
		const char *call;
		const char *said;
	} cases[] = {{"fstat", "could not look at @: Input/output error"},
		     {"calloc", "out of memory"},
		     {"malloc", "out of memory"}};
	const size_t before = names_in("/proc/self/fd");
	struct pga_error error;
	struct pga_error none;
	struct pga_lock *lock;
	char said[200];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		lock = (struct pga_lock *)(void *)&error;
		(void)snprintf(said, sizeof said, "could not look at %s: %s", scratch,
			       strerror(EIO));
		fail_call(cases[i].call, 1, 1, EIO);
		assert_int_equal(take(&lock, &error), -1);
		assert_true(end_failing());
		assert_null(lock);
		assert_string_equal(error.message, i == 0 ? said : cases[i].said);
		assert_false(exists(PGA_LOCK_NAME));
		assert_int_equal(names_in("/proc/self/fd"), before);
		/* The next one is not kept waiting. */
		assert_int_equal(take(&lock, &none), 0);
		pga_lock_release(lock);
	}
}

#define IN_A_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_scratch, remove_scratch)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_A_DIRECTORY(one_that_is_free),        IN_A_DIRECTORY(several),
	    IN_A_DIRECTORY(one_that_is_soon_free),   IN_A_DIRECTORY(who_has_it),
	    IN_A_DIRECTORY(one_that_nobody_holds),   IN_A_DIRECTORY(what_is_no_lock),
	    IN_A_DIRECTORY(what_flock_says),         IN_A_DIRECTORY(what_open_says),
	    IN_A_DIRECTORY(one_that_goes_meanwhile), IN_A_DIRECTORY(one_that_cannot_be_had),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
