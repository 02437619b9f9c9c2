/* cli/cmd_enable.c, of the drop-in: ld.so's cache is made anew behind the file, what does not hold
 * there is taken back, and the module is not asked for. */
#include "cmocka_start.h"
#include "printed.h"
#include "played_enable.h"

#define FAILED  "pganchor: it failed\n    mend it; nothing was changed\n"
#define WRITTEN "on /dropin = " PGA_DROPIN_DIRECTORY "\n"
#define BEHIND \
	"every program that is started from now on and uses the machine's libpq has the gate\n"

static void what_is_done(void **state)
{
	static const struct {
		const char *words;
		bool dropped_in; /* before */
		const char *happened;
		const char *output;
	} cases[] = {
	    {"enable --machine", false,
	     "try drop-in\n" WRITTEN "apply /dropin\nldconfig\nfound\nsessions\n",
	     "dropin: /dropin: written\n" BEHIND},
	    /* The cache may be older than the file. */
	    {"enable --machine", true, "try drop-in\n" WRITTEN "apply\nldconfig\nfound\nsessions\n",
	     "dropin: /dropin: unchanged\n"},
	    {"enable --machine -n", false, "try drop-in\n" WRITTEN "sessions\n",
	     "dropin: /dropin: would be written\n  lines of /dropin\n"},
	    /* Only the image's own ldconfig knows its libraries. */
	    {"enable --machine --root /tmp", false,
	     "try drop-in\nimage /tmp\non /tmp/dropin = " PGA_DROPIN_DIRECTORY
	     "\napply /tmp/dropin\nsessions\n",
	     "dropin: /tmp/dropin: written\nnext:\n    chroot /tmp ldconfig\n"},
	    {"disable --machine --root /tmp", true, "off /tmp/dropin\napply /tmp/dropin\n",
	     "dropin: /tmp/dropin: removed\nnext:\n    chroot /tmp ldconfig\n"},
	    {"enable --machine --ld-so-preload", false,
	     "try drop-in\nmodule\n" WRITTEN "on /preload = " ENTRY
	     "\napply /dropin\nldconfig\nfound\nsessions\n",
	     "dropin: /dropin: written\npreload: /preload: unchanged\n"
	     "every program that is started from now on has the gate\n"},
	    {"disable --machine", true, "off /dropin\napply /dropin\nldconfig\ngone\n",
	     "dropin: /dropin: removed\n"
	     "every program that is started from now on and uses the machine's libpq is without "
	     "the gate\n"},
	    {"disable --machine", false, "off /dropin\napply\ngone\n",
	     "dropin: /dropin: nothing to remove\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const size_t length = strlen(cases[i].output);

		here.dropped_in = cases[i].dropped_in;
		if (run(cases[i].words) != PGA_EXIT_DONE ||
		    strcmp(happened, cases[i].happened) != 0)
			fail_msg("%s: %s%s", cases[i].words, happened, printed.errors);
		/* disable says what else is on. */
		assert_int_equal(strncmp(printed.output, cases[i].output, length), 0);
		assert_string_equal(printed.errors, "");
	}
}

/* Of all that is taken out, only what was there changes the cache. */
static void with_all(void **state)
{
	(void)state;
	assert_int_equal(run("disable --all"), PGA_EXIT_DONE);
	assert_null(strstr(happened, "ldconfig"));
	assert_non_null(strstr(happened, "\ngone\n"));
	here.dropped_in = true;
	assert_int_equal(run("disable --all"), PGA_EXIT_DONE);
	assert_non_null(strstr(happened, "/dropin\nldconfig\ngone\n"));
}

static void what_is_in_the_way(void **state)
{
	(void)state;
	here.no_dropin = true;
	assert_int_equal(run("enable --machine"), PGA_EXIT_FAILED);
	assert_string_equal(happened, "try drop-in\n");
	assert_string_equal(printed.errors, FAILED);
	/* What is taken out needs no drop-in. */
	here.dropped_in = true;
	assert_int_equal(run("disable --machine"), PGA_EXIT_DONE);
}

static void what_does_not_hold_is_taken_back(void **state)
{
	(void)state;
	here.not_first = true;
	assert_int_equal(run("enable --machine"), PGA_EXIT_FAILED);
	assert_string_equal(happened, "try drop-in\n" WRITTEN "apply /dropin\nldconfig\nfound\n"
				      "take back /dropin\nldconfig\n");
	assert_string_equal(printed.errors, FAILED);
	assert_string_equal(printed.output, "");
	/* So is all that was written with it. */
	here.off[0] = "/preload";
	assert_int_equal(run("enable --machine --ld-so-preload"), PGA_EXIT_FAILED);
	assert_non_null(strstr(happened, "found\ntake back /preload /dropin\nldconfig\n"));
	/* What was there before stays. */
	here.dropped_in = true;
	assert_int_equal(run("enable --machine"), PGA_EXIT_FAILED);
	assert_non_null(strstr(happened, "take back\nldconfig\n"));
	/* What could not be taken back is told. */
	here.dropped_in = false;
	here.no_ldconfig = true;
	here.stays = "/dropin";
	assert_int_equal(run("enable --machine"), PGA_EXIT_FAILED);
	assert_string_equal(printed.errors,
			    FAILED FAILED "pganchor: warning: /dropin: changed all the same, and "
					  "could not be taken back\n");
}

/* It is told, and what was taken out stays so. */
static void one_that_is_found_all_the_same(void **state)
{
	(void)state;
	here.dropped_in = here.not_first = true;
	assert_int_equal(run("disable --machine"), PGA_EXIT_FAILED);
	assert_string_equal(happened, "off /dropin\napply /dropin\nldconfig\ngone\n");
	assert_string_equal(printed.errors, FAILED);
	assert_int_equal(strncmp(printed.output, "dropin: /dropin: removed\n", 25), 0);
	/* No file says so, and ld.so's cache does. */
	here.dropped_in = false;
	assert_int_equal(run("disable --machine"), PGA_EXIT_FAILED);
	assert_string_equal(happened, "off /dropin\napply\ngone\nldconfig\ngone\n");
}

#define TEST(test) cmocka_unit_test_setup(test, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_is_done),
	    TEST(with_all),
	    TEST(what_is_in_the_way),
	    TEST(what_does_not_hold_is_taken_back),
	    TEST(one_that_is_found_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
