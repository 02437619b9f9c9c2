/* base/directory.h: the way to a directory that may have to be made: what is made, for whom, and
 * what of it stays where it goes wrong. */
#include "cmocka_start.h"
#include "failing_calls.h"
#include "directory.h"

#include "base/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Another id than root's, which need not be anybody's. */
#define SOMEBODY 12345
#define THEIRS   12346

static const char *home; /* NULL: there is none, for this reason */
static int no_home;

char *__real_pga_home(void);
char *__wrap_pga_home(void);
char *__wrap_pga_home(void)
{
	if (home != NULL)
		return __real_pga_home();
	errno = no_home;
	return NULL;
}

static int begin(void **state)
{
	if (make_scratch(state) != 0)
		return -1;
	home = scratch;
	(void)umask(077);
	return setenv("HOME", scratch, 1);
}

/* A path below the test's directory; one at a time. */
__attribute__((format(printf, 1, 2))) static const char *below(const char *format, ...)
{
	static char path[300];
	va_list arguments;
	const int length = snprintf(path, sizeof path, "%s", scratch);

	va_start(arguments, format);
	(void)vsnprintf(path + length, sizeof path - (size_t)length, format, arguments);
	va_end(arguments);
	return path;
}

static mode_t mode_of(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISDIR(status.st_mode) ? status.st_mode & 07777 : 0;
}

static bool exists(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0;
}

/* ---- what is made ---- */

static void each_directory_on_the_way(void **state)
{
	static const struct {
		const char *path;
		mode_t mode;
		size_t made;
	} cases[] = {
	    {"", 0755, 0},           {"/", 0700, 0},    {"/a", 0755, 1},
	    {"//a///b/c/", 0711, 2}, {"/a/b", 0700, 0},
	};
	const size_t open_files = names_in("/proc/self/fd");

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pga_directory directory;
		struct pga_made made = {0};
		struct pga_error error;
		struct stat status;
		struct stat here;
		int inside;

		assert_int_equal(pga_directory_open(&directory, &made, below("%s", cases[i].path),
						    cases[i].mode, &error),
				 0);
		assert_int_equal(made.count, cases[i].made);
		assert_string_equal(directory.path, below("%s", cases[i].path));
		assert_int_equal(stat(directory.path, &status), 0);
		assert_int_equal(fstat(directory.fd, &here), 0);
		assert_int_equal(here.st_ino, status.st_ino);
		assert_int_equal(directory.owner, status.st_uid);
		assert_int_equal(directory.group, status.st_gid);
		/* It can be read, and so flushed. */
		inside = fcntl(directory.fd, F_GETFL);
		assert_int_equal(inside & O_PATH, 0);
		pga_made_keep(&made);
		assert_int_equal(made.count, 0);
		assert_null(made.leftovers);
		pga_directory_close(&directory);
		assert_int_equal(directory.fd, -1);
		assert_null(directory.path);
		pga_directory_close(&directory);
	}
	assert_int_equal(mode_of("a"), 0755);
	assert_int_equal(mode_of("a/b"), 0711);
	assert_int_equal(mode_of("a/b/c"), 0711);
	assert_int_equal(names_in("/proc/self/fd"), open_files);
}

static void what_was_made_goes_again(void **state)
{
	struct pga_directory directory;
	struct pga_made made = {0};
	struct pga_error error;

	(void)state;
	assert_int_equal(mkdir("a", 0700), 0);
	assert_int_equal(pga_directory_open(&directory, &made, below("/a/b/c/d"), 0700, &error), 0);
	assert_int_equal(made.count, 3);
	pga_directory_close(&directory);
	/* The deepest first; one that is in use stays, and what it is in. */
	put("a/b/x", "");
	pga_made_remove(&made);
	assert_int_equal(made.count, 0);
	assert_null(made.leftovers);
	assert_true(exists("a/b/x") && !exists("a/b/c"));
	pga_made_remove(&made);
	pga_made_keep(&made);
}

/* A directory belongs to whom the one above it does. */
static void for_its_owner(void **state)
{
	struct pga_directory directory;
	struct pga_made made = {0};
	struct pga_error error;
	struct stat status;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(
	    mkdir("theirs", 0700) | chown("theirs", SOMEBODY, THEIRS) | chmod(".", 0711), 0);
	assert_int_equal(pga_directory_open(&directory, &made, below("/theirs/a"), 0700, &error),
			 0);
	assert_int_equal(stat("theirs/a", &status), 0);
	assert_int_equal(status.st_uid, SOMEBODY);
	assert_int_equal(status.st_gid, THEIRS);
	assert_int_equal(directory.owner, SOMEBODY);
	assert_int_equal(directory.group, THEIRS);
	pga_made_keep(&made);
	pga_directory_close(&directory);
	/* This process is itself again. */
	put("mine", "");
	assert_int_equal(stat("mine", &status), 0);
	assert_int_equal(status.st_uid, geteuid());
}

/* ---- what goes wrong ---- */

/* The message with the path in the place of its "%s", if it has one. */
static void fill(char *expected, size_t size, const char *message, const char *path)
{
	const char *mark = strstr(message, "%s");

	if (mark == NULL)
		(void)snprintf(expected, size, "%s", message);
	else
		(void)snprintf(expected, size, "%.*s%s%s", (int)(mark - message), message, path,
			       mark + 2);
}

static void assert_fails(const char *path, const char *message, const char *hint)
{
	const size_t open_files = names_in("/proc/self/fd");
	struct pga_directory directory;
	struct pga_made made = {0};
	struct pga_error error = {"", ""};
	char expected[600];

	fill(expected, sizeof expected, message, path);
	assert_int_equal(pga_directory_open(&directory, &made, path, 0700, &error), -1);
	assert_string_equal(error.message, expected);
	assert_string_equal(error.hint, hint);
	assert_int_equal(directory.fd, -1);
	assert_null(directory.path);
	assert_int_equal(made.count, 0);
	assert_null(made.leftovers);
	assert_int_equal(names_in("/proc/self/fd"), open_files);
}

static void what_is_in_the_way(void **state)
{
	(void)state;
	put("file", "");
	assert_int_equal(mkdir("a", 0700) | symlink("a", "link"), 0);
	assert_fails(below("/file/b"), "%s: file is not a directory", "move it away");
	assert_fails(below("/file"), "%s: file is not a directory", "move it away");
	assert_fails(below("/link/b"), "%s: link is not a directory", "move it away");
	/* What was made on the way goes again. */
	assert_fails(below("/new/%s/b",
			   "longlonglonglonglonglonglonglonglonglonglonglonglonglonglonglong"
			   "longlonglonglonglonglonglonglonglonglonglonglonglonglonglonglong"
			   "longlonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglong"
			   "longlonglonglonglonglonglonglonglonglonglonglonglonglonglong"),
		     "could not enter %s: File name too long",
		     "check the permissions on the way there");
	assert_false(exists("new"));
}

/* scratch is two names below the root: to "a" it is the third openat(). */
static const struct {
	const char *call;
	unsigned number;
	int code;
	const char *message;
	const char *hint;
} failures[] = {
    {"strdup", 1, ENOMEM, "out of memory", ""},
    {"strdup", 2, ENOMEM, "out of memory", ""},
    {"open", 1, EMFILE, "could not look at %s: Too many open files", ""},
    {"openat", 3, EACCES, "could not enter %s: Permission denied",
     "check the permissions on the way there"},
    {"strdup", 3, ENOMEM, "could not find the home directory: Cannot allocate memory", "set HOME"},
    {"fstat", 1, EIO, "could not make the directory %s: Input/output error",
     "check the permissions of the directory above it"},
    {"mkdirat", 1, EROFS, "could not make the directory %s: Read-only file system",
     "the file system is read-only"},
    {"mkdirat", 2, EACCES, "could not make the directory %s: Permission denied",
     "check the permissions of the directory above it"},
    {"mkdirat", 1, EEXIST, "could not make the directory %s: No such file or directory",
     "check the permissions of the directory above it"},
    {"pga_act_as", 1, EPERM, "could not make the directory %s: Operation not permitted",
     "check the permissions of the directory above it"},
    {"reallocarray", 1, ENOMEM, "out of memory", ""},
    {"reallocarray", 2, ENOMEM, "out of memory", ""},
    {"malloc", 1, ENOMEM, "out of memory", ""},
    {"malloc", 2, ENOMEM, "out of memory", ""},
    {"fcntl", 1, EMFILE, "could not keep a directory open: Too many open files", ""},
    {"openat", 4, EMFILE, "could not make the directory %s: Too many open files",
     "check the permissions of the directory above it"},
    {"fchmod", 1, EIO, "could not make the directory %s: Input/output error",
     "check the permissions of the directory above it"},
    {"fchmod", 2, EPERM, "could not make the directory %s: Operation not permitted",
     "check the permissions of the directory above it"},
    {"fstat", 3, EIO, "could not look at %s: Input/output error", ""},
};

static void wherever_it_fails(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(failures); i++) {
		fail_call(failures[i].call, failures[i].number, 1, failures[i].code);
		assert_fails(below("/a/b"), failures[i].message, failures[i].hint);
		if (!end_failing())
			fail_msg("%s %u has not been called", failures[i].call, failures[i].number);
		assert_false(exists("a"));
	}
}

/* One that cannot be read is good enough, as long as it can be entered. */
static void one_that_cannot_be_read(void **state)
{
	struct pga_directory directory;
	struct pga_made made = {0};
	struct pga_error error;

	(void)state;
	assert_int_equal(mkdir("a", 0700), 0);
	fail_call("openat", 4, 1, EACCES);
	assert_int_equal(pga_directory_open(&directory, &made, below("/a"), 0700, &error), 0);
	assert_true(end_failing());
	assert_int_equal(fcntl(directory.fd, F_GETFL) & O_PATH, O_PATH);
	assert_int_equal(made.count, 0);
	pga_directory_close(&directory);
}

/* Whatever numbers its descriptors get. */
static void zero_is_a_directory(void **state)
{
	const int input = dup(0);
	const size_t open_files = names_in("/proc/self/fd") - 1;
	unsigned number = 1;
	bool given;

	(void)state;
	(void)close(0);
	do {
		struct pga_directory directory;
		struct pga_made made = {0};
		struct pga_error error;

		give_zero(number++);
		assert_int_equal(pga_directory_open(&directory, &made, below("/a/b"), 0755, &error),
				 0);
		given = end_failing();
		assert_int_equal(fcntl(directory.fd, F_GETFL) & O_PATH, 0);
		assert_int_equal(made.count, 2);
		assert_int_equal(mode_of("a/b"), 0755);
		pga_directory_close(&directory);
		pga_made_remove(&made);
		assert_int_equal(names_in("/proc/self/fd"), open_files);
	} while (given);
	assert_true(number > 6);
	assert_int_equal(dup2(input, 0), 0);
	(void)close(input);
}

static bool held;

static void look_at_signals(void)
{
	sigset_t now;

	held = sigprocmask(SIG_BLOCK, NULL, &now) == 0 && sigismember(&now, SIGTERM) == 1;
}

/* No signal comes between a directory and the note of it. */
static void signals_wait(void **state)
{
	struct pga_directory directory;
	struct pga_made made = {0};
	struct pga_error error;

	(void)state;
	call_before("mkdirat", 1, look_at_signals);
	assert_int_equal(pga_directory_open(&directory, &made, below("/a"), 0700, &error), 0);
	assert_true(held);
	look_at_signals();
	assert_false(held);
	pga_directory_close(&directory);
	pga_made_remove(&made);
}

static void make_a(void)
{
	(void)mkdir("a", 0700);
}

/* Another process makes it meanwhile: then it is that one's to remove. */
static void another_makes_it(void **state)
{
	struct pga_directory directory;
	struct pga_made made = {0};
	struct pga_error error;

	(void)state;
	call_before("mkdirat", 1, make_a);
	assert_int_equal(pga_directory_open(&directory, &made, below("/a/b"), 0700, &error), 0);
	assert_int_equal(made.count, 1);
	pga_made_remove(&made);
	pga_directory_close(&directory);
	assert_true(exists("a") && !exists("a/b"));
}

/* ---- a home that is not there ---- */

static void no_home_is_made(void **state)
{
	static const struct {
		const char *home;
		const char *path;
		bool made;
	} cases[] = {
	    {"/none", "/none/a", false},           {"/none", "/none", false},
	    {"/none/", "/none/a", false},          {"/none//", "/none/a", false},
	    {"/none", "/nonesuch", true},          {"/none", "/non", true},
	    {"/none", "/other/none", true},        {"/none/deep", "/none/x", true},
	    {"/none/deep", "/none/deep/x", false}, {"", "/x", true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pga_directory directory;
		struct pga_made made = {0};
		struct pga_error error;
		char message[700];

		assert_int_equal(setenv("HOME", below("%s", cases[i].home), 1), 0);
		if (cases[i].made) {
			assert_int_equal(pga_directory_open(&directory, &made,
							    below("%s", cases[i].path), 0700,
							    &error),
					 0);
			assert_true(made.count > 0);
			pga_directory_close(&directory);
			pga_made_remove(&made);
			continue;
		}
		(void)snprintf(message, sizeof message, "%%s: the home directory %s is not there",
			       getenv("HOME"));
		assert_fails(below("%s", cases[i].path), message,
			     "correct HOME, or make that directory first");
		assert_false(exists("none"));
	}
}

/* The root directory is no home that anything is below. */
static void a_home_that_says_nothing(void **state)
{
	static const char *const homes[] = {"/", "//", NULL};

	(void)state;
	for (size_t i = 0; i < COUNT(homes); i++) {
		struct pga_directory directory;
		struct pga_made made = {0};
		struct pga_error error;

		home = homes[i];
		no_home = ENOENT;
		if (homes[i] != NULL)
			assert_int_equal(setenv("HOME", homes[i], 1), 0);
		assert_int_equal(pga_directory_open(&directory, &made, below("/a"), 0700, &error),
				 0);
		pga_directory_close(&directory);
		pga_made_remove(&made);
		assert_false(exists("a"));
	}
	no_home = EIO;
	assert_fails(below("/a"), "could not find the home directory: Input/output error",
		     "set HOME");
}

#define IN_A_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, begin, remove_scratch)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_A_DIRECTORY(each_directory_on_the_way),
	    IN_A_DIRECTORY(what_was_made_goes_again),
	    IN_A_DIRECTORY(for_its_owner),
	    IN_A_DIRECTORY(what_is_in_the_way),
	    IN_A_DIRECTORY(wherever_it_fails),
	    IN_A_DIRECTORY(one_that_cannot_be_read),
	    IN_A_DIRECTORY(another_makes_it),
	    IN_A_DIRECTORY(no_home_is_made),
	    IN_A_DIRECTORY(a_home_that_says_nothing),
	    IN_A_DIRECTORY(zero_is_a_directory),
	    IN_A_DIRECTORY(signals_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
