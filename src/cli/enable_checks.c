#include "cli/enable_checks.h"

#include "base/subprocess.h"
#include "activate/daemons.h"
#include "activate/module.h"
#include "activate/session.h"
#include "base/terminal.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A line of what systemd says of the service; "" where it says none. The caller frees it. */
static char *setting_of_unit(const char *said, const char *key)
{
	const char *at = strstr(said, key);

	if (at == NULL || (at != said && at[-1] != '\n'))
		return strdup("");
	at += strlen(key);
	return strndup(at, strcspn(at, "\n"));
}

/* What the unit's own settings take away from a drop-in. */
static int check_settings(const struct pga_asked *asked, struct pga_error *error)
{
	const char *argv[] = {
	    "systemctl", "show",      "--property=UnsetEnvironment,RootDirectory,RootImage",
	    "--",        asked->unit, NULL};
	struct pga_subprocess child = {0};
	struct pga_error ignored;
	char *unset = NULL;
	char *root = NULL;
	char *image = NULL;
	int result = 0;

	const bool told = asked->root == NULL &&
			  pga_subprocess_run(argv, "", &child, &ignored) == 0 && child.status == 0;

	if (!told && asked->root == NULL)
		pga_print_warning("systemd does not answer here: what %s sets itself is not known\n"
				  "    UnsetEnvironment=LD_PRELOAD, RootDirectory= and an "
				  "LD_PRELOAD of its own would keep the gate out of it, or be lost",
				  asked->unit);
	if (told) {
		unset = setting_of_unit(pga_text_string(&child.output), "UnsetEnvironment=");
		root = setting_of_unit(pga_text_string(&child.output), "RootDirectory=");
		image = setting_of_unit(pga_text_string(&child.output), "RootImage=");
	}
	if (unset != NULL && strstr(unset, "LD_PRELOAD") != NULL)
		result = pga_fail(error, "take it out of the unit; nothing was changed",
				  "%s has UnsetEnvironment=%s, which wins over what a drop-in sets",
				  asked->unit, unset);
	else if ((root != NULL && root[0] != '\0' && strcmp(root, "/") != 0) ||
		 (image != NULL && image[0] != '\0'))
		pga_print_warning(
		    "%s has a root directory of its own (%s)\n    install pganchor "
		    "there too: ld.so starts a program without a gate that is not there",
		    asked->unit, root != NULL && root[0] != '\0' ? root : image);
	pga_subprocess_free(&child);
	free(unset);
	free(root);
	free(image);
	return result;
}

/* A drop-in must not promise what does not hold. */
int pga_check_unit(const struct pga_asked *asked, struct pga_error *error)
{
	const struct pga_daemon *daemon = pga_find_daemon(asked->unit, asked->root);

	if (daemon != NULL && daemon->refused)
		return pga_fail(error, daemon->advice, "%s: %s", asked->unit, daemon->why);
	if (daemon != NULL)
		pga_print_warning("%s: %s\n    %s", asked->unit, daemon->why, daemon->advice);
	return check_settings(asked, error);
}

/* In an image that has no module yet, the lines would name a file that is missing. */
void pga_check_image(const struct pga_asked *asked)
{
	struct pga_text module = PGA_TEXT_EMPTY;

	pga_text_addf(&module, "%s%s", asked->root, PGA_MODULE);
	if (access(pga_text_string(&module), F_OK) != 0)
		pga_print_warning("%s is not there: install pganchor in %s too, or ld.so complains "
				  "in all that is started there",
				  pga_text_string(&module), asked->root);
	pga_text_free(&module);
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

/* What holds for a file that every program of the machine obeys. */
int pga_check_preload(const struct pga_asked *asked, struct pga_error *error)
{
	char *entry;

	/* Below another root, in a test or an image that is being built, the builder owns all. */
	if (pga_module_is_guarded(asked->root != NULL ? geteuid() : 0, error) != 0)
		return -1;
	entry = pga_module_entry_32();
	if (entry == NULL && access("/lib/ld-linux.so.2", F_OK) == 0)
		pga_print_warning(
		    "32-bit programs run without the gate, and ld.so says so to each");
	free(entry);
	return 0;
}
