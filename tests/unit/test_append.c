/* base/append.c: lines go behind what is there, or nothing changes. */
#include "cmocka_start.h"

#include "directory.h"

#include "base/append.h"

#include <errno.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* Adds the line; the error's message is "" where it could. */
static struct pga_error add(const char *path, const char *line)
{
	struct pga_text lines = PGA_TEXT_EMPTY;
	struct pga_append append;
	struct pga_error error = {.message = ""};

	pga_text_add(&lines, line);
	if (pga_append_begin(&append, path, PGA_FOR_THE_USER, &error) == 0) {
		(void)pga_append_lines(&append, &lines, &error);
		pga_append_end(&append);
	}
	pga_text_free(&lines);
	return error;
}

static void assert_added(const char *path, const char *line)
{
	const struct pga_error error = add(path, line);

	assert_string_equal(error.message, "");
}

static void assert_failed(const char *path, const char *message)
{
	const struct pga_error error = add(path, "x\n");

	assert_non_null(strstr(error.message, message));
}

static void lines_go_behind_what_is_there(void **state)
{
	const size_t before = descriptors_open();
	struct stat status;

	(void)state;
	assert_added("above/below/file", "one\n");
	assert_added("above/below/file", "two\n");
	assert_added("file", "one\n");
	assert_holds("file", "one\n");
	assert_holds("above/below/file", "one\ntwo\n");
	put("above/below/file", "cut");
	assert_added("above/below/file", "three\n");
	assert_holds("above/below/file", "cut\nthree\n");
	assert_int_equal(stat("above/below/file", &status), 0);
	assert_int_equal(stat("above", &status), 0);
	assert_int_equal(status.st_mode & 07777, 0700);
	assert_int_equal(descriptors_open(), before);
}

static void a_file_is_its_users_alone(void **state)
{
	struct stat status;

	(void)state;
	assert_added("d/file", "one\n");
	assert_int_equal(stat("d/file", &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(chmod("d/file", 0640), 0);
	assert_added("d/file", "two\n");
	assert_int_equal(stat("d/file", &status), 0);
	assert_int_equal(status.st_mode & 07777, 0640);
}

static void what_cannot_be_added_to(void **state)
{
	(void)state;
	/* Two directories at the most are made. */
	assert_failed("a/b/c/file", "could not look at a");
	put("plain", "");
	assert_failed("plain/file", "plain");
	assert_int_equal(mkdir("d", 0700), 0);
	assert_int_equal(mkdir("d/file", 0700), 0);
	assert_failed("d/file", "could not open d/file to add to it");
	assert_int_equal(mkfifo("d/pipe", 0600), 0);
	assert_failed("d/pipe", "d/pipe: not a regular file");
	assert_int_equal(symlink("nowhere/at/all", "d/link"), 0);
	assert_failed("d/link", "could not open d/link to add to it");
}

static void the_own_file_behind_a_link_grows(void **state)
{
	(void)state;
	assert_int_equal(mkdir("d", 0700), 0);
	put("elsewhere", "one\n");
	assert_int_equal(symlink("../elsewhere", "d/file"), 0);
	assert_added("d/file", "two\n");
	assert_holds("elsewhere", "one\ntwo\n");
}

/* Of another user, for whom nothing is made and nothing written. */
static void what_is_another_users(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdir("d", 0700), 0);
	put("d/file", "one\n");
	assert_int_equal(chown("d/file", 4711, 4711), 0);
	assert_failed("d/file", "d/file: belongs to another user");
	assert_holds("d/file", "one\n");
	assert_int_equal(chown("d", 4711, 4711), 0);
	assert_failed("d/other", "d: belongs to another user");
	assert_failed("d/e/other", "d: belongs to another user");
	assert_int_equal(access("d/other", F_OK), -1);
	assert_int_equal(access("d/e", F_OK), -1);
}

static void who_has_the_lock_is_waited_for_and_not_for_ever(void **state)
{
	int file;

	(void)state;
	assert_added("d/file", "one\n");
	file = open("d/file", O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(file, LOCK_EX), 0);
	assert_failed("d/file", "could not lock d/file");
	assert_holds("d/file", "one\n");
	(void)close(file);
	assert_added("d/file", "two\n");
}

static volatile sig_atomic_t signals;

static void count_signal(int number)
{
	(void)number;
	signals++;
}

/* A file that may not grow so far: nothing of the line stays, and the program hears nothing. */
static void a_file_that_may_not_grow(void **state)
{
	const struct sigaction counting = {.sa_handler = count_signal};
	struct rlimit before;
	struct rlimit limit;

	(void)state;
	assert_added("d/file", "12345678\n");
	assert_int_equal(sigaction(SIGXFSZ, &counting, NULL), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	for (limit.rlim_cur = 5; limit.rlim_cur < 11; limit.rlim_cur++) {
		struct pga_error error;

		assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
		error = add("d/file", "x\n");
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
		assert_non_null(strstr(error.message, "could not add to d/file"));
		assert_holds("d/file", "12345678\n");
	}
	assert_int_equal(signals, 0);
	assert_added("d/file", "x\n");
	(void)signal(SIGXFSZ, SIG_DFL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(lines_go_behind_what_is_there, make_scratch,
					    remove_scratch),
	    cmocka_unit_test_setup_teardown(a_file_is_its_users_alone, make_scratch,
					    remove_scratch),
	    cmocka_unit_test_setup_teardown(what_cannot_be_added_to, make_scratch, remove_scratch),
	    cmocka_unit_test_setup_teardown(the_own_file_behind_a_link_grows, make_scratch,
					    remove_scratch),
	    cmocka_unit_test_setup_teardown(what_is_another_users, make_scratch, remove_scratch),
	    cmocka_unit_test_setup_teardown(who_has_the_lock_is_waited_for_and_not_for_ever,
					    make_scratch, remove_scratch),
	    cmocka_unit_test_setup_teardown(a_file_that_may_not_grow, make_scratch, remove_scratch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
