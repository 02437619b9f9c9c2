/* base/paths.h: where the user's files are, and when they are out of reach and none of the user's.
 */
#include "cmocka_start.h"

#include "base/paths.h"

#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Whose a directory is that is not ours, and who we are where we may choose. */
#define SOMEBODY 12345

static char directory[] = "/tmp/pganchor-test-XXXXXX";

static int make_directory(void **state)
{
	(void)state;
	return mkdtemp(directory) != NULL && chdir(directory) == 0 ? 0 : -1;
}

static int remove_directory(void **state)
{
	(void)state;
	return chdir("/") == 0 ? rmdir(directory) : -1;
}

static void set(const char *home, const char *config)
{
	assert_int_equal(home != NULL ? setenv("HOME", home, 1) : unsetenv("HOME"), 0);
	assert_int_equal(
	    config != NULL ? setenv("XDG_CONFIG_HOME", config, 1) : unsetenv("XDG_CONFIG_HOME"), 0);
}

static void assert_home(const char *expected)
{
	char *home = pga_home();

	assert_non_null(home);
	assert_string_equal(home, expected);
	free(home);
}

static void the_home(void **state)
{
	const struct passwd *entry = getpwuid(geteuid());

	(void)state;
	set("/some/where", NULL);
	assert_home("/some/where");
	set("relative", NULL);
	assert_home("relative");
	if (entry == NULL)
		return;
	set(NULL, NULL);
	assert_home(entry->pw_dir);
	set("", NULL);
	assert_home(entry->pw_dir);
}

static void the_config(void **state)
{
	static const struct {
		const char *config;
		const char *path;
	} cases[] = {{NULL, "/home/a/.config/pganchor/x"},
		     {"", "/home/a/.config/pganchor/x"},
		     {"b", "/home/a/.config/pganchor/x"},
		     {"./b", "/home/a/.config/pganchor/x"},
		     {"/b", "/b/pganchor/x"},
		     {"/", "//pganchor/x"}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char *path;

		set("/home/a", cases[i].config);
		path = pga_user_config("x");
		assert_string_equal(path, cases[i].path);
		free(path);
	}
}

/* The files that this process has open. */
static size_t open_files(void)
{
	DIR *files = opendir("/proc/self/fd");
	size_t count = 0;

	assert_non_null(files);
	while (readdir(files) != NULL)
		count++;
	(void)closedir(files);
	return count;
}

/* The user database is closed again, whoever is found in it. */
static void no_file_stays_open(void **state)
{
	const size_t before = open_files();

	(void)state;
	set(NULL, NULL);
	free(pga_home());
	assert_int_equal(open_files(), before);
}

/* A user id that no file knows has no home but $HOME. */
static void no_home(void **state)
{
	int status = -1;
	pid_t child;

	(void)state;
	if (getuid() != 0 || getpwuid(SOMEBODY) != NULL)
		skip();
	set(NULL, NULL);
	child = fork();
	if (child == 0) {
		char *home = setuid(SOMEBODY) == 0 ? pga_home() : directory;

		_exit(home == NULL && errno == ENOENT ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void why_there_is_no_home(void **state)
{
	struct pga_error error;

	(void)state;
	errno = ENOENT;
	assert_int_equal(pga_fail_home(&error), -1);
	assert_string_equal(error.message, "this user has no home directory");
	assert_string_equal(error.hint, "set HOME");
	errno = ENOMEM;
	assert_int_equal(pga_fail_home(&error), -1);
	assert_string_equal(error.message,
			    "could not find the home directory: Cannot allocate memory");
	assert_string_equal(error.hint, "set HOME");
}

/* Whether a file of the directory is out of reach of SOMEBODY: 1 or 0. */
static int is_out_of_reach(const char *name)
{
	char path[256];
	int status = -1;
	pid_t child;

	(void)snprintf(path, sizeof path, "%s/%s", directory, name);
	child = fork();
	if (child == 0)
		_exit(setuid(SOMEBODY) != 0 ? 2 : pga_user_config_is_out_of_reach(path) ? 1 : 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void out_of_reach(void **state)
{
	FILE *file;

	(void)state;
	if (getuid() != 0)
		skip();
	assert_int_equal(chmod(directory, 0755), 0);
	file = fopen("file", "w");
	assert_non_null(file);
	assert_int_equal(fclose(file), 0);
	/* HOME and XDG_CONFIG_HOME say the same; whichever counts. */
	for (int by_config = 0; by_config <= 1; by_config++) {
		set(by_config ? "/" : directory, by_config ? directory : NULL);
		assert_int_equal(chmod("file", 0644), 0);
		assert_int_equal(is_out_of_reach("file"), 0);
		assert_int_equal(is_out_of_reach("none"), 0);
		/* It cannot be read, and the home is another's: a daemon that still has root's. */
		assert_int_equal(chmod("file", 0600), 0);
		assert_int_equal(is_out_of_reach("file"), 1);
		/* In a home of its own it counts, and then it is an error. */
		assert_int_equal(chown(directory, SOMEBODY, (gid_t)-1), 0);
		assert_int_equal(is_out_of_reach("file"), 0);
		/* A home that cannot be entered is as good as another's. */
		assert_int_equal(chmod(directory, 0000), 0);
		assert_int_equal(is_out_of_reach("file"), 1);
		assert_int_equal(chown(directory, 0, (gid_t)-1), 0);
		assert_int_equal(chmod(directory, 0755), 0);
	}
	assert_int_equal(unlink("file"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_home),     cmocka_unit_test(the_config),
	    cmocka_unit_test(no_home),      cmocka_unit_test(why_there_is_no_home),
	    cmocka_unit_test(out_of_reach), cmocka_unit_test(no_file_stays_open),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
