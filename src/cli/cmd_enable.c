/* pganchor enable and disable: switch the gate on for a session, a shell, a machine or a service,
 * and off again. */
#include "cli/cli.h"
#include "cli/enable_prepare.h"
#include "cli/print_enable.h"
#include "diagnose/enable_checks.h"
#include "report/text.h"

#include "preload/dropin.h"
#include "preload/module.h"
#include "preload/enable.h"
#include "base/path.h"
#include "base/terminal.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How the module is to be named, after a look at whether it may be; and whether the drop-in may. */
static int find_entry(const struct pga_asked *asked, char **entry)
{
	struct pga_error error;
	int result = 0;

	if ((asked->ways[PGA_WAY_MACHINE] && pga_check_dropin(asked->root, &error) != 0) ||
	    (pga_ways_load_module(asked->ways) &&
	     (pga_check_module(asked->ways, asked->root, asked->findings, &error) != 0 ||
	      (*entry = pga_module_entry(&error)) == NULL)))
		result = -1;
	else if (asked->root != NULL)
		pga_check_image(asked->ways, asked->root, asked->findings);
	pga_warn_since(asked->findings, 0);
	if (result != 0)
		pga_print_error(&error);
	return result;
}

/* Says which files are changed all the same, where none was to be. */
static void warn_of_changed(const struct pga_activation *files, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (pga_activation_stays_changed(&files[i]))
			pga_print_warning("%s: changed all the same, and could not be taken back",
					  files[i].path);
}

/* Taken out in the other order: a directory that was made for two files was made for the first. */
static int apply_all(const struct pga_asked *asked, struct pga_activation *files, size_t count)
{
	struct pga_activation **order = calloc(count + 1, sizeof(struct pga_activation *));
	struct pga_error error;
	int result;

	for (size_t i = 0; order != NULL && i < count; i++)
		order[asked->off ? count - 1 - i : i] = &files[i];
	result =
	    order != NULL ? pga_activation_apply(order, count, &error) : pga_fail_memory(&error);
	free(order);
	if (result == 0)
		return 0;
	pga_advise_root(asked, &error);
	pga_print_error(&error);
	warn_of_changed(files, count);
	return -1;
}

/* What was just written does not hold: all of it goes, so that nothing was changed. */
static void take_back(struct pga_activation *files, size_t count)
{
	struct pga_error error;
	struct pga_error ignored;

	if (pga_activation_take_back(files, count, &error) != 0)
		pga_print_error(&error);
	warn_of_changed(files, count);
	/* It may have failed for a reason that is told already. */
	(void)pga_dropin_refresh(&ignored);
}

/* ld.so looks into its cache, which is made anew; and then it is tried. What is to be gone may be
 * in there though no file says so. In an image, its own ldconfig has to do it. */
static int settle_machine(const struct pga_asked *asked, struct pga_activation *files, size_t count)
{
	const struct pga_activation *file = NULL;
	struct pga_error error;

	for (size_t i = 0; i < count; i++)
		if (files[i].way == PGA_WAY_MACHINE && !files[i].failed)
			file = &files[i];
	if (file == NULL || asked->root != NULL ||
	    (asked->off && !file->changes && pga_dropin_check(false, &error) == 0))
		return 0;
	if (pga_dropin_refresh(&error) == 0 && pga_dropin_check(!asked->off, &error) == 0)
		return 0;
	pga_print_error(&error);
	if (!asked->off)
		take_back(files, count);
	return -1;
}

static int change_files(const struct pga_asked *asked, char *const *units, size_t unit_count,
			const char *entry)
{
	struct pga_activation *files =
	    calloc(PGA_WAYS + PGA_SHELL_FILES + unit_count, sizeof *files);
	struct pga_error error;
	size_t count = 0;
	size_t found;
	int status = PGA_EXIT_FAILED;
	bool settled = true;
	bool partly;

	if (files == NULL) {
		(void)pga_fail_memory(&error);
		pga_print_error(&error);
		return status;
	}
	partly = pga_prepare_all(asked, units, unit_count, entry, files, &count) != 0;
	if ((partly && !asked->keep_going) ||
	    (!asked->dry_run && apply_all(asked, files, count) != 0))
		goto done;
	if (!asked->dry_run)
		settled = settle_machine(asked, files, count) == 0;
	/* What was taken out stays so, and is told. */
	if (!settled && !asked->off)
		goto done;
	found = asked->findings->count;
	if (!asked->off)
		pga_check_sessions(asked->ways, asked->root, asked->findings);
	pga_warn_since(asked->findings, found);
	status = partly || !settled ? PGA_EXIT_FAILED : PGA_EXIT_DONE;
	status = asked->json ? pga_print_enable_json(asked, files, count, status)
			     : pga_print_enable(asked, files, count, settled, status);
done:
	while (count > 0)
		pga_activation_end(&files[--count]);
	free(files);
	return status;
}

static int change_all(const struct pga_asked *asked)
{
	struct pga_error error;
	size_t unit_count = 0;
	char **units = NULL;
	char *entry = NULL;
	int status = PGA_EXIT_FAILED;

	if (asked->all &&
	    pga_activation_units(PGA_WAY_UNIT, asked->root, &units, &unit_count, &error) != 0)
		pga_print_error(&error);
	else if (asked->off || find_entry(asked, &entry) == 0)
		status = change_files(asked, units, unit_count, entry);
	while (unit_count > 0)
		free(units[--unit_count]);
	free(units);
	free(entry);
	return status;
}

/* A root directory has to be there: a name that was mistyped is not to become one. The machine's
 * own is none. */
static bool settle_root(struct pga_asked *asked)
{
	static const char hint[] = "name a directory that is there; nothing was changed";
	struct pga_error error;
	struct stat root;

	if (stat(asked->root, &root) != 0)
		(void)pga_fail_errno(&error, hint, "--root %s", asked->root);
	else if (!S_ISDIR(root.st_mode))
		(void)pga_fail(&error, hint, "--root %s: not a directory", asked->root);
	else {
		if (pga_path_is_same("/", asked->root))
			asked->root = NULL;
		return true;
	}
	pga_print_error(&error);
	return false;
}

/* What the options come to. */
static void settle(struct pga_asked *asked)
{
	const bool none = !asked->session && !asked->shell && !asked->system && !asked->preload &&
			  !asked->machine && !asked->all && asked->unit == NULL;

	asked->ways[PGA_WAY_USER_UNIT] = asked->unit != NULL && asked->session;
	asked->ways[PGA_WAY_UNIT] = asked->unit != NULL && !asked->session;
	asked->ways[PGA_WAY_SESSION] = none || (asked->session && asked->unit == NULL);
	asked->ways[PGA_WAY_SHELL] = asked->shell || (none && asked->off);
	asked->ways[PGA_WAY_ENVIRONMENT] = asked->ways[PGA_WAY_PROFILE] =
	    asked->system || asked->all;
	asked->ways[PGA_WAY_MACHINE] = asked->machine || asked->all;
	asked->ways[PGA_WAY_PRELOAD] = asked->preload || asked->all;
}

static int enable_or_disable(struct pga_asked *asked)
{
	struct pga_findings findings = {.list = NULL};
	int status;

	settle(asked);
	if (asked->all && (asked->session || asked->shell || asked->unit != NULL))
		return pga_usage_error(asked->command, "--all is the machine's, and all of that");
	if (asked->root != NULL && !asked->system && !asked->preload && !asked->machine &&
	    !asked->all && !asked->ways[PGA_WAY_UNIT])
		return pga_usage_error(asked->command,
				       "--root is for --machine, --system, --ld-so-preload and "
				       "--unit");
	if (asked->root != NULL && asked->root[0] == '\0')
		return pga_usage_error(asked->command,
				       "--root: the name of the directory is empty");
	if (asked->root != NULL && !settle_root(asked))
		return PGA_EXIT_FAILED;
	asked->findings = &findings;
	status = change_all(asked);
	asked->findings = NULL;
	pga_findings_free(&findings);
	return status;
}

/* The options of both; these first ones are disable's alone. */
static const struct pga_option options[] = {
    {.name = "all",
     .target = offsetof(struct pga_asked, all),
     .help = "all that was enabled on the machine: --machine, --system, --ld-so-preload, and every "
	     "service's drop-in"},
    {.name = "own",
     .target = offsetof(struct pga_asked, own),
     .help = "leave lines that name the module of another installation"},
    {.name = "keep-going",
     .target = offsetof(struct pga_asked, keep_going),
     .help = "take out what can be taken out, whatever cannot"},
#define OF_DISABLE 3
    {.name = "session",
     .target = offsetof(struct pga_asked, session),
     .help = "programs of your session, as systemd starts them; enable's default"},
    {.name = "shell",
     .target = offsetof(struct pga_asked, shell),
     .help = "your shell (SHELL), by its start files"},
    {.name = "machine",
     .target = offsetof(struct pga_asked, machine),
     .help = "every program of the machine that uses its libpq, whatever its environment, by a "
	     "libpq.so.5 before it"},
    {.name = "system",
     .target = offsetof(struct pga_asked, system),
     .help = "everybody's sessions and login shells, in /etc"},
    {.name = "ld-so-preload",
     .target = offsetof(struct pga_asked, preload),
     .help = "every program of the machine, by /etc/ld.so.preload"},
    {.name = "unit",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct pga_asked, unit),
     .argument = "NAME",
     .help = "a service of systemd, by a drop-in; with --session, one of yours",
     .names = PGA_NAMES_UNIT},
    {.name = "root",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct pga_asked, root),
     .argument = "DIR",
     .help = "the machine's files are below this directory",
     .names = PGA_NAMES_DIRECTORY},
    {.name = "dry-run",
     .letter = 'n',
     .target = offsetof(struct pga_asked, dry_run),
     .help = "change nothing, and show what would be written"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct pga_asked, json),
     .help = "report in JSON"},
};

static int enable(int argc, char **argv)
{
	struct pga_asked asked = {.command = "enable"};
	int status;

	if (!pga_options_read(&pga_cmd_enable, argc, argv, &asked, &status))
		return status;
	return enable_or_disable(&asked);
}

static int disable(int argc, char **argv)
{
	struct pga_asked asked = {.command = "disable", .off = true};
	int status;

	if (!pga_options_read(&pga_cmd_disable, argc, argv, &asked, &status))
		return status;
	return enable_or_disable(&asked);
}

const struct pga_command pga_cmd_enable = {
    .name = "enable",
    .summary = "load the gate into every program of a session, machine or service",
    .usage = "[OPTION ...]",
    .about = "Loads the gate into every program that is started from then on (by LD_PRELOAD; with "
	     "--machine, by a libpq.so.5 before the real one), so that none of them connects "
	     "weaker than the policy. Running it again changes nothing.",
    .options = options + OF_DISABLE,
    .option_count = PGA_OPTION_COUNT(options) - OF_DISABLE,
    .statuses = "Exit status: 0 done, or as it was to be already; 1 failed, and nothing was "
		"changed; 2 usage.",
    .examples = "  pganchor enable --session --shell\n"
		"  sudo pganchor enable --unit myapp\n"
		"  pganchor status\n",
    .run = enable,
};

const struct pga_command pga_cmd_disable = {
    .name = "disable",
    .summary = "undo what enable did",
    .usage = "[OPTION ...]",
    .about = "Takes out again what pganchor enable wrote, and nothing else: your session's and "
	     "your shell's lines, or what is named here.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .statuses = "Exit status: 0 done, or as it was to be already; 1 failed, and nothing was "
		"changed (with --keep-going: what could be taken out was); 2 usage.",
    .examples = "  pganchor disable\n"
		"  sudo pganchor disable --system --ld-so-preload\n",
    .run = disable,
};
