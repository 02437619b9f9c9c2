/* preload/module.h: how the module is named to ld.so, whether ld.so loads it, and who could change
 * or not read it. The machine is the test's directory. */
#include "cmocka_start.h"
#include "failing.h"
#include "directory.h"

#include "preload/module.h"
#include "base/ownership.h"
#include "base/subprocess.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- what is played ---- */

/* A path below the directory where it is the module's or that of one for 32-bit programs. */
static const char *moved(const char *path)
{
	static char place[PATH_MAX + sizeof scratch];

	if (strncmp(path, "/opt", 4) != 0)
		return path;
	(void)snprintf(place, sizeof place, "%s%s", scratch, path);
	return place;
}

static bool unreadable;
static const char *self;    /* what /proc/self/exe leads to; NULL: nothing */
static const char *loading; /* the only value of LD_PRELOAD that loads; NULL: every one does */
static struct {
	int result;
	int status;
	const char *errors;
} answer;
static char asked[2000];
static char checked[200];

int __real_access(const char *path, int mode);
int __wrap_access(const char *path, int mode);
int __wrap_faccessat(int at, const char *path, int mode, int flags);
int __real_stat(const char *path, struct stat *status);
int __wrap_stat(const char *path, struct stat *status);
ssize_t __wrap_readlink(const char *path, char *target, size_t size);
char *__real_realpath(const char *path, char *resolved);
char *__wrap_realpath(const char *path, char *resolved);
char *__wrap___realpath_chk(const char *path, char *resolved, size_t size);

int __wrap_access(const char *path, int mode)
{
	return __real_access(moved(path), mode);
}

int __wrap_faccessat(int at, const char *path, int mode, int flags)
{
	assert_int_equal(at, AT_FDCWD);
	assert_int_equal(mode, R_OK);
	assert_int_equal(flags, AT_EACCESS);
	assert_string_equal(path, PGA_MODULE);
	errno = EACCES;
	return unreadable ? -1 : 0;
}

int __wrap_stat(const char *path, struct stat *status)
{
	return __real_stat(moved(path), status);
}

ssize_t __wrap_readlink(const char *path, char *target, size_t size)
{
	ssize_t length;

	assert_string_equal(path, "/proc/self/exe");
	assert_int_equal(size, PATH_MAX - 1);
	if (self == NULL)
		return -1;
	memset(target, 'x', size + 1);
	for (length = 0; self[length] != '\0'; length++)
		target[length] = self[length];
	return length;
}

char *__wrap_realpath(const char *path, char *resolved)
{
	return __real_realpath(moved(path), resolved);
}

/* The same, where the C library is to see that the buffer is large enough. */
char *__wrap___realpath_chk(const char *path, char *resolved, size_t size)
{
	assert_true(size >= PATH_MAX);
	return __wrap_realpath(path, resolved);
}

int pga_subprocess_run(const char *const *argv, const char *preload, struct pga_subprocess *child,
		       struct pga_error *error)
{
	const bool loads =
	    loading == NULL || strcmp(preload, loading) == 0 || strcmp(preload, PGA_MODULE) == 0;

	(void)strcat(asked, preload);
	for (; *argv != NULL; argv++)
		(void)strcat(strcat(asked, " "), *argv);
	(void)strcat(asked, "\n");
	memset(child, 0, sizeof *child);
	child->status = loads ? answer.status : 1;
	pga_text_add(&child->errors, answer.errors);
	return answer.result == 0 ? 0 : pga_fail(error, "next", "not started");
}

void pga_subprocess_free(struct pga_subprocess *child)
{
	pga_text_free(&child->errors);
}

int __wrap_pga_check_ownership(const char *path, uid_t trusted, const char *what,
			       struct pga_error *error);
int __wrap_pga_check_ownership(const char *path, uid_t trusted, const char *what,
			       struct pga_error *error)
{
	(void)snprintf(checked, sizeof checked, "%s %u %s", path, (unsigned)trusted, what);
	return trusted == 7 ? pga_fail(error, "", "not guarded") : 0;
}

static void make_directory(const char *path)
{
	assert_int_equal(mkdir(path, 0755), 0);
}

static int begin(void **state)
{
	unreadable = false;
	self = "/bin/sh";
	loading = NULL;
	answer.result = answer.status = 0;
	answer.errors = "";
	asked[0] = checked[0] = '\0';
	if (make_scratch(state) != 0 || chmod(scratch, 0755) != 0)
		return -1;
	make_directory("opt");
	make_directory("opt/lib");
	make_directory("opt/lib/x86_64-linux-gnu");
	make_directory("opt/lib/x86_64-linux-gnu/pganchor");
	put("opt/lib/x86_64-linux-gnu/pganchor/pganchor-gate.so", "");
	return 0;
}

static struct pga_error error;

/* ---- whether it loads ---- */

static void whether_it_loads(void **state)
{
	static const struct {
		bool unreadable;
		int result;
		int status;
		const char *errors;
		bool loads;
		bool loads_quietly;
		const char *message;
		const char *hint;
	} cases[] = {
	    {false, 0, 0, "", true, true, "", ""},
	    {false, 0, 0, "w", true, false, "the gate " PGA_MODULE " does not load: w",
	     "install pganchor again; nothing was changed"},
	    {false, 0, 3, "one\ntwo", false, false, "the gate " PGA_MODULE " does not load: one",
	     "install pganchor again; nothing was changed"},
	    {false, 0, 3, "", false, false,
	     "ld.so did not load the gate " PGA_MODULE " (a test of it ended with status 3)",
	     "install pganchor again; nothing was changed"},
	    {false, -1, 0, "", false, false, "not started", "next"},
	    {true, 0, 0, "", false, false,
	     "could not read the gate " PGA_MODULE ": Permission denied",
	     "install pganchor again; nothing was changed"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		for (int quiet = 0; quiet < 2; quiet++) {
			const bool loads = quiet == 1 ? cases[i].loads_quietly : cases[i].loads;

			unreadable = cases[i].unreadable;
			answer.result = cases[i].result;
			answer.status = cases[i].status;
			answer.errors = cases[i].errors;
			asked[0] = '\0';
			memset(&error, 0, sizeof error);
			assert_int_equal(pga_module_loads("a:b", quiet == 1, &error),
					 loads ? 0 : -1);
			assert_string_equal(asked,
					    unreadable ? "" : "a:b /bin/sh run --is-bound\n");
			assert_string_equal(error.message, loads ? "" : cases[i].message);
			assert_string_equal(error.hint, loads ? "" : cases[i].hint);
		}
}

/* An upgrade takes the tool's name away, and /proc need not be there. */
static void by_which_name(void **state)
{
	char expected[200];

	(void)state;
	self = "/bin/none (deleted)";
	assert_int_equal(pga_module_loads("a", true, &error), 0);
	assert_string_equal(asked, "a /proc/self/exe run --is-bound\n");
	asked[0] = '\0';
	self = NULL;
	assert_int_equal(pga_module_loads("a", true, &error), 0);
	(void)snprintf(expected, sizeof expected, "a %s run --is-bound\n", program_invocation_name);
	assert_string_equal(asked, expected);
}

/* ---- how it is named ---- */

#define TRIED " /bin/sh run --is-bound\n"

static void how_it_is_named(void **state)
{
	static const struct {
		const char *loading;
		const char *entry;
		const char *asked;
	} cases[] = {
	    {NULL, "/opt/$LIB/pganchor/pganchor-gate.so",
	     PGA_MODULE TRIED "/opt/$LIB/pganchor/pganchor-gate.so" TRIED},
	    {"/opt/$LIB/x86_64-linux-gnu/pganchor/pganchor-gate.so",
	     "/opt/$LIB/x86_64-linux-gnu/pganchor/pganchor-gate.so",
	     PGA_MODULE TRIED "/opt/$LIB/pganchor/pganchor-gate.so" TRIED
			      "/opt/$LIB/x86_64-linux-gnu/pganchor/pganchor-gate.so" TRIED},
	    {"none", PGA_MODULE,
	     PGA_MODULE TRIED "/opt/$LIB/pganchor/pganchor-gate.so" TRIED
			      "/opt/$LIB/x86_64-linux-gnu/pganchor/pganchor-gate.so" TRIED},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *entry;

		loading = cases[i].loading;
		asked[0] = '\0';
		entry = pga_module_entry(&error);
		assert_string_equal(entry, cases[i].entry);
		assert_string_equal(asked, cases[i].asked);
		assert_true(pga_module_is_named(entry, strlen(entry)));
		free(entry);
	}
	answer.errors = "a complaint";
	assert_null(pga_module_entry(&error));
	assert_string_equal(error.message, "the gate " PGA_MODULE " does not load: a complaint");
}

static void what_names_it(void **state)
{
	static const struct {
		const char *preload;
		bool named;
	} cases[] = {
	    {PGA_MODULE, true},
	    {"/opt/$LIB/pganchor/pganchor-gate.so", true},
	    {"/opt/$LIB/x86_64-linux-gnu/pganchor/pganchor-gate.so", true},
	    {"a.so:" PGA_MODULE, true},
	    {"a.so " PGA_MODULE "\nb.so", true},
	    {"\t" PGA_MODULE ":", true},
	    {"/opt/$LIB/pganchor-gate.so", false},
	    {"/opt/lib/$LIB/pganchor/pganchor-gate.so", false},
	    {"x" PGA_MODULE, false},
	    {PGA_MODULE "x", false},
	    {"/opt/$LIC/pganchor/pganchor-gate.so", false},
	    {"/opt/lib/x86_64-linux-gnu/pganchor/pganchor-gate.sx", false},
	    {"", false},
	    {" :", false},
	    {"a.so", false},
	};
	size_t length = 7;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (pga_module_is_in(cases[i].preload) != cases[i].named)
			fail_msg("%s", cases[i].preload);
	assert_string_equal(pga_module_next_entry(" \t\n:ab c", &length), "ab c");
	assert_int_equal(length, 2);
	assert_null(pga_module_next_entry("\n", &length));
	assert_int_equal(length, 0);
	assert_false(pga_module_is_named(PGA_MODULE, strlen(PGA_MODULE) - 1));
}

static void for_32_bit_programs(void **state)
{
	char *entry;

	(void)state;
	assert_null(pga_module_entry_32());
	make_directory("opt/lib/i386-linux-gnu");
	make_directory("opt/lib/i386-linux-gnu/pganchor");
	assert_null(pga_module_entry_32());
	put("opt/lib/i386-linux-gnu/pganchor/pganchor-gate.so", "");
	entry = pga_module_entry_32();
	assert_string_equal(entry, "/opt/$LIB/pganchor/pganchor-gate.so");
	free(entry);
}

/* ---- who may change it, and read it ---- */

static void who_may_change_it(void **state)
{
	(void)state;
	assert_int_equal(pga_module_check_guarded(PGA_MODULE, 5, &error), 0);
	assert_string_equal(checked, PGA_MODULE " 5 what every program loads");
	assert_int_equal(pga_module_check_guarded(PGA_MODULE, 7, &error), -1);
	assert_string_equal(error.message, "not guarded");
	checked[0] = '\0';
	assert_int_equal(unlink(moved(PGA_MODULE)), 0);
	assert_int_equal(pga_module_check_guarded(PGA_MODULE, 5, &error), -1);
	assert_string_equal(error.message,
			    "could not find the gate " PGA_MODULE ": No such file or directory");
	assert_string_equal(error.hint, "install pganchor again; nothing was changed");
	assert_string_equal(checked, "");
}

static void who_may_read_it(void **state)
{
	static const struct {
		const char *path;
		mode_t mode;
		bool open;
	} cases[] = {
	    {"/pganchor/pganchor-gate.so", 0644, true},
	    {"/pganchor/pganchor-gate.so", 0004, true},
	    {"/pganchor/pganchor-gate.so", 0640, false},
	    {"/pganchor/pganchor-gate.so", 0773, false},
	    {"/pganchor", 0711, true},
	    {"/pganchor", 0750, false},
	    {"/pganchor", 0754, false},
	    {"", 0770, false},
	    {"", 0701, true},
	};
	const char *advice[] = {"chmod go+r, and try again; nothing was changed",
				"chmod go+x, and try again; nothing was changed"};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char path[PATH_MAX];
		char expected[PATH_MAX + 200];
		const bool file = strstr(cases[i].path, ".so") != NULL;

		(void)snprintf(path, sizeof path, "%s/opt/lib/x86_64-linux-gnu%s", scratch,
			       cases[i].path);
		assert_int_equal(chmod(path, cases[i].mode), 0);
		if (pga_module_check_readable(PGA_MODULE, &error) != (cases[i].open ? 0 : -1))
			fail_msg("%s %04o: %s", cases[i].path, (unsigned)cases[i].mode,
				 error.message);
		if (!cases[i].open) {
			(void)snprintf(
			    expected, sizeof expected,
			    file ? "%s: other users cannot read it, and their programs would "
				   "start without the gate"
				 : "%s: other users cannot look into it, and their programs "
				   "would start without the gate",
			    path);
			assert_string_equal(error.message, expected);
			assert_string_equal(error.hint, advice[file ? 0 : 1]);
		}
		assert_int_equal(chmod(path, 0755), 0);
	}
	assert_int_equal(unlink(moved(PGA_MODULE)), 0);
	assert_int_equal(pga_module_check_readable(PGA_MODULE, &error), -1);
	assert_string_equal(error.message,
			    "could not find the gate " PGA_MODULE ": No such file or directory");
	assert_string_equal(error.hint, "install pganchor again; nothing was changed");
}

/* ---- memory ---- */

static int name_it(struct pga_error *failure)
{
	char *entry = pga_module_entry(failure);

	if (entry == NULL)
		return -1;
	/* A shorter name that could not be made is not used. */
	assert_true(pga_module_is_named(entry, strlen(entry)) || has_failed);
	free(entry);
	free(pga_module_entry_32());
	return 0;
}

static void wherever_memory_runs_out(void **state)
{
	(void)state;
	loading = "none";
	make_directory("opt/lib/i386-linux-gnu");
	make_directory("opt/lib/i386-linux-gnu/pganchor");
	put("opt/lib/i386-linux-gnu/pganchor/pganchor-gate.so", "");
	without_each(name_it, true);
}

#define IN_A_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, begin, remove_scratch)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_A_DIRECTORY(whether_it_loads),    IN_A_DIRECTORY(by_which_name),
	    IN_A_DIRECTORY(how_it_is_named),     IN_A_DIRECTORY(what_names_it),
	    IN_A_DIRECTORY(for_32_bit_programs), IN_A_DIRECTORY(who_may_change_it),
	    IN_A_DIRECTORY(who_may_read_it),     IN_A_DIRECTORY(wherever_memory_runs_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
