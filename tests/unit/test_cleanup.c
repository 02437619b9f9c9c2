/* base/cleanup.h: what stays behind when a signal ends the program. */
#include "cmocka_start.h"
#include "failing_calls.h"
#include "directory.h"

#include "base/cleanup.h"
#include "base/edit_lock.h"
#include "base/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

static bool exists(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0;
}

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGXCPU, SIGXFSZ};

/* Two names are noted; the second is in the first. */
static void note_and_die(int number)
{
	struct pga_error error;
	int here = open(".", O_RDONLY | O_DIRECTORY);
	int inside;

	if (here < 0 || mkdir("made", 0700) != 0 ||
	    pga_leftover_add(here, "made", AT_REMOVEDIR, &error) == NULL)
		_exit(1);
	inside = open("made", O_RDONLY | O_DIRECTORY);
	put("made/file", "secret");
	if (pga_leftover_add(inside, "file", 0, &error) == NULL)
		_exit(1);
	(void)raise(number);
	_exit(0);
}

static void a_signal_removes_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
		int status = 0;
		pid_t child = fork();

		if (child == 0) {
			(void)signal(signals[i], SIG_DFL);
			note_and_die(signals[i]);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), signals[i]);
		assert_false(exists("made"));
	}
}

static void one_that_is_ignored_stays_so(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
		int status = 0;
		pid_t child = fork();

		if (child == 0) {
			(void)signal(signals[i], SIG_IGN);
			note_and_die(signals[i]);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFEXITED(status));
		assert_int_equal(unlink("made/file") | rmdir("made"), 0);
	}
}

static void assert_handlers(bool ours)
{
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
		struct sigaction now;

		assert_int_equal(sigaction(signals[i], NULL, &now), 0);
		assert_int_equal(now.sa_handler != SIG_DFL, ours);
	}
}

/* In any order; and with the last note, the signals are as they were. */
static void notes_are_forgotten(void **state)
{
	static const size_t orders[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 0, 2}};
	const size_t before = names_in("/proc/self/fd");
	const int here = open(".", O_RDONLY | O_DIRECTORY);

	(void)state;
	pga_leftover_forget(NULL);
	pga_leftover_remove(NULL);
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		(void)signal(signals[i], SIG_DFL);
	for (size_t order = 0; order < 3; order++) {
		static const char *const names[] = {"a", "b", "c"};
		struct pga_leftover *notes[3];
		struct pga_error error;

		for (size_t i = 0; i < 3; i++) {
			put(names[i], "");
			notes[i] = pga_leftover_add(here, names[i], 0, &error);
			assert_non_null(notes[i]);
			assert_handlers(true);
		}
		pga_leftover_remove(notes[orders[order][0]]);
		assert_false(exists(names[orders[order][0]]));
		pga_leftover_forget(notes[orders[order][1]]);
		assert_handlers(true);
		pga_leftover_remove(notes[orders[order][2]]);
		assert_handlers(false);
		assert_true(exists(names[orders[order][1]]));
		assert_false(exists(names[orders[order][2]]));
		assert_int_equal(unlink(names[orders[order][1]]), 0);
	}
	assert_int_equal(close(here), 0);
	assert_int_equal(names_in("/proc/self/fd"), before);
}

/* What somebody else handles, and a child that fork() made. */
static void others_are_left_alone(void **state)
{
	const int here = open(".", O_RDONLY | O_DIRECTORY);
	struct sigaction theirs;
	struct sigaction now;
	struct pga_leftover *note;
	struct pga_error error;
	int status = 0;
	pid_t child;

	(void)state;
	memset(&theirs, 0, sizeof theirs);
	theirs.sa_handler = SIG_IGN;
	assert_int_equal(sigaction(SIGHUP, &theirs, NULL), 0);
	put("mine", "");
	note = pga_leftover_add(here, "mine", 0, &error);
	assert_non_null(note);
	assert_int_equal(sigaction(SIGHUP, NULL, &now), 0);
	assert_true(now.sa_handler == SIG_IGN);
	child = fork();
	if (child == 0) {
		(void)raise(SIGTERM);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_true(exists("mine"));
	pga_leftover_forget(note);
	assert_int_equal(sigaction(SIGHUP, NULL, &now), 0);
	assert_true(now.sa_handler == SIG_IGN);
	(void)signal(SIGHUP, SIG_DFL);
	assert_int_equal(close(here), 0);
}

static void by_three(int number, siginfo_t *information, void *context)
{
	(void)number;
	(void)information;
	(void)context;
}

/* A handler that wants more than the number is somebody else's, too. */
static void handlers_with_three_arguments(void **state)
{
	struct sigaction theirs;
	struct sigaction now;
	struct pga_leftover *note;
	struct pga_error error;

	(void)state;
	memset(&theirs, 0, sizeof theirs);
	theirs.sa_flags = SA_SIGINFO;
	theirs.sa_sigaction = by_three;
	assert_int_equal(sigaction(SIGHUP, &theirs, NULL), 0);
	note = pga_leftover_add(1, "none", 0, &error);
	assert_non_null(note);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(sigaction(SIGHUP, NULL, &now), 0);
		assert_true(now.sa_sigaction == by_three);
		if (i == 0)
			pga_leftover_forget(note);
	}
	(void)signal(SIGHUP, SIG_DFL);
}

static void signals_are_held(void **state)
{
	sigset_t outer;
	sigset_t inner;
	sigset_t now;

	(void)state;
	pga_signals_hold(&outer);
	pga_signals_hold(&inner);
	pga_signals_release(&inner);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(sigprocmask(SIG_BLOCK, NULL, &now), 0);
		for (int number = 1; number < 32; number++) {
			bool ours = false;

			for (size_t at = 0; at < sizeof signals / sizeof signals[0]; at++)
				ours = ours || signals[at] == number;
			assert_int_equal(sigismember(&now, number), i == 0 && ours);
		}
		pga_signals_release(&outer);
	}
}

static void one_that_cannot_be_noted(void **state)
{
	static const struct {
		const char *call;
		const char *said;
	} cases[] = {{"malloc", "out of memory"},
		     {"fcntl", "could not keep a directory open: Too many open files"}};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct pga_error error;

		fail_call(cases[i].call, 1, 1, EMFILE);
		assert_null(pga_leftover_add(1, "x", 0, &error));
		assert_true(end_failing());
		assert_string_equal(error.message, cases[i].said);
		assert_handlers(false);
	}
}

#define IN_A_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_scratch, remove_scratch)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_A_DIRECTORY(a_signal_removes_it),
	    IN_A_DIRECTORY(one_that_is_ignored_stays_so),
	    IN_A_DIRECTORY(notes_are_forgotten),
	    IN_A_DIRECTORY(others_are_left_alone),
	    cmocka_unit_test(signals_are_held),
	    cmocka_unit_test(handlers_with_three_arguments),
	    cmocka_unit_test(one_that_cannot_be_noted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
