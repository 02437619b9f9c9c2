/* base/memory_file.h: what is read from a pipe once can be read again, whole, or the command fails.
 */
#include "cmocka_start.h"
#include "failing_calls.h"
#include "directory.h"

#include "base/memory_file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

static void what_is_put_is_all(void **state)
{
	static const char *const contents[] = {"", "a", "abcdef", "abc", "", "x"};
	struct pga_memory_file file = PGA_NO_MEMORY_FILE;
	const size_t before = names_in("/proc/self/fd");
	struct pga_error error;

	(void)state;
	pga_memory_file_end(&file);
	for (int slowly = 0; slowly < 2; slowly++) {
		assert_int_equal(pga_memory_file_make(&file, &error), 0);
		assert_int_equal(fcntl(file.descriptor, F_GETFD), FD_CLOEXEC);
		for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
			int result;

			transfer_slowly(slowly == 1);
			result =
			    pga_memory_file_put(&file, contents[i], strlen(contents[i]), &error);
			transfer_slowly(false);
			assert_int_equal(result, 0);
			assert_holds(file.path, contents[i]);
		}
		pga_memory_file_end(&file);
		assert_int_equal(file.descriptor, -1);
		pga_memory_file_end(&file);
		assert_int_equal(names_in("/proc/self/fd"), before);
	}
}

static void one_that_cannot_be_made(void **state)
{
	static const struct {
		const char *call;
		const char *said;
		const char *hint;
	} cases[] = {
	    {"memfd_create", "could not make a file in memory: No such file or directory", ""},
	    {"access", "could not open a file in memory: No such file or directory", "mount /proc"},
	};
	const size_t before = names_in("/proc/self/fd");

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pga_memory_file file = {-1, "none"};
		struct pga_error error;
		int result;

		fail_call(cases[i].call, 1, 1, ENOENT);
		result = pga_memory_file_make(&file, &error);
		assert_true(end_failing());
		assert_int_equal(result, -1);
		assert_string_equal(error.message, cases[i].said);
		assert_string_equal(error.hint, cases[i].hint);
		assert_int_equal(file.descriptor, -1);
		assert_string_not_equal(file.path, "none");
		assert_int_equal(names_in("/proc/self/fd"), before);
	}
}

static void one_that_cannot_be_written(void **state)
{
	static const struct {
		const char *call;
		const char *said;
	} cases[] = {
	    {"fstat", "could not shorten a file in memory: Input/output error"},
	    {"ftruncate", "could not shorten a file in memory: Input/output error"},
	    {"pwrite", "could not write a file in memory: Input/output error"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pga_memory_file file;
		struct pga_error error;

		assert_int_equal(pga_memory_file_make(&file, &error), 0);
		assert_int_equal(pga_memory_file_put(&file, "before", 6, &error), 0);
		fail_call(cases[i].call, 1, 1, EIO);
		assert_int_equal(pga_memory_file_put(&file, "new", 3, &error), -1);
		assert_true(end_failing());
		assert_string_equal(error.message, cases[i].said);
		pga_memory_file_end(&file);
	}
}

static void names_of_descriptors(void **state)
{
	static const struct {
		const char *path;
		bool is;
	} cases[] = {
	    {"/dev/stdin", true},
	    {"/dev/fd/0", true},
	    {"/dev/fd/63", true},
	    {"/proc/self/fd/7", true},
	    {"/dev/fd/1234567", true},
	    {"/dev/fd/12345678", false},
	    {"/dev/fd/", false},
	    {"/proc/self/fd/", false},
	    {"/dev/fd/1x", false},
	    {"/dev/fd/x", false},
	    {"/dev/fd", false},
	    {"/dev/fdx0", false},
	    {"/proc/self/fdx7", false},
	    {"/proc/1/fd/7", false},
	    {"dev/fd/0", false},
	    {"/dev/stdin0", false},
	    {"", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (pga_is_descriptor(cases[i].path) != cases[i].is)
			fail_msg("%s", cases[i].path);
}

/* Fills the pipe in another process, in pieces. */
static pid_t write_in_child(const char *path, size_t length)
{
	const pid_t child = fork();

	if (child != 0)
		return child;
	(void)signal(SIGPIPE, SIG_IGN);
	int file = open(path, O_WRONLY);
	for (size_t i = 0; i < length; i += 10)
		if (write(file, "0123456789", length - i < 10 ? length - i : 10) < 0)
			break;
	_exit(0);
}

/* The pipe, read to its end as it is told; and what came of it. */
static int keep_pipe(const char *path, size_t length, bool descriptors_alone,
		     struct pga_error *error)
{
	const pid_t child = write_in_child("pipe", length);
	int result;

	assert_int_equal(setenv("WHERE", path, 1), 0);
	result = pga_keep_what_is_read_once("WHERE", descriptors_alone, error);
	if (!descriptors_alone) {
		assert_int_equal(waitpid(child, NULL, 0), child);
	} else {
		assert_int_equal(kill(child, SIGKILL), 0);
		assert_int_equal(waitpid(child, NULL, 0), child);
	}
	return result;
}

static void assert_twice(const char *path, size_t length)
{
	for (int i = 0; i < 2; i++) {
		struct pga_text content = PGA_TEXT_EMPTY;
		struct pga_error error;

		assert_int_equal(pga_file_read(path, &content, NULL, &error), 0);
		assert_int_equal(content.length, length);
		if (length > 0)
			assert_memory_equal(content.bytes + length - 1,
					    &"0123456789"[(length - 1) % 10], 1);
		pga_text_free(&content);
	}
}

static int descriptor_in(const char *path)
{
	return (int)strtol(strrchr(path, '/') + 1, NULL, 10);
}

static void a_pipe_with_a_name(void **state)
{
	static const size_t lengths[] = {0, 1, 10, 100000};
	const size_t before = names_in("/proc/self/fd");
	struct pga_error error;

	(void)state;
	assert_int_equal(mkfifo("pipe", 0600), 0);
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		int copy;

		assert_int_equal(keep_pipe("pipe", lengths[i], false, &error), 0);
		assert_memory_equal(getenv("WHERE"), "/proc/self/fd/", 14);
		assert_twice(getenv("WHERE"), lengths[i]);
		copy = descriptor_in(getenv("WHERE"));
		/* The programs that are started read it too. */
		assert_int_equal(fcntl(copy, F_GETFD), 0);
		assert_int_equal(names_in("/proc/self/fd"), before + 1);
		assert_int_equal(close(copy), 0);
	}
	/* Somebody may not have begun to write. */
	assert_int_equal(keep_pipe("pipe", 10, true, &error), 0);
	assert_string_equal(getenv("WHERE"), "pipe");
	assert_int_equal(names_in("/proc/self/fd"), before);
}

static void a_pipe_by_its_descriptor(void **state)
{
	struct pga_error error;
	size_t before;
	int ends[2];

	(void)state;
	for (int alone = 0; alone < 2; alone++) {
		assert_int_equal(pipe(ends), 0);
		assert_int_equal(dup2(ends[0], 63), 63);
		assert_int_equal(close(ends[0]), 0);
		assert_int_equal(write(ends[1], "0123", 4), 4);
		assert_int_equal(close(ends[1]), 0);
		before = names_in("/proc/self/fd");
		assert_int_equal(setenv("WHERE", "/dev/fd/63", 1), 0);
		assert_int_equal(pga_keep_what_is_read_once("WHERE", alone == 1, &error), 0);
		assert_string_equal(getenv("WHERE"), "/dev/fd/63");
		assert_twice("/dev/fd/63", 4);
		assert_int_equal(fcntl(63, F_GETFD), 0);
		assert_int_equal(names_in("/proc/self/fd"), before);
		assert_int_equal(close(63), 0);
	}
}

static void what_is_no_pipe_stays(void **state)
{
	const size_t before = names_in("/proc/self/fd");
	struct pga_error error;

	(void)state;
	put("file", "bytes");
	assert_int_equal(unsetenv("WHERE"), 0);
	assert_int_equal(pga_keep_what_is_read_once("WHERE", false, &error), 0);
	assert_null(getenv("WHERE"));
	assert_int_equal(setenv("WHERE", "file", 1), 0);
	assert_int_equal(pga_keep_what_is_read_once("WHERE", false, &error), 0);
	assert_string_equal(getenv("WHERE"), "file");
	assert_int_equal(setenv("WHERE", "none", 1), 0);
	assert_int_equal(pga_keep_what_is_read_once("WHERE", false, &error), 0);
	assert_string_equal(getenv("WHERE"), "none");
	assert_int_equal(names_in("/proc/self/fd"), before);
}

static void what_is_not_read_whole_is_an_error(void **state)
{
	static const struct {
		const char *call;
		unsigned number;
		const char *said;
	} cases[] = {
	    {"read", 1, "could not read pipe: Input/output error"},
	    {"read", 2, "could not read pipe: Input/output error"},
	    {"realloc", 1, "out of memory"},
	    {"memfd_create", 1, "could not make a file in memory: Input/output error"},
	    {"pwrite", 1, "could not write a file in memory: Input/output error"},
	    {"setenv", 1, "out of memory"},
	};
	const size_t before = names_in("/proc/self/fd");

	(void)state;
	assert_int_equal(mkfifo("pipe", 0600), 0);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pga_error error;
		pid_t child;
		int result;

		assert_int_equal(setenv("WHERE", "pipe", 1), 0);
		child = write_in_child("pipe", 30);
		fail_call(cases[i].call, cases[i].number, 1, EIO);
		result = pga_keep_what_is_read_once("WHERE", false, &error);
		assert_true(end_failing());
		assert_int_equal(waitpid(child, NULL, 0), child);
		assert_int_equal(result, -1);
		assert_string_equal(error.message, cases[i].said);
		assert_string_equal(getenv("WHERE"), "pipe");
		assert_int_equal(names_in("/proc/self/fd"), before);
	}
}

static void a_pipe_without_end(void **state)
{
	struct pga_error error;

	(void)state;
	assert_int_equal(mkfifo("pipe", 0600), 0);
	assert_int_equal(keep_pipe("pipe", PGA_FILE_LIMIT + 20000, false, &error), -1);
	assert_string_equal(error.message, "pipe: larger than 16777216 bytes");
}

static void one_that_cannot_be_opened_or_put_back(void **state)
{
	static const char *const calls[] = {"open", "dup2"};
	static const char *const said[] = {"could not read /dev/fd/63: Input/output error",
					   "could not keep /dev/fd/63: Input/output error"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct pga_error error;
		int ends[2];

		assert_int_equal(pipe(ends), 0);
		assert_int_equal(dup2(ends[0], 63), 63);
		assert_int_equal(close(ends[0]) | close(ends[1]), 0);
		assert_int_equal(setenv("WHERE", "/dev/fd/63", 1), 0);
		fail_call(calls[i], 1, 1, EIO);
		assert_int_equal(pga_keep_what_is_read_once("WHERE", false, &error), -1);
		assert_true(end_failing());
		assert_string_equal(error.message, said[i]);
		assert_int_equal(close(63), 0);
	}
}

/* A program may be started without a standard input; and then /dev/stdin is a pipe of its own. */
static void zero_is_a_descriptor(void **state)
{
	const int input = dup(0);
	struct pga_memory_file file;
	struct pga_error error;
	size_t before;
	int ends[2];

	(void)state;
	assert_int_equal(close(0), 0);
	before = names_in("/proc/self/fd");
	assert_int_equal(pga_memory_file_make(&file, &error), 0);
	assert_int_equal(file.descriptor, 0);
	assert_string_equal(file.path, "/proc/self/fd/0");
	pga_memory_file_end(&file);
	assert_int_equal(names_in("/proc/self/fd"), before);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(ends[0], 0);
	assert_int_equal(write(ends[1], "0123", 4), 4);
	assert_int_equal(close(ends[1]), 0);
	assert_int_equal(setenv("WHERE", "/dev/stdin", 1), 0);
	assert_int_equal(pga_keep_what_is_read_once("WHERE", true, &error), 0);
	assert_twice("/dev/stdin", 4);
	assert_int_equal(close(0), 0);
	/* The pipe itself is read by descriptor 0. */
	assert_int_equal(mkfifo("pipe", 0600), 0);
	assert_int_equal(keep_pipe("pipe", 10, false, &error), 0);
	assert_twice(getenv("WHERE"), 10);
	assert_int_equal(close(descriptor_in(getenv("WHERE"))), 0);
	assert_int_equal(names_in("/proc/self/fd"), before);
	assert_int_equal(dup2(input, 0), 0);
	assert_int_equal(close(input), 0);
}

#define IN_A_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_scratch, remove_scratch)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_put_is_all),
	    cmocka_unit_test(one_that_cannot_be_made),
	    cmocka_unit_test(one_that_cannot_be_written),
	    cmocka_unit_test(names_of_descriptors),
	    IN_A_DIRECTORY(a_pipe_with_a_name),
	    IN_A_DIRECTORY(a_pipe_by_its_descriptor),
	    IN_A_DIRECTORY(what_is_no_pipe_stays),
	    IN_A_DIRECTORY(what_is_not_read_whole_is_an_error),
	    IN_A_DIRECTORY(a_pipe_without_end),
	    IN_A_DIRECTORY(one_that_cannot_be_opened_or_put_back),
	    IN_A_DIRECTORY(zero_is_a_descriptor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
