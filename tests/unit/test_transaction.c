/* base/transaction.h: files that change together or not at all, with all that they had. */
#include "cmocka_start.h"
#include "directory.h"

#include "base/file.h"
#include "base/transaction.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static void change(struct pga_transaction_file *file, const char *path, const char *bytes)
{
	struct pga_error error;

	memset(file, 0, sizeof *file);
	assert_int_equal(pga_edit_begin(&file->edit, path, 0600, &error), 0);
	pga_text_add(&file->after, bytes);
	assert_int_equal(pga_transaction_put(file, &error), 0);
}

enum { CHANGED, REMOVED, CREATED, LAST, FILES };

/* Four files in a transaction; the last is what makes it fail, or not. */
static int write_four(bool interfere, struct pga_error *error)
{
	struct pga_transaction_file files[FILES];
	struct pga_transaction_file *order[FILES];
	int result;

	change(&files[CHANGED], "changed", "after");
	change(&files[REMOVED], "removed", "");
	files[REMOVED].change = PGA_REMOVED;
	change(&files[CREATED], "a/b/created", "new");
	change(&files[LAST], "last", "after");
	for (size_t i = 0; i < FILES; i++)
		order[i] = &files[i];
	if (interfere)
		put("last", "an editor's");
	result = pga_transaction_write(order, FILES, error);
	for (size_t i = FILES; i-- > 0;)
		pga_transaction_end(&files[i]);
	return result;
}

/* What a file has besides its bytes. */
struct had {
	struct stat status;
	char attribute[16];
	ssize_t length;
};

static struct had look(const char *path)
{
	struct had had;

	memset(&had, 0, sizeof had);
	assert_int_equal(stat(path, &had.status), 0);
	had.length = getxattr(path, "user.pganchor", had.attribute, sizeof had.attribute);
	return had;
}

static void assert_same(const struct had *a, const struct had *b)
{
	assert_int_equal(a->status.st_mode, b->status.st_mode);
	assert_int_equal(a->status.st_uid, b->status.st_uid);
	assert_int_equal(a->status.st_gid, b->status.st_gid);
	assert_int_equal(a->status.st_mtim.tv_sec, b->status.st_mtim.tv_sec);
	assert_int_equal(a->status.st_mtim.tv_nsec, b->status.st_mtim.tv_nsec);
	assert_int_equal(a->length, b->length);
	assert_memory_equal(a->attribute, b->attribute, sizeof a->attribute);
}

static void prepare(void)
{
	static const char *const names[] = {"changed", "removed"};

	for (size_t i = 0; i < 2; i++) {
		put(names[i], "before");
		assert_int_equal(chmod(names[i], 0640), 0);
		if (geteuid() == 0)
			assert_int_equal(chown(names[i], 1234, 2345), 0);
		(void)setxattr(names[i], "user.pganchor", "kept", 4, 0);
	}
	put("last", "before");
}

static void all_change(void **state)
{
	struct pga_error error;

	(void)state;
	prepare();
	assert_int_equal(write_four(false, &error), 0);
	assert_holds("changed", "after");
	assert_int_equal(access("removed", F_OK), -1);
	assert_holds("a/b/created", "new");
	assert_holds("last", "after");
}

static void none_changes_and_none_loses_anything(void **state)
{
	struct pga_error error = {"", ""};
	struct had changed;
	struct had removed;
	struct had now;

	(void)state;
	prepare();
	changed = look("changed");
	removed = look("removed");
	assert_int_equal(write_four(true, &error), -1);
	assert_non_null(strstr(error.message, "last: another program changed it"));
	assert_holds("changed", "before");
	assert_holds("removed", "before");
	assert_holds("last", "an editor's");
	assert_int_equal(access("a", F_OK), -1);
	now = look("changed");
	assert_same(&now, &changed);
	now = look("removed");
	assert_same(&now, &removed);
}

static void what_is_removed_is_looked_at_again(void **state)
{
	struct pga_transaction_file file;
	struct pga_transaction_file *order[] = {&file};
	struct pga_error error = {"", ""};

	(void)state;
	put("file", "before");
	change(&file, "file", "");
	file.change = PGA_REMOVED;
	put("file", "an editor's");
	assert_int_equal(pga_transaction_write(order, 1, &error), -1);
	assert_non_null(strstr(error.message, "another program"));
	pga_transaction_end(&file);
	assert_holds("file", "an editor's");
}

/* Of as many bytes, and in the same tick of the file system's clock. */
static void a_change_that_no_stamp_shows_counts(void **state)
{
	struct pga_transaction_file file;
	struct pga_transaction_file *order[] = {&file};
	struct pga_error error;

	(void)state;
	for (int i = 0; i < 200; i++) {
		put("file", "before");
		change(&file, "file", "after");
		put("file", "BEFORE");
		assert_int_equal(pga_transaction_write(order, 1, &error), -1);
		pga_transaction_end(&file);
		assert_holds("file", "BEFORE");
	}
}

static void what_another_program_wrote_is_not_taken_back(void **state)
{
	struct pga_edit edit;
	struct pga_error error;
	const char *const names[] = {"old", "new"};

	(void)state;
	put("old", "before");
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(pga_edit_begin(&edit, names[i], 0600, &error), 0);
		assert_int_equal(pga_edit_stage(&edit, "after", 5, &error), 0);
		assert_int_equal(pga_edit_apply(&edit, false, &error), 0);
		put(names[i], "an editor's");
		assert_int_equal(pga_edit_take_back(&edit, &error), -1);
		pga_edit_end(&edit);
		assert_holds(names[i], "an editor's");
	}
}

static void without_memory_nothing_is_put(void **state)
{
	struct pga_transaction_file file;
	struct pga_error error = {"", ""};

	(void)state;
	memset(&file, 0, sizeof file);
	file.after.failed = true;
	assert_int_equal(pga_transaction_put(&file, &error), -1);
	assert_int_equal(file.change, PGA_UNCHANGED);
}

#define IN_A_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_scratch, remove_scratch)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_A_DIRECTORY(all_change),
	    IN_A_DIRECTORY(none_changes_and_none_loses_anything),
	    IN_A_DIRECTORY(what_is_removed_is_looked_at_again),
	    IN_A_DIRECTORY(a_change_that_no_stamp_shows_counts),
	    IN_A_DIRECTORY(what_another_program_wrote_is_not_taken_back),
	    cmocka_unit_test(without_memory_nothing_is_put),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
