/* cli/bootstrap_existing.h: which roots of root.crt are shown, and pinned, without a CA. */
#include "cmocka_start.h"
#include "printed.h"
#include "played_existing.h"

#include "cli/bootstrap_existing.h"
#include "cli/cli.h"

static bool yes;

static int alone(void *context)
{
	(void)context;
	return pga_existing_roots_alone(yes, dry_run);
}

static void assert_alone(int status, const char *output, const char *errors)
{
	assert_int_equal(prints(alone, NULL), status);
	assert_string_equal(printed.output, output);
	assert_string_equal(printed.errors, errors);
}

#define COMPARE                                                                                  \
	"pganchor: nothing was pinned: nobody has said that these roots are the right ones\n   " \
	" compare them with what those who run the CAs say; --yes then pins what is shown here\n"

static void roots_are_shown(void **state)
{
	(void)state;
	yes = dry_run = false;
	here.count = 1;
	assert_alone(PGA_EXIT_FAILED,
		     OF_CRT " holds 1 root that is not pinned:\n    CN=1 (SHA-256 " PIN(
			 1) "), valid to 2031-01-02\n",
		     COMPARE);
	here.count = 2;
	here.pinned = 1;
	assert_alone(PGA_EXIT_FAILED,
		     OF_CRT " holds 2 roots that are not pinned:\n    CN=1 (SHA-256 " PIN(
			 1) "), valid to 2031-01-02\n    CN=2 (SHA-256 " PIN(2) "), valid to "
										"2032-01-02\n",
		     COMPARE);
	assert_int_equal(here.installed, 0);
	assert_int_equal(here.mode, R_OK);
}

static void roots_are_pinned(void **state)
{
	static const char pinned[] = "Pinned, as anchor " NAME(1) ": CN=1 (SHA-256 " PIN(
	    1) ")\nPinned, as anchor " NAME(2) ": CN=2 (SHA-256 " PIN(2) ")\n";
	static const char would[] =
	    "Would be pinned, as anchor " NAME(1) ": CN=1 (SHA-256 " PIN(1) ")\n";

	(void)state;
	here.count = 2;
	yes = true;
	dry_run = false;
	assert_alone(PGA_EXIT_DONE, pinned, "");
	assert_false(here.dry_run);
	assert_int_equal(here.installed, 2);
	here.count = 1;
	yes = false;
	dry_run = true;
	assert_alone(PGA_EXIT_DONE, would, "");
	assert_true(here.dry_run);
	yes = true;
	assert_alone(PGA_EXIT_DONE, would, "");
}

/* One that cannot be an anchor keeps no other from being one, but all was asked for. */
static void roots_that_cannot_be(void **state)
{
	(void)state;
	yes = true;
	dry_run = false;
	here.count = 3;
	here.unfit = &roots[0];
	here.unwritten = &roots[1];
	here.hint = "--name another";
	assert_alone(PGA_EXIT_FAILED, "Pinned, as anchor " NAME(3) ": CN=3 (SHA-256 " PIN(3) ")\n",
		     "pganchor: " OF_CRT ": CN=1 is too weak\n    it is not pinned: once any root "
		     "is, the gate refuses its servers\npganchor: CN=2 is in the way\n    it is "
		     "not pinned: move away, or put right, what the message names, and try "
		     "again\n");
}

static void nothing_to_pin(void **state)
{
	static const struct {
		size_t pinned;
		bool unreadable;
		bool no_file;
		bool no_unpinned;
		int status;
		const char *output;
		const char *errors;
	} cases[] = {
	    {1, false, false, false, PGA_EXIT_DONE,
	     OF_CRT " holds no root that is not pinned: nothing to do\n", ""},
	    {0, false, false, false, PGA_EXIT_FAILED, "",
	     "pganchor: " OF_CRT ": there is no root to pin: no certificate in it is self-signed "
	     "and in date\n    --ca-url URL --fingerprint HEX fetches and pins one\n"},
	    {0, true, false, false, PGA_EXIT_FAILED, "",
	     "pganchor: " OF_CRT ": there is no root to pin: libpq finds no certificate in it\n    "
	     "repair it, or move it away: libpq takes PEM, and nothing of a file with a damaged "
	     "certificate\n"},
	    {0, true, true, false, PGA_EXIT_FAILED, "",
	     "pganchor: " OF_CRT ": there is no root to pin: No such file or directory\n    "
	     "--ca-url URL --fingerprint HEX fetches and pins one\n"},
	    {0, false, false, true, PGA_EXIT_FAILED, "", "pganchor: no roots\n"},
	    {0, true, true, true, PGA_EXIT_FAILED, "", "pganchor: no roots\n"},
	};

	(void)state;
	yes = true;
	dry_run = false;
	for (size_t i = 0; i < COUNT(cases); i++) {
		here.pinned = cases[i].pinned;
		here.unreadable = cases[i].unreadable;
		here.no_file = cases[i].no_file;
		here.no_unpinned = cases[i].no_unpinned;
		assert_alone(cases[i].status, cases[i].output, cases[i].errors);
	}
}

/* Who reads both in one place reads the roots before what is to be done with them. */
static int alone_into_one_file(void *context)
{
	const int before = dup(2);
	int status;

	(void)context;
	assert_true(before >= 0 && dup2(1, 2) == 2);
	status = pga_existing_roots_alone(false, false);
	assert_int_equal(dup2(before, 2), 2);
	(void)close(before);
	return status;
}

static void roots_come_first(void **state)
{
	(void)state;
	here.count = 1;
	assert_int_equal(prints(alone_into_one_file, NULL), PGA_EXIT_FAILED);
	assert_string_equal(printed.output,
			    OF_CRT " holds 1 root that is not pinned:\n    CN=1 (SHA-256 " PIN(
				1) "), valid to 2031-01-02\n" COMPARE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    EACH_TEST(roots_are_shown),      EACH_TEST(roots_are_pinned),
	    EACH_TEST(roots_that_cannot_be), EACH_TEST(nothing_to_pin),
	    EACH_TEST(roots_come_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
