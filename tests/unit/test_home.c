/* base/paths.h, with user databases that the test plays: whose home it is where HOME does not say.
 */
#include "cmocka_start.h"
#include "failing.h"

#include "base/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct {
	const char *passwd;    /* NULL: there is none */
	const int *codes;      /* what NSS answers, one after the other; the last again */
	const char *directory; /* NULL: NSS knows no such user */
	size_t sizes[8];       /* of what NSS was given */
	size_t asked;
	bool asks_back; /* NSS itself asks for the home */
	unsigned long secure;
	unsigned long started_by;
	int flags; /* of the last open(2) */
	int code;  /* with which it fails; 0: it does not */
} played;

FILE *__wrap_fopen(const char *path, const char *mode);
int __wrap_getpwuid_r(uid_t user, struct passwd *entry, char *buffer, size_t size,
		      struct passwd **found);
unsigned long __wrap_getauxval(unsigned long type);
uid_t __wrap_geteuid(void);
int __wrap_open(const char *path, int flags, ...);

FILE *__wrap_fopen(const char *path, const char *mode)
{
	assert_string_equal(path, "/etc/passwd");
	assert_string_equal(mode, "re");
	return played.passwd != NULL
		   ? fmemopen((void *)(uintptr_t)played.passwd, strlen(played.passwd), "r")
		   : NULL;
}

int __wrap_getpwuid_r(uid_t user, struct passwd *entry, char *buffer, size_t size,
		      struct passwd **found)
{
	const int code = *played.codes;

	assert_int_equal(user, 7);
	assert_non_null(buffer);
	memset(buffer, 'x', size);
	played.sizes[played.asked++] = size;
	if (played.asks_back) {
		assert_null(pga_home());
		assert_int_equal(errno, ENOENT);
	}
	if (code == ERANGE && played.codes[1] != -1)
		played.codes++;
	*found = NULL;
	if (code == 0 && played.directory != NULL) {
		entry->pw_dir = strcpy(buffer, played.directory);
		*found = entry;
	}
	return code;
}

unsigned long __wrap_getauxval(unsigned long type)
{
	assert_true(type == AT_SECURE || type == AT_UID);
	return type == AT_SECURE ? played.secure : played.started_by;
}

uid_t __wrap_geteuid(void)
{
	return 7;
}

int __wrap_open(const char *path, int flags, ...)
{
	assert_string_equal(path, "/a/b");
	played.flags = flags;
	errno = played.code;
	return played.code != 0 ? -1 : dup(1);
}

static const int answers[] = {0, -1};

static int begin(void **state)
{
	(void)state;
	memset(&played, 0, sizeof played);
	played.codes = answers;
	left = 0;
	return unsetenv("HOME") | unsetenv("XDG_CONFIG_HOME");
}

/* Compares and frees; NULL: there is no home, for this reason. */
static void assert_home(const char *expected, int reason)
{
	char *home;

	errno = 0;
	home = pga_home();
	if (expected == NULL) {
		assert_null(home);
		assert_int_equal(errno, reason);
	} else {
		assert_non_null(home);
		assert_string_equal(home, expected);
	}
	free(home);
}

static void in_the_file(void **state)
{
	(void)state;
	played.passwd = "root:x:0:0:r:/root:/bin/sh\nme:x:7:7::/home/me:/bin/sh\n"
			"again:x:7:7::/home/again:/bin/sh\n";
	assert_home("/home/me", 0);
	played.passwd = "+me:x:7:7::/nis:/bin/sh\n-me:x:7:7::/minus:/bin/sh\n"
			"me:x:7:7::/mine:/bin/sh\n";
	assert_home("/mine", 0);
	assert_int_equal(played.asked, 0);
	assert_int_equal(setenv("HOME", "/by/name", 1), 0);
	assert_home("/by/name", 0);
	assert_int_equal(setenv("HOME", "", 1), 0);
	assert_home("/mine", 0);
}

static void by_a_module(void **state)
{
	static const int twice_too_small[] = {ERANGE, ERANGE, 0, -1};
	static const int always[] = {ERANGE, -1};
	static const int broken[] = {EIO, -1};
	static const struct {
		const int *codes;
		const char *directory;
		const char *home;
		int reason;
		size_t asked;
	} cases[] = {
	    {answers, "/nss", "/nss", 0, 1},   {twice_too_small, "/nss", "/nss", 0, 3},
	    {always, "/nss", NULL, ERANGE, 5}, {broken, "/nss", NULL, EIO, 1},
	    {answers, NULL, NULL, ENOENT, 1},
	};

	(void)state;
	for (int file = 0; file < 2; file++)
		for (size_t i = 0; i < COUNT(cases); i++) {
			played.passwd = file == 0 ? NULL : "root:x:0:0:r:/root:/bin/sh\n";
			played.codes = cases[i].codes;
			played.directory = cases[i].directory;
			played.asked = 0;
			assert_home(cases[i].home, cases[i].reason);
			assert_int_equal(played.asked, cases[i].asked);
			for (size_t at = 0; at < played.asked; at++)
				assert_int_equal(played.sizes[at], 4096UL << (2 * at));
		}
	/* One that connects by libpq, which asks for the home, is told that there is none; and the
	 * next one is asked again. */
	played.codes = answers;
	played.directory = "/nss";
	played.asks_back = true;
	for (int i = 0; i < 2; i++) {
		played.asked = 0;
		assert_home("/nss", 0);
		assert_int_equal(played.asked, 1);
	}
}

static void without_memory(void **state)
{
	(void)state;
	played.directory = "/nss";
	for (long number = 1; number < 3; number++) {
		left = number;
		assert_home(NULL, ENOMEM);
		assert_int_equal(left, 0);
	}
	/* What the file says, NSS says too. */
	played.passwd = "me:x:7:7::/mine:/bin/sh\n";
	left = 1;
	assert_home("/nss", 0);
	assert_int_equal(setenv("HOME", "/a", 1), 0);
	left = 1;
	assert_home(NULL, ENOMEM);
	left = 1;
	assert_null(pga_user_config("x"));
	left = 2;
	assert_null(pga_user_config("x"));
	assert_int_equal(errno, ENOMEM);
	assert_int_equal(setenv("XDG_CONFIG_HOME", "/c", 1), 0);
	left = 1;
	assert_null(pga_user_config("x"));
	assert_int_equal(errno, ENOMEM);
	left = 0;
}

/* A program with more power than its caller's has a home of its own, or none. */
static void of_a_program_with_power(void **state)
{
	(void)state;
	played.passwd = "me:x:7:7::/mine:/bin/sh\n";
	played.secure = 1;
	played.started_by = 7;
	assert_true(pga_is_secure_execution());
	assert_home(NULL, ENOENT);
	played.started_by = 8;
	assert_home("/mine", 0);
	played.secure = 0;
	played.started_by = 7;
	assert_false(pga_is_secure_execution());
	assert_home("/mine", 0);
}

/* Nothing that is opened by mistake hinders, or becomes this process's terminal. */
static void how_a_file_is_tried(void **state)
{
	(void)state;
	assert_int_equal(setenv("HOME", "/none", 1), 0);
	assert_false(pga_user_config_is_out_of_reach("/a/b"));
	assert_int_equal(played.flags, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	played.code = ENOENT;
	assert_false(pga_user_config_is_out_of_reach("/a/b"));
	played.code = EACCES;
	assert_true(pga_user_config_is_out_of_reach("/a/b"));
	/* Without memory, or a home, nothing is known, and the file counts. */
	for (long number = 1; number < 3; number++) {
		left = number;
		assert_false(pga_user_config_is_out_of_reach("/a/b"));
		assert_int_equal(left, 0);
	}
	assert_int_equal(unsetenv("HOME"), 0);
	assert_false(pga_user_config_is_out_of_reach("/a/b"));
	assert_int_equal(setenv("XDG_CONFIG_HOME", "/none", 1), 0);
	assert_true(pga_user_config_is_out_of_reach("/a/b"));
	left = 1;
	assert_false(pga_user_config_is_out_of_reach("/a/b"));
	left = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(in_the_file, begin),
	    cmocka_unit_test_setup(by_a_module, begin),
	    cmocka_unit_test_setup(without_memory, begin),
	    cmocka_unit_test_setup(of_a_program_with_power, begin),
	    cmocka_unit_test_setup(how_a_file_is_tried, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
