/* base/subprocess.h: what a program that is asked something has in its environment, and how much of
 * its answer is taken. */
#include "cmocka_start.h"

#include "base/file.h"
#include "base/subprocess.h"

#include <stdlib.h>
#include <string.h>

static void environment_and_preload(void **state)
{
	static const char *const print[] = {
	    "sh", "-c", "echo \"$FIRST_OF_OURS,$LAST_OF_OURS,$LD_PRELOAD\"", NULL};
	static const struct {
		const char *ours;
		const char *preload;
		const char *printed;
	} cases[] = {
	    {NULL, NULL, "a,z,\n"},
	    {NULL, "libc.so.6", "a,z,libc.so.6\n"},
	    {"libm.so.6", NULL, "a,z,libm.so.6\n"},
	    {"libm.so.6", "libc.so.6", "a,z,libc.so.6\n"},
	    {"libm.so.6", "", "a,z,\n"},
	};

	(void)state;
	assert_int_equal(setenv("FIRST_OF_OURS", "a", 1), 0);
	assert_int_equal(setenv("LAST_OF_OURS", "z", 1), 0);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pga_subprocess child;
		struct pga_error error;

		assert_int_equal(cases[i].ours != NULL ? setenv("LD_PRELOAD", cases[i].ours, 1)
						       : unsetenv("LD_PRELOAD"),
				 0);
		assert_int_equal(pga_subprocess_run(print, cases[i].preload, &child, &error), 0);
		assert_int_equal(child.status, 0);
		assert_string_equal(pga_text_string(&child.output), cases[i].printed);
		assert_string_equal(pga_text_string(&child.errors), "");
		pga_subprocess_free(&child);
	}
	assert_int_equal(unsetenv("LD_PRELOAD"), 0);
}

/* More than a pipe holds, on both streams in turn: neither waits for the other. */
static void long_answers(void **state)
{
	static const char *const talk[] = {"sh", "-c",
					   "i=0; while [ $i -lt 20 ]; do printf %010000d 0; printf "
					   "%010000d 1 >&2; i=$((i+1)); done",
					   NULL};
	struct pga_subprocess child;
	struct pga_error error;

	(void)state;
	assert_int_equal(pga_subprocess_run(talk, NULL, &child, &error), 0);
	assert_int_equal(child.status, 0);
	assert_int_equal(child.output.length, 200000);
	assert_int_equal(child.errors.length, 200000);
	for (size_t i = 0; i < 200000; i++) {
		assert_int_equal(child.output.bytes[i], '0');
		assert_int_equal(child.errors.bytes[i], i % 10000 == 9999 ? '1' : '0');
	}
	pga_subprocess_free(&child);
}

static void how_it_ended(void **state)
{
	static const char *const killed[] = {"sh", "-c", "kill -9 $$", NULL};
	static const char *const reads[] = {"cat", NULL};
	static const char *const none[] = {"/nonexistent/program", NULL};
	struct pga_subprocess child;
	struct pga_error error;

	(void)state;
	assert_int_equal(pga_subprocess_run(killed, NULL, &child, &error), 0);
	assert_int_equal(child.status, 128 + 9);
	assert_false(child.late);
	pga_subprocess_free(&child);
	/* There is nothing to read. */
	assert_int_equal(pga_subprocess_run(reads, NULL, &child, &error), 0);
	assert_int_equal(child.status, 0);
	assert_int_equal(child.output.length, 0);
	pga_subprocess_free(&child);
	assert_int_equal(pga_subprocess_run(none, NULL, &child, &error), -1);
	assert_non_null(strstr(error.message, "/nonexistent/program"));
	assert_non_null(strstr(error.message, "No such file or directory"));
	pga_subprocess_free(&child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(environment_and_preload),
	    cmocka_unit_test(long_answers),
	    cmocka_unit_test(how_it_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
