/* base/subprocess.h: how a program ended is learnt whatever this process does with SIGCHLD, and one
 * that does not end is not waited for. */
#include "cmocka_start.h"
#include "failing_calls.h"

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

/* A clock that goes 600 thousandths at each look: the second one is too late. */
static void parts_of_a_second_count(void **state)
{
	static const char *const says[] = {"echo", "a", NULL};
	struct pga_subprocess child;
	struct pga_error error;

	(void)state;
	for (unsigned seconds = 1; seconds < 10; seconds += 8) {
		hurry_clock_a_little(600);
		assert_int_equal(pga_subprocess_run_for(seconds, says, NULL, &child, &error),
				 seconds == 1 ? -1 : 0);
		hurry_clock_a_little(0);
		assert_int_equal(child.late, seconds == 1);
		pga_subprocess_free(&child);
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
			    "could not start /no/such/program: No such file or directory");
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

/* Half of an answer is none. */
static void what_is_lost_is_an_error(void **state)
{
	static const struct {
		const char *call;
		unsigned number;
		const char *said;
	} cases[] = {
	    {"pipe2", 1, "could not start sh: Input/output error"},
	    {"pipe2", 2, "could not start sh: Input/output error"},
	    {"calloc", 1, "out of memory"},
	    {"realloc", 1, "out of memory"},
	    {"realloc", 2, "out of memory"},
	    {"realloc", 3, "out of memory"},
	    {"read", 1, "could not read what sh says: Input/output error"},
	    {"read", 2, "could not read what sh says: Input/output error"},
	    {"poll", 1, "could not read what sh says: Input/output error"},
	    {"poll", 2, "could not read what sh says: Input/output error"},
	    {"waitpid", 1, "could not tell how sh ended: Input/output error"},
	};
	const size_t before = names_in("/proc/self/fd");

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pga_subprocess child;
		struct pga_error error;
		int result;

		fail_call(cases[i].call, cases[i].number, 1, EIO);
		result = pga_subprocess_run(seven, "", &child, &error);
		assert_true(end_failing());
		if (result != -1 || strcmp(error.message, cases[i].said) != 0)
			fail_msg("%s %u: %d, %s", cases[i].call, cases[i].number, result,
				 error.message);
		assert_false(child.late);
		pga_subprocess_free(&child);
		assert_int_equal(names_in("/proc/self/fd"), before);
		if (strcmp(cases[i].call, "waitpid") == 0)
			(void)waitpid(-1, NULL, 0);
		assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	}
}

static void interruptions_are_none(void **state)
{
	static const char *const calls[] = {"read", "poll", "waitpid"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct pga_subprocess child;
		struct pga_error error;
		int result;

		if (i < 3)
			fail_call(calls[i], 1, 2, EINTR);
		transfer_slowly(i == 3);
		result = pga_subprocess_run(seven, NULL, &child, &error);
		transfer_slowly(false);
		(void)end_failing();
		assert_int_equal(result, 0);
		assert_int_equal(child.status, 7);
		assert_string_equal(pga_text_string(&child.output), "out\n");
		assert_string_equal(pga_text_string(&child.errors), "err\n");
		pga_subprocess_free(&child);
	}
}

/* The end of one stream is not that of the other. */
static void one_stream_ends_before_the_other(void **state)
{
	static const char *const output[] = {"sh", "-c", "exec 2>&-; head -c 1000000 /dev/zero",
					     NULL};
	static const char *const errors[] = {"sh", "-c", "exec >&-; head -c 1000000 /dev/zero >&2",
					     NULL};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct pga_subprocess child;
		struct pga_error error;

		assert_int_equal(pga_subprocess_run(i == 0 ? output : errors, NULL, &child, &error),
				 0);
		assert_int_equal(child.status, 0);
		assert_int_equal(child.output.length, i == 0 ? 1000000 : 0);
		assert_int_equal(child.errors.length, i == 0 ? 0 : 1000000);
		pga_subprocess_free(&child);
	}
}

/* By a signal, and with more words than there is room for. */
static void other_ends(void **state)
{
	static const char *const killed[] = {"sh", "-c", "kill -9 $$", NULL};
	static const char *const none[] = {NULL};
	static const char *const many[] = {"sh", "-c", "exit $#", "0",  "1",  "2",  "3",  "4",
					   "5",  "6",  "7",       "8",  "9",  "10", "11", "12",
					   "13", "14", "15",      "16", "17", "18", "19", NULL};
	static const char *const more[] = {
	    "sh", "-c", "exit $#", "0",  "1",  "2",  "3",  "4",  "5",  "6",  "7",  "8", "9",
	    "10", "11", "12",      "13", "14", "15", "16", "17", "18", "19", "20", NULL};
	static const char *const reads[] = {"sh", "-c", "cat; exit 5", NULL};
	struct pga_subprocess child;
	struct pga_error error;

	(void)state;
	assert_int_equal(pga_subprocess_run(killed, NULL, &child, &error), 0);
	assert_int_equal(child.status, 128 + 9);
	pga_subprocess_free(&child);
	assert_int_equal(pga_subprocess_run(many, NULL, &child, &error), 0);
	assert_int_equal(child.status, 19);
	pga_subprocess_free(&child);
	assert_int_equal(pga_subprocess_run(more, NULL, &child, &error), -1);
	assert_string_equal(error.message, "could not start sh: Invalid argument");
	pga_subprocess_free(&child);
	assert_int_equal(pga_subprocess_run(none, NULL, &child, &error), -1);
	pga_subprocess_free(&child);
	/* There is nothing to read. */
	assert_int_equal(pga_subprocess_run(reads, NULL, &child, &error), 0);
	assert_int_equal(child.status, 5);
	assert_int_equal(child.output.length, 0);
	pga_subprocess_free(&child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(status_is_told),
	    cmocka_unit_test(one_that_does_not_end_is_killed),
	    cmocka_unit_test(what_is_lost_is_an_error),
	    cmocka_unit_test(interruptions_are_none),
	    cmocka_unit_test(one_stream_ends_before_the_other),
	    cmocka_unit_test(other_ends),
	    cmocka_unit_test(parts_of_a_second_count),
	    cmocka_unit_test(one_that_is_not_there_is_an_error),
	    cmocka_unit_test(more_than_is_kept_is_an_error),
	    cmocka_unit_test(a_stream_comes_whole),
	    cmocka_unit_test(a_stream_that_is_refused_or_silent_is_ended),
	};

	return cmocka_run_group_tests_name("subprocess", tests, NULL, NULL);
}
