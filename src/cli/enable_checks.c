#include "cli/enable_checks.h"

#include "preload/daemons.h"
#include "preload/dropin.h"
#include "preload/image.h"
#include "preload/module.h"
#include "preload/session.h"
#include "preload/unit_settings.h"
#include "base/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is wrong with the service itself, or takes away what a drop-in sets. */
static int check_settings(const struct pga_asked *asked, const struct pga_unit_settings *settings,
			  struct pga_error *error)
{
	char *file;
	int result = 0;

	if (strcmp(settings->load_state, "not-found") == 0)
		return pga_fail(
		    error, "systemctl list-units --type=service lists them; nothing was changed",
		    "%s: there is no such service", asked->unit);
	if (settings->id[0] != '\0')
		return pga_fail(error, "name that; nothing was changed", "%s: another name of %s",
				asked->unit, settings->id);
	if (strstr(settings->unset, "LD_PRELOAD") != NULL)
		return pga_fail(error, "take it out of the unit; nothing was changed",
				"%s has UnsetEnvironment=%s, which wins over what a drop-in sets",
				asked->unit, settings->unset);
	file = pga_unit_overridden_by(settings);
	if (file != NULL)
		result = pga_fail(error, "add the gate there by hand; nothing was changed",
				  "%s: %s sets LD_PRELOAD, which wins over what a drop-in sets",
				  asked->unit, file);
	free(file);
	if (result == 0 && settings->root[0] != '\0')
		pga_print_warning(
		    "%s has a root directory of its own (%s)\n    install pganchor "
		    "there too: ld.so starts a program without a gate that is not there",
		    asked->unit, settings->root);
	return result;
}

/* Where no systemd can be asked, a unit's own LD_PRELOAD would be lost without a word, and so would
 * a name that is mistyped. */
static int check_file(const struct pga_asked *asked, const char *name, struct pga_error *error)
{
	char *file = pga_unit_file(asked->root, name);
	int result = 0;

	if (file != NULL && pga_unit_file_has_preload(file))
		result = pga_fail(error, "add the gate there by hand; nothing was changed",
				  "%s: %s sets LD_PRELOAD itself, which a drop-in would take away",
				  asked->unit, file);
	else if (asked->root == NULL)
		pga_print_warning("systemd does not answer here: what %s sets itself is not known\n"
				  "    UnsetEnvironment=LD_PRELOAD, RootDirectory= and an "
				  "LD_PRELOAD of its own would keep the gate out of it, or be lost",
				  asked->unit);
	if (file == NULL)
		pga_print_warning("%s: there is no such service in %s yet", asked->unit,
				  asked->root != NULL ? asked->root : "this machine");
	free(file);
	return result;
}

static int check_daemon(const struct pga_asked *asked, struct pga_error *error)
{
	const struct pga_daemon *daemon = pga_find_daemon(asked->unit, asked->root);

	if (daemon != NULL && daemon->refused)
		return pga_fail(error, daemon->advice, "%s: %s", asked->unit, daemon->why);
	if (daemon != NULL)
		pga_print_warning("%s: %s\n    %s", asked->unit, daemon->why, daemon->advice);
	return 0;
}

/* A drop-in must not promise what does not hold. */
int pga_check_unit(const struct pga_asked *asked, bool user, char **preload,
		   struct pga_error *error)
{
	struct pga_unit_settings settings = {.known = false};
	char *name = pga_unit_name(asked->unit, error);
	int result = name != NULL ? 0 : -1;

	*preload = NULL;
	if (result == 0 && !user)
		result = check_daemon(asked, error);
	if (result == 0 && (user || asked->root == NULL))
		result = pga_unit_ask(name, user, &settings, error);
	if (settings.known)
		result = check_settings(asked, &settings, error);
	else if (result == 0 && !user)
		result = check_file(asked, name, error);
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
void pga_check_image(const struct pga_asked *asked)
{
	if (asked->ways[PGA_WAY_MACHINE] && !pga_image_has(asked->root, PGA_DROPIN))
		pga_print_warning("%s%s is not there: install pganchor-libpq in %s too, or "
				  "programs there have no gate",
				  asked->root, PGA_DROPIN, asked->root);
	if (asked->module && !pga_image_has(asked->root, PGA_MODULE))
		pga_print_warning("%s%s is not there: install pganchor in %s too, or ld.so "
				  "complains in all that is started there",
				  asked->root, PGA_MODULE, asked->root);
}

/* The lines of a session that a package writes load nothing where it does not say that it is there.
 * Below another root, pga_check_image() has said what is missing. */
static void check_environment(const struct pga_asked *asked)
{
#ifdef ENVIRONMENT_FILE
	if (asked->root == NULL && access(ENVIRONMENT_FILE, R_OK) != 0)
		pga_print_warning("%s cannot be read, and no session has the gate without it\n"
				  "    install the package again",
				  ENVIRONMENT_FILE);
#else
	(void)asked;
#endif
}

/* Who of the sessions will not have the gate, or cannot live with it. */
void pga_check_sessions(const struct pga_asked *asked)
{
	const bool everybodys = asked->ways[PGA_WAY_ENVIRONMENT];
	char *musl = NULL;

	if (asked->ways[PGA_WAY_SESSION] && !pga_user_session_runs())
		pga_print_warning(
		    "no systemd of yours runs, which is what reads this file\n    over "
		    "ssh or in a container, pganchor enable --shell is the way");
	if (asked->ways[PGA_WAY_SESSION] || everybodys)
		check_environment(asked);
	if ((asked->ways[PGA_WAY_SESSION] || everybodys) &&
	    pga_x_sessions_lose_preload(asked->root))
		pga_print_warning(
		    "X sessions are children of ssh-agent, which is set-group-ID, so that ld.so "
		    "takes LD_PRELOAD from them\n    take use-ssh-agent out of "
		    "/etc/X11/Xsession.options, or enable --ld-so-preload");
	if (asked->ways[PGA_WAY_SESSION] || asked->ways[PGA_WAY_SHELL] || everybodys)
		musl = pga_find_musl(asked->root);
	if (musl != NULL)
		pga_print_warning(
		    "programs of musl (%s) cannot load the gate, and end where "
		    "LD_PRELOAD has it\n    start them with pganchor run, or by env -u "
		    "LD_PRELOAD",
		    musl);
	free(musl);
}

/* A library that every program loads, or everybody's do. Below another root, in a test or an image
 * that is being built, the builder owns all. */
static int check_library(const struct pga_asked *asked, const char *file, struct pga_error *error)
{
	if (pga_module_check_guarded(file, asked->root != NULL ? geteuid() : 0, error) != 0)
		return -1;
	return asked->root == NULL ? pga_module_check_readable(file, error) : 0;
}

int pga_check_dropin(const struct pga_asked *asked, struct pga_error *error)
{
	/* It is a package of its own, and configure leaves it out where it finds no libpq. */
	if (asked->root == NULL && access(PGA_DROPIN, F_OK) != 0)
		return pga_fail_errno(error,
				      "install the package pganchor-libpq, or, from source, build "
				      "with --with-system-libpq=PATH; nothing was changed",
				      "cannot find the drop-in %s", PGA_DROPIN);
	if (check_library(asked, PGA_DROPIN, error) != 0)
		return -1;
	/* What an image's own drop-in finds there, nobody can try from here. */
	return asked->root == NULL ? pga_dropin_try(error) : 0;
}

int pga_check_module(const struct pga_asked *asked, struct pga_error *error)
{
	const bool everybodys = asked->ways[PGA_WAY_ENVIRONMENT] || asked->ways[PGA_WAY_PROFILE] ||
				asked->ways[PGA_WAY_PRELOAD] || asked->ways[PGA_WAY_UNIT];
	char *entry;

	if (everybodys && check_library(asked, PGA_MODULE, error) != 0)
		return -1;
	if (!everybodys && geteuid() == 0 && pga_module_check_guarded(PGA_MODULE, 0, error) != 0)
		return -1;
	if (!asked->ways[PGA_WAY_PRELOAD])
		return 0;
	entry = pga_module_entry_32();
	if (entry == NULL && access("/lib/ld-linux.so.2", F_OK) == 0)
		pga_print_warning(
		    "32-bit programs run without the gate, and ld.so says so to each");
	free(entry);
	return 0;
}
