/* base/userfile.h: a file of the user's that is there, that is not, that went out of reach, and
 * that cannot be read. Where it is, and what is read of it, is the test's. */
#include "cmocka_start.h"
#include "failing.h"

#include "base/file.h"
#include "base/paths.h"
#include "base/userfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What the linker leads here (--wrap). */
char *__wrap_pga_user_config(const char *name);
bool __wrap_pga_user_config_is_out_of_reach(const char *path);
int __wrap_pga_file_read_stamped(const char *path, struct pga_text *content, bool *found,
				 struct pga_file_identity *stamp, struct pga_error *error);
struct pga_file_identity __wrap_pga_file_identity_of(const char *path);

static struct {
	const char *path; /* NULL: none, for this reason */
	int reason;
	bool out_of_reach;
	const char *bytes; /* NULL: it cannot be read */
	bool found;
	ino_t inode;
	bool settled;
} now;
static int reads;

char *__wrap_pga_user_config(const char *name)
{
	assert_string_equal(name, "pins");
	errno = now.reason;
	return now.path != NULL ? __real_strdup(now.path) : NULL;
}

bool __wrap_pga_user_config_is_out_of_reach(const char *path)
{
	assert_string_equal(path, now.path);
	return now.out_of_reach;
}

int __wrap_pga_file_read_stamped(const char *path, struct pga_text *content, bool *found,
				 struct pga_file_identity *stamp, struct pga_error *error)
{
	assert_string_equal(path, now.path);
	reads++;
	pga_text_add(content, now.bytes != NULL ? now.bytes : "half");
	if (now.bytes == NULL)
		return pga_fail(error, NULL, "unreadable");
	*found = now.found;
	stamp->inode = now.inode;
	stamp->settled = now.settled;
	return 0;
}

struct pga_file_identity __wrap_pga_file_identity_of(const char *path)
{
	struct pga_file_identity stamp;

	memset(&stamp, 0, sizeof stamp);
	stamp.settled = true;
	if (path != NULL)
		stamp.inode = now.inode;
	return stamp;
}

static void play(const char *path, const char *bytes)
{
	memset(&now, 0, sizeof now);
	now.path = path;
	now.bytes = bytes;
	now.found = true;
	now.inode = 7;
	now.settled = true;
	reads = 0;
}

static void is_file(const struct pga_user_file *file, const char *path, bool found,
		    const char *bytes)
{
	if (path == NULL)
		assert_null(file->path);
	else
		assert_string_equal(file->path, path);
	assert_int_equal(file->found, found);
	assert_string_equal(pga_text_string(&file->content), bytes);
	assert_false(file->content.failed);
}

static int again(struct pga_user_file *before, struct pga_user_file *file, struct pga_error *error)
{
	return pga_user_file_read(file, "pins", before, error);
}

static void what_is_there_is_read(void **state)
{
	struct pga_user_file file;
	struct pga_user_file second;
	struct pga_error error;

	(void)state;
	play("/h/pins", "one");
	assert_int_equal(again(NULL, &file, &error), 0);
	is_file(&file, "/h/pins", true, "one");
	assert_int_equal(file.stamp.inode, 7);
	assert_int_equal(reads, 1);
	now.bytes = "two";
	assert_int_equal(again(&file, &second, &error), 0);
	is_file(&second, "/h/pins", true, "two");
	pga_user_file_free(&second);
	/* It is gone. */
	now.bytes = "";
	now.found = false;
	assert_int_equal(again(&file, &second, &error), 0);
	is_file(&second, "/h/pins", false, "");
	pga_user_file_free(&second);
	assert_null(second.path);
	assert_null(second.content.bytes);
	pga_user_file_free(&file);
}

static void without_a_home_there_is_none(void **state)
{
	struct pga_user_file file;
	struct pga_error error;

	(void)state;
	play(NULL, "one");
	now.reason = ENOENT;
	assert_int_equal(again(NULL, &file, &error), 0);
	is_file(&file, NULL, false, "");
	assert_true(file.stamp.settled);
	assert_int_equal(reads, 0);
	assert_true(pga_user_file_is_fresh(&file, "pins"));
	pga_user_file_free(&file);
	/* Who cannot find out does not know. */
	now.reason = ENOMEM;
	assert_int_equal(again(NULL, &file, &error), -1);
	assert_non_null(
	    strstr(error.message, "could not find the home directory: Cannot allocate memory"));
	assert_int_equal(reads, 0);
	pga_user_file_free(&file);
	now.reason = EACCES;
	assert_int_equal(again(NULL, &file, &error), -1);
	pga_user_file_free(&file);
}

static void out_of_reach_it_is_what_it_was(void **state)
{
	struct pga_user_file file;
	struct pga_user_file second;
	struct pga_error error;

	(void)state;
	play("/h/pins", "one");
	assert_int_equal(again(NULL, &file, &error), 0);
	now.out_of_reach = true;
	reads = 0;
	assert_int_equal(again(&file, &second, &error), 0);
	is_file(&second, "/h/pins", true, "one");
	pga_user_file_free(&second);
	assert_int_equal(again(NULL, &second, &error), 0);
	is_file(&second, "/h/pins", false, "");
	pga_user_file_free(&second);
	/* Another file says nothing of this one. */
	now.path = "/other/pins";
	assert_int_equal(again(&file, &second, &error), 0);
	is_file(&second, "/other/pins", false, "");
	pga_user_file_free(&second);
	assert_int_equal(reads, 0);
	pga_user_file_free(&file);
}

static void one_that_cannot_be_read_is_kept(void **state)
{
	struct pga_user_file file;
	struct pga_user_file second;
	struct pga_error error;

	(void)state;
	play("/h/pins", "one");
	assert_int_equal(again(NULL, &file, &error), 0);
	now.bytes = NULL;
	assert_int_equal(again(&file, &second, &error), -1);
	assert_string_equal(error.message, "unreadable");
	is_file(&second, "/h/pins", true, "one");
	pga_user_file_free(&second);
	pga_user_file_free(&file);
}

static struct pga_user_file before_all;

static int keep_without_memory(struct pga_error *error)
{
	struct pga_user_file file;
	const int result = pga_user_file_read(&file, "pins", &before_all, error);

	if (result == 0)
		is_file(&file, "/h/pins", true, "one");
	pga_user_file_free(&file);
	return result;
}

static void without_memory_it_is_not_known(void **state)
{
	struct pga_error error;

	(void)state;
	play("/h/pins", "one");
	assert_int_equal(again(NULL, &before_all, &error), 0);
	now.out_of_reach = true;
	without_each(keep_without_memory, false);
	pga_user_file_free(&before_all);
}

static void when_it_is_fresh(void **state)
{
	struct pga_user_file file;
	struct pga_error error;

	(void)state;
	play("/h/pins", "one");
	assert_int_equal(again(NULL, &file, &error), 0);
	assert_true(pga_user_file_is_fresh(&file, "pins"));
	now.inode = 8;
	assert_false(pga_user_file_is_fresh(&file, "pins"));
	now.inode = 7;
	now.path = "/h2/pins";
	assert_false(pga_user_file_is_fresh(&file, "pins"));
	now.path = NULL;
	assert_false(pga_user_file_is_fresh(&file, "pins"));
	now.path = "/h/pins";
	file.stamp.settled = false;
	assert_false(pga_user_file_is_fresh(&file, "pins"));
	pga_user_file_free(&file);
	now.path = NULL;
	now.reason = ENOENT;
	assert_int_equal(again(NULL, &file, &error), 0);
	now.path = "/h/pins";
	assert_false(pga_user_file_is_fresh(&file, "pins"));
	pga_user_file_free(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_there_is_read),
	    cmocka_unit_test(without_a_home_there_is_none),
	    cmocka_unit_test(out_of_reach_it_is_what_it_was),
	    cmocka_unit_test(one_that_cannot_be_read_is_kept),
	    cmocka_unit_test(without_memory_it_is_not_known),
	    cmocka_unit_test(when_it_is_fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
