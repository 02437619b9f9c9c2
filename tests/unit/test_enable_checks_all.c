/* diagnose/enable_checks.h: what enable refuses, and what it warns of, where it is for all
 * sessions, for an image, or for programs of another kind. */
#include "cmocka_start.h"
#include "failing.h"
#include "checked_machine.h"
#include "printed.h"

#include "preload/image.h"
#include "preload/module.h"
#include "preload/unit_settings.h"
#include "diagnose/enable_checks.h"

#include <sys/types.h>

static struct pga_error error;
static struct {
	bool ways[PGA_WAYS];
	const char *root;
} asked;

/* ---- sessions ---- */
static int check_sessions(void *context)
{
	(void)context;
	pga_check_sessions(asked.ways, asked.root, &findings);
	return tell(0);
}

#define NO_SYSTEMD                                                                              \
	"pganchor: warning: no systemd of yours runs, which is what reads this file\n    over " \
	"ssh "                                                                                  \
	"or in a container, pganchor enable --shell is the way\n"
#define X_SESSIONS                                                                                 \
	"pganchor: warning: X sessions are children of ssh-agent, which is set-group-ID, so that " \
	"ld.so takes LD_PRELOAD from them\n    take use-ssh-agent out of "                         \
	"/etc/X11/Xsession.options, "                                                              \
	"or enable --ld-so-preload\n"
#define MUSL                                                                             \
	"pganchor: warning: programs of musl (/ld) cannot load the gate, and end where " \
	"LD_PRELOAD "                                                                    \
	"has it\n    start them with pganchor run, or by env -u LD_PRELOAD\n"

static void sessions_without_the_gate(void **state)
{
	static const struct {
		enum pga_way way;
		bool no_session;
		bool x_sessions;
		const char *musl;
		const char *asked_for;
		const char *warned;
	} cases[] = {
	    {PGA_WAY_SESSION, false, false, NULL, " X/r musl/r", ""},
	    {PGA_WAY_SESSION, true, true, "/ld", " X/r musl/r", NO_SYSTEMD X_SESSIONS MUSL},
	    {PGA_WAY_ENVIRONMENT, true, true, "/ld", " X/r musl/r", X_SESSIONS MUSL},
	    {PGA_WAY_ENVIRONMENT, true, false, NULL, " X/r musl/r", ""},
	    {PGA_WAY_SHELL, true, true, "/ld", " musl/r", MUSL},
	    {PGA_WAY_PRELOAD, true, true, "/ld", "", ""},
	    {PGA_WAY_UNIT, true, true, "/ld", "", ""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		memset(&asked, 0, sizeof asked);
		asked.ways[cases[i].way] = true;
		asked.root = "/r";
		here.no_session = cases[i].no_session;
		here.x_sessions = cases[i].x_sessions;
		here.musl = cases[i].musl;
		asked_for[0] = '\0';
		assert_int_equal(prints(check_sessions, NULL), 0);
		assert_string_equal(asked_for, cases[i].asked_for);
		assert_string_equal(printed.errors, cases[i].warned);
		assert_int_equal(strstr(ids, " session-not-of-systemd") != NULL,
				 strstr(cases[i].warned, NO_SYSTEMD) != NULL);
		assert_int_equal(strstr(ids, " session-of-ssh-agent") != NULL,
				 strstr(cases[i].warned, X_SESSIONS) != NULL);
		assert_int_equal(strstr(ids, " programs-of-musl") != NULL,
				 strstr(cases[i].warned, MUSL) != NULL);
	}
}

/* ---- the module ---- */

static int check_module(void *context)
{
	(void)context;
	return tell(pga_check_module(asked.ways, asked.root, &findings, &error));
}

static void who_may_have_changed_it(void **state)
{
	static const struct {
		enum pga_way way;
		uid_t acting;
		const char *root;
		const char *asked_for;
	} cases[] = {
	    {PGA_WAY_SESSION, 1000, NULL, ""},
	    {PGA_WAY_SHELL, 1000, NULL, ""},
	    {PGA_WAY_USER_UNIT, 1000, NULL, ""},
	    {PGA_WAY_SESSION, 0, NULL, " guarded 0"},
	    {PGA_WAY_ENVIRONMENT, 1000, NULL, " guarded 0 open"},
	    {PGA_WAY_PROFILE, 1000, NULL, " guarded 0 open"},
	    {PGA_WAY_UNIT, 1000, NULL, " guarded 0 open"},
	    {PGA_WAY_PRELOAD, 1000, NULL, " guarded 0 open 32"},
	    {PGA_WAY_ENVIRONMENT, 1000, "/r", " guarded 1000"},
	    {PGA_WAY_PRELOAD, 0, "/r", " guarded 0 32"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		for (int wrong = 0; wrong < 3; wrong++) {
			const char *end =
			    strstr(cases[i].asked_for, wrong == 1 ? " guarded" : " open");
			int result;

			memset(&asked, 0, sizeof asked);
			asked.ways[cases[i].way] = true;
			asked.root = cases[i].root;
			acting = cases[i].acting;
			here.not_guarded = wrong == 1 ? "not guarded" : NULL;
			here.not_open = wrong == 2 ? "not open" : NULL;
			asked_for[0] = '\0';
			memset(&error, 0, sizeof error);
			result = prints(check_module, NULL);
			if (wrong == 0 || end == NULL) {
				assert_int_equal(result, 0);
				assert_string_equal(asked_for, cases[i].asked_for);
				continue;
			}
			assert_int_equal(result, -1);
			assert_string_equal(error.message, wrong == 1 ? "not guarded" : "not open");
			assert_null(strstr(asked_for, " 32"));
		}
}

static void programs_of_32_bits(void **state)
{
	(void)state;
	memset(&asked, 0, sizeof asked);
	asked.ways[PGA_WAY_PRELOAD] = true;
	for (int loader = 0; loader < 2; loader++)
		for (int module = 0; module < 2; module++) {
			here.has_loader_32 = loader == 1;
			here.entry_32 = module == 1 ? "/32" : NULL;
			assert_int_equal(prints(check_module, NULL), 0);
			assert_string_equal(
			    printed.errors,
			    loader == 1 && module == 0
				? "pganchor: warning: 32-bit programs run without the gate, "
				  "and ld.so says so to each\n"
				: "");
			assert_string_equal(ids, loader == 1 && module == 0 ? " programs-of-32-bits"
									    : "");
		}
}

static int check_image(void *context)
{
	(void)context;
	pga_check_image(asked.ways, asked.root, &findings);
	return tell(0);
}

static void an_image_without_it(void **state)
{
	(void)state;
	memset(&asked, 0, sizeof asked);
	asked.root = "/image";
	asked.ways[PGA_WAY_PRELOAD] = true;
	assert_int_equal(prints(check_image, NULL), 0);
	assert_string_equal(printed.errors, "");
	here.image_without = true;
	assert_int_equal(prints(check_image, NULL), 0);
	assert_string_equal(printed.errors,
			    "pganchor: warning: /image" PGA_MODULE
			    " is not there: install pganchor in /image too, or ld.so "
			    "complains in all that is started there\n");
	assert_string_equal(ids, " image-without-module");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(sessions_without_the_gate, begin),
	    cmocka_unit_test_setup(who_may_have_changed_it, begin),
	    cmocka_unit_test_setup(programs_of_32_bits, begin),
	    cmocka_unit_test_setup(an_image_without_it, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
