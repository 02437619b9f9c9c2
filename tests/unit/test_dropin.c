/* preload/dropin.h: what is made of the answers of this tool, started again, and of ldconfig. */
#include "cmocka_start.h"
#include "directory.h"
#include "failing.h"

#include "base/subprocess.h"
#include "preload/dropin.h"
#include "preload/known.h"
#include "preload/module.h"

#include <stdlib.h>

/* What each program that is started ends with, in turn. */
static struct answer {
	int result; /* -1: it cannot be started */
	int status;
	const char *output;
	const char *errors;
} answers[3];
static char asked[800];
static size_t turn;
static struct pga_error error;

void pga_find_self(char self[PATH_MAX])
{
	(void)snprintf(self, PATH_MAX, "/self");
}

bool pga_is_dropin(const char *path)
{
	return strstr(path, "/pganchor/") != NULL;
}

int pga_subprocess_run(const char *const *argv, const char *preload, struct pga_subprocess *child,
		       struct pga_error *why)
{
	const struct answer *answer = &answers[turn++];

	assert_null(preload);
	for (; *argv != NULL; argv++)
		(void)strcat(strcat(asked, *argv), argv[1] != NULL ? " " : "\n");
	memset(child, 0, sizeof *child);
	child->status = answer->status;
	pga_text_add(&child->output, answer->output != NULL ? answer->output : "");
	pga_text_add(&child->errors, answer->errors != NULL ? answer->errors : "");
	return answer->result == 0 ? 0 : pga_fail(why, "next", "not started");
}

void pga_subprocess_free(struct pga_subprocess *child)
{
	pga_text_free(&child->output);
	pga_text_free(&child->errors);
}

static int begin(void **state)
{
	(void)state;
	memset(answers, 0, sizeof answers);
	asked[0] = '\0';
	turn = 0;
	return 0;
}

#define ENV  "env -u LD_PRELOAD -u LD_LIBRARY_PATH "
#define SELF "/self run --has-dropin\n"
#define BOTH ENV "LD_LIBRARY_PATH=" PGA_DROPIN_DIRECTORY " " SELF ENV SELF

static void whether_it_may_stand_there(void **state)
{
	(void)state;
	put("real", "a");
	put("other", "b");
	/* It is found already. */
	answers[0].output = answers[1].output = "real\n";
	assert_int_equal(pga_dropin_try(&error), 0);
	assert_string_equal(asked, BOTH);
	/* Its libpq is what programs have. */
	assert_int_equal(begin(NULL), 0);
	answers[0].output = answers[1].output = "real\nmore\n";
	answers[1].status = 3;
	assert_int_equal(pga_dropin_try(&error), 0);
	/* By another name, too. */
	assert_int_equal(begin(NULL), 0);
	assert_int_equal(symlink("real", "name"), 0);
	answers[0].output = "real\n";
	answers[1] = (struct answer){.status = 3, .output = "name\n"};
	assert_int_equal(pga_dropin_try(&error), 0);
	for (int gone = 0; gone < 2; gone++) {
		assert_int_equal(begin(NULL), 0);
		answers[0].output = "real\n";
		answers[1] =
		    (struct answer){.status = 3, .output = gone == 0 ? "other\n" : "gone\n"};
		assert_int_equal(pga_dropin_try(&error), -1);
		assert_string_equal(error.message,
				    gone == 0 ? "ld.so finds the libpq other, and the drop-in "
						"stands before real"
					      : "ld.so finds the libpq gone, and the drop-in "
						"stands before real");
		assert_string_equal(
		    error.hint,
		    "build pganchor with --with-system-libpq=PATH; nothing was changed");
	}
}

static void whether_it_loads(void **state)
{
	(void)state;
	answers[0] = (struct answer){.status = 127, .errors = "self: no libpq\nmore"};
	assert_int_equal(pga_dropin_try(&error), -1);
	assert_string_equal(error.message,
			    "the drop-in " PGA_DROPIN " does not load: self: no libpq");
	assert_string_equal(error.hint, "install pganchor again; nothing was changed");
	assert_int_equal(turn, 1);
	assert_int_equal(begin(NULL), 0);
	answers[0] = (struct answer){.status = 3, .output = "/lib/libpq.so.5\n"};
	assert_int_equal(pga_dropin_try(&error), -1);
	assert_string_equal(error.message,
			    "the drop-in " PGA_DROPIN " does not load: /lib/libpq.so.5");
	for (size_t which = 0; which < 2; which++) {
		assert_int_equal(begin(NULL), 0);
		answers[which].result = -1;
		assert_int_equal(pga_dropin_try(&error), -1);
		assert_string_equal(error.message, "not started");
	}
}

static void whether_it_is_found(void **state)
{
	(void)state;
	assert_int_equal(pga_dropin_check(true, &error), 0);
	assert_string_equal(asked, ENV SELF);
	answers[1] = (struct answer){.status = 3, .output = "/lib/libpq.so.5\n"};
	assert_int_equal(pga_dropin_check(true, &error), -1);
	assert_string_equal(error.message, "ld.so still finds /lib/libpq.so.5");
	answers[2] = answers[1];
	assert_int_equal(pga_dropin_check(false, &error), 0);
	assert_int_equal(begin(NULL), 0);
	assert_int_equal(pga_dropin_check(false, &error), -1);
	assert_string_equal(error.message, "ld.so still finds " PGA_DROPIN);
	answers[1].result = answers[2].result = -1;
	assert_int_equal(pga_dropin_check(true, &error), -1);
	assert_int_equal(pga_dropin_check(false, &error), -1);
	assert_string_equal(error.message, "not started");
}

static void the_cache(void **state)
{
	(void)state;
	assert_int_equal(pga_dropin_refresh(&error), 0);
	assert_string_equal(asked, "/sbin/ldconfig\n");
	answers[1] = (struct answer){.status = 1, .errors = "no room\nmore\n"};
	assert_int_equal(pga_dropin_refresh(&error), -1);
	assert_string_equal(error.message,
			    "ldconfig failed, and programs find the libpq that they did: no room");
	answers[2].result = -1;
	assert_int_equal(pga_dropin_refresh(&error), -1);
	assert_string_equal(error.message, "not started");
}

/* The units are linked with the machine's libpq, or with none. */
static void this_process(void **state)
{
	const char *libpq = pga_dropin_libpq();

	(void)state;
	assert_false(pga_dropin_is_loaded(false));
	assert_false(pga_dropin_is_loaded(true));
	if (libpq != NULL)
		assert_non_null(strstr(libpq, "libpq.so"));
}

#define TEST(test) cmocka_unit_test_setup(test, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(whether_it_may_stand_there),
	    TEST(whether_it_loads),
	    TEST(whether_it_is_found),
	    TEST(the_cache),
	    TEST(this_process),
	};

	return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
