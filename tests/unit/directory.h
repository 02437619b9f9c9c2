/* A directory of its own for each test, and the files in it. */
#ifndef PGA_TESTS_UNIT_DIRECTORY_H
#define PGA_TESTS_UNIT_DIRECTORY_H

#include "cmocka_start.h"

#include "base/file.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char scratch[] = "/tmp/pganchor-test-XXXXXX";

/* A directory for one test, which is the current one while it runs. */
static int make_scratch(void **state)
{
	(void)state;
	memcpy(strrchr(scratch, '-') + 1, "XXXXXX", 6);
	return mkdtemp(scratch) != NULL && chdir(scratch) == 0 ? 0 : -1;
}

static int remove_scratch(void **state)
{
	pid_t child;
	int status = -1;

	(void)state;
	if (chdir("/") != 0)
		return -1;
	child = fork();
	if (child == 0) {
		(void)execlp("rm", "rm", "-rf", scratch, (char *)NULL);
		_exit(127);
	}
	(void)waitpid(child, &status, 0);
	return status;
}

static inline void put(const char *path, const char *bytes)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, strlen(bytes), file), strlen(bytes));
	assert_int_equal(fclose(file), 0);
}

/* How many descriptors are open. */
static inline size_t descriptors_open(void)
{
	DIR *directory = opendir("/proc/self/fd");
	size_t count = 0;

	assert_non_null(directory);
	while (readdir(directory) != NULL)
		count++;
	(void)closedir(directory);
	return count;
}

static inline void assert_holds(const char *path, const char *expected)
{
	struct pga_text content = PGA_TEXT_EMPTY;
	struct pga_error error;

	assert_int_equal(pga_file_read(path, &content, NULL, &error), 0);
	assert_string_equal(pga_text_string(&content), expected);
	pga_text_free(&content);
}

#endif
