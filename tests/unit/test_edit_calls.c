/* base/edit.h, base/transaction.h: the calls that an edit makes, and what they keep safe from
 * programs that change the same files. */
#include "cmocka_start.h"
#include "failing_calls.h"
#include "directory.h"
#include "tried_edits.h"

#include "base/edit.h"
#include "base/transaction.h"

#include <errno.h>
#include <sys/stat.h>

static int change_settled_file(struct pga_error *error)
{
	stop_clock(10);
	return change_file(error);
}

#define LOCK                                                                           \
	"openat .pganchor.loc RDWR CREAT EXCL NOFOLLOW NONBLOCK NOCTTY CLOEXEC 0600\n" \
	"flock EX NB\nfcntl DUPFD_CLOEXEC 3\nftruncate 0\n"
#define STAGE                                                                          \
	"openat .pganchor-sta RDWR CREAT EXCL NOFOLLOW NONBLOCK NOCTTY CLOEXEC 0600\n" \
	"fcntl DUPFD_CLOEXEC 3\nflock EX NB\n"
#define FLUSH "fsync\nfcntl DUPFD_CLOEXEC 3\n"

/* Nobody else can open what is made before it is whole, nothing that has a name of ours is followed
 * or waited for, no program that is started gets a descriptor, and what is new is on the disk
 * before it has its name. */
static void assert_calls(int (*attempt)(struct pga_error *error), const char *expected)
{
	struct pga_text calls = PGA_TEXT_EMPTY;
	struct pga_error error;
	int result;

	prepare();
	trace_calls(&calls);
	result = attempt(&error);
	trace_calls(NULL);
	assert_int_equal(result, 0);
	assert_string_equal(pga_text_string(&calls), expected);
	pga_text_free(&calls);
}

static void the_calls_in_their_order(void **state)
{
	(void)state;
	assert_calls(change_file,
		     "open / PATH DIRECTORY CLOEXEC\n"
		     "openat tmp PATH DIRECTORY NOFOLLOW CLOEXEC 0000\n"
		     "openat pganchor-test PATH DIRECTORY NOFOLLOW CLOEXEC 0000\n"
		     "openat . DIRECTORY CLOEXEC 0000\n" LOCK "openat . DIRECTORY CLOEXEC 0000\n"
		     "openat file NOFOLLOW NONBLOCK NOCTTY CLOEXEC 0000\n" STAGE
		     "fchmod 0640\n" FLUSH "openat file NOFOLLOW NONBLOCK NOCTTY CLOEXEC 0000\n"
		     "renameat .pganchor-sta file\n"
		     "fsync\n"
		     "unlinkat .pganchor.loc 0\n");
	/* What cannot have changed unseen is not read again. */
	assert_calls(change_settled_file,
		     "open / PATH DIRECTORY CLOEXEC\n"
		     "openat tmp PATH DIRECTORY NOFOLLOW CLOEXEC 0000\n"
		     "openat pganchor-test PATH DIRECTORY NOFOLLOW CLOEXEC 0000\n"
		     "openat . DIRECTORY CLOEXEC 0000\n" LOCK "openat . DIRECTORY CLOEXEC 0000\n"
		     "openat file NOFOLLOW NONBLOCK NOCTTY CLOEXEC 0000\n" STAGE
		     "fchmod 0640\n" FLUSH "renameat .pganchor-sta file\n"
		     "fsync\n"
		     "unlinkat .pganchor.loc 0\n");
	assert_calls(make_file,
		     "open / PATH DIRECTORY CLOEXEC\n"
		     "openat tmp PATH DIRECTORY NOFOLLOW CLOEXEC 0000\n"
		     "openat pganchor-test PATH DIRECTORY NOFOLLOW CLOEXEC 0000\n"
		     "openat a PATH DIRECTORY NOFOLLOW CLOEXEC 0000\n"
		     "mkdirat a 0755\nfcntl DUPFD_CLOEXEC 3\n"
		     "openat a DIRECTORY NOFOLLOW CLOEXEC 0000\nfchmod 0755\n"
		     "openat b PATH DIRECTORY NOFOLLOW CLOEXEC 0000\n"
		     "mkdirat b 0755\nfcntl DUPFD_CLOEXEC 3\n"
		     "openat b DIRECTORY NOFOLLOW CLOEXEC 0000\nfchmod 0755\n"
		     "openat . DIRECTORY CLOEXEC 0000\n" LOCK "openat . DIRECTORY CLOEXEC 0000\n"
		     "openat new NOFOLLOW NONBLOCK NOCTTY CLOEXEC 0000\n" STAGE
		     "fchmod 0644\n" FLUSH "renameat .pganchor-sta new\n"
		     "fsync\n"
		     "unlinkat .pganchor.loc 0\n");
}

/* Where no time tells that it has changed, its bytes do. */
static void what_no_time_tells(void **state)
{
	static const struct {
		const char *before;
		const char *meanwhile;
		bool removed;
		bool goes_on;
	} cases[] = {
	    {"before", "before", false, true},
	    {"before", "BEFORE", false, false},
	    {"before", "beforE", false, false},
	    {"before", "befor", false, false},
	    {"before", "", false, false},
	    {"", "", false, true},
	    {"", "x", false, false},
	    {"before", "", true, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pga_edit edit;
		struct pga_error error = {"", ""};

		put("file", cases[i].before);
		stop_clock(0);
		stop_times(true);
		assert_int_equal(pga_edit_begin(&edit, "file", 0600, &error), 0);
		if (cases[i].removed)
			assert_int_equal(unlink("file"), 0);
		else
			put("file", cases[i].meanwhile);
		assert_int_equal(finish(&edit, &error), cases[i].goes_on ? 0 : -1);
		stop_times(false);
		if (cases[i].goes_on) {
			assert_holds("file", "after");
			continue;
		}
		assert_string_equal(error.message,
				    "file: another program changed it in the meantime");
		if (!cases[i].removed)
			assert_holds("file", cases[i].meanwhile);
	}
	assert_int_equal(names_in("."), 0);
}

static void owner_and_group_are_kept_each(void **state)
{
	static const struct {
		uid_t user;
		gid_t group;
	} owners[] = {{0, 0}, {1234, 0}, {0, 2345}, {1234, 2345}};
	struct pga_error error;
	struct stat status;

	(void)state;
	if (geteuid() != 0)
		skip();
	for (size_t i = 0; i < COUNT(owners); i++) {
		prepare();
		assert_int_equal(chown("file", owners[i].user, owners[i].group), 0);
		assert_int_equal(change_file(&error), 0);
		assert_holds("file", "after");
		assert_int_equal(stat("file", &status), 0);
		assert_int_equal(status.st_uid, owners[i].user);
		assert_int_equal(status.st_gid, owners[i].group);
	}
}

/* The second takes the place of the first; and after one that failed there is none. */
static void staged_again(void **state)
{
	const size_t open_files = names_in("/proc/self/fd");
	struct pga_error error;
	struct pga_edit edit;

	(void)state;
	prepare();
	assert_int_equal(pga_edit_begin(&edit, "file", 0600, &error), 0);
	assert_int_equal(pga_edit_stage(&edit, "one", 3, &error), 0);
	assert_int_equal(pga_edit_stage(&edit, "two", 3, &error), 0);
	assert_int_equal(names_in("."), FILES + 2);
	assert_int_equal(pga_edit_commit(&edit, &error), 0);
	assert_holds("file", "two");
	/* Its lock is given back. */
	assert_int_equal(names_in("."), FILES);
	pga_edit_end(&edit);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pga_edit_begin(&edit, "file", 0600, &error), 0);
		assert_int_equal(pga_edit_stage(&edit, "three", 5, &error), 0);
		fail_call(i == 0 ? "openat" : "write", 1, 1, EIO);
		assert_int_equal(pga_edit_stage(&edit, "four", 4, &error), -1);
		assert_true(end_failing());
		assert_null(edit.staged_path);
		assert_int_equal(pga_edit_commit(&edit, &error), -1);
		assert_string_equal(error.message, "could not replace file: Invalid argument");
		pga_edit_end(&edit);
		assert_holds("file", "two");
		assert_int_equal(names_in("."), FILES);
	}
	assert_int_equal(names_in("/proc/self/fd"), open_files);
}

static void remove_a(void)
{
	(void)rmdir("a/b");
	(void)rmdir("a");
}

/* Another one made the directory, and needs it no more: it goes while this one waits for its lock.
 */
static void a_directory_that_goes(void **state)
{
	unsigned made = 0;

	(void)state;
	for (unsigned number = 1; number < 30; number++) {
		const size_t open_files = names_in("/proc/self/fd");
		struct pga_error error = {"", ""};

		prepare();
		assert_int_equal(mkdir("a", 0755) | mkdir("a/b", 0755), 0);
		call_before("openat", number, remove_a);
		if (make_file(&error) == 0) {
			made++;
			assert_made(true);
		} else {
			assert_string_not_equal(error.message, "");
		}
		call_before(NULL, 0, NULL);
		assert_int_equal(names_in("/proc/self/fd"), open_files);
	}
	assert_int_equal(made, 28); /* all but where the one above had been entered */
}

/* Nor is a directory counted twice that had to be made twice: what is made for a file goes with it.
 */
static void a_directory_that_is_made_again(void **state)
{
	unsigned made = 0;

	(void)state;
	for (unsigned number = 1; number < 30; number++) {
		struct pga_error error = {"", ""};
		struct pga_edit edit;

		call_before("openat", number, remove_a);
		if (pga_edit_begin(&edit, "a/b/new", 0600, &error) == 0) {
			made++;
			assert_int_equal(edit.made.count, 2);
			pga_edit_end(&edit);
		}
		call_before(NULL, 0, NULL);
		assert_int_equal(access("a", F_OK), -1);
	}
	assert_true(made > 20);
}

/* What to do about it, by what it is. */
static void the_way_out(void **state)
{
	static const struct {
		int code;
		const char *hint;
	} cases[] = {{EBUSY, "mounted by itself"}, {EXDEV, "mounted by itself"},
		     {EROFS, "read-only"},         {ENOSPC, "make room on the disk"},
		     {EDQUOT, "make room"},        {EFBIG, "make room"},
		     {EACCES, "permissions"},      {EPERM, "permissions"},
		     {EIO, "nothing was changed"}};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		static const char *const calls[] = {"renameat", "write", "fchmod"};

		for (size_t call = 0; call < COUNT(calls); call++) {
			struct pga_error error;

			prepare();
			fail_call(calls[call], 1, 1, cases[i].code);
			assert_int_equal(change_file(&error), -1);
			assert_true(end_failing());
			assert_memory_equal(error.hint, "nothing was changed", 19);
			assert_non_null(strstr(error.hint, cases[i].hint));
			assert_int_equal(strlen(error.hint) == 19, cases[i].code == EIO);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_A_DIRECTORY(what_no_time_tells),
	    IN_A_DIRECTORY(owner_and_group_are_kept_each),
	    IN_A_DIRECTORY(staged_again),
	    IN_A_DIRECTORY(a_directory_that_goes),
	    IN_A_DIRECTORY(a_directory_that_is_made_again),
	    IN_A_DIRECTORY(the_calls_in_their_order),
	    IN_A_DIRECTORY(the_way_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
