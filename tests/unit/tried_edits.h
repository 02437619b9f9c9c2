/* Edits of files in the test's directory, each with what is to be there once it is done, or not,
 * for units that are linked with FAILING_CALLS. */
#ifndef PGA_TESTS_TRIED_EDITS_H
#define PGA_TESTS_TRIED_EDITS_H

#include "failing_calls.h"
#include "directory.h"

#include "base/edit.h"
#include "base/transaction.h"

#include <sys/stat.h>
#include <sys/xattr.h>

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

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

#define IN_A_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_scratch, remove_scratch)

#endif
