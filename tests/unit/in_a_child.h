/* Tests that are a process each, for what begins anew only there. A file that includes it says by
 * around() what comes before and behind each of them, lists their names as EACH(DO), and has
 * EACH(IN_A_CHILD) and, in its table, EACH(ROW). */
#ifndef IN_A_CHILD_H
#define IN_A_CHILD_H

#include "cmocka_start.h"

#include <stdio.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* cmocka's would not end the child. */
#define CHECK(what)                                                                      \
	do {                                                                             \
		if (!(what)) {                                                           \
			(void)fprintf(stderr, "%s:%d: %s\n", __func__, __LINE__, #what); \
			_exit(1);                                                        \
		}                                                                        \
	} while (0)

static void around(void (*scenario)(void));

static void in_a_child(void (*scenario)(void))
{
	const pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		around(scenario);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

#define IN_A_CHILD(name)                      \
	static void test_##name(void **state) \
	{                                     \
		(void)state;                  \
		in_a_child(name);             \
	}
#define ROW(name) cmocka_unit_test(test_##name),

#endif
