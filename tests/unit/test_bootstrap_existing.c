/* cli/bootstrap_existing.h: which roots of root.crt are pinned, what becomes of the others when one
 * cannot be, and what is said of each. */
#include "cmocka_start.h"
#include "failing.h"
#include "printed.h"

#include "anchor/anchors.h"
#include "anchor/unpinned.h"
#include "cli/bootstrap_existing.h"
#include "cli/cli.h"
#include "policy/policy.h"

#include <fcntl.h>

/* ---- the user's files, as the test plays them ---- */

#define D8(digits)  digits digits digits digits digits digits digits digits
#define PIN(digit)  D8(D8(#digit))
#define NAME(digit) "existing-" D8(#digit) D8(#digit)
#define SUBJECT(it)       \
	(char[])          \
	{                 \
		"CN=" #it \
	}
#define ROOT(digit)                                                                                \
	{                                                                                          \
		.pin = PIN(digit), .subject = SUBJECT(digit),                                      \
		.not_before = "2026-01-02T03:04:05Z", .not_after = "203" #digit "-01-02T03:04:05Z" \
	}

static struct pga_certificate roots[] = {ROOT(1), ROOT(2), ROOT(3), ROOT(4), ROOT(5)};
static struct pga_policy policy;
static struct pga_error error;
static char home[] = "/home/me";

static struct {
	size_t count; /* of the roots, how many are in the file and not pinned */
	size_t pinned;
	bool unreadable;
	bool no_file;
	bool no_pins; /* they cannot be read */
	bool no_policy;
	bool no_unpinned;
	bool no_home;
	const struct pga_certificate *unfit;
	const struct pga_certificate *unwritten;
	const char *hint; /* that its error advises */
	/* What was asked for: */
	bool dry_run;
	int mode; /* of access(2) */
	int installed;
} here;

int __wrap_pga_pins_load(struct pga_pins *pins, struct pga_error *why);
int __wrap_pga_policy_load(struct pga_policy *loaded, struct pga_error *why);
char *__wrap_pga_libpq_home(struct pga_error *why);
int __wrap_pga_unpinned_roots_read(struct pga_unpinned_roots *unpinned, const char *path,
				   const struct pga_pins *pins, struct pga_error *why);
void __wrap_pga_unpinned_roots_free(struct pga_unpinned_roots *unpinned);
int __wrap_pga_certificate_check_anchor(const struct pga_certificate *certificate,
					const char *whose, struct pga_error *why);
int __wrap_pga_anchor_install(const struct pga_anchor *anchor, bool dry_run,
			      struct pga_anchoring *done, struct pga_error *why);
int __wrap_access(const char *path, int mode);

int __wrap_pga_pins_load(struct pga_pins *pins, struct pga_error *why)
{
	memset(pins, 0, sizeof *pins);
	return here.no_pins ? pga_fail(why, NULL, "no pins") : 0;
}

int __wrap_pga_policy_load(struct pga_policy *loaded, struct pga_error *why)
{
	*loaded = policy;
	return here.no_policy ? pga_fail(why, NULL, "no policy") : 0;
}

char *__wrap_pga_libpq_home(struct pga_error *why)
{
	char *copy = here.no_home ? NULL : __real_strdup(home);

	if (copy == NULL)
		(void)pga_fail(why, NULL, "no home");
	return copy;
}

int __wrap_pga_unpinned_roots_read(struct pga_unpinned_roots *unpinned, const char *path,
				   const struct pga_pins *pins, struct pga_error *why)
{
	assert_string_equal(path, "/home/me/.postgresql/root.crt");
	assert_int_equal(pins->count, 0);
	unpinned->roots = roots;
	unpinned->count = here.count;
	unpinned->pinned = here.pinned;
	unpinned->readable = !here.unreadable;
	return here.no_unpinned ? pga_fail(why, NULL, "no roots") : 0;
}

void __wrap_pga_unpinned_roots_free(struct pga_unpinned_roots *unpinned)
{
	memset(unpinned, 0, sizeof *unpinned);
}

int __wrap_pga_certificate_check_anchor(const struct pga_certificate *certificate,
					const char *whose, struct pga_error *why)
{
	assert_string_equal(whose, "/home/me/.postgresql/root.crt");
	if (certificate != here.unfit)
		return 0;
	return pga_fail(why, "--name another", "%s: %s is too weak", whose, certificate->subject);
}

int __wrap_pga_anchor_install(const struct pga_anchor *anchor, bool dry_run,
			      struct pga_anchoring *done, struct pga_error *why)
{
	const struct pga_certificate *root = anchor->proof.root;
	char expected[PGA_EXISTING_NAME];

	(void)snprintf(expected, sizeof expected, "existing-%.16s", root->pin);
	assert_string_equal(anchor->fallback_name, expected);
	assert_string_equal(anchor->source, "/home/me/.postgresql/root.crt");
	assert_null(anchor->name);
	assert_null(anchor->proof.chain);
	assert_false(anchor->scoped || anchor->unscoped || anchor->replace);
	assert_ptr_not_equal(root, here.unfit);
	here.dry_run = dry_run;
	here.installed++;
	memset(done, 0, sizeof *done);
	if (root == here.unwritten)
		return pga_fail(why, here.hint, "%s is in the way", root->subject);
	return 0;
}

int __wrap_access(const char *path, int mode)
{
	assert_string_equal(path, "/home/me/.postgresql/root.crt");
	here.mode = mode;
	errno = ENOENT;
	return here.no_file ? -1 : 0;
}

static int begin(void **state)
{
	(void)state;
	memset(&here, 0, sizeof here);
	memset(&error, 0, sizeof error);
	policy = (struct pga_policy){.mode = PGA_MODE_ENFORCE, .trust = PGA_TRUST_PINNED};
	return 0;
}

/* ---- beside a root that was pinned ---- */

static struct pga_existing existing;
static bool dry_run;

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

#define OF_CRT "/home/me/.postgresql/root.crt"

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

/* It fails, or the warning says so. */
static void warned_without_memory(void **state)
{
	int failed = 0;

	(void)state;
	here.count = 2;
	for (long number = 1; number == 1 || has_failed; number++) {
		const int result = prints(warn_without, &number);

		failed += result != 0;
		if (result != 0)
			assert_string_equal(error.message, "out of memory");
		else if (has_failed)
			assert_string_equal(printed.errors, "pganchor: warning: out of memory\n");
	}
	assert_true(failed >= 2);
}

/* ---- without a CA ---- */

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

#define EACH_TEST(test) cmocka_unit_test_setup(test, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    EACH_TEST(all_but_the_new_one),
	    EACH_TEST(those_that_cannot_be),
	    EACH_TEST(a_file_without_a_certificate),
	    EACH_TEST(what_cannot_be_read),
	    EACH_TEST(pinned_without_memory),
	    EACH_TEST(those_that_are_not_pinned),
	    EACH_TEST(warnings_that_cannot_be),
	    EACH_TEST(warned_without_memory),
	    EACH_TEST(roots_are_shown),
	    EACH_TEST(roots_are_pinned),
	    EACH_TEST(roots_that_cannot_be),
	    EACH_TEST(nothing_to_pin),
	    EACH_TEST(roots_come_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
