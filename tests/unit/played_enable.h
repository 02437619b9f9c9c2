/* The files, the shells, the module and the units that enable and disable ask for, as a test plays
 * them, for units that are linked with it. What is done with each is noted in its order. */
#ifndef PGA_TESTS_PLAYED_ENABLE_H
#define PGA_TESTS_PLAYED_ENABLE_H

#include "printed.h"

#include "preload/dropin.h"
#include "preload/module.h"
#include "preload/session.h"
#include "preload/shells.h"
#include "preload/enable.h"
#include "cli/cli.h"
#include "cli/enable_prepare.h"
#include "diagnose/enable_checks.h"

#include <errno.h>

#define ENTRY "/gate.so"

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
	bool dropped_in;  /* the lines of the drop-in are there */
	bool no_dropin;   /* it does not load */
	bool no_ldconfig; /* it fails */
	bool not_first;   /* another libpq is found all the same */
	bool no_apply;
	bool no_session; /* no systemd of the user's runs */
	bool strange_shell;
	bool no_home;
	bool found; /* a warning of each check */
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
    [PGA_WAY_MACHINE] = "dropin",  [PGA_WAY_SESSION] = "session",
    [PGA_WAY_SHELL] = "shell",     [PGA_WAY_ENVIRONMENT] = "machine",
    [PGA_WAY_PROFILE] = "profile", [PGA_WAY_PRELOAD] = "preload",
    [PGA_WAY_UNIT] = "unit",       [PGA_WAY_USER_UNIT] = "user-unit"};

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
	if (way == PGA_WAY_MACHINE && !here.dropped_in)
		file->state = PGA_OFF;
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

int pga_check_unit(const char *unit, const char *root, bool user, char **preload,
		   struct pga_findings *findings, struct pga_error *error)
{
	(void)root;
	note(user ? "check user's" : "check", unit);
	if (here.found)
		pga_findings_add(findings, PGA_UNIT_NOT_FOUND, PGA_SEVERITY_WARNING, "unit",
				 "no such unit");
	*preload = strdup(here.before != NULL ? here.before : "");
	return here.no_unit ? fail_so(error) : 0;
}

void pga_check_image(const bool *ways, const char *root, struct pga_findings *findings)
{
	(void)ways;
	if (here.found)
		pga_findings_add(findings, PGA_IMAGE_WITHOUT_MODULE, PGA_SEVERITY_WARNING, "image",
				 "no module");
	note("image", root);
}

void pga_check_sessions(const bool *ways, const char *root, struct pga_findings *findings)
{
	(void)ways;
	(void)root;
	if (here.found)
		pga_findings_add(findings, PGA_SESSION_NOT_OF_SYSTEMD, PGA_SEVERITY_WARNING,
				 "session", "no session");
	note("sessions", "");
}

int pga_check_module(const bool *ways, const char *root, struct pga_findings *findings,
		     struct pga_error *error)
{
	(void)ways;
	(void)root;
	if (here.found)
		pga_findings_add(findings, PGA_PROGRAMS_OF_32_BITS, PGA_SEVERITY_WARNING,
				 "programs", "no 32 bits");
	note("module", "");
	return here.no_module ? fail_so(error) : 0;
}

int pga_check_dropin(const char *root, struct pga_error *error)
{
	(void)root;
	note("try drop-in", "");
	return here.no_dropin ? fail_so(error) : 0;
}

int pga_activation_take_back(struct pga_activation *files, size_t count, struct pga_error *error)
{
	char paths[500] = "";

	while (count-- > 0)
		if (files[count].changes)
			(void)strcat(strcat(paths, " "), files[count].path);
	note("take back", paths + (paths[0] != '\0'));
	return here.stays != NULL ? fail_so(error) : 0;
}

int pga_dropin_refresh(struct pga_error *error)
{
	note("ldconfig", "");
	return here.no_ldconfig ? fail_so(error) : 0;
}

int pga_dropin_check(bool wanted, struct pga_error *error)
{
	note(wanted ? "found" : "gone", "");
	return here.not_first ? fail_so(error) : 0;
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
static inline void nothing_is_on(void)
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

#endif
