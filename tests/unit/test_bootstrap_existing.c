/* cli/bootstrap_existing.h: which roots of root.crt are pinned beside a root that is, and what is
 * warned of where they are not. */
#include "cmocka_start.h"
#include "failing.h"
#include "played_existing.h"
#include "printed.h"

#include "cli/bootstrap_existing.h"
#include "cli/cli.h"
#include "policy/policy.h"

#include <fcntl.h>

/* ---- beside a root that was pinned ---- */
static struct pga_existing existing;

static int pin_beside(void *context)
{
	return pga_existing_pin(context, dry_run, &existing, &error);
}

static void assert_pinned(size_t number, const char *name, size_t which)
{
	assert_string_equal(existing.pinned[number].name, name);
	assert_string_equal(existing.pinned[number].pin, roots[which].pin);
	assert_string_equal(existing.pinned[number].subject, roots[which].subject);
}

static void all_but_the_new_one(void **state)
{
	(void)state;
	here.count = 3;
	for (int turn = 0; turn < 2; turn++) {
		dry_run = turn == 1;
		here.installed = 0;
		assert_int_equal(prints(pin_beside, &roots[1]), PGA_EXIT_DONE);
		assert_int_equal(here.installed, 2);
		assert_int_equal(here.dry_run, turn);
		assert_int_equal(existing.count, 2);
		assert_pinned(0, NAME(1), 0);
		assert_pinned(1, NAME(3), 2);
		assert_string_equal(printed.output, "");
		assert_string_equal(printed.errors, "");
		pga_existing_free(&existing);
		assert_null(existing.pinned);
		assert_int_equal(existing.count, 0);
	}
}

static void those_that_cannot_be(void **state)
{
	static const struct {
		bool unfit;
		bool unwritten;
		const char *hint;
		int status;
		const char *said;
	} cases[] = {
	    {true, false, "", PGA_EXIT_DONE,
	     "pganchor: warning: " OF_CRT
	     ": CN=2 is too weak; it is not pinned, and the gate refuses its servers\n"},
	    {false, true, "make room", PGA_EXIT_FAILED,
	     "pganchor: warning: CN=3 (SHA-256 " PIN(3) "): CN=3 is in the way\n    make room\n"},
	    {false, true, "another --name", PGA_EXIT_FAILED,
	     "pganchor: warning: CN=3 (SHA-256 " PIN(
		 3) "): CN=3 is in the way\n    it is not "
		    "pinned: move away, or put right, what the message names, and try again\n"},
	    {true, true, "make room", PGA_EXIT_FAILED,
	     "pganchor: warning: " OF_CRT
	     ": CN=2 is too weak; it is not pinned, and the gate refuses its servers\n"
	     "pganchor: warning: CN=3 (SHA-256 " PIN(3) "): CN=3 is in the way\n    make room\n"},
	};

	(void)state;
	here.count = 5;
	for (size_t i = 0; i < COUNT(cases); i++) {
		here.unfit = cases[i].unfit ? &roots[1] : NULL;
		here.unwritten = cases[i].unwritten ? &roots[2] : NULL;
		here.hint = cases[i].hint;
		assert_int_equal(prints(pin_beside, &roots[4]), cases[i].status);
		assert_string_equal(printed.errors, cases[i].said);
		assert_int_equal(existing.count, 4 - cases[i].unfit - cases[i].unwritten);
		assert_pinned(0, NAME(1), 0);
		assert_pinned(existing.count - 1, NAME(4), 3);
		pga_existing_free(&existing);
	}
}

static void a_file_without_a_certificate(void **state)
{
	(void)state;
	here.unreadable = true;
	assert_int_equal(prints(pin_beside, &roots[0]), PGA_EXIT_FAILED);
	assert_string_equal(printed.errors,
			    "pganchor: warning: " OF_CRT ": libpq finds no certificate in it, and "
			    "there is none to pin\n");
	assert_int_equal(here.mode, F_OK);
	here.no_file = true;
	assert_int_equal(prints(pin_beside, &roots[0]), PGA_EXIT_DONE);
	assert_string_equal(printed.errors, "");
	/* Nor is anything said of one that was not read. */
	here.no_file = false;
	here.no_unpinned = true;
	assert_int_equal(prints(pin_beside, &roots[0]), -1);
	assert_string_equal(printed.errors, "");
}

/* Each of them with what it says, once with a use of it. */
static void assert_fails(int (*run)(void *), bool *fails, const char *message)
{
	*fails = true;
	memset(&error, 0, sizeof error);
	assert_int_equal(prints(run, &roots[0]), -1);
	assert_string_equal(error.message, message);
	assert_string_equal(printed.output, "");
	assert_string_equal(printed.errors, "");
	assert_int_equal(existing.count, 0);
	*fails = false;
}

static void what_cannot_be_read(void **state)
{
	(void)state;
	here.count = 2;
	assert_fails(pin_beside, &here.no_pins, "no pins");
	assert_fails(pin_beside, &here.no_home, "no home");
	assert_fails(pin_beside, &here.no_unpinned, "no roots");
}

static int pin_without(void *context)
{
	int status;

	left = *(long *)context;
	has_failed = false;
	status = pga_existing_pin(&roots[0], false, &existing, &error);
	left = 0;
	return status;
}

/* It is why nothing was done, or told with the root that it keeps from being pinned. */
static void pinned_without_memory(void **state)
{
	int failures = 0;
	int told = 0;

	(void)state;
	here.count = 2;
	for (long number = 1; number == 1 || has_failed; number++) {
		const int status = prints(pin_without, &number);

		assert_int_equal(existing.count, status == PGA_EXIT_DONE);
		pga_existing_free(&existing);
		failures += status != PGA_EXIT_DONE;
		if (status == -1)
			assert_string_equal(error.message, "out of memory");
		told += strcmp(printed.errors, "pganchor: warning: CN=2 (SHA-256 " PIN(
						   2) "): out of memory\n    \n") == 0;
	}
	assert_int_equal(told, 2);
	assert_true(failures > told);
}

/* ---- what is warned of ---- */

static int warn(void *context)
{
	return pga_existing_warn(context, dry_run, &error);
}

static void those_that_are_not_pinned(void **state)
{
	static const struct {
		size_t count;
		bool dry_run;
		enum pga_mode mode;
		const char *said;
	} cases[] = {
	    {0, false, PGA_MODE_ENFORCE, ""},
	    {1, false, PGA_MODE_ENFORCE, ""},
	    {2, false, PGA_MODE_ENFORCE,
	     "pganchor: warning: " OF_CRT ": the gate refuses from now on the servers of 1 root in "
	     "it that is not pinned:\n    CN=2 (SHA-256 " PIN(
		 2) ")\n    the same command with --pin-existing pins it too\n"},
	    {3, true, PGA_MODE_ENFORCE,
	     "pganchor: warning: " OF_CRT ": the gate would refuse the servers of 2 roots in it "
	     "that are not pinned:\n    CN=2 (SHA-256 " PIN(2) ")\n    CN=3 (SHA-256 " PIN(
		 3) ")\n    the same command with --pin-existing pins them too\n"},
	    {2, false, PGA_MODE_AUDIT,
	     "pganchor: warning: " OF_CRT ": the gate would refuse, but for mode = audit, the "
	     "servers of 1 root in it that is not pinned:\n    CN=2 (SHA-256 " PIN(
		 2) ")\n    the same command with --pin-existing pins it too\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		here.count = cases[i].count;
		dry_run = cases[i].dry_run;
		policy.mode = cases[i].mode;
		assert_int_equal(prints(warn, &roots[0]), 0);
		assert_string_equal(printed.output, "");
		assert_string_equal(printed.errors, cases[i].said);
		assert_int_equal(here.installed, 0);
	}
	/* Where no pin is asked for. */
	policy.trust = PGA_TRUST_VERIFIED;
	assert_int_equal(prints(warn, &roots[0]), 0);
	assert_string_equal(printed.errors, "");
}

static void warnings_that_cannot_be(void **state)
{
	(void)state;
	here.count = 2;
	assert_fails(warn, &here.no_policy, "no policy");
	assert_fails(warn, &here.no_pins, "no pins");
	assert_fails(warn, &here.no_home, "no home");
	assert_fails(warn, &here.no_unpinned, "no roots");
}

static int warn_without(void *context)
{
	int result;

	left = *(long *)context;
	has_failed = false;
	result = pga_existing_warn(&roots[4], false, &error);
	left = 0;
	return result;
}

/* It fails, or the warning is whole. */
static void warned_without_memory(void **state)
{
	char whole[sizeof printed.errors];
	long number = 0;
	int failed = 0;

	(void)state;
	here.count = 2;
	assert_int_equal(prints(warn_without, &number), 0);
	(void)snprintf(whole, sizeof whole, "%s", printed.errors);
	for (number = 1; number == 1 || has_failed; number++) {
		const int result = prints(warn_without, &number);

		failed += result != 0;
		if (result != 0)
			assert_string_equal(error.message, "out of memory");
		else
			assert_string_equal(printed.errors, whole);
	}
	assert_true(failed >= 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    EACH_TEST(all_but_the_new_one),          EACH_TEST(those_that_cannot_be),
	    EACH_TEST(a_file_without_a_certificate), EACH_TEST(what_cannot_be_read),
	    EACH_TEST(pinned_without_memory),        EACH_TEST(those_that_are_not_pinned),
	    EACH_TEST(warnings_that_cannot_be),      EACH_TEST(warned_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
