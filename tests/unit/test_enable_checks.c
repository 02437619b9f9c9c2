/* diagnose/enable_checks.h: what enable refuses, and what it warns of, where it is for a service.
 */
#include "cmocka_start.h"
#include "failing.h"
#include "checked_machine.h"
#include "printed.h"

#include "preload/daemons.h"
#include "preload/image.h"
#include "preload/module.h"
#include "preload/unit_settings.h"
#include "diagnose/enable_checks.h"

static struct pga_error error;
static struct {
	const char *unit;
	const char *root;
} asked;
static bool of_user;
static char *preload;

static int check_unit(void *context)
{
	(void)context;
	return tell(pga_check_unit(asked.unit, asked.root, of_user, &preload, &findings, &error));
}

/* Returns the result, with what was warned of in printed.errors. */
static int check(const char *unit, const char *root, bool user)
{
	int result;

	memset(&asked, 0, sizeof asked);
	memset(&error, 0, sizeof error);
	asked.unit = unit;
	asked.root = root;
	of_user = user;
	asked_for[0] = '\0';
	result = prints(check_unit, NULL);
	assert_int_equal(preload != NULL, result == 0);
	free(preload);
	return result;
}

static void assert_refused(const char *message, const char *hint)
{
	assert_int_equal(check("a", NULL, false), -1);
	assert_string_equal(error.message, message);
	assert_string_equal(error.hint, hint);
	assert_string_equal(printed.errors, "");
}

static void who_is_asked(void **state)
{
	(void)state;
	here.settings.preload = "/a.so";
	assert_int_equal(check("a", NULL, false), 0);
	assert_string_equal(asked_for, "daemon a ask a.service");
	assert_string_equal(printed.errors, "");
	assert_int_equal(check("a", NULL, true), 0);
	assert_string_equal(asked_for, " user's a.service");
	assert_int_equal(check("a", "/image", true), 0);
	assert_string_equal(asked_for, " user's a.service");
	assert_int_equal(check("a", "/image", false), 0);
	assert_string_equal(asked_for, "daemon a/image file a.service/image");
	assert_string_equal(printed.errors, "");
	assert_int_equal(check("a/b", NULL, false), -1);
	assert_string_equal(error.message, "no name");
	assert_string_equal(asked_for, "");
	here.silent = true;
	assert_int_equal(check("a", NULL, false), -1);
	assert_string_equal(error.message, "silent");
}

static void what_it_preloads(void **state)
{
	(void)state;
	here.settings.preload = "/a.so";
	memset(&asked, 0, sizeof asked);
	asked.unit = "a";
	of_user = false;
	assert_int_equal(prints(check_unit, NULL), 0);
	assert_string_equal(preload, "/a.so");
	free(preload);
	asked.root = "/image";
	assert_int_equal(prints(check_unit, NULL), 0);
	assert_string_equal(preload, "");
	free(preload);
}

static void want_of_memory(void **state)
{
	(void)state;
	memset(&asked, 0, sizeof asked);
	asked.unit = "a";
	of_user = false;
	left = 1;
	assert_int_equal(prints(check_unit, NULL), -1);
	assert_int_equal(left, 0);
	assert_null(preload);
	assert_string_equal(error.message, "out of memory");
}

static void what_is_refused(void **state)
{
	static const struct pga_daemon refused = {
	    .refused = true, .why = "why", .advice = "advice"};

	(void)state;
	here.settings.load_state = "not-found";
	assert_refused("a: there is no such service",
		       "systemctl list-units --type=service lists them; nothing was changed");
	begin(NULL);
	here.settings.id = "b.service";
	assert_refused("a: another name of b.service", "name that; nothing was changed");
	begin(NULL);
	here.settings.unset = "A LD_PRELOAD";
	assert_refused("a has UnsetEnvironment=A LD_PRELOAD, which wins over what a drop-in sets",
		       "take it out of the unit; nothing was changed");
	begin(NULL);
	here.settings.root = "/r";
	here.overridden_by = "/z.conf";
	assert_refused("a: /z.conf sets LD_PRELOAD, which wins over what a drop-in sets",
		       "add the gate there by hand; nothing was changed");
	begin(NULL);
	here.daemon = &refused;
	assert_refused("a: why", "advice");
	assert_string_equal(asked_for, "daemon a");
	begin(NULL);
	here.known = false;
	here.has_preload = true;
	assert_refused("a: /unit sets LD_PRELOAD itself, which a drop-in would take away",
		       "add the gate there by hand; nothing was changed");
}

#define UNKNOWN                                                                                    \
	"pganchor: warning: systemd does not answer here: what a sets itself is not known\n    "   \
	"UnsetEnvironment=LD_PRELOAD, RootDirectory= and an LD_PRELOAD of its own would keep the " \
	"gate out of it, or be lost\n"

static void what_is_warned_of(void **state)
{
	static const struct pga_daemon partly = {.why = "why", .advice = "advice"};

	(void)state;
	here.daemon = &partly;
	here.settings.unset = "A";
	assert_int_equal(check("a", NULL, false), 0);
	assert_string_equal(printed.errors, "pganchor: warning: a: why\n    advice\n");
	assert_string_equal(ids, " unit-covered-in-part");
	assert_int_equal(check("a", NULL, true), 0);
	assert_string_equal(printed.errors, "");
	begin(NULL);
	here.settings.root = "/r";
	assert_int_equal(check("a", NULL, false), 0);
	assert_string_equal(
	    printed.errors,
	    "pganchor: warning: a has a root directory of its own (/r)\n    install "
	    "pganchor there too: ld.so starts a program without a gate that is not there\n");
	assert_string_equal(ids, " unit-has-root");
	begin(NULL);
	here.known = false;
	assert_int_equal(check("a", NULL, false), 0);
	assert_string_equal(printed.errors, UNKNOWN);
	here.unit_file = NULL;
	assert_int_equal(check("a", NULL, false), 0);
	assert_string_equal(printed.errors, UNKNOWN
			    "pganchor: warning: a: there is no such service in this machine yet\n");
	assert_string_equal(ids, " unit-settings-unknown unit-not-found");
	assert_int_equal(check("a", "/image", false), 0);
	assert_string_equal(printed.errors,
			    "pganchor: warning: a: there is no such service in /image yet\n");
	assert_int_equal(check("a", NULL, true), 0);
	assert_string_equal(printed.errors, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(who_is_asked, begin),
	    cmocka_unit_test_setup(what_it_preloads, begin),
	    cmocka_unit_test_setup(want_of_memory, begin),
	    cmocka_unit_test_setup(what_is_refused, begin),
	    cmocka_unit_test_setup(what_is_warned_of, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
