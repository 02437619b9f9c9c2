/* cli/cmd_enable.c, cli/enable_prepare.h: which files enable and disable change, in which order,
 * and what they say of each. */
#include "cmocka_start.h"
#include "printed.h"

#include "preload/module.h"
#include "preload/session.h"
#include "preload/shells.h"
#include "preload/enable.h"
#include "cli/cli.h"
#include "cli/enable_checks.h"

#include <errno.h>
#include <sys/stat.h>

#define ENTRY "/gate.so"

/* ---- the files, as the test plays them ---- */

static struct {
	const char *off[4];   /* files that have no lines of ours */
	const char *other;    /* one that has another installation's */
	const char *failing;  /* one that cannot be prepared */
	const char *nowhere;  /* one that cannot be found */
	const char *unlooked; /* one that cannot be looked at */
	const char *stays;    /* one that stays changed when the others do not */
	const char *before;   /* what a service preloads */
	const char *reason;   /* of what fails */
	const char *hint;     /* and what is to be done */
	bool no_text;
	bool no_unit;
	bool no_units;
	bool no_module;
	bool no_entry;
	bool no_apply;
	bool no_session; /* no systemd of the user's runs */
	bool strange_shell;
	bool no_home;
} here;
static char happened[2000];
static int held;
static uid_t acting;

static void note(const char *what, const char *path)
{
	assert_true(strlen(happened) + strlen(what) + strlen(path) + 3 < sizeof happened);
	(void)strcat(strcat(strcat(strcat(happened, what), path[0] != '\0' ? " " : ""), path),
		     "\n");
}

static bool is(const char *path, const char *other)
{
	return other != NULL && strcmp(path, other) == 0;
}

static int fail_so(struct pga_error *error)
{
	return pga_fail(error, here.hint, "%s", here.reason);
}

static const char *const way_names[] = {
    [PGA_WAY_SESSION] = "session",     [PGA_WAY_SHELL] = "shell",
    [PGA_WAY_ENVIRONMENT] = "machine", [PGA_WAY_PROFILE] = "profile",
    [PGA_WAY_PRELOAD] = "preload",     [PGA_WAY_UNIT] = "unit",
    [PGA_WAY_USER_UNIT] = "user-unit"};

const char *pga_way_name(enum pga_way way)
{
	return way_names[way];
}

static int begin_switch(struct pga_activation *file, enum pga_way way, const char *path,
			struct pga_error *error)
{
	memset(file, 0, sizeof *file);
	file->way = way;
	if (is(path, here.nowhere))
		return fail_so(error);
	file->path = strdup(path);
	assert_non_null(file->path);
	file->state = is(path, here.other) ? PGA_ON_OTHER : PGA_ON;
	for (size_t i = 0; i < COUNT(here.off); i++)
		if (is(path, here.off[i]))
			file->state = PGA_OFF;
	held++;
	return 0;
}

int pga_activation_find(struct pga_activation *file, enum pga_way way, const char *root,
			const char *unit, struct pga_error *error)
{
	const bool machines = way != PGA_WAY_SESSION && way != PGA_WAY_USER_UNIT;
	char path[200];

	assert_true(way != PGA_WAY_SHELL);
	(void)snprintf(path, sizeof path, "%s/%s%s%s", root != NULL && machines ? root : "",
		       way_names[way], way >= PGA_WAY_UNIT ? "/" : "",
		       way >= PGA_WAY_UNIT ? unit : "");
	return begin_switch(file, way, path, error);
}

int pga_activation_find_shell(struct pga_activation *file, const struct pga_shell_file *at,
			      struct pga_error *error)
{
	return begin_switch(file, PGA_WAY_SHELL, at->path, error);
}

int pga_activation_look(struct pga_activation *file, struct pga_error *error)
{
	return is(file->path, here.unlooked) ? fail_so(error) : 0;
}

/* The lines are there already where the file has them. */
int pga_activation_on(struct pga_activation *file, const char *preload, struct pga_error *error)
{
	char what[300];

	(void)snprintf(what, sizeof what, "on %s =", file->path);
	note(what, preload);
	pga_text_addf(&file->lines, "  lines of %s\n", file->path);
	file->changes = file->state != PGA_ON;
	return is(file->path, here.failing) ? fail_so(error) : 0;
}

int pga_activation_off(struct pga_activation *file, bool own, struct pga_error *error)
{
	note(own ? "off own" : "off", file->path);
	file->changes = file->state == PGA_ON || (file->state == PGA_ON_OTHER && !own);
	if (file->changes)
		pga_text_addf(&file->lines, "  lines of %s\n", file->path);
	return is(file->path, here.failing) ? fail_so(error) : 0;
}

int pga_activation_apply(struct pga_activation *const *files, size_t count, struct pga_error *error)
{
	char paths[500] = "";

	for (size_t i = 0; i < count; i++)
		if (files[i]->changes)
			(void)strcat(strcat(paths, i > 0 ? " " : ""), files[i]->path);
	note("apply", paths);
	return here.no_apply ? fail_so(error) : 0;
}

bool pga_activation_stays_changed(const struct pga_activation *file)
{
	return is(file->path, here.stays);
}

void pga_activation_end(struct pga_activation *file)
{
	held -= file->path != NULL;
	free(file->path);
	pga_text_free(&file->lines);
	memset(file, 0, sizeof *file);
}

int pga_activation_units(enum pga_way way, const char *root, char ***names, size_t *count,
			 struct pga_error *error)
{
	assert_int_equal(way, PGA_WAY_UNIT);
	note("units", root != NULL ? root : "");
	*names = calloc(2, sizeof **names);
	assert_non_null(*names);
	(*names)[0] = strdup("a.service");
	(*names)[1] = strdup("b.service");
	*count = 2;
	return here.no_units ? fail_so(error) : 0;
}

static void give_shells(struct pga_shell_files *files, const char *const *paths, size_t count)
{
	files->count = 0;
	for (; files->count < count; files->count++) {
		files->list[files->count].path = strdup(paths[files->count]);
		held++;
	}
}

int pga_shell_files(struct pga_shell_files *files, struct pga_error *error)
{
	static const char *const own[] = {"/.bashrc", "/.profile"};

	give_shells(files, own, here.strange_shell ? 0 : 2);
	return here.strange_shell ? fail_so(error) : 0;
}

int pga_shell_files_of_all(struct pga_shell_files *files, struct pga_error *error)
{
	static const char *const all[] = {"/.bashrc", "/.zshenv", "/.profile"};

	give_shells(files, all, here.no_home ? 0 : 3);
	return here.no_home ? fail_so(error) : 0;
}

void pga_shell_files_free(struct pga_shell_files *files)
{
	while (files->count > 0) {
		free(files->list[--files->count].path);
		held--;
	}
}

bool pga_user_session_runs(void)
{
	return !here.no_session;
}

int pga_check_unit(const struct pga_asked *asked, bool user, char **preload,
		   struct pga_error *error)
{
	note(user ? "check user's" : "check", asked->unit);
	*preload = strdup(here.before != NULL ? here.before : "");
	return here.no_unit ? fail_so(error) : 0;
}

void pga_check_image(const struct pga_asked *asked)
{
	note("image", asked->root);
}

void pga_check_sessions(const struct pga_asked *asked)
{
	(void)asked;
	note("sessions", "");
}

int pga_check_module(const struct pga_asked *asked, struct pga_error *error)
{
	(void)asked;
	note("module", "");
	return here.no_module ? fail_so(error) : 0;
}

char *pga_module_entry(struct pga_error *error)
{
	if (!here.no_entry)
		return strdup(ENTRY);
	(void)fail_so(error);
	return NULL;
}

const char *pga_module_next_entry(const char *preload, size_t *length)
{
	const char *entry = preload + strspn(preload, " :");

	*length = strcspn(entry, " :");
	return *length > 0 ? entry : NULL;
}

bool pga_module_is_named(const char *entry, size_t length)
{
	return length == strlen(ENTRY) && memcmp(entry, ENTRY, length) == 0;
}

char *__real_pga_text_take(struct pga_text *text);
char *__wrap_pga_text_take(struct pga_text *text);
char *__wrap_pga_text_take(struct pga_text *text)
{
	if (!here.no_text)
		return __real_pga_text_take(text);
	here.no_text = false;
	pga_text_free(text);
	return NULL;
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
	here.reason = "it failed";
	here.hint = "mend it; nothing was changed";
	acting = 0;
	return 0;
}

/* None of the files of enable has its lines yet. */
static void nothing_is_on(void)
{
	here.off[0] = "/session";
	here.off[1] = "/.bashrc";
	here.off[2] = "/machine";
	here.off[3] = "/preload";
}

static int run(const char *words)
{
	int status;

	happened[0] = '\0';
	status = command_prints(words[0] == 'e' ? pga_cmd_enable.run : pga_cmd_disable.run, words);
	assert_int_equal(held, 0);
	return status;
}

#define STATUS "; pganchor status says what runs with the gate\n"
#define AGAIN  "next: log out and in again"

/* ---- enable ---- */

static void what_is_enabled(void **state)
{
	static const struct {
		const char *words;
		const char *happened;
		const char *output;
	} cases[] = {
	    {"enable", "module\non /session = " ENTRY "\napply /session\nsessions\n",
	     "session: /session: written\n" AGAIN STATUS},
	    {"enable --session --shell",
	     "module\non /session = " ENTRY "\non /.bashrc = " ENTRY "\non /.profile = " ENTRY
	     "\napply /session /.bashrc\nsessions\n",
	     "session: /session: written\nshell: /.bashrc: written\nshell: /.profile: it is there "
	     "already\n" AGAIN ", or start a new shell" STATUS},
	    {"enable --shell",
	     "module\non /.bashrc = " ENTRY "\non /.profile = " ENTRY
	     "\napply /.bashrc\nsessions\n",
	     "shell: /.bashrc: written\nshell: /.profile: it is there already\n" AGAIN
	     ", or start a new shell" STATUS},
	    {"enable --system",
	     "module\non /machine = " ENTRY "\non /profile = " ENTRY "\napply /machine\nsessions\n",
	     "machine: /machine: written\nprofile: /profile: it is there already\n" AGAIN STATUS},
	    {"enable --ld-so-preload",
	     "module\non /preload = " ENTRY "\napply /preload\nsessions\n",
	     "preload: /preload: written\nevery program that is started from now on has the "
	     "gate\n"},
	    {"enable --ld-so-preload --system",
	     "module\non /machine = " ENTRY "\non /profile = " ENTRY "\non /preload = " ENTRY
	     "\napply /machine /preload\nsessions\n",
	     "machine: /machine: written\nprofile: /profile: it is there already\npreload: "
	     "/preload: "
	     "written\nevery program that is started from now on has the gate\n"},
	    {"enable --unit a", "module\ncheck a\non /unit/a = " ENTRY "\napply\nsessions\n",
	     "unit: /unit/a: it is there already\n"},
	    {"enable --session --unit a",
	     "module\ncheck user's a\non /user-unit/a = " ENTRY "\napply\nsessions\n",
	     "user-unit: /user-unit/a: it is there already\n"},
	    {"enable -n --system",
	     "module\non /machine = " ENTRY "\non /profile = " ENTRY "\nsessions\n",
	     "machine: /machine: would be written\n  lines of /machine\nprofile: /profile: it is "
	     "there "
	     "already\n  lines of /profile\n"},
	    {"enable --system --root /tmp",
	     "module\nimage /tmp\non /tmp/machine = " ENTRY "\non /tmp/profile = " ENTRY
	     "\napply\nsessions\n",
	     "machine: /tmp/machine: it is there already\nprofile: /tmp/profile: it is there "
	     "already\n"},
	    {"enable --system --root /",
	     "module\non /machine = " ENTRY "\non /profile = " ENTRY "\napply /machine\nsessions\n",
	     "machine: /machine: written\nprofile: /profile: it is there already\n" AGAIN STATUS},
	};

	(void)state;
	nothing_is_on();
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (run(cases[i].words) != PGA_EXIT_DONE ||
		    strcmp(happened, cases[i].happened) != 0)
			fail_msg("%s: %s%s", cases[i].words, happened, printed.errors);
		assert_string_equal(printed.output, cases[i].output);
		assert_string_equal(printed.errors, "");
	}
}

static void what_comes_next(void **state)
{
	static const struct {
		const char *words;
		const char *off;
		bool no_session;
		const char *hint;
	} cases[] = {
	    {"enable", "/session", true, "next: pganchor enable --shell\n"},
	    {"enable --session --shell", "/session", true, AGAIN ", or start a new shell" STATUS},
	    {"enable --system", "/machine", true, AGAIN STATUS},
	    {"enable --unit a", "/unit/a", false,
	     "next:\n    systemctl daemon-reload && systemctl restart a\n"},
	    {"enable --session --unit a", "/user-unit/a", false,
	     "next:\n    systemctl --user daemon-reload && systemctl --user restart a\n"},
	    {"enable --unit a@", "/unit/a@", false,
	     "next:\n    systemctl daemon-reload && systemctl restart 'a@*'\n"},
	    {"enable --unit a@.service", "/unit/a@.service", false,
	     "next:\n    systemctl daemon-reload && systemctl restart 'a@*'\n"},
	    {"enable --unit a@b", "/unit/a@b", false,
	     "next:\n    systemctl daemon-reload && systemctl restart a@b\n"},
	    {"enable --unit -a\\x2d", "/unit/-a\\x2d", false,
	     "next:\n    systemctl daemon-reload && systemctl restart -- '-a\\x2d'\n"},
	    {"enable --unit a --root /tmp", "/tmp/unit/a", false,
	     "next:\n    systemctl daemon-reload && systemctl restart a\n"},
	    {"enable --system --root /tmp", "/tmp/machine", false, NULL},
	    {"enable --system -n", "/machine", false, NULL},
	    {"enable --system", "/other", false, NULL},
	    {"enable --ld-so-preload --root /tmp", "/tmp/preload", false, NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *hint;

		here.off[0] = cases[i].off;
		here.no_session = cases[i].no_session;
		assert_int_equal(run(cases[i].words), PGA_EXIT_DONE);
		hint = strstr(printed.output, "next:");
		if (cases[i].hint == NULL) {
			assert_null(hint);
			assert_null(strstr(printed.output, "from now on"));
			continue;
		}
		assert_non_null(hint);
		assert_string_equal(hint, cases[i].hint);
	}
}

/* What a service preloads already stays, behind the gate. */
static void what_a_service_preloads(void **state)
{
	static const struct {
		const char *before;
		const char *preload; /* NULL: it cannot be written */
	} cases[] = {
	    {"", ENTRY},
	    {"/a.so", ENTRY ":/a.so"},
	    {"/a.so " ENTRY ":/b.so ", ENTRY ":/a.so:/b.so"},
	    {ENTRY, ENTRY},
	    {"\"/a b.so\"", NULL},
	    {"/a'.so", NULL},
	    {"/a\\x.so", NULL},
	    {"/a.so:%h/b.so", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char expected[300];

		here.before = cases[i].before;
		here.off[0] = "/unit/a";
		assert_int_equal(run("enable --unit a"),
				 cases[i].preload != NULL ? PGA_EXIT_DONE : PGA_EXIT_FAILED);
		if (cases[i].preload != NULL) {
			(void)snprintf(
			    expected, sizeof expected,
			    "module\ncheck a\non /unit/a = %s\napply /unit/a\nsessions\n",
			    cases[i].preload);
			assert_string_equal(happened, expected);
			continue;
		}
		assert_string_equal(happened, "module\ncheck a\n");
		(void)snprintf(
		    expected, sizeof expected,
		    "pganchor: a preloads something that pganchor cannot add to: %s\n    write "
		    "a drop-in by hand; nothing was changed\n",
		    cases[i].before);
		assert_string_equal(printed.errors, expected);
	}
}

/* ---- disable ---- */

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
	     "session: /session: taken out\nshell: /.bashrc: taken out\nshell: /.zshenv: taken "
	     "out\n"
	     "shell: /.profile: taken out\n" AGAIN ", or start a new shell" STATUS MACHINE PRELOAD},
	    {"disable --shell",
	     {"/.zshenv"},
	     "off /.bashrc\noff /.zshenv\noff /.profile\napply /.profile /.bashrc\n",
	     "shell: /.bashrc: taken out\nshell: /.profile: taken out\n" AGAIN
	     ", or start a new shell" STATUS MACHINE PRELOAD},
	    {"disable --session",
	     {"/session", "/profile"},
	     "off /session\napply\n",
	     "session: /session: it is not there\n" STILL("machine", "--system") PRELOAD},
	    {"disable --system",
	     {NULL},
	     "off /machine\noff /profile\napply /profile /machine\n",
	     "machine: /machine: taken out\nprofile: /profile: taken out\n" AGAIN STATUS PRELOAD},
	    {"disable --ld-so-preload",
	     {"/machine"},
	     "off /preload\napply /preload\n",
	     "preload: /preload: taken out\nevery program that is started from now on is without "
	     "the "
	     "gate\n" STILL("profile", "--system")},
	    {"disable --unit a",
	     {NULL},
	     "off /unit/a\napply /unit/a\n",
	     "unit: /unit/a: taken out\nnext:\n    systemctl daemon-reload && systemctl restart "
	     "a\n"},
	    {"disable --session --unit a",
	     {NULL},
	     "off /user-unit/a\napply /user-unit/a\n",
	     "user-unit: /user-unit/a: taken out\nnext:\n    systemctl --user daemon-reload && "
	     "systemctl "
	     "--user restart a\n"},
	    {"disable --all",
	     {NULL},
	     "units\noff /machine\noff /profile\noff /preload\noff /unit/a.service\noff "
	     "/unit/b.service\napply /unit/b.service /unit/a.service /preload /profile /machine\n",
	     "machine: /machine: taken out\nprofile: /profile: taken out\npreload: /preload: taken "
	     "out\n"
	     "unit: /unit/a.service: taken out\nunit: /unit/b.service: taken out\nnext: log out "
	     "and in "
	     "again; for a service, systemctl daemon-reload and a restart\n"},
	    {"disable --all --root /tmp",
	     {NULL},
	     "units /tmp\noff /tmp/machine\noff /tmp/profile\noff /tmp/preload\noff "
	     "/tmp/unit/a.service\noff /tmp/unit/b.service\napply /tmp/unit/b.service "
	     "/tmp/unit/a.service /tmp/preload /tmp/profile /tmp/machine\n",
	     "machine: /tmp/machine: taken out\nprofile: /tmp/profile: taken out\npreload: "
	     "/tmp/preload: "
	     "taken out\nunit: /tmp/unit/a.service: taken out\nunit: /tmp/unit/b.service: taken "
	     "out\n"},
	    {"disable -n --session",
	     {NULL},
	     "off /session\n",
	     "session: /session: would be taken out\n  lines of /session\n" MACHINE PRELOAD},
	    {"disable -n --session",
	     {"/session"},
	     "off /session\n",
	     "session: /session: it is not there\n" MACHINE PRELOAD},
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
			       "shell: /.bashrc: it is not there\nshell: /.profile: it is "
			       "not there\nunit: /unit/a: taken out\n"));
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
			    "session: /session: it is not there\n" STILL("machine", "--system"));
	here.unlooked = "/machine";
	assert_int_equal(run("disable --session"), PGA_EXIT_DONE);
	assert_string_equal(printed.output, "session: /session: it is not there\n");
	here.unlooked = NULL;
	here.nowhere = "/machine";
	assert_int_equal(run("disable --session"), PGA_EXIT_DONE);
	assert_string_equal(printed.output, "session: /session: it is not there\n");
}

/* ---- what fails ---- */

#define FAILED "pganchor: it failed\n    mend it; nothing was changed\n"

static void all_or_nothing(void **state)
{
	static const struct {
		const char *words;
		const char *failing;
		const char *nowhere;
		const char *happened;
		const char *errors;
	} cases[] = {
	    {"enable --system", "/machine", NULL,
	     "module\non /machine = " ENTRY "\non /profile = " ENTRY "\n", FAILED},
	    {"enable --system", NULL, "/profile", "module\non /machine = " ENTRY "\n", FAILED},
	    {"enable --system", "/machine", "/profile", "module\non /machine = " ENTRY "\n",
	     FAILED FAILED},
	    {"enable --shell", "/.bashrc", NULL, "module\non /.bashrc = " ENTRY "\n", FAILED},
	    {"enable --shell", NULL, "/.profile", "module\non /.bashrc = " ENTRY "\n", FAILED},
	    {"enable --shell --ld-so-preload", "/.bashrc", NULL,
	     "module\non /.bashrc = " ENTRY "\non /preload = " ENTRY "\n", FAILED},
	    {"disable", "/.zshenv", NULL, "off /session\noff /.bashrc\noff /.zshenv\n", FAILED},
	    {"disable", NULL, "/.zshenv", "off /session\noff /.bashrc\n", FAILED},
	    {"disable --all", "/unit/a.service", NULL,
	     "units\noff /machine\noff /profile\noff /preload\noff /unit/a.service\noff "
	     "/unit/b.service\n",
	     FAILED},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		for (int json = 0; json < 2; json++) {
			char words[50];

			here.failing = cases[i].failing;
			here.nowhere = cases[i].nowhere;
			(void)snprintf(words, sizeof words, "%s%s", cases[i].words,
				       json == 1 ? " -j" : "");
			assert_int_equal(run(words), PGA_EXIT_FAILED);
			assert_string_equal(happened, cases[i].happened);
			assert_string_equal(printed.errors, cases[i].errors);
			assert_string_equal(printed.output, "");
		}
}

static void as_much_as_can_be(void **state)
{
	(void)state;
	here.failing = "/machine";
	here.off[0] = "/preload";
	assert_int_equal(run("disable --system --keep-going"), PGA_EXIT_FAILED);
	assert_string_equal(happened, "off /machine\noff /profile\napply /profile\n");
	assert_string_equal(printed.errors, "pganchor: it failed\n    mend it\n");
	assert_string_equal(printed.output, "profile: /profile: taken out\n" AGAIN STATUS);
	here.hint = "mend it";
	assert_int_equal(run("disable --system --keep-going"), PGA_EXIT_FAILED);
	assert_string_equal(printed.errors, "pganchor: it failed\n    mend it\n");
	here.nowhere = "/profile";
	here.failing = NULL;
	assert_int_equal(run("disable --system --keep-going -j"), PGA_EXIT_FAILED);
	assert_string_equal(
	    printed.output,
	    "{\n  \"dry_run\": false,\n  \"files\": [\n    {\n      \"way\": \"machine\",\n  "
	    "    \"path\": \"/machine\",\n      \"changed\": true,\n      \"failed\": false,\n "
	    "     \"lines\": [\n        \"  lines of /machine\"\n      ]\n    }\n  ],\n  "
	    "\"warnings\": []\n}\n");
}

static void what_is_in_the_way(void **state)
{
	(void)state;
	here.no_module = true;
	assert_int_equal(run("enable"), PGA_EXIT_FAILED);
	assert_string_equal(happened, "module\n");
	assert_string_equal(printed.errors, FAILED);
	here.no_module = false;
	here.no_entry = true;
	assert_int_equal(run("enable --system --root /tmp"), PGA_EXIT_FAILED);
	assert_string_equal(happened, "module\n");
	assert_string_equal(printed.errors, FAILED);
	/* What is taken out needs no module. */
	here.no_module = true;
	assert_int_equal(run("disable --session"), PGA_EXIT_DONE);
	begin(NULL);
	here.no_unit = true;
	assert_int_equal(run("enable --unit a"), PGA_EXIT_FAILED);
	assert_string_equal(happened, "module\ncheck a\n");
	assert_string_equal(printed.errors, FAILED);
	here.no_units = true;
	assert_int_equal(run("disable --all"), PGA_EXIT_FAILED);
	assert_string_equal(happened, "units\n");
	assert_string_equal(printed.errors, FAILED);
	here.strange_shell = true;
	assert_int_equal(run("enable --shell"), PGA_EXIT_FAILED);
	assert_string_equal(happened, "module\n");
	assert_string_equal(printed.errors, FAILED);
}

static void want_of_memory(void **state)
{
	(void)state;
	here.no_text = true;
	here.before = "/a.so";
	assert_int_equal(run("enable --unit a"), PGA_EXIT_FAILED);
	assert_string_equal(happened, "module\ncheck a\n");
	assert_string_equal(printed.errors, "pganchor: out of memory\n");
}

static void who_has_no_home(void **state)
{
	(void)state;
	here.no_home = true;
	assert_int_equal(run("disable --shell"), PGA_EXIT_FAILED);
	assert_string_equal(happened, "");
	assert_string_equal(printed.errors, FAILED);
	assert_string_equal(printed.output, "");
}

static void what_cannot_be_written(void **state)
{
	(void)state;
	here.no_apply = true;
	here.off[0] = "/machine";
	here.stays = "/profile";
	assert_int_equal(run("enable --system"), PGA_EXIT_FAILED);
	assert_string_equal(printed.output, "");
	assert_string_equal(printed.errors,
			    FAILED "pganchor: warning: /profile: changed all the same, and "
				   "could not be taken back\n");
	assert_null(strstr(happened, "sessions"));
}

/* Who is told to be root is not it, and wants the machine's files. */
static void who_is_told_to_be_root(void **state)
{
	static const struct {
		const char *words;
		uid_t acting;
		const char *reason;
		bool told;
	} cases[] = {
	    {"enable --system", 1000, "a: Permission denied", true},
	    {"enable --ld-so-preload", 1000, "a: Permission denied", true},
	    {"enable --unit a", 1000, "a: Permission denied", true},
	    {"disable --system", 1000, "a: Permission denied", true},
	    {"enable --system", 0, "a: Permission denied", false},
	    {"enable --system", 1000, "a: No such file", false},
	    {"enable --system --root /tmp", 1000, "a: Permission denied", false},
	    {"enable --session", 1000, "a: Permission denied", false},
	    {"enable --shell", 1000, "a: Permission denied", false},
	    {"enable --session --system", 1000, "a: Permission denied", false},
	    {"enable --shell --system", 1000, "a: Permission denied", false},
	    {"enable --session --unit a", 1000, "a: Permission denied", false},
	};

	(void)state;
	here.no_apply = true;
	for (size_t i = 0; i < COUNT(cases); i++) {
		/* Where it is found before anything is written, likewise. */
		here.failing = strcmp(cases[i].words, "enable --system") == 0 ? "/profile" : NULL;
		acting = cases[i].acting;
		here.reason = cases[i].reason;
		assert_int_equal(run(cases[i].words), PGA_EXIT_FAILED);
		if ((strstr(printed.errors,
			    "run it as root, such as with sudo; nothing was changed") != NULL) !=
		    cases[i].told)
			fail_msg("%s: %s", cases[i].words, printed.errors);
	}
}

/* ---- options ---- */

static void options_of_them(void **state)
{
	static const struct {
		const char *words;
		int status;
		const char *errors;
	} cases[] = {
	    {"enable a", 2, "enable: a: not an option, and no argument is taken"},
	    {"disable --session a", 2, "disable: a: not an option, and no argument is taken"},
	    {"enable -a", 2, "enable: -a: no such option"},
	    {"enable --all", 2, "enable: --all: no such option"},
	    {"enable --own", 2, "enable: --own: no such option"},
	    {"enable --unit", 2, "enable: --unit: needs a value"},
	    {"disable --alll", 2, "disable: --alll: no such option; did you mean --all?"},
	    {"disable --all --session", 2, "disable: --all is the machine's, and all of that"},
	    {"disable --all --shell", 2, "disable: --all is the machine's, and all of that"},
	    {"disable --all --unit a", 2, "disable: --all is the machine's, and all of that"},
	    {"enable --root /tmp", 2, "enable: --root is for --system, --ld-so-preload and --unit"},
	    {"enable --shell --root /tmp", 2,
	     "enable: --root is for --system, --ld-so-preload and --unit"},
	    {"enable --session --unit a --root /tmp", 2,
	     "enable: --root is for --system, --ld-so-preload and --unit"},
	    {"enable --system --root ''", 2, "enable: --root: the name of the directory is empty"},
	};
	static const char hint[] = "    name a directory that is there; nothing was changed\n";
	char expected[300];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(run(cases[i].words), cases[i].status);
		(void)snprintf(expected, sizeof expected,
			       "pganchor: %s\n    see pganchor %s --help\n", cases[i].errors,
			       cases[i].words[0] == 'e' ? "enable" : "disable");
		if (strstr(printed.errors, cases[i].errors) == NULL)
			fail_msg("%s: %s", cases[i].words, printed.errors);
		assert_string_equal(happened, "");
		assert_string_equal(printed.output, "");
	}
	assert_int_equal(run("enable --system --root /none"), PGA_EXIT_FAILED);
	(void)snprintf(expected, sizeof expected,
		       "pganchor: --root /none: No such file or directory\n%s", hint);
	assert_string_equal(printed.errors, expected);
	assert_int_equal(run("enable --system --root /dev/null"), PGA_EXIT_FAILED);
	(void)snprintf(expected, sizeof expected, "pganchor: --root /dev/null: not a directory\n%s",
		       hint);
	assert_string_equal(printed.errors, expected);
	assert_string_equal(happened, "");
}

static void help(void **state)
{
	static const char of_enable[] = "usage: pganchor enable [OPTION ...]\n\nLoads the gate";
	static const char of_disable[] = "usage: pganchor disable [OPTION ...]\n\nTakes out again";

	(void)state;
	assert_int_equal(run("enable -h a"), PGA_EXIT_DONE);
	assert_memory_equal(printed.output, of_enable, strlen(of_enable));
	assert_non_null(strstr(printed.output, "as systemd starts them;\n"));
	assert_null(strstr(printed.output, "--keep-going"));
	assert_non_null(strstr(printed.output, "changed; 2 usage.\n\n  pganchor enable --session"));
	assert_int_equal(run("disable --help"), PGA_EXIT_DONE);
	assert_memory_equal(printed.output, of_disable, strlen(of_disable));
	assert_non_null(strstr(printed.output, "as systemd starts them;\n"));
	assert_non_null(strstr(printed.output, "      --keep-going "));
	assert_non_null(strstr(printed.output, "taken out was); 2 usage.\n\n  pganchor disable\n"));
	assert_string_equal(happened, "");
}

static void as_json(void **state)
{
	(void)state;
	nothing_is_on();
	assert_int_equal(run("enable --session -n --json"), PGA_EXIT_DONE);
	assert_string_equal(
	    printed.output,
	    "{\n  \"dry_run\": true,\n  \"files\": [\n    {\n      \"way\": \"session\",\n   "
	    "   \"path\": \"/session\",\n      \"changed\": true,\n      \"failed\": false,\n  "
	    "    \"lines\": [\n        \"  lines of /session\"\n      ]\n    }\n  ],\n  "
	    "\"warnings\": []\n}\n");
	here.failing = "/machine";
	assert_int_equal(run("disable --system --keep-going -j"), PGA_EXIT_FAILED);
	assert_non_null(strstr(printed.output,
			       "\"path\": \"/machine\",\n      \"changed\": false,\n      "
			       "\"failed\": true,\n"));
	assert_non_null(strstr(printed.output,
			       "\"path\": \"/profile\",\n      \"changed\": true,\n      "
			       "\"failed\": false,\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(as_json, begin),
	    cmocka_unit_test_setup(as_much_as_can_be, begin),
	    cmocka_unit_test_setup(what_is_enabled, begin),
	    cmocka_unit_test_setup(what_comes_next, begin),
	    cmocka_unit_test_setup(what_a_service_preloads, begin),
	    cmocka_unit_test_setup(what_is_disabled, begin),
	    cmocka_unit_test_setup(no_shell_has_them, begin),
	    cmocka_unit_test_setup(those_of_another_installation, begin),
	    cmocka_unit_test_setup(all_or_nothing, begin),
	    cmocka_unit_test_setup(what_is_in_the_way, begin),
	    cmocka_unit_test_setup(want_of_memory, begin),
	    cmocka_unit_test_setup(who_has_no_home, begin),
	    cmocka_unit_test_setup(what_cannot_be_written, begin),
	    cmocka_unit_test_setup(who_is_told_to_be_root, begin),
	    cmocka_unit_test_setup(options_of_them, begin),
	    cmocka_unit_test_setup(help, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
