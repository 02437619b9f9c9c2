/* Memory that runs out, for units that are linked with WRAP_MEMORY, of our own code
 * alone, unless OpenSSL is led here as well. */
#ifndef PGA_TESTS_UNIT_FAILING_H
#define PGA_TESTS_UNIT_FAILING_H

#include "cmocka_start.h"

#include "base/error.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* How many allocations are left before one fails; 0: none does. */
static long left;
static bool has_failed;
__attribute__((unused)) static bool grows_no_more; /* it was an array that was to grow */

static bool fails(void)
{
	if (left == 0 || --left > 0)
		return false;
	has_failed = true;
	errno = ENOMEM;
	return true;
}

/* The linker leads the calls of our own objects here (--wrap). */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__real_reallocarray(void *block, size_t count, size_t size);
char *__real_strdup(const char *string);
char *__real_strndup(const char *string, size_t most);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_reallocarray(void *block, size_t count, size_t size);
char *__wrap_strdup(const char *string);
char *__wrap_strndup(const char *string, size_t most);

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
	return fails() ? NULL : __real_realloc(block, size);
}

void *__wrap_reallocarray(void *block, size_t count, size_t size)
{
	if (!fails())
		return __real_reallocarray(block, count, size);
	grows_no_more = true;
	return NULL;
}

char *__wrap_strdup(const char *string)
{
	return fails() ? NULL : __real_strdup(string);
}

char *__wrap_strndup(const char *string, size_t most)
{
	return fails() ? NULL : __real_strndup(string, most);
}

/* Whether that is why it failed. */
static bool is_about_memory(const char *message)
{
	return strstr(message, "out of memory") != NULL ||
	       strstr(message, strerror(ENOMEM)) != NULL;
}

/* Who has no memory for a path, or for a second look at a file, is told the same as who has no
 * home, or has seen another file. */
static bool is_told_otherwise(const char *message)
{
	return strstr(message, "no home directory") != NULL ||
	       strstr(message, "another program changed it") != NULL;
}

/* Does it once without the first allocation, once without the second, and so on to the end. Where
 * there was enough, it is done; where it fails, that is why. With can_do_without, it may be done
 * without one, too: the attempt itself sees whether it was done right. */
__attribute__((unused)) static void without_each(int (*attempt)(struct pga_error *error),
						 bool can_do_without)
{
	long number = 0;
	long failed = 0;

	do {
		struct pga_error error;
		int result;

		memset(&error, 0, sizeof error);
		has_failed = false;
		left = ++number;
		result = attempt(&error);
		left = 0;
		failed += result != 0;
		if (result != (has_failed ? -1 : 0) && !(can_do_without && result == 0))
			fail_msg("allocation %ld: %d (%s)", number, result, error.message);
		if (result != 0 && !is_about_memory(error.message) &&
		    !(can_do_without && is_told_otherwise(error.message)))
			fail_msg("allocation %ld: %s", number, error.message);
	} while (has_failed);
	assert_true(failed > 0);
}

#endif
