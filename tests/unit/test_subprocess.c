/* base/subprocess.h: how a program ended is learnt whatever this process does with SIGCHLD, and one
 * that does not end is not waited for. */
#include "cmocka_start.h"

#include "base/subprocess.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

static const char *const seven[] = {"sh", "-c", "echo out; echo err >&2; exit 7", NULL};

static void status_is_told(void **state)
{
	/* What execve(2) passes on of the one who started us. */
	void (*const before[])(int) = {SIG_DFL, SIG_IGN};

	(void)state;
	for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
		struct pga_subprocess child;
		struct pga_error error;

		assert_true(signal(SIGCHLD, before[i]) != SIG_ERR);
		assert_int_equal(pga_subprocess_run(seven, NULL, &child, &error), 0);
		assert_int_equal(child.status, 7);
		assert_string_equal(pga_text_string(&child.output), "out\n");
		assert_string_equal(pga_text_string(&child.errors), "err\n");
		pga_subprocess_free(&child);
		/* A program that we become has it as it was. */
		assert_true(signal(SIGCHLD, SIG_DFL) == before[i]);
	}
}

static void one_that_does_not_end_is_killed(void **state)
{
	static const char *const talks_on[] = {"sleep", "1000", NULL};
	/* Its streams are at their end, and it is not. */
	static const char *const is_silent[] = {"sh", "-c", "exec sleep 1000 >&- 2>&-", NULL};
	const char *const *const argvs[] = {talks_on, is_silent};

	(void)state;
	for (size_t i = 0; i < sizeof argvs / sizeof argvs[0]; i++) {
		struct pga_subprocess child;
		struct pga_error error;

		assert_int_equal(pga_subprocess_run_for(1, argvs[i], NULL, &child, &error), -1);
		assert_non_null(strstr(error.message, argvs[i][0]));
		assert_non_null(strstr(error.message, "has not ended in 1 seconds"));
		pga_subprocess_free(&child);
		/* None is left behind. */
		assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
		assert_int_equal(errno, ECHILD);
	}
}

static void one_that_is_not_there_is_an_error(void **state)
{
	static const char *const argv[] = {"/no/such/program", NULL};
	struct pga_subprocess child;
	struct pga_error error;

	(void)state;
	assert_int_equal(pga_subprocess_run(argv, NULL, &child, &error), -1);
	assert_string_equal(error.message,
			    "cannot start /no/such/program: No such file or directory");
	pga_subprocess_free(&child);
}

/* Counts bytes, up to a limit. */
struct counter {
	size_t count;
	size_t most;
};

static bool count(void *context, const char *bytes, size_t length)
{
	struct counter *counter = context;

	(void)bytes;
	counter->count += length;
	return counter->count <= counter->most;
}

/* 20 MiB: more than is kept of an answer. */
static const char *const talks_much[] = {"sh", "-c", "head -c 20971520 /dev/zero; exit 3", NULL};

static void more_than_is_kept_is_an_error(void **state)
{
	struct pga_subprocess child;
	struct pga_error error;

	(void)state;
	assert_int_equal(pga_subprocess_run(talks_much, NULL, &child, &error), -1);
	assert_string_equal(error.message, "sh says more than 16 MiB");
	pga_subprocess_free(&child);
}

static void a_stream_comes_whole(void **state)
{
	struct counter counter = {0, SIZE_MAX};
	struct pga_subprocess child;
	struct pga_error error;

	(void)state;
	assert_int_equal(pga_subprocess_stream(30, talks_much, count, &counter, &child, &error), 0);
	assert_int_equal(counter.count, 20971520);
	assert_int_equal(child.status, 3);
	pga_subprocess_free(&child);
}

static void a_stream_that_is_refused_or_silent_is_ended(void **state)
{
	static const char *const is_silent[] = {"sh", "-c", "echo x; exec sleep 1000", NULL};
	struct counter counter = {0, 1000};
	struct pga_subprocess child;
	struct pga_error error;

	(void)state;
	assert_int_equal(pga_subprocess_stream(30, talks_much, count, &counter, &child, &error),
			 -1);
	assert_string_equal(error.message, "what sh says could not be taken");
	pga_subprocess_free(&child);
	counter.count = 0;
	assert_int_equal(pga_subprocess_stream(1, is_silent, count, &counter, &child, &error), -1);
	assert_string_equal(error.message, "sh has said nothing for 1 seconds");
	assert_int_equal(counter.count, 2);
	pga_subprocess_free(&child);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(status_is_told),
	    cmocka_unit_test(one_that_does_not_end_is_killed),
	    cmocka_unit_test(one_that_is_not_there_is_an_error),
	    cmocka_unit_test(more_than_is_kept_is_an_error),
	    cmocka_unit_test(a_stream_comes_whole),
	    cmocka_unit_test(a_stream_that_is_refused_or_silent_is_ended),
	};

	return cmocka_run_group_tests_name("subprocess", tests, NULL, NULL);
}
