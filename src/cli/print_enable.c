#include "cli/print_enable.h"

#include "base/shell_word.h"
#include "base/terminal.h"
#include "preload/session.h"
#include "report/json.h"

#include <stdio.h>
#include <string.h>

/* How to have systemd read a drop-in. A template runs as its instances. systemd escapes with a
 * backslash in the names of units, which a shell would take for itself. */
static void print_next_of_unit(const struct pga_asked *asked)
{
	const char *user = asked->ways[PGA_WAY_USER_UNIT] ? "--user " : "";
	const char *at = strchr(asked->unit, '@');
	const bool template = at != NULL && (at[1] == '\0' || strcmp(at, "@.service") == 0);
	struct pga_text name = PGA_TEXT_EMPTY;
	struct pga_text word = PGA_TEXT_EMPTY;

	if (template)
		pga_text_addf(&name, "%.*s@*", (int)(at - asked->unit), asked->unit);
	else
		pga_text_add(&name, asked->unit);
	pga_text_add_shell_word(&word, pga_text_string(&name));
	(void)printf("next:\n    systemctl %sdaemon-reload && systemctl %srestart %s%s\n", user,
		     user, asked->unit[0] == '-' ? "-- " : "", pga_text_string(&word));
	pga_text_free(&word);
	pga_text_free(&name);
}

/* Another machine's ldconfig would take its libraries for those of none. */
static void print_next_of_image(const char *root)
{
	struct pga_text word = PGA_TEXT_EMPTY;

	pga_text_add_shell_word(&word, root);
	(void)printf("next:\n    chroot %s%s ldconfig\n", root[0] == '-' ? "-- " : "",
		     pga_text_string(&word));
	pga_text_free(&word);
}

static void print_next(const struct pga_asked *asked)
{
	if (asked->root != NULL && asked->unit == NULL)
		return; /* nothing runs there */
	if (asked->all)
		(void)printf("next: log out and in again; for a service, systemctl daemon-reload "
			     "and a restart\n");
	else if (asked->unit != NULL)
		print_next_of_unit(asked);
	else if (asked->ways[PGA_WAY_PRELOAD])
		(void)printf("every program that is started from now on %s the gate\n",
			     asked->off ? "is without" : "has");
	else if (asked->ways[PGA_WAY_MACHINE])
		(void)printf("every program that is started from now on and uses the machine's "
			     "libpq %s the gate\n",
			     asked->off ? "is without" : "has");
	else if (!asked->off && asked->ways[PGA_WAY_SESSION] && !asked->ways[PGA_WAY_SHELL] &&
		 !pga_user_session_runs())
		(void)printf("next: pganchor enable --shell\n");
	else
		(void)printf("next: log out and in again%s; pganchor status says what runs with "
			     "the gate\n",
			     asked->ways[PGA_WAY_SHELL] ? ", or start a new shell" : "");
	if (asked->system && !asked->off && !asked->machine && !asked->preload &&
	    asked->unit == NULL)
		(void)printf("pganchor enable --machine reaches more than sessions: cron's jobs, "
			     "services, sudo, set-user-ID programs\n");
}

/* Whoever takes out what is his is not to think that his programs are without the gate. */
static void print_still_on(const struct pga_asked *asked)
{
	static const struct {
		enum pga_way way;
		const char *option;
	} others[] = {{PGA_WAY_MACHINE, "--machine"},
		      {PGA_WAY_ENVIRONMENT, "--system"},
		      {PGA_WAY_PROFILE, "--system"},
		      {PGA_WAY_PRELOAD, "--ld-so-preload"}};

	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		struct pga_activation file = {.path = NULL};
		struct pga_error error;

		/* What cannot be read is status's to say. */
		if (!asked->ways[others[i].way] &&
		    pga_activation_find(&file, others[i].way, NULL, NULL, &error) == 0 &&
		    pga_activation_look(&file, &error) == 0 && file.state != PGA_OFF)
			pga_print(stdout, "%s: %s: still on; as root: pganchor disable %s\n",
				  pga_way_name(file.way), file.path, others[i].option);
		pga_activation_end(&file);
	}
}

int pga_print_enable(const struct pga_asked *asked, const struct pga_activation *files,
		     size_t count, bool settled, int status)
{
	bool changed = false;
	bool machine = false;

	for (size_t i = 0; i < count; i++) {
		const char *what = asked->off ? "nothing to remove" : "unchanged";

		if (asked->own && files[i].state == PGA_ON_OTHER)
			what = "another installation's, and left";
		if (files[i].changes)
			what = asked->off ? "removed" : "written";
		if (files[i].changes && asked->dry_run)
			what = asked->off ? "would be removed" : "would be written";
		if (files[i].failed)
			continue; /* it has been told why */
		pga_print(stdout, "%s: %s: %s\n", pga_way_name(files[i].way), files[i].path, what);
		if (asked->dry_run && (files[i].changes || !asked->off))
			(void)printf("%s", pga_text_string(&files[i].lines));
		changed = changed || files[i].changes;
		machine = machine || (files[i].changes && files[i].way == PGA_WAY_MACHINE);
	}
	if (machine && asked->root != NULL && !asked->dry_run)
		print_next_of_image(asked->root);
	if (changed && settled && !asked->dry_run)
		print_next(asked);
	if (asked->off && asked->unit == NULL && asked->root == NULL)
		print_still_on(asked);
	return status;
}

static json_t *file_as_json(const struct pga_activation *file)
{
	return json_pack("{s:s, s:o, s:b, s:b, s:o}", "way", pga_way_name(file->way), "path",
			 pga_json_text(file->path), "changed", (int)file->changes, "failed",
			 (int)file->failed, "lines", pga_json_lines(pga_text_string(&file->lines)));
}

int pga_print_enable_json(const struct pga_asked *asked, const struct pga_activation *files,
			  size_t count, int status)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		if (files[i].path != NULL) /* or else it has been told why */
			pga_json_add(list, file_as_json(&files[i]));
	return pga_json_print(json_pack("{s:b, s:o, s:o}", "dry_run", (int)asked->dry_run, "files",
					list, "findings", pga_json_findings(asked->findings)),
			      status);
}
