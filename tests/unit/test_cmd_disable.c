/* cli/cmd_enable.c, cli/enable_prepare.h: which files disable changes, and what it says of those
 * that stay as they are. */
#include "cmocka_start.h"
#include "printed.h"
#include "played_enable.h"

#include "cli/cli.h"

#define STILL(path, option) path ": /" path ": still on; as root: pganchor disable " option "\n"
#define MACHINE             STILL("machine", "--system") STILL("profile", "--system")
#define PRELOAD             STILL("preload", "--ld-so-preload")

static void what_is_disabled(void **state)
{
	static const struct {
		const char *words;
		const char *off[2]; /* files that have none */
		const char *happened;
		const char *output;
	} cases[] = {
	    {"disable",
	     {NULL},
	     "off /session\noff /.bashrc\noff /.zshenv\noff /.profile\napply /.profile /.zshenv "
	     "/.bashrc "
	     "/session\n",
	     "session: /session: removed\nshell: /.bashrc: removed\nshell: /.zshenv: removed\n"
	     "shell: /.profile: removed\n" AGAIN ", or start a new shell" STATUS MACHINE PRELOAD},
	    {"disable --shell",
	     {"/.zshenv"},
	     "off /.bashrc\noff /.zshenv\noff /.profile\napply /.profile /.bashrc\n",
	     "shell: /.bashrc: removed\nshell: /.profile: removed\n" AGAIN
	     ", or start a new shell" STATUS MACHINE PRELOAD},
	    {"disable --session",
	     {"/session", "/profile"},
	     "off /session\napply\n",
	     "session: /session: nothing to remove\n" STILL("machine", "--system") PRELOAD},
	    {"disable --system",
	     {NULL},
	     "off /machine\noff /profile\napply /profile /machine\n",
	     "machine: /machine: removed\nprofile: /profile: removed\n" AGAIN STATUS PRELOAD},
	    {"disable --ld-so-preload",
	     {"/machine"},
	     "off /preload\napply /preload\n",
	     "preload: /preload: removed\nevery program that is started from now on is without "
	     "the "
	     "gate\n" STILL("profile", "--system")},
	    {"disable --unit a",
	     {NULL},
	     "off /unit/a\napply /unit/a\n",
	     "unit: /unit/a: removed\nnext:\n    systemctl daemon-reload && systemctl restart "
	     "a\n"},
	    {"disable --session --unit a",
	     {NULL},
	     "off /user-unit/a\napply /user-unit/a\n",
	     "user-unit: /user-unit/a: removed\nnext:\n    systemctl --user daemon-reload && "
	     "systemctl "
	     "--user restart a\n"},
	    {"disable --all",
	     {NULL},
	     "units\noff /dropin\noff /machine\noff /profile\noff /preload\noff "
	     "/unit/a.service\noff "
	     "/unit/b.service\napply /unit/b.service /unit/a.service /preload /profile "
	     "/machine\ngone\n",
	     "dropin: /dropin: nothing to remove\nmachine: /machine: removed\nprofile: /profile: "
	     "removed\npreload: /preload: removed\n"
	     "unit: /unit/a.service: removed\nunit: /unit/b.service: removed\nnext: log out "
	     "and in "
	     "again; for a service, systemctl daemon-reload and a restart\n"},
	    {"disable --all --root /tmp",
	     {NULL},
	     "units /tmp\noff /tmp/dropin\noff /tmp/machine\noff /tmp/profile\noff "
	     "/tmp/preload\noff "
	     "/tmp/unit/a.service\noff /tmp/unit/b.service\napply /tmp/unit/b.service "
	     "/tmp/unit/a.service /tmp/preload /tmp/profile /tmp/machine\n",
	     "dropin: /tmp/dropin: nothing to remove\nmachine: /tmp/machine: removed\nprofile: "
	     "/tmp/profile: removed\npreload: "
	     "/tmp/preload: removed\nunit: /tmp/unit/a.service: removed\nunit: "
	     "/tmp/unit/b.service: removed\n"},
	    {"disable -n --session",
	     {NULL},
	     "off /session\n",
	     "session: /session: would be removed\n  lines of /session\n" MACHINE PRELOAD},
	    {"disable -n --session",
	     {"/session"},
	     "off /session\n",
	     "session: /session: nothing to remove\n" MACHINE PRELOAD},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		here.off[0] = cases[i].off[0];
		here.off[1] = cases[i].off[1];
		if (run(cases[i].words) != PGA_EXIT_DONE ||
		    strcmp(happened, cases[i].happened) != 0)
			fail_msg("%s: %s%s", cases[i].words, happened, printed.errors);
		assert_string_equal(printed.output, cases[i].output);
		assert_string_equal(printed.errors, "");
	}
}

/* Where no shell has the lines, it is the user's own that are told of. */
static void no_shell_has_them(void **state)
{
	(void)state;
	here.off[0] = "/.bashrc";
	here.off[1] = "/.zshenv";
	here.off[2] = "/.profile";
	assert_int_equal(run("disable --shell --unit a"), PGA_EXIT_DONE);
	assert_string_equal(happened,
			    "off /.bashrc\noff /.zshenv\noff /.profile\noff /unit/a\napply "
			    "/unit/a\n");
	assert_non_null(strstr(printed.output,
			       "shell: /.bashrc: nothing to remove\nshell: /.profile: nothing "
			       "to remove\nunit: /unit/a: removed\n"));
	here.strange_shell = true;
	assert_int_equal(run("disable --shell --unit a"), PGA_EXIT_DONE);
	assert_null(strstr(printed.output, "bashrc"));
}

static void those_of_another_installation(void **state)
{
	(void)state;
	here.other = "/session";
	here.off[0] = "/machine";
	here.off[1] = "/profile";
	here.off[2] = "/preload";
	assert_int_equal(run("disable --session --own"), PGA_EXIT_DONE);
	assert_string_equal(happened, "off own /session\napply\n");
	assert_string_equal(printed.output,
			    "session: /session: another installation's, and left\n");
	assert_int_equal(run("disable --session"), PGA_EXIT_DONE);
	assert_string_equal(happened, "off /session\napply /session\n");
	here.other = "/machine";
	here.off[0] = "/session";
	here.unlooked = here.nowhere = NULL;
	assert_int_equal(run("disable --session"), PGA_EXIT_DONE);
	assert_string_equal(printed.output,
			    "session: /session: nothing to remove\n" STILL("machine", "--system"));
	here.unlooked = "/machine";
	assert_int_equal(run("disable --session"), PGA_EXIT_DONE);
	assert_string_equal(printed.output, "session: /session: nothing to remove\n");
	here.unlooked = NULL;
	here.nowhere = "/machine";
	assert_int_equal(run("disable --session"), PGA_EXIT_DONE);
	assert_string_equal(printed.output, "session: /session: nothing to remove\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(what_is_disabled, begin),
	    cmocka_unit_test_setup(no_shell_has_them, begin),
	    cmocka_unit_test_setup(those_of_another_installation, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
