/* base/ownership.h: who may write a file that others rely on, file and directory and each link on
 * the way. */
#include "cmocka_start.h"

#include "base/ownership.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* The path of a name in the directory; until the next call. */
static const char *path_of(const char *name)
{
	static char path[256];

	(void)snprintf(path, sizeof path, "%s/%s", directory, name);
	return path;
}

static int check_as(uid_t trusted, const char *name, struct pga_error *error)
{
	memset(error, 0, sizeof *error);
	return pga_check_ownership(path_of(name), trusted, "what is tested", error);
}

static int check(const char *name, struct pga_error *error)
{
	return check_as(getuid(), name, error);
}

static void make_file(const char *name, mode_t mode)
{
	FILE *file = fopen(name, "w");

	assert_non_null(file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(name, mode), 0);
}

static void files(void **state)
{
	static const struct {
		mode_t mode;
		const char *by; /* NULL: by nobody else */
	} cases[] = {{0600, NULL},
		     {0644, NULL},
		     {0755, NULL},
		     {0444, NULL},
		     {0664, "its group"},
		     {0666, "everybody"},
		     {0646, "everybody"},
		     {0620, "its group"},
		     {0602, "everybody"},
		     /* The sticky bit of a file protects nothing. */
		     {01666, "everybody"},
		     {01660, "its group"}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pga_error error;
		char expected[400];

		make_file("file", cases[i].mode);
		assert_int_equal(check("file", &error), cases[i].by != NULL ? -1 : 0);
		if (cases[i].by != NULL) {
			(void)snprintf(expected, sizeof expected,
				       "%s: can be written by %s (mode %04o)", path_of("file"),
				       cases[i].by, (unsigned)cases[i].mode);
			assert_memory_equal(error.message, expected, strlen(expected));
			assert_non_null(strstr(error.message, "what is tested"));
		}
		assert_int_equal(unlink("file"), 0);
	}
}

static void directories_on_the_way(void **state)
{
	static const struct {
		mode_t mode;
		int result;
	} cases[] = {{0755, 0}, {0700, 0}, {0777, -1}, {0775, -1}, {01777, 0}, {01775, 0}};
	struct pga_error error;

	(void)state;
	assert_int_equal(mkdir("above", 0755), 0);
	make_file("above/file", 0644);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(chmod("above", cases[i].mode), 0);
		assert_int_equal(check("above/file", &error), cases[i].result);
		assert_int_equal(check("above", &error), cases[i].result);
		/* The directory itself is at fault, wherever the way goes on. */
		assert_int_equal(check("above/./../above/file", &error), cases[i].result);
		if (cases[i].result != 0)
			assert_memory_equal(error.message, path_of("above: "),
					    strlen(path_of("above: ")));
	}
	assert_int_equal(unlink("above/file"), 0);
	assert_int_equal(rmdir("above"), 0);
}

static void links(void **state)
{
	struct pga_error error;

	(void)state;
	assert_int_equal(mkdir("open", 0777), 0);
	assert_int_equal(chmod("open", 0777), 0);
	make_file("open/file", 0644);
	make_file("file", 0644);
	assert_int_equal(symlink("file", "good"), 0);
	assert_int_equal(symlink(path_of("good"), "absolute"), 0);
	assert_int_equal(symlink("open/file", "led"), 0);
	assert_int_equal(symlink("none", "dangling"), 0);
	assert_int_equal(symlink("round", "round"), 0);
	assert_int_equal(check("good", &error), 0);
	assert_int_equal(check("absolute", &error), 0);
	/* What counts is where the link leads, and what lies on that way. */
	assert_int_equal(check("led", &error), -1);
	assert_memory_equal(error.message, path_of("open: "), strlen(path_of("open: ")));
	assert_int_equal(check("dangling", &error), -1);
	assert_int_equal(check("round", &error), -1);
	assert_non_null(strstr(error.message, "Too many levels of symbolic links"));
	/* Where nothing is, nobody can have written. */
	assert_int_equal(check("none", &error), 0);
	assert_int_equal(check("file/below", &error), 0);
	assert_int_equal(unlink("open/file") | unlink("file") | unlink("good") |
			     unlink("absolute") | unlink("led") | unlink("dangling") |
			     unlink("round") | rmdir("open"),
			 0);
}

static void owners(void **state)
{
	const uid_t other = 12345;
	struct pga_error error;

	(void)state;
	make_file("file", 0644);
	if (getuid() != 0) {
		/* Ours, and only root is trusted. */
		assert_int_equal(check_as(0, "file", &error), -1);
	} else {
		assert_int_equal(check_as(other, "file", &error), 0);
		assert_int_equal(chown("file", other, (gid_t)-1), 0);
		assert_int_equal(check_as(other, "file", &error), 0);
		assert_int_equal(check_as(0, "file", &error), -1);
		assert_int_equal(check_as(other + 1, "file", &error), -1);
		assert_non_null(strstr(error.message, "belongs to the user 12345"));
		/* A link of somebody else's leads where he wants. */
		assert_int_equal(chown("file", 0, (gid_t)-1), 0);
		assert_int_equal(symlink("file", "his"), 0);
		assert_int_equal(check_as(0, "his", &error), 0);
		assert_int_equal(lchown("his", other, (gid_t)-1), 0);
		assert_int_equal(check_as(0, "his", &error), -1);
		assert_int_equal(unlink("his"), 0);
	}
	assert_int_equal(unlink("file"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(files),
	    cmocka_unit_test(directories_on_the_way),
	    cmocka_unit_test(links),
	    cmocka_unit_test(owners),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
