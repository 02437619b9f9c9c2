/* cli/enable_checks.h: what enable refuses, and what it warns of. */
#include "cmocka_start.h"
#include "failing.h"
#include "printed.h"

#include "preload/daemons.h"
#include "preload/image.h"
#include "preload/module.h"
#include "preload/session.h"
#include "preload/unit_settings.h"
#include "cli/enable_checks.h"

#include <sys/types.h>

/* ---- what is known of the machine, as the test plays it ---- */

static struct {
	const struct pga_daemon *daemon;
	bool known;  /* systemd answers */
	bool silent; /* and not in time */
	struct {
		const char *id;
		const char *load_state;
		const char *preload;
		const char *unset;
		const char *root;
	} settings;
	const char *overridden_by;
	const char *unit_file; /* NULL: there is none */
	bool has_preload;
	bool no_session;
	bool x_sessions;
	const char *musl;
	const char *not_guarded; /* why; NULL: it is */
	const char *not_open;
	const char *entry_32;
	bool has_loader_32;
	bool image_without;
} here;
static char asked_for[200];
static uid_t acting;

const struct pga_daemon *pga_find_daemon(const char *unit, const char *root)
{
	(void)strcat(strcat(strcat(asked_for, "daemon "), unit), root != NULL ? root : "");
	return here.daemon;
}

/* What is played has all the memory that it needs. */
static char *copy_of(const char *string)
{
	char *copy = NULL;

	if (string != NULL)
		assert_true(asprintf(&copy, "%s", string) >= 0);
	return copy;
}

char *pga_unit_name(const char *unit, struct pga_error *error)
{
	char name[100];

	if (strchr(unit, '/') != NULL) {
		(void)pga_fail(error, "", "no name");
		return NULL;
	}
	(void)snprintf(name, sizeof name, "%s.service", unit);
	return copy_of(name);
}

int pga_unit_ask(const char *name, bool user, struct pga_unit_settings *settings,
		 struct pga_error *error)
{
	(void)strcat(strcat(asked_for, user ? " user's " : " ask "), name);
	memset(settings, 0, sizeof *settings);
	if (here.silent)
		return pga_fail(error, "", "silent");
	settings->known = here.known;
	settings->id = copy_of(here.settings.id);
	settings->load_state = copy_of(here.settings.load_state);
	settings->preload = copy_of(here.settings.preload);
	settings->unset = copy_of(here.settings.unset);
	settings->root = copy_of(here.settings.root);
	return 0;
}

char *pga_unit_overridden_by(const struct pga_unit_settings *settings)
{
	(void)settings;
	return copy_of(here.overridden_by);
}

char *pga_unit_file(const char *root, const char *name)
{
	(void)strcat(strcat(strcat(asked_for, " file "), name), root != NULL ? root : "");
	return copy_of(here.unit_file);
}

bool pga_unit_file_has_preload(const char *path)
{
	assert_string_equal(path, here.unit_file);
	return here.has_preload;
}

void pga_unit_settings_free(struct pga_unit_settings *settings)
{
	free(settings->id);
	free(settings->load_state);
	free(settings->preload);
	free(settings->unset);
	free(settings->root);
	memset(settings, 0, sizeof *settings);
}

bool pga_user_session_runs(void)
{
	return !here.no_session;
}

bool pga_x_sessions_lose_preload(const char *root)
{
	(void)strcat(strcat(asked_for, " X"), root != NULL ? root : "");
	return here.x_sessions;
}

char *pga_find_musl(const char *root)
{
	(void)strcat(strcat(asked_for, " musl"), root != NULL ? root : "");
	return copy_of(here.musl);
}

int pga_module_is_guarded(uid_t other, struct pga_error *error)
{
	char note[40];

	(void)snprintf(note, sizeof note, " guarded %u", (unsigned)other);
	(void)strcat(asked_for, note);
	return here.not_guarded != NULL ? pga_fail(error, "", "%s", here.not_guarded) : 0;
}

int pga_module_is_open(struct pga_error *error)
{
	(void)strcat(asked_for, " open");
	return here.not_open != NULL ? pga_fail(error, "", "%s", here.not_open) : 0;
}

char *pga_module_entry_32(void)
{
	(void)strcat(asked_for, " 32");
	return copy_of(here.entry_32);
}

bool pga_image_has(const char *root, const char *path)
{
	assert_string_equal(root, "/image");
	assert_string_equal(path, PGA_MODULE);
	return !here.image_without;
}

int __wrap_access(const char *path, int mode);
int __wrap_access(const char *path, int mode)
{
	assert_string_equal(path, "/lib/ld-linux.so.2");
	assert_int_equal(mode, 0);
	return here.has_loader_32 ? 0 : -1;
}

uid_t __wrap_geteuid(void);
uid_t __wrap_geteuid(void)
{
	return acting;
}

static int begin(void **state)
{
	(void)state;
	memset(&here, 0, sizeof here);
	here.known = true;
	here.settings.id = here.settings.preload = here.settings.unset = here.settings.root = "";
	here.settings.load_state = "loaded";
	here.unit_file = "/unit";
	acting = 1000;
	return 0;
}

/* ---- a service ---- */

static struct pga_error error;
static struct pga_asked asked;
static bool of_user;
static char *preload;

static int check_unit(void *context)
{
	(void)context;
	return pga_check_unit(&asked, of_user, &preload, &error);
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
	assert_int_equal(check("a", NULL, true), 0);
	assert_string_equal(printed.errors, "");
	begin(NULL);
	here.settings.root = "/r";
	assert_int_equal(check("a", NULL, false), 0);
	assert_string_equal(
	    printed.errors,
	    "pganchor: warning: a has a root directory of its own (/r)\n    install "
	    "pganchor there too: ld.so starts a program without a gate that is not there\n");
	begin(NULL);
	here.known = false;
	assert_int_equal(check("a", NULL, false), 0);
	assert_string_equal(printed.errors, UNKNOWN);
	here.unit_file = NULL;
	assert_int_equal(check("a", NULL, false), 0);
	assert_string_equal(printed.errors, UNKNOWN
			    "pganchor: warning: a: there is no such service in this machine yet\n");
	assert_int_equal(check("a", "/image", false), 0);
	assert_string_equal(printed.errors,
			    "pganchor: warning: a: there is no such service in /image yet\n");
	assert_int_equal(check("a", NULL, true), 0);
	assert_string_equal(printed.errors, "");
}

/* ---- sessions ---- */

static int check_sessions(void *context)
{
	(void)context;
	pga_check_sessions(&asked);
	return 0;
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
	}
}

/* ---- the module ---- */

static int check_module(void *context)
{
	(void)context;
	return pga_check_module(&asked, &error);
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
		}
}

static int check_image(void *context)
{
	(void)context;
	pga_check_image(&asked);
	return 0;
}

static void an_image_without_it(void **state)
{
	(void)state;
	memset(&asked, 0, sizeof asked);
	asked.root = "/image";
	assert_int_equal(prints(check_image, NULL), 0);
	assert_string_equal(printed.errors, "");
	here.image_without = true;
	assert_int_equal(prints(check_image, NULL), 0);
	assert_string_equal(printed.errors,
			    "pganchor: warning: /image" PGA_MODULE
			    " is not there: install pganchor in /image too, or ld.so "
			    "complains in all that is started there\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(who_is_asked, begin),
	    cmocka_unit_test_setup(what_it_preloads, begin),
	    cmocka_unit_test_setup(want_of_memory, begin),
	    cmocka_unit_test_setup(what_is_refused, begin),
	    cmocka_unit_test_setup(what_is_warned_of, begin),
	    cmocka_unit_test_setup(sessions_without_the_gate, begin),
	    cmocka_unit_test_setup(who_may_have_changed_it, begin),
	    cmocka_unit_test_setup(programs_of_32_bits, begin),
	    cmocka_unit_test_setup(an_image_without_it, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
