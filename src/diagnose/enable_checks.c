#include "diagnose/enable_checks.h"

#include "diagnose/coverage.h"
#include "preload/daemons.h"
#include "preload/dropin.h"
#include "preload/image.h"
#include "preload/module.h"
#include "preload/session.h"
#include "preload/unit_settings.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ABOUT_UNIT    "unit"
#define ABOUT_SESSION "session"

/* What is wrong with the service itself, or takes away what a drop-in sets. */
static int check_settings(const char *unit, const struct pga_unit_settings *settings,
			  struct pga_findings *findings, struct pga_error *error)
{
	char *file;
	int result = 0;

	if (strcmp(settings->load_state, "not-found") == 0)
		return pga_fail(
		    error, "systemctl list-units --type=service lists them; nothing was changed",
		    "%s: there is no such service", unit);
	if (settings->id[0] != '\0')
		return pga_fail(error, "name that; nothing was changed", "%s: another name of %s",
				unit, settings->id);
	if (strstr(settings->unset, "LD_PRELOAD") != NULL)
		return pga_fail(error, "take it out of the unit; nothing was changed",
				"%s has UnsetEnvironment=%s, which wins over what a drop-in sets",
				unit, settings->unset);
	file = pga_unit_overridden_by(settings);
	if (file != NULL)
		result = pga_fail(error, "add the gate there by hand; nothing was changed",
				  "%s: %s sets LD_PRELOAD, which wins over what a drop-in sets",
				  unit, file);
	free(file);
	if (result == 0 && settings->root[0] != '\0') {
		pga_findings_add(findings, PGA_UNIT_HAS_ROOT, PGA_SEVERITY_WARNING, ABOUT_UNIT,
				 "%s has a root directory of its own (%s)", unit, settings->root);
		pga_findings_hint(findings, "install pganchor there too: ld.so starts a program "
					    "without a gate that is not there");
	}
	return result;
}

static void find_unknown(const char *unit, struct pga_findings *findings)
{
	pga_findings_add(findings, PGA_UNIT_SETTINGS_UNKNOWN, PGA_SEVERITY_WARNING, ABOUT_UNIT,
			 "systemd does not answer here");
	pga_findings_detail(findings, "what %s sets itself is not known", unit);
	pga_findings_hint(findings, "UnsetEnvironment=LD_PRELOAD, RootDirectory= and an LD_PRELOAD "
				    "of its own would keep the gate out of it, or be lost");
}

/* Where no systemd can be asked, a unit's own LD_PRELOAD would be lost without a word, and so would
 * a name that is mistyped. */
static int check_file(const char *unit, const char *root, const char *name,
		      struct pga_findings *findings, struct pga_error *error)
{
	char *file = pga_unit_file(root, name);
	int result = 0;

	if (file != NULL && pga_unit_file_has_preload(file))
		result = pga_fail(error, "add the gate there by hand; nothing was changed",
				  "%s: %s sets LD_PRELOAD itself, which a drop-in would take away",
				  unit, file);
	else if (root == NULL)
		find_unknown(unit, findings);
	if (file == NULL)
		pga_findings_add(findings, PGA_UNIT_NOT_FOUND, PGA_SEVERITY_WARNING, ABOUT_UNIT,
				 "%s: there is no such service in %s yet", unit,
				 root != NULL ? root : "this machine");
	free(file);
	return result;
}

static int check_daemon(const char *unit, const char *root, struct pga_findings *findings,
			struct pga_error *error)
{
	const struct pga_daemon *daemon = pga_find_daemon(unit, root);

	if (daemon == NULL)
		return 0;
	if (daemon->refused)
		return pga_fail(error, daemon->advice, "%s: %s", unit, daemon->why);
	pga_findings_add(findings, PGA_UNIT_COVERED_IN_PART, PGA_SEVERITY_WARNING, ABOUT_UNIT,
			 "%s: %s", unit, daemon->why);
	pga_findings_hint(findings, "%s", daemon->advice);
	return 0;
}

/* A drop-in must not promise what does not hold. */
int pga_check_unit(const char *unit, const char *root, bool user, char **preload,
		   struct pga_findings *findings, struct pga_error *error)
{
	struct pga_unit_settings settings = {.known = false};
	char *name = pga_unit_name(unit, error);
	int result = name != NULL ? 0 : -1;

	*preload = NULL;
	if (result == 0 && !user)
		result = check_daemon(unit, root, findings, error);
	if (result == 0 && (user || root == NULL))
		result = pga_unit_ask(name, user, &settings, error);
	if (settings.known)
		result = check_settings(unit, &settings, findings, error);
	else if (result == 0 && !user)
		result = check_file(unit, root, name, findings, error);
	if (result == 0) {
		*preload = strdup(settings.preload != NULL ? settings.preload : "");
		if (*preload == NULL)
			result = pga_fail_memory(error);
	}
	pga_unit_settings_free(&settings);
	free(name);
	return result;
}

/* In an image that has no module yet, the lines would name a file that is missing. */
void pga_check_image(const bool *ways, const char *root, struct pga_findings *findings)
{
	if (ways[PGA_WAY_MACHINE] && !pga_image_has(root, PGA_DROPIN))
		pga_findings_add(findings, PGA_IMAGE_WITHOUT_DROPIN, PGA_SEVERITY_WARNING, "image",
				 "%s%s is not there: install pganchor-libpq in %s too, or "
				 "programs there have no gate",
				 root, PGA_DROPIN, root);
	if (pga_ways_load_module(ways) && !pga_image_has(root, PGA_MODULE))
		pga_findings_add(findings, PGA_IMAGE_WITHOUT_MODULE, PGA_SEVERITY_WARNING, "image",
				 "%s%s is not there: install pganchor in %s too, or ld.so "
				 "complains in all that is started there",
				 root, PGA_MODULE, root);
}

/* The lines of a session that a package writes load nothing where it does not say that it is there.
 * Below another root, pga_check_image() has found what is missing. */
static void check_environment(const char *root, struct pga_findings *findings)
{
#ifdef ENVIRONMENT_FILE
	if (root == NULL && access(ENVIRONMENT_FILE, R_OK) != 0) {
		pga_findings_add(
		    findings, PGA_SESSION_FILE_UNREADABLE, PGA_SEVERITY_WARNING, ABOUT_SESSION,
		    "%s cannot be read, and no session has the gate without it", ENVIRONMENT_FILE);
		pga_findings_hint(findings, "install the package again");
	}
#else
	(void)root;
	(void)findings;
#endif
}

static void check_x_sessions(const char *root, struct pga_findings *findings)
{
	if (!pga_x_sessions_lose_preload(root))
		return;
	pga_findings_add(findings, PGA_SESSION_OF_SSH_AGENT, PGA_SEVERITY_WARNING, ABOUT_SESSION,
			 "X sessions are children of ssh-agent, which is set-group-ID, so that "
			 "ld.so takes LD_PRELOAD from them");
	pga_findings_hint(
	    findings,
	    "take use-ssh-agent out of /etc/X11/Xsession.options, or enable --ld-so-preload");
}

static void check_musl(const char *root, struct pga_findings *findings)
{
	char *musl = pga_find_musl(root);

	if (musl != NULL) {
		pga_findings_add(
		    findings, PGA_PROGRAMS_OF_MUSL, PGA_SEVERITY_WARNING, PGA_ABOUT_PROGRAMS,
		    "programs of musl (%s) cannot load the gate, and end where LD_PRELOAD has it",
		    musl);
		pga_findings_hint(findings,
				  "start them with pganchor run, or by env -u LD_PRELOAD");
	}
	free(musl);
}

/* Who of the sessions will not have the gate, or cannot live with it. */
void pga_check_sessions(const bool *ways, const char *root, struct pga_findings *findings)
{
	const bool sessions = ways[PGA_WAY_SESSION] || ways[PGA_WAY_ENVIRONMENT];

	if (ways[PGA_WAY_SESSION] && !pga_user_session_runs()) {
		pga_findings_add(findings, PGA_SESSION_NOT_OF_SYSTEMD, PGA_SEVERITY_WARNING,
				 ABOUT_SESSION,
				 "no systemd of yours runs, which is what reads this file");
		pga_findings_hint(findings,
				  "over ssh or in a container, pganchor enable --shell is the way");
	}
	if (sessions) {
		check_environment(root, findings);
		check_x_sessions(root, findings);
	}
	if (sessions || ways[PGA_WAY_SHELL])
		check_musl(root, findings);
}

/* A library that everybody's programs load. Below another root, in a test or an image that is being
 * built, the builder owns all. */
static int check_library(const char *file, const char *root, struct pga_error *error)
{
	if (pga_module_check_guarded(file, root != NULL ? geteuid() : 0, error) != 0)
		return -1;
	return root == NULL ? pga_module_check_readable(file, error) : 0;
}

int pga_check_dropin(const char *root, struct pga_error *error)
{
	/* It is a package of its own, and configure leaves it out where it finds no libpq. */
	if (root == NULL && access(PGA_DROPIN, F_OK) != 0)
		return pga_fail_errno(error,
				      "install the package pganchor-libpq, or, from source, build "
				      "with --with-system-libpq=PATH; nothing was changed",
				      "could not find the drop-in %s", PGA_DROPIN);
	if (check_library(PGA_DROPIN, root, error) != 0)
		return -1;
	return root == NULL ? pga_dropin_try(error) : 0;
}

int pga_check_module(const bool *ways, const char *root, struct pga_findings *findings,
		     struct pga_error *error)
{
	const bool everybodys = ways[PGA_WAY_ENVIRONMENT] || ways[PGA_WAY_PROFILE] ||
				ways[PGA_WAY_PRELOAD] || ways[PGA_WAY_UNIT];
	char *entry;

	if (everybodys && check_library(PGA_MODULE, root, error) != 0)
		return -1;
	if (!everybodys && geteuid() == 0 && pga_module_check_guarded(PGA_MODULE, 0, error) != 0)
		return -1;
	if (!ways[PGA_WAY_PRELOAD])
		return 0;
	entry = pga_module_entry_32();
	if (entry == NULL && access("/lib/ld-linux.so.2", F_OK) == 0)
		pga_findings_add(findings, PGA_PROGRAMS_OF_32_BITS, PGA_SEVERITY_WARNING,
				 PGA_ABOUT_PROGRAMS,
				 "32-bit programs run without the gate, and ld.so says so to each");
	free(entry);
	return 0;
}
