/* base/file.h: what is on the disk before and after an edit, whether it comes to its end or not. */
#include "cmocka_start.h"
#include "directory.h"

#include "base/edit.h"
#include "base/file.h"
#include "base/staged.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static mode_t mode_of(const char *path)
{
	struct stat status;

	assert_int_equal(stat(path, &status), 0);
	return status.st_mode & 07777;
}

/* How many names the current directory has. */
static size_t names(void)
{
	DIR *here = opendir(".");
	size_t count = 0;

	assert_non_null(here);
	while (readdir(here) != NULL)
		count++;
	(void)closedir(here);
	return count - 2; /* "." and ".." */
}

/* A whole edit, from begin to end; with commit false it stops before the last step. */
static int edit(const char *path, const char *bytes, bool commit)
{
	struct pga_edit editing;
	struct pga_error error = {"", ""};
	int result;

	if (pga_edit_begin(&editing, path, 0600, &error) != 0)
		return -1;
	result = pga_edit_stage(&editing, bytes, strlen(bytes), &error);
	if (result == 0 && commit)
		result = pga_edit_commit(&editing, &error);
	pga_edit_end(&editing);
	return result;
}

static void reading_a_missing_file(void **state)
{
	struct pga_text content = PGA_TEXT_EMPTY;
	struct pga_error error = {"", ""};
	bool found = true;

	(void)state;
	assert_int_equal(pga_file_read("no/such", &content, &found, &error), 0);
	assert_false(found);
	assert_int_equal(pga_file_read("nothing", &content, NULL, &error), -1);
	assert_non_null(strstr(error.message, "nothing"));
	pga_text_free(&content);
}

static void what_is_no_file_is_not_read(void **state)
{
	struct pga_text content = PGA_TEXT_EMPTY;
	struct pga_error error = {"", ""};

	(void)state;
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(pga_file_read("fifo", &content, NULL, &error), -1);
	assert_non_null(strstr(error.message, "not a regular file"));
	assert_int_equal(pga_file_read(".", &content, NULL, &error), -1);
	pga_text_free(&content);
}

static void a_file_without_end_is_not_read(void **state)
{
	struct pga_text content = PGA_TEXT_EMPTY;
	struct pga_error error = {"", ""};

	(void)state;
	put("big", "");
	assert_int_equal(truncate("big", (off_t)PGA_FILE_LIMIT), 0);
	assert_int_equal(pga_file_read("big", &content, NULL, &error), 0);
	pga_text_free(&content);
	assert_int_equal(truncate("big", (off_t)PGA_FILE_LIMIT + 1), 0);
	assert_int_equal(pga_file_read("big", &content, NULL, &error), -1);
	pga_text_free(&content);
}

static void a_new_file_gets_its_mode_whatever_the_umask(void **state)
{
	mode_t before = umask(0);

	(void)state;
	assert_int_equal(edit("new", "bytes", true), 0);
	assert_holds("new", "bytes");
	assert_int_equal(mode_of("new"), 0600);
	assert_int_equal(names(), 1);
	(void)umask(before);
}

static void mode_and_attributes_stay(void **state)
{
	char value[8] = "";
	bool has_attributes;

	(void)state;
	put("old", "before");
	assert_int_equal(chmod("old", 0640), 0);
	has_attributes = setxattr("old", "user.pganchor", "kept", 4, 0) == 0;
	assert_int_equal(edit("old", "after", true), 0);
	assert_holds("old", "after");
	assert_int_equal(mode_of("old"), 0640);
	if (has_attributes) {
		assert_int_equal(getxattr("old", "user.pganchor", value, sizeof value), 4);
		assert_memory_equal(value, "kept", 4);
	}
}

static void owner_stays(void **state)
{
	struct stat status;

	(void)state;
	if (geteuid() != 0)
		skip();
	put("old", "before");
	assert_int_equal(chown("old", 1234, 2345), 0);
	assert_int_equal(edit("old", "after", true), 0);
	assert_int_equal(stat("old", &status), 0);
	assert_int_equal(status.st_uid, 1234);
	assert_int_equal(status.st_gid, 2345);
}

static void a_link_stays_a_link(void **state)
{
	struct stat status;

	(void)state;
	assert_int_equal(mkdir("dotfiles", 0755), 0);
	put("dotfiles/file", "before");
	assert_int_equal(symlink("dotfiles/file", "link"), 0);
	assert_int_equal(edit("link", "after", true), 0);
	assert_int_equal(lstat("link", &status), 0);
	assert_true(S_ISLNK(status.st_mode));
	assert_holds("dotfiles/file", "after");
	assert_int_equal(names(), 2);
}

static void a_link_to_nowhere_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(symlink("nowhere", "link"), 0);
	assert_int_equal(edit("link", "after", true), -1);
	assert_int_equal(names(), 1);
}

static void what_is_not_committed_leaves_nothing(void **state)
{
	(void)state;
	put("old", "before");
	assert_int_equal(edit("old", "after", false), 0);
	assert_holds("old", "before");
	assert_int_equal(edit("a/b/c/new", "bytes", false), 0);
	assert_int_equal(access("a", F_OK), -1);
	assert_int_equal(names(), 1);
}

static void missing_directories_are_made(void **state)
{
	struct pga_edit editing;
	struct pga_error error;

	(void)state;
	assert_int_equal(edit("a/b/new", "bytes", true), 0);
	assert_holds("a/b/new", "bytes");
	assert_int_equal(mode_of("a"), 0700);
	assert_int_equal(mode_of("a/b"), 0700);

	assert_int_equal(pga_edit_begin_in(&editing, "c/new", 0644, 0755, &error), 0);
	assert_int_equal(pga_edit_stage(&editing, "", 0, &error), 0);
	assert_int_equal(pga_edit_commit(&editing, &error), 0);
	pga_edit_end(&editing);
	assert_int_equal(mode_of("c"), 0755);
	assert_int_equal(mode_of("c/new"), 0644);
}

static void a_file_in_the_place_of_a_directory(void **state)
{
	(void)state;
	put("file", "bytes");
	assert_int_equal(edit("file/new", "bytes", true), -1);
	assert_holds("file", "bytes");
}

static void what_another_program_wrote_is_not_lost(void **state)
{
	struct pga_edit editing;
	struct pga_error error = {"", ""};

	(void)state;
	put("file", "before");
	assert_int_equal(pga_edit_begin(&editing, "file", 0600, &error), 0);
	assert_int_equal(pga_edit_stage(&editing, "after", 5, &error), 0);
	put("file", "written by an editor");
	assert_int_equal(pga_edit_commit(&editing, &error), -1);
	assert_non_null(strstr(error.message, "another program"));
	pga_edit_end(&editing);
	assert_holds("file", "written by an editor");
	assert_int_equal(names(), 1);
}

/* What a process that is killed behind its stage() leaves, still locked while `alive`. */
static pid_t stage_in_child(bool alive)
{
	struct pga_edit editing;
	struct pga_error error;
	int ready[2];
	char byte;
	pid_t child;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		if (pga_edit_begin(&editing, "file", 0600, &error) != 0 ||
		    pga_edit_stage(&editing, "half", 4, &error) != 0)
			_exit(1);
		/* The lock on the directory is another's matter here. */
		(void)unlink(PGA_LOCK_NAME);
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		if (alive)
			(void)pause();
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	(void)close(ready[1]);
	if (!alive)
		assert_int_equal(waitpid(child, NULL, 0), child);
	return child;
}

static void leftovers_of_a_killed_edit_go(void **state)
{
	pid_t living;

	(void)state;
	put("file", "before");
	living = stage_in_child(true);
	(void)stage_in_child(false);
	/* What is not exactly what we make is the user's. */
	put(".file.pganchor-backup", "mine");
	put(PGA_STAGED_PREFIX "backup", "mine");
	put(PGA_STAGED_PREFIX "0123456789abcde", "mine");
	put(PGA_STAGED_PREFIX "0123456789abcdef0", "mine");
	put(PGA_STAGED_PREFIX "0123456789ABCDEF", "mine");
	assert_int_equal(mkdir(PGA_STAGED_PREFIX "0123456789abcde0", 0700), 0);
	assert_int_equal(symlink("file", PGA_STAGED_PREFIX "0123456789abcde1"), 0);
	assert_int_equal(names(), 10);
	assert_int_equal(edit("file", "after", true), 0);
	assert_holds("file", "after");
	assert_int_equal(names(), 9);
	assert_int_equal(kill(living, SIGKILL), 0);
	assert_int_equal(waitpid(living, NULL, 0), living);
	assert_int_equal(edit("file", "after", true), 0);
	assert_int_equal(names(), 8);
	assert_holds(PGA_STAGED_PREFIX "backup", "mine");
}

/* Two edits in one directory at once, as bootstrap makes them: flock() would wait for itself. */
static void one_process_edits_two_files_of_a_directory(void **state)
{
	struct pga_edit first;
	struct pga_edit second;
	struct pga_error error;

	(void)state;
	assert_int_equal(pga_edit_begin(&first, "a", 0600, &error), 0);
	assert_int_equal(pga_edit_begin(&second, "b", 0600, &error), 0);
	assert_int_equal(pga_edit_stage(&first, "1", 1, &error), 0);
	assert_int_equal(pga_edit_stage(&second, "2", 1, &error), 0);
	assert_int_equal(pga_edit_commit(&first, &error), 0);
	pga_edit_end(&first);
	assert_int_equal(pga_edit_commit(&second, &error), 0);
	pga_edit_end(&second);
	assert_holds("a", "1");
	assert_holds("b", "2");
}

/* Appends one byte to the file, in a process of its own. */
static pid_t append_in_child(void)
{
	struct pga_edit editing;
	struct pga_error error;
	struct pga_text bytes = PGA_TEXT_EMPTY;
	pid_t child = fork();

	if (child != 0)
		return child;
	if (pga_edit_begin(&editing, "file", 0600, &error) != 0) {
		(void)fprintf(stderr, "%s\n", error.message);
		_exit(1);
	}
	pga_text_add_bytes(&bytes, editing.before.bytes, editing.before.length);
	pga_text_add(&bytes, "x");
	if (pga_edit_stage(&editing, bytes.bytes, bytes.length, &error) != 0 ||
	    pga_edit_commit(&editing, &error) != 0) {
		(void)fprintf(stderr, "%s\n", error.message);
		_exit(1);
	}
	pga_edit_end(&editing);
	_exit(0);
}

static void edits_at_the_same_time_lose_nothing(void **state)
{
	/* Each waits for the disk, and the last for all of them: no longer than pga_lock_take()
	 * does. */
	enum { CHILDREN = 6 };
	struct pga_text content = PGA_TEXT_EMPTY;
	struct pga_error error;
	pid_t children[CHILDREN];

	(void)state;
	for (size_t i = 0; i < CHILDREN; i++)
		children[i] = append_in_child();
	for (size_t i = 0; i < CHILDREN; i++) {
		int status = -1;

		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(pga_file_read("file", &content, NULL, &error), 0);
	assert_int_equal(content.length, CHILDREN);
	assert_int_equal(names(), 1);
	pga_text_free(&content);
}

/* RLIMIT_FSIZE stands in for a disk that is full: write() stops in the middle. */
static void a_write_that_fails_leaves_the_old_file(void **state)
{
	struct rlimit before;
	struct rlimit small;
	char bytes[8192];
	int result;

	(void)state;
	put("file", "before");
	memset(bytes, 'x', sizeof bytes - 1);
	bytes[sizeof bytes - 1] = '\0';
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 4096;
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	result = edit("file", bytes, true);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(result, -1);
	assert_holds("file", "before");
	assert_int_equal(names(), 1);
}

static void ending_what_never_began(void **state)
{
	struct pga_edit editing = {.path = NULL};

	(void)state;
	pga_edit_end(&editing);
	pga_edit_end(&editing);
}

#define IN_A_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_scratch, remove_scratch)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_A_DIRECTORY(reading_a_missing_file),
	    IN_A_DIRECTORY(what_is_no_file_is_not_read),
	    IN_A_DIRECTORY(a_file_without_end_is_not_read),
	    IN_A_DIRECTORY(a_new_file_gets_its_mode_whatever_the_umask),
	    IN_A_DIRECTORY(mode_and_attributes_stay),
	    IN_A_DIRECTORY(owner_stays),
	    IN_A_DIRECTORY(a_link_stays_a_link),
	    IN_A_DIRECTORY(a_link_to_nowhere_is_an_error),
	    IN_A_DIRECTORY(what_is_not_committed_leaves_nothing),
	    IN_A_DIRECTORY(missing_directories_are_made),
	    IN_A_DIRECTORY(a_file_in_the_place_of_a_directory),
	    IN_A_DIRECTORY(what_another_program_wrote_is_not_lost),
	    IN_A_DIRECTORY(leftovers_of_a_killed_edit_go),
	    IN_A_DIRECTORY(one_process_edits_two_files_of_a_directory),
	    IN_A_DIRECTORY(edits_at_the_same_time_lose_nothing),
	    IN_A_DIRECTORY(a_write_that_fails_leaves_the_old_file),
	    cmocka_unit_test(ending_what_never_began),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
