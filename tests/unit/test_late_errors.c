/* base/edit.h, base/transaction.h: each call on the way of an edit fails once. What is on the disk
 * then is the old or the new, and what is said is so. */
#include "cmocka_start.h"
#include "failing_calls.h"
#include "directory.h"
#include "late_errors.h"

#include "base/edit.h"
#include "base/transaction.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/xattr.h>

/* ---- what is tried ---- */

enum { FILE_OLD, GONE, LAST, FILES };
static const char *const files[FILES] = {"file", "gone", "last"};

/* The files have an attribute of ours, and none of the machine's. */
static bool has_attributes;

static void prepare(void)
{
	char list[64];

	for (size_t i = 0; i < FILES; i++) {
		(void)unlink(files[i]);
		put(files[i], "before");
		assert_int_equal(chmod(files[i], 0640), 0);
		has_attributes = setxattr(files[i], "user.pganchor", "kept", 4, 0) == 0 &&
				 listxattr(files[i], list, sizeof list) == sizeof "user.pganchor";
		assert_int_equal(geteuid() != 0 ? 0 : chown(files[i], 1234, 2345), 0);
	}
	(void)unlink("a/b/new");
	(void)unlink("new");
	(void)rmdir("a/b");
	(void)rmdir("a");
	stop_clock(0);
}

static void assert_attributes(const char *path)
{
	struct stat status;
	char value[8] = "";

	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0640);
	assert_int_equal(status.st_uid, geteuid() == 0 ? 1234 : geteuid());
	if (has_attributes) {
		assert_int_equal(getxattr(path, "user.pganchor", value, sizeof value), 4);
		assert_memory_equal(value, "kept", 4);
	}
}

static int finish(struct pga_edit *edit, struct pga_error *error)
{
	int result = pga_edit_stage(edit, "after", 5, error);

	if (result == 0)
		result = pga_edit_commit(edit, error);
	pga_edit_end(edit);
	return result;
}

static int change_file(struct pga_error *error)
{
	struct pga_edit edit;

	return pga_edit_begin(&edit, "file", 0600, error) == 0 ? finish(&edit, error) : -1;
}

static int change_settled_file(struct pga_error *error)
{
	stop_clock(10);
	return change_file(error);
}

static void assert_changed(bool done)
{
	assert_holds("file", done ? "after" : "before");
	assert_attributes("file");
	assert_int_equal(names_in("."), FILES);
}

/* And the directories for it. */
static int make_file(struct pga_error *error)
{
	struct pga_edit edit;

	return pga_edit_begin_in(&edit, "a/b/new", 0644, 0755, error) == 0 ? finish(&edit, error)
									   : -1;
}

static void assert_made(bool done)
{
	struct stat status;

	assert_int_equal(names_in("."), FILES + (done ? 1 : 0));
	if (!done)
		return;
	assert_holds("a/b/new", "after");
	assert_int_equal(stat("a/b/new", &status), 0);
	assert_int_equal(status.st_mode & 07777, 0644);
	assert_int_equal(stat("a", &status), 0);
	assert_int_equal(status.st_mode & 07777, 0755);
	assert_int_equal(names_in("a/b"), 1);
}

static void put_in(struct pga_transaction_file *file, const char *path, enum pga_change change)
{
	struct pga_error error;

	memset(file, 0, sizeof *file);
	assert_int_equal(pga_edit_begin(&file->edit, path, 0600, &error), 0);
	pga_text_add(&file->after, "after");
	assert_int_equal(pga_transaction_put(file, &error), 0);
	if (change == PGA_REMOVED)
		file->change = change;
}

/* What fails once the files are open. */
static struct {
	const char *call;
	unsigned number;
	unsigned times;
	int code;
} late;

/* One is changed, one made, one removed, and one more changed: all or none. */
static int change_four(struct pga_error *error)
{
	struct pga_transaction_file four[4];
	struct pga_transaction_file *order[4];
	int result;

	(void)end_failing();
	put_in(&four[0], "file", PGA_CHANGED);
	put_in(&four[1], "new", PGA_CREATED);
	put_in(&four[2], "gone", PGA_REMOVED);
	put_in(&four[3], "last", PGA_CHANGED);
	for (size_t i = 0; i < 4; i++)
		order[i] = &four[i];
	fail_call(late.call, late.number, late.times, late.code);
	result = pga_transaction_write(order, 4, error);
	for (size_t i = 4; i-- > 0;)
		pga_transaction_end(&four[i]);
	return result;
}

static void assert_four(bool done)
{
	assert_holds("file", done ? "after" : "before");
	assert_attributes("file");
	assert_holds("last", done ? "after" : "before");
	assert_int_equal(access("new", F_OK), done ? 0 : -1);
	assert_int_equal(access("gone", F_OK), done ? -1 : 0);
	assert_int_equal(names_in("."), FILES);
	if (!done)
		assert_attributes("gone");
}

/* ---- and what comes of it ---- */

static void shorten(char *message)
{
	char *at;

	while ((at = strstr(message, scratch)) != NULL) {
		memmove(at + 1, at + strlen(scratch), strlen(at + strlen(scratch)) + 1);
		*at = '@';
	}
}

static bool is_held(int number)
{
	sigset_t held;

	assert_int_equal(sigprocmask(SIG_BLOCK, NULL, &held), 0);
	return sigismember(&held, number) == 1;
}

static void remove_lock(void)
{
	(void)unlink(PGA_LOCK_NAME);
	if (unlink("a/b/" PGA_LOCK_NAME) == 0 && rmdir("a/b") == 0)
		(void)rmdir("a");
}

/* Returns false where the call is not made as often. */
static bool fail_once(const char *call, unsigned number, int (*attempt)(struct pga_error *error),
		      void (*check)(bool done), struct pga_error *error)
{
	size_t open_files;
	int result;

	prepare();
	open_files = names_in("/proc/self/fd");
	memset(error, 0, sizeof *error);
	late.call = call;
	late.number = number;
	late.times = 1;
	late.code = EIO;
	fail_call(call, number, 1, EIO);
	result = attempt(error);
	if (!end_failing())
		return false;
	shorten(error->message);
	assert_int_equal(result, error->message[0] == '\0' ? 0 : -1);
	/* The lock that could not be removed, or not be looked at, stays for the next one. */
	if (strcmp(call, "unlinkat") == 0 || strcmp(call, "fstat") == 0)
		remove_lock();
	check(result == 0);
	assert_int_equal(names_in("/proc/self/fd"), open_files);
	assert_false(is_held(SIGTERM));
	return true;
}

static void fail_each(const struct said *said, size_t count,
		      int (*attempt)(struct pga_error *error), void (*check)(bool done))
{
	prepare();
	if (!has_attributes)
		skip();
	for (size_t i = 0; i < count; i++) {
		struct pga_error error;
		unsigned number = 1;

		/* Nobody else gives a file away. */
		if (geteuid() != 0 && strcmp(said[i].call, "fchown") == 0)
			continue;
		for (; fail_once(said[i].call, number, attempt, check, &error); number++) {
			const char *expected = said[i].messages[number - 1];

			if (expected == NULL || strcmp(error.message, expected) != 0)
				fail_msg("%s %u: %s", said[i].call, number, error.message);
		}
		if (said[i].messages[number - 1] != NULL)
			fail_msg("%s is called but %u times", said[i].call, number - 1);
	}
}

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void changing_a_file(void **state)
{
	(void)state;
	fail_each(changing, COUNT(changing), change_file, assert_changed);
}

static void making_a_file(void **state)
{
	(void)state;
	fail_each(making, COUNT(making), make_file, assert_made);
}

static void changing_several(void **state)
{
	(void)state;
	fail_each(several, COUNT(several), change_four, assert_four);
}

/* The file that cannot be put back is named, and so is why it had to be. */
static void what_cannot_be_taken_back(void **state)
{
	static const struct {
		const char *call;
		unsigned number;
		const char *said;
		const char *file;
		bool is_new; /* there is the new one still */
		bool is_gone;
	} cases[] = {
	    {"renameat", 3,
	     "cannot replace last: Input/output error; and gone stays as it was changed before: "
	     "cannot put back gone: "
	     "Input/output error; and file stays as it was changed before: cannot put back file: "
	     "Input/output error",
	     "after", false, true},
	    {"unlinkat", 1,
	     "cannot remove gone: Input/output error; and new stays as it was changed before: "
	     "cannot remove new: "
	     "Input/output error",
	     "before", true, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pga_error error;

		prepare();
		late.call = cases[i].call;
		late.number = cases[i].number;
		late.times = 100;
		late.code = EIO;
		assert_int_equal(change_four(&error), -1);
		assert_true(end_failing());
		assert_string_equal(error.message, cases[i].said);
		assert_string_equal(error.hint, "look at both files");
		assert_holds("file", cases[i].file);
		assert_holds("last", "before");
		assert_int_equal(access("new", F_OK), cases[i].is_new ? 0 : -1);
		assert_int_equal(access("gone", F_OK), cases[i].is_gone ? -1 : 0);
		remove_lock();
	}
}

/* Any of the descriptors is 0 where a program was started without a standard input. */
static void zero_is_a_descriptor(void **state)
{
	static const struct {
		int (*attempt)(struct pga_error *error);
		void (*check)(bool done);
	} cases[] = {
	    {change_file, assert_changed}, {make_file, assert_made}, {change_four, assert_four}};
	const int input = dup(0);

	(void)state;
	late.call = "none";
	for (size_t i = 0; i < COUNT(cases); i++)
		for (unsigned number = 1;; number++) {
			struct pga_error error;
			size_t open_files;

			prepare();
			assert_int_equal(close(0), 0);
			open_files = names_in("/proc/self/fd");
			give_zero(number);
			assert_int_equal(cases[i].attempt(&error), 0);
			cases[i].check(true);
			assert_int_equal(names_in("/proc/self/fd"), open_files);
			assert_int_equal(dup2(input, 0), 0);
			if (!end_failing())
				break;
			assert_true(number < 100);
		}
	(void)close(input);
}

static void bytes_that_move_one_by_one(void **state)
{
	struct pga_error error;
	int result;

	(void)state;
	prepare();
	transfer_slowly(true);
	result = change_file(&error);
	transfer_slowly(false);
	assert_int_equal(result, 0);
	assert_changed(true);
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
		assert_string_equal(error.message, "cannot replace file: Invalid argument");
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

#define IN_A_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_scratch, remove_scratch)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_A_DIRECTORY(changing_a_file),
	    IN_A_DIRECTORY(making_a_file),
	    IN_A_DIRECTORY(changing_several),
	    IN_A_DIRECTORY(what_cannot_be_taken_back),
	    IN_A_DIRECTORY(zero_is_a_descriptor),
	    IN_A_DIRECTORY(bytes_that_move_one_by_one),
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
