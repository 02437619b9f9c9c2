/* base/edit.h, base/transaction.h: each call on the way of an edit fails once. What is on the disk
 * then is the old or the new, and what is said is so. */
#include "cmocka_start.h"
#include "failing_calls.h"
#include "directory.h"
#include "late_errors.h"
#include "tried_edits.h"

#include "base/edit.h"
#include "base/terminal.h"
#include "base/transaction.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/xattr.h>

/* What a change could not be noted in; whose warning needs no memory. */
static unsigned warnings;

void __wrap_pga_print_warning(const char *format, ...);

__attribute__((format(printf, 1, 2))) void __wrap_pga_print_warning(const char *format, ...)
{
	static const char start[] = "what this changes could not be noted in the manifest: ";

	assert_memory_equal(format, start, sizeof start - 1);
	warnings++;
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

static void assert_changed(bool done)
{
	assert_holds("file", done ? "after" : "before");
	assert_attributes("file");
	assert_int_equal(names_in("."), FILES);
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
	warnings = 0;
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

			if (expected == NOT_NOTED)
				assert_int_equal(warnings, 1);
			else
				assert_int_equal(warnings, 0);
			if (expected == NULL || strcmp(error.message, expected) != 0)
				fail_msg("%s %u: %s", said[i].call, number, error.message);
		}
		if (said[i].messages[number - 1] != NULL)
			fail_msg("%s is called but %u times", said[i].call, number - 1);
	}
}

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
	     "could not replace last: Input/output error; and gone stays as it was changed before: "
	     "could not put back gone: "
	     "Input/output error; and file stays as it was changed before: could not put back "
	     "file: "
	     "Input/output error",
	     "after", false, true},
	    {"unlinkat", 1,
	     "could not remove gone: Input/output error; and new stays as it was changed before: "
	     "could not remove new: "
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_A_DIRECTORY(changing_a_file),      IN_A_DIRECTORY(making_a_file),
	    IN_A_DIRECTORY(changing_several),     IN_A_DIRECTORY(what_cannot_be_taken_back),
	    IN_A_DIRECTORY(zero_is_a_descriptor), IN_A_DIRECTORY(bytes_that_move_one_by_one),
	};

	/* How many calls find the place of the manifest depends on where that is. */
	if (setenv("HOME", "/nowhere", 1) != 0 || unsetenv("XDG_CONFIG_HOME") != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
