/* What is known of a machine that the gate is to be enabled on, as a test plays it. */
#ifndef PGA_TESTS_CHECKED_MACHINE_H
#define PGA_TESTS_CHECKED_MACHINE_H

#include "failing.h"

#include "preload/daemons.h"
#include "preload/dropin.h"
#include "preload/image.h"
#include "preload/module.h"
#include "preload/session.h"
#include "preload/unit_settings.h"
#include "diagnose/enable_checks.h"
#include "report/text.h"

#include <stdio.h>
#include <sys/types.h>

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
	bool no_dropin; /* it does not load */
} here;
static char asked_for[200];
static struct pga_findings findings;
static char ids[200]; /* of what was found last */
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

int pga_module_check_guarded(const char *file, uid_t other, struct pga_error *error)
{
	char note[40];

	(void)snprintf(note, sizeof note, " %sguarded %u",
		       strcmp(file, PGA_MODULE) == 0 ? "" : "drop-in ", (unsigned)other);
	(void)strcat(asked_for, note);
	return here.not_guarded != NULL ? pga_fail(error, "", "%s", here.not_guarded) : 0;
}

int pga_module_check_readable(const char *file, struct pga_error *error)
{
	(void)strcat(asked_for, strcmp(file, PGA_MODULE) == 0 ? " open" : " drop-in open");
	return here.not_open != NULL ? pga_fail(error, "", "%s", here.not_open) : 0;
}

int pga_dropin_try(struct pga_error *error)
{
	(void)strcat(asked_for, " try");
	return here.no_dropin ? pga_fail(error, "", "does not load") : 0;
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

/* Prints what was found, and forgets it. Returns the result. */
static int tell(int result)
{
	pga_warn_since(&findings, 0);
	assert_int_equal(pga_findings_worst(&findings),
			 findings.count > 0 ? PGA_SEVERITY_WARNING : PGA_SEVERITY_OK);
	ids[0] = '\0';
	for (size_t i = 0; i < findings.count; i++)
		(void)strcat(strcat(ids, " "), pga_finding_word(findings.list[i].id));
	pga_findings_free(&findings);
	return result;
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

#endif
